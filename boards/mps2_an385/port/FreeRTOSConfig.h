/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The kernel's settings: no heap at all, every task and queue has its memory at link time.
 *
 * Only what kernel versions 9 and 11 both know. 100 ticks a second: under an emulator on a loaded
 * host a faster tick loses time.
 */
#ifndef DR_MPS2_FREERTOS_CONFIG_H
#define DR_MPS2_FREERTOS_CONFIG_H

#include "task_plan.h"

#include <stdint.h>

#define configUSE_PREEMPTION 1
#define configUSE_TIME_SLICING 1
#define configUSE_PORT_OPTIMISED_TASK_SELECTION 1
#define configCPU_CLOCK_HZ 25000000ul
#define configTICK_RATE_HZ 100
#define configMAX_PRIORITIES 8
#define configMINIMAL_STACK_SIZE DR_TASK_IDLE_WORDS
#define configSTACK_DEPTH_TYPE uint32_t /* versions from 10 on: what version 9 has */
#define configMAX_TASK_NAME_LEN 8
#define configUSE_16_BIT_TICKS 0
#define configIDLE_SHOULD_YIELD 1
#define configUSE_IDLE_HOOK 1
#define configUSE_TICK_HOOK 0
#define configUSE_TASK_NOTIFICATIONS 1
#define configUSE_MUTEXES 1
#define configUSE_RECURSIVE_MUTEXES 0
#define configUSE_COUNTING_SEMAPHORES 0
#define configUSE_TIMERS 0
#define configUSE_CO_ROUTINES 0
#define configQUEUE_REGISTRY_SIZE 0
#define configUSE_TRACE_FACILITY 0
#define configSUPPORT_STATIC_ALLOCATION 1
#define configSUPPORT_DYNAMIC_ALLOCATION 0
#define configKERNEL_PROVIDED_STATIC_MEMORY 0
#define configCHECK_FOR_STACK_OVERFLOW 2
#define configUSE_MALLOC_FAILED_HOOK 0
#define configENABLE_BACKWARD_COMPATIBILITY 1

#define INCLUDE_vTaskDelay 1
#define INCLUDE_vTaskDelayUntil 1
#define INCLUDE_xTaskDelayUntil 1 /* its name from version 10.4 on */
#define INCLUDE_vTaskSuspend 1
#define INCLUDE_xTaskGetSchedulerState 1
#define INCLUDE_xTaskGetCurrentTaskHandle 1
#define INCLUDE_xTaskGetIdleTaskHandle 1
#define INCLUDE_uxTaskGetStackHighWaterMark 1
#define INCLUDE_vTaskPrioritySet 0
#define INCLUDE_uxTaskPriorityGet 0
#define INCLUDE_vTaskDelete 0

/* Interrupts that call the kernel run at 0x60 or below in urgency; the kernel itself lowest. */
#define configPRIO_BITS 8
#define configKERNEL_INTERRUPT_PRIORITY 0xff
#define configMAX_SYSCALL_INTERRUPT_PRIORITY 0x60

/* The lowest bytes of whoever runs cannot be written: port/guard.c. */
void dr_mps2_guard(const uint32_t *stack);
#define traceTASK_SWITCHED_IN() dr_mps2_guard((const uint32_t *)pxCurrentTCB->pxStack)

void dr_check_failed(const char *file, int line) __attribute__((noreturn));
#define configASSERT(condition)                                                                    \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            dr_check_failed(__FILE__, __LINE__);                                                   \
        }                                                                                          \
    } while (0)

#define vPortSVCHandler dr_mps2_svc
#define xPortPendSVHandler dr_mps2_pend_sv
#define xPortSysTickHandler dr_mps2_tick

#endif
