/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/wire/snapshot.h"

#include "base/crc32.h"
#include "base/cursor.h"
#include "cloud/wire/snapshot_priv.h"

#include <stdlib.h>
#include <string.h>

enum dr_status dr_snapshot_header(
    const uint8_t header[DR_SNAPSHOT_HEADER_BYTES], uint64_t size_bytes,
    struct dr_snapshot *ret_snapshot)
{
    struct dr_reader reader;
    dr_reader_init(&reader, header, DR_SNAPSHOT_HEADER_BYTES);
    const uint8_t *magic = dr_reader_view(&reader, sizeof(DR_SNAPSHOT_MAGIC) - 1);
    if (magic == NULL || memcmp(magic, DR_SNAPSHOT_MAGIC, sizeof(DR_SNAPSHOT_MAGIC) - 1) != 0) {
        return DR_E_FORMAT;
    }
    struct dr_snapshot snapshot = {0};
    uint32_t version = dr_read_u32(&reader);
    snapshot.info.flags = dr_read_u32(&reader);
    uint64_t stated_size = dr_read_u64(&reader);
    snapshot.info.generation = dr_read_u64(&reader);
    snapshot.info.sequence = dr_read_u64(&reader);
    snapshot.info.record_count = dr_read_u32(&reader);
    snapshot.content_crc = dr_read_u32(&reader);
    (void)dr_reader_view(&reader, 12);
    size_t covered = reader.offset_bytes;
    uint32_t header_crc = dr_read_u32(&reader);
    DR_TRY(dr_reader_end(&reader));
    if (header_crc != dr_crc32(0, header, covered)) {
        return DR_E_CORRUPT;
    }
    if (version != DR_SNAPSHOT_VERSION) {
        return DR_E_UNSUPPORTED;
    }
    if (stated_size != size_bytes) {
        return size_bytes < stated_size ? DR_E_TRUNCATED : DR_E_CORRUPT;
    }
    if (stated_size > DR_SNAPSHOT_SIZE_MAX ||
        stated_size < DR_SNAPSHOT_HEADER_BYTES + DR_SNAPSHOT_TABLE_START ||
        snapshot.info.record_count >
            (stated_size - DR_SNAPSHOT_HEADER_BYTES - DR_SNAPSHOT_TABLE_START) /
                DR_SNAPSHOT_RECORD_BYTES) {
        return DR_E_CORRUPT;
    }
    snapshot.info.size_bytes = (size_t)stated_size;
    *ret_snapshot = snapshot;
    return DR_OK;
}

enum dr_status
dr_snapshot_parse(const uint8_t *data, size_t size_bytes, struct dr_snapshot **ret_snapshot)
{
    if (size_bytes < DR_SNAPSHOT_HEADER_BYTES) {
        return DR_E_TRUNCATED;
    }
    struct dr_snapshot header;
    DR_TRY(dr_snapshot_header(data, size_bytes, &header));
    uint32_t crc =
        dr_crc32(0, data + DR_SNAPSHOT_HEADER_BYTES, size_bytes - DR_SNAPSHOT_HEADER_BYTES);
    if (crc != header.content_crc) {
        return DR_E_CORRUPT;
    }
    struct dr_snapshot *snapshot = malloc(sizeof(*snapshot) + size_bytes);
    if (snapshot == NULL) {
        return DR_E_SPACE;
    }
    uint8_t *copy = (uint8_t *)(snapshot + 1);
    memcpy(copy, data, size_bytes);
    *snapshot = header;
    snapshot->data = copy;
    *ret_snapshot = snapshot;
    return DR_OK;
}

struct dr_snapshot_info dr_snapshot_info(const struct dr_snapshot *snapshot)
{
    return snapshot->info;
}

static const uint8_t *record_at(const struct dr_snapshot *snapshot, uint32_t index)
{
    return snapshot->data + DR_SNAPSHOT_HEADER_BYTES + (size_t)index * DR_SNAPSHOT_RECORD_BYTES;
}

/* A reader from an offset of the table to its end. */
static struct dr_reader table_reader(const struct dr_snapshot *snapshot, size_t offset)
{
    size_t start =
        DR_SNAPSHOT_HEADER_BYTES + (size_t)snapshot->info.record_count * DR_SNAPSHOT_RECORD_BYTES;
    size_t size = snapshot->info.size_bytes - start;
    struct dr_reader reader;
    bool inside = offset >= DR_SNAPSHOT_TABLE_START && offset < size;
    dr_reader_init(&reader, snapshot->data + start + (inside ? offset : 0), 0);
    if (inside) {
        reader.size_bytes = size - offset;
    } else {
        dr_reader_fail(&reader, DR_E_CORRUPT);
    }
    return reader;
}

enum dr_status dr_snapshot_at(
    const struct dr_snapshot *snapshot, uint32_t index, struct dr_snapshot_entry *ret_entry)
{
    if (index >= snapshot->info.record_count) {
        return DR_E_RANGE;
    }
    struct dr_reader reader;
    dr_reader_init(&reader, record_at(snapshot, index), DR_SNAPSHOT_RECORD_BYTES);
    struct dr_snapshot_entry entry = {.snapshot = snapshot};
    dr_read_bytes(&reader, entry.id, sizeof(entry.id));
    unsigned status = dr_read_u8(&reader);
    entry.thing_count = dr_read_u8(&reader);
    (void)dr_read_u16(&reader);
    entry.things = dr_read_u32(&reader);
    entry.policy_set = dr_read_u32(&reader);
    if (reader.status != DR_OK || status > DR_SNAPSHOT_REVOKED) {
        return DR_E_CORRUPT;
    }
    entry.status = (enum dr_snapshot_status)status;
    *ret_entry = entry;
    return DR_OK;
}

enum dr_status dr_snapshot_find(
    const struct dr_snapshot *snapshot, const uint8_t id[DR_SNAPSHOT_ID_BYTES],
    struct dr_snapshot_entry *ret_entry)
{
    uint32_t low = 0;
    uint32_t high = snapshot->info.record_count;
    while (low < high) { /* bound: the range halves */
        uint32_t middle = low + (high - low) / 2;
        int order = memcmp(id, record_at(snapshot, middle), DR_SNAPSHOT_ID_BYTES);
        if (order == 0) {
            return dr_snapshot_at(snapshot, middle, ret_entry);
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return DR_E_NOT_FOUND;
}

static struct dr_snapshot_text read_text(struct dr_reader *reader)
{
    size_t len = dr_read_u8(reader);
    const uint8_t *data = dr_reader_view(reader, len);
    struct dr_snapshot_text text = {.data = (const char *)data, .len = data == NULL ? 0 : len};
    return text;
}

enum dr_status dr_snapshot_entry_thing(
    const struct dr_snapshot_entry *entry, uint32_t index, struct dr_snapshot_thing_view *ret_thing)
{
    if (index >= entry->thing_count) {
        return DR_E_RANGE;
    }
    size_t offset = entry->things;
    if (entry->thing_count > 1) {
        struct dr_reader list = table_reader(entry->snapshot, offset);
        (void)dr_reader_view(&list, (size_t)index * 4);
        offset = dr_read_u32(&list);
        if (list.status != DR_OK) {
            return DR_E_CORRUPT;
        }
    }
    struct dr_reader reader = table_reader(entry->snapshot, offset);
    struct dr_snapshot_thing_view thing = {0};
    thing.policy_set = dr_read_u32(&reader);
    thing.exclusive = (dr_read_u8(&reader) & DR_SNAPSHOT_THING_EXCLUSIVE) != 0;
    thing.attribute_count = dr_read_u8(&reader);
    thing.name = read_text(&reader);
    thing.type_name = read_text(&reader);
    thing.attributes = offset + reader.offset_bytes;
    if (reader.status != DR_OK || thing.attribute_count > DR_SNAPSHOT_ATTRIBUTES_MAX) {
        return DR_E_CORRUPT;
    }
    *ret_thing = thing;
    return DR_OK;
}

enum dr_status dr_snapshot_thing_attribute(
    const struct dr_snapshot *snapshot, const struct dr_snapshot_thing_view *thing, uint32_t index,
    struct dr_snapshot_text *ret_name, struct dr_snapshot_text *ret_value)
{
    if (index >= thing->attribute_count) {
        return DR_E_RANGE;
    }
    struct dr_reader reader = table_reader(snapshot, thing->attributes);
    struct dr_snapshot_text name = {0};
    struct dr_snapshot_text value = {0};
    for (uint32_t i = 0; i <= index; i++) { /* bound: DR_SNAPSHOT_ATTRIBUTES_MAX */
        name = read_text(&reader);
        value = read_text(&reader);
    }
    if (reader.status != DR_OK) {
        return DR_E_CORRUPT;
    }
    *ret_name = name;
    *ret_value = value;
    return DR_OK;
}

enum dr_status dr_snapshot_policy_count(
    const struct dr_snapshot *snapshot, uint32_t policy_set, uint32_t *ret_count)
{
    uint32_t count = 0;
    if (policy_set != 0) {
        struct dr_reader reader = table_reader(snapshot, policy_set);
        count = dr_read_u16(&reader);
        if (reader.status != DR_OK || count > DR_SNAPSHOT_POLICIES_MAX) {
            return DR_E_CORRUPT;
        }
    }
    *ret_count = count;
    return DR_OK;
}

enum dr_status dr_snapshot_policy(
    const struct dr_snapshot *snapshot, uint32_t policy_set, uint32_t index,
    const uint8_t **ret_compiled, size_t *ret_size_bytes)
{
    uint32_t count;
    DR_TRY(dr_snapshot_policy_count(snapshot, policy_set, &count));
    if (index >= count) {
        return DR_E_RANGE;
    }
    struct dr_reader set = table_reader(snapshot, policy_set);
    (void)dr_reader_view(&set, 4 + (size_t)index * 4);
    uint32_t offset = dr_read_u32(&set);
    struct dr_reader policy = table_reader(snapshot, offset);
    size_t size_bytes = dr_read_u32(&policy);
    const uint8_t *compiled = dr_reader_view(&policy, size_bytes);
    if (set.status != DR_OK || policy.status != DR_OK) {
        return DR_E_CORRUPT;
    }
    *ret_compiled = compiled;
    *ret_size_bytes = size_bytes;
    return DR_OK;
}
