/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/signer/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static enum dr_status wait_ready(int fd, short events, int64_t end_ms)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};
    for (;;) { /* bound: end_ms */
        int64_t left = end_ms - now_ms();
        if (left <= 0) {
            return DR_E_TIMEOUT;
        }
        int ready = poll(&poll_fd, 1, left > 60000 ? 60000 : (int)left);
        if (ready > 0) {
            return DR_OK;
        }
        if (ready < 0 && errno != EINTR) {
            return DR_E_IO;
        }
    }
}

static enum dr_status open_socket(const char *path, int64_t end_ms, int *ret_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof(address.sun_path)) {
        return DR_E_ARGUMENT;
    }
    memcpy(address.sun_path, path, len + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return DR_E_IO;
    }
    /* A full queue of waiting connections says EAGAIN on a unix socket. */
    while (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        int error = errno;
        struct timespec pause = {.tv_nsec = 5000000};
        if (error != EAGAIN || now_ms() >= end_ms) {
            close(fd);
            return error == ENOENT         ? DR_E_NOT_FOUND
                   : error == ECONNREFUSED ? DR_E_CLOSED
                   : error == EACCES       ? DR_E_DENIED
                   : error == EAGAIN       ? DR_E_TIMEOUT
                                           : DR_E_IO;
        }
        (void)nanosleep(&pause, NULL);
    }
    *ret_fd = fd;
    return DR_OK;
}

static enum dr_status send_all(int fd, const uint8_t *data, size_t size_bytes, int64_t end_ms)
{
    size_t done = 0;
    while (done < size_bytes) { /* bound: end_ms */
        ssize_t put = send(fd, data + done, size_bytes - done, MSG_NOSIGNAL);
        if (put > 0) {
            done += (size_t)put;
        } else if (errno == EAGAIN) {
            DR_TRY(wait_ready(fd, POLLOUT, end_ms));
        } else if (errno != EINTR) {
            return DR_E_CLOSED;
        }
    }
    return DR_OK;
}

static enum dr_status receive_all(int fd, uint8_t *out, size_t size_bytes, int64_t end_ms)
{
    size_t done = 0;
    while (done < size_bytes) { /* bound: end_ms */
        ssize_t got = recv(fd, out + done, size_bytes - done, 0);
        if (got > 0) {
            done += (size_t)got;
        } else if (got == 0) {
            return DR_E_CLOSED;
        } else if (errno == EAGAIN) {
            DR_TRY(wait_ready(fd, POLLIN, end_ms));
        } else if (errno != EINTR) {
            return DR_E_IO;
        }
    }
    return DR_OK;
}

static enum dr_status exchange(
    int fd, const struct dr_signer_request *request, int64_t end_ms, uint8_t *buffer,
    struct dr_signer_answer *ret_answer)
{
    struct dr_writer writer;
    dr_writer_init(&writer, buffer, DR_SIGNER_MESSAGE_MAX);
    DR_TRY(dr_signer_request_encode(request, &writer));
    DR_TRY(send_all(fd, buffer, writer.size_bytes, end_ms));
    DR_TRY(receive_all(fd, buffer, 4, end_ms));
    struct dr_reader head;
    dr_reader_init(&head, buffer, 4);
    size_t size = dr_read_u32(&head);
    if (size > DR_SIGNER_MESSAGE_MAX) {
        return DR_E_FORMAT;
    }
    DR_TRY(receive_all(fd, buffer, size, end_ms));
    return dr_signer_answer_decode(buffer, size, request->operation, ret_answer);
}

static void explain(char *error, const char *path, enum dr_status status)
{
    if (error != NULL) {
        (void)snprintf(
            error, DR_SIGNER_ERROR_BYTES, "signer at %.120s: %s; does daruma-signer run?", path,
            dr_status_text(status));
    }
}

static enum dr_status
ask(const struct dr_signer_client *client, const struct dr_signer_request *request,
    struct dr_signer_answer *ret_answer, char *error)
{
    int64_t end_ms = now_ms() + client->timeout_ms;
    int fd = -1;
    uint8_t *buffer = malloc(DR_SIGNER_MESSAGE_MAX);
    enum dr_status status =
        buffer == NULL ? DR_E_SPACE : open_socket(client->socket_path, end_ms, &fd);
    if (status == DR_OK) {
        status = exchange(fd, request, end_ms, buffer, ret_answer);
        close(fd);
    }
    free(buffer);
    if (status != DR_OK) {
        explain(error, client->socket_path, status);
        return status;
    }
    if (ret_answer->status != DR_OK && error != NULL) {
        (void)snprintf(error, DR_SIGNER_ERROR_BYTES, "signer: %s", ret_answer->detail);
    }
    return ret_answer->status;
}

/* ask, with the answer on the heap: it has room for all profiles. */
static enum dr_status ask_for(
    const struct dr_signer_client *client, const struct dr_signer_request *request,
    struct dr_signer_signature *ret_signature, char *error)
{
    struct dr_signer_answer *answer = malloc(sizeof(*answer));
    if (answer == NULL) {
        return DR_E_SPACE;
    }
    enum dr_status status = ask(client, request, answer, error);
    if (status == DR_OK && ret_signature != NULL) {
        *ret_signature = answer->signature;
    }
    free(answer);
    return status;
}

static enum dr_status
name_profile(struct dr_signer_request *request, const char *profile, char *error)
{
    if (!dr_signer_profile_name_valid(profile)) {
        if (error != NULL) {
            (void)snprintf(error, DR_SIGNER_ERROR_BYTES, "not a name of a signing profile");
        }
        return DR_E_ARGUMENT;
    }
    memcpy(request->profile, profile, strlen(profile) + 1);
    return DR_OK;
}

enum dr_status
dr_signer_ping(const struct dr_signer_client *client, char error[DR_SIGNER_ERROR_BYTES])
{
    const struct dr_signer_request request = {.operation = DR_SIGNER_PING};
    return ask_for(client, &request, NULL, error);
}

enum dr_status dr_signer_sign_file(
    const struct dr_signer_client *client, const char *profile,
    const uint8_t digest[DR_SIGNER_DIGEST_BYTES], struct dr_signer_signature *ret_signature,
    char error[DR_SIGNER_ERROR_BYTES])
{
    struct dr_signer_request request = {.operation = DR_SIGNER_SIGN_FILE};
    DR_TRY(name_profile(&request, profile, error));
    memcpy(request.image.digest, digest, sizeof(request.image.digest));
    return ask_for(client, &request, ret_signature, error);
}

enum dr_status dr_signer_sign_image(
    const struct dr_signer_client *client, const char *profile, const struct dr_signer_image *image,
    struct dr_signer_signature *ret_signature, char error[DR_SIGNER_ERROR_BYTES])
{
    struct dr_signer_request request = {.operation = DR_SIGNER_SIGN_IMAGE, .image = *image};
    DR_TRY(name_profile(&request, profile, error));
    return ask_for(client, &request, ret_signature, error);
}

enum dr_status dr_signer_sign_command(
    const struct dr_signer_client *client, const char *profile, enum dr_job_action command,
    const struct dr_signer_image *image, struct dr_signer_signature *ret_signature,
    char error[DR_SIGNER_ERROR_BYTES])
{
    struct dr_signer_request request = {
        .operation = DR_SIGNER_SIGN_COMMAND, .image = *image, .command = command};
    DR_TRY(name_profile(&request, profile, error));
    return ask_for(client, &request, ret_signature, error);
}

enum dr_status dr_signer_approve(
    const struct dr_signer_client *client, const char *profile,
    const uint8_t digest[DR_SIGNER_DIGEST_BYTES], char error[DR_SIGNER_ERROR_BYTES])
{
    struct dr_signer_request request = {.operation = DR_SIGNER_APPROVE};
    DR_TRY(name_profile(&request, profile, error));
    memcpy(request.image.digest, digest, sizeof(request.image.digest));
    return ask_for(client, &request, NULL, error);
}

enum dr_status
dr_signer_reload(const struct dr_signer_client *client, char error[DR_SIGNER_ERROR_BYTES])
{
    const struct dr_signer_request request = {.operation = DR_SIGNER_RELOAD};
    return ask_for(client, &request, NULL, error);
}

enum dr_status dr_signer_profiles(
    const struct dr_signer_client *client, struct dr_signer_profile *ret_profiles,
    size_t *ret_count, char error[DR_SIGNER_ERROR_BYTES])
{
    const struct dr_signer_request request = {.operation = DR_SIGNER_PROFILES};
    struct dr_signer_answer *answer = malloc(sizeof(*answer));
    if (answer == NULL) {
        return DR_E_SPACE;
    }
    enum dr_status status = ask(client, &request, answer, error);
    if (status == DR_OK) {
        memcpy(ret_profiles, answer->profiles, answer->profile_count * sizeof(*ret_profiles));
        *ret_count = answer->profile_count;
    }
    free(answer);
    return status;
}
