/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Both halves of file streams, against each other and against what AWS's clients send. */
#include "format/stream_service.h"
#include "tests/unit/check.h"

static struct dr_stream_request request;
static enum dr_stream_error error;
static const char *text;

static enum dr_status
parse(enum dr_topic_kind kind, enum dr_dialect dialect, const void *message, size_t size_bytes)
{
    uint8_t *copy = malloc(size_bytes + 1); /* so that a sanitizer sees every read past the end */
    error = DR_STREAM_ERROR_NONE;
    text = NULL;
    memset(&request, 0xee, sizeof(request));
    if (copy == NULL) {
        return DR_E_INTERNAL;
    }
    memcpy(copy, message, size_bytes);
    enum dr_status status =
        dr_stream_parse_request(kind, dialect, copy, size_bytes, &request, &error, &text);
    free(copy);
    return status;
}

static enum dr_status parse_json(const char *message)
{
    return parse(DR_TOPIC_STREAM_GET, DR_DIALECT_JSON, message, strlen(message));
}

/* The indices that the current request selects, as "1,2,3". */
static const char *selected(uint32_t file_size_bytes)
{
    static char list[256];
    size_t len = 0;
    uint32_t index = 0;
    uint32_t size_bytes = 0;
    uint32_t count = 0;
    list[0] = '\0';
    struct dr_stream_selection selection = dr_stream_select(&request, file_size_bytes);
    while (dr_stream_select_next(&selection, &index, &size_bytes) && len < sizeof(list) - 16) {
        bool last = index == (file_size_bytes - 1) / request.block_size_bytes;
        EXPECT_EQ(
            size_bytes,
            last ? file_size_bytes - index * request.block_size_bytes : request.block_size_bytes);
        len += (size_t)snprintf(list + len, 16, "%s%u", len > 0 ? "," : "", index);
        count++;
    }
    EXPECT_EQ(dr_stream_select_count(&request, file_size_bytes), count);
    return list;
}

static void test_classic_agent(void)
{
    /* {c:"rdy", f:0, l:4096, o:0, b:h'ff03', n:8}: six members, the whole bitmap. */
    static const uint8_t message[] = "\xa6\x61"
                                     "c\x63rdy\x61"
                                     "f\x00\x61"
                                     "l\x19\x10\x00\x61"
                                     "o\x00\x61"
                                     "b\x42\xff\x03\x61"
                                     "n\x08";
    size_t size = sizeof(message) - 1;
    REQUIRE(parse(DR_TOPIC_STREAM_GET, DR_DIALECT_CBOR, message, size) == DR_OK);
    EXPECT_STR(request.client_token, "rdy");
    EXPECT_EQ(request.block_size_bytes, 4096);
    EXPECT_EQ(request.count, 8);
    EXPECT(request.has_bitmap && request.bitmap_size_bytes == 2);
    EXPECT(!request.has_version);
    EXPECT_STR(selected(10 * 4096), "0,1,2,3,4,5,6,7");
    EXPECT_STR(selected(3 * 4096 + 1), "0,1,2,3");
    EXPECT_STR(selected(0), "");
    for (size_t i = 0; i < size; i++) {
        EXPECT(parse(DR_TOPIC_STREAM_GET, DR_DIALECT_CBOR, message, i) != DR_OK);
        EXPECT_EQ(error, DR_STREAM_ERROR_CBOR);
    }

    /* Our own agent: no token, and the bitmap last. */
    static const uint8_t ours[] = "\xa5\x61"
                                  "f\x00\x61"
                                  "l\x19\x10\x00\x61"
                                  "o\x00\x61"
                                  "n\x08\x61"
                                  "b\x42\xff\x03";
    uint8_t own[64];
    size_t own_size = 0;
    struct dr_stream_get get = {
        .block_size_bytes = 4096,
        .count = 8,
        .bitmap = (const uint8_t *)"\xff\x03",
        .bitmap_size_bytes = 2,
    };
    size = sizeof(ours) - 1;
    EXPECT_EQ(dr_stream_write_get(&get, own, sizeof(own), &own_size), DR_OK);
    EXPECT(own_size == size && memcmp(own, ours, size) == 0);
    EXPECT_EQ(dr_stream_write_get(&get, own, size - 1, &own_size), DR_E_SPACE);
    REQUIRE(parse(DR_TOPIC_STREAM_GET, DR_DIALECT_CBOR, own, size) == DR_OK);
    EXPECT_STR(request.client_token, "");
    EXPECT_STR(selected(10 * 4096), "0,1,2,3,4,5,6,7");
    get.bitmap = NULL;
    EXPECT_EQ(dr_stream_write_get(&get, own, sizeof(own), &own_size), DR_OK);
    REQUIRE(parse(DR_TOPIC_STREAM_GET, DR_DIALECT_CBOR, own, own_size) == DR_OK);
    EXPECT(!request.has_bitmap);
    EXPECT_EQ(request.count, 8);
}

static void test_newer_library(void)
{
    /* o is the wanted block and the bitmap is the four characters MQ==: bit 0 gives block o. */
    static const uint8_t one[] = "\xbf\x61"
                                 "c\x63rdy\x61"
                                 "f\x00\x61"
                                 "l\x19\x10\x00\x61"
                                 "o\x05\x61"
                                 "n\x01\x61"
                                 "b\x44MQ==\xff";
    REQUIRE(parse(DR_TOPIC_STREAM_GET, DR_DIALECT_CBOR, one, sizeof(one) - 1) == DR_OK);
    EXPECT_STR(selected(100 * 4096), "5");
    /* With n above 1 it is read literally: 4D 51 3D 3D, least significant bit first. */
    request.count = 6;
    EXPECT_STR(selected(100 * 4096), "5,7,8,11,13,17");
    /* Its JSON dialect: s = 1, neither c nor b. */
    REQUIRE(parse_json("{\"s\":1,\"f\":0,\"l\":256,\"o\":3,\"n\":2}") == DR_OK);
    EXPECT(request.has_version && request.version == 1);
    EXPECT_STR(request.client_token, "");
    EXPECT_STR(selected(100 * 256), "3,4");
    EXPECT_STR(selected(4 * 256), "3");
    EXPECT_STR(selected(3 * 256), "");
}

static void test_json_bitmaps(void)
{
    /* The guide's example: blocks 20, 21, 24 and 43 with o = 20. */
    REQUIRE(parse_json("{\"f\":1,\"l\":256,\"o\":20,\"b\":\"0x130080\"}") == DR_OK);
    EXPECT_EQ(request.count, DR_STREAM_COUNT_MAX);
    EXPECT_STR(selected(256 * 256), "20,21,24,43");
    REQUIRE(parse_json("{\"f\":1,\"l\":256,\"o\":20,\"b\":\"130080\",\"n\":3}") == DR_OK);
    EXPECT_STR(selected(256 * 256), "20,21,24");
    REQUIRE(parse_json("{\"f\":1,\"l\":256,\"b\":\"\"}") == DR_OK);
    EXPECT_STR(selected(256 * 256), "");
    REQUIRE(parse_json("{\"f\":1,\"l\":256,\"n\":0}") == DR_OK);
    EXPECT_STR(selected(256 * 256), "");
}

static void test_refusals(void)
{
    static const struct {
        const char *json;
        enum dr_stream_error error;
    } rows[] = {
        {"", DR_STREAM_ERROR_JSON},
        {"[]", DR_STREAM_ERROR_JSON},
        {"{\"l\":256,\"n\":1}", DR_STREAM_ERROR_REQUEST},
        {"{\"f\":256,\"l\":256,\"n\":1}", DR_STREAM_ERROR_REQUEST},
        {"{\"f\":0,\"n\":1}", DR_STREAM_ERROR_REQUEST},
        {"{\"f\":0,\"l\":255,\"n\":1}", DR_STREAM_ERROR_BLOCK_SIZE},
        {"{\"f\":0,\"l\":131073,\"n\":1}", DR_STREAM_ERROR_BLOCK_SIZE},
        {"{\"f\":0,\"l\":0,\"n\":1}", DR_STREAM_ERROR_BLOCK_SIZE},
        {"{\"f\":0,\"l\":256,\"o\":98305,\"n\":1}", DR_STREAM_ERROR_OFFSET},
        {"{\"f\":0,\"l\":256,\"n\":98305}", DR_STREAM_ERROR_COUNT},
        {"{\"f\":0,\"l\":256,\"b\":\"0g\"}", DR_STREAM_ERROR_REQUEST},
        {"{\"f\":0,\"l\":256,\"b\":\"0\"}", DR_STREAM_ERROR_REQUEST},
        {"{\"f\":0,\"l\":256,\"b\":7}", DR_STREAM_ERROR_REQUEST},
        {"{\"f\":0,\"l\":\"x\"}", DR_STREAM_ERROR_REQUEST},
        {"{\"f\":0,\"l\":256,\"c\":7}", DR_STREAM_ERROR_REQUEST},
        {"{\"f\":-1,\"l\":256}", DR_STREAM_ERROR_REQUEST},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        EXPECT_EQ(parse_json(rows[i].json), DR_E_FORMAT);
        EXPECT_EQ(error, rows[i].error);
        EXPECT(text != NULL && strlen(text) > 5);
    }
    static char large[2 * 12288 + 64];
    int len = snprintf(large, sizeof(large), "{\"f\":0,\"l\":256,\"b\":\"");
    memset(large + len, '0', 2 * 12288);
    memcpy(large + len + 2 * 12288, "\"}", 3);
    EXPECT_EQ(parse_json(large), DR_E_FORMAT);
    EXPECT_EQ(error, DR_STREAM_ERROR_BITMAP);
    memcpy(large + len + 2 * 12287, "\"}", 3);
    EXPECT_EQ(parse_json(large), DR_OK);

    static uint8_t cbor[12288 + 32] = "\xa3\x61"
                                      "f\x00\x61"
                                      "l\x19\x01\x00\x61"
                                      "b\x59\x30\x00";
    EXPECT_EQ(parse(DR_TOPIC_STREAM_GET, DR_DIALECT_CBOR, cbor, 16 + 12288), DR_E_FORMAT);
    EXPECT_EQ(error, DR_STREAM_ERROR_BITMAP);
    static const char long_token[] =
        "\xa1\x61"
        "c\x78\x41"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    EXPECT_EQ(
        parse(DR_TOPIC_STREAM_GET, DR_DIALECT_CBOR, long_token, sizeof(long_token) - 1),
        DR_E_FORMAT);
    EXPECT_EQ(error, DR_STREAM_ERROR_REQUEST);
    /* The token of a refused request is there to be echoed. */
    EXPECT_EQ(parse_json("{\"c\":\"\\u0041\",\"f\":0,\"l\":1}"), DR_E_FORMAT);
    EXPECT_STR(request.client_token, "A");
}

static void test_describe(void)
{
    EXPECT_EQ(parse(DR_TOPIC_STREAM_DESCRIBE, DR_DIALECT_JSON, "", 0), DR_OK);
    EXPECT_EQ(parse(DR_TOPIC_STREAM_DESCRIBE, DR_DIALECT_CBOR, "\xa0", 1), DR_OK);
    EXPECT_EQ(parse(DR_TOPIC_STREAM_DESCRIBE, DR_DIALECT_JSON, "{\"c\":\"t\"}", 9), DR_OK);
    EXPECT_STR(request.client_token, "t");
    EXPECT_EQ(parse(DR_TOPIC_STREAM_GET, DR_DIALECT_CBOR, "", 0), DR_E_FORMAT);

    static const struct dr_stream_file files[] = {{0, 50675}, {1, 256}};
    const struct dr_stream_description description = {
        .client_token = "t", .text = "demo", .version = 1, .files = files, .file_count = 2};
    uint8_t out[256];
    size_t size = 0;
    EXPECT_EQ(
        dr_stream_write_description(DR_DIALECT_JSON, &description, out, sizeof(out), &size), DR_OK);
    static const char json[] =
        "{\"c\":\"t\",\"s\":1,\"d\":\"demo\",\"r\":[{\"f\":0,\"z\":50675},{\"f\":1,\"z\":256}]}";
    EXPECT(size == strlen(json) && memcmp(out, json, size) == 0);
    EXPECT_EQ(
        dr_stream_write_description(DR_DIALECT_CBOR, &description, out, sizeof(out), &size), DR_OK);
    static const char cbor[] = "\xa4\x61"
                               "c\x61t\x61s\x01\x61"
                               "d\x64"
                               "demo\x61r\x82\xa2\x61"
                               "f\x00\x61z\x19\xc5\xf3\xa2\x61"
                               "f\x01\x61z\x19\x01\x00";
    EXPECT(size == sizeof(cbor) - 1 && memcmp(out, cbor, size) == 0);
}

static void test_blocks(void)
{
    static uint8_t payload[4096];
    static uint8_t out[8192];
    size_t size = 0;
    struct dr_stream_block block = {0, 300, sizeof(payload), payload};
    struct dr_stream_block read;
    for (size_t i = 0; i < sizeof(payload); i++) {
        payload[i] = (uint8_t)(i * 7);
    }
    EXPECT_EQ(
        dr_stream_write_block(DR_DIALECT_CBOR, "rdy", &block, out, sizeof(out), &size), DR_OK);
    EXPECT_EQ(size, sizeof(payload) + 25);
    REQUIRE(dr_stream_parse_block(out, size, &read) == DR_OK);
    EXPECT_EQ(read.index, 300);
    EXPECT_EQ(read.size_bytes, sizeof(payload));
    EXPECT(memcmp(read.payload, payload, sizeof(payload)) == 0);
    for (size_t i = 0; i < size; i += i < 30 ? 1 : 500) {
        EXPECT_EQ(dr_stream_parse_block(out, i, &read), DR_E_FORMAT);
    }
    /* The head alone, the payload put behind it by the caller. */
    struct dr_writer writer;
    static uint8_t again[8192];
    dr_writer_init(&writer, again, sizeof(again));
    dr_stream_write_block_head(&writer, "rdy", &block);
    dr_write_bytes(&writer, payload, sizeof(payload));
    EXPECT(writer.size_bytes == size && memcmp(out, again, size) == 0);
    EXPECT_EQ(
        dr_stream_write_block(DR_DIALECT_CBOR, "rdy", &block, out, size - 1, &size), DR_E_SPACE);

    block.size_bytes = 4;
    EXPECT_EQ(dr_stream_write_block(DR_DIALECT_JSON, "", &block, out, sizeof(out), &size), DR_OK);
    static const char json[] = "{\"f\":0,\"l\":4,\"i\":300,\"p\":\"AAcOFQ==\"}";
    EXPECT(size == strlen(json) && memcmp(out, json, size) == 0);
    for (size_t i = 0; i < strlen(json); i++) {
        EXPECT_EQ(dr_stream_write_block(DR_DIALECT_JSON, "", &block, out, i, &size), DR_E_SPACE);
    }
}

static void test_foreign_blocks(void)
{
    struct dr_stream_block read;
    /* AWS's framing: an indefinite map. Unknown keys are skipped. */
    static const uint8_t live[] = "\xbf\x61"
                                  "c\x63rdy\x61"
                                  "f\x00\x61l\x02\x61i\x07\x61"
                                  "p\x42\x01\x02\x61x\xf6\xff";
    REQUIRE(dr_stream_parse_block(live, sizeof(live) - 1, &read) == DR_OK);
    EXPECT_EQ(read.index, 7);
    EXPECT(read.size_bytes == 2 && read.payload[1] == 2);
    static const struct {
        const char *bytes;
        size_t size_bytes;
    } bad[] = {
        {"\xa3\x61i\x07\x61l\x00\x61p\x40", 10}, /* no f */
        {"\xa4\x61"
         "f\x00\x61i\x07\x61l\x03\x61p\x42\x01\x02",
         15}, /* l is not the payload's size */
        {"\xa4\x61"
         "f\x00\x61i\x07\x61l\x02\x61p\x62\x01\x02",
         15}, /* text, not bytes */
        {"\xa4\x61"
         "f\x00\x61i\x07\x61l\x02\x61p\x42\x01\x02\x00",
         16}, /* something behind it */
        {"\xa4\x61"
         "f\x20\x61i\x07\x61l\x02\x61p\x42\x01\x02",
         15}, /* negative */
        {"\x80", 1},
        {"", 0},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(bad); i++) {
        EXPECT_EQ(
            dr_stream_parse_block((const uint8_t *)bad[i].bytes, bad[i].size_bytes, &read),
            DR_E_FORMAT);
    }
}

static void test_rejected(void)
{
    uint8_t out[256];
    size_t size = 0;
    const char *code = NULL;
    size_t code_len = 0;
    const struct dr_stream_refusal refusal = {"t", DR_STREAM_ERROR_NOT_FOUND, "no such stream"};
    EXPECT_EQ(dr_stream_write_rejected(DR_DIALECT_CBOR, &refusal, out, sizeof(out), &size), DR_OK);
    REQUIRE(dr_stream_parse_rejected(out, size, &code, &code_len) == DR_OK);
    EXPECT_EQ(dr_stream_error_from(code, code_len), DR_STREAM_ERROR_NOT_FOUND);
    EXPECT(!dr_stream_code_is_transient(code, code_len));
    for (size_t i = 0; i < size; i++) {
        EXPECT_EQ(dr_stream_parse_rejected(out, i, &code, &code_len), DR_E_FORMAT);
    }
    /* Live bodies may be indefinite and may have only one kind of keys. */
    static const uint8_t shorter[] = "\xbf\x61o\x70RequestThrottled\x61m\x60\xff";
    REQUIRE(dr_stream_parse_rejected(shorter, sizeof(shorter) - 1, &code, &code_len) == DR_OK);
    EXPECT(dr_stream_code_is_transient(code, code_len));
    REQUIRE(dr_stream_parse_rejected((const uint8_t *)"\xa0", 1, &code, &code_len) == DR_OK);
    EXPECT_EQ(code_len, 0);
    EXPECT(dr_stream_code_is_transient(code, code_len));
    EXPECT_EQ(dr_stream_write_rejected(DR_DIALECT_JSON, &refusal, out, sizeof(out), &size), DR_OK);
    static const char json[] =
        "{\"o\":\"ResourceNotFound\",\"m\":\"no such stream\",\"code\":\"ResourceNotFound\","
        "\"message\":\"no such stream\",\"c\":\"t\",\"clientToken\":\"t\"}";
    EXPECT(size == strlen(json) && memcmp(out, json, size) == 0);
}

static void test_selection_bounds(void)
{
    memset(&request, 0, sizeof(request));
    request.block_size_bytes = 131072;
    request.count = 1;
    /* The last block of the largest file there can be. */
    request.offset = 32767;
    uint32_t index = 0;
    uint32_t size_bytes = 0;
    struct dr_stream_selection selection = dr_stream_select(&request, UINT32_MAX);
    EXPECT_EQ(selection.block_count, 32768);
    REQUIRE(dr_stream_select_next(&selection, &index, &size_bytes));
    EXPECT_EQ(index, 32767);
    EXPECT_EQ(size_bytes, 131071);
    EXPECT(!dr_stream_select_next(&selection, &index, &size_bytes));
    request.offset = 98304;
    EXPECT_EQ(dr_stream_select_count(&request, UINT32_MAX), 0);
}

DR_TEST_MAIN(
    test_classic_agent, test_newer_library, test_json_bitmaps, test_refusals, test_describe,
    test_blocks, test_foreign_blocks, test_rejected, test_selection_bounds)
