/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/wire/wire.h"
#include "tests/unit/check.h"

static void test_tokens(void)
{
    char text[DR_WIRE_TOKEN_BYTES];
    uint64_t token = 0;
    dr_wire_token_format(0x0123456789abcdefu, text);
    EXPECT_STR(text, "0123456789abcdef");
    EXPECT_EQ(dr_wire_token_parse(text, &token), DR_OK);
    EXPECT(token == 0x0123456789abcdefu);
    const char *const bad[] = {
        "", "1", "0123456789abcdeg", "0123456789abcdef0", " 123456789abcdef"};
    for (size_t i = 0; i < DR_ARRAY_COUNT(bad); i++) {
        EXPECT_EQ(dr_wire_token_parse(bad[i], &token), DR_E_FORMAT);
    }
    EXPECT(token == 0x0123456789abcdefu);
}

static void test_numbers(void)
{
    char text[DR_WIRE_NUMBER_BYTES];
    uint64_t number = 7;
    dr_wire_number_format(UINT64_MAX, text);
    EXPECT_STR(text, "18446744073709551615");
    EXPECT_EQ(dr_wire_number_parse(text, &number), DR_OK);
    EXPECT(number == UINT64_MAX);
    dr_wire_number_format(0, text);
    EXPECT_STR(text, "0");
    EXPECT_EQ(dr_wire_number_parse("0", &number), DR_OK);
    EXPECT(number == 0);
    EXPECT_EQ(dr_wire_number_parse("18446744073709551616", &number), DR_E_RANGE);
    const char *const bad[] = {"", "01", "-1", "+1", "1 ", "a", "184467440737095516150"};
    for (size_t i = 0; i < DR_ARRAY_COUNT(bad); i++) {
        EXPECT_EQ(dr_wire_number_parse(bad[i], &number), DR_E_FORMAT);
    }
}

static void test_names(void)
{
    char long_name[130];
    memset(long_name, 'a', sizeof(long_name) - 1);
    long_name[129] = '\0';
    EXPECT(dr_wire_thing_name_valid("a:b_c-9", 7));
    EXPECT(dr_wire_thing_name_valid(long_name, 128));
    EXPECT(!dr_wire_thing_name_valid(long_name, 129));
    EXPECT(!dr_wire_thing_name_valid("", 0));
    EXPECT(!dr_wire_thing_name_valid("a/b", 3));
    EXPECT(!dr_wire_thing_name_valid("a+", 2));
    EXPECT(dr_wire_client_id_valid("daruma/test"));
    EXPECT(dr_wire_client_id_valid("caf\xc3\xa9"));
    EXPECT(!dr_wire_client_id_valid(""));
    EXPECT(!dr_wire_client_id_valid("+"));
    EXPECT(!dr_wire_client_id_valid("a#"));
    EXPECT(!dr_wire_client_id_valid("a\nb"));
    EXPECT(!dr_wire_client_id_valid(long_name));
}

static void test_topics(void)
{
    const char *thing = NULL;
    const char *rest = NULL;
    size_t len = 0;
    EXPECT(dr_wire_topic_thing("$aws/things/t-1/jobs/$next/get", &thing, &len, &rest));
    EXPECT(len == 3 && memcmp(thing, "t-1", 3) == 0);
    EXPECT_STR(rest, "jobs/$next/get");
    EXPECT(dr_wire_topic_thing("daruma/1/in/t/x", &thing, &len, &rest));
    EXPECT_STR(rest, "x");
    const char *const bad[] = {
        "$aws/things/",
        "$aws/things/t",
        "$aws/things/t/",
        "$aws/things//x",
        "$aws/things/a+b/x",
        "app/t/x",
        "",
        "$aws/thing/t/x"};
    for (size_t i = 0; i < DR_ARRAY_COUNT(bad); i++) {
        EXPECT(!dr_wire_topic_thing(bad[i], &thing, &len, &rest));
    }
    EXPECT(dr_wire_topic_is_stream_data("$aws/things/t/streams/s/data/cbor"));
    EXPECT(!dr_wire_topic_is_stream_data("$aws/things/t/streams/s/description/cbor"));
    EXPECT(!dr_wire_topic_is_stream_data("$aws/things/t/streams/data"));
    EXPECT(!dr_wire_topic_is_stream_data("$aws/things/t/jobs/s/data/cbor"));
}

static void test_rewrites(void)
{
    char topic[64] = "$aws/things/t/jobs/get";
    EXPECT(dr_wire_rewrite_in(topic));
    EXPECT_STR(topic, "daruma/1/in/t/jobs/get");
    EXPECT(!dr_wire_rewrite_in(topic));
    char pub[64] = "daruma/1/pub/$aws/things/t/jobs/notify";
    EXPECT(dr_wire_rewrite_pub(pub));
    EXPECT_STR(pub, "$aws/things/t/jobs/notify");
    EXPECT(!dr_wire_rewrite_pub(pub));
    char empty[64] = "daruma/1/pub/";
    EXPECT(!dr_wire_rewrite_pub(empty));
}

static void test_boot(void)
{
    const struct dr_wire_boot boot = {1, 2, 3, 4, UINT64_MAX};
    uint8_t bytes[DR_WIRE_BOOT_BYTES];
    struct dr_wire_boot back;
    dr_wire_boot_encode(&boot, bytes);
    REQUIRE(dr_wire_boot_decode(bytes, sizeof(bytes), &back) == DR_OK);
    EXPECT(memcmp(&boot, &back, sizeof(boot)) == 0);
    EXPECT(dr_wire_boot_decode(bytes, sizeof(bytes) - 1, &back) != DR_OK);
    uint8_t longer[DR_WIRE_BOOT_BYTES + 1] = {0};
    EXPECT(dr_wire_boot_decode(longer, sizeof(longer), &back) != DR_OK);
}

static struct dr_wire_presence sample_presence(void)
{
    struct dr_wire_presence presence;
    memset(&presence, 0, sizeof(presence));
    presence.event = DR_WIRE_DISCONNECTED;
    presence.reason = DR_WIRE_REASON_DUPLICATE_CLIENTID;
    presence.session = 0xfedcba9876543210u;
    presence.time_ms = 1700000000123u;
    presence.version = 9;
    presence.certificate_id[31] = 7;
    (void)snprintf(presence.client_id, sizeof(presence.client_id), "thing-1");
    (void)snprintf(presence.address, sizeof(presence.address), "::1");
    return presence;
}

static void test_presence(void)
{
    struct dr_wire_presence presence = sample_presence();
    struct dr_wire_presence back;
    uint8_t bytes[DR_WIRE_PRESENCE_BYTES_MAX];
    size_t size = dr_wire_presence_encode(&presence, bytes);
    REQUIRE(dr_wire_presence_decode(bytes, size, &back) == DR_OK);
    EXPECT_EQ(back.event, presence.event);
    EXPECT_EQ(back.reason, presence.reason);
    EXPECT(back.session == presence.session && back.time_ms == presence.time_ms);
    EXPECT_STR(back.client_id, "thing-1");
    EXPECT_STR(back.address, "::1");
    EXPECT(memcmp(back.certificate_id, presence.certificate_id, 32) == 0);
    for (size_t cut = 0; cut < size; cut++) {
        EXPECT(dr_wire_presence_decode(bytes, cut, &back) != DR_OK);
    }
    bytes[0] = 3;
    EXPECT_EQ(dr_wire_presence_decode(bytes, size, &back), DR_E_FORMAT);
    bytes[0] = 1;
    bytes[1] = 200;
    EXPECT_EQ(dr_wire_presence_decode(bytes, size, &back), DR_E_FORMAT);
    bytes[1] = 0;
    bytes[54] = 200; /* the client id's length */
    EXPECT(dr_wire_presence_decode(bytes, size, &back) != DR_OK);
}

static void test_presence_at_its_largest(void)
{
    struct dr_wire_presence presence = sample_presence();
    struct dr_wire_presence back;
    uint8_t bytes[DR_WIRE_PRESENCE_BYTES_MAX];
    memset(presence.client_id, 'x', DR_WIRE_CLIENT_ID_MAX);
    memset(presence.address, '1', DR_WIRE_ADDRESS_BYTES - 1);
    size_t size = dr_wire_presence_encode(&presence, bytes);
    REQUIRE(dr_wire_presence_decode(bytes, size, &back) == DR_OK);
    EXPECT_STR(back.client_id, presence.client_id);
}

static void test_stats(void)
{
    uint8_t buffer[400];
    struct dr_wire_gate_counters gate = {.ring_bytes = 5, .sessions = 77};
    struct dr_wire_gate_counters gate_back;
    struct dr_wire_client_counters client = {.client_id = "c", .counters = {.stream_bytes = 9}};
    struct dr_wire_client_counters client_back;
    struct dr_wire_stats_writer writer;
    struct dr_wire_stats_reader reader;
    dr_wire_stats_begin(&writer, &gate, buffer, sizeof(buffer));
    size_t added = 0;
    while (dr_wire_stats_add(&writer, &client)) {
        client.counters.refused = ++added;
        REQUIRE(added < 100);
    }
    EXPECT_EQ(added, (sizeof(buffer) - 73) / 66);
    REQUIRE(dr_wire_stats_open(&reader, buffer, writer.size_bytes, &gate_back) == DR_OK);
    EXPECT_EQ(gate_back.ring_bytes, 5);
    EXPECT_EQ(gate_back.sessions, 77);
    for (size_t i = 0; i < added; i++) {
        REQUIRE(dr_wire_stats_next(&reader, &client_back) == DR_OK);
        EXPECT_STR(client_back.client_id, "c");
        EXPECT_EQ(client_back.counters.stream_bytes, 9);
        EXPECT_EQ(client_back.counters.refused, i);
    }
    EXPECT_EQ(dr_wire_stats_next(&reader, &client_back), DR_E_NOT_FOUND);
    REQUIRE(dr_wire_stats_open(&reader, buffer, writer.size_bytes - 1, &gate_back) == DR_OK);
    enum dr_status status = DR_OK;
    while (status == DR_OK) {
        status = dr_wire_stats_next(&reader, &client_back);
    }
    EXPECT_EQ(status, DR_E_FORMAT);
    EXPECT(dr_wire_stats_open(&reader, buffer, 20, &gate_back) != DR_OK);
}

DR_TEST_MAIN(
    test_tokens, test_numbers, test_names, test_topics, test_rewrites, test_boot, test_presence,
    test_presence_at_its_largest, test_stats)
