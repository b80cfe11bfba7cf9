/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Bytes between darumad and daruma-signer on a unix stream socket: one request, one answer, close.
 *
 * Both begin with a u32 length of what follows (little-endian, at most DR_SIGNER_MESSAGE_MAX).
 *   request   u8 version 1, u8 operation, then fields
 *   answer    u8 version 1, i32 status (enum dr_status), text detail (u16 length, bytes), then
 *             fields when the status is DR_OK
 * Nothing but digests and facts for the policy ever reaches the signer; nothing but signatures,
 * public keys and names leaves it.
 */
#ifndef DR_CLOUD_SIGNER_PROTOCOL_H
#define DR_CLOUD_SIGNER_PROTOCOL_H

#include "base/cursor.h"
#include "base/status.h"
#include "format/image.h"
#include "format/job.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DR_SIGNER_VERSION 1u
#define DR_SIGNER_MESSAGE_MAX 16384u
#define DR_SIGNER_PROFILE_MAX 64u /* characters of [a-zA-Z0-9_-]; AWS's bound is the same */
#define DR_SIGNER_PRODUCT_MAX 32u /* bytes of UTF-8, as in the image's product TLV */
#define DR_SIGNER_DIGEST_BYTES 32u
#define DR_SIGNER_SIGNATURE_MAX 72u /* DER ECDSA P-256 */
#define DR_SIGNER_SPKI_BYTES 91u
#define DR_SIGNER_DETAIL_MAX 200u
#define DR_SIGNER_PROFILES_MAX 64u

enum dr_signer_operation {
    DR_SIGNER_PING = 1,
    DR_SIGNER_PROFILES = 2,
    DR_SIGNER_SIGN_FILE = 3,
    DR_SIGNER_SIGN_IMAGE = 4,
    DR_SIGNER_APPROVE = 5, /* only for the uid that runs the signer, and root */
    DR_SIGNER_SIGN_COMMAND = 6,
    DR_SIGNER_RELOAD = 7, /* read the directory again; only for the same two as APPROVE */
};

enum dr_signer_kind {
    DR_SIGNER_KIND_FILE = 1, /* signs uploaded bytes for foreign agents: sign-file only */
    DR_SIGNER_KIND_IMAGE =
        2, /* holds a product key: sign-image and sign-command, under its policy */
};

struct dr_signer_profile {
    char name[DR_SIGNER_PROFILE_MAX + 1];
    enum dr_signer_kind kind;
    char product[DR_SIGNER_PRODUCT_MAX + 1]; /* "" for sign-file profiles */
    bool approval;                           /* each image digest must be approved first */
    uint8_t spki[DR_SIGNER_SPKI_BYTES];
};

/* What the signer must know to apply its policy to an image. */
struct dr_signer_image {
    uint8_t digest[DR_SIGNER_DIGEST_BYTES]; /* what the image's signature TLV covers */
    char product[DR_SIGNER_PRODUCT_MAX + 1];
    struct dr_order order;
    uint32_t security_counter;
};

struct dr_signer_request {
    enum dr_signer_operation operation;
    char profile[DR_SIGNER_PROFILE_MAX + 1]; /* SIGN_* and APPROVE */
    struct dr_signer_image image;            /* SIGN_FILE and APPROVE use the digest alone */
    enum dr_job_action command;              /* SIGN_COMMAND, with the image's digest and product */
};

struct dr_signer_signature {
    uint8_t der[DR_SIGNER_SIGNATURE_MAX];
    size_t size_bytes;
};

struct dr_signer_answer {
    enum dr_status status;
    char detail[DR_SIGNER_DETAIL_MAX + 1]; /* one line for a person, never a secret */
    struct dr_signer_signature signature;  /* SIGN_* */
    size_t profile_count;                  /* PROFILES */
    struct dr_signer_profile profiles[DR_SIGNER_PROFILES_MAX];
};

/* Encoders write the length as well. Decoders take what follows the length. */
DR_MUST_USE enum dr_status
dr_signer_request_encode(const struct dr_signer_request *request, struct dr_writer *writer);
DR_MUST_USE enum dr_status dr_signer_request_decode(
    const uint8_t *data, size_t size_bytes, struct dr_signer_request *ret_request);
DR_MUST_USE enum dr_status dr_signer_answer_encode(
    const struct dr_signer_answer *answer, enum dr_signer_operation operation,
    struct dr_writer *writer);
DR_MUST_USE enum dr_status dr_signer_answer_decode(
    const uint8_t *data, size_t size_bytes, enum dr_signer_operation operation,
    struct dr_signer_answer *ret_answer);

/* 1 to 64 of [a-zA-Z0-9_-]. */
bool dr_signer_profile_name_valid(const char *name);

#endif
