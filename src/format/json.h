/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* JSON (RFC 8259), bounded: no heap, no recursion, no tree.
 *
 * Reading: dr_json_check proves once that a text is one well-formed value, nested at most
 * DR_JSON_DEPTH_MAX deep. From then on a value is a borrowed piece of that text, and members are
 * found by walking it. Of two members with one name the first counts. Numbers are integers here: a
 * fraction or an exponent is well-formed JSON but is no number that any of our messages carries.
 *
 * Writing: one call per member into a latching dr_writer; commas are put by the writer, brackets
 * are the caller's to balance.
 */
#ifndef DR_FORMAT_JSON_H
#define DR_FORMAT_JSON_H

#include "base/cursor.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DR_JSON_DEPTH_MAX 32u

/* A value inside a checked text, without blanks around it. len 0: absent. Borrowed. */
struct dr_json {
    const char *text;
    size_t len;
};

enum dr_json_kind {
    DR_JSON_ABSENT,
    DR_JSON_OBJECT,
    DR_JSON_ARRAY,
    DR_JSON_STRING,
    DR_JSON_NUMBER,
    DR_JSON_BOOL,
    DR_JSON_NULL,
};

/* DR_E_FORMAT: not one JSON value. DR_E_RANGE: nested too deep. Bytes above 0x7f may stand in
 * strings and are not looked at: dr_json_check_utf8 does that, for texts that go on to others. */
DR_MUST_USE enum dr_status dr_json_check(const void *text, size_t len, struct dr_json *ret_value);

/* As dr_json_check, and the value must be an object. */
DR_MUST_USE enum dr_status
dr_json_check_object(const void *text, size_t len, struct dr_json *ret_value);

/* As dr_json_check_object, and the whole text must be UTF-8 (RFC 3629). (Service.) */
DR_MUST_USE enum dr_status
dr_json_check_utf8(const void *text, size_t len, struct dr_json *ret_value);

enum dr_json_kind dr_json_kind(struct dr_json value);

/* The value of a member; absent when there is none, or when value is not an object. Names are plain
 * ASCII here; a key spelt with escapes is another key. */
struct dr_json dr_json_member(struct dr_json object, const char *name);

/* Walk an object or array. Start with an iterator made by dr_json_each; false at the end. key is
 * absent in arrays. */
struct dr_json_iterator {
    const char *next;
    const char *end;
    struct dr_json key;
    struct dr_json value;
};

struct dr_json_iterator dr_json_each(struct dr_json container);
bool dr_json_next(struct dr_json_iterator *iterator);

/* The decoded string and a final NUL. DR_E_NOT_FOUND: absent. DR_E_FORMAT: not a string, or it
 * holds U+0000 or half a surrogate pair. DR_E_SPACE: longer than capacity - 1 bytes. On failure out
 * is the empty string (when capacity > 0). */
DR_MUST_USE enum dr_status dr_json_string(struct dr_json value, char *out, size_t capacity);

/* How many characters (not bytes) a string decodes to. DR_E_NOT_FOUND, DR_E_FORMAT as above;
 * DR_E_RANGE: it holds a control character. */
DR_MUST_USE enum dr_status dr_json_measure(struct dr_json value, size_t *ret_characters);

/* Is this a string spelt exactly text (ASCII, without escapes)? */
bool dr_json_is(struct dr_json value, const char *text);

/* What stands between the quotes, escapes and all; absent when value is no string. */
struct dr_json dr_json_raw(struct dr_json value);

/* A string without escapes, copied and terminated: enough for names and tokens. DR_E_FORMAT: not a
 * string, or one with escapes. DR_E_SPACE. */
DR_MUST_USE enum dr_status dr_json_plain(struct dr_json value, char *out, size_t capacity);

/* A whole number, bare or as a string of digits ("2"): clients send both.
 *
 * DR_E_NOT_FOUND: absent. DR_E_FORMAT: no integer. DR_E_RANGE: negative or above 2^32 - 1. */
DR_MUST_USE enum dr_status dr_json_u32(struct dr_json value, uint32_t *ret_number);

/* DR_E_NOT_FOUND: absent. DR_E_FORMAT: neither true nor false. */
DR_MUST_USE enum dr_status dr_json_bool(struct dr_json value, bool *ret_bool);

/* Members of an object into fields of a struct, by a table: one pass over the object. */
enum dr_json_field_kind {
    DR_JSON_FIELD_U8,
    DR_JSON_FIELD_U32,
    DR_JSON_FIELD_TEXT,         /* a char array; as dr_json_plain */
    DR_JSON_FIELD_VALUE,        /* a struct dr_json of any kind */
    DR_JSON_FIELD_STRING = '"', /* a struct dr_json that begins with this: a string */
    DR_JSON_FIELD_OBJECT = '{', /* ... an object */
};

struct dr_json_field {
    uint16_t offset;  /* offsetof the field */
    uint8_t kind;     /* enum dr_json_field_kind */
    uint8_t capacity; /* of a char array */
};

struct dr_json_fields {
    const char *names; /* "one\0other\0": a NUL behind each and behind the last; at most 31 */
    uint32_t required; /* bit k: field k must be there */
    const struct dr_json_field *rows;
};

/* Fields without a member, and those whose member is null, are left as they are: the caller clears
 * the struct first.
 *
 * DR_E_FORMAT: a required member is missing, or one is of the wrong kind. DR_E_RANGE, DR_E_SPACE:
 * it does not fit its field. On failure *out is partly filled. */
DR_MUST_USE enum dr_status
dr_json_read_fields(struct dr_json object, const struct dr_json_fields *fields, void *out);

/* Length of the well-formed UTF-8 sequence (RFC 3629) that text begins with, 0 when there is none.
 */
size_t dr_utf8_length(const uint8_t *text, size_t len);

struct dr_json_writer {
    struct dr_writer out;
    bool comma; /* private */
};

/* text is neither terminated nor allocated; out.size_bytes is its length, out.status the outcome.
 */
void dr_json_begin(struct dr_json_writer *json, void *text, size_t capacity);

/* name NULL: an element of an array, or the root. bracket is '{' or '['. */
void dr_json_open(struct dr_json_writer *json, const char *name, char bracket);
void dr_json_close(struct dr_json_writer *json, char bracket); /* '}' or ']' */

/* text is UTF-8 and is escaped as needed; '/' is never escaped. */
void dr_json_put_text(struct dr_json_writer *json, const char *name, const char *text);
void dr_json_put_hex(
    struct dr_json_writer *json, const char *name, const uint8_t *data, size_t size_bytes);
void dr_json_put_number(struct dr_json_writer *json, const char *name, uint32_t number);
/* For servers: 64-bit division is a library call on small processors. */
void dr_json_put_u64(struct dr_json_writer *json, const char *name, uint64_t number);
/* One member for each name of a list ("one\0other\0"). Texts that are NULL or empty are left out,
 * name and all; numbers are all written. */
void dr_json_put_texts(struct dr_json_writer *json, const char *names, const char *const *texts);
void dr_json_put_numbers(struct dr_json_writer *json, const char *names, const uint32_t *numbers);
void dr_json_put_bool(struct dr_json_writer *json, const char *name, bool value);

/* A value that is JSON already; an absent one is left out, name and all. */
void dr_json_put_value(struct dr_json_writer *json, const char *name, struct dr_json value);

/* The writer's outcome; the length only on success. */
DR_MUST_USE enum dr_status dr_json_end(const struct dr_json_writer *json, size_t *ret_len);

#endif
