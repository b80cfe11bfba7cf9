/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The topics under $aws/things/T/: one table, read and written by the same rows.
 *
 *   jobs/get  jobs/start-next  jobs/J/get  jobs/J/update   each with /accepted and /rejected
 *   jobs/notify  jobs/notify-next
 *   streams/S/{get,describe,data,description,rejected}/{cbor,json}
 *   daruma/report                                          with /accepted and /rejected
 *
 * J may be "$next" in jobs/J/get only. Names: thing 1 to 128 of [A-Za-z0-9:_-], job 1 to 64 and
 * stream 1 to 128 of [A-Za-z0-9_-].
 */
#ifndef DR_FORMAT_TOPIC_H
#define DR_FORMAT_TOPIC_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

#define DR_THING_NAME_LEN_MAX 128u
#define DR_JOB_ID_LEN_MAX 64u
#define DR_STREAM_ID_LEN_MAX 128u
#define DR_CLIENT_TOKEN_LEN_MAX 64u
/* "$aws/things/" T "/streams/" S "/description/json", and a NUL. */
#define DR_TOPIC_BYTES_MAX 300u
#define DR_JOB_NEXT "$next"

enum dr_topic_kind {
    DR_TOPIC_NONE = 0, /* under $aws/things/T/, but no operation we know */
    DR_TOPIC_JOBS_GET = 1,
    DR_TOPIC_START_NEXT,
    DR_TOPIC_JOB_GET,
    DR_TOPIC_JOB_UPDATE,
    DR_TOPIC_REPORT, /* up to here: requests that are answered */
    DR_TOPIC_NOTIFY,
    DR_TOPIC_NOTIFY_NEXT,
    DR_TOPIC_STREAM_GET, /* from here on: in one of two dialects */
    DR_TOPIC_STREAM_DESCRIBE,
    DR_TOPIC_STREAM_DATA,
    DR_TOPIC_STREAM_DESCRIPTION,
    DR_TOPIC_STREAM_REJECTED,
};

enum dr_topic_family {
    DR_TOPIC_FAMILY_OTHER = 0, /* shadow and the rest */
    DR_TOPIC_FAMILY_JOBS,
    DR_TOPIC_FAMILY_STREAMS,
    DR_TOPIC_FAMILY_DARUMA,
};

enum dr_topic_answer {
    DR_TOPIC_REQUEST = 0, /* no suffix */
    DR_TOPIC_ACCEPTED,
    DR_TOPIC_REJECTED,
};

enum dr_dialect {
    DR_DIALECT_CBOR = 0,
    DR_DIALECT_JSON,
};

struct dr_topic {
    enum dr_topic_kind kind;
    enum dr_topic_answer answer;
    enum dr_dialect dialect; /* streams only */
    const char *thing;       /* views into the topic that was parsed, not terminated */
    const char *id;          /* job or stream; NULL when the operation has none */
    const char *operation;   /* all that follows the thing */
    size_t thing_len;
    size_t id_len;
    size_t operation_len;
};

/* DR_OK; DR_E_NOT_FOUND when the thing's name is well-formed but the rest is no operation of ours
 * (kind DR_TOPIC_NONE; thing and operation are filled, so that a server can refuse it by name);
 * DR_E_FORMAT when it is not under $aws/things/T/ at all (*ret_topic is then all zeros). text need
 * not be terminated. */
DR_MUST_USE enum dr_status
dr_topic_parse(const char *text, size_t text_len, struct dr_topic *ret_topic);

/* The topic and a final NUL. kind, answer, thing and, where the operation has them, id and dialect
 * are used. DR_E_ARGUMENT: bad name, or an answer the operation does not have. DR_E_SPACE. */
DR_MUST_USE enum dr_status
dr_topic_build(const struct dr_topic *topic, char *out, size_t capacity, size_t *ret_len);

/* Which protocol a parsed topic belongs to, known operation or not. (Service.) */
enum dr_topic_family dr_topic_family(const struct dr_topic *topic);

bool dr_thing_name_valid(const char *name, size_t len);
bool dr_job_id_valid(const char *id, size_t len);
bool dr_stream_id_valid(const char *id, size_t len);

#endif
