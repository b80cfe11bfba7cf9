/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* One poll loop: whatever can speak is heard, whatever is due is done. */
#include "boards/linux/board/board.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 100u

enum place { SIGNALS, LISTENER, CHANNEL, SERIAL, WIRE, ANCHOR, RESOLVER, CLIENTS };
#define PLACES (CLIENTS + DR_BOARD_CLIENTS_MAX)

uint64_t dr_board_now_ns(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t dr_board_now_ms(void)
{
    return dr_board_now_ns() / 1000000u;
}

static void on_signal(struct dr_board *board)
{
    struct signalfd_siginfo info;
    if (read(board->signals, &info, sizeof info) != (ssize_t)sizeof info) {
        return;
    }
    if (info.ssi_signo != SIGCHLD) {
        board->ending = true;
        return;
    }
    for (;;) { /* bound: as many rounds as there are dead children */
        int wait_status = 0;
        pid_t pid = waitpid(-1, &wait_status, WNOHANG);
        if (pid <= 0) {
            return;
        }
        dr_board_child_ended(board, pid, wait_status);
    }
}

static void sooner(uint64_t *next_ms, uint64_t then_ms)
{
    if (then_ms < *next_ms) {
        *next_ms = then_ms;
    }
}

static int patience_ms(const struct dr_board *board, uint64_t now_ms)
{
    uint64_t next_ms = now_ms + TICK_MS; /* LEDs */
    sooner(&next_ms, board->pin_release_ms);
    sooner(&next_ms, dr_board_machine_due_ms(board, now_ms));
    if (board->anchor.asked) {
        sooner(&next_ms, board->anchor.timeout_ms);
    }
    if (board->resolver.pipe >= 0) {
        sooner(&next_ms, board->resolver.timeout_ms);
    }
    return next_ms > now_ms ? (int)(next_ms - now_ms) : 0;
}

static void hear(struct dr_board *board, const struct pollfd *polls)
{
    const short heard = POLLIN | POLLHUP | POLLERR;
    /* Only descriptors that are still what they were: an earlier one may have meant a reset. */
    if ((polls[CHANNEL].revents & heard) != 0 && polls[CHANNEL].fd == board->machine.channel) {
        dr_board_serve(board);
    }
    if ((polls[SERIAL].revents & heard) != 0 && polls[SERIAL].fd == board->machine.serial) {
        dr_board_serial(board);
    }
    if ((polls[WIRE].revents & heard) != 0 && polls[WIRE].fd == board->machine.wire) {
        board->kind->hear_wire(board);
    }
    if ((polls[ANCHOR].revents & heard) != 0 && polls[ANCHOR].fd == board->anchor.socket) {
        dr_board_anchor_answered(board);
    }
    if ((polls[RESOLVER].revents & heard) != 0 && polls[RESOLVER].fd == board->resolver.pipe) {
        dr_board_resolver_readable(board);
    }
    if ((polls[SIGNALS].revents & heard) != 0) {
        on_signal(board);
    }
    for (size_t i = 0; i < DR_BOARD_CLIENTS_MAX; i++) {
        struct dr_board_client *client = &board->clients[i];
        if ((polls[CLIENTS + i].revents & heard) != 0 && polls[CLIENTS + i].fd == client->fd &&
            client->fd >= 0) {
            dr_board_control_readable(board, client);
        }
    }
    if ((polls[LISTENER].revents & heard) != 0) {
        dr_board_control_accept(board);
    }
}

static void tick(struct dr_board *board)
{
    uint64_t now_ms = dr_board_now_ms();
    dr_board_anchor_tick(board, now_ms);
    dr_board_resolver_tick(board, now_ms);
    dr_board_machine_tick(board, now_ms);
    dr_board_control_tick(board, now_ms);
}

void dr_board_run(struct dr_board *board)
{
    while (!board->ending) { /* bound: SIGTERM */
        struct pollfd polls[PLACES];
        polls[SIGNALS].fd = board->signals;
        polls[LISTENER].fd = board->listener;
        polls[CHANNEL].fd = board->machine.channel;
        polls[SERIAL].fd = board->machine.serial;
        polls[WIRE].fd = board->machine.wire;
        polls[ANCHOR].fd = board->anchor.socket;
        polls[RESOLVER].fd = board->resolver.pipe;
        for (size_t i = 0; i < DR_BOARD_CLIENTS_MAX; i++) {
            polls[CLIENTS + i].fd = board->clients[i].fd;
        }
        for (size_t i = 0; i < PLACES; i++) {
            polls[i].events = POLLIN;
            polls[i].revents = 0;
        }
        if (poll(polls, PLACES, patience_ms(board, dr_board_now_ms())) > 0) {
            hear(board, polls);
        }
        tick(board);
    }
    dr_board_power_off(board);
}
