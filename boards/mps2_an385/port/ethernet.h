/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* lwIP over the LAN9118: the receiving task, the interrupt, the one network interface. */
#ifndef DR_BOARDS_MPS2_ETHERNET_H
#define DR_BOARDS_MPS2_ETHERNET_H

#include "base/status.h"

#include <stdint.h>

struct dr_ethernet_counts {
    uint32_t frames;
    uint32_t dropped; /* no buffer */
    uint32_t longest; /* most frames that were waiting at one interrupt */
};

/* Start lwIP and the receiving task. Before the kernel runs. DR_E_IO: no such part. */
DR_MUST_USE enum dr_status dr_ethernet_start(void);

/* The vector of its interrupt. */
void dr_ethernet_interrupt(void);

void dr_ethernet_counts(struct dr_ethernet_counts *ret_counts);

/* Uptime when the receiving task was last seen to be alive: it wakes at least every second. */
uint32_t dr_ethernet_seen_ms(void);

/* The kernel's handle of that task. */
void *dr_ethernet_task(void);

/* Words of its stack, and of that of lwIP's task, that were never used. */
uint32_t dr_ethernet_stack_left(void);
uint32_t dr_ethernet_lwip_stack_left(void);

#endif
