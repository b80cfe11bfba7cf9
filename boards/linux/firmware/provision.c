/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* First power-on: two certificate requests out, certificates and cloud in, element locked.
 *
 * Every step may be repeated, so a cut anywhere only means starting over. */
#include "boards/linux/bundle.h"
#include "boards/linux/firmware/firmware.h"
#include "device/client/identity.h"

#include <string.h>
#include <time.h>

#define POLL_MS 50

static const char common_name[] = "daruma-device"; /* the factory decides the real one */

static enum dr_status hand_out(struct dr_firmware *firmware)
{
    static const struct {
        enum dr_anchor_identity identity;
        enum dr_wire_csr kind;
    } keys[] = {
        {DR_ANCHOR_IDENTITY_NORMAL, DR_WIRE_CSR_NORMAL},
        {DR_ANCHOR_IDENTITY_RECOVERY, DR_WIRE_CSR_RECOVERY},
    };
    struct dr_identity_signer signer;
    dr_identity_signer_anchor(&firmware->anchor, &signer);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        char pem[DR_CSR_PEM_BYTES_MAX];
        DR_TRY(dr_identity_csr(&signer, &dr_crypto_openssl, keys[i].identity, common_name, pem));
        DR_TRY(dr_channel_csr(&firmware->channel, keys[i].kind, pem, strlen(pem)));
    }
    return DR_OK;
}

static enum dr_status await_bundle(
    struct dr_firmware *firmware, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes)
{
    enum dr_status status = DR_E_AGAIN;
    while (status == DR_E_AGAIN) { /* bound: the person at the factory */
        const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
        if (dr_health_may_feed(
                &firmware->client.health, dr_channel_uptime_ms(&firmware->channel))) {
            DR_IGNORE(dr_channel_watchdog_feed(&firmware->channel) != DR_OK);
        }
        status = dr_channel_bundle(&firmware->channel, out, capacity_bytes, ret_size_bytes);
        if (status == DR_E_AGAIN) {
            (void)nanosleep(&pause, NULL);
        }
    }
    return status;
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

enum dr_status dr_firmware_provision(struct dr_firmware *firmware)
{
    struct dr_bundle bundle;
    size_t size_bytes = 0;
    DR_IGNORE(dr_channel_led(&firmware->channel, DR_LED_PROVISIONING) != DR_OK);
    DR_TRY(hand_out(firmware));
    dr_firmware_log(firmware, "provisioning: certificate requests handed out");
    DR_TRY(await_bundle(firmware, firmware->scratch, sizeof(firmware->scratch), &size_bytes));
    DR_TRY(dr_bundle_decode(firmware->scratch, size_bytes, &bundle));
    DR_TRY(store(firmware, &bundle));
    DR_TRY(dr_anchor_lock(&firmware->anchor));
    DR_TRY(dr_channel_provisioned(&firmware->channel));
    dr_firmware_log(firmware, "provisioning: identity stored, secure element locked");
    dr_client_mark_reset(&firmware->client);
    return dr_channel_reset(&firmware->channel);
}
