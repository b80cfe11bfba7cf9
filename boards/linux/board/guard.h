/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Who may write where (docs/device.md 9). Pure.
 *
 * The boot ROM writes the journal and the requests. A firmware writes the spare that its hand-off
 * named, the requests and the vault; never the journal, the factory slot, its own slot or, without
 * a spare, the other one. The rule is taken at the hand-off and holds until reset.
 */
#ifndef DR_BOARDS_LINUX_BOARD_GUARD_H
#define DR_BOARDS_LINUX_BOARD_GUARD_H

#include "device/flash/flash.h"

#include <stdbool.h>

enum dr_guard_phase {
    DR_GUARD_ROM = 0,
    DR_GUARD_FIRMWARE = 1,
};

/* May [address, address + size_bytes) be programmed or erased? It must lie in one allowed area. */
bool dr_guard_may_write(
    enum dr_guard_phase phase, enum dr_slot_id spare, uint32_t address, uint32_t size_bytes);

#endif
