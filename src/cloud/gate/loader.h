/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A thread that reads the snapshot file, so that the broker's thread never waits for a disk. */
#ifndef DR_CLOUD_GATE_LOADER_H
#define DR_CLOUD_GATE_LOADER_H

#include "base/status.h"

#include <stdbool.h>

struct dr_loader;
struct dr_snapshot;

/* path is copied. */
DR_MUST_USE enum dr_status dr_loader_create(const char *path, struct dr_loader **ret_loader);
/* Waits for a read that is under way. NULL is fine. */
void dr_loader_free(struct dr_loader *loader);

/* Begin to read. Does nothing while a read is under way or its result was not taken. */
void dr_loader_request(struct dr_loader *loader);

/* Is a read under way, or its result not taken? */
bool dr_loader_busy(struct dr_loader *loader);

/* DR_E_AGAIN: nothing to take. DR_OK: *ret_snapshot is the caller's. Else why the file was refused.
 */
DR_MUST_USE enum dr_status
dr_loader_take(struct dr_loader *loader, struct dr_snapshot **ret_snapshot);

#endif
