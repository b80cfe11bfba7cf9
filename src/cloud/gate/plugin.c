/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The gate as a mosquitto plugin: hands the broker's events to the gate, and back. No decision is
 * made here.
 *
 *   plugin_opt_snapshot PATH              who may connect; darumad writes it
 *   plugin_opt_service_certificate HEX    SHA-256 of the DER of the service's certificate
 *   plugin_opt_region NAME                of policy ARNs
 *   plugin_opt_account NUMBER
 *   plugin_opt_ring_bytes N               uncommitted QoS 1 messages kept; default 16 MiB
 *   plugin_opt_stats_ms N                 how often counters are told; default 250
 *   plugin_opt_sessions_max N             connections at once; default: not bounded
 *   plugin_opt_requests_per_s N           of one client to the service; default: not bounded
 *   plugin_opt_strict on|off              AWS's limits of one connection; default off
 *
 * Written against mosquitto 2.0.11's plugin interface (version 5). The broker must run with
 * per_listener_settings false (else it gives no ticks) and without use_identity_as_username (else
 * it asks no plugin at CONNECT).
 */
#include "base/check.h"
#include "base/text.h"
#include "cloud/gate/pace.h"
#include "cloud/gate/plugin_priv.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define KEPT_BYTES (2 * 1024 * 1024)
#define MAPPED_BYTES_MIN (512 * 1024)

static struct dr_gate *gate;
static mosquitto_plugin_id_t *plugin_id;

_Noreturn void dr_check_failed(const char *file, int line)
{
    mosquitto_log_printf(MOSQ_LOG_ERR, "daruma-gate: assertion failed, %s:%d", file, line);
    abort();
}

static uint64_t clock_ms(clockid_t clock)
{
    struct timespec now = {0};
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

/* ---- what the gate asks of the broker ---- */

static void port_publish(
    void *context, const char *client_id, const char *topic, void *payload, size_t payload_size,
    int qos, const struct dr_gate_stamp *stamp)
{
    (void)context;
    mosquitto_property *properties = stamp == NULL ? NULL : dr_plugin_stamp(stamp);
    if (mosquitto_broker_publish(
            client_id, topic, (int)payload_size, payload, qos, false, properties) !=
        MOSQ_ERR_SUCCESS) {
        mosquitto_free(payload);
        mosquitto_property_free_all(&properties);
    }
}

static void *port_alloc(void *context, size_t size_bytes)
{
    (void)context;
    return mosquitto_malloc(size_bytes);
}

static void port_release(void *context, void *memory)
{
    (void)context;
    mosquitto_free(memory);
}

static void port_kick(void *context, const char *client_id)
{
    (void)context;
    (void)mosquitto_kick_client_by_clientid(client_id, true);
}

static void port_log(void *context, bool is_error, const char *line)
{
    (void)context;
    mosquitto_log_printf(is_error ? MOSQ_LOG_ERR : MOSQ_LOG_NOTICE, "daruma-gate: %s", line);
}

static uint64_t port_random(void *context)
{
    (void)context;
    uint64_t value;
    if (getrandom(&value, sizeof(value), 0) != (ssize_t)sizeof(value)) {
        dr_check_failed("getrandom", 0); /* 8 bytes cannot fail once the pool is filled */
    }
    return value;
}

static bool port_sent(void *context, const void *connection, uint64_t *ret_bytes)
{
    (void)context;
    return dr_plugin_wire_sent(connection, ret_bytes);
}

static bool port_writable(void *context, const void *connection)
{
    (void)context;
    return dr_plugin_wire_writable(connection);
}

/* ---- what the broker asks of the gate ---- */

static int on_basic_auth(int event, void *event_data, void *user_data)
{
    (void)event;
    (void)user_data;
    const struct mosquitto_evt_basic_auth *data = event_data;
    const char *client_id = mosquitto_client_id(data->client);
    uint8_t certificate_id[DR_WIRE_CERTIFICATE_ID_BYTES];
    if (client_id != NULL && dr_gate_is_rechecking(gate)) {
        return dr_gate_recheck(gate, data->client, client_id) == DR_OK ? MOSQ_ERR_SUCCESS
                                                                       : MOSQ_ERR_AUTH;
    }
    if (client_id == NULL || dr_plugin_certificate_id(data->client, certificate_id) != DR_OK) {
        return MOSQ_ERR_AUTH;
    }
    enum dr_status status = dr_gate_connect(
        gate, data->client, client_id, certificate_id, mosquitto_client_address(data->client),
        !mosquitto_client_clean_session(data->client), clock_ms(CLOCK_REALTIME_COARSE));
    if (status == DR_OK) {
        dr_plugin_wire_bind(data->client);
    }
    return status == DR_OK ? MOSQ_ERR_SUCCESS : MOSQ_ERR_AUTH;
}

static int on_acl_check(int event, void *event_data, void *user_data)
{
    (void)event;
    (void)user_data;
    const struct mosquitto_evt_acl_check *data = event_data;
    enum dr_gate_access access;
    switch (data->access) {
    case MOSQ_ACL_WRITE:
        access = DR_GATE_WRITE;
        break;
    case MOSQ_ACL_READ:
        access = DR_GATE_READ;
        break;
    case MOSQ_ACL_SUBSCRIBE:
        access = DR_GATE_SUBSCRIBE;
        if (mosquitto_client_sub_count(data->client) == 0) {
            dr_gate_none_kept(gate, data->client);
        }
        break;
    case MOSQ_ACL_UNSUBSCRIBE:
        dr_gate_unsubscribe(gate, data->client, data->topic);
        return MOSQ_ERR_SUCCESS;
    default:
        return MOSQ_ERR_ACL_DENIED;
    }
    switch (dr_gate_check(gate, data->client, access, data->topic, data->qos, data->retain)) {
    case DR_GATE_PASS:
        return access != DR_GATE_READ ||
                       dr_gate_may_queue(gate, data->client, data->qos, data->payloadlen)
                   ? MOSQ_ERR_SUCCESS
                   : MOSQ_ERR_ACL_DENIED;
    case DR_GATE_CLOSE:
        return MOSQ_ERR_AUTH; /* ACL_DENIED would be acknowledged to a 3.1.1 client */
    case DR_GATE_REFUSE:
        break;
    }
    return MOSQ_ERR_ACL_DENIED;
}

static int on_message(int event, void *event_data, void *user_data)
{
    (void)event;
    (void)user_data;
    struct mosquitto_evt_message *data = event_data;
    struct dr_gate_message message = {
        .topic = data->topic,
        .payload = data->payload,
        .payload_size = data->payloadlen,
        .qos = data->qos,
    };
    struct dr_plugin_held held = {.count = 0};
    if (strncmp(data->topic, "daruma/", 7) == 0) { /* only the service may publish there */
        dr_plugin_read_properties(data->properties, &message, &held);
    }
    enum dr_gate_verdict verdict = dr_gate_message(gate, data->client, &message);
    dr_plugin_release(&held);
    if (verdict == DR_GATE_PASS && message.restamp) {
        mosquitto_property_free_all(&data->properties);
        data->properties = dr_plugin_stamp(&message.stamp);
        if (data->properties == NULL && message.stamp.client_id != NULL) {
            return MOSQ_ERR_NOMEM;
        }
    }
    switch (verdict) {
    case DR_GATE_PASS:
        return MOSQ_ERR_SUCCESS;
    case DR_GATE_CLOSE:
        return MOSQ_ERR_NOMEM;
    case DR_GATE_REFUSE:
        break;
    }
    return MOSQ_ERR_ACL_DENIED;
}

static int on_disconnect(int event, void *event_data, void *user_data)
{
    (void)event;
    (void)user_data;
    const struct mosquitto_evt_disconnect *data = event_data;
    dr_gate_disconnect(gate, data->client, clock_ms(CLOCK_REALTIME_COARSE));
    return MOSQ_ERR_SUCCESS;
}

static int on_reload(int event, void *event_data, void *user_data)
{
    (void)event;
    (void)event_data;
    (void)user_data;
    dr_gate_reload(gate);
    return MOSQ_ERR_SUCCESS;
}

static int on_tick(int event, void *event_data, void *user_data)
{
    (void)event;
    (void)event_data;
    (void)user_data;
    dr_gate_tick(gate, clock_ms(CLOCK_MONOTONIC_COARSE));
    return MOSQ_ERR_SUCCESS;
}

/* ---- options, start, end ---- */

static bool read_size(const char *text, size_t *ret_size)
{
    uint64_t number;
    if (dr_wire_number_parse(text, &number) != DR_OK || number > (1u << 30)) {
        return false;
    }
    *ret_size = (size_t)number;
    return true;
}

static bool read_option(const struct mosquitto_opt *option, struct dr_gate_options *options)
{
    const char *value = option->value;
    if (strcmp(option->key, "snapshot") == 0) {
        options->snapshot_path = value;
        return true;
    }
    if (strcmp(option->key, "region") == 0) {
        options->region = value;
        return true;
    }
    if (strcmp(option->key, "account") == 0) {
        options->account = value;
        return true;
    }
    if (strcmp(option->key, "ring_bytes") == 0) {
        return read_size(value, &options->ring_bytes);
    }
    if (strcmp(option->key, "sessions_max") == 0) {
        return read_size(value, &options->sessions_max);
    }
    if (strcmp(option->key, "requests_per_s") == 0) {
        size_t number = 0;
        bool valid = read_size(value, &number) && number <= DR_PACE_PER_SECOND_MAX;
        options->requests_per_s = (unsigned)number;
        return valid;
    }
    if (strcmp(option->key, "strict") == 0) {
        options->strict = strcmp(value, "on") == 0;
        return options->strict || strcmp(value, "off") == 0;
    }
    if (strcmp(option->key, "stats_ms") == 0) {
        size_t number = 0;
        bool valid = read_size(value, &number) && number <= UINT16_MAX;
        options->stats_ms = (unsigned)number;
        return valid;
    }
    return strcmp(option->key, "service_certificate") == 0 &&
           dr_hex_decode(
               value, strlen(value), options->service_certificate,
               sizeof(options->service_certificate)) == DR_OK;
}

static bool
read_options(const struct mosquitto_opt *list, int count, struct dr_gate_options *options)
{
    bool has_service = false;
    for (int i = 0; i < count; i++) {
        if (!read_option(&list[i], options)) {
            mosquitto_log_printf(
                MOSQ_LOG_ERR, "daruma-gate: plugin_opt_%s is unknown or has a bad value",
                list[i].key);
            return false;
        }
        has_service = has_service || strcmp(list[i].key, "service_certificate") == 0;
    }
    if (options->snapshot_path == NULL || options->region == NULL || options->account == NULL ||
        !has_service) {
        mosquitto_log_printf(
            MOSQ_LOG_ERR, "daruma-gate: plugin_opt_snapshot, plugin_opt_service_certificate, "
                          "plugin_opt_region and plugin_opt_account are needed");
        return false;
    }
    return true;
}

static const struct {
    int event;
    MOSQ_FUNC_generic_callback callback;
} callbacks[] = {
    {MOSQ_EVT_BASIC_AUTH, on_basic_auth},
    {MOSQ_EVT_ACL_CHECK, on_acl_check},
    {MOSQ_EVT_MESSAGE, on_message},
    {MOSQ_EVT_DISCONNECT, on_disconnect},
    {MOSQ_EVT_TICK, on_tick},
    {MOSQ_EVT_RELOAD, on_reload},
};

int mosquitto_plugin_version(int supported_version_count, const int *supported_versions)
{
    for (int i = 0; i < supported_version_count; i++) {
        if (supported_versions[i] == 5) {
            return 5;
        }
    }
    return -1;
}

/* Blocks come and go by the hundred kilobytes. Memory that the broker gave back to the system after
 * each burst it would have to fetch, cleared page by page, for the next. */
static void keep_memory(void)
{
    (void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    (void)mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES_MIN);
}

int mosquitto_plugin_init(
    mosquitto_plugin_id_t *identifier, void **user_data, struct mosquitto_opt *options,
    int option_count)
{
    *user_data = NULL;
    plugin_id = identifier;
    keep_memory();
    struct dr_gate_options gate_options = {0};
    if (!read_options(options, option_count, &gate_options)) {
        return MOSQ_ERR_INVAL;
    }
    const struct dr_gate_port port = {
        .publish = port_publish,
        .alloc = port_alloc,
        .release = port_release,
        .kick = port_kick,
        .log = port_log,
        .random = port_random,
        .sent = port_sent,
        .writable = port_writable,
    };
    const uint64_t secret[2] = {port_random(NULL), port_random(NULL)};
    if (dr_plugin_wires_start(secret) != DR_OK) {
        mosquitto_log_printf(MOSQ_LOG_ERR, "daruma-gate: cannot watch what connections are sent");
        return MOSQ_ERR_NOMEM;
    }
    char error[DR_GATE_ERROR_BYTES];
    if (dr_gate_create(&gate_options, &port, &gate, error) != DR_OK) {
        mosquitto_log_printf(MOSQ_LOG_ERR, "daruma-gate: %s", error);
        dr_plugin_wires_stop();
        return MOSQ_ERR_UNKNOWN;
    }
    for (size_t i = 0; i < sizeof(callbacks) / sizeof(callbacks[0]); i++) {
        int status = mosquitto_callback_register(
            identifier, callbacks[i].event, callbacks[i].callback, NULL, NULL);
        if (status != MOSQ_ERR_SUCCESS) {
            return status;
        }
    }
    return MOSQ_ERR_SUCCESS;
}

int mosquitto_plugin_cleanup(void *user_data, struct mosquitto_opt *options, int option_count)
{
    (void)user_data;
    (void)options;
    (void)option_count;
    for (size_t i = 0; i < sizeof(callbacks) / sizeof(callbacks[0]); i++) {
        (void)mosquitto_callback_unregister(
            plugin_id, callbacks[i].event, callbacks[i].callback, NULL);
    }
    dr_plugin_wires_stop();
    dr_gate_free(gate);
    gate = NULL;
    return MOSQ_ERR_SUCCESS;
}
