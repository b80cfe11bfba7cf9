/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/bus/ack.h"

#include <string.h>

void dr_ack_reset(struct dr_ack *ack, uint64_t boot, uint64_t committed)
{
    memset(ack, 0, sizeof(*ack));
    ack->boot = boot;
    ack->committed = committed;
}

static uint64_t *word(struct dr_ack *ack, uint64_t number)
{
    return &ack->bits[number % DR_ACK_SPAN / 64];
}

static uint64_t bit(uint64_t number)
{
    return (uint64_t)1 << number % 64;
}

static bool advance(struct dr_ack *ack)
{
    bool moved = false;
    while ((*word(ack, ack->committed + 1) & bit(ack->committed + 1)) != 0) { /* bound: the span */
        ack->committed++;
        *word(ack, ack->committed) &= ~bit(ack->committed);
        moved = true;
    }
    return moved;
}

void dr_ack_raise(struct dr_ack *ack, uint64_t number)
{
    for (unsigned i = 0; i < DR_ACK_SPAN && ack->committed < number; i++) {
        ack->committed++;
        *word(ack, ack->committed) &= ~bit(ack->committed);
    }
    if (ack->committed < number) { /* further than the span: no bit can stand for what follows */
        ack->committed = number;
    }
    (void)advance(ack);
}

bool dr_ack_note(struct dr_ack *ack, uint64_t boot, uint64_t number)
{
    if (boot != ack->boot || number <= ack->committed || number - ack->committed >= DR_ACK_SPAN) {
        return false;
    }
    *word(ack, number) |= bit(number);
    return advance(ack);
}
