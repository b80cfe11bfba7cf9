/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* How long does a commit keep others waiting? A job for many things is made, and its executions
 * come into being chunk by chunk, while a small change is written over and over, as devices would.
 *
 *   commit_time THINGS      prints one JSON object
 */
#include "tests/unit/cloud_world.h"

#include <time.h>

#define ARN "arn:aws:iot:local:000000000000:thing/"

static double clock_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Straight into the table: the API is not what is measured. */
static enum dr_status insert_things(void *context, struct dr_db *db)
{
    const unsigned *count = context;
    for (unsigned i = 0; i < *count; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "t%06u", i);
        DR_TRY(dr_db_run(
            db,
            "INSERT INTO thing(name, uuid, attributes, version, created_ms)"
            " VALUES(?1, ?1, '{}', 1, 1)",
            DR_VALUES(dr_value_text(name))));
    }
    return DR_OK;
}

static enum dr_status write_little(void *context, struct dr_db *db)
{
    (void)context;
    return dr_db_run(
        db, "UPDATE thing SET version = version + 1 WHERE name = 't000000'", DR_NO_VALUES);
}

static int64_t executions(void)
{
    struct dr_db *db = NULL;
    int64_t count = -1;
    if (dr_store_read_begin(w.store, &db) == DR_OK) {
        if (dr_db_int(db, "SELECT count(*) FROM execution", DR_NO_VALUES, &count) != DR_OK) {
            count = -1;
        }
        dr_store_read_end(w.store, db);
    }
    return count;
}

struct creation {
    json_t *body;
    enum dr_status status;
};

static void *make_job(void *context)
{
    struct creation *creation = context;
    json_t *answer = NULL;
    struct dr_call call = {.service = w.service, .now_ms = w.now_ms, .actor = "operator"};
    creation->status = dr_service_create_job(&call, "bench", creation->body, &answer);
    json_decref(answer);
    return NULL;
}

static json_t *job_body(unsigned things)
{
    json_t *targets = json_array();
    for (unsigned i = 0; i < things; i++) {
        char arn[sizeof ARN + 16];
        (void)snprintf(arn, sizeof arn, ARN "t%06u", i);
        (void)json_array_append_new(targets, json_string(arn));
    }
    return json_pack("{s:o, s:s}", "targets", targets, "document", "{}");
}

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

#define WAITS_MAX 200000u

/* Write until all executions are there. Returns how many times, 0 when the store failed. */
static size_t watch(unsigned things, double *waits)
{
    size_t count = 0;
    do { /* bound: WAITS_MAX */
        double from = clock_ms();
        if (dr_store_write(w.store, write_little, NULL) != DR_OK) {
            return 0;
        }
        waits[count++] = clock_ms() - from;
    } while (count < WAITS_MAX && executions() < (int64_t)things);
    return count;
}

int main(int argc, char **argv)
{
    static double waits[WAITS_MAX];
    unsigned things = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    pthread_t thread;
    if (things == 0 || things > DR_JOB_TARGETS_OWN_MAX) {
        fprintf(stderr, "usage: commit_time THINGS      1 to %u\n", DR_JOB_TARGETS_OWN_MAX);
        return 64;
    }
    struct creation creation = {.status = DR_E_INTERNAL};
    if (!world_begin() || dr_store_write(w.store, insert_things, &things) != DR_OK ||
        (creation.body = job_body(things)) == NULL) {
        fprintf(stderr, "commit_time: no store\n");
        return 1;
    }
    (void)dr_store_take_longest_commit_us(w.store);
    double from = clock_ms();
    if (pthread_create(&thread, NULL, make_job, &creation) != 0) {
        return 1;
    }
    size_t count = watch(things, waits);
    double took = clock_ms() - from;
    pthread_join(thread, NULL);
    if (count == 0 || creation.status != DR_OK || executions() != (int64_t)things) {
        fprintf(stderr, "commit_time: the job was not made\n");
        return 1;
    }
    qsort(waits, count, sizeof waits[0], by_value);
    printf(
        "{\"executions\": %u, \"all_ms\": %.1f, \"longest_commit_ms\": %.2f, \"writes\": %zu, "
        "\"median_wait_ms\": %.2f, \"longest_wait_ms\": %.2f}\n",
        things, took, (double)dr_store_take_longest_commit_us(w.store) / 1e3, count,
        waits[count / 2], waits[count - 1]);
    json_decref(creation.body);
    world_end();
    return 0;
}
