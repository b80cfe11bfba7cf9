/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* device/anchor, both sides: who may do what in which life cycle and mode, replay, lost answers,
 * cuts around each change, hostile messages, frames. */
#include "crypto/sign.h"
#include "device/anchor/anchor.h"
#include "device/anchor/frame.h"
#include "device/anchor/keys.h"
#include "sim/anchor_mem.h"
#include "tests/unit/check.h"

struct rig {
    struct dr_sim_power power;
    struct dr_anchor_mem mem;
    struct dr_anchor rom;
    struct dr_anchor fw;
    struct dr_anchor nobody;
};

static const uint8_t digest[DR_SHA256_BYTES] = {1, 2, 3};

static void rig_clients(struct rig *rig, const struct dr_anchor_port *port)
{
    uint8_t key[DR_SHA256_BYTES];
    uint8_t seed[DR_SHA256_BYTES] = {0};
    const struct dr_crypto *crypto = &dr_crypto_openssl;
    dr_key_derive(crypto, rig->mem.secret, DR_LABEL_ANCHOR_ROM, key);
    dr_anchor_init(&rig->rom, crypto, port, DR_ANCHOR_KEY_ROM, key, seed);
    dr_key_derive(crypto, rig->mem.secret, DR_LABEL_ANCHOR_FW, key);
    seed[0] = 1;
    dr_anchor_init(&rig->fw, crypto, port, DR_ANCHOR_KEY_FW, key, seed);
    seed[0] = 2;
    dr_anchor_init(&rig->nobody, crypto, port, DR_ANCHOR_KEY_NONE, NULL, seed);
}

static void rig_make(struct rig *rig, uint64_t seed)
{
    dr_sim_power_init(&rig->power, seed);
    dr_anchor_mem_init(&rig->mem, &dr_crypto_openssl, &rig->power, seed);
    const struct dr_anchor_port port = dr_anchor_mem_port(&rig->mem);
    rig_clients(rig, &port);
}

static void rig_lock(struct rig *rig)
{
    EXPECT_EQ(dr_anchor_provision(&rig->rom), DR_OK);
    EXPECT_EQ(dr_anchor_pin_factory(&rig->rom, digest), DR_OK);
    EXPECT_EQ(dr_anchor_lock(&rig->rom), DR_OK);
}

static uint32_t counter_of(struct rig *rig, enum dr_anchor_counter counter)
{
    struct dr_anchor_status status;
    EXPECT_EQ(dr_anchor_status(&rig->rom, &status), DR_OK);
    return status.counters[counter];
}

static void test_life_cycle(void)
{
    static struct rig rig;
    struct dr_anchor_status status;
    uint8_t public_key[2][DR_P256_PUBLIC_BYTES];
    uint8_t again[DR_P256_PUBLIC_BYTES];
    rig_make(&rig, 1);
    EXPECT_EQ(dr_anchor_status(&rig.rom, &status), DR_OK);
    EXPECT_EQ(status.lifecycle, DR_ANCHOR_BLANK);
    EXPECT_EQ(dr_anchor_pin_factory(&rig.rom, digest), DR_E_STATE);
    EXPECT_EQ(dr_anchor_lock(&rig.rom), DR_E_STATE);
    EXPECT_EQ(dr_anchor_latch(&rig.rom, DR_ANCHOR_MODE_NORMAL), DR_E_STATE);
    EXPECT_EQ(dr_anchor_advance(&rig.rom, DR_ANCHOR_COUNTER_EPOCH, 0, 1, NULL), DR_E_STATE);
    EXPECT_EQ(dr_anchor_public_key(&rig.nobody, DR_ANCHOR_IDENTITY_NORMAL, again), DR_E_STATE);
    EXPECT_EQ(dr_anchor_provision(&rig.fw), DR_E_DENIED);
    EXPECT_EQ(dr_anchor_provision(&rig.nobody), DR_E_DENIED);
    EXPECT_EQ(dr_anchor_provision(&rig.rom), DR_OK);
    EXPECT_EQ(dr_anchor_public_key(&rig.nobody, DR_ANCHOR_IDENTITY_NORMAL, public_key[0]), DR_OK);
    EXPECT_EQ(dr_anchor_public_key(&rig.rom, DR_ANCHOR_IDENTITY_RECOVERY, public_key[1]), DR_OK);
    EXPECT(memcmp(public_key[0], public_key[1], sizeof again) != 0);
    EXPECT_EQ(dr_anchor_provision(&rig.rom), DR_OK); /* repeated: the keys stay */
    EXPECT_EQ(dr_anchor_public_key(&rig.nobody, DR_ANCHOR_IDENTITY_NORMAL, again), DR_OK);
    EXPECT(memcmp(public_key[0], again, sizeof again) == 0);
    EXPECT_EQ(dr_anchor_lock(&rig.rom), DR_E_STATE); /* nothing pinned yet */
    EXPECT_EQ(dr_anchor_pin_factory(&rig.rom, digest), DR_OK);
    EXPECT_EQ(dr_anchor_pin_factory(&rig.rom, digest), DR_OK);
    EXPECT_EQ(dr_anchor_latch(&rig.rom, DR_ANCHOR_MODE_PROVISIONING), DR_OK);
    EXPECT_EQ(dr_anchor_lock(&rig.fw), DR_OK);
    EXPECT_EQ(dr_anchor_lock(&rig.rom), DR_OK);
    EXPECT_EQ(dr_anchor_provision(&rig.rom), DR_E_STATE);
    EXPECT_EQ(dr_anchor_pin_factory(&rig.rom, digest), DR_E_STATE);
    EXPECT_EQ(dr_anchor_latch(&rig.rom, DR_ANCHOR_MODE_PROVISIONING), DR_E_STATE);
    EXPECT_EQ(dr_anchor_mem_start(&rig.mem), DR_OK);
    EXPECT_EQ(dr_anchor_status(&rig.rom, &status), DR_OK);
    EXPECT_EQ(status.lifecycle, DR_ANCHOR_LOCKED);
    EXPECT_EQ(status.flags, DR_ANCHOR_FLAG_FACTORY_PINNED);
    EXPECT(memcmp(status.factory_digest, digest, sizeof digest) == 0);
    EXPECT_EQ(status.mode, DR_ANCHOR_MODE_NONE);
}

static void test_modes_and_identities(void)
{
    static struct rig rig;
    uint8_t key[DR_P256_PUBLIC_BYTES];
    uint8_t signature[DR_P256_SIGNATURE_BYTES];
    /* may[mode][identity] */
    static const struct {
        enum dr_anchor_mode mode;
        enum dr_status normal;
        enum dr_status recovery;
    } rows[] = {
        {DR_ANCHOR_MODE_NONE, DR_E_STATE, DR_E_STATE},
        {DR_ANCHOR_MODE_PROVISIONING, DR_OK, DR_OK},
        {DR_ANCHOR_MODE_NORMAL, DR_OK, DR_E_DENIED},
        {DR_ANCHOR_MODE_RECOVERY, DR_E_DENIED, DR_OK},
    };
    rig_make(&rig, 2);
    EXPECT_EQ(dr_anchor_provision(&rig.rom), DR_OK);
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        if (rows[i].mode != DR_ANCHOR_MODE_NONE) {
            EXPECT_EQ(dr_anchor_latch(&rig.rom, rows[i].mode), DR_OK);
        }
        for (unsigned identity = 0; identity < DR_ANCHOR_IDENTITIES; identity++) {
            enum dr_status expected = identity == 0 ? rows[i].normal : rows[i].recovery;
            EXPECT_EQ(
                dr_anchor_sign(&rig.nobody, (enum dr_anchor_identity)identity, digest, signature),
                expected);
            if (expected == DR_OK) {
                EXPECT_EQ(
                    dr_anchor_public_key(&rig.nobody, (enum dr_anchor_identity)identity, key),
                    DR_OK);
                EXPECT_EQ(dr_crypto_openssl.p256_verify(key, digest, signature), DR_OK);
            }
        }
    }
    /* The firmware's key is worth nothing in recovery mode, nor before a mode is latched. */
    EXPECT_EQ(dr_anchor_advance(&rig.fw, DR_ANCHOR_COUNTER_VAULT, 0, 1, NULL), DR_E_DENIED);
    EXPECT_EQ(dr_anchor_mem_start(&rig.mem), DR_OK);
    EXPECT_EQ(dr_anchor_advance(&rig.fw, DR_ANCHOR_COUNTER_VAULT, 0, 1, NULL), DR_E_DENIED);
    EXPECT_EQ(dr_anchor_latch(&rig.fw, DR_ANCHOR_MODE_NORMAL), DR_E_DENIED);
    EXPECT_EQ(dr_anchor_latch(&rig.rom, DR_ANCHOR_MODE_NONE), DR_E_ARGUMENT);
    EXPECT_EQ(dr_anchor_latch(&rig.rom, DR_ANCHOR_MODE_NORMAL), DR_OK);
    EXPECT_EQ(dr_anchor_advance(&rig.fw, DR_ANCHOR_COUNTER_VAULT, 0, 1, NULL), DR_OK);
}

static void test_counters(void)
{
    static struct rig rig;
    uint32_t value = 0;
    rig_make(&rig, 3);
    rig_lock(&rig);
    EXPECT_EQ(dr_anchor_latch(&rig.rom, DR_ANCHOR_MODE_NORMAL), DR_OK);
    static const struct {
        bool by_rom;
        enum dr_anchor_counter counter;
        uint32_t from;
        uint32_t to;
        enum dr_status status;
    } rows[] = {
        {true, DR_ANCHOR_COUNTER_SECURITY, 0, 0x01020003, DR_OK},
        {true, DR_ANCHOR_COUNTER_SECURITY, 0, 0x01020003, DR_OK}, /* again: it stands there */
        {true, DR_ANCHOR_COUNTER_SECURITY, 0, 7, DR_E_CONFLICT},
        {true, DR_ANCHOR_COUNTER_SECURITY, 0x01020003, 0x01020002, DR_E_RANGE},
        {true, DR_ANCHOR_COUNTER_SECURITY, 0x01020003, 0x01020003, DR_E_RANGE},
        {true, DR_ANCHOR_COUNTER_SECURITY, 0x01020003, 0xF0000000, DR_E_RANGE},
        {true, DR_ANCHOR_COUNTER_SECURITY, 0x01020003, 0xFFFFFFFF, DR_E_RANGE},
        {true, DR_ANCHOR_COUNTER_SECURITY, 0x01020003, 0xEFFFFFFF, DR_OK},
        {true, DR_ANCHOR_COUNTER_REVOCATION, 0, 1, DR_OK},
        {true, DR_ANCHOR_COUNTER_EPOCH, 0, 1, DR_OK},
        {true, DR_ANCHOR_COUNTER_VAULT, 0, 1, DR_E_DENIED},
        {true, DR_ANCHOR_COUNTER_ALERTS, 0, 1, DR_E_DENIED},
        {false, DR_ANCHOR_COUNTER_SECURITY, 0xEFFFFFFF, 0xEFFFFFFF, DR_E_DENIED},
        {false, DR_ANCHOR_COUNTER_REVOCATION, 1, 2, DR_E_DENIED},
        {false, DR_ANCHOR_COUNTER_EPOCH, 1, 2, DR_E_DENIED},
        {false, DR_ANCHOR_COUNTER_VAULT, 0, 2, DR_E_RANGE},
        {false, DR_ANCHOR_COUNTER_VAULT, 0, 1, DR_OK},
        {false, DR_ANCHOR_COUNTER_VAULT, 2, 3, DR_E_CONFLICT},
        {false, DR_ANCHOR_COUNTER_VAULT, 0xEFFFFFFF, 0xF0000000, DR_E_RANGE},
        {true, (enum dr_anchor_counter)5, 0, 1, DR_E_ARGUMENT},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        struct dr_anchor *who = rows[i].by_rom ? &rig.rom : &rig.fw;
        value = 0;
        EXPECT_EQ(
            dr_anchor_advance(who, rows[i].counter, rows[i].from, rows[i].to, &value),
            rows[i].status);
        EXPECT_EQ(value, rows[i].status == DR_OK ? rows[i].to : 0);
    }
    EXPECT_EQ(dr_anchor_advance(&rig.nobody, DR_ANCHOR_COUNTER_EPOCH, 1, 2, NULL), DR_E_DENIED);
    EXPECT_EQ(dr_anchor_mem_start(&rig.mem), DR_OK);
    EXPECT_EQ(counter_of(&rig, DR_ANCHOR_COUNTER_SECURITY), 0xEFFFFFFF);
    EXPECT_EQ(counter_of(&rig, DR_ANCHOR_COUNTER_REVOCATION), 1);
    EXPECT_EQ(counter_of(&rig, DR_ANCHOR_COUNTER_EPOCH), 1);
    EXPECT_EQ(counter_of(&rig, DR_ANCHOR_COUNTER_VAULT), 1);
    EXPECT_EQ(counter_of(&rig, DR_ANCHOR_COUNTER_ALERTS), 0);
}

static void test_alert_limit(void)
{
    static struct rig rig;
    rig_make(&rig, 4);
    rig_lock(&rig);
    EXPECT_EQ(dr_anchor_latch(&rig.rom, DR_ANCHOR_MODE_NORMAL), DR_OK);
    EXPECT_EQ(dr_anchor_alert(&rig.fw), DR_OK);
    EXPECT_EQ(dr_anchor_alert(&rig.fw), DR_E_BUSY);
    rig.mem.now_ms = DR_ANCHOR_ALERT_INTERVAL_MS - 1u;
    EXPECT_EQ(dr_anchor_alert(&rig.fw), DR_E_BUSY);
    rig.mem.now_ms = DR_ANCHOR_ALERT_INTERVAL_MS;
    EXPECT_EQ(dr_anchor_alert(&rig.fw), DR_OK);
    EXPECT_EQ(dr_anchor_alert(&rig.fw), DR_E_BUSY);
    rig.mem.now_ms = 1000u * DR_ANCHOR_ALERT_INTERVAL_MS;
    unsigned taken = 0;
    while (taken < 10 && dr_anchor_alert(&rig.fw) == DR_OK) {
        taken++;
    }
    EXPECT_EQ(taken, DR_ANCHOR_ALERT_RESERVE_MAX);
    EXPECT_EQ(counter_of(&rig, DR_ANCHOR_COUNTER_ALERTS), 2u + DR_ANCHOR_ALERT_RESERVE_MAX);
}

/* Somebody on the wires: records, replays, changes. */
struct wire_tap {
    struct dr_anchor_port inner;
    uint8_t request[DR_ANCHOR_MESSAGE_BYTES_MAX];
    size_t request_bytes;
    uint8_t response[DR_ANCHOR_MESSAGE_BYTES_MAX];
    size_t response_bytes;
    bool replay_request;
    bool replay_response;
    unsigned flip_request; /* byte to change, from 1 */
    unsigned flip_response;
    bool swallow; /* the last exchange never reaches the anchor */
};

static enum dr_status tap(void *context, struct dr_anchor_exchange *exchange)
{
    struct wire_tap *wire = context;
    uint8_t request[DR_ANCHOR_MESSAGE_BYTES_MAX];
    size_t request_bytes = exchange->request_bytes;
    memcpy(request, exchange->request, request_bytes);
    if (wire->replay_request) {
        memcpy(request, wire->request, wire->request_bytes);
        request_bytes = wire->request_bytes;
    } else {
        memcpy(wire->request, request, request_bytes);
        wire->request_bytes = request_bytes;
    }
    if (wire->swallow) {
        return DR_E_TIMEOUT;
    }
    if (wire->flip_request > 0 && wire->flip_request <= request_bytes) {
        request[wire->flip_request - 1u] ^= 0x40;
    }
    struct dr_anchor_exchange inner = *exchange;
    inner.request = request;
    inner.request_bytes = request_bytes;
    enum dr_status status = wire->inner.transact(wire->inner.context, &inner);
    exchange->response_bytes = inner.response_bytes;
    if (status == DR_OK && wire->replay_response) {
        memcpy(exchange->response, wire->response, wire->response_bytes);
        exchange->response_bytes = wire->response_bytes;
    } else if (status == DR_OK) {
        memcpy(wire->response, exchange->response, inner.response_bytes);
        wire->response_bytes = inner.response_bytes;
        if (wire->flip_response > 0 && wire->flip_response <= inner.response_bytes) {
            exchange->response[wire->flip_response - 1u] ^= 0x40;
        }
    }
    return status;
}

static void test_replay(void)
{
    static struct rig rig;
    static struct wire_tap wire;
    struct dr_anchor_status status;
    rig_make(&rig, 5);
    rig_lock(&rig);
    memset(&wire, 0, sizeof wire);
    wire.inner = dr_anchor_mem_port(&rig.mem);
    const struct dr_anchor_port port = {.context = &wire, .transact = tap};
    rig_clients(&rig, &port);

    /* An old answer to a new question. */
    EXPECT_EQ(dr_anchor_status(&rig.rom, &status), DR_OK);
    wire.replay_response = true;
    EXPECT_EQ(dr_anchor_status(&rig.rom, &status), DR_E_AUTH);
    wire.replay_response = false;

    /* An old advance does nothing more. */
    EXPECT_EQ(dr_anchor_advance(&rig.rom, DR_ANCHOR_COUNTER_SECURITY, 0, 5, NULL), DR_OK);
    struct wire_tap advance = wire;
    EXPECT_EQ(dr_anchor_advance(&rig.rom, DR_ANCHOR_COUNTER_SECURITY, 5, 9, NULL), DR_OK);
    advance.replay_request = true;
    const struct dr_anchor_port old_advance = {.context = &advance, .transact = tap};
    rig_clients(&rig, &old_advance);
    EXPECT_EQ(dr_anchor_status(&rig.rom, &status), DR_E_AUTH);
    rig_clients(&rig, &port);
    EXPECT_EQ(counter_of(&rig, DR_ANCHOR_COUNTER_SECURITY), 9);

    /* A latch recorded in a normal boot does not work in a recovery boot. */
    EXPECT_EQ(dr_anchor_latch(&rig.rom, DR_ANCHOR_MODE_NORMAL), DR_OK);
    struct wire_tap latch = wire;
    EXPECT_EQ(dr_anchor_mem_start(&rig.mem), DR_OK);
    EXPECT_EQ(dr_anchor_latch(&rig.rom, DR_ANCHOR_MODE_RECOVERY), DR_OK);
    latch.replay_request = true;
    const struct dr_anchor_port old_latch = {.context = &latch, .transact = tap};
    rig_clients(&rig, &old_latch);
    EXPECT_EQ(dr_anchor_status(&rig.nobody, &status), DR_E_AUTH);
    rig_clients(&rig, &port);
    EXPECT_EQ(dr_anchor_status(&rig.nobody, &status), DR_OK);
    EXPECT_EQ(status.mode, DR_ANCHOR_MODE_RECOVERY);
}

/* Each byte of request and answer changed in turn: nothing is believed, nothing is done. */
static void test_changed_messages(void)
{
    static struct rig rig;
    static struct wire_tap wire;
    rig_make(&rig, 6);
    rig_lock(&rig);
    memset(&wire, 0, sizeof wire);
    wire.inner = dr_anchor_mem_port(&rig.mem);
    const struct dr_anchor_port port = {.context = &wire, .transact = tap};
    rig_clients(&rig, &port);
    for (unsigned i = 1; i <= DR_ANCHOR_MESSAGE_BYTES_MAX; i++) {
        struct dr_anchor_status status;
        wire.flip_response = i;
        enum dr_status outcome = dr_anchor_status(&rig.rom, &status);
        if (i <= wire.response_bytes) {
            EXPECT(outcome == DR_E_AUTH || outcome == DR_E_FORMAT);
        } else {
            EXPECT_EQ(outcome, DR_OK);
        }
        wire.flip_response = 0;
    }
    uint32_t at = 0;
    for (unsigned i = 1; i <= 80; i++) {
        wire.flip_request = i;
        enum dr_status outcome =
            dr_anchor_advance(&rig.rom, DR_ANCHOR_COUNTER_SECURITY, at, at + 3u, NULL);
        bool touched = i <= wire.request_bytes;
        wire.flip_request = 0;
        EXPECT(touched == (outcome != DR_OK));
        at += touched ? 0 : 3u;
        EXPECT_EQ(counter_of(&rig, DR_ANCHOR_COUNTER_SECURITY), at);
    }
    EXPECT(at > 0);
}

/* Another device's keys. */
static void test_other_device(void)
{
    static struct rig rig;
    static struct rig other;
    struct dr_anchor_status status;
    rig_make(&rig, 7);
    rig_make(&other, 8);
    const struct dr_anchor_port port = dr_anchor_mem_port(&other.mem);
    rig_clients(&rig, &port);
    EXPECT_EQ(dr_anchor_status(&rig.rom, &status), DR_E_AUTH);
    EXPECT_EQ(dr_anchor_provision(&rig.rom), DR_E_AUTH);
    EXPECT_EQ(dr_anchor_status(&other.rom, &status), DR_OK);
    EXPECT_EQ(status.lifecycle, DR_ANCHOR_BLANK);
}

static void test_lost_answers(void)
{
    static struct rig rig;
    struct dr_anchor_status status;
    rig_make(&rig, 9);
    rig_lock(&rig);
    rig.mem.silent = 1;
    EXPECT_EQ(dr_anchor_status(&rig.rom, &status), DR_E_TIMEOUT);
    EXPECT_EQ(dr_anchor_status(&rig.rom, &status), DR_OK);
    rig.mem.lose_answer = 1;
    EXPECT_EQ(dr_anchor_advance(&rig.rom, DR_ANCHOR_COUNTER_EPOCH, 0, 1, NULL), DR_E_TIMEOUT);
    EXPECT_EQ(dr_anchor_advance(&rig.rom, DR_ANCHOR_COUNTER_EPOCH, 0, 1, NULL), DR_OK);
    EXPECT_EQ(counter_of(&rig, DR_ANCHOR_COUNTER_EPOCH), 1);
    uint8_t bytes[DR_ANCHOR_ENTROPY_BYTES_MAX] = {0};
    uint8_t more[DR_ANCHOR_ENTROPY_BYTES_MAX] = {0};
    EXPECT_EQ(dr_anchor_entropy(&rig.nobody, bytes, sizeof bytes), DR_OK);
    EXPECT_EQ(dr_anchor_entropy(&rig.fw, more, 1), DR_E_DENIED); /* no mode latched */
    EXPECT_EQ(dr_anchor_entropy(&rig.rom, more, sizeof more), DR_OK);
    EXPECT(memcmp(bytes, more, sizeof bytes) != 0);
    EXPECT_EQ(dr_anchor_entropy(&rig.rom, more, 0), DR_E_ARGUMENT);
    EXPECT_EQ(dr_anchor_entropy(&rig.rom, more, sizeof more + 1u), DR_E_ARGUMENT);
}

/* The device's whole life in steps that change the anchor. */
static enum dr_status life_step(struct rig *rig, unsigned step)
{
    switch (step) {
    case 0:
        return dr_anchor_provision(&rig->rom);
    case 1:
        return dr_anchor_pin_factory(&rig->rom, digest);
    case 2:
        return dr_anchor_lock(&rig->rom);
    case 3:
        return dr_anchor_advance(&rig->rom, DR_ANCHOR_COUNTER_SECURITY, 0, 5, NULL);
    case 4:
        return dr_anchor_advance(&rig->rom, DR_ANCHOR_COUNTER_SECURITY, 5, 6, NULL);
    default:
        return dr_anchor_advance(&rig->rom, DR_ANCHOR_COUNTER_EPOCH, 0, 1, NULL);
    }
}
#define LIFE_STEPS 6u

/* Power goes before or after each persist: the step happened or not, and repeating it is right. */
static void test_cuts(void)
{
    for (unsigned cut = 0; cut < LIFE_STEPS; cut++) {
        for (unsigned kind = 0; kind < DR_SIM_TORN_KINDS; kind++) {
            static struct rig rig;
            struct dr_anchor_status status;
            rig_make(&rig, 10u + cut);
            for (unsigned step = 0; step < LIFE_STEPS; step++) {
                if (step == cut) {
                    uint8_t before[DR_ANCHOR_STATE_BYTES];
                    memcpy(before, rig.mem.image, sizeof before);
                    rig.power.cut_at = rig.power.operations + 1u;
                    rig.power.kind = (enum dr_sim_torn)kind;
                    EXPECT_EQ(life_step(&rig, step), DR_E_CLOSED);
                    bool changed = memcmp(before, rig.mem.image, sizeof before) != 0;
                    EXPECT_EQ(changed, kind >= DR_SIM_TORN_ALL_BUT);
                    dr_sim_power_on(&rig.power);
                    EXPECT_EQ(dr_anchor_mem_start(&rig.mem), DR_OK);
                }
                EXPECT_EQ(life_step(&rig, step), DR_OK);
            }
            EXPECT_EQ(dr_anchor_status(&rig.rom, &status), DR_OK);
            EXPECT_EQ(status.lifecycle, DR_ANCHOR_LOCKED);
            EXPECT_EQ(status.counters[DR_ANCHOR_COUNTER_SECURITY], 6);
            EXPECT_EQ(status.counters[DR_ANCHOR_COUNTER_EPOCH], 1);
        }
    }
}

static void test_damaged_image(void)
{
    static struct rig rig;
    rig_make(&rig, 20);
    rig_lock(&rig);
    for (size_t i = 0; i < DR_ANCHOR_STATE_BYTES; i++) {
        rig.mem.image[i] ^= 1;
        EXPECT_EQ(dr_anchor_mem_start(&rig.mem), DR_E_CORRUPT);
        rig.mem.image[i] ^= 1;
    }
    EXPECT_EQ(dr_anchor_mem_start(&rig.mem), DR_OK);
}

/* Random bytes and random sizes at the anchor, and at the device as answers. */
static void test_noise(void)
{
    static struct rig rig;
    uint8_t request[2u * DR_ANCHOR_MESSAGE_BYTES_MAX];
    uint8_t response[DR_ANCHOR_MESSAGE_BYTES_MAX];
    uint64_t random = 1;
    rig_make(&rig, 21);
    rig_lock(&rig);
    uint8_t before[DR_ANCHOR_STATE_BYTES];
    memcpy(before, rig.mem.image, sizeof before);
    for (int i = 0; i < 20000; i++) {
        size_t size = dr_sim_random(&random) % sizeof request;
        for (size_t j = 0; j < size; j++) {
            request[j] = (uint8_t)dr_sim_random(&random);
        }
        if (i % 2 == 0 && size > 4) { /* near enough to be looked at */
            request[0] = DR_ANCHOR_WIRE_VERSION;
            request[1] %= 12;
            request[2] %= 3;
            request[3] = 0;
        }
        size_t answer = dr_anchor_core_handle(&rig.mem.core, 0, request, size, response);
        EXPECT(answer <= sizeof response);
    }
    EXPECT(memcmp(before, rig.mem.image, sizeof before) == 0);
}

static void test_frames(void)
{
    struct dr_anchor_frame_reader reader = {0};
    struct dr_anchor_frame out;
    uint8_t payload[DR_ANCHOR_MESSAGE_BYTES_MAX + 1u];
    uint8_t bytes[DR_ANCHOR_FRAME_BYTES_MAX];
    uint64_t random = 7;
    for (size_t i = 0; i < sizeof payload; i++) {
        payload[i] = (uint8_t)dr_sim_random(&random);
    }
    struct dr_anchor_frame frame = {
        .type = DR_ANCHOR_FRAME_REQUEST, .number = 0x01020304, .payload = payload};
    frame.payload_bytes = sizeof payload;
    EXPECT_EQ(dr_anchor_frame_encode(&frame, bytes), 0);
    for (size_t size = 0; size <= DR_ANCHOR_MESSAGE_BYTES_MAX; size++) {
        unsigned whole = 0;
        frame.payload_bytes = size;
        size_t total = dr_anchor_frame_encode(&frame, bytes);
        EXPECT_EQ(total, size + DR_ANCHOR_FRAME_OVERHEAD_BYTES);
        for (size_t i = 0; i < total; i++) {
            if (dr_anchor_frame_push(&reader, bytes[i], &out)) {
                whole++;
                EXPECT_EQ(i, total - 1u);
                EXPECT_EQ(out.number, frame.number);
                EXPECT_EQ(out.payload_bytes, size);
                EXPECT(size == 0 || memcmp(out.payload, payload, size) == 0);
            }
        }
        EXPECT_EQ(whole, 1);
    }
    /* Noise, then frames: at most a frame or two is lost, then it runs again. */
    frame.payload_bytes = 40;
    size_t total = dr_anchor_frame_encode(&frame, bytes);
    for (int round = 0; round < 200; round++) {
        unsigned found = 0;
        for (int i = 0; i < round; i++) {
            uint8_t noise = (uint8_t)dr_sim_random(&random);
            (void)dr_anchor_frame_push(&reader, i % 3 == 0 ? 0xda : noise, &out);
        }
        for (int i = 0; i < 8; i++) {
            for (size_t j = 0; j < total; j++) {
                found += dr_anchor_frame_push(&reader, bytes[j], &out) ? 1u : 0u;
            }
        }
        EXPECT(found >= 3);
    }
}

static void test_key_labels(void)
{
    static const char *const labels[] = {
        DR_LABEL_BOOT_MAC,   DR_LABEL_SLOT_FACTORY, DR_LABEL_ANCHOR_ROM, DR_LABEL_SLOT_A,
        DR_LABEL_SLOT_B,     DR_LABEL_VAULT_SYS,    DR_LABEL_ANCHOR_FW,  DR_LABEL_SYS_V1,
        DR_LABEL_VAULT_USER, DR_LABEL_LINK,         DR_LABEL_REQUEST};
    for (size_t i = 0; i < DR_ARRAY_COUNT(labels); i++) {
        for (size_t j = 0; j < DR_ARRAY_COUNT(labels); j++) {
            EXPECT(i == j || strncmp(labels[i], labels[j], strlen(labels[i])) != 0);
        }
    }
    const uint8_t secret[DR_DEVICE_SECRET_BYTES] = {1};
    uint8_t a[DR_SHA256_BYTES];
    uint8_t b[DR_SHA256_BYTES];
    dr_key_derive_epoch(&dr_crypto_openssl, secret, DR_LABEL_VAULT_USER, 0, a);
    dr_key_derive_epoch(&dr_crypto_openssl, secret, DR_LABEL_VAULT_USER, 1, b);
    EXPECT(memcmp(a, b, sizeof a) != 0);
    dr_key_derive(&dr_crypto_openssl, secret, DR_LABEL_VAULT_USER, b);
    EXPECT(memcmp(a, b, sizeof a) != 0);
}

static void test_signing_keys(void)
{
    uint8_t private_key[DR_P256_PRIVATE_BYTES];
    uint8_t public_key[DR_P256_PUBLIC_BYTES];
    uint8_t again[DR_P256_PUBLIC_BYTES];
    uint8_t signature[DR_P256_SIGNATURE_BYTES];
    EXPECT_EQ(dr_p256_generate(private_key, public_key), DR_OK);
    EXPECT_EQ(dr_p256_public_key(private_key, again), DR_OK);
    EXPECT(memcmp(public_key, again, sizeof again) == 0);
    EXPECT_EQ(dr_p256_sign(private_key, digest, signature), DR_OK);
    EXPECT_EQ(dr_crypto_openssl.p256_verify(public_key, digest, signature), DR_OK);
    signature[10] ^= 1;
    EXPECT_EQ(dr_crypto_openssl.p256_verify(public_key, digest, signature), DR_E_AUTH);
    memset(private_key, 0, sizeof private_key);
    EXPECT_EQ(dr_p256_public_key(private_key, again), DR_E_RANGE);
    memset(private_key, 0xff, sizeof private_key);
    EXPECT_EQ(dr_p256_public_key(private_key, again), DR_E_RANGE);
    EXPECT_EQ(dr_p256_private_from_pem("nonsense", 8, private_key), DR_E_FORMAT);
}

DR_TEST_MAIN(
    test_life_cycle, test_modes_and_identities, test_counters, test_alert_limit, test_replay,
    test_changed_messages, test_other_device, test_lost_answers, test_cuts, test_damaged_image,
    test_noise, test_frames, test_key_labels, test_signing_keys)
