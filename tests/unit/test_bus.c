/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The pure parts of the bus: what is committed, what has not left, what the gate counted. */
#include "cloud/bus/ack.h"
#include "cloud/bus/counters.h"
#include "cloud/bus/unsent.h"
#include "tests/unit/check.h"

static void test_commits_in_any_order(void)
{
    struct dr_ack ack;
    dr_ack_reset(&ack, 7, 10);
    EXPECT(!dr_ack_note(&ack, 7, 12));
    EXPECT_EQ(ack.committed, 10);
    EXPECT(!dr_ack_note(&ack, 7, 13));
    EXPECT(!dr_ack_note(&ack, 8, 11)); /* another boot */
    EXPECT(dr_ack_note(&ack, 7, 11));
    EXPECT_EQ(ack.committed, 13);
    EXPECT(!dr_ack_note(&ack, 7, 13)); /* a repeat */
    EXPECT(!dr_ack_note(&ack, 7, 1));
    EXPECT_EQ(ack.committed, 13);
}

static void test_a_bit_does_not_outlive_its_number(void)
{
    struct dr_ack ack;
    dr_ack_reset(&ack, 1, 0);
    for (uint64_t number = 1; number <= 3 * DR_ACK_SPAN; number++) {
        EXPECT(dr_ack_note(&ack, 1, number));
    }
    EXPECT_EQ(ack.committed, 3 * DR_ACK_SPAN);
    for (size_t i = 0; i < DR_ARRAY_COUNT(ack.bits); i++) {
        EXPECT(ack.bits[i] == 0);
    }
    EXPECT(!dr_ack_note(&ack, 1, ack.committed + DR_ACK_SPAN)); /* beyond what can be remembered */
    EXPECT(dr_ack_note(&ack, 1, ack.committed + 1));
}

static void test_raise(void)
{
    struct dr_ack ack;
    dr_ack_reset(&ack, 1, 5);
    EXPECT(!dr_ack_note(&ack, 1, 9));
    EXPECT(!dr_ack_note(&ack, 1, 7));
    dr_ack_raise(&ack, 3);
    EXPECT_EQ(ack.committed, 5);
    dr_ack_raise(&ack, 8);
    EXPECT_EQ(ack.committed, 9);
    dr_ack_raise(&ack, 100000);
    EXPECT_EQ(ack.committed, 100000);
    EXPECT(dr_ack_note(&ack, 1, 100001));
    EXPECT_EQ(ack.committed, 100001);
}

static void test_unsent(void)
{
    static struct dr_unsent unsent;
    EXPECT_EQ(dr_unsent_bytes(&unsent, 5), 0);
    dr_unsent_add(&unsent, 5, 100);
    dr_unsent_add(&unsent, 5 + DR_UNSENT_BUCKETS, 7);
    dr_unsent_add(&unsent, 5, 50);
    EXPECT_EQ(dr_unsent_bytes(&unsent, 5), 150);
    EXPECT_EQ(dr_unsent_bytes(&unsent, 5 + DR_UNSENT_BUCKETS), 7);
    dr_unsent_remove(&unsent, 5, 149);
    EXPECT_EQ(dr_unsent_bytes(&unsent, 5), 1);
    dr_unsent_remove(&unsent, 5, 1);
    EXPECT_EQ(dr_unsent_bytes(&unsent, 5), 0);
    dr_unsent_remove(&unsent, 5, 1);
    dr_unsent_remove(&unsent, 5 + DR_UNSENT_BUCKETS, 1000);
    EXPECT_EQ(dr_unsent_bytes(&unsent, 5 + DR_UNSENT_BUCKETS), 0);
    dr_unsent_add(&unsent, 1, 1);
    dr_unsent_clear(&unsent);
    EXPECT_EQ(dr_unsent_bytes(&unsent, 1), 0);
}

/* Names are a client's own where its policy lets it choose them: not all are kept. */
static void test_counters_of_too_many(void)
{
    struct dr_counters *counters = NULL;
    uint8_t data[DR_WIRE_STATS_BYTES_MAX];
    const struct dr_wire_gate_counters gate = {.sessions = 3};
    struct dr_wire_counters found;
    char name[32];
    REQUIRE(dr_counters_create(&counters) == DR_OK);
    for (unsigned i = 0; i <= DR_COUNTERS_MAX;) {
        struct dr_wire_stats_writer writer;
        struct dr_wire_client_counters client = {.counters = {.out_bytes = i}};
        dr_wire_stats_begin(&writer, &gate, data, sizeof(data));
        do {
            (void)snprintf(client.client_id, sizeof(client.client_id), "c%u", i);
        } while (dr_wire_stats_add(&writer, &client) && i++ <= DR_COUNTERS_MAX);
        EXPECT_EQ(dr_counters_take(counters, data, writer.size_bytes), DR_OK);
    }
    EXPECT_EQ(dr_counters_client(counters, "c0", &found), DR_OK);
    (void)snprintf(name, sizeof(name), "c%u", DR_COUNTERS_MAX - 1);
    EXPECT_EQ(dr_counters_client(counters, name, &found), DR_OK);
    (void)snprintf(name, sizeof(name), "c%u", DR_COUNTERS_MAX);
    EXPECT_EQ(dr_counters_client(counters, name, &found), DR_E_NOT_FOUND);
    dr_counters_clear(counters);
    dr_counters_free(counters);
}

static void test_counters(void)
{
    struct dr_counters *counters = NULL;
    uint8_t buffer[1024];
    const struct dr_wire_gate_counters gate = {.sessions = 3};
    struct dr_wire_client_counters client = {.client_id = "a", .counters = {.out_bytes = 1}};
    struct dr_wire_stats_writer writer;
    struct dr_wire_counters found;
    REQUIRE(dr_counters_create(&counters) == DR_OK);
    dr_wire_stats_begin(&writer, &gate, buffer, sizeof(buffer));
    EXPECT(dr_wire_stats_add(&writer, &client));
    client.counters.out_bytes = 2;
    EXPECT(dr_wire_stats_add(&writer, &client));
    EXPECT_EQ(dr_counters_client(counters, "a", &found), DR_E_NOT_FOUND);
    EXPECT_EQ(dr_counters_take(counters, buffer, writer.size_bytes), DR_OK);
    EXPECT_EQ(dr_counters_client(counters, "a", &found), DR_OK);
    EXPECT_EQ(found.out_bytes, 2);
    EXPECT_EQ(dr_counters_client(counters, "b", &found), DR_E_NOT_FOUND);
    EXPECT_EQ(dr_counters_take(counters, buffer, writer.size_bytes - 1), DR_E_FORMAT);
    EXPECT(dr_counters_take(counters, buffer, 3) != DR_OK);
    dr_counters_clear(counters);
    EXPECT_EQ(dr_counters_client(counters, "a", &found), DR_E_NOT_FOUND);
    dr_counters_free(counters);
}

DR_TEST_MAIN(
    test_commits_in_any_order, test_a_bit_does_not_outlive_its_number, test_raise, test_unsent,
    test_counters, test_counters_of_too_many)
