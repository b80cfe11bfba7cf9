/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The mailbox (common/mailbox.h). */
#include "boards/mps2_an385/host/host.h"

#include "base/cursor.h"
#include "boards/mps2_an385/common/mailbox.h"

#include <string.h>
#include <time.h>

#define BOX DR_MPS2_MAILBOX_AT
#define HOST_AS_SEEN_BY_THE_MACHINE                                                                \
    {                                                                                              \
        10, 0, 2, 2                                                                                \
    }
#define LOOPBACK 127u

/* IPv4 only, and the host's own loopback is somewhere else for the machine. */
static size_t addresses_of(
    const uint8_t *in, size_t size_bytes,
    uint8_t out[DR_WIRE_ADDRESS_COUNT_MAX * DR_WIRE_ADDRESS_BYTES])
{
    static const uint8_t host_address[4] = HOST_AS_SEEN_BY_THE_MACHINE;
    size_t used = 0;
    for (size_t at = 0;
         at + DR_WIRE_ADDRESS_BYTES <= size_bytes &&
         used + DR_WIRE_ADDRESS_BYTES <= DR_WIRE_ADDRESS_COUNT_MAX * DR_WIRE_ADDRESS_BYTES;
         at += DR_WIRE_ADDRESS_BYTES) {
        if (in[at] != 4) {
            continue;
        }
        memcpy(out + used, in + at, DR_WIRE_ADDRESS_BYTES);
        if (out[used + 4] == LOOPBACK) {
            memcpy(out + used + 4, host_address, sizeof host_address);
        }
        used += DR_WIRE_ADDRESS_BYTES;
    }
    return used;
}

void dr_host_mail_answer(
    struct dr_host *host, const struct dr_wire_reply *reply, const uint8_t *payload,
    size_t payload_bytes)
{
    uint8_t header[DR_WIRE_HEADER_BYTES];
    struct dr_wire_reply out = *reply;
    uint8_t addresses[DR_WIRE_ADDRESS_COUNT_MAX * DR_WIRE_ADDRESS_BYTES];
    if (out.tag != host->mail_number) {
        return; /* to a question from before a reset */
    }
    if (out.operation == DR_WIRE_RESOLVE) {
        payload_bytes = addresses_of(payload, payload_bytes, addresses);
        payload = addresses;
        out.value = (uint32_t)(payload_bytes / DR_WIRE_ADDRESS_BYTES);
        out.status = out.status == DR_OK && out.value == 0 ? DR_E_NOT_FOUND : out.status;
    }
    dr_wire_encode_reply(&out, header);
    dr_host_copy_in(host, BOX + DR_MAILBOX_REPLY_AT, header, sizeof header);
    dr_host_copy_in(host, BOX + DR_MAILBOX_REPLY_AT + DR_WIRE_HEADER_BYTES, payload, payload_bytes);
    dr_host_word_set(
        host, BOX + DR_MAILBOX_REPLY_SIZE_AT, DR_WIRE_HEADER_BYTES + (uint32_t)payload_bytes);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    dr_host_word_set(host, BOX + DR_MAILBOX_ANSWERED_AT, out.tag);
}

static enum dr_status clock_of(const struct dr_board *board, struct dr_writer *writer)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    dr_write_u64(writer, (uint64_t)((int64_t)now.tv_sec + board->clock_offset_s));
    return writer->status;
}

/* All but RESOLVE, which is answered when the name is known. */
static enum dr_status
carry_out(struct dr_host *host, const struct dr_wire_request *request, size_t size_bytes)
{
    struct dr_board *board = &host->board;
    const uint8_t *payload = host->mail + DR_WIRE_HEADER_BYTES;
    struct dr_writer writer;
    dr_writer_init(&writer, board->reply, 8);
    switch (request->operation) { /* data from outside */
    case DR_WIRE_CSR:
        return size_bytes <= DR_WIRE_CSR_BYTES_MAX
                   ? dr_board_csr(board, request->a, payload, size_bytes)
                   : DR_E_SPACE;
    case DR_WIRE_BUNDLE:
        return dr_board_bundle(board, board->reply, sizeof board->reply, &host->reply_bytes);
    case DR_WIRE_PROVISIONED:
        return dr_board_provisioned(board);
    case DR_WIRE_CLOCK:
        host->reply_bytes = 8;
        return clock_of(board, &writer);
    case DR_WIRE_JOIN:
        return dr_board_network_join(board, payload, size_bytes);
    case DR_WIRE_LEAVE:
        dr_board_network_reset(board);
        return DR_OK;
    case DR_WIRE_OFFERED:
        return dr_board_network_offered(
            board, board->reply, sizeof board->reply, &host->reply_bytes);
    default:
        return DR_E_UNSUPPORTED;
    }
}

static void serve(struct dr_host *host, size_t size_bytes)
{
    struct dr_wire_request request = {.tag = host->mail_number};
    struct dr_wire_reply reply = {.tag = host->mail_number, .status = DR_E_FORMAT};
    struct dr_reader reader;
    dr_reader_init(&reader, host->mail, size_bytes);
    request.operation = dr_read_u16(&reader);
    (void)dr_read_u16(&reader);
    (void)dr_read_u32(&reader);
    request.a = dr_read_u32(&reader);
    (void)dr_read_u32(&reader);
    reply.operation = request.operation;
    host->reply_bytes = 0;
    if (reader.status == DR_OK && request.operation == DR_WIRE_RESOLVE) {
        /* The machine no longer waits for an earlier name. */
        dr_board_resolver_stop(&host->board);
        reply.status = dr_board_resolve(
            &host->board, &request, host->mail + DR_WIRE_HEADER_BYTES,
            size_bytes - DR_WIRE_HEADER_BYTES);
        if (reply.status == DR_E_AGAIN) {
            return;
        }
    } else if (reader.status == DR_OK) {
        reply.status = carry_out(host, &request, size_bytes - DR_WIRE_HEADER_BYTES);
    }
    dr_host_mail_answer(
        host, &reply, host->board.reply, reply.status == DR_OK ? host->reply_bytes : 0);
}

void dr_host_mail_tick(struct dr_host *host)
{
    uint32_t asked = dr_host_word(host, BOX + DR_MAILBOX_ASKED_AT);
    if (asked == host->mail_number) {
        return;
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    host->mail_number = asked;
    size_t size_bytes = dr_host_word(host, BOX + DR_MAILBOX_REQUEST_SIZE_AT);
    size_bytes = size_bytes <= sizeof host->mail ? size_bytes : 0;
    dr_host_copy_out(host, BOX + DR_MAILBOX_REQUEST_AT, host->mail, size_bytes);
    serve(host, size_bytes);
}
