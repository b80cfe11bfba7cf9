/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/linux/crash.h"

#include "base/crc32.h"
#include "base/cursor.h"
#include "boards/linux/channel_priv.h"
#include "boards/linux/map.h"

#include <string.h>

#define CRASH_MAGIC 0x48534352u /* "RCSH" */

_Static_assert(DR_CRASH_RECORD_BYTES <= DR_LINUX_CRASH_BYTES, "the record fits its place");

void dr_crash_encode(const struct dr_crash_record *record, uint8_t out[DR_CRASH_RECORD_BYTES])
{
    struct dr_writer writer;
    dr_writer_init(&writer, out, DR_CRASH_RECORD_BYTES);
    dr_write_u32(&writer, CRASH_MAGIC);
    dr_write_u32(&writer, (uint32_t)record->kind);
    dr_write_u32(&writer, record->fault);
    dr_write_u64(&writer, record->pc);
    dr_write_u64(&writer, record->lr);
    dr_write_u64(&writer, record->address);
    dr_write_u32(&writer, record->uptime_ms);
    dr_write_bytes(&writer, (const uint8_t *)record->task, sizeof record->task);
    dr_write_bytes(&writer, record->digest, sizeof record->digest);
    dr_write_u32(&writer, dr_crc32(0, out, writer.size_bytes));
}

static bool printable(const char *text, size_t size_bytes)
{
    for (size_t i = 0; i < size_bytes; i++) {
        if (text[i] != 0 && (text[i] < 0x20 || text[i] > 0x7e)) {
            return false;
        }
    }
    return true;
}

enum dr_status
dr_crash_decode(const uint8_t *data, size_t size_bytes, struct dr_crash_record *ret_record)
{
    struct dr_reader reader;
    dr_reader_init(&reader, data, size_bytes);
    struct dr_crash_record record = {0};
    uint32_t magic = dr_read_u32(&reader);
    uint32_t kind = dr_read_u32(&reader);
    record.fault = dr_read_u32(&reader);
    record.pc = dr_read_u64(&reader);
    record.lr = dr_read_u64(&reader);
    record.address = dr_read_u64(&reader);
    record.uptime_ms = dr_read_u32(&reader);
    dr_read_bytes(&reader, (uint8_t *)record.task, sizeof record.task);
    dr_read_bytes(&reader, record.digest, sizeof record.digest);
    uint32_t crc = dr_read_u32(&reader);
    if (reader.status != DR_OK || magic != CRASH_MAGIC ||
        crc != dr_crc32(0, data, DR_CRASH_RECORD_BYTES - 4u)) {
        return DR_E_NOT_FOUND;
    }
    if (kind < DR_CRASH_FAULT || kind > DR_CRASH_LOCK_UP ||
        !printable(record.task, sizeof record.task)) {
        return DR_E_NOT_FOUND;
    }
    record.kind = (enum dr_crash_kind)kind;
    *ret_record = record;
    return DR_OK;
}

enum dr_status dr_crash_take(struct dr_channel *channel, struct dr_crash_record *ret_record)
{
    uint8_t data[DR_CRASH_RECORD_BYTES];
    DR_TRY(dr_channel_retained_read(channel, DR_LINUX_CRASH_AT, data, sizeof data));
    DR_TRY(dr_crash_decode(data, sizeof data, ret_record));
    memset(data, 0, sizeof data);
    return dr_channel_retained_write(channel, DR_LINUX_CRASH_AT, data, sizeof data);
}
