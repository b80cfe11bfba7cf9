/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/agent/record.h"
#include "tests/unit/check.h"

static void fill(struct dr_agent_record *record)
{
    memset(record, 0, sizeof(*record));
    record->uptime_s = 123456;
    record->installing.state = DR_OUTCOME_INSTALLING;
    memset(record->installing.job.id, 'j', DR_JOB_ID_BYTES_MAX);
    record->installing.job.execution = 3;
    record->installing.job.version = 0xfffffffeu;
    memset(record->installing.job.digest, 0x5a, 32);
    record->installing.installs = 2;
    record->outcome.state = DR_OUTCOME_FAILED;
    strcpy(record->outcome.job.id, "older");
    record->outcome.reason = DR_REASON_HANG;
    memset(record->outcome.detail, 'd', DR_DETAIL_BYTES_MAX);
    record->outcome.tries = 3;
    record->outcome.since_s = 77;
    memset(record->confirmed, 0x77, 32);
    record->confirmed_s = 99;
    record->lower_s = 98;
    for (size_t i = 0; i < DR_AGENT_WAITS_MAX; i++) {
        memset(record->waits[i].digest, (int)i, 32);
        record->waits[i].failures = (uint8_t)(i + 1);
        record->waits[i].until_s = (uint32_t)(1000 * i);
    }
    for (size_t i = 0; i < DR_AGENT_NOTES_MAX; i++) {
        record->notes[i].reason = DR_REASON_TLS_NAME;
        memset(record->notes[i].detail, 'n', DR_DETAIL_BYTES_MAX);
        record->notes[i].uptime_s = (uint32_t)i;
    }
}

static void test_round_trip(void)
{
    static struct dr_agent_record record;
    static struct dr_agent_record back;
    uint8_t bytes[DR_AGENT_RECORD_BYTES_MAX];
    fill(&record);
    size_t size_bytes = dr_agent_record_encode(&record, bytes);
    EXPECT(size_bytes > 100 && size_bytes <= sizeof(bytes));
    EXPECT_EQ(dr_agent_record_decode(bytes, size_bytes, &back), DR_OK);
    EXPECT(memcmp(&record, &back, sizeof(record)) == 0);
    memset(&record, 0, sizeof(record));
    size_bytes = dr_agent_record_encode(&record, bytes);
    EXPECT_EQ(dr_agent_record_decode(bytes, size_bytes, &back), DR_OK);
    EXPECT(memcmp(&record, &back, sizeof(record)) == 0);
}

/* Cut at every length, every byte wrong: refused or harmless, never out of bounds. */
static void test_damage(void)
{
    static struct dr_agent_record record;
    static struct dr_agent_record back;
    uint8_t bytes[DR_AGENT_RECORD_BYTES_MAX];
    fill(&record);
    size_t size_bytes = dr_agent_record_encode(&record, bytes);
    for (size_t len = 0; len < size_bytes; len++) {
        EXPECT(dr_agent_record_decode(bytes, len, &back) != DR_OK);
        EXPECT_EQ(back.installing.state, DR_OUTCOME_NONE);
    }
    for (size_t i = 0; i < size_bytes; i++) {
        uint8_t keep = bytes[i];
        bytes[i] = 0xff;
        if (dr_agent_record_decode(bytes, size_bytes, &back) == DR_OK) {
            EXPECT(strlen(back.outcome.job.id) <= DR_JOB_ID_BYTES_MAX);
            EXPECT(back.outcome.state <= DR_OUTCOME_REJECTED);
        }
        bytes[i] = keep;
    }
    bytes[0] = 9;
    EXPECT_EQ(dr_agent_record_decode(bytes, size_bytes, &back), DR_E_UNSUPPORTED);
}

/* What does not fit is cut between characters, so that it stays UTF-8. */
static void test_text(void)
{
    static const char long_text[] = "1234567\xc3\xa9"
                                    "abc";
    char out[12];
    memset(out, 'x', sizeof(out));
    dr_agent_copy_text(out, sizeof(out), "short");
    EXPECT_STR(out, "short");
    EXPECT_EQ(out[11], 0);
    dr_agent_copy_text(out, 8, long_text);
    EXPECT_STR(out, "1234567");
    dr_agent_copy_text(out, 9, long_text);
    EXPECT_STR(out, "1234567");
    dr_agent_copy_text(out, 10, long_text);
    EXPECT_STR(out, "1234567\xc3\xa9");
    dr_agent_copy_text(out, 2, "\xe2\x82\xac");
    EXPECT_STR(out, "");
    dr_agent_copy_text(out, sizeof(out), NULL);
    EXPECT_STR(out, "");
}

static void test_notes(void)
{
    static struct dr_agent_record record;
    memset(&record, 0, sizeof(record));
    EXPECT(dr_agent_note(&record, DR_REASON_SEAL, NULL, 1));
    EXPECT(dr_agent_note(&record, DR_REASON_TLS_NAME, "a", 2));
    EXPECT(!dr_agent_note(&record, DR_REASON_SEAL, "again", 3)); /* replaced, not added */
    EXPECT_EQ(record.notes[0].uptime_s, 3);
    EXPECT_STR(record.notes[0].detail, "again");
    EXPECT(dr_agent_note(&record, DR_REASON_UNSEALED, NULL, 4));
    EXPECT(dr_agent_note(&record, DR_REASON_WAIT, NULL, 5));
    EXPECT(dr_agent_note(
        &record, DR_REASON_HANG, "a detail that is longer than there is room for it", 6));
    EXPECT_EQ(record.notes[0].reason, DR_REASON_TLS_NAME); /* the oldest went */
    EXPECT_EQ(record.notes[3].reason, DR_REASON_HANG);
    EXPECT_EQ(strlen(record.notes[3].detail), DR_DETAIL_BYTES_MAX);
}

DR_TEST_MAIN(test_round_trip, test_damage, test_text, test_notes)
