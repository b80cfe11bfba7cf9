/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The signer's directory: for each profile NAME
 *
 *   NAME.key     EC P-256 private key, PEM, 0600
 *   NAME.conf    optional lines: `kind file|image`, `product NAME`, `approval required`
 *   NAME.state   what an image profile has signed (written by the signer, replaced in one step)
 *
 * Without NAME.conf a profile signs files. The published golden test key is refused unless the
 * environment says DARUMA_ALLOW_TEST_KEY=1.
 */
#ifndef DR_CLOUD_SIGNER_PROFILE_H
#define DR_CLOUD_SIGNER_PROFILE_H

#include "cloud/pki/key.h"
#include "cloud/signer/policy.h"

#include <stddef.h>

#define DR_SIGNER_PATH_MAX 1024u

struct dr_signer_slot {
    struct dr_signer_profile facts;
    struct dr_signer_state state;
    struct dr_pki_key *key;
    char state_path[DR_SIGNER_PATH_MAX];
};

struct dr_signer_store {
    struct dr_signer_slot slots[DR_SIGNER_PROFILES_MAX]; /* sorted by name */
    size_t count;
};

/* Read the whole directory. One bad profile refuses all: an operator must see it. error
 * (DR_SIGNER_DETAIL_MAX + 1 bytes) says which file and why. */
DR_MUST_USE enum dr_status
dr_signer_store_load(const char *directory, struct dr_signer_store *store, char *error);

/* The same for a store in use: its profiles are exchanged all at once, or, after an error, not at
 * all. Slots that were found before are gone. */
DR_MUST_USE enum dr_status
dr_signer_store_reload(const char *directory, struct dr_signer_store *store, char *error);

/* Wipe and forget the keys. */
void dr_signer_store_clear(struct dr_signer_store *store);

/* NULL: no such profile. */
struct dr_signer_slot *dr_signer_store_find(struct dr_signer_store *store, const char *name);

/* Make the state durable; only then is it the slot's. */
DR_MUST_USE enum dr_status
dr_signer_slot_save(struct dr_signer_slot *slot, const struct dr_signer_state *state);

/* Make the directory (0700) and the profile "default", which signs files. DR_E_EXISTS: there is
 * one.
 */
DR_MUST_USE enum dr_status dr_signer_store_init(const char *directory, char *error);

#endif
