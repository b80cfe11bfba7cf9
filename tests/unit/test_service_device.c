/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The device's side apart from the happy path: repeats, order, streams, reports, presence, a full
 * store. */
#include "tests/unit/cloud_world.h"

#include "cloud/service/presence.h"
#include "format/cbor.h"
#include "format/stream.h"

static uint8_t image[WORLD_IMAGE_MAX];

static bool ready_with_job(void)
{
    bool ready =
        world_begin() && world_ready(image) != 0 && world_update("u1", "doll", "fw") == DR_OK;
    world_settle();
    world_forget();
    return ready;
}

static void say_numbered(uint64_t number, const char *rest, const char *payload)
{
    world_forget();
    world_send_raw("doll", rest, payload, strlen(payload), number);
    world_settle();
}

static long long version_now(void)
{
    EXPECT_EQ(
        dr_service_describe_execution(world_call(), "doll", "AFR_OTA-u1", 0, world_body()), DR_OK);
    return world_number(w.body, "execution.versionNumber");
}

#define PROGRESS "{\"status\":\"IN_PROGRESS\",\"statusDetails\":{\"receive\":\"1/5\"}}"

/* What the gate sends again after a reconnection changes nothing and is not answered twice. */
static void repeats_are_dropped(void)
{
    REQUIRE(ready_with_job());
    say_numbered(5, "jobs/AFR_OTA-u1/update", PROGRESS);
    EXPECT_EQ(w.sent_count, 1);
    EXPECT_EQ(version_now(), 2);
    say_numbered(5, "jobs/AFR_OTA-u1/update", PROGRESS);
    EXPECT_EQ(w.sent_count, 0);
    EXPECT_EQ(w.last_done, DR_OK);
    EXPECT_EQ(version_now(), 2);
    say_numbered(6, "jobs/$next/get", ""); /* reads are answered each time */
    EXPECT_EQ(w.sent_count, 1);
    say_numbered(6, "jobs/$next/get", "");
    EXPECT_EQ(w.sent_count, 1);
    say_numbered(7, "jobs/AFR_OTA-u1/update", PROGRESS);
    EXPECT_EQ(version_now(), 3);
    /* A refusal counts as handled too. */
    say_numbered(8, "jobs/AFR_OTA-u1/update", "{}");
    EXPECT_EQ(world_count("rejected"), 1);
    say_numbered(8, "jobs/AFR_OTA-u1/update", "{}");
    EXPECT_EQ(w.sent_count, 0);
    uint64_t last = 0;
    EXPECT_EQ(dr_service_gate_last(w.service, WORLD_BOOT, &last), DR_OK);
    EXPECT_EQ(last, 8);
    world_end();
}

/* Without numbers (QoS 0) every message counts. */
static void qos_0_is_not_deduplicated(void)
{
    REQUIRE(ready_with_job());
    say_numbered(0, "jobs/AFR_OTA-u1/update", PROGRESS);
    say_numbered(0, "jobs/AFR_OTA-u1/update", PROGRESS);
    EXPECT_EQ(version_now(), 3);
    world_end();
}

/* The agent's last word and its question for the next job, back to back: the answer knows of the
 * word, although that is still on its way to the disk. */
static void a_read_sees_the_change_before_it(void)
{
    REQUIRE(ready_with_job());
    for (int round = 0; round < 20; round++) {
        char id[16];
        char rest[64];
        snprintf(id, sizeof id, "r%d", round);
        REQUIRE(world_update(id, "doll", "fw") == DR_OK);
        snprintf(rest, sizeof rest, "jobs/AFR_OTA-%s/update", round == 0 ? "u1" : id);
        world_settle();
        world_forget();
        const char *done = "{\"status\":\"SUCCEEDED\"}";
        if (round == 0) {
            world_send_raw("doll", rest, done, strlen(done), 0);
            snprintf(rest, sizeof rest, "jobs/AFR_OTA-r0/update");
        }
        world_send_raw("doll", rest, done, strlen(done), 0);
        world_send_raw("doll", "jobs/$next/get", "{}", 2, 0);
        world_settle();
        json_t *body = world_hear("$next/get/accepted");
        EXPECT(world_at(body, "timestamp") != NULL);
        EXPECT(world_at(body, "execution") == NULL);
    }
    world_end();
}

/* The store is full: what is sent at QoS 1 is not taken, nor anything behind it, until it is sent
 * again; nothing is lost and nothing overtakes. */
static void full_store(void)
{
    REQUIRE(ready_with_job());
    dr_service_close(w.service);
    dr_store_close(w.store);
    REQUIRE(world_open_store(1)); /* SQLite raises it to the present size */
    REQUIRE(world_open_service(false));
    static char details[1200];
    static char payload[20000];
    memset(details, 'x', 1000);
    int len = snprintf(payload, sizeof payload, "{\"status\":\"IN_PROGRESS\",\"statusDetails\":{");
    for (int i = 0; i < 15; i++) {
        len += snprintf(
            payload + len, sizeof payload - (size_t)len, "%s\"k%d\":\"%s\"", i != 0 ? "," : "", i,
            details);
    }
    snprintf(payload + len, sizeof payload - (size_t)len, "}}");
    uint64_t number = 1;
    do {
        say_numbered(number, "jobs/AFR_OTA-u1/update", payload);
        number++;
    } while (w.last_done == DR_OK && number < 100);
    EXPECT_EQ(w.last_done, DR_E_SPACE);
    EXPECT_EQ(w.sent_count, 0);
    uint64_t failed = number - 1;
    long long version = version_now();
    EXPECT_EQ(version, (long long)failed); /* all before it are kept */
    say_numbered(failed + 1, "jobs/AFR_OTA-u1/update", PROGRESS);
    EXPECT(w.last_done != DR_OK); /* it must not overtake */
    EXPECT_EQ(version_now(), version);
    say_numbered(0, "jobs/AFR_OTA-u1/update", payload);
    EXPECT_STR(world_text(world_hear("rejected"), "code"), "InternalError");
    enum dr_status status = DR_OK;
    for (int i = 0; i < 1000 && status == DR_OK; i++) { /* what room is left on half-full pages */
        char name[16];
        snprintf(name, sizeof name, "new%d", i);
        status = world_thing(name);
    }
    REQUIRE(status == DR_E_SPACE);
    EXPECT_STR(w.call.code, "ServiceUnavailableException");
    say_numbered(failed + 2, "jobs/$next/get", "{}"); /* reading goes on */
    EXPECT_EQ(world_count("accepted"), 1);

    dr_service_close(w.service);
    dr_store_close(w.store);
    REQUIRE(world_open_store(0));
    REQUIRE(world_open_service(false));
    say_numbered(failed, "jobs/AFR_OTA-u1/update", payload);
    EXPECT_EQ(w.last_done, DR_OK);
    say_numbered(failed + 1, "jobs/AFR_OTA-u1/update", PROGRESS);
    EXPECT_EQ(w.last_done, DR_OK);
    EXPECT_EQ(version_now(), version + 2);
    world_end();
}

/* ---- streams ---- */

static char stream_rest[96];

static void get_blocks(const struct dr_stream_get *get, size_t unsent_bytes)
{
    uint8_t request[256];
    size_t size = 0;
    EXPECT_EQ(dr_stream_write_get(get, request, sizeof request, &size), DR_OK);
    struct dr_device_message message = {
        .thing = "doll",
        .rest = stream_rest,
        .payload = request,
        .payload_size = size,
        .client_id = "doll",
        .certificate_id = "",
        .session = 42,
        .unsent_bytes = unsent_bytes,
    };
    world_forget();
    w.messages++;
    dr_service_device_message(w.service, &message, &world_sink, w.now_ms);
    world_settle();
}

/* The code of the refusal, "" when there was none. */
static const char *refusal(void)
{
    static char word[64];
    const char *code = "";
    size_t code_len = 0;
    struct world_sent *sent = world_heard("/rejected/cbor");
    if (sent != NULL) {
        EXPECT_EQ(dr_stream_parse_rejected(sent->payload, sent->size, &code, &code_len), DR_OK);
    }
    snprintf(word, sizeof word, "%.*s", (int)code_len, code);
    return word;
}

static void stream_requests(void)
{
    REQUIRE(ready_with_job());
    snprintf(stream_rest, sizeof stream_rest, "streams/AFR_OTA-u1/get/cbor");
    struct dr_stream_get get = {.block_size_bytes = 1024, .count = 8};

    /* Bits 0, 2 and 5 from block 4 on; blocks past the end of the file are skipped. */
    uint8_t bitmap[2] = {0x25, 0x80};
    get.offset = 4;
    get.bitmap = bitmap;
    get.bitmap_size_bytes = sizeof bitmap;
    get_blocks(&get, 0);
    EXPECT_EQ(w.sent_count, 4);
    struct dr_stream_block block;
    static const uint32_t expected[] = {4, 6, 9, 19};
    for (size_t i = 0; i < 4 && i < w.sent_count; i++) {
        REQUIRE(dr_stream_parse_block(w.sent[i].payload, w.sent[i].size, &block) == DR_OK);
        EXPECT_EQ(block.index, expected[i]);
        EXPECT(memcmp(block.payload, image + expected[i] * 1024, block.size_bytes) == 0);
        EXPECT_STR(w.sent[i].topic, "$aws/things/doll/streams/AFR_OTA-u1/data/cbor");
        EXPECT_EQ(w.sent[i].session, 42);
    }
    get.count = 2; /* a cap on what is returned */
    get_blocks(&get, 0);
    EXPECT_EQ(w.sent_count, 2);

    get = (struct dr_stream_get){.block_size_bytes = 100, .count = 1};
    get_blocks(&get, 0);
    EXPECT_STR(refusal(), "BlockSizeOutOfBounds");
    get.block_size_bytes = 1024;
    get.offset = 90000;
    get_blocks(&get, 0);
    EXPECT_STR(refusal(), "OffsetOutOfBounds");
    get.offset = 0;
    get.file_id = 7;
    get_blocks(&get, 0);
    EXPECT_STR(refusal(), "ResourceNotFound");
    get.file_id = 0;
    snprintf(stream_rest, sizeof stream_rest, "streams/none/get/cbor");
    get_blocks(&get, 0);
    EXPECT_STR(refusal(), "ResourceNotFound");
    say_numbered(0, "streams/AFR_OTA-u1/get/cbor", "\xff garbage");
    EXPECT_STR(refusal(), "InvalidCbor");
    world_end();
}

/* What one connection may have on its way is bounded; a first request always gets through. */
static void stream_bounds(void)
{
    static uint8_t big[600000];
    REQUIRE(world_begin());
    REQUIRE(world_thing("doll") == DR_OK);
    REQUIRE(dr_service_create_bucket(world_call(), "images") == DR_OK);
    REQUIRE(world_put("images", "big", big, sizeof big) == DR_OK);
    json_t *body = world_json(
        "{\"files\":[{\"fileId\":0,\"s3Location\":{\"bucket\":\"images\",\"key\":\"big\"}}],"
        "\"roleArn\":\"r\"}");
    REQUIRE(dr_service_create_stream(world_call(), "s", body, world_body()) == DR_OK);
    EXPECT_EQ(dr_service_create_stream(world_call(), "s", body, world_body()), DR_E_EXISTS);
    json_decref(body);
    EXPECT_EQ(world_number(w.body, "streamVersion"), 0);
    snprintf(stream_rest, sizeof stream_rest, "streams/s/get/cbor");
    struct dr_stream_get get = {.block_size_bytes = 4096, .count = 200};
    get_blocks(&get, 0);
    EXPECT_EQ(w.sent_count, 64); /* 256 KiB */
    get.block_size_bytes = 131072;
    get.count = 1;
    get_blocks(&get, 0);
    EXPECT_EQ(w.sent_count, 1);
    get_blocks(&get, 128 * 1024);
    EXPECT_EQ(w.sent_count, 1);
    get_blocks(&get, 128 * 1024 + 1);
    EXPECT_STR(refusal(), "RequestThrottled");
    get.block_size_bytes = 4096;
    get_blocks(&get, 10000000);
    EXPECT_STR(refusal(), "RequestThrottled");
    world_end();
}

static void stream_in_json(void)
{
    REQUIRE(ready_with_job());
    say_numbered(0, "streams/AFR_OTA-u1/get/json", "{\"s\":1,\"f\":0,\"l\":256,\"o\":1,\"n\":1}");
    EXPECT_EQ(w.sent_count, 1);
    json_t *body = world_hear("/data/json");
    EXPECT_EQ(world_number(body, "i"), 1);
    EXPECT_EQ(world_number(body, "l"), 256);
    EXPECT_EQ(strlen(world_text(body, "p")), 344);
    say_numbered(0, "streams/AFR_OTA-u1/get/json", "{\"s\":2,\"f\":0,\"l\":256,\"n\":1}");
    EXPECT_STR(world_text(world_hear("/rejected/json"), "code"), "VersionMismatch");
    say_numbered(0, "streams/AFR_OTA-u1/describe/json", "{\"c\":\"t\"}");
    body = world_hear("/description/json");
    EXPECT_EQ(world_number(body, "s"), 1);
    EXPECT_EQ(world_number(body, "r.0.f"), 0);
    EXPECT(world_number(body, "r.0.z") > 20000);
    say_numbered(0, "streams/none/describe/json", "{}");
    EXPECT_STR(world_text(world_hear("/rejected/json"), "code"), "ResourceNotFound");
    world_end();
}

/* A stream's name may be given to other content later: the open file of the old one is let go. */
static void stream_cache_forgets(void)
{
    static uint8_t other[2000];
    REQUIRE(world_begin());
    REQUIRE(world_thing("doll") == DR_OK);
    REQUIRE(dr_service_create_bucket(world_call(), "images") == DR_OK);
    memset(other, 1, sizeof other);
    json_t *body = world_json(
        "{\"files\":[{\"s3Location\":{\"bucket\":\"images\",\"key\":\"k\"}}],\"roleArn\":\"r\"}");
    snprintf(stream_rest, sizeof stream_rest, "streams/s/get/cbor");
    struct dr_stream_get get = {.block_size_bytes = 256, .count = 1};
    struct dr_stream_block block;
    for (uint8_t round = 1; round < 4; round++) {
        memset(other, round, sizeof other);
        REQUIRE(world_put("images", "k", other, sizeof other) == DR_OK);
        REQUIRE(dr_service_create_stream(world_call(), "s", body, world_body()) == DR_OK);
        get_blocks(&get, 0);
        REQUIRE(w.sent_count == 1);
        REQUIRE(dr_stream_parse_block(w.sent[0].payload, w.sent[0].size, &block) == DR_OK);
        EXPECT_EQ(block.payload[0], round);
        EXPECT_EQ(dr_service_delete_stream(world_call(), "s"), DR_OK);
        get_blocks(&get, 0);
        EXPECT_STR(refusal(), "ResourceNotFound");
    }
    json_decref(body);
    world_end();
}

/* ---- reports and presence ---- */

#define REPORT_WITH(state, uptime, notes)                                                          \
    "{\"clientToken\":\"r1\",\"version\":\"1.1.0\",\"digest\":"                                    \
    "\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\",\"slot\":\"A\","         \
    "\"state\":\"" state "\",\"mode\":\"normal\",\"rung\":0,\"bootReason\":\"install\","           \
    "\"lastReason\":\"none\",\"triesLeft\":3,\"counters\":{\"security\":1,\"revocation\":0,"       \
    "\"epoch\":0},\"alerts\":0,\"uptime\":" uptime ",\"notes\":[" notes "]}"
#define REPORT(state, uptime) REPORT_WITH(state, uptime, "")
#define CRASHED(detail)                                                                            \
    REPORT_WITH("confirmed", "5", "{\"reason\":\"crash\",\"detail\":\"" detail "\",\"uptime\":60}")

static size_t timeline_length(void)
{
    EXPECT_EQ(dr_service_thing_timeline(world_call(), "doll", NULL, world_body()), DR_OK);
    return json_array_size(world_at(w.body, "entries"));
}

static void reports(void)
{
    REQUIRE(world_begin());
    REQUIRE(world_thing("doll") == DR_OK);
    REQUIRE(dr_service_thing_state(world_call(), "doll", world_body()) == DR_OK);
    EXPECT(world_at(w.body, "report") == NULL);
    EXPECT(json_is_false(world_at(w.body, "connected")));
    world_say("doll", "daruma/report", REPORT("candidate", "5"));
    EXPECT_EQ(w.sent_count, 1);
    EXPECT(w.sent[0].from_outbox);
    json_t *body = world_hear("daruma/report/accepted");
    EXPECT_STR(world_text(body, "clientToken"), "r1");
    EXPECT_EQ(world_number(body, "timestamp"), w.now_ms / 1000);
    REQUIRE(dr_service_thing_state(world_call(), "doll", world_body()) == DR_OK);
    EXPECT_STR(world_text(w.body, "report.state"), "candidate");
    EXPECT_STR(world_text(w.body, "report.version"), "1.1.0");
    EXPECT_EQ(world_number(w.body, "reportedAt"), w.now_ms / 1000);
    EXPECT_EQ(timeline_length(), 1);
    world_say("doll", "daruma/report", REPORT("candidate", "65")); /* still so */
    EXPECT_EQ(timeline_length(), 1);
    world_say("doll", "daruma/report", REPORT("confirmed", "125"));
    EXPECT_EQ(timeline_length(), 2);
    world_say("doll", "daruma/report", REPORT("confirmed", "3")); /* another boot */
    EXPECT_EQ(timeline_length(), 3);
    EXPECT_STR(world_text(w.body, "entries.0.kind"), "report");
    EXPECT_EQ(world_number(w.body, "entries.0.body.uptime"), 3);
    EXPECT(world_at(w.body, "lastCrash") == NULL);
    for (int i = 0; i < 2; i++) { /* the answer was lost: told again */
        world_say("doll", "daruma/report", CRASHED("pc21001234 lr2100abcd s00008200"));
    }
    world_say("doll", "daruma/report", REPORT("confirmed", "9"));
    EXPECT_EQ(dr_service_thing_state(world_call(), "doll", world_body()), DR_OK);
    EXPECT_STR(world_text(w.body, "lastCrash.reason"), "crash");
    EXPECT_STR(world_text(w.body, "lastCrash.detail"), "pc21001234 lr2100abcd s00008200");
    EXPECT_EQ(world_number(w.body, "lastCrash.uptime"), 60);
    EXPECT_EQ(timeline_length(), 6); /* two more reports, one crash */
    world_say("doll", "daruma/report", "{\"version\":1}");
    EXPECT_STR(world_text(world_hear("daruma/report/rejected"), "code"), "InvalidRequest");
    world_say("nobody", "daruma/report", REPORT("sealed", "1"));
    EXPECT_STR(world_text(world_hear("daruma/report/rejected"), "code"), "ResourceNotFound");
    world_end();
}

static void tell_presence_of(const char *client, bool connected, uint64_t session, uint64_t boot)
{
    struct dr_wire_presence presence = {
        .event = connected ? DR_WIRE_CONNECTED : DR_WIRE_DISCONNECTED,
        .reason = connected ? DR_WIRE_REASON_NONE : DR_WIRE_REASON_CONNECTION_LOST,
        .session = session,
        .time_ms = (uint64_t)w.now_ms,
        .address = "192.0.2.7",
    };
    (void)snprintf(presence.client_id, sizeof presence.client_id, "%s", client);
    w.messages++;
    dr_service_presence(w.service, &presence, boot, ++w.number, &world_sink, w.now_ms);
    world_settle();
    EXPECT_EQ(w.last_done, DR_OK);
}

static void tell_presence(bool connected, uint64_t session, uint64_t boot)
{
    tell_presence_of("doll", connected, session, boot);
}

static bool is_connected(void)
{
    EXPECT_EQ(dr_service_thing_state(world_call(), "doll", world_body()), DR_OK);
    return json_is_true(world_at(w.body, "connected"));
}

static void presence(void)
{
    REQUIRE(world_begin());
    REQUIRE(world_thing("doll") == DR_OK);
    tell_presence(true, 1, WORLD_BOOT);
    EXPECT(is_connected());
    EXPECT_STR(world_text(w.body, "ipAddress"), "192.0.2.7");
    tell_presence(true, 2, WORLD_BOOT);  /* takeover: the new one comes first */
    tell_presence(false, 1, WORLD_BOOT); /* then the old one goes */
    EXPECT(is_connected());
    tell_presence(false, 2, WORLD_BOOT);
    EXPECT(!is_connected());
    EXPECT_STR(world_text(w.body, "disconnectReason"), "CONNECTION_LOST");
    EXPECT_EQ(timeline_length(), 3);
    tell_presence(true, 3, WORLD_BOOT);
    /* The broker died without a word. */
    dr_service_gate_boot(w.service, WORLD_BOOT, w.now_ms);
    EXPECT_EQ(world_thing("behind"), DR_OK);
    EXPECT(is_connected());
    dr_service_gate_boot(w.service, WORLD_BOOT + 1, w.now_ms);
    EXPECT_EQ(world_thing("behind2"), DR_OK);
    EXPECT(!is_connected());
    world_end();
}

static int64_t sessions_stored(void)
{
    struct dr_db *db = NULL;
    int64_t count = -1;
    EXPECT_EQ(dr_store_read_begin(w.store, &db), DR_OK);
    EXPECT_EQ(dr_db_int(db, "SELECT count(*) FROM session", DR_NO_VALUES, &count), DR_OK);
    dr_store_read_end(w.store, db);
    return count;
}

/* A certificate that may connect under any name leaves nothing behind under those that are no
 * things. */
static void presence_of_no_things(void)
{
    REQUIRE(world_begin());
    REQUIRE(world_thing("doll") == DR_OK);
    tell_presence(true, 1, WORLD_BOOT);
    tell_presence_of("guest", true, 2, WORLD_BOOT);
    tell_presence_of("guest-2", true, 3, WORLD_BOOT);
    EXPECT_EQ(sessions_stored(), 3);
    tell_presence_of("guest", false, 2, WORLD_BOOT);
    tell_presence(false, 1, WORLD_BOOT);
    EXPECT_EQ(sessions_stored(), 2);
    /* The broker died without a word about the other. */
    dr_service_gate_boot(w.service, WORLD_BOOT + 1, w.now_ms);
    EXPECT_EQ(world_thing("behind"), DR_OK);
    EXPECT_EQ(sessions_stored(), 1);
    EXPECT(!is_connected());
    EXPECT_EQ(dr_service_delete_thing(world_call(), "doll", 0), DR_OK);
    EXPECT_EQ(sessions_stored(), 0);
    world_end();
}

/* Topics that are not requests: no answer, and handled. */
static void not_requests(void)
{
    static const char *const silent[] = {"jobs/notify",       "jobs/$next/get/accepted",
                                         "shadow/get",        "streams/s/data/cbor",
                                         "streams/s/get/xml", "x"};
    REQUIRE(world_begin());
    for (size_t i = 0; i < DR_ARRAY_COUNT(silent); i++) {
        world_say("doll", silent[i], "{}");
        EXPECT_EQ(w.last_done, DR_OK);
        if (strncmp(silent[i], "jobs/notify", 11) != 0) {
            EXPECT_EQ(w.sent_count, 0);
        }
    }
    world_say("no thing!", "jobs/$next/get", "{}");
    EXPECT_EQ(w.sent_count, 0);
    world_end();
}

/* ---- nobody's message holds up the others ---- */

static void largest_token_is_echoed(void)
{
    char text[1024];
    char token[6 * 64 + 1] = "";
    for (int i = 0; i < 64; i++) {
        strcat(token, "\\u0001");
    }
    REQUIRE(ready_with_job());
    snprintf(
        text, sizeof text,
        "{\"clientToken\":\"%s\",\"version\":\"1.1.0\",\"slot\":\"A\",\"digest\":"
        "\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"}",
        token);
    say_numbered(5, "daruma/report", text);
    EXPECT_EQ(w.last_done, DR_OK);
    EXPECT_EQ(world_count("accepted"), 1);
    say_numbered(6, "jobs/AFR_OTA-u1/update", PROGRESS);
    EXPECT_EQ(world_count("accepted"), 1);
    world_end();
}

/* As long as the details may be, with the document beside them: still one message. */
static void largest_details_are_answered(void)
{
    static char text[60000];
    static char value[1025];
    memset(value, 'x', 1024);
    REQUIRE(ready_with_job());
    size_t len = (size_t)snprintf(text, sizeof text, "{\"status\":\"FAILED\",\"statusDetails\":{");
    for (int i = 0; i < 31; i++) {
        len += (size_t)snprintf(
            text + len, sizeof text - len, "%s\"k%d\":\"%s\"", i == 0 ? "" : ",", i, value);
    }
    size_t end = len;
    snprintf(text + len, sizeof text - len, ",\"k\":\"%s\"},\"includeJobDocument\":true}", value);
    say_numbered(5, "jobs/AFR_OTA-u1/update", text);
    EXPECT_EQ(world_count("rejected"), 1);
    snprintf(text + end, sizeof text - end, "},\"includeJobDocument\":true}");
    say_numbered(6, "jobs/AFR_OTA-u1/update", text);
    EXPECT_EQ(w.last_done, DR_OK);
    EXPECT_EQ(world_count("accepted"), 1);
    world_end();
}

/* The service is closed while changes wait: all of them are finished first. */
static void closing_finishes_what_waits(void)
{
    REQUIRE(ready_with_job());
    for (int i = 0; i < 200; i++) {
        world_send_raw("doll", "jobs/AFR_OTA-u1/update", PROGRESS, strlen(PROGRESS), 0);
    }
    dr_service_close(w.service);
    EXPECT_EQ(w.done, w.messages);
    REQUIRE(world_open_service(false));
    EXPECT_EQ(version_now(), 201);
    world_end();
}

/* Many pairs, each within its bounds, that are too much together: refused by name. A message that
 * could not be handled would be sent again for ever, and everything behind it would wait. */
static void too_many_details_are_refused(void)
{
    static char value[1699];
    static char payload[120000];
    REQUIRE(ready_with_job());
    for (unsigned i = 0; i < sizeof value - 1; i += 6) {
        memcpy(value + i, "\\u00e4", 6); /* one character */
    }
    size_t len =
        (size_t)snprintf(payload, sizeof payload, "{\"status\":\"SUCCEEDED\",\"statusDetails\":{");
    for (unsigned i = 0; i < 60; i++) {
        len += (size_t)snprintf(
            payload + len, sizeof payload - len, "%s\"k%u\":\"%s\"", i != 0 ? "," : "", i, value);
    }
    len += (size_t)snprintf(payload + len, sizeof payload - len, "}}");
    REQUIRE(len < sizeof payload);
    say_numbered(5, "jobs/AFR_OTA-u1/update", payload);
    EXPECT_EQ(w.last_done, DR_OK);
    EXPECT_STR(world_text(world_hear("rejected"), "code"), "InvalidRequest");
    say_numbered(6, "jobs/AFR_OTA-u1/update", PROGRESS); /* what follows is heard */
    EXPECT_EQ(w.last_done, DR_OK);
    EXPECT_EQ(version_now(), 2);
    world_end();
}

DR_TEST_MAIN(
    too_many_details_are_refused, repeats_are_dropped, qos_0_is_not_deduplicated,
    a_read_sees_the_change_before_it, full_store, stream_requests, stream_bounds, stream_in_json,
    stream_cache_forgets, reports, presence, presence_of_no_things, not_requests,
    largest_token_is_echoed, largest_details_are_answered, closing_finishes_what_waits)
