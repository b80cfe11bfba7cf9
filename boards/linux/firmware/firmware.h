/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The firmware of the Linux board: the parts that main puts together. */
#ifndef DR_BOARDS_LINUX_FIRMWARE_FIRMWARE_H
#define DR_BOARDS_LINUX_FIRMWARE_FIRMWARE_H

#include "boards/linux/channel.h"
#include "boards/linux/link_mqtt.h"
#include "boards/linux/tls_stream.h"
#include "device/anchor/anchor.h"
#include "device/app/app.h"
#include "device/boot/info.h"
#include "device/client/client.h"
#include "device/client/https.h"
#include "device/client/json.h"

#define DR_FIRMWARE_SCRATCH_BYTES 65536u
#define DR_FIRMWARE_BLOCK_BYTES 16384u

/* Everything a running firmware is made of. Lives as long as the process. */
struct dr_firmware {
    struct dr_channel channel;
    struct dr_boot_info info;
    struct dr_flash flash;
    struct dr_anchor anchor;
    struct dr_link_mqtt mqtt;
    struct dr_link link;
    struct dr_tls_stream http;
    struct dr_link_stream stream;
    struct dr_client_https_state https;
    struct dr_client_json_state json;
    struct dr_client client;
    uint8_t scratch[DR_FIRMWARE_SCRATCH_BYTES];
    uint8_t block[DR_FIRMWARE_BLOCK_BYTES];
    uint8_t decoded[DR_FIRMWARE_BLOCK_BYTES]; /* of a stream in JSON */
};

/* machine.c: channel, hand-off, ports, client opened. streams: as in struct dr_client_config.
 * DR_E_CLOSED and others: nothing can run. */
DR_MUST_USE enum dr_status
dr_firmware_init(struct dr_firmware *firmware, const struct dr_client_dialect *streams);

/* provision.c: hand out requests, take the bundle, lock, reset. Returns only on failure; safe to
 * run again after a cut at any step. */
enum dr_status dr_firmware_provision(struct dr_firmware *firmware);

void dr_firmware_log(struct dr_firmware *firmware, const char *line);

#endif
