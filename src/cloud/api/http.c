/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The glue to libmicrohttpd: it parses HTTP and speaks TLS, and knows nothing else of us. */
#include "cloud/api/http.h"

#include "base/check.h"
#include "base/secret.h"
#include "base/text.h"
#include "cloud/api/exchange.h"
#include "cloud/api/fetches.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define CONNECTIONS_MAX 512u
#define CONNECTIONS_PER_ADDRESS_MAX 128u /* so that one host cannot take them all */
#define CONNECTION_IDLE_S 60u
#define CONNECTION_MEMORY_BYTES (64u * 1024u)
#define STOP_WAIT_MS 3000u
#define PIECE_BYTES (128u * 1024u)
#define RECORD_BYTES_USUAL 16384u

struct dr_api {
    struct dr_api_config config;
    struct dr_api_credential credentials[DR_API_CREDENTIALS_MAX];
    struct dr_api_keys keys;
    struct dr_api_fetches *fetches;
    struct MHD_Daemon *daemon;
    uint16_t port;
    atomic_size_t unverified_bytes;
    atomic_bool stopping;
    atomic_uint under_way; /* requests whose head was read and whose answer has not been sent */
};

/* --- a request's life --- */

static void make_request_id(char out[37])
{
    uint8_t bytes[16] = {0};
    char hex[DR_HEX_SIZE(16)];
    /* An id that names a request in a log: if randomness fails it is only less unique. */
    if (getrandom(bytes, sizeof bytes, GRND_NONBLOCK) < 0) {
        memset(bytes, 0, sizeof bytes);
    }
    dr_hex_encode(bytes, sizeof bytes, hex);
    (void)snprintf(
        out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

/* Called with the request line, before anything is decoded: the only sight of the raw target. */
static void *on_target(void *ctx, const char *target, struct MHD_Connection *connection)
{
    struct dr_api *api = ctx;
    (void)connection;
    struct dr_api_exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL) {
        return NULL;
    }
    exchange->call.answer.fd = -1;
    exchange->call.config = &api->config;
    exchange->call.fetches = api->fetches;
    exchange->unverified_bytes = &api->unverified_bytes;
    exchange->call.use.service = api->config.service;
    exchange->call.use.now_ms = api->config.now_ms(api->config.ctx);
    exchange->oversized = strlen(target) > DR_API_TARGET_MAX;
    if (!exchange->oversized) {
        memcpy(exchange->target, target, strlen(target) + 1);
    }
    make_request_id(exchange->call.request_id);
    return exchange;
}

static enum MHD_Result
take_header(void *ctx, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct dr_api_exchange *exchange = ctx;
    size_t count = exchange->call.request.header_count;
    (void)kind;
    if (count == DR_API_HEADERS_MAX) {
        exchange->oversized = true;
        return MHD_NO;
    }
    exchange->headers[count] =
        (struct dr_sigv4_header){.name = name, .value = value == NULL ? "" : value};
    exchange->call.request.header_count = count + 1;
    return MHD_YES;
}

static int64_t content_length_of(const struct dr_api_call *call)
{
    char text[24];
    if (!dr_api_header(call, "content-length", text, sizeof text)) {
        return -1;
    }
    return strtoll(text, NULL, 10); /* well-formed, or the web server had refused it */
}

static void begin(
    struct dr_api *api, struct dr_api_exchange *exchange, struct MHD_Connection *connection,
    const char *method)
{
    struct dr_api_call *call = &exchange->call;
    call->request.method = method;
    call->request.target = exchange->target;
    call->request.headers = exchange->headers;
    (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, take_header, exchange);
    dr_api_exchange_begin(exchange, &api->keys, content_length_of(call));
}

/* --- answering --- */

static void wipe_body(void *ctx)
{
    struct dr_api_answer *answer = ctx;
    dr_wipe(answer->body, answer->body_size);
    free(answer->body);
    free(answer);
}

/* A part of a file on its way. */
struct part {
    int fd;
    uint64_t offset;
    struct dr_api_fetch *fetch;
};

static ssize_t read_part(void *ctx, uint64_t at, char *out, size_t size)
{
    struct part *part = ctx;
    ssize_t got = pread(part->fd, out, size, (off_t)(part->offset + at));
    if (got <= 0) { /* shorter than it was: artifacts never change, so this is damage */
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    if (part->fetch != NULL) {
        (void)atomic_fetch_add(&part->fetch->bytes, (uint64_t)got);
    }
    return got;
}

static void drop_part(void *ctx)
{
    struct part *part = ctx;
    (void)close(part->fd);
    free(part);
}

/* The largest piece that is sent at a time: large, as the web server's own reader of files takes 4
 * KiB, each a TLS record; but where the client has asked for small records (RFC 6066, section 4)
 * no larger than those. GnuTLS agrees to them and, before TLS 1.3, sends larger ones all the same.
 */
static size_t piece_bytes(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (info == NULL || info->tls_session == NULL) {
        return PIECE_BYTES;
    }
    size_t record_bytes = gnutls_record_get_max_size(info->tls_session);
    return record_bytes < RECORD_BYTES_USUAL ? record_bytes : PIECE_BYTES;
}

static struct MHD_Response *
make_file_response(struct dr_api_answer *answer, struct MHD_Connection *connection)
{
    struct part *part = malloc(sizeof *part);
    if (part == NULL) {
        return NULL;
    }
    *part = (struct part){answer->fd, answer->fd_offset, answer->fetch};
    size_t most = piece_bytes(connection);
    size_t piece = answer->fd_size < most ? (size_t)answer->fd_size + 1 : most;
    struct MHD_Response *response =
        MHD_create_response_from_callback(answer->fd_size, piece, read_part, part, drop_part);
    if (response == NULL) {
        free(part);
        return NULL;
    }
    answer->fd = -1;
    return response;
}

/* Hands the answer's body or file over to the response, which frees it. */
static struct MHD_Response *
make_response(struct dr_api_answer *answer, struct MHD_Connection *connection)
{
    if (answer->fd >= 0) {
        return make_file_response(answer, connection);
    }
    if (answer->body == NULL) {
        return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    }
    struct dr_api_answer *kept = malloc(sizeof *kept);
    if (kept == NULL) {
        return NULL;
    }
    *kept = *answer;
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        kept->body_size, kept->body, wipe_body, kept);
    if (response == NULL) {
        free(kept);
        return NULL;
    }
    answer->body = NULL;
    return response;
}

static const char *id_header(enum dr_api_style style)
{
    return style == DR_API_STYLE_S3 ? "x-amz-request-id" : "x-amzn-RequestId";
}

static enum MHD_Result
send_answer(struct dr_api_exchange *exchange, struct MHD_Connection *connection, bool unread)
{
    struct dr_api_call *call = &exchange->call;
    struct MHD_Response *response = make_response(&call->answer, connection);
    if (response == NULL) {
        return MHD_NO;
    }
    bool done =
        MHD_add_response_header(response, id_header(call->style), call->request_id) == MHD_YES;
    if (call->answer.content_type != NULL) {
        done = done &&
               MHD_add_response_header(
                   response, MHD_HTTP_HEADER_CONTENT_TYPE, call->answer.content_type) == MHD_YES;
    }
    if (unread) {
        done = done && MHD_add_response_header(response, "Connection", "close") == MHD_YES;
    }
    for (size_t i = 0; i < call->answer.header_count; i++) {
        done = done && MHD_add_response_header(
                           response, call->answer.headers[i].name, call->answer.headers[i].value) ==
                           MHD_YES;
    }
    enum MHD_Result result =
        done ? MHD_queue_response(connection, call->answer.status, response) : MHD_NO;
    MHD_destroy_response(response);
    return result;
}

/* --- the log line --- */

/* A client's text inside quotes: no quotes, no control characters, no end of line. */
static void quote(const char *text, char *out, size_t capacity_bytes)
{
    size_t len = 0;
    for (; text[len] != '\0' && len + 1 < capacity_bytes; len++) {
        unsigned char c = (unsigned char)text[len];
        out[len] = c < 0x20 || c >= 0x7f || c == '"' || c == '\\' ? '?' : text[len];
    }
    out[len] = '\0';
}

static void log_request(const struct dr_api *api, const struct dr_api_exchange *exchange)
{
    const struct dr_api_call *call = &exchange->call;
    bool reads = call->request.method != NULL && (strcmp(call->request.method, "GET") == 0 ||
                                                  strcmp(call->request.method, "HEAD") == 0);
    if (api->config.log == NULL || (reads && call->answer.status < 400)) {
        return;
    }
    char target[160];
    char method[16];
    char line[640];
    size_t path_len = strcspn(exchange->target, "?");
    char path[160];
    (void)snprintf(
        path, sizeof path, "%.*s", (int)(path_len < 159 ? path_len : 159), exchange->target);
    quote(path, target, sizeof target);
    quote(call->request.method == NULL ? "" : call->request.method, method, sizeof method);
    (void)snprintf(
        line, sizeof line,
        "level=%s msg=request op=%s method=\"%s\" path=\"%s\" status=%u actor=%s id=%s",
        call->answer.status >= 500 ? "error" : "info",
        call->match.route == NULL ? "none" : call->match.route->operation, method, target,
        call->answer.status,
        exchange->auth.verified && call->use.actor != NULL ? call->use.actor : "nobody",
        call->request_id);
    api->config.log(api->config.ctx, line);
}

/* --- libmicrohttpd's callbacks --- */

static enum MHD_Result on_request(
    void *ctx, struct MHD_Connection *connection, const char *url, const char *method,
    const char *version, const char *data, size_t *data_size, void **request_ctx)
{
    struct dr_api *api = ctx;
    struct dr_api_exchange *exchange = *request_ctx;
    (void)url;
    (void)version;
    if (exchange == NULL) {
        return MHD_NO;
    }
    if (!exchange->begun) {
        exchange->begun = true;
        (void)atomic_fetch_add(&api->under_way, 1);
        begin(api, exchange, connection, method);
        return exchange->call.answer.set ? send_answer(exchange, connection, true) : MHD_YES;
    }
    if (*data_size > 0) {
        bool go_on = dr_api_exchange_body(exchange, (const uint8_t *)data, *data_size);
        *data_size = 0;
        return go_on ? MHD_YES : MHD_NO;
    }
    dr_api_exchange_finish(exchange);
    return send_answer(exchange, connection, false);
}

static void on_completed(
    void *ctx, struct MHD_Connection *connection, void **request_ctx,
    enum MHD_RequestTerminationCode code)
{
    struct dr_api *api = ctx;
    struct dr_api_exchange *exchange = *request_ctx;
    (void)connection;
    (void)code;
    if (exchange == NULL) {
        return;
    }
    bool begun = exchange->begun;
    log_request(api, exchange);
    dr_api_exchange_drop(exchange);
    free(exchange);
    *request_ctx = NULL;
    if (begun) { /* last: who waits for 0 frees what was used here */
        (void)atomic_fetch_sub(&api->under_way, 1);
    }
}

/* --- starting and stopping --- */

static enum dr_status check_config(const struct dr_api_config *config, struct sockaddr_in *address)
{
    memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    address->sin_port = htons(config->port);
    if (inet_pton(AF_INET, config->address, &address->sin_addr) != 1 || config->threads < 1 ||
        config->threads > 16 || config->credential_count > DR_API_CREDENTIALS_MAX ||
        (config->certificate_pem == NULL) != (config->key_pem == NULL)) {
        return DR_E_ARGUMENT;
    }
    bool loopback = (ntohl(address->sin_addr.s_addr) >> 24) == 127u;
    return config->certificate_pem != NULL || loopback ? DR_OK : DR_E_ARGUMENT;
}

static enum MHD_Result
on_connection(void *ctx, const struct sockaddr *address, socklen_t address_bytes)
{
    struct dr_api *api = ctx;
    (void)address;
    (void)address_bytes;
    return atomic_load(&api->stopping) ? MHD_NO : MHD_YES;
}

static enum dr_status start_daemon(struct dr_api *api, const struct sockaddr_in *address)
{
    bool tls = api->config.certificate_pem != NULL;
    /* Without ITC the threads are woken to stop by their listening socket alone, which a thread
     * that has all its connections does not look at: it would sleep until one of them timed out. */
    unsigned flags =
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | (tls ? (unsigned)MHD_USE_TLS : 0u);
    struct MHD_OptionItem tls_options[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)api->config.certificate_pem},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)api->config.key_pem},
        {MHD_OPTION_HTTPS_PRIORITIES, 0,
         (void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    errno = 0;
    api->daemon = MHD_start_daemon(
        flags, 0, on_connection, api, on_request, api, MHD_OPTION_SOCK_ADDR, address,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, api, MHD_OPTION_NOTIFY_COMPLETED, on_completed, api,
        MHD_OPTION_THREAD_POOL_SIZE, api->config.threads, MHD_OPTION_CONNECTION_LIMIT,
        CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT, CONNECTIONS_PER_ADDRESS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, CONNECTION_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_MEMORY_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY,
        tls ? tls_options : none, MHD_OPTION_END);
    if (api->daemon != NULL) {
        return DR_OK;
    }
    if (errno == EADDRINUSE) {
        return DR_E_BUSY;
    }
    return errno == EACCES || errno == EADDRNOTAVAIL ? DR_E_DENIED : DR_E_FORMAT;
}

enum dr_status dr_api_start(const struct dr_api_config *config, struct dr_api **ret_api)
{
    struct sockaddr_in address;
    DR_TRY(check_config(config, &address));
    struct dr_api *api = calloc(1, sizeof *api);
    if (api == NULL) {
        return DR_E_SPACE;
    }
    api->config = *config;
    memcpy(
        api->credentials, config->credentials,
        config->credential_count * sizeof config->credentials[0]);
    api->keys =
        (struct dr_api_keys){.credentials = api->credentials, .count = config->credential_count};
    enum dr_status status = dr_api_fetches_new(&api->fetches);
    if (status == DR_OK) {
        status = start_daemon(api, &address);
    }
    if (status != DR_OK) {
        dr_api_fetches_free(api->fetches);
        dr_wipe(api, sizeof *api);
        free(api);
        return status;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(api->daemon, MHD_DAEMON_INFO_BIND_PORT);
    api->port = info == NULL ? config->port : info->port;
    *ret_api = api;
    return DR_OK;
}

uint16_t dr_api_port(const struct dr_api *api)
{
    return api->port;
}

void dr_api_stop(struct dr_api *api)
{
    if (api == NULL) {
        return;
    }
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    /* Not MHD_quiesce_daemon: it takes the listening socket from the threads' epoll sets while they
     * may do so themselves, and whoever comes second ends the process. */
    atomic_store(&api->stopping, true);
    for (unsigned waited_ms = 0; waited_ms < STOP_WAIT_MS; waited_ms += 10) {
        if (atomic_load(&api->under_way) == 0) {
            break;
        }
        (void)nanosleep(&pause, NULL);
    }
    MHD_stop_daemon(api->daemon);
    dr_api_fetches_free(api->fetches);
    dr_wipe(api, sizeof *api);
    free(api);
}
