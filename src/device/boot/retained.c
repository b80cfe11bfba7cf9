/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The two small blocks in retained RAM: magic, fields, zeros, CRC. */
#include "base/check.h"
#include "base/crc32.h"
#include "device/boot/fields_priv.h"
#include "device/boot/info.h"

#define RETAINED_MAGIC 0x52525244u /* "DRRR" */
#define CRASH_MAGIC 0x52435244u    /* "DRCR" */
#define BLOCK_BYTES 64u
#define CRC_BYTES 4u

DR_STATIC_ASSERT(DR_RETAINED_BYTES == BLOCK_BYTES && DR_CRASH_BYTES == BLOCK_BYTES, "one size");

static const struct dr_field retained_fields[] = {
    DR_BOOL(struct dr_retained, in_rom),
    DR_RUN(struct dr_retained, mark, digest),
    DR_U32(struct dr_retained, uptime_ms),
};

static const struct dr_field crash_fields[] = {
    DR_RUN(struct dr_crash_record, reason, task), DR_U32(struct dr_crash_record, pc),
    DR_U32(struct dr_crash_record, lr),           DR_U32(struct dr_crash_record, fault_status),
    DR_U32(struct dr_crash_record, uptime_ms),    DR_BYTES(struct dr_crash_record, digest),
};

struct block {
    uint32_t magic;
    uint32_t field_count;
    const struct dr_field *fields;
};

static const struct block retained_block = {
    RETAINED_MAGIC, DR_ARRAY_COUNT(retained_fields), retained_fields};
static const struct block crash_block = {CRASH_MAGIC, DR_ARRAY_COUNT(crash_fields), crash_fields};

static void encode(const struct block *block, const void *object, uint8_t out[BLOCK_BYTES])
{
    struct dr_writer writer;
    dr_writer_init(&writer, out, BLOCK_BYTES);
    dr_write_u32(&writer, block->magic);
    dr_fields_write(block->fields, block->field_count, object, &writer);
    dr_write_fill(&writer, 0, BLOCK_BYTES - CRC_BYTES - writer.size_bytes);
    dr_write_u32(&writer, dr_crc32(0, out, BLOCK_BYTES - CRC_BYTES));
}

static enum dr_status
decode(const struct block *block, const uint8_t data[BLOCK_BYTES], void *ret_object)
{
    struct dr_reader reader;
    dr_reader_init(&reader, data + BLOCK_BYTES - CRC_BYTES, CRC_BYTES);
    uint32_t crc = dr_read_u32(&reader);
    dr_reader_init(&reader, data, BLOCK_BYTES - CRC_BYTES);
    if (dr_read_u32(&reader) != block->magic || crc != dr_crc32(0, data, BLOCK_BYTES - CRC_BYTES)) {
        return DR_E_CORRUPT;
    }
    dr_fields_read(block->fields, block->field_count, ret_object, &reader);
    return DR_OK;
}

void dr_retained_encode(const struct dr_retained *retained, uint8_t out[DR_RETAINED_BYTES])
{
    encode(&retained_block, retained, out);
}

enum dr_status
dr_retained_decode(const uint8_t data[DR_RETAINED_BYTES], struct dr_retained *ret_retained)
{
    return decode(&retained_block, data, ret_retained);
}

void dr_crash_encode(const struct dr_crash_record *crash, uint8_t out[DR_CRASH_BYTES])
{
    encode(&crash_block, crash, out);
}

enum dr_status
dr_crash_decode(const uint8_t data[DR_CRASH_BYTES], struct dr_crash_record *ret_crash)
{
    return decode(&crash_block, data, ret_crash);
}
