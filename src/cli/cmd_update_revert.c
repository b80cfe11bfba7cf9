/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/update.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TARGET_BYTES 1024u

/* "revert-20261122T120102-3f9a" */
static void make_id(char *out, size_t capacity_bytes)
{
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t len = strftime(out, capacity_bytes, "revert-%Y%m%dT%H%M%S", &utc);
    snprintf(out + len, capacity_bytes - len, "-%05lx", (unsigned long)(now.tv_nsec / 1000));
}

static int refused(
    struct dr_cli *cli, const char *thing, const char *profile,
    const struct dr_aws_response *response)
{
    const char *message = response->error_message;
    const char *product = strstr(message, "product ");
    product = product != NULL ? product + strlen("product ") : "?";
    if (strstr(message, "no such profile") != NULL) {
        return dr_cli_error(
            cli,
            "the signer has no key of product %s%s%s; give it one with `daruma key give --product "
            "%s KEY`",
            product, profile != NULL ? " in profile " : "", profile != NULL ? profile : "",
            product);
    }
    if (strstr(message, "several profiles") != NULL) {
        return dr_cli_error(
            cli,
            "the signer has several keys of product %s: say which with --profile NAME (NAME.key in "
            "the cloud's signer directory)",
            product);
    }
    return dr_cli_error(
        cli, "%s cannot be told to go back: %s (%ld %s)", thing,
        message[0] != '\0' ? message : "the cloud refused", response->status, response->error_type);
}

/* By its own last report: a device whose image is sealed keeps no image to go back to, and will
 * refuse. 0, or DR_EXIT_ERROR after an error line. What it runs may not be known: no objection. */
static int check_unsealed(struct dr_cli *cli, struct dr_aws *aws, const char *thing, bool forced)
{
    char encoded[3 * 128 + 1];
    char target[TARGET_BYTES];
    struct dr_aws_response response;
    dr_aws_encode(thing, encoded);
    snprintf(target, sizeof(target), "/daruma/things/%s/state", encoded);
    int result = dr_aws_request(aws, "iot", "GET", target, NULL, NULL, 0, &response);
    dr_cli_tame(response.json);
    const json_t *report = json_object_get(response.json, "report");
    const char *state = json_string_value(json_object_get(report, "state"));
    const char *version = json_string_value(json_object_get(report, "version"));
    bool sealed = result == 0 && response.status == 200 && state != NULL && version != NULL &&
                  strcmp(state, "sealed") == 0;
    if (sealed && forced) {
        fprintf(stderr, "warning: %s will refuse: its image %s is sealed\n", thing, version);
    } else if (sealed) {
        result = dr_cli_error(
            cli,
            "%s would refuse: its image %s is sealed, there is none to go back to; offer it "
            "another with `daruma update create` (--force sends the command all the same)",
            thing, version);
    }
    dr_aws_response_free(&response);
    return result;
}

static int command(
    struct dr_cli *cli, struct dr_aws *aws, const char *thing, const char *id, const char *profile,
    json_t **ret_answer)
{
    char job_id[128];
    char encoded[3 * 128 + 1];
    char target[TARGET_BYTES];
    dr_update_job_id(id, job_id);
    dr_aws_encode(thing, encoded);
    snprintf(target, sizeof(target), "/daruma/things/%s/commands", encoded);
    json_t *body = json_pack(
        "{s:s, s:s, s:s*}", "command", "revert", "jobId", job_id, "signingProfileName", profile);
    char *text = json_dumps(body, JSON_COMPACT);
    static const char *const headers[] = {"content-type: application/json", NULL};
    struct dr_aws_response response;
    json_decref(body);
    if (text == NULL) {
        return dr_cli_error(cli, "out of memory");
    }
    int result = dr_aws_request(
        aws, "iot", "POST", target, headers, (const uint8_t *)text, strlen(text), &response);
    if (result == 0 && response.status == 200) {
        *ret_answer = json_incref(response.json);
    } else if (result == 0) {
        result = refused(cli, thing, profile, &response);
    }
    dr_aws_response_free(&response);
    free(text);
    return result;
}

static int run(struct dr_cli *cli)
{
    const char *thing = NULL;
    const char *id = NULL;
    const char *profile = NULL;
    uint64_t timeout_s = 600;
    char made_id[DR_UPDATE_ID_BYTES];
    size_t count = 0;
    bool wait = false;
    bool forced = false;
    const struct dr_cli_option options[] = {
        {.name = "id", .text = &id},        {.name = "profile", .text = &profile},
        {.name = "wait", .flag = &wait},    {.name = "timeout", .number = &timeout_s},
        {.name = "force", .flag = &forced},
    };
    int result = dr_cli_parse(cli, options, 5, &thing, 1, &count);
    if (result != 0) {
        return result;
    }
    if (count == 0 || thing[0] == '\0' || strlen(thing) > 128) {
        return dr_cli_usage(cli, "which thing? `daruma things` shows them");
    }
    if (id == NULL) {
        make_id(made_id, sizeof(made_id));
        id = made_id;
    }
    result = dr_update_check_id(cli, id);
    struct dr_aws *aws = result == 0 ? dr_aws_open(cli) : NULL;
    if (aws == NULL) {
        return result != 0 ? result : DR_EXIT_ERROR;
    }
    json_t *answer = NULL;
    result = check_unsealed(cli, aws, thing, forced);
    result = result != 0 ? result : command(cli, aws, thing, id, profile, &answer);
    if (result == 0 && wait) {
        result = dr_update_follow(cli, aws, id, timeout_s);
    } else if (result == 0 && cli->json) {
        result = dr_cli_print_json(cli, json_incref(answer));
    } else if (result == 0) {
        printf("%s is told to go back; follow it with `daruma update watch %s`\n", thing, id);
    }
    json_decref(answer);
    dr_aws_close(aws);
    return result;
}

const struct dr_cli_verb dr_verb_update_revert = {
    .noun = "update",
    .verb = "revert",
    .summary = "have a thing return to its previous image",
    .usage = "update revert THING [--wait] [options]",
    .help = "A command signed by the product's key: leave the image that runs now, while it\n"
            "is not sealed yet, for the one before it. Nothing is downloaded. The image must\n"
            "have come by an update of this cloud.\n"
            "\n"
            "  --wait          follow it to its end\n"
            "  --timeout S     with --wait: give up after S seconds (600)\n"
            "  --id ID         name it yourself, for `daruma update watch` (letters, digits,\n"
            "                  - and _)\n"
            "  --force         send it even if the thing's last report says that its image is\n"
            "                  sealed\n"
            "  --profile NAME  the signing profile, where several have the product\n"
            "\n"
            "The cloud's signer must hold the product's key: `daruma key give` gives it one.\n"
            "Where that profile asks for approvals, approve the command first:\n"
            "daruma-signer --approve-revert.",
    .run = run,
};
