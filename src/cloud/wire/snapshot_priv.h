/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The snapshot's layout, for its reader and its builder. */
#ifndef DR_CLOUD_WIRE_SNAPSHOT_PRIV_H
#define DR_CLOUD_WIRE_SNAPSHOT_PRIV_H

#include "cloud/wire/snapshot.h"

#define DR_SNAPSHOT_MAGIC "DRGATE1\n"
#define DR_SNAPSHOT_VERSION 1u
#define DR_SNAPSHOT_TABLE_START 4u /* zero bytes at the table's beginning */
#define DR_SNAPSHOT_THING_EXCLUSIVE 1u

struct dr_snapshot {
    const uint8_t *data;
    bool mapped; /* else on the heap */
    struct dr_snapshot_info info;
    uint32_t content_crc; /* as the header states it */
};

/* The header alone, against the size of the whole. */
DR_MUST_USE enum dr_status dr_snapshot_header(
    const uint8_t header[DR_SNAPSHOT_HEADER_BYTES], uint64_t size_bytes,
    struct dr_snapshot *ret_snapshot);

#endif
