/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What the parts of the agent share: numbers, the action list, and who handles what. */
#ifndef DR_DEVICE_AGENT_AGENT_PRIV_H
#define DR_DEVICE_AGENT_AGENT_PRIV_H

#include "device/agent/agent.h"

/* Head and tail are fetched in blocks of at most this, and at most this much of each. */
#define DR_AGENT_PROBE_BYTES 4096u

#define CONNECT_MS_MAX 30000u /* an attempt that takes longer is dropped */
#define RETRY_MS_MIN 1000u
#define RETRY_MS_MAX 32000u
#define RETRY_MS_MAX_TELLING 512000u
#define ASK_MS 5000u    /* for an answer, before asking again */
#define ASK_GAP_MS 100u /* from an answer to the next question */
#define POLL_MS 900000u /* between questions when nothing is pending */
#define PROGRESS_MS 1000u
#define REQUESTS_PER_STEP 4u
#define STALL_MS 60000u /* without a new block: look at the job again */
#define STALLS_MAX 5u
#define WRITE_FAULTS_MAX 3u
#define INSTALLS_MAX 3u
#define REQUEST_MS 5000u /* between attempts to write a boot request */
#define REBOOT_MS 60000u /* a reset that does not come is asked for again */
#define CONSENT_S 86400u /* a product that never says yes ends the job */
#define SAVE_MS 600000u  /* how much uptime a power cut may lose */
/* After a failure that was the environment's, in health limits of the running image: an hour after
 * the first and a day after each later one with the 600 s that boards ship with. */
#define WAIT_FIRST 6u
#define WAIT_LATER 144u
#define RESET_REFUSED_S 3600u /* before a reset that the product refused is asked for again */
#define RESET_LATER_S 86400u  /* the longest that the product may put it off at a time */
#define OUTCOME_S_MAX 604800u /* then telemetry gets it */
#define SEAL_BOOTS 3u
#define RETRY_RUNG_S 86400u

/* What the table answers. */
enum dr_reaction {
    R_NOTHING = 1, /* of no use here; the other concerns may have seen it */
    R_CONNECT,
    R_CONNECTING_TOO_LONG,
    R_ONLINE,
    R_DROPPED,  /* the connection is gone: wait, connect again */
    R_UNLINKED, /* the same, but let the running action end first */
    R_ASK,
    R_CONSIDER, /* a job was offered */
    R_COMPARE,  /* a job was offered while one is being fetched */
    R_REST,     /* there is no job, or not any more */
    R_BLOCK,
    R_PUMP, /* ask for more blocks, or notice that none come */
    R_STREAM_REFUSED,
    R_RESULT,
    R_RESET,
};

#define NEVER UINT32_MAX

/* One step under way. */
struct dr_step {
    struct dr_agent *agent;
    const struct dr_agent_event *event;
    struct dr_agent_actions *out;
};

/* agent.c */
struct dr_agent_action *dr_step_push(struct dr_step *step, enum dr_agent_act act);
void dr_step_send(struct dr_step *step, enum dr_agent_message message);
void dr_step_save(struct dr_step *step);
void dr_step_note(struct dr_step *step, enum dr_reason reason, const char *detail);
void dr_step_question(struct dr_step *step, enum dr_agent_question question, enum dr_reason reason);
/* Start a countdown: min_ms doubled attempt times, at most max_ms, of which the upper half is
 * random. */
void dr_agent_back_off(
    struct dr_agent *agent, enum dr_agent_timer timer, uint32_t max_ms, uint8_t *attempt);
uint32_t dr_agent_jitter(struct dr_agent *agent, uint32_t span_ms);
/* An image that has yet to be sealed runs. */
static inline bool dr_agent_unsealed(const struct dr_agent *agent)
{
    return agent->facts->image <= DR_RUNS_CONFIRMED;
}
bool dr_digest_equal(const uint8_t *a, const uint8_t *b);
bool dr_job_equal(const struct dr_job_ref *a, const struct dr_job_ref *b);

/* job.c */
void dr_job_react(struct dr_step *step, enum dr_reaction reaction);
void dr_job_turn(struct dr_step *step); /* after the table: the question, if it is due */
/* For what is linked beside it: end the job here; or leave it, and ask again after a while. */
void dr_job_refuse(struct dr_step *step, enum dr_reason reason);
void dr_job_rest(struct dr_step *step, uint32_t wait_ms);

/* compose.c. A request's token: its first letter tells the answer to an outcome ('o') from others,
 * the number tells one request from another. */
#define DR_AGENT_TOKEN_BYTES 10u
void dr_agent_token(char out[DR_AGENT_TOKEN_BYTES], char kind, uint32_t number);

/* trial.c: the running image */
void dr_trial_start(struct dr_step *step);
void dr_trial_see(struct dr_step *step);  /* an event, before the table */
void dr_trial_turn(struct dr_step *step); /* after the table: what is due */

/* outcome.c: the last job's outcome and the device report. */
void dr_outcome_set(
    struct dr_step *step, enum dr_outcome_state state, const struct dr_job_ref *job,
    enum dr_reason reason, const char *detail);
void dr_outcome_see(struct dr_step *step);
void dr_outcome_turn(struct dr_step *step);

#endif
