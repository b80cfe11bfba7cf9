/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "base/check.h"
#include "base/secret.h"
#include "device/anchor/anchor.h"
#include "device/anchor/message_priv.h"

#include <string.h>

#define TIMEOUT_MS_DEFAULT 1000u

void dr_anchor_init(
    struct dr_anchor *anchor, const struct dr_crypto *crypto, const struct dr_anchor_port *port,
    enum dr_anchor_key key_id, const uint8_t *key, const uint8_t seed[DR_SHA256_BYTES])
{
    DR_CHECK(key_id == DR_ANCHOR_KEY_NONE || key != NULL);
    memset(anchor, 0, sizeof *anchor);
    anchor->crypto = crypto;
    anchor->port = *port;
    anchor->key_id = key_id;
    anchor->timeout_ms = TIMEOUT_MS_DEFAULT;
    if (key_id != DR_ANCHOR_KEY_NONE) {
        memcpy(anchor->key, key, sizeof anchor->key);
    }
    memcpy(anchor->seed, seed, sizeof anchor->seed);
}

void dr_anchor_set_timeout(struct dr_anchor *anchor, uint32_t timeout_ms)
{
    anchor->timeout_ms = timeout_ms;
}

void dr_anchor_wipe(struct dr_anchor *anchor)
{
    dr_wipe(anchor, sizeof *anchor);
}

/* A nonce nobody can foresee and no boot repeats. */
static void next_nonce(struct dr_anchor *anchor, uint8_t nonce[DR_SHA256_BYTES])
{
    anchor->nonces++;
    const struct dr_bytes key = {anchor->seed, sizeof anchor->seed};
    const struct dr_bytes part = {(const uint8_t *)&anchor->nonces, sizeof anchor->nonces};
    dr_hmac_sha256(anchor->crypto, key, &part, 1, nonce);
}

/* The answer to request: genuine when there is a key, to this very request, and of the right size.
 */
static enum dr_status check_answer(
    const struct dr_anchor *anchor, const struct dr_anchor_message *request,
    const struct dr_anchor_exchange *exchange, uint8_t *answer, size_t answer_bytes)
{
    struct dr_anchor_message message;
    if (exchange->response_bytes > exchange->response_capacity_bytes) {
        return DR_E_FORMAT;
    }
    DR_TRY(dr_anchor_message_parse(exchange->response, exchange->response_bytes, &message));
    if (message.key_id != anchor->key_id ||
        memcmp(message.nonce, request->nonce, DR_ANCHOR_NONCE_BYTES) != 0 ||
        message.operation != (request->operation | DR_ANCHOR_RESPONSE_BIT)) {
        return DR_E_AUTH;
    }
    if (anchor->key_id != DR_ANCHOR_KEY_NONE &&
        !dr_anchor_message_genuine(
            anchor->crypto, anchor->key, exchange->response, exchange->response_bytes)) {
        return DR_E_AUTH;
    }
    if (message.status != 0) {
        return message.status < 0 ? (enum dr_status)message.status : DR_E_FORMAT;
    }
    if (message.body_bytes != answer_bytes) {
        return DR_E_FORMAT;
    }
    if (answer_bytes > 0) {
        memcpy(answer, message.body, answer_bytes);
    }
    return DR_OK;
}

/* One request, one answer of exactly answer_bytes. */
static enum dr_status call(
    struct dr_anchor *anchor, enum dr_anchor_operation operation, const struct dr_writer *body,
    uint8_t *answer, size_t answer_bytes)
{
    uint8_t nonce[DR_SHA256_BYTES];
    uint8_t request[DR_ANCHOR_MESSAGE_BYTES_MAX];
    uint8_t response[DR_ANCHOR_MESSAGE_BYTES_MAX];
    next_nonce(anchor, nonce);
    const struct dr_anchor_message message = {
        .operation = (uint8_t)operation,
        .key_id = anchor->key_id,
        .nonce = nonce,
        .body = body->data,
        .body_bytes = body->size_bytes,
    };
    struct dr_anchor_exchange exchange = {
        .request = request,
        .request_bytes = dr_anchor_message_build(anchor->crypto, anchor->key, &message, request),
        .response = response,
        .response_capacity_bytes = sizeof response,
        .timeout_ms = anchor->timeout_ms,
    };
    enum dr_status status = anchor->port.transact(anchor->port.context, &exchange);
    if (status == DR_OK) {
        status = check_answer(anchor, &message, &exchange, answer, answer_bytes);
    }
    dr_wipe(response, sizeof response); /* may hold entropy */
    return status;
}

/* A request body under construction. */
struct body {
    uint8_t bytes[DR_ANCHOR_BODY_BYTES_MAX];
    struct dr_writer writer;
};

static struct dr_writer *body_begin(struct body *body)
{
    dr_writer_init(&body->writer, body->bytes, sizeof body->bytes);
    return &body->writer;
}

#define STATUS_BYTES                                                                               \
    (4u + DR_ANCHOR_CHALLENGE_BYTES + 4u * DR_ANCHOR_COUNTERS + (size_t)DR_SHA256_BYTES)
DR_STATIC_ASSERT(STATUS_BYTES <= DR_ANCHOR_BODY_BYTES_MAX, "a status fits a message");

enum dr_status dr_anchor_status(struct dr_anchor *anchor, struct dr_anchor_status *ret_status)
{
    struct body body;
    uint8_t answer[STATUS_BYTES];
    DR_TRY(call(anchor, DR_ANCHOR_OP_STATUS, body_begin(&body), answer, sizeof answer));
    if (answer[0] > DR_ANCHOR_LOCKED || answer[1] > DR_ANCHOR_MODE_PROVISIONING) {
        return DR_E_FORMAT;
    }
    struct dr_reader reader;
    dr_reader_init(&reader, answer, sizeof answer);
    ret_status->lifecycle = (enum dr_anchor_lifecycle)dr_read_u8(&reader);
    ret_status->mode = (enum dr_anchor_mode)dr_read_u8(&reader);
    ret_status->flags = dr_read_u16(&reader);
    dr_read_bytes(&reader, ret_status->challenge, sizeof ret_status->challenge);
    for (size_t i = 0; i < DR_ANCHOR_COUNTERS; i++) {
        ret_status->counters[i] = dr_read_u32(&reader);
    }
    dr_read_bytes(&reader, ret_status->factory_digest, sizeof ret_status->factory_digest);
    return dr_reader_end(&reader);
}

enum dr_status dr_anchor_advance(
    struct dr_anchor *anchor, enum dr_anchor_counter counter, uint32_t old_value,
    uint32_t new_value, uint32_t *ret_value)
{
    struct body body;
    struct dr_writer *writer = body_begin(&body);
    dr_write_u8(writer, (uint8_t)counter);
    dr_write_u32(writer, old_value);
    dr_write_u32(writer, new_value);
    uint8_t answer[4];
    DR_TRY(call(anchor, DR_ANCHOR_OP_ADVANCE, writer, answer, sizeof answer));
    if (ret_value != NULL) {
        struct dr_reader reader;
        dr_reader_init(&reader, answer, sizeof answer);
        *ret_value = dr_read_u32(&reader);
    }
    return DR_OK;
}

enum dr_status dr_anchor_alert(struct dr_anchor *anchor)
{
    struct dr_anchor_status status;
    DR_TRY(dr_anchor_status(anchor, &status));
    uint32_t alerts = status.counters[DR_ANCHOR_COUNTER_ALERTS];
    return dr_anchor_advance(anchor, DR_ANCHOR_COUNTER_ALERTS, alerts, alerts + 1u, NULL);
}

enum dr_status dr_anchor_entropy(struct dr_anchor *anchor, uint8_t *out, size_t size_bytes)
{
    if (size_bytes == 0 || size_bytes > DR_ANCHOR_ENTROPY_BYTES_MAX) {
        return DR_E_ARGUMENT;
    }
    struct body body;
    struct dr_writer *writer = body_begin(&body);
    dr_write_u8(writer, (uint8_t)size_bytes);
    return call(anchor, DR_ANCHOR_OP_ENTROPY, writer, out, size_bytes);
}

enum dr_status dr_anchor_public_key(
    struct dr_anchor *anchor, enum dr_anchor_identity identity,
    uint8_t ret_public_key[DR_P256_PUBLIC_BYTES])
{
    struct body body;
    struct dr_writer *writer = body_begin(&body);
    dr_write_u8(writer, (uint8_t)identity);
    return call(anchor, DR_ANCHOR_OP_PUBLIC_KEY, writer, ret_public_key, DR_P256_PUBLIC_BYTES);
}

enum dr_status dr_anchor_sign(
    struct dr_anchor *anchor, enum dr_anchor_identity identity,
    const uint8_t digest[DR_SHA256_BYTES], uint8_t ret_signature[DR_P256_SIGNATURE_BYTES])
{
    struct body body;
    struct dr_writer *writer = body_begin(&body);
    dr_write_u8(writer, (uint8_t)identity);
    dr_write_bytes(writer, digest, DR_SHA256_BYTES);
    return call(anchor, DR_ANCHOR_OP_SIGN, writer, ret_signature, DR_P256_SIGNATURE_BYTES);
}

enum dr_status dr_anchor_latch(struct dr_anchor *anchor, enum dr_anchor_mode mode)
{
    struct dr_anchor_status status;
    DR_TRY(dr_anchor_status(anchor, &status));
    struct body body;
    struct dr_writer *writer = body_begin(&body);
    dr_write_u8(writer, (uint8_t)mode);
    dr_write_bytes(writer, status.challenge, sizeof status.challenge);
    return call(anchor, DR_ANCHOR_OP_LATCH, writer, NULL, 0);
}

enum dr_status dr_anchor_provision(struct dr_anchor *anchor)
{
    struct body body;
    return call(anchor, DR_ANCHOR_OP_PROVISION, body_begin(&body), NULL, 0);
}

enum dr_status
dr_anchor_pin_factory(struct dr_anchor *anchor, const uint8_t digest[DR_SHA256_BYTES])
{
    struct body body;
    struct dr_writer *writer = body_begin(&body);
    dr_write_bytes(writer, digest, DR_SHA256_BYTES);
    return call(anchor, DR_ANCHOR_OP_PIN_FACTORY, writer, NULL, 0);
}

enum dr_status dr_anchor_lock(struct dr_anchor *anchor)
{
    struct body body;
    return call(anchor, DR_ANCHOR_OP_LOCK, body_begin(&body), NULL, 0);
}
