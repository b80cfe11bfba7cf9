/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Installs an image, as a client would, without a network: what the factory hands in as bundle is
 * written into the spare, the life cycle is locked, and after that reset the image is asked for.
 * Power may go at any point; a reset starts over. */
#include "boards/linux/wire.h"
#include "boards/mps2_an385/common/anchor_uart.h"
#include "boards/mps2_an385/common/mailbox.h"
#include "boards/mps2_an385/common/nor.h"
#include "boards/mps2_an385/common/part.h"
#include "boards/mps2_an385/common/retained.h"
#include "boards/mps2_an385/common/watchdog.h"
#include "boards/mps2_an385/testfw/testfw.h"
#include "device/boot/request.h"
#include "device/slot/slot.h"

#include <string.h>

#define BLOCK_BYTES 1024u
#define ASK_MS 2000u
#define CRYPTO (&dr_crypto_rom)

const char testfw_name[] = "install";

static uint8_t image[DR_WIRE_BUNDLE_BYTES_MAX];
static uint8_t tlvs[DR_IMAGE_TLVS_BYTES_MAX];
static uint8_t scratch[BLOCK_BYTES];
static struct dr_slot slot;
static struct dr_nor nor;
static struct dr_flash flash;
static struct dr_anchor_uart uart;
static struct dr_anchor anchor;

static void need(enum dr_status status, const char *what)
{
    const uint32_t number = (uint32_t)(-(int32_t)status);
    if (status != DR_OK) {
        testfw_say(what, &number, 1);
        dr_system_reset();
    }
}

static enum dr_status
ask(uint16_t operation, uint8_t *reply, size_t capacity_bytes, size_t *ret_size_bytes)
{
    struct dr_mailbox_exchange exchange = {
        .operation = operation,
        .reply = reply,
        .capacity_bytes = capacity_bytes,
        .timeout_ms = ASK_MS,
        .idle = dr_watchdog_feed};
    enum dr_status status = dr_mailbox_ask(&exchange);
    *ret_size_bytes = exchange.reply_bytes;
    return status;
}

static void open_slot(const struct dr_boot_info *info)
{
    const struct dr_slot_config config = {
        .crypto = CRYPTO,
        .flash = &flash,
        .area = dr_flash_slot_area(&dr_mps2_flash_map, (enum dr_slot_id)info->spare),
        .slot_key = info->spare == DR_SLOT_A ? info->keys.slot_a : info->keys.slot_b,
        .scratch = scratch,
        .scratch_bytes = sizeof scratch,
        .batch_sectors = 1};
    enum dr_status status = dr_slot_open(&slot, &config);
    need(status == DR_E_NOT_FOUND ? DR_OK : status, "slot");
}

static void fill_spare(const struct dr_boot_info *info, size_t size_bytes)
{
    struct dr_slot_install install = {
        .image_bytes = (uint32_t)size_bytes, .block_bytes = BLOCK_BYTES};
    install.random[0] = (uint8_t)info->reset_cause;
    open_slot(info);
    need(dr_slot_begin(&slot, &install), "begin");
    for (uint32_t at = 0; at < size_bytes; at += BLOCK_BYTES) { /* bound: size_bytes */
        uint32_t left = (uint32_t)size_bytes - at;
        dr_watchdog_feed();
        need(
            dr_slot_write(&slot, at, image + at, left < BLOCK_BYTES ? left : BLOCK_BYTES), "write");
    }
    need(dr_slot_flush(&slot), "flush");
}

static void lock(const struct dr_boot_info *info)
{
    const struct dr_anchor_port port = dr_anchor_uart_port(&uart);
    size_t none = 0;
    uint8_t seed[DR_SHA256_BYTES] = {1};
    dr_anchor_uart_start(&uart, 1);
    dr_anchor_init(&anchor, CRYPTO, &port, DR_ANCHOR_KEY_FW, info->keys.anchor_fw, seed);
    need(dr_anchor_lock(&anchor), "lock");
    need(ask(DR_WIRE_PROVISIONED, NULL, 0, &none), "provisioned");
}

static void ask_for_it(const struct dr_boot_info *info)
{
    struct dr_image_header header;
    struct dr_image_info found;
    open_slot(info);
    uint32_t size_bytes = dr_slot_image_bytes(&slot.reader);
    need(dr_slot_read(&slot.reader, 0, scratch, DR_IMAGE_HEADER_BYTES), "head");
    if (dr_image_parse_header(scratch, DR_IMAGE_HEADER_BYTES, &header) != DR_REASON_NONE) {
        need(DR_E_FORMAT, "header");
    }
    uint32_t tail_at = dr_image_tlvs_offset(&header);
    if (tail_at >= size_bytes || size_bytes - tail_at > sizeof tlvs) {
        need(DR_E_FORMAT, "size");
    }
    need(dr_slot_read(&slot.reader, tail_at, tlvs, size_bytes - tail_at), "tail");
    if (dr_image_parse_tlvs(&header, tlvs, size_bytes - tail_at, &found) != DR_REASON_NONE) {
        need(DR_E_FORMAT, "tlvs");
    }
    need(
        dr_request_write(
            &flash, dr_mps2_flash_map.requests, CRYPTO, info, DR_REQUEST_INSTALL, 0, found.digest),
        "request");
}

static void reset_planned(void)
{
    uint8_t block[DR_RETAINED_BYTES];
    struct dr_retained retained;
    dr_retained_block_read(block);
    need(dr_retained_decode(block, &retained), "retained");
    retained.mark = DR_MARK_RESET;
    dr_retained_encode(&retained, block);
    dr_retained_block_write(block);
    dr_system_reset();
}

void testfw_run(struct dr_boot_info *info)
{
    size_t size_bytes = 0;
    dr_nor_port_firmware(&nor, info->spare, &flash);
    if (info->mode == DR_MODE_PROVISIONING) {
        while (ask(DR_WIRE_BUNDLE, image, sizeof image, &size_bytes) != DR_OK) {
            testfw_feed_for(50); /* bound: who stands at the factory */
        }
        fill_spare(info, size_bytes);
        testfw_say("filled", NULL, 0);
        lock(info);
        reset_planned();
    } else if (
        info->last.kind == DR_TRANSITION_FIRST_BOOT || info->last.kind == DR_TRANSITION_NONE) {
        ask_for_it(info);
        testfw_say("asked for", NULL, 0);
        reset_planned();
    }
    const uint32_t refused[] = {info->last.kind, info->last.reason, info->last.faults};
    testfw_say("stays: kind reason faults", refused, 3);
}
