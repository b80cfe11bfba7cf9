/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Tries to get out. Each attempt is one line, "intruder: WALL WHAT refused|ALLOWED ERROR", where
 * WALL is what should stop it: the board ("channel"), the kernel's Landlock, seccomp, or the other
 * user. The device directory and a TCP port to reach come in as the provisioning bundle:
 * "PATH\nPORT". */
#include "boards/linux/map.h"
#include "boards/linux/testfw/testfw.h"

#include <arpa/inet.h>
#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sockios.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

static struct dr_channel channel;

static void tell(const char *wall, const char *what, bool refused, int error)
{
    testfw_say(
        &channel, "intruder: %s %s %s %d", wall, what, refused ? "refused" : "ALLOWED", error);
}

static void try_open(const char *directory, const char *name, const char *what, int flags)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int fd = open(path, flags | O_CLOEXEC, 0600);
    tell("files", what, fd < 0, errno);
    if (fd >= 0) {
        close(fd);
    }
}

static void files(const char *directory)
{
    try_open(directory, "flash.bin", "read-flash", O_RDONLY);
    try_open(directory, "flash.bin", "write-flash", O_RDWR);
    try_open(directory, "anchor/secret", "read-secret", O_RDONLY);
    try_open(directory, "anchor/state", "read-anchor", O_RDONLY);
    try_open(directory, "anchor/state", "write-anchor", O_RDWR);
    try_open(directory, "rom", "write-rom", O_WRONLY);
    try_open(directory, "planted", "create-file", O_WRONLY | O_CREAT);
    try_open("/etc", "passwd", "landlock-passwd", O_RDONLY);
    try_open("/proc/self", "mem", "landlock-proc", O_RDONLY);
}

static void other_processes(void)
{
    pid_t board = getppid();
    char byte = 0;
    struct iovec here = {&byte, 1};
    struct iovec there = {&channel, 1};
    tell("seccomp", "ptrace-board", ptrace(PTRACE_ATTACH, board, NULL, NULL) < 0, errno);
    tell("seccomp", "read-board", process_vm_readv(board, &here, 1, &there, 1, 0) < 0, errno);
    tell("seccomp", "signal-board", kill(board, 0) < 0, errno);
    tell("seccomp", "signal-group", kill(0, 0) < 0, errno);
    tell("seccomp", "leave-leash", prctl(PR_SET_PDEATHSIG, 0) < 0, errno);
    tell("seccomp", "leave-group", setpgid(0, 0) < 0, errno);
    pid_t child = fork();
    if (child == 0) {
        _exit(0);
    }
    tell("seccomp", "fork", child < 0, errno);
    char *const none[] = {NULL};
    tell("seccomp", "exec", execve("/bin/true", none, none) < 0, errno);
    tell("seccomp", "memory-file", memfd_create("x", 0) < 0, errno);
    tell("seccomp", "unshare", syscall(SYS_unshare, 0x10000000) < 0, errno);
}

/* The board belongs to the same user where nobody is root: whatever the kernel lets a user do to
 * the user's own processes must be stopped by the filter. */
static void siblings(void)
{
    pid_t board = getppid();
    const struct rlimit none = {0, 0};
    const struct sched_param lowest = {0};
    const struct f_owner_ex owner = {F_OWNER_PID, board};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    tell("seccomp", "limit-board", prlimit(board, RLIMIT_FSIZE, &none, NULL) < 0, errno);
    tell("seccomp", "nice", setpriority(PRIO_PROCESS, 0, 1) < 0, errno);
    tell("seccomp", "idle-board", sched_setscheduler(board, SCHED_IDLE, &lowest) < 0, errno);
    tell("seccomp", "idle", sched_setscheduler(0, SCHED_IDLE, &lowest) < 0, errno);
    tell("seccomp", "signal-by-owner", fcntl(fd, F_SETOWN, board) < 0, errno);
    tell("seccomp", "signal-by-owner-ex", fcntl(fd, F_SETOWN_EX, &owner) < 0, errno);
    tell("seccomp", "signal-chosen", fcntl(fd, F_SETSIG, SIGKILL) < 0, errno);
    tell("seccomp", "signal-by-ioctl", ioctl(fd, FIOSETOWN, &board) < 0, errno);
    tell("seccomp", "signal-by-group", ioctl(fd, SIOCSPGRP, &board) < 0, errno);
    const size_t much = (size_t)2 * 1024u * 1024u * 1024u;
    void *memory = mmap(NULL, much, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    tell("seccomp", "all-the-memory", memory == MAP_FAILED, errno);
    /* What the C library needs all the same. */
    struct rlimit now;
    if (getrlimit(RLIMIT_NOFILE, &now) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
        testfw_say(&channel, "intruder: free own-limits FAILS");
    }
    close(fd);
}

static void sockets(uint16_t port)
{
    int local = socket(AF_UNIX, SOCK_STREAM, 0);
    tell("seccomp", "local-socket", local < 0, errno);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    tell("network", "bind", bind(fd, (const struct sockaddr *)&address, sizeof address) < 0, errno);
    tell("network", "listen", listen(fd, 1) < 0, errno);
    address.sin_port = htons(port);
    int connected = connect(fd, (const struct sockaddr *)&address, sizeof address);
    testfw_say(&channel, "intruder: free tcp-connect %s", connected == 0 ? "works" : "FAILS");
    close(fd);
}

static void refused_by_board(const char *what, enum dr_status status, enum dr_status wanted)
{
    tell("channel", what, status == wanted, status);
}

static void flash_rules(const struct dr_boot_info *info)
{
    static const uint8_t unit[DR_LINUX_PROGRAM_UNIT_BYTES] = {1};
    struct dr_flash flash;
    dr_channel_flash(&channel, &flash);
    const struct dr_flash_map *map = &dr_linux_flash_map;
    const struct {
        const char *name;
        uint32_t address;
        bool allowed;
    } places[] = {
        {"journal", map->journal.address, false},
        {"factory", map->factory.address, false},
        {"slot-a", map->slot_a.address, info->spare == DR_SLOT_A},
        {"slot-b", map->slot_b.address, info->spare == DR_SLOT_B},
        {"panel", map->panel.address, false},
        {"gap", map->requests.address + map->requests.size_bytes, false},
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char what[48];
        enum dr_status wanted = places[i].allowed ? DR_OK : DR_E_DENIED;
        snprintf(what, sizeof what, "erase-%s", places[i].name);
        refused_by_board(
            what, flash.erase(&channel, places[i].address, DR_LINUX_SECTOR_BYTES), wanted);
        snprintf(what, sizeof what, "program-%s", places[i].name);
        refused_by_board(
            what, flash.program(&channel, places[i].address, unit, sizeof unit), wanted);
    }
    uint32_t vault_end = map->vault.address + map->vault.size_bytes;
    enum dr_status status =
        flash.erase(&channel, vault_end - DR_LINUX_SECTOR_BYTES, 2u * DR_LINUX_SECTOR_BYTES);
    if (status == DR_OK) { /* a large one is not waited for: sync is where it is told */
        status = flash.sync(&channel);
    }
    refused_by_board("erase-beyond-vault", status, DR_E_DENIED);
    if (flash.erase(&channel, map->vault.address, DR_LINUX_SECTOR_BYTES) != DR_OK ||
        flash.program(&channel, map->vault.address, unit, sizeof unit) != DR_OK) {
        testfw_say(&channel, "intruder: free vault FAILS");
    }
    refused_by_board(
        "program-twice", flash.program(&channel, map->vault.address, unit, sizeof unit), DR_E_IO);
    refused_by_board(
        "program-odd", flash.program(&channel, map->vault.address + 33u, unit, sizeof unit),
        DR_E_ARGUMENT);
}

static void rom_rights(const struct dr_boot_info *info)
{
    uint8_t buffer[DR_WIRE_HANDOFF_BYTES_MAX] = {0};
    size_t size_bytes = 0;
    enum dr_panel_strap strap = DR_PANEL_STRAP_NONE;
    struct dr_wire_summary summary = {.slot = DR_SLOT_A, .spare = DR_SLOT_B, .hang_ms = 60000};
    refused_by_board("secret", dr_channel_secret(&channel, buffer), DR_E_DENIED);
    refused_by_board("strap", dr_channel_strap_take(&channel, &strap), DR_E_DENIED);
    refused_by_board(
        "second-hand-off", dr_channel_handoff_set(&channel, &summary, buffer, 64), DR_E_DENIED);
    refused_by_board(
        "hand-off-again", dr_channel_handoff_get(&channel, buffer, sizeof buffer, &size_bytes),
        DR_E_NOT_FOUND);
    refused_by_board(
        "longer-watchdog", dr_channel_watchdog_arm(&channel, info->limits.hang_s * 1000u + 1u),
        DR_E_DENIED);
    refused_by_board("no-watchdog", dr_channel_watchdog_arm(&channel, 0), DR_E_ARGUMENT);
}

static void descriptors(void)
{
    unsigned open_count = 0;
    for (int fd = DR_WIRE_FD + 1; fd < 256; fd++) {
        open_count += fcntl(fd, F_GETFD) >= 0;
    }
    tell("channel", "other-descriptors", open_count == 0, (int)open_count);
}

int main(void)
{
    struct dr_boot_info info;
    char bundle[DR_WIRE_BUNDLE_BYTES_MAX + 1u];
    size_t size_bytes = 0;
    testfw_start(&channel, &info, "intruder");
    descriptors();
    if (dr_channel_bundle(&channel, (uint8_t *)bundle, sizeof bundle - 1u, &size_bytes) != DR_OK) {
        testfw_say(&channel, "intruder: no instructions");
        return 1;
    }
    bundle[size_bytes] = '\0';
    char *port = strchr(bundle, '\n');
    if (port != NULL) {
        *port++ = '\0';
        files(bundle);
        sockets((uint16_t)strtoul(port, NULL, 10));
    }
    other_processes();
    siblings();
    flash_rules(&info);
    rom_rights(&info);
    testfw_say(&channel, "intruder: done");
    testfw_feed_for(&channel, UINT_MAX / 2u);
    return 0;
}
