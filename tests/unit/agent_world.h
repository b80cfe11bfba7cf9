/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A world small enough to hold in the head: one agent, a service with one job, a network that
 * delays, loses and repeats, and a boot ROM of twenty lines. Time is a number; nothing waits.
 *
 * It speaks the agent's own events and actions; bytes are tested in test_agent_letter.c.
 */
#ifndef DR_TESTS_UNIT_AGENT_WORLD_H
#define DR_TESTS_UNIT_AGENT_WORLD_H

#include "device/agent/agent.h"
#include "tests/unit/check.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define WORLD_MAIL_MAX 4096
#define WORLD_FILE_MAX (2u << 20)

enum world_status { QUEUED, IN_PROGRESS, SUCCEEDED, FAILED, REJECTED, CANCELED, REMOVED };

struct world_mail {
    uint64_t at_ms;  /* 0: free */
    uint32_t number; /* mail of one moment arrives in the order it was sent */
    struct dr_agent_event event;
    struct dr_agent_job job;
    char id[DR_JOB_ID_BYTES_MAX + 1u];
};

struct world {
    /* time and network */
    uint64_t now_ms;
    uint32_t delay_ms;
    uint32_t loss_percent;   /* of everything the service says */
    uint32_t repeat_percent; /* of blocks */
    bool network;            /* connections succeed */
    uint32_t random;
    uint32_t mail_number;
    struct world_mail mail[WORLD_MAIL_MAX];

    /* the service */
    bool has_job;
    struct dr_agent_job job;
    enum world_status status;
    bool check_version;         /* answers VersionMismatch when it differs */
    enum dr_reason told_reason; /* of the outcome */
    char told_detail[32];
    uint32_t asked; /* counts of what it heard */
    uint32_t blocks_sent;
    uint32_t outcomes;
    uint32_t actives;
    uint32_t reports;
    uint32_t stream_refusals; /* so many block requests are refused, transient */
    bool stream_gone;
    bool stream_silent;
    uint32_t updates_refused; /* so many outcomes get InternalError */

    /* the device */
    struct dr_agent agent;
    struct dr_agent_facts facts;
    struct dr_agent_record saved;
    bool has_saved;
    bool save_fails;
    bool confirm_fails;
    uint8_t running[32];
    uint8_t previous[32];
    uint8_t spare_digest[32]; /* what lies in the spare, by its resume key: the image's digest */
    uint8_t have[DR_WINDOW_BLOCKS_MAX / 8u];
    uint32_t have_block_bytes;
    uint32_t admits;
    uint32_t opens;
    uint32_t fresh_opens;
    uint32_t writes;
    uint32_t probes;
    uint32_t write_faults;       /* so many writes fail */
    uint32_t closes_bad;         /* so many verifications fail */
    enum dr_reason admit_reason; /* NONE: head and tail are fine */
    enum dr_reason close_reason;
    uint32_t may_wait; /* so many questions are answered "later" */
    bool may_denied;
    bool installed; /* requests written in this boot */
    bool confirmed;
    bool sealed;
    enum dr_reason reverted;
    bool reset; /* asked for */
    enum dr_reason reset_reason;
    uint32_t ticks;
};

static inline uint32_t world_random(struct world *w)
{
    w->random = w->random * 1664525u + 1013904223u;
    return w->random >> 8;
}

static inline void
world_send(struct world *w, const struct dr_agent_event *event, uint32_t delay_ms)
{
    if (w->loss_percent != 0 && event->kind != DR_EVENT_LINK_UP &&
        event->kind != DR_EVENT_LINK_DOWN && world_random(w) % 100u < w->loss_percent) {
        return;
    }
    for (size_t i = 0; i < WORLD_MAIL_MAX; i++) {
        struct world_mail *mail = &w->mail[i];
        if (mail->at_ms == 0) {
            mail->at_ms = w->now_ms + delay_ms + 1u;
            mail->number = ++w->mail_number;
            mail->event = *event;
            if (event->kind == DR_EVENT_JOB) {
                mail->job = *event->job;
                mail->event.job = &mail->job;
            }
            if (event->kind == DR_EVENT_UPDATE_ACCEPTED || event->kind == DR_EVENT_UPDATE_REFUSED) {
                strcpy(mail->id, event->update.job_id);
                mail->event.update.job_id = mail->id;
            }
            return;
        }
    }
    EXPECT_STR("the mailbox", "full");
}

static inline void world_answer_ask(struct world *w)
{
    struct dr_agent_event event = {.kind = DR_EVENT_NO_JOB};
    w->asked++;
    if (w->has_job && w->status <= IN_PROGRESS) {
        w->job.started = w->status == IN_PROGRESS;
        event.kind = DR_EVENT_JOB;
        event.job = &w->job;
    }
    world_send(w, &event, w->delay_ms);
}

static inline void world_answer_update(struct world *w, bool outcome)
{
    const struct dr_outcome *told = &w->agent.record.outcome;
    struct dr_agent_event event = {.kind = DR_EVENT_UPDATE_ACCEPTED};
    event.update.outcome = outcome;
    event.update.job_id = outcome ? told->job.id : w->job.ref.id;
    if (outcome && w->updates_refused > 0) {
        w->updates_refused--;
        event.kind = DR_EVENT_UPDATE_REFUSED;
        event.update.code = DR_CODE_OTHER;
    } else if (!w->has_job || w->status == REMOVED) {
        event.kind = DR_EVENT_UPDATE_REFUSED;
        event.update.code = DR_CODE_GONE;
    } else if (w->status > IN_PROGRESS) {
        event.kind = DR_EVENT_UPDATE_REFUSED;
        event.update.code = DR_CODE_GONE;
        event.update.canceled = w->status == CANCELED;
    } else if (outcome && w->check_version && told->job.version != w->job.ref.version) {
        event.kind = DR_EVENT_UPDATE_REFUSED;
        event.update.code = DR_CODE_VERSION_MISMATCH;
        event.update.version = w->job.ref.version;
    } else {
        w->job.ref.version++;
        event.update.version = w->job.ref.version;
        w->status = IN_PROGRESS;
        if (outcome) {
            w->told_reason = told->reason;
            strcpy(w->told_detail, told->detail);
            w->status = told->state == DR_OUTCOME_SUCCEEDED  ? SUCCEEDED
                        : told->state == DR_OUTCOME_REJECTED ? REJECTED
                                                             : FAILED;
        }
    }
    world_send(w, &event, w->delay_ms);
    if (event.kind == DR_EVENT_UPDATE_ACCEPTED && outcome) {
        struct dr_agent_event next = {.kind = DR_EVENT_NOTIFIED};
        world_send(w, &next, w->delay_ms);
    }
}

static inline void world_answer_blocks(struct world *w, const struct dr_block_range *range)
{
    static const uint8_t zeros[DR_WINDOW_REQUEST_BYTES_MAX];
    struct dr_agent_event event = {.kind = DR_EVENT_BLOCK};
    if (w->stream_silent) {
        return;
    }
    if (w->stream_refusals > 0 || w->stream_gone) {
        w->stream_refusals -= w->stream_refusals > 0;
        event.kind = DR_EVENT_STREAM_REFUSED;
        event.code = w->stream_gone ? DR_CODE_STREAM_FINAL : DR_CODE_OTHER;
        world_send(w, &event, w->delay_ms);
        return;
    }
    uint32_t block_bytes = w->agent.window.block_bytes;
    for (uint32_t i = 0; i < DR_WINDOW_SPAN; i++) {
        uint32_t index = range->first + i;
        if ((range->bits >> i & 1u) == 0 || index >= w->agent.window.block_count) {
            continue;
        }
        uint32_t left = w->job.size_bytes - index * block_bytes;
        event.block.data = zeros;
        event.block.index = index;
        event.block.file = w->job.file;
        event.block.size_bytes = left < block_bytes ? left : block_bytes;
        w->blocks_sent++;
        world_send(w, &event, w->delay_ms);
        if (w->repeat_percent != 0 && world_random(w) % 100u < w->repeat_percent) {
            world_send(w, &event, w->delay_ms + 3u);
        }
    }
}

static inline void world_hear(struct world *w, const struct dr_agent_action *action)
{
    struct dr_agent_event event = {.kind = DR_EVENT_REPORT_ACCEPTED};
    switch (action->send.message) {
    case DR_SEND_ASK:
        world_answer_ask(w);
        return;
    case DR_SEND_BLOCKS:
        world_answer_blocks(w, &action->send.blocks);
        return;
    case DR_SEND_ACTIVE:
        w->actives++;
        world_answer_update(w, false);
        return;
    case DR_SEND_PROGRESS:
    case DR_SEND_READY:
        world_answer_update(w, false);
        return;
    case DR_SEND_OUTCOME:
        w->outcomes++;
        world_answer_update(w, true);
        return;
    case DR_SEND_REPORT:
        w->reports++;
        world_send(w, &event, w->delay_ms);
        return;
    }
}

static inline enum dr_status world_open(struct world *w, const struct dr_agent_action *action)
{
    w->opens++;
    w->fresh_opens += action->image.fresh;
    uint32_t block_bytes = w->facts.block_bytes;
    if (action->image.fresh || memcmp(w->spare_digest, w->job.ref.digest, 32) != 0 ||
        w->have_block_bytes != block_bytes) {
        memset(w->have, 0, sizeof(w->have));
        memcpy(w->spare_digest, w->job.ref.digest, 32);
        w->have_block_bytes = block_bytes;
    }
    return DR_OK;
}

static inline enum dr_status world_write(struct world *w, const struct dr_agent_action *action)
{
    if (w->write_faults > 0) {
        w->write_faults--;
        return DR_E_IO;
    }
    uint32_t index = action->block.offset_bytes / w->have_block_bytes;
    EXPECT_EQ(action->block.offset_bytes % w->have_block_bytes, 0);
    w->have[index / 8u] |= (uint8_t)(1u << (index % 8u));
    w->writes++;
    return DR_OK;
}

/* The answers that need more than a flag. */
static inline void
world_answer(struct world *w, const struct dr_agent_action *action, struct dr_agent_event *done)
{
    if (action->act == DR_ACT_ASK) {
        done->done.reason = action->ask.reason;
        done->done.wait_s = 60;
        done->done.status = w->may_denied ? DR_E_DENIED : w->may_wait > 0 ? DR_E_AGAIN : DR_OK;
        w->may_wait -= w->may_wait > 0;
    } else if (action->act == DR_ACT_ADMIT) {
        w->admits++;
        done->done.reason = w->admit_reason;
        done->done.status = w->admit_reason == DR_REASON_NONE ? DR_OK : DR_E_DENIED;
        done->done.data = w->job.ref.digest;
    } else if (action->act == DR_ACT_OPEN) {
        done->done.status = world_open(w, action);
        done->done.data = w->have;
    } else if (action->act == DR_ACT_CLOSE && w->closes_bad > 0) {
        w->closes_bad--;
        done->done.reason = w->close_reason;
        done->done.status = DR_E_CORRUPT;
    } else if (action->act == DR_ACT_SAVE && w->save_fails) {
        done->done.status = DR_E_IO;
    } else if (action->act == DR_ACT_SAVE) {
        w->saved = w->agent.record;
        w->has_saved = true;
    }
}

/* Carry out one action; true when it is answered at once. */
static inline bool
world_perform(struct world *w, const struct dr_agent_action *action, struct dr_agent_event *done)
{
    struct dr_agent_event event = {.kind = w->network ? DR_EVENT_LINK_UP : DR_EVENT_LINK_DOWN};
    switch (action->act) {
    case DR_ACT_CONNECT:
        world_send(w, &event, w->delay_ms);
        return false;
    case DR_ACT_SEND:
        world_hear(w, action);
        return false;
    case DR_ACT_RESET:
        w->reset = true;
        w->reset_reason = action->reason;
        return false;
    case DR_ACT_DISCONNECT:
    case DR_ACT_COUNT:
        return false;
    case DR_ACT_PROBE:
        w->probes++;
        return true;
    case DR_ACT_WRITE:
        done->done.status = world_write(w, action);
        return true;
    case DR_ACT_INSTALL:
        w->installed = true;
        return true;
    case DR_ACT_CONFIRM:
        done->done.status = w->confirm_fails ? DR_E_IO : DR_OK;
        w->confirmed = !w->confirm_fails;
        return true;
    case DR_ACT_SEAL:
        w->sealed = true;
        return true;
    case DR_ACT_REVERT:
        w->reverted = action->reason;
        return true;
    case DR_ACT_ASK:
    case DR_ACT_ADMIT:
    case DR_ACT_OPEN:
    case DR_ACT_CLOSE:
    case DR_ACT_SAVE:
    case DR_ACT_RETRY:
        world_answer(w, action, done);
        return true;
    }
    return false;
}

/* Feed one event and carry out everything that follows from it. */
static inline void world_event(struct world *w, const struct dr_agent_event *event)
{
    static struct dr_agent_action queue[256];
    size_t first = 0;
    size_t count = 0;
    struct dr_agent_actions actions;
    dr_agent_step(&w->agent, event, w->now_ms, &actions);
    for (;;) {
        for (uint8_t i = 0; i < actions.count && count < 256; i++) {
            queue[count++] = actions.list[i];
        }
        if (first == count) {
            return;
        }
        struct dr_agent_event done = {.kind = DR_EVENT_DONE};
        struct dr_agent_action action = queue[first++];
        done.done.act = action.act;
        actions.count = 0;
        if (world_perform(w, &action, &done)) {
            dr_agent_step(&w->agent, &done, w->now_ms, &actions);
        }
    }
}

/* A day at the service, a healthy sealed device, one job of size_bytes. */
static inline void world_init(struct world *w, uint32_t size_bytes)
{
    memset(w, 0, sizeof(*w));
    w->random = 1;
    w->delay_ms = 20;
    w->network = true;
    w->has_job = true;
    strcpy(w->job.ref.id, "job-1");
    strcpy(w->job.stream, "stream-1");
    w->job.ref.execution = 1;
    w->job.ref.version = 1;
    w->job.size_bytes = size_bytes;
    memset(w->job.ref.digest, 0xaa, sizeof(w->job.ref.digest));
    w->job.has_digest = true;
    memset(w->running, 0x11, sizeof(w->running));
    w->facts.image = DR_RUNS_SEALED;
    w->facts.may_install = true;
    w->facts.slot = 1;
    memcpy(w->facts.digest, w->running, 32);
    w->facts.health_s = 600;
    w->facts.soak_s = 30;
    w->facts.seal_s = 3600;
    w->facts.spare_bytes = WORLD_FILE_MAX;
    w->facts.block_bytes = 4096;
    w->facts.window_bytes = 65536;
    w->facts.entropy = 7;
}

/* Power on (or reset): what the boot ROM would make of the requests of the last boot. */
static inline void world_boot(struct world *w)
{
    struct dr_agent_event start = {.kind = DR_EVENT_START};
    memset(w->mail, 0, sizeof(w->mail));
    if (w->installed || w->confirmed || w->sealed || w->reverted != DR_REASON_NONE) {
        w->facts.journal_sequence++; /* the journal took a request */
    }
    if (w->confirmed && w->facts.image == DR_RUNS_CANDIDATE) {
        w->facts.image = DR_RUNS_CONFIRMED;
    }
    if (w->sealed && w->facts.image == DR_RUNS_CONFIRMED) {
        w->facts.image = DR_RUNS_SEALED;
        w->facts.may_install = true;
    }
    if (w->facts.image == DR_RUNS_CONFIRMED) {
        w->facts.confirmed_boots++;
    }
    if (w->reverted != DR_REASON_NONE) {
        w->facts.fate_count = 1;
        memcpy(w->facts.fates[0].digest, w->running, 32);
        w->facts.fates[0].reason = w->reverted;
        memcpy(w->running, w->previous, 32);
        w->facts.image = DR_RUNS_SEALED;
        w->facts.may_install = true;
    } else if (w->installed) {
        memcpy(w->previous, w->running, 32);
        memcpy(w->running, w->spare_digest, 32);
        w->facts.image = DR_RUNS_CANDIDATE;
        w->facts.may_install = false;
        w->facts.confirmed_boots = 0;
    }
    memcpy(w->facts.digest, w->running, 32);
    w->installed = w->confirmed = w->sealed = w->reset = false;
    w->reverted = DR_REASON_NONE;
    w->now_ms = 1;
    dr_agent_init(&w->agent, &w->facts, w->has_saved ? &w->saved : NULL);
    world_event(w, &start);
}

static inline struct world_mail *world_next_mail(struct world *w)
{
    struct world_mail *next = NULL;
    for (size_t i = 0; i < WORLD_MAIL_MAX; i++) {
        struct world_mail *mail = &w->mail[i];
        if (mail->at_ms != 0 && (next == NULL || mail->at_ms < next->at_ms ||
                                 (mail->at_ms == next->at_ms && mail->number < next->number))) {
            next = mail;
        }
    }
    return next;
}

/* The next thing that happens until end_ms: the oldest mail, or a tick. false: nothing. */
static inline bool world_turn_until(struct world *w, uint64_t end_ms)
{
    struct world_mail *next = world_next_mail(w);
    uint64_t tick_ms = dr_agent_next_ms(&w->agent);
    /* A tick that is due at once and changes nothing would be a busy loop: time always moves. */
    tick_ms = tick_ms > w->now_ms ? tick_ms : w->now_ms + 1u;
    bool mail_first = next != NULL && next->at_ms <= tick_ms;
    uint64_t at_ms = mail_first ? next->at_ms : tick_ms;
    if (at_ms > end_ms) {
        w->now_ms = end_ms;
        return false;
    }
    w->now_ms = w->now_ms > at_ms ? w->now_ms : at_ms;
    if (mail_first) {
        struct world_mail mail = *next;
        if (mail.event.kind == DR_EVENT_JOB) {
            mail.event.job = &mail.job;
        }
        if (mail.event.kind == DR_EVENT_UPDATE_ACCEPTED ||
            mail.event.kind == DR_EVENT_UPDATE_REFUSED) {
            mail.event.update.job_id = mail.id;
        }
        next->at_ms = 0;
        world_event(w, &mail.event);
    } else {
        struct dr_agent_event tick = {.kind = DR_EVENT_TICK};
        w->ticks++;
        world_event(w, &tick);
    }
    return true;
}

static inline void world_turn(struct world *w)
{
    (void)world_turn_until(w, UINT64_MAX);
}

/* Until the agent wants a reset, or limit_s have passed. true: a reset. */
static inline bool world_run(struct world *w, uint32_t limit_s)
{
    uint64_t end_ms = w->now_ms + 1000u * (uint64_t)limit_s;
    uint32_t turns = 0;
    while (!w->reset && world_turn_until(w, end_ms)) {
        if (++turns > 1000000u) {
            EXPECT_STR("the agent", "spins");
            return false;
        }
    }
    return w->reset;
}

static inline void world_self_test(struct world *w, bool passed, const char *detail)
{
    struct dr_agent_event event = {.kind = DR_EVENT_SELF_TEST};
    event.self_test.passed = passed;
    event.self_test.detail = detail;
    world_event(w, &event);
}

#endif
