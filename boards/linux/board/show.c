/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The state of the board as "key value" lines, for the command line and for tests. */
#include "boards/linux/board/board.h"

#include "base/text.h"
#include "device/boot/info.h"
#include "format/image.h"
#include "format/reason.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

struct text {
    char *out;
    size_t capacity_bytes;
    size_t len;
};

static void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t room = text->capacity_bytes - text->len;
    int len = vsnprintf(text->out + text->len, room, format, arguments);
    va_end(arguments);
    if (len > 0 && (size_t)len < room) {
        text->len += (size_t)len;
    } else {
        text->out[text->len] = '\0'; /* a line that does not fit is left out */
    }
}

const char *dr_board_phase_word(enum dr_board_phase phase)
{
    switch (phase) {
    case DR_BOARD_OFF:
        return "off";
    case DR_BOARD_ROM:
        return "rom";
    case DR_BOARD_FIRMWARE:
        return "firmware";
    case DR_BOARD_STOPPED:
        return "stopped";
    }
    return "unknown";
}

static const char *led_word(uint32_t led)
{
    switch (led) {
#define LED_CASE(name, number, word, meaning)                                                      \
    case number:                                                                                   \
        return word;
        DR_LED_LIST(LED_CASE)
#undef LED_CASE
    default: /* data from outside */
        return "unknown";
    }
}

static void add_summary(struct text *text, const struct dr_wire_summary *summary)
{
    struct dr_version version = {
        .major = summary->version_major,
        .minor = summary->version_minor,
        .revision = summary->version_revision,
        .build = summary->version_build};
    char words[DR_VERSION_TEXT_BYTES];
    char hex[DR_HEX_SIZE(32)];
    dr_version_text(&version, words);
    dr_hex_encode(summary->digest, sizeof summary->digest, hex);
    add(text, "version %s\nslot %s\nstate %s\n", words, dr_slot_word(summary->slot),
        dr_image_state_word(summary->state));
    add(text, "mode %s\nrung %s\n", dr_boot_mode_word(summary->mode), dr_rung_word(summary->rung));
    add(text, "spare %s\n", dr_slot_word(summary->spare));
    add(text, "reason %s\n", dr_reason_word((enum dr_reason)summary->reason));
    add(text, "hang_ms %u\ndigest %s\n", (unsigned)summary->hang_ms, hex);
    add(text, "counters.security %u\n", (unsigned)summary->security_counter);
    add(text, "counters.revocation %u\n", (unsigned)summary->revocation);
    add(text, "counters.epoch %u\n", (unsigned)summary->user_epoch);
    add(text, "tries_left %u\nboots_left %u\n", summary->tries_left, summary->boots_left);
}

/* What the application is told by people. */
static void add_inputs(struct text *text, uint32_t pins)
{
    add(text, "inputs.quiet_hours %s\n", (pins & DR_PANEL_PIN_QUIET) != 0 ? "on" : "off");
    add(text, "inputs.door %s\n", (pins & DR_PANEL_PIN_DOOR) != 0 ? "unlocked" : "locked");
    add(text, "inputs.owner %s\n", (pins & DR_PANEL_PIN_OWNER) != 0 ? "no" : "yes");
}

size_t dr_board_show(const struct dr_board *board, char *out, size_t capacity_bytes)
{
    const struct dr_board_machine *machine = &board->machine;
    struct text text = {.out = out, .capacity_bytes = capacity_bytes};
    uint32_t led = dr_board_panel(board, DR_PANEL_LED_AT);
    out[0] = '\0';
    add(&text, "running %s\n", dr_board_phase_word(machine->phase));
    add(&text, "board_pid %d\nmachine_pid %d\nanchor_pid %d\n", (int)getpid(), (int)machine->pid,
        (int)board->anchor.pid);
    bool on = machine->phase == DR_BOARD_ROM || machine->phase == DR_BOARD_FIRMWARE;
    uint64_t uptime_ms = on ? (dr_board_now_ns() - machine->reset_ns) / 1000000u : 0;
    add(&text, "uptime_ms %llu\nboots %u\n", (unsigned long long)uptime_ms,
        (unsigned)machine->boots);
    add(&text, "led %u\nled_word %s\n", (unsigned)led, led_word(led));
    add(&text, "app_leds %u\n", (unsigned)dr_board_panel(board, DR_PANEL_APP_LEDS_AT));
    add(&text, "pin %u\n", (unsigned)dr_board_panel(board, DR_PANEL_PINS_AT) & 1u);
    add_inputs(&text, dr_board_panel(board, DR_PANEL_PINS_AT));
    add(&text, "flash %s\n", board->flash_status == DR_OK ? "ok" : "fails");
    add(&text, "provisioned %s\n", access(DR_BOARD_PROVISIONED_PATH, F_OK) == 0 ? "yes" : "no");
    const char *cable = board->link_up ? "cable" : "no";
    add(&text, "joined %s\n", board->network[0] != '\0' ? board->network : cable);
    if (machine->has_summary) {
        add_summary(&text, &machine->summary);
    }
    return text.len;
}
