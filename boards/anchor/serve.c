/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/anchor/serve.h"

#include "base/secret.h"
#include "crypto/sign.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

static bool due(uint32_t count, uint32_t every)
{
    return every != 0 && count % every == 0;
}

static enum dr_status host_entropy(void *context, uint8_t *out, size_t size_bytes)
{
    (void)context;
    return dr_random_bytes(out, size_bytes);
}

static enum dr_status host_generate(
    void *context, uint8_t private_key[DR_P256_PRIVATE_BYTES],
    uint8_t public_key[DR_P256_PUBLIC_BYTES])
{
    (void)context;
    return dr_p256_generate(private_key, public_key);
}

static enum dr_status host_sign(
    void *context, const uint8_t private_key[DR_P256_PRIVATE_BYTES],
    const uint8_t digest[DR_SHA256_BYTES], uint8_t signature[DR_P256_SIGNATURE_BYTES])
{
    (void)context;
    return dr_p256_sign(private_key, digest, signature);
}

static enum dr_status host_persist(void *context, const uint8_t image[DR_ANCHOR_STATE_BYTES])
{
    struct dr_anchor_server *server = context;
    server->writes++;
    if (server->writes == server->faults.die_before_write) {
        raise(SIGKILL);
    }
    if (due(server->writes, server->faults.fail_every)) {
        return DR_E_IO;
    }
    enum dr_status status = dr_anchor_store_persist(&server->store, image);
    if (server->writes == server->faults.die_after_write) {
        raise(SIGKILL);
    }
    return status;
}

enum dr_status dr_anchor_server_open(
    struct dr_anchor_server *server, const char *path, const struct dr_anchor_faults *faults)
{
    uint8_t secret[DR_DEVICE_SECRET_BYTES];
    uint8_t image[DR_ANCHOR_STATE_BYTES];
    memset(server, 0, sizeof *server);
    server->faults = *faults;
    server->started_ms = now_ms();
    DR_TRY(dr_anchor_store_open(&server->store, path, secret, image));
    const struct dr_anchor_core_ops ops = {
        .context = server,
        .entropy = host_entropy,
        .generate = host_generate,
        .sign = host_sign,
        .persist = host_persist,
    };
    enum dr_status status =
        dr_anchor_core_start(&server->core, &dr_crypto_openssl, &ops, secret, image);
    dr_wipe(secret, sizeof secret);
    dr_wipe(image, sizeof image);
    if (status != DR_OK) {
        dr_anchor_store_close(&server->store);
    }
    return status;
}

void dr_anchor_server_close(struct dr_anchor_server *server)
{
    dr_anchor_core_wipe(&server->core);
    dr_anchor_store_close(&server->store);
}

static enum dr_status send_frame(int fd, const struct dr_anchor_frame *frame)
{
    uint8_t bytes[DR_ANCHOR_FRAME_BYTES_MAX];
    size_t size_bytes = dr_anchor_frame_encode(frame, bytes);
    for (size_t sent = 0; sent < size_bytes;) { /* bound: at least one byte per round */
        ssize_t count = send(fd, bytes + sent, size_bytes - sent, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return errno == EPIPE || errno == ECONNRESET ? DR_E_CLOSED : DR_E_IO;
        }
        sent += (size_t)count;
    }
    return DR_OK;
}

/* What the part takes to think. */
static void take_time(uint32_t latency_ms)
{
    const struct timespec wait = {
        .tv_sec = latency_ms / 1000u, .tv_nsec = (long)(latency_ms % 1000u) * 1000000L};
    if (latency_ms > 0) {
        nanosleep(&wait, NULL);
    }
}

static enum dr_status
on_frame(struct dr_anchor_server *server, int fd, const struct dr_anchor_frame *frame)
{
    uint8_t response[DR_ANCHOR_MESSAGE_BYTES_MAX];
    struct dr_anchor_frame answer = {.number = frame->number, .payload = response};
    if (frame->type == DR_ANCHOR_FRAME_RESET) {
        DR_TRY(dr_anchor_core_reset(&server->core));
        answer.type = DR_ANCHOR_FRAME_RESET_DONE;
        return send_frame(fd, &answer);
    }
    if (frame->type != DR_ANCHOR_FRAME_REQUEST) {
        return DR_OK;
    }
    server->requests++;
    if (due(server->requests, server->faults.ignore_every)) {
        return DR_OK;
    }
    answer.type = DR_ANCHOR_FRAME_RESPONSE;
    answer.payload_bytes = dr_anchor_core_handle(
        &server->core, now_ms() - server->started_ms, frame->payload, frame->payload_bytes,
        response);
    take_time(server->faults.latency_ms);
    enum dr_status status = DR_OK;
    if (answer.payload_bytes > 0 && !due(server->requests, server->faults.lose_every)) {
        status = send_frame(fd, &answer);
    }
    dr_wipe(response, sizeof response);
    return status;
}

/* Read what is there and answer the frames in it. */
static enum dr_status on_readable(struct dr_anchor_server *server, int fd)
{
    uint8_t bytes[DR_ANCHOR_FRAME_BYTES_MAX];
    ssize_t count = recv(fd, bytes, sizeof bytes, 0);
    if (count < 0) {
        return errno == EINTR || errno == EAGAIN ? DR_OK
               : errno == ECONNRESET             ? DR_E_CLOSED
                                                 : DR_E_IO;
    }
    if (count == 0) {
        return DR_E_CLOSED;
    }
    for (ssize_t i = 0; i < count; i++) {
        struct dr_anchor_frame frame;
        if (dr_anchor_frame_push(&server->reader, bytes[i], &frame)) {
            DR_TRY(on_frame(server, fd, &frame));
        }
    }
    return DR_OK;
}

enum dr_status dr_anchor_server_run(
    struct dr_anchor_server *server, int fd, const volatile sig_atomic_t *stop,
    const sigset_t *wait_mask)
{
    enum dr_status status = DR_OK;
    memset(&server->reader, 0, sizeof server->reader);
    while (status == DR_OK && !*stop) { /* bound: the stream's life */
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        int ready = ppoll(&wait, 1, NULL, wait_mask);
        if (ready > 0) {
            status = on_readable(server, fd);
        } else if (ready < 0 && errno != EINTR) {
            status = DR_E_IO;
        }
    }
    return status == DR_E_CLOSED ? DR_OK : status;
}
