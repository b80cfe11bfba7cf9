/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Would a device take this image? As far as the cloud knows: from the device's last report, and
 * from the job that brought the image it runs, whose document holds that image's order. */
#include "base/text.h"
#include "cli/update.h"

#include <stdio.h>
#include <string.h>

#define TARGET_BYTES 1024u
#define REASON_BYTES 256u
/* Of the newest that succeeded: what runs came with one of them, or is not known. */
#define JOBS_MAX 5u

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

/* GET, where no answer is no knowledge: who cannot be asked is not judged. */
static json_t *ask(struct dr_aws *aws, const char *target)
{
    struct dr_aws_response response;
    json_t *answer = NULL;
    if (dr_aws_request(aws, "iot", "GET", target, NULL, NULL, 0, &response) == 0 &&
        response.status == 200) {
        answer = json_incref(response.json);
    }
    dr_aws_response_free(&response);
    return answer;
}

/* Does this job's document speak of the image with this digest? Then its order. */
static bool
order_in_job(struct dr_aws *aws, const char *job_id, const char *digest, struct dr_order *ret_order)
{
    char encoded[3 * 128 + 1];
    char target[TARGET_BYTES];
    if (strlen(job_id) > 128) {
        return false;
    }
    dr_aws_encode(job_id, encoded);
    snprintf(target, sizeof target, "/jobs/%s/job-document", encoded);
    json_t *answer = ask(aws, target);
    json_t *document = json_loads(text_of(answer, "document"), 0, NULL);
    const json_t *own = json_object_get(document, "daruma");
    const json_t *sequence = json_object_get(own, "sequence");
    bool found = strcmp(text_of(own, "digest"), digest) == 0 && digest[0] != '\0';
    if (found && json_is_integer(sequence)) {
        ret_order->has_sequence = true;
        ret_order->sequence = (uint32_t)json_integer_value(sequence);
    }
    json_decref(document);
    json_decref(answer);
    return found;
}

/* The order of the image that runs; false when no job of this thing brought it (a factory image,
 * say): then only its version is known. */
static bool order_of_running(
    struct dr_aws *aws, const char *encoded_thing, const char *digest, struct dr_order *ret_order)
{
    char target[TARGET_BYTES];
    bool found = false;
    snprintf(
        target, sizeof target, "/things/%s/jobs?status=SUCCEEDED&maxResults=%u", encoded_thing,
        JOBS_MAX);
    json_t *answer = ask(aws, target);
    const json_t *jobs = json_object_get(answer, "executionSummaries");
    for (size_t i = 0; !found && i < json_array_size(jobs); i++) {
        found = order_in_job(aws, text_of(json_array_get(jobs, i), "jobId"), digest, ret_order);
    }
    json_decref(answer);
    return found;
}

/* "order 5", or the version where there is no sequence. */
static void order_text(const struct dr_order *order, char *out, size_t capacity_bytes)
{
    char version[DR_VERSION_TEXT_BYTES];
    dr_version_text(&order->version, version);
    if (order->has_sequence) {
        snprintf(out, capacity_bytes, "sequence %u", order->sequence);
    } else {
        snprintf(out, capacity_bytes, "version %s and no sequence", version);
    }
}

static bool below(
    struct dr_aws *aws, const char *encoded_thing, const json_t *report,
    const struct dr_update_offer *image, char *why)
{
    struct dr_order running = {.has_sequence = false};
    char running_text[64];
    char image_text[64];
    const char *version = text_of(report, "version");
    if (dr_version_parse(version, strlen(version), &running.version) != DR_OK) {
        return false;
    }
    bool known = order_of_running(aws, encoded_thing, text_of(report, "digest"), &running);
    if ((!known && image->order.has_sequence) || dr_order_compare(&image->order, &running) > 0) {
        return false;
    }
    order_text(&running, running_text, sizeof running_text);
    order_text(&image->order, image_text, sizeof image_text);
    snprintf(
        why, REASON_BYTES,
        "it runs %s%s%s, the image has %s; sign it anew with a higher --sequence", version,
        running.has_sequence ? " with " : "", running.has_sequence ? running_text : "", image_text);
    return true;
}

/* Is it certain, by what is known, that this thing refuses the image? why: REASON_BYTES. */
static bool
refuses(struct dr_aws *aws, const char *thing, const struct dr_update_offer *image, char *why)
{
    char encoded[3 * 128 + 1];
    char target[TARGET_BYTES];
    char digest[DR_HEX_SIZE(DR_IMAGE_DIGEST_BYTES)];
    if (strlen(thing) > 128) {
        return false;
    }
    dr_aws_encode(thing, encoded);
    snprintf(target, sizeof target, "/daruma/things/%s/state", encoded);
    json_t *state = ask(aws, target);
    const json_t *report = json_object_get(state, "report");
    json_int_t counter =
        json_integer_value(json_object_get(json_object_get(report, "counters"), "security"));
    bool refused = false;
    dr_hex_encode(image->digest, sizeof image->digest, digest);
    const char *is = text_of(report, "state");
    bool same = report != NULL && strcmp(text_of(report, "digest"), digest) == 0;
    if (same && (strcmp(is, "sealed") == 0 || strcmp(is, "factory") == 0)) {
        snprintf(why, REASON_BYTES, "it runs this very image: nothing is to be done");
        refused = true;
    } else if (report != NULL && !same) {
        if (counter > (json_int_t)image->counter) {
            snprintf(
                why, REASON_BYTES,
                "its security counter is %lld, the image has %u; sign it anew with --counter",
                (long long)counter, image->counter);
            refused = true;
        } else {
            refused = below(aws, encoded, report, image, why);
        }
    }
    json_decref(state);
    return refused;
}

int dr_update_check_offer(
    struct dr_cli *cli, struct dr_aws *aws, const struct dr_update_offer *image,
    const char *const *things, size_t thing_count)
{
    char why[REASON_BYTES];
    size_t refused = 0;
    dr_aws_set_patient(aws, true);
    for (size_t i = 0; i < thing_count; i++) {
        const char *slash = strncmp(things[i], "arn:", 4) == 0 ? strrchr(things[i], '/') : NULL;
        const char *thing = slash != NULL ? slash + 1 : things[i];
        if (!refuses(aws, thing, image, why)) {
            continue;
        }
        refused++;
        if (thing_count > 1 || image->forced) {
            fprintf(stderr, "warning: %s will refuse %s: %s\n", thing, image->path, why);
        }
    }
    dr_aws_set_patient(aws, false);
    if (refused < thing_count || image->forced) {
        return 0;
    }
    if (thing_count > 1) {
        return dr_cli_error(
            cli,
            "all of them would refuse %s; sign it anew with a higher --sequence or --counter "
            "or offer it with --force",
            image->path);
    }
    return dr_cli_error(
        cli, "%s would refuse %s: %s (--force offers it all the same)", things[0], image->path,
        why);
}
