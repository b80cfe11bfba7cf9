/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* At each start in a device's life: the same start with one flash call of the ROM that fails, for
 * each such call; then the firmware runs, and life goes on. Nothing unverified ever runs, nothing
 * that was promised is lost, but a request in the very place that could not be read, and the device
 * reaches what it was about. */
#include "tests/unit/check.h"
#include "tests/unit/faulty_flash.h"

#include "device/boot/request_format_priv.h"
#include "sim/scenario.h"

#define STARTS_MAX 200u
#define STEPS_AFTER 3u
#define STRIDE 2u /* each call at every second start */

static struct dr_sim_world world;
static struct dr_sim_device device;
static struct dr_sim_script script;
static struct dr_sim_device copy;
static struct dr_sim_script copied;
static struct faulty_flash faulty;
static struct dr_flash own;

static unsigned cases;
static unsigned missed; /* requests that could not be read */

static void copy_with_fault(uint64_t at)
{
    dr_sim_device_copy(&device, &copy);
    copied = script;
    own = copy.flash;
    faulty_init(&faulty, &own, at);
    copy.flash = faulty.port;
}

static bool inside(struct dr_flash_area area, uint32_t address)
{
    return address >= area.address && address - area.address < area.size_bytes;
}

/* Did the ROM miss a request? It was not made then: whoever wrote it finds itself where it was, and
 * asks again. */
static void forgive_requests(uint32_t failed_address)
{
    uint8_t record[DR_REQUEST_BYTES];
    struct dr_request request;
    if (!inside(world.map.requests, failed_address)) {
        return;
    }
    dr_nor_peek(copy.nor, failed_address, record, sizeof record);
    if (dr_request_parse(
            record, world.geometry.erased_value, device.booted.info.journal_sequence, &request) ==
        DR_REQUEST_WHOLE) {
        missed++;
        copied.install_written = false;
        copied.confirm_written = false;
        copied.seal_written = false;
        copied.factory_written = false;
    }
}

static void live_on(uint64_t at)
{
    for (unsigned i = 0; i < STEPS_AFTER && copied.phase < copied.until; i++) {
        if (copy.verdict == DR_SIM_FINE) {
            (void)dr_sim_step(&copy, &copied);
        }
    }
    if (copy.verdict != DR_SIM_FINE) {
        fprintf(
            stderr, "phase %zu, start %u, call %llu, at 0x%x: %s\n", script.phase, device.boots,
            (unsigned long long)at, faulty.failed_address, copy.why);
    }
    EXPECT_EQ(copy.verdict, DR_SIM_FINE);
    EXPECT_EQ(dr_nor_violations(copy.nor, NULL), 0);
}

/* The next start of *device, on a copy, with the ROM's call number `at` failing. False: it makes
 * fewer calls. */
static bool start_with_fault(uint64_t at)
{
    copy_with_fault(at);
    enum dr_status status = dr_sim_device_boot(&copy);
    if (faulty.calls < at) {
        dr_sim_device_end(&copy);
        return false;
    }
    EXPECT_EQ(status, DR_OK); /* one fault does not stop a start */
    dr_sim_device_end(&copy);
    uint32_t failed_address = faulty.failed_address;
    copy_with_fault(at); /* the same once more, and what it starts is run and watched */
    forgive_requests(failed_address);
    live_on(at);
    dr_sim_device_end(&copy);
    cases++;
    return true;
}

static void test_each_call_of_each_start(void)
{
    dr_sim_world_init(&world, &dr_crypto_openssl);
    dr_sim_device_init(&device, &world, 7);
    dr_sim_script_init(&script);
    REQUIRE(dr_sim_run(&device, &script, 1));
    script.until = dr_sim_phase_count;
    unsigned starts = 0;
    while (script.phase < script.until && starts < STARTS_MAX) {
        starts++;
        for (uint64_t at = 1 + starts % STRIDE; start_with_fault(at); at += STRIDE) {
        }
        REQUIRE(dr_sim_step(&device, &script));
    }
    EXPECT(script.phase == dr_sim_phase_count);
    EXPECT(starts > 20 && cases > 10 * starts);
    EXPECT(missed > 5);
    printf("%u starts, %u faults, %u requests missed\n", starts, cases, missed);
    dr_sim_device_end(&device);
}

DR_TEST_MAIN(test_each_call_of_each_start)
