/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* First power-on: boards/provision.h over the board's channel. */
#include "boards/provision.h"
#include "boards/linux/firmware/firmware.h"

#include <time.h>

#define POLL_MS 50

static enum dr_status
hand_out(void *context, enum dr_wire_csr kind, const char *pem, size_t pem_len)
{
    struct dr_firmware *firmware = context;
    return dr_channel_csr(&firmware->channel, kind, pem, pem_len);
}

static enum dr_status
await(void *context, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes)
{
    struct dr_firmware *firmware = context;
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

static enum dr_status done(void *context)
{
    struct dr_firmware *firmware = context;
    return dr_channel_provisioned(&firmware->channel);
}

static void log_line(void *context, const char *line)
{
    dr_firmware_log(context, line);
}

enum dr_status dr_firmware_provision(struct dr_firmware *firmware)
{
    static const struct dr_provision_port port = {hand_out, await, done, log_line};
    struct dr_identity_signer signer;
    dr_identity_signer_anchor(&firmware->anchor, &signer);
    const struct dr_provision provision = {
        .port = &port,
        .context = firmware,
        .signer = &signer,
        .crypto = &dr_crypto_openssl,
        .anchor = &firmware->anchor,
        .vault = &firmware->client.vault,
        .buffer = firmware->scratch,
        .buffer_bytes = sizeof(firmware->scratch),
    };
    DR_IGNORE(dr_channel_led(&firmware->channel, DR_LED_PROVISIONING) != DR_OK);
    DR_TRY(dr_provision_run(&provision));
    dr_client_mark_reset(&firmware->client);
    return dr_channel_reset(&firmware->channel);
}
