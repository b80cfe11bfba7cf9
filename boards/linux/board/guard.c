/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/linux/board/guard.h"

#include "boards/linux/map.h"

static bool inside(const struct dr_flash_area *area, uint32_t address, uint32_t size_bytes)
{
    return address >= area->address && address - area->address <= area->size_bytes &&
           size_bytes <= area->size_bytes - (address - area->address);
}

bool dr_guard_may_write(
    enum dr_guard_phase phase, enum dr_slot_id spare, uint32_t address, uint32_t size_bytes)
{
    const struct dr_flash_map *map = &dr_linux_flash_map;
    if (inside(&map->requests, address, size_bytes)) {
        return true;
    }
    if (phase == DR_GUARD_ROM) {
        return inside(&map->journal, address, size_bytes);
    }
    if (inside(&map->vault, address, size_bytes)) {
        return true;
    }
    return (spare == DR_SLOT_A && inside(&map->slot_a, address, size_bytes)) ||
           (spare == DR_SLOT_B && inside(&map->slot_b, address, size_bytes));
}
