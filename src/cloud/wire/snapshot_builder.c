/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Collects records and a table in which equal content is stored once. */
#include "base/crc32.h"
#include "base/cursor.h"
#include "cloud/wire/snapshot.h"
#include "cloud/wire/snapshot_priv.h"

#include <stdlib.h>
#include <string.h>

#define THING_BYTES_MAX (8u + 2u * 256u + 2u * 256u * DR_SNAPSHOT_ATTRIBUTES_MAX)

struct interned {
    uint32_t offset; /* 0: free */
    uint32_t size_bytes;
};

struct dr_snapshot_builder {
    uint64_t generation;
    uint64_t sequence;
    uint32_t flags;
    uint8_t *records;
    size_t record_count;
    size_t record_capacity;
    uint8_t *table;
    size_t table_size;
    size_t table_capacity;
    struct interned *index; /* open addressing, at most half full */
    size_t index_capacity;  /* power of two */
    size_t index_count;
    uint8_t *result;
    size_t result_size;
};

enum dr_status dr_snapshot_builder_create(
    uint64_t generation, uint64_t sequence, uint32_t flags,
    struct dr_snapshot_builder **ret_builder)
{
    struct dr_snapshot_builder *builder = calloc(1, sizeof(*builder));
    if (builder == NULL) {
        return DR_E_SPACE;
    }
    builder->generation = generation;
    builder->sequence = sequence;
    builder->flags = flags;
    builder->table_capacity = 1024;
    builder->table = calloc(1, builder->table_capacity);
    builder->table_size = DR_SNAPSHOT_TABLE_START;
    builder->index_capacity = 64;
    builder->index = calloc(builder->index_capacity, sizeof(*builder->index));
    if (builder->table == NULL || builder->index == NULL) {
        dr_snapshot_builder_free(builder);
        return DR_E_SPACE;
    }
    *ret_builder = builder;
    return DR_OK;
}

void dr_snapshot_builder_free(struct dr_snapshot_builder *builder)
{
    if (builder != NULL) {
        free(builder->records);
        free(builder->table);
        free(builder->index);
        free(builder->result);
        free(builder);
    }
}

/* Make room for needed bytes, doubling. */
static enum dr_status grow(uint8_t **buffer, size_t *capacity_bytes, size_t needed)
{
    if (needed > DR_SNAPSHOT_SIZE_MAX) {
        return DR_E_SPACE;
    }
    size_t capacity = *capacity_bytes;
    while (capacity < needed) { /* bound: DR_SNAPSHOT_SIZE_MAX */
        capacity = capacity < 1024 ? 1024 : capacity * 2;
    }
    if (capacity != *capacity_bytes) {
        uint8_t *bigger = realloc(*buffer, capacity);
        if (bigger == NULL) {
            return DR_E_SPACE;
        }
        *buffer = bigger;
        *capacity_bytes = capacity;
    }
    return DR_OK;
}

static uint64_t hash_bytes(const uint8_t *data, size_t size_bytes)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < size_bytes; i++) {
        hash = (hash ^ data[i]) * 1099511628211u;
    }
    return hash ^ hash >> 32;
}

/* The slot that holds these bytes, or the free one where they belong. */
static struct interned *index_slot(
    const struct dr_snapshot_builder *builder, struct interned *index, size_t capacity,
    const uint8_t *data, size_t size_bytes)
{
    size_t at = (size_t)hash_bytes(data, size_bytes) & (capacity - 1);
    while (index[at].offset != 0 && /* bound: the index is at most half full */
           (index[at].size_bytes != size_bytes ||
            memcmp(builder->table + index[at].offset, data, size_bytes) != 0)) {
        at = (at + 1) & (capacity - 1);
    }
    return &index[at];
}

static enum dr_status index_grow(struct dr_snapshot_builder *builder)
{
    if ((builder->index_count + 1) * 2 <= builder->index_capacity) {
        return DR_OK;
    }
    size_t capacity = builder->index_capacity * 2;
    struct interned *bigger = calloc(capacity, sizeof(*bigger));
    if (bigger == NULL) {
        return DR_E_SPACE;
    }
    for (size_t i = 0; i < builder->index_capacity; i++) {
        const struct interned *old = &builder->index[i];
        if (old->offset != 0) {
            *index_slot(builder, bigger, capacity, builder->table + old->offset, old->size_bytes) =
                *old;
        }
    }
    free(builder->index);
    builder->index = bigger;
    builder->index_capacity = capacity;
    return DR_OK;
}

/* The offset of these bytes in the table; they are appended when they are new. */
static enum dr_status intern(
    struct dr_snapshot_builder *builder, const uint8_t *data, size_t size_bytes,
    uint32_t *ret_offset)
{
    if (builder->result != NULL) {
        return DR_E_STATE;
    }
    DR_TRY(index_grow(builder));
    DR_TRY(grow(&builder->table, &builder->table_capacity, builder->table_size + size_bytes));
    struct interned *slot =
        index_slot(builder, builder->index, builder->index_capacity, data, size_bytes);
    if (slot->offset == 0) {
        memcpy(builder->table + builder->table_size, data, size_bytes);
        slot->offset = (uint32_t)builder->table_size;
        slot->size_bytes = (uint32_t)size_bytes;
        builder->table_size += size_bytes;
        builder->index_count++;
    }
    *ret_offset = slot->offset;
    return DR_OK;
}

enum dr_status dr_snapshot_builder_policy(
    struct dr_snapshot_builder *builder, const uint8_t *compiled, size_t size_bytes,
    uint32_t *ret_policy)
{
    if (size_bytes > UINT16_MAX) {
        return DR_E_SPACE;
    }
    uint8_t *bytes = malloc(4 + size_bytes);
    if (bytes == NULL) {
        return DR_E_SPACE;
    }
    struct dr_writer writer;
    dr_writer_init(&writer, bytes, 4 + size_bytes);
    dr_write_u32(&writer, (uint32_t)size_bytes);
    dr_write_bytes(&writer, compiled, size_bytes);
    enum dr_status status = intern(builder, bytes, writer.size_bytes, ret_policy);
    free(bytes);
    return status;
}

/* Handles are offsets that an earlier call returned. */
static void write_handles(
    const struct dr_snapshot_builder *builder, struct dr_writer *writer, const uint32_t *handles,
    size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (handles[i] < DR_SNAPSHOT_TABLE_START || handles[i] >= builder->table_size) {
            dr_writer_fail(writer, DR_E_ARGUMENT);
        }
        dr_write_u32(writer, handles[i]);
    }
}

static enum dr_status policy_set(
    struct dr_snapshot_builder *builder, const uint32_t *policies, size_t count, uint32_t *ret_set)
{
    uint8_t bytes[4 + 4 * DR_SNAPSHOT_POLICIES_MAX];
    if (count > DR_SNAPSHOT_POLICIES_MAX) {
        return DR_E_SPACE;
    }
    if (count == 0) {
        *ret_set = 0;
        return DR_OK;
    }
    struct dr_writer writer;
    dr_writer_init(&writer, bytes, sizeof(bytes));
    dr_write_u16(&writer, (uint16_t)count);
    dr_write_u16(&writer, 0);
    write_handles(builder, &writer, policies, count);
    DR_TRY(writer.status);
    return intern(builder, bytes, writer.size_bytes, ret_set);
}

static void write_text(struct dr_writer *writer, const char *text)
{
    const char *known = text == NULL ? "" : text;
    size_t len = strnlen(known, UINT8_MAX + 1u);
    if (len > UINT8_MAX) {
        dr_writer_fail(writer, DR_E_SPACE);
        return;
    }
    dr_write_u8(writer, (uint8_t)len);
    dr_write_bytes(writer, (const uint8_t *)known, len);
}

enum dr_status dr_snapshot_builder_thing(
    struct dr_snapshot_builder *builder, const struct dr_snapshot_thing *thing, uint32_t *ret_thing)
{
    if (thing->attribute_count > DR_SNAPSHOT_ATTRIBUTES_MAX) {
        return DR_E_SPACE;
    }
    uint32_t set;
    DR_TRY(policy_set(builder, thing->policies, thing->policy_count, &set));
    uint8_t *bytes = malloc(THING_BYTES_MAX);
    if (bytes == NULL) {
        return DR_E_SPACE;
    }
    struct dr_writer writer;
    dr_writer_init(&writer, bytes, THING_BYTES_MAX);
    dr_write_u32(&writer, set);
    dr_write_u8(&writer, thing->exclusive ? DR_SNAPSHOT_THING_EXCLUSIVE : 0);
    dr_write_u8(&writer, (uint8_t)thing->attribute_count);
    write_text(&writer, thing->name);
    write_text(&writer, thing->type_name);
    for (size_t i = 0; i < thing->attribute_count; i++) {
        write_text(&writer, thing->attributes[i].name);
        write_text(&writer, thing->attributes[i].value);
    }
    enum dr_status status = writer.status;
    if (status == DR_OK) {
        status = intern(builder, bytes, writer.size_bytes, ret_thing);
    }
    free(bytes);
    return status;
}

/* One thing is named directly, several by a list. */
static enum dr_status thing_reference(
    struct dr_snapshot_builder *builder, const struct dr_snapshot_certificate *certificate,
    uint32_t *ret_reference)
{
    uint8_t bytes[4 * DR_SNAPSHOT_THINGS_MAX];
    struct dr_writer writer;
    dr_writer_init(&writer, bytes, sizeof(bytes));
    write_handles(builder, &writer, certificate->things, certificate->thing_count);
    DR_TRY(writer.status);
    if (certificate->thing_count < 2) {
        *ret_reference = certificate->thing_count == 0 ? 0 : certificate->things[0];
        return DR_OK;
    }
    return intern(builder, bytes, writer.size_bytes, ret_reference);
}

enum dr_status dr_snapshot_builder_certificate(
    struct dr_snapshot_builder *builder, const struct dr_snapshot_certificate *certificate)
{
    if (certificate->thing_count > DR_SNAPSHOT_THINGS_MAX) {
        return DR_E_SPACE;
    }
    uint32_t things;
    uint32_t set;
    DR_TRY(thing_reference(builder, certificate, &things));
    DR_TRY(policy_set(builder, certificate->policies, certificate->policy_count, &set));
    if (builder->result != NULL) {
        return DR_E_STATE;
    }
    size_t size = builder->record_count * DR_SNAPSHOT_RECORD_BYTES;
    DR_TRY(grow(&builder->records, &builder->record_capacity, size + DR_SNAPSHOT_RECORD_BYTES));
    struct dr_writer writer;
    dr_writer_init(&writer, builder->records + size, DR_SNAPSHOT_RECORD_BYTES);
    dr_write_bytes(&writer, certificate->id, DR_SNAPSHOT_ID_BYTES);
    dr_write_u8(&writer, (uint8_t)certificate->status);
    dr_write_u8(&writer, (uint8_t)certificate->thing_count);
    dr_write_u16(&writer, 0);
    dr_write_u32(&writer, things);
    dr_write_u32(&writer, set);
    dr_write_u32(&writer, 0);
    DR_TRY(writer.status);
    builder->record_count++;
    return DR_OK;
}

static int compare_records(const void *a, const void *b)
{
    return memcmp(a, b, DR_SNAPSHOT_ID_BYTES);
}

static void write_header(const struct dr_snapshot_builder *builder, uint8_t *out, size_t size_bytes)
{
    struct dr_writer writer;
    dr_writer_init(&writer, out, DR_SNAPSHOT_HEADER_BYTES);
    dr_write_text(&writer, DR_SNAPSHOT_MAGIC);
    dr_write_u32(&writer, DR_SNAPSHOT_VERSION);
    dr_write_u32(&writer, builder->flags);
    dr_write_u64(&writer, size_bytes);
    dr_write_u64(&writer, builder->generation);
    dr_write_u64(&writer, builder->sequence);
    dr_write_u32(&writer, (uint32_t)builder->record_count);
    dr_write_u32(
        &writer,
        dr_crc32(0, out + DR_SNAPSHOT_HEADER_BYTES, size_bytes - DR_SNAPSHOT_HEADER_BYTES));
    dr_write_fill(&writer, 0, 12);
    dr_write_u32(&writer, dr_crc32(0, out, writer.size_bytes));
}

enum dr_status dr_snapshot_builder_finish(
    struct dr_snapshot_builder *builder, const uint8_t **ret_data, size_t *ret_size_bytes)
{
    size_t records_size = builder->record_count * DR_SNAPSHOT_RECORD_BYTES;
    size_t size = DR_SNAPSHOT_HEADER_BYTES + records_size + builder->table_size;
    if (builder->result == NULL) {
        if (size > DR_SNAPSHOT_SIZE_MAX || builder->record_count > UINT32_MAX) {
            return DR_E_SPACE;
        }
        if (builder->record_count > 0) {
            qsort(
                builder->records, builder->record_count, DR_SNAPSHOT_RECORD_BYTES, compare_records);
        }
        for (size_t i = 1; i < builder->record_count; i++) {
            const uint8_t *record = builder->records + i * DR_SNAPSHOT_RECORD_BYTES;
            if (compare_records(record - DR_SNAPSHOT_RECORD_BYTES, record) == 0) {
                return DR_E_EXISTS;
            }
        }
        uint8_t *result = malloc(size);
        if (result == NULL) {
            return DR_E_SPACE;
        }
        if (records_size > 0) {
            memcpy(result + DR_SNAPSHOT_HEADER_BYTES, builder->records, records_size);
        }
        memcpy(
            result + DR_SNAPSHOT_HEADER_BYTES + records_size, builder->table, builder->table_size);
        write_header(builder, result, size);
        builder->result = result;
        builder->result_size = size;
    }
    *ret_data = builder->result;
    *ret_size_bytes = builder->result_size;
    return DR_OK;
}
