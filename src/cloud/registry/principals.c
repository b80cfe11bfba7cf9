/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Which certificates speak for which things. */
#include "cloud/registry/frame.h"
#include "cloud/registry/page.h"
#include "cloud/registry/things.h"

struct attachment {
    const char *thing;
    const char *certificate;
    bool exclusive;
};

static enum dr_status run_attach(struct dr_act *act, struct dr_db *db)
{
    const struct attachment *attachment = act->arguments;
    int64_t others = 0;
    DR_TRY(dr_thing_require(act->call, db, attachment->thing));
    DR_TRY(dr_certificate_require(act->call, db, attachment->certificate));
    DR_TRY(dr_db_int(
        db,
        "SELECT count(*) FROM thing_principal WHERE certificate = ?1 AND thing <> ?2"
        " AND (exclusive = 1 OR ?3 = 1)",
        DR_VALUES(
            dr_value_text(attachment->certificate), dr_value_text(attachment->thing),
            dr_value_int(attachment->exclusive)),
        &others));
    if (others != 0) {
        return dr_call_invalid(
            act->call, "the principal is attached to another thing, and one of the attachments is "
                       "exclusive");
    }
    dr_changes_add(&act->changes, attachment->certificate);
    return dr_db_run(
        db,
        "INSERT INTO thing_principal(thing, certificate, exclusive) VALUES(?1, ?2, ?3)"
        " ON CONFLICT(thing, certificate) DO UPDATE SET exclusive = ?3",
        DR_VALUES(
            dr_value_text(attachment->thing), dr_value_text(attachment->certificate),
            dr_value_int(attachment->exclusive)));
}

static enum dr_status run_detach(struct dr_act *act, struct dr_db *db)
{
    const struct attachment *attachment = act->arguments;
    DR_TRY(dr_thing_require(act->call, db, attachment->thing));
    DR_TRY(dr_certificate_require(act->call, db, attachment->certificate));
    DR_TRY(dr_db_run(
        db, "DELETE FROM thing_principal WHERE thing = ?1 AND certificate = ?2",
        DR_VALUES(dr_value_text(attachment->thing), dr_value_text(attachment->certificate))));
    if (dr_db_changes(db) == 0) {
        return dr_call_not_found(act->call, "Attachment of principal", attachment->certificate);
    }
    dr_changes_add(&act->changes, attachment->certificate);
    return DR_OK;
}

enum dr_status dr_service_attach_thing_principal(
    struct dr_call *call, const char *thing, const char *principal, bool exclusive)
{
    struct attachment attachment = {.thing = thing, .exclusive = exclusive};
    DR_TRY(dr_certificate_named(call, principal, &attachment.certificate));
    struct dr_act act = {
        .call = call,
        .action = "AttachThingPrincipal",
        .resource = thing,
        .run = run_attach,
        .arguments = &attachment};
    return dr_act_write(&act);
}

enum dr_status
dr_service_detach_thing_principal(struct dr_call *call, const char *thing, const char *principal)
{
    struct attachment attachment = {.thing = thing};
    DR_TRY(dr_certificate_named(call, principal, &attachment.certificate));
    struct dr_act act = {
        .call = call,
        .action = "DetachThingPrincipal",
        .resource = thing,
        .run = run_detach,
        .arguments = &attachment};
    return dr_act_write(&act);
}

enum dr_status dr_service_list_thing_principals(
    struct dr_call *call, const char *thing, const struct dr_page *page, json_t **ret_body)
{
    const struct dr_list list = {
        .sql = "SELECT certificate FROM thing_principal WHERE thing = ?3 AND certificate > ?1"
               " ORDER BY certificate LIMIT ?2",
        .values = DR_VALUES(dr_value_text(thing)),
        .require = dr_thing_require,
        .owner = thing,
        .item = dr_certificate_arn_item,
        .items_name = "principals",
        .token_name = "nextToken"};
    return dr_list_read(call, &list, page, ret_body);
}

static json_t *
thing_name_item(const struct dr_call *call, const struct dr_rows *row, const void *context)
{
    (void)call;
    (void)context;
    return json_string(dr_rows_text(row, 0));
}

enum dr_status dr_service_list_principal_things(
    struct dr_call *call, const char *principal, const struct dr_page *page, json_t **ret_body)
{
    const char *id = NULL;
    DR_TRY(dr_certificate_named(call, principal, &id));
    const struct dr_list list = {
        .sql = "SELECT thing FROM thing_principal WHERE certificate = ?3 AND thing > ?1"
               " ORDER BY thing LIMIT ?2",
        .values = DR_VALUES(dr_value_text(id)),
        .require = dr_certificate_require,
        .owner = id,
        .item = thing_name_item,
        .items_name = "things",
        .token_name = "nextToken"};
    return dr_list_read(call, &list, page, ret_body);
}
