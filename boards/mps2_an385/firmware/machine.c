/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The board's ports. */
#include "base/cursor.h"
#include "base/secret.h"
#include "boards/linux/wire.h"
#include "boards/mps2_an385/common/board_panel.h"
#include "boards/mps2_an385/common/clock.h"
#include "boards/mps2_an385/common/console.h"
#include "boards/mps2_an385/common/mailbox.h"
#include "boards/mps2_an385/common/part.h"
#include "boards/mps2_an385/common/retained.h"
#include "boards/mps2_an385/common/watchdog.h"
#include "boards/mps2_an385/firmware/figures.h"
#include "boards/mps2_an385/firmware/firmware.h"
#include "boards/mps2_an385/port/random.h"
#include "boards/mps2_an385/port/uptime.h"
#include "boards/panel.h"
#include "crypto/crypto.h"

#include <FreeRTOS.h>
#include <task.h>

#include <string.h>

#define BLOCK_BYTES 4096u
#define WINDOW_BYTES 32768u
#define HTTPS_WINDOW_BYTES 131072u
#define BATCH_SECTORS 1u
#define ANSWER_MS 3000u

/* Seconds since 1970 of the commit this was built from: the floor of every clock in it. */
#ifndef DR_BUILD_TIME_S
#define DR_BUILD_TIME_S 0
#endif

void dr_firmware_log(const char *line)
{
    bool runs = xTaskGetSchedulerState() == taskSCHEDULER_RUNNING;
    if (runs) {
        vTaskSuspendAll(); /* lines of two tasks do not mix */
    }
    dr_console_line(line);
    if (runs) {
        (void)xTaskResumeAll();
    }
}

void dr_firmware_led(enum dr_led led)
{
    dr_board_panel_write(DR_PANEL_LED_AT, (uint32_t)led);
}

static void idle(void)
{
    vTaskDelay(1);
}

static enum dr_status resolve(
    void *context, const char *host, uint32_t attempt, uint8_t ret_address[4], uint16_t *ret_port)
{
    uint8_t reply[DR_WIRE_ADDRESS_COUNT_MAX * DR_WIRE_ADDRESS_BYTES];
    struct dr_mailbox_exchange exchange = {
        .operation = DR_WIRE_RESOLVE,
        .payload = (const uint8_t *)host,
        .payload_bytes = strlen(host),
        .reply = reply,
        .capacity_bytes = sizeof(reply),
        .timeout_ms = ANSWER_MS,
        .idle = idle,
    };
    (void)context;
    DR_TRY(dr_mailbox_ask(&exchange));
    size_t count = exchange.reply_bytes / DR_WIRE_ADDRESS_BYTES;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *entry = reply + (i + attempt) % count * DR_WIRE_ADDRESS_BYTES;
        struct dr_reader reader;
        dr_reader_init(&reader, entry, DR_WIRE_ADDRESS_BYTES);
        if (dr_read_u16(&reader) == 4u) { /* this board's network has no other family */
            *ret_port = dr_read_u16(&reader);
            memcpy(ret_address, entry + 4, 4);
            return DR_OK;
        }
    }
    return DR_E_NOT_FOUND;
}

static enum dr_status access_point(uint16_t operation, const uint8_t *payload, size_t size_bytes)
{
    struct dr_mailbox_exchange exchange = {
        .operation = operation,
        .payload = payload,
        .payload_bytes = size_bytes,
        .timeout_ms = ANSWER_MS,
        .idle = idle,
    };
    return dr_mailbox_ask(&exchange);
}

static enum dr_status join(void *context, const uint8_t *credentials, size_t size_bytes)
{
    (void)context;
    return access_point(DR_WIRE_JOIN, credentials, size_bytes);
}

static enum dr_status leave(void *context)
{
    (void)context;
    return access_point(DR_WIRE_LEAVE, NULL, 0);
}

static enum dr_status
offered(void *context, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes)
{
    struct dr_mailbox_exchange exchange = {
        .operation = DR_WIRE_OFFERED,
        .reply = out,
        .capacity_bytes = capacity_bytes,
        .timeout_ms = ANSWER_MS,
        .idle = idle,
    };
    (void)context;
    DR_TRY(dr_mailbox_ask(&exchange));
    *ret_size_bytes = exchange.reply_bytes;
    return DR_OK;
}

/* TLS's signature, by whoever holds the key in this build. */
static enum dr_status sign(
    void *context, uint8_t key, const uint8_t digest[DR_SHA256_BYTES],
    uint8_t ret_signature[DR_P256_SIGNATURE_BYTES])
{
    struct dr_firmware *firmware = context;
    const struct dr_identity_signer *signer = &firmware->signer;
    uint32_t begin_ms = dr_clock_ms();
    enum dr_status status =
        signer->sign(signer->context, (enum dr_anchor_identity)key, digest, ret_signature);
    uint32_t took_ms = dr_clock_ms() - begin_ms;
    firmware->signing.count++;
    if (took_ms > firmware->signing.ms_max) {
        firmware->signing.ms_max = took_ms;
    }
    return status;
}

static uint64_t now_ms(void *context)
{
    (void)context;
    return dr_mps2_uptime_ms();
}

/* The client says so, but the health task is the one that feeds. */
static void feed(void *context)
{
    (void)context;
}

static void reset(void *context)
{
    (void)context;
    dr_figures_phase("figures end: ms ", dr_clock_ms());
    dr_firmware_print_costs();
    dr_system_reset();
}

/* The application decides, by what the board's inputs say. The question is also where to measure:
 * until here it was idle, or has downloaded and verified. */
static enum dr_status
may(void *context, enum dr_agent_question question, enum dr_reason reason, uint32_t deadline_s,
    struct dr_client_wait *ret_wait)
{
    struct dr_firmware *firmware = context;
    uint32_t pins = dr_board_panel_read(DR_PANEL_PINS_AT);
    (void)reason;
    (void)deadline_s;
    const struct dr_app_inputs inputs = {
        .quiet_hours = (pins & DR_PANEL_PIN_QUIET) != 0,
        .door_unlocked = (pins & DR_PANEL_PIN_DOOR) != 0,
        .owner_refuses = (pins & DR_PANEL_PIN_OWNER) != 0,
    };
    enum dr_status status = dr_app_may(&inputs, question, &ret_wait->wait_s, &ret_wait->why);
    if (status == DR_OK) {
        dr_figures_phase(
            firmware->downloading ? "figures download: ms " : "figures idle: ms ", dr_clock_ms());
        firmware->downloading = question == DR_MAY_DOWNLOAD;
    }
    return status;
}

static enum dr_status retained_read(void *context, uint8_t out[DR_RETAINED_BYTES])
{
    (void)context;
    dr_retained_block_read(out);
    return DR_OK;
}

static enum dr_status retained_write(void *context, const uint8_t data[DR_RETAINED_BYTES])
{
    (void)context;
    dr_retained_block_write(data);
    return DR_OK;
}

static void log_line(void *context, const char *line)
{
    (void)context;
    dr_firmware_log(line);
}

static enum dr_status open_anchor(struct dr_firmware *firmware)
{
    const struct dr_boot_keys *keys = &firmware->info.keys;
    const uint8_t *key = (keys->present & DR_KEY_ANCHOR_FW) != 0 ? keys->anchor_fw : NULL;
    /* Not idle: the line answers within less than a tick, and nobody less urgent waits. */
    dr_anchor_uart_start(&firmware->uart, firmware->info.journal_sequence << 16);
    const struct dr_anchor_port port = dr_anchor_uart_port(&firmware->uart);
    uint8_t seed[DR_SHA256_BYTES];
    DR_TRY(dr_anchor_open(&firmware->anchor, &dr_crypto_psa, &port, key, keys->sys_v1, seed));
    enum dr_status status = dr_mps2_random_start(&firmware->anchor, seed);
    dr_wipe(seed, sizeof(seed));
    return status;
}

static enum dr_status open_client(struct dr_firmware *firmware)
{
    const struct dr_client_config config = {
        .crypto = &dr_crypto_psa,
        .flash = &firmware->flash,
        .map = &dr_mps2_flash_map,
        .anchor = &firmware->anchor,
        .link = &firmware->link,
        .info = &firmware->info,
        .board =
            {
                .now_ms = now_ms,
                .feed = feed,
                .reset = reset,
                .retained_read = retained_read,
                .retained_write = retained_write,
                .log = log_line,
            },
        .product = {.context = firmware, .may = may, .postponed = dr_client_postponed},
        .commands = &dr_client_commands,
        .path = &dr_client_https,
        .https = &firmware->https,
        .scratch = firmware->scratch,
        .scratch_bytes = sizeof(firmware->scratch),
        .block_bytes = BLOCK_BYTES,
        .window_bytes = WINDOW_BYTES,
        .batch_sectors = BATCH_SECTORS,
        .build_s = DR_BUILD_TIME_S,
    };
    return dr_client_open(&firmware->client, &config);
}

enum dr_status dr_firmware_init(struct dr_firmware *firmware)
{
    DR_TRY(dr_tls_start(firmware->pool, sizeof(firmware->pool)));
    dr_nor_port_firmware(&firmware->nor, firmware->info.spare, &firmware->flash);
    DR_TRY(open_anchor(firmware));
    const struct dr_link_lwip_config link = {
        .stream = {.tls = {.context = firmware, .sign = sign}, .resolve = resolve},
        .network = {.join = join, .leave = leave, .offered = offered},
    };
    dr_link_lwip_init(&firmware->lwip, &link, &firmware->link);
    const struct dr_tls_stream_config http = {.use = DR_TLS_HTTPS, .resolve = resolve};
    dr_tls_stream_init(&firmware->http, &http, &firmware->stream);
    firmware->https.window_bytes = HTTPS_WINDOW_BYTES;
    firmware->https.stream = &firmware->stream; /* its blocks arrive in the client's workspace */
    DR_TRY(open_client(firmware));
    dr_firmware_signer(firmware, &firmware->signer);
    return DR_OK;
}
