/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/client/https.h"

#include "device/client/client_priv.h"
#include "format/job.h"

#include <string.h>

#define ASK_MS 5000u /* for a fresh document, before asking again */
#define RETRY_MS_MAX 32000u

/* What a document says about the way of its file. */
struct offer {
    bool mqtt;
    bool https;
    bool https_first;
    struct dr_json url;
};

static struct dr_client_https_state *state_of(struct dr_client *client)
{
    return client->config.https;
}

static void read_offer(struct dr_json document, struct offer *offer)
{
    struct dr_json afr_ota = dr_json_member(document, "afr_ota");
    struct dr_json_iterator each = dr_json_each(dr_json_member(afr_ota, "protocols"));
    memset(offer, 0, sizeof(*offer));
    while (dr_json_next(&each)) {
        if (dr_json_is(each.value, "HTTP")) {
            offer->https = true;
            offer->https_first = !offer->mqtt;
        } else if (dr_json_is(each.value, "MQTT")) {
            offer->mqtt = true;
        }
    }
    each = dr_json_each(dr_json_member(afr_ota, "files"));
    if (dr_json_next(&each)) {
        offer->url = dr_json_raw(dr_json_member(each.value, "update_data_url"));
    }
}

/* How much may be outstanding is another matter on each way. */
static void bound_window(struct dr_client *client)
{
    const struct dr_client_https_state *state = state_of(client);
    struct dr_window *window = &client->agent.window;
    bool wide = state->active && state->window_bytes != 0;
    uint32_t bytes = wide ? state->window_bytes : client->config.window_bytes;
    if (window->block_bytes != 0 && window->limit_max != bytes / window->block_bytes) {
        dr_window_bound(window, bytes);
    }
}

static void set_active(struct dr_client *client, bool active)
{
    state_of(client)->active = active;
    client->self.path = active ? "https" : "mqtt";
    bound_window(client);
}

/* Nothing is wanted any more. */
static void forget(struct dr_client_https_state *state)
{
    state->pending_count = 0;
    dr_http_forget(&state->http);
}

/* Another job: what was known about the way of the last one is of no use. */
static void choose(struct dr_client *client, const struct offer *offer, const char *job)
{
    struct dr_client_https_state *state = state_of(client);
    forget(state);
    memcpy(state->job, job, sizeof(state->job));
    state->faults = 0;
    state->leaves = 0;
    state->mqtt = offer->mqtt;
    state->preferred =
        state->offered && (!offer->mqtt || state->prefer == DR_PREFER_HTTPS ||
                           (state->prefer == DR_PREFER_DOCUMENT && offer->https_first));
    state->told = NULL;
    set_active(client, state->preferred);
}

static void hear_job(struct dr_client *client, struct dr_heard *heard)
{
    struct dr_client_https_state *state = state_of(client);
    struct offer offer;
    if (heard->job.fault != DR_REASON_NONE) {
        return;
    }
    read_offer(heard->document, &offer);
    bool usable =
        offer.https && dr_http_set_url(&state->http, offer.url.text, offer.url.len) == DR_OK;
    if (!usable && !offer.mqtt) {
        heard->job.fault = DR_REASON_DOCUMENT; /* HTTP alone, and no URL that could be one */
        return;
    }
    state->offered = usable;
    state->stale = false;
    state->retry_ms = 0;
    if (strcmp(state->job, heard->job.ref.id) != 0) {
        choose(client, &offer, heard->job.ref.id);
    } else if (!usable && state->active) {
        forget(state);
        set_active(client, false); /* by MQTT, until a document brings a URL again */
    }
}

/* A refused stream is the end of MQTT for this file, not of the file. */
static void hear_refusal(struct dr_client *client, struct dr_agent_event *event)
{
    struct dr_client_https_state *state = state_of(client);
    if (state->active) {
        event->kind = DR_EVENT_TICK; /* of requests that were given up already */
    } else if (
        state->offered && event->stream.code == DR_CODE_STREAM_FINAL &&
        state->faults < DR_CLIENT_HTTPS_FAULTS) {
        event->stream.code = DR_CODE_OTHER;
        state->mqtt = false;
        state->preferred = true;
        set_active(client, true);
    }
}

static void hear(struct dr_client *client, struct dr_heard *heard)
{
    if (heard->event.kind == DR_EVENT_JOB) {
        hear_job(client, heard);
    } else if (heard->event.kind == DR_EVENT_STREAM_REFUSED) {
        hear_refusal(client, &heard->event);
    }
}

/* From within the sink of dr_http too, where only dr_http_want may be called. What finds no place
 * is asked for again by the agent. */
static bool request(struct dr_client *client, const struct dr_block_range *blocks)
{
    struct dr_client_https_state *state = state_of(client);
    const struct dr_window *window = &client->agent.window;
    if (client->self.path == NULL) {
        return false; /* no document was heard in this boot */
    }
    if (state->told != client->self.path) {
        state->told = client->self.path;
        dr_client_log(client, "blocks by", state->told);
    }
    if (!state->active) {
        return false;
    }
    bool same = dr_http_counts(&state->http, window->file_bytes, window->block_bytes);
    if (same) {
        DR_IGNORE(dr_http_want(&state->http, blocks->first, blocks->bits) != DR_OK);
    } else if (state->pending_count < DR_WINDOW_REQUESTS_MAX) {
        state->pending[state->pending_count++] = *blocks;
    }
    return true;
}

/* What was wanted while blocks of another size were under way. */
static void want_pending(struct dr_client *client)
{
    struct dr_client_https_state *state = state_of(client);
    const struct dr_window *window = &client->agent.window;
    if (state->pending_count == 0) {
        return;
    }
    if (dr_http_set_file(&state->http, window->file_bytes, window->block_bytes) == DR_OK) {
        for (uint8_t i = 0; i < state->pending_count; i++) {
            const struct dr_block_range *blocks = &state->pending[i];
            DR_IGNORE(dr_http_want(&state->http, blocks->first, blocks->bits) != DR_OK);
        }
    }
    state->pending_count = 0;
}

static void take_block(void *context, uint32_t index, const uint8_t *data, uint32_t size_bytes)
{
    struct dr_client *client = context;
    struct dr_client_https_state *state = state_of(client);
    struct dr_agent_event event = {.kind = DR_EVENT_BLOCK};
    state->faults = 0;
    state->leaves = 0;
    event.block.data = data;
    event.block.size_bytes = size_bytes;
    event.block.index = index;
    event.block.file = client->agent.job.file;
    dr_client_event(client, &event);
}

static void start(struct dr_client *client)
{
    struct dr_client_https_state *state = state_of(client);
    if (state->block == NULL) {
        state->block = (uint8_t *)&client->workspace;
        state->block_capacity_bytes = sizeof(client->workspace);
    }
    const struct dr_http_config config = {
        .stream = state->stream,
        .block = state->block,
        .block_capacity_bytes = state->block_capacity_bytes,
        .sink = take_block,
        .sink_context = client,
    };
    dr_http_init(&state->http, &config);
}

/* The agent starts over with what it still misses: by MQTT, or not at all. */
static void refuse(struct dr_client *client, enum dr_agent_code code, const char *detail)
{
    struct dr_agent_event event = {.kind = DR_EVENT_STREAM_REFUSED};
    event.stream.code = code;
    event.stream.detail = detail;
    forget(state_of(client));
    dr_client_event(client, &event);
}

/* Refused in a way that a fresh URL may change (docs/protocol.md). */
static bool wants_fresh_url(const struct dr_http *http)
{
    uint16_t status = http->head.status;
    return http->fault == DR_HTTP_FAULT_STATUS &&
           (status == 400u || status == 401u || status == 403u || status == 404u || status == 410u);
}

/* Nothing is said about the file or the URL: the network or the server is not there just now. */
static bool is_absent(const struct dr_http *http)
{
    uint16_t status = http->head.status;
    return http->fault == DR_HTTP_FAULT_NETWORK || http->fault == DR_HTTP_FAULT_TIMEOUT ||
           (http->fault == DR_HTTP_FAULT_STATUS &&
            (status == 429u || (status >= 502u && status <= 504u)));
}

static void fault_word(const struct dr_client_https_state *state, char out[DR_HTTP_WORD_BYTES])
{
    const struct dr_link_stream *stream = state->stream;
    enum dr_reason reason = dr_client_reason_of(stream->fault(stream->context));
    dr_http_fault_word(&state->http, out);
    if (state->http.fault == DR_HTTP_FAULT_TLS && reason != DR_REASON_NONE) {
        size_t len = strlen(dr_reason_word(reason));
        if (len < DR_HTTP_WORD_BYTES) {
            memcpy(out, dr_reason_word(reason), len + 1u);
        }
    }
}

static void
back_off(struct dr_client_https_state *state, uint32_t first_ms, uint8_t times, uint64_t now_ms)
{
    uint32_t wait_ms = first_ms << (times < 8u ? times : 8u);
    state->retry_ms = now_ms + (wait_ms < RETRY_MS_MAX ? wait_ms : RETRY_MS_MAX);
}

/* The connection ended with a fault. What is wanted stays wanted, unless HTTPS is given up. */
static void take_fault(struct dr_client *client, uint64_t now_ms)
{
    struct dr_client_https_state *state = state_of(client);
    char word[DR_HTTP_WORD_BYTES];
    fault_word(state, word);
    dr_client_log(client, "https failed", word);
    state->faults = (uint8_t)(state->faults + (state->faults < UINT8_MAX));
    if (wants_fresh_url(&state->http)) {
        state->stale = true;
        state->ask_ms = now_ms;
    } else {
        back_off(state, 250u, state->faults, now_ms);
    }
    if (state->faults < DR_CLIENT_HTTPS_FAULTS || !state->active) {
        return;
    }
    bool absent = is_absent(&state->http);
    if (state->mqtt) {
        back_off(state, DR_CLIENT_HTTPS_RETRY_MS, state->leaves, now_ms);
        state->leaves = (uint8_t)(state->leaves + (state->leaves < UINT8_MAX));
        state->preferred = state->preferred && absent;
        set_active(client, false);
        refuse(client, DR_CODE_OTHER, NULL);
    } else if (!absent) {
        refuse(client, DR_CODE_STREAM_FINAL, word);
    }
}

static void ask_for_url(struct dr_client *client, uint64_t now_ms)
{
    struct dr_client_https_state *state = state_of(client);
    if (now_ms >= state->ask_ms) {
        const struct dr_agent_event notified = {.kind = DR_EVENT_NOTIFIED};
        state->ask_ms = now_ms + ASK_MS;
        dr_client_log(client, "https", "asking for a fresh URL");
        dr_client_event(client, &notified);
    }
}

static enum dr_status open_connection(struct dr_client *client, uint64_t now_ms)
{
    struct dr_client_https_state *state = state_of(client);
    struct dr_link_identity trust;
    DR_TRY(dr_client_trust(client, &trust));
    return dr_http_open(&state->http, &trust, now_ms);
}

/* Blocks that were asked for by MQTT are waited for: nothing is fetched on both ways. */
static bool may_send(const struct dr_client *client)
{
    const struct dr_client_https_state *state = client->config.https;
    return state->active && !state->stale && state->http.owed_count >= client->agent.window.flying;
}

/* One round: connect if that is due, move bytes. */
static void move(struct dr_client *client, uint64_t now_ms)
{
    struct dr_client_https_state *state = state_of(client);
    struct dr_http *http = &state->http;
    enum dr_status status = DR_OK;
    bool wanted = !state->stale && (!state->active || http->owed_count > 0);
    if (!dr_http_is_open(http) && wanted && now_ms >= state->retry_ms) {
        status = open_connection(client, now_ms);
    }
    if (status == DR_OK && dr_http_is_open(http)) {
        status = dr_http_poll(http, now_ms, may_send(client));
    }
    if (status != DR_OK) {
        take_fault(client, now_ms);
    } else if (!state->active && dr_http_is_connected(http)) {
        state->faults = 0;
        set_active(client, true); /* the better way is open again */
    }
}

/* Bytes may have come, but for a minute no block of them: the agent asks for the job again. That is
 * a failure like any other, though the connection never said so. */
static void take_stall(struct dr_client *client)
{
    struct dr_client_https_state *state = state_of(client);
    dr_client_log(client, "https failed", "stalled");
    state->faults = (uint8_t)(state->faults + (state->faults < UINT8_MAX));
    if (state->faults >= DR_CLIENT_HTTPS_FAULTS && state->mqtt) {
        state->preferred = false;
        set_active(client, false);
    }
}

static bool turn(struct dr_client *client)
{
    struct dr_client_https_state *state = state_of(client);
    enum dr_agent_state doing = client->agent.state;
    uint64_t now_ms = dr_client_now(client);
    if (doing == DR_AGENT_ASKING && state->active && dr_http_is_open(&state->http) &&
        state->http.owed_count > 0) {
        take_stall(client);
    }
    if (doing != DR_AGENT_PROBING && doing != DR_AGENT_LOADING) {
        forget(state);
        return false;
    }
    if (!state->offered || (!state->active && !state->preferred)) {
        return false;
    }
    bound_window(client); /* it is a new one after each opening of the slot */
    want_pending(client);
    move(client, now_ms);
    if (state->stale) {
        ask_for_url(client, now_ms);
    }
    return state->http.more || state->pending_count > 0;
}

const struct dr_client_path dr_client_https = {
    .protocols = DR_JOB_PROTOCOL_HTTP,
    .start = start,
    .hear = hear,
    .request = request,
    .turn = turn,
};
