/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/http/fetch.h"

#include "base/cursor.h"
#include "device/http/fetch_priv.h"

#include <string.h>

#define STEPS_PER_POLL 128u /* so that the rest of the device has its turn */

void dr_http_init(struct dr_http *http, const struct dr_http_config *config)
{
    memset(http, 0, sizeof(*http));
    http->config = *config;
}

void dr_http_close(struct dr_http *http)
{
    if (http->open) {
        http->config.stream->close(http->config.stream->context);
    }
    http->open = false;
    http->connected = false;
    http->in_body = false;
    http->sent_count = 0;
    http->request_bytes = 0;
    http->written_bytes = 0;
    http->ahead_bytes = 0;
    http->more = false;
    dr_http_unsend(http);
}

void dr_http_forget(struct dr_http *http)
{
    dr_http_close(http);
    memset(http->wants, 0, sizeof(http->wants));
    http->owed_count = 0;
}

enum dr_status dr_http_set_file(struct dr_http *http, uint32_t file_bytes, uint32_t block_bytes)
{
    if (http->file_bytes == file_bytes && http->block_bytes == block_bytes) {
        return DR_OK;
    }
    if (http->owed_count > 0 || http->sent_count > 0) {
        dr_http_forget(http);
    }
    if (block_bytes == 0 || block_bytes > http->config.block_capacity_bytes) {
        return DR_E_SPACE;
    }
    http->file_bytes = file_bytes;
    http->block_bytes = block_bytes;
    http->block_count = file_bytes / block_bytes + (file_bytes % block_bytes != 0 ? 1u : 0u);
    return DR_OK;
}

static enum dr_status fail(struct dr_http *http, enum dr_http_fault fault)
{
    dr_http_close(http);
    http->fault = fault;
    return DR_E_CLOSED;
}

/* The connection did not come about, or ended when it should not. */
static enum dr_status fail_link(struct dr_http *http)
{
    const struct dr_link_stream *stream = http->config.stream;
    enum dr_link_fault fault = stream->fault(stream->context);
    bool network = fault == DR_LINK_FAULT_NONE || fault == DR_LINK_FAULT_NETWORK;
    return fail(http, network ? DR_HTTP_FAULT_NETWORK : DR_HTTP_FAULT_TLS);
}

enum dr_status
dr_http_open(struct dr_http *http, const struct dr_link_identity *trust, uint64_t now_ms)
{
    const struct dr_link_stream *stream = http->config.stream;
    struct dr_link_identity identity = *trust;
    if (http->open || http->prefix_bytes == 0) {
        return DR_E_STATE;
    }
    identity.host = http->host;
    identity.port = http->port;
    identity.client_id = NULL;
    identity.certificate_pem = NULL;
    http->fault = DR_HTTP_FAULT_NONE;
    http->heard_ms = now_ms;
    if (stream->open(stream->context, &identity) != DR_OK) {
        return fail_link(http);
    }
    http->open = true;
    return DR_OK;
}

static void put_number(struct dr_writer *writer, uint32_t number)
{
    uint8_t digits[10];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (uint8_t)('0' + number % 10u);
        number /= 10u;
    } while (number != 0); /* bound: 10 digits */
    dr_write_bytes(writer, digits + at, sizeof(digits) - at);
}

static uint32_t end_of(const struct dr_http *http, const struct dr_http_sent *run)
{
    uint32_t begin = run->first * http->block_bytes;
    uint32_t size_bytes = run->count * http->block_bytes;
    uint32_t left = http->file_bytes - begin;
    return begin + (size_bytes < left ? size_bytes : left);
}

/* The next request, complete behind its prefix. */
static void compose(struct dr_http *http, uint64_t now_ms)
{
    struct dr_http_sent *run = &http->sent[http->sent_count];
    struct dr_writer writer;
    if (!dr_http_next_run(http, run)) {
        return;
    }
    dr_writer_init(
        &writer, (uint8_t *)http->request + http->prefix_bytes,
        sizeof(http->request) - http->prefix_bytes);
    put_number(&writer, run->first * http->block_bytes);
    dr_write_u8(&writer, '-');
    put_number(&writer, end_of(http, run) - 1u);
    dr_write_text(&writer, "\r\n\r\n");
    http->request_bytes = http->prefix_bytes + writer.size_bytes;
    http->written_bytes = 0;
    if (http->sent_count++ == 0) {
        http->heard_ms = now_ms;
    }
}

/* DR_OK: something left. */
static enum dr_status push(struct dr_http *http)
{
    const struct dr_link_stream *stream = http->config.stream;
    size_t moved = 0;
    DR_TRY(stream->write(
        stream->context, (const uint8_t *)http->request + http->written_bytes,
        http->request_bytes - http->written_bytes, &moved));
    http->written_bytes += moved;
    if (http->written_bytes == http->request_bytes) {
        http->request_bytes = 0;
        http->written_bytes = 0;
    }
    return DR_OK;
}

/* Is it the answer to the oldest request, and nothing but that? */
static enum dr_http_fault judge(const struct dr_http *http)
{
    const struct dr_http_head *head = &http->head;
    const struct dr_http_sent *run = &http->sent[0];
    if (http->sent_count == 0) {
        return DR_HTTP_FAULT_HEAD; /* to nothing we asked */
    }
    if (head->status != 206u) {
        return DR_HTTP_FAULT_STATUS;
    }
    uint32_t begin = run->first * http->block_bytes;
    uint32_t end = end_of(http, run);
    bool fits = !head->coded && head->has_range && head->first == begin && head->last == end - 1u &&
                (head->total == UINT32_MAX || head->total == http->file_bytes) &&
                head->has_length && head->length == end - begin;
    return fits ? DR_HTTP_FAULT_NONE : DR_HTTP_FAULT_RANGE;
}

static enum dr_status take_head(struct dr_http *http)
{
    size_t taken = 0;
    enum dr_status status =
        dr_http_head_feed(&http->head, http->ahead + http->ahead_at, http->ahead_bytes, &taken);
    http->ahead_at = (uint16_t)(http->ahead_at + taken);
    http->ahead_bytes = (uint16_t)(http->ahead_bytes - taken);
    if (status == DR_E_AGAIN) {
        return DR_OK;
    }
    enum dr_http_fault fault = status == DR_OK ? judge(http) : DR_HTTP_FAULT_HEAD;
    if (fault != DR_HTTP_FAULT_NONE) {
        return fail(http, fault);
    }
    http->in_body = true;
    http->body_left = http->head.length;
    http->index = http->sent[0].first;
    http->filled = 0;
    return DR_OK;
}

static void end_response(struct dr_http *http)
{
    bool over = http->head.close;
    http->in_body = false;
    memmove(&http->sent[0], &http->sent[1], sizeof(http->sent) - sizeof(http->sent[0]));
    http->sent_count--;
    dr_http_head_init(&http->head);
    if (over) {
        dr_http_close(http); /* as it announced; the rest is asked for again */
    }
}

/* Bytes of the block at hand arrived in its buffer. */
static void take_body(struct dr_http *http, uint32_t size_bytes)
{
    http->filled += size_bytes;
    http->body_left -= size_bytes;
    if (http->filled == http->block_bytes || http->body_left == 0) {
        uint32_t filled = http->filled;
        http->filled = 0;
        if (dr_http_settle(http, http->index)) {
            http->config.sink(http->config.sink_context, http->index, http->config.block, filled);
        }
        http->index++;
    }
    if (http->body_left == 0) {
        end_response(http);
    }
}

static enum dr_status ended(struct dr_http *http)
{
    if (http->in_body) {
        return fail(http, DR_HTTP_FAULT_SHORT);
    }
    if (http->sent_count > 0) {
        return fail_link(http);
    }
    dr_http_close(http);
    return DR_E_AGAIN;
}

/* DR_OK: bytes were taken. */
static enum dr_status pull(struct dr_http *http, uint64_t now_ms)
{
    const struct dr_link_stream *stream = http->config.stream;
    size_t moved = 0;
    uint32_t room = http->block_bytes - http->filled;
    room = room < http->body_left ? room : http->body_left;
    if (http->ahead_bytes > 0 && !http->in_body) {
        return take_head(http);
    }
    if (http->ahead_bytes > 0) {
        moved = http->ahead_bytes < room ? http->ahead_bytes : room;
        memcpy(http->config.block + http->filled, http->ahead + http->ahead_at, moved);
        http->ahead_at = (uint16_t)(http->ahead_at + moved);
        http->ahead_bytes = (uint16_t)(http->ahead_bytes - moved);
        take_body(http, (uint32_t)moved);
        return DR_OK;
    }
    uint8_t *out = http->in_body ? http->config.block + http->filled : http->ahead;
    size_t capacity_bytes = http->in_body ? room : sizeof(http->ahead);
    enum dr_status status = stream->read(stream->context, out, capacity_bytes, &moved);
    if (status != DR_OK) {
        return status == DR_E_AGAIN ? status : ended(http);
    }
    http->heard_ms = now_ms;
    if (http->in_body) {
        take_body(http, (uint32_t)moved);
    } else {
        http->ahead_at = 0;
        http->ahead_bytes = (uint16_t)moved;
    }
    return DR_OK;
}

static enum dr_status step(struct dr_http *http, uint64_t now_ms, bool may_send)
{
    const struct dr_link_stream *stream = http->config.stream;
    if (!http->connected) {
        enum dr_status status = stream->state(stream->context);
        if (status != DR_OK) {
            return status == DR_E_AGAIN ? status : fail_link(http);
        }
        http->connected = true;
        http->heard_ms = now_ms;
        dr_http_head_init(&http->head);
    }
    if (http->request_bytes == 0 && may_send && http->sent_count < DR_HTTP_PIPELINE) {
        compose(http, now_ms);
    }
    if (http->request_bytes != 0) {
        enum dr_status status = push(http);
        if (status != DR_E_AGAIN) {
            return status == DR_OK ? DR_OK : ended(http);
        }
    }
    return pull(http, now_ms);
}

enum dr_status dr_http_poll(struct dr_http *http, uint64_t now_ms, bool may_send)
{
    enum dr_status status = DR_OK;
    for (uint32_t i = 0; i < STEPS_PER_POLL && status == DR_OK && http->open; i++) {
        status = step(http, now_ms, may_send);
    }
    http->more = status == DR_OK && http->open;
    if (status == DR_E_CLOSED) {
        return status;
    }
    bool waits = http->open && (!http->connected || http->sent_count > 0);
    if (waits && now_ms - http->heard_ms > DR_HTTP_PATIENCE_MS) {
        return fail(http, DR_HTTP_FAULT_TIMEOUT);
    }
    return DR_OK;
}

void dr_http_fault_word(const struct dr_http *http, char out[DR_HTTP_WORD_BYTES])
{
    static const char *const words[] = {
        [DR_HTTP_FAULT_NONE] = "none",         [DR_HTTP_FAULT_NETWORK] = "network",
        [DR_HTTP_FAULT_TLS] = "tls_failed",    [DR_HTTP_FAULT_TIMEOUT] = "timeout",
        [DR_HTTP_FAULT_STATUS] = "http_",      [DR_HTTP_FAULT_HEAD] = "bad_head",
        [DR_HTTP_FAULT_RANGE] = "wrong_range", [DR_HTTP_FAULT_SHORT] = "short_body",
    };
    struct dr_writer writer;
    uint16_t status = http->head.status;
    bool redirect = http->fault == DR_HTTP_FAULT_STATUS && status >= 300u && status < 400u;
    dr_writer_init(&writer, (uint8_t *)out, DR_HTTP_WORD_BYTES - 1u);
    dr_write_text(&writer, redirect ? "redirect_" : words[http->fault]);
    if (http->fault == DR_HTTP_FAULT_STATUS) {
        put_number(&writer, status);
    }
    out[writer.size_bytes] = '\0';
}
