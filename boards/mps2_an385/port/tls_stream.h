/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The Cortex-M3 board's TLS stream, for MQTT and for HTTPS: Mbed TLS over lwIP. For the task that
 * polls the link, which is woken for both.
 *
 * Whom it believes is tls.h's business. One struct is one connection at a time and must not move
 * once it was initialised.
 */
#ifndef DR_BOARDS_MPS2_TLS_STREAM_H
#define DR_BOARDS_MPS2_TLS_STREAM_H

#include "boards/mps2_an385/port/stream.h"
#include "boards/mps2_an385/port/tls.h"
#include "device/link/stream.h"

struct dr_tls_stream_config {
    enum dr_tls_use use;
    struct dr_tls_config tls; /* with DR_TLS_MQTT */
    void *context;
    /* The attempt-th address of a name, counted round and round; port 0: the one asked for. */
    enum dr_status (*resolve)(
        void *context, const char *host, uint32_t attempt, uint8_t ret_address[4],
        uint16_t *ret_port);
};

struct dr_tls_stream {
    struct dr_stream tcp; /* may be looked at */
    struct dr_tls *tls;   /* so may this */

    /* private, do not touch */
    struct dr_tls_stream_config config;
    bool open;
    bool secure;
    enum dr_link_fault fault;
    uint32_t attempt;
};

/* config is copied. ret_stream is then the port. */
void dr_tls_stream_init(
    struct dr_tls_stream *stream, const struct dr_tls_stream_config *config,
    struct dr_link_stream *ret_stream);

#endif
