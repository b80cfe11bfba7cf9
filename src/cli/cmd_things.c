/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/aws.h"
#include "cli/thing.h"
#include "cli/update.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TARGET_BYTES 1024u

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "-";
}

/* One of the service's own answers about a thing ("state", "counters"); an empty object where it
 * has none. NULL after an error line. */
static json_t *
fetch_own(struct dr_aws *aws, struct dr_cli *cli, const char *thing, const char *what)
{
    char encoded[3 * 128 + 1];
    char target[TARGET_BYTES];
    struct dr_aws_response response;
    json_t *state = NULL;
    dr_aws_encode(thing, encoded);
    snprintf(target, sizeof(target), "/daruma/things/%s/%s", encoded, what);
    if (dr_aws_request(aws, "iot", "GET", target, NULL, NULL, 0, &response) == 0) {
        if (response.status == 200 && response.json != NULL) {
            state = json_incref(response.json);
            if (!cli->json) {
                dr_cli_tame(state); /* the thing's own words */
            }
        } else if (response.status == 404) {
            state = json_object();
        } else {
            dr_cli_error(
                cli, "the cloud refused the %s of %s: %ld %s: %s", what, thing, response.status,
                response.error_type, response.error_message);
        }
    }
    dr_aws_response_free(&response);
    return state;
}

static int list(struct dr_cli *cli, struct dr_aws *aws)
{
    int result = 0;
    size_t index;
    json_t *thing;
    json_t *all = dr_aws_iot_list(aws, "/things", "things");
    if (all == NULL) {
        return DR_EXIT_ERROR;
    }
    json_array_foreach(all, index, thing)
    {
        json_t *state = fetch_own(aws, cli, text_of(thing, "thingName"), "state");
        if (state == NULL) {
            result = DR_EXIT_ERROR;
            break;
        }
        if (!cli->json) {
            const json_t *report = json_object_get(state, "report");
            printf(
                "%-28s %-12s slot %-8s %-10s %s\n", text_of(thing, "thingName"),
                text_of(report, "version"), text_of(report, "slot"), text_of(report, "state"),
                json_is_true(json_object_get(state, "connected")) ? "connected" : "offline");
        }
        json_object_set_new(thing, "reported", state);
    }
    if (result == 0 && cli->json) {
        return dr_cli_print_json(cli, all);
    }
    if (result == 0 && json_array_size(all) == 0) {
        printf("no things yet; make a virtual device with `daruma device create NAME`\n");
    }
    json_decref(all);
    return result;
}

static int run_list(struct dr_cli *cli)
{
    size_t count = 0;
    int result = dr_cli_parse(cli, NULL, 0, NULL, 0, &count);
    if (result != 0) {
        return result;
    }
    struct dr_aws *aws = dr_aws_open(cli);
    if (aws == NULL) {
        return DR_EXIT_ERROR;
    }
    result = list(cli, aws);
    dr_aws_close(aws);
    return result;
}

/* What it is and where, then what it said itself, then what passed between it and the cloud. A name
 * that the service uses is not the device's to fill. */
static void print_thing(const json_t *thing, const json_t *state, json_t *counters)
{
    static const char *const first[] = {"connected", "connectedAt", "ipAddress", "reportedAt"};
    json_t *all = json_pack(
        "{s:s, s:s}", "thing", text_of(thing, "thingName"), "arn", text_of(thing, "thingArn"));
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++) {
        json_t *value = json_object_get(state, first[i]);
        json_object_set_new(all, first[i], value != NULL ? json_incref(value) : json_null());
    }
    json_object_update_missing(all, json_object_get(state, "report"));
    json_object_update_missing(all, counters);
    dr_cli_print_words(all);
    json_decref(all);
}

static void print_jobs(const json_t *summaries)
{
    size_t index;
    const json_t *row;
    json_array_foreach(summaries, index, row)
    {
        const char *job = text_of(row, "jobId");
        const char *update = dr_update_of_job(job);
        printf(
            "%s%-7s %-28s %s\n", index == 0 ? "\n" : "", update != NULL ? "update" : "job",
            update != NULL ? update : job,
            text_of(json_object_get(row, "jobExecutionSummary"), "status"));
    }
}

static int show(struct dr_cli *cli, struct dr_aws *aws, const char *name)
{
    char encoded[3 * 128 + 1];
    char target[TARGET_BYTES];
    json_t *thing = NULL;
    json_t *jobs = NULL;
    dr_aws_encode(name, encoded);
    snprintf(target, sizeof(target), "/things/%s", encoded);
    int result = dr_aws_iot(aws, "GET", target, NULL, &thing);
    snprintf(target, sizeof(target), "/things/%s/jobs?maxResults=10", encoded);
    result = result != 0 ? result : dr_aws_iot(aws, "GET", target, NULL, &jobs);
    json_t *state = result == 0 ? fetch_own(aws, cli, name, "state") : NULL;
    json_t *counters = state != NULL ? fetch_own(aws, cli, name, "counters") : NULL;
    if (counters == NULL) {
        result = DR_EXIT_ERROR;
    } else if (cli->json) {
        result = dr_cli_print_json(
            cli, json_pack(
                     "{s:O, s:O, s:O, s:O}", "thing", thing, "reported", state, "counters",
                     counters, "executions", json_object_get(jobs, "executionSummaries")));
    } else {
        print_thing(thing, state, counters);
        print_jobs(json_object_get(jobs, "executionSummaries"));
    }
    json_decref(counters);
    json_decref(state);
    json_decref(jobs);
    json_decref(thing);
    return result;
}

static int run_show(struct dr_cli *cli)
{
    return dr_cli_thing_named(cli, show);
}

const struct dr_cli_verb dr_verb_things_list = {
    .noun = "things",
    .verb = "list",
    .summary = "the registered things and what they run",
    .usage = "things [list]",
    .help = "One line a thing: name, running version, slot, state of the image, connection.",
    .run = run_list,
};

const struct dr_cli_verb dr_verb_things_show = {
    .noun = "things",
    .verb = "show",
    .summary = "everything the cloud knows of one thing",
    .usage = "things show NAME",
    .help = "What the device last reported, and its latest jobs.",
    .run = run_show,
};
