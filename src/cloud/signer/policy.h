/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The signing policy of an image profile: product, order and counter never backwards, optional
 * approval; and for its commands, product and approval. Pure; what it remembers is kept by
 * profile.h. */
#ifndef DR_CLOUD_SIGNER_POLICY_H
#define DR_CLOUD_SIGNER_POLICY_H

#include "cloud/signer/protocol.h"

#include <stdbool.h>

#define DR_SIGNER_APPROVALS_MAX 64u

/* What a profile has signed, and what it may sign. */
struct dr_signer_state {
    bool signed_before; /* the next three are meaningful */
    struct dr_order order;
    uint32_t counter;
    uint8_t digest[DR_SIGNER_DIGEST_BYTES]; /* of the image with the highest order */
    uint8_t approved[DR_SIGNER_APPROVALS_MAX][DR_SIGNER_DIGEST_BYTES]; /* oldest first */
    size_t approved_count;
};

/* May this image be signed, and what is remembered if it is? reason is set when it may not.
 *
 * DR_E_DENIED    wrong kind of profile, or wrong product.
 * DR_E_CONFLICT  its order or counter is below what was signed, or another image has the same
 * order.
 * DR_E_STATE     not approved.
 */
DR_MUST_USE enum dr_status dr_signer_judge(
    const struct dr_signer_profile *profile, const struct dr_signer_state *state,
    const struct dr_signer_image *image, struct dr_signer_state *ret_after,
    const char **ret_reason);

/* May a command about this image (its digest and product; order and counter are not looked at) be
 * signed? digest is the command's own. A command changes nothing that is remembered; where
 * approvals are asked for, its own digest must be approved: the image's approval let it be signed,
 * and says nothing about leaving it.
 *
 * DR_E_DENIED    wrong kind of profile, or wrong product. DR_E_STATE: not approved.
 */
DR_MUST_USE enum dr_status dr_signer_judge_command(
    const struct dr_signer_profile *profile, const struct dr_signer_state *state,
    const struct dr_signer_image *image, const uint8_t digest[DR_SIGNER_DIGEST_BYTES],
    const char **ret_reason);

/* Approve a digest; the oldest approval goes when there are too many. */
void dr_signer_note_approval(
    struct dr_signer_state *state, const uint8_t digest[DR_SIGNER_DIGEST_BYTES]);

#endif
