/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The flash port over the channel: ranges are split so that no message exceeds the wire's bound. */
#include "boards/linux/channel_priv.h"
#include "boards/linux/map.h"

#include <string.h>

/* Small records are waited for, one by one; image data and rows of marks, read back anyway, are
 * not. */
#define LATER_BYTES_MIN 512u

/* Send what is held back. Once: what becomes of it is told later. */
static enum dr_status release(struct dr_channel *channel)
{
    const struct dr_channel_call call = {
        .operation = DR_WIRE_FLASH_PROGRAM,
        .a = channel->held_address,
        .payload = channel->held,
        .payload_bytes = channel->held_bytes};
    if (channel->held_bytes == 0) {
        return DR_OK;
    }
    channel->held_bytes = 0;
    return dr_channel_call_later(channel, &call);
}

/* Sectors come one after the other; the board is woken for a row of them. */
static enum dr_status
hold(struct dr_channel *channel, uint32_t address, const uint8_t *data, uint32_t size_bytes)
{
    if (address != channel->held_address + channel->held_bytes ||
        size_bytes > sizeof channel->held - channel->held_bytes) {
        DR_TRY(release(channel));
    }
    if (channel->held_bytes == 0) {
        channel->held_address = address;
    }
    memcpy(channel->held + channel->held_bytes, data, size_bytes);
    channel->held_bytes += size_bytes;
    return channel->held_bytes == sizeof channel->held ? release(channel) : DR_OK;
}

static enum dr_status flash_read(void *context, uint32_t address, uint8_t *out, uint32_t size_bytes)
{
    struct dr_channel *channel = context;
    uint32_t done = 0;
    DR_TRY(release(channel));
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
        if (part >= LATER_BYTES_MIN) {
            DR_TRY(hold(channel, address + done, data + done, part));
        } else {
            struct dr_channel_call call = {
                .operation = DR_WIRE_FLASH_PROGRAM,
                .a = address + done,
                .payload = data + done,
                .payload_bytes = part,
                .settles = true};
            DR_TRY(release(channel));
            DR_TRY(dr_channel_call(channel, &call));
        }
        done += part;
    }
    return DR_OK;
}

static enum dr_status flash_erase(void *context, uint32_t address, uint32_t size_bytes)
{
    struct dr_channel_call call = {
        .operation = DR_WIRE_FLASH_ERASE, .a = address, .b = size_bytes, .settles = true};
    DR_TRY(release(context));
    return size_bytes <= DR_LINUX_SECTOR_BYTES ? dr_channel_call(context, &call)
                                               : dr_channel_call_later(context, &call);
}

/* The board answers a program or an erase when it is done: to have all answers is to be in sync. */
static enum dr_status flash_sync(void *context)
{
    DR_TRY(release(context));
    return dr_channel_settle(context);
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
