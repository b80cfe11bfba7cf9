/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The pin as the ROM watches it, and the waits that a person can end. */
#include "tests/unit/check.h"

#include "device/boot/boot_priv.h"

#define POLL_MS 50u

/* A person at the pin: pressed from one moment to another. */
struct person {
    uint32_t now_ms;
    uint32_t from_ms;
    uint32_t until_ms;
    uint32_t fed;
    uint32_t leds; /* different ones, in order */
    enum dr_boot_led led[8];
};

static struct person person;

static bool pin_held(void *context)
{
    const struct person *it = context;
    return it->now_ms >= it->from_ms && it->now_ms < it->until_ms;
}

static void led(void *context, enum dr_boot_led led)
{
    struct person *it = context;
    if (it->leds == 0 || it->led[it->leds - 1u] != led) {
        EXPECT(it->leds < DR_ARRAY_COUNT(it->led));
        it->led[it->leds++ % DR_ARRAY_COUNT(it->led)] = led;
    }
}

static void feed(void *context)
{
    struct person *it = context;
    it->fed++;
}

static uint32_t now_ms(void *context)
{
    const struct person *it = context;
    return it->now_ms;
}

static void wait(void *context, uint32_t wait_ms)
{
    struct person *it = context;
    it->now_ms += wait_ms;
}

static const struct dr_boot_platform platform = {
    .context = &person,
    .pin_held = pin_held,
    .led = led,
    .watchdog_feed = feed,
    .now_ms = now_ms,
    .wait = wait,
    .policy = &dr_boot_policy_default,
};

static void person_holds(uint32_t from_ms, uint32_t until_ms)
{
    person = (struct person){.from_ms = from_ms, .until_ms = until_ms};
}

/* Each stage is shown before it is reached by letting go. */
static void test_stages(void)
{
    const struct {
        uint32_t held_ms;
        enum dr_pin pin;
        uint32_t leds;
        enum dr_boot_led last;
    } rows[] = {
        {0, DR_PIN_NOTHING, 0, DR_BOOT_LED_BOOT},
        {1000, DR_PIN_NOTHING, 1, DR_BOOT_LED_PIN_HELD},
        {3000, DR_PIN_PREVIOUS, 2, DR_BOOT_LED_PIN_PREVIOUS},
        {6000, DR_PIN_FACTORY, 3, DR_BOOT_LED_PIN_FACTORY},
        {12000, DR_PIN_ERASE, 4, DR_BOOT_LED_PIN_ERASE},
        {UINT32_MAX, DR_PIN_NOTHING, 5, DR_BOOT_LED_PIN_CANCELED},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        person_holds(0, rows[i].held_ms);
        EXPECT_EQ(dr_boot_watch_pin(&platform), rows[i].pin);
        EXPECT_EQ(person.leds, rows[i].leds);
        EXPECT(person.leds == 0 || person.led[person.leds - 1u] == rows[i].last);
        EXPECT(person.now_ms <= dr_boot_policy_default.pin_cancel_ms);
        EXPECT_EQ(person.fed, person.now_ms / POLL_MS); /* the watchdog, at each look */
    }
}

/* A wait ends when it is over, or when somebody presses; a button that is stuck does neither, but
 * once it was let go it counts again. */
static void test_wait(void)
{
    const struct {
        uint32_t from_ms;
        uint32_t until_ms;
        uint32_t waited_ms;
    } rows[] = {
        {UINT32_MAX, UINT32_MAX, 2000}, /* nobody */
        {0, UINT32_MAX, 2000},          /* stuck */
        {0, 500, 2000},                 /* let go */
        {700, 1000, 700},               /* pressed */
        {1950, 3000, 1950},             /* at the last look */
        {2000, 3000, 2000},             /* too late */
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        person_holds(rows[i].from_ms, rows[i].until_ms);
        dr_boot_wait(&platform, 2000);
        EXPECT_EQ(person.now_ms, rows[i].waited_ms);
        EXPECT_EQ(person.fed, person.now_ms / POLL_MS);
    }
}

/* Stuck at first, let go, pressed again: the second press counts. */
static bool twice_held(void *context)
{
    const struct person *it = context;
    return it->now_ms < 300 || it->now_ms >= 900;
}

static void test_wait_after_a_stuck_button(void)
{
    struct dr_boot_platform twice = platform;
    person_holds(0, 0);
    twice.pin_held = twice_held;
    dr_boot_wait(&twice, 2000);
    EXPECT_EQ(person.now_ms, 900);
}

DR_TEST_MAIN(test_stages, test_wait, test_wait_after_a_stuck_button)
