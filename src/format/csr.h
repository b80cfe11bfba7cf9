/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Certificate requests (PKCS#10, RFC 2986) for P-256 keys that cannot leave their element.
 *
 * The part to be signed is built first, its SHA-256 goes to whoever holds the key, and the finished
 * request is put together from both.
 */
#ifndef DR_FORMAT_CSR_H
#define DR_FORMAT_CSR_H

#include "base/cursor.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

#define DR_CSR_NAME_LEN_MAX 128u
#define DR_CSR_TBS_BYTES_MAX 256u
#define DR_CSR_BYTES_MAX (DR_CSR_TBS_BYTES_MAX + 96u)

/* CertificationRequestInfo with the one subject attribute CN=common_name (UTF8String, 1 to 128
 * bytes). DR_E_RANGE: the name; DR_E_SPACE. */
DR_MUST_USE enum dr_status dr_csr_tbs(
    const char *common_name, const uint8_t public_key[64], uint8_t *out, size_t capacity_bytes,
    size_t *ret_size_bytes);

/* The whole request in DER; signature_rs is over SHA-256 of tbs. DR_E_SPACE. */
DR_MUST_USE enum dr_status dr_csr_finish(
    const uint8_t *tbs, size_t tbs_size_bytes, const uint8_t signature_rs[64], uint8_t *out,
    size_t capacity_bytes, size_t *ret_size_bytes);

#endif
