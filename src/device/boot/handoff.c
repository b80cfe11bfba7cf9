/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The end of the ROM's work: which keys the image gets, what it is told. */
#include "base/secret.h"
#include "device/anchor/keys.h"
#include "device/boot/boot_priv.h"
#include "device/boot/decide_priv.h"

#include <string.h>

/* Section 2's table. Recovery gets no user and no vault-sys keys; safe mode runs no application, so
 * it does not get the application's. */
static uint8_t keys_of_mode(uint8_t mode)
{
    uint8_t keys = DR_KEY_REQUEST | DR_KEY_SLOTS | DR_KEY_SYS_V1;
    if (mode != DR_MODE_RECOVERY) {
        keys |= DR_KEY_VAULT_SYS | DR_KEY_ANCHOR_FW;
    }
    if (mode == DR_MODE_NORMAL || mode == DR_MODE_PROVISIONING) {
        keys |= DR_KEY_VAULT_USER;
    }
    return keys;
}

static void derive_keys(
    const struct dr_boot_platform *platform, const struct dr_boot_work *work,
    struct dr_boot_info *info)
{
    const struct dr_crypto *crypto = platform->crypto;
    const uint8_t *secret = platform->secret;
    struct dr_boot_keys *keys = &info->keys;
    keys->present = keys_of_mode(info->mode);
    dr_key_derive(crypto, secret, DR_LABEL_SLOT_A, keys->slot_a);
    dr_key_derive(crypto, secret, DR_LABEL_SLOT_B, keys->slot_b);
    /* Without the epoch: after an erase the factory image must still find its way to the cloud. */
    dr_key_derive(crypto, secret, DR_LABEL_SYS_V1, keys->sys_v1);
    if ((keys->present & DR_KEY_VAULT_SYS) != 0) {
        dr_key_derive(crypto, secret, DR_LABEL_VAULT_SYS, keys->vault_sys);
        dr_key_derive(crypto, secret, DR_LABEL_ANCHOR_FW, keys->anchor_fw);
    }
    if ((keys->present & DR_KEY_VAULT_USER) != 0) {
        dr_key_derive_epoch(
            crypto, secret, DR_LABEL_VAULT_USER, work->view.epoch, keys->vault_user);
    }
    if (info->journal_sequence == 0) { /* no record that a request could be bound to */
        keys->present &= (uint8_t)~DR_KEY_REQUEST;
        return;
    }
    dr_request_key(
        crypto, work->boot_mac, info->journal_sequence, info->slot, info->digest, info->mode,
        keys->request);
}

/* Why this image runs now: what changed in this boot, else what reset the machine. */
static uint8_t boot_reason(const struct dr_boot_work *work, bool fallback)
{
    if (fallback) {
        return DR_REASON_FLASH_OR_SOURCE;
    }
    if (work->decision.moved && work->decision.state.last.reason != DR_REASON_NONE) {
        return work->decision.state.last.reason;
    }
    switch ((enum dr_reset_cause)work->decision.cause) {
    case DR_RESET_POWER:
        return DR_REASON_POWER;
    case DR_RESET_LOCKUP:
        return DR_REASON_LOCKUP;
    case DR_RESET_FAULT:
        return work->capture.crash_reason == DR_CRASH_FAULT ||
                       work->capture.crash_reason == DR_CRASH_CHECK
                   ? (uint8_t)DR_REASON_CRASH
                   : (uint8_t)DR_REASON_HANG;
    case DR_RESET_ROM:
    case DR_RESET_PLANNED:
        break;
    }
    return DR_REASON_PLANNED;
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
    info->security_counter =
        state->target_security > work->view.security ? state->target_security : work->view.security;
    info->revocation = state->target_revocation > work->view.revocation ? state->target_revocation
                                                                        : work->view.revocation;
    info->user_epoch = work->view.epoch;
    memcpy(info->floor_digest, state->floor_digest, sizeof info->floor_digest);
    info->rejections = state->rejections;
    info->trust = *platform->trust;
    info->trust.revoked =
        (uint8_t)(info->revocation < DR_TRUST_KEYS_MAX ? info->revocation : DR_TRUST_KEYS_MAX);
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
    if (work->frozen || !dr_journal_is_firm(&work->journal)) {
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
    const struct dr_boot_platform *platform, const struct dr_boot_work *work,
    const struct dr_boot_choice *choice, bool in_rom)
{
    uint8_t block[DR_RETAINED_BYTES];
    struct dr_retained retained = {
        .in_rom = in_rom,
        .slot = choice->slot,
        .state = choice->state,
        .rung = work->decision.state.rung,
        .faults = work->decision.faults,
    };
    memcpy(retained.digest, choice->digest, sizeof retained.digest);
    dr_retained_encode(&retained, block);
    platform->retained_write(platform->context, block);
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
    memcpy(info->crash, work->capture.crash, sizeof info->crash);
    info->journal_sequence = state->sequence;
    derive_keys(platform, work, info);
    dr_boot_retain(platform, work, choice, false);
    platform->watchdog_arm(platform->context, loaded->limits.hang_s * 1000u);
    return DR_OK;
}
