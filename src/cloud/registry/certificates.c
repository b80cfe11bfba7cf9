/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/registry/certificates.h"

#include "base/secret.h"
#include "cloud/pki/pki.h"
#include "cloud/registry/frame.h"
#include "cloud/registry/page.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_COMMON_NAME "Daruma device"

static const char *const status_words[] = {
    [DR_CERTIFICATE_INACTIVE] = "INACTIVE",
    [DR_CERTIFICATE_ACTIVE] = "ACTIVE",
    [DR_CERTIFICATE_REVOKED] = "REVOKED",
    [DR_CERTIFICATE_PENDING_ACTIVATION] = "PENDING_ACTIVATION",
};
#define STATUS_COUNT (sizeof status_words / sizeof status_words[0])

static const char *status_word(int64_t status)
{
    return status >= 0 && (size_t)status < STATUS_COUNT ? status_words[status] : "UNKNOWN";
}

/* What a caller may ask for: ACTIVE, INACTIVE, REVOKED. */
static enum dr_status
status_named(struct dr_call *call, const char *word, enum dr_certificate_status *ret_status)
{
    for (size_t i = 0; i <= DR_CERTIFICATE_REVOKED; i++) {
        if (strcmp(status_words[i], word) == 0) {
            *ret_status = (enum dr_certificate_status)i;
            return DR_OK;
        }
    }
    return dr_call_invalid(call, "the status must be ACTIVE, INACTIVE or REVOKED");
}

enum dr_status
dr_certificate_named(struct dr_call *call, const char *principal, const char **ret_id)
{
    const char *id = principal != NULL ? dr_call_arn_name(call, "cert", principal) : NULL;
    if (!dr_name_certificate(id)) {
        return dr_call_invalid(call, "the principal is not the ARN of a certificate here");
    }
    *ret_id = id;
    return DR_OK;
}

enum dr_status dr_certificate_require(struct dr_call *call, struct dr_db *db, const char *id)
{
    int64_t one = 0;
    enum dr_status status = dr_db_int(
        db, "SELECT 1 FROM certificate WHERE id = ?1", DR_VALUES(dr_value_text(id)), &one);
    return status == DR_E_NOT_FOUND ? dr_call_not_found(call, "Certificate", id) : status;
}

struct certificate_write {
    const struct dr_pki_certificate *certificate;
    enum dr_certificate_status status;
};

static enum dr_status run_add(struct dr_act *act, struct dr_db *db)
{
    const struct certificate_write *write = act->arguments;
    const struct dr_pki_certificate *certificate = write->certificate;
    enum dr_status status = dr_db_run(
        db,
        "INSERT INTO certificate(id, pem, status, created_ms, modified_ms, not_before_s,"
        " not_after_s) VALUES(?1, ?2, ?3, ?4, ?4, ?5, ?6)",
        DR_VALUES(
            dr_value_text(certificate->id_text), dr_value_text(certificate->pem),
            dr_value_int((int64_t)write->status), dr_value_int(act->call->now_ms),
            dr_value_int(certificate->not_before_s), dr_value_int(certificate->not_after_s)));
    if (status == DR_E_EXISTS) {
        dr_call_arn(act->call, "cert", certificate->id_text, act->call->resource);
        return dr_call_fail(
            act->call, DR_E_EXISTS, DR_CODE_EXISTS, "the certificate is already registered");
    }
    dr_changes_add(&act->changes, certificate->id_text);
    return status;
}

/* Store the certificate and make the answer that all three ways of adding one share. */
static enum dr_status
add(struct dr_call *call, const char *action, const struct certificate_write *write,
    json_t **ret_body)
{
    struct certificate_write copy = *write;
    struct dr_act act = {
        .call = call,
        .action = action,
        .resource = write->certificate->id_text,
        .run = run_add,
        .arguments = &copy};
    DR_TRY(dr_act_write(&act));
    char arn[DR_ARN_SIZE];
    dr_call_arn(call, "cert", write->certificate->id_text, arn);
    *ret_body = json_pack(
        "{s:s, s:s, s:s}", "certificateArn", arn, "certificateId", write->certificate->id_text,
        "certificatePem", write->certificate->pem);
    return DR_OK;
}

static enum dr_status require_authority(struct dr_call *call)
{
    if (call->service->device_authority != NULL) {
        return DR_OK;
    }
    return dr_call_fail(call, DR_E_STATE, DR_CODE_UNAVAILABLE, "this service holds no device CA");
}

enum dr_status
dr_service_create_keys_and_certificate(struct dr_call *call, bool set_active, json_t **ret_body)
{
    DR_TRY(require_authority(call));
    struct dr_pki_identity *identity = malloc(sizeof *identity);
    if (identity == NULL) {
        return dr_call_outcome(call, DR_E_INTERNAL);
    }
    enum dr_status status = dr_pki_create_identity(
        call->service->device_authority, DR_PKI_RSA_2048, DEFAULT_COMMON_NAME, DR_PKI_DEVICE,
        call->now_ms / 1000, identity);
    if (status != DR_OK) {
        status = dr_call_fail(call, status, DR_CODE_INTERNAL, "the key could not be made");
    }
    if (status == DR_OK) {
        struct certificate_write write = {
            .certificate = &identity->certificate,
            .status = set_active ? DR_CERTIFICATE_ACTIVE : DR_CERTIFICATE_INACTIVE,
        };
        status = add(call, "CreateKeysAndCertificate", &write, ret_body);
    }
    if (status == DR_OK) {
        json_t *pair = json_object();
        dr_json_set_text(pair, "PublicKey", identity->public_pem);
        dr_json_set_text(pair, "PrivateKey", identity->private_pem);
        dr_json_set(*ret_body, "keyPair", pair);
    }
    dr_wipe(identity, sizeof *identity);
    free(identity);
    return status;
}

static enum dr_status csr_failed(struct dr_call *call, enum dr_status status)
{
    if (status == DR_E_AUTH) {
        return dr_call_invalid(call, "the request's own signature does not fit its key");
    }
    if (status == DR_E_UNSUPPORTED) {
        return dr_call_invalid(call, "the key must be EC P-256, or RSA of 2048 to 4096 bits");
    }
    return dr_call_invalid(call, "certificateSigningRequest is not a request in PEM");
}

enum dr_status dr_service_create_certificate_from_csr(
    struct dr_call *call, const char *csr_pem, const char *common_name, bool recovery,
    bool set_active, json_t **ret_body)
{
    DR_TRY(require_authority(call));
    if (common_name != NULL && strlen(common_name) > DR_PKI_NAME_MAX) {
        return dr_call_invalid(
            call, "a certificate bears the thing's name, and has room for 64 characters of it");
    }
    struct dr_pki_certificate *certificate = malloc(sizeof *certificate);
    if (certificate == NULL) {
        return dr_call_outcome(call, DR_E_INTERNAL);
    }
    enum dr_status status = dr_pki_sign_request(
        call->service->device_authority, csr_pem, strlen(csr_pem),
        common_name != NULL ? common_name : DEFAULT_COMMON_NAME,
        recovery ? DR_PKI_RECOVERY : DR_PKI_DEVICE, call->now_ms / 1000, certificate);
    if (status != DR_OK) {
        status = csr_failed(call, status);
    } else {
        struct certificate_write write = {
            .certificate = certificate,
            .status = set_active ? DR_CERTIFICATE_ACTIVE : DR_CERTIFICATE_INACTIVE,
        };
        status = add(call, "CreateCertificateFromCsr", &write, ret_body);
    }
    free(certificate);
    return status;
}

enum dr_status dr_service_register_certificate(
    struct dr_call *call, const char *pem, const char *status_name, json_t **ret_body)
{
    struct certificate_write write = {.status = DR_CERTIFICATE_INACTIVE};
    if (status_name != NULL) {
        DR_TRY(status_named(call, status_name, &write.status));
    }
    struct dr_pki_certificate *certificate = malloc(sizeof *certificate);
    if (certificate == NULL) {
        return dr_call_outcome(call, DR_E_INTERNAL);
    }
    enum dr_status status = dr_pki_certificate_parse(pem, strlen(pem), certificate);
    if (status != DR_OK) {
        status = dr_call_fail(
            call, status, DR_CODE_CERTIFICATE, "certificatePem is not one certificate in PEM");
    } else {
        write.certificate = certificate;
        status = add(call, "RegisterCertificateWithoutCA", &write, ret_body);
    }
    if (status == DR_OK) {
        (void)json_object_del(*ret_body, "certificatePem");
    }
    free(certificate);
    return status;
}

struct describe {
    const char *id;
    json_t *body;
};

static json_t *
description_json(const struct dr_call *call, const char *id, const struct dr_rows *rows)
{
    char arn[DR_ARN_SIZE];
    json_t *description = json_object();
    dr_call_arn(call, "cert", id, arn);
    dr_json_set_text(description, "certificateArn", arn);
    dr_json_set_text(description, "certificateId", id);
    dr_json_set_text(description, "status", status_word(dr_rows_int(rows, 1)));
    dr_json_set_text(description, "certificatePem", dr_rows_text(rows, 0));
    dr_json_set_text(description, "ownedBy", call->service->account);
    dr_json_set_time(description, "creationDate", dr_rows_int(rows, 2));
    dr_json_set_time(description, "lastModifiedDate", dr_rows_int(rows, 3));
    dr_json_set(description, "customerVersion", json_integer(1));
    dr_json_set_text(description, "certificateMode", "SNI_ONLY");
    dr_json_set(
        description, "validity",
        json_pack(
            "{s:I, s:I}", "notBefore", (json_int_t)dr_rows_int(rows, 4), "notAfter",
            (json_int_t)dr_rows_int(rows, 5)));
    return description;
}

static enum dr_status run_describe(struct dr_call *call, struct dr_db *db, void *arguments)
{
    struct describe *describe = arguments;
    struct dr_rows rows;
    dr_db_select(
        db, &rows,
        "SELECT pem, status, created_ms, modified_ms, not_before_s, not_after_s FROM certificate"
        " WHERE id = ?1",
        DR_VALUES(dr_value_text(describe->id)));
    if (dr_rows_next(&rows)) {
        describe->body = json_object();
        dr_json_set(
            describe->body, "certificateDescription", description_json(call, describe->id, &rows));
    }
    enum dr_status status = dr_rows_end(&rows);
    if (status == DR_OK && describe->body == NULL) {
        return dr_call_not_found(call, "Certificate", describe->id);
    }
    return status;
}

enum dr_status
dr_service_describe_certificate(struct dr_call *call, const char *id, json_t **ret_body)
{
    struct describe describe = {.id = id};
    DR_TRY(dr_call_read(call, run_describe, &describe));
    *ret_body = describe.body;
    return DR_OK;
}

struct status_write {
    const char *id;
    enum dr_certificate_status status;
    bool force;
};

static enum dr_status
current_status(struct dr_act *act, struct dr_db *db, const char *id, int64_t *ret_status)
{
    enum dr_status status = dr_db_int(
        db, "SELECT status FROM certificate WHERE id = ?1", DR_VALUES(dr_value_text(id)),
        ret_status);
    return status == DR_E_NOT_FOUND ? dr_call_not_found(act->call, "Certificate", id) : status;
}

static enum dr_status run_update(struct dr_act *act, struct dr_db *db)
{
    const struct status_write *write = act->arguments;
    int64_t current = 0;
    DR_TRY(current_status(act, db, write->id, &current));
    if (current == (int64_t)write->status) {
        act->is_change = false;
        return DR_OK;
    }
    if (current == DR_CERTIFICATE_REVOKED) { /* not by way of INACTIVE either */
        return dr_call_fail(
            act->call, DR_E_STATE, DR_CODE_CERTIFICATE_STATE,
            "a revoked certificate stays revoked; it can be deleted");
    }
    dr_changes_add(&act->changes, write->id);
    return dr_db_run(
        db, "UPDATE certificate SET status = ?2, modified_ms = ?3 WHERE id = ?1",
        DR_VALUES(
            dr_value_text(write->id), dr_value_int((int64_t)write->status),
            dr_value_int(act->call->now_ms)));
}

enum dr_status
dr_service_update_certificate(struct dr_call *call, const char *id, const char *new_status)
{
    struct status_write write = {.id = id};
    if (new_status == NULL) {
        return dr_call_invalid(call, "newStatus is missing");
    }
    DR_TRY(status_named(call, new_status, &write.status));
    struct dr_act act = {
        .call = call,
        .action = "UpdateCertificate",
        .resource = id,
        .run = run_update,
        .arguments = &write};
    return dr_act_write(&act);
}

static enum dr_status refuse_attached(struct dr_act *act, struct dr_db *db)
{
    const struct status_write *write = act->arguments;
    int64_t things = 0;
    int64_t policies = 0;
    DR_TRY(dr_db_int(
        db, "SELECT count(*) FROM thing_principal WHERE certificate = ?1",
        DR_VALUES(dr_value_text(write->id)), &things));
    DR_TRY(dr_db_int(
        db, "SELECT count(*) FROM policy_target WHERE target = ?1",
        DR_VALUES(dr_value_text(write->id)), &policies));
    if (things != 0) {
        return dr_call_fail(
            act->call, DR_E_STATE, DR_CODE_DELETE,
            "Things must be detached before deletion (arn: certificate %s)", write->id);
    }
    if (policies != 0 && !write->force) {
        return dr_call_fail(
            act->call, DR_E_STATE, DR_CODE_DELETE,
            "Certificate policies must be detached before deletion (certificate %s)", write->id);
    }
    return DR_OK;
}

static enum dr_status run_delete(struct dr_act *act, struct dr_db *db)
{
    const struct status_write *write = act->arguments;
    int64_t current = 0;
    DR_TRY(current_status(act, db, write->id, &current));
    if (current == DR_CERTIFICATE_ACTIVE) {
        return dr_call_fail(
            act->call, DR_E_STATE, DR_CODE_CERTIFICATE_STATE,
            "Certificate must be deactivated (not ACTIVE) before deletion");
    }
    DR_TRY(refuse_attached(act, db));
    dr_changes_add(&act->changes, write->id);
    DR_TRY(dr_db_run(
        db, "DELETE FROM policy_target WHERE target = ?1", DR_VALUES(dr_value_text(write->id))));
    return dr_db_run(
        db, "DELETE FROM certificate WHERE id = ?1", DR_VALUES(dr_value_text(write->id)));
}

enum dr_status dr_service_delete_certificate(struct dr_call *call, const char *id, bool force)
{
    struct status_write write = {.id = id, .force = force};
    struct dr_act act = {
        .call = call,
        .action = "DeleteCertificate",
        .resource = id,
        .run = run_delete,
        .arguments = &write};
    return dr_act_write(&act);
}

json_t *
dr_certificate_arn_item(const struct dr_call *call, const struct dr_rows *row, const void *context)
{
    char arn[DR_ARN_SIZE];
    (void)context;
    dr_call_arn(call, "cert", dr_rows_text(row, 0), arn);
    return json_string(arn);
}

static json_t *
certificate_item(const struct dr_call *call, const struct dr_rows *row, const void *context)
{
    json_t *item = json_object();
    dr_json_set(item, "certificateArn", dr_certificate_arn_item(call, row, context));
    dr_json_set_text(item, "certificateId", dr_rows_text(row, 0));
    dr_json_set_text(item, "status", status_word(dr_rows_int(row, 1)));
    dr_json_set_text(item, "certificateMode", "SNI_ONLY");
    dr_json_set_time(item, "creationDate", dr_rows_int(row, 2));
    return item;
}

enum dr_status
dr_service_list_certificates(struct dr_call *call, const struct dr_page *page, json_t **ret_body)
{
    const struct dr_list list = {
        DR_LIST_BOTH_WAYS("SELECT id, status, created_ms FROM certificate WHERE", "id"),
        .item = certificate_item,
        .items_name = "certificates",
        .token_name = "nextMarker",
    };
    return dr_list_read(call, &list, page, ret_body);
}
