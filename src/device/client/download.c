/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The image that is being fetched: head and tail, the spare slot, the last look before INSTALL. */
#include "base/cursor.h"
#include "device/client/client_priv.h"
#include "device/verify/admit.h"

#include <string.h>

/* Copy the part of a block that lies in [from, from + room) of the file. */
static void
keep(uint8_t *room, uint32_t room_bytes, uint32_t from, const struct dr_agent_action *action)
{
    uint32_t first = action->block.offset_bytes;
    uint32_t end = first + action->block.size_bytes;
    uint32_t lower = first > from ? first : from;
    uint32_t upper = end - from > room_bytes && end > from ? from + room_bytes : end;
    if (lower < upper) {
        memcpy(room + (lower - from), action->block.data + (lower - first), upper - lower);
    }
}

static uint32_t tail_offset(uint32_t file_bytes)
{
    return file_bytes > DR_CLIENT_TAIL_BYTES ? file_bytes - DR_CLIENT_TAIL_BYTES : 0;
}

void dr_client_probe(struct dr_client *client, const struct dr_agent_action *action)
{
    keep(client->head, sizeof(client->head), 0, action);
    keep(client->tail, sizeof(client->tail), tail_offset(client->agent.job.size_bytes), action);
}

/* SHA-256(file size || header || both TLV areas): what makes two downloads the same. */
static void make_resume_key(
    struct dr_client *client, uint32_t file_bytes, uint32_t header_bytes, const uint8_t *tlvs,
    uint32_t tlvs_bytes)
{
    const struct dr_crypto *crypto = client->config.crypto;
    struct dr_sha256 sha;
    struct dr_writer writer;
    uint8_t size[4];
    dr_writer_init(&writer, size, sizeof(size));
    dr_write_u32(&writer, file_bytes);
    crypto->sha256_begin(&sha);
    crypto->sha256_update(&sha, size, sizeof(size));
    crypto->sha256_update(&sha, client->head, header_bytes);
    crypto->sha256_update(&sha, tlvs, tlvs_bytes);
    crypto->sha256_finish(&sha, client->resume_key);
}

/* The rules of this device, from its hand-off. Waits after environment failures are the agent's. */
static void
make_rules(const struct dr_client *client, uint32_t file_bytes, struct dr_admit_rules *ret_rules)
{
    const struct dr_boot_info *info = client->config.info;
    memset(ret_rules, 0, sizeof(*ret_rules));
    memcpy(ret_rules->product, info->product, sizeof(ret_rules->product));
    ret_rules->has_floor = info->floor_known;
    ret_rules->has_floor_digest = info->floor_known;
    ret_rules->floor = info->floor;
    memcpy(ret_rules->floor_digest, info->floor_digest, sizeof(ret_rules->floor_digest));
    memcpy(ret_rules->running_digest, info->digest, sizeof(ret_rules->running_digest));
    ret_rules->has_counter = true;
    ret_rules->security_counter = info->security_counter;
    ret_rules->size_bytes_max = client->facts.spare_bytes;
    ret_rules->announced_size_bytes = file_bytes;
    ret_rules->load_address = info->load_address;
    ret_rules->load_size_bytes = info->load_size_bytes;
    ret_rules->rom_version = info->rom_version;
    ret_rules->limits_min = info->limits_min;
    ret_rules->limits_max = info->limits_max;
    ret_rules->rejections = info->rejections.entry;
    ret_rules->rejection_count = DR_BOOT_REJECTIONS;
    ret_rules->environment_wait_over = true;
}

static enum dr_verdict
judge(struct dr_client *client, uint32_t file_bytes, enum dr_reason *ret_reason)
{
    struct dr_admit_rules rules;
    make_rules(client, file_bytes, &rules);
    return dr_admit(&client->image, &rules, ret_reason);
}

static enum dr_reason admit(struct dr_client *client, uint32_t file_bytes)
{
    struct dr_image_header header;
    uint32_t head_bytes =
        file_bytes < sizeof(client->head) ? file_bytes : (uint32_t)sizeof(client->head);
    enum dr_reason reason = dr_image_parse_header(client->head, head_bytes, &header);
    if (reason != DR_REASON_NONE) {
        return reason;
    }
    uint32_t from = tail_offset(file_bytes);
    uint32_t tlvs = dr_image_tlvs_offset(&header);
    if (tlvs < from) {
        return DR_REASON_SIZE_MISMATCH; /* more behind the payload than TLV areas may be */
    }
    if (tlvs > file_bytes) {
        return DR_REASON_TRUNCATED;
    }
    const uint8_t *areas = client->tail + (tlvs - from);
    reason = dr_image_parse_tlvs(&header, areas, file_bytes - tlvs, &client->image);
    if (reason != DR_REASON_NONE) {
        return reason;
    }
    if (dr_verify_signatures(
            client->config.crypto, &client->config.info->trust, &client->image, &reason) !=
        DR_VERDICT_ACCEPT) {
        return reason;
    }
    if (judge(client, file_bytes, &reason) != DR_VERDICT_ACCEPT) {
        return reason;
    }
    make_resume_key(client, file_bytes, header.header_size_bytes, areas, file_bytes - tlvs);
    return DR_REASON_NONE;
}

void dr_client_admit(struct dr_client *client, uint32_t file_bytes, struct dr_agent_event *done)
{
    done->done.reason = admit(client, file_bytes);
    if (done->done.reason == DR_REASON_NONE) {
        done->done.reason = dr_client_bundle_check(client);
    }
    done->done.status = done->done.reason == DR_REASON_NONE ? DR_OK : DR_E_DENIED;
    done->done.data = client->image.digest;
}

static enum dr_status open_spare(struct dr_client *client, uint32_t file_bytes, bool fresh)
{
    const struct dr_client_config *config = &client->config;
    const struct dr_boot_info *info = config->info;
    struct dr_slot_config slot = {
        .crypto = config->crypto,
        .flash = config->flash,
        .area = dr_flash_slot_area(config->map, (enum dr_slot_id)info->spare),
        .slot_key = info->spare == DR_SLOT_A ? info->keys.slot_a : info->keys.slot_b,
        .scratch = config->scratch,
        .scratch_bytes = config->scratch_bytes,
        .batch_sectors = config->batch_sectors,
    };
    struct dr_slot_install install = {
        .image_bytes = file_bytes,
        .block_bytes = config->block_bytes,
        .journal_sequence = info->journal_sequence,
    };
    memcpy(install.resume_key, client->resume_key, sizeof(install.resume_key));
    DR_TRY(dr_anchor_entropy(config->anchor, install.random, sizeof(install.random)));
    enum dr_status status = dr_slot_open(&client->slot, &slot);
    if (status == DR_OK && !fresh &&
        memcmp(client->slot.reader.resume_key, client->resume_key, DR_SHA256_BYTES) == 0) {
        status = dr_slot_resume(&client->slot, install.block_bytes, install.random);
        if (status != DR_E_SPACE) {
            return status;
        }
        DR_TRY(dr_anchor_entropy(config->anchor, install.random, sizeof(install.random)));
    } else if (status != DR_OK && status != DR_E_NOT_FOUND) {
        return status;
    }
    return dr_slot_begin(&client->slot, &install);
}

void dr_client_open_spare(
    struct dr_client *client, const struct dr_agent_action *action, struct dr_agent_event *done)
{
    done->done.status = open_spare(client, action->image.size_bytes, action->image.fresh);
    done->done.data = client->kept;
    if (done->done.status != DR_OK) {
        return;
    }
    uint32_t count = dr_slot_block_count(&client->slot);
    memset(client->kept, 0, sizeof(client->kept));
    for (uint32_t i = 0; i < count && i < DR_WINDOW_BLOCKS_MAX; i++) {
        if (dr_slot_has_block(&client->slot, i)) {
            client->kept[i / 8u] |= (uint8_t)(1u << (i % 8u));
        }
    }
}

/* The verifier's source: the slot, read ahead into the block buffer. */
static enum dr_status
read_slot(void *context, uint32_t offset_bytes, uint8_t *out, uint32_t size_bytes)
{
    struct dr_client *client = context;
    uint32_t end = dr_slot_image_bytes(&client->slot.reader);
    while (size_bytes > 0) { /* bound: each turn copies at least one byte */
        uint32_t into = offset_bytes - client->cached_offset;
        if (offset_bytes < client->cached_offset || into >= client->cached_bytes) {
            uint32_t left = end - offset_bytes;
            uint32_t ahead =
                left < client->config.scratch_bytes ? left : client->config.scratch_bytes;
            if (offset_bytes >= end) {
                return DR_E_RANGE;
            }
            client->cached_bytes = 0;
            DR_TRY(dr_slot_read(&client->slot.reader, offset_bytes, client->config.scratch, ahead));
            client->cached_offset = offset_bytes;
            client->cached_bytes = ahead;
            into = 0;
        }
        uint32_t piece = client->cached_bytes - into;
        piece = piece < size_bytes ? piece : size_bytes;
        memcpy(out, client->config.scratch + into, piece);
        out += piece;
        offset_bytes += piece;
        size_bytes -= piece;
    }
    return DR_OK;
}

static enum dr_reason verify(struct dr_client *client)
{
    enum dr_reason reason = DR_REASON_STORAGE;
    volatile enum dr_verdict verdict = DR_VERDICT_REJECT;
    uint32_t file_bytes = dr_slot_image_bytes(&client->slot.reader);
    const uint8_t *admitted = client->agent.job.ref.digest; /* kept over every attempt */
    if (dr_slot_flush(&client->slot) != DR_OK || dr_slot_missing_count(&client->slot) != 0) {
        return DR_REASON_STORAGE;
    }
    const struct dr_source source = {
        .context = client, .read = read_slot, .size_bytes = file_bytes, .embedded = false};
    client->cached_bytes = 0;
    verdict = dr_verify_image(
        client->config.crypto, &source, &client->config.info->trust, &client->workspace.verify,
        &client->image, &reason);
    if (!dr_verdict_is_accept(&verdict)) {
        return reason;
    }
    if (memcmp(admitted, client->image.digest, DR_SHA256_BYTES) != 0) {
        return DR_REASON_DIGEST; /* a whole image, but not the one that was admitted */
    }
    verdict = judge(client, file_bytes, &reason);
    return dr_verdict_is_accept(&verdict) ? DR_REASON_NONE : reason;
}

void dr_client_verify(struct dr_client *client, struct dr_agent_event *done)
{
    done->done.reason = verify(client);
    done->done.status = done->done.reason == DR_REASON_NONE ? DR_OK : DR_E_CORRUPT;
}
