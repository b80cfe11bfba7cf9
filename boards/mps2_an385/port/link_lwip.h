/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The link of the Cortex-M3 board: an MQTT session (boards/mqtt_session.h) over Mbed TLS and lwIP,
 * the task's notification as its wait, for the task that polls it.
 *
 * Memory: the buffers below; TLS has its own pool (tls.h), TCP lwIP's.
 */
#ifndef DR_BOARDS_MPS2_LINK_LWIP_H
#define DR_BOARDS_MPS2_LINK_LWIP_H

#include "boards/mps2_an385/port/tls_stream.h"
#include "boards/mqtt_session.h"
#include "device/link/link.h"

#include <stdint.h>

#define DR_LINK_RECEIVE_BYTES 6144u /* a block of 4 KiB with its topic and envelope */
#define DR_LINK_SEND_BYTES 3072u

struct dr_link_lwip_config {
    struct dr_tls_stream_config stream;
    struct dr_mqtt_network network;
};

struct dr_link_lwip {
    /* private, do not touch */
    struct dr_link_lwip_config config;
    struct dr_tls_stream tls;
    struct dr_link_stream stream; /* tls, as a port */
    struct dr_mqtt_session session;
    uint8_t receive[DR_LINK_RECEIVE_BYTES];
    uint8_t send[DR_LINK_SEND_BYTES];
};

/* config is copied. link must not move. ret_link is then the port. */
void dr_link_lwip_init(
    struct dr_link_lwip *link, const struct dr_link_lwip_config *config, struct dr_link *ret_link);

#endif
