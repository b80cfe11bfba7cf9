/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Opening and closing, the periodic work, the outbox's door. */
#include "cloud/service/service.h"

#include "base/secret.h"
#include "cloud/blob/blob.h"
#include "cloud/registry/frame.h"
#include "cloud/service/executions_priv.h"
#include "cloud/service/outbox.h"
#include "cloud/service/streams_priv.h"
#include "cloud/signer/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SWEEP_INTERVAL_MS (60 * 60 * 1000)
#define SWEEP_AGE_S (60 * 60)

/* NULL stays NULL. False: no memory. */
static bool copy_text(const char *text, char **ret_copy)
{
    *ret_copy = text != NULL ? strdup(text) : NULL;
    return text == NULL || *ret_copy != NULL;
}

static void destroy(struct dr_service *service)
{
    dr_stream_cache_free(service->streams);
    free(service->signer_socket);
    free(service->signing_profile);
    free(service->region);
    free(service->account);
    free(service->device_endpoint);
    free(service->download_url);
    free(service->download_key_id);
    if (service->download_secret != NULL) {
        dr_wipe(service->download_secret, strlen(service->download_secret));
    }
    free(service->download_secret);
    (void)pthread_cond_destroy(&service->idle);
    (void)pthread_mutex_destroy(&service->lock);
    (void)pthread_mutex_destroy(&service->hook_lock);
    free(service);
}

static bool copy_config(struct dr_service *service, const struct dr_service_config *config)
{
    uint64_t bound =
        config->image_size_max_bytes != 0 ? config->image_size_max_bytes : DR_IMAGE_SIZE_DEFAULT;
    if (config->strict && bound > DR_IMAGE_SIZE_STRICT) {
        bound = DR_IMAGE_SIZE_STRICT;
    }
    service->store = config->store;
    service->blobs = config->blobs;
    service->crypto = config->crypto;
    service->device_authority = config->device_authority;
    service->strict = config->strict;
    service->image_size_max_bytes = bound;
    return copy_text(config->signer_socket, &service->signer_socket) &&
           copy_text(config->signing_profile, &service->signing_profile) &&
           copy_text(config->region, &service->region) &&
           copy_text(config->account, &service->account) &&
           copy_text(config->device_endpoint, &service->device_endpoint) &&
           copy_text(config->downloads.url, &service->download_url) &&
           copy_text(config->downloads.access_key_id, &service->download_key_id) &&
           copy_text(config->downloads.secret, &service->download_secret);
}

static void outbox_ready(void *context)
{
    struct dr_service *service = context;
    (void)pthread_mutex_lock(&service->hook_lock);
    if (service->hooks.outbox_ready != NULL) {
        service->hooks.outbox_ready(service->hooks.context);
    }
    (void)pthread_mutex_unlock(&service->hook_lock);
}

enum dr_status
dr_service_open(const struct dr_service_config *config, struct dr_service **ret_service)
{
    if (config->region == NULL || config->account == NULL || config->device_endpoint == NULL) {
        return DR_E_ARGUMENT;
    }
    struct dr_service *service = calloc(1, sizeof *service);
    if (service == NULL) {
        return DR_E_SPACE;
    }
    (void)pthread_mutex_init(&service->lock, NULL);
    (void)pthread_mutex_init(&service->hook_lock, NULL);
    (void)pthread_cond_init(&service->idle, NULL);
    enum dr_status status =
        copy_config(service, config) ? dr_stream_cache_create(&service->streams) : DR_E_SPACE;
    if (status != DR_OK) {
        destroy(service);
        return status;
    }
    *ret_service = service;
    return DR_OK;
}

void dr_service_set_hooks(struct dr_service *service, const struct dr_service_hooks *hooks)
{
    (void)pthread_mutex_lock(&service->hook_lock);
    service->hooks = *hooks;
    (void)pthread_mutex_unlock(&service->hook_lock);
    dr_store_on_outbox(service->store, outbox_ready, service);
}

void dr_service_close(struct dr_service *service)
{
    if (service == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&service->lock);
    while (service->tasks != 0) {
        (void)pthread_cond_wait(&service->idle, &service->lock);
    }
    (void)pthread_mutex_unlock(&service->lock);
    dr_store_on_outbox(service->store, NULL, NULL);
    destroy(service);
}

const char *dr_service_region(const struct dr_service *service)
{
    return service->region;
}

const char *dr_service_account(const struct dr_service *service)
{
    return service->account;
}

/* Is a blob named by an object or a stream? When in doubt it is. */
static bool is_used(void *context, const uint8_t digest[DR_SHA256_BYTES])
{
    struct dr_db *db = context;
    int64_t used = 0;
    enum dr_status status = dr_db_int(
        db,
        "SELECT EXISTS (SELECT 1 FROM object WHERE digest = ?1)"
        " OR EXISTS (SELECT 1 FROM stream_file WHERE digest = ?1)",
        DR_VALUES(dr_value_blob(digest, DR_SHA256_BYTES)), &used);
    return status != DR_OK || used != 0;
}

struct sweep {
    struct dr_service *service;
    int64_t older_than_s;
};

/* In the writer, so that no row comes to name a blob between the look and the removal. */
static enum dr_status run_sweep(void *context, struct dr_db *db)
{
    const struct sweep *sweep = context;
    return dr_blobs_sweep(sweep->service->blobs, is_used, db, sweep->older_than_s, NULL);
}

enum dr_status dr_service_tick(struct dr_service *service, int64_t now_ms)
{
    DR_TRY(dr_rollout_tick(service, now_ms));
    if (now_ms - service->swept_ms < SWEEP_INTERVAL_MS) {
        return DR_OK;
    }
    bool is_first = service->swept_ms == 0;
    service->swept_ms = now_ms;
    struct sweep sweep = {.service = service, .older_than_s = now_ms / 1000 - SWEEP_AGE_S};
    return is_first ? DR_OK : dr_store_write(service->store, run_sweep, &sweep);
}

static enum dr_status run_nothing(void *context, struct dr_db *db)
{
    int64_t one = 0;
    (void)context;
    return dr_db_int(db, "SELECT 1", DR_NO_VALUES, &one);
}

enum dr_status dr_service_health(struct dr_service *service, char *why)
{
    enum dr_status status = dr_store_write(service->store, run_nothing, NULL);
    if (status != DR_OK) {
        (void)snprintf(
            why, DR_SERVICE_MESSAGE_SIZE, "the store cannot be written: %s",
            dr_status_text(status));
        return status;
    }
    if (service->signer_socket == NULL) {
        return DR_OK;
    }
    char error[DR_SIGNER_ERROR_BYTES] = "";
    struct dr_signer_client client = {
        .socket_path = service->signer_socket, .timeout_ms = DR_SIGNER_TIMEOUT_MS};
    status = dr_signer_ping(&client, error);
    if (status != DR_OK) {
        (void)snprintf(
            why, DR_SERVICE_MESSAGE_SIZE, "the signer does not answer: %.200s",
            error[0] != '\0' ? error : dr_status_text(status));
    }
    return status;
}

enum dr_status
dr_service_describe_endpoint(struct dr_call *call, const char *type, json_t **ret_body)
{
    static const char *const known[] = {
        "iot:Data", "iot:Data-ATS", "iot:Jobs", "iot:CredentialProvider"};
    bool is_known = type == NULL;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        is_known |= type != NULL && strcmp(type, known[i]) == 0;
    }
    if (!is_known) {
        return dr_call_invalid(call, "endpointType is not known");
    }
    *ret_body = json_pack("{s:s}", "endpointAddress", call->service->device_endpoint);
    return DR_OK;
}

uint64_t dr_service_outbox_epoch(const struct dr_service *service)
{
    return dr_store_epoch(service->store);
}

enum dr_status dr_service_outbox_fetch(
    struct dr_service *service, uint64_t after_id, size_t limit,
    bool (*visit)(void *context, const struct dr_outbox_row *row), void *context)
{
    return dr_outbox_fetch(service->store, after_id, limit, visit, context);
}

enum dr_status
dr_service_outbox_published(struct dr_service *service, const uint64_t *ids, size_t count)
{
    return dr_outbox_published(service->store, ids, count);
}

enum dr_status
dr_service_gate_last(struct dr_service *service, uint64_t gate_boot, uint64_t *ret_number)
{
    return dr_gate_last(service->store, gate_boot, ret_number);
}
