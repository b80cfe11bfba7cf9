/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The Linux board's TLS stream, for MQTT and for HTTPS: OpenSSL over a socket that never blocks.
 *
 * Whom it believes is link_tls.h's business. It shows a certificate when the identity has one and
 * the stream an anchor to sign with. One struct is one connection at a time and must not move once
 * it was initialised. It reads ahead: before its owner waits, it reads until DR_E_AGAIN.
 */
#ifndef DR_BOARDS_LINUX_TLS_STREAM_H
#define DR_BOARDS_LINUX_TLS_STREAM_H

#include "boards/linux/link_tls.h"
#include "device/link/stream.h"

#include <poll.h>
#include <stdbool.h>

struct ssl_st;

#define DR_LINK_ADDRESS_BYTES 46u

/* An address to connect to, as text. port 0: the one that was asked for. */
struct dr_link_address {
    char text[DR_LINK_ADDRESS_BYTES];
    uint16_t port;
};

struct dr_tls_stream_config {
    struct dr_anchor *anchor; /* kept; NULL where no identity has a certificate */
    void *context;
    /* The attempt-th address of a name, counted round and round. DR_E_NOT_FOUND, DR_E_TIMEOUT. */
    enum dr_status (*resolve)(
        void *context, const char *host, uint32_t attempt, struct dr_link_address *ret_address);
};

struct dr_tls_stream {
    struct pollfd wait; /* what this connection waits for, for the board's poll; fd -1: nothing */
    struct dr_link_tls tls; /* fault and until_s may be looked at */

    /* private, do not touch */
    struct dr_tls_stream_config config;
    struct ssl_st *ssl;
    bool connected; /* TCP */
    bool secure;    /* TLS */
    enum dr_link_fault fault;
    uint32_t attempt;
};

/* config is copied. ret_stream is then the port. From here on a write to a connection that the
 * other side has closed is an error, not a signal. */
void dr_tls_stream_init(
    struct dr_tls_stream *stream, const struct dr_tls_stream_config *config,
    struct dr_link_stream *ret_stream);

#endif
