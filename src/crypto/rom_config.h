/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Mbed TLS 3.6, configured for dr_crypto_rom: p256-m, called directly, no heap. */
#ifndef DR_CRYPTO_ROM_CONFIG_H
#define DR_CRYPTO_ROM_CONFIG_H

#define MBEDTLS_PSA_P256M_DRIVER_ENABLED

/* p256-m takes its randomness for signing from PSA. Nobody signs with this table; the name is
 * changed so that a program may link the real PSA beside it. */
#define psa_generate_random dr_rom_no_random

#endif
