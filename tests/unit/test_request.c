/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Requests: written by the firmware of one boot, believed by the ROM for that boot only. */
#include "tests/unit/check.h"
#include "tests/unit/faulty_flash.h"

#include "crypto/crypto.h"
#include "device/boot/request.h"
#include "sim/nor.h"

#define SECTOR 4096u
#define PLACES (SECTOR / DR_REQUEST_BYTES)

static const struct dr_flash_geometry geometry = {
    .size_bytes = 2 * SECTOR,
    .sector_bytes = SECTOR,
    .program_unit_bytes = 32,
    .erased_value = 0xff,
};
static const struct dr_flash_area area = {0, SECTOR};
static const uint8_t boot_mac[DR_BOOT_KEY_BYTES] = "boot-mac of this device";

static struct dr_sim_power power;
static struct dr_nor *nor;
static struct dr_request found[DR_REQUESTS_MAX];

/* What the ROM hands to an image in boot `sequence`. */
static struct dr_boot_info boot(uint32_t sequence)
{
    struct dr_boot_info info = {
        .slot = DR_SLOT_A,
        .mode = DR_MODE_NORMAL,
        .spare = DR_SLOT_B,
        .journal_sequence = sequence};
    memset(info.digest, 0xa1, sizeof info.digest);
    info.keys.present = DR_KEY_REQUEST;
    dr_request_key(
        &dr_crypto_openssl, boot_mac, sequence, info.slot, info.digest, info.mode,
        info.keys.request);
    return info;
}

static enum dr_status write_kind(const struct dr_boot_info *info, enum dr_request_kind kind)
{
    return dr_request_write(dr_nor_port(nor), area, &dr_crypto_openssl, info, kind, 0, NULL);
}

static enum dr_status write_install(const struct dr_boot_info *info, uint8_t number)
{
    uint8_t digest[DR_IMAGE_DIGEST_BYTES];
    memset(digest, number, sizeof digest);
    return dr_request_write(
        dr_nor_port(nor), area, &dr_crypto_openssl, info, DR_REQUEST_INSTALL, 0, digest);
}

static size_t read_all(uint32_t sequence)
{
    return dr_request_read(dr_nor_port(nor), area, &dr_crypto_openssl, boot_mac, sequence, found);
}

static void begin(void)
{
    dr_sim_power_init(&power, 1);
    nor = dr_nor_create(&geometry, &power);
}

static void end(void)
{
    EXPECT_EQ(dr_nor_violations(nor, NULL), 0);
    dr_nor_destroy(nor);
}

static void test_round_trip(void)
{
    begin();
    struct dr_boot_info info = boot(7);
    EXPECT_EQ(read_all(7), 0);
    EXPECT_EQ(write_install(&info, 0x33), DR_OK);
    EXPECT_EQ(
        dr_request_write(
            dr_nor_port(nor), area, &dr_crypto_openssl, &info, DR_REQUEST_FACTORY, 30, NULL),
        DR_OK);
    EXPECT_EQ(read_all(7), 2);
    EXPECT_EQ(found[0].kind, DR_REQUEST_INSTALL);
    EXPECT_EQ(found[0].target, DR_SLOT_B);
    EXPECT_EQ(found[0].digest[31], 0x33);
    EXPECT_EQ(found[0].slot, DR_SLOT_A);
    EXPECT_EQ(found[0].issuer[0], 0xa1);
    EXPECT_EQ(found[1].kind, DR_REQUEST_FACTORY);
    EXPECT_EQ(found[1].reason, 30);
    EXPECT_EQ(found[1].target, DR_SLOT_NONE);
    end();
}

static void test_other_boot(void)
{
    begin();
    struct dr_boot_info info = boot(7);
    EXPECT_EQ(write_kind(&info, DR_REQUEST_CONFIRM), DR_OK);
    EXPECT_EQ(read_all(6), 0);
    EXPECT_EQ(read_all(8), 0);
    EXPECT_EQ(read_all(7), 1);
    end();
}

/* A firmware that claims to be another slot, digest or mode has no key for that. */
static void test_false_issuer(void)
{
    begin();
    struct dr_boot_info info = boot(7);
    struct dr_boot_info liar = info;
    liar.slot = DR_SLOT_B;
    EXPECT_EQ(write_kind(&liar, DR_REQUEST_CONFIRM), DR_OK);
    liar = info;
    liar.mode = DR_MODE_RECOVERY;
    EXPECT_EQ(write_kind(&liar, DR_REQUEST_CONFIRM), DR_OK);
    liar = info;
    liar.digest[0] ^= 1;
    EXPECT_EQ(write_kind(&liar, DR_REQUEST_CONFIRM), DR_OK);
    EXPECT_EQ(read_all(7), 0);
    info.keys.present = 0;
    EXPECT_EQ(write_kind(&info, DR_REQUEST_CONFIRM), DR_E_STATE);
    end();
}

static void test_repetition_is_free(void)
{
    begin();
    struct dr_boot_info info = boot(7);
    EXPECT_EQ(write_kind(&info, DR_REQUEST_CONFIRM), DR_OK);
    uint64_t before = power.operations;
    EXPECT_EQ(write_kind(&info, DR_REQUEST_CONFIRM), DR_OK);
    EXPECT_EQ(power.operations, before);
    EXPECT_EQ(read_all(7), 1);
    end();
}

static void test_damage(void)
{
    begin();
    struct dr_boot_info info = boot(7);
    EXPECT_EQ(write_kind(&info, DR_REQUEST_CONFIRM), DR_OK);
    struct dr_nor_snapshot *snapshot = dr_nor_snapshot(nor);
    for (uint32_t i = 0; i < DR_REQUEST_BYTES; i++) {
        uint8_t byte = 0;
        dr_nor_peek(nor, i, &byte, 1);
        byte ^= (uint8_t)(1u << (i % 8u));
        dr_nor_poke(nor, i, &byte, 1);
        EXPECT_EQ(read_all(7), 0);
        dr_nor_restore(nor, snapshot);
    }
    dr_nor_snapshot_destroy(snapshot);
    end();
}

/* A full sector is begun anew; what this boot asked for stays. */
static void test_full_sector(void)
{
    begin();
    struct dr_boot_info old = boot(6);
    for (uint32_t i = 0; i < PLACES - 1; i++) {
        EXPECT_EQ(write_install(&old, (uint8_t)i), DR_OK);
    }
    struct dr_boot_info info = boot(7);
    EXPECT_EQ(write_kind(&info, DR_REQUEST_CONFIRM), DR_OK); /* the last place */
    EXPECT_EQ(write_kind(&info, DR_REQUEST_SEAL), DR_OK);
    EXPECT_EQ(read_all(6), 0);
    EXPECT_EQ(read_all(7), 2);
    EXPECT_EQ(found[0].kind, DR_REQUEST_CONFIRM);
    EXPECT_EQ(found[1].kind, DR_REQUEST_SEAL);
    end();
}

/* More than the ROM holds: the last ones count. */
static void test_many(void)
{
    begin();
    struct dr_boot_info info = boot(7);
    for (uint8_t i = 0; i < DR_REQUESTS_MAX + 5; i++) {
        EXPECT_EQ(write_install(&info, i), DR_OK);
    }
    EXPECT_EQ(read_all(7), DR_REQUESTS_MAX);
    EXPECT_EQ(found[0].digest[0], 5);
    EXPECT_EQ(found[DR_REQUESTS_MAX - 1].digest[0], DR_REQUESTS_MAX + 4);
    end();
}

/* A boot without a record has no number, and nothing is a request of that boot. */
static void test_no_sequence(void)
{
    begin();
    struct dr_boot_info info = boot(0);
    EXPECT_EQ(write_kind(&info, DR_REQUEST_CONFIRM), DR_OK);
    EXPECT_EQ(read_all(0), 0);
    EXPECT_EQ(read_all(7), 0);
    end();
}

/* One flash call of a write fails, each in its turn, in an empty and in a full sector. It says so,
 * and the next one completes it; where only memory holds what this boot asked for before, between
 * the erasure of a full sector and its rewriting, that is done again at once. Nothing is lost. */
static void test_each_fault(void)
{
    for (uint32_t filled = 0; filled < PLACES; filled += PLACES - 1u) {
        struct faulty_flash faulty;
        uint64_t at = 0;
        do {
            begin();
            struct dr_boot_info old = boot(6);
            struct dr_boot_info info = boot(7);
            for (uint32_t i = 0; i < filled; i++) {
                EXPECT_EQ(write_install(&old, (uint8_t)i), DR_OK);
            }
            EXPECT_EQ(write_kind(&info, DR_REQUEST_CONFIRM), DR_OK);
            at++;
            faulty_init(&faulty, dr_nor_port(nor), at);
            enum dr_status status = dr_request_write(
                &faulty.port, area, &dr_crypto_openssl, &info, DR_REQUEST_SEAL, 0, NULL);
            /* Behind the scan: erase, sync, and program, sync and read of CONFIRM. */
            bool again = filled > 0 && at > PLACES && at <= PLACES + 5u;
            EXPECT_EQ(status, faulty.calls >= at && !again ? DR_E_IO : DR_OK);
            EXPECT_EQ(write_kind(&info, DR_REQUEST_SEAL), DR_OK);
            EXPECT_EQ(read_all(7), 2);
            EXPECT_EQ(found[0].kind, DR_REQUEST_CONFIRM);
            EXPECT_EQ(found[1].kind, DR_REQUEST_SEAL);
            end();
        } while (faulty.calls >= at);
        EXPECT(at > PLACES);
    }
}

/* A place that the ROM cannot read holds no request; the others count. */
static void test_each_unreadable_place(void)
{
    struct faulty_flash faulty;
    begin();
    struct dr_boot_info info = boot(7);
    EXPECT_EQ(write_kind(&info, DR_REQUEST_CONFIRM), DR_OK);
    EXPECT_EQ(write_kind(&info, DR_REQUEST_SEAL), DR_OK);
    for (uint64_t at = 1; at <= PLACES; at++) {
        faulty_init(&faulty, dr_nor_port(nor), at);
        size_t count = dr_request_read(&faulty.port, area, &dr_crypto_openssl, boot_mac, 7, found);
        EXPECT_EQ(count, at <= 2 ? 1 : 2);
        EXPECT_EQ(found[0].kind, at == 1 ? DR_REQUEST_SEAL : DR_REQUEST_CONFIRM);
    }
    end();
}

/* A write that is cut left the request, or nothing; the next write works. */
static void test_every_cut(void)
{
    for (uint64_t operation = 1; operation <= 2; operation++) {
        for (int kind = 0; kind < (int)DR_SIM_TORN_KINDS; kind++) {
            begin();
            struct dr_boot_info info = boot(7);
            power.cut_at = operation;
            power.kind = (enum dr_sim_torn)kind;
            EXPECT(write_kind(&info, DR_REQUEST_CONFIRM) != DR_OK);
            dr_sim_power_on(&power);
            EXPECT(read_all(7) <= 1);
            EXPECT_EQ(write_kind(&info, DR_REQUEST_CONFIRM), DR_OK);
            EXPECT_EQ(read_all(7), 1);
            end();
        }
    }
}

DR_TEST_MAIN(
    test_round_trip, test_other_boot, test_false_issuer, test_repetition_is_free, test_damage,
    test_full_sector, test_many, test_no_sequence, test_each_fault, test_each_unreadable_place,
    test_every_cut)
