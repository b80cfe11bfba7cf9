/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/signer/policy.h"

#include <string.h>

static bool is_approved(const struct dr_signer_state *state, const uint8_t *digest)
{
    for (size_t i = 0; i < state->approved_count; i++) {
        if (memcmp(state->approved[i], digest, DR_SIGNER_DIGEST_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

/* The same image may be signed again; another one must be above. */
static enum dr_status check_order(
    const struct dr_signer_state *state, const struct dr_signer_image *image,
    const char **ret_reason)
{
    if (!state->signed_before || memcmp(state->digest, image->digest, sizeof(state->digest)) == 0) {
        return DR_OK;
    }
    int above = dr_order_compare(&image->order, &state->order);
    if (above < 0) {
        *ret_reason = "the image's order is below one that was signed before";
        return DR_E_CONFLICT;
    }
    if (above == 0) {
        *ret_reason = "another image with this order was signed before";
        return DR_E_CONFLICT;
    }
    if (image->security_counter < state->counter) {
        *ret_reason = "the image's security counter is below one that was signed before";
        return DR_E_CONFLICT;
    }
    return DR_OK;
}

enum dr_status dr_signer_judge(
    const struct dr_signer_profile *profile, const struct dr_signer_state *state,
    const struct dr_signer_image *image, struct dr_signer_state *ret_after, const char **ret_reason)
{
    if (profile->kind != DR_SIGNER_KIND_IMAGE) {
        *ret_reason = "this profile signs files, not images";
        return DR_E_DENIED;
    }
    if (strcmp(profile->product, image->product) != 0) {
        *ret_reason = "the image is for another product than the profile";
        return DR_E_DENIED;
    }
    DR_TRY(check_order(state, image, ret_reason));
    if (profile->approval && !is_approved(state, image->digest)) {
        *ret_reason = "the image was not approved: daruma-signer --approve";
        return DR_E_STATE;
    }
    *ret_after = *state;
    ret_after->signed_before = true;
    ret_after->order = image->order;
    ret_after->counter = image->security_counter;
    memcpy(ret_after->digest, image->digest, sizeof(ret_after->digest));
    return DR_OK;
}

enum dr_status dr_signer_judge_command(
    const struct dr_signer_profile *profile, const struct dr_signer_state *state,
    const struct dr_signer_image *image, const uint8_t digest[DR_SIGNER_DIGEST_BYTES],
    const char **ret_reason)
{
    if (profile->kind != DR_SIGNER_KIND_IMAGE) {
        *ret_reason = "this profile signs files, not commands";
        return DR_E_DENIED;
    }
    if (strcmp(profile->product, image->product) != 0) {
        *ret_reason = "the command is for another product than the profile";
        return DR_E_DENIED;
    }
    if (profile->approval && !is_approved(state, digest)) {
        *ret_reason = "the command was not approved";
        return DR_E_STATE;
    }
    return DR_OK;
}

void dr_signer_note_approval(
    struct dr_signer_state *state, const uint8_t digest[DR_SIGNER_DIGEST_BYTES])
{
    if (is_approved(state, digest)) {
        return;
    }
    if (state->approved_count == DR_SIGNER_APPROVALS_MAX) {
        memmove(
            state->approved[0], state->approved[1],
            sizeof(state->approved) - sizeof(state->approved[0]));
        state->approved_count--;
    }
    memcpy(state->approved[state->approved_count++], digest, DR_SIGNER_DIGEST_BYTES);
}
