/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The link (device/link/link.h) above TLS: one MQTT session, for the thread or task that polls it.
 *
 * Below it is a stream of bytes (device/link/stream.h) and the port here: a clock and a wait. A
 * board brings these two; the packets, their order and every deadline are the session's, so that
 * they are the same on all boards:
 *
 * - A message is handed to the sink from the buffer that the stream wrote it to, uncopied. A packet
 *   larger than that buffer is dropped unread, and the session goes on.
 * - A subscription that the broker refuses counts as answered: the agent asks by itself.
 * - Silence of 30 s, ours or the other side's, is followed by one PINGREQ, and that by 15 s of
 *   patience. Who only sends learns nothing: a network that went away is noticed because nothing
 *   comes any more.
 * - What the stream did not take is offered again with the same bytes, as its port demands, though
 *   more has been queued meanwhile.
 * - Why a session did not come up or ended: what the broker said, else what the stream says.
 * - The sink may end the session that it is told of, and connect again.
 *
 * What boards have reasons to want otherwise is in the configuration.
 */
#ifndef DR_BOARDS_MQTT_SESSION_H
#define DR_BOARDS_MQTT_SESSION_H

#include "device/link/link.h"
#include "device/link/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DR_MQTT_FILTER_BYTES 304u
#define DR_MQTT_CLIENT_BYTES 129u

#define DR_MQTT_WAIT_READ 1u
#define DR_MQTT_WAIT_WRITE 2u

/* Supplied by a board, which knows what its stream is made of. */
struct dr_mqtt_port {
    uint64_t (*now_ms)(void *context); /* monotonic */

    /* Wait at most timeout_ms. wants: DR_MQTT_WAIT_*, of the stream; 0: what the stream itself
     * waits for while it opens, or time alone where none is open. It may come back for anything
     * else as well, and says true where something may have happened to the stream. */
    bool (*wait)(void *context, uint32_t wants, uint32_t timeout_ms);

    /* Of the open stream: as in struct dr_link_event. */
    uint64_t (*until_s)(void *context);

    /* Is there something that the stream took and the other side has not? NULL: what it took
     * arrives even if it is closed. */
    bool (*sending)(void *context);
};

/* The network below, as in device/link/link.h; functions NULL: a network is always there. */
struct dr_mqtt_network {
    void *context;
    enum dr_status (*join)(void *context, const uint8_t *credentials, size_t size_bytes);
    enum dr_status (*leave)(void *context);
    enum dr_status (*offered)(
        void *context, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes);
};

struct dr_mqtt_session_config {
    const struct dr_mqtt_port *port;     /* kept */
    void *context;                       /* of port */
    const struct dr_link_stream *stream; /* kept */
    struct dr_mqtt_network network;
    uint8_t *receive; /* kept; bounds what a packet may be */
    size_t receive_bytes;
    uint8_t *send; /* kept; bounds what may be queued */
    size_t send_bytes;
    uint32_t open_ms;   /* patience from connect to the last SUBACK; 0: the owner has its own */
    uint32_t steps_max; /* reads in one go, before the owner is let back to its other work */
    bool at_once;       /* each packet leaves when it is queued; else with others, in poll */
};

enum dr_mqtt_phase {
    DR_MQTT_PHASE_DOWN = 0,
    DR_MQTT_PHASE_OPENING,    /* TCP and the handshake: the stream's */
    DR_MQTT_PHASE_CONNECTING, /* waiting for CONNACK */
    DR_MQTT_PHASE_SUBSCRIBING,
    DR_MQTT_PHASE_UP,
};

struct dr_mqtt_session {
    uint32_t attempt;    /* to look at: connects since a session was last up; chooses an address */
    uint32_t opening_ms; /* to look at: from connect to the last SUBACK, of the last opening */

    /* private, do not touch */
    struct dr_mqtt_session_config config;
    dr_link_sink sink;
    void *sink_context;
    uint64_t since_ms; /* of the opening; once up, of the ping that waits for its answer */
    uint64_t sent_ms;
    uint64_t heard_ms; /* anything at all */
    size_t received;   /* bytes in receive */
    size_t skip;       /* bytes to come of a packet that is too large */
    size_t queued;     /* bytes in send */
    size_t pending;    /* of those, what the stream was offered and has to be offered again */
    enum dr_mqtt_phase phase;
    enum dr_link_fault refusal; /* the broker's, from CONNACK */
    uint32_t number;            /* counts sessions: an event may end the one it came from */
    uint16_t packet_id;
    bool pinging;
    uint8_t unacknowledged; /* subscriptions */
    uint8_t filter_count;
    struct {
        uint8_t qos;
        char filter[DR_MQTT_FILTER_BYTES];
    } filters[DR_LINK_SUBSCRIPTIONS_MAX];
    char client_id[DR_MQTT_CLIENT_BYTES];
};

/* config is copied. session must not move. ret_link is then the link. */
void dr_mqtt_session_init(
    struct dr_mqtt_session *session, const struct dr_mqtt_session_config *config,
    struct dr_link *ret_link);

#endif
