/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Port: the external NOR flash.
 *
 * Rules every caller keeps (docs/device.md 9; the model in sim/ enforces them):
 *  - between two erases of its sector each program unit is programmed once, whatever its content
 * (parts with ECC);
 *  - program addresses and sizes are multiples of program_unit_bytes, erase works on whole sectors;
 *  - an operation that was cut may have happened not at all, in part, or wholly: what matters is
 * read back. State is therefore appended as checked records, never as bits cleared in place.
 */
#ifndef DR_DEVICE_FLASH_FLASH_H
#define DR_DEVICE_FLASH_FLASH_H

#include "base/status.h"

#include <stdint.h>

struct dr_flash_geometry {
    uint32_t size_bytes;         /* multiple of sector_bytes */
    uint32_t sector_bytes;       /* smallest erasable run; power of two */
    uint32_t program_unit_bytes; /* 1 to 32; power of two */
    uint8_t erased_value;        /* 0xff on NOR */
};

/* Supplied by a board (or a model). Every function returns DR_OK, DR_E_IO (the part or the channel
 * failed) or DR_E_ARGUMENT (alignment, range). DR_E_DENIED: the board does not let this firmware
 * write there. A board may take programs and erases without waiting for them: a failure then comes
 * from a later call, at the latest from sync, and a read sees everything that was asked for before.
 */
struct dr_flash {
    struct dr_flash_geometry geometry;
    void *context; /* the board's own; kept for the life of the port */
    enum dr_status (*read)(void *context, uint32_t address, uint8_t *out, uint32_t size_bytes);
    enum dr_status (*program)(
        void *context, uint32_t address, const uint8_t *data, uint32_t size_bytes);
    enum dr_status (*erase)(void *context, uint32_t address, uint32_t size_bytes);
    /* Everything programmed or erased before is on the medium when this returns. */
    enum dr_status (*sync)(void *context);
};

/* The port behind a pointer. A program that holds but one may say so (DR_FLASH_ONLY=its name), and
 * a compiler that sees it as a whole calls the functions directly. */
#ifdef DR_FLASH_ONLY
extern const struct dr_flash DR_FLASH_ONLY;
#define DR_FLASH(flash) ((void)(flash), &DR_FLASH_ONLY)
#else
#define DR_FLASH(flash) (flash)
#endif

/* A named run of whole sectors. */
struct dr_flash_area {
    uint32_t address;
    uint32_t size_bytes;
};

/* Where things are on one board; sectors never shared. journal is exactly 2 sectors, requests 1. */
struct dr_flash_map {
    struct dr_flash_area journal;
    struct dr_flash_area requests;
    struct dr_flash_area slot_a;
    struct dr_flash_area slot_b;
    struct dr_flash_area factory;
    struct dr_flash_area vault;
    struct dr_flash_area panel; /* the front panel page; not storage, never touched by src/device */
};

enum dr_slot_id {
    DR_SLOT_NONE = 0,
    DR_SLOT_A = 1,
    DR_SLOT_B = 2,
    DR_SLOT_FACTORY = 3,
};

/* The area of a slot; an area of size 0 for DR_SLOT_NONE. */
struct dr_flash_area dr_flash_slot_area(const struct dr_flash_map *map, enum dr_slot_id slot);

/* DR_E_ARGUMENT unless every area lies on whole sectors inside the part and none overlap. */
DR_MUST_USE enum dr_status
dr_flash_map_check(const struct dr_flash_map *map, const struct dr_flash_geometry *geometry);

/* Checked calls: range and alignment are proved here before the port is entered. */
DR_MUST_USE enum dr_status
dr_flash_read(const struct dr_flash *flash, uint32_t address, uint8_t *out, uint32_t size_bytes);
DR_MUST_USE enum dr_status dr_flash_program(
    const struct dr_flash *flash, uint32_t address, const uint8_t *data, uint32_t size_bytes);
DR_MUST_USE enum dr_status
dr_flash_erase(const struct dr_flash *flash, uint32_t address, uint32_t size_bytes);
DR_MUST_USE enum dr_status dr_flash_sync(const struct dr_flash *flash);

#endif
