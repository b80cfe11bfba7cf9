/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Landlock: no file but the system libraries, no listening, no signal to anybody outside.
 *
 * The numbers are the kernel's (landlock(7)); they are spelled out because the headers of older
 * systems lack the newer ones, and a program built there shall use them all the same. */
#include "boards/linux/rom/confine.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NR_CREATE_RULESET 444
#define NR_ADD_RULE 445
#define NR_RESTRICT_SELF 446
#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH 1

#define FS_EXECUTE (1ull << 0)
#define FS_WRITE_FILE (1ull << 1)
#define FS_READ_FILE (1ull << 2)
#define FS_READ_DIR (1ull << 3)

#define NET_BIND_TCP (1ull << 0)
#define SCOPE_ABSTRACT_UNIX_SOCKET (1ull << 0)
#define SCOPE_SIGNAL (1ull << 1)

struct ruleset {
    uint64_t handled_access_fs;
    uint64_t handled_access_net;
    uint64_t scoped;
};

struct path_beneath {
    uint64_t allowed_access;
    int32_t parent_fd;
} __attribute__((packed));

/* Rights on files that each ABI knows, as a count of low bits. */
static uint64_t file_rights(int abi)
{
    unsigned count = 13;
    if (abi >= 2) {
        count = 14; /* refer */
    }
    if (abi >= 3) {
        count = 15; /* truncate */
    }
    if (abi >= 5) {
        count = 16; /* ioctl on devices */
    }
    return (1ull << count) - 1u;
}

static size_t ruleset_bytes(int abi)
{
    if (abi >= 6) {
        return sizeof(struct ruleset);
    }
    return abi >= 4 ? 2u * sizeof(uint64_t) : sizeof(uint64_t);
}

static const struct {
    const char *path;
    uint64_t access;
} platform[] = {
    {"/lib", FS_READ_FILE | FS_READ_DIR},
    {"/lib64", FS_READ_FILE | FS_READ_DIR},
    {"/usr/lib", FS_READ_FILE | FS_READ_DIR},
    {"/usr/lib64", FS_READ_FILE | FS_READ_DIR},
    {"/usr/local/lib", FS_READ_FILE | FS_READ_DIR},
    {"/etc/ld.so.cache", FS_READ_FILE},
    {"/etc/ssl/openssl.cnf", FS_READ_FILE},
    {"/dev/null", FS_READ_FILE | FS_WRITE_FILE},
    {"/dev/urandom", FS_READ_FILE},
    /* Program loaders: all that may be executed from the file system. */
    {"/lib64/ld-linux-x86-64.so.2", FS_READ_FILE | FS_EXECUTE},
    {"/lib/ld-linux-aarch64.so.1", FS_READ_FILE | FS_EXECUTE},
};

static void allow(int ruleset_fd, const char *path, uint64_t access)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) {
        return; /* not on this system: nothing to allow */
    }
    struct path_beneath rule = {.allowed_access = access, .parent_fd = fd};
    syscall(NR_ADD_RULE, ruleset_fd, RULE_PATH_BENEATH, &rule, 0u);
    close(fd);
}

int dr_confine_landlock(void)
{
    long abi = syscall(NR_CREATE_RULESET, NULL, (size_t)0, CREATE_RULESET_VERSION);
    if (abi < 1) {
        return 0;
    }
    struct ruleset ruleset = {
        .handled_access_fs = file_rights((int)abi),
        .handled_access_net = NET_BIND_TCP,
        .scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL};
    long fd = syscall(NR_CREATE_RULESET, &ruleset, ruleset_bytes((int)abi), 0u);
    if (fd < 0) {
        return 0;
    }
    for (size_t i = 0; i < sizeof platform / sizeof platform[0]; i++) {
        allow((int)fd, platform[i].path, platform[i].access);
    }
    long restricted = syscall(NR_RESTRICT_SELF, (int)fd, 0u);
    close((int)fd);
    return restricted == 0 ? (int)abi : 0;
}
