/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The job: from the question for it to the reset into its image. */
#include "device/agent/agent_priv.h"

#include <string.h>

static void enter(struct dr_step *step, enum dr_agent_state state, uint32_t timeout_ms)
{
    step->agent->state = state;
    step->agent->timers[DR_TIMER_STATE] = timeout_ms;
}

/* Enter a state that ends with the answer to an action. */
static struct dr_agent_action *
await(struct dr_step *step, enum dr_agent_state state, enum dr_agent_act act)
{
    enter(step, state, NEVER);
    struct dr_agent_action *action = dr_step_push(step, act);
    action->image.size_bytes = step->agent->job.size_bytes;
    return action;
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
    agent->state = DR_AGENT_OFFLINE;
    dr_agent_back_off(agent, DR_TIMER_STATE, RETRY_MS_MAX, &agent->attempt);
}

static void unlinked(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    enum dr_reason reason = step->event->reason;
    agent->link_up = false;
    agent->report_flying = false;
    dr_window_forget(&agent->window);
    if (reason != DR_REASON_NONE) {
        dr_step_note(step, reason, NULL);
    }
}

/* Ask for the job, as soon as that may be. While blocks are coming they go on coming: the answer
 * says whether the job is still ours. */
static void ask(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    agent->ask_wanted = true;
    if (agent->state == DR_AGENT_PROBING || agent->state == DR_AGENT_LOADING) {
        return;
    }
    if (agent->state != DR_AGENT_ASKING) {
        agent->attempt = 0;
    }
    agent->state = DR_AGENT_ASKING;
    dr_agent_back_off(agent, DR_TIMER_STATE, RETRY_MS_MAX, &agent->attempt);
    agent->timers[DR_TIMER_STATE] += ASK_MS;
}

/* Nothing to be done before the next question. */
static void rest(struct dr_step *step, enum dr_agent_state state, uint32_t wait_ms)
{
    if (step->agent->link_up) {
        enter(step, state, wait_ms + dr_agent_jitter(step->agent, RETRY_MS_MIN));
    } else {
        go_offline(step);
    }
}

static void be_idle(struct dr_step *step)
{
    rest(step, DR_AGENT_IDLE, dr_agent_jitter(step->agent, POLL_MS));
}

/* A job is there that may not start for wait_s, or not before something else happens. */
static void wait_for(struct dr_step *step, enum dr_reason reason, uint32_t wait_s)
{
    struct dr_agent *agent = step->agent;
    if (agent->wait_reason != reason && reason != DR_REASON_CONSENT) {
        dr_step_note(step, reason, agent->job.ref.id);
    }
    agent->wait_reason = reason;
    rest(step, DR_AGENT_WAITING, wait_s < POLL_MS / 1000u ? 1000u * wait_s : POLL_MS);
}

/* The job ends here. Before it was started it is rejected: nothing was tried. */
static void refuse(struct dr_step *step, enum dr_reason reason, const char *detail)
{
    struct dr_agent *agent = step->agent;
    dr_outcome_set(
        step, agent->job.started ? DR_OUTCOME_FAILED : DR_OUTCOME_REJECTED, &agent->job.ref, reason,
        detail);
    forget_job(agent);
    be_idle(step);
}

void dr_job_refuse(struct dr_step *step, enum dr_reason reason)
{
    refuse(step, reason, NULL);
}

void dr_job_rest(struct dr_step *step, uint32_t wait_ms)
{
    rest(step, wait_ms == 0 ? DR_AGENT_WAITING : DR_AGENT_IDLE, wait_ms);
}

/* What the journal and our waits say against the image of the job. false: it was dealt with. */
static bool welcome(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    const uint8_t *digest = agent->job.ref.digest;
    const struct dr_agent_fate *end = agent->facts->fates + agent->facts->fate_count;
    for (const struct dr_agent_fate *fate = agent->facts->fates; fate < end; fate++) {
        if (fate->final && dr_digest_equal(fate->digest, digest)) {
            refuse(step, DR_REASON_REJECTED_BEFORE, dr_reason_word(fate->reason));
            return false;
        }
    }
    const struct dr_wait *wait = agent->record.waits;
    for (; wait < agent->record.waits + DR_AGENT_WAITS_MAX; wait++) {
        if (wait->until_s > agent->total_s && dr_digest_equal(wait->digest, digest)) {
            wait_for(step, DR_REASON_WAIT, wait->until_s - agent->total_s);
            return false;
        }
    }
    return true;
}

static void pump(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    struct dr_block_range range;
    if (agent->timers[DR_TIMER_STATE] == 0) { /* no block for long */
        dr_window_forget(&agent->window);
        if (++agent->stalls >= STALLS_MAX) {
            refuse(step, DR_REASON_DOWNLOAD, NULL);
        } else {
            agent->state = DR_AGENT_IDLE;
            ask(step); /* is the job still there? The answer resumes. */
        }
        return;
    }
    for (uint8_t i = 0; i < REQUESTS_PER_STEP && agent->timers[DR_TIMER_PAUSE] == 0 &&
                        dr_window_next(&agent->window, (uint32_t)agent->now_ms, &range);
         i++) {
        struct dr_agent_action *action = dr_step_push(step, DR_ACT_SEND);
        action->send.message = DR_SEND_BLOCKS;
        action->send.blocks = range;
    }
}

/* Go on with the job that was begun, wherever it stands. */
static void resume(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    dr_window_forget(&agent->window);
    if (!agent->link_up) {
        go_offline(step);
    } else if (agent->window.missing_count != 0) {
        enter(step, agent->admitted ? DR_AGENT_LOADING : DR_AGENT_PROBING, STALL_MS);
        pump(step);
    } else if (agent->admitted) {
        (void)await(step, DR_AGENT_CLOSING, DR_ACT_CLOSE);
    } else {
        (void)await(step, DR_AGENT_ADMITTING, DR_ACT_ADMIT);
    }
}

static bool same_job(const struct dr_agent_job *a, const struct dr_agent_job *b)
{
    return dr_job_equal(&a->ref, &b->ref) && a->size_bytes == b->size_bytes && a->file == b->file &&
           strcmp(a->stream, b->stream) == 0;
}

/* A job of which no byte was fetched yet. */
static void take_up(struct dr_step *step, const struct dr_agent_job *job)
{
    struct dr_agent *agent = step->agent;
    if (!same_job(&agent->job, job)) {
        forget_job(agent);
    }
    agent->job = *job;
    if (job->fault != DR_REASON_NONE) {
        refuse(step, job->fault, NULL);
    } else if (job->command != 0) {
        agent->facts->obey(step); /* without it the fault says so */
    } else if (!agent->facts->may_install) {
        wait_for(step, DR_REASON_UNSEALED, NEVER);
    } else if (job->size_bytes > agent->facts->spare_bytes) {
        refuse(step, DR_REASON_TOO_LARGE, NULL);
    } else if (!job->has_digest || welcome(step)) {
        agent->wait_reason = DR_REASON_CONSENT;
        enter(step, DR_AGENT_WAITING, RETRY_MS_MAX);
        dr_step_question(step, DR_MAY_DOWNLOAD, DR_REASON_INSTALL);
    }
}

static void consider(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    const struct dr_agent_record *record = &agent->record;
    const struct dr_agent_job *job = step->event->job;
    if ((record->outcome.state >= DR_OUTCOME_SUCCEEDED &&
         dr_job_equal(&record->outcome.job, &job->ref)) ||
        (dr_agent_unsealed(agent) && record->installing.state == DR_OUTCOME_INSTALLING &&
         dr_job_equal(&record->installing.job, &job->ref))) {
        be_idle(step); /* it has ended, and outcome.c keeps saying so; or it brought the image that
                        * runs, and trial.c decides */
    } else if (agent->begun && same_job(&agent->job, job)) {
        agent->job.ref.version = job->ref.version;
        resume(step);
    } else {
        take_up(step, job);
    }
}

static bool start_window(struct dr_agent *agent, uint32_t block_bytes)
{
    return dr_window_init(
        &agent->window, agent->job.size_bytes, block_bytes, agent->facts->window_bytes);
}

/* Head and tail first, in blocks of their own size. */
static void begin(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    uint32_t size_bytes = agent->job.size_bytes;
    uint32_t tail = size_bytes > DR_AGENT_PROBE_BYTES ? size_bytes - DR_AGENT_PROBE_BYTES : 0;
    uint32_t block_bytes = agent->facts->block_bytes;
    if (block_bytes > DR_AGENT_PROBE_BYTES) {
        block_bytes = DR_AGENT_PROBE_BYTES;
    }
    if (!start_window(agent, block_bytes)) {
        refuse(step, DR_REASON_TOO_LARGE, NULL);
        return;
    }
    for (uint32_t i = 0; i < agent->window.block_count; i++) {
        uint32_t offset = i * block_bytes;
        if (offset < DR_AGENT_PROBE_BYTES || offset + block_bytes > tail) {
            dr_window_want(&agent->window, i);
        }
    }
    agent->begun = true;
    agent->job.started = true;
    agent->wait_reason = DR_REASON_NONE;
    agent->timers[DR_TIMER_PROGRESS] = PROGRESS_MS;
    dr_step_send(step, DR_SEND_PROGRESS);
    resume(step);
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
    await(step, DR_AGENT_OPENING, DR_ACT_OPEN)->image.fresh = fresh;
}

static void block_kept(struct dr_step *step, bool well)
{
    struct dr_agent *agent = step->agent;
    if (step->event->done.status == DR_E_BUSY) {
        return; /* out of turn: it stays missing and is asked for again */
    }
    if (!well) {
        if (++agent->write_faults >= WRITE_FAULTS_MAX) {
            refuse(step, DR_REASON_STORAGE, NULL);
        } else {
            open_spare(step, false); /* what is there, after all? */
        }
        return;
    }
    dr_window_got(&agent->window, agent->writing, (uint32_t)agent->now_ms);
    agent->stalls = 0;
    agent->timers[DR_TIMER_STATE] = STALL_MS;
    if (agent->window.missing_count == 0) {
        resume(step);
        return;
    }
    if (agent->timers[DR_TIMER_PROGRESS] == 0) {
        agent->timers[DR_TIMER_PROGRESS] = PROGRESS_MS;
        dr_step_send(step, DR_SEND_PROGRESS);
    }
    pump(step);
}

static void admitted(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    memcpy(agent->job.ref.digest, step->event->done.data, sizeof(agent->job.ref.digest));
    if (welcome(step)) {
        agent->admitted = true;
        open_spare(step, false);
    } else {
        agent->begun = false;
    }
}

/* A stored image that does not fit its digest may be the flash's fault or the source's: one more
 * attempt from zero tells. */
static void not_closed(struct dr_step *step, enum dr_reason reason)
{
    if (reason != DR_REASON_DIGEST && reason != DR_REASON_FLASH_OR_SOURCE &&
        reason != DR_REASON_STORAGE) {
        refuse(step, reason, NULL);
    } else if (++step->agent->closes < 2u) {
        open_spare(step, true);
    } else {
        refuse(step, DR_REASON_FLASH_OR_SOURCE, dr_reason_word(reason));
    }
}

/* The product allowed the reboot: everything that the next boot must know goes first. */
static void save(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    struct dr_outcome *installing = &agent->record.installing;
    if (!dr_digest_equal(installing->job.digest, agent->job.ref.digest)) {
        installing->installs = 0;
    }
    installing->installs++;
    installing->state = DR_OUTCOME_INSTALLING;
    installing->job = agent->job.ref;
    installing->job.version++; /* DR_SEND_READY, whose answer will come too late */
    installing->since_s = agent->facts->journal_sequence;
    enter(step, DR_AGENT_SAVING, NEVER);
    dr_step_save(step);
}

/* What the product answered to "may I download?" and "may I reboot?". */
static void answered(struct dr_step *step, bool well)
{
    struct dr_agent *agent = step->agent;
    if (step->event->done.reason != DR_REASON_INSTALL) {
        return; /* trial.c's question */
    }
    if (!well) {
        if (step->event->done.status != DR_E_AGAIN || agent->total_s >= agent->ask_until_s) {
            refuse(step, DR_REASON_CONSENT, NULL);
        } else {
            wait_for(step, DR_REASON_CONSENT, step->event->done.wait_s);
        }
        return;
    }
    agent->ask_until_s = 0;
    if (agent->state == DR_AGENT_WAITING) {
        begin(step);
    } else {
        save(step);
    }
}

static void reset(struct dr_step *step)
{
    dr_step_push(step, DR_ACT_RESET)->reason = DR_REASON_INSTALL;
    enter(step, DR_AGENT_RESETTING, REBOOT_MS);
}

/* An action has ended. What a state does not wait for is not its business. */
static void result(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    static const uint8_t awaited[DR_AGENT_STATE_COUNT] = {
        [DR_AGENT_WAITING] = DR_ACT_ASK,     [DR_AGENT_PROBING] = DR_ACT_PROBE,
        [DR_AGENT_ADMITTING] = DR_ACT_ADMIT, [DR_AGENT_OPENING] = DR_ACT_OPEN,
        [DR_AGENT_LOADING] = DR_ACT_WRITE,   [DR_AGENT_CLOSING] = DR_ACT_CLOSE,
        [DR_AGENT_SAVING] = DR_ACT_SAVE,     [DR_AGENT_INSTALLING] = DR_ACT_INSTALL,
    };
    enum dr_agent_act act = step->event->done.act;
    bool well = step->event->done.status == DR_OK;
    if (act == DR_ACT_ASK && agent->state >= DR_AGENT_WAITING) {
        answered(step, well);
    } else if (act != awaited[agent->state]) {
        return;
    } else if (act == DR_ACT_PROBE || act == DR_ACT_WRITE) {
        block_kept(step, well);
    } else if (act == DR_ACT_CLOSE) {
        if (well) {
            dr_step_question(step, DR_MAY_REBOOT, DR_REASON_INSTALL);
        } else {
            not_closed(step, step->event->done.reason);
        }
    } else if (!well) {
        refuse(step, act == DR_ACT_ADMIT ? step->event->done.reason : DR_REASON_STORAGE, NULL);
    } else if (act == DR_ACT_ADMIT) {
        admitted(step);
    } else if (act == DR_ACT_SAVE) {
        (void)await(step, DR_AGENT_INSTALLING, DR_ACT_INSTALL);
    } else if (act == DR_ACT_INSTALL) {
        dr_step_send(step, DR_SEND_READY);
        reset(step);
    } else if (!start_window(agent, agent->facts->block_bytes)) {
        refuse(step, DR_REASON_TOO_LARGE, NULL);
    } else {
        dr_window_want_all(&agent->window, step->event->done.data);
        resume(step);
    }
}

static void stream_refused(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    if (step->event->stream.code == DR_CODE_STREAM_FINAL) {
        refuse(step, DR_REASON_STREAM, step->event->stream.detail);
        return;
    }
    dr_window_forget(&agent->window);
    agent->timers[DR_TIMER_PAUSE] = dr_agent_jitter(agent, RETRY_MS_MIN);
}

/* Whoever calls for a question, and however often: one at a time, and a while between two. */
void dr_job_turn(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    if (agent->ask_wanted && agent->timers[DR_TIMER_ASK] == 0) {
        agent->ask_wanted = false;
        agent->question = (uint32_t)agent->now_ms | 1u;
        agent->timers[DR_TIMER_ASK] = ASK_MS;
        dr_step_send(step, DR_SEND_ASK);
    }
}

void dr_job_react(struct dr_step *step, enum dr_reaction reaction)
{
    struct dr_agent *agent = step->agent;
    if (step->event->kind == DR_EVENT_JOB || step->event->kind == DR_EVENT_NO_JOB) {
        agent->question = 0; /* one answer is enough */
        agent->timers[DR_TIMER_ASK] = ASK_GAP_MS;
    }
    if (step->event->kind == DR_EVENT_TICK && reaction != R_PUMP &&
        agent->timers[DR_TIMER_STATE] != 0) {
        return;
    }
    switch (reaction) {
    case R_NOTHING:
        return;
    case R_CONNECT:
        (void)dr_step_push(step, DR_ACT_CONNECT);
        enter(step, DR_AGENT_CONNECTING, CONNECT_MS_MAX);
        return;
    case R_CONNECTING_TOO_LONG:
        (void)dr_step_push(step, DR_ACT_DISCONNECT);
        go_offline(step);
        return;
    case R_ONLINE:
        agent->link_up = true;
        agent->timers[DR_TIMER_ASK] = 0; /* the last connection's question is lost */
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
        forget_job(agent);
        agent->wait_reason = DR_REASON_NONE;
        be_idle(step);
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
        reset(step);
        return;
    }
}
