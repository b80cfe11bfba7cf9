/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/linux/tls_stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_AHEAD_BYTES 40960u

static void forget(void *context)
{
    struct dr_tls_stream *stream = context;
    SSL_free(stream->ssl);
    dr_link_tls_close(&stream->tls);
    if (stream->wait.fd >= 0) {
        (void)close(stream->wait.fd);
    }
    stream->ssl = NULL;
    stream->wait.fd = -1;
    stream->connected = false;
    stream->secure = false;
}

static bool make_address(
    const struct dr_link_address *from, uint16_t port, struct sockaddr_storage *ret_address,
    socklen_t *ret_len)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    memset(ret_address, 0, sizeof(*ret_address));
    if (inet_pton(AF_INET, from->text, &in.sin_addr) == 1) {
        memcpy(ret_address, &in, sizeof(in));
        *ret_len = sizeof(in);
        return true;
    }
    memcpy(ret_address, &in6, sizeof(in6));
    *ret_len = sizeof(in6);
    return inet_pton(AF_INET6, from->text, &((struct sockaddr_in6 *)ret_address)->sin6_addr) == 1;
}

static enum dr_status
open_socket(struct dr_tls_stream *stream, const struct dr_link_address *where, uint16_t port)
{
    struct sockaddr_storage address;
    socklen_t len = 0;
    int on = 1;
    if (!make_address(where, port, &address, &len)) {
        return DR_E_FORMAT;
    }
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return DR_E_IO;
    }
    stream->wait.fd = fd;
    stream->wait.events = POLLOUT;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* slower without, no worse */
    if (connect(fd, (const struct sockaddr *)&address, len) != 0 && errno != EINPROGRESS) {
        return DR_E_IO;
    }
    return DR_OK;
}

static enum dr_status open_tls(struct dr_tls_stream *stream)
{
    SSL_CTX *context = stream->tls.context;
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, READ_AHEAD_BYTES);
    stream->ssl = SSL_new(context);
    if (stream->ssl == NULL || SSL_set_fd(stream->ssl, stream->wait.fd) != 1) {
        return DR_E_CRYPTO;
    }
    struct in6_addr literal;
    bool named = inet_pton(AF_INET, stream->tls.host, &literal) != 1 &&
                 inet_pton(AF_INET6, stream->tls.host, &literal) != 1;
    if (named && SSL_set_tlsext_host_name(stream->ssl, stream->tls.host) != 1) {
        return DR_E_CRYPTO;
    }
    SSL_set_connect_state(stream->ssl);
    return DR_OK;
}

static enum dr_status open_stream(void *context, const struct dr_link_identity *identity)
{
    struct dr_tls_stream *stream = context;
    struct dr_link_address where;
    if (stream->wait.fd >= 0) {
        return DR_E_STATE;
    }
    stream->fault = DR_LINK_FAULT_NETWORK;
    DR_TRY(
        stream->config.resolve(stream->config.context, identity->host, stream->attempt++, &where));
    enum dr_status status = dr_link_tls_open(&stream->tls, identity, stream->config.anchor);
    if (status != DR_OK) {
        stream->fault = DR_LINK_FAULT_LOCAL;
        return status;
    }
    status = open_socket(stream, &where, where.port != 0 ? where.port : identity->port);
    if (status == DR_OK) {
        status = open_tls(stream);
    }
    if (status != DR_OK) {
        forget(stream);
    }
    return status;
}

/* What a call of OpenSSL that did not succeed means. */
static enum dr_status outcome(struct dr_tls_stream *stream, int code)
{
    int error = SSL_get_error(stream->ssl, code);
    /* A connection that just ends is the network's doing, though OpenSSL calls it a fault of TLS.
     */
    bool cut = error == SSL_ERROR_SSL &&
               ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
    ERR_clear_error();
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        stream->wait.events = error == SSL_ERROR_WANT_READ ? POLLIN : POLLIN | POLLOUT;
        return DR_E_AGAIN;
    }
    if (stream->tls.fault != DR_LINK_FAULT_NONE) {
        stream->fault = stream->tls.fault;
    } else if (error == SSL_ERROR_SSL && !cut && !stream->secure) {
        stream->fault = DR_LINK_FAULT_TLS_OTHER;
    }
    return DR_E_CLOSED;
}

static enum dr_status finish_connect(struct dr_tls_stream *stream)
{
    struct pollfd look = {.fd = stream->wait.fd, .events = POLLOUT};
    int error = 0;
    socklen_t len = sizeof(error);
    if (poll(&look, 1, 0) <= 0) {
        return DR_E_AGAIN;
    }
    if (getsockopt(look.fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) {
        return DR_E_CLOSED;
    }
    stream->connected = true;
    return DR_OK;
}

static enum dr_status state(void *context)
{
    struct dr_tls_stream *stream = context;
    if (stream->ssl == NULL) {
        return DR_E_CLOSED;
    }
    if (!stream->connected) {
        DR_TRY(finish_connect(stream));
    }
    if (!stream->secure) {
        int code = SSL_do_handshake(stream->ssl);
        if (code != 1) {
            return outcome(stream, code);
        }
        stream->secure = true;
        stream->attempt = 0;
        stream->wait.events = POLLIN;
    }
    return DR_OK;
}

static enum dr_status
write_bytes(void *context, const uint8_t *data, size_t size_bytes, size_t *ret_bytes)
{
    struct dr_tls_stream *stream = context;
    int code = SSL_write_ex(stream->ssl, data, size_bytes, ret_bytes);
    return code == 1 ? DR_OK : outcome(stream, code);
}

static enum dr_status
read_bytes(void *context, uint8_t *out, size_t capacity_bytes, size_t *ret_bytes)
{
    struct dr_tls_stream *stream = context;
    int code = SSL_read_ex(stream->ssl, out, capacity_bytes, ret_bytes);
    return code == 1 ? DR_OK : outcome(stream, code);
}

static enum dr_link_fault fault(void *context)
{
    const struct dr_tls_stream *stream = context;
    return stream->fault;
}

void dr_tls_stream_init(
    struct dr_tls_stream *stream, const struct dr_tls_stream_config *config,
    struct dr_link_stream *ret_stream)
{
    memset(stream, 0, sizeof(*stream));
    stream->config = *config;
    stream->wait.fd = -1;
    (void)signal(SIGPIPE, SIG_IGN);
    *ret_stream = (struct dr_link_stream){
        .context = stream,
        .open = open_stream,
        .state = state,
        .write = write_bytes,
        .read = read_bytes,
        .fault = fault,
        .close = forget,
    };
}
