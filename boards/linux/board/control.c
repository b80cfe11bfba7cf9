/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The socket of `daruma device`: one line in, lines out, then the connection ends (but for the two
 * that follow). The first line of an answer is "ok" or "error TEXT". Only the owner of the device
 * directory can reach it. */
#include "boards/linux/board/board.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum dr_status dr_board_control_open(struct dr_board *board)
{
    for (size_t i = 0; i < DR_BOARD_CLIENTS_MAX; i++) {
        board->clients[i].fd = -1;
    }
    board->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = DR_BOARD_SOCKET_PATH};
    unlink(DR_BOARD_SOCKET_PATH); /* the lock on the pid file says that nobody else uses it */
    mode_t old = umask(0177);
    int bound = bind(board->listener, (const struct sockaddr *)&address, sizeof address);
    umask(old);
    return bound == 0 && listen(board->listener, 8) == 0 ? DR_OK : DR_E_IO;
}

void dr_board_control_accept(struct dr_board *board)
{
    int fd = accept4(board->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        return;
    }
    for (size_t i = 0; i < DR_BOARD_CLIENTS_MAX; i++) {
        if (board->clients[i].fd < 0) {
            board->clients[i] = (struct dr_board_client){.fd = fd};
            return;
        }
    }
    close(fd);
}

void dr_board_control_close(struct dr_board_client *client)
{
    close(client->fd);
    client->fd = -1;
}

/* A client that does not read is dropped: the board never waits. */
static void say(struct dr_board_client *client, const char *text)
{
    size_t len = strlen(text);
    if (client->fd >= 0 &&
        send(client->fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)len) {
        dr_board_control_close(client);
    }
}

void dr_board_control_line(struct dr_board *board, const char *line)
{
    for (size_t i = 0; i < DR_BOARD_CLIENTS_MAX; i++) {
        if (board->clients[i].fd >= 0 && board->clients[i].follows) {
            say(&board->clients[i], line);
        }
    }
}

static void say_leds(const struct dr_board *board, struct dr_board_client *client)
{
    char text[64];
    snprintf(
        text, sizeof text, "led %u\napp_leds %u\n",
        (unsigned)dr_board_panel(board, DR_PANEL_LED_AT),
        (unsigned)dr_board_panel(board, DR_PANEL_APP_LEDS_AT));
    say(client, text);
}

/* The machine writes LEDs whenever it likes; they are looked at a few times a second. */
static void show_leds(struct dr_board *board)
{
    uint32_t led = dr_board_panel(board, DR_PANEL_LED_AT);
    uint32_t app_leds = dr_board_panel(board, DR_PANEL_APP_LEDS_AT);
    if (led == board->shown_led && app_leds == board->shown_app_leds) {
        return;
    }
    board->shown_led = led;
    board->shown_app_leds = app_leds;
    for (size_t i = 0; i < DR_BOARD_CLIENTS_MAX; i++) {
        if (board->clients[i].fd >= 0 && board->clients[i].leds_live) {
            say_leds(board, &board->clients[i]);
        }
    }
}

static void command_show(struct dr_board *board, struct dr_board_client *client, char *argument)
{
    (void)argument;
    char text[2048] = "ok\n";
    dr_board_show(board, text + 3, sizeof text - 3u);
    say(client, text);
}

static void command_leds(struct dr_board *board, struct dr_board_client *client, char *argument)
{
    say(client, "ok\n");
    say_leds(board, client);
    client->leds_live = argument != NULL && strcmp(argument, "follow") == 0;
}

static void command_log(struct dr_board *board, struct dr_board_client *client, char *argument)
{
    (void)board;
    (void)argument;
    say(client, "ok\n");
    client->follows = true;
}

/* "MS": hold the pin for that long; 0 lets it go. */
static void command_pin(struct dr_board *board, struct dr_board_client *client, char *argument)
{
    char *end = NULL;
    unsigned long ms = argument != NULL ? strtoul(argument, &end, 10) : DR_BOARD_PRESS_MS_MAX + 1u;
    if (ms > DR_BOARD_PRESS_MS_MAX || (end != NULL && *end != '\0')) {
        say(client, "error the time must be 0 to 120000 ms\n");
        return;
    }
    uint32_t pins = dr_board_panel(board, DR_PANEL_PINS_AT);
    pins = ms > 0 ? pins | DR_PANEL_PIN_FACTORY : pins & ~DR_PANEL_PIN_FACTORY;
    dr_board_panel_set(board, DR_PANEL_PINS_AT, pins);
    board->pin_release_ms = ms > 0 ? dr_board_now_ms() + ms : DR_BOARD_NEVER;
    dr_board_log(board, "board", ms > 0 ? "pin held" : "pin released");
    say(client, "ok\n");
}

/* "quiet=1": an input of the application, set until it is set to 0. */
static void command_input(struct dr_board *board, struct dr_board_client *client, char *argument)
{
    static const struct {
        const char *name;
        uint32_t pin;
    } inputs[] = {
        {"quiet", DR_PANEL_PIN_QUIET}, {"door", DR_PANEL_PIN_DOOR}, {"owner", DR_PANEL_PIN_OWNER}};
    char *value = argument != NULL ? strchr(argument, '=') : NULL;
    if (value == NULL || (strcmp(value, "=0") != 0 && strcmp(value, "=1") != 0)) {
        say(client, "error an input is NAME=0 or NAME=1\n");
        return;
    }
    bool on = value[1] == '1';
    *value = '\0';
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        if (strcmp(argument, inputs[i].name) == 0) {
            uint32_t pins = dr_board_panel(board, DR_PANEL_PINS_AT);
            pins = on ? pins | inputs[i].pin : pins & ~inputs[i].pin;
            dr_board_panel_set(board, DR_PANEL_PINS_AT, pins);
            say(client, "ok\n");
            return;
        }
    }
    say(client, "error no such input\n");
}

static void command_power(struct dr_board *board, struct dr_board_client *client, char *argument)
{
    const char *what = argument != NULL ? argument : "";
    if (strcmp(what, "cut") == 0) {
        say(client, "ok\n");
        /* The whole group at once: this process, the machine, the secure element. */
        kill(0, SIGKILL);
    }
    bool off = strcmp(what, "off") == 0;
    bool on = strcmp(what, "on") == 0;
    bool cycle = strcmp(what, "cycle") == 0;
    if (!off && !on && !cycle) {
        say(client, "error power is one of on, off, cycle, cut\n");
        return;
    }
    if (off || cycle) {
        dr_board_power_off(board);
    }
    if (on || cycle) {
        dr_board_power_on(board);
    }
    say(client, "ok\n");
}

static void command_reset(struct dr_board *board, struct dr_board_client *client, char *argument)
{
    (void)argument;
    if (board->machine.phase == DR_BOARD_OFF) {
        say(client, "error the power is off\n");
        return;
    }
    dr_board_reset(board, "button");
    say(client, "ok\n");
}

static void command_ping(struct dr_board *board, struct dr_board_client *client, char *argument)
{
    (void)board;
    (void)argument;
    say(client, "ok\n");
}

static const struct {
    const char *word;
    void (*run)(struct dr_board *board, struct dr_board_client *client, char *argument);
} commands[] = {
    {"ping", command_ping},   {"show", command_show},   {"leds", command_leds},
    {"log", command_log},     {"pin", command_pin},     {"reset", command_reset},
    {"power", command_power}, {"input", command_input},
};

static void run_line(struct dr_board *board, struct dr_board_client *client)
{
    char *rest = NULL;
    char *word = strtok_r(client->line, " ", &rest);
    char *argument = strtok_r(NULL, " ", &rest);
    for (size_t i = 0; word != NULL && i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(word, commands[i].word) == 0) {
            commands[i].run(board, client, argument);
            return;
        }
    }
    say(client, "error unknown command\n");
}

void dr_board_control_readable(struct dr_board *board, struct dr_board_client *client)
{
    size_t room = sizeof client->line - 1u - client->line_len;
    ssize_t count = recv(client->fd, client->line + client->line_len, room, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (count <= 0) {
        dr_board_control_close(client);
        return;
    }
    client->line_len += (size_t)count;
    char *end = memchr(client->line, '\n', client->line_len);
    if (end == NULL) {
        if (client->line_len == sizeof client->line - 1u) {
            dr_board_control_close(client);
        }
        return;
    }
    *end = '\0';
    client->line_len = 0;
    run_line(board, client);
    if (client->fd >= 0 && !client->follows && !client->leds_live) {
        dr_board_control_close(client);
    }
}

void dr_board_control_tick(struct dr_board *board, uint64_t now_ms)
{
    if (now_ms >= board->pin_release_ms) {
        uint32_t pins = dr_board_panel(board, DR_PANEL_PINS_AT);
        dr_board_panel_set(board, DR_PANEL_PINS_AT, pins & ~DR_PANEL_PIN_FACTORY);
        board->pin_release_ms = DR_BOARD_NEVER;
        dr_board_log(board, "board", "pin released");
    }
    show_leds(board);
}
