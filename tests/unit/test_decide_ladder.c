/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The ladder, the pin, modes, the spare, rejections, the floor. */
#include "tests/unit/decide_table.h"

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
    {"RETRY from a lower rung", .rung = DR_RUNG_PREVIOUS, REQUESTED, .uptime_ms = 86400000,
     .asks = {ASK(DR_REQUEST_RETRY, OLDER_B)}, RUNS_A, .kind = DR_TRANSITION_RETRY,
     .retry_after = DR_RUNG_PREVIOUS},
    {"RETRY by the ladder's factory", .rung = DR_RUNG_FACTORY, REQUESTED,
     .asks = {ASK(DR_REQUEST_RETRY, FACTORY)}, RUNS_A, .kind = DR_TRANSITION_RETRY,
     .retry_after = DR_RUNG_FACTORY},
    {"RETRY while an image is on trial does nothing", .rung = DR_RUNG_SAFE, CONFIRMED, POWER,
     .confirmed_boots = 3, .asks = {ASK(DR_REQUEST_RETRY, HOME_A)}, RUNS_CONFIRMED,
     .unchanged = true},
    {"RETRY by an image that the slot does not hold does nothing", .rung = DR_RUNG_SAFE, POWER,
     .asks = {ASK(DR_REQUEST_RETRY, FALSE_A)}, RUNS_A, .on_rung = DR_RUNG_SAFE, .unchanged = true},
    {"a home below the counter is passed over", POWER, .a_below = true, .boots = DR_SLOT_B,
     .as = DR_IMAGE_SEALED, .on_rung = DR_RUNG_PREVIOUS, .unchanged = true},
    {"RETRY on rung normal does nothing", POWER, .asks = {ASK(DR_REQUEST_RETRY, HOME_A)}, RUNS_A,
     .unchanged = true},
    {"one fault after a RETRY", .retry_rung = DR_RUNG_PREVIOUS, RUNS_A, .faults_after = 1,
     .unchanged = true, .retry_after = DR_RUNG_PREVIOUS},
    {"a run of ten minutes ends the probation after a RETRY", .retry_rung = DR_RUNG_PREVIOUS,
     .mark = DR_MARK_RESET, .uptime_ms = 600000, RUNS_A},
    {"and so does one that ends in a fault", .retry_rung = DR_RUNG_PREVIOUS, .uptime_ms = 600000,
     RUNS_A},
    {"a shorter one does not", .retry_rung = DR_RUNG_PREVIOUS, .mark = DR_MARK_RESET,
     .uptime_ms = 599999, RUNS_A, .unchanged = true, .retry_after = DR_RUNG_PREVIOUS},
    {"nor what RAM holds after a power cut", .retry_rung = DR_RUNG_PREVIOUS, POWER,
     .uptime_ms = 600000, RUNS_A, .unchanged = true, .retry_after = DR_RUNG_PREVIOUS},
    {"nor a boot that cannot write it down", .retry_rung = DR_RUNG_PREVIOUS, .frozen = true,
     .mark = DR_MARK_RESET, .uptime_ms = 600000, RUNS_A, .unchanged = true,
     .retry_after = DR_RUNG_PREVIOUS},
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
     REQUESTED, .asks = {INSTALL(OLDER_B, DR_SLOT_A, DIGEST_NEW)}, .boots = DR_SLOT_A,
     .as = DR_IMAGE_CANDIDATE, .trial_after = DR_IMAGE_CANDIDATE, .home_after = DR_SLOT_B,
     .trial_boots_after = 1, .kind = DR_TRANSITION_INSTALL, .reason = DR_REASON_INSTALL},
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
    {"previous image instead of a confirmed one, asked first", CONFIRMED, POWER,
     .pin = DR_PIN_PREVIOUS, .confirmed_boots = 1, .asks_for = DR_SLOT_A},
    {"previous image drops a confirmed one, unremembered", CONFIRMED, POWER, .pin = DR_PIN_PREVIOUS,
     .confirmed_boots = 1, .answer = DR_ANSWER_YES, RUNS_A, .kind = DR_TRANSITION_PREVIOUS,
     .reason = DR_REASON_PIN},
    {"but does not when it would not verify", CONFIRMED, POWER, .pin = DR_PIN_PREVIOUS,
     .confirmed_boots = 1, .answer = DR_ANSWER_NO, RUNS_CONFIRMED, .pin_refused = true},
    {"nor when it may not boot any more", CONFIRMED, POWER, .pin = DR_PIN_PREVIOUS,
     .confirmed_boots = 1, .a_below = true, RUNS_CONFIRMED, .pin_refused = true},
    {"previous image from factory is the last sealed one", .home = DR_SLOT_FACTORY, POWER,
     .pin = DR_PIN_PREVIOUS, .answer = DR_ANSWER_YES, RUNS_A, .kind = DR_TRANSITION_PREVIOUS,
     .reason = DR_REASON_PIN},
    {"previous image from the ladder's factory is the one it left", .rung = DR_RUNG_FACTORY, POWER,
     .pin = DR_PIN_PREVIOUS, .answer = DR_ANSWER_YES, RUNS_A, .kind = DR_TRANSITION_PREVIOUS,
     .reason = DR_REASON_PIN},
    {"previous image from the ladder's previous is the one it left", .rung = DR_RUNG_PREVIOUS,
     POWER, .pin = DR_PIN_PREVIOUS, .answer = DR_ANSWER_YES, RUNS_A, .kind = DR_TRANSITION_PREVIOUS,
     .reason = DR_REASON_PIN},
    {"or the one before, when that may not boot any more", .rung = DR_RUNG_FACTORY, POWER,
     .a_below = true, .pin = DR_PIN_PREVIOUS, .answer = DR_ANSWER_YES, .boots = DR_SLOT_B,
     .as = DR_IMAGE_SEALED, .home_after = DR_SLOT_B, .kind = DR_TRANSITION_PREVIOUS,
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
    {"FACTORY by command", REQUESTED,
     .asks = {ASK_WHY(DR_REQUEST_FACTORY, HOME_A, DR_REASON_COMMAND)}, RUNS_FACTORY,
     .home_after = DR_SLOT_FACTORY, .kind = DR_TRANSITION_FACTORY, .reason = DR_REASON_COMMAND},
    {"FACTORY by the image on trial", CONFIRMED, REQUESTED, .confirmed_boots = 3,
     .asks = {ASK_WHY(DR_REQUEST_FACTORY, TRIAL, DR_REASON_COMMAND)}, RUNS_FACTORY,
     .home_after = DR_SLOT_FACTORY, .kind = DR_TRANSITION_FACTORY, .reason = DR_REASON_COMMAND},
    {"FACTORY by an image that the slot does not hold is ignored", POWER,
     .asks = {ASK_WHY(DR_REQUEST_FACTORY, FALSE_A, DR_REASON_COMMAND)}, RUNS_A, .unchanged = true},
    {"no record on a new device: the first one", POWER, .no_state = true, .open_life = true,
     RUNS_FACTORY, .home_after = DR_SLOT_FACTORY, .kind = DR_TRANSITION_FIRST_BOOT,
     .reason = DR_REASON_FIRST_BOOT},
    {"no record on a locked device: factory", POWER, .no_state = true, RUNS_FACTORY,
     .home_after = DR_SLOT_FACTORY, .kind = DR_TRANSITION_JOURNAL_LOST,
     .reason = DR_REASON_JOURNAL_LOST},
};

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

/* What was final stays final, however the image ends the next time. */
static void test_final_rejection_stays(void)
{
    static struct dr_boot_state state;
    static struct dr_decision out;
    const struct dr_anchor_view anchor = {.life = DR_LIFE_LOCKED};
    const struct row row = {
        .trial = DR_IMAGE_CANDIDATE, .trial_boots = 10, .rejected = DIGEST_TRIAL};
    state = state_of(&row);
    state.rejections.reason[0] = DR_REASON_HANG;
    const struct dr_decide_input input = {
        .policy = &dr_boot_policy_default,
        .state = &state,
        .strap = DR_STRAP_POWER,
        .anchor = &anchor};
    dr_decide(&input, &out); /* out of boots: an environment rejection */
    EXPECT_EQ(out.state.last.reason, DR_REASON_BOOTS);
    EXPECT_EQ(class_of(&out.state, DIGEST_TRIAL), DR_REJECTION_IMAGE);
    EXPECT_EQ(out.state.rejections.reason[0], DR_REASON_HANG);
}

/* The owner's data are to be erased and the anchor did not take it yet: an image that is sealed
 * meanwhile belongs to the new epoch, so factory stays in recovery mode once the anchor has it. */
static void test_seal_while_an_erase_is_due(void)
{
    static struct dr_boot_state state;
    static struct dr_decision out;
    struct dr_anchor_view anchor = {.life = DR_LIFE_LOCKED, .security = 5, .epoch = 3};
    const struct row row = {.trial = DR_IMAGE_CONFIRMED, .confirmed_boots = 3};
    struct dr_request request = {
        .kind = DR_REQUEST_SEAL, .slot = DR_SLOT_B, .mode = DR_MODE_NORMAL};
    fill(request.issuer, DIGEST_TRIAL);
    state = state_of(&row);
    state.target_epoch = 4;
    const struct dr_decide_input input = {
        .policy = &dr_boot_policy_default,
        .state = &state,
        .requests = &request,
        .request_count = 1,
        .strap = DR_STRAP_POWER,
        .anchor = &anchor};
    dr_decide(&input, &out);
    EXPECT_EQ(out.state.last.kind, DR_TRANSITION_SEAL);
    const struct dr_boot_choice choice = {.slot = DR_SLOT_FACTORY, .state = DR_IMAGE_FACTORY};
    const struct dr_image_facts facts = facts_of(9, 1);
    anchor.epoch = 4;
    EXPECT_EQ(dr_decide_mode(&out.state, &choice, &facts, &anchor, true), DR_MODE_RECOVERY);
    anchor.epoch = 5;
    EXPECT_EQ(dr_decide_mode(&out.state, &choice, &facts, &anchor, true), DR_MODE_NORMAL);
}

static struct dr_decision decided;

/* One reset by power of a device in this state, with one request of the image on trial, if any. */
static void decide_once(const struct dr_boot_state *state, uint8_t kind, enum dr_pin pin)
{
    const struct dr_anchor_view anchor = {.life = DR_LIFE_LOCKED, .security = 5, .epoch = 3};
    struct dr_request request = {.kind = kind, .slot = DR_SLOT_B, .mode = DR_MODE_NORMAL};
    fill(request.issuer, DIGEST_TRIAL);
    const struct dr_decide_input input = {
        .policy = &dr_boot_policy_default,
        .state = state,
        .requests = &request,
        .request_count = kind != 0 ? 1 : 0,
        .strap = DR_STRAP_POWER,
        .pin = pin,
        .anchor = &anchor};
    dr_decide(&input, &decided);
}

/* An image that never loaded has nothing that could be confirmed. */
static void test_confirm_of_an_unknown_image(void)
{
    const struct row row = {.trial = DR_IMAGE_CANDIDATE};
    struct dr_boot_state state = state_of(&row);
    decide_once(&state, DR_REQUEST_CONFIRM, DR_PIN_NOTHING);
    EXPECT_EQ(decided.state.trial.state, DR_IMAGE_CONFIRMED);
    state.trial.facts.known = false;
    decide_once(&state, DR_REQUEST_CONFIRM, DR_PIN_NOTHING);
    EXPECT_EQ(decided.state.trial.state, DR_IMAGE_CANDIDATE);
}

/* What a seal raises, it raises only. */
static void test_seal_raises(void)
{
    const struct {
        bool floor_known;
        uint32_t sequence; /* of the sealed image; the floor is at 10 */
        uint32_t counter;
        uint8_t revocation;
        uint32_t floor_after;
        uint8_t floor_digest;
        uint32_t security_after;
        uint32_t revocation_after;
    } rows[] = {
        {true, 11, 7, 2, 11, DIGEST_TRIAL, 7, 2}, {true, 9, 5, 1, 10, DIGEST_A, 5, 1},
        {true, 10, 4, 0, 10, DIGEST_A, 5, 1},     {false, 9, 6, 1, 9, DIGEST_TRIAL, 6, 1},
        {true, 11, 5, 3, 11, DIGEST_TRIAL, 5, 3},
    };
    const struct row row = {.trial = DR_IMAGE_CONFIRMED, .confirmed_boots = 3};
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        struct dr_boot_state state = state_of(&row);
        state.floor_known = rows[i].floor_known;
        state.target_revocation = 1;
        state.trial.facts.counter = rows[i].counter;
        state.trial.facts.revocation = rows[i].revocation;
        state.trial.facts.order.sequence = rows[i].sequence;
        decide_once(&state, DR_REQUEST_SEAL, DR_PIN_NOTHING);
        EXPECT_EQ(decided.state.last.kind, DR_TRANSITION_SEAL);
        EXPECT(decided.state.floor_known);
        EXPECT_EQ(decided.state.floor.sequence, rows[i].floor_after);
        EXPECT_EQ(decided.state.floor_digest[0], rows[i].floor_digest);
        EXPECT_EQ(decided.state.target_security, rows[i].security_after);
        EXPECT_EQ(decided.state.target_revocation, rows[i].revocation_after);
    }
}

/* A second erasure before the anchor took the first one is the same erasure. */
static void test_erase_twice(void)
{
    const struct row row = {.title = ""};
    struct dr_boot_state state = state_of(&row);
    decide_once(&state, 0, DR_PIN_ERASE);
    EXPECT_EQ(decided.state.target_epoch, 4);
    state = decided.state;
    decide_once(&state, 0, DR_PIN_ERASE);
    EXPECT_EQ(decided.state.target_epoch, 4);
    EXPECT(decided.erase_user);
}

/* The number of revoked keys never points behind the list of keys. */
static void test_revoked_count(void)
{
    const struct {
        uint32_t target;
        uint32_t anchor;
        uint32_t revoked;
    } rows[] = {
        {0, 0, 0},
        {1, 0, 1},
        {1, 2, 2},
        {0, DR_TRUST_KEYS_MAX, DR_TRUST_KEYS_MAX},
        {0, DR_TRUST_KEYS_MAX + 1u, DR_TRUST_KEYS_MAX},
        {0, 256, DR_TRUST_KEYS_MAX},
        {0, UINT32_MAX, DR_TRUST_KEYS_MAX},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        const struct dr_boot_state state = {.target_revocation = rows[i].target};
        const struct dr_anchor_view anchor = {.revocation = rows[i].anchor};
        EXPECT_EQ(dr_decide_revoked(&state, &anchor), rows[i].revoked);
    }
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
    test_ladder, test_pins, test_pin_stages, test_modes, test_spare, test_rejection_ring,
    test_final_rejection_stays, test_seal_while_an_erase_is_due, test_confirm_of_an_unknown_image,
    test_seal_raises, test_erase_twice, test_revoked_count, test_floor)
