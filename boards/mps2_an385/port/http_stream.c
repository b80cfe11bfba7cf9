/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/mps2_an385/port/http_stream.h"

#include <string.h>

static void forget(void *context)
{
    struct dr_http_stream *http = context;
    if (http->open) {
        dr_tls_close(http->tls);
        dr_stream_close(&http->stream);
    }
    http->open = false;
    http->secure = false;
}

static enum dr_status open_stream(void *context, const struct dr_link_identity *identity)
{
    struct dr_http_stream *http = context;
    uint8_t address[4];
    uint16_t port = 0;
    if (http->open) {
        return DR_E_STATE;
    }
    http->fault = DR_LINK_FAULT_NETWORK;
    DR_TRY(http->config.resolve(
        http->config.context, identity->host, http->attempt++, address, &port));
    enum dr_status status = dr_tls_open(http->tls, NULL, identity, &http->stream);
    if (status != DR_OK) {
        http->fault = DR_LINK_FAULT_LOCAL; /* no memory for a second session, or roots unreadable */
        return status;
    }
    http->open = true;
    status = dr_stream_open(&http->stream, address, port != 0 ? port : identity->port);
    if (status != DR_OK) {
        forget(http);
    }
    return status;
}

/* Over; why, as far as TLS knows. */
static enum dr_status ended(struct dr_http_stream *http, enum dr_status status)
{
    if (status == DR_E_AGAIN) {
        return status;
    }
    if (!http->secure && dr_tls_fault(http->tls) != DR_LINK_FAULT_NONE) {
        http->fault = dr_tls_fault(http->tls);
    }
    return DR_E_CLOSED;
}

static enum dr_status state(void *context)
{
    struct dr_http_stream *http = context;
    if (!http->open) {
        return DR_E_CLOSED;
    }
    if (http->secure) {
        return DR_OK;
    }
    enum dr_status status = dr_stream_state(&http->stream);
    if (status == DR_OK) {
        status = dr_tls_handshake(http->tls);
    }
    if (status != DR_OK) {
        return ended(http, status);
    }
    http->secure = true;
    http->attempt = 0;
    return DR_OK;
}

static enum dr_status
write_bytes(void *context, const uint8_t *data, size_t size_bytes, size_t *ret_bytes)
{
    struct dr_http_stream *http = context;
    enum dr_status status = dr_tls_write(http->tls, data, size_bytes, ret_bytes);
    return status == DR_OK ? status : ended(http, status);
}

static enum dr_status
read_bytes(void *context, uint8_t *out, size_t capacity_bytes, size_t *ret_bytes)
{
    struct dr_http_stream *http = context;
    enum dr_status status = dr_tls_read(http->tls, out, capacity_bytes, ret_bytes);
    return status == DR_OK ? status : ended(http, status);
}

static enum dr_link_fault fault(void *context)
{
    const struct dr_http_stream *http = context;
    return http->fault;
}

void dr_http_stream_init(
    struct dr_http_stream *http, const struct dr_http_stream_config *config,
    struct dr_link_stream *ret_stream)
{
    memset(http, 0, sizeof(*http));
    http->config = *config;
    http->tls = dr_tls_session(DR_TLS_HTTPS);
    *ret_stream = (struct dr_link_stream){
        .context = http,
        .open = open_stream,
        .state = state,
        .write = write_bytes,
        .read = read_bytes,
        .fault = fault,
        .close = forget,
    };
}
