/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The link of the Linux board: MQTT over TLS, for the thread that polls it.
 *
 * Names are resolved by the board (boards/linux/channel.h). A message is handed to the sink from
 * the buffer that TLS wrote it to, uncopied. One that is larger than the buffer is dropped unread.
 * One dr_link_mqtt is one connection; it must not move once dr_link_mqtt_init was called.
 */
#ifndef DR_BOARDS_LINUX_LINK_MQTT_H
#define DR_BOARDS_LINUX_LINK_MQTT_H

#include "boards/linux/tls_stream.h"
#include "device/link/link.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DR_LINK_RECEIVE_BYTES 139264u /* the largest message that the broker carries */
#define DR_LINK_SEND_BYTES 16384u

struct dr_link_mqtt_config {
    struct dr_tls_stream_config stream;
    const struct pollfd *beside; /* ends a poll too; NULL, or kept: looked at in each */
    /* As in device/link/link.h, with the context of stream; NULL: a network is always there. */
    enum dr_status (*join)(void *context, const uint8_t *credentials, size_t size_bytes);
    enum dr_status (*leave)(void *context);
    enum dr_status (*offered)(
        void *context, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes);
};

enum dr_link_phase {
    DR_LINK_PHASE_DOWN = 0,
    DR_LINK_PHASE_TLS,        /* TCP and the handshake */
    DR_LINK_PHASE_CONNECTING, /* waiting for CONNACK */
    DR_LINK_PHASE_SUBSCRIBING,
    DR_LINK_PHASE_UP,
};

struct dr_link_mqtt {
    /* private, do not touch */
    struct dr_link_mqtt_config config;
    struct dr_tls_stream tls;
    struct dr_link_stream stream; /* tls, as a port */
    enum dr_link_phase phase;
    enum dr_link_fault refusal; /* the broker's, from CONNACK */
    dr_link_sink sink;
    void *sink_context;
    uint32_t session; /* counts connections: an event may end the one it came from */
    uint16_t packet_id;
    uint32_t unacknowledged; /* subscriptions */
    bool pinging;
    uint64_t answer_by_ms; /* of a ping */
    uint64_t sent_ms;
    uint64_t heard_ms; /* anything at all */
    char client_id[129];
    size_t filter_count;
    struct {
        char filter[304];
        uint8_t qos;
    } filters[DR_LINK_SUBSCRIPTIONS_MAX];
    size_t received; /* bytes in receive */
    size_t skip;     /* bytes to come of a packet that is too large */
    size_t queued;   /* bytes in send */
    uint8_t receive[DR_LINK_RECEIVE_BYTES];
    uint8_t send[DR_LINK_SEND_BYTES];
};

/* config is copied. ret_link is then the port. */
void dr_link_mqtt_init(
    struct dr_link_mqtt *link, const struct dr_link_mqtt_config *config, struct dr_link *ret_link);

#endif
