/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The job: from the question for it to the reset into its image. */
#include "device/agent/agent_priv.h"

#include "base/check.h"

#include <string.h>

static void enter(struct dr_step *step, enum dr_agent_state state, uint32_t timeout_ms)
{
    step->agent->state = state;
    step->agent->next_ms = timeout_ms != 0 ? step->now_ms + timeout_ms : 0;
}

static void forget_job(struct dr_agent *agent)
{
    memset(&agent->job, 0, sizeof(agent->job));
    agent->begun = false;
    agent->admitted = false;
    agent->closes = 0;
    agent->stalls = 0;
    agent->write_faults = 0;
    agent->ask_until_s = 0;
}

static void go_offline(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    uint32_t max_ms =
        agent->facts->image == DR_RUNS_CANDIDATE ? RETRY_MS_MAX_ON_TRIAL : RETRY_MS_MAX;
    enter(step, DR_AGENT_OFFLINE, dr_step_backoff(step, RETRY_MS_MIN, max_ms, agent->attempt));
    if (agent->attempt < UINT8_MAX) {
        agent->attempt++;
    }
}

static void unlinked(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    enum dr_reason reason = step->event->reason;
    agent->link_up = false;
    agent->report_flying = false;
    dr_window_forget(&agent->window);
    if (reason >= DR_REASON_TLS_UNTRUSTED && reason <= DR_REASON_TLS_OTHER) {
        dr_step_note(step, reason, NULL);
    }
}

static void ask(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    if (!agent->link_up) {
        go_offline(step);
        return;
    }
    dr_step_send(step, DR_SEND_ASK);
    if (agent->state == DR_AGENT_PROBING || agent->state == DR_AGENT_LOADING) {
        return; /* blocks keep coming; the answer says whether the job is still ours */
    }
    if (agent->state != DR_AGENT_ASKING) {
        agent->attempt = 0;
    }
    enter(
        step, DR_AGENT_ASKING,
        ASK_MS + dr_step_backoff(step, ASK_MS, RETRY_MS_MAX, agent->attempt));
    if (agent->attempt < UINT8_MAX) {
        agent->attempt++;
    }
}

static void rest(struct dr_step *step)
{
    if (!step->agent->link_up) {
        go_offline(step);
        return;
    }
    enter(step, DR_AGENT_IDLE, POLL_MS / 2u + dr_step_backoff(step, POLL_MS, POLL_MS, 0));
}

/* Wait for at most wait_s (0: until the next poll); then the job is asked for again. */
static void wait_for(struct dr_step *step, enum dr_reason reason, uint32_t wait_s)
{
    struct dr_agent *agent = step->agent;
    uint32_t wait_ms = POLL_MS;
    if (wait_s != 0 && wait_s < POLL_MS / 1000u) {
        wait_ms = 1000u * wait_s;
    }
    if (agent->wait_reason != reason) {
        agent->wait_reason = reason;
        if (reason != DR_REASON_CONSENT) {
            dr_step_note(step, reason, agent->job.id);
        }
    }
    if (!agent->link_up) {
        go_offline(step);
        return;
    }
    enter(step, DR_AGENT_WAITING, wait_ms + dr_step_backoff(step, RETRY_MS_MIN, RETRY_MS_MIN, 0));
}

/* The job ends here, refused or failed. Before it was started it is rejected: nothing was tried. */
static void refuse(struct dr_step *step, enum dr_reason reason, const char *detail)
{
    struct dr_agent *agent = step->agent;
    struct dr_outcome outcome = {
        .execution = agent->job.execution,
        .version = agent->job.version,
    };
    dr_agent_copy_text(outcome.job_id, sizeof(outcome.job_id), agent->job.id);
    memcpy(outcome.digest, agent->job.digest, sizeof(outcome.digest));
    dr_outcome_set(
        step, agent->job.started ? DR_OUTCOME_FAILED : DR_OUTCOME_REJECTED, &outcome, reason,
        detail);
    if (strcmp(agent->record.installing.job_id, agent->job.id) == 0) {
        memset(&agent->record.installing, 0, sizeof(agent->record.installing));
    }
    forget_job(agent);
    rest(step);
}

/* What the journal and our waits say against an image. false: it was dealt with here. */
static bool digest_welcome(struct dr_step *step, const uint8_t digest[32])
{
    struct dr_agent *agent = step->agent;
    const struct dr_agent_facts *facts = agent->facts;
    for (uint8_t i = 0; i < facts->rejection_count; i++) {
        const struct dr_agent_fate *fate = &facts->rejections[i];
        if (!fate->environment && memcmp(fate->digest, digest, 32) == 0) {
            refuse(step, DR_REASON_REJECTED_BEFORE, dr_reason_word(fate->reason));
            return false;
        }
    }
    for (size_t i = 0; i < DR_AGENT_WAITS_MAX; i++) {
        const struct dr_wait *wait = &agent->record.waits[i];
        if (wait->failures != 0 && wait->until_s > step->total_s &&
            memcmp(wait->digest, digest, 32) == 0) {
            wait_for(step, DR_REASON_WAIT, wait->until_s - step->total_s);
            return false;
        }
    }
    return true;
}

static void pump(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    struct dr_block_range range;
    if (!agent->link_up) {
        go_offline(step);
        return;
    }
    if (step->now_ms >= agent->window.heard_ms + STALL_MS) {
        agent->window.heard_ms = step->now_ms;
        dr_window_forget(&agent->window);
        if (++agent->stalls >= STALLS_MAX) {
            refuse(step, DR_REASON_DOWNLOAD, NULL);
            return;
        }
        agent->state = DR_AGENT_IDLE; /* is the job still there? Its answer resumes. */
        ask(step);
        return;
    }
    for (uint8_t i = 0; i < 4u && step->now_ms >= agent->pause_ms &&
                        dr_window_next(&agent->window, step->now_ms, &range);
         i++) {
        struct dr_agent_action *action = dr_step_push(step, DR_ACT_SEND);
        action->send.message = DR_SEND_BLOCKS;
        action->send.blocks = range;
    }
    enter(step, agent->state, 0);
    agent->next_ms = agent->window.heard_ms + STALL_MS;
    if (agent->pause_ms > step->now_ms && agent->pause_ms < agent->next_ms) {
        agent->next_ms = agent->pause_ms;
    }
}

static void resume(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    agent->window.heard_ms = step->now_ms;
    dr_window_forget(&agent->window);
    if (agent->window.missing_count != 0) {
        enter(step, agent->admitted ? DR_AGENT_LOADING : DR_AGENT_PROBING, 0);
        pump(step);
    } else if (agent->admitted) {
        enter(step, DR_AGENT_CLOSING, 0);
        (void)dr_step_push(step, DR_ACT_CLOSE);
    } else {
        enter(step, DR_AGENT_ADMITTING, 0);
        dr_step_push(step, DR_ACT_ADMIT)->image.size_bytes = agent->job.size_bytes;
    }
}

static bool same_job(const struct dr_agent_job *a, const struct dr_agent_job *b)
{
    return strcmp(a->id, b->id) == 0 && a->execution == b->execution &&
           strcmp(a->stream, b->stream) == 0 && a->size_bytes == b->size_bytes &&
           a->file == b->file;
}

/* A job of which no byte was fetched yet. */
static void take_up(struct dr_step *step, const struct dr_agent_job *job)
{
    struct dr_agent *agent = step->agent;
    uint32_t ask_until_s = same_job(&agent->job, job) ? agent->ask_until_s : 0;
    forget_job(agent);
    agent->job = *job;
    agent->ask_until_s = ask_until_s;
    if (job->fault != DR_REASON_NONE) {
        refuse(step, job->fault, NULL);
    } else if (!agent->facts->may_install) {
        wait_for(step, DR_REASON_UNSEALED, 0);
    } else if (job->size_bytes > agent->facts->spare_bytes) {
        refuse(step, DR_REASON_TOO_LARGE, NULL);
    } else if (!job->has_digest || digest_welcome(step, job->digest)) {
        agent->wait_reason = DR_REASON_CONSENT;
        enter(step, DR_AGENT_WAITING, RETRY_MS_MAX);
        dr_step_question(step, DR_MAY_DOWNLOAD, DR_REASON_INSTALL);
    }
}

static void consider(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    const struct dr_agent_job *job = step->event->job;
    const struct dr_outcome *outcome = &agent->record.outcome;
    if (outcome->state >= DR_OUTCOME_SUCCEEDED && strcmp(outcome->job_id, job->id) == 0 &&
        outcome->execution == job->execution) {
        rest(step); /* it ended; outcome.c keeps saying so */
    } else if (dr_agent_unsealed(agent) && dr_trial_is_ours(agent, job)) {
        rest(step); /* it brought the image that runs; trial.c decides */
    } else if (agent->begun && same_job(&agent->job, job)) {
        agent->job.version = job->version;
        resume(step);
    } else if (
        agent->state == DR_AGENT_WAITING && agent->wait_reason == DR_REASON_UNSEALED &&
        same_job(&agent->job, job)) {
        wait_for(step, DR_REASON_UNSEALED, 0);
    } else {
        take_up(step, job);
    }
}

/* Head and tail first, in blocks of their own size. */
static void begin(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    uint32_t size_bytes = agent->job.size_bytes;
    uint32_t block_bytes = agent->facts->block_bytes < DR_AGENT_PROBE_BYTES
                               ? agent->facts->block_bytes
                               : DR_AGENT_PROBE_BYTES;
    /* The count of blocks is bounded by the window's map only; head and tail need no map of the
     * whole when the blocks are larger. */
    while (size_bytes / block_bytes >= DR_WINDOW_BLOCKS_MAX &&
           block_bytes < DR_WINDOW_REQUEST_BYTES_MAX) {
        block_bytes *= 2u;
    }
    if (!dr_window_init(
            &agent->window, size_bytes, block_bytes, agent->facts->window_bytes, step->now_ms)) {
        refuse(step, DR_REASON_TOO_LARGE, NULL);
        return;
    }
    uint32_t tail = size_bytes > DR_AGENT_PROBE_BYTES ? size_bytes - DR_AGENT_PROBE_BYTES : 0;
    for (uint32_t i = 0; i < agent->window.block_count; i++) {
        uint32_t offset = i * block_bytes;
        if (offset < DR_AGENT_PROBE_BYTES || offset + block_bytes > tail) {
            dr_window_want(&agent->window, i);
        }
    }
    agent->begun = true;
    agent->wait_reason = DR_REASON_NONE;
    agent->job.started = true;
    dr_step_send(step, DR_SEND_PROGRESS);
    agent->progress_ms = step->now_ms;
    enter(step, DR_AGENT_PROBING, 0);
    pump(step);
}

static void see_block(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    const struct dr_agent_block *block = &step->event->block;
    if (block->file != agent->job.file ||
        !dr_window_wants(&agent->window, block->index, block->size_bytes)) {
        return; /* a duplicate, or meant for an earlier transfer */
    }
    agent->writing = block->index;
    struct dr_agent_action *action =
        dr_step_push(step, agent->admitted ? DR_ACT_WRITE : DR_ACT_PROBE);
    action->block.data = block->data;
    action->block.size_bytes = block->size_bytes;
    action->block.offset_bytes = block->index * agent->window.block_bytes;
}

static void open_spare(struct dr_step *step, bool fresh)
{
    enter(step, DR_AGENT_OPENING, 0);
    struct dr_agent_action *action = dr_step_push(step, DR_ACT_OPEN);
    action->image.size_bytes = step->agent->job.size_bytes;
    action->image.fresh = fresh;
}

static void block_kept(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    enum dr_status status = step->event->done.status;
    if (status == DR_E_BUSY) {
        return; /* out of turn: it stays missing and is asked for again */
    }
    if (status != DR_OK && agent->admitted) {
        if (++agent->write_faults >= WRITE_FAULTS_MAX) {
            refuse(step, DR_REASON_STORAGE, NULL);
        } else {
            open_spare(step, false); /* what is there, after all? */
        }
        return;
    }
    dr_window_got(&agent->window, agent->writing, step->now_ms);
    agent->stalls = 0;
    if (agent->window.missing_count == 0) {
        resume(step);
        return;
    }
    if (step->now_ms - agent->progress_ms >= PROGRESS_MS) {
        agent->progress_ms = step->now_ms;
        dr_step_send(step, DR_SEND_PROGRESS);
    }
    pump(step);
}

static void admitted(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    if (step->event->done.status != DR_OK) {
        refuse(step, step->event->done.reason, NULL);
        return;
    }
    memcpy(agent->job.digest, step->event->done.data, sizeof(agent->job.digest));
    agent->job.has_digest = true;
    if (!digest_welcome(step, agent->job.digest)) {
        agent->begun = false;
        return;
    }
    agent->admitted = true;
    open_spare(step, false);
}

static void opened(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    const struct dr_agent_facts *facts = agent->facts;
    if (step->event->done.status != DR_OK ||
        !dr_window_init(
            &agent->window, agent->job.size_bytes, dr_agent_block_bytes(agent), facts->window_bytes,
            step->now_ms)) {
        refuse(step, DR_REASON_STORAGE, NULL);
        return;
    }
    dr_window_want_all(&agent->window, step->event->done.data);
    resume(step);
}

/* The whole image was verified, or not. A digest that does not fit may be the flash's fault or the
 * source's: one more attempt from zero tells. */
static void closed(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    enum dr_reason reason = step->event->done.reason;
    if (step->event->done.status == DR_OK) {
        dr_step_question(step, DR_MAY_REBOOT, DR_REASON_INSTALL);
    } else if (
        reason != DR_REASON_DIGEST && reason != DR_REASON_FLASH_OR_SOURCE &&
        reason != DR_REASON_STORAGE) {
        refuse(step, reason, NULL);
    } else if (++agent->closes < 2u) {
        open_spare(step, true);
    } else {
        refuse(step, DR_REASON_FLASH_OR_SOURCE, dr_reason_word(reason));
    }
}

/* What the product answered to "may I download?" and "may I reboot?". */
static void answered(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    enum dr_status status = step->event->done.status;
    if (step->event->done.reason != DR_REASON_INSTALL) {
        return; /* the seal's question */
    }
    if (status != DR_OK) {
        if (status != DR_E_AGAIN || step->total_s >= agent->ask_until_s) {
            refuse(step, DR_REASON_CONSENT, NULL);
        } else {
            wait_for(step, DR_REASON_CONSENT, step->event->done.wait_s + 1u);
        }
        return;
    }
    agent->ask_until_s = 0;
    if (agent->state == DR_AGENT_WAITING) {
        begin(step);
        return;
    }
    struct dr_outcome *installing = &agent->record.installing;
    uint8_t installs =
        memcmp(installing->digest, agent->job.digest, 32) == 0 ? installing->installs : 0;
    memset(installing, 0, sizeof(*installing));
    installing->state = DR_OUTCOME_INSTALLING;
    dr_agent_copy_text(installing->job_id, sizeof(installing->job_id), agent->job.id);
    installing->execution = agent->job.execution;
    installing->version = agent->job.version;
    memcpy(installing->digest, agent->job.digest, sizeof(installing->digest));
    installing->installs = (uint8_t)(installs + 1u);
    enter(step, DR_AGENT_SAVING, 0);
    dr_step_save(step);
}

static void installed(struct dr_step *step)
{
    if (step->event->done.status != DR_OK) {
        refuse(step, DR_REASON_STORAGE, NULL);
        return;
    }
    dr_step_send(step, DR_SEND_READY);
    dr_step_push(step, DR_ACT_RESET)->reason = DR_REASON_INSTALL;
    enter(step, DR_AGENT_RESETTING, REBOOT_MS);
}

static void result(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    enum dr_agent_act act = step->event->done.act;
    if (act == DR_ACT_ASK &&
        (agent->state == DR_AGENT_CLOSING || agent->state == DR_AGENT_WAITING)) {
        answered(step);
    } else if (
        (act == DR_ACT_PROBE && agent->state == DR_AGENT_PROBING) ||
        (act == DR_ACT_WRITE && agent->state == DR_AGENT_LOADING)) {
        block_kept(step);
    } else if (act == DR_ACT_ADMIT && agent->state == DR_AGENT_ADMITTING) {
        admitted(step);
    } else if (act == DR_ACT_OPEN && agent->state == DR_AGENT_OPENING) {
        opened(step);
    } else if (act == DR_ACT_CLOSE && agent->state == DR_AGENT_CLOSING) {
        closed(step);
    } else if (act == DR_ACT_INSTALL && agent->state == DR_AGENT_INSTALLING) {
        installed(step);
    } else if (act == DR_ACT_SAVE && agent->state == DR_AGENT_SAVING) {
        if (step->event->done.status == DR_OK) {
            enter(step, DR_AGENT_INSTALLING, 0);
            (void)dr_step_push(step, DR_ACT_INSTALL);
        } else {
            refuse(step, DR_REASON_STORAGE, NULL);
        }
    }
}

static void stream_refused(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    if (step->event->code == DR_CODE_STREAM_FINAL) {
        refuse(step, DR_REASON_STREAM, NULL);
        return;
    }
    dr_window_forget(&agent->window);
    agent->pause_ms = step->now_ms + dr_step_backoff(step, RETRY_MS_MIN, RETRY_MS_MIN, 0);
    agent->next_ms = agent->pause_ms;
}

void dr_job_react(struct dr_step *step, enum dr_reaction reaction)
{
    struct dr_agent *agent = step->agent;
    bool tick = step->event->kind == DR_EVENT_TICK;
    if (tick && reaction != R_PUMP && (agent->next_ms == 0 || step->now_ms < agent->next_ms)) {
        return;
    }
    switch (reaction) {
    case R_NOTHING:
        return;
    case R_CONNECT:
        enter(step, DR_AGENT_CONNECTING, CONNECT_MS_MAX);
        (void)dr_step_push(step, DR_ACT_CONNECT);
        return;
    case R_CONNECTING_TOO_LONG:
        (void)dr_step_push(step, DR_ACT_DISCONNECT);
        go_offline(step);
        return;
    case R_ONLINE:
        agent->link_up = true;
        agent->attempt = 0;
        ask(step);
        return;
    case R_DROPPED:
        unlinked(step);
        go_offline(step);
        return;
    case R_UNLINKED:
        unlinked(step);
        return;
    case R_ASK:
        ask(step);
        return;
    case R_CONSIDER:
        consider(step);
        return;
    case R_COMPARE:
        if (!same_job(&agent->job, step->event->job)) {
            consider(step);
        }
        return;
    case R_REST:
    case R_ABANDON:
        forget_job(agent);
        agent->wait_reason = DR_REASON_NONE;
        rest(step);
        return;
    case R_BLOCK:
        see_block(step);
        return;
    case R_PUMP:
        pump(step);
        return;
    case R_STREAM_REFUSED:
        stream_refused(step);
        return;
    case R_RESULT:
        result(step);
        return;
    case R_RESET:
        dr_step_push(step, DR_ACT_RESET)->reason = DR_REASON_PLANNED;
        enter(step, DR_AGENT_RESETTING, REBOOT_MS);
        return;
    }
}
