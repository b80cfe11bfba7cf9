/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The certificates a broker lets in: a file that darumad writes and the gate maps.
 *
 * Layout, all little-endian: a header of 64 bytes; fixed records of 48 bytes, sorted by certificate
 * id; a table of things, policy sets and compiled policies, each stored once and named by its
 * offset in the table (which begins with 4 zero bytes, so that 0 means none). One certificate with
 * one thing of a 24-character name and a shared policy costs 80 bytes.
 *
 *   header       magic "DRGATE1\n", u32 version, u32 flags, u64 file size, u64 generation,
 *                u64 sequence, u32 record count, u32 CRC of all after the header, 12 zero bytes,
 *                u32 CRC of the header up to here
 *   record       32 bytes id, u8 status, u8 thing count, u16 0, u32 things (the thing, or with
 *                several a list of u32), u32 policy set, u32 0
 *   thing        u32 policy set of its groups, u8 flags (1: exclusive), u8 attribute count, text
 *                name, text type, then per attribute two texts; text = u8 length, bytes
 *   policy set   u16 count, u16 0, count u32: the policies
 *   policy       u32 size, then what cloud/model compiled
 *
 * The same bytes with the flag `delta` carry what changed since the sequence number before: each
 * record replaces the certificate's older one, status REMOVED deletes it. Sequence numbers grow by
 * one; a gap, or the flag `reload`, means: read the file again.
 *
 * A file is never written in place: it is written beside, synced and renamed. The reader checks
 * length and CRC by reading before it maps, and every offset when it is used.
 */
#ifndef DR_CLOUD_WIRE_SNAPSHOT_H
#define DR_CLOUD_WIRE_SNAPSHOT_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DR_SNAPSHOT_ID_BYTES 32u
#define DR_SNAPSHOT_HEADER_BYTES 64u
#define DR_SNAPSHOT_RECORD_BYTES 48u
#define DR_SNAPSHOT_THINGS_MAX 64u   /* per certificate */
#define DR_SNAPSHOT_POLICIES_MAX 64u /* per certificate, and per thing from its groups */
#define DR_SNAPSHOT_ATTRIBUTES_MAX 50u
#define DR_SNAPSHOT_SIZE_MAX (1u << 30)

enum dr_snapshot_status {
    DR_SNAPSHOT_REMOVED = 0, /* in deltas only: forget it, the gate refuses it from now on */
    DR_SNAPSHOT_ACTIVE = 1,
    DR_SNAPSHOT_INACTIVE = 2,
    DR_SNAPSHOT_REVOKED = 3,
};

enum dr_snapshot_flag {
    DR_SNAPSHOT_DELTA = 1u << 0,
    DR_SNAPSHOT_RELOAD = 1u << 1, /* a delta without records: the file was written anew */
};

/* ---- writing ---- */

struct dr_snapshot_builder; /* on the heap; freed with dr_snapshot_builder_free */

struct dr_snapshot_attribute {
    const char *name;
    const char *value;
};

struct dr_snapshot_thing {
    const char *name;      /* 1 to 128 characters */
    const char *type_name; /* "" or NULL: none */
    bool exclusive;        /* attached as EXCLUSIVE_THING */
    const struct dr_snapshot_attribute *attributes;
    size_t attribute_count;
    const uint32_t *policies; /* handles: policies of the groups it is in */
    size_t policy_count;
};

struct dr_snapshot_certificate {
    uint8_t id[DR_SNAPSHOT_ID_BYTES];
    enum dr_snapshot_status status;
    const uint32_t *policies; /* handles */
    size_t policy_count;
    const uint32_t *things; /* handles */
    size_t thing_count;
};

/* generation: random, new whenever the store's history is (restore); sequence: the number of the
 * last change that is in it. flags: enum dr_snapshot_flag. */
DR_MUST_USE enum dr_status dr_snapshot_builder_create(
    uint64_t generation, uint64_t sequence, uint32_t flags,
    struct dr_snapshot_builder **ret_builder);
void dr_snapshot_builder_free(struct dr_snapshot_builder *builder);

/* Each returns a handle to name in later calls. Equal content is stored once, so a caller need not
 * remember what it has added. DR_E_SPACE: a bound above. */
DR_MUST_USE enum dr_status dr_snapshot_builder_policy(
    struct dr_snapshot_builder *builder, const uint8_t *compiled, size_t size_bytes,
    uint32_t *ret_policy);
DR_MUST_USE enum dr_status dr_snapshot_builder_thing(
    struct dr_snapshot_builder *builder, const struct dr_snapshot_thing *thing,
    uint32_t *ret_thing);

/* In any order. DR_E_EXISTS (at finish): the same id twice. */
DR_MUST_USE enum dr_status dr_snapshot_builder_certificate(
    struct dr_snapshot_builder *builder, const struct dr_snapshot_certificate *certificate);

/* The bytes, borrowed from the builder until it is freed. Nothing may be added after this. */
DR_MUST_USE enum dr_status dr_snapshot_builder_finish(
    struct dr_snapshot_builder *builder, const uint8_t **ret_data, size_t *ret_size_bytes);

/* Replace the file in one step: temporary file beside it (mode 0640), sync, rename, sync of the
 * directory. DR_E_IO. */
DR_MUST_USE enum dr_status
dr_snapshot_write_file(const char *path, const uint8_t *data, size_t size_bytes);

/* ---- reading ---- */

struct dr_snapshot; /* read-only; any number of threads may look things up */

/* Check and map. DR_E_NOT_FOUND: no file. DR_E_IO. DR_E_TRUNCATED, DR_E_CORRUPT, DR_E_FORMAT,
 * DR_E_UNSUPPORTED (another version): not mapped, nothing changed. */
DR_MUST_USE enum dr_status dr_snapshot_open(const char *path, struct dr_snapshot **ret_snapshot);

/* The same from bytes, which are copied. */
DR_MUST_USE enum dr_status
dr_snapshot_parse(const uint8_t *data, size_t size_bytes, struct dr_snapshot **ret_snapshot);
void dr_snapshot_close(struct dr_snapshot *snapshot);

struct dr_snapshot_info {
    uint64_t generation;
    uint64_t sequence;
    uint32_t flags;
    uint32_t record_count;
    size_t size_bytes;
};
struct dr_snapshot_info dr_snapshot_info(const struct dr_snapshot *snapshot);

/* A text inside the snapshot, not NUL-terminated. */
struct dr_snapshot_text {
    const char *data;
    size_t len;
};

/* One certificate's record. Borrowed from the snapshot. */
struct dr_snapshot_entry {
    const struct dr_snapshot *snapshot;
    uint8_t id[DR_SNAPSHOT_ID_BYTES];
    enum dr_snapshot_status status;
    uint32_t thing_count;
    uint32_t things; /* private: offset */
    uint32_t policy_set;
};

struct dr_snapshot_thing_view {
    struct dr_snapshot_text name;
    struct dr_snapshot_text type_name; /* len 0: none */
    bool exclusive;
    uint32_t attribute_count;
    uint32_t policy_set; /* of its groups; 0: none */
    size_t attributes;   /* private: offset */
};

/* Binary search. DR_E_NOT_FOUND. */
DR_MUST_USE enum dr_status dr_snapshot_find(
    const struct dr_snapshot *snapshot, const uint8_t id[DR_SNAPSHOT_ID_BYTES],
    struct dr_snapshot_entry *ret_entry);

/* The record at index, in order of ids. DR_E_RANGE. */
DR_MUST_USE enum dr_status dr_snapshot_at(
    const struct dr_snapshot *snapshot, uint32_t index, struct dr_snapshot_entry *ret_entry);

/* index < thing_count. DR_E_CORRUPT: an offset leads nowhere. */
DR_MUST_USE enum dr_status dr_snapshot_entry_thing(
    const struct dr_snapshot_entry *entry, uint32_t index,
    struct dr_snapshot_thing_view *ret_thing);

/* index < attribute_count. */
DR_MUST_USE enum dr_status dr_snapshot_thing_attribute(
    const struct dr_snapshot *snapshot, const struct dr_snapshot_thing_view *thing, uint32_t index,
    struct dr_snapshot_text *ret_name, struct dr_snapshot_text *ret_value);

/* Policies of a set (an entry's or a thing's); set 0 has none. */
DR_MUST_USE enum dr_status dr_snapshot_policy_count(
    const struct dr_snapshot *snapshot, uint32_t policy_set, uint32_t *ret_count);
DR_MUST_USE enum dr_status dr_snapshot_policy(
    const struct dr_snapshot *snapshot, uint32_t policy_set, uint32_t index,
    const uint8_t **ret_compiled, size_t *ret_size_bytes);

#endif
