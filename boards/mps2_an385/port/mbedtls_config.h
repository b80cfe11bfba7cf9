/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Mbed TLS 3.6 for a client that speaks one thing: TLS 1.2, ECDHE-ECDSA over P-256, AES-128-GCM,
 * SHA-256, and the PSA table of src/crypto beside it. Elliptic curves come from p256-m through
 * PSA's driver interface: no big numbers, a few hundred bytes of RAM.
 *
 * Memory comes from one pool of fixed size (mbedtls_memory_buffer_alloc), used by nothing else.
 */
#ifndef DR_MPS2_MBEDTLS_CONFIG_H
#define DR_MPS2_MBEDTLS_CONFIG_H

/* System. */
#define MBEDTLS_PLATFORM_C
#define MBEDTLS_PLATFORM_MEMORY
#define MBEDTLS_MEMORY_BUFFER_ALLOC_C
#define MBEDTLS_MEMORY_ALIGN_MULTIPLE 8
#define MBEDTLS_NO_PLATFORM_ENTROPY
#define MBEDTLS_PLATFORM_ZEROIZE_ALT
#define MBEDTLS_PLATFORM_NO_STD_FUNCTIONS
#define MBEDTLS_PLATFORM_SNPRINTF_MACRO dr_mps2_snprintf
#define MBEDTLS_PLATFORM_EXIT_MACRO(code) dr_check_failed("mbedtls", (code))
#define MBEDTLS_DEPRECATED_REMOVED

/* Crypto. */
#define MBEDTLS_PSA_CRYPTO_C
#define MBEDTLS_PSA_CRYPTO_CONFIG
#define MBEDTLS_PSA_CRYPTO_CONFIG_FILE "boards/mps2_an385/port/psa_config.h"
#define MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG
#define MBEDTLS_PSA_KEY_SLOT_COUNT 8
#define MBEDTLS_PSA_ASSUME_EXCLUSIVE_BUFFERS /* no second task: nothing is copied to the pool */
#define MBEDTLS_PSA_P256M_DRIVER_ENABLED
#define MBEDTLS_USE_PSA_CRYPTO
#define MBEDTLS_AES_ROM_TABLES
#define MBEDTLS_AES_FEWER_TABLES
#define MBEDTLS_BLOCK_CIPHER_NO_DECRYPT

/* Certificates. Time is judged by the link's own rules. */
#define MBEDTLS_PK_C
#define MBEDTLS_PK_PARSE_C
#define MBEDTLS_ASN1_PARSE_C
#define MBEDTLS_ASN1_WRITE_C
#define MBEDTLS_OID_C
#define MBEDTLS_BASE64_C
#define MBEDTLS_PEM_PARSE_C
#define MBEDTLS_X509_USE_C
#define MBEDTLS_X509_CRT_PARSE_C
#define MBEDTLS_X509_MAX_INTERMEDIATE_CA 4

/* TLS. */
#define MBEDTLS_SSL_TLS_C
#define MBEDTLS_SSL_CLI_C
#define MBEDTLS_SSL_PROTO_TLS1_2
#define MBEDTLS_KEY_EXCHANGE_ECDHE_ECDSA_ENABLED
/* 3.6 derives this from its own curve code only; without it no curve is offered to the server. */
#define MBEDTLS_SSL_TLS1_2_SOME_ECC
/* And its buffer for the shared secret is one byte long then. Pre-shared keys, which no cipher
 * suite below uses, make it long enough. */
#define MBEDTLS_KEY_EXCHANGE_PSK_ENABLED
#define MBEDTLS_PSK_MAX_LEN 32
#define MBEDTLS_SSL_SERVER_NAME_INDICATION
#define MBEDTLS_SSL_EXTENDED_MASTER_SECRET
#define MBEDTLS_SSL_MAX_FRAGMENT_LENGTH
#define MBEDTLS_SSL_IN_CONTENT_LEN 4096
#define MBEDTLS_SSL_OUT_CONTENT_LEN 4096
#define MBEDTLS_SSL_CIPHERSUITES MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256

#include <stddef.h>
void dr_check_failed(const char *file, int line) __attribute__((noreturn));
int dr_mps2_snprintf(char *out, size_t size_bytes, const char *format, ...);

#endif
