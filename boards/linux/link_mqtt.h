/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The link of the Linux board: an MQTT session (boards/mqtt_session.h) over OpenSSL, poll(2) as its
 * wait, for the thread that polls it.
 *
 * Names are resolved by the board (boards/linux/channel.h). One dr_link_mqtt is one connection; it
 * must not move once dr_link_mqtt_init was called.
 */
#ifndef DR_BOARDS_LINUX_LINK_MQTT_H
#define DR_BOARDS_LINUX_LINK_MQTT_H

#include "boards/linux/tls_stream.h"
#include "boards/mqtt_session.h"
#include "device/link/link.h"

#include <stdint.h>

#define DR_LINK_RECEIVE_BYTES 139264u /* the largest message that the broker carries */
#define DR_LINK_SEND_BYTES 16384u

struct dr_link_mqtt_config {
    struct dr_tls_stream_config stream;
    struct dr_mqtt_network network;
    const struct pollfd *beside; /* ends a poll too; NULL, or kept: looked at in each */
};

struct dr_link_mqtt {
    /* private, do not touch */
    struct dr_link_mqtt_config config;
    struct dr_tls_stream tls;
    struct dr_link_stream stream; /* tls, as a port */
    struct dr_mqtt_session session;
    uint8_t receive[DR_LINK_RECEIVE_BYTES];
    uint8_t send[DR_LINK_SEND_BYTES];
};

/* config is copied. ret_link is then the port. */
void dr_link_mqtt_init(
    struct dr_link_mqtt *link, const struct dr_link_mqtt_config *config, struct dr_link *ret_link);

#endif
