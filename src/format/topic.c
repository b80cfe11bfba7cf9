/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/topic.h"

#include "base/cursor.h"
#include "format/word.h"

#include <string.h>

static const char prefix[] = "$aws/things/+/";

/* What follows the thing, by enum dr_topic_kind (format/word.h); "+" stands for the job or stream.
 * The same list is read and written. */
static const char operations[] = "jobs/get\0"
                                 "jobs/start-next\0"
                                 "jobs/+/get\0"
                                 "jobs/+/update\0"
                                 "daruma/report\0"
                                 "jobs/notify\0"
                                 "jobs/notify-next\0"
                                 "streams/+/get\0"
                                 "streams/+/describe\0"
                                 "streams/+/data\0"
                                 "streams/+/description\0"
                                 "streams/+/rejected\0";

/* Endings by number (format/word.h); 0 is none. The first two are answers, the others dialects. */
static const char endings[] = "/accepted\0/rejected\0/cbor\0/json\0";
#define ENDING_CBOR 3u

/* Streams name their dialect, requests may be answered, notices are only themselves. */
static bool ending_allowed(unsigned kind, unsigned ending)
{
    if (kind >= DR_TOPIC_STREAM_GET) {
        return ending >= ENDING_CBOR;
    }
    return ending == 0 || (ending < ENDING_CBOR && kind <= DR_TOPIC_REPORT);
}

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

static bool id_valid(unsigned kind, const char *id, size_t len)
{
    if (kind >= DR_TOPIC_STREAM_GET) {
        return dr_stream_id_valid(id, len);
    }
    bool next = kind == DR_TOPIC_JOB_GET && len == sizeof(DR_JOB_NEXT) - 1 &&
                memcmp(id, DR_JOB_NEXT, len) == 0;
    return next || dr_job_id_valid(id, len);
}

/* Match text from its beginning against a pattern. Returns how much of text was matched, with the
 * name that stands for "+"; 0 when it does not fit. */
static size_t match(
    const char *pattern, const char *text, size_t len, const char **ret_name, size_t *ret_name_len)
{
    size_t used = 0;
    for (; *pattern != '\0'; pattern++) {
        if (*pattern == '+') {
            size_t begin = used;
            while (used < len && text[used] != '/') {
                used++;
            }
            *ret_name = text + begin;
            *ret_name_len = used - begin;
        } else if (used < len && text[used] == *pattern) {
            used++;
        } else {
            return 0;
        }
    }
    return used;
}

static bool match_kind(unsigned kind, struct dr_topic *topic)
{
    const char *text = topic->operation;
    size_t len = topic->operation_len;
    const char *id = NULL;
    size_t id_len = 0;
    size_t used = match(dr_word(operations, kind), text, len, &id, &id_len);
    unsigned ending = dr_word_find(endings, text + used, len - used);
    if (used == 0 || (ending == 0 && used < len) || !ending_allowed(kind, ending) ||
        (id != NULL && !id_valid(kind, id, id_len))) {
        return false;
    }
    topic->kind = (enum dr_topic_kind)kind;
    topic->id = id;
    topic->id_len = id_len;
    if (ending < ENDING_CBOR) {
        topic->answer = (enum dr_topic_answer)ending;
    } else {
        topic->dialect = (enum dr_dialect)(ending - ENDING_CBOR);
    }
    return true;
}

enum dr_status dr_topic_parse(const char *text, size_t text_len, struct dr_topic *ret_topic)
{
    memset(ret_topic, 0, sizeof(*ret_topic));
    size_t used = match(prefix, text, text_len, &ret_topic->thing, &ret_topic->thing_len);
    if (used == 0 || !dr_thing_name_valid(ret_topic->thing, ret_topic->thing_len)) {
        memset(ret_topic, 0, sizeof(*ret_topic));
        return DR_E_FORMAT;
    }
    ret_topic->operation = text + used;
    ret_topic->operation_len = text_len - used;
    for (unsigned kind = 1; kind <= DR_TOPIC_STREAM_REJECTED; kind++) {
        if (match_kind(kind, ret_topic)) {
            return DR_OK;
        }
    }
    return DR_E_NOT_FOUND;
}

/* The pattern, with the name for "+". */
static void
write_pattern(struct dr_writer *writer, const char *pattern, const char *name, size_t name_len)
{
    for (; *pattern != '\0'; pattern++) {
        if (*pattern != '+') {
            dr_write_u8(writer, (uint8_t)*pattern);
        } else if (name_len > 0) {
            dr_write_bytes(writer, (const uint8_t *)name, name_len);
        } else {
            dr_writer_fail(writer, DR_E_ARGUMENT);
        }
    }
}

enum dr_status
dr_topic_build(const struct dr_topic *topic, char *out, size_t capacity, size_t *ret_len)
{
    unsigned kind = (unsigned)topic->kind;
    unsigned ending = (unsigned)topic->answer;
    if (kind >= DR_TOPIC_STREAM_GET) {
        ending = ENDING_CBOR + (unsigned)topic->dialect;
    }
    const char *operation = dr_word(operations, kind);
    if (*operation == '\0' || !ending_allowed(kind, ending) ||
        !dr_thing_name_valid(topic->thing, topic->thing_len)) {
        return DR_E_ARGUMENT;
    }
    bool has_id = topic->id != NULL && id_valid(kind, topic->id, topic->id_len);
    struct dr_writer writer;
    dr_writer_init(&writer, (uint8_t *)out, capacity);
    write_pattern(&writer, prefix, topic->thing, topic->thing_len);
    write_pattern(&writer, operation, topic->id, has_id ? topic->id_len : 0);
    dr_write_text(&writer, dr_word(endings, ending));
    dr_write_u8(&writer, 0);
    *ret_len = writer.size_bytes - 1;
    return writer.status;
}
