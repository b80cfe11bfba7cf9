/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/app/app.h"

#include "base/cursor.h"

#include <string.h>

#define BEAT_MS 250u
#define TELEMETRY_MS 10000u
#define HANG_AFTER_MS 2000u
#define ASK_AGAIN_S 2u
#define CRASH_AFTER_MS 300u
#define CRASH_SAFE_AFTER_MS 5000u /* time enough to tell the cloud of safe mode */

void dr_app_init(
    struct dr_app *app, enum dr_app_behaviour behaviour, const struct dr_app_facts *facts,
    uint64_t now_ms)
{
    memset(app, 0, sizeof(*app));
    app->behaviour = behaviour;
    app->facts = *facts;
    app->start_ms = now_ms;
    app->beat_ms = now_ms;
    app->telemetry_ms = now_ms;
}

bool dr_app_self_test(const struct dr_app *app, const char **ret_detail)
{
    *ret_detail = NULL;
    if (app->behaviour == DR_APP_SELF_TEST_FAILS) {
        *ret_detail = "sensor-missing";
        return false;
    }
    return true;
}

static void write_number(struct dr_writer *out, uint32_t number)
{
    uint8_t digits[10];
    size_t count = 0;
    do {
        digits[count++] = (uint8_t)('0' + number % 10u);
        number /= 10u;
    } while (number != 0); /* bound: 10 digits */
    while (count > 0) {
        dr_write_u8(out, digits[--count]);
    }
}

/* {"version":"1.2.3","beats":42} on dt/THING/telemetry. */
static void write_telemetry(const struct dr_app *app, struct dr_app_output *output)
{
    struct dr_writer out;
    dr_writer_init(&out, (uint8_t *)output->topic, sizeof(output->topic) - 1u);
    dr_write_text(&out, "dt/");
    dr_write_text(&out, app->facts.thing);
    dr_write_text(&out, "/telemetry");
    output->topic[out.size_bytes] = '\0';
    dr_writer_init(&out, (uint8_t *)output->telemetry, sizeof(output->telemetry));
    dr_write_text(&out, "{\"version\":\"");
    write_number(&out, app->facts.version_major);
    dr_write_text(&out, ".");
    write_number(&out, app->facts.version_minor);
    dr_write_text(&out, ".");
    write_number(&out, app->facts.version_revision);
    dr_write_text(&out, "\",\"beats\":");
    write_number(&out, app->beats);
    dr_write_text(&out, "}");
    output->telemetry_bytes = out.status == DR_OK ? out.size_bytes : 0;
}

/* The next moment of a rhythm: a late step does not shift it, a very late one begins anew. */
static uint64_t next_of(uint64_t due_ms, uint32_t period_ms, uint64_t now_ms)
{
    due_ms += period_ms;
    return due_ms > now_ms ? due_ms : now_ms + period_ms;
}

static bool hangs(const struct dr_app *app, uint64_t now_ms)
{
    bool now = (app->behaviour == DR_APP_HANG && app->facts.on_trial) ||
               (app->behaviour == DR_APP_HANG_SEALED && app->facts.sealed);
    return now && now_ms >= app->start_ms + HANG_AFTER_MS;
}

enum dr_status dr_app_may(
    const struct dr_app_inputs *inputs, enum dr_agent_question question, uint32_t *ret_wait_s,
    const char **ret_why)
{
    *ret_wait_s = ASK_AGAIN_S;
    *ret_why = question == DR_MAY_DOWNLOAD ? "quiet-hours" : "door-unlocked";
    if (question == DR_MAY_DOWNLOAD && inputs->owner_refuses) {
        return DR_E_DENIED;
    }
    bool not_now = question == DR_MAY_DOWNLOAD ? inputs->quiet_hours : inputs->door_unlocked;
    return not_now ? DR_E_AGAIN : DR_OK;
}

bool dr_app_crashes(const struct dr_app *app, uint64_t now_ms)
{
    const struct dr_app_facts *facts = &app->facts;
    bool now = (app->behaviour == DR_APP_CRASH_CONFIRMED && !facts->on_trial && !facts->sealed) ||
               (app->behaviour == DR_APP_CRASH_SEALED && facts->sealed);
    return now && now_ms >= app->start_ms + (facts->safe ? CRASH_SAFE_AFTER_MS : CRASH_AFTER_MS);
}

/* One LED walks over four places, so that a person sees that somebody is at home. */
void dr_app_step(struct dr_app *app, uint64_t now_ms, struct dr_app_output *ret_output)
{
    ret_output->telemetry_bytes = 0;
    ret_output->hang = hangs(app, now_ms);
    ret_output->alive = !ret_output->hang;
    if (now_ms >= app->beat_ms) {
        app->beats++;
        app->beat_ms = next_of(app->beat_ms, BEAT_MS, now_ms);
    }
    ret_output->leds = 1u << (app->beats % 4u);
    if (now_ms >= app->telemetry_ms) {
        app->telemetry_ms = next_of(app->telemetry_ms, TELEMETRY_MS, now_ms);
        write_telemetry(app, ret_output);
    }
}

uint64_t dr_app_next_ms(const struct dr_app *app, uint64_t now_ms)
{
    return app->beat_ms > now_ms ? app->beat_ms : now_ms;
}
