/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Which names and ids are valid, in one place (AWS IoT's published API, docs/protocol.md).
 *
 * Names reach file names, topics and SQL, so every one is checked here before it is used anywhere
 * else. All functions take NUL-terminated text and treat NULL as invalid.
 */
#ifndef DR_CLOUD_MODEL_NAME_H
#define DR_CLOUD_MODEL_NAME_H

#include <stdbool.h>
#include <stddef.h>

#define DR_THING_NAME_MAX 128u
#define DR_JOB_ID_MAX 64u
#define DR_STREAM_ID_MAX 128u
#define DR_STREAM_ID_DEVICE_MAX                                                                    \
    44u /* what the AWS device libraries hold; used for our own streams */
#define DR_OTA_UPDATE_ID_MAX 128u
#define DR_POLICY_NAME_MAX 128u
#define DR_CERTIFICATE_ID_LEN 64u
#define DR_BUCKET_NAME_MIN 3u
#define DR_BUCKET_NAME_MAX 63u
#define DR_OBJECT_KEY_MAX 1024u
#define DR_CLIENT_ID_MAX 128u
#define DR_ATTRIBUTE_NAME_MAX 128u
#define DR_ATTRIBUTE_VALUE_MAX 800u
#define DR_DESCRIPTION_MAX 2028u
#define DR_REASON_CODE_MAX 128u

bool dr_name_thing(const char *name);     /* 1-128 of [a-zA-Z0-9:_-] */
bool dr_name_job(const char *id);         /* 1-64 of [a-zA-Z0-9_-] */
bool dr_name_stream(const char *id);      /* 1-128 of [a-zA-Z0-9_-] */
bool dr_name_ota_update(const char *id);  /* 1-128 of [a-zA-Z0-9_-] */
bool dr_name_policy(const char *name);    /* 1-128 of [a-zA-Z0-9_+=,.@-] */
bool dr_name_certificate(const char *id); /* 64 lower-case hex digits */
bool dr_name_bucket(const char *name);    /* 3-63 of [a-z0-9.-], ends alphanumeric, no ".." */
bool dr_name_object_key(const char *key); /* 1-1024 bytes of UTF-8, no control characters */
bool dr_name_attribute(const char *name); /* 1-128 of [a-zA-Z0-9_.,@/:#-] */
bool dr_name_attribute_value(const char *value); /* 0-800 of the same and blanks */
bool dr_name_reason_code(const char *code);      /* 1-128 of [A-Z0-9_] */
bool dr_name_description(const char *text);      /* 0-2028 bytes, no control characters */

#endif
