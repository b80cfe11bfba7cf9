/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/bus/bus.h"

#include "cloud/bus/bus_priv.h"

#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define CLIENT_ID "daruma/darumad"
#define RECEIVE_MAXIMUM 1000u
#define RETRY_FIRST_MS 100u
#define RETRY_MAX_MS 5000u
#define GREETING_MS 10000u
#define POLL_MS 1000
#define READS_MAX 256u
#define STOP_MS 2000u
#define COMPLETE_MS 10000u

uint64_t dr_bus_now_ms(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

void dr_bus_log(struct dr_bus *bus, bool is_error, const char *format, ...)
{
    char line[512];
    if (bus->log == NULL) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    bus->log(bus->log_context, is_error, line);
}

/* ---- hooks of the service: any thread ---- */

static void hook_outbox(void *context)
{
    struct dr_bus *bus = context;
    dr_queue_outbox(&bus->queue);
}

static void hook_identity(void *context, const char *certificate_id)
{
    struct dr_bus *bus = context;
    dr_queue_identity(&bus->queue, certificate_id);
}

/* ---- the thread ---- */

/* A growing pause with a quarter of jitter either way. */
static void schedule_retry(struct dr_bus *bus)
{
    unsigned shift = bus->failures < 6 ? bus->failures : 6;
    uint64_t pause = (uint64_t)RETRY_FIRST_MS << shift;
    uint16_t dice = 0;
    if (pause > RETRY_MAX_MS) {
        pause = RETRY_MAX_MS;
    }
    if (getrandom(&dice, sizeof(dice), GRND_NONBLOCK) != (ssize_t)sizeof(dice)) {
        dice = 0;
    }
    bus->retry_at_ms = dr_bus_now_ms() + pause * 3 / 4 + pause * dice / (2 * 65536u);
    bus->failures++;
}

static void take_notes(struct dr_bus *bus, struct dr_queue_taken *taken)
{
    while (taken->first != NULL) { /* bound: the list */
        struct dr_note *note = taken->first;
        taken->first = note->next;
        switch (note->kind) {
        case DR_NOTE_ANSWER:
            dr_bus_answer(bus, &note->answer);
            break;
        case DR_NOTE_DONE:
            dr_bus_done(bus, note->boot, note->number, note->status);
            break;
        case DR_NOTE_IDENTITY:
            dr_bus_identity_changed(bus, note->certificate_id);
            break;
        }
        free(note);
    }
    dr_bus_answers_flush(bus);
    if (taken->lost) { /* which one is not known: begin anew, with everything */
        bus->identity.all = true;
        bus->broken = true;
    }
    bus->rows.more = bus->rows.more || taken->outbox_ready;
}

static int poll_timeout(const struct dr_bus *bus)
{
    uint64_t now = dr_bus_now_ms();
    uint64_t wake = now + POLL_MS;
    if (bus->turns.first != NULL) {
        return 0; /* look for more, then serve on */
    }
    if (bus->client == NULL && bus->retry_at_ms < wake) {
        wake = bus->retry_at_ms;
    }
    if (bus->identity.write_at_ms != 0 && bus->identity.write_at_ms < wake) {
        wake = bus->identity.write_at_ms;
    }
    if (bus->identity.reload && bus->greeted && bus->identity.reload_at_ms < wake) {
        wake = bus->identity.reload_at_ms;
    }
    return wake <= now ? 0 : (int)(wake - now);
}

/* Read on while somebody waits for blocks: each message comes in a TLS record of its own, and what
 * is not read yet cannot take its turn. */
static int read_all(struct dr_bus *bus)
{
    struct pollfd fd = {.fd = mosquitto_socket(bus->client), .events = POLLIN};
    int status = mosquitto_loop_read(bus->client, 1);
    for (unsigned i = 0; i < READS_MAX && status == MOSQ_ERR_SUCCESS && !bus->broken &&
                         bus->turns.first != NULL && poll(&fd, 1, 0) > 0;
         i++) {
        status = mosquitto_loop_read(bus->client, 1);
    }
    return status;
}

/* Requests for blocks are served as they come, until there are more than one device asks for. */
static void look_at_rush(struct dr_bus *bus)
{
    struct pollfd fd = {.fd = mosquitto_socket(bus->client), .events = POLLIN};
    if (bus->rush >= DR_BUS_RUSH_MAX / 2 && bus->turns.first == NULL && poll(&fd, 1, 0) == 0) {
        bus->rush = 0;
    }
}

static void wait_for_work(struct dr_bus *bus)
{
    struct pollfd fds[2] = {{.fd = bus->queue.event, .events = POLLIN}, {.fd = -1}};
    if (bus->client != NULL) {
        look_at_rush(bus);
        fds[1].fd = mosquitto_socket(bus->client);
        fds[1].events = POLLIN;
        if (mosquitto_want_write(bus->client)) {
            fds[1].events |= POLLOUT;
        }
    }
    if (poll(fds, 2, poll_timeout(bus)) < 0 || bus->client == NULL) {
        return;
    }
    int status = MOSQ_ERR_SUCCESS;
    if ((fds[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
        status = read_all(bus);
    }
    if (status == MOSQ_ERR_SUCCESS && mosquitto_want_write(bus->client)) {
        status = mosquitto_loop_write(bus->client, 1);
    }
    if (status == MOSQ_ERR_SUCCESS) {
        status = mosquitto_loop_misc(bus->client);
    }
    if (status != MOSQ_ERR_SUCCESS && !bus->broken) {
        dr_bus_log(
            bus, true, "the connection to the broker is lost: %s", mosquitto_strerror(status));
        bus->broken = true;
    }
}

static void keep_connected(struct dr_bus *bus)
{
    uint64_t now = dr_bus_now_ms();
    if (bus->client != NULL && !bus->greeted && now > bus->connected_at_ms + GREETING_MS) {
        dr_bus_log(bus, true, "the broker does not speak: is the gate loaded?");
        bus->broken = true;
    }
    if (bus->client != NULL && bus->broken) {
        dr_bus_link_close(bus, false);
        schedule_retry(bus);
    }
    if (bus->client == NULL && now >= bus->retry_at_ms) {
        dr_bus_link_open(bus);
        if (bus->client == NULL) {
            schedule_retry(bus);
        }
    }
}

static void run_once(struct dr_bus *bus)
{
    if (bus->subscribed && !bus->asked && !bus->broken) {
        bus->asked = true;
        dr_bus_greet(bus);
    }
    dr_bus_turns_run(bus);
    dr_bus_identity_run(bus);
    dr_bus_rows_run(bus);
    dr_bus_acknowledge(bus);
}

/* Let the gate know what is committed by now, and let it reach the socket. */
static void finish(struct dr_bus *bus)
{
    uint64_t end = dr_bus_now_ms() + STOP_MS;
    while (dr_bus_now_ms() < end && atomic_load(&bus->under_way) > 0) {
        struct pollfd fd = {.fd = bus->queue.event, .events = POLLIN};
        (void)poll(&fd, 1, 50);
        struct dr_queue_taken taken = dr_queue_take(&bus->queue);
        take_notes(bus, &taken);
    }
    dr_bus_acknowledge(bus);
    if (bus->client != NULL && !bus->broken) {
        (void)mosquitto_loop_write(bus->client, 1);
    }
    dr_bus_link_close(bus, true);
}

static void *bus_thread(void *context)
{
    struct dr_bus *bus = context;
    pthread_mutex_lock(&bus->queue.lock); /* until `thread` is written */
    pthread_mutex_unlock(&bus->queue.lock);
    for (;;) { /* until stopping */
        keep_connected(bus);
        wait_for_work(bus);
        struct dr_queue_taken taken = dr_queue_take(&bus->queue);
        take_notes(bus, &taken);
        if (taken.stopping) {
            break;
        }
        run_once(bus);
    }
    finish(bus);
    return NULL;
}

/* ---- start and stop ---- */

static enum dr_status copy_config(struct dr_bus *bus, const struct dr_bus_config *config)
{
    bus->host = strdup(config->host);
    bus->ca_path = strdup(config->ca_path);
    bus->certificate_path = strdup(config->certificate_path);
    bus->key_path = strdup(config->key_path);
    bus->client_id = strdup(config->client_id == NULL ? CLIENT_ID : config->client_id);
    bus->port = config->port;
    bus->receive_maximum =
        config->receive_maximum == 0 ? (uint16_t)RECEIVE_MAXIMUM : config->receive_maximum;
    bus->log = config->log;
    bus->log_context = config->log_context;
    if (config->snapshot_path != NULL && config->snapshot_path[0] != '\0') {
        bus->snapshot_path = strdup(config->snapshot_path);
        if (bus->snapshot_path == NULL) {
            return DR_E_SPACE;
        }
    }
    if (bus->host == NULL || bus->ca_path == NULL || bus->certificate_path == NULL ||
        bus->key_path == NULL || bus->client_id == NULL) {
        return DR_E_SPACE;
    }
    return DR_OK;
}

static void free_config(struct dr_bus *bus)
{
    free(bus->host);
    free(bus->ca_path);
    free(bus->certificate_path);
    free(bus->key_path);
    free(bus->snapshot_path);
    free(bus->client_id);
    dr_counters_free(bus->counters);
    free(bus);
}

static enum dr_status check_files(const struct dr_bus *bus, char *error)
{
    const char *const paths[] = {bus->ca_path, bus->certificate_path, bus->key_path};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (access(paths[i], R_OK) != 0) {
            (void)snprintf(error, DR_BUS_ERROR_BYTES, "%.200s cannot be read", paths[i]);
            return DR_E_IO;
        }
    }
    return DR_OK;
}

static enum dr_status prepare(struct dr_bus *bus, const struct dr_bus_config *config, char *error)
{
    (void)snprintf(error, DR_BUS_ERROR_BYTES, "out of memory");
    DR_TRY(copy_config(bus, config));
    DR_TRY(check_files(bus, error));
    DR_TRY(dr_counters_create(&bus->counters));
    bus->rows.more = true;
    return dr_queue_init(&bus->queue);
}

/* Hooks first, then the snapshot: a change between the two is in both. */
static enum dr_status begin(struct dr_bus *bus, char *error)
{
    const struct dr_service_hooks hooks = {
        .context = bus, .outbox_ready = hook_outbox, .identity_changed = hook_identity};
    dr_service_set_hooks(bus->service, &hooks);
    enum dr_status status = dr_bus_identity_start(bus);
    if (status != DR_OK) {
        (void)snprintf(
            error, DR_BUS_ERROR_BYTES, "snapshot %.150s cannot be written: %s", bus->snapshot_path,
            dr_status_text(status));
        return status;
    }
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_mutex_lock(&bus->queue.lock);
    int failed = pthread_create(&bus->thread, NULL, bus_thread, bus);
    pthread_mutex_unlock(&bus->queue.lock);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed == 0 ? DR_OK : DR_E_SPACE;
}

enum dr_status dr_bus_start(
    const struct dr_bus_config *config, struct dr_service *service, struct dr_bus **ret_bus,
    char *error)
{
    struct dr_bus *bus = calloc(1, sizeof(*bus));
    if (bus == NULL) {
        return DR_E_SPACE;
    }
    bus->service = service;
    enum dr_status status = prepare(bus, config, error);
    if (status != DR_OK) {
        free_config(bus);
        return status;
    }
    if (mosquitto_lib_init() != MOSQ_ERR_SUCCESS) {
        status = DR_E_INTERNAL;
    } else {
        status = begin(bus, error);
    }
    if (status != DR_OK) {
        const struct dr_service_hooks none = {0};
        dr_service_set_hooks(service, &none);
        dr_queue_free(&bus->queue);
        free_config(bus);
        return status;
    }
    *ret_bus = bus;
    return DR_OK;
}

void dr_bus_stop(struct dr_bus *bus)
{
    if (bus == NULL) {
        return;
    }
    dr_queue_stop(&bus->queue);
    pthread_join(bus->thread, NULL);
    const struct dr_service_hooks none = {0};
    dr_service_set_hooks(bus->service, &none);
    uint64_t end = dr_bus_now_ms() + COMPLETE_MS;
    while (atomic_load(&bus->under_way) > 0 && dr_bus_now_ms() < end) {
        struct pollfd fd = {.fd = bus->queue.event, .events = POLLIN};
        (void)poll(&fd, 1, 10);
        dr_queue_discard(&bus->queue);
    }
    (void)mosquitto_lib_cleanup();
    if (atomic_load(&bus->under_way) > 0) {
        return; /* the store hangs: its completions still point here, so nothing is freed */
    }
    dr_bus_rows_restart(bus);
    dr_queue_free(&bus->queue);
    free_config(bus);
}

bool dr_bus_connected(const struct dr_bus *bus)
{
    return atomic_load(&bus->connected);
}

enum dr_status
dr_bus_counters(struct dr_bus *bus, const char *client_id, struct dr_wire_counters *ret_counters)
{
    return dr_counters_client(bus->counters, client_id, ret_counters);
}
