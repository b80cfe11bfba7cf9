/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/linux/channel.h"

#include "base/cursor.h"
#include "boards/linux/channel_priv.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

static enum dr_status status_of_errno(void)
{
    return errno == EPIPE || errno == ECONNRESET || errno == EBADF || errno == ENOTSOCK
               ? DR_E_CLOSED
               : DR_E_IO;
}

static enum dr_status
send_request(struct dr_channel *channel, const struct dr_channel_call *call, uint32_t tag)
{
    struct dr_wire_request request = {
        .operation = (uint16_t)call->operation, .tag = tag, .a = call->a, .b = call->b};
    uint8_t header[DR_WIRE_HEADER_BYTES];
    dr_wire_encode_request(&request, header);
    /* sendmsg does not write through iov_base; its type just cannot say so. */
    union {
        const uint8_t *in;
        void *out;
    } payload = {.in = call->payload};
    struct iovec parts[2] = {{header, sizeof header}, {payload.out, call->payload_bytes}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = call->payload_bytes > 0 ? 2 : 1};
    ssize_t sent;
    do { /* bound: ends with the signals that interrupt it */
        sent = sendmsg(channel->fd, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? status_of_errno() : DR_OK;
}

/* Receive one datagram. A reply whose payload is longer than the room for it is noticed by
 * MSG_TRUNC. */
static enum dr_status receive_reply(
    struct dr_channel *channel, struct dr_channel_call *call, struct dr_wire_reply *ret_reply)
{
    uint8_t header[DR_WIRE_HEADER_BYTES];
    struct iovec parts[2] = {{header, sizeof header}, {call->answer, call->capacity_bytes}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = call->capacity_bytes > 0 ? 2 : 1};
    ssize_t received;
    do { /* bound: ends with the signals that interrupt it */
        received = recvmsg(channel->fd, &message, 0);
    } while (received < 0 && errno == EINTR);
    if (received < 0) {
        return status_of_errno();
    }
    if (received == 0) {
        return DR_E_CLOSED;
    }
    DR_TRY(dr_wire_decode_reply(header, (size_t)received, ret_reply));
    if ((message.msg_flags & MSG_TRUNC) != 0) {
        return DR_E_SPACE;
    }
    call->answer_bytes = (size_t)received - sizeof header;
    return DR_OK;
}

/* Take the next answer. It belongs to the oldest request without one. */
static enum dr_status take_answer(
    struct dr_channel *channel, struct dr_channel_call *call, struct dr_wire_reply *ret_reply)
{
    enum dr_status status = receive_reply(channel, call, ret_reply);
    if (status != DR_OK && status != DR_E_SPACE) {
        return status;
    }
    channel->answered++;
    return ret_reply->tag == channel->answered ? status : DR_E_FORMAT;
}

/* Until at most `left_max` requests are without answer. */
static enum dr_status catch_up(struct dr_channel *channel, uint32_t left_max)
{
    while (channel->tag - channel->answered > left_max) { /* bound: DR_CHANNEL_LATER_MAX + 1 */
        struct dr_channel_call none = {0};
        struct dr_wire_reply reply = {0};
        DR_TRY(take_answer(channel, &none, &reply));
        if (channel->late == DR_OK) {
            channel->late = reply.status;
        }
    }
    return DR_OK;
}

static enum dr_status take_late(struct dr_channel *channel)
{
    enum dr_status late = channel->late;
    channel->late = DR_OK;
    return late;
}

static enum dr_status call_locked(struct dr_channel *channel, struct dr_channel_call *call)
{
    struct dr_wire_reply reply = {0};
    DR_TRY(send_request(channel, call, ++channel->tag));
    DR_TRY(catch_up(channel, 1));
    DR_TRY(take_answer(channel, call, &reply));
    if (reply.operation != (uint16_t)call->operation) {
        return DR_E_FORMAT;
    }
    call->value = reply.value;
    enum dr_status late = call->settles ? take_late(channel) : DR_OK;
    return late != DR_OK ? late : reply.status;
}

static enum dr_status later_locked(struct dr_channel *channel, const struct dr_channel_call *call)
{
    if (channel->tag - channel->answered >= DR_CHANNEL_LATER_MAX) {
        DR_TRY(catch_up(channel, DR_CHANNEL_LATER_MAX / 2u));
    }
    return send_request(channel, call, ++channel->tag);
}

static enum dr_status lock(struct dr_channel *channel, const struct dr_channel_call *call)
{
    if (call->payload_bytes > DR_WIRE_PAYLOAD_BYTES_MAX) {
        return DR_E_ARGUMENT;
    }
    return pthread_mutex_lock(&channel->lock) == 0 ? DR_OK : DR_E_INTERNAL;
}

enum dr_status dr_channel_call(struct dr_channel *channel, struct dr_channel_call *call)
{
    DR_TRY(lock(channel, call));
    enum dr_status status = call_locked(channel, call);
    return pthread_mutex_unlock(&channel->lock) == 0 ? status : DR_E_INTERNAL;
}

enum dr_status dr_channel_call_later(struct dr_channel *channel, const struct dr_channel_call *call)
{
    DR_TRY(lock(channel, call));
    enum dr_status status = later_locked(channel, call);
    return pthread_mutex_unlock(&channel->lock) == 0 ? status : DR_E_INTERNAL;
}

enum dr_status dr_channel_settle(struct dr_channel *channel)
{
    if (pthread_mutex_lock(&channel->lock) != 0) {
        return DR_E_INTERNAL;
    }
    enum dr_status status = catch_up(channel, 0);
    status = status == DR_OK ? take_late(channel) : status;
    return pthread_mutex_unlock(&channel->lock) == 0 ? status : DR_E_INTERNAL;
}

enum dr_status dr_channel_post(struct dr_channel *channel, const struct dr_channel_call *call)
{
    return send_request(channel, call, 0);
}

enum dr_status dr_channel_open(struct dr_channel *channel, int fd)
{
    *channel = (struct dr_channel){.fd = fd, .lock = PTHREAD_MUTEX_INITIALIZER};
    uint8_t answer[12];
    struct dr_channel_call call = {
        .operation = DR_WIRE_HELLO, .answer = answer, .capacity_bytes = sizeof answer};
    DR_TRY(dr_channel_call(channel, &call));
    struct dr_reader reader;
    dr_reader_init(&reader, answer, call.answer_bytes);
    uint32_t version = dr_read_u32(&reader);
    channel->reset_ns = dr_read_u64(&reader);
    DR_TRY(dr_reader_end(&reader));
    return version == DR_WIRE_VERSION ? DR_OK : DR_E_UNSUPPORTED;
}

enum dr_status dr_channel_anchor(
    struct dr_channel *channel, const struct dr_channel_exchange *exchange, size_t *ret_size_bytes)
{
    if (exchange->request_bytes > DR_WIRE_ANCHOR_BYTES_MAX) {
        return DR_E_ARGUMENT;
    }
    struct dr_channel_call call = {
        .operation = DR_WIRE_ANCHOR,
        .a = exchange->timeout_ms,
        .payload = exchange->request,
        .payload_bytes = exchange->request_bytes,
        .answer = exchange->response,
        .capacity_bytes = exchange->capacity_bytes};
    DR_TRY(dr_channel_call(channel, &call));
    *ret_size_bytes = call.answer_bytes;
    return DR_OK;
}

enum dr_status dr_channel_watchdog_arm(struct dr_channel *channel, uint32_t period_ms)
{
    struct dr_channel_call call = {.operation = DR_WIRE_WATCHDOG_ARM, .a = period_ms};
    return dr_channel_call(channel, &call);
}

enum dr_status dr_channel_watchdog_feed(struct dr_channel *channel)
{
    struct dr_channel_call call = {.operation = DR_WIRE_WATCHDOG_FEED};
    uint64_t now_ms = dr_channel_uptime_ms(channel);
    if (channel->fed_ms != 0 && now_ms - channel->fed_ms < DR_CHANNEL_FEED_MS) {
        return DR_OK;
    }
    channel->fed_ms = now_ms;
    return dr_channel_post(channel, &call);
}

enum dr_status dr_channel_retained_read(
    struct dr_channel *channel, uint32_t offset, uint8_t *out, uint32_t size_bytes)
{
    struct dr_channel_call call = {
        .operation = DR_WIRE_RETAINED_READ,
        .a = offset,
        .b = size_bytes,
        .answer = out,
        .capacity_bytes = size_bytes};
    DR_TRY(dr_channel_call(channel, &call));
    return call.answer_bytes == size_bytes ? DR_OK : DR_E_FORMAT;
}

enum dr_status dr_channel_retained_write(
    struct dr_channel *channel, uint32_t offset, const uint8_t *data, uint32_t size_bytes)
{
    struct dr_channel_call call = {
        .operation = DR_WIRE_RETAINED_WRITE,
        .a = offset,
        .payload = data,
        .payload_bytes = size_bytes};
    return dr_channel_call(channel, &call);
}

enum dr_status dr_channel_strap_take(struct dr_channel *channel, enum dr_panel_strap *ret_strap)
{
    struct dr_channel_call call = {.operation = DR_WIRE_STRAP_TAKE};
    DR_TRY(dr_channel_call(channel, &call));
    bool known = call.value == DR_PANEL_STRAP_POWER || call.value == DR_PANEL_STRAP_LOCK_UP;
    *ret_strap = known ? (enum dr_panel_strap)call.value : DR_PANEL_STRAP_NONE;
    return DR_OK;
}

enum dr_status dr_channel_pins(struct dr_channel *channel, uint32_t *ret_pins)
{
    struct dr_channel_call call = {.operation = DR_WIRE_PINS};
    DR_TRY(dr_channel_call(channel, &call));
    *ret_pins = call.value;
    return DR_OK;
}

enum dr_status dr_channel_led(struct dr_channel *channel, enum dr_led led)
{
    struct dr_channel_call call = {.operation = DR_WIRE_LED, .a = (uint32_t)led};
    return dr_channel_post(channel, &call);
}

enum dr_status dr_channel_app_leds(struct dr_channel *channel, uint32_t bits)
{
    struct dr_channel_call call = {.operation = DR_WIRE_APP_LEDS, .a = bits};
    if (channel->leds_shown && channel->app_leds == bits) {
        return DR_OK;
    }
    channel->leds_shown = true;
    channel->app_leds = bits;
    return dr_channel_post(channel, &call);
}

enum dr_status dr_channel_reset(struct dr_channel *channel)
{
    struct dr_channel_call call = {.operation = DR_WIRE_RESET};
    DR_TRY(dr_channel_post(channel, &call));
    uint8_t unused;
    /* The board ends this process; should it end instead, its socket does. */
    while (recv(channel->fd, &unused, sizeof unused, 0) > 0) { /* bound: the reset */
    }
    return DR_E_CLOSED;
}

enum dr_status dr_channel_log(struct dr_channel *channel, const char *line)
{
    size_t len = strnlen(line, DR_WIRE_LOG_BYTES_MAX);
    struct dr_channel_call call = {
        .operation = DR_WIRE_LOG, .payload = (const uint8_t *)line, .payload_bytes = len};
    return dr_channel_post(channel, &call);
}

enum dr_status
dr_channel_join(struct dr_channel *channel, const uint8_t *credentials, size_t size_bytes)
{
    struct dr_channel_call call = {
        .operation = DR_WIRE_JOIN, .payload = credentials, .payload_bytes = size_bytes};
    return dr_channel_call(channel, &call);
}

enum dr_status dr_channel_leave(struct dr_channel *channel)
{
    struct dr_channel_call call = {.operation = DR_WIRE_LEAVE};
    return dr_channel_call(channel, &call);
}

enum dr_status dr_channel_offered(
    struct dr_channel *channel, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes)
{
    struct dr_channel_call call = {
        .operation = DR_WIRE_OFFERED, .answer = out, .capacity_bytes = capacity_bytes};
    DR_TRY(dr_channel_call(channel, &call));
    *ret_size_bytes = call.answer_bytes;
    return DR_OK;
}

uint64_t dr_channel_uptime_ms(const struct dr_channel *channel)
{
    struct timespec now = {0};
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
        return 0;
    }
    uint64_t now_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    return now_ns > channel->reset_ns ? (now_ns - channel->reset_ns) / 1000000u : 0;
}

enum dr_status dr_channel_wall_clock(struct dr_channel *channel, uint64_t *ret_s)
{
    uint8_t answer[8];
    struct dr_channel_call call = {
        .operation = DR_WIRE_CLOCK, .answer = answer, .capacity_bytes = sizeof answer};
    DR_TRY(dr_channel_call(channel, &call));
    struct dr_reader reader;
    dr_reader_init(&reader, answer, call.answer_bytes);
    uint64_t seconds = dr_read_u64(&reader);
    DR_TRY(dr_reader_end(&reader));
    *ret_s = seconds;
    return DR_OK;
}
