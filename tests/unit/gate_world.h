/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A gate with a broker that writes down what it is asked, for the gate's tests. */
#ifndef DR_TESTS_UNIT_GATE_WORLD_H
#define DR_TESTS_UNIT_GATE_WORLD_H

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
    unsigned errors; /* lines */
    bool no_memory;
    uint64_t sent_bytes;  /* to every connection */
    bool clogged;         /* no socket takes more */
    unsigned memory_left; /* allocations before there is no more; 0: not counted */
};

static const int pointers[8];
static const uint8_t service_id[32] = {0xff};

static inline void on_publish(
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

static inline void *on_alloc(void *context, size_t size_bytes)
{
    struct world *world = context;
    if (world->memory_left > 0 && --world->memory_left == 0) {
        world->no_memory = true;
    }
    return world->no_memory ? NULL : malloc(size_bytes);
}

static inline void on_release(void *context, void *memory)
{
    (void)context;
    free(memory);
}

/* As the broker does it: access checks, then the disconnect, then the will's check, all inside. */
static inline void on_kick(void *context, const char *client_id)
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

static inline void on_log(void *context, bool is_error, const char *line)
{
    struct world *world = context;
    (void)line;
    world->errors += is_error ? 1 : 0;
}

static inline uint64_t on_random(void *context)
{
    struct world *world = context;
    return ++world->dice;
}

static inline bool on_sent(void *context, const void *connection, uint64_t *ret_bytes)
{
    const struct world *world = context;
    (void)connection;
    *ret_bytes = world->sent_bytes;
    return true;
}

static inline bool on_writable(void *context, const void *connection)
{
    const struct world *world = context;
    (void)connection;
    return !world->clogged;
}

static inline void make_id(uint8_t id[32], uint8_t number)
{
    memset(id, 0, 32);
    id[0] = number;
}

/* Certificates 1 to 4 for things t1 to t4; everything is allowed on app/ and on their own topics.
 */
static inline struct dr_snapshot_builder *
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

static inline void
write_file(struct world *world, uint64_t sequence, enum dr_snapshot_status status)
{
    const uint8_t *data = NULL;
    size_t size = 0;
    struct dr_snapshot_builder *builder = build(sequence, 0, status, 0);
    EXPECT_EQ(dr_snapshot_builder_finish(builder, &data, &size), DR_OK);
    EXPECT_EQ(dr_snapshot_write_file(world->path, data, size), DR_OK);
    dr_snapshot_builder_free(builder);
}

static inline struct world *begin(size_t ring_bytes)
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
    const struct dr_gate_port port = {&world, on_publish, on_alloc, on_release, on_kick,
                                      on_log, on_random,  on_sent,  on_writable};
    char error[DR_GATE_ERROR_BYTES] = "";
    EXPECT_EQ(dr_gate_create(&options, &port, &world.gate, error), DR_OK);
    EXPECT_STR(error, "");
    return &world;
}

static inline void end(struct world *world)
{
    dr_gate_free(world->gate);
    EXPECT_EQ(unlink(world->path), 0);
    EXPECT_EQ(rmdir(world->directory), 0);
}

static inline enum dr_status
connect_as(struct world *world, const void *connection, const char *client_id, uint8_t certificate)
{
    uint8_t id[32];
    make_id(id, certificate);
    return dr_gate_connect(world->gate, connection, client_id, id, "127.0.0.1", false, 1);
}

static inline void tick(struct world *world)
{
    world->tick_ms += 1000;
    world->published_count = 0;
    dr_gate_tick(world->gate, world->tick_ms);
}

static inline const struct published *find(const struct world *world, const char *topic)
{
    for (size_t i = 0; i < world->published_count; i++) {
        if (strcmp(world->published[i].topic, topic) == 0) {
            return &world->published[i];
        }
    }
    return NULL;
}

static inline size_t count(const struct world *world, const char *topic)
{
    size_t found = 0;
    for (size_t i = 0; i < world->published_count; i++) {
        found += strcmp(world->published[i].topic, topic) == 0 ? 1 : 0;
    }
    return found;
}

static inline enum dr_gate_verdict
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

static inline uint64_t session_of(struct world *world, const void *connection)
{
    char topic[] = "$aws/things/t1/jobs/get";
    uint64_t session = 0;
    EXPECT_EQ(say(world, connection, topic, 0, &session), DR_GATE_PASS);
    return session;
}

static inline void
greet(struct world *world, const void *connection, uint64_t boot, const char *number)
{
    char topic[] = DR_WIRE_ACK_TOPIC;
    char token[DR_WIRE_TOKEN_BYTES];
    dr_wire_token_format(boot, token);
    struct dr_gate_message message = {.topic = topic, .boot = token, .number = number};
    EXPECT_EQ(dr_gate_message(world->gate, connection, &message), DR_GATE_PASS);
}

static inline enum dr_gate_verdict
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

static inline void start_service(struct world *world, const void *connection)
{
    EXPECT_EQ(
        dr_gate_connect(
            world->gate, connection, "daruma/darumad", service_id, "127.0.0.1", false, 1),
        DR_OK);
    greet(world, connection, 0, "0");
}

#endif
