/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The gate: what stands between devices and the service inside the broker (docs/gate.md).
 *
 * All decisions and all state, none of the broker's API: plugin.c hands the broker's events in, and
 * what is to be published or kicked leaves through a port. Everything runs on the broker's one
 * thread, in its callbacks; nothing here blocks, and the one file that is read (the snapshot) is
 * read by a thread of its own.
 *
 * Two rounds. Inside a callback the gate decides and notes; dr_gate_tick, which the broker calls
 * after each round of its loop, directly before it hands published messages over, does the rest:
 * answers are matched to sessions there, so that no takeover can slip in between.
 */
#ifndef DR_CLOUD_GATE_GATE_H
#define DR_CLOUD_GATE_GATE_H

#include "base/status.h"
#include "cloud/wire/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dr_gate;

/* User properties of a message to the service; NULL or 0 leaves one out. */
struct dr_gate_stamp {
    const char *client_id;
    const uint8_t *certificate_id; /* DR_WIRE_CERTIFICATE_ID_BYTES */
    uint64_t session;
    uint64_t boot;
    uint64_t number;
};

/* What the gate asks of the broker. Called from dr_gate_tick only. */
struct dr_gate_port {
    void *context;
    /* To one client, subscribed or not; to all subscribers when client_id is NULL. payload comes
     * from alloc and is the broker's from now on. stamp may be NULL. */
    void (*publish)(
        void *context, const char *client_id, const char *topic, void *payload, size_t payload_size,
        int qos, const struct dr_gate_stamp *stamp);
    void *(*alloc)(void *context, size_t size_bytes); /* NULL when there is no memory */
    void (*release)(void *context, void *memory);
    /* May call back into dr_gate_check and dr_gate_disconnect. */
    void (*kick)(void *context, const char *client_id);
    void (*log)(void *context, bool is_error, const char *line);
    uint64_t (*random)(void *context);
    /* What was written to a connection's socket since it began, and whether the socket takes more
     * now. false: nothing is known of it. Asked in dr_gate_may_queue too. */
    bool (*sent)(void *context, const void *connection, uint64_t *ret_bytes);
    bool (*writable)(void *context, const void *connection);
};

struct dr_gate_options {
    const char *snapshot_path;
    const char *region; /* of policy ARNs */
    const char *account;
    uint8_t service_certificate[DR_WIRE_CERTIFICATE_ID_BYTES];
    size_t ring_bytes;       /* 0: 16 MiB */
    unsigned stats_ms;       /* 0: 250 */
    size_t sessions_max;     /* connections at once; 0: not bounded */
    unsigned requests_per_s; /* of one client to the service; 0: not bounded (docs/gate.md 8) */
    bool strict;             /* AWS's limits of one connection (docs/gate.md 7) */
};

#define DR_GATE_RING_BYTES (16u << 20)
#define DR_GATE_ERROR_BYTES 256u

/* Strings are copied. Reads the snapshot: a missing or damaged one is an error (the broker does not
 * start), said in error for a person. */
DR_MUST_USE enum dr_status dr_gate_create(
    const struct dr_gate_options *options, const struct dr_gate_port *port,
    struct dr_gate **ret_gate, char error[DR_GATE_ERROR_BYTES]);
void dr_gate_free(struct dr_gate *gate);

/* A CONNECT with a client certificate. connection is the broker's pointer, a key only.
 *
 * DR_OK: accepted, a session began. DR_E_DENIED: refuse it. The bound on sessions is not for the
 * service, and not for who takes over a session of its own. */
DR_MUST_USE enum dr_status dr_gate_connect(
    struct dr_gate *gate, const void *connection, const char *client_id,
    const uint8_t certificate_id[DR_WIRE_CERTIFICATE_ID_BYTES], const char *address,
    bool persistent, uint64_t now_ms);

/* The broker is about to read its configuration again: until the next tick it asks about clients it
 * has already, not about new ones. */
void dr_gate_reload(struct dr_gate *gate);

/* true between dr_gate_reload and the next tick. Then dr_gate_recheck answers instead of
 * dr_gate_connect: DR_OK for a connection that was accepted before, live or offline. */
bool dr_gate_is_rechecking(const struct dr_gate *gate);
DR_MUST_USE enum dr_status
dr_gate_recheck(const struct dr_gate *gate, const void *connection, const char *client_id);

enum dr_gate_access {
    DR_GATE_WRITE,
    DR_GATE_READ,
    DR_GATE_SUBSCRIBE,
};

enum dr_gate_verdict {
    DR_GATE_REFUSE = 0, /* this one message or subscription */
    DR_GATE_CLOSE = 1,  /* and end the connection, without an acknowledgement */
    DR_GATE_PASS = 2,
};

/* The broker's access checks. A READ for a connection without a live session passes: it only
 * queues, and is asked again when the client reconnects. */
enum dr_gate_verdict dr_gate_check(
    struct dr_gate *gate, const void *connection, enum dr_gate_access access, const char *topic,
    int qos, bool retain);

/* How much the broker may keep for one persistent session while its client is away. */
#define DR_GATE_KEPT_MESSAGES_MAX 1000u
#define DR_GATE_KEPT_BYTES_MAX (1024u * 1024u)

/* And how many bytes of messages for one connection may wait to be written to it, because the
 * client does not read or does not acknowledge. An agent of ours asks for 1 MiB at a time. */
#define DR_GATE_UNSENT_BYTES_MAX (4u * 1024u * 1024u)

/* Asked when a READ passed its check, and counted: false when the client has its share already.
 * What it does not get it asks for again: jobs by $next/get, shadows by get, blocks by request. */
bool dr_gate_may_queue(struct dr_gate *gate, const void *connection, int qos, uint32_t size_bytes);

/* Before the check of a SUBSCRIBE when the broker keeps no subscription of this connection's
 * session, shared ones aside. The broker decides when a session ends (MQTT 5's expiry, its own
 * bound on how long a client stays away) and has no other word for it; what an ended one held
 * counts no more. */
void dr_gate_none_kept(struct dr_gate *gate, const void *connection);

/* A filter less, which is always allowed; dr_gate_check counts those that a client subscribes to
 * and refuses more than DR_FILTERS_MAX. */
void dr_gate_unsubscribe(struct dr_gate *gate, const void *connection, const char *filter);

/* A PUBLISH that passed its check. */
struct dr_gate_message {
    char *topic; /* may be rewritten in place, never longer */
    const uint8_t *payload;
    size_t payload_size;
    int qos;
    /* Its user properties, or NULL where absent; only the service's are looked at. */
    const char *client_id;
    const char *session;
    const char *target_topic;
    const char *target_qos;
    const char *thing;
    const char *epoch;
    const char *id;
    const char *boot;
    const char *number;
    /* Out: replace all properties of the message by this stamp. */
    bool restamp;
    struct dr_gate_stamp stamp;
};
enum dr_gate_verdict
dr_gate_message(struct dr_gate *gate, const void *connection, struct dr_gate_message *message);

/* A connection ended; may be called late or twice. */
void dr_gate_disconnect(struct dr_gate *gate, const void *connection, uint64_t now_ms);

/* After each round of the broker's loop. tick_ms: a clock that never jumps. */
void dr_gate_tick(struct dr_gate *gate, uint64_t tick_ms);

#endif
