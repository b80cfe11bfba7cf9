/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A NOR flash in memory that enforces the rules of device/flash and can lose power.
 *
 * Broken rules (a unit programmed twice between erases, bad alignment, out of range, outside the
 * writable areas) are recorded as violations: faults of the caller that must fail the test.
 * Operations that were not followed by a sync may be lost at a cut, in any order. Contents are kept
 * per sector with reference counts, so a snapshot costs a pointer per sector and a restore the
 * same. Not thread-safe: one thread for a model and all its snapshots.
 */
#ifndef DR_SIM_NOR_H
#define DR_SIM_NOR_H

#include "device/flash/flash.h"
#include "sim/power.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dr_nor;          /* opaque */
struct dr_nor_snapshot; /* opaque */

struct dr_nor_counts {
    uint64_t reads;
    uint64_t read_bytes;
    uint64_t programs;
    uint64_t program_bytes;
    uint64_t erases; /* sectors */
    uint64_t syncs;
};

/* All erased. power is borrowed for the model's life. NULL when memory is out or the geometry is
 * impossible. */
struct dr_nor *dr_nor_create(const struct dr_flash_geometry *geometry, struct dr_sim_power *power);
void dr_nor_destroy(struct dr_nor *nor);

/* The port to hand to device code; lives as long as the model. While the power is off every call
 * fails with DR_E_IO. */
const struct dr_flash *dr_nor_port(struct dr_nor *nor);

/* Rules broken so far; *ret_text (may be NULL) names the first one. */
uint32_t dr_nor_violations(const struct dr_nor *nor, const char **ret_text);
void dr_nor_violations_clear(struct dr_nor *nor);

struct dr_nor_counts dr_nor_counts(const struct dr_nor *nor);

/* Bits that a torn operation left undecided read differently each time until erased. Off at first.
 */
void dr_nor_set_unstable(struct dr_nor *nor, bool unstable);

/* Limit writes as a board does after the hand-off: outside of the given areas program and erase
 * answer DR_E_DENIED and count as violations. count 0: everything is writable. At most 8 areas,
 * copied. */
void dr_nor_set_writable(struct dr_nor *nor, const struct dr_flash_area *areas, size_t count);

/* Fail the next programs and erases (after `after` good ones) with DR_E_IO, `count` times; a failed
 * program leaves a random part. */
void dr_nor_set_faults(struct dr_nor *nor, uint32_t after, uint32_t count);

/* Contents, unit states and what is not synced; not the counters. A snapshot may outlive its
 * model. NULL when memory is out. */
struct dr_nor_snapshot *dr_nor_snapshot(struct dr_nor *nor);
void dr_nor_restore(struct dr_nor *nor, const struct dr_nor_snapshot *snapshot);
void dr_nor_snapshot_destroy(struct dr_nor_snapshot *snapshot);

/* A second model that starts from a snapshot (of any model with this geometry), with a supply of
 * its own. NULL when memory is out. */
struct dr_nor *
dr_nor_create_from(const struct dr_nor_snapshot *snapshot, struct dr_sim_power *power);

/* What the part would hold if the power went at this very operation (from the supply's hook) or
 * now (from elsewhere).
 * Nothing changes. seed decides what is random. NULL when memory is out. */
struct dr_nor_snapshot *dr_nor_cut_here(struct dr_nor *nor, enum dr_sim_torn kind, uint64_t seed);

/* For attackers and damage in tests: change bytes past all rules. */
void dr_nor_poke(struct dr_nor *nor, uint32_t address, const uint8_t *data, uint32_t size_bytes);
void dr_nor_peek(const struct dr_nor *nor, uint32_t address, uint8_t *out, uint32_t size_bytes);

#endif
