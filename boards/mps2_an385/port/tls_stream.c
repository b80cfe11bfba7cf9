/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/mps2_an385/port/tls_stream.h"

#include <string.h>

static void forget(void *context)
{
    struct dr_tls_stream *stream = context;
    if (stream->open) {
        dr_tls_close(stream->tls);
        dr_stream_close(&stream->tcp);
    }
    stream->open = false;
    stream->secure = false;
}

static enum dr_status open_stream(void *context, const struct dr_link_identity *identity)
{
    struct dr_tls_stream *stream = context;
    const struct dr_tls_stream_config *config = &stream->config;
    uint8_t address[4];
    uint16_t port = 0;
    if (stream->open) {
        return DR_E_STATE;
    }
    stream->fault = DR_LINK_FAULT_NETWORK;
    DR_TRY(config->resolve(config->context, identity->host, stream->attempt++, address, &port));
    enum dr_status status = dr_tls_open(stream->tls, &config->tls, identity, &stream->tcp);
    if (status != DR_OK) {
        stream->fault = DR_LINK_FAULT_LOCAL; /* no memory for a session, or a certificate */
        return status;
    }
    stream->open = true;
    status = dr_stream_open(&stream->tcp, address, port != 0 ? port : identity->port);
    if (status != DR_OK) {
        forget(stream);
    }
    return status;
}

/* Over; why, as far as TLS knows. */
static enum dr_status ended(struct dr_tls_stream *stream, enum dr_status status)
{
    if (status == DR_E_AGAIN) {
        return status;
    }
    if (!stream->secure && dr_tls_fault(stream->tls) != DR_LINK_FAULT_NONE) {
        stream->fault = dr_tls_fault(stream->tls);
    }
    return DR_E_CLOSED;
}

static enum dr_status state(void *context)
{
    struct dr_tls_stream *stream = context;
    if (!stream->open) {
        return DR_E_CLOSED;
    }
    if (stream->secure) {
        return DR_OK;
    }
    enum dr_status status = dr_stream_state(&stream->tcp);
    if (status == DR_OK) {
        status = dr_tls_handshake(stream->tls);
    }
    if (status != DR_OK) {
        return ended(stream, status);
    }
    stream->secure = true;
    stream->attempt = 0;
    return DR_OK;
}

static enum dr_status
write_bytes(void *context, const uint8_t *data, size_t size_bytes, size_t *ret_bytes)
{
    struct dr_tls_stream *stream = context;
    enum dr_status status = dr_tls_write(stream->tls, data, size_bytes, ret_bytes);
    return status == DR_OK ? status : ended(stream, status);
}

static enum dr_status
read_bytes(void *context, uint8_t *out, size_t capacity_bytes, size_t *ret_bytes)
{
    struct dr_tls_stream *stream = context;
    enum dr_status status = dr_tls_read(stream->tls, out, capacity_bytes, ret_bytes);
    return status == DR_OK ? status : ended(stream, status);
}

static enum dr_link_fault fault(void *context)
{
    const struct dr_tls_stream *stream = context;
    return stream->fault;
}

void dr_tls_stream_init(
    struct dr_tls_stream *stream, const struct dr_tls_stream_config *config,
    struct dr_link_stream *ret_stream)
{
    memset(stream, 0, sizeof(*stream));
    stream->config = *config;
    stream->tls = dr_tls_session(config->use);
    *ret_stream = (struct dr_link_stream){
        .context = stream,
        .open = open_stream,
        .state = state,
        .write = write_bytes,
        .read = read_bytes,
        .fault = fault,
        .close = forget,
    };
}
