/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A flash port that answers one call with DR_E_IO and does nothing then, and passes all others on.
 * A test moves that call through everything that its subject does. */
#ifndef DR_TESTS_UNIT_FAULTY_FLASH_H
#define DR_TESTS_UNIT_FAULTY_FLASH_H

#include "device/flash/flash.h"

#include <stdbool.h>

struct faulty_flash {
    struct dr_flash port; /* for the subject */
    struct dr_flash inner;
    uint64_t calls;
    uint64_t fail_at;        /* this call, from 1; 0: none */
    uint32_t failed_address; /* what it was about; a sync is about everything: UINT32_MAX */
};

static inline bool faulty_now(struct faulty_flash *flash, uint32_t address)
{
    bool now = ++flash->calls == flash->fail_at;
    flash->failed_address = now ? address : flash->failed_address;
    return now;
}

static inline enum dr_status
faulty_read(void *context, uint32_t address, uint8_t *out, uint32_t size_bytes)
{
    struct faulty_flash *flash = context;
    return faulty_now(flash, address)
               ? DR_E_IO
               : flash->inner.read(flash->inner.context, address, out, size_bytes);
}

static inline enum dr_status
faulty_program(void *context, uint32_t address, const uint8_t *data, uint32_t size_bytes)
{
    struct faulty_flash *flash = context;
    return faulty_now(flash, address)
               ? DR_E_IO
               : flash->inner.program(flash->inner.context, address, data, size_bytes);
}

static inline enum dr_status faulty_erase(void *context, uint32_t address, uint32_t size_bytes)
{
    struct faulty_flash *flash = context;
    return faulty_now(flash, address)
               ? DR_E_IO
               : flash->inner.erase(flash->inner.context, address, size_bytes);
}

static inline enum dr_status faulty_sync(void *context)
{
    struct faulty_flash *flash = context;
    return faulty_now(flash, UINT32_MAX) ? DR_E_IO : flash->inner.sync(flash->inner.context);
}

static inline void
faulty_init(struct faulty_flash *flash, const struct dr_flash *inner, uint64_t fail_at)
{
    flash->inner = *inner;
    flash->calls = 0;
    flash->fail_at = fail_at;
    flash->failed_address = 0;
    flash->port = (struct dr_flash){
        .geometry = inner->geometry,
        .context = flash,
        .read = faulty_read,
        .program = faulty_program,
        .erase = faulty_erase,
        .sync = faulty_sync,
    };
}

#endif
