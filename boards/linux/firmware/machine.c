/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The board's ports, over the board channel. */
#include "base/secret.h"
#include "boards/linux/crash.h"
#include "boards/linux/firmware/firmware.h"
#include "boards/linux/map.h"
#include "boards/panel.h"
#include "crypto/crypto.h"

#include <arpa/inet.h>
#include <string.h>

#define WINDOW_BYTES 262144u
#define HTTPS_WINDOW_BYTES 1048576u
#define BATCH_SECTORS 16u

/* Seconds since 1970 of the commit this was built from: the floor of every clock in it. */
#ifndef DR_BUILD_TIME_S
#define DR_BUILD_TIME_S 0
#endif

void dr_firmware_log(struct dr_firmware *firmware, const char *line)
{
    /* A log that cannot be written is not worth stopping for. */
    DR_IGNORE(dr_channel_log(&firmware->channel, line) != DR_OK);
}

static enum dr_status transact(void *context, struct dr_anchor_exchange *exchange)
{
    const struct dr_channel_exchange channel_exchange = {
        .request = exchange->request,
        .request_bytes = exchange->request_bytes,
        .response = exchange->response,
        .capacity_bytes = exchange->response_capacity_bytes,
        .timeout_ms = exchange->timeout_ms,
    };
    return dr_channel_anchor(context, &channel_exchange, &exchange->response_bytes);
}

static enum dr_status
resolve(void *context, const char *host, uint32_t attempt, struct dr_link_address *ret_address)
{
    struct dr_channel_address addresses[DR_WIRE_ADDRESS_COUNT_MAX];
    size_t count = 0;
    DR_TRY(dr_channel_resolve(context, host, addresses, DR_WIRE_ADDRESS_COUNT_MAX, &count));
    if (count == 0) {
        return DR_E_NOT_FOUND;
    }
    const struct dr_channel_address *address = &addresses[attempt % count];
    ret_address->port = address->port;
    int family = address->family == 6 ? AF_INET6 : AF_INET;
    if (inet_ntop(family, address->bytes, ret_address->text, sizeof(ret_address->text)) == NULL) {
        return DR_E_FORMAT;
    }
    return DR_OK;
}

static enum dr_status join(void *context, const uint8_t *credentials, size_t size_bytes)
{
    return dr_channel_join(context, credentials, size_bytes);
}

static enum dr_status leave(void *context)
{
    return dr_channel_leave(context);
}

static enum dr_status
offered(void *context, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes)
{
    return dr_channel_offered(context, out, capacity_bytes, ret_size_bytes);
}

static uint64_t now_ms(void *context)
{
    return dr_channel_uptime_ms(context);
}

static void feed(void *context)
{
    /* Without a board there is no watchdog either. */
    DR_IGNORE(dr_channel_watchdog_feed(context) != DR_OK);
}

static void reset(void *context)
{
    DR_IGNORE(dr_channel_reset(context) != DR_OK);
}

static enum dr_status retained_read(void *context, uint8_t out[DR_RETAINED_BYTES])
{
    return dr_channel_retained_read(context, 0, out, DR_RETAINED_BYTES);
}

static enum dr_status retained_write(void *context, const uint8_t data[DR_RETAINED_BYTES])
{
    return dr_channel_retained_write(context, 0, data, DR_RETAINED_BYTES);
}

static void log_line(void *context, const char *line)
{
    DR_IGNORE(dr_channel_log(context, line) != DR_OK);
}

static enum dr_status take_handoff(struct dr_firmware *firmware)
{
    uint8_t bytes[DR_WIRE_HANDOFF_BYTES_MAX];
    size_t size_bytes = 0;
    enum dr_status status =
        dr_channel_handoff_get(&firmware->channel, bytes, sizeof(bytes), &size_bytes);
    if (status == DR_OK) {
        status = dr_boot_info_decode(bytes, size_bytes, &firmware->info);
    }
    dr_wipe(bytes, sizeof(bytes));
    return status;
}

static enum dr_status open_anchor(struct dr_firmware *firmware)
{
    const struct dr_boot_keys *keys = &firmware->info.keys;
    const struct dr_anchor_port port = {.context = &firmware->channel, .transact = transact};
    const uint8_t *key = (keys->present & DR_KEY_ANCHOR_FW) != 0 ? keys->anchor_fw : NULL;
    uint8_t seed[DR_SHA256_BYTES];
    DR_TRY(dr_anchor_open(&firmware->anchor, &dr_crypto_openssl, &port, key, keys->sys_v1, seed));
    dr_wipe(seed, sizeof(seed)); /* OpenSSL has its own */
    return DR_OK;
}

/* The application decides, by what the board's inputs say. */
static enum dr_status
may(void *context, enum dr_agent_question question, enum dr_reason reason, uint32_t deadline_s,
    struct dr_client_wait *ret_wait)
{
    uint32_t pins = 0;
    (void)reason;
    (void)deadline_s;
    DR_IGNORE(dr_channel_pins(context, &pins) != DR_OK); /* nobody asks for anything */
    const struct dr_app_inputs inputs = {
        .quiet_hours = (pins & DR_PANEL_PIN_QUIET) != 0,
        .door_unlocked = (pins & DR_PANEL_PIN_DOOR) != 0,
        .owner_refuses = (pins & DR_PANEL_PIN_OWNER) != 0,
    };
    return dr_app_may(&inputs, question, &ret_wait->wait_s, &ret_wait->why);
}

static enum dr_status
open_client(struct dr_firmware *firmware, const struct dr_client_dialect *streams)
{
    const struct dr_client_config config = {
        .crypto = &dr_crypto_openssl,
        .flash = &firmware->flash,
        .map = &dr_linux_flash_map,
        .anchor = &firmware->anchor,
        .link = &firmware->link,
        .info = &firmware->info,
        .board =
            {
                .context = &firmware->channel,
                .now_ms = now_ms,
                .feed = feed,
                .reset = reset,
                .retained_read = retained_read,
                .retained_write = retained_write,
                .log = log_line,
            },
        .path = &dr_client_https,
        .https = &firmware->https,
        .streams = streams,
        .json = &firmware->json,
        .product = {.context = &firmware->channel, .may = may, .postponed = dr_client_postponed},
        .commands = &dr_client_commands,
        .scratch = firmware->scratch,
        .scratch_bytes = sizeof(firmware->scratch),
        .block_bytes = DR_FIRMWARE_BLOCK_BYTES,
        .window_bytes = WINDOW_BYTES,
        .batch_sectors = BATCH_SECTORS,
        .build_s = DR_BUILD_TIME_S,
    };
    return dr_client_open(&firmware->client, &config);
}

enum dr_status
dr_firmware_init(struct dr_firmware *firmware, const struct dr_client_dialect *streams)
{
    memset(firmware, 0, sizeof(*firmware));
    DR_TRY(dr_channel_open(&firmware->channel, DR_WIRE_FD));
    DR_TRY(dr_crash_install(&firmware->channel));
    DR_TRY(take_handoff(firmware));
    dr_channel_flash(&firmware->channel, &firmware->flash);
    DR_TRY(open_anchor(firmware));
    const struct dr_tls_stream_config http = {.context = &firmware->channel, .resolve = resolve};
    dr_tls_stream_init(&firmware->http, &http, &firmware->stream);
    firmware->https.stream = &firmware->stream;
    firmware->https.block = firmware->block;
    firmware->https.block_capacity_bytes = sizeof(firmware->block);
    firmware->https.window_bytes = HTTPS_WINDOW_BYTES;
    firmware->json.block = firmware->decoded;
    firmware->json.block_capacity_bytes = sizeof(firmware->decoded);
    const struct dr_link_mqtt_config link = {
        .stream = {.anchor = &firmware->anchor, .context = &firmware->channel, .resolve = resolve},
        .network =
            {.context = &firmware->channel, .join = join, .leave = leave, .offered = offered},
        .beside = &firmware->http.wait,
    };
    dr_link_mqtt_init(&firmware->mqtt, &link, &firmware->link);
    return open_client(firmware, streams);
}
