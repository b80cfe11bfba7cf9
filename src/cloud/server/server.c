/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/server/server.h"

#include "base/secret.h"
#include "base/text.h"
#include "cloud/api/http.h"
#include "cloud/blob/blob.h"
#include "cloud/bus/bus.h"
#include "cloud/pki/pki.h"
#include "cloud/server/log.h"
#include "cloud/service/service.h"
#include "cloud/store/store.h"
#include "crypto/crypto.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TICK_S 1
#define LATE_MS 3000 /* a start that takes longer is worth a line */

struct dr_server {
    const struct dr_server_config *config;
    struct dr_store *store;
    struct dr_blobs *blobs;
    struct dr_pki_authority *authority;
    struct dr_service *service;
    struct dr_bus *bus;
    struct dr_api *api;
    struct dr_api_credential credentials[DR_API_CREDENTIALS_MAX];
    size_t credential_count;
    char *api_certificate_pem;
    char *api_key_pem;
    int64_t started_ms;
    bool announced;  /* the readiness line was written */
    bool complained; /* that it is late */
    pthread_mutex_t lock;
    bool healthy; /* under lock, with why: as of the last tick */
    char why[DR_SERVICE_MESSAGE_SIZE];
};

static int64_t clock_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static enum dr_status refuse(char *error, enum dr_status status, const char *what, const char *path)
{
    (void)snprintf(
        error, DR_CONFIG_ERROR_BYTES, "%s %.1000s: %s", what, path, dr_status_text(status));
    return status;
}

/* --- what the API asks of us; any thread --- */

static int64_t api_now_ms(void *ctx)
{
    (void)ctx;
    return clock_ms();
}

static void api_log(void *ctx, const char *line)
{
    (void)ctx;
    dr_server_log("%s", line);
}

/* The reasons are literals or live in thread-local storage, so that none is freed under a reader.
 */
static bool is_ready(struct dr_server *server, const char **ret_why)
{
    static _Thread_local char why[DR_SERVICE_MESSAGE_SIZE];
    if (server->config->mqtt_host[0] != '\0' &&
        (server->bus == NULL || !dr_bus_connected(server->bus))) {
        *ret_why = "not connected to the broker";
        return false;
    }
    (void)pthread_mutex_lock(&server->lock);
    bool healthy = server->healthy;
    memcpy(why, server->why, sizeof why);
    (void)pthread_mutex_unlock(&server->lock);
    *ret_why = why;
    return healthy;
}

static bool api_ready(void *ctx, const char **ret_why)
{
    return is_ready(ctx, ret_why);
}

static char *api_traffic(void *ctx, const char *client_id)
{
    struct dr_server *server = ctx;
    struct dr_wire_counters counters;
    char *text = NULL;
    if (server->bus == NULL || dr_bus_counters(server->bus, client_id, &counters) != DR_OK) {
        return NULL;
    }
    int len = asprintf(
        &text,
        "{\"inMessages\":%" PRIu64 ",\"inBytes\":%" PRIu64 ",\"outMessages\":%" PRIu64
        ",\"outBytes\":%" PRIu64 ",\"streamMessages\":%" PRIu64 ",\"streamBytes\":%" PRIu64
        ",\"connects\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"throttled\":%" PRIu64 "}",
        counters.in_messages, counters.in_bytes, counters.out_messages, counters.out_bytes,
        counters.stream_messages, counters.stream_bytes, counters.connects, counters.refused,
        counters.throttled);
    return len < 0 ? NULL : text;
}

/* --- opening, in order --- */

static enum dr_status open_store(struct dr_server *server, char *error)
{
    char why[DR_STORE_ERROR_SIZE] = "";
    struct dr_store_options options = {
        .path = server->config->store, .max_pages = server->config->store_pages_max};
    enum dr_status status = dr_store_open(&options, &server->store, why);
    if (status != DR_OK) {
        (void)snprintf(
            error, DR_CONFIG_ERROR_BYTES, "store %.900s: %s", server->config->store,
            why[0] != '\0' ? why : dr_status_text(status));
    }
    return status;
}

/* The key behind pre-signed URLs. It stands in no file and is told to nobody: it follows from the
 * secrets of the credentials, so it is the same after a restart and another when they change. */
static void make_download_key(struct dr_api_credential *keys, size_t count)
{
    static const char label[] = "daruma download urls 1";
    struct dr_api_credential *key = &keys[count];
    struct dr_bytes parts[DR_API_CREDENTIALS_MAX];
    uint8_t secret[DR_SHA256_BYTES];
    for (size_t i = 0; i < count; i++) {
        parts[i] = (struct dr_bytes){(const uint8_t *)keys[i].secret, sizeof keys[i].secret};
    }
    memset(key, 0, sizeof *key);
    dr_hmac_sha256(
        &dr_crypto_openssl, (struct dr_bytes){(const uint8_t *)label, sizeof label - 1}, parts,
        count, secret);
    (void)snprintf(key->access_key_id, sizeof key->access_key_id, "DARUMADOWNLOAD");
    dr_hex_encode(secret, sizeof secret, key->secret);
    key->role = DR_API_VIEWER;
    key->downloads_only = true;
    dr_wipe(secret, sizeof secret);
}

static enum dr_status load_credentials(struct dr_server *server, char *error)
{
    DR_TRY(dr_server_credentials_load(
        server->config->credentials, server->credentials, &server->credential_count, error));
    if (server->credential_count == DR_API_CREDENTIALS_MAX) {
        return refuse(error, DR_E_SPACE, "too many keys in", server->config->credentials);
    }
    make_download_key(server->credentials, server->credential_count++);
    return DR_OK;
}

static enum dr_status open_parts(struct dr_server *server, char *error)
{
    const struct dr_server_config *config = server->config;
    DR_TRY(open_store(server, error));
    struct dr_blob_options blobs = {
        .directory = config->blobs,
        .crypto = &dr_crypto_openssl,
        .blob_size_max_bytes = config->object_bytes_max,
    };
    enum dr_status status = dr_blobs_open(&blobs, &server->blobs);
    if (status != DR_OK) {
        return refuse(error, status, "blobs", config->blobs);
    }
    status = dr_pki_authority_load(config->device_ca, config->device_ca_key, &server->authority);
    if (status != DR_OK) {
        return refuse(error, status, "device CA", config->device_ca_key);
    }
    const struct dr_api_credential *last =
        server->credential_count > 0 ? &server->credentials[server->credential_count - 1] : NULL;
    bool downloads = last != NULL && config->download_url[0] != '\0';
    struct dr_service_config service = {
        .store = server->store,
        .blobs = server->blobs,
        .crypto = &dr_crypto_openssl,
        .device_authority = server->authority,
        .signer_socket = config->signer_socket[0] == '\0' ? NULL : config->signer_socket,
        .signing_profile = config->signing_profile[0] == '\0' ? NULL : config->signing_profile,
        .region = config->region,
        .account = config->account,
        .device_endpoint = config->device_endpoint,
        .downloads =
            {.url = downloads ? config->download_url : NULL,
             .access_key_id = downloads ? last->access_key_id : NULL,
             .secret = downloads ? last->secret : NULL},
        .image_size_max_bytes = config->object_bytes_max,
        .strict = config->strict,
    };
    status = dr_service_open(&service, &server->service);
    if (status == DR_OK) {
        status = dr_service_recover(server->service, clock_ms());
    }
    return status == DR_OK ? DR_OK : refuse(error, status, "service on", config->store);
}

/* A whole PEM file, for the web server. NULL when it cannot be read. */
static char *read_pem(const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return NULL;
    }
    char *text = calloc(1, DR_PKI_PEM_BYTES * 2);
    size_t len = text == NULL ? 0 : fread(text, 1, DR_PKI_PEM_BYTES * 2 - 1, file);
    (void)fclose(file);
    if (len == 0) {
        free(text);
        return NULL;
    }
    return text;
}

static enum dr_status load_api_identity(struct dr_server *server, char *error)
{
    const struct dr_server_config *config = server->config;
    if (config->api_plain) {
        return DR_OK;
    }
    server->api_certificate_pem = read_pem(config->api_certificate);
    if (server->api_certificate_pem == NULL) {
        return refuse(error, DR_E_IO, "API certificate", config->api_certificate);
    }
    server->api_key_pem = read_pem(config->api_key);
    return server->api_key_pem == NULL ? refuse(error, DR_E_IO, "API key", config->api_key) : DR_OK;
}

static enum dr_status start_api(struct dr_server *server, char *error)
{
    const struct dr_server_config *config = server->config;
    DR_TRY(load_api_identity(server, error));
    struct dr_api_config api = {
        .address = config->api_address,
        .port = config->api_port,
        .certificate_pem = server->api_certificate_pem,
        .key_pem = server->api_key_pem,
        .threads = config->api_threads,
        .object_bytes_max = config->object_bytes_max,
        .credentials = server->credentials,
        .credential_count = server->credential_count,
        .crypto = &dr_crypto_openssl,
        .service = server->service,
        .ctx = server,
        .now_ms = api_now_ms,
        .ready = api_ready,
        .log = api_log,
        .traffic = api_traffic,
    };
    enum dr_status status = dr_api_start(&api, &server->api);
    if (status != DR_OK) {
        char where[96];
        (void)snprintf(where, sizeof where, "%s:%u", config->api_address, config->api_port);
        DR_IGNORE(refuse(error, status, "API on", where));
    }
    return status;
}

static void bus_log(void *ctx, bool is_error, const char *line)
{
    (void)ctx;
    dr_server_log("level=%s msg=bus text=\"%s\"", is_error ? "error" : "info", line);
}

static enum dr_status start_bus(struct dr_server *server, char *error)
{
    const struct dr_server_config *config = server->config;
    char why[DR_BUS_ERROR_BYTES] = "";
    if (config->mqtt_host[0] == '\0') {
        return DR_OK;
    }
    struct dr_bus_config bus = {
        .host = config->mqtt_host,
        .port = config->mqtt_port,
        .ca_path = config->server_ca,
        .certificate_path = config->mqtt_certificate,
        .key_path = config->mqtt_key,
        .snapshot_path = config->gate_snapshot,
        .log = bus_log,
    };
    enum dr_status status = dr_bus_start(&bus, server->service, &server->bus, why);
    if (status != DR_OK) {
        (void)snprintf(
            error, DR_CONFIG_ERROR_BYTES, "bus: %s", why[0] != '\0' ? why : dr_status_text(status));
    }
    return status;
}

static void check_health(struct dr_server *server)
{
    char why[DR_SERVICE_MESSAGE_SIZE] = "";
    bool healthy = dr_service_health(server->service, why) == DR_OK;
    (void)pthread_mutex_lock(&server->lock);
    bool changed = healthy != server->healthy && server->announced;
    server->healthy = healthy;
    memcpy(server->why, why, sizeof server->why);
    (void)pthread_mutex_unlock(&server->lock);
    if (changed) {
        dr_server_log(
            "level=%s msg=%s why=\"%s\"", healthy ? "info" : "error",
            healthy ? "healthy" : "unhealthy", why);
    }
}

enum dr_status dr_server_open(
    const struct dr_server_config *config, bool with_network, struct dr_server **ret_server,
    char error[DR_CONFIG_ERROR_BYTES])
{
    struct dr_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        return refuse(error, DR_E_SPACE, "memory for", "the server");
    }
    server->config = config;
    server->started_ms = clock_ms();
    (void)pthread_mutex_init(&server->lock, NULL);
    enum dr_status status = with_network ? load_credentials(server, error) : DR_OK;
    if (status == DR_OK) {
        status = open_parts(server, error);
    }
    /* The bus first: an answered mutation must have somewhere to go. */
    if (status == DR_OK && with_network) {
        status = start_bus(server, error);
    }
    if (status == DR_OK && with_network) {
        check_health(server);
        status = start_api(server, error);
    }
    dr_wipe(server->credentials, sizeof server->credentials); /* the others have copies */
    if (status != DR_OK) {
        dr_server_close(server);
        return status;
    }
    *ret_server = server;
    return DR_OK;
}

void dr_server_close(struct dr_server *server)
{
    if (server == NULL) {
        return;
    }
    dr_api_stop(server->api);
    if (server->bus != NULL) {
        dr_bus_stop(server->bus);
    }
    dr_service_close(server->service);
    dr_store_close(server->store);
    dr_blobs_close(server->blobs);
    dr_pki_authority_free(server->authority);
    if (server->api_key_pem != NULL) {
        dr_wipe(server->api_key_pem, strlen(server->api_key_pem));
    }
    free(server->api_key_pem);
    free(server->api_certificate_pem);
    (void)pthread_mutex_destroy(&server->lock);
    free(server);
}

/* --- serving --- */

/* Once, when everything first stands: the line that scripts wait for. */
static void announce(struct dr_server *server)
{
    const struct dr_server_config *config = server->config;
    const char *why = "";
    if (server->announced) {
        return;
    }
    if (!is_ready(server, &why)) {
        if (!server->complained && clock_ms() - server->started_ms > LATE_MS) {
            server->complained = true;
            dr_server_log("level=warning msg=\"not ready yet\" why=\"%s\"", why);
        }
        return;
    }
    server->announced = true;
    unsigned port = dr_api_port(server->api);
    if (config->ready_file[0] != '\0') {
        char text[16];
        int len = snprintf(text, sizeof text, "%u\n", port);
        enum dr_status status = dr_pki_write_file(config->ready_file, text, (size_t)len, 0644);
        if (status != DR_OK) {
            dr_server_log(
                "level=error msg=\"cannot write the ready file\" path=\"%s\" why=\"%s\"",
                config->ready_file, dr_status_text(status));
        }
    }
    dr_server_log(
        "level=info msg=ready api=%s://%s:%u bus=%s after_ms=%" PRId64,
        config->api_plain ? "http" : "https", config->api_address, port,
        server->bus == NULL ? "none" : "connected", clock_ms() - server->started_ms);
}

void dr_server_run(struct dr_server *server)
{
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    for (;;) { /* bound: until a signal */
        announce(server);
        /* Until everything stands, look often: a start should be seen as soon as it is done. */
        struct timespec pause = {
            .tv_sec = server->announced ? TICK_S : 0,
            .tv_nsec = server->announced ? 0 : 20 * 1000 * 1000};
        int number = sigtimedwait(&signals, NULL, &pause);
        if (number == SIGTERM || number == SIGINT) {
            dr_server_log("level=info msg=stopping signal=%d", number);
            return;
        }
        if (!server->announced && clock_ms() - server->started_ms < 1000) {
            continue;
        }
        enum dr_status status = dr_service_tick(server->service, clock_ms());
        if (status != DR_OK) {
            dr_server_log("level=error msg=tick why=\"%s\"", dr_status_text(status));
        }
        check_health(server);
    }
}

enum dr_status dr_server_write_snapshot(struct dr_server *server, char error[DR_CONFIG_ERROR_BYTES])
{
    const char *path = server->config->gate_snapshot;
    if (path[0] == '\0') {
        return refuse(error, DR_E_ARGUMENT, "gate_snapshot", "is not configured");
    }
    enum dr_status status = dr_bus_write_snapshot(server->service, path);
    return status == DR_OK ? DR_OK : refuse(error, status, "gate snapshot", path);
}
