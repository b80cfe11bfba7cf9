/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/mps2_an385/common/part.h"

#include "base/check.h"
#include "boards/mps2_an385/map.h"

DR_STATIC_ASSERT(
    DR_MPS2_REQUESTS_AT + DR_MPS2_SECTOR_BYTES <= DR_MPS2_VAULT_AT &&
        DR_MPS2_VAULT_AT + DR_MPS2_VAULT_BYTES <= DR_MPS2_DATA_AT + DR_MPS2_DATA_BYTES,
    "requests and vault share a region");
DR_STATIC_ASSERT(
    DR_MPS2_FACTORY_AT + DR_MPS2_SLOT_BYTES <= DR_MPS2_BOARD_AT, "the board's pages come last");

const struct dr_flash_geometry dr_mps2_flash_geometry = DR_MPS2_FLASH_GEOMETRY;

const struct dr_flash_map dr_mps2_flash_map = {
    .journal = {DR_MPS2_JOURNAL_AT, 2u * DR_MPS2_SECTOR_BYTES},
    .requests = {DR_MPS2_REQUESTS_AT, DR_MPS2_SECTOR_BYTES},
    .slot_a = {DR_MPS2_SLOT_A_AT, DR_MPS2_SLOT_BYTES},
    .slot_b = {DR_MPS2_SLOT_B_AT, DR_MPS2_SLOT_BYTES},
    .factory = {DR_MPS2_FACTORY_AT, DR_MPS2_SLOT_BYTES},
    .vault = {DR_MPS2_VAULT_AT, DR_MPS2_VAULT_BYTES},
    .panel = {DR_MPS2_BOARD_AT, DR_MPS2_BOARD_BYTES},
};
