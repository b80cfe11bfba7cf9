/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/cbor.h"
#include "tests/unit/check.h"

static struct dr_reader over(const void *data, size_t size_bytes)
{
    struct dr_reader reader;
    dr_reader_init(&reader, data, size_bytes);
    return reader;
}

#define OVER(text) over((text), sizeof(text) - 1)

/* RFC 8949 appendix A. */
static void test_numbers(void)
{
    static const struct {
        const char *bytes;
        size_t size_bytes;
        uint32_t value;
    } rows[] = {
        {"\x00", 1, 0},
        {"\x17", 1, 23},
        {"\x18\x18", 2, 24},
        {"\x18\xff", 2, 255},
        {"\x19\x03\xe8", 3, 1000},
        {"\x1a\x00\x0f\x42\x40", 5, 1000000},
        {"\x1a\xff\xff\xff\xff", 5, UINT32_MAX},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        struct dr_reader reader = over(rows[i].bytes, rows[i].size_bytes);
        EXPECT_EQ(dr_cbor_read_uint(&reader), rows[i].value);
        EXPECT_EQ(dr_reader_end(&reader), DR_OK);
        uint8_t out[8];
        struct dr_writer writer;
        dr_writer_init(&writer, out, sizeof(out));
        dr_cbor_write_uint(&writer, rows[i].value);
        EXPECT_EQ(writer.size_bytes, rows[i].size_bytes);
        EXPECT(memcmp(out, rows[i].bytes, rows[i].size_bytes) == 0);
        for (size_t size = 0; size < rows[i].size_bytes; size++) {
            reader = over(rows[i].bytes, size);
            EXPECT_EQ(dr_cbor_read_uint(&reader), 0);
            EXPECT(reader.status != DR_OK);
        }
    }
    /* A long form of a small number is valid; above 32 bits is not ours. */
    struct dr_reader reader = OVER("\x1b\x00\x00\x00\x00\x00\x00\x00\x07");
    EXPECT_EQ(dr_cbor_read_uint(&reader), 7);
    EXPECT_EQ(reader.status, DR_OK);
    reader = OVER("\x1b\x00\x00\x00\x01\x00\x00\x00\x00");
    EXPECT_EQ(dr_cbor_read_uint(&reader), 0);
    EXPECT_EQ(reader.status, DR_E_RANGE);
    static const char *const wrong[] = {"\x20", "\x40", "\x60", "\x80",
                                        "\xa0", "\xf6", "\x1c", "\x1f"};
    for (size_t i = 0; i < DR_ARRAY_COUNT(wrong); i++) {
        reader = over(wrong[i], 1);
        (void)dr_cbor_read_uint(&reader);
        EXPECT(reader.status != DR_OK);
    }
}

static void read_pairs(struct dr_reader reader, size_t expected)
{
    size_t pairs = 0;
    struct dr_cbor_map map = dr_cbor_read_map(&reader);
    while (dr_cbor_more(&reader, &map)) {
        size_t len = 0;
        const char *key = dr_cbor_read_text(&reader, &len);
        EXPECT(key != NULL && len == 1 && key[0] == (char)('a' + pairs));
        EXPECT_EQ(dr_cbor_read_uint(&reader), pairs + 1);
        pairs++;
    }
    EXPECT_EQ(dr_reader_end(&reader), DR_OK);
    EXPECT_EQ(pairs, expected);
}

static void test_maps(void)
{
    read_pairs(OVER("\xa0"), 0);
    read_pairs(
        OVER("\xa2\x61"
             "a\x01\x61"
             "b\x02"),
        2);
    read_pairs(OVER("\xbf\xff"), 0);
    read_pairs(
        OVER("\xbf\x61"
             "a\x01\x61"
             "b\x02\xff"),
        2);
    read_pairs(
        OVER("\xb8\x01\x61"
             "a\x01"),
        1);

    struct dr_reader reader = OVER("\x82\x01\x02");
    struct dr_cbor_map map = dr_cbor_read_map(&reader);
    EXPECT(!dr_cbor_more(&reader, &map));
    EXPECT_EQ(reader.status, DR_E_FORMAT);
    /* An indefinite map without its end. */
    reader = OVER("\xbf\x61"
                  "a\x01");
    map = dr_cbor_read_map(&reader);
    EXPECT(dr_cbor_more(&reader, &map));
    dr_cbor_skip(&reader);
    dr_cbor_skip(&reader);
    EXPECT(dr_cbor_more(&reader, &map));
    dr_cbor_skip(&reader);
    EXPECT(!dr_cbor_more(&reader, &map));
    EXPECT(reader.status != DR_OK);
}

static void test_strings(void)
{
    size_t size = 0;
    struct dr_reader reader = OVER("\x43\x01\x02\x03\x63"
                                   "abc");
    const uint8_t *bytes = dr_cbor_read_bytes(&reader, &size);
    EXPECT(bytes != NULL && size == 3 && bytes[2] == 3);
    const char *text = dr_cbor_read_text(&reader, &size);
    EXPECT(text != NULL && size == 3 && memcmp(text, "abc", 3) == 0);
    EXPECT_EQ(dr_reader_end(&reader), DR_OK);

    reader = OVER("\x5a\xff\xff\xff\xff\x00");
    EXPECT(dr_cbor_read_bytes(&reader, &size) == NULL);
    EXPECT_EQ(size, 0);
    EXPECT_EQ(reader.status, DR_E_TRUNCATED);
    reader = OVER("\x5f\x41\x01\xff"); /* chunked */
    EXPECT(dr_cbor_read_bytes(&reader, &size) == NULL);
    EXPECT_EQ(reader.status, DR_E_FORMAT);
}

static void test_skip(void)
{
    static const struct {
        const char *bytes;
        size_t size_bytes;
        enum dr_status status;
    } rows[] = {
        {"\x00", 1, DR_OK},
        {"\x39\x01\x00", 3, DR_OK},
        {"\xf9\x3c\x00", 3, DR_OK},
        {"\xfb\x40\x09\x21\xfb\x54\x44\x2d\x18", 9, DR_OK},
        {"\xf6", 1, DR_OK},
        {"\xf8\x20", 2, DR_OK},
        {"\xc1\x1a\x51\x4b\x67\xb0", 6, DR_OK},
        {"\x5f\x41\x01\x42\x02\x03\xff", 7, DR_OK},
        {"\x9f\x01\x82\x02\x03\x9f\x04\x05\xff\xff", 10, DR_OK},
        {"\xbf\x61\x61\x01\x61\x62\x9f\x02\x03\xff\xff", 11, DR_OK},
        {"\x80", 1, DR_OK},
        {"\xff", 1, DR_E_FORMAT},
        {"\x82\x01", 2, DR_E_TRUNCATED},
        {"\x9a\xff\xff\xff\xff", 5, DR_E_TRUNCATED},
        {"\xba\xff\xff\xff\xff", 5, DR_E_TRUNCATED},
        {"\x81\x81\x81\x81\x81\x81\x81\x81\x01", 9, DR_OK},
        {"\x81\x81\x81\x81\x81\x81\x81\x81\x81\x01", 10, DR_E_RANGE},
        {"\xc1\xc1\xc1\xc1\xc1\xc1\xc1\xc1\xc1\xc1\x01", 11, DR_E_RANGE},
        {"", 0, DR_E_TRUNCATED},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        struct dr_reader reader = over(rows[i].bytes, rows[i].size_bytes);
        dr_cbor_skip(&reader);
        EXPECT_EQ(reader.status, rows[i].status);
        if (rows[i].status == DR_OK) {
            EXPECT_EQ(dr_reader_left(&reader), 0);
            for (size_t size = 0; size < rows[i].size_bytes; size++) {
                reader = over(rows[i].bytes, size);
                dr_cbor_skip(&reader);
                EXPECT(reader.status != DR_OK);
            }
        }
    }
}

DR_TEST_MAIN(test_numbers, test_maps, test_strings, test_skip)
