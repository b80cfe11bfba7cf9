/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The use cases of the cloud: what an operator may ask and what a device may say.
 *
 * A use case checks its input, lets cloud/model decide, and stores the outcome, its audit row and
 * what has to leave (outbox) in one transaction. It has no sockets and no clock: `now_ms` (Unix
 * milliseconds) is an argument. Calls may come from several threads at once and return after the
 * commit.
 *
 * Bodies of answers are jansson objects in the shape of the AWS IoT API; the caller owns what it
 * gets in ret_body and drops it with json_decref. Request bodies are borrowed. Unknown members of a
 * request body are ignored here: the API refuses them.
 */
#ifndef DR_CLOUD_SERVICE_SERVICE_H
#define DR_CLOUD_SERVICE_SERVICE_H

#include "cloud/registry/call.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dr_store;
struct dr_blobs;
struct dr_crypto;
struct dr_pki_authority;

/* Pre-signed URLs: where devices reach the S3 side of the API, and the key that signs for them. */
struct dr_service_downloads {
    const char *url; /* "https://HOST[:PORT]", what devices connect to; NULL: no HTTP for them */
    const char *access_key_id;
    const char *secret;
};

/* Everything is borrowed for the life of the service, except text, which is copied. */
struct dr_service_config {
    struct dr_store *store;
    struct dr_blobs *blobs;
    const struct dr_crypto *crypto;
    const struct dr_pki_authority *device_authority; /* NULL: certificates are only registered */
    const char *signer_socket;                       /* NULL: images arrive signed */
    const char *signing_profile;                     /* default profile; NULL: none */
    const char *region;                              /* of ARNs when a call names none */
    const char *account;
    const char *device_endpoint; /* what DescribeEndpoint answers */
    struct dr_service_downloads downloads;
    uint64_t image_size_max_bytes; /* 0: 64 MiB; in strict mode never above AWS's 16 MiB */
    bool strict;                   /* AWS's own limits: 16 MiB per image and so on */
};

/* DR_E_IO, DR_E_SPACE: the store cannot be read. */
DR_MUST_USE enum dr_status
dr_service_open(const struct dr_service_config *config, struct dr_service **ret_service);

/* What a crash left half done is put in order. Once, before the first call. DR_E_*: the store's. */
DR_MUST_USE enum dr_status dr_service_recover(struct dr_service *service, int64_t now_ms);

/* Copied. Any thread, at any time, but not from a hook. When this returns no call of the hooks
 * before is under way or will come: their context may be freed. Changes made while there are none
 * are told to nobody; whoever sets hooks later looks at everything first, as the bus does. */
void dr_service_set_hooks(struct dr_service *service, const struct dr_service_hooks *hooks);

/* Waits for what it has under way. The store is closed after the service. NULL is fine. */
void dr_service_close(struct dr_service *service);

const char *dr_service_region(const struct dr_service *service);
const char *dr_service_account(const struct dr_service *service);

/* Time-outs, unfinished rollouts, unused artifacts. Call it about once a second. */
DR_MUST_USE enum dr_status dr_service_tick(struct dr_service *service, int64_t now_ms);

/* Can it store? Signer configured but silent? why (DR_SERVICE_MESSAGE_SIZE) is for a person. */
DR_MUST_USE enum dr_status dr_service_health(struct dr_service *service, char *why);

/* GET /endpoint. type NULL or one of iot:Data-ATS, iot:Data, iot:Jobs, iot:CredentialProvider. */
DR_MUST_USE enum dr_status
dr_service_describe_endpoint(struct dr_call *call, const char *type, json_t **ret_body);

#endif
