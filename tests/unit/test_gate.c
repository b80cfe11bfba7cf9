/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The gate without a broker: sessions in every order the broker produces, and the tick. */
#include "tests/unit/gate_world.h"

static void test_an_answer_finds_only_its_session(void)
{
    struct world *world = begin(65536);
    const void *service = &pointers[0];
    const void *first = &pointers[1];
    const void *second = &pointers[2];
    const char *const topic = "$aws/things/t1/streams/s/data/cbor";
    start_service(world, service);
    EXPECT_EQ(connect_as(world, first, "t1", 1), DR_OK);
    uint64_t session = session_of(world, first);
    EXPECT_EQ(answer(world, service, "t1", session), DR_GATE_PASS);
    tick(world);
    REQUIRE(find(world, topic) != NULL);
    EXPECT_STR(find(world, topic)->client_id, "t1");
    tick(world);
    EXPECT(find(world, topic) == NULL); /* once */
    /* A takeover between the answer and the tick: the new session must not get it. */
    EXPECT_EQ(answer(world, service, "t1", session), DR_GATE_PASS);
    EXPECT_EQ(connect_as(world, second, "t1", 1), DR_OK);
    dr_gate_disconnect(world->gate, first, 2);
    tick(world);
    EXPECT(find(world, topic) == NULL);
    uint64_t newer = session_of(world, second);
    EXPECT(newer != session);
    EXPECT_EQ(answer(world, service, "t1", newer), DR_GATE_PASS);
    dr_gate_disconnect(world->gate, second, 3);
    tick(world);
    EXPECT(find(world, topic) == NULL);
    end(world);
}

/* A row that could not be kept is sent again, and must not pass for a repeat then. */
static void test_a_row_without_memory_comes_again(void)
{
    struct world *world = begin(65536);
    const void *service = &pointers[0];
    char topic[] = DR_WIRE_OUT_TOPIC;
    char session[DR_WIRE_TOKEN_BYTES];
    struct dr_gate_message message = {
        .topic = topic,
        .payload = (const uint8_t *)"abc",
        .payload_size = 3,
        .qos = 1,
        .client_id = "t1",
        .session = session,
        .target_topic = "$aws/things/t1/jobs/j/update/accepted",
        .target_qos = "1",
        .thing = "t1",
        .epoch = "00000000000000aa",
        .id = "5"};
    start_service(world, service);
    EXPECT_EQ(connect_as(world, &pointers[1], "t1", 1), DR_OK);
    dr_wire_token_format(session_of(world, &pointers[1]), session);
    world->no_memory = true;
    EXPECT_EQ(dr_gate_message(world->gate, service, &message), DR_GATE_CLOSE);
    world->no_memory = false;
    EXPECT_EQ(dr_gate_message(world->gate, service, &message), DR_GATE_PASS);
    tick(world);
    EXPECT_EQ(count(world, message.target_topic), 1);
    EXPECT_EQ(dr_gate_message(world->gate, service, &message), DR_GATE_PASS);
    tick(world);
    EXPECT_EQ(count(world, message.target_topic), 0);
    end(world);
}

static void test_disconnects_count_once_and_never_for_a_newer_session(void)
{
    struct world *world = begin(65536);
    const char *const went = "$aws/events/presence/disconnected/t1";
    const char *const came = "$aws/events/presence/connected/t1";
    EXPECT_EQ(connect_as(world, &pointers[1], "t1", 1), DR_OK);
    EXPECT_EQ(connect_as(world, &pointers[2], "t1", 1), DR_OK); /* takeover: AUTH comes first */
    dr_gate_disconnect(world->gate, &pointers[1], 2);
    dr_gate_disconnect(world->gate, &pointers[1], 2);
    tick(world);
    EXPECT_EQ(count(world, came), 2);
    EXPECT_EQ(count(world, went), 1);
    dr_gate_disconnect(world->gate, &pointers[1], 2); /* long after: its entry is gone */
    tick(world);
    EXPECT_EQ(count(world, went), 0);
    (void)session_of(world, &pointers[2]);
    dr_gate_disconnect(world->gate, &pointers[2], 3);
    dr_gate_disconnect(world->gate, &pointers[2], 3);
    tick(world);
    EXPECT_EQ(count(world, went), 1);
    end(world);
}

static void test_a_reused_pointer_means_its_new_client(void)
{
    struct world *world = begin(65536);
    const char *const went = "$aws/events/presence/disconnected/t1";
    EXPECT_EQ(connect_as(world, &pointers[1], "t1", 1), DR_OK);
    /* No disconnect came, and the pointer is somebody else now. */
    EXPECT_EQ(connect_as(world, &pointers[1], "t2", 2), DR_OK);
    tick(world);
    EXPECT_EQ(count(world, went), 1);
    EXPECT_EQ(
        dr_gate_check(
            world->gate, &pointers[1], DR_GATE_WRITE, "$aws/things/t2/jobs/get", 0, false),
        DR_GATE_PASS);
    dr_gate_disconnect(world->gate, &pointers[1], 2);
    EXPECT_EQ(connect_as(world, &pointers[1], "t1", 1), DR_OK);
    EXPECT_EQ(connect_as(world, &pointers[1], "t1", 1), DR_OK); /* the same client again */
    tick(world);
    EXPECT_EQ(count(world, went), 1);
    (void)session_of(world, &pointers[1]);
    tick(world);
    (void)session_of(world, &pointers[1]);
    end(world);
}

static void test_checks_without_a_live_session(void)
{
    struct world *world = begin(65536);
    const void *unknown = &pointers[5];
    EXPECT_EQ(dr_gate_check(world->gate, unknown, DR_GATE_READ, "app/x", 1, false), DR_GATE_PASS);
    EXPECT_EQ(
        dr_gate_check(world->gate, unknown, DR_GATE_WRITE, "app/x", 1, false), DR_GATE_REFUSE);
    EXPECT_EQ(
        dr_gate_check(world->gate, unknown, DR_GATE_SUBSCRIBE, "app/x", 1, false), DR_GATE_REFUSE);
    char topic[] = "$aws/things/t1/jobs/get";
    EXPECT_EQ(say(world, unknown, topic, 1, NULL), DR_GATE_REFUSE);
    EXPECT_EQ(connect_as(world, &pointers[1], "t1", 1), DR_OK);
    dr_gate_disconnect(world->gate, &pointers[1], 2);
    tick(world);
    /* Its will, perhaps much later. */
    EXPECT_EQ(
        dr_gate_check(world->gate, &pointers[1], DR_GATE_WRITE, "app/x", 1, false), DR_GATE_PASS);
    EXPECT_EQ(
        dr_gate_check(
            world->gate, &pointers[1], DR_GATE_WRITE, "$aws/things/t1/jobs/get", 1, false),
        DR_GATE_REFUSE);
    EXPECT_EQ(
        dr_gate_check(world->gate, &pointers[1], DR_GATE_READ, "app/x", 1, false), DR_GATE_PASS);
    end(world);
}

static void test_what_is_kept_for_who_is_away(void)
{
    struct world *world = begin(65536);
    EXPECT(dr_gate_may_queue(world->gate, &pointers[5], 1, UINT32_MAX)); /* nobody we know */
    EXPECT_EQ(connect_as(world, &pointers[1], "t1", 1), DR_OK);
    EXPECT(dr_gate_may_queue(world->gate, &pointers[1], 1, 9)); /* delivered, not kept */
    dr_gate_disconnect(world->gate, &pointers[1], 2);
    for (uint32_t i = 0; i < DR_GATE_KEPT_MESSAGES_MAX; i++) {
        EXPECT(dr_gate_may_queue(world->gate, &pointers[1], 1, 1));
    }
    EXPECT(!dr_gate_may_queue(world->gate, &pointers[1], 1, 1));
    EXPECT_EQ(connect_as(world, &pointers[1], "t1", 1), DR_OK); /* back: it counts anew */
    dr_gate_disconnect(world->gate, &pointers[1], 2);
    EXPECT(dr_gate_may_queue(world->gate, &pointers[1], 1, DR_GATE_KEPT_BYTES_MAX));
    EXPECT(!dr_gate_may_queue(world->gate, &pointers[1], 1, 1));
    EXPECT(dr_gate_may_queue(world->gate, &pointers[1], 1, 0));
    EXPECT(dr_gate_may_queue(world->gate, &pointers[1], 0, UINT32_MAX)); /* not kept at all */
    end(world);
}

static void test_what_waits_for_who_does_not_read(void)
{
    struct world *world = begin(65536);
    const uint32_t quarter = DR_GATE_UNSENT_BYTES_MAX / 4;
    EXPECT_EQ(connect_as(world, &pointers[1], "t1", 1), DR_OK);
    world->clogged = true;
    world->sent_bytes = 5000; /* the handshake */
    for (int qos = 0; qos < 4; qos++) {
        EXPECT(dr_gate_may_queue(world->gate, &pointers[1], qos & 1, quarter));
    }
    EXPECT(!dr_gate_may_queue(world->gate, &pointers[1], 0, 1));
    world->sent_bytes += quarter; /* one was written */
    EXPECT(dr_gate_may_queue(world->gate, &pointers[1], 0, quarter));
    EXPECT(!dr_gate_may_queue(world->gate, &pointers[1], 1, 1));
    world->sent_bytes += DR_GATE_UNSENT_BYTES_MAX + 1000; /* all, and other packets: no credit */
    EXPECT(dr_gate_may_queue(world->gate, &pointers[1], 0, DR_GATE_UNSENT_BYTES_MAX));
    EXPECT(!dr_gate_may_queue(world->gate, &pointers[1], 0, 1));
    for (int i = 0; i < 100; i++) {
        tick(world);
        EXPECT(!dr_gate_may_queue(world->gate, &pointers[1], 0, 1)); /* however long */
    }
    end(world);
}

/* The broker dropped some by itself: the socket would take more, and nothing comes. */
static void test_what_the_broker_dropped_is_forgotten(void)
{
    struct world *world = begin(65536);
    EXPECT_EQ(connect_as(world, &pointers[1], "t1", 1), DR_OK);
    EXPECT(dr_gate_may_queue(world->gate, &pointers[1], 0, DR_GATE_UNSENT_BYTES_MAX));
    unsigned refused = 0;
    while (refused < 100 && !dr_gate_may_queue(world->gate, &pointers[1], 0, 9)) {
        refused++;
        world->sent_bytes += refused == 5 ? 1 : 0; /* it writes still: not yet */
        tick(world);
        if (refused == 10) { /* somebody read a little, the broker has not had its turn */
            world->clogged = true;
            EXPECT(!dr_gate_may_queue(world->gate, &pointers[1], 0, 9));
            world->clogged = false;
        }
    }
    EXPECT(refused >= 10 + 16 && refused < 40);
    EXPECT(!dr_gate_may_queue(world->gate, &pointers[1], 0, DR_GATE_UNSENT_BYTES_MAX));
    world->sent_bytes += DR_GATE_UNSENT_BYTES_MAX;
    EXPECT(dr_gate_may_queue(world->gate, &pointers[1], 1, DR_GATE_UNSENT_BYTES_MAX));
    for (int i = 0; i < 100; i++) {
        tick(world);
        EXPECT(!dr_gate_may_queue(world->gate, &pointers[1], 1, 1)); /* they wait for an answer */
    }
    end(world);
}

static enum dr_gate_verdict send_delta(
    struct world *world, const void *service, uint64_t sequence, uint32_t flags, uint8_t only)
{
    const uint8_t *data = NULL;
    size_t size = 0;
    struct dr_snapshot_builder *builder =
        build(sequence, DR_SNAPSHOT_DELTA | flags, DR_SNAPSHOT_REVOKED, only);
    EXPECT_EQ(dr_snapshot_builder_finish(builder, &data, &size), DR_OK);
    char topic[] = DR_WIRE_DELTA_TOPIC;
    struct dr_gate_message message = {.topic = topic, .payload = data, .payload_size = size};
    enum dr_gate_verdict verdict = dr_gate_message(world->gate, service, &message);
    dr_snapshot_builder_free(builder);
    return verdict;
}

static void test_a_kick_is_reentrant_and_final(void)
{
    struct world *world = begin(65536);
    start_service(world, &pointers[0]);
    EXPECT_EQ(connect_as(world, &pointers[1], "t1", 1), DR_OK);
    EXPECT_EQ(connect_as(world, &pointers[2], "t2", 2), DR_OK);
    uint64_t session = session_of(world, &pointers[1]);
    tick(world);
    EXPECT_EQ(send_delta(world, &pointers[0], 1, 0, 1), DR_GATE_PASS);
    /* At once, before the kick itself. */
    EXPECT_EQ(
        dr_gate_check(
            world->gate, &pointers[1], DR_GATE_WRITE, "$aws/things/t1/jobs/get", 0, false),
        DR_GATE_CLOSE);
    EXPECT_EQ(
        dr_gate_check(world->gate, &pointers[1], DR_GATE_READ, "app/x", 0, false), DR_GATE_REFUSE);
    EXPECT_EQ(answer(world, &pointers[0], "t1", session), DR_GATE_PASS);
    world->kick_connection = &pointers[1];
    tick(world);
    EXPECT_STR(world->kicked, "t1");
    EXPECT(find(world, "$aws/things/t1/streams/s/data/cbor") == NULL);
    EXPECT_EQ(count(world, "$aws/events/presence/disconnected/t1"), 1);
    EXPECT_EQ(connect_as(world, &pointers[1], "t1", 1), DR_E_DENIED);
    EXPECT_EQ(
        dr_gate_check(world->gate, &pointers[2], DR_GATE_WRITE, "app/x", 0, false), DR_GATE_PASS);
    end(world);
}

static void wait_for_reload(struct world *world)
{
    for (int i = 0; i < 2000 && (world->gate->registry.wants_file || world->gate->reload_asked ||
                                 world->gate->walking);
         i++) {
        tick(world);
        usleep(1000); /* the loader's thread reads the file */
    }
    EXPECT(!world->gate->registry.wants_file && !world->gate->walking);
}

static void test_reload_kicks_who_is_not_in_the_file(void)
{
    struct world *world = begin(65536);
    start_service(world, &pointers[0]);
    EXPECT_EQ(connect_as(world, &pointers[3], "t3", 3), DR_OK);
    write_file(world, 7, DR_SNAPSHOT_INACTIVE);
    EXPECT_EQ(send_delta(world, &pointers[0], 7, DR_SNAPSHOT_RELOAD, 9), DR_GATE_PASS);
    world->kick_connection = &pointers[3];
    wait_for_reload(world);
    EXPECT_STR(world->kicked, "t3");
    uint64_t generation = 0;
    uint64_t sequence = 0;
    dr_registry_position(&world->gate->registry, &generation, &sequence);
    EXPECT_EQ(generation, 3);
    EXPECT_EQ(sequence, 7);
    end(world);
}

/* The loader read the file before the second order, and hands it over after. */
static void test_an_order_outlives_an_older_file(void)
{
    struct world *world = begin(65536);
    struct dr_snapshot *older = NULL;
    start_service(world, &pointers[0]);
    EXPECT_EQ(connect_as(world, &pointers[3], "t3", 3), DR_OK);
    write_file(world, 1, DR_SNAPSHOT_ACTIVE);
    EXPECT_EQ(send_delta(world, &pointers[0], 1, DR_SNAPSHOT_RELOAD, 9), DR_GATE_PASS);
    REQUIRE(dr_snapshot_open(world->path, &older) == DR_OK);
    write_file(world, 2, DR_SNAPSHOT_REVOKED);
    EXPECT_EQ(send_delta(world, &pointers[0], 2, DR_SNAPSHOT_RELOAD, 9), DR_GATE_PASS);
    EXPECT_EQ(send_delta(world, &pointers[0], 1, DR_SNAPSHOT_RELOAD, 9), DR_GATE_PASS);
    EXPECT_EQ(dr_registry_set_base(&world->gate->registry, older), DR_OK);
    EXPECT(world->gate->registry.wants_file);
    world->kick_connection = &pointers[3];
    wait_for_reload(world);
    EXPECT_STR(world->kicked, "t3");
    end(world);
}

/* Ticks over that much time, each read done at once. Returns how often the file was read. */
static unsigned reads_within(struct world *world, uint64_t span_ms)
{
    unsigned reads = 0;
    for (uint64_t end_ms = world->tick_ms + span_ms; world->tick_ms < end_ms;) {
        world->tick_ms += 50;
        dr_gate_tick(world->gate, world->tick_ms);
        reads += world->gate->reload_asked ? 1 : 0;
        for (int i = 0; i < 10000 && world->gate->reload_asked; i++) {
            usleep(1000); /* the loader's thread reads the file */
            dr_gate_tick(world->gate, world->tick_ms);
        }
        if (world->gate->reload_asked) {
            EXPECT(!world->gate->reload_asked);
            return reads;
        }
    }
    return reads;
}

static void test_a_damaged_file_is_not_read_all_the_time(void)
{
    struct world *world = begin(65536);
    start_service(world, &pointers[0]);
    tick(world);
    EXPECT_EQ(dr_snapshot_write_file(world->path, (const uint8_t *)"nothing", 7), DR_OK);
    EXPECT_EQ(send_delta(world, &pointers[0], 1, DR_SNAPSHOT_RELOAD, 9), DR_GATE_PASS);
    unsigned reads = reads_within(world, 60000);
    EXPECT(reads >= 6 && reads <= 12);
    EXPECT(world->errors >= 2 && world->errors <= 6);
    EXPECT_EQ(connect_as(world, &pointers[1], "t1", 1), DR_OK); /* the last one stays */
    /* The service's word that there is a new one is not kept waiting. */
    write_file(world, 2, DR_SNAPSHOT_REVOKED);
    EXPECT_EQ(send_delta(world, &pointers[0], 2, DR_SNAPSHOT_RELOAD, 9), DR_GATE_PASS);
    EXPECT_EQ(reads_within(world, 300), 1);
    EXPECT(!world->gate->registry.wants_file);
    EXPECT_EQ(reads_within(world, 20000), 0);
    end(world);
}

static struct dr_snapshot *empty(uint64_t generation, uint64_t sequence, uint32_t flags)
{
    struct dr_snapshot_builder *builder = NULL;
    struct dr_snapshot *snapshot = NULL;
    const uint8_t *data = NULL;
    size_t size = 0;
    EXPECT_EQ(dr_snapshot_builder_create(generation, sequence, flags, &builder), DR_OK);
    EXPECT_EQ(dr_snapshot_builder_finish(builder, &data, &size), DR_OK);
    EXPECT_EQ(dr_snapshot_parse(data, size, &snapshot), DR_OK);
    dr_snapshot_builder_free(builder);
    return snapshot;
}

static void test_an_order_holds_for_its_generation(void)
{
    const uint32_t order = DR_SNAPSHOT_DELTA | DR_SNAPSHOT_RELOAD;
    struct dr_registry registry = {.wants_file = false};
    EXPECT_EQ(dr_registry_set_base(&registry, empty(3, 0, 0)), DR_OK);
    EXPECT_EQ(dr_registry_add_delta(&registry, empty(3, 50, order)), DR_E_AGAIN);
    EXPECT_EQ(dr_registry_add_delta(&registry, empty(4, 1, order)), DR_E_AGAIN);
    EXPECT_EQ(dr_registry_set_base(&registry, empty(3, 50, 0)), DR_OK);
    EXPECT(registry.wants_file);
    EXPECT_EQ(dr_registry_set_base(&registry, empty(4, 1, 0)), DR_OK);
    EXPECT(!registry.wants_file);
    dr_registry_free(&registry);
}

static void test_deltas_and_gaps(void)
{
    struct world *world = begin(65536);
    start_service(world, &pointers[0]);
    EXPECT_EQ(send_delta(world, &pointers[0], 1, 0, 1), DR_GATE_PASS);
    EXPECT_EQ(send_delta(world, &pointers[0], 1, 0, 2), DR_GATE_PASS); /* a repeat */
    EXPECT(!world->gate->registry.wants_file);
    EXPECT_EQ(connect_as(world, &pointers[2], "t2", 2), DR_OK);
    EXPECT_EQ(send_delta(world, &pointers[0], 4, 0, 3), DR_GATE_PASS); /* 2 and 3 are missing */
    EXPECT(world->gate->registry.wants_file);
    EXPECT_EQ(connect_as(world, &pointers[3], "t3", 3), DR_E_DENIED); /* what it says holds */
    write_file(world, 3, DR_SNAPSHOT_ACTIVE);
    wait_for_reload(world);
    EXPECT_EQ(world->gate->registry.delta_count, 1); /* 4 is newer than the file */
    EXPECT_EQ(connect_as(world, &pointers[3], "t3", 3), DR_E_DENIED);
    EXPECT_EQ(connect_as(world, &pointers[1], "t1", 1), DR_OK); /* the file is newer than delta 1 */
    end(world);
}

static void test_more_deltas_than_are_kept(void)
{
    struct world *world = begin(65536);
    start_service(world, &pointers[0]);
    for (uint64_t i = 1; i <= DR_REGISTRY_DELTAS_MAX + 5; i++) {
        EXPECT_EQ(send_delta(world, &pointers[0], i, 0, 1), DR_GATE_PASS);
    }
    EXPECT_EQ(world->gate->registry.delta_count, DR_REGISTRY_DELTAS_MAX);
    EXPECT(world->gate->registry.wants_file);
    write_file(world, DR_REGISTRY_DELTAS_MAX + 5, DR_SNAPSHOT_REVOKED);
    wait_for_reload(world);
    EXPECT_EQ(world->gate->registry.delta_count, 0);
    end(world);
}

static void test_ring_pump_and_restart_of_the_service(void)
{
    struct world *world = begin(65536);
    const char *const in = "daruma/1/in/t1/jobs/j/update";
    EXPECT_EQ(connect_as(world, &pointers[1], "t1", 1), DR_OK);
    for (int i = 0; i < 3; i++) {
        char topic[] = "$aws/things/t1/jobs/j/update";
        EXPECT_EQ(say(world, &pointers[1], topic, 1, NULL), DR_GATE_PASS);
        EXPECT_STR(topic, in);
    }
    tick(world);
    EXPECT_EQ(count(world, in), 0); /* nobody to send it to */
    start_service(world, &pointers[0]);
    tick(world);
    REQUIRE(world->published_count >= 2);
    EXPECT_STR(world->published[0].topic, DR_WIRE_BOOT_TOPIC);
    EXPECT_EQ(count(world, in), 3);
    tick(world);
    EXPECT_EQ(count(world, in), 0);
    greet(world, &pointers[0], world->gate->boot, "2");
    dr_gate_disconnect(world->gate, &pointers[0], 3);
    tick(world);
    start_service(world, &pointers[4]);
    tick(world);
    EXPECT_EQ(count(world, in), 1);
    REQUIRE(find(world, in) != NULL);
    EXPECT_EQ(find(world, in)->number, 3);
    end(world);
}

/* A hundred clients, one after the other, none of which stays. */
static void come_and_go(struct world *world, const uint8_t id[32])
{
    for (int i = 0; i < 100; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "c%d", i);
        EXPECT_EQ(dr_gate_connect(world->gate, &pointers[1], name, id, NULL, false, 1), DR_OK);
        dr_gate_disconnect(world->gate, &pointers[1], 1);
        tick(world);
    }
}

static void test_idle_clients_are_forgotten(void)
{
    struct world *world = begin(65536);
    world->gate->sessions.idle_max = 10;
    uint8_t id[32];
    make_id(id, 1);
    start_service(world, &pointers[0]);
    come_and_go(world, id);
    EXPECT(world->gate->sessions.clients.count <= 12);
    EXPECT_EQ(dr_gate_connect(world->gate, &pointers[1], "c1", id, NULL, false, 1), DR_OK);
    end(world);
}

/* Their counters are spared while they wait to be told, but not for ever. */
static void test_idle_clients_are_forgotten_without_a_service(void)
{
    struct world *world = begin(65536);
    world->gate->sessions.idle_max = 10;
    uint8_t id[32];
    make_id(id, 1);
    come_and_go(world, id);
    EXPECT(world->gate->sessions.clients.count <= 22);
    start_service(world, &pointers[0]);
    tick(world);
    EXPECT(find(world, DR_WIRE_STATS_TOPIC) != NULL); /* what is left is told */
    end(world);
}

DR_TEST_MAIN(
    test_an_answer_finds_only_its_session, test_a_row_without_memory_comes_again,
    test_disconnects_count_once_and_never_for_a_newer_session,
    test_a_reused_pointer_means_its_new_client, test_checks_without_a_live_session,
    test_what_is_kept_for_who_is_away, test_what_waits_for_who_does_not_read,
    test_what_the_broker_dropped_is_forgotten, test_a_kick_is_reentrant_and_final,
    test_reload_kicks_who_is_not_in_the_file, test_an_order_outlives_an_older_file,
    test_a_damaged_file_is_not_read_all_the_time, test_an_order_holds_for_its_generation,
    test_deltas_and_gaps, test_more_deltas_than_are_kept, test_ring_pump_and_restart_of_the_service,
    test_idle_clients_are_forgotten, test_idle_clients_are_forgotten_without_a_service)
