/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/service/commands.h"

#include "base/text.h"
#include "cloud/registry/frame.h"
#include "cloud/registry/report.h"
#include "cloud/service/jobs.h"
#include "cloud/signer/client.h"
#include "format/job_service.h"

#include <stdlib.h>
#include <string.h>

#define DOCUMENT_SIZE 1024u

struct command {
    const char *thing;
    const char *job;
    enum dr_job_action action;
    const char *profile; /* NULL: the only one with the image's product */
    struct dr_signer_profile signing;
    struct dr_signer_image image; /* digest and product of the image to leave */
    char document[DOCUMENT_SIZE];
};

static enum dr_status read_body(struct dr_call *call, const json_t *body, struct command *command)
{
    const char *word = NULL;
    DR_TRY(dr_body_text(call, body, "command", NULL, &word));
    DR_TRY(dr_body_text(call, body, "jobId", NULL, &command->job));
    DR_TRY(dr_body_text(call, body, "signingProfileName", NULL, &command->profile));
    if (word == NULL || strcmp(word, "revert") != 0) {
        return dr_call_invalid(call, "command must be \"revert\"");
    }
    if (command->job == NULL) {
        return dr_call_invalid(call, "jobId is missing");
    }
    command->action = DR_JOB_ACTION_REVERT;
    return DR_OK;
}

/* Is this the job document of that image? Then its product is taken over. */
static bool is_offer(const char *document, const char *hex, struct command *command)
{
    json_t *body = json_loads(document, 0, NULL);
    const json_t *daruma = json_object_get(body, "daruma");
    const char *digest = json_string_value(json_object_get(daruma, "digest"));
    const char *product = json_string_value(json_object_get(daruma, "product"));
    bool found = digest != NULL && strcmp(digest, hex) == 0 && product != NULL &&
                 strlen(product) < sizeof command->image.product;
    if (found) {
        memcpy(command->image.product, product, strlen(product) + 1);
    }
    json_decref(body);
    return found;
}

/* The update made here that offered this image to this thing. */
static enum dr_status run_offer(struct dr_call *call, struct dr_db *db, void *arguments)
{
    struct command *command = arguments;
    char hex[DR_HEX_SIZE(DR_IMAGE_DIGEST_BYTES)];
    struct dr_rows rows;
    bool found = false;
    dr_hex_encode(command->image.digest, sizeof command->image.digest, hex);
    dr_db_select(
        db, &rows,
        "SELECT j.document FROM execution e JOIN job j ON j.id = e.job"
        " WHERE e.thing = ?1 AND j.ota_update IS NOT NULL AND instr(j.document, ?2) > 0",
        DR_VALUES(dr_value_text(command->thing), dr_value_text(hex)));
    while (!found && dr_rows_next(&rows)) { /* bound: the thing's executions */
        found = is_offer(dr_rows_text(&rows, 0), hex, command);
    }
    DR_TRY(dr_rows_end(&rows));
    if (!found) {
        return dr_call_fail(
            call, DR_E_STATE, DR_CODE_INVALID,
            "%.128s reports image %.16s..., which no update made here offered to it: a command is "
            "signed for such images only, as a thing may say anything",
            command->thing, hex);
    }
    return DR_OK;
}

/* The image that the thing said it runs, if it has it from here. */
static enum dr_status find_image(struct dr_call *call, struct command *command)
{
    json_t *state = NULL;
    DR_TRY(dr_service_thing_state(call, command->thing, &state));
    const char *hex =
        json_string_value(json_object_get(json_object_get(state, "report"), "digest"));
    enum dr_status status =
        hex == NULL
            ? DR_E_NOT_FOUND
            : dr_hex_decode(hex, strlen(hex), command->image.digest, sizeof command->image.digest);
    json_decref(state);
    if (status != DR_OK) {
        return dr_call_fail(
            call, DR_E_NOT_FOUND, DR_CODE_NOT_FOUND, "%.128s has not reported what it runs",
            command->thing);
    }
    return dr_call_read(call, run_offer, command);
}

static enum dr_status signer_failed(struct dr_call *call, enum dr_status status, const char *error)
{
    bool refused = status == DR_E_DENIED || status == DR_E_STATE || status == DR_E_NOT_FOUND;
    return dr_call_fail(
        call, status, refused ? DR_CODE_INVALID : DR_CODE_UNAVAILABLE, "the signer: %.200s",
        error[0] != '\0' ? error : dr_status_text(status));
}

/* The profile that was named, or the only one with a key of the image's product. */
static enum dr_status
choose_profile(struct dr_call *call, const struct dr_signer_client *client, struct command *command)
{
    char error[DR_SIGNER_ERROR_BYTES] = "";
    size_t count = 0;
    unsigned matches = 0;
    struct dr_signer_profile *profiles = calloc(DR_SIGNER_PROFILES_MAX, sizeof *profiles);
    if (profiles == NULL) {
        return dr_call_outcome(call, DR_E_SPACE);
    }
    enum dr_status status = dr_signer_profiles(client, profiles, &count, error);
    for (size_t i = 0; status == DR_OK && i < count; i++) {
        bool named = command->profile == NULL || strcmp(command->profile, profiles[i].name) == 0;
        if (named && profiles[i].kind == DR_SIGNER_KIND_IMAGE &&
            strcmp(profiles[i].product, command->image.product) == 0) {
            command->signing = profiles[i];
            matches++;
        }
    }
    free(profiles);
    if (status != DR_OK) {
        return signer_failed(call, status, error);
    }
    if (matches != 1) {
        return dr_call_fail(
            call, DR_E_ARGUMENT, DR_CODE_INVALID,
            matches == 0 ? "the signer has no such profile with a key of product %s"
                         : "signingProfileName is missing: several profiles have product %s",
            command->image.product);
    }
    return DR_OK;
}

static enum dr_status sign(struct dr_call *call, struct command *command)
{
    char error[DR_SIGNER_ERROR_BYTES] = "";
    char base64[4 * ((DR_SIGNER_SIGNATURE_MAX + 2) / 3) + 1];
    struct dr_signer_signature signature;
    size_t len = 0;
    const struct dr_signer_client client = {
        .socket_path = call->service->signer_socket, .timeout_ms = DR_SIGNER_TIMEOUT_MS};
    if (client.socket_path == NULL) {
        return dr_call_invalid(call, "this service has no signer");
    }
    DR_TRY(choose_profile(call, &client, command));
    enum dr_status status = dr_signer_sign_command(
        &client, command->signing.name, command->action, &command->image, &signature, error);
    if (status != DR_OK) {
        return signer_failed(call, status, error);
    }
    (void)dr_base64_encode(signature.der, signature.size_bytes, base64);
    return dr_call_outcome(
        call, dr_job_write_command_document(
                  command->action, command->image.product, command->image.digest, base64,
                  command->document, sizeof command->document, &len));
}

static enum dr_status
make_job(struct dr_call *call, const struct command *command, json_t **ret_body)
{
    char arn[DR_ARN_SIZE];
    dr_call_arn(call, "thing", command->thing, arn);
    json_t *body = json_pack(
        "{s:[s], s:s, s:s}", "targets", arn, "document", command->document, "description",
        "revert");
    enum dr_status status = dr_service_create_job(call, command->job, body, ret_body);
    json_decref(body);
    return status;
}

enum dr_status
dr_service_command(struct dr_call *call, const char *thing, const json_t *body, json_t **ret_body)
{
    char hex[DR_HEX_SIZE(DR_IMAGE_DIGEST_BYTES)];
    struct command command = {.thing = thing};
    DR_TRY(read_body(call, body, &command));
    DR_TRY(find_image(call, &command));
    DR_TRY(sign(call, &command));
    DR_TRY(make_job(call, &command, ret_body));
    dr_hex_encode(command.image.digest, sizeof command.image.digest, hex);
    (void)json_object_set_new(*ret_body, "command", json_string("revert"));
    (void)json_object_set_new(*ret_body, "digest", json_string(hex));
    (void)json_object_set_new(*ret_body, "product", json_string(command.image.product));
    return DR_OK;
}
