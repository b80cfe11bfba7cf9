/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The gate's state, for its own files. */
#ifndef DR_CLOUD_GATE_GATE_PRIV_H
#define DR_CLOUD_GATE_GATE_PRIV_H

#include "cloud/gate/gate.h"
#include "cloud/gate/loader.h"
#include "cloud/gate/outbox.h"
#include "cloud/gate/registry.h"
#include "cloud/gate/ring.h"
#include "cloud/gate/session.h"

/* Sent to the service and not committed yet. Less than the broker's max_queued_messages, or it
 * would drop what we send. */
#define DR_GATE_WINDOW 1000u
#define DR_GATE_PRESENCE_MAX 65536u
#define DR_GATE_RELOAD_MS 200u      /* at least this long between two reads of the file */
#define DR_GATE_RELOAD_DOUBLINGS 6u /* of that, one for each read that did not bring it */
#define DR_GATE_WALK_STEP 4096u     /* buckets per tick when sessions are resolved anew */
#define DR_GATE_STATS_BURST 64u     /* stats messages per tick */

/* An answer on its way to one connection, until the next tick. */
struct dr_outgoing {
    struct dr_outgoing *next;
    uint64_t session;
    int qos;
    void *payload; /* from the port's alloc */
    size_t payload_size;
    const char *topic;     /* in text */
    const char *client_id; /* in text */
    char text[];
};

struct dr_presence_entry {
    struct dr_presence_entry *next;
    struct dr_wire_presence presence;
};

struct dr_kick {
    struct dr_kick *next;
    uint64_t session;
    char client_id[];
};

struct dr_gate {
    struct dr_gate_port port;
    char *snapshot_path;
    char *region;
    char *account;
    uint8_t service_certificate[DR_WIRE_CERTIFICATE_ID_BYTES];
    unsigned stats_ms;
    size_t sessions_max; /* 0: not bounded */
    unsigned requests_per_s;
    bool strict;
    uint64_t tick_ms; /* of the last tick */
    uint64_t ticks;   /* so far */
    uint64_t boot;

    struct dr_registry registry;
    struct dr_sessions sessions;
    struct dr_ring ring;
    struct dr_outbox_marks marks;
    struct dr_loader *loader;
    struct dr_wire_gate_counters counters;

    struct dr_outgoing *outgoing_first;
    struct dr_outgoing **outgoing_end;
    struct dr_presence_entry *presence_first;
    struct dr_presence_entry **presence_end;
    size_t presence_count;
    struct dr_kick *kicks;

    /* The service connection that acknowledged last. */
    char service_client[DR_WIRE_CLIENT_ID_MAX + 1];
    uint64_t service_session; /* 0: none yet */
    bool service_greeted;     /* it has the boot message of this session */

    bool rechecking;   /* the broker reads its configuration again */
    bool reload_asked; /* the loader is at it */
    bool walking;      /* sessions are being resolved anew */
    size_t walk_bucket;
    uint64_t reload_begun_ms;
    unsigned reload_failures; /* reads in a row that did not bring what is wanted */
    uint64_t reload_log_at_ms;
    uint64_t stats_at_ms;
    uint64_t ring_log_at_ms;
    uint64_t ring_full_logged;
    uint64_t throttled; /* messages of clients that asked too often */
    uint64_t throttled_logged;
    uint64_t throttled_log_at_ms;
    char throttled_client[DR_WIRE_CLIENT_ID_MAX + 1]; /* the last of them */
    uint64_t crowd_refused;                           /* connections beyond sessions_max */
    uint64_t crowd_logged;
    uint64_t crowd_log_at_ms;
    struct dr_wire_gate_counters told; /* in the last stats message */
    uint64_t told_session;
};

/* May this session do that, by its policies? */
bool dr_gate_allowed(
    const struct dr_gate *gate, const struct dr_session *session, enum dr_policy_action action,
    const char *name);

/* May the broker be handed that much more for this connection? Counted if so, and if not
 * (unsent.c).
 */
bool dr_gate_may_hand(struct dr_gate *gate, struct dr_session *session, int qos, size_t size_bytes);

/* Note that a connection came or went; told at the next tick. */
void dr_gate_note_presence(
    struct dr_gate *gate, const struct dr_session *session, enum dr_wire_presence_event event,
    uint64_t now_ms);

/* A delta's bytes, as they came. */
DR_MUST_USE enum dr_status
dr_gate_take_delta(struct dr_gate *gate, const uint8_t *data, size_t size_bytes);

/* Parts of the tick (reload.c, presence.c, stats.c). */
void dr_gate_reload_tick(struct dr_gate *gate, uint64_t tick_ms);
void dr_gate_presence_tick(struct dr_gate *gate);
void dr_gate_stats_tick(struct dr_gate *gate, uint64_t tick_ms);

/* The service's live session, or NULL. */
struct dr_session *dr_gate_service(struct dr_gate *gate);

/* One line to the broker's log. */
void dr_gate_log(struct dr_gate *gate, bool is_error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Publish a copy. false: no memory, nothing was published. */
bool dr_gate_publish_copy(
    struct dr_gate *gate, const char *client_id, const char *topic, const void *payload,
    size_t payload_size, int qos, const struct dr_gate_stamp *stamp);

#endif
