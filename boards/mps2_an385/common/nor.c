/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/mps2_an385/common/nor.h"

#include "boards/mps2_an385/common/part.h"
#include "boards/mps2_an385/map.h"

#include <stdbool.h>
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

/* The boot ROM's areas; and a firmware's. */
static bool rom_may_write(uint32_t address, uint32_t size_bytes)
{
    return inside(&dr_mps2_flash_map.requests, address, size_bytes) ||
           inside(&dr_mps2_flash_map.journal, address, size_bytes);
}

static bool may_write(const struct dr_nor *nor, uint32_t address, uint32_t size_bytes)
{
    const struct dr_flash_map *map = &dr_mps2_flash_map;
    return inside(&map->requests, address, size_bytes) ||
           inside(&map->vault, address, size_bytes) ||
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

/* Whole units, whole sectors: device/flash proves it before it calls a port. */
static enum dr_status program(uint32_t address, const uint8_t *data, uint32_t size_bytes)
{
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

static enum dr_status erase(uint32_t address, uint32_t size_bytes)
{
    volatile uint32_t *cells = cell(address);
    for (uint32_t i = 0; i < size_bytes / 4u; i++) {
        cells[i] = 0xffffffffu;
    }
    return DR_OK;
}

static enum dr_status
nor_program(void *context, uint32_t address, const uint8_t *data, uint32_t size_bytes)
{
    return may_write(context, address, size_bytes) ? program(address, data, size_bytes)
                                                   : DR_E_DENIED;
}

static enum dr_status nor_erase(void *context, uint32_t address, uint32_t size_bytes)
{
    return may_write(context, address, size_bytes) ? erase(address, size_bytes) : DR_E_DENIED;
}

static enum dr_status
rom_program(void *context, uint32_t address, const uint8_t *data, uint32_t size_bytes)
{
    (void)context;
    return rom_may_write(address, size_bytes) ? program(address, data, size_bytes) : DR_E_DENIED;
}

static enum dr_status rom_erase(void *context, uint32_t address, uint32_t size_bytes)
{
    (void)context;
    return rom_may_write(address, size_bytes) ? erase(address, size_bytes) : DR_E_DENIED;
}

static enum dr_status nor_sync(void *context)
{
    (void)context;
    __asm volatile("dsb" ::: "memory");
    return DR_OK;
}

const struct dr_flash dr_nor_flash_rom = {
    .geometry = DR_MPS2_FLASH_GEOMETRY,
    .read = nor_read,
    .program = rom_program,
    .erase = rom_erase,
    .sync = nor_sync,
};

void dr_nor_port_firmware(struct dr_nor *nor, uint8_t spare, struct dr_flash *ret_flash)
{
    nor->spare = spare;
    *ret_flash = (struct dr_flash){
        .geometry = dr_mps2_flash_geometry,
        .context = nor,
        .read = nor_read,
        .program = nor_program,
        .erase = nor_erase,
        .sync = nor_sync,
    };
}
