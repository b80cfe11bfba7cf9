/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What the client makes of its hand-off, and how old a certificate may be. */
#include "tests/unit/client_rig.h"

#define DAY_MS 86400000u
#define BUILD_S 1000u
#define STORED_S 5000u

static uint64_t now_ms;

static uint64_t clock_now(void *context)
{
    (void)context;
    return now_ms;
}

static void clock_begin(struct dr_boot_info *info, uint8_t mode)
{
    memset(info, 0, sizeof *info);
    info->mode = mode;
    memset(&client, 0, sizeof client);
    client.config.info = info;
    client.config.build_s = BUILD_S;
    client.config.board.now_ms = clock_now;
    client.clock.floor_s = STORED_S;
    client.clock.saved_s = STORED_S;
    now_ms = 1000;
}

/* docs/device.md, "Time". */
static void certificate_floor(void)
{
    static struct dr_boot_info info;
    clock_begin(&info, DR_MODE_NORMAL);
    EXPECT_EQ(dr_client_floor_s(&client), STORED_S);
    now_ms = DAY_MS - 1u;
    EXPECT_EQ(dr_client_floor_s(&client), STORED_S);
    now_ms = DAY_MS; /* a day without contact: the stored one may be a lie */
    EXPECT_EQ(dr_client_floor_s(&client), BUILD_S);
    dr_client_clock_tell(&client, STORED_S + 10u); /* contact: it counts again */
    EXPECT_EQ(dr_client_floor_s(&client), STORED_S + 10u);
    dr_client_clock_tell(&client, STORED_S); /* it never goes back */
    EXPECT_EQ(dr_client_floor_s(&client), STORED_S + 10u);
    now_ms += DAY_MS;
    EXPECT_EQ(dr_client_floor_s(&client), BUILD_S);

    clock_begin(&info, DR_MODE_RECOVERY);
    EXPECT_EQ(dr_client_floor_s(&client), BUILD_S);
    clock_begin(&info, DR_MODE_NORMAL);
    client.clock.floor_s = BUILD_S - 1u; /* the build's time always holds */
    EXPECT_EQ(dr_client_floor_s(&client), BUILD_S);
}

static void restart(void)
{
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    dr_client_learn(&client);
}

static void request(enum dr_request_kind kind, enum dr_sim_image_id image, enum dr_reason reason)
{
    const struct dr_boot_info *info = &device.booted.info;
    EXPECT_EQ(
        dr_request_write(
            &device.flash, world.map.requests, world.crypto, info, kind, (uint8_t)reason,
            kind == DR_REQUEST_INSTALL ? world.images[image].digest : NULL),
        DR_OK);
    dr_sim_device_mark(&device, DR_MARK_RESET, 1000);
}

static void install(enum dr_sim_image_id image)
{
    const struct dr_boot_info *info = &device.booted.info;
    const uint8_t *key = info->spare == DR_SLOT_A ? info->keys.slot_a : info->keys.slot_b;
    EXPECT(
        dr_sim_download(&device, (enum dr_slot_id)info->spare, key, image, info->journal_sequence));
    request(DR_REQUEST_INSTALL, image, DR_REASON_NONE);
}

/* Sealed, candidate, gone again: who may install, and what is known of the image that failed. */
static void facts_of_a_trial(void)
{
    const struct dr_agent_facts *facts = &client.facts;
    begin();
    dr_client_learn(&client);
    EXPECT_EQ(facts->image, DR_RUNS_SEALED);
    EXPECT(facts->may_install && !facts->recovery && !facts->lower_rung);
    EXPECT(facts->spare_bytes >= DR_SIM_IMAGE_BYTES);
    EXPECT_EQ(facts->fate_count, 0);
    install(DR_SIM_V14);
    restart();
    EXPECT_EQ(facts->image, DR_RUNS_CANDIDATE);
    EXPECT(!facts->may_install);
    EXPECT_EQ(facts->spare_bytes, 0);
    request(DR_REQUEST_REVERT, DR_SIM_V14, DR_REASON_SELF_TEST);
    restart();
    EXPECT_EQ(facts->image, DR_RUNS_SEALED);
    REQUIRE(facts->fate_count == 2); /* how it was left, and that it is remembered */
    for (uint8_t i = 0; i < 2; i++) {
        EXPECT(
            memcmp(
                facts->fates[i].digest, world.images[DR_SIM_V14].digest, DR_IMAGE_DIGEST_BYTES) ==
            0);
        EXPECT_EQ(facts->fates[i].reason, DR_REASON_SELF_TEST);
    }
    EXPECT(!facts->fates[0].final && facts->fates[1].final && !facts->fates[1].environment);
    end();
}

static void facts_of_an_environment_failure(void)
{
    const struct dr_agent_facts *facts = &client.facts;
    begin();
    install(DR_SIM_V12);
    restart();
    request(DR_REQUEST_REVERT, DR_SIM_V12, DR_REASON_NO_CLOUD);
    restart();
    REQUIRE(facts->fate_count == 2);
    EXPECT(facts->fates[1].environment && !facts->fates[1].final);
    EXPECT_EQ(facts->fates[1].tries, 1);
    end();
}

static void facts_of_recovery(void)
{
    const struct dr_agent_facts *facts = &client.facts;
    begin();
    device.pin_hold_ms = 6000;
    restart();
    EXPECT_EQ(facts->image, DR_RUNS_FACTORY);
    EXPECT(facts->recovery && facts->may_install && !facts->lower_rung);
    EXPECT_EQ(client.self.report.boot_reason, DR_REASON_PIN);
    EXPECT_EQ(client.self.report.mode, DR_REPORT_RECOVERY);
    end();
}

/* The record of a firmware that died is told once, as numbers; a damaged one is nobody's word. */
static void crash_told(void)
{
    static struct dr_boot_info info;
    static struct dr_agent_record record;
    const struct dr_crash_record crash = {
        .reason = DR_CRASH_FAULT,
        .pc = 0x21001234,
        .lr = 0x2100abcd,
        .fault_status = 0x8200,
    };
    memset(&record, 0, sizeof record);
    clock_begin(&info, DR_MODE_NORMAL);
    EXPECT(!dr_client_tell_crash(&client, &record));
    EXPECT_EQ(record.notes[0].reason, DR_REASON_NONE);
    dr_crash_encode(&crash, info.crash);
    record.uptime_s = 77;
    EXPECT(dr_client_tell_crash(&client, &record));
    EXPECT_EQ(record.notes[0].reason, DR_REASON_CRASH);
    EXPECT_STR(record.notes[0].detail, "pc21001234 lr2100abcd s00008200");
    EXPECT_EQ(record.notes[0].uptime_s, 77);
    EXPECT(!dr_client_tell_crash(&client, &record)); /* not worth another write */
    info.crash[20] ^= 1;
    memset(&record, 0, sizeof record);
    EXPECT(!dr_client_tell_crash(&client, &record));
    const struct dr_crash_record hang = {.reason = DR_CRASH_HANG, .pc = 1};
    dr_crash_encode(&hang, info.crash);
    EXPECT(dr_client_tell_crash(&client, &record));
    EXPECT_EQ(record.notes[0].reason, DR_REASON_HANG);
}

/* Older anchored files: told, and counted where nobody can take it back. Damage is only told. */
static void vault_told(void)
{
    static struct dr_agent_record record;
    struct dr_anchor_status before;
    struct dr_anchor_status after;
    memset(&record, 0, sizeof record);
    begin();
    EXPECT_EQ(dr_anchor_status(&anchor, &before), DR_OK);
    EXPECT(!dr_client_tell_vault(&client, &record));
    client.vault.health.damaged = true;
    EXPECT(dr_client_tell_vault(&client, &record));
    EXPECT_EQ(dr_anchor_status(&anchor, &after), DR_OK);
    EXPECT_EQ(after.counters[DR_ANCHOR_COUNTER_ALERTS], before.counters[DR_ANCHOR_COUNTER_ALERTS]);
    client.vault.health.replayed = true;
    EXPECT(dr_client_tell_vault(&client, &record));
    EXPECT(!dr_client_tell_vault(&client, &record)); /* no news, and too soon to count again */
    EXPECT_EQ(dr_anchor_status(&anchor, &after), DR_OK);
    EXPECT_EQ(
        after.counters[DR_ANCHOR_COUNTER_ALERTS], before.counters[DR_ANCHOR_COUNTER_ALERTS] + 1u);
    EXPECT_EQ(record.notes[0].reason, DR_REASON_VAULT_DAMAGED);
    EXPECT_EQ(record.notes[1].reason, DR_REASON_VAULT_REPLAYED);
    end();
}

DR_TEST_MAIN(
    vault_told, crash_told, certificate_floor, facts_of_a_trial, facts_of_an_environment_failure,
    facts_of_recovery)
