/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The boot rules as a table: a situation, what the machine found at reset, what must follow.
 *
 * The world of each row: slot A holds the sealed image the device lives on, B an older sealed one,
 * both at the security counter; a trial, if the row has one, lies in B instead. */
#include "tests/unit/check.h"

#include "device/boot/decide.h"

enum { DIGEST_A = 0xa1, DIGEST_B = 0xb1, DIGEST_TRIAL = 0x71, DIGEST_NEW = 0x77, DIGEST_F = 0xf1 };

enum who { NOBODY, HOME_A, OLDER_B, TRIAL, FACTORY };

struct ask {
    uint8_t kind;
    enum who issuer;
    uint8_t reason;
    uint8_t target;
    uint8_t digest;
    uint8_t mode; /* 0: normal */
};

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
        [HOME_A] = DR_SLOT_A,
        [OLDER_B] = DR_SLOT_B,
        [TRIAL] = DR_SLOT_B,
        [FACTORY] = DR_SLOT_FACTORY};
    static const uint8_t digests[] = {
        [HOME_A] = DIGEST_A, [OLDER_B] = DIGEST_B, [TRIAL] = DIGEST_TRIAL, [FACTORY] = DIGEST_F};
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

static const struct row resets[] = {
    {"power-up of a sealed image needs no record", POWER, RUNS_A, .unchanged = true,
     .cause = DR_RESET_POWER},
    {"power-up ends a series of faults", POWER, .faults = 4, RUNS_A, .unchanged = true},
    {"lock-up is a fault even with a planned mark", .strap = DR_STRAP_LOCKUP, .mark = DR_MARK_SLEEP,
     RUNS_A, .faults_after = 1, .unchanged = true, .cause = DR_RESET_LOCKUP},
    {"a reset before the jump is nobody's fault", .in_rom = true, .faults = 4, RUNS_A,
     .faults_after = 4, .unchanged = true, .cause = DR_RESET_ROM},
    {"a sleep is planned", .mark = DR_MARK_SLEEP, .faults = 2, RUNS_A, .unchanged = true,
     .cause = DR_RESET_PLANNED},
    {"a marked reset after a minute is planned", .mark = DR_MARK_RESET, .uptime_ms = 60000, RUNS_A,
     .unchanged = true, .cause = DR_RESET_PLANNED},
    {"a marked reset too early, without a request, is a fault", .mark = DR_MARK_RESET,
     .uptime_ms = 59999, RUNS_A, .faults_after = 1, .unchanged = true, .cause = DR_RESET_FAULT},
    {"an unmarked reset is a fault however long it ran", .uptime_ms = 300000, RUNS_A,
     .faults_after = 1, .unchanged = true, .cause = DR_RESET_FAULT},
    {"a destroyed block is a fault and counted in the journal", .broken_block = true, RUNS_A,
     .faults_after = 1, .cause = DR_RESET_FAULT},
    {"a second attempt counts no boot", CANDIDATE, .in_rom = true, .again = true, RUNS_CANDIDATE,
     .unchanged = true},
};

static const struct row candidates[] = {
    {"INSTALL makes a candidate and counts its first boot", REQUESTED,
     .asks = {{DR_REQUEST_INSTALL, HOME_A, 0, DR_SLOT_B, DIGEST_NEW}}, RUNS_CANDIDATE,
     .trial_boots_after = 1, .kind = DR_TRANSITION_INSTALL, .reason = DR_REASON_INSTALL,
     .cause = DR_RESET_PLANNED},
    {"a fault with INSTALL is not the candidate's", .strap = DR_STRAP_LOCKUP,
     .asks = {{DR_REQUEST_INSTALL, HOME_A, 0, DR_SLOT_B, DIGEST_NEW}}, RUNS_CANDIDATE,
     .trial_boots_after = 1, .kind = DR_TRANSITION_INSTALL, .reason = DR_REASON_INSTALL},
    {"a later INSTALL replaces the earlier one", REQUESTED,
     .asks =
         {{DR_REQUEST_INSTALL, HOME_A, 0, DR_SLOT_B, DIGEST_NEW},
          {DR_REQUEST_INSTALL, HOME_A, 0, DR_SLOT_B, DIGEST_TRIAL}},
     RUNS_CANDIDATE, .trial_boots_after = 1, .kind = DR_TRANSITION_INSTALL,
     .reason = DR_REASON_INSTALL},
    {"a zero digest withdraws", REQUESTED,
     .asks =
         {{DR_REQUEST_INSTALL, HOME_A, 0, DR_SLOT_B, DIGEST_NEW},
          {DR_REQUEST_INSTALL, HOME_A, 0, DR_SLOT_B, 0}},
     RUNS_A, .kind = DR_TRANSITION_REVERT, .reason = DR_REASON_CANCELED},
    {"INSTALL from safe mode", REQUESTED, .rung = DR_RUNG_SAFE,
     .asks = {{DR_REQUEST_INSTALL, HOME_A, 0, DR_SLOT_B, DIGEST_NEW, DR_MODE_SAFE}}, RUNS_CANDIDATE,
     .trial_boots_after = 1, .kind = DR_TRANSITION_INSTALL, .reason = DR_REASON_INSTALL},
    {"INSTALL from factory goes to the slot without the last sealed image", REQUESTED,
     .home = DR_SLOT_FACTORY, .home_after = DR_SLOT_FACTORY,
     .asks = {{DR_REQUEST_INSTALL, FACTORY, 0, DR_SLOT_B, DIGEST_NEW, DR_MODE_RECOVERY}},
     RUNS_CANDIDATE, .trial_boots_after = 1, .kind = DR_TRANSITION_INSTALL,
     .reason = DR_REASON_INSTALL},
    {"INSTALL from factory over the last sealed image is refused", REQUESTED,
     .home = DR_SLOT_FACTORY, .home_after = DR_SLOT_FACTORY,
     .asks = {{DR_REQUEST_INSTALL, FACTORY, 0, DR_SLOT_A, DIGEST_NEW}}, RUNS_FACTORY,
     .refused = DR_REASON_STORAGE},
    {"INSTALL over the running image is refused", REQUESTED,
     .asks = {{DR_REQUEST_INSTALL, HOME_A, 0, DR_SLOT_A, DIGEST_NEW}}, RUNS_A,
     .refused = DR_REASON_STORAGE},
    {"INSTALL for the factory slot is refused", REQUESTED,
     .asks = {{DR_REQUEST_INSTALL, HOME_A, 0, DR_SLOT_FACTORY, DIGEST_NEW}}, RUNS_A,
     .refused = DR_REASON_STORAGE},
    {"INSTALL of an image that failed here is refused", REQUESTED, .rejected = DIGEST_TRIAL,
     .asks = {{DR_REQUEST_INSTALL, HOME_A, 0, DR_SLOT_B, DIGEST_TRIAL}}, RUNS_A,
     .refused = DR_REASON_REJECTED_BEFORE, .remembered = DR_REJECTION_IMAGE},
    {"INSTALL by the candidate itself is refused", CANDIDATE, REQUESTED,
     .asks = {{DR_REQUEST_INSTALL, TRIAL, 0, DR_SLOT_A, DIGEST_NEW}}, RUNS_CANDIDATE,
     .trial_boots_after = 1, .refused = DR_REASON_UNSEALED},
    {"INSTALL by a confirmed image is refused", CONFIRMED, REQUESTED, .confirmed_boots = 3,
     .asks = {{DR_REQUEST_INSTALL, TRIAL, 0, DR_SLOT_A, DIGEST_NEW}}, RUNS_CONFIRMED,
     .refused = DR_REASON_UNSEALED},
    {"INSTALL by the image before a confirmed one is refused", CONFIRMED, REQUESTED, .ran = HOME_A,
     .confirmed_boots = 3, .asks = {{DR_REQUEST_INSTALL, HOME_A, 0, DR_SLOT_B, DIGEST_NEW}},
     RUNS_CONFIRMED, .refused = DR_REASON_UNSEALED},
    {"INSTALL while provisioning is refused", REQUESTED, .home = DR_SLOT_FACTORY,
     .home_after = DR_SLOT_FACTORY, .open_life = true,
     .asks = {{DR_REQUEST_INSTALL, FACTORY, 0, DR_SLOT_B, DIGEST_NEW, DR_MODE_PROVISIONING}},
     RUNS_FACTORY, .refused = DR_REASON_RESERVED_FEATURE},
    {"a request of an unknown kind is refused", REQUESTED,
     .asks = {{99, HOME_A, 0, 200, DIGEST_NEW}}, RUNS_A, .refused = DR_REASON_RESERVED_FEATURE},

    {"each boot of a candidate is counted", CANDIDATE, POWER, .trial_boots = 4, RUNS_CANDIDATE,
     .trial_boots_after = 5},
    {"a power cut costs a candidate no try", CANDIDATE, POWER, .trial_faults = 2, RUNS_CANDIDATE,
     .trial_boots_after = 1, .trial_faults_after = 2},
    {"the first fault costs a try", CANDIDATE, RUNS_CANDIDATE, .trial_boots_after = 1,
     .trial_faults_after = 1},
    {"the third fault reverts: hang", CANDIDATE, .trial_faults = 2, RUNS_A,
     .kind = DR_TRANSITION_REVERT, .reason = DR_REASON_HANG, .remembered = DR_REJECTION_IMAGE},
    {"the third fault reverts: crash", CANDIDATE, .trial_faults = 2, .crash = DR_CRASH_FAULT,
     RUNS_A, .kind = DR_TRANSITION_REVERT, .reason = DR_REASON_CRASH,
     .remembered = DR_REJECTION_IMAGE},
    {"the third fault reverts: lock-up", CANDIDATE, .trial_faults = 2, .strap = DR_STRAP_LOCKUP,
     RUNS_A, .kind = DR_TRANSITION_REVERT, .reason = DR_REASON_LOCKUP,
     .remembered = DR_REJECTION_IMAGE},
    {"a destroyed block is a fault of the candidate", CANDIDATE, .broken_block = true,
     RUNS_CANDIDATE, .trial_boots_after = 1, .trial_faults_after = 1},
    {"the tenth boot is allowed", CANDIDATE, POWER, .trial_boots = 9, RUNS_CANDIDATE,
     .trial_boots_after = 10},
    {"an eleventh boot is not: back, not for good", CANDIDATE, POWER, .trial_boots = 10, RUNS_A,
     .kind = DR_TRANSITION_REVERT, .reason = DR_REASON_BOOTS,
     .remembered = DR_REJECTION_ENVIRONMENT},
    {"REVERT after a failed self-test, remembered for good", CANDIDATE, REQUESTED,
     .asks = {{DR_REQUEST_REVERT, TRIAL, DR_REASON_SELF_TEST}}, RUNS_A,
     .kind = DR_TRANSITION_REVERT, .reason = DR_REASON_SELF_TEST, .remembered = DR_REJECTION_IMAGE},
    {"REVERT for want of the cloud, not for good", CANDIDATE, REQUESTED,
     .asks = {{DR_REQUEST_REVERT, TRIAL, DR_REASON_NO_CLOUD}}, RUNS_A, .kind = DR_TRANSITION_REVERT,
     .reason = DR_REASON_NO_CLOUD, .remembered = DR_REJECTION_ENVIRONMENT},
    {"the fault of a REVERTed image is not charged to the next", CANDIDATE,
     .asks = {{DR_REQUEST_REVERT, TRIAL, DR_REASON_HEALTH_DEADLINE}}, RUNS_A,
     .kind = DR_TRANSITION_REVERT, .reason = DR_REASON_HEALTH_DEADLINE,
     .remembered = DR_REJECTION_IMAGE},
    {"REVERT of another image is ignored", CANDIDATE, POWER, .trial_boots = 1,
     .asks = {{DR_REQUEST_REVERT, HOME_A, DR_REASON_SELF_TEST}}, RUNS_CANDIDATE,
     .trial_boots_after = 2},
    {"REVERT by a sealed image is ignored", POWER,
     .asks = {{DR_REQUEST_REVERT, HOME_A, DR_REASON_SELF_TEST}}, RUNS_A, .unchanged = true},
    {"a candidate is not booted when nothing can be recorded", CANDIDATE, POWER, .frozen = true,
     RUNS_A, .unchanged = true},
    {"requests are not taken when nothing can be recorded", REQUESTED, .frozen = true,
     .asks = {{DR_REQUEST_INSTALL, HOME_A, 0, DR_SLOT_B, DIGEST_NEW}}, RUNS_A, .unchanged = true},
};

static const struct row confirms[] = {
    {"CONFIRM", CANDIDATE, REQUESTED, .trial_boots = 1, .asks = {{DR_REQUEST_CONFIRM, TRIAL}},
     RUNS_CONFIRMED, .trial_boots_after = 1, .kind = DR_TRANSITION_CONFIRM},
    {"CONFIRM stands even if the run ended in a fault", CANDIDATE, .trial_faults = 2,
     .asks = {{DR_REQUEST_CONFIRM, TRIAL}}, RUNS_CONFIRMED, .faults_after = 1,
     .kind = DR_TRANSITION_CONFIRM},
    {"CONFIRM of another image is ignored", CANDIDATE, POWER,
     .asks = {{DR_REQUEST_CONFIRM, HOME_A}}, RUNS_CANDIDATE, .trial_boots_after = 1},
    {"a repeated CONFIRM changes nothing", CONFIRMED, POWER, .confirmed_boots = 3,
     .asks = {{DR_REQUEST_CONFIRM, TRIAL}}, RUNS_CONFIRMED, .unchanged = true},
    {"boots of a confirmed image are counted up to three", CONFIRMED, POWER, .confirmed_boots = 2,
     RUNS_CONFIRMED},
    {"no counter is raised by CONFIRM", CANDIDATE, POWER, .asks = {{DR_REQUEST_CONFIRM, TRIAL}},
     RUNS_CONFIRMED, .kind = DR_TRANSITION_CONFIRM},
    {"SEAL raises the counter's target", CONFIRMED, REQUESTED, .asks = {{DR_REQUEST_SEAL, TRIAL}},
     .boots = DR_SLOT_B, .as = DR_IMAGE_SEALED, .home_after = DR_SLOT_B, .kind = DR_TRANSITION_SEAL,
     .reason = DR_REASON_SEAL, .security_target = 7},
    {"SEAL by a candidate is ignored", CANDIDATE, POWER, .asks = {{DR_REQUEST_SEAL, TRIAL}},
     RUNS_CANDIDATE, .trial_boots_after = 1},
    {"CONFIRM and SEAL in one boot", CANDIDATE, REQUESTED,
     .asks = {{DR_REQUEST_CONFIRM, TRIAL}, {DR_REQUEST_SEAL, TRIAL}}, .boots = DR_SLOT_B,
     .as = DR_IMAGE_SEALED, .home_after = DR_SLOT_B, .kind = DR_TRANSITION_SEAL,
     .reason = DR_REASON_SEAL, .security_target = 7},
    {"SEAL before CONFIRM seals nothing", CANDIDATE, REQUESTED,
     .asks = {{DR_REQUEST_SEAL, TRIAL}, {DR_REQUEST_CONFIRM, TRIAL}}, RUNS_CONFIRMED,
     .kind = DR_TRANSITION_CONFIRM},
    {"a sealed INSTALL clears the rung", CONFIRMED, REQUESTED, .rung = DR_RUNG_SAFE,
     .asks = {{DR_REQUEST_SEAL, TRIAL}}, .boots = DR_SLOT_B, .as = DR_IMAGE_SEALED,
     .home_after = DR_SLOT_B, .kind = DR_TRANSITION_SEAL, .reason = DR_REASON_SEAL,
     .security_target = 7},

    {"two faults of a confirmed image", CONFIRMED, .faults = 1, .confirmed_boots = 3,
     RUNS_CONFIRMED, .faults_after = 2, .unchanged = true},
    {"power loss clears them", CONFIRMED, POWER, .faults = 2, .confirmed_boots = 3, RUNS_CONFIRMED,
     .unchanged = true},
    {"a planned reset does not", CONFIRMED, .mark = DR_MARK_SLEEP, .faults = 2,
     .confirmed_boots = 3, RUNS_CONFIRMED, .faults_after = 2, .unchanged = true},
    {"the third asks whether the previous image is good", CONFIRMED, .faults = 2,
     .asks_for = DR_SLOT_A},
    {"and reverts to it", CONFIRMED, .faults = 2, .answer = DR_ANSWER_YES, RUNS_A,
     .kind = DR_TRANSITION_LATE_REVERT, .reason = DR_REASON_HANG, .remembered = DR_REJECTION_IMAGE},
    {"or is treated as sealed when it is not", CONFIRMED, .faults = 2, .answer = DR_ANSWER_NO,
     .boots = DR_SLOT_B, .as = DR_IMAGE_SEALED, .home_after = DR_SLOT_B, .kind = DR_TRANSITION_SEAL,
     .reason = DR_REASON_LATE_REVERT, .security_target = 7},
    {"a previous image below the counter is no way back", CONFIRMED, .faults = 2, .a_below = true,
     .boots = DR_SLOT_B, .as = DR_IMAGE_SEALED, .home_after = DR_SLOT_B, .kind = DR_TRANSITION_SEAL,
     .reason = DR_REASON_LATE_REVERT, .security_target = 7},
    {"the way back to factory is asked for too", CONFIRMED, .faults = 2, .home = DR_SLOT_FACTORY,
     .asks_for = DR_SLOT_FACTORY},
    {"REVERT of a confirmed image by command", CONFIRMED, REQUESTED, .answer = DR_ANSWER_YES,
     .asks = {{DR_REQUEST_REVERT, TRIAL, DR_REASON_COMMAND}}, RUNS_A, .kind = DR_TRANSITION_REVERT,
     .reason = DR_REASON_COMMAND, .remembered = DR_REJECTION_ENVIRONMENT},
    {"faults are counted in the journal when the block is destroyed", CONFIRMED, .lost_faults = 1,
     .confirmed_boots = 3, .broken_block = true, RUNS_CONFIRMED, .faults_after = 2},
    {"and lead back all the same", CONFIRMED, .lost_faults = 2, .confirmed_boots = 3,
     .broken_block = true, .answer = DR_ANSWER_YES, RUNS_A, .kind = DR_TRANSITION_LATE_REVERT,
     .reason = DR_REASON_HANG, .remembered = DR_REJECTION_IMAGE},
    {"a late revert that cannot be recorded waits", CONFIRMED, .faults = 2, .frozen = true,
     .confirmed_boots = 3, RUNS_CONFIRMED, .faults_after = 3, .unchanged = true},
};

static const struct row ladder[] = {
    {"four faults stay on rung normal", .faults = 3, RUNS_A, .faults_after = 4, .unchanged = true},
    {"the fifth leads to safe mode", .faults = 4, RUNS_A, .on_rung = DR_RUNG_SAFE,
     .kind = DR_TRANSITION_RUNG, .reason = DR_REASON_LADDER},
    {"a fault after ten minutes begins no series", .faults = 4, .uptime_ms = 600000, RUNS_A,
     .unchanged = true},
    {"a fault just before ten minutes is part of it", .faults = 4, .uptime_ms = 599999, RUNS_A,
     .on_rung = DR_RUNG_SAFE, .kind = DR_TRANSITION_RUNG, .reason = DR_REASON_LADDER},
    {"two faults stay in safe mode", .rung = DR_RUNG_SAFE, .faults = 1, RUNS_A,
     .on_rung = DR_RUNG_SAFE, .faults_after = 2, .unchanged = true},
    {"three leave it for the previous image", .rung = DR_RUNG_SAFE, .faults = 2, .boots = DR_SLOT_B,
     .as = DR_IMAGE_SEALED, .on_rung = DR_RUNG_PREVIOUS, .kind = DR_TRANSITION_RUNG,
     .reason = DR_REASON_LADDER},
    {"or for factory, when the previous one is below the counter", .rung = DR_RUNG_SAFE,
     .faults = 2, .b_below = true, RUNS_FACTORY, .on_rung = DR_RUNG_FACTORY,
     .kind = DR_TRANSITION_RUNG, .reason = DR_REASON_LADDER},
    {"three leave the previous image for factory", .rung = DR_RUNG_PREVIOUS, .faults = 2,
     RUNS_FACTORY, .on_rung = DR_RUNG_FACTORY, .kind = DR_TRANSITION_RUNG,
     .reason = DR_REASON_LADDER},
    {"three of factory begin the ladder anew, after a pause", .rung = DR_RUNG_FACTORY, .faults = 2,
     RUNS_A, .kind = DR_TRANSITION_RUNG, .reason = DR_REASON_LADDER, .pauses = true},
    {"the rung holds over a power cycle", .rung = DR_RUNG_PREVIOUS, POWER, .faults = 2,
     .boots = DR_SLOT_B, .as = DR_IMAGE_SEALED, .on_rung = DR_RUNG_PREVIOUS, .unchanged = true},
    {"RETRY from a lower rung", .rung = DR_RUNG_PREVIOUS, REQUESTED,
     .asks = {{DR_REQUEST_RETRY, OLDER_B}}, RUNS_A, .kind = DR_TRANSITION_RETRY},
    {"RETRY on rung normal does nothing", POWER, .asks = {{DR_REQUEST_RETRY, HOME_A}}, RUNS_A,
     .unchanged = true},
    {"one fault after a RETRY", .retry_rung = DR_RUNG_PREVIOUS, RUNS_A, .faults_after = 1,
     .unchanged = true},
    {"the second sends it back", .retry_rung = DR_RUNG_PREVIOUS, .faults = 1, .boots = DR_SLOT_B,
     .as = DR_IMAGE_SEALED, .on_rung = DR_RUNG_PREVIOUS, .kind = DR_TRANSITION_RUNG,
     .reason = DR_REASON_LADDER},
    {"faults of a fallback count on the ladder", .ran = OLDER_B, .faults = 4, RUNS_A,
     .on_rung = DR_RUNG_SAFE, .kind = DR_TRANSITION_RUNG, .reason = DR_REASON_LADDER},
    {"destroyed blocks climb the ladder too", .broken_block = true, .lost_faults = 4, RUNS_A,
     .on_rung = DR_RUNG_SAFE, .kind = DR_TRANSITION_RUNG, .reason = DR_REASON_LADDER},
    {"a quiet power-up forgets destroyed blocks", POWER, .broken_block = true, .lost_faults = 4,
     RUNS_A},
    {"INSTALL on rung previous over the image that was left moves home", .rung = DR_RUNG_PREVIOUS,
     REQUESTED, .asks = {{DR_REQUEST_INSTALL, OLDER_B, 0, DR_SLOT_A, DIGEST_NEW}},
     .boots = DR_SLOT_A, .as = DR_IMAGE_CANDIDATE, .trial_after = DR_IMAGE_CANDIDATE,
     .home_after = DR_SLOT_B, .trial_boots_after = 1, .kind = DR_TRANSITION_INSTALL,
     .reason = DR_REASON_INSTALL},
};

static const struct row pins[] = {
    {"previous image, asked first", POWER, .pin = DR_PIN_PREVIOUS, .asks_for = DR_SLOT_B},
    {"previous image", POWER, .pin = DR_PIN_PREVIOUS, .answer = DR_ANSWER_YES, .boots = DR_SLOT_B,
     .as = DR_IMAGE_SEALED, .home_after = DR_SLOT_B, .kind = DR_TRANSITION_PREVIOUS,
     .reason = DR_REASON_PIN},
    {"previous image that does not verify is refused", POWER, .pin = DR_PIN_PREVIOUS,
     .answer = DR_ANSWER_NO, RUNS_A, .unchanged = true, .pin_refused = true},
    {"previous image below the counter is refused", POWER, .pin = DR_PIN_PREVIOUS, .b_below = true,
     RUNS_A, .unchanged = true, .pin_refused = true},
    {"previous image drops a candidate, unremembered", CANDIDATE, POWER, .pin = DR_PIN_PREVIOUS,
     RUNS_A, .kind = DR_TRANSITION_PREVIOUS, .reason = DR_REASON_PIN},
    {"previous image from factory is the last sealed one", .home = DR_SLOT_FACTORY, POWER,
     .pin = DR_PIN_PREVIOUS, .answer = DR_ANSWER_YES, RUNS_A, .kind = DR_TRANSITION_PREVIOUS,
     .reason = DR_REASON_PIN},
    {"previous image from the ladder's factory is the one it left", .rung = DR_RUNG_FACTORY, POWER,
     .pin = DR_PIN_PREVIOUS, .answer = DR_ANSWER_YES, RUNS_A, .kind = DR_TRANSITION_PREVIOUS,
     .reason = DR_REASON_PIN},
    {"factory", POWER, .pin = DR_PIN_FACTORY, RUNS_FACTORY, .home_after = DR_SLOT_FACTORY,
     .kind = DR_TRANSITION_FACTORY, .reason = DR_REASON_PIN},
    {"factory drops a candidate, unremembered", CANDIDATE, POWER, .pin = DR_PIN_FACTORY,
     RUNS_FACTORY, .home_after = DR_SLOT_FACTORY, .kind = DR_TRANSITION_FACTORY,
     .reason = DR_REASON_PIN},
    {"factory while the application hangs", .pin = DR_PIN_FACTORY, .faults = 3, RUNS_FACTORY,
     .home_after = DR_SLOT_FACTORY, .kind = DR_TRANSITION_FACTORY, .reason = DR_REASON_PIN},
    {"factory goes before a due late revert", CONFIRMED, .faults = 2, .pin = DR_PIN_FACTORY,
     .confirmed_boots = 3, RUNS_FACTORY, .home_after = DR_SLOT_FACTORY,
     .kind = DR_TRANSITION_FACTORY, .reason = DR_REASON_PIN},
    {"factory and erase", POWER, .pin = DR_PIN_ERASE, RUNS_FACTORY, .home_after = DR_SLOT_FACTORY,
     .kind = DR_TRANSITION_ERASE, .reason = DR_REASON_PIN, .erases = true},
    {"factory by pin works when nothing can be recorded", POWER, .pin = DR_PIN_FACTORY,
     .frozen = true, RUNS_FACTORY, .home_after = DR_SLOT_FACTORY, .kind = DR_TRANSITION_FACTORY,
     .reason = DR_REASON_PIN},
    {"and so does the erase stage", POWER, .pin = DR_PIN_ERASE, .frozen = true, RUNS_FACTORY,
     .home_after = DR_SLOT_FACTORY, .kind = DR_TRANSITION_ERASE, .reason = DR_REASON_PIN,
     .erases = true},
    {"FACTORY by command", REQUESTED, .asks = {{DR_REQUEST_FACTORY, HOME_A, DR_REASON_COMMAND}},
     RUNS_FACTORY, .home_after = DR_SLOT_FACTORY, .kind = DR_TRANSITION_FACTORY,
     .reason = DR_REASON_COMMAND},
    {"no record on a new device: the first one", POWER, .no_state = true, .open_life = true,
     RUNS_FACTORY, .home_after = DR_SLOT_FACTORY, .kind = DR_TRANSITION_FIRST_BOOT,
     .reason = DR_REASON_FIRST_BOOT},
    {"no record on a locked device: factory", POWER, .no_state = true, RUNS_FACTORY,
     .home_after = DR_SLOT_FACTORY, .kind = DR_TRANSITION_JOURNAL_LOST,
     .reason = DR_REASON_JOURNAL_LOST},
};

static void run_all(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        run(&rows[i]);
    }
}

static void test_resets(void)
{
    run_all(resets, DR_ARRAY_COUNT(resets));
}

static void test_candidates(void)
{
    run_all(candidates, DR_ARRAY_COUNT(candidates));
}

static void test_confirms(void)
{
    run_all(confirms, DR_ARRAY_COUNT(confirms));
}

static void test_ladder(void)
{
    run_all(ladder, DR_ARRAY_COUNT(ladder));
}

static void test_pins(void)
{
    run_all(pins, DR_ARRAY_COUNT(pins));
}

static void test_pin_stages(void)
{
    const struct {
        uint32_t held_ms;
        enum dr_pin stage;
    } rows[] = {
        {0, DR_PIN_NOTHING},          {1999, DR_PIN_NOTHING}, {2000, DR_PIN_PREVIOUS},
        {4999, DR_PIN_PREVIOUS},      {5000, DR_PIN_FACTORY}, {9999, DR_PIN_FACTORY},
        {10000, DR_PIN_ERASE},        {19999, DR_PIN_ERASE},  {20000, DR_PIN_NOTHING},
        {UINT32_MAX, DR_PIN_NOTHING},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        EXPECT_EQ(dr_pin_stage(&dr_boot_policy_default, rows[i].held_ms), rows[i].stage);
    }
}

/* What factory may see depends on the counter, the revocation and whose data may be there. */
static void test_modes(void)
{
    const struct {
        const char *title;
        uint8_t slot;
        uint8_t rung;
        enum dr_life life;
        uint32_t counter;
        bool revoked;
        bool sealed_ever;
        uint32_t sealed_epoch;
        enum dr_boot_mode mode;
    } rows[] = {
        {"slot image", DR_SLOT_A, 0, DR_LIFE_LOCKED, 5, false, true, 3, DR_MODE_NORMAL},
        {"slot image in safe mode", DR_SLOT_A, 1, DR_LIFE_LOCKED, 5, false, true, 3, DR_MODE_SAFE},
        {"previous rung", DR_SLOT_B, 2, DR_LIFE_LOCKED, 5, false, true, 3, DR_MODE_NORMAL},
        {"new device", DR_SLOT_FACTORY, 0, DR_LIFE_OPEN, 5, false, false, 0, DR_MODE_PROVISIONING},
        {"nothing sealed yet", DR_SLOT_FACTORY, 0, DR_LIFE_LOCKED, 5, false, false, 0,
         DR_MODE_NORMAL},
        {"sealed since", DR_SLOT_FACTORY, 0, DR_LIFE_LOCKED, 5, false, true, 3, DR_MODE_RECOVERY},
        {"erased after the seal", DR_SLOT_FACTORY, 0, DR_LIFE_LOCKED, 5, false, true, 2,
         DR_MODE_NORMAL},
        {"erased, but below the counter", DR_SLOT_FACTORY, 0, DR_LIFE_LOCKED, 4, false, true, 2,
         DR_MODE_RECOVERY},
        {"erased, but revoked", DR_SLOT_FACTORY, 0, DR_LIFE_LOCKED, 5, true, true, 2,
         DR_MODE_RECOVERY},
        {"safe mode is no way around recovery", DR_SLOT_FACTORY, 1, DR_LIFE_LOCKED, 5, false, true,
         3, DR_MODE_RECOVERY},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        struct dr_boot_state state = {
            .target_security = 5,
            .sealed_ever = rows[i].sealed_ever,
            .sealed_epoch = rows[i].sealed_epoch,
        };
        struct dr_boot_choice choice = {.slot = rows[i].slot, .rung = rows[i].rung};
        struct dr_image_facts facts = facts_of(rows[i].counter, 1);
        struct dr_anchor_view anchor = {.life = (uint8_t)rows[i].life, .security = 5, .epoch = 3};
        enum dr_boot_mode mode = dr_decide_mode(&state, &choice, &facts, &anchor, !rows[i].revoked);
        EXPECT_EQ(mode, rows[i].mode);
        if (mode != rows[i].mode) {
            fprintf(stderr, "    in: %s\n", rows[i].title);
        }
    }
}

static void test_spare(void)
{
    struct dr_boot_state state = {.home = DR_SLOT_A, .last_sealed = DR_SLOT_A};
    EXPECT_EQ(dr_decide_spare(&state, DR_SLOT_A, DR_IMAGE_SEALED), DR_SLOT_B);
    EXPECT_EQ(dr_decide_spare(&state, DR_SLOT_B, DR_IMAGE_SEALED), DR_SLOT_A);
    EXPECT_EQ(dr_decide_spare(&state, DR_SLOT_B, DR_IMAGE_CANDIDATE), DR_SLOT_NONE);
    EXPECT_EQ(dr_decide_spare(&state, DR_SLOT_B, DR_IMAGE_CONFIRMED), DR_SLOT_NONE);
    EXPECT_EQ(dr_decide_spare(&state, DR_SLOT_FACTORY, DR_IMAGE_FACTORY), DR_SLOT_B);
    state.last_sealed = DR_SLOT_B;
    EXPECT_EQ(dr_decide_spare(&state, DR_SLOT_FACTORY, DR_IMAGE_FACTORY), DR_SLOT_A);
    state.last_sealed = DR_SLOT_NONE;
    EXPECT_EQ(dr_decide_spare(&state, DR_SLOT_FACTORY, DR_IMAGE_FACTORY), DR_SLOT_A);
    state.trial.slot = DR_SLOT_B;
    state.trial.state = DR_IMAGE_CONFIRMED;
    EXPECT_EQ(dr_decide_spare(&state, DR_SLOT_A, DR_IMAGE_SEALED), DR_SLOT_NONE);
}

static void test_rejection_ring(void)
{
    static struct dr_boot_state state;
    const struct dr_anchor_view anchor = {.life = DR_LIFE_LOCKED};
    memset(&state, 0, sizeof state);
    for (uint8_t i = 1; i <= DR_BOOT_REJECTIONS + 2; i++) { /* the two oldest make room */
        struct dr_decide_input input = {
            .policy = &dr_boot_policy_default,
            .state = &state,
            .strap = DR_STRAP_POWER,
            .anchor = &anchor};
        static struct dr_decision out;
        state.home = DR_SLOT_FACTORY;
        state.trial =
            (struct dr_boot_trial){.slot = DR_SLOT_A, .state = DR_IMAGE_CANDIDATE, .boots = 10};
        fill(state.trial.digest, i);
        dr_decide(&input, &out);
        state = out.state;
    }
    EXPECT_EQ(class_of(&state, 1), DR_REJECTION_NONE);
    EXPECT_EQ(class_of(&state, 2), DR_REJECTION_NONE);
    for (uint8_t i = 3; i <= DR_BOOT_REJECTIONS + 2; i++) {
        EXPECT_EQ(class_of(&state, i), DR_REJECTION_ENVIRONMENT);
    }
    EXPECT_EQ(state.rejections.count[2], 1);
}

/* The floor: what was sealed, else the issuer. */
static void test_floor(void)
{
    struct dr_boot_state state = {
        .floor_known = true, .floor = {.has_sequence = true, .sequence = 9}};
    struct dr_image_facts issuer = facts_of(0, 4);
    struct dr_order floor = {0};
    EXPECT(dr_decide_floor(&state, &issuer, &floor));
    EXPECT_EQ(floor.sequence, 9);
    state.floor_known = false;
    EXPECT(dr_decide_floor(&state, &issuer, &floor));
    EXPECT_EQ(floor.sequence, 4);
    issuer.known = false;
    EXPECT(!dr_decide_floor(&state, &issuer, &floor));
    EXPECT(!dr_decide_floor(&state, NULL, &floor));
}

DR_TEST_MAIN(
    test_resets, test_candidates, test_confirms, test_ladder, test_pins, test_pin_stages,
    test_modes, test_spare, test_rejection_ring, test_floor)
