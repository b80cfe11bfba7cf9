/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The walls around a firmware, built by the boot ROM just before it becomes that firmware.
 *
 * On a microcontroller the flash is guarded by hardware; here the firmware is a process of the same
 * host, so the kernel is asked to take everything from it but the board channel, its own threads,
 * the system libraries (they count as platform) and outgoing TCP. Each mechanism is used if the
 * kernel has it; the ones it lacks are named, not hidden (docs/security.md).
 */
#ifndef DR_BOARDS_LINUX_ROM_CONFINE_H
#define DR_BOARDS_LINUX_ROM_CONFINE_H

#include <stdbool.h>
#include <stddef.h>

struct dr_confinement {
    bool no_new_privs;
    bool other_user; /* only when the board runs as root */
    bool board_is_root;
    int landlock_abi; /* 0: none */
    bool seccomp;
};

/* Build all walls. image_fd is the only descriptor that may still be executed, once. */
void dr_confine(int image_fd, struct dr_confinement *ret_confinement);

/* One line for the console: what stands, and what the kernel lacks. */
void dr_confinement_text(
    const struct dr_confinement *confinement, char *out, size_t capacity_bytes);

/* confine_landlock.c: files and signals. Returns the ABI used, 0 when there is none. */
int dr_confine_landlock(void);

/* confine_seccomp.c: system calls. */
bool dr_confine_seccomp(int image_fd);

#endif
