/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The reference firmware of the Linux board.
 *
 * One loop: the client moves network and agent and feeds the watchdog when that is allowed, the
 * application blinks and talks. It knows nothing about itself at compile time but how it behaves;
 * version, slot and state come from the hand-off.
 */
#include "boards/linux/firmware/firmware.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef DR_FIRMWARE_BEHAVIOUR
#define DR_FIRMWARE_BEHAVIOUR DR_APP_GOOD
#endif

#ifndef DR_FIRMWARE_STREAMS
#define DR_FIRMWARE_STREAMS NULL /* CBOR */
#endif

#define TURN_MS 100u
#define APP_PERIOD_MS 5000u

#ifdef DR_FIRMWARE_CRASHES_EARLY
/* For the build that dies before anything of ours runs. */
__attribute__((constructor)) static void crash_early(void)
{
    __builtin_trap();
}
#endif

_Noreturn void dr_check_failed(const char *file, int line)
{
    fprintf(stderr, "check failed: %s:%d\n", file, line);
    abort(); /* the crash record says the rest */
}

static enum dr_led led_for(const struct dr_firmware *firmware)
{
    const struct dr_boot_info *info = &firmware->info;
    if (firmware->client.agent.state >= DR_AGENT_PROBING &&
        firmware->client.agent.state <= DR_AGENT_INSTALLING) {
        return DR_LED_UPDATING;
    }
    if (info->mode == DR_MODE_RECOVERY) {
        return DR_LED_RECOVERY;
    }
    if (info->mode == DR_MODE_SAFE) {
        return DR_LED_SAFE;
    }
    return info->state == DR_IMAGE_CANDIDATE ? DR_LED_CANDIDATE : DR_LED_NORMAL;
}

static void run_app(struct dr_firmware *firmware, struct dr_app *app, uint8_t task)
{
    struct dr_app_output output;
    uint64_t now_ms = dr_channel_uptime_ms(&firmware->channel);
    dr_app_step(app, now_ms, &output);
    if (output.alive) {
        dr_health_check_in(&firmware->client.health, task, now_ms);
    }
    DR_IGNORE(dr_channel_app_leds(&firmware->channel, output.leds) != DR_OK);
    if (output.telemetry_bytes > 0 && dr_client_online(&firmware->client)) {
        /* Telemetry that is lost is lost. */
        DR_IGNORE(
            dr_client_publish(
                &firmware->client, output.topic, (const uint8_t *)output.telemetry,
                output.telemetry_bytes, 0) != DR_OK);
    }
    while (output.hang) { /* what the watchdog is for */
        (void)pause();
    }
}

static void start_app(struct dr_firmware *firmware, struct dr_app *app)
{
    const struct dr_boot_info *info = &firmware->info;
    const struct dr_app_facts facts = {
        .thing = firmware->client.endpoint.thing,
        .on_trial = info->state == DR_IMAGE_CANDIDATE,
        .sealed = info->state == DR_IMAGE_SEALED,
        .safe = info->mode == DR_MODE_SAFE,
        .version_major = info->order.version.major,
        .version_minor = info->order.version.minor,
        .version_revision = info->order.version.revision,
    };
    dr_app_init(app, DR_FIRMWARE_BEHAVIOUR, &facts, dr_channel_uptime_ms(&firmware->channel));
}

static void log_start(struct dr_firmware *firmware)
{
    const struct dr_boot_info *info = &firmware->info;
    char version[DR_VERSION_TEXT_BYTES];
    char line[160];
    dr_version_text(&info->order.version, version);
    snprintf(
        line, sizeof(line), "firmware %s in slot %s, %s, %s mode, because of %s", version,
        dr_slot_word(info->slot), dr_image_state_word(info->state), dr_boot_mode_word(info->mode),
        dr_reason_word((enum dr_reason)info->boot_reason));
    dr_firmware_log(firmware, line);
}

/* Returns when the board is gone, or when nothing can be done here. */
static enum dr_status run(struct dr_firmware *firmware)
{
    const struct dr_boot_info *info = &firmware->info;
    struct dr_app app;
    const char *detail = NULL;
    uint8_t task = 0;
    bool with_app = info->mode == DR_MODE_NORMAL;
    enum dr_led led = DR_LED_OFF;
    DR_TRY(dr_client_start(&firmware->client));
    start_app(firmware, &app);
    if (with_app) {
        DR_TRY(dr_health_register(
            &firmware->client.health, APP_PERIOD_MS, dr_channel_uptime_ms(&firmware->channel),
            &task));
    }
    bool passed = !with_app || dr_app_self_test(&app, &detail);
    dr_client_self_test(&firmware->client, passed, detail);
    for (;;) {
        if (led != led_for(firmware)) {
            led = led_for(firmware);
            DR_TRY(dr_channel_led(&firmware->channel, led));
        }
        if (with_app) {
            run_app(firmware, &app, task);
        }
        if (dr_app_crashes(&app, dr_channel_uptime_ms(&firmware->channel))) {
            __builtin_trap();
        }
        dr_client_turn(&firmware->client, TURN_MS);
    }
}

int main(void)
{
    static struct dr_firmware firmware;
    enum dr_status status = dr_firmware_init(&firmware, DR_FIRMWARE_STREAMS);
    if (status == DR_OK) {
        log_start(&firmware);
        status = firmware.info.mode == DR_MODE_PROVISIONING ? dr_firmware_provision(&firmware)
                                                            : run(&firmware);
    }
    fprintf(stderr, "firmware: %s\n", dr_status_text(status));
    return 1;
}
