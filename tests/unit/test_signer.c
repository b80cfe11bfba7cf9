/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The signer's protocol, policy and memory, without a process. */
#include "cloud/signer/command.h"
#include "cloud/signer/policy.h"
#include "cloud/signer/protocol.h"
#include "cloud/signer/state.h"
#include "tests/unit/check.h"

#include <unistd.h>

static struct dr_signer_image sample_image(uint32_t sequence, uint32_t counter, uint8_t digest)
{
    struct dr_signer_image image = {.product = "demo-lock", .security_counter = counter};
    image.order.has_sequence = true;
    image.order.sequence = sequence;
    memset(image.digest, digest, sizeof(image.digest));
    return image;
}

static void test_requests(void)
{
    struct dr_signer_request request = {
        .operation = DR_SIGNER_SIGN_IMAGE, .profile = "lock", .image = sample_image(7, 3, 9)};
    request.command = DR_JOB_ACTION_REVERT;
    request.image.order.version.build = 0x01020304;
    struct dr_signer_request back;
    uint8_t bytes[512];
    for (int operation = DR_SIGNER_PING; operation <= DR_SIGNER_RELOAD; operation++) {
        struct dr_writer writer;
        dr_writer_init(&writer, bytes, sizeof(bytes));
        request.operation = (enum dr_signer_operation)operation;
        REQUIRE(dr_signer_request_encode(&request, &writer) == DR_OK);
        REQUIRE(dr_signer_request_decode(bytes + 4, writer.size_bytes - 4, &back) == DR_OK);
        EXPECT_EQ(back.operation, operation);
        for (size_t cut = 0; cut < writer.size_bytes - 4; cut++) {
            EXPECT(dr_signer_request_decode(bytes + 4, cut, &back) != DR_OK);
        }
        EXPECT(dr_signer_request_decode(bytes + 4, writer.size_bytes - 3, &back) != DR_OK);
        if (operation == DR_SIGNER_SIGN_COMMAND) {
            REQUIRE(dr_signer_request_decode(bytes + 4, writer.size_bytes - 4, &back) == DR_OK);
            EXPECT_STR(back.image.product, "demo-lock");
            EXPECT_EQ(back.command, DR_JOB_ACTION_REVERT);
            bytes[writer.size_bytes - 1] = DR_JOB_ACTION_UPDATE; /* not a command */
            EXPECT(dr_signer_request_decode(bytes + 4, writer.size_bytes - 4, &back) != DR_OK);
        }
        if (operation == DR_SIGNER_SIGN_IMAGE) {
            REQUIRE(dr_signer_request_decode(bytes + 4, writer.size_bytes - 4, &back) == DR_OK);
            EXPECT_STR(back.profile, "lock");
            EXPECT_STR(back.image.product, "demo-lock");
            EXPECT_EQ(back.image.order.sequence, 7);
            EXPECT_EQ(back.image.order.version.build, 0x01020304);
            EXPECT_EQ(back.image.security_counter, 3);
        }
    }
}

static void test_answers(void)
{
    static struct dr_signer_answer answer;
    static struct dr_signer_answer back;
    static uint8_t bytes[DR_SIGNER_MESSAGE_MAX + 4];
    struct dr_writer writer;
    answer.signature.size_bytes = 71;
    answer.signature.der[70] = 5;
    dr_writer_init(&writer, bytes, sizeof(bytes));
    REQUIRE(dr_signer_answer_encode(&answer, DR_SIGNER_SIGN_FILE, &writer) == DR_OK);
    REQUIRE(
        dr_signer_answer_decode(bytes + 4, writer.size_bytes - 4, DR_SIGNER_SIGN_FILE, &back) ==
        DR_OK);
    EXPECT_EQ(back.signature.size_bytes, 71);
    EXPECT_EQ(back.signature.der[70], 5);
    answer.status = DR_E_CONFLICT;
    (void)snprintf(answer.detail, sizeof(answer.detail), "why");
    dr_writer_init(&writer, bytes, sizeof(bytes));
    REQUIRE(dr_signer_answer_encode(&answer, DR_SIGNER_SIGN_FILE, &writer) == DR_OK);
    REQUIRE(
        dr_signer_answer_decode(bytes + 4, writer.size_bytes - 4, DR_SIGNER_SIGN_FILE, &back) ==
        DR_OK);
    EXPECT_EQ(back.status, DR_E_CONFLICT);
    EXPECT_STR(back.detail, "why");
    bytes[5] = 7; /* a status above 0 */
    bytes[6] = bytes[7] = bytes[8] = 0;
    EXPECT_EQ(
        dr_signer_answer_decode(bytes + 4, writer.size_bytes - 4, DR_SIGNER_SIGN_FILE, &back),
        DR_E_FORMAT);
    memset(&answer, 0, sizeof(answer));
    answer.profile_count = DR_SIGNER_PROFILES_MAX;
    for (size_t i = 0; i < DR_SIGNER_PROFILES_MAX; i++) {
        memset(answer.profiles[i].name, 'n', DR_SIGNER_PROFILE_MAX);
        memset(answer.profiles[i].product, 'p', DR_SIGNER_PRODUCT_MAX);
        answer.profiles[i].kind = DR_SIGNER_KIND_IMAGE;
    }
    dr_writer_init(&writer, bytes, sizeof(bytes));
    REQUIRE(dr_signer_answer_encode(&answer, DR_SIGNER_PROFILES, &writer) == DR_OK);
    REQUIRE(
        dr_signer_answer_decode(bytes + 4, writer.size_bytes - 4, DR_SIGNER_PROFILES, &back) ==
        DR_OK);
    EXPECT_EQ(back.profile_count, DR_SIGNER_PROFILES_MAX);
    EXPECT_STR(back.profiles[63].name, answer.profiles[63].name);
}

static void test_policy(void)
{
    struct dr_signer_profile profile = {.kind = DR_SIGNER_KIND_IMAGE, .product = "demo-lock"};
    struct dr_signer_state state = {.signed_before = false};
    struct dr_signer_state after;
    const char *reason = "";
    struct dr_signer_image image = sample_image(5, 2, 1);
    REQUIRE(dr_signer_judge(&profile, &state, &image, &after, &reason) == DR_OK);
    state = after;
    const struct {
        struct dr_signer_image image;
        enum dr_status status;
    } rows[] = {
        {sample_image(5, 2, 1), DR_OK},         {sample_image(5, 2, 2), DR_E_CONFLICT},
        {sample_image(4, 2, 2), DR_E_CONFLICT}, {sample_image(6, 1, 2), DR_E_CONFLICT},
        {sample_image(6, 2, 2), DR_OK},         {sample_image(6, 9, 2), DR_OK},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        EXPECT_EQ(
            dr_signer_judge(&profile, &state, &rows[i].image, &after, &reason), rows[i].status);
    }
    image = sample_image(9, 9, 3);
    (void)snprintf(image.product, sizeof(image.product), "demo-locks");
    EXPECT_EQ(dr_signer_judge(&profile, &state, &image, &after, &reason), DR_E_DENIED);
    profile.kind = DR_SIGNER_KIND_FILE;
    image = sample_image(9, 9, 3);
    EXPECT_EQ(dr_signer_judge(&profile, &state, &image, &after, &reason), DR_E_DENIED);
}

static void test_approvals(void)
{
    const struct dr_signer_profile profile = {
        .kind = DR_SIGNER_KIND_IMAGE, .product = "demo-lock", .approval = true};
    struct dr_signer_state state = {.signed_before = false};
    struct dr_signer_state after;
    const char *reason = "";
    struct dr_signer_image image = sample_image(5, 2, 1);
    EXPECT_EQ(dr_signer_judge(&profile, &state, &image, &after, &reason), DR_E_STATE);
    dr_signer_note_approval(&state, image.digest);
    dr_signer_note_approval(&state, image.digest);
    EXPECT_EQ(state.approved_count, 1);
    EXPECT_EQ(dr_signer_judge(&profile, &state, &image, &after, &reason), DR_OK);
    for (uint8_t i = 100; i < 100 + DR_SIGNER_APPROVALS_MAX; i++) {
        uint8_t digest[DR_SIGNER_DIGEST_BYTES];
        memset(digest, i, sizeof(digest));
        dr_signer_note_approval(&state, digest);
    }
    EXPECT_EQ(state.approved_count, DR_SIGNER_APPROVALS_MAX);
    EXPECT_EQ(dr_signer_judge(&profile, &state, &image, &after, &reason), DR_E_STATE);
}

static void test_commands(void)
{
    struct dr_signer_profile profile = {.kind = DR_SIGNER_KIND_IMAGE, .product = "demo-lock"};
    struct dr_signer_state state = {.signed_before = false};
    struct dr_signer_image image = sample_image(5, 2, 1);
    uint8_t digest[DR_SIGNER_DIGEST_BYTES];
    uint8_t longest[DR_SIGNER_DIGEST_BYTES];
    const char *reason = "";
    REQUIRE(
        dr_signer_command_digest(DR_JOB_ACTION_REVERT, image.product, image.digest, digest) ==
        DR_OK);
    EXPECT_EQ(
        dr_signer_command_digest(
            DR_JOB_ACTION_REVERT, "a product of exactly thirty-two.", image.digest, longest),
        DR_OK);
    EXPECT_EQ(dr_signer_judge_command(&profile, &state, &image, digest, &reason), DR_OK);
    profile.approval = true;
    EXPECT_EQ(dr_signer_judge_command(&profile, &state, &image, digest, &reason), DR_E_STATE);
    dr_signer_note_approval(&state, image.digest); /* lets the image be signed, not the command */
    EXPECT_EQ(dr_signer_judge_command(&profile, &state, &image, digest, &reason), DR_E_STATE);
    dr_signer_note_approval(&state, digest);
    EXPECT_EQ(dr_signer_judge_command(&profile, &state, &image, digest, &reason), DR_OK);
    image.product[0] = 'x';
    EXPECT_EQ(dr_signer_judge_command(&profile, &state, &image, digest, &reason), DR_E_DENIED);
    profile.kind = DR_SIGNER_KIND_FILE;
    image.product[0] = 'd';
    EXPECT_EQ(dr_signer_judge_command(&profile, &state, &image, digest, &reason), DR_E_DENIED);
}

static void test_state_file(void)
{
    char directory[] = "/tmp/daruma-signer-unit-XXXXXX";
    char path[64];
    REQUIRE(mkdtemp(directory) != NULL);
    (void)snprintf(path, sizeof(path), "%s/p.state", directory);
    struct dr_signer_state state;
    struct dr_signer_state back;
    EXPECT_EQ(dr_signer_state_read(path, &back), DR_OK);
    EXPECT(!back.signed_before);
    memset(&state, 0, sizeof(state));
    state.signed_before = true;
    state.order.has_sequence = true;
    state.order.sequence = 77;
    state.counter = 5;
    state.approved_count = DR_SIGNER_APPROVALS_MAX;
    memset(state.approved, 3, sizeof(state.approved));
    REQUIRE(dr_signer_state_write(path, &state) == DR_OK);
    REQUIRE(dr_signer_state_read(path, &back) == DR_OK);
    EXPECT_EQ(back.order.sequence, 77);
    EXPECT_EQ(back.counter, 5);
    EXPECT_EQ(back.approved_count, DR_SIGNER_APPROVALS_MAX);
    EXPECT(memcmp(back.approved, state.approved, sizeof(state.approved)) == 0);
    EXPECT_EQ(truncate(path, 60), 0);
    EXPECT_EQ(dr_signer_state_read(path, &back), DR_E_CORRUPT);
    EXPECT_EQ(truncate(path, 0), 0);
    EXPECT_EQ(dr_signer_state_read(path, &back), DR_E_CORRUPT);
    EXPECT_EQ(unlink(path), 0);
    EXPECT_EQ(rmdir(directory), 0);
}

DR_TEST_MAIN(
    test_requests, test_answers, test_policy, test_approvals, test_commands, test_state_file)
