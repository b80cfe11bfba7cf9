/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/mps2_an385/common/mailbox.h"

#include "base/secret.h"
#include "boards/linux/wire.h"
#include "boards/mps2_an385/common/clock.h"
#include "boards/mps2_an385/common/regs.h"
#include "boards/mps2_an385/map.h"

#include <string.h>

#define BOX (DR_MPS2_STORE_AT + DR_MPS2_MAILBOX_AT)
#define WORD_BYTES 4u

static uint8_t *bytes_at(uint32_t offset)
{
    return (uint8_t *)(uintptr_t)(BOX + offset);
}

static void put_word(uint8_t *out, uint32_t value)
{
    memcpy(out, &value, WORD_BYTES); /* both sides are little-endian */
}

static uint32_t get_word(const uint8_t *data)
{
    uint32_t value;
    memcpy(&value, data, WORD_BYTES);
    return value;
}

static uint32_t post(const struct dr_mailbox_exchange *exchange)
{
    uint32_t number = dr_reg_read(BOX + DR_MAILBOX_ASKED_AT) + 1u;
    uint8_t *request = bytes_at(DR_MAILBOX_REQUEST_AT);
    put_word(request, exchange->operation);
    put_word(request + 4, number);
    put_word(request + 8, exchange->a);
    put_word(request + 12, 0);
    if (exchange->payload_bytes > 0) {
        memcpy(request + DR_WIRE_HEADER_BYTES, exchange->payload, exchange->payload_bytes);
    }
    dr_reg_write(
        BOX + DR_MAILBOX_REQUEST_SIZE_AT, DR_WIRE_HEADER_BYTES + (uint32_t)exchange->payload_bytes);
    __asm volatile("dsb" ::: "memory");
    dr_reg_write(BOX + DR_MAILBOX_ASKED_AT, number);
    return number;
}

static enum dr_status take(struct dr_mailbox_exchange *exchange, uint32_t number)
{
    const uint8_t *reply = bytes_at(DR_MAILBOX_REPLY_AT);
    uint32_t size_bytes = dr_reg_read(BOX + DR_MAILBOX_REPLY_SIZE_AT);
    if (size_bytes < DR_WIRE_HEADER_BYTES || size_bytes > DR_MAILBOX_REPLY_BYTES_MAX ||
        get_word(reply) != exchange->operation || get_word(reply + 4) != number) {
        return DR_E_FORMAT;
    }
    exchange->reply_bytes = size_bytes - DR_WIRE_HEADER_BYTES;
    if (exchange->reply_bytes > exchange->capacity_bytes) {
        return DR_E_SPACE;
    }
    if (exchange->reply_bytes > 0) {
        memcpy(exchange->reply, reply + DR_WIRE_HEADER_BYTES, exchange->reply_bytes);
    }
    exchange->value = get_word(reply + 12);
    /* Statuses are 0 or negative: their magnitude travels. */
    return (enum dr_status)(-(int32_t)get_word(reply + 8));
}

/* The mailbox lies in the file that is this board's flash, and keys and passwords travel by it. */
static void wipe(const struct dr_mailbox_exchange *exchange)
{
    uint32_t size_bytes = dr_reg_read(BOX + DR_MAILBOX_REPLY_SIZE_AT);
    dr_wipe(bytes_at(DR_MAILBOX_REQUEST_AT) + DR_WIRE_HEADER_BYTES, exchange->payload_bytes);
    if (size_bytes > DR_WIRE_HEADER_BYTES && size_bytes <= DR_MAILBOX_REPLY_BYTES_MAX) {
        dr_wipe(
            bytes_at(DR_MAILBOX_REPLY_AT) + DR_WIRE_HEADER_BYTES,
            size_bytes - DR_WIRE_HEADER_BYTES);
    }
}

static enum dr_status exchange_it(struct dr_mailbox_exchange *exchange)
{
    uint32_t begin_ms = dr_clock_ms();
    uint32_t number = post(exchange);
    while (dr_reg_read(BOX + DR_MAILBOX_ANSWERED_AT) != number) { /* bound: the time-out */
        if (dr_clock_ms() - begin_ms >= exchange->timeout_ms) {
            return DR_E_TIMEOUT;
        }
        if (exchange->idle != NULL) {
            exchange->idle();
        }
    }
    __asm volatile("dsb" ::: "memory");
    return take(exchange, number);
}

enum dr_status dr_mailbox_ask(struct dr_mailbox_exchange *exchange)
{
    if (exchange->payload_bytes > DR_MAILBOX_REQUEST_BYTES_MAX - DR_WIRE_HEADER_BYTES) {
        return DR_E_SPACE;
    }
    enum dr_status status = exchange_it(exchange);
    wipe(exchange);
    return status;
}
