/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The board's end of the channel: a table of operations, each checked before it is entered. */
#include "boards/linux/board/board.h"

#include "base/check.h"
#include "base/cursor.h"
#include "base/secret.h"
#include "format/enclosed.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_BYTES_MAX DR_WIRE_PAYLOAD_BYTES_MAX
#define MESSAGES_PER_TURN 16u

struct exchange {
    struct dr_wire_request request;
    const uint8_t *payload;
    size_t payload_bytes;
    uint8_t *answer; /* ANSWER_BYTES_MAX */
    size_t answer_bytes;
    uint32_t value;
};

enum who { ANY, ROM, FIRMWARE };

struct operation {
    enum dr_status (*run)(struct dr_board *board, struct exchange *exchange);
    enum who who;
    bool posted;
    uint32_t payload_min;
    uint32_t payload_max;
};

static enum dr_status hello(struct dr_board *board, struct exchange *exchange)
{
    struct dr_writer writer;
    dr_writer_init(&writer, exchange->answer, ANSWER_BYTES_MAX);
    dr_write_u32(&writer, DR_WIRE_VERSION);
    dr_write_u64(&writer, board->machine.reset_ns);
    exchange->answer_bytes = writer.size_bytes;
    return writer.status;
}

static enum dr_status flash_read(struct dr_board *board, struct exchange *exchange)
{
    uint32_t size_bytes = exchange->request.b;
    if (size_bytes > DR_WIRE_FLASH_BYTES_MAX) {
        return DR_E_ARGUMENT;
    }
    DR_TRY(dr_flash_file_read(&board->flash, exchange->request.a, exchange->answer, size_bytes));
    exchange->answer_bytes = size_bytes;
    return DR_OK;
}

/* A violation is a defect or an attack: it is refused, and a person can read about it. */
static enum dr_status
guarded(struct dr_board *board, const char *what, uint32_t address, uint32_t size_bytes)
{
    const struct dr_board_machine *machine = &board->machine;
    bool firmware = machine->phase == DR_BOARD_FIRMWARE;
    if (dr_guard_may_write(
            firmware ? DR_GUARD_FIRMWARE : DR_GUARD_ROM, (enum dr_slot_id)machine->summary.spare,
            address, size_bytes)) {
        return DR_OK;
    }
    dr_board_log(
        board, "board", "refused: the %s may not %s %u bytes at 0x%07x",
        dr_board_phase_word(machine->phase), what, (unsigned)size_bytes, (unsigned)address);
    return DR_E_DENIED;
}

static enum dr_status flash_program(struct dr_board *board, struct exchange *exchange)
{
    uint32_t address = exchange->request.a;
    uint32_t size_bytes = (uint32_t)exchange->payload_bytes;
    DR_TRY(guarded(board, "program", address, size_bytes));
    enum dr_status status =
        dr_flash_file_program(&board->flash, address, exchange->payload, size_bytes);
    if (status == DR_E_IO && board->flash_status == DR_OK) {
        dr_board_log(
            board, "board", "program failed: %u bytes at 0x%07x (not erased, or the file failed)",
            (unsigned)size_bytes, (unsigned)address);
    }
    return status;
}

static enum dr_status flash_erase(struct dr_board *board, struct exchange *exchange)
{
    DR_TRY(guarded(board, "erase", exchange->request.a, exchange->request.b));
    return dr_flash_file_erase(&board->flash, exchange->request.a, exchange->request.b);
}

static enum dr_status anchor(struct dr_board *board, struct exchange *exchange)
{
    return dr_board_anchor_ask(
        board, &exchange->request, exchange->payload, exchange->payload_bytes);
}

static enum dr_status watchdog_arm(struct dr_board *board, struct exchange *exchange)
{
    return dr_board_watchdog_arm(board, exchange->request.a);
}

static enum dr_status watchdog_feed(struct dr_board *board, struct exchange *exchange)
{
    (void)exchange;
    dr_board_watchdog_feed(board);
    return DR_OK;
}

static enum dr_status retained_read(struct dr_board *board, struct exchange *exchange)
{
    uint32_t offset = exchange->request.a;
    uint32_t size_bytes = exchange->request.b;
    if (offset > sizeof board->retained || size_bytes > sizeof board->retained - offset) {
        return DR_E_RANGE;
    }
    memcpy(exchange->answer, board->retained + offset, size_bytes);
    exchange->answer_bytes = size_bytes;
    return DR_OK;
}

static enum dr_status retained_write(struct dr_board *board, struct exchange *exchange)
{
    uint32_t offset = exchange->request.a;
    if (offset > sizeof board->retained ||
        exchange->payload_bytes > sizeof board->retained - offset) {
        return DR_E_RANGE;
    }
    memcpy(board->retained + offset, exchange->payload, exchange->payload_bytes);
    return DR_OK;
}

static enum dr_status strap_take(struct dr_board *board, struct exchange *exchange)
{
    exchange->value = dr_board_panel(board, DR_PANEL_STRAP_AT);
    dr_board_panel_set(board, DR_PANEL_STRAP_AT, DR_PANEL_STRAP_NONE);
    return DR_OK;
}

static enum dr_status pins(struct dr_board *board, struct exchange *exchange)
{
    exchange->value = dr_board_panel(board, DR_PANEL_PINS_AT);
    return DR_OK;
}

static enum dr_status led(struct dr_board *board, struct exchange *exchange)
{
    dr_board_panel_set(board, DR_PANEL_LED_AT, exchange->request.a);
    return DR_OK;
}

static enum dr_status app_leds(struct dr_board *board, struct exchange *exchange)
{
    dr_board_panel_set(board, DR_PANEL_APP_LEDS_AT, exchange->request.a);
    return DR_OK;
}

static enum dr_status handoff_set(struct dr_board *board, struct exchange *exchange)
{
    return dr_board_handoff_set(board, exchange->payload, exchange->payload_bytes);
}

static enum dr_status handoff_get(struct dr_board *board, struct exchange *exchange)
{
    return dr_board_handoff_get(board, exchange->answer, ANSWER_BYTES_MAX, &exchange->answer_bytes);
}

static enum dr_status reset(struct dr_board *board, struct exchange *exchange)
{
    (void)exchange;
    dr_board_reset(board, "asked for by the machine");
    return DR_OK;
}

static enum dr_status resolve(struct dr_board *board, struct exchange *exchange)
{
    return dr_board_resolve(board, &exchange->request, exchange->payload, exchange->payload_bytes);
}

static enum dr_status log_line(struct dr_board *board, struct exchange *exchange)
{
    dr_board_log_bytes(
        board, dr_board_phase_word(board->machine.phase), exchange->payload,
        exchange->payload_bytes);
    return DR_OK;
}

static enum dr_status csr(struct dr_board *board, struct exchange *exchange)
{
    return dr_board_csr(board, exchange->request.a, exchange->payload, exchange->payload_bytes);
}

static enum dr_status bundle(struct dr_board *board, struct exchange *exchange)
{
    return dr_board_bundle(board, exchange->answer, ANSWER_BYTES_MAX, &exchange->answer_bytes);
}

static enum dr_status provisioned(struct dr_board *board, struct exchange *exchange)
{
    (void)exchange;
    return dr_board_provisioned(board);
}

static enum dr_status wall_clock(struct dr_board *board, struct exchange *exchange)
{
    struct dr_writer writer;
    dr_writer_init(&writer, exchange->answer, ANSWER_BYTES_MAX);
    dr_write_u64(&writer, (uint64_t)((int64_t)time(NULL) + board->clock_offset_s));
    exchange->answer_bytes = writer.size_bytes;
    return writer.status;
}

static enum dr_status join(struct dr_board *board, struct exchange *exchange)
{
    return dr_board_network_join(board, exchange->payload, exchange->payload_bytes);
}

static enum dr_status leave(struct dr_board *board, struct exchange *exchange)
{
    (void)exchange;
    dr_board_network_reset(board);
    return DR_OK;
}

static enum dr_status offered(struct dr_board *board, struct exchange *exchange)
{
    return dr_board_network_offered(
        board, exchange->answer, ANSWER_BYTES_MAX, &exchange->answer_bytes);
}

static enum dr_status crash(struct dr_board *board, struct exchange *exchange)
{
    dr_board_crash_report(board, exchange->payload, exchange->payload_bytes);
    return DR_OK;
}

static enum dr_status secret(struct dr_board *board, struct exchange *exchange)
{
    DR_TRY(dr_board_secret(board, exchange->answer));
    exchange->answer_bytes = 32;
    return DR_OK;
}

static const struct operation operations[] = {
    [DR_WIRE_HELLO] = {hello, ANY, false, 0, 0},
    [DR_WIRE_FLASH_READ] = {flash_read, ANY, false, 0, 0},
    [DR_WIRE_FLASH_PROGRAM] = {flash_program, ANY, false, 1, DR_WIRE_FLASH_BYTES_MAX},
    [DR_WIRE_FLASH_ERASE] = {flash_erase, ANY, false, 0, 0},
    [DR_WIRE_ANCHOR] = {anchor, ANY, false, 1, DR_WIRE_ANCHOR_BYTES_MAX},
    [DR_WIRE_WATCHDOG_ARM] = {watchdog_arm, ANY, false, 0, 0},
    [DR_WIRE_WATCHDOG_FEED] = {watchdog_feed, ANY, true, 0, 0},
    [DR_WIRE_RETAINED_READ] = {retained_read, ANY, false, 0, 0},
    [DR_WIRE_RETAINED_WRITE] = {retained_write, ANY, false, 1, DR_LINUX_RETAINED_BYTES},
    [DR_WIRE_STRAP_TAKE] = {strap_take, ROM, false, 0, 0},
    [DR_WIRE_PINS] = {pins, ANY, false, 0, 0},
    [DR_WIRE_LED] = {led, ANY, true, 0, 0},
    [DR_WIRE_APP_LEDS] = {app_leds, ANY, true, 0, 0},
    [DR_WIRE_HANDOFF_SET] =
        {handoff_set, ROM, false, DR_WIRE_SUMMARY_BYTES + 1u,
         DR_WIRE_SUMMARY_BYTES + DR_WIRE_HANDOFF_BYTES_MAX},
    [DR_WIRE_HANDOFF_GET] = {handoff_get, FIRMWARE, false, 0, 0},
    [DR_WIRE_RESET] = {reset, ANY, true, 0, 0},
    [DR_WIRE_RESOLVE] = {resolve, FIRMWARE, false, 1, DR_WIRE_NAME_BYTES_MAX},
    [DR_WIRE_LOG] = {log_line, ANY, true, 0, DR_WIRE_LOG_BYTES_MAX},
    [DR_WIRE_CSR] = {csr, FIRMWARE, false, 1, DR_WIRE_CSR_BYTES_MAX},
    [DR_WIRE_BUNDLE] = {bundle, FIRMWARE, false, 0, 0},
    [DR_WIRE_PROVISIONED] = {provisioned, FIRMWARE, false, 0, 0},
    [DR_WIRE_CLOCK] = {wall_clock, ANY, false, 0, 0},
    [DR_WIRE_CRASH] = {crash, FIRMWARE, true, 1, DR_LINUX_CRASH_BYTES},
    [DR_WIRE_SECRET] = {secret, ROM, false, 0, 0},
    [DR_WIRE_JOIN] = {join, FIRMWARE, false, 2, DR_NETWORK_BYTES_MAX},
    [DR_WIRE_LEAVE] = {leave, FIRMWARE, false, 0, 0},
    [DR_WIRE_OFFERED] = {offered, FIRMWARE, false, 0, 0},
};

DR_STATIC_ASSERT(DR_ARRAY_COUNT(operations) == DR_WIRE_OFFERED + 1u, "every operation has its row");

static bool allowed(enum who who, enum dr_board_phase phase)
{
    return who == ANY || (who == ROM && phase == DR_BOARD_ROM) ||
           (who == FIRMWARE && phase == DR_BOARD_FIRMWARE);
}

static enum dr_status run(struct dr_board *board, struct exchange *exchange)
{
    const struct operation *operation = &operations[exchange->request.operation];
    if (exchange->payload_bytes < operation->payload_min ||
        exchange->payload_bytes > operation->payload_max) {
        return DR_E_FORMAT;
    }
    if (!allowed(operation->who, board->machine.phase)) {
        return DR_E_DENIED;
    }
    return operation->run(board, exchange);
}

void dr_board_answer(
    struct dr_board *board, const struct dr_wire_reply *reply, const uint8_t *payload,
    size_t payload_bytes)
{
    DR_CHECK(payload_bytes <= ANSWER_BYTES_MAX);
    dr_wire_encode_reply(reply, board->reply);
    if (payload_bytes > 0 && payload != board->reply + DR_WIRE_HEADER_BYTES) {
        memcpy(board->reply + DR_WIRE_HEADER_BYTES, payload, payload_bytes);
    }
    if (board->machine.channel >= 0 &&
        send(
            board->machine.channel, board->reply, DR_WIRE_HEADER_BYTES + payload_bytes,
            MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        /* A machine that does not read its answers harms itself only. */
        return;
    }
}

static void serve_message(struct dr_board *board, size_t size_bytes)
{
    struct exchange exchange = {
        .payload = board->message + DR_WIRE_HEADER_BYTES,
        .answer = board->reply + DR_WIRE_HEADER_BYTES};
    enum dr_status status = dr_wire_decode_request(board->message, size_bytes, &exchange.request);
    if (status != DR_OK) {
        struct dr_wire_reply malformed = {.status = DR_E_FORMAT};
        dr_board_answer(board, &malformed, NULL, 0);
        return;
    }
    exchange.payload_bytes = size_bytes - DR_WIRE_HEADER_BYTES;
    status = run(board, &exchange);
    bool answered_later = status == DR_E_AGAIN && (exchange.request.operation == DR_WIRE_ANCHOR ||
                                                   exchange.request.operation == DR_WIRE_RESOLVE);
    if (operations[exchange.request.operation].posted || answered_later) {
        return;
    }
    struct dr_wire_reply reply = {
        .operation = exchange.request.operation,
        .tag = exchange.request.tag,
        .status = status,
        .value = exchange.value};
    dr_board_answer(board, &reply, exchange.answer, status == DR_OK ? exchange.answer_bytes : 0);
    if (exchange.request.operation == DR_WIRE_SECRET ||
        exchange.request.operation == DR_WIRE_HANDOFF_GET) {
        dr_wipe(board->reply, sizeof board->reply);
    }
    if (exchange.request.operation == DR_WIRE_HANDOFF_SET) {
        dr_wipe(board->message, sizeof board->message);
    }
}

/* One message, if there is one. */
static bool serve_one(struct dr_board *board)
{
    struct iovec part = {board->message, sizeof board->message};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t size_bytes = recvmsg(board->machine.channel, &header, MSG_DONTWAIT);
    if (size_bytes < 0 && (errno == EAGAIN || errno == EINTR)) {
        return false;
    }
    if (size_bytes <= 0) {
        /* The machine gave its only line away; the watchdog ends the rest. */
        close(board->machine.channel);
        board->machine.channel = -1;
        return false;
    }
    /* An over-long datagram is cut by the kernel: its payload is then over-long for any row. */
    serve_message(board, (header.msg_flags & MSG_TRUNC) != 0 ? 0 : (size_t)size_bytes);
    return true;
}

void dr_board_serve(struct dr_board *board)
{
    int channel =
        board->machine.channel; /* a message may end it: then what follows is not its own */
    for (size_t i = 0; i < MESSAGES_PER_TURN && board->machine.channel == channel; i++) {
        if (!serve_one(board)) {
            return;
        }
    }
}
