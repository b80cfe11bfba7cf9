/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/mps2_an385/handoff.h"

#include "base/secret.h"
#include "boards/mps2_an385/map.h"

enum dr_status dr_handoff_take(struct dr_boot_info *ret_info)
{
    uint8_t *page = (uint8_t *)(uintptr_t)DR_MPS2_HANDOFF_AT;
    enum dr_status status = dr_boot_info_decode(page, DR_BOOT_INFO_BYTES, ret_info);
    dr_wipe(page, DR_MPS2_HANDOFF_BYTES);
    return status;
}
