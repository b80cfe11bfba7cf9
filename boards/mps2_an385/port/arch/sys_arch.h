/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* lwIP's view of the kernel: handles of objects whose memory is in sys_arch.c. */
#ifndef DR_MPS2_ARCH_SYS_ARCH_H
#define DR_MPS2_ARCH_SYS_ARCH_H

#include <stdint.h>

typedef uint32_t sys_prot_t;

struct dr_sys_handle {
    void *handle;
};
typedef struct dr_sys_handle sys_sem_t;
typedef struct dr_sys_handle sys_mutex_t;
typedef struct dr_sys_handle sys_mbox_t;
typedef struct dr_sys_handle sys_thread_t;

#define sys_mutex_valid(object) ((object) != NULL && (object)->handle != NULL)
#define sys_mutex_set_invalid(object) ((object)->handle = NULL)
#define sys_sem_valid(object) sys_mutex_valid(object)
#define sys_sem_set_invalid(object) sys_mutex_set_invalid(object)
#define sys_mbox_valid(object) sys_mutex_valid(object)
#define sys_mbox_set_invalid(object) sys_mutex_set_invalid(object)

#endif
