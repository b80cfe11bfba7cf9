/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Power, reset line, and the process that is the machine. */
#include "boards/linux/board/board.h"

#include "base/secret.h"
#include "device/boot/info.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SERIAL_READS_MAX 64u /* a full pipe */

/* In the child. The ROM gets nothing but the channel and a serial line; it must not outlive the
 * board. Only async-signal-safe calls, as after any fork. */
static _Noreturn void become_rom(int channel, int serial, pid_t board_pid)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != board_pid) {
        _exit(127);
    }
    int null_in = open("/dev/null", O_RDONLY);
    /* Above every target first, so that no dup2 overwrites what the next one needs. */
    int high_channel = fcntl(channel, F_DUPFD, 64);
    int high_serial = fcntl(serial, F_DUPFD, 64);
    if (null_in < 0 || high_channel < 0 || high_serial < 0 || dup2(null_in, STDIN_FILENO) < 0 ||
        dup2(high_serial, STDOUT_FILENO) < 0 || dup2(high_serial, STDERR_FILENO) < 0 ||
        dup2(high_channel, DR_WIRE_FD) < 0) {
        _exit(127);
    }
    for (int fd = DR_WIRE_FD + 1; fd < 1024; fd++) {
        close(fd);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    char name[] = DR_BOARD_ROM_PATH;
    char *arguments[] = {name, NULL};
    char *environment[] = {NULL};
    execve(DR_BOARD_ROM_PATH, arguments, environment);
    _exit(127);
}

static void widen(int socket)
{
    /* A message holds 64 KiB of flash; the kernel's default may be less than two of them. */
    int bytes = 4 * (int)DR_WIRE_PAYLOAD_BYTES_MAX;
    setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

static bool spawn(struct dr_board *board)
{
    struct dr_board_machine *machine = &board->machine;
    int pair[2] = {-1, -1};
    int serial[2] = {-1, -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return false;
    }
    if (pipe2(serial, O_CLOEXEC) != 0) {
        close(pair[0]);
        close(pair[1]);
        return false;
    }
    widen(pair[0]);
    widen(pair[1]);
    pid_t board_pid = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        become_rom(pair[1], serial[1], board_pid);
    }
    close(pair[1]);
    close(serial[1]);
    if (pid < 0) {
        close(pair[0]);
        close(serial[0]);
        return false;
    }
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    fcntl(serial[0], F_SETFL, O_NONBLOCK);
    machine->pid = pid;
    machine->channel = pair[0];
    machine->serial = serial[0];
    return true;
}

static void start(struct dr_board *board)
{
    struct dr_board_machine *machine = &board->machine;
    machine->reset_ns = dr_board_now_ns();
    machine->boots++;
    machine->secret_given = false;
    machine->crash_reported = false;
    dr_board_watchdog_stop(board);
    dr_board_anchor_start(board);
    if (spawn(board)) {
        machine->phase = DR_BOARD_ROM;
        dr_board_network_reset(board);
        return;
    }
    dr_board_log(board, "board", "the boot ROM could not be started: %s", strerror(errno));
    machine->phase = DR_BOARD_STOPPED;
    machine->restart_ms = dr_board_now_ms() + DR_BOARD_ROM_RESTART_MS;
}

/* End whatever runs. A killed process is gone when waitpid returns; nothing of it can write after
 * that. */
static void halt(struct dr_board *board)
{
    struct dr_board_machine *machine = &board->machine;
    if (machine->pid > 0) {
        kill(machine->pid, SIGKILL);
        while (waitpid(machine->pid, NULL, 0) < 0 && errno == EINTR) { /* bound: it was killed */
        }
        machine->pid = 0;
    }
    if (machine->channel >= 0) {
        close(machine->channel);
        machine->channel = -1;
    }
    /* Its last words; the writers are gone, so the end comes. */
    for (unsigned i = 0; i < SERIAL_READS_MAX && machine->serial >= 0; i++) {
        dr_board_serial(board);
    }
    if (machine->serial >= 0) {
        close(machine->serial);
        machine->serial = -1;
    }
    dr_wipe(machine->handoff, sizeof machine->handoff);
    machine->handoff_bytes = 0;
    board->anchor.asked = false;
    dr_board_resolver_stop(board);
    dr_board_watchdog_stop(board);
}

void dr_board_power_on(struct dr_board *board)
{
    if (board->machine.phase != DR_BOARD_OFF) {
        return;
    }
    board->power_ms = dr_board_now_ms();
    board->machine.boots = 0;
    board->machine.has_summary = false;
    /* RAM that lost its power holds anything. */
    if (getrandom(board->retained, sizeof board->retained, 0) != (ssize_t)sizeof board->retained) {
        memset(board->retained, 0xa5, sizeof board->retained);
    }
    dr_board_panel_set(board, DR_PANEL_STRAP_AT, DR_PANEL_STRAP_POWER);
    dr_board_panel_set(board, DR_PANEL_LED_AT, DR_LED_BOOT);
    dr_board_panel_set(board, DR_PANEL_APP_LEDS_AT, 0);
    dr_board_log(board, "board", "power on");
    start(board);
}

void dr_board_power_off(struct dr_board *board)
{
    if (board->machine.phase == DR_BOARD_OFF) {
        return;
    }
    halt(board);
    dr_board_anchor_stop(board);
    board->machine.phase = DR_BOARD_OFF;
    dr_board_panel_set(board, DR_PANEL_LED_AT, DR_LED_OFF);
    dr_board_panel_set(board, DR_PANEL_APP_LEDS_AT, 0);
    dr_board_log(board, "board", "power off");
}

void dr_board_reset(struct dr_board *board, const char *why)
{
    if (board->machine.phase == DR_BOARD_OFF) {
        return;
    }
    halt(board);
    dr_board_log(board, "board", "reset: %s", why);
    start(board);
}

uint32_t dr_board_panel(const struct dr_board *board, uint32_t offset)
{
    return dr_flash_file_panel(&board->flash, offset);
}

void dr_board_panel_set(struct dr_board *board, uint32_t offset, uint32_t value)
{
    dr_flash_file_panel_set(&board->flash, offset, value);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t dr_board_machine_due_ms(const struct dr_board *board, uint64_t now_ms)
{
    (void)now_ms;
    uint64_t due_ms = earlier(board->watchdog.expires_ms, board->watchdog.reset_ms);
    return board->machine.phase == DR_BOARD_STOPPED ? earlier(due_ms, board->machine.restart_ms)
                                                    : due_ms;
}

void dr_board_machine_tick(struct dr_board *board, uint64_t now_ms)
{
    dr_board_watchdog_tick(board, now_ms);
    if (board->machine.phase == DR_BOARD_STOPPED && now_ms >= board->machine.restart_ms) {
        dr_board_reset(board, "the boot ROM had stopped");
    }
}

/* The firmware is gone. With its own crash record it was a fault that its handler saw; without one
 * the processor stopped where no code could react: a lock-up (docs/boot.md). */
static void firmware_ended(struct dr_board *board, int wait_status)
{
    int signal_number = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
    if (signal_number != 0) {
        dr_board_log(board, "board", "the firmware died of signal %d", signal_number);
    } else {
        dr_board_log(board, "board", "the firmware ended with %d", WEXITSTATUS(wait_status));
    }
    if (board->machine.crash_reported) {
        dr_board_reset(board, "crash");
        return;
    }
    dr_board_crash_record(board, DR_CRASH_FAULT, (uint32_t)signal_number);
    dr_board_panel_set(board, DR_PANEL_STRAP_AT, DR_PANEL_STRAP_LOCK_UP);
    dr_board_reset(board, "lock-up");
}

static void rom_ended(struct dr_board *board, int wait_status)
{
    dr_board_log(
        board, "board", "the boot ROM stopped (%s %d)",
        WIFSIGNALED(wait_status) ? "signal" : "exit",
        WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status));
    halt(board);
    board->machine.phase = DR_BOARD_STOPPED;
    board->machine.restart_ms = dr_board_now_ms() + DR_BOARD_ROM_RESTART_MS;
    /* The ROM says itself why it stopped, if it can. */
    if (dr_board_panel(board, DR_PANEL_LED_AT) == DR_LED_BOOT) {
        dr_board_panel_set(board, DR_PANEL_LED_AT, DR_LED_HALT_FAULT);
    }
}

void dr_board_child_ended(struct dr_board *board, pid_t pid, int wait_status)
{
    if (pid == board->anchor.pid) {
        dr_board_log(board, "board", "the secure element stopped");
        board->anchor.pid = 0;
        dr_board_anchor_stop(board);
        return;
    }
    if (pid == board->resolver.pid) {
        board->resolver.pid = 0; /* its pipe tells the rest */
        return;
    }
    if (pid != board->machine.pid) {
        return;
    }
    board->machine.pid = 0;
    /* What it sent before it died counts: its crash record may still be in the socket. */
    for (unsigned i = 0; i < 64u && board->machine.channel >= 0; i++) {
        dr_board_serve(board);
        if (board->machine.phase == DR_BOARD_OFF || board->machine.pid != 0) {
            return; /* its last word was a reset */
        }
    }
    if (board->machine.phase == DR_BOARD_FIRMWARE) {
        firmware_ended(board, wait_status);
    } else if (board->machine.phase == DR_BOARD_ROM) {
        rom_ended(board, wait_status);
    }
}
