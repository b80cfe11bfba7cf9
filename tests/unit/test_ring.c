/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/gate/ring.h"
#include "tests/unit/check.h"

static enum dr_status push(struct dr_ring *ring, const char *text, size_t size, uint64_t *number)
{
    const struct dr_ring_message message = {
        .session = 5,
        .topic = "daruma/1/in/t/x",
        .client_id = "t",
        .certificate_id = {1},
        .payload = (const uint8_t *)text,
        .payload_size = size};
    return dr_ring_push(ring, &message, number);
}

static void test_order_and_content(void)
{
    struct dr_ring ring;
    struct dr_ring_message message;
    uint64_t number = 0;
    REQUIRE(dr_ring_init(&ring, 65536) == DR_OK);
    EXPECT_EQ(dr_ring_send(&ring, &message), DR_E_NOT_FOUND);
    EXPECT_EQ(push(&ring, "one", 3, &number), DR_OK);
    EXPECT_EQ(number, 1);
    EXPECT_EQ(push(&ring, "", 0, &number), DR_OK);
    EXPECT_EQ(number, 2);
    REQUIRE(dr_ring_send(&ring, &message) == DR_OK);
    EXPECT_EQ(message.number, 1);
    EXPECT_EQ(message.session, 5);
    EXPECT_EQ(message.certificate_id[0], 1);
    EXPECT_STR(message.topic, "daruma/1/in/t/x");
    EXPECT_STR(message.client_id, "t");
    EXPECT(message.payload_size == 3 && memcmp(message.payload, "one", 3) == 0);
    EXPECT_EQ(dr_ring_outstanding(&ring), 1);
    EXPECT_EQ(dr_ring_count(&ring), 2);
    REQUIRE(dr_ring_send(&ring, &message) == DR_OK);
    EXPECT_EQ(message.payload_size, 0);
    EXPECT_EQ(dr_ring_send(&ring, &message), DR_E_NOT_FOUND);
    dr_ring_rewind(&ring);
    EXPECT_EQ(dr_ring_outstanding(&ring), 0);
    REQUIRE(dr_ring_send(&ring, &message) == DR_OK);
    EXPECT_EQ(message.number, 1);
    dr_ring_acknowledge(&ring, 2);
    EXPECT_EQ(dr_ring_count(&ring), 0);
    EXPECT_EQ(dr_ring_outstanding(&ring), 0);
    EXPECT_EQ(ring.used_bytes, 0);
    EXPECT_EQ(dr_ring_send(&ring, &message), DR_E_NOT_FOUND);
    dr_ring_free(&ring);
}

static void test_acknowledgements_that_mean_nothing(void)
{
    struct dr_ring ring;
    uint64_t number = 0;
    REQUIRE(dr_ring_init(&ring, 65536) == DR_OK);
    dr_ring_acknowledge(&ring, 0);
    dr_ring_acknowledge(&ring, 1);
    EXPECT_EQ(push(&ring, "x", 1, &number), DR_OK);
    dr_ring_acknowledge(&ring, 2);
    dr_ring_acknowledge(&ring, UINT64_MAX);
    EXPECT_EQ(dr_ring_count(&ring), 1);
    dr_ring_acknowledge(&ring, 1);
    dr_ring_acknowledge(&ring, 1);
    EXPECT_EQ(dr_ring_count(&ring), 0);
    dr_ring_free(&ring);
}

static void test_full(void)
{
    struct dr_ring ring;
    static char block[4096];
    uint64_t number = 0;
    REQUIRE(dr_ring_init(&ring, 65536) == DR_OK);
    size_t taken = 0;
    while (push(&ring, block, sizeof(block), &number) == DR_OK) {
        taken++;
        REQUIRE(taken < 100);
    }
    EXPECT_EQ(taken, 15);
    EXPECT_EQ(push(&ring, block, 65536, &number), DR_E_SPACE);
    EXPECT_EQ(dr_ring_count(&ring), 15);
    EXPECT_EQ(push(&ring, "x", 1, &number), DR_OK); /* a small one still fits */
    dr_ring_acknowledge(&ring, 16);
    EXPECT_EQ(push(&ring, block, sizeof(block), &number), DR_OK);
    EXPECT_EQ(number, 17);
    EXPECT_EQ(ring.head, 0);
    dr_ring_free(&ring);
    EXPECT_EQ(dr_ring_init(&ring, 1000), DR_E_ARGUMENT);
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void fill(uint8_t *payload, size_t size, uint64_t number)
{
    for (size_t i = 0; i < size; i++) {
        payload[i] = (uint8_t)(number * 31 + i);
    }
}

/* Against the simplest model: payload and size follow from the number. */
static size_t size_of(uint64_t number)
{
    return (size_t)(number * 2654435761u % 3000u);
}

static bool expected(const struct dr_ring_message *message, uint64_t number)
{
    static uint8_t payload[3000];
    fill(payload, size_of(number), number);
    return message->number == number && message->payload_size == size_of(number) &&
           memcmp(message->payload, payload, message->payload_size) == 0;
}

static void test_random_walk(void)
{
    struct dr_ring ring;
    static uint8_t payload[3000];
    uint32_t seed = 42;
    uint64_t pushed = 0;
    uint64_t acknowledged = 0;
    uint64_t sent = 0;
    size_t full = 0;
    REQUIRE(dr_ring_init(&ring, 65536) == DR_OK);
    for (int step = 0; step < 200000; step++) {
        uint32_t dice = next_random(&seed) % 100;
        struct dr_ring_message message;
        uint64_t number;
        if (dice < 50) {
            fill(payload, size_of(pushed + 1), pushed + 1);
            if (push(&ring, (const char *)payload, size_of(pushed + 1), &number) == DR_OK) {
                pushed++;
                REQUIRE(number == pushed);
            } else {
                full++;
                REQUIRE(dr_ring_count(&ring) > 10);
            }
        } else if (dice < 85) {
            enum dr_status status = dr_ring_send(&ring, &message);
            REQUIRE((status == DR_OK) == (sent < pushed));
            if (status == DR_OK) {
                sent++;
                REQUIRE(expected(&message, sent));
            }
        } else if (dice < 87 && pushed > acknowledged) {
            acknowledged += 1 + next_random(&seed) % (pushed - acknowledged);
            dr_ring_acknowledge(&ring, acknowledged);
            sent = sent < acknowledged ? acknowledged : sent;
        } else if (dice >= 98) {
            dr_ring_rewind(&ring);
            sent = acknowledged;
        }
        REQUIRE(dr_ring_count(&ring) == pushed - acknowledged);
        REQUIRE(dr_ring_outstanding(&ring) == sent - acknowledged);
        REQUIRE(ring.used_bytes <= ring.capacity_bytes);
        REQUIRE(pushed != acknowledged || ring.used_bytes == 0);
    }
    EXPECT(full > 100);
    EXPECT(pushed > 10000);
    dr_ring_free(&ring);
}

DR_TEST_MAIN(
    test_order_and_content, test_acknowledgements_that_mean_nothing, test_full, test_random_walk)
