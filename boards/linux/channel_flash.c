/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The flash port over the channel: ranges are split so that no message exceeds the wire's bound. */
#include "boards/linux/channel_priv.h"
#include "boards/linux/map.h"

/* Records are waited for, one by one; image data of at least this size is not. */
#define LATER_BYTES_MIN 8192u

static enum dr_status flash_read(void *context, uint32_t address, uint8_t *out, uint32_t size_bytes)
{
    struct dr_channel *channel = context;
    uint32_t done = 0;
    while (done < size_bytes) { /* bound: every round moves at least one byte */
        uint32_t left = size_bytes - done;
        uint32_t part = left < DR_WIRE_FLASH_BYTES_MAX ? left : DR_WIRE_FLASH_BYTES_MAX;
        struct dr_channel_call call = {
            .operation = DR_WIRE_FLASH_READ,
            .a = address + done,
            .b = part,
            .answer = out + done,
            .capacity_bytes = part};
        DR_TRY(dr_channel_call(channel, &call));
        if (call.answer_bytes != part) {
            return DR_E_IO;
        }
        done += part;
    }
    return DR_OK;
}

static enum dr_status
flash_program(void *context, uint32_t address, const uint8_t *data, uint32_t size_bytes)
{
    struct dr_channel *channel = context;
    uint32_t done = 0;
    while (done < size_bytes) { /* bound: every round moves at least one byte */
        uint32_t left = size_bytes - done;
        uint32_t part = left < DR_WIRE_FLASH_BYTES_MAX ? left : DR_WIRE_FLASH_BYTES_MAX;
        struct dr_channel_call call = {
            .operation = DR_WIRE_FLASH_PROGRAM,
            .a = address + done,
            .payload = data + done,
            .payload_bytes = part,
            .settles = true};
        DR_TRY(
            part < LATER_BYTES_MIN ? dr_channel_call(channel, &call)
                                   : dr_channel_call_later(channel, &call));
        done += part;
    }
    return DR_OK;
}

static enum dr_status flash_erase(void *context, uint32_t address, uint32_t size_bytes)
{
    struct dr_channel_call call = {
        .operation = DR_WIRE_FLASH_ERASE, .a = address, .b = size_bytes, .settles = true};
    return size_bytes <= DR_LINUX_SECTOR_BYTES ? dr_channel_call(context, &call)
                                               : dr_channel_call_later(context, &call);
}

static enum dr_status flash_sync(void *context)
{
    struct dr_channel_call call = {.operation = DR_WIRE_FLASH_SYNC, .settles = true};
    return dr_channel_call(context, &call);
}

void dr_channel_flash(struct dr_channel *channel, struct dr_flash *ret_flash)
{
    *ret_flash = (struct dr_flash){
        .geometry = dr_linux_flash_geometry,
        .context = channel,
        .read = flash_read,
        .program = flash_program,
        .erase = flash_erase,
        .sync = flash_sync,
    };
}
