/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* First power-on: boards/provision.h over the mailbox. */
#include "boards/provision.h"
#include "boards/mps2_an385/common/mailbox.h"
#include "boards/mps2_an385/common/watchdog.h"
#include "boards/mps2_an385/firmware/firmware.h"

#include <FreeRTOS.h>
#include <task.h>

#define ANSWER_MS 3000u
#define POLL_TICKS 10

/* What the port's functions work with. */
struct factory {
    void (*alive)(void);
};

static void idle(void)
{
    vTaskDelay(1);
}

static enum dr_status ask(struct dr_mailbox_exchange *exchange)
{
    exchange->timeout_ms = ANSWER_MS;
    exchange->idle = idle;
    return dr_mailbox_ask(exchange);
}

static enum dr_status
hand_out(void *context, enum dr_wire_csr kind, const char *pem, size_t pem_len)
{
    struct dr_mailbox_exchange exchange = {
        .operation = DR_WIRE_CSR,
        .a = (uint32_t)kind,
        .payload = (const uint8_t *)pem,
        .payload_bytes = pem_len,
    };
    (void)context;
    return ask(&exchange);
}

static enum dr_status
await(void *context, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes)
{
    const struct factory *factory = context;
    for (;;) { /* bound: the person at the factory */
        struct dr_mailbox_exchange exchange = {
            .operation = DR_WIRE_BUNDLE,
            .reply = out,
            .capacity_bytes = capacity_bytes,
        };
        enum dr_status status = ask(&exchange);
        factory->alive();
        if (status != DR_E_AGAIN && status != DR_E_TIMEOUT) {
            *ret_size_bytes = exchange.reply_bytes;
            return status;
        }
        vTaskDelay(POLL_TICKS);
    }
}

static enum dr_status done(void *context)
{
    struct dr_mailbox_exchange exchange = {.operation = DR_WIRE_PROVISIONED};
    (void)context;
    return ask(&exchange);
}

static void log_line(void *context, const char *line)
{
    (void)context;
    dr_firmware_log(line);
}

enum dr_status dr_firmware_provision(struct dr_firmware *firmware, void (*alive)(void))
{
    static const struct dr_provision_port port = {hand_out, await, done, log_line};
    struct factory factory = {.alive = alive};
    const struct dr_provision provision = {
        .port = &port,
        .context = &factory,
        .signer = &firmware->signer,
        .crypto = &dr_crypto_psa,
        .anchor = &firmware->anchor,
        .vault = &firmware->client.vault,
        .buffer = firmware->scratch,
        .buffer_bytes = sizeof(firmware->scratch),
    };
    dr_firmware_led(DR_LED_PROVISIONING);
    DR_TRY(dr_provision_run(&provision));
    dr_client_mark_reset(&firmware->client);
    dr_system_reset();
}
