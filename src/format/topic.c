/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/topic.h"

#include "base/check.h"
#include "base/cursor.h"
#include "format/word.h"

#include <string.h>

#define PREFIX "$aws/things/"
#define PREFIX_LEN (sizeof(PREFIX) - 1)

/* One operation: "+" stands for the job or stream. The same rows are read and written. */
static const struct row {
    const char *pattern;
    uint8_t kind;
    uint8_t endings; /* bit k: ending k may follow */
} rows[] = {
#define PLAIN 1u
#define ANSWERED 7u
#define DIALECTS 24u
    {"jobs/get", DR_TOPIC_JOBS_GET, ANSWERED},
    {"jobs/start-next", DR_TOPIC_START_NEXT, ANSWERED},
    {"jobs/+/get", DR_TOPIC_JOB_GET, ANSWERED},
    {"jobs/+/update", DR_TOPIC_JOB_UPDATE, ANSWERED},
    {"jobs/notify", DR_TOPIC_NOTIFY, PLAIN},
    {"jobs/notify-next", DR_TOPIC_NOTIFY_NEXT, PLAIN},
    {"streams/+/get", DR_TOPIC_STREAM_GET, DIALECTS},
    {"streams/+/describe", DR_TOPIC_STREAM_DESCRIBE, DIALECTS},
    {"streams/+/data", DR_TOPIC_STREAM_DATA, DIALECTS},
    {"streams/+/description", DR_TOPIC_STREAM_DESCRIPTION, DIALECTS},
    {"streams/+/rejected", DR_TOPIC_STREAM_REJECTED, DIALECTS},
    {"daruma/report", DR_TOPIC_REPORT, ANSWERED},
};

/* Endings by number (format/word.h); 0 is none. The first two are answers, the others dialects. */
static const char endings[] = "/accepted\0/rejected\0/cbor\0/json\0";
#define ENDING_CBOR 3u
#define ENDING_JSON 4u

static bool name_valid(const char *name, size_t len, size_t len_max, bool colon)
{
    if (len == 0 || len > len_max) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '_' && c != '-' && !(c == ':' && colon)) {
            return false;
        }
    }
    return true;
}

bool dr_thing_name_valid(const char *name, size_t len)
{
    return name_valid(name, len, DR_THING_NAME_LEN_MAX, true);
}

bool dr_job_id_valid(const char *id, size_t len)
{
    return name_valid(id, len, DR_JOB_ID_LEN_MAX, false);
}

bool dr_stream_id_valid(const char *id, size_t len)
{
    return name_valid(id, len, DR_STREAM_ID_LEN_MAX, false);
}

static bool id_valid(const struct row *row, const char *id, size_t len)
{
    if (row->endings == DIALECTS) {
        return dr_stream_id_valid(id, len);
    }
    bool next = row->kind == DR_TOPIC_JOB_GET && len == sizeof(DR_JOB_NEXT) - 1 &&
                memcmp(id, DR_JOB_NEXT, len) == 0;
    return next || dr_job_id_valid(id, len);
}

static size_t level_length(const char *text, size_t len)
{
    size_t i = 0;
    while (i < len && text[i] != '/') {
        i++;
    }
    return i;
}

/* Match text against a row's pattern from its beginning. Fills the id; returns how much of text was
 * matched, 0 when it does not fit. */
static size_t match(const struct row *row, const char *text, size_t len, struct dr_topic *topic)
{
    size_t used = 0;
    for (const char *p = row->pattern; *p != '\0'; p++) {
        if (*p == '+') {
            topic->id = text + used;
            topic->id_len = level_length(text + used, len - used);
            if (!id_valid(row, topic->id, topic->id_len)) {
                return 0;
            }
            used += topic->id_len;
        } else if (used < len && text[used] == *p) {
            used++;
        } else {
            return 0;
        }
    }
    return used;
}

static bool match_row(const struct row *row, const char *text, size_t len, struct dr_topic *topic)
{
    topic->id = NULL;
    topic->id_len = 0;
    size_t used = match(row, text, len, topic);
    unsigned ending = dr_word_find(endings, text + used, len - used);
    if (used == 0 || (ending == 0 && used < len) || (row->endings >> ending & 1u) == 0) {
        return false;
    }
    topic->kind = (enum dr_topic_kind)row->kind;
    if (ending < ENDING_CBOR) {
        topic->answer = (enum dr_topic_answer)ending;
    } else {
        topic->dialect = ending == ENDING_JSON ? DR_DIALECT_JSON : DR_DIALECT_CBOR;
    }
    return true;
}

enum dr_status dr_topic_parse(const char *text, size_t text_len, struct dr_topic *ret_topic)
{
    struct dr_topic topic = {0};
    if (text_len <= PREFIX_LEN || memcmp(text, PREFIX, PREFIX_LEN) != 0) {
        return DR_E_FORMAT;
    }
    text += PREFIX_LEN;
    text_len -= PREFIX_LEN;
    topic.thing = text;
    topic.thing_len = level_length(text, text_len);
    if (topic.thing_len == text_len || !dr_thing_name_valid(topic.thing, topic.thing_len)) {
        return DR_E_FORMAT;
    }
    text += topic.thing_len + 1;
    text_len -= topic.thing_len + 1;
    topic.operation = text;
    topic.operation_len = text_len;
    enum dr_status status = DR_E_NOT_FOUND;
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows) && status != DR_OK; i++) {
        status = match_row(&rows[i], text, text_len, &topic) ? DR_OK : DR_E_NOT_FOUND;
    }
    *ret_topic = topic;
    return status;
}

enum dr_status
dr_topic_build(const struct dr_topic *topic, char *out, size_t capacity, size_t *ret_len)
{
    const struct row *row = NULL;
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        row = rows[i].kind == (uint8_t)topic->kind ? &rows[i] : row;
    }
    if (row == NULL || !dr_thing_name_valid(topic->thing, topic->thing_len)) {
        return DR_E_ARGUMENT;
    }
    unsigned ending = (unsigned)topic->answer;
    if (row->endings == DIALECTS) {
        ending = ENDING_CBOR + (unsigned)topic->dialect;
    }
    if ((row->endings >> ending & 1u) == 0) {
        return DR_E_ARGUMENT;
    }
    struct dr_writer writer;
    dr_writer_init(&writer, (uint8_t *)out, capacity);
    dr_write_text(&writer, PREFIX);
    dr_write_bytes(&writer, (const uint8_t *)topic->thing, topic->thing_len);
    dr_write_u8(&writer, '/');
    for (const char *p = row->pattern; *p != '\0'; p++) {
        if (*p != '+') {
            dr_write_u8(&writer, (uint8_t)*p);
        } else if (topic->id != NULL && id_valid(row, topic->id, topic->id_len)) {
            dr_write_bytes(&writer, (const uint8_t *)topic->id, topic->id_len);
        } else {
            return DR_E_ARGUMENT;
        }
    }
    dr_write_text(&writer, dr_word(endings, ending));
    dr_write_u8(&writer, 0);
    DR_TRY(writer.status);
    *ret_len = writer.size_bytes - 1;
    return DR_OK;
}
