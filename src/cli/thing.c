/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/thing.h"

#include <stdio.h>
#include <string.h>

#define TARGET_BYTES 1024u
#define THING_TARGET_BYTES 512u
#define PAGES_MAX 100u /* a thing has a few certificates; a page of them is taken at a time */

int dr_cli_thing_named(
    struct dr_cli *cli, int (*run)(struct dr_cli *cli, struct dr_aws *aws, const char *name))
{
    const char *name = NULL;
    size_t count = 0;
    int result = dr_cli_parse(cli, NULL, 0, &name, 1, &count);
    if (result != 0) {
        return result;
    }
    if (count == 0 || strlen(name) > 128) {
        return dr_cli_usage(cli, "which thing? `daruma things list` shows them");
    }
    struct dr_aws *aws = dr_aws_open(cli);
    if (aws == NULL) {
        return DR_EXIT_ERROR;
    }
    result = run(cli, aws, name);
    dr_aws_close(aws);
    return result;
}

/* One request with the certificate as x-amzn-principal. *ret_json may be NULL. */
static int about_principal(
    struct dr_cli *cli, struct dr_aws *aws, const char *method, const char *target,
    const char *principal, json_t **ret_json)
{
    char header[512];
    const char *const headers[] = {header, NULL};
    struct dr_aws_response response;
    snprintf(header, sizeof header, "x-amzn-principal: %s", principal);
    int result = dr_aws_request(aws, "iot", method, target, headers, NULL, 0, &response);
    if (result == 0 && response.status / 100 != 2) {
        result = dr_cli_error(
            cli, "the cloud refused %s of %s: %s: %s", target, principal, response.error_type,
            response.error_message);
    }
    if (result == 0 && ret_json != NULL) {
        *ret_json = json_incref(response.json);
    }
    dr_aws_response_free(&response);
    return result;
}

static int delete_certificate(struct dr_aws *aws, const char *principal)
{
    const char *slash = strrchr(principal, '/');
    char encoded[3 * 128 + 1];
    char target[TARGET_BYTES];
    if (slash == NULL || strlen(slash + 1) > 128) {
        return 0; /* not a certificate: nothing to delete */
    }
    dr_aws_encode(slash + 1, encoded);
    snprintf(target, sizeof target, "/certificates/%s?newStatus=INACTIVE", encoded);
    int result = dr_aws_iot(aws, "PUT", target, NULL, NULL);
    snprintf(target, sizeof target, "/certificates/%s?forceDelete=true", encoded);
    return result != 0 ? result : dr_aws_iot(aws, "DELETE", target, NULL, NULL);
}

static int release(
    struct dr_cli *cli, struct dr_aws *aws, const char *thing_target, const char *principal,
    struct dr_cli_thing_deleted *deleted)
{
    char target[TARGET_BYTES];
    json_t *others = NULL;
    snprintf(target, sizeof target, "%s/principals", thing_target);
    int result = about_principal(cli, aws, "DELETE", target, principal, NULL);
    if (result == 0) {
        result = about_principal(cli, aws, "GET", "/principals/things", principal, &others);
    }
    bool shared = json_array_size(json_object_get(others, "things")) != 0;
    json_decref(others);
    if (result == 0 && !shared) {
        result = delete_certificate(aws, principal);
    }
    if (result == 0) {
        deleted->certificates += shared ? 0 : 1;
        deleted->kept += shared ? 1 : 0;
    }
    return result;
}

/* One page of principals. *ret_none: there are none left. */
static int release_page(
    struct dr_cli *cli, struct dr_aws *aws, const char *thing_target,
    struct dr_cli_thing_deleted *deleted, bool *ret_none)
{
    char target[TARGET_BYTES];
    json_t *page = NULL;
    snprintf(target, sizeof target, "%s/principals", thing_target);
    int result = dr_aws_iot(aws, "GET", target, NULL, &page);
    const json_t *principals = json_object_get(page, "principals");
    *ret_none = json_array_size(principals) == 0;
    for (size_t i = 0; result == 0 && i < json_array_size(principals); i++) {
        const char *principal = json_string_value(json_array_get(principals, i));
        if (principal != NULL) {
            result = release(cli, aws, thing_target, principal, deleted);
        }
    }
    json_decref(page);
    return result;
}

static int exists(struct dr_aws *aws, const char *thing_target, bool *ret_exists)
{
    struct dr_aws_response response;
    int result = dr_aws_request(aws, "iot", "GET", thing_target, NULL, NULL, 0, &response);
    *ret_exists = result == 0 && response.status != 404;
    dr_aws_response_free(&response);
    return result;
}

int dr_cli_thing_delete(
    struct dr_cli *cli, struct dr_aws *aws, const char *name, struct dr_cli_thing_deleted *ret)
{
    char encoded[3 * 128 + 1];
    char target[THING_TARGET_BYTES];
    bool none = false;
    memset(ret, 0, sizeof *ret);
    dr_aws_encode(name, encoded);
    snprintf(target, sizeof target, "/things/%s", encoded);
    int result = exists(aws, target, &ret->existed);
    if (result != 0 || !ret->existed) {
        return result;
    }
    for (unsigned i = 0; result == 0 && !none && i < PAGES_MAX; i++) {
        result = release_page(cli, aws, target, ret, &none);
    }
    return result != 0 ? result : dr_aws_iot(aws, "DELETE", target, NULL, NULL);
}
