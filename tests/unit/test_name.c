/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/model/name.h"

#include "tests/unit/check.h"

struct row {
    const char *title;
    bool (*check)(const char *);
    const char *text;
    bool valid;
};

static char long_text[2100];

static const struct row rows[] = {
    {"thing", dr_name_thing, "doll-1:a_B", true},
    {"thing empty", dr_name_thing, "", false},
    {"thing null", dr_name_thing, NULL, false},
    {"thing slash", dr_name_thing, "a/b", false},
    {"thing plus", dr_name_thing, "+", false},
    {"thing hash", dr_name_thing, "a#", false},
    {"thing blank", dr_name_thing, "a b", false},
    {"job", dr_name_job, "AFR_OTA-1", true},
    {"job colon", dr_name_job, "a:b", false},
    {"job next", dr_name_job, "$next", false},
    {"stream", dr_name_stream, "s_1-x", true},
    {"policy", dr_name_policy, "a+=,.@-_9", true},
    {"policy slash", dr_name_policy, "a/b", false},
    {"certificate", dr_name_certificate,
     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", true},
    {"certificate upper", dr_name_certificate,
     "0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef", false},
    {"certificate short", dr_name_certificate, "0123", false},
    {"bucket", dr_name_bucket, "my.bucket-1", true},
    {"bucket upper", dr_name_bucket, "My-bucket", false},
    {"bucket dots", dr_name_bucket, "a..b", false},
    {"bucket edge", dr_name_bucket, "-ab", false},
    {"bucket short", dr_name_bucket, "ab", false},
    {"key", dr_name_object_key, "dir/\xc3\xa4 image.bin", true},
    {"key control", dr_name_object_key, "a\nb", false},
    {"key overlong utf-8", dr_name_object_key, "a\xc0\xaf", false},
    {"key cut utf-8", dr_name_object_key, "a\xe2\x82", false},
    {"key surrogate", dr_name_object_key, "\xed\xa0\x80", false},
    {"key beyond unicode", dr_name_object_key, "\xf4\x90\x80\x80", false},
    {"key C1 control", dr_name_object_key, "\xc2\x85", false},
    {"attribute", dr_name_attribute, "site.1/a", true},
    {"attribute value empty", dr_name_attribute_value, "", true},
    {"reason code", dr_name_reason_code, "BAD_BATCH_2", true},
    {"reason code lower", dr_name_reason_code, "bad", false},
    {"description empty", dr_name_description, "", true},
};

static void table(void)
{
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        bool valid = rows[i].check(rows[i].text);
        if (valid != rows[i].valid) {
            fprintf(stderr, "row \"%s\"\n", rows[i].title);
        }
        EXPECT(valid == rows[i].valid);
    }
}

struct bound {
    bool (*check)(const char *);
    size_t max;
};

/* Exactly the longest is valid, one more is not. */
static void bounds(void)
{
    static const struct bound bounds_of[] = {
        {dr_name_thing, DR_THING_NAME_MAX},
        {dr_name_job, DR_JOB_ID_MAX},
        {dr_name_stream, DR_STREAM_ID_MAX},
        {dr_name_policy, DR_POLICY_NAME_MAX},
        {dr_name_bucket, DR_BUCKET_NAME_MAX},
        {dr_name_object_key, DR_OBJECT_KEY_MAX},
        {dr_name_description, DR_DESCRIPTION_MAX},
        {dr_name_attribute, DR_ATTRIBUTE_NAME_MAX},
        {dr_name_attribute_value, DR_ATTRIBUTE_VALUE_MAX},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(bounds_of); i++) {
        memset(long_text, 'a', sizeof long_text);
        long_text[bounds_of[i].max] = '\0';
        EXPECT(bounds_of[i].check(long_text));
        long_text[bounds_of[i].max] = 'a';
        long_text[bounds_of[i].max + 1] = '\0';
        EXPECT(!bounds_of[i].check(long_text));
    }
}

DR_TEST_MAIN(table, bounds)
