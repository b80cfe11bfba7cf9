/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/flash/flash.h"

#include "base/check.h"

#include <stdbool.h>
#include <stddef.h>

#define MAP_AREAS 7u
#define JOURNAL_SECTORS 2u
#define REQUEST_SECTORS 1u

static bool is_power_of_two(uint32_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

static bool geometry_valid(const struct dr_flash_geometry *geometry)
{
    return is_power_of_two(geometry->sector_bytes) &&
           is_power_of_two(geometry->program_unit_bytes) && geometry->program_unit_bytes <= 32 &&
           geometry->sector_bytes >= geometry->program_unit_bytes && geometry->size_bytes != 0 &&
           geometry->size_bytes % geometry->sector_bytes == 0;
}

/* No sum that could wrap: the end of the part is compared with what is left behind address. */
static bool range_valid(
    const struct dr_flash_geometry *geometry, uint32_t address, uint32_t size_bytes, uint32_t align)
{
    return (address | size_bytes) % align == 0 && address <= geometry->size_bytes &&
           size_bytes <= geometry->size_bytes - address;
}

struct dr_flash_area dr_flash_slot_area(const struct dr_flash_map *map, enum dr_slot_id slot)
{
    const struct dr_flash_area nowhere = {0};
    switch (slot) {
    case DR_SLOT_NONE:
        break;
    case DR_SLOT_A:
        return map->slot_a;
    case DR_SLOT_B:
        return map->slot_b;
    case DR_SLOT_FACTORY:
        return map->factory;
    }
    return nowhere;
}

/* Both lie inside the part, so the ends do not wrap. */
static bool areas_apart(const struct dr_flash_area *a, const struct dr_flash_area *b)
{
    return a->address + a->size_bytes <= b->address || b->address + b->size_bytes <= a->address;
}

enum dr_status
dr_flash_map_check(const struct dr_flash_map *map, const struct dr_flash_geometry *geometry)
{
    if (!geometry_valid(geometry)) {
        return DR_E_ARGUMENT;
    }
    const struct dr_flash_area *const areas[MAP_AREAS] = {
        &map->journal, &map->requests, &map->slot_a, &map->slot_b,
        &map->factory, &map->vault,    &map->panel};
    for (size_t i = 0; i < MAP_AREAS; i++) {
        const struct dr_flash_area *area = areas[i];
        if (area->size_bytes == 0 ||
            !range_valid(geometry, area->address, area->size_bytes, geometry->sector_bytes)) {
            return DR_E_ARGUMENT;
        }
        for (size_t j = 0; j < i; j++) {
            if (!areas_apart(area, areas[j])) {
                return DR_E_ARGUMENT;
            }
        }
    }
    if (map->journal.size_bytes / geometry->sector_bytes != JOURNAL_SECTORS ||
        map->requests.size_bytes / geometry->sector_bytes != REQUEST_SECTORS) {
        return DR_E_ARGUMENT;
    }
    return DR_OK;
}

enum dr_status
dr_flash_read(const struct dr_flash *flash, uint32_t address, uint8_t *out, uint32_t size_bytes)
{
    if (!range_valid(&DR_FLASH(flash)->geometry, address, size_bytes, 1)) {
        return DR_E_ARGUMENT;
    }
    return size_bytes == 0
               ? DR_OK
               : DR_FLASH(flash)->read(DR_FLASH(flash)->context, address, out, size_bytes);
}

enum dr_status dr_flash_program(
    const struct dr_flash *flash, uint32_t address, const uint8_t *data, uint32_t size_bytes)
{
    if (!range_valid(
            &DR_FLASH(flash)->geometry, address, size_bytes,
            DR_FLASH(flash)->geometry.program_unit_bytes)) {
        return DR_E_ARGUMENT;
    }
    return size_bytes == 0
               ? DR_OK
               : DR_FLASH(flash)->program(DR_FLASH(flash)->context, address, data, size_bytes);
}

enum dr_status dr_flash_erase(const struct dr_flash *flash, uint32_t address, uint32_t size_bytes)
{
    if (!range_valid(
            &DR_FLASH(flash)->geometry, address, size_bytes,
            DR_FLASH(flash)->geometry.sector_bytes)) {
        return DR_E_ARGUMENT;
    }
    return size_bytes == 0 ? DR_OK
                           : DR_FLASH(flash)->erase(DR_FLASH(flash)->context, address, size_bytes);
}

enum dr_status dr_flash_sync(const struct dr_flash *flash)
{
    return DR_FLASH(flash)->sync(DR_FLASH(flash)->context);
}
