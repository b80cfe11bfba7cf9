/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The Linux board's TLS stream for HTTPS: OpenSSL over a socket that never blocks.
 *
 * Whom it believes is link_tls.h's business, the same as for MQTT; it shows no certificate. One
 * struct is one connection at a time and must not move once it was initialised.
 */
#ifndef DR_BOARDS_LINUX_HTTP_STREAM_H
#define DR_BOARDS_LINUX_HTTP_STREAM_H

#include "boards/linux/link_mosquitto.h"
#include "boards/linux/link_tls.h"
#include "device/link/stream.h"

#include <poll.h>
#include <stdbool.h>

struct ssl_st;

struct dr_http_stream_config {
    void *context;
    /* As of link_mosquitto.h. */
    enum dr_status (*resolve)(
        void *context, const char *host, uint32_t attempt, struct dr_link_address *ret_address);
};

struct dr_http_stream {
    struct pollfd wait; /* what this connection waits for, for the board's poll; fd -1: nothing */

    /* private, do not touch */
    struct dr_http_stream_config config;
    struct dr_link_tls tls;
    struct ssl_st *ssl;
    bool connected; /* TCP */
    bool secure;    /* TLS */
    enum dr_link_fault fault;
    uint32_t attempt;
};

/* config is copied. ret_stream is then the port. From here on a write to a connection that the
 * other side has closed is an error, not a signal. */
void dr_http_stream_init(
    struct dr_http_stream *stream, const struct dr_http_stream_config *config,
    struct dr_link_stream *ret_stream);

#endif
