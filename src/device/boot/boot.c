/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/boot/boot.h"

#include "base/cursor.h"
#include "base/secret.h"
#include "device/anchor/keys.h"
#include "device/boot/boot_priv.h"

#include <string.h>

/* Reads of a journal of which a part cannot be read, and the time between two of them. */
#define JOURNAL_TRIES 3u
#define JOURNAL_WAIT_MS 1000u
/* Numbers of a journal that begins anew are far from any used before, by chance. */
#define SEQUENCE_BASE_MASK 0x3fffffffu

struct slot_source {
    const struct dr_boot_platform *platform;
    struct dr_slot_reader *reader;
};

static enum dr_status slot_open(void *context, uint8_t slot, uint32_t *ret_size_bytes)
{
    static const char *const labels[] = {
        [DR_SLOT_A] = DR_LABEL_SLOT_A,
        [DR_SLOT_B] = DR_LABEL_SLOT_B,
        [DR_SLOT_FACTORY] = DR_LABEL_SLOT_FACTORY,
    };
    struct slot_source *from = context;
    const struct dr_boot_platform *platform = from->platform;
    struct dr_flash_area area = dr_flash_slot_area(platform->map, (enum dr_slot_id)slot);
    uint8_t key[DR_BOOT_KEY_BYTES];
    dr_key_derive(platform->crypto, platform->secret, labels[slot], key);
    enum dr_status status =
        dr_slot_reader_open(from->reader, platform->crypto, platform->flash, &area, key);
    dr_wipe(key, sizeof key);
    DR_TRY(status);
    *ret_size_bytes = dr_slot_image_bytes(from->reader);
    return DR_OK;
}

static enum dr_status
slot_read(void *context, uint32_t offset_bytes, uint8_t *out, uint32_t size_bytes)
{
    struct slot_source *from = context;
    from->platform->watchdog_feed(from->platform->context);
    return dr_slot_read(from->reader, offset_bytes, out, size_bytes);
}

/* Up to load_copies fresh copies of one image. */
static enum dr_verdict load(
    const struct dr_boot_platform *platform, struct dr_boot_work *work,
    const struct dr_boot_choice *choice, struct dr_loaded *ret_loaded, enum dr_reason *ret_reason)
{
    struct slot_source from = {platform, &work->reader};
    const struct dr_load_source source = {&from, slot_open, slot_read};
    const struct dr_loader loader = {
        .crypto = platform->crypto,
        .source = &source,
        .window = &platform->window,
        .trust = platform->trust,
        .workspace = &work->verify,
    };
    const struct dr_decision *decision = &work->decision;
    const struct dr_load_rules rules = {
        .choice = choice,
        .state = &decision->state,
        .anchor = &work->view,
        .product = platform->product,
        .policy = platform->policy,
        .running_digest = decision->choice_count > 1 ? decision->choice[1].digest : NULL,
    };
    volatile enum dr_verdict verdict = DR_VERDICT_REJECT;
    for (uint8_t i = 0; i < platform->policy->load_copies; i++) {
        verdict = dr_load_image(&loader, &rules, ret_loaded, ret_reason);
        if (dr_verdict_is_accept(&verdict)) {
            return verdict;
        }
    }
    return DR_VERDICT_REJECT;
}

static enum dr_status
read_anchor(const struct dr_boot_platform *platform, struct dr_boot_work *work)
{
    uint8_t key[DR_BOOT_KEY_BYTES];
    uint8_t seed[DR_SHA256_BYTES];
    struct dr_anchor_status status;
    platform->seed(platform->context, seed);
    dr_key_derive(platform->crypto, platform->secret, DR_LABEL_ANCHOR_ROM, key);
    dr_anchor_init(
        &work->anchor, platform->crypto, &platform->anchor, DR_ANCHOR_KEY_ROM, key, seed);
    dr_wipe(key, sizeof key);
    dr_anchor_set_timeout(&work->anchor, platform->policy->anchor_timeout_ms);
    for (uint8_t i = 0; i < platform->policy->anchor_tries; i++) {
        platform->watchdog_feed(platform->context);
        if (dr_anchor_status(&work->anchor, &status) == DR_OK) {
            work->input.anchor = &work->view;
            work->view.life = status.lifecycle == DR_ANCHOR_LOCKED ? DR_LIFE_LOCKED : DR_LIFE_OPEN;
            work->view.security = status.counters[DR_ANCHOR_COUNTER_SECURITY];
            work->view.revocation = status.counters[DR_ANCHOR_COUNTER_REVOCATION];
            work->view.epoch = status.counters[DR_ANCHOR_COUNTER_EPOCH];
            memcpy(
                work->view.factory_digest, status.factory_digest, sizeof work->view.factory_digest);
            return DR_OK;
        }
    }
    return DR_E_TIMEOUT;
}

static enum dr_status
read_journal(const struct dr_boot_platform *platform, struct dr_boot_work *work)
{
    dr_key_derive(platform->crypto, platform->secret, DR_LABEL_BOOT_MAC, work->boot_mac);
    enum dr_status status;
    /* A sector that does not read may hold the newest record: it is given some time. */
    for (unsigned left = JOURNAL_TRIES;;) { /* bound: left */
        status = dr_journal_open(
            &work->journal, platform->flash, platform->map->journal, platform->crypto,
            work->boot_mac, &work->state);
        if (dr_journal_is_readable(&work->journal) || --left == 0) {
            break;
        }
        dr_boot_wait(platform, JOURNAL_WAIT_MS);
    }
    work->input.state = status == DR_OK ? &work->state : NULL;
    work->input.requests = work->requests;
    work->input.request_count = 0;
    if (status == DR_OK) {
        work->input.request_count = dr_request_read(
            platform->flash, platform->map->requests, platform->crypto, work->boot_mac,
            work->state.sequence, work->requests);
    }
    return status == DR_E_NOT_FOUND ? DR_OK : status;
}

static void decide(const struct dr_boot_platform *platform, struct dr_boot_work *work)
{
    struct dr_loaded loaded;
    enum dr_reason reason = DR_REASON_NONE;
    work->input.previous_verifies = DR_ANSWER_UNKNOWN;
    dr_decide(&work->input, &work->decision);
    if (!work->decision.ask_previous) {
        return;
    }
    struct dr_boot_choice asked = {
        .slot = work->decision.asked,
        .state = DR_IMAGE_SEALED,
        .digest = work->view.factory_digest,
    };
    if (asked.slot != DR_SLOT_FACTORY) {
        asked.digest = work->decision.state.sealed[asked.slot - DR_SLOT_A].digest;
    }
    volatile enum dr_verdict verdict = DR_VERDICT_REJECT;
    verdict = load(platform, work, &asked, &loaded, &reason);
    work->input.previous_verifies = dr_verdict_is_accept(&verdict) ? DR_ANSWER_YES : DR_ANSWER_NO;
    dr_decide(&work->input, &work->decision);
}

/* The number a new journal counts from. */
static enum dr_status sequence_base(struct dr_boot_work *work, uint32_t *ret_base)
{
    uint8_t bytes[4] = {0};
    struct dr_reader reader;
    *ret_base = 0;
    if (work->input.state != NULL || work->view.life == DR_LIFE_OPEN) {
        return DR_OK;
    }
    DR_TRY(dr_anchor_entropy(&work->anchor, bytes, sizeof bytes));
    dr_reader_init(&reader, bytes, sizeof bytes);
    *ret_base = dr_read_u32(&reader) & SEQUENCE_BASE_MASK;
    return DR_OK;
}

/* Append the decision's state. From a failure on nothing rests on the journal in this boot. */
static bool record(struct dr_boot_work *work)
{
    uint32_t base = 0;
    if (work->input.frozen || sequence_base(work, &base) != DR_OK ||
        dr_journal_append(&work->journal, &work->decision.state, base) != DR_OK) {
        work->input.frozen = true;
        return false;
    }
    return true;
}

static void decide_and_record(const struct dr_boot_platform *platform, struct dr_boot_work *work)
{
    work->input.frozen = false;
    decide(platform, work);
    /* A record that did not read the same twice is written again before anything rests on it. */
    if ((work->decision.changed || !dr_journal_is_firm(&work->journal)) && !record(work)) {
        decide(platform, work); /* again, now frozen */
    }
}

static void advance_one(
    struct dr_boot_work *work, enum dr_anchor_counter counter, uint32_t target, uint32_t *current)
{
    if (target > *current &&
        dr_anchor_advance(&work->anchor, counter, *current, target, NULL) == DR_OK) {
        *current = target;
    }
}

/* Bring the anchor up to the targets. What fails is done at a later reset. */
static void advance(struct dr_boot_work *work)
{
    const struct dr_boot_state *state = &work->decision.state;
    bool firm = dr_journal_is_firm(&work->journal);
    if (firm || work->decision.erase_user) {
        advance_one(work, DR_ANCHOR_COUNTER_EPOCH, state->target_epoch, &work->view.epoch);
    }
    if (firm) {
        advance_one(work, DR_ANCHOR_COUNTER_SECURITY, state->target_security, &work->view.security);
        advance_one(
            work, DR_ANCHOR_COUNTER_REVOCATION, state->target_revocation, &work->view.revocation);
    }
}

/* What the journal learns from an image's first verified load. A trial may only run once it stands
 * there: its seal will need it. */
static bool learn(
    struct dr_boot_work *work, const struct dr_boot_choice *choice, const struct dr_loaded *loaded)
{
    struct dr_boot_state *state = &work->decision.state;
    bool trial = choice->state == DR_IMAGE_CANDIDATE || choice->state == DR_IMAGE_CONFIRMED;
    struct dr_image_facts *facts = trial ? &state->trial.facts : &state->factory;
    if ((!trial && choice->slot != DR_SLOT_FACTORY) || facts->known) {
        return true;
    }
    *facts = loaded->facts;
    return record(work) || !trial;
}

/* The first choice that verifies. NULL: none. */
static const struct dr_boot_choice *load_first(
    const struct dr_boot_platform *platform, struct dr_boot_work *work,
    struct dr_loaded *ret_loaded)
{
    for (uint8_t i = 0; i < work->decision.choice_count; i++) {
        const struct dr_boot_choice *choice = &work->decision.choice[i];
        volatile enum dr_verdict verdict = DR_VERDICT_REJECT;
        enum dr_reason reason = DR_REASON_FLASH_OR_SOURCE;
        platform->watchdog_feed(platform->context);
        verdict = load(platform, work, choice, ret_loaded, &reason);
        if (dr_verdict_is_accept(&verdict)) {
            if (learn(work, choice, ret_loaded)) {
                return choice;
            }
        } else if (choice->state == DR_IMAGE_CANDIDATE) {
            dr_decide_drop_unverified(&work->decision.state, reason);
            work->decision.moved = true;
            DR_IGNORE(record(work)); /* if not now, at the next boot */
        }
    }
    return NULL;
}

void dr_boot_begin(const struct dr_boot_platform *platform, struct dr_boot_work *work)
{
    uint8_t block[DR_RETAINED_BYTES];
    struct dr_crash_record crash;
    memset(work, 0, sizeof *work);
    platform->watchdog_arm(platform->context, platform->policy->rom_watchdog_ms);
    platform->retained_read(platform->context, block);
    struct dr_decide_input *input = &work->input;
    input->policy = platform->policy;
    input->strap = platform->strap_take(platform->context);
    input->retained_valid = dr_retained_decode(block, &input->retained) == DR_OK;
    platform->crash_take(platform->context, work->crash);
    if (dr_crash_decode(work->crash, &crash) == DR_OK) {
        input->crash_reason = crash.reason;
    }
}

static DR_APART enum dr_status
halt(const struct dr_boot_platform *platform, enum dr_boot_led led, enum dr_status status)
{
    platform->led(platform->context, led);
    return status;
}

enum dr_status dr_boot_attempt(
    const struct dr_boot_platform *platform, struct dr_boot_work *work,
    struct dr_boot_result *ret_result)
{
    platform->led(platform->context, DR_BOOT_LED_BOOT);
    if (read_anchor(platform, work) != DR_OK) {
        return halt(platform, DR_BOOT_LED_HALT_ANCHOR, DR_E_TIMEOUT);
    }
    if (read_journal(platform, work) != DR_OK) {
        return halt(platform, DR_BOOT_LED_HALT_FLASH, DR_E_IO);
    }
    work->input.pin = dr_boot_watch_pin(platform);
    decide_and_record(platform, work);
    if (!work->input.frozen) {
        dr_boot_retain(platform, work, &work->decision.choice[0], true);
    }
    if (work->decision.pin_refused) {
        platform->led(platform->context, DR_BOOT_LED_PIN_REFUSED);
        dr_boot_wait(platform, platform->policy->pin_refused_ms);
    }
    advance(work);
    if (work->decision.pause) {
        return halt(platform, DR_BOOT_LED_HALT_NO_IMAGE, DR_E_NOT_FOUND);
    }
    memset(ret_result, 0, sizeof *ret_result);
    const struct dr_boot_choice *choice = load_first(platform, work, &ret_result->loaded);
    if (choice == NULL) {
        return halt(platform, DR_BOOT_LED_HALT_NO_IMAGE, DR_E_NOT_FOUND);
    }
    if (dr_boot_hand_off(platform, work, choice, ret_result) != DR_OK) {
        return halt(platform, DR_BOOT_LED_HALT_ANCHOR, DR_E_TIMEOUT);
    }
    dr_wipe(work, sizeof *work);
    return DR_OK;
}

void dr_boot_run(
    const struct dr_boot_platform *platform, struct dr_boot_work *work,
    struct dr_boot_result *ret_result)
{
    dr_boot_begin(platform, work);
    /* Not bounded on purpose: a halt ends when the anchor, the flash or a person ends it. */
    while (dr_boot_attempt(platform, work, ret_result) != DR_OK) {
        dr_boot_wait(platform, platform->policy->halt_wait_ms);
    }
}
