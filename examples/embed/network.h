/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A link without a network: it answers as the service would, with one update, from a file. Yours is
 * boards/mqtt_session.h over a TLS stream of your board; boards/mps2_an385/port/link_lwip.c shows
 * how.
 */
#ifndef DR_EXAMPLES_EMBED_NETWORK_H
#define DR_EXAMPLES_EMBED_NETWORK_H

#include "device/link/link.h"
#include "format/reason.h"

/* image: kept. */
void my_network(const uint8_t *image, uint32_t image_bytes, struct dr_link *ret_link);

/* Why the device did not take the update, as it told the service; DR_REASON_NONE until it does. */
enum dr_reason my_network_refusal(void);

#endif
