/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* How long a device is away, at the limits that ship: the boot ROM, the client with its agent, and
 * the health supervisor on a clock that only this test moves.
 *
 * Nothing is waited for: a turn of the firmware lets as much time pass as it asked for, a watchdog
 * expires when its time has come. What the real parts add is assumed: BOOT_MS for a boot (copy,
 * hash, signature), GRACE_MS between the watchdog's warning and its reset.
 */
#include "tests/unit/client_rig.h"

#define BOOT_MS 2000u
#define GRACE_MS 1000u       /* the longest of the boards */
#define TURN_MS 100u         /* of the firmware's loop */
#define TASK_PERIOD_MS 5000u /* the application checks in as often, as on the boards */
#define NEVER_MS UINT64_MAX

/* Promises, docs/boot.md. */
#define AWAY_MS_MAX 60000u
#define SELF_TEST_MS_MAX 20000u
#define NO_CLOUD_MS_MAX (600000u + 20000u)
#define PIN_MS_MAX 10000u

struct fault {
    const char *what;
    uint64_t after_ms; /* uptime; in each boot of the candidate */
    bool one_task;     /* a task no longer checks in; else nothing runs any more */
    bool crash;
    bool test_fails;
};

static struct {
    uint64_t uptime_ms;
    uint64_t total_ms;
    uint64_t fed_ms;
    bool reset;
} now;

static uint8_t client_scratch[4096];
static struct dr_link link_port;

static void pass(uint64_t ms)
{
    now.uptime_ms += ms;
    now.total_ms += ms;
}

static uint64_t board_now(void *context)
{
    (void)context;
    return now.uptime_ms;
}

static void board_feed(void *context)
{
    (void)context;
    now.fed_ms = now.uptime_ms;
}

static void board_reset(void *context)
{
    (void)context;
    now.reset = true;
}

static enum dr_status board_retained_read(void *context, uint8_t out[DR_RETAINED_BYTES])
{
    (void)context;
    memcpy(out, device.retained, DR_RETAINED_BYTES);
    return DR_OK;
}

static enum dr_status board_retained_write(void *context, const uint8_t data[DR_RETAINED_BYTES])
{
    (void)context;
    memcpy(device.retained, data, DR_RETAINED_BYTES);
    return DR_OK;
}

/* A network from which nothing ever comes. */

static void link_listen(void *context, dr_link_sink sink, void *sink_context)
{
    (void)context;
    (void)sink;
    (void)sink_context;
}

static enum dr_status link_connect(
    void *context, const struct dr_link_identity *identity,
    const struct dr_link_subscription *subscriptions, size_t count)
{
    (void)context;
    (void)identity;
    (void)subscriptions;
    (void)count;
    return DR_E_IO;
}

static enum dr_status link_poll(void *context, uint32_t timeout_ms)
{
    (void)context;
    pass(timeout_ms > 0 ? timeout_ms : 1u);
    return DR_OK;
}

static void link_disconnect(void *context, uint32_t linger_ms)
{
    (void)context;
    pass(linger_ms);
}

static void power_on(void)
{
    if (world.crypto == NULL) {
        dr_sim_world_init(&world, &dr_crypto_openssl);
    }
    dr_sim_device_init(&device, &world, 3);
    dr_sim_script_init(&script);
    REQUIRE(dr_sim_run(&device, &script, RUNS_11));
    dr_sim_device_power_up(&device);
    link_port = (struct dr_link){
        .listen = link_listen,
        .connect = link_connect,
        .poll = link_poll,
        .disconnect = link_disconnect,
    };
}

/* The ROM, then what a firmware does before its loop. */
static void boot(void)
{
    REQUIRE(dr_sim_device_boot(&device) == DR_OK);
    now.uptime_ms = 0;
    now.fed_ms = 0;
    now.reset = false;
    now.total_ms += device.now_ms + BOOT_MS;
    const struct dr_boot_info *info = &device.booted.info;
    const struct dr_anchor_port port = dr_anchor_mem_port(&device.anchor);
    const bool with_key = (info->keys.present & DR_KEY_ANCHOR_FW) != 0;
    dr_anchor_init(
        &anchor, world.crypto, &port, with_key ? DR_ANCHOR_KEY_FW : DR_ANCHOR_KEY_NONE,
        with_key ? info->keys.anchor_fw : NULL, info->digest);
    const struct dr_client_config config = {
        .crypto = world.crypto,
        .flash = &device.flash,
        .map = &world.map,
        .anchor = &anchor,
        .link = &link_port,
        .info = info,
        .board =
            {
                .now_ms = board_now,
                .feed = board_feed,
                .reset = board_reset,
                .retained_read = board_retained_read,
                .retained_write = board_retained_write,
            },
        .scratch = client_scratch,
        .scratch_bytes = sizeof client_scratch,
        .block_bytes = BLOCK_BYTES,
        .window_bytes = BLOCK_BYTES,
        .batch_sectors = 1,
    };
    REQUIRE(dr_client_open(&client, &config) == DR_OK);
}

static void provision(void)
{
    const struct dr_identity_text text = {"-", 1};
    struct dr_identity_bundle bundle = {
        .endpoint = {.port = 8883, .thing = "doll", .host = "cloud.example"},
        .ca = text,
        .normal_certificate = text,
        .recovery_certificate = text,
    };
    REQUIRE(dr_identity_store(&client.vault, &bundle) == DR_OK);
}

/* 1.1 lives here; 1.2 was installed and boots for the first time. Its limits are the board's. */
static void to_candidate(void)
{
    power_on();
    boot();
    provision();
    const struct dr_boot_info *info = &device.booted.info;
    const uint8_t *key = info->spare == DR_SLOT_A ? info->keys.slot_a : info->keys.slot_b;
    REQUIRE(dr_sim_download(
        &device, (enum dr_slot_id)info->spare, key, DR_SIM_V12, info->journal_sequence));
    REQUIRE(
        dr_request_write(
            &device.flash, world.map.requests, world.crypto, info, DR_REQUEST_INSTALL, 0,
            world.images[DR_SIM_V12].digest) == DR_OK);
    dr_client_retain(&client, DR_MARK_RESET);
    boot();
    EXPECT_EQ(info->state, DR_IMAGE_CANDIDATE);
    EXPECT_EQ(info->limits.hang_s, dr_boot_policy_default.limits.hang_s);
}

static void leave_record(const struct fault *fault)
{
    const struct dr_crash_record crash = {
        .reason = fault->crash ? DR_CRASH_FAULT : DR_CRASH_HANG,
        .pc = 0x1000,
        .uptime_ms = (uint32_t)now.uptime_ms,
    };
    dr_crash_encode(&crash, device.crash);
}

static bool watchdog_expired(void)
{
    return now.uptime_ms - now.fed_ms >= 1000u * device.booted.info.limits.hang_s;
}

/* The candidate runs until it is reset, by itself or by the watchdog. Returns the total time at
 * which its fault began. */
static uint64_t run_candidate(const struct fault *fault)
{
    uint8_t task = 0;
    uint64_t began_ms = NEVER_MS;
    EXPECT_EQ(dr_client_start(&client), DR_OK);
    EXPECT_EQ(dr_health_register(&client.health, TASK_PERIOD_MS, now.uptime_ms, &task), DR_OK);
    dr_client_self_test(&client, !fault->test_fails, "made-to-fail");
    while (!now.reset) { /* bound: the health deadline, or the watchdog */
        bool broken = now.uptime_ms >= fault->after_ms;
        if (broken && began_ms == NEVER_MS) {
            began_ms = now.total_ms;
        }
        if (broken && fault->crash) {
            leave_record(fault);
            return began_ms;
        }
        if (!broken) {
            dr_health_check_in(&client.health, task, now.uptime_ms);
        }
        if (broken && !fault->one_task) {
            pass(TURN_MS);
        } else {
            dr_client_turn(&client, TURN_MS);
        }
        if (watchdog_expired()) {
            pass(GRACE_MS);
            leave_record(fault);
            return began_ms;
        }
    }
    return began_ms;
}

static void end_case(const char *what, uint64_t away_ms, uint64_t wall_ms, uint64_t max_ms)
{
    printf(
        "  %-48s %7.1f s away, %7.1f s in all, promised %5.0f s\n", what, (double)away_ms / 1e3,
        (double)wall_ms / 1e3, (double)max_ms / 1e3);
    EXPECT(away_ms <= max_ms);
    EXPECT_EQ(dr_nor_violations(device.nor, NULL), 0);
    dr_sim_device_end(&device);
}

/* Away: from the first fault to the previous image, without the time in which the candidate ran and
 * served. In all: with it. */
static void recover(const struct fault *fault)
{
    const struct dr_boot_info *info = &device.booted.info;
    to_candidate();
    uint64_t first_ms = NEVER_MS;
    uint64_t away_ms = 0;
    uint64_t gone_ms = 0;
    uint32_t tries = 0;
    while (info->state == DR_IMAGE_CANDIDATE && tries < 10) {
        uint64_t began_ms = run_candidate(fault);
        first_ms = first_ms == NEVER_MS ? began_ms : first_ms;
        gone_ms = began_ms;
        tries++;
        boot();
        away_ms += now.total_ms - gone_ms;
    }
    EXPECT_EQ(tries, 3);
    EXPECT_EQ(info->state, DR_IMAGE_SEALED);
    EXPECT_EQ(info->boot_reason, fault->crash ? DR_REASON_CRASH : DR_REASON_HANG);
    end_case(fault->what, away_ms, now.total_ms - first_ms, AWAY_MS_MAX);
}

static void test_hangs_and_crashes(void)
{
    static const struct fault faults[] = {
        {.what = "hangs at its start"},
        {.what = "hangs after a minute", .after_ms = 59000},
        {.what = "one of its tasks hangs at its start", .one_task = true},
        {.what = "one of its tasks hangs after a minute", .after_ms = 59000, .one_task = true},
        {.what = "crashes at its start", .crash = true},
        {.what = "crashes after a minute", .after_ms = 59000, .crash = true},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(faults); i++) {
        recover(&faults[i]);
    }
}

/* One boot later, whatever the reason. */
static void undone_at_once(const struct fault *fault, enum dr_reason reason, uint64_t max_ms)
{
    const struct dr_boot_info *info = &device.booted.info;
    to_candidate();
    uint64_t from_ms = now.total_ms;
    (void)run_candidate(fault);
    EXPECT(now.reset);
    boot();
    EXPECT_EQ(info->state, DR_IMAGE_SEALED);
    EXPECT_EQ(info->boot_reason, reason);
    end_case(fault->what, now.total_ms - from_ms, now.total_ms - from_ms, max_ms);
}

static void test_reverts(void)
{
    undone_at_once(
        &(struct fault){.what = "fails its self-test", .after_ms = NEVER_MS, .test_fails = true},
        DR_REASON_SELF_TEST, SELF_TEST_MS_MAX);
    undone_at_once(
        &(struct fault){.what = "finds no cloud", .after_ms = NEVER_MS}, DR_REASON_NO_CLOUD,
        NO_CLOUD_MS_MAX);
}

/* From the release of the pin, with whatever runs before dead. */
static void test_pin(void)
{
    power_on();
    boot();
    provision();
    device.pin_hold_ms = 6000;
    now.total_ms = 0;
    boot();
    EXPECT_EQ(device.booted.info.state, DR_IMAGE_FACTORY);
    uint64_t away_ms = now.total_ms - device.pin_hold_ms;
    end_case("pin released, factory runs", away_ms, away_ms, PIN_MS_MAX);
}

DR_TEST_MAIN(test_hangs_and_crashes, test_reverts, test_pin)
