/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/mps2_an385/port/random.h"

#include "base/secret.h"
#include "boards/mps2_an385/port/isn.h"
#include "boards/mps2_an385/port/uptime.h"

#include <arch/cc.h>
#include <psa/crypto.h>

#include <string.h>

static struct {
    struct dr_anchor *anchor; /* NULL: not started */
    uint8_t state[DR_SHA256_BYTES];
    uint32_t stack_random; /* for lwIP: the first port and the like, from any task */
    uint8_t isn_secret[DR_SHA256_BYTES];
} source;

/* state' = HMAC(state, 1 || fresh entropy); output blocks = HMAC(state', 2 || n). Knowing an
 * output, or the line's bytes alone, tells nothing about state. */
static enum dr_status renew(void)
{
    uint8_t fresh[DR_SHA256_BYTES];
    static const uint8_t label = 1;
    DR_TRY(dr_anchor_entropy(source.anchor, fresh, sizeof(fresh)));
    const struct dr_bytes key = {source.state, sizeof(source.state)};
    const struct dr_bytes parts[] = {{&label, 1}, {fresh, sizeof(fresh)}};
    uint8_t next[DR_SHA256_BYTES];
    dr_hmac_sha256(&dr_crypto_psa, key, parts, 2, next);
    memcpy(source.state, next, sizeof(next));
    dr_wipe(next, sizeof(next));
    dr_wipe(fresh, sizeof(fresh));
    return DR_OK;
}

enum dr_status dr_mps2_random(uint8_t *out, size_t size_bytes)
{
    if (source.anchor == NULL) {
        return DR_E_STATE;
    }
    DR_TRY(renew());
    uint8_t block[DR_SHA256_BYTES];
    uint8_t number[2] = {2, 0};
    for (size_t done = 0; done < size_bytes; number[1]++) {
        const struct dr_bytes key = {source.state, sizeof(source.state)};
        const struct dr_bytes part = {number, sizeof(number)};
        size_t left = size_bytes - done;
        size_t size = left < sizeof(block) ? left : sizeof(block);
        dr_hmac_sha256(&dr_crypto_psa, key, &part, 1, block);
        memcpy(out + done, block, size);
        done += size;
    }
    dr_wipe(block, sizeof(block));
    return DR_OK;
}

enum dr_status dr_mps2_random_start(struct dr_anchor *anchor, const uint8_t secret[DR_SHA256_BYTES])
{
    source.anchor = anchor;
    memcpy(source.state, secret, sizeof(source.state));
    DR_TRY(dr_mps2_random(source.isn_secret, sizeof(source.isn_secret)));
    return dr_mps2_random((uint8_t *)&source.stack_random, sizeof(source.stack_random));
}

/* What PSA calls (MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG). */
psa_status_t mbedtls_psa_external_get_random(
    mbedtls_psa_external_random_context_t *context, uint8_t *output, size_t output_size,
    size_t *output_length)
{
    (void)context;
    *output_length = 0;
    if (output_size > 8160u || dr_mps2_random(output, output_size) != DR_OK) {
        return PSA_ERROR_INSUFFICIENT_ENTROPY;
    }
    *output_length = output_size;
    return PSA_SUCCESS;
}

uint32_t dr_mps2_lwip_random(void)
{
    source.stack_random = source.stack_random * 1664525u + 1013904223u;
    return source.stack_random >> 8;
}

/* From the one task that connects, like dr_mps2_random: lwIP asks as soon as it is told to. */
uint32_t
dr_mps2_lwip_isn(uint32_t local, uint16_t local_port, uint32_t remote, uint16_t remote_port)
{
    const struct dr_tcp_ends ends = {local, remote, local_port, remote_port};
    return dr_tcp_isn(&dr_crypto_psa, source.isn_secret, &ends, (uint32_t)dr_mps2_uptime_ms());
}
