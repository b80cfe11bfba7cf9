/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What the gate must know about each certificate: its status, its things, its policies. */
#ifndef DR_CLOUD_REGISTRY_IDENTITY_H
#define DR_CLOUD_REGISTRY_IDENTITY_H

#include "cloud/registry/call.h"

/* Stored; never reused. */
enum dr_certificate_status {
    DR_CERTIFICATE_INACTIVE = 0,
    DR_CERTIFICATE_ACTIVE = 1,
    DR_CERTIFICATE_REVOKED = 2,
    DR_CERTIFICATE_PENDING_ACTIVATION = 3,
};

struct dr_identity_attribute {
    const char *name;
    const char *value;
};

struct dr_identity_thing {
    const char *name;
    const char *type; /* "" when it has none */
    bool exclusive;
    const struct dr_identity_attribute *attributes;
    size_t attribute_count;
};

struct dr_identity_policy {
    const char *name;
    uint32_t version;
    const uint8_t *compiled; /* model/policy.h */
    size_t compiled_size;
};

/* Borrowed for the visit. */
struct dr_identity {
    const char *certificate_id; /* 64 hex digits */
    enum dr_certificate_status status;
    const struct dr_identity_thing *things;
    size_t thing_count;
    const struct dr_identity_policy *policies; /* default versions */
    size_t policy_count;
};

/* All certificates in ascending order of id, from one consistent view. visit returns false to
 * stop. */
DR_MUST_USE enum dr_status dr_service_identities(
    struct dr_service *service, bool (*visit)(void *context, const struct dr_identity *identity),
    void *context);

/* One of them. DR_E_NOT_FOUND: deleted. */
DR_MUST_USE enum dr_status dr_service_identity_get(
    struct dr_service *service, const char *certificate_id,
    bool (*visit)(void *context, const struct dr_identity *identity), void *context);

#endif
