/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Mbed TLS 3.6, configured for dr_crypto_rom: three primitives, called directly, no heap.
 *
 * AES keeps its tables in ROM (the smaller set), so that nothing has to be computed into RAM, and
 * knows encryption only, which is all that CTR needs.
 */
#ifndef DR_CRYPTO_ROM_CONFIG_H
#define DR_CRYPTO_ROM_CONFIG_H

#define MBEDTLS_SHA256_C
#define MBEDTLS_AES_C
#define MBEDTLS_AES_ROM_TABLES
#define MBEDTLS_AES_FEWER_TABLES
#define MBEDTLS_CIPHER_MODE_CTR
#define MBEDTLS_BLOCK_CIPHER_NO_DECRYPT
#define MBEDTLS_PSA_P256M_DRIVER_ENABLED

/* p256-m takes its randomness for signing from PSA. Nobody signs with this table; the name is
 * changed so that a program may link the real PSA beside it. */
#define psa_generate_random dr_rom_no_random

#endif
