/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* seccomp: a firmware has no business with other processes, other name spaces, other programs or
 * the kernel's back doors. What is refused fails with EPERM, so that a library that merely asks
 * goes on. */
#include "boards/linux/rom/confine.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define THIS_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define THIS_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "name this architecture's audit number"
#endif

#define REFUSE(error) (SECCOMP_RET_ERRNO | ((error)&SECCOMP_RET_DATA))
#define X32_BIT 0x40000000u

/* System calls newer than some headers; the numbers are the same on every architecture. */
#define NR_PIDFD_SEND_SIGNAL 424
#define NR_IO_URING_SETUP 425
#define NR_OPEN_TREE 428
#define NR_MOVE_MOUNT 429
#define NR_FSOPEN 430
#define NR_FSMOUNT 432
#define NR_PIDFD_OPEN 434
#define NR_CLONE3 435
#define NR_PIDFD_GETFD 438
#define NR_PROCESS_MADVISE 440
#define NR_MOUNT_SETATTR 442

enum rule_kind {
    NEVER,    /* refused */
    UNKNOWN,  /* refused as if the kernel did not have it: the C library falls back */
    ONLY,     /* first argument must be value */
    ONLY_TWO, /* first argument must be value or other */
    NOT,      /* first argument must not be value */
    BITS,     /* first argument must have a bit of value */
};

struct rule {
    uint32_t number;
    enum rule_kind kind;
    uint32_t value;
    uint32_t other;
};

#define INSTRUCTIONS_PER_RULE_MAX 6u
#define COMMANDS_MAX 3u
#define RULES_MAX 96u

struct program {
    struct sock_filter code[8u + (RULES_MAX + 2u * COMMANDS_MAX) * INSTRUCTIONS_PER_RULE_MAX];
    uint16_t len;
};

static void put(struct program *program, uint16_t code, uint8_t yes, uint8_t no, uint32_t k)
{
    program->code[program->len++] = (struct sock_filter){code, yes, no, k};
}

static void put_return(struct program *program, uint32_t action)
{
    put(program, BPF_RET | BPF_K, 0, 0, action);
}

static void put_load(struct program *program, size_t offset)
{
    put(program, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

static void put_equal(struct program *program, uint32_t value, uint8_t yes, uint8_t no)
{
    put(program, BPF_JMP | BPF_JEQ | BPF_K, yes, no, value);
}

/* All arguments looked at are ints: their low words (first in memory on little-endian). */
static void put_rule(struct program *program, const struct rule *rule)
{
    bool plain = rule->kind == NEVER || rule->kind == UNKNOWN;
    uint8_t skip = plain ? 1u : (rule->kind == ONLY_TWO ? 5u : 4u);
    put_equal(program, rule->number, 0, skip);
    if (plain) {
        put_return(program, REFUSE(rule->kind == NEVER ? EPERM : ENOSYS));
        return;
    }
    put_load(program, offsetof(struct seccomp_data, args));
    if (rule->kind == ONLY_TWO) {
        put_equal(program, rule->other, 2, 0);
    }
    if (rule->kind == NOT) {
        put_equal(program, rule->value, 0, 1);
    } else if (rule->kind == BITS) {
        put(program, BPF_JMP | BPF_JSET | BPF_K, 1, 0, rule->value);
    } else {
        put_equal(program, rule->value, 1, 0);
    }
    put_return(program, REFUSE(EPERM));
    put_return(program, SECCOMP_RET_ALLOW);
}

/* A call whose second argument says what it does: these commands are refused. */
struct command_rule {
    uint32_t number;
    uint8_t count;
    uint32_t commands[COMMANDS_MAX];
};

static void put_command_rule(struct program *program, const struct command_rule *rule)
{
    put_equal(program, rule->number, 0, (uint8_t)(rule->count + 3u));
    put_load(program, offsetof(struct seccomp_data, args) + sizeof(uint64_t));
    for (uint8_t i = 0; i < rule->count; i++) {
        put_equal(program, rule->commands[i], (uint8_t)(rule->count - i), 0);
    }
    put_return(program, SECCOMP_RET_ALLOW);
    put_return(program, REFUSE(EPERM));
}

/* A descriptor can have the kernel signal its owner: any process of the same user. */
static const struct command_rule command_rules[] = {
    {SYS_fcntl, 3, {F_SETOWN, F_SETSIG, F_SETOWN_EX}},
    {SYS_ioctl, 2, {FIOSETOWN, SIOCSPGRP}},
};

static const struct rule fixed_rules[] = {
    /* other processes; the board may be one of the same user */
    {SYS_prlimit64, ONLY, 0, 0},
    {SYS_setpriority, NEVER, 0, 0},
    {SYS_ioprio_set, NEVER, 0, 0},
    {SYS_sched_setscheduler, NEVER, 0, 0},
    {SYS_sched_setparam, NEVER, 0, 0},
    {SYS_sched_setattr, NEVER, 0, 0},
    {SYS_sched_setaffinity, NEVER, 0, 0},
    {SYS_move_pages, NEVER, 0, 0},
    {SYS_migrate_pages, NEVER, 0, 0},
    {SYS_ptrace, NEVER, 0, 0},
    {SYS_process_vm_readv, NEVER, 0, 0},
    {SYS_process_vm_writev, NEVER, 0, 0},
    {NR_PROCESS_MADVISE, NEVER, 0, 0},
    {SYS_kcmp, NEVER, 0, 0},
    {SYS_tkill, NEVER, 0, 0},
    {NR_PIDFD_OPEN, NEVER, 0, 0},
    {NR_PIDFD_SEND_SIGNAL, NEVER, 0, 0},
    {NR_PIDFD_GETFD, NEVER, 0, 0},
    /* more processes, and ways off the leash that ends this one with its board */
    {SYS_clone, BITS, CLONE_THREAD, 0},
    {NR_CLONE3, UNKNOWN, 0, 0},
    {SYS_execve, NEVER, 0, 0},
    {SYS_setsid, NEVER, 0, 0},
    {SYS_setpgid, NEVER, 0, 0},
    {SYS_prctl, NOT, PR_SET_PDEATHSIG, 0},
    /* other views of the system */
    {SYS_unshare, NEVER, 0, 0},
    {SYS_setns, NEVER, 0, 0},
    {SYS_chroot, NEVER, 0, 0},
    {SYS_pivot_root, NEVER, 0, 0},
    {SYS_mount, NEVER, 0, 0},
    {SYS_umount2, NEVER, 0, 0},
    {NR_OPEN_TREE, NEVER, 0, 0},
    {NR_MOVE_MOUNT, NEVER, 0, 0},
    {NR_FSOPEN, NEVER, 0, 0},
    {NR_FSMOUNT, NEVER, 0, 0},
    {NR_MOUNT_SETATTR, NEVER, 0, 0},
    {SYS_open_by_handle_at, NEVER, 0, 0},
    /* the kernel's back doors */
    {SYS_bpf, NEVER, 0, 0},
    {SYS_perf_event_open, NEVER, 0, 0},
    {SYS_userfaultfd, NEVER, 0, 0},
    {NR_IO_URING_SETUP, NEVER, 0, 0},
    {SYS_keyctl, NEVER, 0, 0},
    {SYS_add_key, NEVER, 0, 0},
    {SYS_request_key, NEVER, 0, 0},
    {SYS_init_module, NEVER, 0, 0},
    {SYS_finit_module, NEVER, 0, 0},
    {SYS_kexec_load, NEVER, 0, 0},
    {SYS_reboot, NEVER, 0, 0},
    {SYS_personality, NEVER, 0, 0},
    {SYS_memfd_create, NEVER, 0, 0},
    /* meeting places with other programs */
    {SYS_shmget, NEVER, 0, 0},
    {SYS_shmat, NEVER, 0, 0},
    {SYS_shmctl, NEVER, 0, 0},
    {SYS_msgget, NEVER, 0, 0},
    {SYS_msgsnd, NEVER, 0, 0},
    {SYS_msgrcv, NEVER, 0, 0},
    {SYS_msgctl, NEVER, 0, 0},
    {SYS_semget, NEVER, 0, 0},
    {SYS_semop, NEVER, 0, 0},
    {SYS_semtimedop, NEVER, 0, 0},
    {SYS_semctl, NEVER, 0, 0},
    {SYS_mq_open, NEVER, 0, 0},
    /* outgoing connections only, and no local sockets: the board's control socket is one */
    {SYS_socket, ONLY_TWO, AF_INET, AF_INET6},
    {SYS_bind, NEVER, 0, 0},
    {SYS_listen, NEVER, 0, 0},
#if defined(__x86_64__)
    {SYS_fork, NEVER, 0, 0},
    {SYS_vfork, NEVER, 0, 0},
#endif
};

bool dr_confine_seccomp(int image_fd)
{
    const uint32_t self = (uint32_t)getpid();
    const struct rule own_rules[] = {
        {SYS_kill, ONLY, self, 0},
        {SYS_tgkill, ONLY, self, 0},
        {SYS_rt_sigqueueinfo, ONLY, self, 0},
        {SYS_rt_tgsigqueueinfo, ONLY, self, 0},
        {SYS_execveat, ONLY, (uint32_t)image_fd, 0},
    };
    const size_t fixed_count = sizeof fixed_rules / sizeof fixed_rules[0];
    const size_t own_count = sizeof own_rules / sizeof own_rules[0];
    _Static_assert(
        sizeof fixed_rules / sizeof fixed_rules[0] + 5u <= RULES_MAX, "the program holds them all");
    struct program program = {.len = 0};
    put_load(&program, offsetof(struct seccomp_data, arch));
    put_equal(&program, THIS_ARCHITECTURE, 1, 0);
    put_return(&program, SECCOMP_RET_KILL_PROCESS);
    put_load(&program, offsetof(struct seccomp_data, nr));
    put(&program, BPF_JMP | BPF_JGE | BPF_K, 0, 1, X32_BIT);
    put_return(&program, SECCOMP_RET_KILL_PROCESS);
    for (size_t i = 0; i < fixed_count; i++) {
        put_rule(&program, &fixed_rules[i]);
    }
    for (size_t i = 0; i < own_count; i++) {
        put_rule(&program, &own_rules[i]);
    }
    for (size_t i = 0; i < sizeof command_rules / sizeof command_rules[0]; i++) {
        put_command_rule(&program, &command_rules[i]);
    }
    put_return(&program, SECCOMP_RET_ALLOW);
    struct sock_fprog filter = {.len = program.len, .filter = program.code};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}
