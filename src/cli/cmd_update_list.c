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

/* Is this job's document a command by which things go back (docs/protocol.md)? Such a job has the
 * name that an update would give it, and stands in no list of updates. */
static bool is_revert(struct dr_aws *aws, const char *job_id)
{
    char target[256];
    json_t *answer = NULL;
    snprintf(target, sizeof(target), "/jobs/%s/job-document", job_id);
    if (dr_aws_iot(aws, "GET", target, NULL, &answer) != 0) {
        return false;
    }
    const char *text = json_string_value(json_object_get(answer, "document"));
    json_t *document = text != NULL ? json_loads(text, 0, NULL) : NULL;
    const json_t *own = json_object_get(document, "daruma");
    const char *command = json_string_value(json_object_get(own, "command"));
    bool revert = command != NULL && strcmp(command, "revert") == 0;
    json_decref(document);
    json_decref(answer);
    return revert;
}

static bool has_id(const json_t *updates, const char *id)
{
    size_t index;
    const json_t *update;
    json_array_foreach(updates, index, update)
    {
        const char *other = json_string_value(json_object_get(update, "otaUpdateId"));
        if (other != NULL && strcmp(other, id) == 0) {
            return true;
        }
    }
    return false;
}

static double time_of(const json_t *update)
{
    return json_number_value(json_object_get(update, "creationDate"));
}

/* Newest first, as the updates are. */
static void insert(json_t *updates, json_t *revert)
{
    size_t at = 0;
    while (at < json_array_size(updates) &&
           time_of(json_array_get(updates, at)) >= time_of(revert)) {
        at++;
    }
    json_array_insert_new(updates, at, revert);
}

/* The reverts among the newest jobs, put between the updates. */
static int add_reverts(struct dr_aws *aws, json_t *updates, uint64_t limit)
{
    char target[64];
    json_t *answer = NULL;
    size_t index;
    const json_t *job;
    snprintf(target, sizeof(target), "/jobs?maxResults=%llu", (unsigned long long)limit);
    int result = dr_aws_iot(aws, "GET", target, NULL, &answer);
    json_array_foreach(json_object_get(answer, "jobs"), index, job)
    {
        const char *job_id = json_string_value(json_object_get(job, "jobId"));
        const char *id = job_id != NULL ? dr_update_of_job(job_id) : NULL;
        if (id == NULL || has_id(updates, id) || strlen(id) >= DR_UPDATE_ID_BYTES ||
            !is_revert(aws, job_id)) {
            continue;
        }
        insert(
            updates, json_pack(
                         "{s:s, s:s, s:O?}", "otaUpdateId", id, "kind", "revert", "creationDate",
                         json_object_get(job, "createdAt")));
    }
    json_decref(answer);
    while (json_array_size(updates) > limit) { /* bound: twice the limit */
        json_array_remove(updates, json_array_size(updates) - 1);
    }
    return result;
}

static long long count_of(const json_t *update, const char *key)
{
    return json_integer_value(json_object_get(json_object_get(update, "jobProcessDetails"), key));
}

static void print_row(const json_t *update)
{
    const char *id = json_string_value(json_object_get(update, "otaUpdateId"));
    const char *status = json_string_value(json_object_get(update, "status"));
    const char *kind = json_string_value(json_object_get(update, "kind"));
    printf(
        "%-28s %-6s %-11s %3lld succeeded %2lld failed %3lld open\n", id != NULL ? id : "?",
        kind != NULL ? kind : "?", status != NULL ? status : "?",
        count_of(update, "numberOfSucceededThings"),
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
        json_object_set_new(update, "kind", json_string("update"));
    }
    result = add_reverts(aws, updates, limit);
    if (result != 0) {
        json_decref(answer);
        return result;
    }
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
    .summary = "the updates and reverts, and how far they are",
    .usage = "update list [--limit N]",
    .help = "One line each, the newest first: name, update or revert, status, things. `daruma\n"
            "update watch NAME` follows either, `daruma update cancel NAME` ends it.\n"
            "\n"
            "  --limit N  at most N, 1 to 250 (50)",
    .run = run,
};
