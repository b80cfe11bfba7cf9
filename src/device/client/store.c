/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What outlives a reset: vault files, boot requests, the retained block. */
#include "base/cursor.h"
#include "base/secret.h"
#include "device/boot/request.h"
#include "device/client/client_priv.h"

#include <string.h>

#define CLOCK_SAVE_S 21600u      /* how much later the time must be to be worth a write */
#define CLOCK_TRUST_MS 86400000u /* without contact for so long the stored floor is doubted */

static const struct dr_vault_file record_file = {DR_VAULT_SYS_V1, "v1/agent", false};
static const struct dr_vault_file clock_file = {DR_VAULT_SYS, "clock", false};

static void
set_class(struct dr_vault_class_key *class, bool present, const uint8_t *key, uint32_t epoch)
{
    class->present = present;
    class->epoch = epoch;
    memcpy(class->key, key, sizeof(class->key));
}

enum dr_status dr_client_open_vault(struct dr_client *client)
{
    const struct dr_client_config *config = &client->config;
    const struct dr_boot_info *info = config->info;
    const struct dr_boot_keys *keys = &info->keys;
    struct dr_vault_config vault = {
        .crypto = config->crypto,
        .flash = config->flash,
        .anchor = (keys->present & DR_KEY_ANCHOR_FW) != 0 ? config->anchor : NULL,
        .area = config->map->vault,
        .sealed = info->state == DR_IMAGE_SEALED || info->state == DR_IMAGE_FACTORY,
        .workspace = client->vault_workspace,
        .workspace_bytes = sizeof(client->vault_workspace),
    };
    memcpy(vault.image_digest, info->digest, sizeof(vault.image_digest));
    bool user = (keys->present & DR_KEY_VAULT_USER) != 0;
    set_class(
        &vault.classes[DR_VAULT_SYS], (keys->present & DR_KEY_VAULT_SYS) != 0, keys->vault_sys, 0);
    set_class(&vault.classes[DR_VAULT_USER], user, keys->vault_user, info->user_epoch);
    set_class(
        &vault.classes[DR_VAULT_SYS_V1], (keys->present & DR_KEY_SYS_V1) != 0, keys->sys_v1, 0);
    set_class(
        &vault.classes[DR_VAULT_LINK], (keys->present & DR_KEY_LINK) != 0, keys->link,
        info->user_epoch);
    enum dr_status status = dr_anchor_entropy(config->anchor, vault.seed, sizeof(vault.seed));
    if (status == DR_OK) {
        status = dr_vault_open(&client->vault, &vault);
    }
    dr_wipe(&vault, sizeof(vault));
    return status;
}

void dr_client_load(struct dr_client *client, struct dr_agent_record *ret_record)
{
    uint8_t bytes[DR_AGENT_RECORD_BYTES_MAX];
    uint32_t size_bytes = 0;
    memset(ret_record, 0, sizeof(*ret_record));
    if (dr_vault_read(&client->vault, &record_file, bytes, sizeof(bytes), &size_bytes) == DR_OK) {
        /* An unreadable record counts as none: the service and the hand-off know the rest. */
        DR_IGNORE(dr_agent_record_decode(bytes, size_bytes, ret_record) != DR_OK);
    }
    uint8_t clock[8];
    struct dr_reader reader;
    client->clock.floor_s = 0;
    if (dr_vault_read(&client->vault, &clock_file, clock, sizeof(clock), &size_bytes) == DR_OK) {
        dr_reader_init(&reader, clock, size_bytes);
        client->clock.floor_s = dr_read_u64(&reader);
        client->clock.saved_s = client->clock.floor_s;
    }
}

enum dr_status dr_client_save(struct dr_client *client)
{
    uint8_t bytes[DR_AGENT_RECORD_BYTES_MAX];
    size_t size_bytes = dr_agent_record_encode(&client->agent.record, bytes);
    return dr_vault_replace(&client->vault, &record_file, bytes, (uint32_t)size_bytes);
}

/* The service's word, within bounds: time does not go back behind a floor that is believed, and who
 * speaks with a certificate claims no time at which that certificate has ended. So nobody moves the
 * floor beyond what the same certificate still passes. A floor that was doubted (below) gives way.
 */
void dr_client_clock_tell(struct dr_client *client, uint64_t time_s)
{
    struct dr_client_clock *clock = &client->clock;
    uint64_t floor_s = dr_client_floor_s(client);
    if (clock->until_s != 0 && time_s >= clock->until_s) {
        time_s = clock->until_s - 1u;
    }
    if (time_s < floor_s) {
        time_s = floor_s;
    }
    clock->told_s = time_s;
    clock->told_ms = dr_client_now(client);
    clock->floor_s = time_s;
    if (time_s >= clock->saved_s && time_s - clock->saved_s < CLOCK_SAVE_S) {
        return;
    }
    uint8_t bytes[8];
    struct dr_writer writer;
    dr_writer_init(&writer, bytes, sizeof(bytes));
    dr_write_u64(&writer, clock->floor_s);
    clock->saved_s = clock->floor_s;
    /* In recovery mode there is no key for it, and the floor is not used there either. */
    DR_IGNORE(dr_vault_replace(&client->vault, &clock_file, bytes, sizeof(bytes)) != DR_OK);
}

/* Certificate floor of docs/device.md: the build's time always holds; the stored one not
 * in recovery mode (its key is not there) and not after a day without contact, so that nobody who
 * once spoke for the service can lock the device out for good. */
uint64_t dr_client_floor_s(const struct dr_client *client)
{
    const struct dr_client_clock *clock = &client->clock;
    uint64_t silent_ms = dr_client_now(client) - clock->told_ms;
    uint64_t floor_s = client->config.build_s;
    if (client->config.info->mode != DR_MODE_RECOVERY && silent_ms < CLOCK_TRUST_MS &&
        clock->floor_s > floor_s) {
        floor_s = clock->floor_s;
    }
    return floor_s;
}

enum dr_status
dr_client_request(struct dr_client *client, enum dr_request_kind kind, enum dr_reason reason)
{
    const struct dr_client_config *config = &client->config;
    return dr_request_write(
        config->flash, config->map->requests, config->crypto, config->info, kind, (uint8_t)reason,
        kind == DR_REQUEST_INSTALL ? client->image.digest : config->info->digest);
}

void dr_client_retain(struct dr_client *client, enum dr_reset_mark mark)
{
    const struct dr_client_board *board = &client->config.board;
    uint8_t bytes[DR_RETAINED_BYTES];
    uint64_t now_ms = dr_client_now(client);
    client->retained_ms = now_ms;
    if (board->retained_read(board->context, bytes) != DR_OK ||
        dr_retained_decode(bytes, &client->retained) != DR_OK) {
        return; /* not ours to make up: the boot ROM counts a broken block as a fault */
    }
    client->retained.uptime_ms = now_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)now_ms;
    client->retained.mark = (uint8_t)mark;
    dr_retained_encode(&client->retained, bytes);
    DR_IGNORE(board->retained_write(board->context, bytes) != DR_OK);
}
