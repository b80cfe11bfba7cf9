/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* First power-on: two certificate requests out, certificates and cloud in, element locked.
 *
 * Every step may be repeated, so a cut anywhere only means starting over. */
#include "boards/linux/bundle.h"
#include "boards/linux/wire.h"
#include "boards/mps2_an385/common/mailbox.h"
#include "boards/mps2_an385/common/watchdog.h"
#include "boards/mps2_an385/firmware/firmware.h"
#include "device/client/identity.h"

#include <FreeRTOS.h>
#include <task.h>

#include <string.h>

#define ANSWER_MS 3000u
#define POLL_TICKS 10

static const char common_name[] = "daruma-device"; /* the factory decides the real one */

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

static enum dr_status hand_out(struct dr_firmware *firmware)
{
    static const struct {
        enum dr_anchor_identity identity;
        enum dr_wire_csr kind;
    } keys[] = {
        {DR_ANCHOR_IDENTITY_NORMAL, DR_WIRE_CSR_NORMAL},
        {DR_ANCHOR_IDENTITY_RECOVERY, DR_WIRE_CSR_RECOVERY},
    };
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        char pem[DR_CSR_PEM_BYTES_MAX];
        DR_TRY(
            dr_identity_csr(&firmware->signer, &dr_crypto_psa, keys[i].identity, common_name, pem));
        struct dr_mailbox_exchange exchange = {
            .operation = DR_WIRE_CSR,
            .a = (uint32_t)keys[i].kind,
            .payload = (const uint8_t *)pem,
            .payload_bytes = strlen(pem),
        };
        DR_TRY(ask(&exchange));
    }
    return DR_OK;
}

static enum dr_status
await_bundle(uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes, void (*alive)(void))
{
    for (;;) { /* bound: the person at the factory */
        struct dr_mailbox_exchange exchange = {
            .operation = DR_WIRE_BUNDLE,
            .reply = out,
            .capacity_bytes = capacity_bytes,
        };
        enum dr_status status = ask(&exchange);
        alive();
        if (status != DR_E_AGAIN && status != DR_E_TIMEOUT) {
            *ret_size_bytes = exchange.reply_bytes;
            return status;
        }
        vTaskDelay(POLL_TICKS);
    }
}

static enum dr_status copy_text(const struct dr_bundle_text *text, char *out, size_t capacity_bytes)
{
    if (text->len == 0 || text->len >= capacity_bytes) {
        return DR_E_SPACE;
    }
    memcpy(out, text->text, text->len);
    out[text->len] = '\0';
    return DR_OK;
}

static enum dr_status store(struct dr_firmware *firmware, const struct dr_bundle *bundle)
{
    struct dr_identity_bundle identity = {
        .ca = {bundle->ca_pem.text, bundle->ca_pem.len},
        .normal_certificate =
            {bundle->normal_certificate_pem.text, bundle->normal_certificate_pem.len},
        .recovery_certificate =
            {bundle->recovery_certificate_pem.text, bundle->recovery_certificate_pem.len},
        .bundle_key = {bundle->bundle_key.text, bundle->bundle_key.len},
        .network = {bundle->network.text, bundle->network.len},
    };
    identity.endpoint.port = bundle->mqtt_port;
    DR_TRY(
        copy_text(&bundle->thing_name, identity.endpoint.thing, sizeof(identity.endpoint.thing)));
    DR_TRY(copy_text(&bundle->mqtt_host, identity.endpoint.host, sizeof(identity.endpoint.host)));
    return dr_identity_store(&firmware->client.vault, &identity);
}

enum dr_status dr_firmware_provision(struct dr_firmware *firmware, void (*alive)(void))
{
    struct dr_bundle bundle;
    size_t size_bytes = 0;
    struct dr_mailbox_exchange done = {.operation = DR_WIRE_PROVISIONED};
    dr_firmware_led(DR_LED_PROVISIONING);
    DR_TRY(hand_out(firmware));
    dr_firmware_log("provisioning: certificate requests handed out");
    DR_TRY(await_bundle(firmware->scratch, sizeof(firmware->scratch), &size_bytes, alive));
    DR_TRY(dr_bundle_decode(firmware->scratch, size_bytes, &bundle));
    DR_TRY(store(firmware, &bundle));
    DR_TRY(dr_anchor_lock(&firmware->anchor));
    DR_TRY(ask(&done));
    dr_firmware_log("provisioning: identity stored, secure element locked");
    dr_client_mark_reset(&firmware->client);
    dr_system_reset();
}
