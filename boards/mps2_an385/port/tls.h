/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* TLS over a stream: whom we believe, and a key that we never see.
 *
 * TLS 1.2, ECDHE-ECDSA. The server's chain must end at one of the identity's roots, its name must
 * be the endpoint's, and time is judged by the rules of docs/device.md. Our signature is
 * made by whoever dr_tls_config names: the secure element, or a key in memory in builds that
 * compare the two. This is where a part's accelerator goes.
 */
#ifndef DR_BOARDS_MPS2_TLS_H
#define DR_BOARDS_MPS2_TLS_H

#include "base/status.h"
#include "boards/mps2_an385/port/stream.h"
#include "crypto/crypto.h"
#include "device/link/link.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The sessions there may be at a time. */
enum dr_tls_use {
    DR_TLS_MQTT,  /* shows our certificate */
    DR_TLS_HTTPS, /* shows none */
    DR_TLS_COUNT
};

struct dr_tls; /* opaque; static memory */

struct dr_tls *dr_tls_session(enum dr_tls_use use);

struct dr_tls_config {
    void *context;
    /* ECDSA over a SHA-256 digest with the identity key `key`, r || s. */
    enum dr_status (*sign)(
        void *context, uint8_t key, const uint8_t digest[DR_SHA256_BYTES],
        uint8_t ret_signature[DR_P256_SIGNATURE_BYTES]);
};

/* Once, before anything of Mbed TLS or dr_crypto_psa is used: memory and the PSA core. pool: kept.
 * Randomness comes from dr_mps2_random (random.h). */
DR_MUST_USE enum dr_status dr_tls_start(uint8_t *pool, size_t pool_bytes);

/* Prepare a session over stream. identity is borrowed for the call, config is copied (where
 * identity has no certificate, nothing of it is used), stream is kept until dr_tls_close.
 * DR_E_STATE: open. DR_E_FORMAT: a certificate cannot be read. DR_E_SPACE, DR_E_CRYPTO. */
DR_MUST_USE enum dr_status dr_tls_open(
    struct dr_tls *tls, const struct dr_tls_config *config, const struct dr_link_identity *identity,
    struct dr_stream *stream);

/* DR_OK: done. DR_E_AGAIN. DR_E_CLOSED: the other side went. DR_E_AUTH: see dr_tls_fault. */
DR_MUST_USE enum dr_status dr_tls_handshake(struct dr_tls *tls);

/* What verification found, or NONE. */
enum dr_link_fault dr_tls_fault(const struct dr_tls *tls);

/* When the first certificate of the server's chain ends, seconds since 1970; pinned roots are not
 * asked. 0: no chain was verified. */
uint64_t dr_tls_until_s(const struct dr_tls *tls);

/* DR_E_AGAIN: nothing there, or no room. DR_E_CLOSED. Else at least one byte was moved. A write
 * that said DR_E_AGAIN must be repeated with the same bytes. */
DR_MUST_USE enum dr_status
dr_tls_read(struct dr_tls *tls, uint8_t *out, size_t size_bytes, size_t *ret_bytes);
DR_MUST_USE enum dr_status
dr_tls_write(struct dr_tls *tls, const uint8_t *data, size_t size_bytes, size_t *ret_bytes);

/* Say goodbye if that is possible at once, forget everything. Safe at any time. */
void dr_tls_close(struct dr_tls *tls);

/* How far into the pool memory was ever in use. */
size_t dr_tls_pool_peak(void);

#endif
