/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/mps2_an385/common/nor.h"

#include "boards/mps2_an385/common/part.h"
#include "boards/mps2_an385/map.h"

#include <string.h>

#define UNIT DR_MPS2_PROGRAM_UNIT_BYTES
#define UNIT_WORDS (UNIT / 4u)
#define SECTOR_WORDS (DR_MPS2_SECTOR_BYTES / 4u)

static volatile uint32_t *cell(uint32_t address)
{
    return (volatile uint32_t *)(uintptr_t)(DR_MPS2_STORE_AT + address);
}

static bool inside(const struct dr_flash_area *area, uint32_t address, uint32_t size_bytes)
{
    return address >= area->address && address - area->address <= area->size_bytes &&
           size_bytes <= area->size_bytes - (address - area->address);
}

static bool may_write(const struct dr_nor *nor, uint32_t address, uint32_t size_bytes)
{
    const struct dr_flash_map *map = &dr_mps2_flash_map;
    if (inside(&map->requests, address, size_bytes)) {
        return true;
    }
    if (nor->any) {
        return inside(&map->journal, address, size_bytes);
    }
    return inside(&map->vault, address, size_bytes) ||
           (nor->spare == DR_SLOT_A && inside(&map->slot_a, address, size_bytes)) ||
           (nor->spare == DR_SLOT_B && inside(&map->slot_b, address, size_bytes));
}

static enum dr_status nor_read(void *context, uint32_t address, uint8_t *out, uint32_t size_bytes)
{
    (void)context;
    if (address > DR_MPS2_BOARD_AT || size_bytes > DR_MPS2_BOARD_AT - address) {
        return DR_E_ARGUMENT;
    }
    memcpy(out, (const void *)(uintptr_t)(DR_MPS2_STORE_AT + address), size_bytes);
    return DR_OK;
}

static enum dr_status
nor_program(void *context, uint32_t address, const uint8_t *data, uint32_t size_bytes)
{
    if (address % UNIT != 0 || size_bytes % UNIT != 0) {
        return DR_E_ARGUMENT;
    }
    if (!may_write(context, address, size_bytes)) {
        return DR_E_DENIED;
    }
    for (uint32_t done = 0; done < size_bytes; done += UNIT) {
        volatile uint32_t *unit = cell(address + done);
        uint32_t both = 0xffffffffu;
        for (uint32_t i = 0; i < UNIT_WORDS; i++) {
            both &= unit[i];
        }
        if (both != 0xffffffffu) {
            return DR_E_IO;
        }
        for (uint32_t i = 0; i < UNIT_WORDS; i++) {
            uint32_t word;
            memcpy(&word, data + done + 4u * i, sizeof word);
            unit[i] = word;
        }
    }
    return DR_OK;
}

static enum dr_status nor_erase(void *context, uint32_t address, uint32_t size_bytes)
{
    if (address % DR_MPS2_SECTOR_BYTES != 0 || size_bytes % DR_MPS2_SECTOR_BYTES != 0) {
        return DR_E_ARGUMENT;
    }
    if (!may_write(context, address, size_bytes)) {
        return DR_E_DENIED;
    }
    volatile uint32_t *cells = cell(address);
    for (uint32_t i = 0; i < size_bytes / 4u; i++) {
        cells[i] = 0xffffffffu;
    }
    return DR_OK;
}

static enum dr_status nor_sync(void *context)
{
    (void)context;
    __asm volatile("dsb" ::: "memory");
    return DR_OK;
}

static void fill(struct dr_nor *nor, struct dr_flash *ret_flash)
{
    ret_flash->geometry = dr_mps2_flash_geometry;
    ret_flash->context = nor;
    ret_flash->read = nor_read;
    ret_flash->program = nor_program;
    ret_flash->erase = nor_erase;
    ret_flash->sync = nor_sync;
}

void dr_nor_port_rom(struct dr_nor *nor, struct dr_flash *ret_flash)
{
    nor->any = true;
    nor->spare = DR_SLOT_NONE;
    fill(nor, ret_flash);
}

void dr_nor_port_firmware(struct dr_nor *nor, uint8_t spare, struct dr_flash *ret_flash)
{
    nor->any = false;
    nor->spare = spare;
    fill(nor, ret_flash);
}
