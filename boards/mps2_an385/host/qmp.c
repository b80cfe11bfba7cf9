/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The emulator's control line: JSON, one message per line. Only events are of interest. */
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

static void on_line(struct dr_host *host, const char *line)
{
    if (strstr(line, "\"event\": \"WATCHDOG\"") != NULL) {
        dr_board_log(&host->board, "board", "watchdog: second expiry");
    } else if (strstr(line, "\"event\": \"RESET\"") != NULL) {
        dr_host_reset_seen(host, host->by_button ? "button" : "the machine");
        host->by_button = false;
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
