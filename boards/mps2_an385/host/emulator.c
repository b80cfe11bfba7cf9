/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Starting QEMU. */
#include "boards/mps2_an385/host/host.h"

#include "base/check.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRAM "qemu-system-arm"
#define STRING_OF(number) #number
#define STRING(number) STRING_OF(number)
/* Where the emulator finds its ends of the lines. */
#define CONSOLE_FD 3
#define ANCHOR_FD 4
#define CONTROL_FD 5
#define LINES 3u

/* board.conf: "icount N" makes time a function of instructions, "qemu PATH" names another emulator.
 */
struct settings {
    char icount[16];
    char program[256];
};

static void read_settings(struct settings *settings)
{
    char line[DR_BOARD_LINE_BYTES_MAX];
    FILE *file = fopen(DR_BOARD_CONF_PATH, "re");
    snprintf(settings->program, sizeof settings->program, "%s", PROGRAM);
    settings->icount[0] = '\0';
    while (file != NULL && fgets(line, sizeof line, file) != NULL) { /* bound: the file */
        unsigned shift = 0;
        if (sscanf(line, "icount %u", &shift) == 1 && shift <= 10u) {
            snprintf(settings->icount, sizeof settings->icount, "shift=%u", shift);
        } else if (strncmp(line, "qemu ", 5) == 0) {
            line[strcspn(line, "\n")] = '\0';
            snprintf(settings->program, sizeof settings->program, "%.255s", line + 5);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

/* In the child: three lines, the console for complaints as well, nothing else. */
static void take_lines(const int ends[LINES])
{
    int null = open("/dev/null", O_RDWR);
    int high[LINES];
    bool done = null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDOUT_FILENO) >= 0;
    for (unsigned i = 0; i < LINES; i++) {
        high[i] = fcntl(ends[i], F_DUPFD, 64);
        done = done && high[i] >= 0;
    }
    for (unsigned i = 0; i < LINES && done; i++) {
        done = dup2(high[i], CONSOLE_FD + (int)i) >= 0;
    }
    if (!done || dup2(CONSOLE_FD, STDERR_FILENO) < 0) {
        _exit(127);
    }
    for (int fd = CONTROL_FD + 1; fd < 1024; fd++) {
        close(fd);
    }
}

static _Noreturn void
become_emulator(const struct settings *settings, const int ends[LINES], pid_t board_pid)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != board_pid) {
        _exit(127);
    }
    take_lines(ends);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    /* NOLINTBEGIN(bugprone-suspicious-missing-comma): literals side by side are one argument */
    const char *const arguments[] = {
        PROGRAM,
        "-no-user-config",
        "-nodefaults",
        "-display",
        "none",
        "-machine",
        "mps2-an385,memory-backend=store",
        "-object",
        "memory-backend-file,id=store,size=16M,share=on,mem-path=" DR_BOARD_FLASH_PATH,
        "-kernel",
        DR_BOARD_ROM_PATH,
        "-device",
        "loader,file=" DR_BOARD_SECRET_PATH ",addr=" STRING(DR_MPS2_SECRET_AT) ",force-raw=on",
        "-chardev",
        "socket,id=console,fd=" STRING(CONSOLE_FD),
        "-serial",
        "chardev:console",
        "-chardev",
        "socket,id=anchor,fd=" STRING(ANCHOR_FD),
        "-serial",
        "chardev:anchor",
        "-chardev",
        "socket,id=control,fd=" STRING(CONTROL_FD),
        "-mon",
        "chardev=control,mode=control",
        "-action",
        "reboot=shutdown,shutdown=pause", /* qmp.c */
        "-nic",
        "user,model=lan9118,id=net0",
        settings->icount[0] != '\0' ? "-icount" : NULL,
        settings->icount,
        NULL};
    /* NOLINTEND(bugprone-suspicious-missing-comma) */
    /* execvp promises not to change them. */
    union {
        const char *const *in;
        char *const *out;
    } strings = {.in = arguments};
    execvp(settings->program, strings.out);
    dprintf(STDERR_FILENO, "%s cannot be started: is it installed?\n", settings->program);
    _exit(127);
}

bool dr_host_spawn(struct dr_host *host)
{
    struct dr_board_machine *machine = &host->board.machine;
    struct settings settings;
    int ours[LINES] = {-1, -1, -1};
    int theirs[LINES] = {-1, -1, -1};
    bool done = true;
    read_settings(&settings);
    for (unsigned i = 0; i < LINES && done; i++) {
        int pair[2] = {-1, -1};
        done = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0;
        ours[i] = pair[0];
        theirs[i] = pair[1];
    }
    pid_t board_pid = getpid();
    pid_t pid = done ? fork() : -1;
    if (pid == 0) {
        become_emulator(&settings, theirs, board_pid);
    }
    for (unsigned i = 0; i < LINES; i++) {
        if (theirs[i] >= 0) {
            close(theirs[i]);
        }
        if (pid < 0 && ours[i] >= 0) {
            close(ours[i]);
        } else if (pid > 0) {
            fcntl(ours[i], F_SETFL, O_NONBLOCK);
        }
    }
    if (pid < 0) {
        return false;
    }
    machine->pid = pid;
    machine->serial = ours[0];
    machine->wire = ours[1];
    machine->channel = ours[2];
    dr_host_control_start(host);
    return true;
}
