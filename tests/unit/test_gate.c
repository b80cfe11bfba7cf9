/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The gate without a broker: sessions in every order the broker produces, and the tick. */
#include "cloud/gate/gate.h"
#include "cloud/gate/gate_priv.h"
#include "cloud/model/policy.h"
#include "cloud/wire/snapshot.h"
#include "tests/unit/check.h"

#include <unistd.h>

#define PUBLISHED_MAX 4096

struct published {
    char client_id[64];
    char topic[128];
    size_t payload_size;
    int qos;
    uint64_t number;
};

/* A broker that writes down what it is asked. */
struct world {
    char directory[64];
    char path[96];
    struct dr_gate *gate;
    struct published published[PUBLISHED_MAX];
    size_t published_count;
    char kicked[64];
    const void *kick_connection; /* the broker ends this one inside the kick */
    uint64_t dice;
    uint64_t tick_ms;
    bool no_memory;
};

static const int pointers[8];
static const uint8_t service_id[32] = {0xff};

static void on_publish(
    void *context, const char *client_id, const char *topic, void *payload, size_t payload_size,
    int qos, const struct dr_gate_stamp *stamp)
{
    struct world *world = context;
    struct published *out = &world->published[world->published_count++ % PUBLISHED_MAX];
    (void)snprintf(
        out->client_id, sizeof(out->client_id), "%s", client_id == NULL ? "" : client_id);
    (void)snprintf(out->topic, sizeof(out->topic), "%s", topic);
    out->payload_size = payload_size;
    out->qos = qos;
    out->number = stamp == NULL ? 0 : stamp->number;
    free(payload);
}

static void *on_alloc(void *context, size_t size_bytes)
{
    const struct world *world = context;
    return world->no_memory ? NULL : malloc(size_bytes);
}

static void on_release(void *context, void *memory)
{
    (void)context;
    free(memory);
}

/* As the broker does it: access checks, then the disconnect, then the will's check, all inside. */
static void on_kick(void *context, const char *client_id)
{
    struct world *world = context;
    (void)snprintf(world->kicked, sizeof(world->kicked), "%s", client_id);
    if (world->kick_connection != NULL) {
        EXPECT_EQ(
            dr_gate_check(
                world->gate, world->kick_connection, DR_GATE_SUBSCRIBE, "$aws/things/t1/x", 0,
                false),
            DR_GATE_REFUSE);
        dr_gate_disconnect(world->gate, world->kick_connection, 5);
        EXPECT_EQ(
            dr_gate_check(world->gate, world->kick_connection, DR_GATE_WRITE, "app/will", 0, false),
            DR_GATE_REFUSE);
    }
}

static void on_log(void *context, bool is_error, const char *line)
{
    (void)context;
    (void)is_error;
    (void)line;
}

static uint64_t on_random(void *context)
{
    struct world *world = context;
    return ++world->dice;
}

static void make_id(uint8_t id[32], uint8_t number)
{
    memset(id, 0, 32);
    id[0] = number;
}

/* Certificates 1 to 4 for things t1 to t4; everything is allowed on app/ and on their own topics.
 */
static struct dr_snapshot_builder *
build(uint64_t sequence, uint32_t flags, enum dr_snapshot_status status, uint8_t only)
{
    struct dr_snapshot_builder *builder = NULL;
    struct dr_policy_builder policy;
    uint8_t compiled[DR_POLICY_COMPILED_MAX];
    size_t size = 0;
    uint32_t handle = 0;
    EXPECT_EQ(dr_snapshot_builder_create(3, sequence, flags, &builder), DR_OK);
    dr_policy_build_begin(&policy, compiled, sizeof(compiled));
    dr_policy_build_statement(&policy, true);
    dr_policy_build_action(&policy, "iot:*");
    dr_policy_build_resource(&policy, "*");
    EXPECT_EQ(dr_policy_build_finish(&policy, &size), DR_OK);
    EXPECT_EQ(dr_snapshot_builder_policy(builder, compiled, size, &handle), DR_OK);
    for (uint8_t i = 1; i <= 4; i++) {
        char name[8];
        uint32_t thing = 0;
        struct dr_snapshot_certificate certificate = {
            .status = status,
            .policies = &handle,
            .policy_count = 1,
            .things = &thing,
            .thing_count = 1};
        (void)snprintf(name, sizeof(name), "t%u", i);
        const struct dr_snapshot_thing facts = {.name = name};
        make_id(certificate.id, i);
        EXPECT_EQ(dr_snapshot_builder_thing(builder, &facts, &thing), DR_OK);
        if (only == 0 || only == i) {
            EXPECT_EQ(dr_snapshot_builder_certificate(builder, &certificate), DR_OK);
        }
    }
    return builder;
}

static void write_file(struct world *world, uint64_t sequence, enum dr_snapshot_status status)
{
    const uint8_t *data = NULL;
    size_t size = 0;
    struct dr_snapshot_builder *builder = build(sequence, 0, status, 0);
    EXPECT_EQ(dr_snapshot_builder_finish(builder, &data, &size), DR_OK);
    EXPECT_EQ(dr_snapshot_write_file(world->path, data, size), DR_OK);
    dr_snapshot_builder_free(builder);
}

static struct world *begin(size_t ring_bytes)
{
    static struct world world;
    memset(&world, 0, sizeof(world));
    (void)snprintf(world.directory, sizeof(world.directory), "%s", "/tmp/daruma-gate-unit-XXXXXX");
    EXPECT(mkdtemp(world.directory) != NULL);
    (void)snprintf(world.path, sizeof(world.path), "%s/s", world.directory);
    write_file(&world, 0, DR_SNAPSHOT_ACTIVE);
    struct dr_gate_options options = {
        .snapshot_path = world.path,
        .region = "local",
        .account = "000000000000",
        .ring_bytes = ring_bytes};
    memcpy(options.service_certificate, service_id, sizeof(service_id));
    const struct dr_gate_port port = {&world,  on_publish, on_alloc, on_release,
                                      on_kick, on_log,     on_random};
    char error[DR_GATE_ERROR_BYTES] = "";
    EXPECT_EQ(dr_gate_create(&options, &port, &world.gate, error), DR_OK);
    EXPECT_STR(error, "");
    return &world;
}

static void end(struct world *world)
{
    dr_gate_free(world->gate);
    EXPECT_EQ(unlink(world->path), 0);
    EXPECT_EQ(rmdir(world->directory), 0);
}

static enum dr_status
connect_as(struct world *world, const void *connection, const char *client_id, uint8_t certificate)
{
    uint8_t id[32];
    make_id(id, certificate);
    return dr_gate_connect(world->gate, connection, client_id, id, "127.0.0.1", false, 1);
}

static void tick(struct world *world)
{
    world->tick_ms += 1000;
    world->published_count = 0;
    dr_gate_tick(world->gate, world->tick_ms);
}

static const struct published *find(const struct world *world, const char *topic)
{
    for (size_t i = 0; i < world->published_count; i++) {
        if (strcmp(world->published[i].topic, topic) == 0) {
            return &world->published[i];
        }
    }
    return NULL;
}

static size_t count(const struct world *world, const char *topic)
{
    size_t found = 0;
    for (size_t i = 0; i < world->published_count; i++) {
        found += strcmp(world->published[i].topic, topic) == 0 ? 1 : 0;
    }
    return found;
}

static enum dr_gate_verdict
say(struct world *world, const void *connection, char *topic, int qos, uint64_t *ret_session)
{
    struct dr_gate_message message = {
        .topic = topic, .payload = (const uint8_t *)"p", .payload_size = 1, .qos = qos};
    enum dr_gate_verdict verdict = dr_gate_message(world->gate, connection, &message);
    if (ret_session != NULL) {
        *ret_session = message.stamp.session;
    }
    return verdict;
}

static uint64_t session_of(struct world *world, const void *connection)
{
    char topic[] = "$aws/things/t1/jobs/get";
    uint64_t session = 0;
    EXPECT_EQ(say(world, connection, topic, 0, &session), DR_GATE_PASS);
    return session;
}

static void greet(struct world *world, const void *connection, uint64_t boot, const char *number)
{
    char topic[] = DR_WIRE_ACK_TOPIC;
    char token[DR_WIRE_TOKEN_BYTES];
    dr_wire_token_format(boot, token);
    struct dr_gate_message message = {.topic = topic, .boot = token, .number = number};
    EXPECT_EQ(dr_gate_message(world->gate, connection, &message), DR_GATE_PASS);
}

static enum dr_gate_verdict
answer(struct world *world, const void *service, const char *client_id, uint64_t session)
{
    char topic[] = DR_WIRE_OUT_TOPIC;
    char token[DR_WIRE_TOKEN_BYTES];
    dr_wire_token_format(session, token);
    struct dr_gate_message message = {
        .topic = topic,
        .payload = (const uint8_t *)"abc",
        .payload_size = 3,
        .qos = 1,
        .client_id = client_id,
        .session = token,
        .target_topic = "$aws/things/t1/streams/s/data/cbor",
        .target_qos = "0"};
    return dr_gate_message(world->gate, service, &message);
}

static void start_service(struct world *world, const void *connection)
{
    EXPECT_EQ(
        dr_gate_connect(
            world->gate, connection, "daruma/darumad", service_id, "127.0.0.1", false, 1),
        DR_OK);
    greet(world, connection, 0, "0");
}

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

static void test_idle_clients_are_forgotten(void)
{
    struct world *world = begin(65536);
    world->gate->sessions.idle_max = 10;
    uint8_t id[32];
    make_id(id, 1);
    start_service(world, &pointers[0]);
    for (int i = 0; i < 100; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "c%d", i);
        EXPECT_EQ(dr_gate_connect(world->gate, &pointers[1], name, id, NULL, false, 1), DR_OK);
        dr_gate_disconnect(world->gate, &pointers[1], 1);
        tick(world);
    }
    EXPECT(world->gate->sessions.clients.count <= 12);
    EXPECT_EQ(dr_gate_connect(world->gate, &pointers[1], "c1", id, NULL, false, 1), DR_OK);
    end(world);
}

DR_TEST_MAIN(
    test_an_answer_finds_only_its_session, test_a_row_without_memory_comes_again,
    test_disconnects_count_once_and_never_for_a_newer_session,
    test_a_reused_pointer_means_its_new_client, test_checks_without_a_live_session,
    test_a_kick_is_reentrant_and_final, test_reload_kicks_who_is_not_in_the_file,
    test_deltas_and_gaps, test_more_deltas_than_are_kept, test_ring_pump_and_restart_of_the_service,
    test_idle_clients_are_forgotten)
