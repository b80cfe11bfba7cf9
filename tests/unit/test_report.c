/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/job.h"
#include "format/report.h"
#include "tests/unit/check.h"

static struct dr_report sample(void)
{
    struct dr_report report = {
        .client_token = "5-lock",
        .version = {1, 2, 3, 4},
        .digest = {0xde, 0xad},
        .slot = DR_REPORT_SLOT_B,
        .state = DR_REPORT_CANDIDATE,
        .mode = DR_REPORT_NORMAL,
        .rung = 0,
        .tries_left = 2,
        .boot_reason = DR_REASON_INSTALL,
        .last_reason = DR_REASON_HANG,
        .counter_security = 5,
        .counter_revocation = 1,
        .counter_epoch = 2,
        .alerts = 3,
        .uptime_s = 77,
        .note_count = 1,
        .notes = {{DR_REASON_TLS_UNTRUSTED, 60, "CN=\"rogue\"\n"}},
    };
    return report;
}

static void test_both_ways(void)
{
    static char out[DR_REPORT_BYTES_MAX];
    struct dr_report report = sample();
    struct dr_report read;
    size_t len = 0;
    REQUIRE(dr_report_write(&report, out, sizeof(out), &len) == DR_OK);
    out[len] = '\0';
    EXPECT_STR(
        out, "{\"clientToken\":\"5-lock\",\"version\":\"1.2.3+4\",\"digest\":"
             "\"dead000000000000000000000000000000000000000000000000000000000000\",\"slot\":\"B\","
             "\"state\":\"candidate\",\"mode\":\"normal\","
             "\"bootReason\":\"install\",\"lastReason\":\"hang\","
             "\"rung\":0,\"triesLeft\":2,\"alerts\":3,\"uptime\":77,\"counters\":{\"security\":5,"
             "\"revocation\":1,\"epoch\":2},\"notes\":[{\"reason\":"
             "\"tls_untrusted_issuer\",\"detail\":\"CN=\\\"rogue\\\"\\u000a\",\"uptime\":60}]}");
    REQUIRE(dr_report_parse(out, len, &read) == DR_OK);
    EXPECT_STR(read.client_token, report.client_token);
    EXPECT_EQ(dr_version_compare(&read.version, &report.version), 0);
    EXPECT(memcmp(read.digest, report.digest, sizeof(read.digest)) == 0);
    EXPECT_EQ(read.slot, report.slot);
    EXPECT_EQ(read.state, report.state);
    EXPECT_EQ(read.mode, report.mode);
    EXPECT_EQ(read.tries_left, 2);
    EXPECT_EQ(read.boot_reason, DR_REASON_INSTALL);
    EXPECT_EQ(read.last_reason, DR_REASON_HANG);
    EXPECT_EQ(read.counter_security, 5);
    EXPECT_EQ(read.counter_revocation, 1);
    EXPECT_EQ(read.counter_epoch, 2);
    EXPECT_EQ(read.alerts, 3);
    EXPECT_EQ(read.uptime_s, 77);
    REQUIRE(read.note_count == 1);
    EXPECT_EQ(read.notes[0].reason, DR_REASON_TLS_UNTRUSTED);
    EXPECT_EQ(read.notes[0].uptime_s, 60);
    EXPECT_STR(read.notes[0].detail, "CN=\"rogue\"\n");
    for (size_t i = 0; i < len; i++) {
        EXPECT(dr_report_parse(out, i, &read) != DR_OK);
        EXPECT_EQ(dr_report_write(&report, out + len + 1, i, &(size_t){0}), DR_E_SPACE);
    }
}

/* DR_REPORT_BYTES_MAX is enough for the longest report (details without escapes). */
static void test_longest(void)
{
    static char out[DR_REPORT_BYTES_MAX];
    struct dr_report report = sample();
    size_t len = 0;
    memset(report.client_token, 't', DR_CLIENT_TOKEN_LEN_MAX);
    report.version = (struct dr_version){255, 255, 65535, UINT32_MAX};
    report.slot = DR_REPORT_SLOT_FACTORY;
    report.mode = DR_REPORT_PROVISIONING;
    report.rung = report.tries_left = 255;
    report.boot_reason = report.last_reason = DR_REASON_LIMITS;
    report.counter_security = report.counter_revocation = report.counter_epoch = UINT32_MAX;
    report.alerts = report.uptime_s = UINT32_MAX;
    report.note_count = DR_REPORT_NOTES_MAX;
    for (size_t i = 0; i < DR_REPORT_NOTES_MAX; i++) {
        report.notes[i].reason = DR_REASON_WAIT;
        report.notes[i].uptime_s = UINT32_MAX;
        memset(report.notes[i].detail, 'd', DR_REPORT_DETAIL_LEN_MAX);
        report.notes[i].detail[DR_REPORT_DETAIL_LEN_MAX] = '\0';
    }
    EXPECT_EQ(dr_report_write(&report, out, sizeof(out), &len), DR_OK);
    struct dr_report read;
    EXPECT_EQ(dr_report_parse(out, len, &read), DR_OK);
    EXPECT_EQ(read.note_count, DR_REPORT_NOTES_MAX);
}

static void test_malformed(void)
{
#define DIGEST "\"digest\":\"00000000000000000000000000000000000000000000000000000000000000ff\""
    static const struct {
        const char *text;
        enum dr_status status;
    } rows[] = {
        {"{\"version\":\"1.0.0\",\"slot\":\"A\"," DIGEST "}", DR_OK},
        {"{\"version\":\"1.0.0\",\"slot\":\"A\"," DIGEST ",\"new\":{\"x\":[]},\"notes\":[]}",
         DR_OK},
        {"{\"version\":\"1.0.0\",\"slot\":\"A\"," DIGEST ",\"mode\":\"unheard-of\"}", DR_OK},
        {"{\"version\":\"1.0.0\",\"slot\":\"C\"," DIGEST "}", DR_E_FORMAT},
        {"{\"version\":\"1.0.0\"," DIGEST "}", DR_E_FORMAT},
        {"{\"slot\":\"A\"," DIGEST "}", DR_E_FORMAT},
        {"{\"version\":\"1.0.0\",\"slot\":\"A\"}", DR_E_FORMAT},
        {"{\"version\":\"1.0.256.1\",\"slot\":\"A\"," DIGEST "}", DR_E_FORMAT},
        {"{\"version\":\"256.0\",\"slot\":\"A\"," DIGEST "}", DR_E_RANGE},
        {"{\"version\":\"1\",\"slot\":\"A\",\"digest\":\"00\"}", DR_E_FORMAT},
        {"{\"version\":\"1\",\"slot\":\"A\"," DIGEST ",\"rung\":256}", DR_E_RANGE},
        {"{\"version\":\"1\",\"slot\":\"A\"," DIGEST ",\"uptime\":-1}", DR_E_RANGE},
        {"{\"version\":\"1\",\"slot\":\"A\"," DIGEST ",\"counters\":[]}", DR_E_FORMAT},
        {"{\"version\":\"1\",\"slot\":\"A\"," DIGEST ",\"notes\":[1]}", DR_E_FORMAT},
        {"{\"version\":\"1\",\"slot\":\"A\"," DIGEST ",\"notes\":[{}]}", DR_E_FORMAT},
        {"[]", DR_E_FORMAT},
        {"", DR_E_FORMAT},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        struct dr_report report;
        EXPECT_EQ(dr_report_parse(rows[i].text, strlen(rows[i].text), &report), rows[i].status);
    }
}

static void test_accepted(void)
{
    char out[128];
    size_t len = 0;
    struct dr_job_message accepted;
    EXPECT_EQ(dr_report_write_accepted("5-lock", 1763800000, out, sizeof(out), &len), DR_OK);
    REQUIRE(dr_job_parse_message(out, len, &accepted) == DR_OK);
    EXPECT_STR(accepted.client_token, "5-lock");
    EXPECT_EQ(accepted.timestamp_s, 1763800000);
    EXPECT_EQ(dr_report_write_accepted("", 1, out, sizeof(out), &len), DR_OK);
    REQUIRE(dr_job_parse_message(out, len, &accepted) == DR_OK);
    EXPECT_STR(accepted.client_token, "");
    EXPECT_STR(dr_report_slot_word(DR_REPORT_SLOT_FACTORY), "factory");
    EXPECT_STR(dr_report_state_word(DR_REPORT_SEALED), "sealed");
    EXPECT_STR(dr_report_mode_word(DR_REPORT_PROVISIONING), "provisioning");
    EXPECT_STR(dr_report_mode_word(DR_REPORT_MODE_NONE), "");
    EXPECT_STR(dr_report_state_word((enum dr_report_state)77), "");
}

DR_TEST_MAIN(test_both_ways, test_longest, test_malformed, test_accepted)
