/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/anchor/core.h"

#include "base/check.h"
#include "base/cursor.h"
#include "base/secret.h"
#include "device/anchor/message_priv.h"
#include "device/anchor/state_priv.h"

#include <string.h>

/* A request being answered. */
struct task {
    struct dr_anchor_core *core;
    uint64_t now_ms;
    enum dr_anchor_key key_id; /* proved */
    struct dr_reader in;
    struct dr_writer out;
};

static enum dr_status new_challenge(struct dr_anchor_core *core)
{
    return core->ops.entropy(core->ops.context, core->challenge, sizeof core->challenge);
}

enum dr_status dr_anchor_core_start(
    struct dr_anchor_core *core, const struct dr_crypto *crypto,
    const struct dr_anchor_core_ops *ops, const uint8_t secret[DR_DEVICE_SECRET_BYTES],
    const uint8_t image[DR_ANCHOR_STATE_BYTES])
{
    memset(core, 0, sizeof *core);
    core->crypto = crypto;
    core->ops = *ops;
    core->alert_reserve = 1;
    DR_TRY(dr_anchor_state_decode(image, &core->state));
    dr_key_derive(crypto, secret, DR_LABEL_ANCHOR_ROM, core->key_rom);
    dr_key_derive(crypto, secret, DR_LABEL_ANCHOR_FW, core->key_fw);
    return new_challenge(core);
}

enum dr_status dr_anchor_core_reset(struct dr_anchor_core *core)
{
    core->mode = DR_ANCHOR_MODE_NONE;
    return new_challenge(core);
}

void dr_anchor_core_wipe(struct dr_anchor_core *core)
{
    dr_wipe(core, sizeof *core);
}

/* Make next the state, on the medium first. A failed persist leaves the old state in force: the
 * medium may hold the new one, which nobody was told of yet, as after a cut. */
static enum dr_status commit(struct dr_anchor_core *core, struct dr_anchor_state *next)
{
    uint8_t image[DR_ANCHOR_STATE_BYTES];
    dr_anchor_state_encode(next, image);
    enum dr_status status = core->ops.persist(core->ops.context, image);
    if (status == DR_OK) {
        core->state = *next;
    }
    dr_wipe(image, sizeof image);
    dr_wipe(next, sizeof *next);
    return status;
}

static enum dr_status do_status(struct task *task)
{
    const struct dr_anchor_state *state = &task->core->state;
    DR_TRY(dr_reader_end(&task->in));
    dr_write_u8(&task->out, (uint8_t)state->lifecycle);
    dr_write_u8(&task->out, (uint8_t)task->core->mode);
    dr_write_u16(&task->out, state->flags);
    dr_write_bytes(&task->out, task->core->challenge, sizeof task->core->challenge);
    for (size_t i = 0; i < DR_ANCHOR_COUNTERS; i++) {
        dr_write_u32(&task->out, state->counters[i]);
    }
    dr_write_bytes(&task->out, state->factory_digest, sizeof state->factory_digest);
    return DR_OK;
}

static enum dr_status do_entropy(struct task *task)
{
    uint8_t size_bytes = dr_read_u8(&task->in);
    DR_TRY(dr_reader_end(&task->in));
    if (size_bytes == 0 || size_bytes > DR_ANCHOR_ENTROPY_BYTES_MAX) {
        return DR_E_ARGUMENT;
    }
    uint8_t bytes[DR_ANCHOR_ENTROPY_BYTES_MAX];
    DR_TRY(task->core->ops.entropy(task->core->ops.context, bytes, size_bytes));
    dr_write_bytes(&task->out, bytes, size_bytes);
    dr_wipe(bytes, sizeof bytes);
    return DR_OK;
}

static enum dr_status do_public_key(struct task *task)
{
    uint8_t identity = dr_read_u8(&task->in);
    DR_TRY(dr_reader_end(&task->in));
    if (identity >= DR_ANCHOR_IDENTITIES) {
        return DR_E_ARGUMENT;
    }
    if (task->core->state.lifecycle == DR_ANCHOR_BLANK) {
        return DR_E_STATE;
    }
    dr_write_bytes(
        &task->out, task->core->state.identities[identity].public_key, DR_P256_PUBLIC_BYTES);
    return DR_OK;
}

/* Each mode has its own identity; both while the certificates are being asked for. */
static enum dr_status may_sign(const struct dr_anchor_core *core, uint8_t identity)
{
    switch (core->mode) {
    case DR_ANCHOR_MODE_NONE:
        break;
    case DR_ANCHOR_MODE_NORMAL:
        return identity == DR_ANCHOR_IDENTITY_NORMAL ? DR_OK : DR_E_DENIED;
    case DR_ANCHOR_MODE_RECOVERY:
        return identity == DR_ANCHOR_IDENTITY_RECOVERY ? DR_OK : DR_E_DENIED;
    case DR_ANCHOR_MODE_PROVISIONING:
        return DR_OK;
    }
    return DR_E_STATE;
}

static enum dr_status do_sign(struct task *task)
{
    struct dr_anchor_core *core = task->core;
    uint8_t digest[DR_SHA256_BYTES];
    uint8_t signature[DR_P256_SIGNATURE_BYTES];
    uint8_t identity = dr_read_u8(&task->in);
    dr_read_bytes(&task->in, digest, sizeof digest);
    DR_TRY(dr_reader_end(&task->in));
    if (identity >= DR_ANCHOR_IDENTITIES) {
        return DR_E_ARGUMENT;
    }
    DR_TRY(may_sign(core, identity));
    DR_TRY(core->ops.sign(
        core->ops.context, core->state.identities[identity].private_key, digest, signature));
    dr_write_bytes(&task->out, signature, sizeof signature);
    return DR_OK;
}

static bool is_firmware_counter(uint8_t counter)
{
    return counter == DR_ANCHOR_COUNTER_VAULT || counter == DR_ANCHOR_COUNTER_ALERTS;
}

/* One alert per interval of uptime, a few more after a quiet time: a loop of misuse cannot use up
 * the counter. */
static enum dr_status spend_alert(struct dr_anchor_core *core, uint64_t now_ms)
{
    while (core->alert_reserve < DR_ANCHOR_ALERT_RESERVE_MAX &&
           now_ms - core->alert_refill_ms >= DR_ANCHOR_ALERT_INTERVAL_MS) {
        core->alert_reserve++;
        core->alert_refill_ms += DR_ANCHOR_ALERT_INTERVAL_MS;
    }
    if (core->alert_reserve == DR_ANCHOR_ALERT_RESERVE_MAX) {
        core->alert_refill_ms = now_ms;
    }
    if (core->alert_reserve == 0) {
        return DR_E_BUSY;
    }
    core->alert_reserve--;
    return DR_OK;
}

static enum dr_status advance(struct task *task, uint8_t counter, uint32_t from, uint32_t to)
{
    struct dr_anchor_core *core = task->core;
    bool by_firmware = task->key_id == DR_ANCHOR_KEY_FW;
    if (core->state.lifecycle == DR_ANCHOR_BLANK) {
        return DR_E_STATE;
    }
    if (by_firmware != is_firmware_counter(counter)) {
        return DR_E_DENIED;
    }
    if (to <= from || to >= DR_ANCHOR_COUNTER_CEILING || (by_firmware && to != from + 1u)) {
        return DR_E_RANGE;
    }
    uint32_t value = core->state.counters[counter];
    if (value == to) {
        return DR_OK; /* done before; the answer was lost */
    }
    if (value != from) {
        return DR_E_CONFLICT;
    }
    if (counter == DR_ANCHOR_COUNTER_ALERTS) {
        DR_TRY(spend_alert(core, task->now_ms));
    }
    struct dr_anchor_state next = core->state;
    next.counters[counter] = to;
    return commit(core, &next);
}

static enum dr_status do_advance(struct task *task)
{
    uint8_t counter = dr_read_u8(&task->in);
    uint32_t from = dr_read_u32(&task->in);
    uint32_t to = dr_read_u32(&task->in);
    DR_TRY(dr_reader_end(&task->in));
    if (counter >= DR_ANCHOR_COUNTERS) {
        return DR_E_ARGUMENT;
    }
    DR_TRY(advance(task, counter, from, to));
    dr_write_u32(&task->out, task->core->state.counters[counter]);
    return DR_OK;
}

/* Only the ROM's key can latch, and only over the challenge of the moment: what a firmware or a
 * listener recorded in another boot is worth nothing. */
static enum dr_status do_latch(struct task *task)
{
    struct dr_anchor_core *core = task->core;
    uint8_t challenge[DR_ANCHOR_CHALLENGE_BYTES];
    uint8_t mode = dr_read_u8(&task->in);
    dr_read_bytes(&task->in, challenge, sizeof challenge);
    DR_TRY(dr_reader_end(&task->in));
    if (mode == DR_ANCHOR_MODE_NONE || mode > DR_ANCHOR_MODE_PROVISIONING) {
        return DR_E_ARGUMENT;
    }
    if (core->state.lifecycle == DR_ANCHOR_BLANK ||
        (mode == DR_ANCHOR_MODE_PROVISIONING && core->state.lifecycle != DR_ANCHOR_PROVISIONING)) {
        return DR_E_STATE;
    }
    if (!dr_equal_ct(challenge, core->challenge, sizeof challenge)) {
        return DR_E_CONFLICT;
    }
    DR_TRY(new_challenge(core));
    core->mode = (enum dr_anchor_mode)mode;
    return DR_OK;
}

static enum dr_status do_provision(struct task *task)
{
    struct dr_anchor_core *core = task->core;
    DR_TRY(dr_reader_end(&task->in));
    if (core->state.lifecycle != DR_ANCHOR_BLANK) {
        return core->state.lifecycle == DR_ANCHOR_PROVISIONING ? DR_OK : DR_E_STATE;
    }
    struct dr_anchor_state next = core->state;
    next.lifecycle = DR_ANCHOR_PROVISIONING;
    if ((next.flags & DR_ANCHOR_FLAG_HOST_KEYS) == 0) {
        for (size_t i = 0; i < DR_ANCHOR_IDENTITIES; i++) {
            enum dr_status status = core->ops.generate(
                core->ops.context, next.identities[i].private_key, next.identities[i].public_key);
            if (status != DR_OK) {
                dr_wipe(&next, sizeof next);
                return status;
            }
        }
    }
    return commit(core, &next);
}

static enum dr_status do_pin_factory(struct task *task)
{
    struct dr_anchor_core *core = task->core;
    struct dr_anchor_state next = core->state;
    dr_read_bytes(&task->in, next.factory_digest, sizeof next.factory_digest);
    DR_TRY(dr_reader_end(&task->in));
    if (core->state.lifecycle != DR_ANCHOR_PROVISIONING) {
        return DR_E_STATE;
    }
    next.flags |= DR_ANCHOR_FLAG_FACTORY_PINNED;
    return commit(core, &next);
}

static enum dr_status do_lock(struct task *task)
{
    struct dr_anchor_core *core = task->core;
    DR_TRY(dr_reader_end(&task->in));
    if (core->state.lifecycle == DR_ANCHOR_LOCKED) {
        return DR_OK;
    }
    if (core->state.lifecycle != DR_ANCHOR_PROVISIONING ||
        (core->state.flags & DR_ANCHOR_FLAG_FACTORY_PINNED) == 0) {
        return DR_E_STATE;
    }
    struct dr_anchor_state next = core->state;
    next.lifecycle = DR_ANCHOR_LOCKED;
    return commit(core, &next);
}

/* Who may ask for what; by operation number. */
#define BY_NONE (1u << DR_ANCHOR_KEY_NONE)
#define BY_ROM (1u << DR_ANCHOR_KEY_ROM)
#define BY_FW (1u << DR_ANCHOR_KEY_FW)
static const struct {
    unsigned keys;
    enum dr_status (*run)(struct task *task);
} operations[] = {
    [DR_ANCHOR_OP_STATUS] = {BY_NONE | BY_ROM | BY_FW, do_status},
    [DR_ANCHOR_OP_ENTROPY] = {BY_NONE | BY_ROM | BY_FW, do_entropy},
    [DR_ANCHOR_OP_PUBLIC_KEY] = {BY_NONE | BY_ROM | BY_FW, do_public_key},
    [DR_ANCHOR_OP_SIGN] = {BY_NONE | BY_ROM | BY_FW, do_sign},
    [DR_ANCHOR_OP_ADVANCE] = {BY_ROM | BY_FW, do_advance},
    [DR_ANCHOR_OP_LATCH] = {BY_ROM, do_latch},
    [DR_ANCHOR_OP_PROVISION] = {BY_ROM, do_provision},
    [DR_ANCHOR_OP_PIN_FACTORY] = {BY_ROM, do_pin_factory},
    [DR_ANCHOR_OP_LOCK] = {BY_ROM | BY_FW, do_lock},
};

/* The firmware's key counts only in the modes in which the ROM hands it off: a key that leaked in
 * normal mode is of no use to what runs in recovery. */
static bool key_in_force(const struct dr_anchor_core *core, enum dr_anchor_key key_id)
{
    return key_id != DR_ANCHOR_KEY_FW || core->mode == DR_ANCHOR_MODE_NORMAL ||
           core->mode == DR_ANCHOR_MODE_PROVISIONING;
}

static enum dr_status run(struct task *task, uint8_t operation)
{
    if (operation >= DR_ARRAY_COUNT(operations) || operations[operation].run == NULL) {
        return DR_E_UNSUPPORTED;
    }
    if ((operations[operation].keys & (1u << task->key_id)) == 0 ||
        !key_in_force(task->core, task->key_id)) {
        return DR_E_DENIED;
    }
    return operations[operation].run(task);
}

size_t dr_anchor_core_handle(
    struct dr_anchor_core *core, uint64_t now_ms, const uint8_t *request, size_t request_bytes,
    uint8_t response[DR_ANCHOR_MESSAGE_BYTES_MAX])
{
    struct dr_anchor_message message;
    if (dr_anchor_message_parse(request, request_bytes, &message) != DR_OK || message.status != 0 ||
        (message.operation & DR_ANCHOR_RESPONSE_BIT) != 0) {
        return 0;
    }
    uint8_t body[DR_ANCHOR_BODY_BYTES_MAX];
    uint8_t nonce[DR_ANCHOR_NONCE_BYTES];
    memcpy(nonce, message.nonce, sizeof nonce);
    struct task task = {.core = core, .now_ms = now_ms, .key_id = message.key_id};
    dr_reader_init(&task.in, message.body, message.body_bytes);
    dr_writer_init(&task.out, body, sizeof body);

    const uint8_t *key = message.key_id == DR_ANCHOR_KEY_ROM ? core->key_rom : core->key_fw;
    enum dr_status status = DR_E_AUTH;
    if (message.key_id == DR_ANCHOR_KEY_NONE ||
        dr_anchor_message_genuine(core->crypto, key, request, request_bytes)) {
        status = run(&task, message.operation);
    } else {
        task.key_id = DR_ANCHOR_KEY_NONE;
    }
    DR_CHECK(task.out.status == DR_OK);
    const struct dr_anchor_message answer = {
        .operation = (uint8_t)(message.operation | DR_ANCHOR_RESPONSE_BIT),
        .key_id = task.key_id,
        .status = (int8_t)status,
        .nonce = nonce,
        .body = body,
        .body_bytes = status == DR_OK ? task.out.size_bytes : 0,
    };
    size_t size_bytes = dr_anchor_message_build(core->crypto, key, &answer, response);
    dr_wipe(body, sizeof body);
    return size_bytes;
}
