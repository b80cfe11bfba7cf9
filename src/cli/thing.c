/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/thing.h"

#include <stdio.h>
#include <string.h>

#define TARGET_BYTES 1024u
#define PAGES_MAX 100u
#define PRINCIPALS_MAX 250u /* of a page: a thing has a few certificates */

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

int dr_cli_thing_release(
    struct dr_cli *cli, struct dr_aws *aws, const char *name, const char *principal,
    struct dr_cli_thing_deleted *deleted)
{
    char encoded[3 * 128 + 1];
    char target[TARGET_BYTES];
    json_t *others = NULL;
    dr_aws_encode(name, encoded);
    snprintf(target, sizeof target, "/things/%s/principals", encoded);
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

int dr_cli_thing_principals(
    struct dr_cli *cli, struct dr_aws *aws, const char *name, json_t **ret_principals)
{
    char encoded[3 * 128 + 1];
    char target[TARGET_BYTES];
    struct dr_aws_response response;
    dr_aws_encode(name, encoded);
    snprintf(target, sizeof target, "/things/%s/principals?maxResults=%u", encoded, PRINCIPALS_MAX);
    *ret_principals = NULL;
    int result = dr_aws_request(aws, "iot", "GET", target, NULL, NULL, 0, &response);
    if (result == 0 && response.status == 200) {
        *ret_principals = json_incref(json_object_get(response.json, "principals"));
    } else if (result == 0 && response.status != 404) {
        result = dr_cli_error(
            cli, "the cloud refused to tell the certificates of %s: %s: %s", name,
            response.error_type, response.error_message);
    }
    dr_aws_response_free(&response);
    return result;
}

int dr_cli_thing_delete(
    struct dr_cli *cli, struct dr_aws *aws, const char *name, struct dr_cli_thing_deleted *ret)
{
    char encoded[3 * 128 + 1];
    char target[TARGET_BYTES];
    bool none = false;
    int result = 0;
    memset(ret, 0, sizeof *ret);
    for (unsigned page = 0; result == 0 && !none && page < PAGES_MAX; page++) {
        json_t *principals = NULL;
        result = dr_cli_thing_principals(cli, aws, name, &principals);
        none = json_array_size(principals) == 0;
        ret->existed = ret->existed || principals != NULL;
        for (size_t i = 0; result == 0 && i < json_array_size(principals); i++) {
            const char *principal = json_string_value(json_array_get(principals, i));
            result = dr_cli_thing_release(cli, aws, name, principal != NULL ? principal : "", ret);
        }
        json_decref(principals);
    }
    if (result != 0 || !ret->existed) {
        return result;
    }
    dr_aws_encode(name, encoded);
    snprintf(target, sizeof target, "/things/%s", encoded);
    return dr_aws_iot(aws, "DELETE", target, NULL, NULL);
}
