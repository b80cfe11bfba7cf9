/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* JSON that only servers and tools need. */
#include "format/json.h"

#include <string.h>

enum dr_json_kind dr_json_kind(struct dr_json value)
{
    if (value.len == 0) {
        return DR_JSON_ABSENT;
    }
    switch (value.text[0]) {
    case '{':
        return DR_JSON_OBJECT;
    case '[':
        return DR_JSON_ARRAY;
    case '"':
        return DR_JSON_STRING;
    case 't':
    case 'f':
        return DR_JSON_BOOL;
    case 'n':
        return DR_JSON_NULL;
    default:
        return DR_JSON_NUMBER;
    }
}

struct dr_json dr_json_member(struct dr_json object, const char *name)
{
    static const struct dr_json absent = {NULL, 0};
    if (dr_json_kind(object) != DR_JSON_OBJECT) {
        return absent;
    }
    struct dr_json_iterator iterator = dr_json_each(object);
    while (dr_json_next(&iterator)) {
        if (dr_json_is(iterator.key, name)) {
            return iterator.value;
        }
    }
    return absent;
}

/* Steps through the characters of a string value. */
struct characters {
    const char *next;
    const char *end; /* the closing quote */
};

static struct characters characters_of(struct dr_json value)
{
    return (struct characters){value.text + 1, value.text + value.len - 1};
}

static uint32_t four_hex_digits(const char *text)
{
    uint32_t unit = 0;
    for (size_t i = 0; i < 4; i++) {
        uint32_t c = (uint8_t)text[i];
        unit = unit << 4 | (c <= '9' ? c - '0' : (c | 0x20u) - 'a' + 10u);
    }
    return unit;
}

/* Behind "\u": a code point, joining a surrogate pair; 0 when it is half of one (or U+0000). */
static uint32_t take_unicode(struct characters *characters)
{
    uint32_t code = four_hex_digits(characters->next);
    characters->next += 4;
    if (code < 0xd800 || code > 0xdfff) {
        return code;
    }
    if (code > 0xdbff || characters->end - characters->next < 6 || characters->next[0] != '\\' ||
        characters->next[1] != 'u') {
        return 0;
    }
    uint32_t low = four_hex_digits(characters->next + 2);
    characters->next += 6;
    return low >= 0xdc00 && low <= 0xdfff ? 0x10000u + ((code - 0xd800u) << 10) + low - 0xdc00u : 0;
}

static size_t encode_utf8(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80u | (code & 0x3fu));
        code >>= 6;
    }
    out[0] = (char)((0xf00u >> len & 0xf0u) | code);
    return len;
}

/* The next character's UTF-8; 0 when it has no place in a C string. */
static size_t take_character(struct characters *characters, char out[4])
{
    static const char escapes[] = {'b', '\b', 'f', '\f', 'n', '\n', 'r', '\r', 't', '\t'};
    if (*characters->next != '\\') {
        out[0] = *characters->next++;
        return 1;
    }
    char kind = characters->next[1];
    characters->next += 2;
    if (kind == 'u') {
        uint32_t code = take_unicode(characters);
        return code == 0 ? 0 : encode_utf8(code, out);
    }
    out[0] = kind; /* itself for quote, backslash and slash */
    for (size_t i = 0; i < sizeof(escapes); i += 2) {
        out[0] = escapes[i] == kind ? escapes[i + 1] : out[0];
    }
    return 1;
}

enum dr_status dr_json_measure(struct dr_json value, size_t *ret_characters)
{
    size_t count = 0;
    if (dr_json_kind(value) != DR_JSON_STRING) {
        return value.len == 0 ? DR_E_NOT_FOUND : DR_E_FORMAT;
    }
    struct characters characters = characters_of(value);
    while (characters.next < characters.end) {
        char bytes[4];
        if (take_character(&characters, bytes) == 0) {
            return DR_E_FORMAT;
        }
        uint8_t first = (uint8_t)bytes[0];
        if (first < 0x20 || first == 0x7f) {
            return DR_E_RANGE;
        }
        count += (first & 0xc0u) != 0x80u ? 1 : 0; /* unescaped ones come byte by byte */
    }
    *ret_characters = count;
    return DR_OK;
}

static enum dr_status decode(struct dr_json value, char *out, size_t capacity, size_t *ret_len)
{
    size_t len = 0;
    if (dr_json_kind(value) != DR_JSON_STRING) {
        return value.len == 0 ? DR_E_NOT_FOUND : DR_E_FORMAT;
    }
    struct characters characters = characters_of(value);
    while (characters.next < characters.end) {
        char bytes[4];
        size_t count = take_character(&characters, bytes);
        if (count == 0) {
            return DR_E_FORMAT;
        }
        if (count >= capacity - len) {
            return DR_E_SPACE;
        }
        memcpy(out + len, bytes, count);
        len += count;
    }
    *ret_len = len;
    return DR_OK;
}

enum dr_status dr_json_string(struct dr_json value, char *out, size_t capacity)
{
    size_t len = 0;
    if (capacity == 0) {
        return DR_E_SPACE;
    }
    enum dr_status status = decode(value, out, capacity, &len);
    out[status == DR_OK ? len : 0] = '\0';
    return status;
}

enum dr_status dr_json_check_utf8(const void *text, size_t len, struct dr_json *ret_value)
{
    const uint8_t *bytes = text;
    for (size_t i = 0; i < len;) {
        size_t step = dr_utf8_length(bytes + i, len - i);
        if (step == 0) {
            return DR_E_FORMAT;
        }
        i += step;
    }
    return dr_json_check_object(text, len, ret_value);
}

enum dr_status dr_json_bool(struct dr_json value, bool *ret_bool)
{
    if (dr_json_kind(value) != DR_JSON_BOOL) {
        return value.len == 0 ? DR_E_NOT_FOUND : DR_E_FORMAT;
    }
    *ret_bool = value.text[0] == 't';
    return DR_OK;
}

void dr_json_put_bool(struct dr_json_writer *json, const char *name, bool value)
{
    const struct dr_json word = {value ? "true" : "false", value ? 4 : 5};
    dr_json_put_value(json, name, word);
}

void dr_json_put_u64(struct dr_json_writer *json, const char *name, uint64_t number)
{
    char digits[20];
    size_t begin = sizeof(digits);
    do {
        digits[--begin] = (char)('0' + number % 10u);
        number /= 10u;
    } while (number > 0);
    const struct dr_json value = {digits + begin, sizeof(digits) - begin};
    dr_json_put_value(json, name, value);
}
