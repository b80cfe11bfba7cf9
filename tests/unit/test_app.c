/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The reference product: beats, telemetry, self-test, and the ways to misbehave. */
#include "device/app/app.h"
#include "tests/unit/check.h"

static const struct dr_app_facts facts = {
    .thing = "dev-1",
    .on_trial = true,
    .version_major = 1,
    .version_minor = 20,
    .version_revision = 65535,
};

static void test_beats_and_telemetry(void)
{
    struct dr_app app;
    struct dr_app_output output;
    uint32_t messages = 0;
    uint32_t leds = 0;
    dr_app_init(&app, DR_APP_GOOD, &facts, 1000);
    for (uint64_t now_ms = 1000; now_ms < 31000; now_ms += 10) {
        dr_app_step(&app, now_ms, &output);
        EXPECT(output.alive);
        EXPECT(!output.hang);
        leds |= output.leds;
        if (output.telemetry_bytes > 0) {
            char text[DR_APP_TELEMETRY_BYTES_MAX + 1u] = {0};
            messages++;
            memcpy(text, output.telemetry, output.telemetry_bytes);
            EXPECT_STR(output.topic, "dt/dev-1/telemetry");
            EXPECT(strncmp(text, "{\"version\":\"1.20.65535\",\"beats\":", 32) == 0);
            EXPECT_EQ(text[output.telemetry_bytes - 1u], '}');
        }
        EXPECT(dr_app_next_ms(&app, now_ms) <= now_ms + 250);
    }
    EXPECT_EQ(messages, 3);
    EXPECT_EQ(leds, 0xf);
}

/* Whoever calls late, and always does, gets late beats, but not fewer. */
static void test_lateness_does_not_add_up(void)
{
    struct dr_app app;
    struct dr_app_output output;
    uint32_t messages = 0;
    uint64_t now_ms = 1000;
    dr_app_init(&app, DR_APP_GOOD, &facts, now_ms);
    for (uint32_t beat = 0; beat < 400; beat++) {
        dr_app_step(&app, now_ms, &output);
        messages += output.telemetry_bytes > 0;
        now_ms = dr_app_next_ms(&app, now_ms) + 9u;
    }
    EXPECT_EQ(app.beats, 400);
    EXPECT_EQ(now_ms, 1000 + 400 * 250 + 9);
    EXPECT_EQ(messages, 10);
    /* After a long stop it goes on from there, without catching up. */
    now_ms += 60000;
    dr_app_step(&app, now_ms, &output);
    EXPECT_EQ(app.beats, 401);
    EXPECT_EQ(dr_app_next_ms(&app, now_ms), now_ms + 250);
}

static bool
hangs_within(enum dr_app_behaviour behaviour, bool on_trial, bool sealed, uint64_t end_ms)
{
    struct dr_app app;
    struct dr_app_output output;
    struct dr_app_facts told = facts;
    told.on_trial = on_trial;
    told.sealed = sealed;
    dr_app_init(&app, behaviour, &told, 0);
    for (uint64_t now_ms = 0; now_ms < end_ms; now_ms += 100) {
        dr_app_step(&app, now_ms, &output);
        if (output.hang) {
            EXPECT(!output.alive);
            return true;
        }
    }
    return false;
}

static void test_behaviours(void)
{
    static const struct {
        enum dr_app_behaviour behaviour;
        bool self_test;
        bool hangs_on_trial;
        bool hangs_confirmed;
        bool hangs_sealed;
    } rows[] = {
        {DR_APP_GOOD, true, false, false, false},
        {DR_APP_HANG, true, true, false, false},
        {DR_APP_SELF_TEST_FAILS, false, false, false, false},
        {DR_APP_HANG_SEALED, true, false, false, true},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        struct dr_app app;
        const char *detail = "?";
        dr_app_init(&app, rows[i].behaviour, &facts, 0);
        EXPECT_EQ(dr_app_self_test(&app, &detail), rows[i].self_test);
        EXPECT_EQ(detail == NULL, rows[i].self_test);
        EXPECT_EQ(hangs_within(rows[i].behaviour, true, false, 60000), rows[i].hangs_on_trial);
        EXPECT_EQ(hangs_within(rows[i].behaviour, false, false, 60000), rows[i].hangs_confirmed);
        EXPECT_EQ(hangs_within(rows[i].behaviour, false, true, 60000), rows[i].hangs_sealed);
        EXPECT(!hangs_within(rows[i].behaviour, true, false, 1900)); /* some work first */
    }
}

/* When it crashes, in ms after the start; UINT64_MAX: not within a minute. */
static uint64_t crashes_at(enum dr_app_behaviour behaviour, bool on_trial, bool sealed, bool safe)
{
    struct dr_app app;
    struct dr_app_facts told = facts;
    told.on_trial = on_trial;
    told.sealed = sealed;
    told.safe = safe;
    dr_app_init(&app, behaviour, &told, 5000);
    for (uint64_t now_ms = 5000; now_ms < 65000; now_ms += 100) {
        if (dr_app_crashes(&app, now_ms)) {
            return now_ms - 5000;
        }
    }
    return UINT64_MAX;
}

static void test_crashes(void)
{
    for (int behaviour = DR_APP_GOOD; behaviour <= DR_APP_CRASH_SEALED; behaviour++) {
        enum dr_app_behaviour kind = (enum dr_app_behaviour)behaviour;
        uint64_t confirmed = kind == DR_APP_CRASH_CONFIRMED ? 300 : UINT64_MAX;
        uint64_t sealed = kind == DR_APP_CRASH_SEALED ? 300 : UINT64_MAX;
        uint64_t safe = kind == DR_APP_CRASH_SEALED ? 5000 : UINT64_MAX;
        EXPECT_EQ(crashes_at(kind, true, false, false), UINT64_MAX);
        EXPECT_EQ(crashes_at(kind, false, false, false), confirmed);
        EXPECT_EQ(crashes_at(kind, false, true, false), sealed);
        EXPECT_EQ(crashes_at(kind, false, true, true), safe);
    }
}

static void test_may(void)
{
    static const struct {
        struct dr_app_inputs inputs; /* quiet hours, door unlocked, owner refuses */
        enum dr_status download;
        enum dr_status reboot;
    } rows[] = {
        {{false, false, false}, DR_OK, DR_OK},     {{true, false, false}, DR_E_AGAIN, DR_OK},
        {{false, true, false}, DR_OK, DR_E_AGAIN}, {{true, true, false}, DR_E_AGAIN, DR_E_AGAIN},
        {{true, false, true}, DR_E_DENIED, DR_OK},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        uint32_t wait_s = 0;
        const char *why = NULL;
        EXPECT_EQ(dr_app_may(&rows[i].inputs, DR_MAY_DOWNLOAD, &wait_s, &why), rows[i].download);
        EXPECT_STR(why, "quiet-hours");
        EXPECT_EQ(dr_app_may(&rows[i].inputs, DR_MAY_REBOOT, &wait_s, &why), rows[i].reboot);
        EXPECT_STR(why, "door-unlocked");
        EXPECT(wait_s > 0);
    }
}

DR_TEST_MAIN(
    test_beats_and_telemetry, test_lateness_does_not_add_up, test_behaviours, test_crashes,
    test_may)
