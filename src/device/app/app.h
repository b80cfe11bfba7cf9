/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The reference product: it blinks, it sends a little telemetry, it can test itself.
 *
 * Sans-I/O like the rest of the device: the board calls dr_app_step with the time and carries out
 * what comes back. What a product would write in its own place.
 */
#ifndef DR_DEVICE_APP_APP_H
#define DR_DEVICE_APP_APP_H

#include "base/status.h"
#include "device/agent/agent.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DR_APP_TELEMETRY_BYTES_MAX 160u
#define DR_APP_TOPIC_BYTES_MAX 192u

/* How this build behaves. A product has only the first; the others are for tests of recovery. */
enum dr_app_behaviour {
    DR_APP_GOOD = 0,
    DR_APP_HANG,            /* stops checking in some seconds into its test boot */
    DR_APP_SELF_TEST_FAILS, /* its self-test fails, with a word of its own */
    DR_APP_HANG_SEALED,     /* behaves until it is sealed, then stops checking in */
    DR_APP_CRASH_CONFIRMED, /* behaves in its test boot, crashes in every boot while it is confirmed
                             */
    DR_APP_CRASH_SEALED, /* behaves until it is sealed, then crashes in every boot, safe mode too */
};

/* What the application is told about the boot. */
struct dr_app_facts {
    const char *thing; /* borrowed for the life of the application */
    bool on_trial;
    bool sealed;
    bool safe; /* safe mode: the application itself does not run */
    uint8_t version_major;
    uint8_t version_minor;
    uint16_t version_revision;
};

struct dr_app {
    enum dr_app_behaviour behaviour;
    struct dr_app_facts facts;
    uint64_t start_ms;
    uint64_t beat_ms;      /* next */
    uint64_t telemetry_ms; /* next */
    uint32_t beats;
};

/* What the board is to do now. */
struct dr_app_output {
    bool alive;             /* check in with the health supervisor */
    bool hang;              /* never return to the loop */
    uint32_t leds;          /* one bit per application LED */
    size_t telemetry_bytes; /* 0: nothing to publish */
    char topic[DR_APP_TOPIC_BYTES_MAX];
    char telemetry[DR_APP_TELEMETRY_BYTES_MAX];
};

void dr_app_init(
    struct dr_app *app, enum dr_app_behaviour behaviour, const struct dr_app_facts *facts,
    uint64_t now_ms);

/* ret_detail: the word for what failed, a static string; NULL when it passed. */
bool dr_app_self_test(const struct dr_app *app, const char **ret_detail);

void dr_app_step(struct dr_app *app, uint64_t now_ms, struct dr_app_output *ret_output);

/* What the product's surroundings say, from the board's inputs. */
struct dr_app_inputs {
    bool quiet_hours;
    bool door_unlocked;
    bool owner_refuses;
};

/* May an update do this now? DR_OK; DR_E_DENIED: the owner refuses; DR_E_AGAIN: no download in
 * quiet hours, no reset while the door is unlocked: *ret_why says which (a static string),
 * *ret_wait_s when to ask again. */
DR_MUST_USE enum dr_status dr_app_may(
    const struct dr_app_inputs *inputs, enum dr_agent_question question, uint32_t *ret_wait_s,
    const char **ret_why);

/* Does what every mode runs break now? For builds that test recovery; the board then executes an
 * instruction that does not exist. */
bool dr_app_crashes(const struct dr_app *app, uint64_t now_ms);

/* When dr_app_step wants to be called next. */
uint64_t dr_app_next_ms(const struct dr_app *app, uint64_t now_ms);

#endif
