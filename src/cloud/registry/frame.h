/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The service's state and what all its use cases share: calls, acts, bodies (lists:
 * page.h). For cloud/service and this room; nobody else looks inside. */
#ifndef DR_CLOUD_REGISTRY_FRAME_H
#define DR_CLOUD_REGISTRY_FRAME_H

#include "cloud/model/name.h"
#include "cloud/registry/call.h"
#include "cloud/registry/identity.h"
#include "cloud/store/store.h"

#include <pthread.h>

#define DR_ARN_SIZE 256u
#define DR_IN_FLIGHT_BUCKETS 256u
#define DR_IMAGE_SIZE_STRICT (16u * 1024u * 1024u)
#define DR_IMAGE_SIZE_DEFAULT (64u * 1024u * 1024u)

/* Names of errors that clients switch on. */
#define DR_CODE_INVALID "InvalidRequestException"
#define DR_CODE_NOT_FOUND "ResourceNotFoundException"
#define DR_CODE_EXISTS "ResourceAlreadyExistsException"
#define DR_CODE_VERSION "VersionConflictException"
#define DR_CODE_DELETE "DeleteConflictException"
#define DR_CODE_TRANSITION "InvalidStateTransitionException"
#define DR_CODE_LIMIT "LimitExceededException"
#define DR_CODE_VERSIONS "VersionsLimitExceededException"
#define DR_CODE_POLICY "MalformedPolicyException"
#define DR_CODE_CERTIFICATE_STATE "CertificateStateException"
#define DR_CODE_CERTIFICATE "CertificateValidationException"
#define DR_CODE_UNAVAILABLE "ServiceUnavailableException"
#define DR_CODE_INTERNAL "InternalFailureException"
#define DR_CODE_NO_BUCKET "NoSuchBucket"
#define DR_CODE_NO_KEY "NoSuchKey"
#define DR_CODE_NO_VERSION "NoSuchVersion"

struct dr_stream_cache;

struct dr_service {
    struct dr_store *store;
    struct dr_blobs *blobs;
    const struct dr_crypto *crypto;
    const struct dr_pki_authority *device_authority;
    char *signer_socket;   /* NULL: none */
    char *signing_profile; /* NULL: none */
    char *region;
    char *account;
    char *device_endpoint;
    char *download_url; /* NULL: none */
    char *download_key_id;
    char *download_secret;
    uint64_t image_size_max_bytes;
    bool strict;

    struct dr_stream_cache *streams;

    pthread_mutex_t hook_lock; /* guards the hooks, held while one is called */
    struct dr_service_hooks hooks;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t idle;
    unsigned tasks;                           /* device messages that wait for a commit */
    unsigned in_flight[DR_IN_FLIGHT_BUCKETS]; /* of them changes, by hash of the thing */
    uint64_t gate_boot;                       /* of the last numbered message submitted */
    uint64_t gate_number;

    int64_t swept_ms; /* tick only: when unused artifacts were last removed */
};

/* call.c: outcomes, ARNs, writes. */

/* Note why the call fails; returns status. */
__attribute__((format(printf, 4, 5))) enum dr_status dr_call_fail(
    struct dr_call *call, enum dr_status status, const char *code, const char *format, ...);
enum dr_status dr_call_invalid(struct dr_call *call, const char *message);
enum dr_status dr_call_not_found(struct dr_call *call, const char *what, const char *name);

/* A store failure that no use case has explained: unavailable (full, busy) or internal. Returns
 * status; DR_OK passes through. */
enum dr_status dr_call_outcome(struct dr_call *call, enum dr_status status);

/* "arn:aws:iot:REGION:ACCOUNT:kind/name"; kind e.g. "thing". */
void dr_call_arn(const struct dr_call *call, const char *kind, const char *name, char *out);

/* The last part of an ARN of this kind and account, or the text itself when it is no ARN. NULL:
 * another kind or another account's. Borrowed from text. */
const char *dr_call_arn_name(const struct dr_call *call, const char *kind, const char *text);

/* Certificates whose identity a change touches, told to the gate after the commit. */
#define DR_CHANGES_MAX 64u
struct dr_changes {
    bool all;
    size_t count;
    char ids[DR_CHANGES_MAX][DR_CERTIFICATE_ID_LEN + 1];
};
void dr_changes_add(struct dr_changes *changes, const char *certificate_id);

/* One act of an operator: run inside one transaction, with its audit row. run gets arguments and
 * reports failures with dr_call_fail. A run that changes nothing returns DR_OK and clears
 * *is_change, which begins as true: no audit row then. */
struct dr_act {
    struct dr_call *call;
    const char *action;   /* "CreateThing" */
    const char *resource; /* what the audit row names */
    enum dr_status (*run)(struct dr_act *act, struct dr_db *db);
    void *arguments;
    struct dr_changes changes;
    bool is_change;
};
DR_MUST_USE enum dr_status dr_act_write(struct dr_act *act);

/* Read with one consistent view. */
DR_MUST_USE enum dr_status dr_call_read(
    struct dr_call *call,
    enum dr_status (*run)(struct dr_call *call, struct dr_db *db, void *arguments),
    void *arguments);

/* body.c: reading request bodies. Each notes an InvalidRequest with the member's name. */

/* A missing member gives fallback. */
DR_MUST_USE enum dr_status dr_body_text(
    struct dr_call *call, const json_t *body, const char *name, const char *fallback,
    const char **ret_text);
DR_MUST_USE enum dr_status dr_body_int(
    struct dr_call *call, const json_t *body, const char *name, int64_t min, int64_t max,
    int64_t fallback, int64_t *ret_number);
DR_MUST_USE enum dr_status dr_body_bool(
    struct dr_call *call, const json_t *body, const char *name, bool fallback, bool *ret_bool);
/* NULL when missing. */
DR_MUST_USE enum dr_status
dr_body_object(struct dr_call *call, const json_t *body, const char *name, json_t **ret_object);
DR_MUST_USE enum dr_status
dr_body_array(struct dr_call *call, const json_t *body, const char *name, json_t **ret_array);

/* Compact text of a value; NULL without memory. The caller frees it. */
char *dr_json_text(const json_t *value);
/* Set a member, dropping failures of memory (the answer then lacks it). Takes over value. */
void dr_json_set(json_t *object, const char *name, json_t *value);
void dr_json_set_text(json_t *object, const char *name, const char *text); /* NULL, "": left out */
/* Epoch seconds with milliseconds as the fraction; 0 is left out. */
void dr_json_set_time(json_t *object, const char *name, int64_t at_ms);

/* Lower-case hex of size random bytes; out holds 2 * size + 1. DR_E_IO. */
DR_MUST_USE enum dr_status dr_random_hex(size_t size_bytes, char *out);
/* Version 4, 36 characters and NUL. */
DR_MUST_USE enum dr_status dr_random_uuid(char out[37]);

/* identity.c */
/* Every certificate attached to the thing, or that a policy is attached to. */
DR_MUST_USE enum dr_status
dr_changes_of_thing(struct dr_db *db, const char *thing, struct dr_changes *changes);
DR_MUST_USE enum dr_status
dr_changes_of_policy(struct dr_db *db, const char *policy, struct dr_changes *changes);
void dr_service_tell_changes(struct dr_service *service, const struct dr_changes *changes);

/* things.c: does it exist? Asked, and required: DR_E_NOT_FOUND noted. */
DR_MUST_USE enum dr_status dr_thing_exists(struct dr_db *db, const char *name, bool *ret_exists);
DR_MUST_USE enum dr_status
dr_thing_require(struct dr_call *call, struct dr_db *db, const char *name);

/* buckets.c: the same. Codes as in S3. */
DR_MUST_USE enum dr_status
dr_bucket_require(struct dr_call *call, struct dr_db *db, const char *bucket);

/* certificates.c: column 0, a certificate's id, as an ARN: an item of a list (page.h). */
json_t *
dr_certificate_arn_item(const struct dr_call *call, const struct dr_rows *row, const void *context);

/* certificates.c: the id named by a principal or target (ARN or id), checked. */
DR_MUST_USE enum dr_status
dr_certificate_named(struct dr_call *call, const char *principal, const char **ret_id);
DR_MUST_USE enum dr_status
dr_certificate_require(struct dr_call *call, struct dr_db *db, const char *id);

#endif
