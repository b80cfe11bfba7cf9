/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A whole client on a simulated device, with a link that a test holds the other end of: the test
 * boot of 1.2, until the boot ROM has taken CONFIRM or REVERT. */
#include "device/client/identity.h"
#include "tests/unit/client_rig.h"

#define THING "lock-1"
#define SERVICE_S 1800000000u

/* The other end of the link. */
static struct {
    dr_link_sink sink;
    void *sink_context;
    bool up;
    bool answers; /* the service says something to every question */
    bool asked;
    uint8_t question[64]; /* the last one: {"clientToken":...} */
    size_t question_bytes;
    unsigned connects;
    unsigned resets;
    unsigned feeds;
} peer;

static uint64_t uptime_ms;

static void listen_to(void *context, dr_link_sink sink, void *sink_context)
{
    (void)context;
    peer.sink = sink;
    peer.sink_context = sink_context;
}

static enum dr_status connect_to(
    void *context, const struct dr_link_identity *identity,
    const struct dr_link_subscription *subscriptions, size_t count)
{
    (void)context;
    (void)subscriptions;
    EXPECT_STR(identity->client_id, THING);
    EXPECT_EQ(count, 3);
    peer.connects++;
    return DR_OK;
}

static enum dr_status
publish(void *context, const char *topic, const uint8_t *payload, size_t size_bytes, uint8_t qos)
{
    (void)context;
    EXPECT_EQ(qos, 1); /* nothing but questions and state is said here */
    if (strcmp(topic, "$aws/things/" THING "/jobs/$next/get") == 0) {
        peer.asked = true;
        EXPECT(size_bytes < sizeof peer.question);
        memcpy(peer.question, payload, size_bytes);
        peer.question_bytes = size_bytes;
    }
    return peer.up ? DR_OK : DR_E_STATE;
}

static enum dr_status filter(void *context, const char *name, uint8_t qos)
{
    (void)context;
    (void)name;
    (void)qos;
    return DR_OK;
}

static enum dr_status unfilter(void *context, const char *name)
{
    return filter(context, name, 0);
}

/* "There is no job": all that a round trip takes. */
static void answer(void)
{
    char payload[128];
    int len = snprintf(
        payload, sizeof payload, "{\"timestamp\":1800000000,%.*s", (int)peer.question_bytes - 1,
        (const char *)peer.question + 1);
    const struct dr_link_event event = {
        .kind = DR_LINK_MESSAGE,
        .topic = "$aws/things/" THING "/jobs/$next/get/accepted",
        .payload = (const uint8_t *)payload,
        .size_bytes = (size_t)len,
    };
    peer.sink(peer.sink_context, &event);
}

static enum dr_status poll_peer(void *context, uint32_t timeout_ms)
{
    (void)context;
    uptime_ms += timeout_ms > 0 ? timeout_ms : 1u;
    if (peer.connects > 0 && !peer.up) {
        const struct dr_link_event event = {.kind = DR_LINK_UP, .until_s = SERVICE_S + 1000u};
        peer.up = true;
        peer.sink(peer.sink_context, &event);
    }
    if (peer.asked && peer.answers) {
        peer.asked = false;
        answer();
    }
    return DR_OK;
}

static void disconnect(void *context, uint32_t linger_ms)
{
    (void)context;
    (void)linger_ms;
    peer.up = false;
}

static const struct dr_link fake_link = {
    .listen = listen_to,
    .connect = connect_to,
    .publish = publish,
    .subscribe = filter,
    .unsubscribe = unfilter,
    .poll = poll_peer,
    .disconnect = disconnect,
};

static uint64_t tell_uptime(void *context)
{
    (void)context;
    return uptime_ms;
}

static void count_feed(void *context)
{
    (void)context;
    peer.feeds++;
}

static void count_reset(void *context)
{
    (void)context;
    peer.resets++;
}

static enum dr_status keep_retained(void *context, const uint8_t data[DR_RETAINED_BYTES])
{
    (void)context;
    memcpy(device.retained, data, DR_RETAINED_BYTES);
    return DR_OK;
}

static enum dr_status give_retained(void *context, uint8_t out[DR_RETAINED_BYTES])
{
    (void)context;
    memcpy(out, device.retained, DR_RETAINED_BYTES);
    return DR_OK;
}

/* The firmware's start after the boot ROM. */
static void open_client(void)
{
    struct dr_client_config config = client.config;
    config.link = &fake_link;
    config.info = &device.booted.info;
    config.board = (struct dr_client_board){
        .now_ms = tell_uptime,
        .feed = count_feed,
        .reset = count_reset,
        .retained_read = give_retained,
        .retained_write = keep_retained,
    };
    const struct dr_anchor_port port = dr_anchor_mem_port(&device.anchor);
    dr_anchor_init(
        &anchor, world.crypto, &port, DR_ANCHOR_KEY_FW, config.info->keys.anchor_fw,
        config.info->digest);
    memset(&peer, 0, sizeof peer);
    uptime_ms = 1;
    EXPECT_EQ(dr_client_open(&client, &config), DR_OK);
}

/* A device with an identity, whose candidate is 1.2. */
static void begin_trial(void)
{
    begin();
    open_client();
    const struct dr_identity_text text = {"not looked at by this link", 26};
    const struct dr_identity_bundle identity = {
        .endpoint = {.port = 8883, .thing = THING, .host = "cloud.example"},
        .ca = text,
        .normal_certificate = text,
        .recovery_certificate = text,
    };
    EXPECT_EQ(dr_identity_store(&client.vault, &identity), DR_OK);
    const struct dr_boot_info *info = &device.booted.info;
    const uint8_t *key = info->spare == DR_SLOT_A ? info->keys.slot_a : info->keys.slot_b;
    EXPECT(dr_sim_download(
        &device, (enum dr_slot_id)info->spare, key, DR_SIM_V12, info->journal_sequence));
    EXPECT_EQ(
        dr_request_write(
            &device.flash, world.map.requests, world.crypto, info, DR_REQUEST_INSTALL, 0,
            world.images[DR_SIM_V12].digest),
        DR_OK);
    dr_sim_device_mark(&device, DR_MARK_RESET, 1000);
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    EXPECT_EQ(device.booted.info.state, DR_IMAGE_CANDIDATE);
    open_client();
    EXPECT_EQ(dr_client_start(&client), DR_OK);
}

static void turns(uint32_t seconds)
{
    uint64_t until_ms = uptime_ms + 1000u * (uint64_t)seconds;
    for (uint32_t i = 0; i < 1000000u && uptime_ms < until_ms && peer.resets == 0; i++) {
        dr_client_turn(&client, 100);
    }
}

/* What the boot ROM makes of it. */
static uint8_t state_after_reset(void)
{
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    return device.booted.info.state;
}

static bool runs(enum dr_sim_image_id image)
{
    return memcmp(device.booted.info.digest, world.images[image].digest, DR_IMAGE_DIGEST_BYTES) ==
           0;
}

/* Self-test, a round trip and the soak, in this order of ending: only then CONFIRM. */
static void confirms_when_healthy(void)
{
    begin_trial();
    const uint32_t soak_s = device.booted.info.limits.soak_s;
    REQUIRE(soak_s > 2u);
    peer.answers = true;
    turns(1);
    EXPECT(dr_client_online(&client));
    EXPECT(client.agent.health.round_trip && !client.health.confirmed);
    EXPECT_EQ(client.clock.until_s, SERVICE_S + 1000u);
    EXPECT_EQ(dr_client_floor_s(&client), SERVICE_S);
    dr_client_self_test(&client, true, NULL);
    turns(soak_s - 1u);
    EXPECT(!client.health.confirmed);
    turns(3);
    EXPECT(client.health.confirmed && client.agent.health.confirm_written);
    EXPECT_EQ(peer.resets, 0);
    dr_sim_device_mark(&device, DR_MARK_RESET, 1000);
    EXPECT_EQ(state_after_reset(), DR_IMAGE_CONFIRMED);
    EXPECT(runs(DR_SIM_V12));
    end();
}

/* A task that stopped checking in is no sign of health, whatever the service answers. */
static void no_confirm_while_a_task_is_silent(void)
{
    uint8_t task = 0;
    begin_trial();
    const uint32_t soak_s = device.booted.info.limits.soak_s;
    peer.answers = true;
    EXPECT_EQ(dr_health_register(&client.health, 1000, uptime_ms, &task), DR_OK);
    dr_client_self_test(&client, true, NULL);
    turns(soak_s + 30u);
    EXPECT(client.agent.health.round_trip && !client.health.confirmed);
    unsigned feeds = peer.feeds;
    turns(5);
    EXPECT_EQ(peer.feeds, feeds); /* and the watchdog is not fed: it would have ended this */
    for (uint32_t i = 0; i < 200u && !client.health.confirmed; i++) {
        dr_health_check_in(&client.health, task, uptime_ms);
        dr_client_turn(&client, 500);
    }
    EXPECT(client.health.confirmed);
    EXPECT(peer.feeds > feeds);
    end();
}

/* A connection is not yet a round trip: at the deadline the image is left, and it says what was
 * missing. */
static void no_answer_until_the_deadline(void)
{
    begin_trial();
    const uint32_t health_s = device.booted.info.limits.health_s;
    dr_client_self_test(&client, true, NULL);
    turns(health_s - 1u);
    EXPECT(peer.connects > 0 && !client.health.confirmed);
    EXPECT_EQ(peer.resets, 0);
    turns(5);
    EXPECT_EQ(peer.resets, 1);
    EXPECT(client.health.given_up);
    EXPECT_EQ(state_after_reset(), DR_IMAGE_SEALED);
    EXPECT(runs(DR_SIM_V11));
    EXPECT_EQ(device.booted.info.last.reason, DR_REASON_NO_CLOUD);
    end();
}

static void a_failed_self_test_reverts_at_once(void)
{
    begin_trial();
    dr_client_self_test(&client, false, "sensor-missing");
    turns(5);
    EXPECT_EQ(peer.resets, 1);
    EXPECT_EQ(state_after_reset(), DR_IMAGE_SEALED);
    EXPECT(runs(DR_SIM_V11));
    EXPECT_EQ(device.booted.info.last.reason, DR_REASON_SELF_TEST);
    end();
}

DR_TEST_MAIN(
    confirms_when_healthy, no_confirm_while_a_task_is_silent, no_answer_until_the_deadline,
    a_failed_self_test_reverts_at_once)
