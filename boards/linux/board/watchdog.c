/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The watchdog and what a dying firmware leaves behind. */
#include "boards/linux/board/board.h"

#include "boards/linux/crash.h"
#include "device/boot/info.h"

#include <signal.h>
#include <string.h>

void dr_board_watchdog_stop(struct dr_board *board)
{
    board->watchdog = (struct dr_board_watchdog){
        .period_ms = 0, .expires_ms = DR_BOARD_NEVER, .reset_ms = DR_BOARD_NEVER};
}

enum dr_status dr_board_watchdog_arm(struct dr_board *board, uint32_t period_ms)
{
    if (period_ms == 0) {
        return DR_E_ARGUMENT;
    }
    if (board->machine.phase == DR_BOARD_FIRMWARE && period_ms > board->machine.summary.hang_ms) {
        return DR_E_DENIED;
    }
    board->watchdog.period_ms = period_ms;
    dr_board_watchdog_feed(board);
    return DR_OK;
}

void dr_board_watchdog_feed(struct dr_board *board)
{
    struct dr_board_watchdog *watchdog = &board->watchdog;
    /* After the first expiry the machine is on its way out: feeding no longer helps. */
    if (watchdog->period_ms != 0 && watchdog->reset_ms == DR_BOARD_NEVER) {
        watchdog->expires_ms = dr_board_now_ms() + watchdog->period_ms;
    }
}

void dr_board_watchdog_tick(struct dr_board *board, uint64_t now_ms)
{
    struct dr_board_watchdog *watchdog = &board->watchdog;
    if (now_ms >= watchdog->reset_ms) {
        if (board->machine.phase == DR_BOARD_FIRMWARE && !board->machine.crash_reported) {
            dr_board_crash_record(board, DR_CRASH_HANG, DR_CRASH_NMI_SIGNAL);
        }
        dr_board_reset(board, "watchdog");
        return;
    }
    if (now_ms < watchdog->expires_ms) {
        return;
    }
    uint32_t grace_ms = watchdog->period_ms < DR_BOARD_NMI_GRACE_MS_MAX ? watchdog->period_ms
                                                                        : DR_BOARD_NMI_GRACE_MS_MAX;
    watchdog->expires_ms = DR_BOARD_NEVER;
    watchdog->reset_ms = now_ms + grace_ms;
    dr_board_log(board, "board", "watchdog: not fed for %u ms", (unsigned)watchdog->period_ms);
    /* The boot ROM has no handler for it, as it has nothing to record. */
    if (board->machine.phase == DR_BOARD_FIRMWARE && board->machine.pid > 0) {
        kill(board->machine.pid, DR_CRASH_NMI_SIGNAL);
    }
}

static void store(struct dr_board *board, struct dr_crash_record *record)
{
    memcpy(record->digest, board->machine.summary.digest, sizeof record->digest);
    memset(board->retained + DR_LINUX_CRASH_AT, 0, DR_LINUX_CRASH_BYTES);
    dr_crash_encode(record, board->retained + DR_LINUX_CRASH_AT);
    board->machine.crash_reported = true;
}

void dr_board_crash_record(struct dr_board *board, uint8_t reason, uint32_t fault_status)
{
    uint64_t uptime_ms = (dr_board_now_ns() - board->machine.reset_ns) / 1000000u;
    struct dr_crash_record record = {
        .reason = reason,
        .fault_status = fault_status,
        .uptime_ms = uptime_ms < UINT32_MAX ? (uint32_t)uptime_ms : UINT32_MAX};
    store(board, &record);
}

void dr_board_crash_report(struct dr_board *board, const uint8_t *data, size_t size_bytes)
{
    struct dr_crash_record record;
    if (board->machine.phase != DR_BOARD_FIRMWARE || size_bytes != DR_CRASH_BYTES ||
        dr_crash_decode(data, &record) != DR_OK) {
        dr_board_log(board, "board", "a malformed crash record was dropped");
        return;
    }
    dr_board_log(
        board, "board", "crash: reason %u, signal %u, pc %08x, uptime %u ms", record.reason,
        (unsigned)record.fault_status, (unsigned)record.pc, (unsigned)record.uptime_ms);
    store(board, &record);
}
