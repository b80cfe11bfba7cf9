/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Policy documents (JSON) to their compiled form. */
#ifndef DR_CLOUD_REGISTRY_POLICY_DOCUMENT_H
#define DR_CLOUD_REGISTRY_POLICY_DOCUMENT_H

#include "cloud/model/policy.h"
#include "cloud/registry/call.h"

struct dr_policy_compiled {
    uint8_t bytes[DR_POLICY_COMPILED_MAX];
    size_t size_bytes;
};

/* Failures are noted as MalformedPolicy, saying where. */
DR_MUST_USE enum dr_status dr_policy_document_compile(
    struct dr_call *call, const char *document, struct dr_policy_compiled *ret_compiled);

#endif
