/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Up to which number is everything committed? Commits are told in any order. */
#ifndef DR_CLOUD_BUS_ACK_H
#define DR_CLOUD_BUS_ACK_H

#include <stdbool.h>
#include <stdint.h>

#define DR_ACK_SPAN 4096u /* more than the gate has under way at once */

struct dr_ack {
    uint64_t boot;
    uint64_t committed; /* all up to here */
    uint64_t bits[DR_ACK_SPAN / 64];
};

/* A gate boot of which everything up to committed is done. */
void dr_ack_reset(struct dr_ack *ack, uint64_t boot, uint64_t committed);

/* Everything up to number is done, whatever was told before. */
void dr_ack_raise(struct dr_ack *ack, uint64_t number);

/* This one is committed. true: `committed` moved. Another boot's numbers and ones beyond the span
 * are ignored. */
bool dr_ack_note(struct dr_ack *ack, uint64_t boot, uint64_t number);

#endif
