/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Shared by policies.c and policy_versions.c. */
#ifndef DR_CLOUD_REGISTRY_POLICIES_PRIV_H
#define DR_CLOUD_REGISTRY_POLICIES_PRIV_H

#include "cloud/registry/frame.h"
#include "cloud/registry/policy_document.h"

struct dr_policy_write {
    const char *name;
    const char *document;
    const struct dr_policy_compiled *compiled;
    bool set_default;
    int64_t version;
};

DR_MUST_USE enum dr_status
dr_policy_require(struct dr_call *call, struct dr_db *db, const char *name);
DR_MUST_USE enum dr_status dr_policy_add_version(
    struct dr_act *act, struct dr_db *db, const struct dr_policy_write *write, int64_t version);

#endif
