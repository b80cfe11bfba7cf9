/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/mps2_an385/common/anchor_uart.h"

#include "boards/mps2_an385/common/clock.h"
#include "boards/mps2_an385/common/uart_priv.h"
#include "boards/mps2_an385/map.h"

#include <string.h>

#define UART DR_MPS2_UART_ANCHOR_AT

void dr_anchor_uart_start(struct dr_anchor_uart *uart, uint32_t first_number)
{
    uart->number = first_number;
    uart->reader.used_bytes = 0;
    dr_uart_start(UART, DR_UART_CONTROL_TX | DR_UART_CONTROL_RX);
}

static enum dr_status
answer(struct dr_anchor_exchange *exchange, const struct dr_anchor_frame *frame)
{
    if (frame->payload_bytes > exchange->response_capacity_bytes) {
        return DR_E_SPACE;
    }
    memcpy(exchange->response, frame->payload, frame->payload_bytes);
    exchange->response_bytes = frame->payload_bytes;
    return DR_OK;
}

enum dr_status dr_anchor_uart_transact(void *context, struct dr_anchor_exchange *exchange)
{
    struct dr_anchor_uart *uart = context;
    struct dr_anchor_frame frame = {
        .type = DR_ANCHOR_FRAME_REQUEST,
        .number = ++uart->number,
        .payload = exchange->request,
        .payload_bytes = exchange->request_bytes};
    uint32_t begin_ms = dr_clock_ms();
    size_t len = dr_anchor_frame_encode(&frame, uart->frame);
    if (len == 0) {
        return DR_E_SPACE;
    }
    for (size_t i = 0; i < len; i++) {
        dr_uart_put(UART, uart->frame[i]);
    }
    while (dr_clock_ms() - begin_ms < exchange->timeout_ms) { /* bound: the time-out */
        if (!dr_uart_has(UART)) {
            if (uart->idle != NULL) {
                uart->idle();
            }
            continue;
        }
        uint8_t byte = (uint8_t)dr_reg_read(UART + DR_UART_DATA);
        if (dr_anchor_frame_push(&uart->reader, byte, &frame) &&
            frame.type == DR_ANCHOR_FRAME_RESPONSE && frame.number == uart->number) {
            return answer(exchange, &frame);
        }
    }
    return DR_E_TIMEOUT;
}

struct dr_anchor_port dr_anchor_uart_port(struct dr_anchor_uart *uart)
{
    return (struct dr_anchor_port){.context = uart, .transact = dr_anchor_uart_transact};
}
