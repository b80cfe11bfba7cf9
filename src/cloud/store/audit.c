/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/store/audit.h"

enum dr_status dr_audit_add(struct dr_db *db, const struct dr_audit_entry *entry)
{
    return dr_db_run(
        db, "INSERT INTO audit(at_ms, actor, action, resource, detail) VALUES(?1, ?2, ?3, ?4, ?5)",
        DR_VALUES(
            dr_value_int(entry->at_ms), dr_value_text(entry->actor), dr_value_text(entry->action),
            dr_value_text(entry->resource), dr_value_text(entry->detail)));
}

enum dr_status dr_timeline_add(
    struct dr_db *db, const char *thing, int64_t at_ms, const char *kind, const char *body)
{
    DR_TRY(dr_db_run(
        db, "INSERT INTO timeline(thing, at_ms, kind, body) VALUES(?1, ?2, ?3, ?4)",
        DR_VALUES(
            dr_value_text(thing), dr_value_int(at_ms), dr_value_text(kind), dr_value_text(body))));
    return dr_db_run(
        db,
        "DELETE FROM timeline WHERE thing = ?1 AND id <="
        " (SELECT id FROM timeline WHERE thing = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
        DR_VALUES(dr_value_text(thing), dr_value_int(DR_TIMELINE_PER_THING)));
}
