/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Power, reset line, and the emulator that is the machine. */
#include "boards/linux/summary.h"
#include "boards/mps2_an385/common/retained.h"
#include "boards/mps2_an385/host/host.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#define SERIAL_READS_MAX 256u
#define NETWORK_LOOK_MS 200u
#define BOOT_NUMBER_AT (DR_MPS2_RETAINED_AT + DR_MPS2_RETAINED_RESETS_AT)
#define SUMMARY_AT (DR_MPS2_RETAINED_AT + DR_MPS2_RETAINED_SUMMARY_AT)

/* A new life of the machine's processor: nothing from the last one is answered any more. */
static void new_life(struct dr_host *host)
{
    struct dr_board *board = &host->board;
    board->machine.reset_ns = dr_board_now_ns();
    board->machine.boots++;
    board->machine.phase = DR_BOARD_ROM;
    host->uart.used_bytes = 0;
    host->mail_number = dr_host_word(host, DR_MPS2_MAILBOX_AT + DR_MAILBOX_ASKED_AT);
    dr_board_resolver_stop(board);
    dr_board_anchor_start(board);
}

/* What the ROM said of its hand-off, once per boot. Also looked for when a life is over: it may
 * have been shorter than the time between two looks. */
static void look_for_handoff(struct dr_host *host)
{
    struct dr_board *board = &host->board;
    uint8_t bytes[DR_BOOT_INFO_BYTES];
    struct dr_boot_info info;
    uint32_t boot_number = dr_host_word(host, BOOT_NUMBER_AT);
    if (board->machine.phase != DR_BOARD_ROM || boot_number == host->boot_number ||
        dr_host_word(host, SUMMARY_AT) != DR_MPS2_SUMMARY_MAGIC) {
        return;
    }
    host->boot_number = boot_number;
    dr_host_copy_out(host, SUMMARY_AT + 4u, bytes, sizeof bytes);
    if (dr_boot_info_decode(bytes, sizeof bytes, &info) != DR_OK) {
        dr_board_log(board, "board", "the hand-off's summary is malformed");
        return;
    }
    dr_wire_summary_of(&info, &board->machine.summary);
    board->machine.has_summary = true;
    board->machine.phase = DR_BOARD_FIRMWARE;
    dr_board_handoff_log(board);
}

/* The machine stands still: its last words, and what it was. */
static void hear_out(struct dr_host *host)
{
    look_for_handoff(host);
    for (unsigned i = 0; i < SERIAL_READS_MAX && host->board.machine.serial >= 0; i++) {
        dr_board_serial(&host->board);
    }
}

static void start(struct dr_host *host)
{
    struct dr_board *board = &host->board;
    new_life(host);
    if (board->flash_status == DR_OK && dr_host_spawn(host)) {
        dr_board_network_reset(&host->board);
        return;
    }
    dr_board_log(board, "board", "the machine cannot be started");
    board->machine.phase = DR_BOARD_STOPPED;
    board->machine.restart_ms =
        board->flash_status == DR_OK ? dr_board_now_ms() + DR_BOARD_ROM_RESTART_MS : DR_BOARD_NEVER;
}

static void close_line(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
}

/* End whatever runs. A killed process is gone when waitpid returns; it writes nothing after that.
 */
static void halt(struct dr_host *host)
{
    struct dr_board *board = &host->board;
    struct dr_board_machine *machine = &board->machine;
    if (machine->pid > 0) {
        kill(machine->pid, SIGKILL);
        while (waitpid(machine->pid, NULL, 0) < 0 && errno == EINTR) { /* bound: it was killed */
        }
        machine->pid = 0;
    }
    hear_out(host);
    close_line(&machine->serial);
    close_line(&machine->wire);
    close_line(&machine->channel);
    board->anchor.asked = false;
    dr_board_resolver_stop(board);
}

/* RAM that lost its power holds anything. */
static void forget(struct dr_host *host)
{
    uint8_t noise[DR_MPS2_RETAINED_BYTES];
    if (getrandom(noise, sizeof noise, 0) != (ssize_t)sizeof noise) {
        memset(noise, 0xa5, sizeof noise);
    }
    dr_host_copy_in(host, DR_MPS2_RETAINED_AT, noise, sizeof noise);
    host->boot_number = dr_host_word(host, BOOT_NUMBER_AT);
}

void dr_board_power_on(struct dr_board *board)
{
    struct dr_host *host = dr_host_of(board);
    if (board->machine.phase != DR_BOARD_OFF) {
        return;
    }
    board->power_ms = dr_board_now_ms();
    board->machine.boots = 0;
    board->machine.has_summary = false;
    forget(host);
    dr_board_panel_set(board, DR_PANEL_STRAP_AT, DR_PANEL_STRAP_POWER);
    dr_board_panel_set(board, DR_PANEL_LED_AT, DR_LED_BOOT);
    dr_board_panel_set(board, DR_PANEL_APP_LEDS_AT, 0);
    dr_board_log(board, "board", "power on");
    start(host);
}

void dr_board_power_off(struct dr_board *board)
{
    if (board->machine.phase == DR_BOARD_OFF) {
        return;
    }
    halt(dr_host_of(board));
    dr_board_anchor_stop(board);
    board->machine.phase = DR_BOARD_OFF;
    dr_board_panel_set(board, DR_PANEL_LED_AT, DR_LED_OFF);
    dr_board_panel_set(board, DR_PANEL_APP_LEDS_AT, 0);
    dr_board_log(board, "board", "power off");
}

void dr_board_reset(struct dr_board *board, const char *why)
{
    struct dr_host *host = dr_host_of(board);
    (void)why; /* said when the emulator has stopped for it */
    if (board->machine.pid > 0 && !host->in_reset) {
        host->by_button = true;
        dr_host_command(host, "{\"execute\":\"system_reset\"}\n");
    }
}

void dr_host_reset_seen(struct dr_host *host, const char *why)
{
    if (host->board.machine.pid > 0) {
        hear_out(host);
        dr_board_log(&host->board, "board", "reset: %s", why);
        new_life(host);
        dr_board_network_reset(&host->board);
    }
}

uint64_t dr_board_machine_due_ms(const struct dr_board *board, uint64_t now_ms)
{
    if (board->machine.phase == DR_BOARD_STOPPED) {
        return board->machine.restart_ms;
    }
    return board->machine.phase == DR_BOARD_OFF ? DR_BOARD_NEVER : now_ms + DR_HOST_LOOK_MS;
}

void dr_board_machine_tick(struct dr_board *board, uint64_t now_ms)
{
    struct dr_host *host = dr_host_of(board);
    if (board->machine.phase == DR_BOARD_STOPPED && now_ms >= board->machine.restart_ms) {
        halt(host);
        start(host);
    }
    if (board->machine.pid <= 0) {
        return;
    }
    look_for_handoff(host);
    dr_host_mail_tick(host);
    if (now_ms >= host->network_ms) {
        host->network_ms = now_ms + NETWORK_LOOK_MS;
        dr_board_network_tick(board);
    }
}

void dr_board_serve(struct dr_board *board)
{
    dr_host_hear_control(dr_host_of(board));
}

/* The processor stopped where no code of its own could react; a real one is reset then, and RAM
 * stays (docs/boot.md). */
static void locked_up(struct dr_host *host)
{
    struct dr_board *board = &host->board;
    uint8_t encoded[DR_CRASH_BYTES];
    struct dr_crash_record record = {.reason = DR_CRASH_FAULT};
    hear_out(host);
    dr_host_copy_out(
        host, DR_MPS2_RETAINED_AT + DR_MPS2_RETAINED_CRASH_AT, encoded, sizeof encoded);
    if (dr_crash_decode(encoded, &record) != DR_OK && board->machine.phase == DR_BOARD_FIRMWARE) {
        memcpy(record.digest, board->machine.summary.digest, sizeof record.digest);
        record.uptime_ms = (uint32_t)((dr_board_now_ns() - board->machine.reset_ns) / 1000000u);
        dr_crash_encode(&record, encoded);
        dr_host_copy_in(
            host, DR_MPS2_RETAINED_AT + DR_MPS2_RETAINED_CRASH_AT, encoded, sizeof encoded);
    }
    dr_board_panel_set(board, DR_PANEL_STRAP_AT, DR_PANEL_STRAP_LOCK_UP);
    dr_board_log(board, "board", "reset: lock-up");
    halt(host);
    start(host);
}

static void emulator_ended(struct dr_host *host, int wait_status)
{
    struct dr_board *board = &host->board;
    if (WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL) {
        dr_board_log(board, "board", "the machine lost its power");
        dr_board_power_off(board);
        return;
    }
    if (WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGABRT) {
        locked_up(host);
        return;
    }
    dr_board_log(
        board, "board", "the emulator ended (%s %d)", WIFSIGNALED(wait_status) ? "signal" : "exit",
        WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status));
    halt(host);
    board->machine.phase = DR_BOARD_STOPPED;
    board->machine.restart_ms = dr_board_now_ms() + DR_BOARD_ROM_RESTART_MS;
    dr_board_panel_set(board, DR_PANEL_LED_AT, DR_LED_HALT_FAULT);
}

void dr_board_child_ended(struct dr_board *board, pid_t pid, int wait_status)
{
    if (pid == board->anchor.pid) {
        dr_board_log(board, "board", "the secure element stopped");
        board->anchor.pid = 0;
        dr_board_anchor_stop(board);
    } else if (pid == board->resolver.pid) {
        board->resolver.pid = 0; /* its pipe tells the rest */
    } else if (pid == board->machine.pid) {
        board->machine.pid = 0;
        emulator_ended(dr_host_of(board), wait_status);
    }
}
