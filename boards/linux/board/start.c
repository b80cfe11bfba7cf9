/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* From the command line to a board that is switched on. */
#include "boards/linux/board/board.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

static void usage(const struct dr_board_kind *kind, FILE *out)
{
    fprintf(
        out,
        "usage: %s --dir DIRECTORY [--foreground]\n"
        "\n"
        "Powers on %s in DIRECTORY (made by\n"
        "`daruma device create`) and runs it until SIGTERM. --foreground prints the\n"
        "serial console; it is always in console.log.\n"
        "Control it with `daruma device press|power|power-cut|leds|show`.\n",
        kind->program, kind->what);
}

/* The secure element's program lies beside this one. */
static bool find_anchor(struct dr_board *board)
{
    static const char name[] = "daruma-anchor";
    ssize_t len = readlink("/proc/self/exe", board->anchor_program, PATH_MAX - sizeof name - 1u);
    if (len <= 0) {
        return false;
    }
    board->anchor_program[len] = '\0';
    char *slash = strrchr(board->anchor_program, '/');
    if (slash == NULL) {
        return false;
    }
    memcpy(slash + 1, name, sizeof name);
    return access(board->anchor_program, X_OK) == 0;
}

/* Hold the pid file locked for life: one board per directory. */
static bool claim(void)
{
    int fd = open(DR_BOARD_PID_PATH, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0) {
        return false;
    }
    /* After a power cut the dying children of the last board may hold its lock a moment longer. */
    for (int tries = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; tries++) {
        struct timespec pause = {.tv_nsec = 20000000};
        if (tries == 50 || errno != EWOULDBLOCK) {
            return false;
        }
        nanosleep(&pause, NULL);
    }
    char text[24];
    int len = snprintf(text, sizeof text, "%d\n", (int)getpid());
    return ftruncate(fd, 0) == 0 && write(fd, text, (size_t)len) == (ssize_t)len;
    /* fd stays open: it is the lock. */
}

/* board.conf: "clock-offset-s N" is all there is to set; other lines are for the command line. */
static void read_conf(struct dr_board *board)
{
    FILE *file = fopen(DR_BOARD_CONF_PATH, "re");
    char line[DR_BOARD_LINE_BYTES_MAX];
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        static const char key[] = "clock-offset-s ";
        if (strncmp(line, key, sizeof key - 1u) == 0) {
            board->clock_offset_s = strtoll(line + sizeof key - 1u, NULL, 10);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

static int catch_signals(void)
{
    sigset_t caught;
    sigemptyset(&caught);
    sigaddset(&caught, SIGCHLD);
    sigaddset(&caught, SIGTERM);
    sigaddset(&caught, SIGINT);
    sigaddset(&caught, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    return sigprocmask(SIG_BLOCK, &caught, NULL) == 0 ? signalfd(-1, &caught, SFD_CLOEXEC) : -1;
}

static int fail(const struct dr_board *board, const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", board->kind->program, what, strerror(errno));
    return 1;
}

static int start(struct dr_board *board)
{
    if (!find_anchor(board)) {
        return fail(board, "daruma-anchor is not beside this program");
    }
    if (!claim()) {
        return fail(board, "another board runs in this directory (or it is not writable)");
    }
    /* A power cut is SIGKILL to this group; whoever started the board must not be in it. And what
     * passes through this memory is nobody else's to read. */
    if ((getpgrp() != getpid() && setpgid(0, 0) != 0) || prctl(PR_SET_DUMPABLE, 0) != 0) {
        return fail(board, "cannot set up the process");
    }
    board->signals = catch_signals();
    if (board->signals < 0 || dr_board_log_open(board) != DR_OK ||
        dr_board_control_open(board) != DR_OK) {
        return fail(board, "cannot set up signals, console or control socket");
    }
    read_conf(board);
    board->flash_status = board->kind->open_flash(board);
    if (board->flash_status != DR_OK) {
        dr_board_log(
            board, "board", "the flash part fails: %s has the wrong size or cannot be opened",
            DR_BOARD_FLASH_PATH);
    }
    /* Whoever held the pin of a board that was killed has no hand on this one. */
    dr_board_panel_set(board, DR_PANEL_PINS_AT, 0);
    return 0;
}

static int options_of(struct dr_board *board, int argc, char **argv, const char **ret_dir)
{
    static const struct option options[] = {
        {"dir", required_argument, NULL, 'd'},
        {"foreground", no_argument, NULL, 'f'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'd') {
            *ret_dir = optarg;
        } else if (option == 'f') {
            board->foreground = true;
        } else {
            usage(board->kind, option == 'h' ? stdout : stderr);
            return option == 'h' ? 0 : 64;
        }
    }
    if (*ret_dir == NULL || optind != argc) {
        usage(board->kind, stderr);
        return 64;
    }
    return -1;
}

int dr_board_main(struct dr_board *board, const struct dr_board_kind *kind, int argc, char **argv)
{
    const char *dir = NULL;
    board->kind = kind;
    int code = options_of(board, argc, argv, &dir);
    if (code >= 0) {
        return code;
    }
    if (chdir(dir) != 0) {
        return fail(board, dir);
    }
    board->machine.channel = board->machine.serial = board->machine.wire = -1;
    board->anchor.socket = board->resolver.pipe = board->log_fd = -1;
    board->pin_release_ms = DR_BOARD_NEVER;
    board->power_ms = dr_board_now_ms();
    board->watchdog.expires_ms = board->watchdog.reset_ms = DR_BOARD_NEVER;
    code = start(board);
    if (code == 0) {
        dr_board_power_on(board);
        dr_board_run(board);
        kind->close_flash(board);
        unlink(DR_BOARD_SOCKET_PATH);
    }
    return code;
}
