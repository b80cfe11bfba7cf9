/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Which certificates speak for which things. */
#include "cloud/registry/frame.h"
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

struct listing {
    struct dr_lister lister;
    const char *name;
};

static enum dr_status run_principals(struct dr_call *call, struct dr_db *db, void *arguments)
{
    struct listing *listing = arguments;
    struct dr_rows rows;
    DR_TRY(dr_thing_require(call, db, listing->name));
    dr_db_select(
        db, &rows,
        "SELECT certificate FROM thing_principal WHERE thing = ?1 AND certificate > ?2"
        " ORDER BY certificate",
        DR_VALUES(dr_value_text(listing->name), dr_value_text(listing->lister.token)));
    bool goes_on = true;
    while (goes_on && dr_rows_next(&rows)) { /* bound: one page */
        char arn[DR_ARN_SIZE];
        dr_call_arn(call, "cert", dr_rows_text(&rows, 0), arn);
        goes_on = dr_lister_add(&listing->lister, json_string(arn), dr_rows_text(&rows, 0));
    }
    return dr_rows_end(&rows);
}

enum dr_status dr_service_list_thing_principals(
    struct dr_call *call, const char *thing, const struct dr_page *page, json_t **ret_body)
{
    struct listing listing = {.name = thing};
    dr_lister_begin(&listing.lister, page);
    enum dr_status status = dr_call_read(call, run_principals, &listing);
    return dr_lister_end(&listing.lister, status, "principals", "nextToken", ret_body);
}

static enum dr_status run_things(struct dr_call *call, struct dr_db *db, void *arguments)
{
    struct listing *listing = arguments;
    struct dr_rows rows;
    DR_TRY(dr_certificate_require(call, db, listing->name));
    dr_db_select(
        db, &rows,
        "SELECT thing FROM thing_principal WHERE certificate = ?1 AND thing > ?2 ORDER BY thing",
        DR_VALUES(dr_value_text(listing->name), dr_value_text(listing->lister.token)));
    bool goes_on = true;
    while (goes_on && dr_rows_next(&rows)) { /* bound: one page */
        const char *thing = dr_rows_text(&rows, 0);
        goes_on = dr_lister_add(&listing->lister, json_string(thing), thing);
    }
    return dr_rows_end(&rows);
}

enum dr_status dr_service_list_principal_things(
    struct dr_call *call, const char *principal, const struct dr_page *page, json_t **ret_body)
{
    struct listing listing = {.name = NULL};
    DR_TRY(dr_certificate_named(call, principal, &listing.name));
    dr_lister_begin(&listing.lister, page);
    enum dr_status status = dr_call_read(call, run_things, &listing);
    return dr_lister_end(&listing.lister, status, "things", "nextToken", ret_body);
}
