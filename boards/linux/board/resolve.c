/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Names become addresses: first what `daruma device net` says (net.conf), then the host's resolver.
 *
 * net.conf: one "name address" or "name address:port" per line ("[address]:port" for IPv6); "*" is
 * every name. It stands for whoever owns the network in front of the device, so it is read anew for
 * each question and survives power cuts. */
#include "boards/linux/board/board.h"

#include "base/cursor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void put_address(struct dr_writer *writer, int family, uint16_t port, const void *address)
{
    uint8_t bytes[16] = {0};
    memcpy(bytes, address, family == AF_INET ? 4u : 16u);
    dr_write_u16(writer, family == AF_INET ? 4u : 6u);
    dr_write_u16(writer, port);
    dr_write_bytes(writer, bytes, sizeof bytes);
}

static bool put_text(struct dr_writer *writer, const char *text, uint16_t port)
{
    uint8_t address[16];
    int family = AF_INET;
    if (inet_pton(AF_INET, text, address) != 1) {
        family = AF_INET6;
        if (inet_pton(AF_INET6, text, address) != 1) {
            return false;
        }
    }
    put_address(writer, family, port, address);
    return true;
}

/* "address", "address:port", "[address]:port". text is changed. */
static bool put_override(struct dr_writer *writer, char *text)
{
    char *host = text;
    char *port = NULL;
    if (*text == '[') {
        host = text + 1;
        char *end = strchr(host, ']');
        if (end == NULL) {
            return false;
        }
        port = end[1] == ':' ? end + 2 : NULL;
        *end = '\0';
    } else if (strchr(text, ':') == strrchr(text, ':') && strchr(text, ':') != NULL) {
        port = strchr(text, ':') + 1;
        port[-1] = '\0';
    }
    unsigned long number = port != NULL ? strtoul(port, NULL, 10) : 0;
    return number <= UINT16_MAX && put_text(writer, host, (uint16_t)number);
}

/* DR_E_NOT_FOUND: the file has nothing to say about this name. */
static enum dr_status override(const char *name, struct dr_writer *writer)
{
    FILE *file = fopen(DR_BOARD_NET_PATH, "re");
    if (file == NULL) {
        return DR_E_NOT_FOUND;
    }
    char line[DR_BOARD_LINE_BYTES_MAX];
    while (writer->size_bytes == 0 && fgets(line, sizeof line, file) != NULL) {
        char *rest = NULL;
        char *word = strtok_r(line, " \t\n", &rest);
        char *address = strtok_r(NULL, " \t\n", &rest);
        if (word != NULL && address != NULL &&
            (strcmp(word, "*") == 0 || strcasecmp(word, name) == 0)) {
            put_override(writer, address);
        }
    }
    fclose(file);
    return writer->size_bytes > 0 ? writer->status : DR_E_NOT_FOUND;
}

/* In a child: blocking and bounded by the board's patience. */
static _Noreturn void look_up(const char *name, int out, pid_t board_pid)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != board_pid) {
        _exit(1);
    }
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    uint8_t answer[DR_WIRE_ADDRESS_COUNT_MAX * DR_WIRE_ADDRESS_BYTES];
    struct dr_writer writer;
    dr_writer_init(&writer, answer, sizeof answer);
    if (getaddrinfo(name, NULL, &hints, &found) != 0) {
        _exit(0);
    }
    for (; found != NULL && sizeof answer - writer.size_bytes >= DR_WIRE_ADDRESS_BYTES;
         found = found->ai_next) { /* bound: room for DR_WIRE_ADDRESS_COUNT_MAX */
        if (found->ai_family == AF_INET) {
            struct sockaddr_in in;
            memcpy(&in, found->ai_addr, sizeof in);
            put_address(&writer, AF_INET, 0, &in.sin_addr);
        } else if (found->ai_family == AF_INET6) {
            struct sockaddr_in6 in;
            memcpy(&in, found->ai_addr, sizeof in);
            put_address(&writer, AF_INET6, 0, &in.sin6_addr);
        }
    }
    _exit(write(out, answer, writer.size_bytes) == (ssize_t)writer.size_bytes ? 0 : 1);
}

static enum dr_status start_look_up(struct dr_board *board, const char *name)
{
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC) != 0) {
        return DR_E_IO;
    }
    pid_t board_pid = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        look_up(name, pipes[1], board_pid);
    }
    close(pipes[1]);
    if (pid < 0) {
        close(pipes[0]);
        return DR_E_IO;
    }
    board->resolver.pid = pid;
    board->resolver.pipe = pipes[0];
    board->resolver.answer_bytes = 0;
    return DR_OK;
}

enum dr_status dr_board_resolve(
    struct dr_board *board, const struct dr_wire_request *request, const uint8_t *name,
    size_t name_len)
{
    struct dr_board_resolver *resolver = &board->resolver;
    char text[DR_WIRE_NAME_BYTES_MAX + 1u] = {0};
    if (resolver->pipe >= 0) {
        return DR_E_BUSY;
    }
    dr_board_network_tick(board);
    if (!board->link_up) {
        return DR_E_NOT_FOUND; /* nobody to ask */
    }
    if (name_len > DR_WIRE_NAME_BYTES_MAX || memchr(name, 0, name_len) != NULL) {
        return DR_E_ARGUMENT;
    }
    memcpy(text, name, name_len);
    struct dr_writer writer;
    dr_writer_init(&writer, resolver->answer, sizeof resolver->answer);
    if (override(text, &writer) == DR_OK || put_text(&writer, text, 0)) {
        struct dr_wire_reply reply = {.operation = DR_WIRE_RESOLVE, .tag = request->tag};
        reply.value = 1;
        dr_board_answer(board, &reply, resolver->answer, writer.size_bytes);
        return DR_E_AGAIN; /* answered already */
    }
    DR_TRY(start_look_up(board, text));
    resolver->tag = request->tag;
    resolver->timeout_ms = dr_board_now_ms() + DR_BOARD_RESOLVE_TIMEOUT_MS;
    return DR_E_AGAIN;
}

void dr_board_resolver_stop(struct dr_board *board)
{
    struct dr_board_resolver *resolver = &board->resolver;
    if (resolver->pipe < 0) {
        return;
    }
    close(resolver->pipe);
    resolver->pipe = -1;
    if (resolver->pid > 0) {
        kill(resolver->pid, SIGKILL);
        while (waitpid(resolver->pid, NULL, 0) < 0 && errno == EINTR) { /* bound: it was killed */
        }
        resolver->pid = 0;
    }
}

static void finish(struct dr_board *board, enum dr_status status)
{
    struct dr_board_resolver *resolver = &board->resolver;
    struct dr_wire_reply reply = {
        .operation = DR_WIRE_RESOLVE, .tag = resolver->tag, .status = status};
    size_t size_bytes = status == DR_OK ? resolver->answer_bytes : 0;
    reply.value = (uint32_t)(size_bytes / DR_WIRE_ADDRESS_BYTES);
    dr_board_resolver_stop(board);
    dr_board_answer(board, &reply, resolver->answer, size_bytes);
}

void dr_board_resolver_readable(struct dr_board *board)
{
    struct dr_board_resolver *resolver = &board->resolver;
    size_t left = sizeof resolver->answer - resolver->answer_bytes;
    ssize_t count =
        left > 0 ? read(resolver->pipe, resolver->answer + resolver->answer_bytes, left) : 0;
    if (count > 0) {
        resolver->answer_bytes += (size_t)count;
        return;
    }
    bool whole = resolver->answer_bytes > 0 && resolver->answer_bytes % DR_WIRE_ADDRESS_BYTES == 0;
    finish(board, whole ? DR_OK : DR_E_NOT_FOUND);
}

void dr_board_resolver_tick(struct dr_board *board, uint64_t now_ms)
{
    if (board->resolver.pipe >= 0 && now_ms >= board->resolver.timeout_ms) {
        finish(board, DR_E_TIMEOUT);
    }
}
