/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What the update verbs share: names, and waiting for the executions of an update to end. */
#ifndef DR_CLI_UPDATE_H
#define DR_CLI_UPDATE_H

#include "cli/aws.h"
#include "format/image.h"

#define DR_UPDATE_ID_BYTES 65u

/* The job that an OTA update makes is named after it, as on AWS. out holds 128 bytes. */
void dr_update_job_id(const char *update_id, char *out);

/* The other way: the update's name in its job's, NULL when this is no such job. */
const char *dr_update_of_job(const char *job_id);

/* Is this a name for an update? Else an exit code after an error line. */
int dr_update_check_id(struct dr_cli *cli, const char *update_id);

/* The update's job as the cloud describes it; a new reference (ret_job may be NULL). 0, or an exit
 * code after an error line that names the update, not its job. */
int dr_update_find(struct dr_cli *cli, struct dr_aws *aws, const char *update_id, json_t **ret_job);

/* The same, without the job, for a cloud that may be starting: it is waited for, and that is told,
 * for *timeout_s (0: not at all). What is left of that, a second at least, is in *timeout_s
 * afterwards. DR_EXIT_TIMEOUT after an error line when it never answered. */
int dr_update_await(
    struct dr_cli *cli, struct dr_aws *aws, const char *update_id, uint64_t *timeout_s);

/* For verbs about one update: parse the options and its name, and connect. 0: the caller closes
 * *ret_aws. Else an exit code after an error line. */
int dr_update_open(
    struct dr_cli *cli, const struct dr_cli_option *options, size_t option_count,
    const char **ret_id, struct dr_aws **ret_aws);

/* All executions of the update's job: an object thing -> {thing, status, details}; a new reference,
 * or NULL after an error line. */
json_t *dr_update_executions(struct dr_aws *aws, const char *update_id);

/* Has this execution not ended yet? */
bool dr_update_is_open(const json_t *execution);

/* What is offered, as far as a device judges it by what it has. */
struct dr_update_offer {
    const char *path;
    struct dr_order order;
    uint32_t counter;
    uint8_t digest[DR_IMAGE_DIGEST_BYTES];
    bool forced; /* warn, but do not refuse */
};

/* Is the image older than what things (names or ARNs) last reported to run, by order or by security
 * counter, so that they will refuse it? An error when all do and it is not forced; a warning line
 * for each when it is, or when only some do. What a thing runs may not be known: no objection then.
 * 0, or DR_EXIT_ERROR after an error line. */
int dr_update_check_offer(
    struct dr_cli *cli, struct dr_aws *aws, const struct dr_update_offer *image,
    const char *const *things, size_t thing_count);

/* Follow an update until every execution has ended, or timeout_s passes (0: look once).
 *
 * A cloud that does not answer is waited for. Prints each change of a thing's status, and
 * of why and how long it waits, as a line (with --json: one object at the end). Returns
 * DR_EXIT_DONE when all succeeded, DR_EXIT_DEVICE_FAILED when one failed, was rejected or timed
 * out, DR_EXIT_ABORTED when one was canceled or removed, DR_EXIT_TIMEOUT, or DR_EXIT_ERROR after an
 * error line. */
int dr_update_follow(
    struct dr_cli *cli, struct dr_aws *aws, const char *update_id, uint64_t timeout_s);

#endif
