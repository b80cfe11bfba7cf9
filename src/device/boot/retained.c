/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The two small blocks in retained RAM: magic, fields, zeros, CRC. */
#include "base/check.h"
#include "base/crc32.h"
#include "device/boot/codec_priv.h"
#include "device/boot/info.h"

#include <string.h>

#define RETAINED_MAGIC 0x52525244u /* "DRRR" */
#define CRASH_MAGIC 0x52435244u    /* "DRCR" */
#define BLOCK_BYTES 64u
#define CRC_BYTES 4u

DR_STATIC_ASSERT(DR_RETAINED_BYTES == BLOCK_BYTES && DR_CRASH_BYTES == BLOCK_BYTES, "one size");

static void begin_block(struct dr_writer *writer, uint8_t *out, uint32_t magic)
{
    dr_writer_init(writer, out, BLOCK_BYTES);
    dr_write_u32(writer, magic);
}

static void end_block(struct dr_writer *writer)
{
    dr_write_fill(writer, 0, BLOCK_BYTES - CRC_BYTES - writer->size_bytes);
    dr_write_u32(writer, dr_crc32(0, writer->data, BLOCK_BYTES - CRC_BYTES));
    DR_CHECK(writer->status == DR_OK);
}

static enum dr_status
open_block(struct dr_reader *reader, const uint8_t data[BLOCK_BYTES], uint32_t magic)
{
    dr_reader_init(reader, data + BLOCK_BYTES - CRC_BYTES, CRC_BYTES);
    uint32_t crc = dr_read_u32(reader);
    dr_reader_init(reader, data, BLOCK_BYTES - CRC_BYTES);
    bool whole = dr_read_u32(reader) == magic;
    return whole && crc == dr_crc32(0, data, BLOCK_BYTES - CRC_BYTES) ? DR_OK : DR_E_CORRUPT;
}

static void code_retained(struct dr_codec *codec, struct dr_retained *retained)
{
    dr_code_bool(codec, &retained->in_rom);
    dr_code_enum(codec, &retained->mark, DR_MARK_SLEEP);
    dr_code_enum(codec, &retained->slot, DR_SLOT_FACTORY);
    dr_code_enum(codec, &retained->rung, DR_RUNG_FACTORY);
    dr_code_enum(codec, &retained->state, DR_IMAGE_FACTORY);
    dr_code_u8(codec, &retained->faults);
    dr_code_u32(codec, &retained->uptime_ms);
    dr_code_bytes(codec, retained->digest, sizeof retained->digest);
}

void dr_retained_encode(const struct dr_retained *retained, uint8_t out[DR_RETAINED_BYTES])
{
    struct dr_retained copy = *retained;
    struct dr_writer writer;
    begin_block(&writer, out, RETAINED_MAGIC);
    struct dr_codec codec = {.writer = &writer};
    code_retained(&codec, &copy);
    end_block(&writer);
}

enum dr_status
dr_retained_decode(const uint8_t data[DR_RETAINED_BYTES], struct dr_retained *ret_retained)
{
    struct dr_reader reader;
    struct dr_retained retained = {0};
    DR_TRY(open_block(&reader, data, RETAINED_MAGIC));
    struct dr_codec codec = {.reader = &reader};
    code_retained(&codec, &retained);
    if (reader.status != DR_OK) {
        return DR_E_CORRUPT;
    }
    *ret_retained = retained;
    return DR_OK;
}

static void code_crash(struct dr_codec *codec, struct dr_crash_record *crash)
{
    dr_code_u8(codec, &crash->reason);
    dr_code_u8(codec, &crash->task);
    dr_code_u32(codec, &crash->pc);
    dr_code_u32(codec, &crash->lr);
    dr_code_u32(codec, &crash->fault_status);
    dr_code_u32(codec, &crash->uptime_ms);
    dr_code_digest(codec, crash->digest);
}

void dr_crash_encode(const struct dr_crash_record *crash, uint8_t out[DR_CRASH_BYTES])
{
    struct dr_crash_record copy = *crash;
    struct dr_writer writer;
    begin_block(&writer, out, CRASH_MAGIC);
    struct dr_codec codec = {.writer = &writer};
    code_crash(&codec, &copy);
    end_block(&writer);
}

enum dr_status
dr_crash_decode(const uint8_t data[DR_CRASH_BYTES], struct dr_crash_record *ret_crash)
{
    struct dr_reader reader;
    DR_TRY(open_block(&reader, data, CRASH_MAGIC));
    struct dr_codec codec = {.reader = &reader};
    memset(ret_crash, 0, sizeof *ret_crash);
    code_crash(&codec, ret_crash);
    return reader.status;
}
