/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The end of the ROM's work: which keys the image gets, what it is told. */
#include "base/check.h"
#include "device/anchor/keys.h"
#include "device/boot/boot_priv.h"
#include "device/boot/decide_priv.h"

#include <string.h>

/* Section 2's table. Recovery gets no user and no vault-sys keys; safe mode runs no application, so
 * it does not get the application's. */
static uint8_t keys_of_mode(uint8_t mode)
{
    uint8_t keys = DR_KEY_REQUEST | DR_KEY_SLOTS | DR_KEY_SYS_V1 | DR_KEY_LINK;
    if (mode != DR_MODE_RECOVERY) {
        keys |= DR_KEY_VAULT_SYS | DR_KEY_ANCHOR_FW;
    }
    if (mode == DR_MODE_NORMAL || mode == DR_MODE_PROVISIONING) {
        keys |= DR_KEY_VAULT_USER;
    }
    return keys;
}

static const struct {
    const char *label;
    uint8_t offset; /* in struct dr_boot_keys */
    uint8_t bit;
    bool with_epoch;
} key_list[] = {
    {DR_LABEL_SLOT_A, offsetof(struct dr_boot_keys, slot_a), DR_KEY_SLOTS, false},
    {DR_LABEL_SLOT_B, offsetof(struct dr_boot_keys, slot_b), DR_KEY_SLOTS, false},
    /* Without the epoch: after an erase the factory image must still find its way to the cloud. */
    {DR_LABEL_SYS_V1, offsetof(struct dr_boot_keys, sys_v1), DR_KEY_SYS_V1, false},
    {DR_LABEL_VAULT_SYS, offsetof(struct dr_boot_keys, vault_sys), DR_KEY_VAULT_SYS, false},
    {DR_LABEL_ANCHOR_FW, offsetof(struct dr_boot_keys, anchor_fw), DR_KEY_ANCHOR_FW, false},
    {DR_LABEL_VAULT_USER, offsetof(struct dr_boot_keys, vault_user), DR_KEY_VAULT_USER, true},
    {DR_LABEL_LINK, offsetof(struct dr_boot_keys, link), DR_KEY_LINK, true},
};

static void derive_keys(
    const struct dr_boot_platform *platform, const struct dr_boot_work *work,
    struct dr_boot_info *info)
{
    struct dr_boot_keys *keys = &info->keys;
    keys->present = keys_of_mode(info->mode);
    if (info->journal_sequence == 0) { /* no record that a request could be bound to */
        keys->present &= (uint8_t)~DR_KEY_REQUEST;
    } else {
        dr_request_key(
            platform->crypto, work->boot_mac, info->journal_sequence, info->slot, info->digest,
            info->mode, keys->request);
    }
    for (size_t i = 0; i < DR_ARRAY_COUNT(key_list); i++) {
        uint8_t *key = (uint8_t *)keys + key_list[i].offset;
        if ((keys->present & key_list[i].bit) == 0) {
            continue;
        }
        if (key_list[i].with_epoch) {
            dr_key_derive_epoch(
                platform->crypto, platform->secret, key_list[i].label, info->user_epoch, key);
        } else {
            dr_key_derive(platform->crypto, platform->secret, key_list[i].label, key);
        }
    }
}

/* Why this image runs now: what changed in this boot, else what reset the machine. */
static uint8_t boot_reason(const struct dr_boot_work *work, bool fallback)
{
    const struct dr_decision *decision = &work->decision;
    if (fallback) {
        return DR_REASON_FLASH_OR_SOURCE;
    }
    if (decision->moved && decision->state.last.reason != DR_REASON_NONE) {
        return decision->state.last.reason;
    }
    if (decision->fault != DR_REASON_NONE) {
        return decision->fault;
    }
    return decision->cause == DR_RESET_POWER ? DR_REASON_POWER : DR_REASON_PLANNED;
}

static void tell_account(
    const struct dr_boot_policy *policy, const struct dr_boot_trial *trial,
    struct dr_boot_info *info)
{
    if (info->state == DR_IMAGE_CANDIDATE) {
        info->tries_left = (uint8_t)(policy->candidate_faults - trial->faults);
        info->boots_left = (uint8_t)(policy->candidate_boots - trial->boots);
    }
    if (info->state == DR_IMAGE_CONFIRMED) {
        info->confirmed_boots = trial->confirmed_boots;
    }
}

static void tell_rules(
    const struct dr_boot_platform *platform, const struct dr_boot_work *work,
    struct dr_boot_info *info)
{
    const struct dr_boot_state *state = &work->decision.state;
    const struct dr_boot_policy *policy = platform->policy;
    info->security_counter = dr_decide_security(state, &work->view);
    info->revocation = dr_decide_revoked(state, &work->view);
    info->user_epoch = work->view.epoch;
    memcpy(info->floor_digest, state->floor_digest, sizeof info->floor_digest);
    info->rejections = state->rejections;
    info->trust = *platform->trust;
    info->trust.revoked = (uint8_t)info->revocation;
    size_t length = strlen(platform->product);
    memcpy(
        info->product, platform->product,
        length < sizeof info->product ? length : sizeof info->product - 1u);
    info->rom_version = policy->rom_version;
    info->limits_min = policy->limits_min;
    info->limits_max = policy->limits_max;
    info->load_address = platform->window.address;
    info->load_size_bytes = platform->window.any_address ? 0 : platform->window.size_bytes;
}

/* The record that the spare's name rests on was read twice; without one nothing may be erased. */
static uint8_t name_spare(const struct dr_boot_work *work, const struct dr_boot_choice *choice)
{
    if (work->input.frozen || !dr_journal_is_firm(&work->journal)) {
        return DR_SLOT_NONE;
    }
    return dr_decide_spare(&work->decision.state, choice->slot, choice->state);
}

static enum dr_status
latch(struct dr_boot_work *work, const struct dr_boot_policy *policy, uint8_t mode)
{
    enum dr_anchor_mode latched = DR_ANCHOR_MODE_NORMAL;
    if (mode == DR_MODE_RECOVERY) {
        latched = DR_ANCHOR_MODE_RECOVERY;
    } else if (mode == DR_MODE_PROVISIONING) {
        latched = DR_ANCHOR_MODE_PROVISIONING;
    }
    for (uint8_t i = 0; i < policy->anchor_tries; i++) {
        if (dr_anchor_latch(&work->anchor, latched) == DR_OK) {
            return DR_OK;
        }
    }
    return DR_E_TIMEOUT;
}

void dr_boot_retain(
    const struct dr_boot_platform *platform, struct dr_boot_work *work,
    const struct dr_boot_choice *choice, bool in_rom)
{
    uint8_t block[DR_RETAINED_BYTES];
    struct dr_retained *retained = &work->input.retained;
    memset(retained, 0, sizeof *retained);
    retained->in_rom = in_rom;
    retained->slot = choice->slot;
    retained->state = choice->state;
    retained->rung = work->decision.state.rung;
    retained->faults = work->decision.faults;
    memcpy(retained->digest, choice->digest, sizeof retained->digest);
    dr_retained_encode(retained, block);
    platform->retained_write(platform->context, block);
    work->input.strap = DR_STRAP_NONE;
    work->input.retained_valid = true;
    work->input.again = true;
}

enum dr_status dr_boot_hand_off(
    const struct dr_boot_platform *platform, struct dr_boot_work *work,
    const struct dr_boot_choice *choice, struct dr_boot_result *ret_result)
{
    const struct dr_boot_state *state = &work->decision.state;
    const struct dr_loaded *loaded = &ret_result->loaded;
    struct dr_boot_info *info = &ret_result->info;
    memset(info, 0, sizeof *info);
    info->mode =
        (uint8_t)dr_decide_mode(state, choice, &loaded->facts, &work->view, loaded->unrevoked);
    DR_TRY(latch(work, platform->policy, info->mode));
    info->slot = choice->slot;
    info->state = choice->state;
    info->rung = choice->rung;
    info->fallback =
        choice->slot != (state->trial.slot != DR_SLOT_NONE ? state->trial.slot
                                                           : dr_decide_base(state, &work->view));
    info->spare = name_spare(work, choice);
    memcpy(info->digest, loaded->digest, sizeof info->digest);
    info->order = loaded->facts.order;
    info->counter = loaded->facts.counter;
    info->limits = loaded->limits;
    tell_account(platform->policy, &state->trial, info);
    info->floor_known = dr_decide_floor(state, &loaded->facts, &info->floor);
    tell_rules(platform, work, info);
    info->reset_cause = work->decision.cause;
    info->boot_reason = boot_reason(work, info->fallback);
    info->faults = work->decision.faults;
    info->last = state->last;
    info->refused = state->refused;
    memcpy(info->crash, work->crash, sizeof info->crash);
    info->journal_sequence = state->sequence;
    derive_keys(platform, work, info);
    dr_boot_retain(platform, work, choice, false);
    platform->watchdog_arm(platform->context, loaded->limits.hang_s * 1000u);
    return DR_OK;
}
