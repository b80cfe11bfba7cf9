/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/mps2_an385/port/stream.h"

#include <FreeRTOS.h>
#include <task.h>

#include <lwip/tcp.h>
#include <lwip/tcpip.h>

#include <string.h>

/* RFC 6335: what nobody registers. */
#define LOCAL_PORT_FIRST 49152u
#define LOCAL_PORTS 16384u
#define LOCAL_PORT_TRIES 4u

static void wake(const struct dr_stream *stream)
{
    (void)xTaskNotifyGive((TaskHandle_t)stream->owner);
}

/* These four run in lwIP's tasks, under its core lock. */
static err_t on_connected(void *context, struct tcp_pcb *pcb, err_t error)
{
    struct dr_stream *stream = context;
    (void)pcb;
    (void)error;
    stream->connected = true;
    wake(stream);
    return ERR_OK;
}

static err_t on_received(void *context, struct tcp_pcb *pcb, struct pbuf *data, err_t error)
{
    struct dr_stream *stream = context;
    (void)pcb;
    (void)error;
    if (data == NULL) {
        stream->closed = true;
    } else if (stream->received == NULL) {
        stream->received = data;
    } else {
        pbuf_cat(stream->received, data);
    }
    wake(stream);
    return ERR_OK;
}

static err_t on_sent(void *context, struct tcp_pcb *pcb, u16_t size_bytes)
{
    (void)pcb;
    (void)size_bytes;
    wake(context);
    return ERR_OK;
}

static void on_error(void *context, err_t error)
{
    struct dr_stream *stream = context;
    (void)error;
    stream->pcb = NULL; /* lwIP has freed it */
    stream->closed = true;
    wake(stream);
}

/* A port of our own that the last boot did not use: the network may still hold its connection
 * half open (RFC 6056). lwIP chooses its first port before there is any randomness. */
static err_t bind_somewhere(struct tcp_pcb *pcb)
{
    err_t error = ERR_USE;
    for (uint32_t i = 0; i < LOCAL_PORT_TRIES && error == ERR_USE; i++) {
        uint32_t port = LOCAL_PORT_FIRST + dr_mps2_lwip_random() % LOCAL_PORTS;
        error = tcp_bind(pcb, IP_ADDR_ANY, (u16_t)port);
    }
    return error;
}

enum dr_status dr_stream_open(struct dr_stream *stream, const uint8_t address[4], uint16_t port)
{
    ip_addr_t target;
    memset(stream, 0, sizeof(*stream));
    stream->owner = xTaskGetCurrentTaskHandle();
    IP_ADDR4(&target, address[0], address[1], address[2], address[3]);
    LOCK_TCPIP_CORE();
    enum dr_status status = DR_E_SPACE;
    stream->pcb = tcp_new();
    if (stream->pcb != NULL) {
        tcp_arg(stream->pcb, stream);
        tcp_recv(stream->pcb, on_received);
        tcp_sent(stream->pcb, on_sent);
        tcp_err(stream->pcb, on_error);
        tcp_nagle_disable(stream->pcb);
        bool sent = bind_somewhere(stream->pcb) == ERR_OK &&
                    tcp_connect(stream->pcb, &target, port, on_connected) == ERR_OK;
        status = sent ? DR_OK : DR_E_IO;
    }
    UNLOCK_TCPIP_CORE();
    if (status != DR_OK) {
        dr_stream_close(stream);
    }
    return status;
}

enum dr_status dr_stream_state(const struct dr_stream *stream)
{
    if (stream->closed && stream->received == NULL) {
        return DR_E_CLOSED;
    }
    return stream->connected ? DR_OK : DR_E_AGAIN;
}

/* Under the core lock: copy out, let go of what is empty. */
static uint32_t take(struct dr_stream *stream, uint8_t *out, uint32_t size_bytes)
{
    uint32_t done = 0;
    while (stream->received != NULL && done < size_bytes) { /* bound: the receive window */
        struct pbuf *first = stream->received;
        uint32_t part = (uint32_t)(first->len - stream->offset);
        if (part > size_bytes - done) {
            part = size_bytes - done;
        }
        memcpy(out + done, (const uint8_t *)first->payload + stream->offset, part);
        done += part;
        stream->offset = (uint16_t)(stream->offset + part);
        if (stream->offset == first->len) {
            stream->received = first->next;
            if (first->next != NULL) {
                pbuf_ref(first->next);
            }
            (void)pbuf_free(first);
            stream->offset = 0;
        }
    }
    return done;
}

enum dr_status
dr_stream_read(struct dr_stream *stream, uint8_t *out, uint32_t size_bytes, uint32_t *ret_bytes)
{
    LOCK_TCPIP_CORE();
    uint32_t done = take(stream, out, size_bytes);
    bool closed = stream->closed;
    if (done > 0 && stream->pcb != NULL) {
        tcp_recved(stream->pcb, (u16_t)done);
    }
    UNLOCK_TCPIP_CORE();
    if (done == 0) {
        return closed ? DR_E_CLOSED : DR_E_AGAIN;
    }
    *ret_bytes = done;
    return DR_OK;
}

enum dr_status dr_stream_write(
    struct dr_stream *stream, const uint8_t *data, uint32_t size_bytes, uint32_t *ret_bytes)
{
    enum dr_status status = DR_E_CLOSED;
    LOCK_TCPIP_CORE();
    if (stream->pcb != NULL && !stream->closed) {
        uint32_t part = tcp_sndbuf(stream->pcb);
        part = part < size_bytes ? part : size_bytes;
        status = DR_E_AGAIN;
        if (part > 0 && tcp_write(stream->pcb, data, (u16_t)part, TCP_WRITE_FLAG_COPY) == ERR_OK) {
            (void)tcp_output(stream->pcb); /* what cannot leave now, leaves by a timer */
            *ret_bytes = part;
            status = DR_OK;
        }
    }
    UNLOCK_TCPIP_CORE();
    return status;
}

bool dr_stream_sending(const struct dr_stream *stream)
{
    LOCK_TCPIP_CORE();
    bool sending = stream->pcb != NULL && !stream->closed &&
                   (stream->pcb->unacked != NULL || stream->pcb->unsent != NULL);
    UNLOCK_TCPIP_CORE();
    return sending;
}

void dr_stream_close(struct dr_stream *stream)
{
    LOCK_TCPIP_CORE();
    if (stream->pcb != NULL) {
        tcp_arg(stream->pcb, NULL);
        tcp_recv(stream->pcb, NULL);
        tcp_sent(stream->pcb, NULL);
        tcp_err(stream->pcb, NULL);
        if (!stream->connected || tcp_close(stream->pcb) != ERR_OK) {
            tcp_abort(stream->pcb);
        }
    }
    if (stream->received != NULL) {
        (void)pbuf_free(stream->received);
    }
    UNLOCK_TCPIP_CORE();
    stream->pcb = NULL;
    stream->received = NULL;
    stream->connected = false;
    stream->closed = true;
}
