/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A firmware as small as it can be: it does what the next step of its phase needs, with the
 * product's own code for slots, requests and vault, and resets. */
#include "base/check.h"
#include "crypto/crypto.h"
#include "device/anchor/keys.h"
#include "device/boot/request_format_priv.h"
#include "device/slot/slot.h"
#include "sim/scenario.h"

#include <string.h>

#define BLOCK_BYTES 1024u

/* ---- slots ---- */

bool dr_sim_slot_holds(
    struct dr_sim_device *device, enum dr_slot_id slot, enum dr_sim_image_id image)
{
    static const char *const labels[] = {
        [DR_SLOT_A] = DR_LABEL_SLOT_A,
        [DR_SLOT_B] = DR_LABEL_SLOT_B,
        [DR_SLOT_FACTORY] = DR_LABEL_SLOT_FACTORY,
    };
    uint8_t bytes[DR_SIM_IMAGE_BYTES];
    const struct dr_crypto *crypto = device->world->crypto;
    struct dr_flash_area area = dr_flash_slot_area(&device->world->map, slot);
    struct dr_slot_reader reader;
    uint8_t key[DR_BOOT_KEY_BYTES];
    dr_key_derive(crypto, device->anchor.secret, labels[slot], key);
    return dr_slot_reader_open(&reader, crypto, dr_nor_port(device->nor), &area, key) == DR_OK &&
           dr_slot_image_bytes(&reader) == sizeof bytes &&
           dr_slot_read(&reader, 0, bytes, sizeof bytes) == DR_OK &&
           memcmp(bytes, device->world->images[image].bytes, sizeof bytes) == 0;
}

/* What the map calls present must be there: nothing fetches it again before the end. */
static bool
claims_hold(struct dr_sim_device *device, struct dr_slot *slot, const struct dr_sim_image *image)
{
    uint8_t block[BLOCK_BYTES];
    for (uint32_t i = 0; i < dr_slot_block_count(slot); i++) {
        if (dr_slot_has_block(slot, i) &&
            (dr_slot_read(&slot->reader, i * BLOCK_BYTES, block, sizeof block) != DR_OK ||
             memcmp(block, image->bytes + i * BLOCK_BYTES, sizeof block) != 0)) {
            dr_sim_fail(device, DR_SIM_LOST, "block %u is marked present and is not", i);
            return false;
        }
    }
    return true;
}

static void fresh(struct dr_sim_device *device, uint8_t out[DR_SLOT_RANDOM_BYTES])
{
    for (size_t i = 0; i < DR_SLOT_RANDOM_BYTES; i++) {
        out[i] = (uint8_t)dr_sim_random(&device->random);
    }
}

static enum dr_status
fill(struct dr_sim_device *device, struct dr_slot *slot, const struct dr_sim_image *image)
{
    uint32_t next = dr_slot_next_missing(slot, 0);
    for (uint32_t i = 0; i < dr_slot_block_count(slot) && next < dr_slot_block_count(slot); i++) {
        DR_TRY(dr_slot_write(
            slot, next * BLOCK_BYTES, image->bytes + next * BLOCK_BYTES, BLOCK_BYTES));
        next = dr_slot_next_missing(slot, next + 1u);
    }
    (void)device;
    return dr_slot_flush(slot);
}

static enum dr_status slot_source(void *context, uint32_t offset, uint8_t *out, uint32_t size)
{
    return dr_slot_read(context, offset, out, size);
}

/* The client's check at close. An image of a stranger passes here: its firmware is hostile, and it
 * is the ROM that must refuse. */
static bool
closes(struct dr_sim_device *device, struct dr_slot *slot, const struct dr_sim_image *image)
{
    struct dr_verify_workspace workspace; /* not static: a cut's copy runs in the middle of this */
    const struct dr_source source = {
        .context = &slot->reader,
        .read = slot_source,
        .size_bytes = dr_slot_image_bytes(&slot->reader)};
    struct dr_image_info info;
    enum dr_reason reason = DR_REASON_NONE;
    volatile enum dr_verdict verdict = dr_verify_image(
        device->world->crypto, &source, &device->world->trust, &workspace, &info, &reason);
    return dr_verdict_is_accept(&verdict) || (!image->ours && reason == DR_REASON_KEY);
}

bool dr_sim_download(
    struct dr_sim_device *device, enum dr_slot_id slot_id,
    const uint8_t slot_key[DR_BOOT_KEY_BYTES], enum dr_sim_image_id image_id,
    uint32_t journal_sequence)
{
    struct dr_slot slot;
    uint8_t scratch[512];
    const struct dr_sim_image *image = &device->world->images[image_id];
    const struct dr_slot_config config = {
        .crypto = device->world->crypto,
        .flash = &device->flash,
        .area = dr_flash_slot_area(&device->world->map, slot_id),
        .slot_key = slot_key,
        .scratch = scratch,
        .scratch_bytes = sizeof scratch,
        .batch_sectors = 1,
    };
    struct dr_slot_install install = {
        .image_bytes = sizeof image->bytes,
        .block_bytes = BLOCK_BYTES,
        .journal_sequence = journal_sequence,
    };
    memcpy(install.resume_key, image->digest, sizeof install.resume_key);
    bool resumed = false;
    for (int attempt = 0; attempt < 2; attempt++) { /* a damaged download starts over once */
        enum dr_status status = dr_slot_open(&slot, &config);
        fresh(device, install.random);
        if (attempt == 0 && status == DR_OK &&
            memcmp(slot.reader.resume_key, image->digest, sizeof image->digest) == 0) {
            status = dr_slot_resume(&slot, BLOCK_BYTES, install.random);
            resumed = status == DR_OK;
        } else {
            status = dr_slot_begin(&slot, &install);
        }
        if (resumed && !device->lied && !claims_hold(device, &slot, image)) {
            return false;
        }
        if (status == DR_OK && fill(device, &slot, image) == DR_OK &&
            dr_slot_missing_count(&slot) == 0 && closes(device, &slot, image)) {
            dr_sim_say(
                device, "%s is in slot %s%s", image->text, dr_slot_word((uint8_t)slot_id),
                resumed ? ", resumed" : "");
            return true;
        }
        resumed = false;
    }
    return false;
}

/* ---- manufacture ---- */

static enum dr_status rom_anchor(struct dr_sim_device *device, struct dr_anchor *anchor)
{
    uint8_t key[DR_BOOT_KEY_BYTES];
    uint8_t seed[DR_SHA256_BYTES] = {1};
    struct dr_anchor_port port = dr_anchor_mem_port(&device->anchor);
    dr_key_derive(device->world->crypto, device->anchor.secret, DR_LABEL_ANCHOR_ROM, key);
    dr_anchor_init(anchor, device->world->crypto, &port, DR_ANCHOR_KEY_ROM, key, seed);
    return dr_anchor_mem_start(&device->anchor);
}

void dr_sim_manufacture(struct dr_sim_device *device)
{
    struct dr_anchor anchor;
    struct dr_anchor_status status;
    uint8_t key[DR_BOOT_KEY_BYTES];
    dr_nor_set_writable(device->nor, NULL, 0);
    if (rom_anchor(device, &anchor) != DR_OK || dr_anchor_status(&anchor, &status) != DR_OK ||
        status.lifecycle == DR_ANCHOR_LOCKED ||
        (status.flags & DR_ANCHOR_FLAG_FACTORY_PINNED) != 0) {
        return;
    }
    dr_key_derive(device->world->crypto, device->anchor.secret, DR_LABEL_SLOT_FACTORY, key);
    if (!dr_sim_download(device, DR_SLOT_FACTORY, key, DR_SIM_FACTORY, 0) ||
        !dr_sim_slot_holds(device, DR_SLOT_FACTORY, DR_SIM_FACTORY) ||
        dr_flash_sync(&device->flash) != DR_OK || dr_anchor_provision(&anchor) != DR_OK ||
        dr_anchor_pin_factory(&anchor, device->world->images[DR_SIM_FACTORY].digest) != DR_OK) {
        return; /* the host tries again */
    }
    dr_sim_say(device, "factory slot written, digest pinned");
}

/* ---- requests ---- */

static bool request(
    struct dr_sim_device *device, enum dr_request_kind kind, enum dr_reason reason,
    const uint8_t *digest)
{
    static const char *const words[] = {"",       "INSTALL", "CONFIRM", "SEAL",
                                        "REVERT", "RETRY",   "FACTORY"};
    enum dr_status status = dr_request_write(
        &device->flash, device->world->map.requests, device->world->crypto, &device->booted.info,
        kind, (uint8_t)reason, digest);
    if (status != DR_OK) { /* once more, as a client does */
        status = dr_request_write(
            &device->flash, device->world->map.requests, device->world->crypto,
            &device->booted.info, kind, (uint8_t)reason, digest);
    }
    dr_sim_say(device, "request %s: %s", words[kind], dr_status_text(status));
    return status == DR_OK;
}

/* What a hostile image can do: a well-formed request under a key it does not have. */
static void forge(struct dr_sim_device *device)
{
    const struct dr_boot_info *info = &device->booted.info;
    const struct dr_flash_area area = device->world->map.requests;
    static const uint8_t no_key[DR_BOOT_KEY_BYTES];
    uint8_t record[DR_REQUEST_BYTES];
    struct dr_request ask = {.kind = DR_REQUEST_FACTORY, .slot = info->slot, .mode = info->mode};
    struct dr_request other;
    memcpy(ask.issuer, info->digest, sizeof ask.issuer);
    for (uint32_t at = 0; at + sizeof record <= area.size_bytes; at += DR_REQUEST_BYTES) {
        if (dr_flash_read(&device->flash, area.address + at, record, sizeof record) == DR_OK &&
            dr_request_parse(record, 0xff, info->journal_sequence, &other) == DR_REQUEST_BLANK) {
            dr_request_build(device->world->crypto, no_key, info->journal_sequence, &ask, record);
            DR_IGNORE(dr_flash_program(&device->flash, area.address + at, record, sizeof record));
            DR_IGNORE(dr_flash_sync(&device->flash)); /* hostile code does not care */
            return;
        }
    }
}

/* ---- what runs ---- */

static enum dr_sim_end provision(struct dr_sim_device *device, struct dr_sim_script *script)
{
    struct dr_anchor anchor;
    struct dr_anchor_port port = dr_anchor_mem_port(&device->anchor);
    uint8_t seed[DR_SHA256_BYTES] = {2};
    if (device->booted.info.mode == DR_MODE_PROVISIONING && dr_sim_records_write(device, script)) {
        dr_anchor_init(
            &anchor, device->world->crypto, &port, DR_ANCHOR_KEY_FW,
            device->booted.info.keys.anchor_fw, seed);
        DR_IGNORE(dr_anchor_lock(&anchor)); /* a refusal shows at the next boot */
    }
    return DR_SIM_END_PLANNED;
}

static enum dr_sim_end install(struct dr_sim_device *device, struct dr_sim_script *script)
{
    const struct dr_sim_phase *phase = &dr_sim_phases[script->phase];
    const struct dr_boot_info *info = &device->booted.info;
    const uint8_t *key = info->spare == DR_SLOT_A ? info->keys.slot_a : info->keys.slot_b;
    if (info->spare == DR_SLOT_NONE ||
        !dr_sim_download(
            device, (enum dr_slot_id)info->spare, key, phase->target, info->journal_sequence)) {
        return DR_SIM_END_PLANNED;
    }
    if (phase->forge) {
        forge(device);
    }
    if (!dr_sim_records_write(device, script) ||
        !dr_sim_bundle_write(device, script, phase->target)) {
        return DR_SIM_END_PLANNED;
    }
    script->candidate_jumps = 0;
    script->install_written = request(
                                  device, DR_REQUEST_INSTALL, DR_REASON_NONE,
                                  device->world->images[phase->target].digest) ||
                              script->install_written;
    return DR_SIM_END_PLANNED;
}

static enum dr_sim_end seal(struct dr_sim_device *device, struct dr_sim_script *script)
{
    script->seal_written =
        request(device, DR_REQUEST_SEAL, DR_REASON_NONE, NULL) || script->seal_written;
    return DR_SIM_END_PLANNED;
}

static enum dr_sim_end run_candidate(
    struct dr_sim_device *device, struct dr_sim_script *script, enum dr_sim_conduct conduct)
{
    if (conduct == DR_SIM_HANGS) {
        return DR_SIM_END_FAULT;
    }
    if (conduct == DR_SIM_FAILS) {
        request(device, DR_REQUEST_REVERT, DR_REASON_SELF_TEST, NULL);
        return DR_SIM_END_PLANNED;
    }
    if (!dr_sim_records_write(device, script)) {
        return DR_SIM_END_PLANNED;
    }
    script->confirm_written =
        request(device, DR_REQUEST_CONFIRM, DR_REASON_NONE, NULL) || script->confirm_written;
    if (conduct == DR_SIM_HANGS_LATE) {
        return DR_SIM_END_FAULT;
    }
    return dr_sim_phases[script->phase].seal_at_once && script->confirm_written
               ? seal(device, script)
               : DR_SIM_END_PLANNED;
}

static enum dr_sim_end run_confirmed(
    struct dr_sim_device *device, struct dr_sim_script *script, enum dr_sim_conduct conduct)
{
    const struct dr_boot_info *info = &device->booted.info;
    if (conduct == DR_SIM_HANGS_LATE) {
        return DR_SIM_END_FAULT;
    }
    if (info->spare != DR_SLOT_NONE) { /* a job waits: an agent that is allowed to begins at once */
        const uint8_t *key = info->spare == DR_SLOT_A ? info->keys.slot_a : info->keys.slot_b;
        (void)dr_sim_download(
            device, (enum dr_slot_id)info->spare, key, DR_SIM_V19, info->journal_sequence);
    }
    return seal(device, script);
}

static enum dr_sim_end
run_settled(struct dr_sim_device *device, struct dr_sim_script *script, enum dr_sim_conduct conduct)
{
    const struct dr_boot_policy *policy = &dr_boot_policy_default;
    if (conduct == DR_SIM_LOOPS && device->booted.info.mode == DR_MODE_NORMAL) {
        return DR_SIM_END_FAULT;
    }
    switch (dr_sim_phases[script->phase].act) {
    case DR_SIM_PROVISION:
        return provision(device, script);
    case DR_SIM_PIN_PREVIOUS:
        device->pin_hold_ms = policy->pin_previous_ms + 1000;
        return DR_SIM_END_PLANNED;
    case DR_SIM_PIN_FACTORY:
        device->pin_hold_ms = policy->pin_factory_ms + 1000;
        return DR_SIM_END_PLANNED;
    case DR_SIM_PIN_ERASE:
        device->pin_hold_ms = policy->pin_erase_ms + 1000;
        return DR_SIM_END_PLANNED;
    case DR_SIM_COMMAND_FACTORY:
        script->factory_written =
            request(device, DR_REQUEST_FACTORY, DR_REASON_COMMAND, NULL) || script->factory_written;
        return DR_SIM_END_PLANNED;
    case DR_SIM_UPDATE:
    case DR_SIM_REFUSE:
    case DR_SIM_REVERT:
    case DR_SIM_REJECT:
    case DR_SIM_LATE_REVERT:
    case DR_SIM_LADDER:
        break;
    }
    return install(device, script);
}

enum dr_sim_end dr_sim_firmware(struct dr_sim_device *device, struct dr_sim_script *script)
{
    const struct dr_boot_info *info = &device->booted.info;
    enum dr_sim_image_id running = dr_sim_image_find(device->world, info->digest);
    enum dr_sim_conduct conduct = device->world->images[running].conduct;
    device->pin_hold_ms = 0;
    switch ((enum dr_image_state)info->state) {
    case DR_IMAGE_CANDIDATE:
        return run_candidate(device, script, conduct);
    case DR_IMAGE_CONFIRMED:
        return run_confirmed(device, script, conduct);
    case DR_IMAGE_SEALED:
    case DR_IMAGE_FACTORY:
        break;
    }
    return run_settled(device, script, conduct);
}
