/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/device.h"
#include "tools/provision/device.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int report(struct dr_cli *cli, const struct dr_cli_device *device)
{
    pid_t pid = dr_device_board_pid(device->directory);
    if (cli->json) {
        return dr_cli_print_json(
            cli, json_pack("{s:s, s:i}", "name", device->name, "board_pid", (int)pid));
    }
    printf(
        "%s is on (process %d, console in %s/console.log)\n", device->name, (int)pid,
        device->directory);
    return DR_EXIT_DONE;
}

static int run_background(struct dr_cli *cli, const struct dr_cli_device *device, const char *board)
{
    enum dr_status status = dr_device_start(device->directory, board);
    if (status != DR_OK) {
        return dr_cli_error(
            cli, "the board does not start (%s); see %s/console.log", dr_status_text(status),
            device->directory);
    }
    return report(cli, device);
}

/* Somebody switched it on already: show what it prints from now on. */
static int watch(struct dr_cli *cli, const struct dr_cli_device *device)
{
    static const char command[] = "log\n";
    char text[1024];
    int fd = dr_device_connect(device->directory);
    if (fd < 0 || write(fd, command, sizeof command - 1u) != (ssize_t)sizeof command - 1) {
        return dr_cli_error(cli, "the board of %s does not answer", device->name);
    }
    fprintf(stderr, "%s is on already; this is its console, Ctrl-C leaves it on\n", device->name);
    ssize_t count;
    char answer = '\0';
    do { /* the command's own answer, one line; bound: the board's end */
        count = read(fd, &answer, 1);
    } while (count == 1 && answer != '\n');
    while ((count = read(fd, text, sizeof text)) > 0) { /* bound: until the board ends */
        if (write(STDOUT_FILENO, text, (size_t)count) != count) {
            break;
        }
    }
    close(fd);
    return DR_EXIT_DONE;
}

/* The board leads a process group of its own (a power cut kills it), so the terminal's Ctrl-C
 * arrives here and is passed on. */
static int wait_for_board(pid_t board, const sigset_t *signals)
{
    for (;;) { /* bound: until the board ends */
        int number = 0;
        int wait_status = 0;
        if (sigwait(signals, &number) != 0) {
            return DR_EXIT_ERROR;
        }
        if (number != SIGCHLD) {
            kill(board, SIGTERM);
        } else if (waitpid(board, &wait_status, WNOHANG) == board) {
            /* SIGKILL is what `device power-cut` does to it. */
            bool done = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) == 0
                                               : WTERMSIG(wait_status) == SIGKILL;
            return done ? DR_EXIT_DONE : DR_EXIT_ERROR;
        }
    }
}

static int
run_foreground(struct dr_cli *cli, const struct dr_cli_device *device, const char *board_program)
{
    sigset_t signals;
    sigset_t before;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, &before);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        execl(
            board_program, "daruma-board", "--dir", device->directory, "--foreground",
            (char *)NULL);
        _exit(127);
    }
    if (pid < 0) {
        return dr_cli_error(cli, "cannot start %s: %s", board_program, strerror(errno));
    }
    return wait_for_board(pid, &signals);
}

static int run(struct dr_cli *cli)
{
    struct dr_cli_device device;
    bool background = false;
    const struct dr_cli_option options[] = {{.name = "background", .flag = &background}};
    int result = dr_cli_device_parse(cli, options, 1, NULL, 0, true, &device);
    if (result != 0) {
        return result;
    }
    char board[PATH_MAX];
    snprintf(board, sizeof board, "%s", dr_cli_sister(cli, dr_cli_device_board(&device)));
    if (board[0] == '\0') {
        return dr_cli_error(
            cli, "%s is not installed beside this program", dr_cli_device_board(&device));
    }
    if (background) {
        return run_background(cli, &device, board);
    }
    return dr_device_board_pid(device.directory) != 0 ? watch(cli, &device)
                                                      : run_foreground(cli, &device, board);
}

const struct dr_cli_verb dr_verb_device_run = {
    .noun = "device",
    .verb = "run",
    .summary = "switch a virtual device on, and show its console",
    .usage = "device run NAME [--dir DIRECTORY] [--background]",
    .help = "Shows the serial console until Ctrl-C, which switches the device off. A device\n"
            "that is on already is only watched.\n"
            "\n"
            "  --background   return as soon as the board answers; console in console.log",
    .run = run,
};
