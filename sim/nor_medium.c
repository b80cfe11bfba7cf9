/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "sim/nor_medium.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>

struct dr_nor_sector {
    uint32_t references;
    uint8_t *content;
    uint8_t *undecided;  /* per byte: bits that a torn operation left between 0 and 1 */
    uint8_t *programmed; /* per unit: 1 once programmed */
    uint8_t storage[];   /* the three above */
};

static uint32_t units_per_sector(const struct dr_flash_geometry *geometry)
{
    return geometry->sector_bytes / geometry->program_unit_bytes;
}

static size_t storage_bytes(const struct dr_flash_geometry *geometry)
{
    return 2u * (size_t)geometry->sector_bytes + units_per_sector(geometry);
}

static struct dr_nor_sector *sector_create(const struct dr_flash_geometry *geometry)
{
    struct dr_nor_sector *sector = calloc(1, sizeof *sector + storage_bytes(geometry));
    if (sector == NULL) {
        return NULL;
    }
    sector->references = 1;
    sector->content = sector->storage;
    sector->undecided = sector->storage + geometry->sector_bytes;
    sector->programmed = sector->storage + 2u * (size_t)geometry->sector_bytes;
    memset(sector->content, geometry->erased_value, geometry->sector_bytes);
    return sector;
}

static void sector_release(struct dr_nor_sector *sector)
{
    if (sector != NULL && --sector->references == 0) {
        free(sector);
    }
}

/* The sector at index, made the medium's own. */
static struct dr_nor_sector *sector_own(struct dr_nor_medium *medium, uint32_t index)
{
    struct dr_nor_sector *shared = medium->sectors[index];
    if (shared->references == 1) {
        return shared;
    }
    struct dr_nor_sector *own = sector_create(&medium->geometry);
    DR_CHECK(own != NULL);
    memcpy(own->storage, shared->storage, storage_bytes(&medium->geometry));
    sector_release(shared);
    medium->sectors[index] = own;
    return own;
}

bool dr_nor_medium_create(struct dr_nor_medium *medium, const struct dr_flash_geometry *geometry)
{
    medium->geometry = *geometry;
    medium->sector_count = geometry->size_bytes / geometry->sector_bytes;
    medium->sectors = calloc(medium->sector_count, sizeof(struct dr_nor_sector *));
    struct dr_nor_sector *blank = sector_create(geometry);
    if (medium->sectors == NULL || blank == NULL) {
        free(medium->sectors);
        free(blank);
        return false;
    }
    for (uint32_t i = 0; i < medium->sector_count; i++) {
        medium->sectors[i] = blank;
    }
    blank->references = medium->sector_count;
    return true;
}

bool dr_nor_medium_copy(struct dr_nor_medium *medium, const struct dr_nor_medium *from)
{
    struct dr_nor_sector **sectors = calloc(from->sector_count, sizeof(struct dr_nor_sector *));
    if (sectors == NULL) {
        return false;
    }
    *medium = *from;
    medium->sectors = sectors;
    for (uint32_t i = 0; i < from->sector_count; i++) {
        sectors[i] = from->sectors[i];
        sectors[i]->references++;
    }
    return true;
}

void dr_nor_medium_destroy(struct dr_nor_medium *medium)
{
    for (uint32_t i = 0; medium->sectors != NULL && i < medium->sector_count; i++) {
        sector_release(medium->sectors[i]);
    }
    free(medium->sectors);
    medium->sectors = NULL;
}

void dr_nor_medium_read(
    const struct dr_nor_medium *medium, uint32_t address, uint8_t *out, uint32_t size_bytes,
    uint64_t *random)
{
    const uint32_t sector_bytes = medium->geometry.sector_bytes;
    while (size_bytes > 0) { /* bound: at least one byte per round */
        const struct dr_nor_sector *sector = medium->sectors[address / sector_bytes];
        uint32_t offset = address % sector_bytes;
        uint32_t count = sector_bytes - offset;
        count = count < size_bytes ? count : size_bytes;
        memcpy(out, sector->content + offset, count);
        for (uint32_t i = 0; random != NULL && i < count; i++) {
            uint8_t undecided = sector->undecided[offset + i];
            if (undecided != 0) {
                out[i] = (uint8_t)(out[i] ^ (undecided & dr_sim_random(random)));
            }
        }
        address += count;
        out += count;
        size_bytes -= count;
    }
}

bool dr_nor_medium_programmed(
    const struct dr_nor_medium *medium, uint32_t address, uint32_t size_bytes)
{
    const uint32_t unit = medium->geometry.program_unit_bytes;
    const uint32_t per_sector = units_per_sector(&medium->geometry);
    for (uint32_t i = address / unit; i < (address + size_bytes) / unit; i++) {
        if (medium->sectors[i / per_sector]->programmed[i % per_sector] != 0) {
            return true;
        }
    }
    return false;
}

/* Programming moves bits away from the erased value and never back. */
static uint8_t program_byte(const struct dr_flash_geometry *geometry, uint8_t old, uint8_t new)
{
    return geometry->erased_value == 0xff ? (uint8_t)(old & new) : (uint8_t)(old | new);
}

static void
program(struct dr_nor_medium *medium, uint32_t address, const uint8_t *data, uint32_t size_bytes)
{
    const struct dr_flash_geometry *geometry = &medium->geometry;
    for (uint32_t i = 0; i < size_bytes; i++) {
        uint32_t at = (address + i) % geometry->sector_bytes;
        struct dr_nor_sector *sector = sector_own(medium, (address + i) / geometry->sector_bytes);
        sector->content[at] = program_byte(geometry, sector->content[at], data[i]);
        sector->programmed[at / geometry->program_unit_bytes] = 1;
    }
}

static void erase(struct dr_nor_medium *medium, uint32_t address)
{
    uint32_t index = address / medium->geometry.sector_bytes;
    struct dr_nor_sector *blank = sector_create(&medium->geometry);
    DR_CHECK(blank != NULL);
    sector_release(medium->sectors[index]);
    medium->sectors[index] = blank;
}

void dr_nor_medium_apply(struct dr_nor_medium *medium, const struct dr_nor_operation *operation)
{
    switch (operation->act) {
    case DR_NOR_ACT_PROGRAM:
        program(medium, operation->address, operation->data, operation->size_bytes);
        break;
    case DR_NOR_ACT_ERASE:
        erase(medium, operation->address);
        break;
    case DR_NOR_ACT_SYNC:
        break;
    }
}

/* What can be seen decides: a unit that still reads as erased counts as erased, any other as
 * programmed. */
static void mark_programmed(struct dr_nor_medium *medium, uint32_t address, uint32_t size_bytes)
{
    const struct dr_flash_geometry *geometry = &medium->geometry;
    for (uint32_t i = 0; i < size_bytes; i++) {
        uint32_t at = (address + i) % geometry->sector_bytes;
        struct dr_nor_sector *sector = sector_own(medium, (address + i) / geometry->sector_bytes);
        if (sector->content[at] != geometry->erased_value || sector->undecided[at] != 0) {
            sector->programmed[at / geometry->program_unit_bytes] = 1;
        }
    }
}

/* Bits of byte i that an operation of this kind reached; first and spared are drawn once for the
 * whole operation. */
static uint8_t
reached_bits(enum dr_sim_torn kind, uint32_t i, uint32_t first, uint32_t spared, uint64_t *random)
{
    switch (kind) {
    case DR_SIM_TORN_NOTHING:
        return 0;
    case DR_SIM_TORN_PREFIX:
        return i < first ? 0xff : 0;
    case DR_SIM_TORN_HALF:
        return (uint8_t)dr_sim_random(random);
    case DR_SIM_TORN_ALL_BUT:
        return i == spared ? 0 : 0xff;
    case DR_SIM_TORN_COMPLETE:
        break;
    }
    return 0xff;
}

static uint32_t below(uint64_t *random, uint32_t limit)
{
    return limit == 0 ? 0 : (uint32_t)(dr_sim_random(random) % limit);
}

static void tear_program(
    struct dr_nor_medium *medium, const struct dr_nor_operation *operation, enum dr_sim_torn kind,
    uint64_t *random)
{
    const struct dr_flash_geometry *geometry = &medium->geometry;
    uint32_t first = 1u + below(random, operation->size_bytes - 1u);
    uint32_t spared = below(random, operation->size_bytes);
    for (uint32_t i = 0; i < operation->size_bytes; i++) {
        uint32_t at = (operation->address + i) % geometry->sector_bytes;
        uint8_t reached = reached_bits(kind, i, first, spared, random);
        uint8_t spared_bits = (uint8_t)~reached;
        uint8_t wanted =
            (uint8_t)((operation->data[i] & reached) | (geometry->erased_value & spared_bits));
        struct dr_nor_sector *sector =
            sector_own(medium, (operation->address + i) / geometry->sector_bytes);
        uint8_t whole = program_byte(geometry, sector->content[at], operation->data[i]);
        sector->content[at] = program_byte(geometry, sector->content[at], wanted);
        if (kind == DR_SIM_TORN_HALF) {
            sector->undecided[at] |= (uint8_t)(whole ^ sector->content[at]);
        }
    }
    mark_programmed(medium, operation->address, operation->size_bytes);
}

/* A unit that holds something, so that sparing it shows; any unit when all is erased. */
static uint32_t spared_unit(
    const struct dr_nor_sector *sector, const struct dr_flash_geometry *geometry, uint64_t *random)
{
    uint32_t units = units_per_sector(geometry);
    uint32_t start = below(random, units);
    for (uint32_t i = 0; i < units; i++) {
        uint32_t unit = (start + i) % units;
        const uint8_t *content = sector->content + unit * geometry->program_unit_bytes;
        for (uint32_t j = 0; j < geometry->program_unit_bytes; j++) {
            if (content[j] != geometry->erased_value) {
                return unit;
            }
        }
    }
    return start;
}

static void tear_erase(
    struct dr_nor_medium *medium, const struct dr_nor_operation *operation, enum dr_sim_torn kind,
    uint64_t *random)
{
    const struct dr_flash_geometry *geometry = &medium->geometry;
    const uint8_t erased = geometry->erased_value;
    struct dr_nor_sector *sector = sector_own(medium, operation->address / geometry->sector_bytes);
    uint32_t first = 1u + below(random, units_per_sector(geometry) - 1u);
    uint32_t spared = spared_unit(sector, geometry, random);
    bool blank = true;
    for (uint32_t i = 0; i < geometry->sector_bytes; i++) {
        uint32_t unit = i / geometry->program_unit_bytes;
        uint8_t reached = reached_bits(kind, unit, first, spared, random);
        uint8_t old = sector->content[i];
        sector->content[i] = (uint8_t)((erased & reached) | (old & (uint8_t)~reached));
        sector->undecided[i] =
            kind == DR_SIM_TORN_HALF ? (uint8_t)(sector->content[i] ^ erased) : 0;
        blank = blank && sector->content[i] == erased;
    }
    /* A sector that shows it was cut must be erased again before anything is programmed. */
    memset(sector->programmed, blank ? 0 : 1, units_per_sector(geometry));
}

void dr_nor_medium_tear(
    struct dr_nor_medium *medium, const struct dr_nor_operation *operation, enum dr_sim_torn kind,
    uint64_t *random)
{
    if (kind == DR_SIM_TORN_NOTHING || operation->act == DR_NOR_ACT_SYNC) {
        return;
    }
    if (kind == DR_SIM_TORN_COMPLETE) {
        dr_nor_medium_apply(medium, operation);
    } else if (operation->act == DR_NOR_ACT_PROGRAM) {
        tear_program(medium, operation, kind, random);
    } else {
        tear_erase(medium, operation, kind, random);
    }
}

void dr_nor_medium_poke(
    struct dr_nor_medium *medium, uint32_t address, const uint8_t *data, uint32_t size_bytes)
{
    const struct dr_flash_geometry *geometry = &medium->geometry;
    for (uint32_t i = 0; i < size_bytes; i++) {
        struct dr_nor_sector *sector = sector_own(medium, (address + i) / geometry->sector_bytes);
        uint32_t at = (address + i) % geometry->sector_bytes;
        sector->content[at] = data[i];
        sector->undecided[at] = 0;
    }
    mark_programmed(medium, address, size_bytes);
}
