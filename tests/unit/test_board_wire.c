/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Bytes of the board: channel messages, provisioning bundle, trust record, memory map. */
#include "boards/linux/bundle.h"
#include "boards/linux/map.h"
#include "boards/linux/rom/trust.h"
#include "boards/linux/wire.h"
#include "tests/unit/check.h"
#include "tools/provision/provision.h"

static void test_map_is_consistent(void)
{
    EXPECT_EQ(dr_flash_map_check(&dr_linux_flash_map, &dr_linux_flash_geometry), DR_OK);
}

static void test_messages(void)
{
    const struct dr_wire_request request = {
        .operation = DR_WIRE_FLASH_READ, .tag = 7, .a = 0x1000, .b = 0xfffffffe};
    struct dr_wire_request request_back;
    const struct dr_wire_reply reply = {
        .operation = DR_WIRE_ANCHOR, .tag = 9, .status = DR_E_INTERNAL, .value = 5};
    struct dr_wire_reply reply_back;
    uint8_t bytes[DR_WIRE_HEADER_BYTES];
    dr_wire_encode_request(&request, bytes);
    EXPECT_EQ(dr_wire_decode_request(bytes, sizeof bytes, &request_back), DR_OK);
    EXPECT_EQ(request_back.operation, request.operation);
    EXPECT_EQ(request_back.tag, request.tag);
    EXPECT_EQ(request_back.a, request.a);
    EXPECT_EQ(request_back.b, request.b);
    EXPECT_EQ(dr_wire_decode_request(bytes, sizeof bytes - 1u, &request_back), DR_E_TRUNCATED);
    bytes[2] = 1; /* the reserved half word */
    EXPECT_EQ(dr_wire_decode_request(bytes, sizeof bytes, &request_back), DR_E_FORMAT);
    bytes[2] = 0;
    bytes[0] = 0;
    EXPECT_EQ(dr_wire_decode_request(bytes, sizeof bytes, &request_back), DR_E_FORMAT);
    bytes[0] = DR_WIRE_FREE;
    EXPECT_EQ(dr_wire_decode_request(bytes, sizeof bytes, &request_back), DR_E_FORMAT);
    bytes[0] = DR_WIRE_OFFERED + 1;
    EXPECT_EQ(dr_wire_decode_request(bytes, sizeof bytes, &request_back), DR_E_FORMAT);
    dr_wire_encode_reply(&reply, bytes);
    EXPECT_EQ(dr_wire_decode_reply(bytes, sizeof bytes, &reply_back), DR_OK);
    EXPECT_EQ(reply_back.status, DR_E_INTERNAL);
    EXPECT_EQ(reply_back.value, 5);
    bytes[8] = 21; /* no such status */
    EXPECT_EQ(dr_wire_decode_reply(bytes, sizeof bytes, &reply_back), DR_E_FORMAT);
}

static void test_summary(void)
{
    struct dr_wire_summary summary = {
        .slot = 1,
        .spare = 2,
        .mode = 3,
        .state = 4,
        .rung = 5,
        .reason = 0x1234,
        .hang_ms = 60000,
        .version_major = 1,
        .version_minor = 2,
        .version_revision = 3,
        .version_build = 4,
        .security_counter = 6,
        .revocation = 7,
        .user_epoch = 8,
        .tries_left = 9,
        .boots_left = 10};
    struct dr_wire_summary back;
    uint8_t bytes[DR_WIRE_SUMMARY_BYTES];
    memset(summary.digest, 0xab, sizeof summary.digest);
    dr_wire_encode_summary(&summary, bytes);
    EXPECT_EQ(dr_wire_decode_summary(bytes, sizeof bytes, &back), DR_OK);
    EXPECT_EQ(back.reason, 0x1234);
    EXPECT_EQ(back.hang_ms, 60000);
    EXPECT_EQ(back.version_revision, 3);
    EXPECT_EQ(back.user_epoch, 8);
    EXPECT_EQ(back.boots_left, 10);
    EXPECT_EQ(memcmp(back.digest, summary.digest, sizeof back.digest), 0);
    EXPECT_EQ(dr_wire_decode_summary(bytes, sizeof bytes - 1u, &back), DR_E_TRUNCATED);
    bytes[5] = 1;
    EXPECT_EQ(dr_wire_decode_summary(bytes, sizeof bytes, &back), DR_E_FORMAT);
}

static struct dr_bundle_text text(const char *words)
{
    return (struct dr_bundle_text){words, strlen(words)};
}

static void test_bundle(void)
{
    struct dr_bundle bundle = {
        .thing_name = text("lamp-1"),
        .mqtt_host = text("localhost"),
        .mqtt_port = 8883,
        .ca_pem = text("CA"),
        .normal_certificate_pem = text("normal"),
        .recovery_certificate_pem = text("recovery")};
    struct dr_bundle back;
    uint8_t bytes[512];
    size_t size_bytes = 0;
    REQUIRE(dr_bundle_encode(&bundle, bytes, sizeof bytes, &size_bytes) == DR_OK);
    REQUIRE(dr_bundle_decode(bytes, size_bytes, &back) == DR_OK);
    EXPECT_EQ(back.mqtt_port, 8883);
    EXPECT(back.thing_name.len == 6 && memcmp(back.thing_name.text, "lamp-1", 6) == 0);
    EXPECT(back.recovery_certificate_pem.len == 8);
    /* Cut and lengthened anywhere, it is refused or (between two optional fields) a shorter one. */
    for (size_t size = 0; size < size_bytes; size++) {
        bool boundary = size == size_bytes - 13u || size == size_bytes - 13u - 11u;
        EXPECT_EQ(dr_bundle_decode(bytes, size, &back) == DR_OK, boundary);
    }
    bytes[size_bytes] = 6;
    EXPECT(dr_bundle_decode(bytes, size_bytes + 1u, &back) != DR_OK);
    memmove(bytes + size_bytes, bytes + size_bytes - 13u, 13); /* a field twice */
    EXPECT_EQ(dr_bundle_decode(bytes, size_bytes + 13u, &back), DR_E_FORMAT);
    EXPECT_EQ(dr_bundle_encode(&bundle, bytes, 20, &size_bytes), DR_E_SPACE);
    bundle.mqtt_port = 0;
    EXPECT_EQ(dr_bundle_encode(&bundle, bytes, sizeof bytes, &size_bytes), DR_E_ARGUMENT);
}

static struct dr_trust_record sample(void)
{
    struct dr_trust_record record = {.trust = {.key_count = 2}, .time_divisor = 1};
    snprintf(record.product, sizeof record.product, "a product of 32 bytes, exactly..");
    memset(record.trust.keys[0], 0x11, sizeof record.trust.keys[0]);
    memset(record.trust.keys[1], 0x22, sizeof record.trust.keys[1]);
    return record;
}

static void test_trust_record(void)
{
    struct dr_trust_record record = sample();
    struct dr_trust_record back;
    uint8_t rom[1024] = {0};
    EXPECT_EQ(dr_provision_burn(rom, sizeof rom, &record), DR_E_NOT_FOUND);
    memcpy(rom + 100, "DRTRUST1", 8);
    EXPECT_EQ(dr_provision_read_trust(rom, sizeof rom, &back), DR_E_NOT_FOUND);
    EXPECT_EQ(dr_provision_burn(rom, sizeof rom, &record), DR_OK);
    REQUIRE(dr_provision_read_trust(rom, sizeof rom, &back) == DR_OK);
    EXPECT_EQ(memcmp(&back.trust, &record.trust, sizeof back.trust), 0);
    EXPECT_STR(back.product, record.product);
    for (size_t bit = 0; bit < 8u * DR_TRUST_RECORD_BYTES; bit++) {
        rom[100u + bit / 8u] ^= (uint8_t)(1u << (bit % 8u));
        EXPECT(dr_provision_read_trust(rom, sizeof rom, &back) != DR_OK);
        rom[100u + bit / 8u] ^= (uint8_t)(1u << (bit % 8u));
    }
    memcpy(rom + 600, "DRTRUST1", 8);
    EXPECT_EQ(dr_provision_read_trust(rom, sizeof rom, &back), DR_E_NOT_FOUND);
    EXPECT_EQ(dr_provision_burn(rom, sizeof rom, &record), DR_E_NOT_FOUND);
}

static void test_trust_record_refuses(void)
{
    struct dr_trust_record record = sample();
    uint8_t bytes[DR_TRUST_RECORD_BYTES] = {0};
    record.trust.key_count = 0;
    EXPECT_EQ(dr_trust_record_encode(&record, bytes), DR_E_ARGUMENT);
    record.trust.key_count = 3;
    EXPECT_EQ(dr_trust_record_encode(&record, bytes), DR_E_ARGUMENT);
    record = sample();
    record.product[0] = '\0';
    EXPECT_EQ(dr_trust_record_encode(&record, bytes), DR_E_ARGUMENT);
    record = sample();
    record.time_divisor = 0;
    EXPECT_EQ(dr_trust_record_encode(&record, bytes), DR_E_ARGUMENT);
}

DR_TEST_MAIN(
    test_map_is_consistent, test_messages, test_summary, test_bundle, test_trust_record,
    test_trust_record_refuses)
