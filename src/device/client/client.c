/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/client/client.h"

#include "base/check.h"
#include "base/cursor.h"
#include "base/secret.h"
#include "device/boot/request.h"
#include "device/client/client_priv.h"

#include <string.h>

#define RETAIN_MS 5000u /* how often the retained block learns the uptime */
#define LINGER_MS 1000u /* for queued messages before a reset */

uint64_t dr_client_now(const struct dr_client *client)
{
    return client->config.board.now_ms(client->config.board.context);
}

void dr_client_log(struct dr_client *client, const char *what, const char *detail)
{
    const struct dr_client_board *board = &client->config.board;
    char line[160];
    struct dr_writer writer;
    if (board->log == NULL) {
        return;
    }
    dr_writer_init(&writer, (uint8_t *)line, sizeof(line) - 1u);
    dr_write_text(&writer, what);
    if (detail != NULL) {
        dr_write_text(&writer, ": ");
        dr_write_text(&writer, detail);
    }
    line[writer.size_bytes] = '\0';
    board->log(board->context, line);
}

static enum dr_status
ask_product(struct dr_client *client, const struct dr_agent_action *action, uint32_t *ret_wait_s)
{
    const struct dr_client_product *product = &client->config.product;
    struct dr_client_wait wait = {.why = "later"};
    if (product->may == NULL) {
        return DR_OK;
    }
    enum dr_status status = product->may(
        product->context, action->ask.question, action->ask.reason, action->ask.deadline_s, &wait);
    *ret_wait_s = wait.wait_s;
    if (status != DR_E_AGAIN) {
        client->postponed = NULL;
    } else if (product->postponed != NULL && action->ask.reason == DR_REASON_INSTALL) {
        product->postponed(client, wait.why, action->ask.deadline_s);
    }
    return status;
}

static enum dr_status confirm(struct dr_client *client)
{
    /* A task that has stopped checking in is no sign of health, whatever the network says. */
    if (!dr_health_tasks_alive(&client->health, dr_client_now(client))) {
        return DR_E_BUSY;
    }
    DR_TRY(dr_client_request(client, DR_REQUEST_CONFIRM, DR_REASON_NONE));
    client->health.confirmed = true;
    return DR_OK;
}

static void reset(struct dr_client *client, enum dr_reason reason)
{
    const struct dr_client_config *config = &client->config;
    dr_client_log(client, "reset", dr_reason_word(reason));
    config->link->disconnect(config->link->context, LINGER_MS);
    if (config->link->leave != NULL) {
        DR_IGNORE(config->link->leave(config->link->context) != DR_OK); /* a reset leaves too */
    }
    dr_client_retain(client, DR_MARK_RESET);
    config->board.reset(config->board.context);
}

/* Actions that end at once and are answered. false: this one is not. */
static bool perform_answered(
    struct dr_client *client, const struct dr_agent_action *action, struct dr_agent_event *done)
{
    enum dr_status *status = &done->done.status;
    switch (action->act) {
    case DR_ACT_ASK:
        done->done.reason = action->ask.reason;
        *status = ask_product(client, action, &done->done.wait_s);
        return true;
    case DR_ACT_PROBE:
        dr_client_probe(client, action);
        return true;
    case DR_ACT_ADMIT:
        dr_client_admit(client, action->image.size_bytes, done);
        return true;
    case DR_ACT_OPEN:
        dr_client_open_spare(client, action, done);
        return true;
    case DR_ACT_WRITE:
        *status = dr_slot_write(
            &client->slot, action->block.offset_bytes, action->block.data,
            action->block.size_bytes);
        return true;
    case DR_ACT_CLOSE:
        dr_client_verify(client, done);
        return true;
    case DR_ACT_SAVE:
        *status = dr_client_save(client);
        return true;
    case DR_ACT_INSTALL:
        *status = dr_client_bundle_keep(client);
        if (*status == DR_OK) {
            *status = dr_client_request(client, DR_REQUEST_INSTALL, DR_REASON_NONE);
        }
        return true;
    case DR_ACT_CONFIRM:
        *status = confirm(client);
        return true;
    case DR_ACT_SEAL:
        *status = dr_client_request(client, DR_REQUEST_SEAL, DR_REASON_NONE);
        return true;
    case DR_ACT_REVERT:
        *status = dr_client_request(client, DR_REQUEST_REVERT, action->reason);
        return true;
    case DR_ACT_RETRY:
        *status = dr_client_request(client, DR_REQUEST_RETRY, DR_REASON_NONE);
        return true;
    case DR_ACT_CONNECT:
    case DR_ACT_DISCONNECT:
    case DR_ACT_SEND:
    case DR_ACT_RESET:
    case DR_ACT_COUNT:
        return false;
    }
    return false;
}

static void perform_other(struct dr_client *client, const struct dr_agent_action *action)
{
    const struct dr_link *link = client->config.link;
    if (action->act == DR_ACT_CONNECT) {
        enum dr_status status = dr_client_connect(client);
        if (status != DR_OK) {
            dr_client_log(client, "cannot connect", dr_status_text(status));
            client->link_failed = true;
        }
    } else if (action->act == DR_ACT_DISCONNECT) {
        link->disconnect(link->context, 0);
    } else if (action->act == DR_ACT_SEND) {
        dr_client_send(client, action);
    } else if (action->act == DR_ACT_RESET) {
        reset(client, action->reason);
    }
}

static void step(struct dr_client *client, const struct dr_agent_event *event)
{
    struct dr_agent_actions actions;
    enum dr_agent_state before = client->agent.state;
    dr_agent_step(&client->agent, event, dr_client_now(client), &actions);
    for (uint8_t i = 0; i < actions.count; i++) {
        DR_CHECK(client->queue_count < DR_CLIENT_QUEUE);
        uint8_t at = (uint8_t)((client->queue_first + client->queue_count) % DR_CLIENT_QUEUE);
        client->queue[at] = actions.list[i];
        client->queue_count++;
    }
    if (client->agent.state != before) {
        dr_client_log(client, "agent", dr_agent_state_name(client->agent.state));
    }
}

void dr_client_event(struct dr_client *client, const struct dr_agent_event *event)
{
    if (client->busy) {
        /* The link spoke while it was asked to connect: the only thing it can say is "no". */
        client->link_failed = true;
        client->link_reason = event->reason;
        return;
    }
    client->busy = true;
    step(client, event);
    while (client->queue_count > 0) { /* bound: every chain of actions ends in a wait or a reset */
        struct dr_agent_action action = client->queue[client->queue_first];
        struct dr_agent_event done = {.kind = DR_EVENT_DONE};
        client->queue_first = (uint8_t)((client->queue_first + 1u) % DR_CLIENT_QUEUE);
        client->queue_count--;
        done.done.act = action.act;
        if (perform_answered(client, &action, &done)) {
            step(client, &done);
        } else {
            perform_other(client, &action);
        }
        if (client->link_failed) {
            struct dr_agent_event down = {.kind = DR_EVENT_LINK_DOWN};
            down.reason = client->link_reason;
            client->link_failed = false;
            client->link_reason = DR_REASON_NONE;
            step(client, &down);
        }
    }
    client->busy = false;
}

enum dr_status dr_client_open(struct dr_client *client, const struct dr_client_config *config)
{
    memset(client, 0, sizeof(*client));
    client->config = *config;
    if (config->scratch_bytes < 1024u || config->scratch_bytes % 32u != 0 ||
        config->block_bytes < 256u || config->block_bytes > DR_WINDOW_REQUEST_BYTES_MAX ||
        config->map->slot_a.size_bytes / config->block_bytes > DR_WINDOW_BLOCKS_MAX ||
        config->map->slot_b.size_bytes / config->block_bytes > DR_WINDOW_BLOCKS_MAX) {
        return DR_E_ARGUMENT;
    }
    const struct dr_boot_info *info = config->info;
    dr_health_init(
        &client->health, info->state == DR_IMAGE_CANDIDATE,
        1000u * (uint64_t)info->limits.health_s);
    return dr_client_open_vault(client);
}

enum dr_status dr_client_start(struct dr_client *client)
{
    struct dr_agent_record record;
    const struct dr_link *link = client->config.link;
    const struct dr_client_path *path = client->config.path;
    DR_TRY(dr_identity_endpoint(&client->vault, &client->endpoint));
    dr_client_load(client, &record);
    bool noted = dr_client_tell_crash(client, &record);
    noted = dr_client_tell_vault(client, &record) || noted;
    dr_client_learn(client);
    if (path != NULL) {
        client->facts.more_protocols = path->protocols;
        path->start(client);
    }
    link->listen(link->context, dr_client_sink, client);
    dr_client_retain(client, DR_MARK_NONE);
    dr_agent_init(&client->agent, &client->facts, &record);
    if (noted) {
        DR_IGNORE(dr_client_save(client) != DR_OK); /* told from RAM then, unless the power goes */
    }
    const struct dr_agent_event start = {.kind = DR_EVENT_START};
    dr_client_event(client, &start);
    return DR_OK;
}

/* The health deadline has passed: leave this image, and say what was missing. */
static void give_up(struct dr_client *client)
{
    const struct dr_agent_health *health = &client->agent.health;
    enum dr_reason reason = health->self_test_passed && !health->round_trip
                                ? DR_REASON_NO_CLOUD
                                : DR_REASON_HEALTH_DEADLINE;
    client->health.given_up = true;
    dr_client_log(client, "not healthy in time", dr_reason_word(reason));
    if (dr_client_request(client, DR_REQUEST_REVERT, reason) == DR_OK) {
        reset(client, reason);
    }
    /* Otherwise the watchdog ends it: an ordinary fault. */
}

void dr_client_turn(struct dr_client *client, uint32_t wait_ms)
{
    const struct dr_client_config *config = &client->config;
    uint64_t now_ms = dr_client_now(client);
    if (dr_health_may_feed(&client->health, now_ms)) {
        config->board.feed(config->board.context);
    } else if (dr_health_expired(&client->health, now_ms) && !client->health.given_up) {
        give_up(client);
    }
    if (now_ms >= client->retained_ms + RETAIN_MS) {
        dr_client_retain(client, DR_MARK_NONE);
    }
    uint64_t next_ms = dr_agent_next_ms(&client->agent);
    if (now_ms >= next_ms) {
        const struct dr_agent_event tick = {.kind = DR_EVENT_TICK};
        dr_client_event(client, &tick);
        next_ms = dr_agent_next_ms(&client->agent);
    }
    if (config->path != NULL) {
        wait_ms = config->path->turn(client) ? 0 : wait_ms;
        next_ms = dr_agent_next_ms(&client->agent);
    }
    if (next_ms > now_ms && next_ms - now_ms < wait_ms) {
        wait_ms = (uint32_t)(next_ms - now_ms);
    } else if (next_ms <= now_ms) {
        wait_ms = 0;
    }
    /* What went wrong with the connection was told to the sink. */
    DR_IGNORE(config->link->poll(config->link->context, wait_ms) != DR_OK);
}

void dr_client_self_test(struct dr_client *client, bool passed, const char *detail)
{
    struct dr_agent_event event = {.kind = DR_EVENT_SELF_TEST};
    event.self_test.passed = passed;
    event.self_test.detail = detail;
    dr_client_log(client, passed ? "self-test passed" : "self-test failed", detail);
    dr_client_event(client, &event);
}

enum dr_status dr_client_publish(
    struct dr_client *client, const char *topic, const uint8_t *payload, size_t size_bytes,
    uint8_t qos)
{
    const struct dr_link *link = client->config.link;
    return link->publish(link->context, topic, payload, size_bytes, qos);
}

void dr_client_mark_reset(struct dr_client *client)
{
    bool provisioning = client->config.info->mode == DR_MODE_PROVISIONING;
    dr_client_retain(client, provisioning ? DR_MARK_PROVISIONED : DR_MARK_RESET);
}

bool dr_client_online(const struct dr_client *client)
{
    return client->agent.link_up;
}
