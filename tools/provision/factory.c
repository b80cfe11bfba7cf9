/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Second step: the factory image, and its digest pinned in the secure element. */
#include "tools/provision/provision.h"

#include "base/secret.h"
#include "boards/anchor/spawn.h"
#include "boards/linux/board/board.h"
#include "crypto/crypto.h"
#include "crypto/sign.h"
#include "device/boot/policy.h"
#include "device/slot/slot.h"
#include "device/verify/admit.h"
#include "format/reason.h"
#include "tools/provision/device.h"
#include "tools/provision/provision_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CRYPTO (&dr_crypto_openssl)
#define SCRATCH_BYTES 16384u

/* What this step works with; too large for a stack that others share. */
struct factory {
    const struct dr_provision_plan *plan;
    struct dr_provision_error *error;
    struct dr_anchor_process process;
    struct dr_anchor anchor;
    struct dr_anchor_status status;
    uint8_t slot_key[DR_SHA256_BYTES];
    struct dr_provision_store store;
    struct dr_flash flash;
    struct dr_verify_workspace workspace;
    struct dr_slot slot;
    struct dr_slot_reader reader;
    uint8_t scratch[SCRATCH_BYTES];
    uint8_t digest[DR_SHA256_BYTES];
};

/* The same judgement as the boot ROM's, but for order and counters: those of a new device are zero.
 */
static enum dr_status judge(
    struct factory *factory, const struct dr_source *source, uint8_t ret_digest[DR_SHA256_BYTES],
    enum dr_reason *ret_reason)
{
    const struct dr_boot_policy *policy = &dr_boot_policy_default;
    const struct dr_provision_board *board = factory->plan->board;
    struct dr_image_info info;
    struct dr_admit_rules rules = {
        .load_address = board->load_address,
        .load_size_bytes = board->load_size_bytes,
        .size_bytes_max = dr_slot_capacity(board->geometry, &board->map->factory),
        .rom_version = policy->rom_version,
        .limits_min = policy->limits_min,
        .limits_max = policy->limits_max};
    memcpy(rules.product, factory->plan->trust.product, sizeof rules.product);
    enum dr_verdict verdict = dr_verify_image(
        CRYPTO, source, &factory->plan->trust.trust, &factory->workspace, &info, ret_reason);
    if (dr_verdict_is_accept(&verdict)) {
        verdict = dr_admit(&info, &rules, ret_reason);
    }
    if (!dr_verdict_is_accept(&verdict)) {
        return DR_E_AUTH;
    }
    memcpy(ret_digest, info.digest, DR_SHA256_BYTES);
    return DR_OK;
}

static enum dr_status judge_given(struct factory *factory)
{
    const struct dr_provision_plan *plan = factory->plan;
    struct dr_bytes bytes = {plan->image, plan->image_bytes};
    struct dr_source source = {
        .context = &bytes,
        .read = dr_source_read_memory,
        .size_bytes = (uint32_t)plan->image_bytes};
    enum dr_reason reason = DR_REASON_NONE;
    if (plan->image_bytes > plan->board->map->factory.size_bytes) {
        reason = DR_REASON_TOO_LARGE;
    } else if (judge(factory, &source, factory->digest, &reason) == DR_OK) {
        return DR_OK;
    }
    return dr_provision_fail(
        factory->error, DR_E_AUTH, "this device's boot ROM would refuse the factory image: %s (%s)",
        dr_reason_text(reason), dr_reason_word(reason));
}

static enum dr_status
read_slot(void *context, uint32_t offset_bytes, uint8_t *out, uint32_t size_bytes)
{
    return dr_slot_read(context, offset_bytes, out, size_bytes);
}

/* Is this very image in the slot? */
static bool in_place(struct factory *factory)
{
    uint8_t digest[DR_SHA256_BYTES];
    enum dr_reason reason = DR_REASON_NONE;
    if (dr_slot_reader_open(
            &factory->reader, CRYPTO, &factory->flash, &factory->plan->board->map->factory,
            factory->slot_key) != DR_OK) {
        return false;
    }
    struct dr_source source = {
        .context = &factory->reader,
        .read = read_slot,
        .size_bytes = dr_slot_image_bytes(&factory->reader)};
    enum dr_status status = judge(factory, &source, digest, &reason);
    dr_slot_reader_wipe(&factory->reader);
    return status == DR_OK && memcmp(digest, factory->digest, sizeof digest) == 0;
}

static enum dr_status write_blocks(struct factory *factory)
{
    const struct dr_provision_plan *plan = factory->plan;
    uint32_t size_bytes = (uint32_t)plan->image_bytes;
    uint32_t sector_bytes = plan->board->geometry->sector_bytes;
    for (uint32_t at = 0; at < size_bytes;) { /* bound: size / sector */
        uint32_t left = size_bytes - at;
        uint32_t part = left < sector_bytes ? left : sector_bytes;
        DR_TRY(dr_slot_write(&factory->slot, at, plan->image + at, part));
        at += part;
    }
    return dr_slot_flush(&factory->slot);
}

static enum dr_status write_image(struct factory *factory)
{
    struct dr_slot_config config = {
        .crypto = CRYPTO,
        .flash = &factory->flash,
        .area = factory->plan->board->map->factory,
        .slot_key = factory->slot_key,
        .scratch = factory->scratch,
        .scratch_bytes = sizeof factory->scratch,
        .batch_sectors = 8};
    struct dr_slot_install install = {
        .image_bytes = (uint32_t)factory->plan->image_bytes,
        .block_bytes = factory->plan->board->geometry->sector_bytes};
    /* Only compared when a download resumes; here a cut begins anew. */
    memcpy(install.resume_key, factory->digest, sizeof install.resume_key);
    DR_TRY(dr_random_bytes(install.random, sizeof install.random));
    enum dr_status status = dr_slot_open(&factory->slot, &config);
    if (status == DR_OK || status == DR_E_NOT_FOUND) {
        status = dr_slot_begin(&factory->slot, &install);
    }
    if (status == DR_OK) {
        status = write_blocks(factory);
    }
    dr_slot_wipe(&factory->slot);
    if (status != DR_OK) {
        return dr_provision_fail(
            factory->error, status, "writing the factory image failed: %s", dr_status_text(status));
    }
    return dr_flash_sync(&factory->flash);
}

static enum dr_status anchor_failed(struct factory *factory, enum dr_status status)
{
    return dr_provision_fail(
        factory->error, status, "the secure element refused: %s", dr_status_text(status));
}

static enum dr_status place_and_pin(struct factory *factory)
{
    DR_TRY(judge_given(factory));
    enum dr_status status = dr_anchor_provision(&factory->anchor);
    if (status != DR_OK) {
        return anchor_failed(factory, status);
    }
    if (!in_place(factory)) {
        DR_TRY(write_image(factory));
        if (!in_place(factory)) {
            return dr_provision_fail(
                factory->error, DR_E_CORRUPT, "the factory image reads back differently");
        }
    }
    status = dr_anchor_pin_factory(&factory->anchor, factory->digest);
    return status == DR_OK ? DR_OK : anchor_failed(factory, status);
}

static enum dr_status open_anchor(struct factory *factory, const char *anchor_directory)
{
    uint8_t secret[DR_DEVICE_SECRET_BYTES];
    uint8_t key[DR_SHA256_BYTES];
    uint8_t seed[DR_SHA256_BYTES];
    struct dr_anchor_port port = dr_anchor_spawn_port(&factory->process);
    DR_TRY(dr_anchor_read_secret(anchor_directory, secret));
    enum dr_status status = dr_random_bytes(seed, sizeof seed);
    dr_key_derive(CRYPTO, secret, DR_LABEL_SLOT_FACTORY, factory->slot_key);
    dr_key_derive(CRYPTO, secret, DR_LABEL_ANCHOR_ROM, key);
    dr_anchor_init(&factory->anchor, CRYPTO, &port, DR_ANCHOR_KEY_ROM, key, seed);
    dr_anchor_set_timeout(&factory->anchor, 5000);
    dr_wipe(secret, sizeof secret);
    dr_wipe(key, sizeof key);
    dr_wipe(seed, sizeof seed);
    if (status == DR_OK) {
        status = dr_anchor_status(&factory->anchor, &factory->status);
    }
    return status;
}

/* A device locks itself after it stored its identity; it may have been cut before it said so. */
static enum dr_status note_locked(struct factory *factory)
{
    static const uint8_t text[] = "locked\n";
    enum dr_status status = dr_device_write(
        factory->plan->directory, DR_BOARD_PROVISIONED_PATH, text, sizeof text - 1u, 0644);
    return status == DR_OK
               ? DR_OK
               : dr_provision_fail(factory->error, status, "the device directory is not writable");
}

static enum dr_status with_anchor(struct factory *factory, const char *anchor_directory)
{
    char path[PATH_MAX];
    enum dr_status status = open_anchor(factory, anchor_directory);
    if (status != DR_OK) {
        return anchor_failed(factory, status);
    }
    if (factory->status.lifecycle == DR_ANCHOR_LOCKED) {
        return note_locked(factory);
    }
    if (!dr_provision_path(factory->plan->directory, DR_BOARD_FLASH_PATH, path)) {
        return dr_provision_fail(factory->error, DR_E_ARGUMENT, "the path is too long");
    }
    const struct dr_provision_board *board = factory->plan->board;
    status = board->open(&factory->store, path, &factory->flash);
    if (status == DR_OK) {
        status = place_and_pin(factory);
    } else {
        status = dr_provision_fail(factory->error, status, "%s is not a flash part", path);
    }
    board->close(&factory->store);
    return status;
}

enum dr_status
dr_provision_factory(const struct dr_provision_plan *plan, struct dr_provision_error *error)
{
    char anchor_directory[PATH_MAX];
    struct factory *factory = calloc(1, sizeof *factory);
    if (factory == NULL ||
        !dr_provision_path(plan->directory, DR_BOARD_ANCHOR_PATH, anchor_directory)) {
        free(factory);
        return dr_provision_fail(error, DR_E_SPACE, "out of memory, or the path is too long");
    }
    factory->plan = plan;
    factory->error = error;
    enum dr_status status =
        dr_anchor_spawn(&factory->process, plan->anchor_program, anchor_directory, NULL);
    if (status == DR_OK) {
        status = with_anchor(factory, anchor_directory);
        dr_anchor_wipe(&factory->anchor);
        if (dr_anchor_spawn_stop(&factory->process) != 0 && status == DR_OK) {
            status = dr_provision_fail(error, DR_E_IO, "the secure element ended badly");
        }
    } else {
        status = dr_provision_fail(error, status, "cannot start %s", plan->anchor_program);
    }
    dr_wipe(factory, sizeof *factory);
    free(factory);
    return status;
}
