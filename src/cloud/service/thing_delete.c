/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A thing goes, and with it what it was doing: that is why this is not in the registry. */
#include "cloud/service/thing_delete.h"
#include "cloud/registry/frame.h"
#include "cloud/service/executions_priv.h"

struct thing_deletion {
    const char *name;
    int64_t expected_version; /* 0: any */
};

static enum dr_status run_delete(struct dr_act *act, struct dr_db *db)
{
    const struct thing_deletion *write = act->arguments;
    int64_t version = 0;
    int64_t attached = 0;
    enum dr_status status = dr_db_int(
        db, "SELECT version FROM thing WHERE name = ?1", DR_VALUES(dr_value_text(write->name)),
        &version);
    if (status == DR_E_NOT_FOUND) {
        act->is_change = false;
        return DR_OK;
    }
    DR_TRY(status);
    if (write->expected_version != 0 && write->expected_version != version) {
        return dr_call_fail(
            act->call, DR_E_CONFLICT, DR_CODE_VERSION, "Thing %s has version %lld, not %lld",
            write->name, (long long)version, (long long)write->expected_version);
    }
    DR_TRY(dr_db_int(
        db, "SELECT count(*) FROM thing_principal WHERE thing = ?1",
        DR_VALUES(dr_value_text(write->name)), &attached));
    if (attached != 0) {
        return dr_call_fail(
            act->call, DR_E_STATE, DR_CODE_INVALID,
            "Thing %s still has principals attached: detach them first", write->name);
    }
    DR_TRY(dr_db_run(
        db, "DELETE FROM device_state WHERE thing = ?1", DR_VALUES(dr_value_text(write->name))));
    DR_TRY(dr_db_run(
        db, "DELETE FROM timeline WHERE thing = ?1", DR_VALUES(dr_value_text(write->name))));
    DR_TRY(dr_db_run(
        db, "DELETE FROM session WHERE client_id = ?1 AND connected = 0",
        DR_VALUES(dr_value_text(write->name))));
    DR_TRY(dr_executions_remove_thing(act->call, db, write->name));
    return dr_db_run(
        db, "DELETE FROM thing WHERE name = ?1", DR_VALUES(dr_value_text(write->name)));
}

enum dr_status
dr_service_delete_thing(struct dr_call *call, const char *name, int64_t expected_version)
{
    struct thing_deletion write = {.name = name, .expected_version = expected_version};
    struct dr_act act = {
        .call = call,
        .action = "DeleteThing",
        .resource = name,
        .run = run_delete,
        .arguments = &write};
    return dr_act_write(&act);
}
