/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "sim/anchor_mem.h"

#include "base/check.h"
#include "crypto/sign.h"

#include <string.h>

static enum dr_status mem_entropy(void *context, uint8_t *out, size_t size_bytes)
{
    struct dr_anchor_mem *mem = context;
    for (size_t i = 0; i < size_bytes; i++) {
        out[i] = (uint8_t)dr_sim_random(&mem->random);
    }
    return DR_OK;
}

static enum dr_status mem_generate(
    void *context, uint8_t private_key[DR_P256_PRIVATE_BYTES],
    uint8_t public_key[DR_P256_PUBLIC_BYTES])
{
    DR_TRY(mem_entropy(context, private_key, DR_P256_PRIVATE_BYTES));
    private_key[0] &= 0x7f; /* below the group order */
    return dr_p256_public_key(private_key, public_key);
}

static enum dr_status mem_sign(
    void *context, const uint8_t private_key[DR_P256_PRIVATE_BYTES],
    const uint8_t digest[DR_SHA256_BYTES], uint8_t signature[DR_P256_SIGNATURE_BYTES])
{
    (void)context;
    return dr_p256_sign(private_key, digest, signature);
}

/* Persist is atomic: the cut comes before or after it. */
static bool cut_keeps_new(enum dr_sim_torn kind)
{
    return kind == DR_SIM_TORN_ALL_BUT || kind == DR_SIM_TORN_COMPLETE;
}

static enum dr_status mem_persist(void *context, const uint8_t image[DR_ANCHOR_STATE_BYTES])
{
    struct dr_anchor_mem *mem = context;
    mem->next_image = image;
    bool cut = dr_sim_power_step(mem->power);
    mem->next_image = NULL;
    if (!cut || cut_keeps_new(mem->power->kind)) {
        memcpy(mem->image, image, sizeof mem->image);
    }
    return cut ? DR_E_IO : DR_OK;
}

static struct dr_anchor_core_ops ops_of(struct dr_anchor_mem *mem)
{
    const struct dr_anchor_core_ops ops = {
        .context = mem,
        .entropy = mem_entropy,
        .generate = mem_generate,
        .sign = mem_sign,
        .persist = mem_persist,
    };
    return ops;
}

void dr_anchor_mem_init(
    struct dr_anchor_mem *mem, const struct dr_crypto *crypto, struct dr_sim_power *power,
    uint64_t seed)
{
    memset(mem, 0, sizeof *mem);
    mem->power = power;
    mem->crypto = crypto;
    mem->random = seed;
    DR_CHECK(mem_entropy(mem, mem->secret, sizeof mem->secret) == DR_OK);
    dr_anchor_state_blank(mem->image);
    DR_CHECK(dr_anchor_mem_start(mem) == DR_OK);
}

enum dr_status dr_anchor_mem_start(struct dr_anchor_mem *mem)
{
    const struct dr_anchor_core_ops ops = ops_of(mem);
    mem->running = false;
    DR_TRY(dr_anchor_core_start(&mem->core, mem->crypto, &ops, mem->secret, mem->image));
    mem->now_ms = 0;
    mem->running = true;
    return DR_OK;
}

void dr_anchor_mem_rebind(struct dr_anchor_mem *mem, struct dr_sim_power *power)
{
    mem->power = power;
    mem->core.ops.context = mem;
}

void dr_anchor_mem_cut_here(
    const struct dr_anchor_mem *mem, enum dr_sim_torn kind, uint8_t image[DR_ANCHOR_STATE_BYTES])
{
    bool new_one = mem->next_image != NULL && cut_keeps_new(kind);
    memcpy(image, new_one ? mem->next_image : mem->image, DR_ANCHOR_STATE_BYTES);
}

static enum dr_status transact(void *context, struct dr_anchor_exchange *exchange)
{
    struct dr_anchor_mem *mem = context;
    if (mem->power->off || !mem->running) {
        return DR_E_CLOSED;
    }
    if (mem->silent > 0) {
        mem->silent--;
        return DR_E_TIMEOUT;
    }
    if (mem->answers_left > 0 && --mem->answers_left == 0) {
        mem->silent = UINT32_MAX;
    }
    exchange->response_bytes = dr_anchor_core_handle(
        &mem->core, mem->now_ms, exchange->request, exchange->request_bytes, exchange->response);
    if (mem->power->off) {
        return DR_E_CLOSED;
    }
    if (mem->lose_answer > 0) {
        mem->lose_answer--;
        return DR_E_TIMEOUT;
    }
    return exchange->response_bytes > 0 ? DR_OK : DR_E_TIMEOUT;
}

struct dr_anchor_port dr_anchor_mem_port(struct dr_anchor_mem *mem)
{
    const struct dr_anchor_port port = {.context = mem, .transact = transact};
    return port;
}
