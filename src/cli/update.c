/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/update.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define POLL_INTERVAL_US 200000u
#define TARGET_BYTES 1024u
#define EXPLAIN_EVERY_S 3 /* a device that is free begins at once */
#define ID_LEN_MAX 56u    /* the job's name, 64 at most, has a prefix */

void dr_update_job_id(const char *update_id, char *out)
{
    snprintf(out, 128, "AFR_OTA-%s", update_id);
}

const char *dr_update_of_job(const char *job_id)
{
    static const char prefix[] = "AFR_OTA-";
    return strncmp(job_id, prefix, sizeof(prefix) - 1) == 0 ? job_id + sizeof(prefix) - 1 : NULL;
}

int dr_update_check_id(struct dr_cli *cli, const char *update_id)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    size_t len = strlen(update_id);
    if (len == 0 || len > ID_LEN_MAX || strspn(update_id, letters) != len) {
        return dr_cli_usage(
            cli, "the name of an update has 1 to %u letters, digits, - and _, unlike \"%s\"",
            ID_LEN_MAX, update_id);
    }
    return 0;
}

int dr_update_open(
    struct dr_cli *cli, const struct dr_cli_option *options, size_t option_count,
    const char **ret_id, struct dr_aws **ret_aws)
{
    size_t count = 0;
    int result = dr_cli_parse(cli, options, option_count, ret_id, 1, &count);
    if (result != 0) {
        return result;
    }
    if (count == 0) {
        return dr_cli_usage(cli, "which update? `daruma update list` shows them");
    }
    result = dr_update_check_id(cli, *ret_id);
    if (result != 0) {
        return result;
    }
    *ret_aws = dr_aws_open(cli);
    return *ret_aws != NULL ? 0 : DR_EXIT_ERROR;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static int64_t now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec;
}

/* How bad a status is for the exit code; -1 while the execution goes on. */
static int outcome(const char *status)
{
    if (strcmp(status, "SUCCEEDED") == 0) {
        return DR_EXIT_DONE;
    }
    if (strcmp(status, "FAILED") == 0 || strcmp(status, "REJECTED") == 0 ||
        strcmp(status, "TIMED_OUT") == 0) {
        return DR_EXIT_DEVICE_FAILED;
    }
    if (strcmp(status, "CANCELED") == 0 || strcmp(status, "REMOVED") == 0) {
        return DR_EXIT_ABORTED;
    }
    return -1;
}

/* One execution as this command shows it; a new reference, or NULL after an error line. */
static json_t *fetch_execution(struct dr_aws *aws, const char *job_id, const char *thing)
{
    char encoded[3 * 128 + 1];
    char target[TARGET_BYTES];
    json_t *answer = NULL;
    dr_aws_encode(thing, encoded);
    snprintf(target, sizeof(target), "/things/%s/jobs/%s", encoded, job_id);
    if (dr_aws_iot(aws, "GET", target, NULL, &answer) != 0) {
        return NULL;
    }
    json_t *execution = json_object_get(answer, "execution");
    json_t *details = json_object_get(json_object_get(execution, "statusDetails"), "detailsMap");
    json_t *shown = json_pack(
        "{s:s, s:s, s:O?}", "thing", thing, "status", text_of(execution, "status"), "details",
        details);
    json_decref(answer);
    return shown;
}

/* All executions of the job: an object thing -> execution, or NULL after an error line. */
static json_t *fetch_all(struct dr_aws *aws, const char *job_id)
{
    char path[TARGET_BYTES];
    size_t index;
    json_t *row;
    json_t *all = json_object();
    snprintf(path, sizeof(path), "/jobs/%s/things", job_id);
    json_t *rows = dr_aws_iot_list(aws, path, "executionSummaries");
    bool whole = rows != NULL;
    json_array_foreach(rows, index, row)
    {
        const char *arn = text_of(row, "thingArn");
        const char *slash = strrchr(arn, '/');
        const char *thing = slash != NULL ? slash + 1 : arn;
        json_t *execution = fetch_execution(aws, job_id, thing);
        if (execution == NULL || json_object_set_new(all, thing, execution) != 0) {
            whole = false;
            break;
        }
    }
    json_decref(rows);
    if (!whole) {
        json_decref(all);
        return NULL;
    }
    return all;
}

int dr_update_find(struct dr_cli *cli, struct dr_aws *aws, const char *update_id, json_t **ret_job)
{
    char target[TARGET_BYTES];
    char job_id[128];
    struct dr_aws_response response;
    dr_update_job_id(update_id, job_id);
    snprintf(target, sizeof(target), "/jobs/%s", job_id);
    int result = dr_aws_request(aws, "iot", "GET", target, NULL, NULL, 0, &response);
    if (result == 0 && response.status == 404) {
        result =
            dr_cli_error(cli, "there is no update %s; `daruma update list` shows them", update_id);
    } else if (result == 0 && response.status != 200) {
        result = dr_cli_error(
            cli, "the cloud refused to tell of update %s: %s: %s", update_id, response.error_type,
            response.error_message);
    }
    if (result == 0 && ret_job != NULL) {
        *ret_job = json_incref(json_object_get(response.json, "job"));
    }
    dr_aws_response_free(&response);
    return result;
}

json_t *dr_update_executions(struct dr_aws *aws, const char *update_id)
{
    char job_id[128];
    dr_update_job_id(update_id, job_id);
    return fetch_all(aws, job_id);
}

bool dr_update_is_open(const json_t *execution)
{
    return outcome(text_of(execution, "status")) < 0;
}

/* "done/total" as the device reports it. */
static void show_progress(struct dr_cli *cli, const char *thing, const char *progress)
{
    unsigned long done = 0;
    unsigned long total = 0;
    if (sscanf(progress, "%lu/%lu", &done, &total) == 2 && done < total) {
        dr_cli_progress(cli, thing, done, total);
    }
}

/* The way its blocks travel, "" where none do: a command has a path too, and fetches nothing. */
static const char *path_of(const json_t *execution)
{
    const json_t *details = json_object_get(execution, "details");
    return text_of(details, "progress")[0] != '\0' ? text_of(details, "path") : "";
}

/* Told when it is another than before. */
static void show_path(struct dr_cli *cli, const json_t *before, const json_t *now)
{
    const char *path = path_of(now);
    const char *last = path_of(before);
    if (cli->json || path[0] == '\0' || strcmp(path, last) == 0 ||
        strcmp(text_of(now, "status"), "IN_PROGRESS") != 0) {
        return;
    }
    if (cli->progress) {
        fputs("\r\033[K", stderr);
    }
    printf("%s fetches over %s\n", text_of(now, "thing"), path);
    fflush(stdout);
}

static bool is_postponed(const json_t *execution)
{
    return strcmp(text_of(json_object_get(execution, "details"), "reason"), "postponed") == 0;
}

/* The product's own word for why it waits, and how long at most: told whenever either changes. */
static void show_wait(struct dr_cli *cli, const json_t *before, const json_t *now)
{
    const json_t *details = json_object_get(now, "details");
    const json_t *last = json_object_get(before, "details");
    const char *why = text_of(details, "detail");
    const char *deadline = text_of(details, "deadline");
    bool waits = is_postponed(now);
    bool same = waits && is_postponed(before) && strcmp(why, text_of(last, "detail")) == 0 &&
                strcmp(deadline, text_of(last, "deadline")) == 0;
    bool ended = !waits && is_postponed(before) && dr_update_is_open(now);
    if (cli->json || same || (!waits && !ended)) {
        return;
    }
    if (cli->progress) {
        fputs("\r\033[K", stderr);
    }
    const char *thing = text_of(now, "thing");
    if (ended) {
        printf("%s goes on\n", thing);
    } else if (deadline[0] != '\0') {
        printf("%s waits: %s, for %s s at most\n", thing, why, deadline);
    } else {
        printf("%s waits: %s\n", thing, why);
    }
    fflush(stdout);
}

static void show_change(struct dr_cli *cli, const json_t *before, const json_t *now)
{
    const json_t *details = json_object_get(now, "details");
    const char *reason = text_of(details, "reason");
    const char *detail = text_of(details, "detail");
    if (strcmp(text_of(before, "status"), text_of(now, "status")) == 0) {
        show_path(cli, before, now);
        show_wait(cli, before, now);
        show_progress(cli, text_of(now, "thing"), text_of(details, "progress"));
        return;
    }
    if (before != NULL && cli->progress) {
        fputs("\r\033[K", stderr);
    }
    if (!cli->json && is_postponed(now)) {
        printf("%s %s\n", text_of(now, "thing"), text_of(now, "status"));
        show_wait(cli, before, now);
    } else if (!cli->json) {
        printf(
            "%s %s%s%s%s%s\n", text_of(now, "thing"), text_of(now, "status"),
            reason[0] != '\0' ? " " : "", reason, detail[0] != '\0' ? ": " : "", detail);
        fflush(stdout);
    }
    show_path(cli, before, now);
}

/* DR_EXIT_… once everything has ended, else -1. */
static int compare(struct dr_cli *cli, json_t *before, json_t *now)
{
    int worst = json_object_size(now) == 0 ? -1 : DR_EXIT_DONE;
    bool open = false;
    const char *thing;
    json_t *execution;
    json_object_foreach(now, thing, execution)
    {
        int result = outcome(text_of(execution, "status"));
        if (!cli->json) {
            dr_cli_tame(execution); /* the thing's own words */
        }
        show_change(cli, json_object_get(before, thing), execution);
        open = open || result < 0;
        if (result > 0 && (worst == DR_EXIT_DONE || result < worst)) {
            worst = result;
        }
    }
    return open ? -1 : worst;
}

/* Once for each time that it is away. */
static void tell_away(struct dr_cli *cli, bool *told)
{
    if (!*told && !cli->json) {
        fputs("the cloud does not answer; waiting for it\n", stderr);
    }
    *told = true;
}

static int never_answered(struct dr_cli *cli, const char *update_id, uint64_t timeout_s)
{
    (void)dr_cli_error(
        cli, "the cloud did not answer for %llu s; `daruma update watch %s` tries again",
        (unsigned long long)timeout_s, update_id);
    return DR_EXIT_TIMEOUT;
}

int dr_update_await(
    struct dr_cli *cli, struct dr_aws *aws, const char *update_id, uint64_t *timeout_s)
{
    int64_t whole_s = (int64_t)(*timeout_s < INT32_MAX ? *timeout_s : INT32_MAX);
    int64_t end_s = now_s() + whole_s;
    bool told = false;
    dr_aws_set_patient(aws, whole_s > 0);
    int result = dr_update_find(cli, aws, update_id, NULL);
    while (result != 0 && whole_s > 0 && dr_aws_unreachable(aws)) { /* bound: end_s */
        if (now_s() >= end_s) {
            result = never_answered(cli, update_id, *timeout_s);
            break;
        }
        tell_away(cli, &told);
        usleep(POLL_INTERVAL_US);
        result = dr_update_find(cli, aws, update_id, NULL);
    }
    dr_aws_set_patient(aws, false);
    if (whole_s > 0) { /* 0 would be to look once: what is left is a second at least */
        *timeout_s = end_s > now_s() ? (uint64_t)(end_s - now_s()) : 1u;
    }
    return result;
}

/* The executions now; waits for a cloud that does not answer. NULL after an error line, or when the
 * time is up. */
static json_t *
fetch_patiently(struct dr_cli *cli, struct dr_aws *aws, const char *job_id, int64_t end_s)
{
    bool told = false;
    for (;;) { /* bound: end_s */
        json_t *all = fetch_all(aws, job_id);
        if (all != NULL || !dr_aws_unreachable(aws) || now_s() >= end_s) {
            return all;
        }
        tell_away(cli, &told);
        usleep(POLL_INTERVAL_US);
    }
}

/* Why a thing has not begun, as far as the cloud knows; "" when nothing speaks against it. */
static void why_queued(struct dr_aws *aws, const char *thing, char *out, size_t capacity_bytes)
{
    char encoded[3 * 128 + 1];
    char target[TARGET_BYTES];
    struct dr_aws_response response;
    out[0] = '\0';
    if (strlen(thing) > 128) {
        return;
    }
    dr_aws_encode(thing, encoded);
    snprintf(target, sizeof(target), "/daruma/things/%s/state", encoded);
    if (dr_aws_request(aws, "iot", "GET", target, NULL, NULL, 0, &response) == 0 &&
        response.status == 200) {
        dr_cli_tame(response.json);
        const json_t *report = json_object_get(response.json, "report");
        const char *state = text_of(report, "state");
        if (!json_is_true(json_object_get(response.json, "connected"))) {
            snprintf(out, capacity_bytes, "%s is offline: it is told when it connects", thing);
        } else if (strcmp(state, "confirmed") == 0 || strcmp(state, "candidate") == 0) {
            snprintf(
                out, capacity_bytes,
                "%s runs %s, %s and not sealed yet: it begins once that is sealed (an hour, "
                "where the image's --limits say nothing else)",
                thing, text_of(report, "version"), state);
        }
    }
    dr_aws_response_free(&response);
}

/* told: thing -> what was said of it last. */
static void explain_queued(struct dr_aws *aws, json_t *all, json_t *told)
{
    const char *thing;
    json_t *execution;
    json_object_foreach(all, thing, execution)
    {
        char why[512];
        if (strcmp(text_of(execution, "status"), "QUEUED") != 0) {
            continue;
        }
        why_queued(aws, thing, why, sizeof(why));
        if (why[0] != '\0' && strcmp(why, text_of(told, thing)) != 0) {
            fprintf(stderr, "%s\n", why);
            json_object_set_new(told, thing, json_string(why));
        }
    }
}

/* What Ctrl-C says: leaving a wait is not stopping an update. Ready before, as a handler may do
 * little. */
static char farewell[320];

static void on_interrupt(int number)
{
    ssize_t ignored = write(STDERR_FILENO, farewell, strlen(farewell));
    (void)ignored;
    (void)raise(number); /* by default now: whoever started this sees how it ended */
}

static void arm_farewell(const char *update_id)
{
    const struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
    snprintf(
        farewell, sizeof(farewell),
        "\nupdate %s goes on; `daruma update watch %s` follows it, `daruma update cancel %s` ends "
        "it\n",
        update_id, update_id, update_id);
    (void)sigaction(SIGINT, &action, NULL);
}

/* A job without executions that does not wait for any: its things were deleted. Said, if so. */
static bool has_lost_its_things(struct dr_cli *cli, struct dr_aws *aws, const char *update_id)
{
    json_t *job = NULL;
    if (dr_update_find(cli, aws, update_id, &job) != 0) {
        return !dr_aws_unreachable(aws);
    }
    const char *status = text_of(job, "status");
    bool ended = status[0] != '\0' && strcmp(status, "IN_PROGRESS") != 0;
    json_decref(job);
    if (ended) {
        (void)dr_cli_error(
            cli, "update %s has ended, and the things it was for are deleted", update_id);
    }
    return ended;
}

/* Until all have ended or the time is up. *ret_last: what was seen last, NULL after an error, and
 * when the cloud never answered (-1 is returned). */
static int follow(
    struct dr_cli *cli, struct dr_aws *aws, const char *update_id, uint64_t timeout_s,
    json_t **ret_last)
{
    char job_id[128];
    json_t *last = NULL;
    int result = -1;
    json_t *told = cli->json ? NULL : json_object();
    int64_t explain_s = now_s() + EXPLAIN_EVERY_S;
    int64_t end_s = now_s() + (int64_t)(timeout_s < INT32_MAX ? timeout_s : INT32_MAX);
    dr_update_job_id(update_id, job_id);
    for (;;) { /* bound: end_s */
        dr_aws_set_patient(aws, last != NULL || timeout_s > 0);
        json_t *all = fetch_patiently(cli, aws, job_id, end_s);
        if (all == NULL && dr_aws_unreachable(aws) && (last != NULL || timeout_s > 0)) {
            break;
        }
        if (all == NULL ||
            (json_object_size(all) == 0 && has_lost_its_things(cli, aws, update_id))) {
            json_decref(all);
            json_decref(last);
            last = NULL;
            result = DR_EXIT_ERROR;
            break;
        }
        result = compare(cli, last, all);
        json_decref(last);
        last = all;
        if (result >= 0 || now_s() >= end_s) {
            break;
        }
        if (told != NULL && now_s() >= explain_s) {
            explain_s = now_s() + EXPLAIN_EVERY_S;
            explain_queued(aws, last, told);
        }
        usleep(POLL_INTERVAL_US);
    }
    json_decref(told);
    *ret_last = last;
    return result;
}

int dr_update_follow(
    struct dr_cli *cli, struct dr_aws *aws, const char *update_id, uint64_t timeout_s)
{
    json_t *before = NULL;
    arm_farewell(update_id);
    int result = follow(cli, aws, update_id, timeout_s, &before);
    (void)signal(SIGINT, SIG_DFL);
    dr_aws_set_patient(aws, false);
    if (before == NULL) {
        return result >= 0 ? DR_EXIT_ERROR : never_answered(cli, update_id, timeout_s);
    }
    if (cli->json) {
        json_t *shown = json_pack("{s:s, s:O}", "updateId", update_id, "executions", before);
        if (dr_cli_print_json(cli, shown) != DR_EXIT_DONE) {
            result = DR_EXIT_ERROR;
        }
    }
    json_decref(before);
    if (result >= 0 || timeout_s == 0) {
        return result >= 0 ? result : DR_EXIT_DONE;
    }
    if (!cli->json) {
        fprintf(
            stderr, "daruma %s %s: not finished after %llu s; `daruma update watch %s` goes on\n",
            cli->verb->noun, cli->verb->verb, (unsigned long long)timeout_s, update_id);
    }
    return DR_EXIT_TIMEOUT;
}
