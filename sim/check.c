/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What must hold whenever a device has booted, whatever happened before. */
#include "device/anchor/keys.h"
#include "device/boot/journal.h"
#include "sim/scenario.h"

#include <string.h>

static void check_image(struct dr_sim_device *device, enum dr_sim_image_id running)
{
    const struct dr_boot_info *info = &device->booted.info;
    if (running == DR_SIM_IMAGES || !device->world->images[running].ours) {
        dr_sim_fail(device, DR_SIM_UNAUTHORISED, "runs an image nobody of ours signed");
        return;
    }
    const struct dr_sim_image *image = &device->world->images[running];
    if (memcmp(device->memory, image->bytes, sizeof image->bytes) != 0) {
        dr_sim_fail(
            device, DR_SIM_UNAUTHORISED, "runs bytes that are not those of %s", image->text);
    }
    if (info->slot != DR_SLOT_FACTORY &&
        image->counter < device->anchor.core.state.counters[DR_ANCHOR_COUNTER_SECURITY]) {
        dr_sim_fail(device, DR_SIM_UNAUTHORISED, "runs %s, below the counter", image->text);
    }
}

/* The phase allows its base, its target, and nothing else. */
static void check_choice(
    struct dr_sim_device *device, const struct dr_sim_script *script, enum dr_sim_image_id running)
{
    const struct dr_sim_phase *phase = &dr_sim_phases[script->phase];
    const struct dr_sim_world *world = device->world;
    if (running != script->base && running != phase->target) {
        dr_sim_fail(
            device, DR_SIM_LOST, "runs %s instead of %s", world->images[running].text,
            world->images[script->base].text);
    }
    if (device->booted.info.fallback) {
        dr_sim_fail(device, DR_SIM_LOST, "the image the journal names does not verify");
    }
    if (phase->act == DR_SIM_REFUSE && running == phase->target) {
        dr_sim_fail(device, DR_SIM_UNAUTHORISED, "runs %s", world->images[running].text);
    }
}

static void check_promises(
    struct dr_sim_device *device, struct dr_sim_script *script, enum dr_sim_image_id running)
{
    const struct dr_sim_phase *phase = &dr_sim_phases[script->phase];
    const struct dr_boot_info *info = &device->booted.info;
    bool target = running == phase->target;
    bool holds = target && (info->state == DR_IMAGE_CONFIRMED || info->state == DR_IMAGE_SEALED);
    bool late = phase->act == DR_SIM_LATE_REVERT && info->last.kind == DR_TRANSITION_LATE_REVERT;
    if ((script->confirm_written || script->target_confirmed) && !holds && !late) {
        dr_sim_fail(device, DR_SIM_LOST, "a confirmation was lost");
    }
    if (script->seal_written && !(target && info->state == DR_IMAGE_SEALED)) {
        dr_sim_fail(device, DR_SIM_LOST, "a seal was lost");
    }
    if (script->factory_written && info->slot != DR_SLOT_FACTORY) {
        dr_sim_fail(device, DR_SIM_LOST, "a request for factory was lost");
    }
    const uint8_t *digest = device->world->images[phase->target].digest;
    if (script->install_written && !target &&
        memcmp(info->last.digest, digest, DR_IMAGE_DIGEST_BYTES) != 0 &&
        memcmp(info->refused.digest, digest, DR_IMAGE_DIGEST_BYTES) != 0) {
        dr_sim_fail(device, DR_SIM_LOST, "an install was forgotten");
    }
    script->target_confirmed = script->target_confirmed || holds;
    if (late) {
        script->confirm_written = false;
        script->target_confirmed = false;
    }
}

/* Boots are counted before the jump, in the journal itself. */
static void check_account(struct dr_sim_device *device, struct dr_sim_script *script)
{
    struct dr_journal journal;
    struct dr_boot_state state;
    uint8_t key[DR_BOOT_KEY_BYTES];
    const struct dr_boot_info *info = &device->booted.info;
    if (info->state != DR_IMAGE_CANDIDATE) {
        return;
    }
    script->candidate_jumps++;
    dr_key_derive(device->world->crypto, device->anchor.secret, DR_LABEL_BOOT_MAC, key);
    enum dr_status status = dr_journal_open(
        &journal, dr_nor_port(device->nor), device->world->map.journal, device->world->crypto, key,
        &state);
    if (status != DR_OK || state.trial.state != DR_IMAGE_CANDIDATE ||
        memcmp(state.trial.digest, info->digest, DR_IMAGE_DIGEST_BYTES) != 0) {
        dr_sim_fail(device, DR_SIM_LOST, "a candidate runs that the journal does not know");
    } else if (state.trial.boots < script->candidate_jumps) {
        dr_sim_fail(
            device, DR_SIM_LOST, "boot %u of the candidate is not counted (%u)",
            script->candidate_jumps, state.trial.boots);
    }
    if (script->candidate_jumps > dr_boot_policy_default.candidate_boots) {
        dr_sim_fail(device, DR_SIM_LOST, "too many boots of a candidate");
    }
}

static void check_counters(
    struct dr_sim_device *device, struct dr_sim_script *script, enum dr_sim_image_id running)
{
    const uint32_t *now = device->anchor.core.state.counters;
    const struct dr_boot_info *info = &device->booted.info;
    uint32_t counter = device->world->images[running].counter;
    for (size_t i = 0; i < DR_ANCHOR_COUNTERS; i++) {
        if (now[i] < script->counters[i]) {
            dr_sim_fail(device, DR_SIM_UNAUTHORISED, "counter %zu went back", i);
        }
        script->counters[i] = now[i];
    }
    if (info->state == DR_IMAGE_SEALED) {
        if (!script->sealed_any || counter > script->sealed_counter ||
            running == dr_sim_phases[script->phase].target) {
            script->sealed_epoch = now[DR_ANCHOR_COUNTER_EPOCH];
        }
        script->sealed_any = true;
        script->sealed_counter =
            counter > script->sealed_counter ? counter : script->sealed_counter;
    }
    if (now[DR_ANCHOR_COUNTER_SECURITY] > script->sealed_counter) {
        dr_sim_fail(device, DR_SIM_LOST, "the security counter was raised before a seal");
    }
}

static void check_mode(struct dr_sim_device *device, const struct dr_sim_script *script)
{
    const struct dr_boot_info *info = &device->booted.info;
    const uint32_t *now = device->anchor.core.state.counters;
    if (info->slot != DR_SLOT_FACTORY || info->mode == DR_MODE_PROVISIONING) {
        return;
    }
    bool users_own = script->sealed_any && script->sealed_epoch == now[DR_ANCHOR_COUNTER_EPOCH];
    bool below = device->world->images[DR_SIM_FACTORY].counter < now[DR_ANCHOR_COUNTER_SECURITY];
    if (info->mode != DR_MODE_RECOVERY && (users_own || below)) {
        dr_sim_fail(device, DR_SIM_UNAUTHORISED, "factory has the normal keys");
    }
    if (info->mode == DR_MODE_RECOVERY &&
        (info->keys.present & (DR_KEY_VAULT_SYS | DR_KEY_VAULT_USER | DR_KEY_ANCHOR_FW)) != 0) {
        dr_sim_fail(device, DR_SIM_UNAUTHORISED, "recovery mode has keys it must not have");
    }
}

/* What is never erased: factory, what the device lives on, the last sealed image. */
static void check_stored(struct dr_sim_device *device, const struct dr_sim_script *script)
{
    if (!dr_sim_slot_holds(device, DR_SLOT_FACTORY, DR_SIM_FACTORY)) {
        dr_sim_fail(device, DR_SIM_LOST, "the factory image is damaged");
    }
    enum dr_sim_image_id needed = script->base == DR_SIM_FACTORY ? script->kept : script->base;
    if (needed < DR_SIM_IMAGES && !dr_sim_slot_holds(device, DR_SLOT_A, needed) &&
        !dr_sim_slot_holds(device, DR_SLOT_B, needed) && !script->target_confirmed) {
        dr_sim_fail(
            device, DR_SIM_LOST, "%s was erased while it was needed",
            device->world->images[needed].text);
    }
    const struct dr_boot_info *info = &device->booted.info;
    if (info->state == DR_IMAGE_CONFIRMED && needed < DR_SIM_IMAGES &&
        !dr_sim_slot_holds(device, info->slot == DR_SLOT_A ? DR_SLOT_B : DR_SLOT_A, needed)) {
        dr_sim_fail(device, DR_SIM_LOST, "the way back was erased before the seal");
    }
}

void dr_sim_check_boot(struct dr_sim_device *device, struct dr_sim_script *script)
{
    enum dr_sim_image_id running = dr_sim_image_find(device->world, device->booted.info.digest);
    check_image(device, running);
    if (device->verdict != DR_SIM_FINE) {
        return;
    }
    check_choice(device, script, running);
    check_promises(device, script, running);
    check_counters(device, script, running);
    check_mode(device, script);
    check_account(device, script);
    check_stored(device, script);
    dr_sim_records_check(device, script);
}
