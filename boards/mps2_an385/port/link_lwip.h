/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The link of the Cortex-M3 board: MQTT over TLS over lwIP, for the task that polls it.
 *
 * Memory: the buffers below; TLS has its own pool (tls.h), TCP lwIP's. A message larger than the
 * receive buffer is dropped unread.
 */
#ifndef DR_BOARDS_MPS2_LINK_LWIP_H
#define DR_BOARDS_MPS2_LINK_LWIP_H

#include "boards/mps2_an385/port/stream.h"
#include "boards/mps2_an385/port/tls.h"
#include "device/link/link.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DR_LINK_RECEIVE_BYTES 6144u /* a block of 4 KiB with its topic and envelope */
#define DR_LINK_SEND_BYTES 3072u
#define DR_LINK_FILTER_BYTES 304u

struct dr_link_lwip_config {
    void *context;
    struct dr_tls_config tls;
    /* The attempt-th address of a name, counted round and round; port 0: the one asked for. */
    enum dr_status (*resolve)(
        void *context, const char *host, uint32_t attempt, uint8_t ret_address[4],
        uint16_t *ret_port);
    enum dr_status (*join)(void *context, const uint8_t *credentials, size_t size_bytes);
    enum dr_status (*leave)(void *context);
    enum dr_status (*offered)(
        void *context, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes);
};

enum dr_link_phase {
    DR_LINK_PHASE_DOWN = 0,
    DR_LINK_PHASE_TCP,
    DR_LINK_PHASE_TLS,
    DR_LINK_PHASE_CONNECTING, /* waiting for CONNACK */
    DR_LINK_PHASE_SUBSCRIBING,
    DR_LINK_PHASE_UP,
};

struct dr_link_lwip {
    uint32_t
        opening_ms; /* to look at: from the first SYN to the last SUBACK, of the last opening */

    /* private, do not touch */
    struct dr_link_lwip_config config;
    enum dr_link_phase phase;
    enum dr_link_fault refusal;
    dr_link_sink sink;
    void *sink_context;
    uint32_t attempt;
    uint32_t session; /* counts connections: an event may end the one it came from */
    uint16_t packet_id;
    uint8_t unacknowledged; /* subscriptions */
    bool pinging;
    uint64_t deadline_ms; /* of everything before UP; of an answer to a ping */
    uint64_t sent_ms;
    uint64_t heard_ms; /* anything at all */
    struct dr_stream stream;
    struct dr_tls *tls;
    char client_id[129];
    uint8_t filter_count;
    struct {
        char filter[DR_LINK_FILTER_BYTES];
        uint8_t qos;
    } filters[DR_LINK_SUBSCRIPTIONS_MAX];
    size_t received; /* bytes in receive */
    size_t skip;     /* bytes to come of a packet that is too large */
    size_t queued;   /* bytes in send */
    size_t offered;  /* of those, what TLS was given and has not finished: see dr_tls_write */
    uint8_t receive[DR_LINK_RECEIVE_BYTES];
    uint8_t send[DR_LINK_SEND_BYTES];
};

/* config is copied. link must not move. ret_link is then the port. */
void dr_link_lwip_init(
    struct dr_link_lwip *link, const struct dr_link_lwip_config *config, struct dr_link *ret_link);

#endif
