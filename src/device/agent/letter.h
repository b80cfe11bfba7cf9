/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Between the agent's events and actions and the bytes of format/: what is said, and what is heard.
 *
 * Pure, like the agent. Nothing here decides; a message that cannot be read is dropped by the
 * caller, and the agent's timers ask again.
 */
#ifndef DR_DEVICE_AGENT_LETTER_H
#define DR_DEVICE_AGENT_LETTER_H

#include "base/status.h"
#include "device/agent/agent.h"
#include "format/json.h"
#include "format/report.h"
#include "format/topic.h"

#include <stddef.h>
#include <stdint.h>

#define DR_LETTER_BYTES_MAX DR_REPORT_BYTES_MAX

/* Who speaks. The report's tokens, uptime, state words and notes are filled in by compose. */
struct dr_agent_self {
    char thing[DR_THING_NAME_LEN_MAX + 1u];
    const char *path;        /* how blocks travel now: "mqtt", "https"; NULL: not told */
    struct dr_report report; /* what does not change until the next reset */
};

struct dr_letter {
    size_t size_bytes; /* of the payload */
    uint8_t qos;
    char topic[DR_TOPIC_BYTES_MAX];
    uint8_t payload[DR_LETTER_BYTES_MAX];
};

/* The message for a DR_ACT_SEND. DR_E_SPACE: a bound of format/ was exceeded. */
DR_MUST_USE enum dr_status dr_agent_compose(
    const struct dr_agent *agent, const struct dr_agent_action *action,
    const struct dr_agent_self *self, struct dr_letter *ret_letter);

/* What a message says. Holds what the event borrows; reuse it after the step. */
struct dr_heard {
    struct dr_agent_event event;
    uint64_t time_s;         /* the service's clock, 0 = not told */
    struct dr_json document; /* of a JOB; absent otherwise; lives as long as the payload */
    char id[DR_JOB_ID_BYTES_MAX + 1u];
    struct dr_agent_job job;
};

/* topic is NUL-terminated. DR_E_NOT_FOUND: nothing for this agent (another topic, a stream of an
 * earlier job). DR_E_FORMAT and others: not readable. */
DR_MUST_USE enum dr_status dr_agent_hear(
    const struct dr_agent *agent, const char *topic, const uint8_t *payload, size_t size_bytes,
    struct dr_heard *ret_heard);

#endif
