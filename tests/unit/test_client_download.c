/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The client's half of a download, on a simulated device: head and tail, the spare slot, the last
 * look before INSTALL, and a flash that misreads or keeps what it was given badly. */
#include "tests/unit/client_rig.h"

/* Head and tail of an image, then the rules. What is admitted becomes the agent's job. */
static enum dr_reason admit(const uint8_t *bytes, uint32_t size_bytes)
{
    struct dr_agent_event done = {.kind = DR_EVENT_DONE};
    client.agent.job.size_bytes = size_bytes;
    for (uint32_t at = 0; at < size_bytes; at += BLOCK_BYTES) {
        uint32_t left = size_bytes - at;
        const struct dr_agent_action action = {
            .act = DR_ACT_PROBE,
            .block = {bytes + at, left < BLOCK_BYTES ? left : BLOCK_BYTES, at},
        };
        dr_client_probe(&client, &action);
    }
    dr_client_admit(&client, size_bytes, &done);
    EXPECT_EQ(done.done.status, done.done.reason == DR_REASON_NONE ? DR_OK : DR_E_DENIED);
    if (done.done.reason == DR_REASON_NONE) {
        memcpy(client.agent.job.ref.digest, done.done.data, DR_IMAGE_DIGEST_BYTES);
    }
    return done.done.reason;
}

static enum dr_status open_spare(bool fresh)
{
    const struct dr_agent_action action = {
        .act = DR_ACT_OPEN,
        .image = {.size_bytes = client.agent.job.size_bytes, .fresh = fresh},
    };
    struct dr_agent_event done = {.kind = DR_EVENT_DONE};
    dr_client_open_spare(&client, &action, &done);
    return done.done.status;
}

static bool kept(uint32_t block)
{
    return (client.kept[block / 8u] >> (block % 8u) & 1u) != 0;
}

static void fill(const struct dr_sim_image *image, uint32_t end_bytes)
{
    for (uint32_t at = 0; at < end_bytes; at += BLOCK_BYTES) {
        EXPECT_EQ(dr_slot_write(&client.slot, at, image->bytes + at, BLOCK_BYTES), DR_OK);
    }
}

static enum dr_reason verify(void)
{
    struct dr_agent_event done = {.kind = DR_EVENT_DONE};
    dr_client_verify(&client, &done);
    EXPECT_EQ(done.done.status, done.done.reason == DR_REASON_NONE ? DR_OK : DR_E_CORRUPT);
    return done.done.reason;
}

static void whole_download(void)
{
    begin();
    const struct dr_sim_image *image = &world.images[DR_SIM_V12];
    EXPECT_EQ(admit(image->bytes, sizeof image->bytes), DR_REASON_NONE);
    EXPECT_EQ(open_spare(false), DR_OK);
    EXPECT(!kept(0));
    fill(image, sizeof image->bytes / 2u);
    EXPECT_EQ(verify(), DR_REASON_STORAGE); /* half of it is no image */
    EXPECT_EQ(open_spare(false), DR_OK);    /* what is there is kept */
    EXPECT(kept(0) && kept(3) && !kept(4));
    fill(image, sizeof image->bytes);
    EXPECT_EQ(verify(), DR_REASON_NONE);
    EXPECT(memcmp(client.image.digest, image->digest, DR_IMAGE_DIGEST_BYTES) == 0);
    end();
}

/* Refused on head and tail alone, each for its own reason, before the spare is touched. */
static void refused_on_head_and_tail(void)
{
    static const struct {
        enum dr_sim_image_id image;
        enum dr_reason reason;
    } rows[] = {
        {DR_SIM_FOREIGN, DR_REASON_KEY},
        {DR_SIM_BELOW, DR_REASON_COUNTER},
        {DR_SIM_OLDER, DR_REASON_ORDER},
        {DR_SIM_FACTORY, DR_REASON_COUNTER},
    };
    static uint8_t bytes[DR_SIM_IMAGE_BYTES + 16u];
    begin();
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        EXPECT_EQ(admit(world.images[rows[i].image].bytes, DR_SIM_IMAGE_BYTES), rows[i].reason);
    }
    memcpy(bytes, world.images[DR_SIM_V12].bytes, DR_SIM_IMAGE_BYTES);
    EXPECT_EQ(admit(bytes, DR_SIM_IMAGE_BYTES - 1u), DR_REASON_TRUNCATED);
    EXPECT_EQ(admit(bytes, sizeof bytes), DR_REASON_TRAILING);
    client.facts.spare_bytes = DR_SIM_IMAGE_BYTES - 1u;
    EXPECT_EQ(admit(bytes, DR_SIM_IMAGE_BYTES), DR_REASON_TOO_LARGE);
    end();
}

/* docs/device.md: once more from zero. The first failure must not spoil the second try.
 */
static void second_try_after_a_misread(void)
{
    begin();
    const struct dr_sim_image *image = &world.images[DR_SIM_V12];
    EXPECT_EQ(admit(image->bytes, sizeof image->bytes), DR_REASON_NONE);
    EXPECT_EQ(open_spare(false), DR_OK);
    fill(image, sizeof image->bytes);
    misreads = 1;
    EXPECT_EQ(verify(), DR_REASON_FLASH_OR_SOURCE);
    EXPECT_EQ(misreads, 0);
    EXPECT_EQ(open_spare(true), DR_OK);
    EXPECT(!kept(0));
    fill(image, sizeof image->bytes);
    EXPECT_EQ(verify(), DR_REASON_NONE);
    end();
}

/* A source that sends other bytes than it announced: whole, genuine, and not what was admitted. */
static void another_image_than_admitted(void)
{
    begin();
    const struct dr_sim_image *image = &world.images[DR_SIM_V12];
    const struct dr_sim_image *other = &world.images[DR_SIM_V16];
    EXPECT_EQ(admit(image->bytes, sizeof image->bytes), DR_REASON_NONE);
    EXPECT_EQ(open_spare(false), DR_OK);
    fill(other, sizeof other->bytes);
    EXPECT_EQ(verify(), DR_REASON_DIGEST);
    EXPECT_EQ(open_spare(true), DR_OK);
    fill(other, sizeof other->bytes);
    EXPECT_EQ(verify(), DR_REASON_DIGEST); /* insisting does not help */
    EXPECT_EQ(open_spare(true), DR_OK);
    fill(image, sizeof image->bytes);
    EXPECT_EQ(verify(), DR_REASON_NONE);
    end();
}

/* What was admitted is judged again, on verified bytes and by the rules as they are then: an image
 * that was welcome when its head came is not kept when it no longer is. */
static void judged_again_at_close(void)
{
    begin();
    const struct dr_sim_image *image = &world.images[DR_SIM_V12];
    struct dr_boot_info *info = &device.booted.info;
    const uint32_t counter = info->security_counter;
    EXPECT_EQ(admit(image->bytes, sizeof image->bytes), DR_REASON_NONE);
    EXPECT_EQ(open_spare(false), DR_OK);
    fill(image, sizeof image->bytes);
    info->security_counter = image->counter + 1u;
    EXPECT_EQ(verify(), DR_REASON_COUNTER);
    info->security_counter = counter;
    info->product[0] ^= 1;
    EXPECT_EQ(verify(), DR_REASON_PRODUCT);
    info->product[0] ^= 1;
    EXPECT_EQ(verify(), DR_REASON_NONE);
    end();
}

DR_TEST_MAIN(
    whole_download, refused_on_head_and_tail, second_try_after_a_misread,
    another_image_than_admitted, judged_again_at_close)
