/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/update.h"

#include <stdio.h>
#include <string.h>

/* Status of the update's job, "" when it cannot be told. */
static void add_status(struct dr_aws *aws, json_t *update)
{
    char job_id[128];
    char target[256];
    json_t *answer = NULL;
    const char *id = json_string_value(json_object_get(update, "otaUpdateId"));
    if (id == NULL || strlen(id) >= DR_UPDATE_ID_BYTES) {
        return;
    }
    dr_update_job_id(id, job_id);
    snprintf(target, sizeof(target), "/jobs/%s", job_id);
    if (dr_aws_iot(aws, "GET", target, NULL, &answer) == 0) {
        json_t *job = json_object_get(answer, "job");
        json_object_set(update, "status", json_object_get(job, "status"));
        json_object_set(update, "jobProcessDetails", json_object_get(job, "jobProcessDetails"));
    }
    json_decref(answer);
}

static long long count_of(const json_t *update, const char *key)
{
    return json_integer_value(json_object_get(json_object_get(update, "jobProcessDetails"), key));
}

static void print_row(const json_t *update)
{
    const char *id = json_string_value(json_object_get(update, "otaUpdateId"));
    const char *status = json_string_value(json_object_get(update, "status"));
    printf(
        "%-28s %-12s %6lld succeeded %6lld failed %6lld open\n", id != NULL ? id : "?",
        status != NULL ? status : "?", count_of(update, "numberOfSucceededThings"),
        count_of(update, "numberOfFailedThings") + count_of(update, "numberOfRejectedThings") +
            count_of(update, "numberOfTimedOutThings"),
        count_of(update, "numberOfQueuedThings") + count_of(update, "numberOfInProgressThings"));
}

static int list(struct dr_cli *cli, struct dr_aws *aws, uint64_t limit)
{
    char target[64];
    json_t *answer = NULL;
    size_t index;
    json_t *update;
    snprintf(target, sizeof(target), "/otaUpdates?maxResults=%llu", (unsigned long long)limit);
    int result = dr_aws_iot(aws, "GET", target, NULL, &answer);
    if (result != 0) {
        return result;
    }
    json_t *updates = json_object_get(answer, "otaUpdates");
    json_array_foreach(updates, index, update)
    {
        add_status(aws, update);
        if (!cli->json) {
            print_row(update);
        }
    }
    if (cli->json) {
        result = dr_cli_print_json(cli, json_incref(updates));
    } else if (json_array_size(updates) == 0) {
        printf("no updates yet; make one with `daruma update create IMAGE THING`\n");
    }
    json_decref(answer);
    return result;
}

static int run(struct dr_cli *cli)
{
    size_t count = 0;
    uint64_t limit = 50;
    const struct dr_cli_option options[] = {
        {.name = "limit", .number = &limit},
    };
    int result = dr_cli_parse(cli, options, 1, NULL, 0, &count);
    if (result != 0) {
        return result;
    }
    if (limit < 1 || limit > 250) {
        return dr_cli_usage(cli, "--limit is 1 to 250");
    }
    struct dr_aws *aws = dr_aws_open(cli);
    if (aws == NULL) {
        return DR_EXIT_ERROR;
    }
    result = list(cli, aws, limit);
    dr_aws_close(aws);
    return result;
}

const struct dr_cli_verb dr_verb_update_list = {
    .noun = "update",
    .verb = "list",
    .summary = "the updates and how far they are",
    .usage = "update list [--limit N]",
    .help = "  --limit N  at most N, 1 to 250 (50)",
    .run = run,
};
