/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Connections and the client ids behind them (docs/gate.md 5).
 *
 * A connection is the broker's pointer; pointers are reused, DISCONNECT may come twice, late, or
 * not at all. So a new connection always replaces what its pointer meant; a disconnect counts once,
 * for the session it belongs to; and an entry outlives its disconnect until the client id connects
 * again, because the broker checks a will after it. A session that was taken over is kept until
 * dr_sessions_sweep, which the caller calls between two rounds of the broker's loop.
 *
 * A client keeps its counters from session to session; clients without a live session are forgotten
 * oldest first beyond DR_SESSIONS_IDLE_MAX.
 */
#ifndef DR_CLOUD_GATE_SESSION_H
#define DR_CLOUD_GATE_SESSION_H

#include "base/status.h"
#include "cloud/gate/filters.h"
#include "cloud/gate/hash.h"
#include "cloud/gate/pace.h"
#include "cloud/gate/registry.h"
#include "cloud/gate/strict.h"
#include "cloud/wire/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DR_SESSIONS_IDLE_MAX 100000u

struct dr_session;

struct dr_client {
    struct dr_hash_node by_id;
    struct dr_session *session; /* the newest, live or not; never NULL once connected */
    struct dr_client *idle_prev;
    struct dr_client *idle_next;
    struct dr_client *changed_next; /* list of clients whose counters changed */
    bool idle;
    bool changed;
    uint32_t version; /* of presence events */
    struct dr_wire_counters counters;
    struct dr_pace pace;       /* of what it asks */
    struct dr_filters filters; /* a session's outlive its connections; see dr_gate_none_kept */
    char id[];                 /* with NUL */
};

struct dr_session {
    struct dr_hash_node by_connection;
    struct dr_hash_node by_certificate;
    const void *connection; /* the key: never followed */
    struct dr_client *client;
    struct dr_session *superseded_next;
    uint64_t number; /* random */
    uint32_t version;
    bool live;
    bool service;                   /* the service's certificate */
    bool superseded;                /* a newer session has its client id */
    bool persistent;                /* it asked to go on with an older session */
    bool kicked;                    /* asked to go; nothing is granted any more */
    enum dr_wire_disconnect reason; /* known before the disconnect, or NONE */
    uint8_t certificate_id[DR_WIRE_CERTIFICATE_ID_BYTES];
    uint32_t kept_messages; /* since it disconnected: what the broker queues for it */
    uint32_t kept_bytes;
    uint64_t sent_bytes;        /* written to the socket, when it was last asked */
    uint64_t unsent_bytes[2];   /* by QoS: handed to the broker and not written yet, an estimate */
    uint64_t drained_tick;      /* it seemed to have nothing to write; 0: it did not */
    struct dr_strict_rate rate; /* counted in strict mode only */
    struct dr_principal principal; /* empty for the service */
    char address[DR_WIRE_ADDRESS_BYTES];
};

struct dr_sessions {
    struct dr_hash by_connection;
    struct dr_hash by_certificate;
    struct dr_hash clients;
    struct dr_client *idle_first; /* oldest */
    struct dr_client *idle_last;
    size_t idle_count;
    size_t idle_max;
    struct dr_client *changed;
    struct dr_session *superseded;
    size_t live_count;
};

/* What a connection is, for dr_sessions_connect. */
struct dr_session_facts {
    const void *connection;
    const char *client_id;
    const char *address; /* may be NULL */
    uint64_t number;
    bool service;
    bool persistent;
    uint8_t certificate_id[DR_WIRE_CERTIFICATE_ID_BYTES];
};

DR_MUST_USE enum dr_status dr_sessions_init(struct dr_sessions *sessions, const uint64_t secret[2]);
void dr_sessions_free(struct dr_sessions *sessions);

/* A connection was accepted. principal is moved into the session.
 *
 * *ret_lost is a session that this pointer still meant, now ended (or NULL): its disconnect never
 * came. It is valid until the next sweep. DR_E_SPACE: no memory, nothing changed, principal kept
 * by the caller. */
DR_MUST_USE enum dr_status dr_sessions_connect(
    struct dr_sessions *sessions, const struct dr_session_facts *facts,
    struct dr_principal *principal, struct dr_session **ret_session, struct dr_session **ret_lost);

/* The broker says that a connection ended. NULL: nothing to say about it (unknown, or said
 * before). */
struct dr_session *dr_sessions_disconnect(struct dr_sessions *sessions, const void *connection);

/* NULL: none. */
struct dr_session *dr_sessions_find(const struct dr_sessions *sessions, const void *connection);
struct dr_client *dr_sessions_client(const struct dr_sessions *sessions, const char *client_id);

/* Each live session of a certificate: start with NULL, until NULL. Sessions may not come or go
 * meanwhile. */
struct dr_session *dr_sessions_of_certificate(
    const struct dr_sessions *sessions, const uint8_t id[DR_WIRE_CERTIFICATE_ID_BYTES],
    const struct dr_session *after);

/* Free what was taken over and has ended. */
void dr_sessions_sweep(struct dr_sessions *sessions);

/* Put the client on the list of changed counters. */
void dr_sessions_changed(struct dr_sessions *sessions, struct dr_client *client);
void dr_sessions_all_changed(struct dr_sessions *sessions);
/* Take one off, NULL when there is none. */
struct dr_client *dr_sessions_next_changed(struct dr_sessions *sessions);

#endif
