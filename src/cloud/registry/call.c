/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What every operator call shares: outcomes, ARNs, transactions, audit. */
#include "base/check.h"
#include "cloud/registry/frame.h"
#include "cloud/store/audit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum dr_status
dr_call_fail(struct dr_call *call, enum dr_status status, const char *code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(call->message, sizeof call->message, format, arguments);
    va_end(arguments);
    call->code = code;
    return status;
}

enum dr_status dr_call_invalid(struct dr_call *call, const char *message)
{
    return dr_call_fail(call, DR_E_ARGUMENT, DR_CODE_INVALID, "%s", message);
}

enum dr_status dr_call_not_found(struct dr_call *call, const char *what, const char *name)
{
    return dr_call_fail(
        call, DR_E_NOT_FOUND, DR_CODE_NOT_FOUND, "%s %.200s does not exist", what, name);
}

enum dr_status dr_call_outcome(struct dr_call *call, enum dr_status status)
{
    if (status == DR_OK) {
        call->code = NULL;
        call->message[0] = '\0';
        return DR_OK;
    }
    if (call->code != NULL) {
        return status;
    }
    if (status == DR_E_SPACE) {
        return dr_call_fail(
            call, status, DR_CODE_UNAVAILABLE, "the store is full: nothing was changed");
    }
    if (status == DR_E_BUSY) {
        return dr_call_fail(call, status, DR_CODE_UNAVAILABLE, "the store is busy: try again");
    }
    return dr_call_fail(
        call, status, DR_CODE_INTERNAL, "the store failed: %s", dr_status_text(status));
}

void dr_call_arn(const struct dr_call *call, const char *kind, const char *name, char *out)
{
    const char *region = call->region != NULL ? call->region : call->service->region;
    (void)snprintf(
        out, DR_ARN_SIZE, "arn:aws:iot:%.32s:%.16s:%.32s/%.160s", region, call->service->account,
        kind, name);
}

const char *dr_call_arn_name(const struct dr_call *call, const char *kind, const char *text)
{
    if (strncmp(text, "arn:", 4) != 0) {
        return strchr(text, ':') == NULL || strcmp(kind, "thing") == 0 ? text : NULL;
    }
    static const char prefix[] = "arn:aws:iot:";
    if (strncmp(text, prefix, sizeof prefix - 1) != 0) {
        return NULL;
    }
    const char *account = strchr(text + sizeof prefix - 1, ':'); /* any region is ours */
    size_t account_len = strlen(call->service->account);
    if (account == NULL || strncmp(account + 1, call->service->account, account_len) != 0 ||
        account[1 + account_len] != ':') {
        return NULL;
    }
    const char *rest = account + account_len + 2;
    size_t kind_len = strlen(kind);
    bool fits = strncmp(rest, kind, kind_len) == 0 && rest[kind_len] == '/';
    return fits ? rest + kind_len + 1 : NULL;
}

void dr_changes_add(struct dr_changes *changes, const char *certificate_id)
{
    for (size_t i = 0; i < changes->count; i++) {
        if (strcmp(changes->ids[i], certificate_id) == 0) {
            return;
        }
    }
    if (changes->count == DR_CHANGES_MAX) {
        changes->all = true;
        return;
    }
    (void)snprintf(
        changes->ids[changes->count], sizeof changes->ids[changes->count], "%s", certificate_id);
    changes->count++;
}

static enum dr_status run_act(void *context, struct dr_db *db)
{
    struct dr_act *act = context;
    act->call->code = NULL;
    act->call->resource[0] = '\0';
    act->changes.all = false;
    act->changes.count = 0;
    act->is_change = true;
    DR_TRY(act->run(act, db));
    if (!act->is_change) {
        return DR_OK;
    }
    struct dr_audit_entry entry = {
        .at_ms = act->call->now_ms,
        .actor = act->call->actor,
        .action = act->action,
        .resource = act->resource,
        .detail = "",
    };
    return dr_audit_add(db, &entry);
}

enum dr_status dr_act_write(struct dr_act *act)
{
    DR_CHECK(act->call->service != NULL && act->call->actor != NULL);
    act->call->code = NULL;
    enum dr_status status = dr_store_write(act->call->service->store, run_act, act);
    if (status == DR_OK) {
        dr_service_tell_changes(act->call->service, &act->changes);
    }
    return dr_call_outcome(act->call, status);
}

enum dr_status dr_call_read(
    struct dr_call *call,
    enum dr_status (*run)(struct dr_call *call, struct dr_db *db, void *arguments), void *arguments)
{
    struct dr_db *db = NULL;
    call->code = NULL;
    call->resource[0] = '\0';
    enum dr_status status = dr_store_read_begin(call->service->store, &db);
    if (status == DR_OK) {
        status = run(call, db, arguments);
        dr_store_read_end(call->service->store, db);
    }
    return dr_call_outcome(call, status);
}
