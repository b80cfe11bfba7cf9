/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The boot ROM on a simulated device, where the scenario of daruma-sim does not go: anchors that do
 * not answer, lost journals, refusing flash, damaged slots, stuck buttons. */
#include "tests/unit/check.h"

#include "base/crc32.h"
#include "base/cursor.h"
#include "device/boot/request.h"
#include "sim/scenario.h"

/* Phases of the scenario after which a test begins. */
enum { PROVISIONED = 1, RUNS_11 = 2, RUNS_12 = 3 };

static struct dr_sim_world world;
static struct dr_sim_device device;
static struct dr_sim_script script;
static const struct dr_boot_info *const info = &device.booted.info;

static void begin(size_t phase)
{
    if (world.crypto == NULL) {
        dr_sim_world_init(&world, &dr_crypto_openssl);
    }
    dr_sim_device_init(&device, &world, 7);
    dr_sim_script_init(&script);
    EXPECT(dr_sim_run(&device, &script, phase));
    dr_sim_device_power_up(&device);
}

static void end(void)
{
    EXPECT_EQ(dr_nor_violations(device.nor, NULL), 0);
    dr_sim_device_end(&device);
}

static bool runs(enum dr_sim_image_id image)
{
    return memcmp(info->digest, world.images[image].digest, sizeof info->digest) == 0;
}

/* Download into the spare and ask for it. */
static void install(enum dr_sim_image_id image)
{
    const uint8_t *key = info->spare == DR_SLOT_A ? info->keys.slot_a : info->keys.slot_b;
    EXPECT(
        dr_sim_download(&device, (enum dr_slot_id)info->spare, key, image, info->journal_sequence));
    EXPECT_EQ(
        dr_request_write(
            &device.flash, world.map.requests, world.crypto, info, DR_REQUEST_INSTALL, 0,
            world.images[image].digest),
        DR_OK);
    dr_sim_device_mark(&device, DR_MARK_RESET, 1000);
}

static void ask(enum dr_request_kind kind)
{
    EXPECT_EQ(
        dr_request_write(&device.flash, world.map.requests, world.crypto, info, kind, 0, NULL),
        DR_OK);
    dr_sim_device_mark(&device, DR_MARK_RESET, 1000);
}

static void scramble(struct dr_flash_area area)
{
    uint8_t junk[256];
    uint64_t random = 99;
    for (uint32_t at = 0; at < area.size_bytes; at += sizeof junk) {
        for (size_t i = 0; i < sizeof junk; i++) {
            junk[i] = (uint8_t)dr_sim_random(&random);
        }
        dr_nor_poke(device.nor, area.address + at, junk, sizeof junk);
    }
}

static void test_silent_anchor(void)
{
    begin(RUNS_11);
    device.anchor.silent = 2; /* three reads are made */
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    device.anchor.silent = 3;
    EXPECT_EQ(dr_sim_device_boot(&device), DR_E_TIMEOUT);
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    EXPECT(runs(DR_SIM_V11));
    end();
}

/* It answers at first and not when the mode is to be latched: nothing runs under keys and an
 * identity that the anchor did not agree to. */
static void test_anchor_silent_at_the_latch(void)
{
    begin(RUNS_11);
    device.anchor.answers_left = 1; /* the ROM's first read */
    EXPECT_EQ(dr_sim_device_boot(&device), DR_E_TIMEOUT);
    EXPECT_EQ(device.anchor.core.mode, DR_ANCHOR_MODE_NONE);
    device.anchor.silent = 0;
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    EXPECT(runs(DR_SIM_V11));
    EXPECT_EQ(device.anchor.core.mode, DR_ANCHOR_MODE_NORMAL);
    end();
}

/* No journal, and none can be written: the pin's last stage erases all the same. */
static void test_erase_without_a_journal(void)
{
    begin(RUNS_11);
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    uint32_t epoch = info->user_epoch;
    scramble(world.map.journal);
    dr_nor_set_faults(device.nor, 0, 1000000);
    device.pin_hold_ms = 12000;
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    EXPECT(runs(DR_SIM_FACTORY));
    EXPECT_EQ(info->spare, DR_SLOT_NONE);
    EXPECT_EQ(info->user_epoch, epoch + 1);
    EXPECT_EQ(device.anchor.core.state.counters[DR_ANCHOR_COUNTER_EPOCH], epoch + 1);
    end();
}

static void test_foreign_anchor(void)
{
    begin(RUNS_11);
    struct dr_anchor_mem other;
    dr_anchor_mem_init(&other, world.crypto, &device.power, 12345);
    memcpy(other.secret, device.anchor.secret, sizeof other.secret); /* what the ROM has */
    device.anchor.core = other.core;
    memcpy(device.anchor.image, other.image, sizeof other.image);
    device.anchor.secret[0] ^= 1;
    /* The anchor answers, but for another secret than the flash was written with. */
    EXPECT_EQ(dr_sim_device_boot(&device), DR_E_NOT_FOUND);
    end();
}

static void test_random_flash(void)
{
    begin(RUNS_11);
    scramble((struct dr_flash_area){0, world.geometry.size_bytes});
    dr_sim_device_power_up(&device);
    EXPECT(dr_sim_device_boot(&device) != DR_OK);
    dr_sim_device_end(&device);
}

static void test_lost_journal(void)
{
    begin(RUNS_12);
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    uint32_t before = info->journal_sequence;
    scramble(world.map.journal);
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    EXPECT(runs(DR_SIM_FACTORY));
    EXPECT_EQ(info->mode, DR_MODE_RECOVERY);
    EXPECT_EQ(info->boot_reason, DR_REASON_JOURNAL_LOST);
    EXPECT_EQ(info->last.kind, DR_TRANSITION_JOURNAL_LOST);
    EXPECT_EQ(info->keys.present, DR_KEY_REQUEST | DR_KEY_SLOTS | DR_KEY_SYS_V1 | DR_KEY_LINK);
    EXPECT(info->journal_sequence != 0 && info->journal_sequence != before);
    /* And it finds its way back. */
    install(DR_SIM_V12);
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    EXPECT(runs(DR_SIM_V12));
    EXPECT_EQ(info->state, DR_IMAGE_CANDIDATE);
    end();
}

/* A journal sector that cannot be read for a moment is waited for: older state does not count. */
static struct {
    uint32_t address;
    uint32_t until_ms;
} unreadable;
static enum dr_status (*readable)(void *, uint32_t, uint8_t *, uint32_t);

static enum dr_status
glitchy_read(void *context, uint32_t address, uint8_t *out, uint32_t size_bytes)
{
    if (address >= unreadable.address &&
        address < unreadable.address + world.geometry.sector_bytes &&
        device.now_ms < unreadable.until_ms) {
        return DR_E_IO;
    }
    return readable(context, address, out, size_bytes);
}

static void test_unreadable_for_a_moment(void)
{
    for (uint32_t sector = 0; sector < 2; sector++) {
        begin(RUNS_12);
        EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
        uint32_t sequence = info->journal_sequence;
        readable = device.flash.read;
        device.flash.read = glitchy_read;
        unreadable.address = world.map.journal.address + sector * world.geometry.sector_bytes;
        unreadable.until_ms = 1500;
        dr_sim_device_power_up(&device);
        EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
        EXPECT(runs(DR_SIM_V12));
        EXPECT_EQ(info->state, DR_IMAGE_SEALED);
        EXPECT_EQ(info->journal_sequence, sequence);
        EXPECT(device.now_ms >= unreadable.until_ms && device.now_ms < 5000);
        end();
    }
}

/* The image the device lives on is damaged: the previous one, for this boot, state unchanged; and
 * it may repair the damage. */
static void test_damaged_home(void)
{
    begin(RUNS_12);
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    uint8_t home = info->slot;
    struct dr_flash_area area = dr_flash_slot_area(&world.map, (enum dr_slot_id)home);
    area.address += 2u * world.geometry.sector_bytes; /* data, not the header */
    area.size_bytes = world.geometry.sector_bytes;
    scramble(area);
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    EXPECT(runs(DR_SIM_V11));
    EXPECT(info->fallback);
    EXPECT_EQ(info->boot_reason, DR_REASON_FLASH_OR_SOURCE);
    EXPECT_EQ(info->spare, home);
    device.lied = true;  /* the damage is meant: what the slot's map claims does not hold */
    install(DR_SIM_V12); /* the very image at the floor, while another one runs */
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    EXPECT(runs(DR_SIM_V12));
    EXPECT_EQ(info->state, DR_IMAGE_CANDIDATE);
    EXPECT(!info->fallback);
    end();
}

static void test_damaged_candidate(void)
{
    begin(RUNS_11);
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    struct dr_flash_area area = dr_flash_slot_area(&world.map, (enum dr_slot_id)info->spare);
    install(DR_SIM_V12);
    area.address += 2u * world.geometry.sector_bytes;
    area.size_bytes = world.geometry.sector_bytes;
    scramble(area);
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    EXPECT(runs(DR_SIM_V11));
    EXPECT(!info->fallback);
    EXPECT_EQ(info->last.kind, DR_TRANSITION_REVERT);
    EXPECT_EQ(info->last.reason, DR_REASON_FLASH_OR_SOURCE);
    for (size_t i = 0; i < DR_BOOT_REJECTIONS; i++) { /* not remembered against the image */
        EXPECT_EQ(info->rejections.entry[i].class, DR_REJECTION_NONE);
    }
    end();
}

/* A flash that refuses every write: what is active boots, a candidate does not, nothing is named
 * spare, and the pin still works. */
static void test_refusing_flash(void)
{
    begin(RUNS_11);
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    install(DR_SIM_V12);
    dr_nor_set_faults(device.nor, 0, 1000000);
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    EXPECT(runs(DR_SIM_V11));
    EXPECT_EQ(info->state, DR_IMAGE_SEALED);
    EXPECT_EQ(info->spare, DR_SLOT_NONE);
    device.pin_hold_ms = 6000;
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    EXPECT(runs(DR_SIM_FACTORY));
    EXPECT_EQ(info->spare, DR_SLOT_NONE);
    uint32_t epoch = info->user_epoch;
    device.pin_hold_ms = 12000;
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    EXPECT(runs(DR_SIM_FACTORY));
    EXPECT_EQ(info->user_epoch, epoch + 1);
    /* The flash recovers: nothing was lost, and the request is still good. */
    device.pin_hold_ms = 0;
    dr_nor_set_faults(device.nor, 0, 0);
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    EXPECT(runs(DR_SIM_V12));
    EXPECT_EQ(info->state, DR_IMAGE_CANDIDATE);
    end();
}

/* An advance whose answer is lost: the boot goes on, and a later one finds it done. */
static void test_lost_answer(void)
{
    begin(RUNS_11);
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    install(DR_SIM_V15);
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    EXPECT_EQ(info->state, DR_IMAGE_CANDIDATE);
    ask(DR_REQUEST_CONFIRM);
    ask(DR_REQUEST_SEAL);
    struct dr_sim_device snapshot;
    dr_sim_device_copy(&device, &snapshot);
    for (uint32_t lost = 0; lost < 6; lost++) {
        dr_sim_device_end(&device);
        dr_sim_device_copy(&snapshot, &device);
        for (uint32_t attempt = 0; attempt < 3; attempt++) {
            device.anchor.lose_answer = attempt == 0 ? lost : 0;
            enum dr_status status = dr_sim_device_boot(&device);
            EXPECT(status == DR_OK || (attempt == 0 && status == DR_E_TIMEOUT));
        }
        EXPECT(runs(DR_SIM_V15));
        EXPECT_EQ(info->state, DR_IMAGE_SEALED);
        EXPECT_EQ(
            device.anchor.core.state.counters[DR_ANCHOR_COUNTER_SECURITY],
            world.images[DR_SIM_V15].counter);
    }
    dr_sim_device_end(&snapshot);
    end();
}

static void test_pins(void)
{
    const struct {
        uint32_t hold_ms;
        enum dr_sim_image_id image;
    } rows[] = {
        {1500, DR_SIM_V12},      {2500, DR_SIM_V11},  {6000, DR_SIM_FACTORY},
        {11000, DR_SIM_FACTORY}, {25000, DR_SIM_V12}, {UINT32_MAX, DR_SIM_V12},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        begin(RUNS_12);
        device.pin_hold_ms = rows[i].hold_ms;
        EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
        EXPECT(runs(rows[i].image));
        end();
    }
}

/* A pin is refused, with a LED, when there is no way back; the device boots as it would. */
static void test_refused_pin(void)
{
    begin(RUNS_11); /* nothing was sealed before 1.1 */
    device.pin_hold_ms = 2500;
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    EXPECT(runs(DR_SIM_V11));
    EXPECT(device.now_ms >= 2500 + dr_boot_policy_default.pin_refused_ms);
    end();
}

static void test_tries_are_told(void)
{
    begin(RUNS_11);
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    install(DR_SIM_V13);
    for (uint8_t fault = 0; fault < 3; fault++) {
        EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
        EXPECT_EQ(info->state, DR_IMAGE_CANDIDATE);
        EXPECT_EQ(info->tries_left, 3 - fault);
        EXPECT_EQ(info->boots_left, 9 - fault);
        dr_sim_device_mark(&device, DR_MARK_NONE, 1000);
    }
    struct dr_crash_record crash = {.reason = DR_CRASH_FAULT, .pc = 0x1234};
    dr_crash_encode(&crash, device.crash);
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    EXPECT(runs(DR_SIM_V11));
    EXPECT_EQ(info->last.reason, DR_REASON_CRASH);
    EXPECT_EQ(info->last.faults, 3);
    EXPECT_EQ(info->last.boots, 3);
    struct dr_crash_record told;
    EXPECT_EQ(dr_crash_decode(info->crash, &told), DR_OK);
    EXPECT_EQ(told.pc, 0x1234);
    end();
}

/* After an erasure recovery has the network's key of the new epoch, which opens nothing old; what
 * reaches the cloud stays. */
static void test_erasure_renews_keys(void)
{
    begin(RUNS_12);
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    const struct dr_boot_keys before = info->keys;
    EXPECT((before.present & DR_KEY_LINK) != 0);
    device.pin_hold_ms = 12000;
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    device.pin_hold_ms = 0;
    EXPECT_EQ(info->mode, DR_MODE_RECOVERY);
    EXPECT((info->keys.present & DR_KEY_LINK) != 0);
    EXPECT((info->keys.present & DR_KEY_VAULT_USER) == 0);
    EXPECT(memcmp(info->keys.link, before.link, sizeof before.link) != 0);
    EXPECT(memcmp(info->keys.link, info->keys.sys_v1, sizeof before.link) != 0);
    EXPECT(memcmp(info->keys.sys_v1, before.sys_v1, sizeof before.sys_v1) == 0);
    end();
}

/* The hand-off survives the way to the firmware, and nothing else passes for one. */
static void test_hand_off_codec(void)
{
    uint8_t bytes[DR_BOOT_INFO_BYTES];
    uint8_t again[DR_BOOT_INFO_BYTES];
    static struct dr_boot_info back;
    begin(RUNS_12);
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    dr_boot_info_encode(info, bytes);
    EXPECT_EQ(dr_boot_info_decode(bytes, sizeof bytes, &back), DR_OK);
    EXPECT_EQ(back.slot, info->slot);
    EXPECT_EQ(back.spare, info->spare);
    EXPECT_EQ(back.order.sequence, info->order.sequence);
    EXPECT_EQ(back.trust.key_count, 1);
    EXPECT_STR(back.product, DR_SIM_PRODUCT);
    EXPECT(memcmp(&back.keys, &info->keys, sizeof back.keys) == 0);
    dr_boot_info_encode(&back, again);
    EXPECT(memcmp(bytes, again, sizeof bytes) == 0);
    EXPECT_EQ(dr_boot_info_decode(bytes, sizeof bytes - 1, &back), DR_E_FORMAT);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] ^= (uint8_t)(1u << (i % 8u));
        EXPECT(dr_boot_info_decode(bytes, sizeof bytes, &back) != DR_OK);
        bytes[i] ^= (uint8_t)(1u << (i % 8u));
    }
    /* Undamaged, but written from another list of fields. */
    struct dr_writer writer;
    bytes[sizeof bytes - 8u]++;
    dr_writer_init(&writer, bytes + sizeof bytes - 4u, 4);
    dr_write_u32(&writer, dr_crc32(0, bytes, sizeof bytes - 4u));
    EXPECT_EQ(dr_boot_info_decode(bytes, sizeof bytes, &back), DR_E_FORMAT);
    end();
}

/* Undamaged, and with a value that names nothing: refused, whoever wrote it. */
static void test_hand_off_range(void)
{
    static struct dr_boot_info good;
    static struct dr_boot_info bad;
    static struct dr_boot_info back;
    const struct {
        uint8_t *field;
        uint8_t first_bad;
        bool zero_is_bad;
    } rows[] = {
        {&bad.slot, DR_SLOT_FACTORY + 1, true},
        {&bad.mode, DR_MODE_PROVISIONING + 1, true},
        {&bad.state, DR_IMAGE_FACTORY + 1, true},
        {&bad.rung, DR_RUNG_FACTORY + 1, false},
        {&bad.spare, DR_SLOT_FACTORY, false},
        {&bad.trust.key_count, DR_TRUST_KEYS_MAX + 1, false},
    };
    uint8_t bytes[DR_BOOT_INFO_BYTES];
    begin(RUNS_12);
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    good = *info;
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        for (unsigned value = 0; value <= UINT8_MAX; value++) {
            bad = good;
            *rows[i].field = (uint8_t)value;
            dr_boot_info_encode(&bad, bytes);
            bool inside = value < rows[i].first_bad && (value != 0 || !rows[i].zero_is_bad);
            EXPECT_EQ(dr_boot_info_decode(bytes, sizeof bytes, &back), inside ? DR_OK : DR_E_RANGE);
        }
    }
    end();
}

/* A confirmed image asks to be left: for factory, if the device came from there; and not at all, if
 * the image to go back to is damaged. Then it is what the device lives on. */
static void test_revert_asks_the_loader(void)
{
    begin(PROVISIONED);
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    install(DR_SIM_V11);
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    ask(DR_REQUEST_CONFIRM);
    ask(DR_REQUEST_REVERT);
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    EXPECT(runs(DR_SIM_FACTORY));
    EXPECT_EQ(info->last.kind, DR_TRANSITION_REVERT);
    EXPECT_EQ(info->mode, DR_MODE_NORMAL);
    end();

    begin(RUNS_11);
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    struct dr_flash_area area = dr_flash_slot_area(&world.map, (enum dr_slot_id)info->slot);
    install(DR_SIM_V12);
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    ask(DR_REQUEST_CONFIRM);
    ask(DR_REQUEST_REVERT);
    area.address += 2u * world.geometry.sector_bytes;
    area.size_bytes = world.geometry.sector_bytes;
    scramble(area);
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    EXPECT(runs(DR_SIM_V12));
    EXPECT_EQ(info->state, DR_IMAGE_SEALED);
    EXPECT_EQ(info->last.kind, DR_TRANSITION_SEAL);
    EXPECT_EQ(info->last.reason, DR_REASON_LATE_REVERT);
    end();
}

static void test_words(void)
{
    EXPECT_STR(dr_boot_mode_word(DR_MODE_RECOVERY), "recovery");
    EXPECT_STR(dr_boot_mode_word(200), "unknown");
    EXPECT_STR(dr_image_state_word(DR_IMAGE_SEALED), "sealed");
    EXPECT_STR(dr_rung_word(DR_RUNG_SAFE), "safe");
    EXPECT_STR(dr_rung_word(9), "unknown");
    EXPECT_STR(dr_image_state_word(5), "unknown");
    EXPECT_STR(dr_slot_word(DR_SLOT_B), "B");
    EXPECT_STR(dr_slot_word(4), "none");
}

DR_TEST_MAIN(
    test_silent_anchor, test_anchor_silent_at_the_latch, test_erase_without_a_journal,
    test_foreign_anchor, test_random_flash, test_lost_journal, test_unreadable_for_a_moment,
    test_damaged_home, test_damaged_candidate, test_refusing_flash, test_lost_answer, test_pins,
    test_refused_pin, test_tries_are_told, test_erasure_renews_keys, test_hand_off_codec,
    test_revert_asks_the_loader, test_hand_off_range, test_words)
