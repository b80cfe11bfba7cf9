/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/update.h"

#include <stdio.h>
#include <string.h>

#define TARGET_BYTES 1024u

/* The job was canceled before, without --force: what went on is ended thing by thing. */
static int cancel_open(struct dr_aws *aws, const char *id, const char *job_id)
{
    char encoded[3 * 128 + 1];
    char target[TARGET_BYTES];
    int result = 0;
    const char *thing;
    json_t *execution;
    json_t *all = dr_update_executions(aws, id);
    if (all == NULL) {
        return DR_EXIT_ERROR;
    }
    json_object_foreach(all, thing, execution)
    {
        if (result == 0 && dr_update_is_open(execution) && strlen(thing) <= 128) {
            dr_aws_encode(thing, encoded);
            snprintf(
                target, sizeof(target), "/things/%s/jobs/%s/cancel?force=true", encoded, job_id);
            result = dr_aws_iot(aws, "PUT", target, json_object(), NULL);
        }
    }
    json_decref(all);
    return result;
}

static int
cancel(struct dr_cli *cli, struct dr_aws *aws, const char *id, bool force, const char *comment)
{
    char job_id[128];
    char target[TARGET_BYTES];
    json_t *job = NULL;
    int result = dr_update_find(cli, aws, id, &job);
    if (result != 0) {
        return result;
    }
    const char *status = json_string_value(json_object_get(job, "status"));
    bool again = status != NULL && strcmp(status, "CANCELED") == 0;
    if (status != NULL && (strcmp(status, "COMPLETED") == 0 || (again && !force))) {
        result = dr_cli_error(
            cli, "update %s is %s already; `daruma update watch %s` shows how each thing ended", id,
            status, id);
    }
    json_decref(job);
    if (result != 0) {
        return result;
    }
    dr_update_job_id(id, job_id);
    if (again) {
        return cancel_open(aws, id, job_id);
    }
    snprintf(target, sizeof(target), "/jobs/%s/cancel%s", job_id, force ? "?force=true" : "");
    return dr_aws_iot(aws, "PUT", target, json_pack("{s:s*}", "comment", comment), NULL);
}

/* "canceled" alone would be a lie about devices that go on. */
static int report(struct dr_cli *cli, struct dr_aws *aws, const char *id)
{
    const char *thing;
    json_t *execution;
    json_t *all = dr_update_executions(aws, id);
    if (all == NULL) {
        return DR_EXIT_ERROR;
    }
    if (cli->json) {
        return dr_cli_print_json(cli, json_pack("{s:s, s:o}", "updateId", id, "executions", all));
    }
    printf("update %s canceled\n", id);
    json_object_foreach(all, thing, execution)
    {
        if (dr_update_is_open(execution)) {
            printf(
                "%s has begun and goes on; `daruma update cancel %s --force` ends that too\n",
                thing, id);
        }
    }
    json_decref(all);
    return DR_EXIT_DONE;
}

static int run(struct dr_cli *cli)
{
    const char *id = NULL;
    const char *comment = NULL;
    struct dr_aws *aws = NULL;
    bool force = false;
    const struct dr_cli_option options[] = {
        {.name = "force", .flag = &force},
        {.name = "comment", .text = &comment},
    };
    int result = dr_update_open(cli, options, 2, &id, &aws);
    if (result != 0) {
        return result;
    }
    result = cancel(cli, aws, id, force, comment);
    result = result != 0 ? result : report(cli, aws, id);
    dr_aws_close(aws);
    return result;
}

const struct dr_cli_verb dr_verb_update_cancel = {
    .noun = "update",
    .verb = "cancel",
    .summary = "stop an update",
    .usage = "update cancel ID [--force] [--comment TEXT]",
    .help = "Cancel what has not started yet; what goes on is named.\n"
            "\n"
            "  --force      also what is in progress: a device that has not confirmed the\n"
            "               image goes back\n"
            "  --comment T  why, for the record",
    .run = run,
};
