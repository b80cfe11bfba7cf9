/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Device certificates: made here or registered, switched on and off, revoked.
 *
 * A private key is returned once by create_keys and kept nowhere; the caller wipes its copy
 * (json_string of keyPair.PrivateKey) when it has been sent. */
#ifndef DR_CLOUD_REGISTRY_CERTIFICATES_H
#define DR_CLOUD_REGISTRY_CERTIFICATES_H

#include "cloud/registry/call.h"

/* CreateKeysAndCertificate: RSA-2048 as AWS does. */
DR_MUST_USE enum dr_status
dr_service_create_keys_and_certificate(struct dr_call *call, bool set_active, json_t **ret_body);

/* CreateCertificateFromCsr. common_name NULL: "Daruma device". recovery: no expiry (own path only).
 */
DR_MUST_USE enum dr_status dr_service_create_certificate_from_csr(
    struct dr_call *call, const char *csr_pem, const char *common_name, bool recovery,
    bool set_active, json_t **ret_body);

/* RegisterCertificateWithoutCA. status NULL: INACTIVE. */
DR_MUST_USE enum dr_status dr_service_register_certificate(
    struct dr_call *call, const char *pem, const char *status, json_t **ret_body);

DR_MUST_USE enum dr_status
dr_service_describe_certificate(struct dr_call *call, const char *id, json_t **ret_body);

/* new_status: ACTIVE, INACTIVE, REVOKED. */
DR_MUST_USE enum dr_status
dr_service_update_certificate(struct dr_call *call, const char *id, const char *new_status);
DR_MUST_USE enum dr_status
dr_service_list_certificates(struct dr_call *call, const struct dr_page *page, json_t **ret_body);

/* Refused while ACTIVE, or while a policy (unless force) or a thing is attached. */
DR_MUST_USE enum dr_status
dr_service_delete_certificate(struct dr_call *call, const char *id, bool force);

#endif
