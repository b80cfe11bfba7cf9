/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "tests/unit/check.h"

#include "base/crc32.h"
#include "base/cursor.h"
#include "base/secret.h"
#include "base/text.h"

static void reader_latches_its_first_error(void)
{
    const uint8_t bytes[] = {1, 2, 3};
    struct dr_reader reader;
    dr_reader_init(&reader, bytes, sizeof(bytes));
    EXPECT_EQ(dr_read_u16(&reader), 0x0201);
    EXPECT_EQ(dr_read_u32(&reader), 0);
    EXPECT_EQ(reader.status, DR_E_TRUNCATED);
    EXPECT_EQ(dr_read_u8(&reader), 0);
    dr_reader_fail(&reader, DR_E_FORMAT);
    EXPECT_EQ(dr_reader_end(&reader), DR_E_TRUNCATED);
}

static void reader_end_refuses_left_over_bytes(void)
{
    const uint8_t bytes[] = {1, 2};
    struct dr_reader reader;
    dr_reader_init(&reader, bytes, sizeof(bytes));
    EXPECT_EQ(dr_read_u8(&reader), 1);
    EXPECT_EQ(dr_reader_end(&reader), DR_E_FORMAT);
}

static void integers_survive_a_round_trip_in_both_orders(void)
{
    uint8_t bytes[64];
    struct dr_writer writer;
    struct dr_reader reader;
    dr_writer_init(&writer, bytes, sizeof(bytes));
    dr_write_u8(&writer, 0xfe);
    dr_write_u16(&writer, 0xfedc);
    dr_write_u32(&writer, 0xfedcba98u);
    dr_write_u64(&writer, 0xfedcba9876543210u);
    dr_write_u16_be(&writer, 0xfedc);
    dr_write_u32_be(&writer, 0xfedcba98u);
    dr_write_u64_be(&writer, 0xfedcba9876543210u);
    EXPECT_EQ(writer.status, DR_OK);
    EXPECT_EQ(writer.size_bytes, 29);
    EXPECT_EQ(bytes[1], 0xdc);
    EXPECT_EQ(bytes[15], 0xfe);
    dr_reader_init(&reader, bytes, writer.size_bytes);
    EXPECT_EQ(dr_read_u8(&reader), 0xfe);
    EXPECT_EQ(dr_read_u16(&reader), 0xfedc);
    EXPECT_EQ(dr_read_u32(&reader), 0xfedcba98u);
    EXPECT(dr_read_u64(&reader) == 0xfedcba9876543210u);
    EXPECT_EQ(dr_read_u16_be(&reader), 0xfedc);
    EXPECT_EQ(dr_read_u32_be(&reader), 0xfedcba98u);
    EXPECT(dr_read_u64_be(&reader) == 0xfedcba9876543210u);
    EXPECT_EQ(dr_reader_end(&reader), DR_OK);
}

static void writer_stops_at_its_capacity(void)
{
    uint8_t bytes[3] = {9, 9, 9};
    struct dr_writer writer;
    dr_writer_init(&writer, bytes, 2);
    dr_write_u16(&writer, 0x1234);
    dr_write_u8(&writer, 1);
    EXPECT_EQ(writer.status, DR_E_SPACE);
    EXPECT_EQ(writer.size_bytes, 2);
    EXPECT_EQ(bytes[2], 9);
}

/* FNV-1a's published values 811c9dc5 and e40c292c, the upper half folded into the lower. */
static void hash_follows_the_published_values(void)
{
    EXPECT_EQ(dr_text_hash(""), 0x811c1cd9);
    EXPECT_EQ(dr_text_hash("a"), 0xe40ccd20);
}

static void hex_is_exact_or_refused(void)
{
    const uint8_t bytes[] = {0x00, 0x9f, 0xff};
    char text[DR_HEX_SIZE(3)];
    uint8_t back[3];
    dr_hex_encode(bytes, sizeof(bytes), text);
    EXPECT_STR(text, "009fff");
    EXPECT_EQ(dr_hex_decode("009FfF", 6, back, 3), DR_OK);
    EXPECT(memcmp(back, bytes, 3) == 0);
    EXPECT_EQ(dr_hex_decode("009ff", 5, back, 2), DR_E_FORMAT);
    EXPECT_EQ(dr_hex_decode("009ffff", 7, back, 3), DR_E_FORMAT);
    EXPECT_EQ(dr_hex_decode("00 fff", 6, back, 3), DR_E_FORMAT);
}

static void base64_follows_the_rfc_vectors(void)
{
    static const struct {
        const char *plain;
        const char *coded;
    } rows[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        char coded[16];
        uint8_t plain[8];
        size_t size_bytes = 99;
        size_t len = strlen(rows[i].plain);
        EXPECT_EQ(
            dr_base64_encode((const uint8_t *)rows[i].plain, len, coded), strlen(rows[i].coded));
        EXPECT_STR(coded, rows[i].coded);
        EXPECT_EQ(
            dr_base64_decode(rows[i].coded, strlen(rows[i].coded), plain, 8, &size_bytes), DR_OK);
        EXPECT_EQ(size_bytes, len);
        EXPECT(memcmp(plain, rows[i].plain, len) == 0);
    }
}

static void base64_refuses_what_is_not_canonical(void)
{
    static const char *const bad[] = {
        "Z", "Zg=", "Zh==", "Zm9=", "Zg==Zg==", "Z===", "Zm 9", "===="};
    uint8_t out[16];
    size_t size_bytes = 77;
    for (size_t i = 0; i < DR_ARRAY_COUNT(bad); i++) {
        EXPECT_EQ(dr_base64_decode(bad[i], strlen(bad[i]), out, 16, &size_bytes), DR_E_FORMAT);
    }
    EXPECT_EQ(size_bytes, 77);
    EXPECT_EQ(dr_base64_decode("Zm9vYmFy", 8, out, 5, &size_bytes), DR_E_SPACE);
}

static void crc32_matches_its_check_value_and_continues(void)
{
    EXPECT_EQ(dr_crc32(0, "123456789", 9), 0xcbf43926u);
    EXPECT_EQ(dr_crc32(dr_crc32(0, "1234", 4), "56789", 5), 0xcbf43926u);
    EXPECT_EQ(dr_crc32(0, "", 0), 0);
}

static void secrets_compare_and_vanish(void)
{
    uint8_t a[4] = {1, 2, 3, 4};
    const uint8_t b[4] = {1, 2, 3, 5};
    EXPECT(dr_equal_ct(a, a, 4));
    EXPECT(!dr_equal_ct(a, b, 4));
    EXPECT(dr_equal_ct(a, b, 3));
    dr_wipe(a, sizeof(a));
    EXPECT_EQ(a[0] | a[1] | a[2] | a[3], 0);
}

static void every_status_has_a_text(void)
{
    EXPECT_STR(dr_status_text(DR_OK), "ok");
    EXPECT_STR(dr_status_name(DR_E_CORRUPT), "DR_E_CORRUPT");
    EXPECT_STR(dr_status_text((enum dr_status) - 9999), "unknown status");
}

DR_TEST_MAIN(
    reader_latches_its_first_error, reader_end_refuses_left_over_bytes,
    integers_survive_a_round_trip_in_both_orders, writer_stops_at_its_capacity,
    hash_follows_the_published_values, hex_is_exact_or_refused, base64_follows_the_rfc_vectors,
    base64_refuses_what_is_not_canonical, crc32_matches_its_check_value_and_continues,
    secrets_compare_and_vanish, every_status_has_a_text)
