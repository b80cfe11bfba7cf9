/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Streams in JSON, the device's half: what it asks is what the service reads, what the service
 * answers is what it reads, and nothing else is. */
#include "base/text.h"
#include "format/stream_json.h"
#include "format/stream_service.h"
#include "tests/unit/check.h"

static uint8_t room[64];
static struct dr_stream_block block;

/* As from a buffer of exactly that size: a sanitizer sees every read past its end. */
static enum dr_status parse(const char *message, size_t room_bytes)
{
    size_t size_bytes = strlen(message);
    uint8_t *copy = malloc(size_bytes + 1);
    memset(&block, 0xee, sizeof(block));
    memset(room, 0xee, sizeof(room));
    if (copy == NULL) {
        return DR_E_INTERNAL;
    }
    uint8_t *exact = copy + 1;
    memcpy(exact, message, size_bytes);
    enum dr_status status = dr_stream_json_parse_block(exact, size_bytes, room, room_bytes, &block);
    free(copy);
    return status;
}

static void test_get(void)
{
    static const uint8_t bitmap[] = {0x13, 0, 0x80, 0};
    struct dr_stream_get get = {
        .file_id = 3,
        .block_size_bytes = 4096,
        .offset = 20,
        .count = 4,
        .bitmap = bitmap,
        .bitmap_size_bytes = sizeof(bitmap)};
    static const char expected[] = "{\"f\":3,\"l\":4096,\"o\":20,\"n\":4,\"b\":\"13008000\"}";
    static struct dr_stream_request request;
    enum dr_stream_error error = DR_STREAM_ERROR_NONE;
    const char *text = NULL;
    uint8_t out[128];
    size_t size = 0;
    EXPECT_EQ(dr_stream_json_write_get(&get, out, sizeof(out), &size), DR_OK);
    REQUIRE(size == strlen(expected));
    EXPECT(memcmp(out, expected, size) == 0);
    for (size_t capacity = 0; capacity < strlen(expected); capacity++) {
        EXPECT_EQ(dr_stream_json_write_get(&get, out, capacity, &size), DR_E_SPACE);
    }

    EXPECT_EQ(
        dr_stream_parse_request(
            DR_TOPIC_STREAM_GET, DR_DIALECT_JSON, (const uint8_t *)expected, strlen(expected),
            &request, &error, &text),
        DR_OK);
    EXPECT_EQ(request.file_id, 3);
    EXPECT_EQ(request.block_size_bytes, 4096);
    EXPECT_EQ(request.offset, 20);
    EXPECT_EQ(request.count, 4);
    REQUIRE(request.bitmap_size_bytes == sizeof(bitmap));
    EXPECT(memcmp(request.bitmap, bitmap, sizeof(bitmap)) == 0);

    get.bitmap = NULL;
    EXPECT_EQ(dr_stream_json_write_get(&get, out, sizeof(out), &size), DR_OK);
    out[size] = '\0';
    EXPECT_STR((const char *)out, "{\"f\":3,\"l\":4096,\"o\":20,\"n\":4}");
}

/* Every length up to the room, as the service writes it. */
static void test_blocks_of_the_service(void)
{
    uint8_t payload[sizeof(room)];
    char message[256];
    for (size_t i = 0; i < sizeof(payload); i++) {
        payload[i] = (uint8_t)(i * 37u + 250u);
    }
    for (uint32_t size_bytes = 0; size_bytes <= sizeof(room); size_bytes++) {
        const struct dr_stream_block said = {
            .file_id = 2, .index = 70000, .size_bytes = size_bytes, .payload = payload};
        size_t len = 0;
        EXPECT_EQ(
            dr_stream_write_block(
                DR_DIALECT_JSON, "rdy", &said, (uint8_t *)message, sizeof(message) - 1, &len),
            DR_OK);
        message[len] = '\0';
        REQUIRE(parse(message, sizeof(room)) == DR_OK);
        EXPECT_EQ(block.file_id, 2);
        EXPECT_EQ(block.index, 70000);
        EXPECT_EQ(block.size_bytes, size_bytes);
        EXPECT(block.payload == room && memcmp(room, payload, size_bytes) == 0);
        if (size_bytes > 0) {
            EXPECT_EQ(parse(message, size_bytes - 1u), DR_E_SPACE);
        }
        for (size_t cut = 0; cut < len; cut++) {
            char kept = message[cut];
            message[cut] = '\0';
            EXPECT_EQ(parse(message, sizeof(room)), DR_E_FORMAT);
            message[cut] = kept;
        }
    }
}

static void test_blocks_of_others(void)
{
    static const struct {
        const char *message;
        enum dr_status status;
    } rows[] = {
        {" { \"p\" : \"YWJj\", \"z\": [{}], \"l\": 3, \"i\": \"9\", \"f\": 0 } ", DR_OK},
        {"{\"f\":0,\"l\":2,\"i\":9,\"p\":\"YWJj\"}", DR_E_FORMAT}, /* not its size */
        {"{\"f\":0,\"l\":4,\"i\":9,\"p\":\"YWJj\"}", DR_E_FORMAT},
        {"{\"f\":0,\"l\":3,\"p\":\"YWJj\"}", DR_E_FORMAT}, /* which? */
        {"{\"f\":0,\"l\":3,\"i\":9}", DR_E_FORMAT},
        {"{\"f\":0,\"l\":3,\"i\":9,\"p\":null}", DR_E_FORMAT},
        {"{\"f\":0,\"l\":3,\"i\":9,\"p\":[\"YWJj\"]}", DR_E_FORMAT},
        {"{\"f\":0,\"l\":3,\"i\":9,\"p\":\"YWJ\"}", DR_E_FORMAT}, /* no base64 */
        {"{\"f\":0,\"l\":3,\"i\":9,\"p\":\"YW-j\"}", DR_E_FORMAT},
        {"{\"f\":0,\"l\":2,\"i\":9,\"p\":\"YWJ=\"}", DR_E_FORMAT}, /* stray bits */
        {"{\"f\":0,\"l\":2,\"i\":9,\"p\":\"YWI=\"}", DR_OK},
        {"{\"f\":0,\"l\":3,\"i\":9,\"p\":\"\\u0059WJj\"}", DR_E_FORMAT}, /* escapes */
        {"{\"f\":0,\"l\":3,\"i\":-9,\"p\":\"YWJj\"}", DR_E_RANGE},
        {"{\"f\":0,\"l\":3,\"i\":4294967296,\"p\":\"YWJj\"}", DR_E_RANGE},
        {"{\"f\":0,\"l\":3,\"i\":9.0,\"p\":\"YWJj\"}", DR_E_FORMAT},
        {"[0,3,9,\"YWJj\"]", DR_E_FORMAT},
        {"", DR_E_FORMAT},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        EXPECT_EQ(parse(rows[i].message, sizeof(room)), rows[i].status);
        EXPECT(rows[i].status != DR_OK || (block.index == 9 && memcmp(room, "ab", 2) == 0));
    }
    uint8_t cbor[128];
    size_t size = 0;
    const struct dr_stream_block said = {.payload = (const uint8_t *)"abc", .size_bytes = 3};
    EXPECT_EQ(
        dr_stream_write_block(DR_DIALECT_CBOR, "rdy", &said, cbor, sizeof(cbor), &size), DR_OK);
    EXPECT_EQ(dr_stream_json_parse_block(cbor, size, room, sizeof(room), &block), DR_E_FORMAT);
}

static void test_rejected(void)
{
    static const struct {
        const char *message;
        const char *code; /* NULL: not readable */
    } rows[] = {
        {"{\"o\":\"ResourceNotFound\",\"m\":\"no\",\"c\":\"t\"}", "ResourceNotFound"},
        {"{\"code\":\"RequestThrottled\",\"message\":\"later\"}", "RequestThrottled"},
        {"{\"o\":\"InternalError\",\"code\":7}", "InternalError"},
        {"{\"m\":\"why not\"}", ""},
        {"{\"o\":null}", ""},
        {"{}", ""},
        {"\"o\"", NULL},
        {"{\"o\":\"ResourceNotFound\"", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *code = NULL;
        size_t len = 99;
        enum dr_status status = dr_stream_json_parse_rejected(
            (const uint8_t *)rows[i].message, strlen(rows[i].message), &code, &len);
        EXPECT_EQ(status, rows[i].code != NULL ? DR_OK : DR_E_FORMAT);
        if (status == DR_OK) {
            EXPECT(len == strlen(rows[i].code) && memcmp(code, rows[i].code, len) == 0);
        }
    }
    /* What the service writes. */
    const struct dr_stream_refusal refusal = {
        .client_token = "t", .error = DR_STREAM_ERROR_VERSION, .message = "no"};
    uint8_t out[256];
    size_t size = 0;
    const char *code = NULL;
    size_t len = 0;
    EXPECT_EQ(dr_stream_write_rejected(DR_DIALECT_JSON, &refusal, out, sizeof(out), &size), DR_OK);
    EXPECT_EQ(dr_stream_json_parse_rejected(out, size, &code, &len), DR_OK);
    EXPECT_EQ(dr_stream_error_from(code, len), DR_STREAM_ERROR_VERSION);
}

DR_TEST_MAIN(test_get, test_blocks_of_the_service, test_blocks_of_others, test_rejected)
