/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Questions to the board that carries the machine: names, provisioning, the access point.
 *
 * One message each way at a time, in memory both see; the bytes are those of the Linux board's
 * channel (boards/linux/wire.h: 16 bytes of header and a payload), here with RESOLVE, CSR, BUNDLE,
 * PROVISIONED, CLOCK, JOIN, LEAVE and OFFERED.
 *
 *   0x0000  u32 asked     the machine counts it up when its request is complete
 *   0x0004  u32 answered  the board sets it to `asked` when its reply is complete
 *   0x0008  u32 request size, header included     0x000c  u32 reply size, header included
 *   0x0010  the request (at most 8,176 bytes)     0x2000  the reply (at most 49,152 bytes)
 *
 * The board looks every 20 ms.
 */
#ifndef DR_BOARDS_MPS2_MAILBOX_H
#define DR_BOARDS_MPS2_MAILBOX_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

#define DR_MAILBOX_ASKED_AT 0x0000u
#define DR_MAILBOX_ANSWERED_AT 0x0004u
#define DR_MAILBOX_REQUEST_SIZE_AT 0x0008u
#define DR_MAILBOX_REPLY_SIZE_AT 0x000cu
#define DR_MAILBOX_REQUEST_AT 0x0010u
#define DR_MAILBOX_REQUEST_BYTES_MAX 0x1ff0u
#define DR_MAILBOX_REPLY_AT 0x2000u
#define DR_MAILBOX_REPLY_BYTES_MAX 0xc000u

/* A request and the room for the reply's payload; borrowed for the call. */
struct dr_mailbox_exchange {
    uint16_t operation; /* enum dr_wire_operation */
    uint32_t a;
    const uint8_t *payload;
    size_t payload_bytes;
    uint8_t *reply;
    size_t capacity_bytes;
    size_t reply_bytes; /* set */
    uint32_t value;     /* set */
    uint32_t timeout_ms;
    void (*idle)(void); /* called while waiting; may be NULL */
};

/* The board's status, or DR_E_TIMEOUT, DR_E_SPACE (a payload too large), DR_E_FORMAT. */
DR_MUST_USE enum dr_status dr_mailbox_ask(struct dr_mailbox_exchange *exchange);

#endif
