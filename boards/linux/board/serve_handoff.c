/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Hand-off and device secret. */
#include "boards/linux/board/board.h"

#include "base/secret.h"
#include "device/boot/info.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static bool plausible(const struct dr_wire_summary *summary)
{
    bool slot = summary->slot >= DR_SLOT_A && summary->slot <= DR_SLOT_FACTORY;
    bool spare = summary->spare == DR_SLOT_NONE ||
                 ((summary->spare == DR_SLOT_A || summary->spare == DR_SLOT_B) &&
                  summary->spare != summary->slot);
    return slot && spare && summary->hang_ms > 0 && summary->hang_ms <= DR_LINUX_HANG_S_MAX * 1000u;
}

enum dr_status
dr_board_handoff_set(struct dr_board *board, const uint8_t *payload, size_t size_bytes)
{
    struct dr_board_machine *machine = &board->machine;
    struct dr_wire_summary summary;
    DR_TRY(dr_wire_decode_summary(payload, DR_WIRE_SUMMARY_BYTES, &summary));
    if (!plausible(&summary)) {
        return DR_E_ARGUMENT;
    }
    size_t handoff_bytes = size_bytes - DR_WIRE_SUMMARY_BYTES;
    memcpy(machine->handoff, payload + DR_WIRE_SUMMARY_BYTES, handoff_bytes);
    machine->handoff_bytes = handoff_bytes;
    machine->summary = summary;
    machine->has_summary = true;
    machine->phase = DR_BOARD_FIRMWARE;
    dr_board_handoff_log(board);
    return dr_board_watchdog_arm(board, summary.hang_ms);
}

enum dr_status dr_board_handoff_get(
    struct dr_board *board, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes)
{
    struct dr_board_machine *machine = &board->machine;
    if (machine->handoff_bytes == 0) {
        return DR_E_NOT_FOUND;
    }
    if (machine->handoff_bytes > capacity_bytes) {
        return DR_E_SPACE;
    }
    memcpy(out, machine->handoff, machine->handoff_bytes);
    *ret_size_bytes = machine->handoff_bytes;
    dr_wipe(machine->handoff, sizeof machine->handoff);
    machine->handoff_bytes = 0;
    return DR_OK;
}

enum dr_status dr_board_secret(struct dr_board *board, uint8_t secret[32])
{
    if (board->machine.secret_given) {
        return DR_E_DENIED;
    }
    board->machine.secret_given = true;
    int fd = open(DR_BOARD_SECRET_PATH, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return DR_E_NOT_FOUND;
    }
    ssize_t count = read(fd, secret, 32);
    close(fd);
    if (count != 32) {
        dr_wipe(secret, 32);
        return DR_E_NOT_FOUND;
    }
    return DR_OK;
}
