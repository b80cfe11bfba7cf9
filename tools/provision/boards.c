/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The boards that devices can be made for. */
#include "tools/provision/provision.h"

#include "boards/linux/map.h"
#include "boards/mps2_an385/common/part.h"
#include "boards/mps2_an385/map.h"

#include <string.h>

static enum dr_status
open_linux(struct dr_provision_store *store, const char *path, struct dr_flash *ret_flash)
{
    enum dr_status status = dr_flash_file_open(&store->linux_file, path);
    dr_flash_file_port(&store->linux_file, ret_flash);
    return status;
}

static void close_linux(struct dr_provision_store *store)
{
    dr_flash_file_close(&store->linux_file);
}

static enum dr_status
open_mps2(struct dr_provision_store *store, const char *path, struct dr_flash *ret_flash)
{
    return dr_nor_file_open(&store->nor_file, path, ret_flash);
}

static void close_mps2(struct dr_provision_store *store)
{
    dr_nor_file_close(&store->nor_file);
}

static const struct dr_provision_board boards[] = {
    {.name = "linux",
     .rom_program = "daruma-rom-linux",
     .board_program = "daruma-board",
     .geometry = &dr_linux_flash_geometry,
     .map = &dr_linux_flash_map,
     .create = dr_flash_file_create,
     .open = open_linux,
     .close = close_linux},
    {.name = "mps2-an385",
     .rom_program = "rom-mps2.bin",
     .board_program = "daruma-board-mps2",
     .geometry = &dr_mps2_flash_geometry,
     .map = &dr_mps2_flash_map,
     .load_address = DR_MPS2_LOAD_AT,
     .load_size_bytes = DR_MPS2_LOAD_BYTES,
     .create = dr_nor_file_create,
     .open = open_mps2,
     .close = close_mps2},
};

const struct dr_provision_board *dr_provision_board_named(const char *name)
{
    for (size_t i = 0; i < sizeof boards / sizeof boards[0]; i++) {
        if (strcmp(boards[i].name, name) == 0) {
            return &boards[i];
        }
    }
    return NULL;
}
