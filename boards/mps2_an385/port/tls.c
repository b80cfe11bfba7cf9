/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The private key is a PK context whose method table is that of our certificate's public key with
 * another sign function: no big-number code, no key in memory, and PSA for the rest.
 */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include "boards/mps2_an385/port/tls.h"

#include "base/cursor.h"
#include "base/secret.h"

#include <mbedtls/memory_buffer_alloc.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#include <pk_wrap.h>
#include <psa/crypto.h>

#include <string.h>

/* What the allocator puts in front of its one free block, and more; the rest is marked to see how
 * far memory was ever in use. */
#define POOL_HEADER_BYTES 64u
#define UNTOUCHED 0xa5

struct dr_tls {
    bool open;
    struct dr_tls_config config;
    struct dr_stream *stream;
    uint8_t key_id;
    uint64_t floor_s;
    uint64_t now_s;
    uint64_t until_s;
    enum dr_link_fault fault;
    mbedtls_x509_crt roots;
    mbedtls_x509_crt own;
    mbedtls_ssl_config rules;
    mbedtls_ssl_context ssl;
};

static struct dr_tls sessions[DR_TLS_COUNT];

static struct {
    const uint8_t *pool;
    size_t pool_bytes;
    struct dr_tls *signer; /* the one session that has a certificate of ours */
    mbedtls_pk_info_t sign_info;
    mbedtls_pk_context key;
} shared;

struct dr_tls *dr_tls_session(enum dr_tls_use use)
{
    return &sessions[use];
}

void mbedtls_platform_zeroize(void *buf, size_t len)
{
    if (len > 0) {
        dr_wipe(buf, len);
    }
}

enum dr_status dr_tls_start(uint8_t *pool, size_t pool_bytes)
{
    shared.pool = pool;
    shared.pool_bytes = pool_bytes;
    mbedtls_memory_buffer_alloc_init(pool, pool_bytes);
    memset(pool + POOL_HEADER_BYTES, UNTOUCHED, pool_bytes - POOL_HEADER_BYTES);
    return psa_crypto_init() == PSA_SUCCESS ? DR_OK : DR_E_CRYPTO;
}

/* Seconds since 1970 of a certificate's time (Gregorian, after 1970). */
static uint64_t seconds_of(const mbedtls_x509_time *time)
{
    uint32_t year = (uint32_t)time->year - (time->mon <= 2 ? 1u : 0u);
    uint32_t month = ((uint32_t)time->mon + 9u) % 12u; /* March is 0 */
    uint32_t days = 365u * year + year / 4u - year / 100u + year / 400u + (153u * month + 2u) / 5u +
                    (uint32_t)time->day - 1u;
    const uint32_t days_to_1970 = 719468u;
    if (days < days_to_1970) {
        return 0;
    }
    uint32_t in_day =
        3600u * (uint32_t)time->hour + 60u * (uint32_t)time->min + (uint32_t)time->sec;
    return (uint64_t)(days - days_to_1970) * 86400u + in_day;
}

static bool is_root(const struct dr_tls *tls, const mbedtls_x509_crt *certificate)
{
    for (const mbedtls_x509_crt *root = &tls->roots; root != NULL; root = root->next) {
        if (root == certificate) {
            return true;
        }
    }
    return false;
}

/* The chain is good no longer than its first certificate. */
static void note_end(struct dr_tls *tls, uint64_t end_s)
{
    if (end_s > 0 && (tls->until_s == 0 || end_s < tls->until_s)) {
        tls->until_s = end_s;
    }
}

/* For each certificate of the chain, from the root down. A pinned root is not asked for its time.
 */
static int
check_certificate(void *context, mbedtls_x509_crt *certificate, int depth, uint32_t *flags)
{
    struct dr_tls *tls = context;
    (void)depth;
    if (!is_root(tls, certificate)) {
        note_end(tls, seconds_of(&certificate->valid_to));
        if (seconds_of(&certificate->valid_to) <= tls->floor_s) {
            *flags |= MBEDTLS_X509_BADCERT_EXPIRED;
        }
        if (tls->now_s != 0 && seconds_of(&certificate->valid_from) >= tls->now_s) {
            *flags |= MBEDTLS_X509_BADCERT_FUTURE;
        }
    }
    if (*flags != 0 && tls->fault == DR_LINK_FAULT_NONE) {
        if ((*flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) != 0) {
            tls->fault = DR_LINK_FAULT_TLS_UNTRUSTED;
        } else if ((*flags & MBEDTLS_X509_BADCERT_CN_MISMATCH) != 0) {
            tls->fault = DR_LINK_FAULT_TLS_NAME;
        } else if ((*flags & (MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE)) != 0) {
            tls->fault = DR_LINK_FAULT_TLS_EXPIRED;
        } else {
            tls->fault = DR_LINK_FAULT_TLS_OTHER;
        }
    }
    return 0;
}

/* One integer of a DER signature: no leading zeroes, not negative. */
static size_t put_integer(uint8_t *out, const uint8_t value[32])
{
    size_t skip = 0;
    while (skip < 31u && value[skip] == 0) {
        skip++;
    }
    size_t pad = (value[skip] & 0x80u) != 0 ? 1u : 0;
    size_t len = 32u - skip + pad;
    out[0] = MBEDTLS_ASN1_INTEGER;
    out[1] = (uint8_t)len;
    out[2] = 0;
    memcpy(out + 2u + pad, value + skip, 32u - skip);
    return 2u + len;
}

static int sign_digest(
    mbedtls_pk_context *pk, mbedtls_md_type_t algorithm, const unsigned char *digest,
    size_t digest_bytes, unsigned char *out, size_t capacity_bytes, size_t *ret_bytes,
    int (*random)(void *, unsigned char *, size_t), void *random_context)
{
    (void)pk;
    (void)algorithm;
    (void)random;
    (void)random_context;
    uint8_t rs[DR_P256_SIGNATURE_BYTES];
    struct dr_tls *tls = shared.signer;
    if (digest_bytes != DR_SHA256_BYTES || capacity_bytes < 72u ||
        tls->config.sign(tls->config.context, tls->key_id, digest, rs) != DR_OK) {
        tls->fault = DR_LINK_FAULT_LOCAL;
        return MBEDTLS_ERR_PK_BAD_INPUT_DATA;
    }
    size_t size_bytes = put_integer(out + 2, rs);
    size_bytes += put_integer(out + 2u + size_bytes, rs + 32);
    out[0] = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE;
    out[1] = (uint8_t)size_bytes;
    *ret_bytes = size_bytes + 2u;
    return 0;
}

static int send_bytes(void *context, const unsigned char *data, size_t size_bytes)
{
    uint32_t moved = 0;
    enum dr_status status = dr_stream_write(context, data, (uint32_t)size_bytes, &moved);
    if (status == DR_OK) {
        return (int)moved;
    }
    return status == DR_E_AGAIN ? MBEDTLS_ERR_SSL_WANT_WRITE : MBEDTLS_ERR_SSL_CONN_EOF;
}

static int receive_bytes(void *context, unsigned char *out, size_t size_bytes)
{
    uint32_t moved = 0;
    enum dr_status status = dr_stream_read(context, out, (uint32_t)size_bytes, &moved);
    if (status == DR_OK) {
        return (int)moved;
    }
    return status == DR_E_AGAIN ? MBEDTLS_ERR_SSL_WANT_READ : MBEDTLS_ERR_SSL_CONN_EOF;
}

static int psa_random(void *unused, unsigned char *out, size_t size_bytes)
{
    (void)unused;
    return psa_generate_random(out, size_bytes) == PSA_SUCCESS ? 0 : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

static enum dr_status read_certificates(struct dr_tls *tls, const struct dr_link_identity *identity)
{
    const char *ca = identity->ca_pem;
    const char *own = identity->certificate_pem;
    if (mbedtls_x509_crt_parse(&tls->roots, (const uint8_t *)ca, strlen(ca) + 1u) != 0) {
        return DR_E_FORMAT;
    }
    if (own == NULL) {
        return DR_OK;
    }
    if (mbedtls_x509_crt_parse(&tls->own, (const uint8_t *)own, strlen(own) + 1u) != 0 ||
        mbedtls_pk_get_type(&tls->own.pk) != MBEDTLS_PK_ECKEY) {
        return DR_E_FORMAT;
    }
    shared.signer = tls;
    shared.sign_info = *tls->own.pk.pk_info;
    shared.sign_info.sign_func = sign_digest;
    shared.key = tls->own.pk; /* a view: freed with the certificate */
    shared.key.pk_info = &shared.sign_info;
    return DR_OK;
}

static enum dr_status set_rules(struct dr_tls *tls, const struct dr_link_identity *identity)
{
    if (mbedtls_ssl_config_defaults(
            &tls->rules, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
            MBEDTLS_SSL_PRESET_DEFAULT) != 0) {
        return DR_E_CRYPTO;
    }
    mbedtls_ssl_conf_rng(&tls->rules, psa_random, NULL);
    mbedtls_ssl_conf_authmode(&tls->rules, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_ca_chain(&tls->rules, &tls->roots, NULL);
    mbedtls_ssl_conf_verify(&tls->rules, check_certificate, tls);
    if (mbedtls_ssl_conf_max_frag_len(&tls->rules, MBEDTLS_SSL_MAX_FRAG_LEN_4096) != 0 ||
        (identity->certificate_pem != NULL &&
         mbedtls_ssl_conf_own_cert(&tls->rules, &tls->own, &shared.key) != 0) ||
        mbedtls_ssl_setup(&tls->ssl, &tls->rules) != 0 ||
        mbedtls_ssl_set_hostname(&tls->ssl, identity->host) != 0) {
        return DR_E_SPACE;
    }
    mbedtls_ssl_set_bio(&tls->ssl, tls->stream, send_bytes, receive_bytes, NULL);
    return DR_OK;
}

enum dr_status dr_tls_open(
    struct dr_tls *tls, const struct dr_tls_config *config, const struct dr_link_identity *identity,
    struct dr_stream *stream)
{
    if (tls->open) {
        return DR_E_STATE;
    }
    tls->open = true;
    tls->config = *config;
    tls->stream = stream;
    tls->key_id = identity->key;
    tls->floor_s = identity->floor_s;
    tls->now_s = identity->now_s;
    tls->until_s = 0;
    tls->fault = DR_LINK_FAULT_NONE;
    mbedtls_x509_crt_init(&tls->roots);
    mbedtls_x509_crt_init(&tls->own);
    mbedtls_ssl_config_init(&tls->rules);
    mbedtls_ssl_init(&tls->ssl);
    enum dr_status status = read_certificates(tls, identity);
    if (status == DR_OK) {
        status = set_rules(tls, identity);
    }
    if (status != DR_OK) {
        dr_tls_close(tls);
    }
    return status;
}

static bool again(int code)
{
    return code == MBEDTLS_ERR_SSL_WANT_READ || code == MBEDTLS_ERR_SSL_WANT_WRITE;
}

enum dr_status dr_tls_handshake(struct dr_tls *tls)
{
    int code = mbedtls_ssl_handshake(&tls->ssl);
    if (code == 0) {
        return DR_OK;
    }
    if (again(code)) {
        return DR_E_AGAIN;
    }
    if (tls->fault != DR_LINK_FAULT_NONE) {
        return DR_E_AUTH;
    }
    if (code == MBEDTLS_ERR_SSL_CONN_EOF) {
        return DR_E_CLOSED;
    }
    tls->fault = DR_LINK_FAULT_TLS_OTHER;
    return DR_E_AUTH;
}

enum dr_link_fault dr_tls_fault(const struct dr_tls *tls)
{
    return tls->fault;
}

uint64_t dr_tls_until_s(const struct dr_tls *tls)
{
    return tls->until_s;
}

enum dr_status dr_tls_read(struct dr_tls *tls, uint8_t *out, size_t size_bytes, size_t *ret_bytes)
{
    int code = mbedtls_ssl_read(&tls->ssl, out, size_bytes);
    if (code > 0) {
        *ret_bytes = (size_t)code;
        return DR_OK;
    }
    return again(code) ? DR_E_AGAIN : DR_E_CLOSED;
}

enum dr_status
dr_tls_write(struct dr_tls *tls, const uint8_t *data, size_t size_bytes, size_t *ret_bytes)
{
    int code = mbedtls_ssl_write(&tls->ssl, data, size_bytes);
    if (code > 0) {
        *ret_bytes = (size_t)code;
        return DR_OK;
    }
    return again(code) ? DR_E_AGAIN : DR_E_CLOSED;
}

void dr_tls_close(struct dr_tls *tls)
{
    if (!tls->open) {
        return;
    }
    if (tls->stream->pcb != NULL && mbedtls_ssl_is_handshake_over(&tls->ssl)) {
        (void)mbedtls_ssl_close_notify(&tls->ssl);
    }
    mbedtls_ssl_free(&tls->ssl);
    mbedtls_ssl_config_free(&tls->rules);
    mbedtls_x509_crt_free(&tls->own);
    mbedtls_x509_crt_free(&tls->roots);
    tls->open = false;
}

/* Memory is taken from the pool's start, and wiped with zeroes when it is given back. */
size_t dr_tls_pool_peak(void)
{
    size_t used = shared.pool_bytes;
    while (used > 0 && shared.pool[used - 1u] == UNTOUCHED) {
        used--;
    }
    return used;
}
