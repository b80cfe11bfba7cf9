/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What the hand-off means for the agent and for the device report. */
#include "base/check.h"
#include "base/text.h"
#include "device/client/client_priv.h"

#include <string.h>

static struct dr_agent_fate *
tell_fate(struct dr_agent_facts *facts, const uint8_t *digest, uint8_t reason, uint8_t tries)
{
    struct dr_agent_fate *fate = &facts->fates[facts->fate_count++];
    memcpy(fate->digest, digest, sizeof(fate->digest));
    fate->reason = (enum dr_reason)reason;
    fate->tries = tries;
    return fate;
}

/* What explains best comes first: how the last image was left, why an INSTALL was not taken, what
 * the ring of rejections remembers. */
static void tell_fates(struct dr_agent_facts *facts, const struct dr_boot_info *info)
{
    const struct dr_rejections *rejections = &info->rejections;
    uint8_t kind = info->last.kind;
    if (kind != DR_TRANSITION_NONE && kind != DR_TRANSITION_INSTALL &&
        kind != DR_TRANSITION_CONFIRM && kind != DR_TRANSITION_SEAL) {
        (void)tell_fate(facts, info->last.digest, info->last.reason, info->last.faults);
    }
    if (info->refused.kind != DR_TRANSITION_NONE) {
        (void)tell_fate(facts, info->refused.digest, info->refused.reason, 0);
    }
    for (size_t i = 0; i < DR_BOOT_REJECTIONS; i++) {
        const struct dr_rejection *entry = &rejections->entry[i];
        if (entry->class != DR_REJECTION_NONE) {
            struct dr_agent_fate *fate =
                tell_fate(facts, entry->digest, rejections->reason[i], rejections->count[i]);
            fate->environment = entry->class == DR_REJECTION_ENVIRONMENT;
            fate->final = !fate->environment;
        }
    }
}

DR_STATIC_ASSERT(DR_BOOT_REJECTIONS + 2u <= DR_AGENT_FATES_MAX, "every fate has its place");

static void learn_facts(struct dr_client *client)
{
    const struct dr_boot_info *info = client->config.info;
    struct dr_agent_facts *facts = &client->facts;
    memset(facts, 0, sizeof(*facts));
    facts->image = (enum dr_agent_image)info->state;
    facts->recovery = info->mode == DR_MODE_RECOVERY;
    facts->may_install = info->spare != DR_SLOT_NONE;
    facts->lower_rung = info->rung != DR_RUNG_NORMAL;
    facts->slot = info->slot;
    facts->confirmed_boots = info->confirmed_boots;
    memcpy(facts->digest, info->digest, sizeof(facts->digest));
    facts->journal_sequence = info->journal_sequence;
    facts->obey = client->config.commands != NULL ? client->config.commands->obey : NULL;
    facts->health_s = info->limits.health_s;
    facts->soak_s = info->limits.soak_s;
    facts->seal_s = info->limits.seal_s;
    struct dr_flash_area spare =
        dr_flash_slot_area(client->config.map, (enum dr_slot_id)info->spare);
    facts->spare_bytes = dr_slot_capacity(&client->config.flash->geometry, &spare);
    facts->block_bytes = client->config.block_bytes;
    facts->window_bytes = client->config.window_bytes;
    tell_fates(facts, info);
}

static void learn_report(struct dr_client *client)
{
    const struct dr_boot_info *info = client->config.info;
    struct dr_report *report = &client->self.report;
    struct dr_anchor_status status;
    memset(&client->self, 0, sizeof(client->self));
    memcpy(client->self.thing, client->endpoint.thing, sizeof(client->self.thing));
    report->version = info->order.version;
    memcpy(report->digest, info->digest, sizeof(report->digest));
    report->slot = (enum dr_report_slot)info->slot;
    report->state = (enum dr_report_state)info->state;
    report->mode = (enum dr_report_mode)info->mode;
    report->rung = info->rung;
    report->tries_left = info->tries_left;
    report->boot_reason = (enum dr_reason)info->boot_reason;
    report->last_reason = (enum dr_reason)info->last.reason;
    report->counter_security = info->security_counter;
    report->counter_revocation = info->revocation;
    report->counter_epoch = info->user_epoch;
    if (dr_anchor_status(client->config.anchor, &status) == DR_OK) {
        report->alerts = status.counters[DR_ANCHOR_COUNTER_ALERTS];
        report->counter_security = status.counters[DR_ANCHOR_COUNTER_SECURITY];
    }
}

static char *put_number(char *out, const char *name, uint32_t number)
{
    const uint8_t bytes[] = {
        (uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number};
    while (*name != '\0') {
        *out++ = *name++;
    }
    dr_hex_encode(bytes, sizeof(bytes), out);
    return out + 2u * sizeof(bytes);
}

/* What died may have written anything: only numbers go on. */
bool dr_client_tell_crash(const struct dr_client *client, struct dr_agent_record *record)
{
    struct dr_crash_record crash;
    char detail[DR_DETAIL_BYTES];
    if (dr_crash_decode(client->config.info->crash, &crash) != DR_OK ||
        crash.reason == DR_CRASH_NONE) {
        return false;
    }
    char *end = put_number(detail, "pc", crash.pc);
    end = put_number(end, " lr", crash.lr);
    (void)put_number(end, " s", crash.fault_status);
    enum dr_reason reason = crash.reason == DR_CRASH_HANG ? DR_REASON_HANG : DR_REASON_CRASH;
    return dr_agent_note(record, reason, detail, record->uptime_s);
}

bool dr_client_tell_vault(struct dr_client *client, struct dr_agent_record *record)
{
    const struct dr_vault_health *health = &client->vault.health;
    bool told = false;
    if (health->replayed) {
        /* Limited by the anchor; what it does not count now it counts at a later start. */
        DR_IGNORE(dr_anchor_alert(client->config.anchor) != DR_OK);
        told = dr_agent_note(record, DR_REASON_VAULT_REPLAYED, NULL, record->uptime_s);
    }
    if (health->damaged) {
        told = dr_agent_note(record, DR_REASON_VAULT_DAMAGED, NULL, record->uptime_s) || told;
    }
    return told;
}

void dr_client_learn(struct dr_client *client)
{
    uint8_t random[4] = {0};
    learn_facts(client);
    learn_report(client);
    /* Only jitter hangs on it: without an answer every device waits alike. */
    DR_IGNORE(dr_anchor_entropy(client->config.anchor, random, sizeof(random)) != DR_OK);
    client->facts.entropy = (uint32_t)random[0] | (uint32_t)random[1] << 8 |
                            (uint32_t)random[2] << 16 | (uint32_t)random[3] << 24;
}
