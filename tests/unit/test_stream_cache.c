/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Files of streams that are being read stay open, whatever else is asked for. */
#include "cloud/service/streams_priv.h"
#include "tests/unit/cloud_world.h"

#define STREAMS 2u
#define FILES 32u /* of a stream: with STREAMS as many as are kept open */

static char files_text[8192];

/* FILES files, all of one object. */
static json_t *stream_body(void)
{
    size_t len = (size_t)snprintf(files_text, sizeof files_text, "{\"roleArn\":\"r\",\"files\":[");
    for (unsigned i = 0; i < FILES; i++) {
        len += (size_t)snprintf(
            files_text + len, sizeof files_text - len,
            "%s{\"fileId\":%u,\"s3Location\":{\"bucket\":\"images\",\"key\":\"k\"}}",
            i == 0 ? "" : ",", i);
    }
    (void)snprintf(files_text + len, sizeof files_text - len, "]}");
    return world_json(files_text);
}

static enum dr_status take(const char *stream, uint32_t file)
{
    struct dr_stream_source source;
    enum dr_status status = dr_stream_cache_take(w.service, stream, file, &source);
    if (status == DR_OK) {
        EXPECT_EQ(source.size_bytes, 2000);
        dr_stream_cache_release(w.service->streams);
    }
    return status;
}

static void take_all(void)
{
    for (uint32_t file = 0; file < FILES; file++) {
        EXPECT_EQ(take("s0", file), DR_OK);
        EXPECT_EQ(take("s1", file), DR_OK);
    }
}

/* Everything is open; then the files are taken from the disk: what is still read was kept open. */
static void what_is_not_there_takes_no_place(void)
{
    static const uint8_t content[2000];
    char blobs[DR_SCRATCH_SIZE + 16];
    REQUIRE(world_begin());
    REQUIRE(dr_service_create_bucket(world_call(), "images") == DR_OK);
    REQUIRE(world_put("images", "k", content, sizeof content) == DR_OK);
    json_t *body = stream_body();
    for (unsigned i = 0; i < STREAMS; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "s%u", i);
        REQUIRE(dr_service_create_stream(world_call(), name, body, world_body()) == DR_OK);
    }
    json_decref(body);
    take_all();
    for (unsigned i = 0; i < 2 * STREAMS * FILES; i++) {
        EXPECT_EQ(take("none", i), DR_E_NOT_FOUND);
        EXPECT_EQ(take("s0", FILES + i), DR_E_NOT_FOUND);
    }
    (void)snprintf(blobs, sizeof blobs, "%s/blobs", w.directory);
    REQUIRE(dr_scratch_remove(blobs));
    take_all();
    world_end();
}

DR_TEST_MAIN(what_is_not_there_takes_no_place)
