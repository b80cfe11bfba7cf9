/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Port: MQTT over a board's network, one connection with the device's certificate.
 *
 * Supplied by a board. The link resolves the name, opens TCP, makes TLS (1.2 or newer; the server's
 * chain ends at a CA of the identity, its name is the endpoint's) and speaks MQTT 3.1.1 with client
 * id = thing name and a clean session. Only QoS 0 and 1. Nothing is retried inside: the owner
 * decides when to connect again.
 *
 * Everything that happens is told to the sink, which runs inside poll and connect, on the caller's
 * thread. The sink may publish and subscribe, disconnect and connect again; it may not call poll.
 */
#ifndef DR_DEVICE_LINK_LINK_H
#define DR_DEVICE_LINK_LINK_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why a connection was not made, or ended. */
enum dr_link_fault {
    DR_LINK_FAULT_NONE = 0,
    DR_LINK_FAULT_NETWORK,       /* no route, no name, refused, reset, timed out */
    DR_LINK_FAULT_TLS_UNTRUSTED, /* the server's chain ends at no CA of ours */
    DR_LINK_FAULT_TLS_NAME,      /* its certificate has another name */
    DR_LINK_FAULT_TLS_EXPIRED,   /* its certificate is out of date */
    DR_LINK_FAULT_TLS_OTHER,     /* any other failure of the handshake. Ours refused is one in TLS
                                  * 1.2; TLS 1.3 says so later, which is NETWORK */
    DR_LINK_FAULT_REFUSED,       /* the broker refused the session */
    DR_LINK_FAULT_LOCAL,         /* our own identity could not be used */
};

#define DR_LINK_SUBSCRIPTIONS_MAX 4u

enum dr_link_event_kind {
    DR_LINK_UP,      /* the session is open and every subscription is acknowledged */
    DR_LINK_DOWN,    /* it is not, or no longer; `fault` says why */
    DR_LINK_MESSAGE, /* a message came */
};

/* Borrowed for the call of the sink. */
struct dr_link_event {
    enum dr_link_event_kind kind;
    enum dr_link_fault fault;
    uint64_t until_s;  /* UP: when the first certificate of the server's chain ends; 0: not known */
    const char *topic; /* NUL-terminated */
    const uint8_t *payload;
    size_t size_bytes;
};

typedef void (*dr_link_sink)(void *context, const struct dr_link_event *event);

/* How the device names and proves itself, and whom it believes. Borrowed for the call of connect.
 * PEM texts are NUL-terminated. The private key is never here: the board's link asks the secure
 * element. Clock rules: docs/device.md; pinned roots are not checked for expiry. */
struct dr_link_identity {
    const char *host; /* endpoint, resolved and checked against the server's certificate */
    uint16_t port;
    const char *client_id;
    const char *ca_pem;          /* one or more roots */
    const char *certificate_pem; /* ours, with its chain */
    uint8_t key;                 /* which identity key signs: enum dr_anchor_identity */
    uint64_t floor_s;            /* it is at least this late: notAfter before it has expired */
    uint64_t now_s;              /* authenticated time, for notBefore; 0 = not known */
};

struct dr_link_subscription {
    const char *filter;
    uint8_t qos;
};

struct dr_link {
    void *context; /* the board's own */

    /* Who is told. Once, before anything else; sink_context is kept. */
    void (*listen)(void *context, dr_link_sink sink, void *sink_context);

    /* Begin to connect; the outcome is told to the sink, now or later. subscriptions are copied; at
     * most DR_LINK_SUBSCRIPTIONS_MAX. On failure the sink hears nothing. DR_E_STATE: not
     * disconnected. */
    enum dr_status (*connect)(
        void *context, const struct dr_link_identity *identity,
        const struct dr_link_subscription *subscriptions, size_t count);

    /* DR_E_STATE: not connected. DR_E_BUSY: too much is queued already. The bytes are copied or
     * sent before it returns. */
    enum dr_status (*publish)(
        void *context, const char *topic, const uint8_t *payload, size_t size_bytes, uint8_t qos);

    /* DR_E_STATE: not connected. */
    enum dr_status (*subscribe)(void *context, const char *filter, uint8_t qos);
    enum dr_status (*unsubscribe)(void *context, const char *filter);

    /* Move bytes both ways and tell the sink; waits at most timeout_ms for something to happen. */
    enum dr_status (*poll)(void *context, uint32_t timeout_ms);

    /* End the session: send what is queued (at most linger_ms), say goodbye, forget the rest. Tells
     * the sink nothing. */
    void (*disconnect)(void *context, uint32_t linger_ms);

    /* Join and leave the network below; all three NULL on boards that are always on one.
     * credentials: name, one zero byte, password (format/enclosed.h). Joining what is joined
     * already changes nothing. DR_E_NOT_FOUND: no such network in range. DR_E_AUTH: it refuses the
     * password. Either leaves the device on no network. DR_E_TIMEOUT. At most three seconds. */
    enum dr_status (*join)(void *context, const uint8_t *credentials, size_t size_bytes);
    enum dr_status (*leave)(void *context);
    /* Credentials that a person hands in at the device (a button and a phone, a serial line), given
     * once; asked for before each connection. DR_E_NOT_FOUND: none. May be NULL. */
    enum dr_status (*offered)(
        void *context, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes);
};

#endif
