/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What a job brings beside its image, and the network that the client joins with it: opened for the
 * right thing and the right image only, seen by that image only. */
#include "base/text.h"
#include "device/client/identity.h"
#include "tests/unit/client_rig.h"

#define THING "lock-1"
#define HOME "home\0opensesame"
#define ATTIC "attic\0abracadabra"

static const uint8_t bundle_key[DR_ENCLOSED_KEY_BYTES] = {7};

/* The network below the link. */
static struct {
    uint8_t credentials[DR_NETWORK_BYTES_MAX];
    size_t size_bytes;
    unsigned joins;
    enum dr_status answer;
    const char *handed_in; /* NULL: nothing */
    size_t handed_in_bytes;
} radio;

static enum dr_status join(void *context, const uint8_t *credentials, size_t size_bytes)
{
    (void)context;
    EXPECT(size_bytes <= sizeof radio.credentials);
    size_bytes = size_bytes <= sizeof radio.credentials ? size_bytes : 0;
    memcpy(radio.credentials, credentials, size_bytes);
    radio.size_bytes = size_bytes;
    radio.joins++;
    return radio.answer;
}

static enum dr_status
offered(void *context, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes)
{
    (void)context;
    if (radio.handed_in == NULL || radio.handed_in_bytes > capacity_bytes) {
        return DR_E_NOT_FOUND;
    }
    memcpy(out, radio.handed_in, radio.handed_in_bytes);
    *ret_size_bytes = radio.handed_in_bytes;
    radio.handed_in = NULL;
    return DR_OK;
}

static const struct dr_link radio_link = {.join = join, .offered = offered};

static uint64_t tell_uptime(void *context)
{
    (void)context;
    return 1000;
}

static void open_client(void)
{
    struct dr_client_config config = client.config;
    config.link = &radio_link;
    config.info = &device.booted.info;
    config.board.now_ms = tell_uptime;
    const struct dr_anchor_port port = dr_anchor_mem_port(&device.anchor);
    dr_anchor_init(
        &anchor, world.crypto, &port, DR_ANCHOR_KEY_FW, config.info->keys.anchor_fw,
        config.info->digest);
    memset(&radio, 0, sizeof radio);
    EXPECT_EQ(dr_client_open(&client, &config), DR_OK);
    memcpy(client.endpoint.thing, THING, sizeof THING);
}

/* 1.1 runs, sealed, and is at home. */
static void make(void)
{
    begin();
    open_client();
    const struct dr_identity_text text = {"not looked at", 13};
    const struct dr_identity_bundle identity = {
        .endpoint = {.port = 8883, .thing = THING, .host = "cloud.example"},
        .ca = text,
        .normal_certificate = text,
        .recovery_certificate = text,
        .bundle_key = {(const char *)bundle_key, sizeof bundle_key},
        .network = {HOME, sizeof HOME - 1u},
    };
    EXPECT_EQ(dr_identity_store(&client.vault, &identity), DR_OK);
}

static bool joins(const char *network, size_t size_bytes)
{
    return dr_client_join(&client) == DR_OK && radio.size_bytes == size_bytes &&
           memcmp(radio.credentials, network, size_bytes) == 0;
}

#define JOINS(text) joins(text, sizeof(text) - 1u)

/* Sealed as the command line does it; what: the network's kind and bytes. */
static void enclose(
    const char *thing, enum dr_sim_image_id image, const char *what, size_t size_bytes, char *out)
{
    uint8_t sealed[DR_ENCLOSED_BYTES_MAX] = {1, 2, 3};
    uint8_t aad[DR_ENCLOSED_AAD_BYTES_MAX];
    uint8_t *text = sealed + DR_ENCLOSED_NONCE_BYTES;
    const struct dr_bytes about = {aad, dr_enclosed_aad(thing, world.images[image].digest, aad)};
    EXPECT_EQ(
        world.crypto->gcm_seal(
            bundle_key, sealed, about, (const uint8_t *)what, size_bytes, text, text + size_bytes),
        DR_OK);
    (void)dr_base64_encode(
        sealed, DR_ENCLOSED_NONCE_BYTES + size_bytes + DR_ENCLOSED_TAG_BYTES, out);
}

/* The service offers job "j" with this in daruma.bundle; NULL: without one. */
static void offer(const char *bundle)
{
    char payload[1024];
    int len = snprintf(
        payload, sizeof payload,
        "{\"timestamp\":1,\"clientToken\":\"a\",\"execution\":{\"jobId\":\"j\",\"status\":"
        "\"QUEUED\",\"versionNumber\":1,\"executionNumber\":1,\"jobDocument\":{\"afr_ota\":{"
        "\"protocols\":[\"MQTT\"],\"streamname\":\"s\",\"files\":[{\"filesize\":8192,\"fileid\":0,"
        "\"certfile\":\"k\",\"sig-sha256-ecdsa\":\"AA==\"}]},\"daruma\":{\"size\":8192%s%s%s}}}}",
        bundle != NULL ? ",\"bundle\":\"" : "", bundle != NULL ? bundle : "",
        bundle != NULL ? "\"" : "");
    dr_client_bundle_hear(&client, "j", (const uint8_t *)payload, (size_t)len);
    memcpy(client.agent.job.ref.id, "j", 2);
    memcpy(client.image.digest, world.images[DR_SIM_V12].digest, DR_IMAGE_DIGEST_BYTES);
}

static enum dr_reason judge(const char *bundle)
{
    offer(bundle);
    return dr_client_bundle_check(&client);
}

/* INSTALL 1.2 and let the boot ROM take it. */
static void install(void)
{
    const struct dr_boot_info *info = &device.booted.info;
    const uint8_t *key = info->spare == DR_SLOT_A ? info->keys.slot_a : info->keys.slot_b;
    EXPECT(dr_sim_download(
        &device, (enum dr_slot_id)info->spare, key, DR_SIM_V12, info->journal_sequence));
    EXPECT_EQ(dr_client_bundle_keep(&client), DR_OK);
    EXPECT_EQ(dr_client_request(&client, DR_REQUEST_INSTALL, DR_REASON_NONE), DR_OK);
    dr_sim_device_mark(&device, DR_MARK_RESET, 1000);
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    EXPECT_EQ(device.booted.info.state, DR_IMAGE_CANDIDATE);
    open_client();
}

static void request(enum dr_request_kind kind, enum dr_reason reason)
{
    EXPECT_EQ(dr_client_request(&client, kind, reason), DR_OK);
    dr_sim_device_mark(&device, DR_MARK_RESET, 1000);
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    open_client();
}

static void undone_together(void)
{
    char text[512];
    make();
    EXPECT(JOINS(HOME));
    enclose(THING, DR_SIM_V12, "\1" ATTIC, sizeof ATTIC, text);
    EXPECT_EQ(judge(text), DR_REASON_NONE);
    EXPECT(JOINS(HOME)); /* not before it runs */
    install();
    EXPECT(JOINS(ATTIC));
    request(DR_REQUEST_REVERT, DR_REASON_NO_CLOUD);
    EXPECT_EQ(device.booted.info.state, DR_IMAGE_SEALED);
    EXPECT(JOINS(HOME));
    /* The same image once more, in a job that brings nothing: what the first one brought is gone.
     */
    EXPECT_EQ(judge(NULL), DR_REASON_NONE);
    install();
    EXPECT(JOINS(HOME));
    end();
}

static void kept_together(void)
{
    char text[512];
    make();
    enclose(THING, DR_SIM_V12, "\1" ATTIC, sizeof ATTIC, text);
    EXPECT_EQ(judge(text), DR_REASON_NONE);
    install();
    request(DR_REQUEST_CONFIRM, DR_REASON_NONE);
    EXPECT(JOINS(ATTIC));
    request(DR_REQUEST_SEAL, DR_REASON_NONE);
    EXPECT_EQ(device.booted.info.state, DR_IMAGE_SEALED);
    EXPECT(JOINS(ATTIC));
    end();
}

/* For another thing, beside another image, of another kind, altered, cut, or not base64. */
static void not_for_us(void)
{
    char text[512];
    make();
    enclose("lock-2", DR_SIM_V12, "\1" ATTIC, sizeof ATTIC, text);
    EXPECT_EQ(judge(text), DR_REASON_DOCUMENT);
    enclose(THING, DR_SIM_V16, "\1" ATTIC, sizeof ATTIC, text);
    EXPECT_EQ(judge(text), DR_REASON_DOCUMENT);
    enclose(THING, DR_SIM_V12, "\2" ATTIC, sizeof ATTIC, text);
    EXPECT_EQ(judge(text), DR_REASON_DOCUMENT);
    enclose(THING, DR_SIM_V12, "\1noseparator", 12, text);
    EXPECT_EQ(judge(text), DR_REASON_DOCUMENT);
    enclose(THING, DR_SIM_V12, "\1" ATTIC, sizeof ATTIC, text);
    text[20] = text[20] == 'A' ? 'B' : 'A';
    EXPECT_EQ(judge(text), DR_REASON_DOCUMENT);
    text[24] = '\0';
    EXPECT_EQ(judge(text), DR_REASON_DOCUMENT);
    EXPECT_EQ(judge("?"), DR_REASON_DOCUMENT);
    EXPECT_EQ(judge(""), DR_REASON_DOCUMENT);
    offer(NULL);
    memcpy(client.agent.job.ref.id, "k", 2); /* another job than the one that was heard */
    EXPECT_EQ(dr_client_bundle_check(&client), DR_REASON_DOCUMENT);
    enclose(THING, DR_SIM_V12, "\1" ATTIC, sizeof ATTIC, text);
    device.booted.info.keys.present &= (uint8_t)~DR_KEY_LINK; /* an older boot ROM */
    EXPECT_EQ(judge(text), DR_REASON_RESERVED_FEATURE);
    end();
}

/* A late offer of another job does not take away what the one under way brings. */
static void too_late_for_another(void)
{
    char text[512];
    make();
    enclose(THING, DR_SIM_V12, "\1" ATTIC, sizeof ATTIC, text);
    EXPECT_EQ(judge(text), DR_REASON_NONE);
    client.agent.state = DR_AGENT_SAVING;
    dr_client_bundle_hear(&client, "other", (const uint8_t *)"{}", 2);
    EXPECT_EQ(dr_client_bundle_check(&client), DR_REASON_NONE);
    client.agent.state = DR_AGENT_IDLE;
    dr_client_bundle_hear(&client, "other", (const uint8_t *)"{}", 2);
    EXPECT_EQ(dr_client_bundle_check(&client), DR_REASON_DOCUMENT);
    end();
}

static void handed_in_by_a_person(void)
{
    make();
    radio.answer = DR_E_AUTH;
    EXPECT_EQ(dr_client_join(&client), DR_E_AUTH);
    radio.answer = DR_E_NOT_FOUND;
    EXPECT_EQ(dr_client_join(&client), DR_E_NOT_FOUND);
    radio.answer = DR_OK;
    radio.handed_in = "no network";
    radio.handed_in_bytes = 10;
    EXPECT(JOINS(HOME));
    radio.handed_in = ATTIC;
    radio.handed_in_bytes = sizeof ATTIC - 1u;
    EXPECT(JOINS(ATTIC));
    EXPECT(JOINS(ATTIC)); /* and from now on */
    end();
}

static void nothing_to_join(void)
{
    begin();
    open_client();
    EXPECT_EQ(dr_client_join(&client), DR_OK);
    EXPECT_EQ(radio.joins, 0);
    end();
}

static void networks(void)
{
    static const struct {
        const char *bytes;
        size_t size_bytes;
        bool valid;
    } rows[] = {
        {"a\0b", 3, true},
        {"a\0", 2, true},
        {"a", 1, false},
        {"\0b", 2, false},
        {"a\0b\0", 4, false},
        {"12345678901234567890123456789012\0", 33, true},
        {"123456789012345678901234567890123\0", 34, false},
    };
    uint8_t longest[DR_NETWORK_BYTES_MAX + 1u];
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        EXPECT_EQ(
            dr_network_valid((const uint8_t *)rows[i].bytes, rows[i].size_bytes), rows[i].valid);
    }
    memset(longest, 'x', sizeof longest);
    longest[DR_NETWORK_NAME_LEN_MAX] = 0;
    EXPECT(dr_network_valid(longest, DR_NETWORK_BYTES_MAX));
    EXPECT(!dr_network_valid(longest, DR_NETWORK_BYTES_MAX + 1u));
}

DR_TEST_MAIN(
    undone_together, kept_together, not_for_us, too_late_for_another, handed_in_by_a_person,
    nothing_to_join, networks)
