/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "sim/scenario.h"

#include <string.h>

/* A phase needs far fewer; more is a device that goes round in circles. */
#define RESETS_MAX 40u

const struct dr_sim_phase dr_sim_phases[] = {
    {.act = DR_SIM_PROVISION, .title = "provision"},
    {.act = DR_SIM_UPDATE, .target = DR_SIM_V11, .seal_at_once = true, .title = "update to 1.1"},
    {.act = DR_SIM_UPDATE, .target = DR_SIM_V12, .forge = true, .title = "next update, to 1.2"},
    {.act = DR_SIM_PIN_PREVIOUS, .target = DR_SIM_V11, .title = "previous image by pin"},
    {.act = DR_SIM_PIN_PREVIOUS, .target = DR_SIM_V12, .title = "and back again"},
    {.act = DR_SIM_REFUSE,
     .target = DR_SIM_FOREIGN,
     .reason = DR_REASON_FLASH_OR_SOURCE,
     .title = "an image signed by somebody else"},
    {.act = DR_SIM_REFUSE,
     .target = DR_SIM_BELOW,
     .reason = DR_REASON_COUNTER,
     .title = "an image below the counter"},
    {.act = DR_SIM_REFUSE,
     .target = DR_SIM_OLDER,
     .reason = DR_REASON_ORDER,
     .title = "an image of a lower order"},
    {.act = DR_SIM_REVERT,
     .target = DR_SIM_V13,
     .reason = DR_REASON_HANG,
     .title = "1.3 hangs, three tries, revert"},
    {.act = DR_SIM_REVERT,
     .target = DR_SIM_V14,
     .reason = DR_REASON_SELF_TEST,
     .title = "1.4 fails its self-test, revert"},
    {.act = DR_SIM_REJECT, .target = DR_SIM_V14, .title = "1.4 again"},
    {.act = DR_SIM_LATE_REVERT,
     .target = DR_SIM_V15,
     .reason = DR_REASON_HANG,
     .title = "1.5 hangs once confirmed, late revert"},
    {.act = DR_SIM_PIN_FACTORY, .target = DR_SIM_FACTORY, .title = "factory by pin"},
    {.act = DR_SIM_UPDATE, .target = DR_SIM_V16, .title = "update from factory, to 1.6"},
    {.act = DR_SIM_PIN_ERASE,
     .target = DR_SIM_FACTORY,
     .title = "factory by pin, user data erased"},
    {.act = DR_SIM_UPDATE, .target = DR_SIM_V17, .title = "update to 1.7"},
    {.act = DR_SIM_LADDER, .target = DR_SIM_V18, .title = "1.7 loops, repaired from safe mode"},
    {.act = DR_SIM_COMMAND_FACTORY, .target = DR_SIM_FACTORY, .title = "factory by command"},
    {.act = DR_SIM_UPDATE, .target = DR_SIM_V19, .title = "update to 1.9"},
};
const size_t dr_sim_phase_count = sizeof dr_sim_phases / sizeof dr_sim_phases[0];

void dr_sim_script_init(struct dr_sim_script *script)
{
    memset(script, 0, sizeof *script);
    script->base = DR_SIM_FACTORY;
    script->kept = DR_SIM_IMAGES;
    script->bundled = DR_SIM_IMAGES;
    script->until = dr_sim_phase_count;
}

static bool runs(const struct dr_sim_device *device, enum dr_sim_image_id image)
{
    return memcmp(
               device->booted.info.digest, device->world->images[image].digest,
               DR_IMAGE_DIGEST_BYTES) == 0;
}

static bool about_target(
    const struct dr_sim_device *device, const struct dr_sim_script *script,
    const struct dr_transition *transition)
{
    enum dr_sim_image_id target = dr_sim_phases[script->phase].target;
    return memcmp(
               transition->digest, device->world->images[target].digest, DR_IMAGE_DIGEST_BYTES) ==
           0;
}

/* Is the phase's goal reached by what runs now? */
static bool goal_reached(const struct dr_sim_device *device, const struct dr_sim_script *script)
{
    const struct dr_sim_phase *phase = &dr_sim_phases[script->phase];
    const struct dr_boot_info *info = &device->booted.info;
    const struct dr_transition *last = &info->last;
    bool about = about_target(device, script, last);
    switch (phase->act) {
    case DR_SIM_PROVISION:
        return info->mode == DR_MODE_NORMAL;
    case DR_SIM_UPDATE:
    case DR_SIM_LADDER:
    case DR_SIM_PIN_PREVIOUS:
        return runs(device, phase->target) && info->state == DR_IMAGE_SEALED &&
               info->rung == DR_RUNG_NORMAL;
    case DR_SIM_REFUSE:
    case DR_SIM_REVERT:
        return runs(device, script->base) && about && last->kind == DR_TRANSITION_REVERT &&
               last->reason == phase->reason;
    case DR_SIM_REJECT:
        return runs(device, script->base) && about_target(device, script, &info->refused) &&
               info->refused.reason == DR_REASON_REJECTED_BEFORE;
    case DR_SIM_LATE_REVERT:
        return runs(device, script->base) && about && last->kind == DR_TRANSITION_LATE_REVERT &&
               last->reason == phase->reason;
    case DR_SIM_PIN_FACTORY:
    case DR_SIM_COMMAND_FACTORY:
        return info->slot == DR_SLOT_FACTORY && last->kind == DR_TRANSITION_FACTORY;
    case DR_SIM_PIN_ERASE:
        return info->slot == DR_SLOT_FACTORY && last->kind == DR_TRANSITION_ERASE &&
               info->user_epoch > script->epoch_before;
    }
    return false;
}

static void begin_next_phase(struct dr_sim_device *device, struct dr_sim_script *script)
{
    const struct dr_sim_phase *phase = &dr_sim_phases[script->phase];
    switch (phase->act) {
    case DR_SIM_UPDATE:
    case DR_SIM_LADDER:
    case DR_SIM_PIN_PREVIOUS:
        script->base = phase->target;
        script->kept = phase->target;
        break;
    case DR_SIM_PIN_FACTORY:
    case DR_SIM_PIN_ERASE:
    case DR_SIM_COMMAND_FACTORY:
        script->base = DR_SIM_FACTORY;
        break;
    case DR_SIM_PROVISION:
    case DR_SIM_REFUSE:
    case DR_SIM_REVERT:
    case DR_SIM_REJECT:
    case DR_SIM_LATE_REVERT:
        break;
    }
    script->phase++;
    script->phase_began = device->power.operations;
    script->install_written = false;
    script->confirm_written = false;
    script->seal_written = false;
    script->factory_written = false;
    script->target_confirmed = false;
    script->candidate_jumps = 0;
    script->resets = 0;
    script->epoch_before = device->booted.info.user_epoch;
    if (script->phase < dr_sim_phase_count) {
        dr_sim_say(device, "-- %s", dr_sim_phases[script->phase].title);
    }
}

static void say_boot(const struct dr_sim_device *device)
{
    const struct dr_boot_info *info = &device->booted.info;
    enum dr_sim_image_id image = dr_sim_image_find(device->world, info->digest);
    dr_sim_say(
        device, "boot %u: %s, slot %s, %s, mode %s, rung %s, spare %s, because %s; journal %u",
        device->boots, image < DR_SIM_IMAGES ? device->world->images[image].text : "?",
        dr_slot_word(info->slot), dr_image_state_word(info->state), dr_boot_mode_word(info->mode),
        dr_rung_word(info->rung), dr_slot_word(info->spare),
        dr_reason_word((enum dr_reason)info->boot_reason), info->journal_sequence);
}

static void check_rules(struct dr_sim_device *device)
{
    const char *text = NULL;
    if (dr_nor_violations(device->nor, &text) != 0) {
        bool outside = strstr(text, "writable") != NULL;
        dr_sim_fail(
            device, outside ? DR_SIM_UNAUTHORISED : DR_SIM_LOST, "flash rule broken: %s", text);
    }
}

bool dr_sim_step(struct dr_sim_device *device, struct dr_sim_script *script)
{
    if (++script->resets > RESETS_MAX) {
        dr_sim_fail(
            device, DR_SIM_LOST, "'%s' cannot be completed", dr_sim_phases[script->phase].title);
        return false;
    }
    if (dr_sim_phases[script->phase].act == DR_SIM_PROVISION) {
        dr_sim_manufacture(device);
    }
    enum dr_status status = dr_sim_device_boot(device);
    if (status != DR_OK) {
        check_rules(device);
        dr_sim_fail(device, DR_SIM_BRICKED, "nothing boots: %s", dr_status_text(status));
        return false;
    }
    say_boot(device);
    dr_sim_check_boot(device, script);
    check_rules(device);
    if (device->verdict != DR_SIM_FINE || device->power.off) {
        return false;
    }
    if (goal_reached(device, script)) {
        begin_next_phase(device, script);
        if (script->phase == script->until) {
            return true;
        }
    }
    enum dr_sim_end end = dr_sim_firmware(device, script);
    dr_sim_device_mark(
        device, end == DR_SIM_END_PLANNED ? DR_MARK_RESET : DR_MARK_NONE,
        end == DR_SIM_END_PLANNED ? 61000 : 5000);
    check_rules(device);
    return device->verdict == DR_SIM_FINE;
}

bool dr_sim_run(struct dr_sim_device *device, struct dr_sim_script *script, size_t until)
{
    script->until = until < dr_sim_phase_count ? until : dr_sim_phase_count;
    /* bound: RESETS_MAX per phase */
    while (script->phase < script->until) {
        bool fine = dr_sim_step(device, script);
        if (device->power.off) { /* a second cut */
            dr_sim_say(device, "power cut again; power-up");
            dr_sim_device_power_up(device);
        } else if (!fine) {
            return false;
        }
    }
    return true;
}
