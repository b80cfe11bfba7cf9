/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* From reset to the image. See rom.h. */
#include "base/check.h"
#include "base/secret.h"
#include "boards/linux/rom/trust.h"
#include "boards/linux/summary.h"
#include "boards/mps2_an385/common/anchor_uart.h"
#include "boards/mps2_an385/common/board_panel.h"
#include "boards/mps2_an385/common/console.h"
#include "boards/mps2_an385/common/mpu.h"
#include "boards/mps2_an385/common/nor.h"
#include "boards/mps2_an385/common/part.h"
#include "boards/mps2_an385/common/regs.h"
#include "boards/mps2_an385/common/retained.h"
#include "boards/mps2_an385/common/watchdog.h"
#include "boards/mps2_an385/map.h"
#include "boards/mps2_an385/rom/rom.h"

#define RESETS_AT (DR_MPS2_STORE_AT + DR_MPS2_RETAINED_AT + DR_MPS2_RETAINED_RESETS_AT)
#define STOP_MS 500u
#define SUMMARY_AT (DR_MPS2_STORE_AT + DR_MPS2_RETAINED_AT + DR_MPS2_RETAINED_SUMMARY_AT)

/* Burned by the factory. volatile: the compiler must not believe what it sees here. */
static const volatile uint8_t burned[DR_TRUST_RECORD_BYTES]
    __attribute__((section(".drtrust"), used)) = {'D', 'R', 'T', 'R', 'U', 'S', 'T', '1'};

/* The ROM's memory. */
static struct dr_boot_work boot_work;
static struct dr_boot_result boot_result;
static struct dr_anchor_uart anchor_uart;
static struct dr_trust_record trust_record;
static struct dr_boot_policy policy;
static struct dr_nor nor;
static struct dr_flash flash;

void dr_rom_stop(uint32_t led, const char *why)
{
    dr_board_panel_write(DR_PANEL_LED_AT, led);
    dr_console_line(why);
    dr_watchdog_arm(STOP_MS);
    for (;;) { /* bound: the watchdog */
    }
}

_Noreturn void dr_check_failed(const char *file, int line)
{
    (void)file;
    (void)line;
    dr_rom_stop(DR_LED_HALT_FAULT, "rom: check failed");
}

static void read_trust(void)
{
    uint8_t copy[DR_TRUST_RECORD_BYTES];
    for (size_t i = 0; i < sizeof copy; i++) {
        copy[i] = burned[i];
    }
    if (dr_trust_record_decode(copy, &trust_record) != DR_OK) {
        dr_rom_stop(DR_LED_HALT_TRUST, "rom: no trust anchors were burned in");
    }
}

static uint8_t *window_begin(void *context)
{
    (void)context;
    return (uint8_t *)(uintptr_t)DR_MPS2_LOAD_AT;
}

static const uint8_t *window_freeze(void *context, uint32_t size_bytes)
{
    (void)size_bytes;
    return window_begin(context);
}

/* What the board shows to a person; nothing secret. */
static void tell_board(const struct dr_boot_info *info)
{
    struct dr_wire_summary summary;
    dr_wire_summary_of(info, &summary);
    dr_wire_encode_summary(&summary, (uint8_t *)(uintptr_t)(SUMMARY_AT + 4u));
    dr_reg_write(SUMMARY_AT, DR_MPS2_SUMMARY_MAGIC);
}

void dr_rom_main(void)
{
    struct dr_boot_platform platform = {
        .policy = &policy,
        .crypto = &dr_crypto_rom,
        .flash = &flash,
        .map = &dr_mps2_flash_map,
        .trust = &trust_record.trust,
        .product = trust_record.product,
        .secret = (const uint8_t *)(uintptr_t)DR_MPS2_SECRET_AT,
        .window = {
            .begin = window_begin,
            .freeze = window_freeze,
            .address = DR_MPS2_LOAD_AT,
            .size_bytes = DR_MPS2_LOAD_BYTES,
            .vectors = true}};
    dr_reg_write(SUMMARY_AT, 0);
    dr_console_start();
    read_trust();
    dr_trust_policy(trust_record.time_divisor, &policy);
    dr_nor_port_rom(&nor, &flash);
    dr_rom_port(&platform);
    dr_anchor_uart_start(&anchor_uart, dr_reg_read(RESETS_AT) << 8);
    platform.anchor = dr_anchor_uart_port(&anchor_uart);
    dr_boot_run(&platform, &boot_work, &boot_result);
    const struct dr_loaded *loaded = &boot_result.loaded;
    tell_board(&boot_result.info);
    dr_boot_info_encode(&boot_result.info, (uint8_t *)(uintptr_t)DR_MPS2_HANDOFF_AT);
    dr_mpu_protect_storage(boot_result.info.spare);
    dr_rom_jump(
        DR_MPS2_LOAD_AT + loaded->offset_bytes, loaded->size_bytes,
        DR_MPS2_LOAD_AT + loaded->entry_offset_bytes);
}
