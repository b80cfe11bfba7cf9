/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Several answers in one message: the gate takes them apart. And which rows came before. */
#include "tests/unit/gate_world.h"

static enum dr_gate_verdict answer_parts(
    struct world *world, uint64_t session, const void *body, size_t size_bytes, const char *id)
{
    char topic[] = DR_WIRE_PARTS_TOPIC;
    char token[DR_WIRE_TOKEN_BYTES];
    dr_wire_token_format(session, token);
    struct dr_gate_message message = {
        .topic = topic,
        .payload = body,
        .payload_size = size_bytes,
        .client_id = "t1",
        .session = token,
        .target_topic = "$aws/things/t1/streams/s/data/cbor",
        .target_qos = "0",
        .id = id};
    return dr_gate_message(world->gate, &pointers[0], &message);
}

static void test_parts_become_messages(void)
{
    struct world *world = begin(65536);
    const char *const topic = "$aws/things/t1/streams/s/data/cbor";
    static const char body[] = "\3\0\0\0abc\0\0\0\0\5\0\0\0defgh";
    const size_t size = sizeof(body) - 1;
    start_service(world, &pointers[0]);
    EXPECT_EQ(connect_as(world, &pointers[1], "t1", 1), DR_OK);
    uint64_t session = session_of(world, &pointers[1]);
    EXPECT_EQ(answer_parts(world, session, body, size, NULL), DR_GATE_PASS);
    tick(world);
    EXPECT_EQ(count(world, topic), 3);
    const size_t sizes[] = {3, 0, 5};
    size_t seen = 0;
    for (size_t i = 0; i < world->published_count; i++) {
        if (strcmp(world->published[i].topic, topic) == 0) {
            EXPECT_EQ(world->published[i].payload_size, sizes[seen++]);
        }
    }
    /* Cut anywhere, nothing of it is taken; nor is none, nor one that names an outbox row. */
    for (size_t cut = 0; cut < size; cut++) {
        bool whole = cut == 7 || cut == 11;
        EXPECT_EQ(
            answer_parts(world, session, body, cut, NULL), whole ? DR_GATE_PASS : DR_GATE_REFUSE);
        tick(world);
        EXPECT_EQ(count(world, topic), cut == 7 ? 1 : cut == 11 ? 2 : 0);
    }
    EXPECT_EQ(answer_parts(world, session, body, size, "5"), DR_GATE_REFUSE);
    EXPECT_EQ(answer_parts(world, session, "\xff\xff\xff\xff\x01", 5, NULL), DR_GATE_REFUSE);
    /* Of a message that could not be kept whole nothing is. */
    world->memory_left = 2;
    EXPECT_EQ(answer_parts(world, session, body, size, NULL), DR_GATE_CLOSE);
    world->no_memory = false;
    tick(world);
    EXPECT_EQ(count(world, topic), 0);
    EXPECT_EQ(answer_parts(world, session + 1, body, size, NULL), DR_GATE_PASS);
    tick(world);
    EXPECT_EQ(count(world, topic), 0); /* another session's */
    end(world);
}

static bool take(struct dr_outbox_marks *marks, size_t thing, uint64_t epoch, uint64_t id)
{
    char name[24];
    (void)snprintf(name, sizeof(name), "thing-%zu", thing);
    return dr_outbox_marks_take(marks, name, epoch, id);
}

static void test_rows_are_new_once(void)
{
    const uint64_t secret[2] = {1, 2};
    struct dr_outbox_marks marks;
    REQUIRE(dr_outbox_marks_init(&marks, secret) == DR_OK);
    EXPECT(take(&marks, 1, 7, 5));
    EXPECT(take(&marks, 2, 7, 4));
    EXPECT(!take(&marks, 1, 7, 5));
    EXPECT(!take(&marks, 1, 7, 4));
    EXPECT(take(&marks, 1, 7, 6));
    EXPECT(take(&marks, 1, 8, 1)); /* another epoch */
    dr_outbox_marks_free(&marks);
}

/* Things come and go for years; what was touched last is still known. */
static void test_marks_are_bounded(void)
{
    const uint64_t secret[2] = {1, 2};
    struct dr_outbox_marks marks;
    REQUIRE(dr_outbox_marks_init(&marks, secret) == DR_OK);
    const size_t many = 2 * DR_OUTBOX_MARKS_MAX;
    for (size_t i = 1; i <= many; i++) {
        EXPECT(take(&marks, i, 7, 2 * i));
        EXPECT(take(&marks, 0, 7, 2 * i + 1));
    }
    EXPECT_EQ(marks.things.count, DR_OUTBOX_MARKS_MAX);
    EXPECT(!take(&marks, 0, 7, 2));
    for (size_t i = many; i > many - DR_OUTBOX_MARKS_MAX + 1; i--) {
        EXPECT(!take(&marks, i, 7, 2 * i));
    }
    EXPECT(take(&marks, 1, 7, 2)); /* forgotten */
    dr_outbox_marks_free(&marks);
}

DR_TEST_MAIN(test_parts_become_messages, test_rows_are_new_once, test_marks_are_bounded)
