/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The journal on the NOR model: what it keeps, what it refuses, and every cut of an append. */
#include "tests/unit/check.h"
#include "tests/unit/faulty_flash.h"

#include "crypto/crypto.h"
#include "device/boot/journal.h"
#include "sim/nor.h"

#define SECTOR 4096u
#define RECORDS (SECTOR / DR_JOURNAL_RECORD_BYTES)

static const struct dr_flash_geometry geometry = {
    .size_bytes = 4 * SECTOR,
    .sector_bytes = SECTOR,
    .program_unit_bytes = 32,
    .erased_value = 0xff,
};
static const struct dr_flash_area area = {SECTOR, 2 * SECTOR};
static const uint8_t key[DR_BOOT_KEY_BYTES] = "the key of the boot journal";

static struct dr_sim_power power;
static struct dr_nor *nor;
static struct dr_journal journal;
static struct dr_boot_state state;

/* The part, of which one sector may be unreadable. */
static struct dr_flash flash;
static uint32_t unreadable; /* address of that sector; 0: none */

static enum dr_status read_part(void *context, uint32_t address, uint8_t *out, uint32_t size_bytes)
{
    if (unreadable != 0 && address >= unreadable && address < unreadable + SECTOR) {
        return DR_E_IO;
    }
    return dr_nor_port(nor)->read(context, address, out, size_bytes);
}

static enum dr_status open_journal(void)
{
    memset(&state, 0, sizeof state);
    flash = *dr_nor_port(nor);
    flash.read = read_part;
    return dr_journal_open(&journal, &flash, area, &dr_crypto_openssl, key, &state);
}

/* A state that can be told from others. */
static void mark(uint8_t number)
{
    memset(&state, 0, sizeof state);
    state.home = DR_SLOT_FACTORY;
    state.lost_faults = number;
}

static void begin(void)
{
    dr_sim_power_init(&power, 1);
    nor = dr_nor_create(&geometry, &power);
    REQUIRE(nor != NULL);
}

static void end(void)
{
    const char *text = NULL;
    EXPECT_EQ(dr_nor_violations(nor, &text), 0);
    dr_nor_destroy(nor);
}

static void append(uint8_t number)
{
    mark(number);
    EXPECT_EQ(dr_journal_append(&journal, &state, 0), DR_OK);
}

static void test_empty(void)
{
    begin();
    EXPECT_EQ(open_journal(), DR_E_NOT_FOUND);
    EXPECT(!dr_journal_is_firm(&journal));
    end();
}

static void test_newest_wins_over_many_rounds(void)
{
    begin();
    EXPECT_EQ(open_journal(), DR_E_NOT_FOUND);
    for (uint32_t i = 1; i < 5 * RECORDS; i++) {
        append((uint8_t)i);
        EXPECT_EQ(state.sequence, i);
        EXPECT_EQ(open_journal(), DR_OK);
        EXPECT_EQ(state.lost_faults, i);
        EXPECT_EQ(state.sequence, i);
        EXPECT(dr_journal_is_firm(&journal));
    }
    end();
}

static void test_base(void)
{
    begin();
    EXPECT_EQ(open_journal(), DR_E_NOT_FOUND);
    mark(1);
    EXPECT_EQ(dr_journal_append(&journal, &state, 1000), DR_OK);
    EXPECT_EQ(state.sequence, 1001);
    end();
}

static void test_foreign_key(void)
{
    static const uint8_t other[DR_BOOT_KEY_BYTES] = "another device";
    begin();
    EXPECT_EQ(open_journal(), DR_E_NOT_FOUND);
    append(1);
    EXPECT_EQ(
        dr_journal_open(&journal, dr_nor_port(nor), area, &dr_crypto_openssl, other, &state),
        DR_E_NOT_FOUND);
    end();
}

/* Any single changed byte of the newest record gives the record before it. */
static void test_damage(void)
{
    begin();
    EXPECT_EQ(open_journal(), DR_E_NOT_FOUND);
    append(1);
    append(2);
    struct dr_nor_snapshot *snapshot = dr_nor_snapshot(nor);
    for (uint32_t i = 0; i < DR_JOURNAL_RECORD_BYTES; i++) {
        uint8_t byte = 0;
        uint32_t at = area.address + DR_JOURNAL_RECORD_BYTES + i;
        dr_nor_peek(nor, at, &byte, 1);
        byte ^= (uint8_t)(1u << (i % 8u));
        dr_nor_poke(nor, at, &byte, 1);
        EXPECT_EQ(open_journal(), DR_OK);
        EXPECT_EQ(state.lost_faults, 1);
        dr_nor_restore(nor, snapshot);
    }
    dr_nor_snapshot_destroy(snapshot);
    end();
}

/* A record that was copied elsewhere is still only the record it was. */
static void test_copied_record_is_not_newer(void)
{
    uint8_t old[DR_JOURNAL_RECORD_BYTES];
    begin();
    EXPECT_EQ(open_journal(), DR_E_NOT_FOUND);
    append(1);
    append(2);
    dr_nor_peek(nor, area.address, old, sizeof old);
    dr_nor_poke(nor, area.address + 2 * DR_JOURNAL_RECORD_BYTES, old, sizeof old);
    EXPECT_EQ(open_journal(), DR_OK);
    EXPECT_EQ(state.lost_faults, 2);
    end();
}

/* The sector with the newest record has lost its snapshot: it is not appended to, and not erased
 * before the other one holds a newer record. */
static void test_lost_snapshot(void)
{
    static const uint8_t junk[64] = {1, 2, 3};
    begin();
    EXPECT_EQ(open_journal(), DR_E_NOT_FOUND);
    append(1);
    append(2);
    dr_nor_poke(nor, area.address, junk, sizeof junk);
    EXPECT_EQ(open_journal(), DR_OK);
    append(3);
    uint8_t first[DR_JOURNAL_RECORD_BYTES];
    dr_nor_peek(nor, area.address + SECTOR, first, sizeof first);
    EXPECT(first[0] == 'D' && first[1] == 'R');
    EXPECT_EQ(open_journal(), DR_OK);
    EXPECT_EQ(state.lost_faults, 3);
    end();
}

static void test_refusing_part(void)
{
    begin();
    EXPECT_EQ(open_journal(), DR_E_NOT_FOUND);
    append(1);
    append(2);
    dr_nor_set_faults(nor, 0, 1000);
    mark(3);
    EXPECT_EQ(dr_journal_append(&journal, &state, 0), DR_E_IO);
    dr_nor_set_faults(nor, 0, 0);
    EXPECT_EQ(open_journal(), DR_OK);
    EXPECT_EQ(state.lost_faults, 2);
    append(4);
    EXPECT_EQ(open_journal(), DR_OK);
    EXPECT_EQ(state.lost_faults, 4);
    end();
}

static void test_one_fault_is_worked_around(void)
{
    begin();
    EXPECT_EQ(open_journal(), DR_E_NOT_FOUND);
    append(1);
    dr_nor_set_faults(nor, 0, 1);
    append(2);
    EXPECT_EQ(open_journal(), DR_OK);
    EXPECT_EQ(state.lost_faults, 2);
    EXPECT_EQ(state.sequence, 2); /* the spoiled place holds the same record, or nothing */
    end();
}

/* A place that a cut has spoiled may have carried the next number: it is not given to another
 * state, whose requests would then pass for the first one's. */
static void test_spoiled_place_uses_up_its_number(void)
{
    static const uint8_t junk[96] = {1, 2, 3};
    begin();
    EXPECT_EQ(open_journal(), DR_E_NOT_FOUND);
    append(1);
    append(2);
    dr_nor_poke(nor, area.address + 2 * DR_JOURNAL_RECORD_BYTES, junk, sizeof junk);
    EXPECT_EQ(open_journal(), DR_OK);
    EXPECT_EQ(state.sequence, 2);
    EXPECT(!dr_journal_is_firm(&journal)); /* it may be newer, and readable the next time */
    append(3);
    EXPECT_EQ(state.sequence, 4);
    EXPECT_EQ(open_journal(), DR_OK);
    EXPECT_EQ(state.lost_faults, 3);
    append(4);
    EXPECT_EQ(state.sequence, 5);
    end();
}

/* What cannot be read may be the newest state: nothing rests on the older one before that sector is
 * erased and begun anew. If that is not possible, nothing rests on it at all. */
static void test_unreadable_newest(void)
{
    begin();
    EXPECT_EQ(open_journal(), DR_E_NOT_FOUND);
    for (uint8_t i = 1; i <= RECORDS + 1; i++) { /* the last one begins the other sector */
        append(i);
    }
    struct dr_nor_snapshot *snapshot = dr_nor_snapshot(nor);
    unreadable = area.address + SECTOR;
    EXPECT_EQ(open_journal(), DR_OK);
    EXPECT_EQ(state.lost_faults, RECORDS);
    EXPECT(!dr_journal_is_readable(&journal));
    EXPECT(!dr_journal_is_firm(&journal));
    EXPECT_EQ(dr_journal_append(&journal, &state, 0), DR_E_IO);
    EXPECT(!dr_journal_is_firm(&journal));

    dr_nor_restore(nor, snapshot); /* readable again before anything was written */
    unreadable = 0;
    EXPECT_EQ(open_journal(), DR_OK);
    EXPECT_EQ(state.lost_faults, RECORDS + 1);
    EXPECT(dr_journal_is_firm(&journal) && dr_journal_is_readable(&journal));

    unreadable = area.address + SECTOR; /* and readable once it was erased */
    EXPECT_EQ(open_journal(), DR_OK);
    unreadable = 0;
    append(99);
    EXPECT(state.sequence > 2 * RECORDS); /* past any number that may have stood there */
    EXPECT(dr_journal_is_firm(&journal));
    EXPECT_EQ(open_journal(), DR_OK);
    EXPECT_EQ(state.lost_faults, 99);
    EXPECT(dr_journal_is_firm(&journal));
    dr_nor_snapshot_destroy(snapshot);
    end();
}

/* The same for what reads as garbage in the sector that should only hold history. */
static void test_garbage_beside_the_newest(void)
{
    static const uint8_t junk[64] = {1, 2, 3};
    begin();
    EXPECT_EQ(open_journal(), DR_E_NOT_FOUND);
    for (uint8_t i = 1; i <= RECORDS + 1; i++) {
        append(i);
    }
    dr_nor_poke(nor, area.address + 2 * DR_JOURNAL_RECORD_BYTES, junk, sizeof junk);
    EXPECT_EQ(open_journal(), DR_OK);
    EXPECT_EQ(state.lost_faults, RECORDS + 1);
    EXPECT(!dr_journal_is_firm(&journal));
    append(77);
    EXPECT_EQ(open_journal(), DR_OK);
    EXPECT_EQ(state.lost_faults, 77);
    EXPECT(dr_journal_is_firm(&journal));
    end();
}

static enum dr_status open_on(const struct dr_flash *port)
{
    memset(&state, 0, sizeof state);
    return dr_journal_open(&journal, port, area, &dr_crypto_openssl, key, &state);
}

/* One read of the whole scan fails, each in its turn. A record that could not be read is never
 * written over: what the next append leaves behind is found again, and is newer than anything. */
static void test_each_unreadable_record(void)
{
    struct faulty_flash faulty;
    uint64_t at = 0;
    do {
        begin();
        EXPECT_EQ(open_journal(), DR_E_NOT_FOUND);
        for (uint8_t i = 1; i <= RECORDS + 2; i++) { /* the second sector has two of them */
            append(i);
        }
        at++;
        faulty_init(&faulty, dr_nor_port(nor), at);
        EXPECT_EQ(open_on(&faulty.port), DR_OK);
        bool last_unread = at == RECORDS + 2;
        EXPECT_EQ(state.lost_faults, last_unread ? RECORDS + 1 : RECORDS + 2);
        /* What was not read may be newer, but for the snapshot before a newer one. */
        EXPECT_EQ(dr_journal_is_firm(&journal), at == RECORDS + 1);
        EXPECT_EQ(dr_journal_is_readable(&journal), at == 2 * RECORDS + 1);
        faulty.fail_at = 0;
        append(100);
        EXPECT(state.sequence > RECORDS + 2);
        EXPECT_EQ(open_journal(), DR_OK);
        EXPECT_EQ(state.lost_faults, 100);
        end();
    } while (faulty.calls >= at && at < 2 * RECORDS + 1);
    EXPECT_EQ(at, 2 * RECORDS + 1);
}

/* One call of an append fails, each in its turn: it says so, or the state stands. */
static void test_each_call_of_an_append(void)
{
    static const uint8_t filled[] = {0, 1, RECORDS, 2 * RECORDS};
    struct faulty_flash faulty;
    for (size_t i = 0; i < DR_ARRAY_COUNT(filled); i++) {
        uint64_t at = 0;
        do {
            begin();
            EXPECT_EQ(open_journal(), DR_E_NOT_FOUND);
            for (uint8_t number = 1; number <= filled[i]; number++) {
                append(number);
            }
            faulty_init(&faulty, dr_nor_port(nor), 0);
            enum dr_status status = open_on(&faulty.port);
            EXPECT_EQ(status, filled[i] == 0 ? DR_E_NOT_FOUND : DR_OK);
            at++;
            faulty.calls = 0;
            faulty.fail_at = at;
            mark(200);
            status = dr_journal_append(&journal, &state, 0);
            /* It stands, or it was called a failure. */
            bool stands = open_journal() == DR_OK && state.lost_faults == 200;
            EXPECT(stands || status == DR_E_IO);
            EXPECT(stands || (filled[i] == 0 ? !journal.found : state.lost_faults == filled[i]));
            append(201);
            EXPECT_EQ(open_journal(), DR_OK);
            EXPECT_EQ(state.lost_faults, 201);
            end();
        } while (faulty.calls >= at);
        EXPECT(at > 4);
    }
}

/* No record is read at all: that is no empty journal. */
static bool reads_fail;

static enum dr_status failing_read(void *context, uint32_t address, uint8_t *out, uint32_t size)
{
    const struct dr_flash *inner = &((struct faulty_flash *)context)->inner;
    return reads_fail ? DR_E_IO : inner->read(inner->context, address, out, size);
}

static void test_unreadable_part(void)
{
    begin();
    EXPECT_EQ(open_journal(), DR_E_NOT_FOUND);
    append(1);
    struct faulty_flash part;
    faulty_init(&part, dr_nor_port(nor), 0);
    part.port.read = failing_read;
    reads_fail = true;
    EXPECT_EQ(open_on(&part.port), DR_E_IO);
    EXPECT(!dr_journal_is_firm(&journal));
    reads_fail = false;
    EXPECT_EQ(open_on(&part.port), DR_OK);
    EXPECT_EQ(state.lost_faults, 1);
    end();
}

/* The newest record reads differently the second time: nothing may rest on it, but it is there. */
static uint32_t reads_until_change;

static enum dr_status changing_read(void *context, uint32_t address, uint8_t *out, uint32_t size)
{
    const struct dr_flash *inner = &((struct faulty_flash *)context)->inner;
    enum dr_status status = inner->read(inner->context, address, out, size);
    if (status == DR_OK && reads_until_change > 0 && --reads_until_change == 0) {
        out[100] ^= 1;
    }
    return status;
}

static void test_unstable_record(void)
{
    begin();
    EXPECT_EQ(open_journal(), DR_E_NOT_FOUND);
    append(1);
    struct faulty_flash part;
    faulty_init(&part, dr_nor_port(nor), 0);
    part.port.read = changing_read;
    reads_until_change = 2 * RECORDS + 1;
    EXPECT_EQ(open_on(&part.port), DR_OK);
    EXPECT_EQ(state.lost_faults, 1);
    EXPECT(!dr_journal_is_firm(&journal));
    append(2); /* and written again it is firm */
    EXPECT(dr_journal_is_firm(&journal));
    reads_until_change = 1; /* the first of the two readings back */
    append(3);
    EXPECT_EQ(open_journal(), DR_OK);
    EXPECT_EQ(state.lost_faults, 3);
    end();
}

/* Numbers end: no state is ever written under a number that another one had. */
static void test_last_number(void)
{
    begin();
    EXPECT_EQ(open_journal(), DR_E_NOT_FOUND);
    mark(1);
    EXPECT_EQ(dr_journal_append(&journal, &state, UINT32_MAX), DR_E_SPACE);
    EXPECT_EQ(dr_journal_append(&journal, &state, UINT32_MAX - 1u), DR_OK);
    EXPECT_EQ(state.sequence, UINT32_MAX);
    EXPECT_EQ(dr_journal_append(&journal, &state, 0), DR_E_SPACE);
    EXPECT_EQ(open_journal(), DR_OK);
    EXPECT_EQ(state.sequence, UINT32_MAX);
    end();
}

/* A genuine record with a value that indexes something and does not fit: as if there were none. */
static void test_impossible_state(void)
{
    const struct {
        uint8_t home;
        uint8_t last_sealed;
        uint8_t trial_slot;
        uint8_t trial_state;
        uint8_t rejection_next;
        bool good;
    } rows[] = {
        {DR_SLOT_FACTORY, DR_SLOT_B, DR_SLOT_B, DR_IMAGE_CONFIRMED, DR_BOOT_REJECTIONS - 1, true},
        {DR_SLOT_A, DR_SLOT_NONE, DR_SLOT_NONE, 0, 0, true},
        {DR_SLOT_NONE, DR_SLOT_NONE, DR_SLOT_NONE, 0, 0, false},
        {DR_SLOT_FACTORY + 1, DR_SLOT_NONE, DR_SLOT_NONE, 0, 0, false},
        {DR_SLOT_A, DR_SLOT_FACTORY, DR_SLOT_NONE, 0, 0, false},
        {DR_SLOT_A, DR_SLOT_A, DR_SLOT_FACTORY, DR_IMAGE_CANDIDATE, 0, false},
        {DR_SLOT_A, DR_SLOT_A, DR_SLOT_NONE, DR_IMAGE_CANDIDATE, 0, false},
        {DR_SLOT_A, DR_SLOT_A, DR_SLOT_B, 0, 0, false},
        {DR_SLOT_A, DR_SLOT_A, DR_SLOT_NONE, 0, DR_BOOT_REJECTIONS, false},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        begin();
        EXPECT_EQ(open_journal(), DR_E_NOT_FOUND);
        mark(1);
        state.home = rows[i].home;
        state.last_sealed = rows[i].last_sealed;
        state.trial.slot = rows[i].trial_slot;
        state.trial.state = rows[i].trial_state;
        state.rejection_next = rows[i].rejection_next;
        EXPECT_EQ(dr_journal_append(&journal, &state, 0), DR_OK);
        EXPECT_EQ(open_journal(), rows[i].good ? DR_OK : DR_E_NOT_FOUND);
        EXPECT_EQ(dr_journal_is_firm(&journal), rows[i].good);
        end();
    }
}

/* Every operation of 3 rounds of appends, cut in every way; then one more append. The state is the
 * one before or the one being written, and never goes back. */
static bool cut_case(uint64_t operation, enum dr_sim_torn kind)
{
    dr_sim_power_init(&power, operation * DR_SIM_TORN_KINDS + (uint64_t)kind);
    nor = dr_nor_create(&geometry, &power);
    power.cut_at = operation;
    power.kind = kind;
    uint8_t kept = 0;
    enum dr_status status = open_journal();
    for (uint8_t i = 1; i < 3 * RECORDS && !power.off; i++) {
        mark(i);
        status = dr_journal_append(&journal, &state, 0);
        kept = status == DR_OK ? i : kept;
    }
    bool was_cut = power.off;
    dr_sim_power_on(&power);
    status = open_journal();
    EXPECT(status == DR_OK || (kept == 0 && status == DR_E_NOT_FOUND));
    uint8_t found = status == DR_OK ? state.lost_faults : 0;
    EXPECT(found == kept || found == kept + 1);
    append(200);
    EXPECT_EQ(open_journal(), DR_OK);
    EXPECT_EQ(state.lost_faults, 200);
    end();
    return was_cut;
}

static void test_every_cut(void)
{
    for (int kind = 0; kind < (int)DR_SIM_TORN_KINDS; kind++) {
        uint64_t operation = 1;
        while (cut_case(operation, (enum dr_sim_torn)kind)) { /* bound: until none is left to cut */
            operation++;
        }
        EXPECT(operation > 3 * RECORDS);
    }
}

DR_TEST_MAIN(
    test_empty, test_newest_wins_over_many_rounds, test_base, test_foreign_key, test_damage,
    test_copied_record_is_not_newer, test_lost_snapshot, test_refusing_part,
    test_one_fault_is_worked_around, test_spoiled_place_uses_up_its_number, test_unreadable_newest,
    test_garbage_beside_the_newest, test_each_unreadable_record, test_each_call_of_an_append,
    test_unreadable_part, test_unstable_record, test_last_number, test_impossible_state,
    test_every_cut)
