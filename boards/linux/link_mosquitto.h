/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The link of the Linux board: MQTT over TLS by libmosquitto, driven by our own poll loop.
 *
 * Names are resolved by the board (boards/linux/channel.h). One dr_link_mosquitto is one
 * connection; it must not move once dr_link_mosquitto_init was called.
 */
#ifndef DR_BOARDS_LINUX_LINK_MOSQUITTO_H
#define DR_BOARDS_LINUX_LINK_MOSQUITTO_H

#include "boards/linux/link_tls.h"
#include "device/link/link.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mosquitto;
struct pollfd;

#define DR_LINK_ADDRESS_BYTES 46u

/* An address to connect to, as text. port 0: the one that was asked for. */
struct dr_link_address {
    char text[DR_LINK_ADDRESS_BYTES];
    uint16_t port;
};

struct dr_link_mosquitto_config {
    struct dr_anchor *anchor; /* kept */
    void *context;
    /* The attempt-th address of a name, counted round and round. DR_E_NOT_FOUND, DR_E_TIMEOUT. */
    enum dr_status (*resolve)(
        void *context, const char *host, uint32_t attempt, struct dr_link_address *ret_address);
    const struct pollfd *beside; /* ends a poll too; NULL, or kept: looked at in each */
};

enum dr_link_phase {
    DR_LINK_PHASE_DOWN = 0,
    DR_LINK_PHASE_TCP, /* waiting for the connection to open */
    DR_LINK_PHASE_TLS, /* handshake, CONNECT, CONNACK */
    DR_LINK_PHASE_SUBSCRIBING,
    DR_LINK_PHASE_UP,
};

struct dr_link_mosquitto {
    /* private, do not touch */
    struct dr_link_mosquitto_config config;
    struct dr_link_tls tls;
    struct mosquitto *session;
    enum dr_link_phase phase;
    enum dr_link_fault refusal; /* the broker's, from CONNACK */
    dr_link_sink sink;
    void *sink_context;
    uint32_t attempt;
    uint32_t unacknowledged; /* subscriptions */
    size_t filter_count;
    struct {
        char filter[304];
        uint8_t qos;
    } filters[DR_LINK_SUBSCRIPTIONS_MAX];
};

/* Once per process and before any thread; config is copied. ret_link is then the port. */
DR_MUST_USE enum dr_status dr_link_mosquitto_init(
    struct dr_link_mosquitto *link, const struct dr_link_mosquitto_config *config,
    struct dr_link *ret_link);

#endif
