/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The OTA agent: which step comes next, and nothing else.
 *
 * A value type and one function. An event goes in, a bounded list of actions comes out; whoever
 * owns the agent carries them out in order and feeds the result of each back as DR_EVENT_DONE
 * before the next one. The agent allocates nothing, keeps no global, reads no clock and touches no
 * flash, network or key, so one process can hold thousands and a simulator drives what ships.
 *
 * Rules: docs/boot.md and docs/device.md. Four independent concerns share the step:
 *  - the job: table of DR_AGENT_STATE x DR_AGENT_EVENT in table.c, total, below;
 *  - the running image: test boot, CONFIRM, SEAL (health part of struct dr_agent);
 *  - the outcome of the last job, repeated until the service has settled it;
 *  - the device report, repeated until the service has accepted it.
 *
 * Time is the uptime in milliseconds, 64 bits. It never goes back within one boot.
 */
#ifndef DR_DEVICE_AGENT_AGENT_H
#define DR_DEVICE_AGENT_AGENT_H

#include "base/status.h"
#include "device/agent/record.h"
#include "device/agent/window.h"
#include "format/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No step returns more actions than this. */
#define DR_AGENT_ACTIONS_MAX 12u

#define DR_AGENT_STREAM_BYTES_MAX 64u /* AWS's own devices stop at 44 */
#define DR_AGENT_FATES_MAX 10u

/* X(name): where the job stands. Connected unless it says otherwise. */
#define DR_AGENT_STATE_LIST(X)                                                                     \
    X(OFFLINE)    /* not connected; a new attempt has a time */                                    \
    X(CONNECTING) /* the link was asked to connect */                                              \
    X(ASKING)     /* asked for the next job, no answer yet */                                      \
    X(IDLE)       /* no job; asks again now and then, because a notification may be lost */        \
    X(WAITING)    /* a job is there that may not start yet; says why */                            \
    X(PROBING)    /* fetching the image's head and tail */                                         \
    X(ADMITTING)  /* head and tail are being checked */                                            \
    X(OPENING)    /* the spare slot is being prepared, or found half filled */                     \
    X(LOADING)    /* blocks in flight */                                                           \
    X(CLOSING)    /* the whole image is being verified in the slot */                              \
    X(SAVING)     /* the outcome record is being persisted, before anything irrevocable */         \
    X(INSTALLING) /* the INSTALL request is being written and read back */                         \
    X(RESETTING)  /* the end: the reset was asked for */

enum dr_agent_state {
#define DR_AGENT_STATE_ENUM(name) DR_AGENT_##name,
    DR_AGENT_STATE_LIST(DR_AGENT_STATE_ENUM)
#undef DR_AGENT_STATE_ENUM
        DR_AGENT_STATE_COUNT
};

/* X(name): what can happen. The last two are no business of the job's. */
#define DR_AGENT_EVENT_LIST(X)                                                                     \
    X(START)           /* once, first */                                                           \
    X(TICK)            /* time has passed: at dr_agent_next_ms or any time */                      \
    X(LINK_UP)         /* connected and subscribed; reason unused */                               \
    X(LINK_DOWN)       /* failed or lost; reason DR_REASON_TLS_* when TLS refused */               \
    X(DONE)            /* an action has ended */                                                   \
    X(JOB)             /* the service names the next job */                                        \
    X(NO_JOB)          /* the service says there is none */                                        \
    X(NOTIFIED)        /* the next job changed, whatever it is now: ask */                         \
    X(ASK_REFUSED)     /* the question for the next job was refused */                             \
    X(UPDATE_ACCEPTED) /* an update of a job of ours was accepted */                               \
    X(UPDATE_REFUSED)  /* an update of a job of ours was refused */                                \
    X(BLOCK)           /* a block of a file */                                                     \
    X(STREAM_REFUSED)  /* a request for blocks was refused */                                      \
    X(REPORT_ACCEPTED) /* the device report was accepted */                                        \
    X(SELF_TEST)       /* the product's self-test has ended */

enum dr_agent_event_kind {
#define DR_AGENT_EVENT_ENUM(name) DR_EVENT_##name,
    DR_AGENT_EVENT_LIST(DR_AGENT_EVENT_ENUM)
#undef DR_AGENT_EVENT_ENUM
        DR_EVENT_COUNT
};

/* What the image that runs is, from the hand-off. */
enum dr_agent_image {
    DR_RUNS_CANDIDATE = 1,
    DR_RUNS_CONFIRMED = 2,
    DR_RUNS_SEALED = 3,
    DR_RUNS_FACTORY = 4,
};

/* The service's answers that the agent tells apart. */
enum dr_agent_code {
    DR_CODE_OTHER = 0, /* throttled, internal, unknown: try again later */
    DR_CODE_INVALID_REQUEST,
    DR_CODE_VERSION_MISMATCH,
    DR_CODE_GONE,         /* ended, or unknown: nothing that is said about it counts any more */
    DR_CODE_STREAM_FINAL, /* the stream will never give this: unknown, forbidden, out of range */
};

struct dr_step;

/* A job as the agent needs it; what the document says is a hint until head and tail are checked. */
struct dr_agent_job {
    struct dr_job_ref ref;
    uint32_t size_bytes;  /* filesize */
    uint8_t file;         /* fileid */
    bool started;         /* IN_PROGRESS already */
    bool has_digest;      /* the document names the image's digest */
    uint8_t command;      /* enum dr_job_action of a signed command; 0: an update */
    enum dr_reason fault; /* DR_REASON_NONE, or why the document cannot be used */
    char stream[DR_AGENT_STREAM_BYTES_MAX + 1u];
};

/* One block out of a stream. data is borrowed for the step and the actions that it returns. */
struct dr_agent_block {
    const uint8_t *data;
    uint32_t size_bytes;
    uint32_t index;
    uint8_t file;
};

/* X(name): what the owner is to do. Those marked * are answered by DR_EVENT_DONE at once. */
#define DR_AGENT_ACT_LIST(X)                                                                       \
    X(CONNECT)    /* connect; subscribe to jobs/notify-next and streams/+/{data,rejected}/cbor */  \
    X(DISCONNECT) /* drop the connection, without LINK_DOWN */                                     \
    X(SEND)       /* compose and publish a message */                                              \
    X(ASK)        /* * ask the product: may I? OK, AGAIN (with wait_s) or DENIED */                \
    X(PROBE)      /* * keep a block of head or tail */                                             \
    X(ADMIT)      /* * parse head and tail, apply every rule that they decide */                   \
    X(OPEN)       /* * open the spare for this image: resume, or start over (fresh) */             \
    X(WRITE)      /* * write a block into the spare */                                             \
    X(CLOSE)      /* * verify the whole image as it lies in the spare */                           \
    X(SAVE)       /* * persist dr_agent.record */                                                  \
    X(INSTALL)    /* * write the INSTALL request and read it back */                               \
    X(CONFIRM)    /* * write the CONFIRM request and read it back */                               \
    X(SEAL)       /* * write the SEAL request and read it back */                                  \
    X(REVERT)     /* * write the REVERT request with its reason and read it back */                \
    X(RETRY)      /* * write the RETRY request and read it back */                                 \
    X(RESET)      /* send what is queued, mark the reset as planned, reset */

enum dr_agent_act {
#define DR_AGENT_ACT_ENUM(name) DR_ACT_##name,
    DR_AGENT_ACT_LIST(DR_AGENT_ACT_ENUM)
#undef DR_AGENT_ACT_ENUM
        DR_ACT_COUNT
};

struct dr_agent_event {
    enum dr_agent_event_kind kind;
    union {
        enum dr_reason reason;          /* LINK_DOWN */
        const struct dr_agent_job *job; /* JOB; borrowed for the step */
        enum dr_agent_code code;        /* ASK_REFUSED */
        struct {                        /* STREAM_REFUSED */
            enum dr_agent_code code;
            const char *detail; /* what the outcome says of a final one; NULL or borrowed */
        } stream;
        struct {                     /* UPDATE_ACCEPTED, UPDATE_REFUSED */
            const char *job_id;      /* from the topic; NUL-terminated, borrowed */
            enum dr_agent_code code; /* UPDATE_REFUSED */
            bool canceled;           /* the execution's status is CANCELED */
            bool outcome;            /* the answer is to an outcome, not to progress */
            uint32_t version;        /* versionNumber now; 0 = not told */
        } update;
        struct dr_agent_block block; /* BLOCK */
        struct {                     /* SELF_TEST */
            bool passed;
            const char *detail; /* the product's own word for what failed; NULL or borrowed */
        } self_test;
        struct { /* DONE */
            enum dr_agent_act act;
            enum dr_status status;
            enum dr_reason reason; /* ADMIT, CLOSE: why not; ASK: the reason it was asked with */
            uint32_t wait_s;       /* ASK with DR_E_AGAIN: ask again after this */
            /* ADMIT with DR_OK: the digest that head and tail name (32 bytes). OPEN with DR_OK: one
             * bit per block of facts.block_bytes, least significant first, set = kept from an
             * earlier download; NULL = nothing kept. Borrowed for the step. */
            const uint8_t *data;
        } done;
    };
};

/* What a SEND says; the bytes are made by dr_agent_compose. */
enum dr_agent_message {
    DR_SEND_ASK,      /* what is the next job? */
    DR_SEND_BLOCKS,   /* give me these blocks */
    DR_SEND_PROGRESS, /* the job is under way: blocks done */
    DR_SEND_READY,    /* installed, about to reboot into it */
    DR_SEND_ACTIVE,   /* the new image runs its test boot */
    DR_SEND_OUTCOME,  /* how the job ended */
    DR_SEND_REPORT,   /* the device report */
};

/* What an ASK asks. */
enum dr_agent_question {
    DR_MAY_DOWNLOAD,
    DR_MAY_REBOOT,
};

struct dr_agent_action {
    enum dr_agent_act act;
    union {
        struct { /* SEND */
            enum dr_agent_message message;
            struct dr_block_range blocks; /* DR_SEND_BLOCKS */
        } send;
        struct { /* ASK */
            enum dr_agent_question question;
            enum dr_reason reason; /* DR_REASON_INSTALL, DR_REASON_SEAL, DR_REASON_LADDER */
            uint32_t deadline_s;   /* after this many more seconds the job is given up; 0 = never */
        } ask;
        struct { /* PROBE, WRITE */
            const uint8_t *data;
            uint32_t size_bytes;
            uint32_t offset_bytes; /* in the file */
        } block;
        struct {                 /* ADMIT, OPEN */
            uint32_t size_bytes; /* of the file */
            bool fresh;          /* OPEN: what is there failed to verify; start from zero */
        } image;
        enum dr_reason reason; /* REVERT, RESET */
    };
};

struct dr_agent_actions {
    uint8_t count;
    struct dr_agent_action list[DR_AGENT_ACTIONS_MAX];
};

/* What the boot journal says became of an image: it was left, its INSTALL was not taken, or it is
 * remembered as rejected. */
struct dr_agent_fate {
    uint8_t digest[32];
    enum dr_reason reason;
    uint8_t tries;    /* faults it had; of a rejection: how often it failed here */
    bool final;       /* a rejection that holds until the image is signed anew */
    bool environment; /* a rejection that was nobody's fault: tried again after a wait */
};

/* What the owner knows at start and what does not change until the next reset. Kept by the agent
 * for its life, never written: many agents may share one. */
struct dr_agent_facts {
    enum dr_agent_image image; /* that runs */
    bool recovery;             /* the boot ROM ignores CONFIRM and SEAL: not even tried */
    bool may_install;          /* the hand-off names a spare */
    bool lower_rung;           /* not on rung normal: RETRY after a day */
    uint8_t slot;              /* that runs; enum dr_slot_id */
    uint8_t confirmed_boots;   /* since CONFIRM, this one included */
    uint8_t more_protocols;    /* that the owner fetches by, beside MQTT: DR_JOB_PROTOCOL_* */
    uint8_t fate_count;
    uint8_t digest[32];        /* that runs */
    uint32_t journal_sequence; /* of the hand-off: moves when a request is taken or refused */
    uint32_t health_s;         /* limit of a test boot; waits after failures are multiples of it */
    uint32_t soak_s;
    uint32_t seal_s;
    uint32_t spare_bytes;  /* the largest file that fits the spare */
    uint32_t block_bytes;  /* wanted for downloads: 256 to 131072 */
    uint32_t window_bytes; /* most that may be outstanding */
    uint32_t entropy;      /* for jitter; any value */
    /* What to do with a signed command whose signature was found good, NULL: there are none for
     * this product (device/agent/command.h). */
    void (*obey)(struct dr_step *step);
    struct dr_agent_fate fates[DR_AGENT_FATES_MAX]; /* the one that explains best first */
};

/* The test boot and the way to "for good". */
struct dr_agent_health {
    bool self_test_passed;
    bool round_trip;      /* an authenticated answer of the service in this boot */
    bool confirm_written; /* in this boot; the health supervisor reads it */
    bool seal_written;    /* in this boot */
    bool retry_written;   /* in this boot */
    bool job_gone;        /* the service no longer has the job that brought this image */
    enum dr_reason reverting;
};

/* Countdowns in milliseconds: they run with the time between two steps. */
enum dr_agent_timer {
    DR_TIMER_STATE,    /* what the table does on TICK */
    DR_TIMER_PROGRESS, /* no progress message before */
    DR_TIMER_PAUSE,    /* no request for blocks before */
    DR_TIMER_ASK,      /* no question for the job before */
    DR_TIMER_OUTCOME,  /* no outcome message before */
    DR_TIMER_REPORT,   /* no report before */
    DR_TIMER_SAVE,     /* uptime is persisted */
    DR_TIMER_REQUEST,  /* no boot request, no question about a reset before */
    DR_TIMER_SOAK,
    DR_TIMER_SEAL, /* or, on a lower rung, RETRY */
    DR_TIMER_COUNT
};

/* One agent. The caller owns it, copies it freely between steps and looks only at state, link_up,
 * health and record. Static memory: sizeof(struct dr_agent), held below 4 KB. Small things that are
 * used often come first: they are cheap to reach. */
struct dr_agent {
    enum dr_agent_state state;
    bool link_up;
    struct dr_agent_health health;

    /* private, do not touch */
    enum dr_reason wait_reason;
    uint8_t stalls;
    uint8_t write_faults;
    uint8_t closes;      /* verifications of this download that failed */
    bool begun;          /* the window belongs to job */
    bool admitted;       /* head and tail of job were admitted, the spare is open */
    bool outcome_resent; /* once after a version mismatch */
    bool report_wanted;
    bool report_flying;
    bool ask_wanted;
    uint8_t attempt; /* of the current wait: connect, ask */
    uint8_t outcome_attempt;
    uint8_t report_attempt;
    uint32_t total_s; /* uptime of all boots */
    const struct dr_agent_facts *facts;
    uint32_t timers[DR_TIMER_COUNT];
    uint32_t question;    /* names the one that has no answer yet; 0: none, none is believed */
    uint32_t ask_until_s; /* total_s when the product's time to say yes is over; 0 = not asked */
    uint32_t writing;     /* index of the block that is being kept */
    uint32_t random;
    uint32_t base_s;         /* uptime of the earlier boots */
    uint32_t part_ms;        /* of the second that has begun */
    uint64_t now_ms;         /* of the last step */
    struct dr_agent_job job; /* id empty: none */
    struct dr_window window;

    struct dr_agent_record record; /* persisted by DR_ACT_SAVE, given back to dr_agent_init */
};

/* facts are kept; record is copied, NULL = none yet. The first event is DR_EVENT_START. */
void dr_agent_init(
    struct dr_agent *agent, const struct dr_agent_facts *facts,
    const struct dr_agent_record *record);

/* The one door. Every (state, event) pair has an answer; an event that makes no sense changes
 * nothing. ret_actions is overwritten. */
void dr_agent_step(
    struct dr_agent *agent, const struct dr_agent_event *event, uint64_t now_ms,
    struct dr_agent_actions *ret_actions);

/* Uptime at which the next TICK is due. Ticks may come earlier or later without harm. */
uint64_t dr_agent_next_ms(const struct dr_agent *agent);

/* For tests and documents: what the table answers; never 0. */
uint8_t dr_agent_reaction(enum dr_agent_state state, enum dr_agent_event_kind event);

/* For logs (names.c). Never NULL. */
const char *dr_agent_state_name(enum dr_agent_state state);
const char *dr_agent_event_name(enum dr_agent_event_kind event);
const char *dr_agent_act_name(enum dr_agent_act act);

#endif
