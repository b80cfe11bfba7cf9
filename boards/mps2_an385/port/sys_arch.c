/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What lwIP needs of the kernel, from memory reserved at link time: one task, one mailbox, a few
 * mutexes. lwIP asks for them once at start and never gives one back. */
#include "boards/mps2_an385/port/uptime.h"

#include <FreeRTOS.h>
#include <queue.h>
#include <semphr.h>
#include <task.h>

#include <lwip/err.h>
#include <lwip/opt.h>
#include <lwip/sys.h>

#include <stdbool.h>
#include <stddef.h>

#define MUTEXES 3
#define MS_PER_TICK (1000u / configTICK_RATE_HZ)

static StaticSemaphore_t mutex_memory[MUTEXES];
static uint8_t mutex_count;
static StaticSemaphore_t sem_memory[2];
static uint8_t sem_count;
static StaticQueue_t mbox_memory;
static void *mbox_places[TCPIP_MBOX_SIZE];
static bool mbox_taken;
static StaticTask_t thread_memory;
static StackType_t thread_stack[TCPIP_THREAD_STACKSIZE] __attribute__((aligned(32)));
static bool thread_taken;

void sys_init(void)
{
}

u32_t sys_now(void)
{
    return (u32_t)dr_mps2_uptime_ms();
}

/* Interrupt handlers of this board never call lwIP, so a critical section of the kernel will do. */
sys_prot_t sys_arch_protect(void)
{
    taskENTER_CRITICAL();
    return 0;
}

void sys_arch_unprotect(sys_prot_t protection)
{
    (void)protection;
    taskEXIT_CRITICAL();
}

err_t sys_mutex_new(sys_mutex_t *mutex)
{
    if (mutex_count == MUTEXES) {
        return ERR_MEM;
    }
    mutex->handle = xSemaphoreCreateMutexStatic(&mutex_memory[mutex_count++]);
    return ERR_OK;
}

void sys_mutex_lock(sys_mutex_t *mutex)
{
    (void)xSemaphoreTake(mutex->handle, portMAX_DELAY);
}

void sys_mutex_unlock(sys_mutex_t *mutex)
{
    (void)xSemaphoreGive(mutex->handle);
}

void sys_mutex_free(sys_mutex_t *mutex)
{
    mutex->handle = NULL;
}

err_t sys_sem_new(sys_sem_t *sem, u8_t count)
{
    if (sem_count == sizeof(sem_memory) / sizeof(sem_memory[0])) {
        return ERR_MEM;
    }
    sem->handle = xSemaphoreCreateBinaryStatic(&sem_memory[sem_count++]);
    if (count > 0) {
        (void)xSemaphoreGive(sem->handle);
    }
    return ERR_OK;
}

void sys_sem_signal(sys_sem_t *sem)
{
    (void)xSemaphoreGive(sem->handle);
}

static TickType_t ticks_of(u32_t timeout_ms)
{
    return timeout_ms == 0 ? portMAX_DELAY : timeout_ms / MS_PER_TICK + 1u;
}

u32_t sys_arch_sem_wait(sys_sem_t *sem, u32_t timeout_ms)
{
    return xSemaphoreTake(sem->handle, ticks_of(timeout_ms)) == pdTRUE ? 0 : SYS_ARCH_TIMEOUT;
}

void sys_sem_free(sys_sem_t *sem)
{
    sem->handle = NULL;
}

err_t sys_mbox_new(sys_mbox_t *mbox, int size)
{
    if (mbox_taken || size > TCPIP_MBOX_SIZE) {
        return ERR_MEM;
    }
    mbox_taken = true;
    mbox->handle =
        xQueueCreateStatic(TCPIP_MBOX_SIZE, sizeof(void *), (uint8_t *)mbox_places, &mbox_memory);
    return ERR_OK;
}

void sys_mbox_post(sys_mbox_t *mbox, void *message)
{
    (void)xQueueSend(mbox->handle, &message, portMAX_DELAY);
}

err_t sys_mbox_trypost(sys_mbox_t *mbox, void *message)
{
    return xQueueSend(mbox->handle, &message, 0) == pdTRUE ? ERR_OK : ERR_MEM;
}

u32_t sys_arch_mbox_fetch(sys_mbox_t *mbox, void **ret_message, u32_t timeout_ms)
{
    void *message = NULL;
    bool came = xQueueReceive(mbox->handle, &message, ticks_of(timeout_ms)) == pdTRUE;
    if (ret_message != NULL) {
        *ret_message = message;
    }
    return came ? 0 : SYS_ARCH_TIMEOUT;
}

u32_t sys_arch_mbox_tryfetch(sys_mbox_t *mbox, void **ret_message)
{
    void *message = NULL;
    bool came = xQueueReceive(mbox->handle, &message, 0) == pdTRUE;
    if (ret_message != NULL) {
        *ret_message = message;
    }
    return came ? 0 : SYS_MBOX_EMPTY;
}

void sys_mbox_free(sys_mbox_t *mbox)
{
    mbox->handle = NULL;
}

sys_thread_t
sys_thread_new(const char *name, lwip_thread_fn run, void *argument, int stack_words, int priority)
{
    sys_thread_t thread = {NULL};
    if (!thread_taken && stack_words <= TCPIP_THREAD_STACKSIZE) {
        thread_taken = true;
        thread.handle = xTaskCreateStatic(
            run, name, TCPIP_THREAD_STACKSIZE, argument, (UBaseType_t)priority, thread_stack,
            &thread_memory);
    }
    return thread;
}
