/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/linux/rom/confine.h"

#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* A user that has no files and no processes; where it cannot be had (a user name space without it),
 * the one that at least is not root. Daemons run as nobody, the signer's keys may be its: hence not
 * that one first. */
#define NO_ONES_USER 65533u
#define NOBODY 65534u

/* Far more than a firmware of this kind needs, and not all that the host has. A sanitizer's shadow
 * would not fit. */
#define MEMORY_BYTES_MAX (1024u * 1024u * 1024u)
#if defined(__SANITIZE_ADDRESS__)
#define MEMORY_IS_BOUNDED 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define MEMORY_IS_BOUNDED 0
#endif
#endif
#ifndef MEMORY_IS_BOUNDED
#define MEMORY_IS_BOUNDED 1
#endif

/* Files of root are then closed to the firmware even where Landlock is missing. */
static bool become(uid_t user)
{
    return setgroups(0, NULL) == 0 && setresgid(user, user, user) == 0 &&
           setresuid(user, user, user) == 0;
}

void dr_confine(int image_fd, struct dr_confinement *ret_confinement)
{
    struct dr_confinement done = {.board_is_root = geteuid() == 0};
    struct rlimit none = {0, 0};
    const struct rlimit memory = {MEMORY_BYTES_MAX, MEMORY_BYTES_MAX};
    pid_t board = getppid();
    /* Keys must not end in a core file, nor relative names in the device directory. */
    if (setrlimit(RLIMIT_CORE, &none) != 0 || chdir("/") != 0 ||
        (MEMORY_IS_BOUNDED && setrlimit(RLIMIT_AS, &memory) != 0)) {
        _exit(1);
    }
    done.other_user = done.board_is_root && (become(NO_ONES_USER) || become(NOBODY));
    /* Another user means that the leash was taken off: put it on again. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != board) {
        _exit(1);
    }
    done.no_new_privs = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
    done.landlock_abi = dr_confine_landlock();
    done.seccomp = dr_confine_seccomp(image_fd);
    *ret_confinement = done;
}

void dr_confinement_text(const struct dr_confinement *confinement, char *out, size_t capacity_bytes)
{
    char landlock[32] = "";
    if (confinement->landlock_abi > 0) {
        snprintf(landlock, sizeof landlock, " landlock-%d", confinement->landlock_abi);
    }
    bool lacks = !confinement->no_new_privs || !confinement->seccomp ||
                 confinement->landlock_abi == 0 ||
                 (confinement->board_is_root && !confinement->other_user);
    snprintf(
        out, capacity_bytes, "confinement:%s%s%s%s%s%s%s%s%s",
        confinement->no_new_privs ? " no_new_privs" : "", landlock,
        confinement->seccomp ? " seccomp" : "", confinement->other_user ? " other-user" : "",
        lacks ? "; this system lacks" : "", confinement->no_new_privs ? "" : " no_new_privs",
        confinement->landlock_abi > 0 ? "" : " landlock", confinement->seccomp ? "" : " seccomp",
        confinement->board_is_root && !confinement->other_user ? " other-user" : "");
}
