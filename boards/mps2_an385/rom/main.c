/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* From reset to the image. See rom.h. */
#include "base/check.h"
#include "base/secret.h"
#include "boards/mps2_an385/common/board_panel.h"
#include "boards/mps2_an385/common/mpu.h"
#include "boards/mps2_an385/common/regs.h"
#include "boards/mps2_an385/common/retained.h"
#include "boards/mps2_an385/common/watchdog.h"
#include "boards/mps2_an385/map.h"
#include "boards/mps2_an385/rom/rom.h"

#define RESETS_AT (DR_MPS2_STORE_AT + DR_MPS2_RETAINED_AT + DR_MPS2_RETAINED_RESETS_AT)
#define STOP_MS 500u
#define SUMMARY_AT (DR_MPS2_STORE_AT + DR_MPS2_RETAINED_AT + DR_MPS2_RETAINED_SUMMARY_AT)

/* Burned by the factory. */
static const uint8_t burned[DR_TRUST_RECORD_BYTES]
    __attribute__((section(".drtrust"), used)) = {'D', 'R', 'T', 'R', 'U', 'S', 'T', '1'};

/* The ROM's memory. */
static struct dr_boot_work boot_work;
static struct dr_boot_result boot_result;

void dr_rom_stop(uint32_t led)
{
    dr_board_panel_write(DR_PANEL_LED_AT, led);
    dr_watchdog_arm(STOP_MS);
    for (;;) { /* bound: the watchdog */
    }
}

_Noreturn void dr_check_failed(const char *file, int line)
{
    (void)file;
    (void)line;
    dr_rom_stop(DR_LED_HALT_FAULT);
}

static void read_trust(void)
{
    const uint8_t *record = burned;
    __asm("" : "+r"(record)); /* the compiler must not believe what it saw there */
    if (dr_trust_record_decode(record, &dr_rom_memory.trust) != DR_OK) {
        dr_rom_stop(DR_LED_HALT_TRUST);
    }
}

/* The image gets the hand-off; the board, which shows it to a person, the same without its keys. */
static void hand_off(struct dr_boot_info *info)
{
    dr_boot_info_encode(info, (uint8_t *)(uintptr_t)DR_MPS2_HANDOFF_AT);
    dr_wipe(&info->keys, sizeof info->keys);
    dr_boot_info_encode(info, (uint8_t *)(uintptr_t)(SUMMARY_AT + 4u));
    dr_reg_write(SUMMARY_AT, DR_MPS2_SUMMARY_MAGIC);
}

void dr_rom_main(void)
{
    dr_reg_write(SUMMARY_AT, 0);
    read_trust();
    dr_trust_policy(dr_rom_memory.trust.time_divisor, &dr_rom_memory.policy);
    dr_anchor_uart_start(&dr_rom_memory.anchor, dr_reg_read(RESETS_AT) << 8);
    dr_boot_run(&dr_rom_platform, &boot_work, &boot_result);
    const struct dr_loaded *loaded = &boot_result.loaded;
    hand_off(&boot_result.info);
    dr_mpu_protect_storage(boot_result.info.spare);
    dr_rom_jump(
        DR_MPS2_LOAD_AT + loaded->offset_bytes, loaded->size_bytes,
        DR_MPS2_LOAD_AT + loaded->entry_offset_bytes);
}
