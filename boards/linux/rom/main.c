/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* daruma-rom-linux: from reset to the firmware. See rom.h. */
#include "boards/linux/map.h"
#include "boards/linux/rom/confine.h"
#include "boards/linux/rom/rom.h"
#include "boards/linux/summary.h"

#include "base/check.h"
#include "base/secret.h"
#include "device/anchor/keys.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Burned by the factory. volatile: the compiler must not believe what it sees here. */
static const volatile uint8_t burned[DR_TRUST_RECORD_BYTES]
    __attribute__((section(".drtrust"), used)) = {'D', 'R', 'T', 'R', 'U', 'S', 'T', '1'};

/* The ROM's memory. */
static struct dr_boot_work boot_work;
static struct dr_boot_result boot_result;

_Noreturn void dr_check_failed(const char *file, int line)
{
    fprintf(stderr, "rom: internal fault at %s:%d\n", file, line);
    _exit(1);
}

/* Say why on the serial line and the LED, and stop; the board tries again. */
static _Noreturn void stop(struct dr_channel *channel, enum dr_led led, const char *why)
{
    fprintf(stderr, "rom: %s\n", why);
    if (channel != NULL) {
        DR_IGNORE(dr_channel_led(channel, led)); /* nobody left to tell */
    }
    _exit(1);
}

static enum dr_status read_trust(struct dr_trust_record *ret_record)
{
    uint8_t copy[DR_TRUST_RECORD_BYTES];
    for (size_t i = 0; i < sizeof copy; i++) {
        copy[i] = burned[i];
    }
    return dr_trust_record_decode(copy, ret_record);
}

static void hand_off(struct dr_channel *channel, struct dr_boot_info *info)
{
    uint8_t encoded[DR_BOOT_INFO_BYTES];
    struct dr_wire_summary summary;
    dr_wire_summary_of(info, &summary);
    dr_boot_info_encode(info, encoded);
    dr_wipe(info, sizeof *info);
    enum dr_status status = dr_channel_handoff_set(channel, &summary, encoded, sizeof encoded);
    dr_wipe(encoded, sizeof encoded);
    if (status != DR_OK) {
        stop(channel, DR_LED_HALT_FAULT, "the board refused the hand-off");
    }
}

/* Become the firmware. The memory of this program, with all that was secret in it, ends here. */
static _Noreturn void jump(struct dr_channel *channel, int image_fd)
{
    struct dr_confinement confinement;
    char text[DR_WIRE_LOG_BYTES_MAX];
    dr_confine(image_fd, &confinement);
    dr_confinement_text(&confinement, text, sizeof text);
    DR_IGNORE(dr_channel_log(channel, text)); /* the walls stand all the same */
    char name[] = "firmware";
    char *arguments[] = {name, NULL};
    char *environment[] = {NULL};
    syscall(SYS_execveat, image_fd, "", arguments, environment, AT_EMPTY_PATH);
    stop(channel, DR_LED_HALT_FAULT, "the verified image is not a program for this machine");
}

int main(void)
{
    struct dr_channel channel;
    if (dr_channel_open(&channel, DR_WIRE_FD) != DR_OK) {
        stop(NULL, DR_LED_OFF, "there is no board on descriptor 3");
    }
    if (dr_channel_watchdog_arm(&channel, DR_LINUX_ROM_WATCHDOG_MS) != DR_OK) {
        stop(&channel, DR_LED_HALT_FAULT, "the watchdog cannot be armed");
    }
    struct dr_trust_record record;
    if (read_trust(&record) != DR_OK) {
        stop(&channel, DR_LED_HALT_TRUST, "no trust anchors were burned into this ROM");
    }
    if (record.time_divisor != 1u) {
        fprintf(stderr, "rom: test device: times divided by %u\n", record.time_divisor);
    }
    struct dr_boot_policy policy;
    dr_trust_policy(record.time_divisor, &policy);
    uint8_t secret[DR_DEVICE_SECRET_BYTES] = {0};
    if (dr_channel_secret(&channel, secret) != DR_OK) {
        stop(&channel, DR_LED_HALT_ANCHOR, "no device secret");
    }
    struct dr_flash flash;
    dr_channel_flash(&channel, &flash);
    struct dr_rom_window window;
    struct dr_boot_platform platform = {
        .policy = &policy,
        .crypto = dr_rom_crypto(),
        .flash = &flash,
        .map = &dr_linux_flash_map,
        .trust = &record.trust,
        .product = record.product,
        .secret = secret,
        .anchor = dr_rom_anchor_port(&channel),
        .window = dr_rom_window(&window, DR_LINUX_SLOT_BYTES)};
    dr_rom_port(&platform, &channel);
    dr_boot_run(&platform, &boot_work, &boot_result);
    const struct dr_loaded *loaded = &boot_result.loaded;
    int image_fd =
        dr_rom_seal(loaded->memory + loaded->entry_offset_bytes, loaded->payload_size_bytes);
    if (image_fd < 0) {
        stop(&channel, DR_LED_HALT_FAULT, "the verified image could not be sealed");
    }
    dr_wipe(secret, sizeof secret);
    dr_wipe(&boot_work, sizeof boot_work);
    dr_rom_window_close(&window);
    hand_off(&channel, &boot_result.info);
    jump(&channel, image_fd);
}
