/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The silicon of the NOR model: sectors with reference counts, whole and torn operations.
 *
 * Private to sim/nor. No rules here: an operation does what physics does. Copying a medium shares
 * its sectors; the first change to a shared sector makes it the medium's own.
 */
#ifndef DR_SIM_NOR_MEDIUM_H
#define DR_SIM_NOR_MEDIUM_H

#include "device/flash/flash.h"
#include "sim/power.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dr_nor_sector;

struct dr_nor_medium {
    struct dr_flash_geometry geometry;
    uint32_t sector_count;
    struct dr_nor_sector **sectors;
};

enum dr_nor_act {
    DR_NOR_ACT_PROGRAM,
    DR_NOR_ACT_ERASE, /* one sector */
    DR_NOR_ACT_SYNC,
};

struct dr_nor_operation {
    enum dr_nor_act act;
    uint32_t address;
    uint32_t size_bytes;
    const uint8_t *data; /* of a program */
};

bool dr_nor_medium_create(struct dr_nor_medium *medium, const struct dr_flash_geometry *geometry);
bool dr_nor_medium_copy(struct dr_nor_medium *medium, const struct dr_nor_medium *from);
void dr_nor_medium_destroy(struct dr_nor_medium *medium);

/* Content; undecided bits are drawn anew when random is not NULL. */
void dr_nor_medium_read(
    const struct dr_nor_medium *medium, uint32_t address, uint8_t *out, uint32_t size_bytes,
    uint64_t *random);

/* Was any unit of this range programmed since its sector was erased? */
bool dr_nor_medium_programmed(
    const struct dr_nor_medium *medium, uint32_t address, uint32_t size_bytes);

void dr_nor_medium_apply(struct dr_nor_medium *medium, const struct dr_nor_operation *operation);

/* The operation, cut. */
void dr_nor_medium_tear(
    struct dr_nor_medium *medium, const struct dr_nor_operation *operation, enum dr_sim_torn kind,
    uint64_t *random);

/* Past all physics. */
void dr_nor_medium_poke(
    struct dr_nor_medium *medium, uint32_t address, const uint8_t *data, uint32_t size_bytes);

#endif
