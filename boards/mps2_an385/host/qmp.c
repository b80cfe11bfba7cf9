/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The emulator's control line: JSON, one message per line.
 *
 * A reset is two steps, so that no life of the machine goes by unseen however late the board is.
 * The emulator, asked for a reset by the machine or by the button, stops instead ("-action" in
 * emulator.c) and says SHUTDOWN. The board hears the last of the old life, then orders the reset,
 * and lets the machine run when RESET says that it is done.
 */
#include "boards/mps2_an385/host/host.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READS_MAX 64u

void dr_host_command(struct dr_host *host, const char *command)
{
    size_t len = strlen(command);
    if (host->board.machine.channel >= 0 &&
        send(host->board.machine.channel, command, len, MSG_NOSIGNAL | MSG_DONTWAIT) !=
            (ssize_t)len) {
        dr_board_log(&host->board, "board", "the emulator does not take a command");
    }
}

/* The emulator stands still and waits for its reset. */
static void stopped_for_reset(struct dr_host *host)
{
    if (host->in_reset) {
        return;
    }
    host->in_reset = true;
    dr_host_reset_seen(host, host->by_button ? "button" : "the machine");
    host->by_button = false;
    dr_host_command(
        host, "{\"execute\":\"set-action\",\"arguments\":{\"reboot\":\"reset\"}}\n"
              "{\"execute\":\"system_reset\"}\n"
              "{\"execute\":\"set-action\",\"arguments\":{\"reboot\":\"shutdown\"}}\n");
}

void dr_host_control_start(struct dr_host *host)
{
    host->line_len = 0;
    host->in_reset = false;
    host->by_button = false;
    /* What happened before it listens to the first command it does not tell: hence the question. */
    dr_host_command(host, "{\"execute\":\"qmp_capabilities\"}\n{\"execute\":\"query-status\"}\n");
}

static void on_line(struct dr_host *host, const char *line)
{
    if (strstr(line, "\"event\": \"WATCHDOG\"") != NULL) {
        dr_board_log(&host->board, "board", "watchdog: second expiry");
    } else if (
        strstr(line, "\"event\": \"SHUTDOWN\"") != NULL ||
        strstr(line, "\"status\": \"shutdown\"") != NULL) {
        stopped_for_reset(host);
    } else if (strstr(line, "\"event\": \"RESET\"") != NULL) {
        host->in_reset = false;
        dr_host_command(host, "{\"execute\":\"cont\"}\n");
    } else if (strstr(line, "\"error\"") != NULL) {
        dr_board_log(&host->board, "board", "the emulator refused: %s", line);
    }
}

static void take(struct dr_host *host, const char *data, size_t size_bytes)
{
    for (size_t i = 0; i < size_bytes; i++) {
        if (data[i] == '\n') {
            host->line[host->line_len] = '\0';
            host->line_len = 0;
            on_line(host, host->line);
        } else if (host->line_len < sizeof host->line - 1u) {
            host->line[host->line_len++] = data[i];
        }
    }
}

void dr_host_hear_control(struct dr_host *host)
{
    struct dr_board_machine *machine = &host->board.machine;
    for (unsigned i = 0; i < READS_MAX && machine->channel >= 0; i++) {
        char data[1024];
        ssize_t count = recv(machine->channel, data, sizeof data, MSG_DONTWAIT);
        if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
            close(machine->channel);
            machine->channel = -1;
        }
        if (count <= 0) {
            return;
        }
        take(host, data, (size_t)count);
    }
}

void dr_host_set_link(struct dr_board *board, bool up)
{
    dr_host_command(
        dr_host_of(board),
        up ? "{\"execute\":\"set_link\",\"arguments\":{\"name\":\"net0\",\"up\":true}}\n"
           : "{\"execute\":\"set_link\",\"arguments\":{\"name\":\"net0\",\"up\":false}}\n");
}
