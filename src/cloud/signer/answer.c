/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What the signer does with a request. */
#include "base/text.h"
#include "cloud/signer/command.h"
#include "cloud/signer/listener.h"
#include "crypto/crypto.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void refuse(struct dr_signer_answer *answer, enum dr_status status, const char *detail)
{
    answer->status = status;
    (void)snprintf(answer->detail, sizeof(answer->detail), "%s", detail);
}

static bool is_owner(uid_t uid)
{
    return uid == 0 || uid == geteuid();
}

static bool may_ask(const struct dr_signer_listener *listener, uid_t uid)
{
    for (size_t i = 0; i < listener->uid_count; i++) {
        if (listener->uids[i] == uid) {
            return true;
        }
    }
    return is_owner(uid);
}

static void list_profiles(const struct dr_signer_store *store, struct dr_signer_answer *answer)
{
    for (size_t i = 0; i < store->count; i++) {
        answer->profiles[i] = store->slots[i].facts;
    }
    answer->profile_count = store->count;
}

static void
sign(const struct dr_signer_slot *slot, const uint8_t *digest, struct dr_signer_answer *answer)
{
    enum dr_status status = dr_pki_key_sign_der(
        slot->key, digest, answer->signature.der, &answer->signature.size_bytes);
    if (status != DR_OK) {
        refuse(answer, status, "the key cannot sign");
    }
}

static void sign_file(
    const struct dr_signer_slot *slot, const struct dr_signer_request *request,
    struct dr_signer_answer *answer)
{
    /* A product key that signed a bare digest would sign an image past its policy. */
    if (slot->facts.kind != DR_SIGNER_KIND_FILE) {
        refuse(answer, DR_E_DENIED, "this profile signs images, not files");
        return;
    }
    sign(slot, request->image.digest, answer);
}

/* Remembered before it is signed: a signature that left is never forgotten. */
static void sign_image(
    struct dr_signer_slot *slot, const struct dr_signer_request *request,
    struct dr_signer_answer *answer)
{
    struct dr_signer_state after;
    const char *reason = "";
    enum dr_status status =
        dr_signer_judge(&slot->facts, &slot->state, &request->image, &after, &reason);
    if (status != DR_OK) {
        refuse(answer, status, reason);
        return;
    }
    status = dr_signer_slot_save(slot, &after);
    if (status != DR_OK) {
        refuse(answer, status, "the signer cannot write its state");
        return;
    }
    sign(slot, request->image.digest, answer);
}

/* What is signed is never a digest that somebody sent: the bytes of a command are made here, and
 * begin as no image does. */
static void sign_command(
    const struct dr_signer_slot *slot, const struct dr_signer_request *request,
    struct dr_signer_answer *answer)
{
    uint8_t digest[DR_SIGNER_DIGEST_BYTES];
    const char *reason = "the command is too long";
    enum dr_status status = dr_signer_command_digest(
        request->command, request->image.product, request->image.digest, digest);
    if (status == DR_OK) {
        status =
            dr_signer_judge_command(&slot->facts, &slot->state, &request->image, digest, &reason);
    }
    if (status != DR_OK) {
        refuse(answer, status, reason);
    }
    if (status == DR_E_STATE) {
        char hex[DR_HEX_SIZE(DR_SIGNER_DIGEST_BYTES)];
        dr_hex_encode(request->image.digest, DR_SIGNER_DIGEST_BYTES, hex);
        (void)snprintf(
            answer->detail, sizeof(answer->detail), "%s: daruma-signer --approve-revert %s", reason,
            hex);
    }
    if (status != DR_OK) {
        return;
    }
    sign(slot, digest, answer);
}

static void approve(
    struct dr_signer_slot *slot, uid_t uid, const struct dr_signer_request *request,
    struct dr_signer_answer *answer)
{
    if (!is_owner(uid)) {
        refuse(answer, DR_E_DENIED, "only the signer's own user approves");
        return;
    }
    if (!slot->facts.approval) {
        refuse(answer, DR_E_STATE, "this profile needs no approvals");
        return;
    }
    struct dr_signer_state after = slot->state;
    dr_signer_note_approval(&after, request->image.digest);
    enum dr_status status = dr_signer_slot_save(slot, &after);
    if (status != DR_OK) {
        refuse(answer, status, "the signer cannot write its state");
    }
}

/* A key that was put in or exchanged is used from now on; one bad profile, and all stays as it is.
 */
static void
reload(const struct dr_signer_listener *listener, uid_t uid, struct dr_signer_answer *answer)
{
    char line[512];
    char error[DR_SIGNER_DETAIL_MAX + 1] = "only the signer's own user has it read its keys again";
    enum dr_status status =
        is_owner(uid) ? dr_signer_store_reload(listener->directory, listener->store, error)
                      : DR_E_DENIED;
    if (status != DR_OK) {
        refuse(answer, status, error);
    }
    (void)snprintf(
        line, sizeof(line), "level=%s msg=reload uid=%lu profiles=%zu result=%s",
        status == DR_OK ? "info" : "warning", (unsigned long)uid, listener->store->count,
        dr_status_name(status));
    listener->log(line);
}

static void log_act(
    const struct dr_signer_listener *listener, uid_t uid, const struct dr_signer_request *request,
    const struct dr_signer_answer *answer)
{
    char line[512];
    char digest[DR_HEX_SIZE(DR_SIGNER_DIGEST_BYTES)];
    const char *act = request->operation == DR_SIGNER_APPROVE        ? "approve"
                      : request->operation == DR_SIGNER_SIGN_IMAGE   ? "sign-image"
                      : request->operation == DR_SIGNER_SIGN_COMMAND ? "sign-command"
                                                                     : "sign-file";
    dr_hex_encode(request->image.digest, sizeof(request->image.digest), digest);
    (void)snprintf(
        line, sizeof(line), "level=%s msg=%s profile=%s uid=%lu digest=%s result=%s",
        answer->status == DR_OK ? "info" : "warning", act, request->profile, (unsigned long)uid,
        digest, dr_status_name(answer->status));
    listener->log(line);
}

static void with_profile(
    const struct dr_signer_listener *listener, uid_t uid, const struct dr_signer_request *request,
    struct dr_signer_answer *answer)
{
    struct dr_signer_slot *slot = dr_signer_store_find(listener->store, request->profile);
    if (slot == NULL) {
        refuse(answer, DR_E_NOT_FOUND, "no such signing profile");
    } else if (request->operation == DR_SIGNER_SIGN_FILE) {
        sign_file(slot, request, answer);
    } else if (request->operation == DR_SIGNER_SIGN_IMAGE) {
        sign_image(slot, request, answer);
    } else if (request->operation == DR_SIGNER_SIGN_COMMAND) {
        sign_command(slot, request, answer);
    } else {
        approve(slot, uid, request, answer);
    }
    log_act(listener, uid, request, answer);
}

void dr_signer_answer_request(
    const struct dr_signer_listener *listener, uid_t uid, const struct dr_signer_request *request,
    struct dr_signer_answer *ret_answer)
{
    memset(ret_answer, 0, sizeof(*ret_answer));
    if (!may_ask(listener, uid)) {
        refuse(ret_answer, DR_E_DENIED, "this user may not ask the signer: --allow-uid");
        return;
    }
    switch (request->operation) {
    case DR_SIGNER_PING:
        return;
    case DR_SIGNER_PROFILES:
        list_profiles(listener->store, ret_answer);
        return;
    case DR_SIGNER_RELOAD:
        reload(listener, uid, ret_answer);
        return;
    case DR_SIGNER_SIGN_FILE:
    case DR_SIGNER_SIGN_IMAGE:
    case DR_SIGNER_APPROVE:
    case DR_SIGNER_SIGN_COMMAND:
        with_profile(listener, uid, request, ret_answer);
        return;
    }
    refuse(ret_answer, DR_E_UNSUPPORTED, "unknown request");
}
