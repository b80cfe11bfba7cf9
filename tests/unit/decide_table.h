/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The boot rules as a table: a situation, what the machine found at reset, what must follow.
 *
 * The world of each row: slot A holds the sealed image the device lives on, B an older sealed one,
 * both at the security counter; a trial, if the row has one, lies in B instead. */
#ifndef DR_TESTS_UNIT_DECIDE_TABLE_H
#define DR_TESTS_UNIT_DECIDE_TABLE_H

#include "tests/unit/check.h"

#include "device/boot/decide.h"

enum { DIGEST_A = 0xa1, DIGEST_B = 0xb1, DIGEST_TRIAL = 0x71, DIGEST_NEW = 0x77, DIGEST_F = 0xf1 };

/* The last three issue requests only: right slot, wrong digest; a slot that there is not. */
enum who { NOBODY, HOME_A, OLDER_B, TRIAL, FACTORY, FALSE_A, FALSE_FACTORY, NOWHERE };

struct ask {
    uint8_t kind;
    enum who issuer;
    uint8_t reason;
    uint8_t target;
    uint8_t digest;
    uint8_t mode; /* 0: normal */
};

#define ASK(what, who)                                                                             \
    {                                                                                              \
        .kind = (what), .issuer = (who)                                                            \
    }
#define ASK_WHY(what, who, why)                                                                    \
    {                                                                                              \
        .kind = (what), .issuer = (who), .reason = (why)                                           \
    }
#define INSTALL(who, slot, image)                                                                  \
    {                                                                                              \
        .kind = DR_REQUEST_INSTALL, .issuer = (who), .target = (slot), .digest = (image)           \
    }
#define INSTALL_IN(who, slot, image, in_mode)                                                      \
    {                                                                                              \
        .kind = DR_REQUEST_INSTALL, .issuer = (who), .target = (slot), .digest = (image),          \
        .mode = (in_mode)                                                                          \
    }

struct row {
    const char *title;

    /* before */
    uint8_t home; /* 0: slot A */
    uint8_t rung;
    uint8_t retry_rung;
    uint8_t trial; /* enum dr_image_state, 0: none */
    uint8_t trial_faults;
    uint8_t trial_boots;
    uint8_t confirmed_boots;
    uint8_t lost_faults;
    uint8_t rejected; /* digest remembered as an image rejection */
    bool b_below;     /* B's counter is below the device's */
    bool a_below;
    bool no_state;
    bool open_life;

    /* the reset */
    enum dr_strap strap;
    bool broken_block;
    bool in_rom;
    uint8_t mark;
    enum who ran; /* 0: who the state says */
    uint8_t faults;
    uint32_t uptime_ms;
    uint8_t crash;
    struct ask asks[3];
    enum dr_pin pin;
    enum dr_answer answer;
    bool frozen;
    bool again;

    /* after */
    uint8_t boots; /* slot of the first choice */
    uint8_t as;    /* its enum dr_image_state */
    uint8_t on_rung;
    uint8_t home_after; /* 0: slot A */
    uint8_t trial_after;
    uint8_t trial_faults_after;
    uint8_t trial_boots_after;
    uint8_t faults_after; /* for the retained block */
    uint8_t kind;         /* of state.last; NONE: not moved */
    uint8_t reason;
    uint8_t refused;         /* reason of a refusal in this boot */
    uint8_t remembered;      /* class under which DIGEST_TRIAL is remembered */
    uint8_t asks_for;        /* slot the decision wants to have checked */
    uint8_t cause;           /* 0: not looked at */
    uint8_t fault;           /* what a fault is called; 0: not looked at */
    uint8_t retry_after;     /* retry_rung */
    uint8_t security_target; /* 0: unchanged */
    bool unchanged;          /* no record needed */
    bool pin_refused;
    bool erases;
    bool pauses;
};

static void fill(uint8_t digest[DR_IMAGE_DIGEST_BYTES], uint8_t value)
{
    memset(digest, value, DR_IMAGE_DIGEST_BYTES);
}

static struct dr_image_facts facts_of(uint32_t counter, uint32_t sequence)
{
    return (struct dr_image_facts){
        .known = true,
        .counter = counter,
        .order = {.has_sequence = true, .sequence = sequence},
    };
}

static struct dr_boot_state state_of(const struct row *row)
{
    struct dr_boot_state state = {
        .sequence = 40,
        .home = row->home != 0 ? row->home : (uint8_t)DR_SLOT_A,
        .rung = row->rung,
        .retry_rung = row->retry_rung,
        .last_sealed = DR_SLOT_A,
        .lost_faults = row->lost_faults,
        .factory = facts_of(1, 1),
        .floor_known = true,
        .floor = {.has_sequence = true, .sequence = 10},
        .target_security = 5,
        .target_epoch = 3,
        .sealed_ever = true,
        .sealed_epoch = 3,
    };
    state.sealed[0] =
        (struct dr_boot_sealed){.valid = true, .facts = facts_of(row->a_below ? 4 : 5, 10)};
    state.sealed[1] =
        (struct dr_boot_sealed){.valid = true, .facts = facts_of(row->b_below ? 4 : 5, 9)};
    fill(state.sealed[0].digest, DIGEST_A);
    fill(state.sealed[1].digest, DIGEST_B);
    fill(state.floor_digest, DIGEST_A);
    if (row->trial != 0) {
        state.sealed[1].valid = false;
        state.trial.slot = DR_SLOT_B;
        state.trial.state = row->trial;
        state.trial.faults = row->trial_faults;
        state.trial.boots = row->trial_boots;
        state.trial.confirmed_boots = row->confirmed_boots;
        state.trial.facts = facts_of(7, 11);
        fill(state.trial.digest, DIGEST_TRIAL);
    }
    if (row->rejected != 0) {
        state.rejections.entry[0].class = DR_REJECTION_IMAGE;
        fill(state.rejections.entry[0].digest, row->rejected);
    }
    return state;
}

static struct dr_retained retained_of(const struct row *row)
{
    static const uint8_t slots[] = {
        [HOME_A] = DR_SLOT_A,
        [OLDER_B] = DR_SLOT_B,
        [TRIAL] = DR_SLOT_B,
        [FACTORY] = DR_SLOT_FACTORY};
    enum who ran = row->ran;
    if (ran == NOBODY) {
        ran = row->trial != 0 ? TRIAL : HOME_A;
        if (row->trial == 0 && (row->home == DR_SLOT_FACTORY || row->rung == DR_RUNG_FACTORY)) {
            ran = FACTORY;
        } else if (row->trial == 0 && row->rung == DR_RUNG_PREVIOUS) {
            ran = OLDER_B;
        }
    }
    uint8_t image_state = ran == TRIAL     ? row->trial
                          : ran == FACTORY ? (uint8_t)DR_IMAGE_FACTORY
                                           : (uint8_t)DR_IMAGE_SEALED;
    return (struct dr_retained){
        .in_rom = row->in_rom,
        .mark = row->mark,
        .slot = slots[ran],
        .state = image_state,
        .rung = row->rung,
        .faults = row->faults,
        .uptime_ms = row->uptime_ms,
    };
}

static size_t requests_of(const struct row *row, struct dr_request *requests)
{
    static const uint8_t slots[] = {
        [HOME_A] = DR_SLOT_A,        [OLDER_B] = DR_SLOT_B, [TRIAL] = DR_SLOT_B,
        [FACTORY] = DR_SLOT_FACTORY, [FALSE_A] = DR_SLOT_A, [FALSE_FACTORY] = DR_SLOT_FACTORY,
        [NOWHERE] = DR_SLOT_NONE};
    static const uint8_t digests[] = {
        [HOME_A] = DIGEST_A,  [OLDER_B] = DIGEST_B, [TRIAL] = DIGEST_TRIAL,
        [FACTORY] = DIGEST_F, [FALSE_A] = DIGEST_F, [FALSE_FACTORY] = DIGEST_A,
        [NOWHERE] = DIGEST_A};
    size_t count = 0;
    while (count < DR_ARRAY_COUNT(row->asks) && row->asks[count].kind != 0) {
        const struct ask *ask = &row->asks[count];
        requests[count] = (struct dr_request){
            .kind = ask->kind,
            .reason = ask->reason,
            .target = ask->target,
            .slot = slots[ask->issuer],
            .mode = ask->mode != 0 ? ask->mode : (uint8_t)DR_MODE_NORMAL,
        };
        fill(requests[count].issuer, digests[ask->issuer]);
        fill(requests[count].digest, ask->digest);
        count++;
    }
    return count;
}

static uint8_t class_of(const struct dr_boot_state *state, uint8_t digest)
{
    uint8_t wanted[DR_IMAGE_DIGEST_BYTES];
    fill(wanted, digest);
    for (size_t i = 0; i < DR_BOOT_REJECTIONS; i++) {
        const struct dr_rejection *entry = &state->rejections.entry[i];
        if (entry->class != DR_REJECTION_NONE &&
            memcmp(entry->digest, wanted, sizeof wanted) == 0) {
            return (uint8_t)entry->class;
        }
    }
    return DR_REJECTION_NONE;
}

static void expect(const struct row *row, const struct dr_decision *out)
{
    int before = dr_test_failures;
    EXPECT_EQ(out->asked, row->asks_for);
    EXPECT_EQ(out->ask_previous, row->asks_for != 0);
    if (row->asks_for == 0) {
        EXPECT_EQ(out->choice[0].slot, row->boots);
        EXPECT_EQ(out->choice[0].state, row->as);
        EXPECT_EQ(out->choice[0].rung, row->on_rung);
        EXPECT_EQ(out->state.home, row->home_after != 0 ? row->home_after : DR_SLOT_A);
        EXPECT_EQ(out->state.retry_rung, row->retry_after);
        EXPECT_EQ(out->state.trial.state, row->trial_after);
        EXPECT_EQ(out->state.trial.faults, row->trial_faults_after);
        EXPECT_EQ(out->state.trial.boots, row->trial_boots_after);
        EXPECT_EQ(out->faults, row->faults_after);
        EXPECT_EQ(out->moved, row->kind != 0);
        EXPECT_EQ(out->moved ? out->state.last.kind : 0, row->kind);
        EXPECT_EQ(out->moved ? out->state.last.reason : 0, row->reason);
        EXPECT_EQ(out->state.refused.reason, row->refused);
        EXPECT_EQ(class_of(&out->state, DIGEST_TRIAL), row->remembered);
        EXPECT_EQ(out->changed, !row->unchanged);
        EXPECT_EQ(out->pin_refused, row->pin_refused);
        EXPECT_EQ(out->erase_user, row->erases);
        EXPECT_EQ(out->pause, row->pauses);
        EXPECT_EQ(out->state.target_security, row->security_target != 0 ? row->security_target : 5);
        EXPECT_EQ(out->choice[out->choice_count - 1].slot != 0, true);
    }
    if (row->cause != 0) {
        EXPECT_EQ(out->cause, row->cause);
    }
    if (row->fault != 0) {
        EXPECT_EQ(out->fault, row->fault);
    }
    if (dr_test_failures != before) {
        fprintf(stderr, "    in: %s\n", row->title);
    }
}

static void run(const struct row *row)
{
    struct dr_boot_state state = state_of(row);
    struct dr_request requests[DR_REQUESTS_MAX];
    struct dr_anchor_view anchor = {
        .life = row->open_life ? DR_LIFE_OPEN : DR_LIFE_LOCKED, .security = 5, .epoch = 3};
    fill(anchor.factory_digest, DIGEST_F);
    struct dr_decide_input input = {
        .policy = &dr_boot_policy_default,
        .state = row->no_state ? NULL : &state,
        .requests = requests,
        .request_count = requests_of(row, requests),
        .strap = row->strap,
        .retained_valid = !row->broken_block,
        .retained = retained_of(row),
        .crash_reason = row->crash,
        .pin = row->pin,
        .anchor = &anchor,
        .previous_verifies = row->answer,
        .frozen = row->frozen,
        .again = row->again,
    };
    static struct dr_decision out;
    dr_decide(&input, &out);
    expect(row, &out);
    /* Whatever was decided can be stored and read back. */
    uint8_t bytes[DR_BOOT_STATE_BYTES];
    struct dr_boot_state back;
    out.state.sequence = 0;
    dr_boot_state_encode(&out.state, bytes);
    EXPECT_EQ(dr_boot_state_decode(bytes, &back), DR_OK);
    EXPECT(memcmp(&back.last, &out.state.last, sizeof back.last) == 0);
}

#define RUNS_A .boots = DR_SLOT_A, .as = DR_IMAGE_SEALED
#define RUNS_FACTORY .boots = DR_SLOT_FACTORY, .as = DR_IMAGE_FACTORY
#define RUNS_CANDIDATE                                                                             \
    .boots = DR_SLOT_B, .as = DR_IMAGE_CANDIDATE, .trial_after = DR_IMAGE_CANDIDATE
#define RUNS_CONFIRMED                                                                             \
    .boots = DR_SLOT_B, .as = DR_IMAGE_CONFIRMED, .trial_after = DR_IMAGE_CONFIRMED
#define CANDIDATE .trial = DR_IMAGE_CANDIDATE
#define CONFIRMED .trial = DR_IMAGE_CONFIRMED
#define POWER .strap = DR_STRAP_POWER
#define REQUESTED .mark = DR_MARK_RESET

static inline void run_all(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        run(&rows[i]);
    }
}

#endif
