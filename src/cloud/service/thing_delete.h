/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* DeleteThing: its executions and its history go with it. */
#ifndef DR_CLOUD_SERVICE_THING_DELETE_H
#define DR_CLOUD_SERVICE_THING_DELETE_H

#include "cloud/registry/call.h"

/* A missing thing is fine; one with principals attached is refused. expected_version 0: any. */
DR_MUST_USE enum dr_status
dr_service_delete_thing(struct dr_call *call, const char *name, int64_t expected_version);

#endif
