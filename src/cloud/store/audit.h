/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Who did what: acts of operators and of the service. And the bounded story of each device. */
#ifndef DR_CLOUD_STORE_AUDIT_H
#define DR_CLOUD_STORE_AUDIT_H

#include "cloud/store/store.h"

#define DR_TIMELINE_PER_THING 200u

struct dr_audit_entry {
    int64_t at_ms;
    const char *actor;    /* access key id, "service", or a certificate id */
    const char *action;   /* the operation: "CreateOTAUpdate" */
    const char *resource; /* its ARN or name */
    const char *detail;   /* JSON or "" */
};

/* In the mutation that it tells about. */
DR_MUST_USE enum dr_status dr_audit_add(struct dr_db *db, const struct dr_audit_entry *entry);

/* One line of a thing's story; older ones beyond DR_TIMELINE_PER_THING go. body is JSON. */
DR_MUST_USE enum dr_status dr_timeline_add(
    struct dr_db *db, const char *thing, int64_t at_ms, const char *kind, const char *body);

#endif
