/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The Cortex-M3 board's TLS stream for HTTPS, beside the link's: same stack, same rules, no
 * certificate of ours. For the task that polls the link, which is woken for both.
 */
#ifndef DR_BOARDS_MPS2_HTTP_STREAM_H
#define DR_BOARDS_MPS2_HTTP_STREAM_H

#include "boards/mps2_an385/port/stream.h"
#include "boards/mps2_an385/port/tls.h"
#include "device/link/stream.h"

struct dr_http_stream_config {
    void *context;
    /* As of link_lwip.h. */
    enum dr_status (*resolve)(
        void *context, const char *host, uint32_t attempt, uint8_t ret_address[4],
        uint16_t *ret_port);
};

struct dr_http_stream {
    /* private, do not touch */
    struct dr_http_stream_config config;
    struct dr_stream stream;
    struct dr_tls *tls;
    bool open;
    bool secure;
    enum dr_link_fault fault;
    uint32_t attempt;
};

/* config is copied. http must not move. ret_stream is then the port. */
void dr_http_stream_init(
    struct dr_http_stream *http, const struct dr_http_stream_config *config,
    struct dr_link_stream *ret_stream);

#endif
