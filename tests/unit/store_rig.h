/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A store in a scratch directory, for the tests of cloud/store. */
#ifndef DR_TESTS_UNIT_STORE_RIG_H
#define DR_TESTS_UNIT_STORE_RIG_H

#include "cloud/store/audit.h"
#include "cloud/store/store.h"
#include "tests/unit/check.h"
#include "tests/unit/scratch.h"

static char directory[DR_SCRATCH_SIZE];
static char path[128];
static char error[DR_STORE_ERROR_SIZE];
static struct dr_store *store;

static inline enum dr_status open_store(uint32_t max_pages)
{
    struct dr_store_options options = {.path = path, .max_pages = max_pages};
    return dr_store_open(&options, &store, error);
}

static inline bool begin(void)
{
    if (!dr_scratch_make(directory)) {
        return false;
    }
    snprintf(path, sizeof path, "%s/daruma.db", directory);
    return true;
}

static inline void end(void)
{
    EXPECT(dr_scratch_remove(directory));
}

/* A row of the audit serves as something to write. */
static inline enum dr_status write_row(struct dr_db *db, const char *actor)
{
    struct dr_audit_entry entry = {
        .at_ms = 1, .actor = actor, .action = "Test", .resource = "r", .detail = ""};
    return dr_audit_add(db, &entry);
}

/* -1 on failure. Any thread. */
static inline int64_t count_rows(const char *actor)
{
    struct dr_db *db = NULL;
    int64_t count = -1;
    if (dr_store_read_begin(store, &db) != DR_OK) {
        return -1;
    }
    enum dr_status status = dr_db_int(
        db, "SELECT count(*) FROM audit WHERE actor = ?1", DR_VALUES(dr_value_text(actor)), &count);
    dr_store_read_end(store, db);
    return status == DR_OK ? count : -1;
}

static inline enum dr_status run_row(void *context, struct dr_db *db)
{
    return write_row(db, context);
}

static char actor_a[] = "a";

#endif
