/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/signer/listener.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_BYTES_MAX 512u /* the largest request, with its length */

struct connection {
    int fd; /* -1: free */
    uid_t uid;
    int64_t end_ms;
    size_t size_bytes;
    uint8_t bytes[REQUEST_BYTES_MAX];
};

struct table {
    const struct dr_signer_listener *listener;
    struct connection connections[DR_SIGNER_CONNECTIONS_MAX];
    struct dr_signer_answer answer;
    uint8_t out[DR_SIGNER_MESSAGE_MAX + 4u];
};

static int64_t now_ms(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void drop(struct connection *connection)
{
    close(connection->fd);
    connection->fd = -1;
}

/* An answer is smaller than a socket's buffer: it goes out in one piece or not at all. */
static void send_answer(struct table *table, int fd, enum dr_signer_operation operation)
{
    struct dr_writer writer;
    dr_writer_init(&writer, table->out, sizeof(table->out));
    if (dr_signer_answer_encode(&table->answer, operation, &writer) == DR_OK &&
        send(fd, table->out, writer.size_bytes, MSG_NOSIGNAL) < 0) {
        table->listener->log("level=warning msg=\"an answer could not be sent\"");
    }
}

/* The whole request is here. */
static void serve(struct table *table, struct connection *connection)
{
    struct dr_signer_request request = {.operation = DR_SIGNER_PING};
    enum dr_status status =
        dr_signer_request_decode(connection->bytes + 4, connection->size_bytes - 4, &request);
    if (status != DR_OK) {
        memset(&table->answer, 0, sizeof(table->answer));
        table->answer.status = status;
        (void)snprintf(table->answer.detail, sizeof(table->answer.detail), "malformed request");
    } else {
        dr_signer_answer_request(table->listener, connection->uid, &request, &table->answer);
    }
    send_answer(table, connection->fd, request.operation);
}

/* What the request still lacks; 0: it is complete or can never be. */
static size_t missing(const struct connection *connection)
{
    if (connection->size_bytes < 4) {
        return 4 - connection->size_bytes;
    }
    struct dr_reader head;
    dr_reader_init(&head, connection->bytes, 4);
    size_t size = dr_read_u32(&head);
    if (size > REQUEST_BYTES_MAX - 4) {
        return 0;
    }
    return size + 4 - connection->size_bytes;
}

static void read_more(struct table *table, struct connection *connection)
{
    size_t left = missing(connection);
    while (left > 0) { /* bound: the request */
        ssize_t got = recv(connection->fd, connection->bytes + connection->size_bytes, left, 0);
        if (got < 0 && errno == EAGAIN) {
            return;
        }
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            drop(connection);
            return;
        }
        connection->size_bytes += (size_t)got;
        left = missing(connection);
    }
    serve(table, connection);
    drop(connection);
}

static void take_connection(struct table *table, int listen_fd)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        return;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
        close(fd);
        return;
    }
    for (size_t i = 0; i < DR_SIGNER_CONNECTIONS_MAX; i++) {
        struct connection *connection = &table->connections[i];
        if (connection->fd < 0) {
            connection->fd = fd;
            connection->uid = peer.uid;
            connection->end_ms = now_ms() + DR_SIGNER_DEADLINE_MS;
            connection->size_bytes = 0;
            read_more(table, connection);
            return;
        }
    }
    close(fd); /* not reached: a full table does not accept */
}

static bool has_room(const struct table *table)
{
    for (size_t i = 0; i < DR_SIGNER_CONNECTIONS_MAX; i++) {
        if (table->connections[i].fd < 0) {
            return true;
        }
    }
    return false;
}

static void expire(struct table *table)
{
    int64_t now = now_ms();
    for (size_t i = 0; i < DR_SIGNER_CONNECTIONS_MAX; i++) {
        if (table->connections[i].fd >= 0 && now >= table->connections[i].end_ms) {
            drop(&table->connections[i]);
        }
    }
}

/* One wait, and what came of it. false: stop. */
static bool turn(struct table *table, int listen_fd, int stop_fd)
{
    struct pollfd fds[DR_SIGNER_CONNECTIONS_MAX + 2];
    bool busy = false;
    for (size_t i = 0; i < DR_SIGNER_CONNECTIONS_MAX; i++) {
        fds[i] = (struct pollfd){.fd = table->connections[i].fd, .events = POLLIN};
        busy = busy || fds[i].fd >= 0;
    }
    struct pollfd *listening = &fds[DR_SIGNER_CONNECTIONS_MAX];
    struct pollfd *stop = &fds[DR_SIGNER_CONNECTIONS_MAX + 1];
    *listening = (struct pollfd){.fd = has_room(table) ? listen_fd : -1, .events = POLLIN};
    *stop = (struct pollfd){.fd = stop_fd, .events = POLLIN};
    if (poll(fds, DR_SIGNER_CONNECTIONS_MAX + 2, busy ? DR_SIGNER_DEADLINE_MS / 4 : -1) < 0) {
        return errno == EINTR;
    }
    for (size_t i = 0; i < DR_SIGNER_CONNECTIONS_MAX; i++) {
        if (fds[i].revents != 0) {
            read_more(table, &table->connections[i]);
        }
    }
    expire(table);
    if (listening->revents != 0) {
        take_connection(table, listen_fd);
    }
    return stop->revents == 0;
}

/* Is somebody at the other end of this socket file? */
static bool is_served(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return true;
    }
    int connected = connect(fd, (const struct sockaddr *)address, sizeof(*address));
    close(fd);
    return connected == 0;
}

static enum dr_status bind_socket(const char *path, int *ret_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof(address.sun_path)) {
        return DR_E_ARGUMENT;
    }
    memcpy(address.sun_path, path, len + 1);
    if (is_served(&address)) {
        return DR_E_EXISTS;
    }
    struct stat facts;
    if (lstat(path, &facts) == 0 && !S_ISSOCK(facts.st_mode)) {
        return DR_E_EXISTS; /* not ours to remove */
    }
    (void)unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return DR_E_IO;
    }
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        chmod(path, 0660) != 0 || listen(fd, 32) != 0) {
        close(fd);
        return DR_E_IO;
    }
    *ret_fd = fd;
    return DR_OK;
}

enum dr_status
dr_signer_listen(const struct dr_signer_listener *listener, const char *path, int stop_fd)
{
    int listen_fd;
    struct table *table = calloc(1, sizeof(*table));
    if (table == NULL) {
        return DR_E_SPACE;
    }
    table->listener = listener;
    for (size_t i = 0; i < DR_SIGNER_CONNECTIONS_MAX; i++) {
        table->connections[i].fd = -1;
    }
    enum dr_status status = bind_socket(path, &listen_fd);
    if (status != DR_OK) {
        free(table);
        return status;
    }
    listener->log("level=info msg=ready");
    while (turn(table, listen_fd, stop_fd)) {
        /* until told to stop */
    }
    (void)unlink(path);
    close(listen_fd);
    for (size_t i = 0; i < DR_SIGNER_CONNECTIONS_MAX; i++) {
        if (table->connections[i].fd >= 0) {
            drop(&table->connections[i]);
        }
    }
    free(table);
    return DR_OK;
}
