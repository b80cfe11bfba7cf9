/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/json.h"
#include "tests/unit/check.h"

static enum dr_status check(const char *text)
{
    struct dr_json value;
    return dr_json_check(text, strlen(text), &value);
}

static struct dr_json parsed(const char *text)
{
    struct dr_json value = {NULL, 0};
    EXPECT_EQ(dr_json_check(text, strlen(text), &value), DR_OK);
    return value;
}

static void test_well_formed(void)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        " { } ",
        "0",
        "-0",
        "-12.5e+3",
        "1E5",
        "0.1",
        "true",
        "false",
        "null",
        "\"\"",
        "\"\\u00e9\\n\\/\\\\\"",
        "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
        "{\"a\":[1,2,{\"b\":[]}],\"c\":{}}",
        "\t[\r\n1 , 2 ]\n",
        "{\"a\":1,\"a\":2}",
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(texts); i++) {
        if (check(texts[i]) != DR_OK) {
            fprintf(stderr, "refused: %s\n", texts[i]);
        }
        EXPECT_EQ(check(texts[i]), DR_OK);
    }
}

static void test_malformed(void)
{
    static const char *const texts[] = {
        "",           " ",           "{",
        "}",          "[",           "]",
        "[1",         "[1,",         "[1,]",
        "[,1]",       "{\"a\"}",     "{\"a\":}",
        "{\"a\":1,}", "{a:1}",       "{1:1}",
        "{\"a\":1]",  "[1}",         "1 2",
        "{} x",       "01",          "-",
        "1.",         ".5",          "1e",
        "1e+",        "+1",          "tru",
        "truex",      "nul",         "\"",
        "\"a",        "\"\\\"",      "\"\\x\"",
        "\"\\u12\"",  "\"\\u12g4\"", "\"\n\"",
        "\"\x01\"",   "'a'",         "// comment\n1",
        "NaN",        "[1 2]",       "{\"a\" 1}",
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(texts); i++) {
        if (check(texts[i]) == DR_OK) {
            fprintf(stderr, "accepted: %s\n", texts[i]);
        }
        EXPECT_EQ(check(texts[i]), DR_E_FORMAT);
    }
    struct dr_json value;
    EXPECT_EQ(dr_json_check("1\0", 2, &value), DR_E_FORMAT);
    EXPECT_EQ(dr_json_check("\"\0\"", 3, &value), DR_E_FORMAT);
    EXPECT_EQ(dr_json_check("{}\0{}", 5, &value), DR_E_FORMAT);
    EXPECT_EQ(dr_json_check_object("[]", 2, &value), DR_E_FORMAT);
}

static void test_utf8(void)
{
    static const struct {
        const char *text;
        enum dr_status status;
    } rows[] = {
        {"{}", DR_OK},
        {"{\"a\":\"\x7f\xc2\x80\xdf\xbf\"}", DR_OK},
        {"{\"a\":\"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\"}", DR_OK},
        {"{\"a\":\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"}", DR_OK},
        {"{\"\xc3\xa9\":1}", DR_OK},
        {"[]", DR_E_FORMAT},
        {"{\"a\":\"\x80\"}", DR_E_FORMAT},
        {"{\"a\":\"\xff\"}", DR_E_FORMAT},
        {"{\"a\":\"\xc3\"}", DR_E_FORMAT},
        {"{\"a\":\"\xc0\xaf\"}", DR_E_FORMAT},
        {"{\"a\":\"\xc1\xbf\"}", DR_E_FORMAT},
        {"{\"a\":\"\xe0\x9f\xbf\"}", DR_E_FORMAT},
        {"{\"a\":\"\xed\xa0\x80\"}", DR_E_FORMAT},
        {"{\"a\":\"\xf0\x8f\xbf\xbf\"}", DR_E_FORMAT},
        {"{\"a\":\"\xf4\x90\x80\x80\"}", DR_E_FORMAT},
        {"{\"a\":\"\xf5\x80\x80\x80\"}", DR_E_FORMAT},
        {"{\"a\":\"\xe2\x82\"}", DR_E_FORMAT},
        {"{\"a\":\"\xf0\x9f\x98\"}", DR_E_FORMAT},
    };
    struct dr_json value;
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        EXPECT_EQ(dr_json_check_utf8(rows[i].text, strlen(rows[i].text), &value), rows[i].status);
    }
    EXPECT_EQ(dr_utf8_length((const uint8_t *)"", 0), 0);
}

static void test_every_truncation(void)
{
    static const char text[] = "{\"a\":[1,{\"b\":\"x\\u00e9\\\"\"},true,null],\"c\":-1.5e3}";
    char copy[sizeof(text)];
    for (size_t len = 0; len < strlen(text); len++) {
        memcpy(copy, text, len);
        struct dr_json value;
        EXPECT_EQ(dr_json_check(copy, len, &value), DR_E_FORMAT);
    }
    EXPECT_EQ(check(text), DR_OK);
}

static void test_depth(void)
{
    char text[2 * DR_JSON_DEPTH_MAX + 3];
    memset(text, '[', DR_JSON_DEPTH_MAX);
    memset(text + DR_JSON_DEPTH_MAX, ']', DR_JSON_DEPTH_MAX);
    text[2 * DR_JSON_DEPTH_MAX] = '\0';
    EXPECT_EQ(check(text), DR_OK);
    memset(text, '[', DR_JSON_DEPTH_MAX + 1);
    EXPECT_EQ(check(text), DR_E_RANGE);
}

static void test_members(void)
{
    struct dr_json root = parsed(
        " {\"a\": 1, \"b\" :\"two\", \"a\":3, \"deep\":{\"x\":[true , false]}, \"n\":null } ");
    uint32_t number = 0;
    EXPECT_EQ(dr_json_kind(root), DR_JSON_OBJECT);
    EXPECT_EQ(dr_json_u32(dr_json_member(root, "a"), &number), DR_OK);
    EXPECT_EQ(number, 1); /* the first one counts */
    EXPECT(dr_json_is(dr_json_member(root, "b"), "two"));
    EXPECT(!dr_json_is(dr_json_member(root, "b"), "tw"));
    EXPECT(!dr_json_is(dr_json_member(root, "b"), "twos"));
    EXPECT(!dr_json_is(dr_json_member(root, "a"), "1"));
    EXPECT_EQ(dr_json_kind(dr_json_member(root, "c")), DR_JSON_ABSENT);
    EXPECT_EQ(dr_json_kind(dr_json_member(root, "n")), DR_JSON_NULL);
    EXPECT_EQ(dr_json_kind(dr_json_member(dr_json_member(root, "a"), "x")), DR_JSON_ABSENT);

    struct dr_json list = dr_json_member(dr_json_member(root, "deep"), "x");
    EXPECT_EQ(dr_json_kind(list), DR_JSON_ARRAY);
    struct dr_json_iterator each = dr_json_each(list);
    bool flag = false;
    REQUIRE(dr_json_next(&each));
    EXPECT_EQ(each.key.len, 0);
    EXPECT_EQ(dr_json_bool(each.value, &flag), DR_OK);
    EXPECT(flag);
    REQUIRE(dr_json_next(&each));
    EXPECT_EQ(dr_json_bool(each.value, &flag), DR_OK);
    EXPECT(!flag);
    EXPECT(!dr_json_next(&each));
    EXPECT(!dr_json_next(&each));

    size_t count = 0;
    each = dr_json_each(root);
    while (dr_json_next(&each)) {
        EXPECT(each.key.len > 0);
        count++;
    }
    EXPECT_EQ(count, 5);
    each = dr_json_each(parsed("{ }"));
    EXPECT(!dr_json_next(&each));
    each = dr_json_each(parsed("[ ]"));
    EXPECT(!dr_json_next(&each));
    each = dr_json_each(parsed("7"));
    EXPECT(!dr_json_next(&each));
}

static void test_strings(void)
{
    static const struct {
        const char *json;
        enum dr_status status;
        const char *text;
    } rows[] = {
        {"\"\"", DR_OK, ""},
        {"\"abc\"", DR_OK, "abc"},
        {"\"a\\\"b\\\\c\\/d\\b\\f\\n\\r\\te\"", DR_OK, "a\"b\\c/d\b\f\n\r\te"},
        {"\"\\u0041\\u00e9\\u20ac\"", DR_OK, "A\xc3\xa9\xe2\x82\xac"},
        {"\"\\ud83d\\ude00\"", DR_OK, "\xf0\x9f\x98\x80"},
        {"\"\\uD83D\\uDE00\"", DR_OK, "\xf0\x9f\x98\x80"},
        {"\"\\u0000\"", DR_E_FORMAT, ""},
        {"\"\\ud83d\"", DR_E_FORMAT, ""},
        {"\"\\ud83dx\"", DR_E_FORMAT, ""},
        {"\"\\ud83d\\u0041\"", DR_E_FORMAT, ""},
        {"\"\\ude00\"", DR_E_FORMAT, ""},
        {"1", DR_E_FORMAT, ""},
        {"\"123456789012345\"", DR_OK, "123456789012345"},
        {"\"1234567890123456\"", DR_E_SPACE, ""},
        {"\"12345678901234\\u00e9\"", DR_E_SPACE, ""},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        char out[16] = "unset";
        EXPECT_EQ(dr_json_string(parsed(rows[i].json), out, sizeof(out)), rows[i].status);
        EXPECT_STR(out, rows[i].text);
    }
    char out[4] = "abc";
    const struct dr_json absent = {NULL, 0};
    EXPECT_EQ(dr_json_string(absent, out, sizeof(out)), DR_E_NOT_FOUND);
    EXPECT_STR(out, "");
    EXPECT_EQ(dr_json_string(parsed("\"\""), out, 0), DR_E_SPACE);
    EXPECT_EQ(dr_json_plain(parsed("\"abc\""), out, sizeof(out)), DR_OK);
    EXPECT_STR(out, "abc");
    EXPECT_EQ(dr_json_plain(parsed("\"abcd\""), out, sizeof(out)), DR_E_SPACE);
    EXPECT_EQ(dr_json_plain(parsed("\"\\n\""), out, sizeof(out)), DR_E_FORMAT);
    EXPECT_EQ(dr_json_plain(parsed("12"), out, sizeof(out)), DR_E_FORMAT);
    EXPECT_EQ(dr_json_raw(parsed("12")).len, 0);
    size_t characters = 0;
    EXPECT_EQ(dr_json_measure(parsed("\"a\xc3\xa9\\u20ac\\ud83d\\ude00\\/\""), &characters), DR_OK);
    EXPECT_EQ(characters, 5);
    EXPECT_EQ(dr_json_measure(parsed("\"\""), &characters), DR_OK);
    EXPECT_EQ(characters, 0);
    EXPECT_EQ(dr_json_measure(parsed("\"\\t\""), &characters), DR_E_RANGE);
    EXPECT_EQ(dr_json_measure(parsed("\"\\u007f\""), &characters), DR_E_RANGE);
    EXPECT_EQ(dr_json_measure(parsed("\"\\u0000\""), &characters), DR_E_FORMAT);
    EXPECT_EQ(dr_json_measure(parsed("7"), &characters), DR_E_FORMAT);
    EXPECT_EQ(dr_json_measure(absent, &characters), DR_E_NOT_FOUND);
    EXPECT_EQ(dr_json_raw(parsed("\"\\n\"")).len, 2);
}

static void test_numbers(void)
{
    static const struct {
        const char *json;
        enum dr_status status;
        uint32_t number;
    } rows[] = {
        {"0", DR_OK, 0},
        {"4294967295", DR_OK, UINT32_MAX},
        {"4294967296", DR_E_RANGE, 0},
        {"4294967300", DR_E_RANGE, 0},
        {"99999999999999999999999", DR_E_RANGE, 0},
        {"\"17\"", DR_OK, 17},
        {"\"\"", DR_E_FORMAT, 0},
        {"\"1x\"", DR_E_FORMAT, 0},
        {"\"\\u0031\"", DR_E_FORMAT, 0},
        {"-1", DR_E_RANGE, 0},
        {"1.0", DR_E_FORMAT, 0},
        {"1e3", DR_E_FORMAT, 0},
        {"true", DR_E_FORMAT, 0},
        {"{}", DR_E_FORMAT, 0},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        uint32_t number = 0;
        EXPECT_EQ(dr_json_u32(parsed(rows[i].json), &number), rows[i].status);
        EXPECT_EQ(number, rows[i].number);
    }
    uint32_t number = 0;
    bool flag = false;
    const struct dr_json absent = {NULL, 0};
    EXPECT_EQ(dr_json_u32(absent, &number), DR_E_NOT_FOUND);
    EXPECT_EQ(dr_json_bool(absent, &flag), DR_E_NOT_FOUND);
    EXPECT_EQ(dr_json_bool(parsed("1"), &flag), DR_E_FORMAT);
}

struct target {
    uint8_t small;
    uint32_t middle;
    char text[8];
    struct dr_json string;
    struct dr_json object;
    struct dr_json value;
};

static const struct dr_json_fields target_fields = {
    "small\0middle\0text\0string\0object\0value\0", 1u,
    (const struct dr_json_field[]){
        {offsetof(struct target, small), DR_JSON_FIELD_U8, 0},
        {offsetof(struct target, middle), DR_JSON_FIELD_U32, 0},
        {offsetof(struct target, text), DR_JSON_FIELD_TEXT, 8},
        {offsetof(struct target, string), DR_JSON_FIELD_STRING, 0},
        {offsetof(struct target, object), DR_JSON_FIELD_OBJECT, 0},
        {offsetof(struct target, value), DR_JSON_FIELD_VALUE, 0},
    }};

static enum dr_status read_target(const char *text, struct target *target)
{
    memset(target, 0, sizeof(*target));
    return dr_json_read_fields(parsed(text), &target_fields, target);
}

static void test_fields(void)
{
    struct target target;
    EXPECT_EQ(
        read_target(
            "{\"other\":[{}],\"small\":255,\"middle\":\"4294967295\","
            "\"text\":\"seven77\",\"string\":\"s\",\"object\":{},\"value\":[1],\"small\":1}",
            &target),
        DR_OK);
    EXPECT_EQ(target.small, 255);
    EXPECT_EQ(target.middle, UINT32_MAX);
    EXPECT_STR(target.text, "seven77");
    EXPECT_EQ(target.string.len, 3);
    EXPECT_EQ(target.object.len, 2);
    EXPECT_EQ(target.value.len, 3);

    EXPECT_EQ(read_target("{\"small\":0,\"text\":null}", &target), DR_OK);
    EXPECT_EQ(target.small, 0);
    EXPECT_STR(target.text, "");
    EXPECT_EQ(read_target("{}", &target), DR_E_FORMAT);
    EXPECT_EQ(read_target("{\"small\":null}", &target), DR_E_FORMAT);
    EXPECT_EQ(read_target("[]", &target), DR_E_FORMAT);
    EXPECT_EQ(read_target("{\"small\":256}", &target), DR_E_RANGE);
    EXPECT_EQ(read_target("{\"small\":{}}", &target), DR_E_FORMAT);
    EXPECT_EQ(read_target("{\"small\":1,\"text\":\"eight888\"}", &target), DR_E_SPACE);
    EXPECT_EQ(read_target("{\"small\":1,\"text\":8}", &target), DR_E_FORMAT);
    EXPECT_EQ(read_target("{\"small\":1,\"string\":{}}", &target), DR_E_FORMAT);
    EXPECT_EQ(read_target("{\"small\":1,\"object\":\"\"}", &target), DR_E_FORMAT);
}

static void write_sample(struct dr_json_writer *json)
{
    static const uint8_t bytes[] = {0x00, 0xab, 0xff};
    const struct dr_json nothing = {NULL, 0};
    dr_json_open(json, NULL, '{');
    dr_json_put_text(json, "text", "a\"b\\c/\n\x01\xc3\xa9");
    dr_json_put_number(json, "max", UINT32_MAX);
    dr_json_put_u64(json, "large", UINT64_MAX);
    dr_json_put_number(json, "zero", 0);
    dr_json_open(json, "list", '[');
    dr_json_put_bool(json, NULL, true);
    dr_json_open(json, NULL, '{');
    dr_json_close(json, '}');
    dr_json_put_bool(json, NULL, false);
    dr_json_close(json, ']');
    dr_json_put_value(json, "absent", nothing);
    dr_json_put_value(json, "raw", parsed(" [1,2] "));
    dr_json_put_hex(json, "hex", bytes, sizeof(bytes));
    dr_json_close(json, '}');
}

static void test_writer(void)
{
    static const char expected[] =
        "{\"text\":\"a\\\"b\\\\c/\\u000a\\u0001\xc3\xa9\",\"max\":4294967295,"
        "\"large\":18446744073709551615,\"zero\":0,\"list\":[true,{},false],\"raw\":[1,2],"
        "\"hex\":\"00abff\"}";
    char text[256];
    size_t len = 0;
    struct dr_json_writer json;
    dr_json_begin(&json, text, sizeof(text));
    write_sample(&json);
    REQUIRE(dr_json_end(&json, &len) == DR_OK);
    EXPECT_EQ(len, strlen(expected));
    EXPECT(memcmp(text, expected, len) == 0);
    struct dr_json value;
    EXPECT_EQ(dr_json_check(text, len, &value), DR_OK);

    for (size_t capacity = 0; capacity < len; capacity++) {
        dr_json_begin(&json, text, capacity);
        write_sample(&json);
        size_t unset = 99;
        EXPECT_EQ(dr_json_end(&json, &unset), DR_E_SPACE);
        EXPECT_EQ(unset, 99);
    }
}

DR_TEST_MAIN(
    test_well_formed, test_malformed, test_utf8, test_every_truncation, test_depth, test_members,
    test_strings, test_numbers, test_fields, test_writer)
