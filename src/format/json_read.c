/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Reading JSON: one strict pass proves the text, everything after it can walk without checking. */
#include "format/json.h"

#include "base/text.h"
#include "format/word.h"

#include <string.h>

/* A position in the text. */
struct scan {
    const uint8_t *next;
    const uint8_t *end;
};

static uint8_t peek(const struct scan *scan)
{
    return scan->next < scan->end ? *scan->next : 0;
}

/* Returns the byte behind the blanks, 0 at the end. */
static uint8_t skip_blanks(struct scan *scan)
{
    while (peek(scan) == ' ' || peek(scan) == '\t' || peek(scan) == '\n' || peek(scan) == '\r') {
        scan->next++;
    }
    return peek(scan);
}

/* Step over c; false when something else comes. */
static bool scan_char(struct scan *scan, uint8_t c)
{
    if (scan->next == scan->end || *scan->next != c) {
        return false;
    }
    scan->next++;
    return true;
}

/* Step over all that is between low and high; false when nothing is. */
static bool scan_range(struct scan *scan, uint8_t low, uint8_t high)
{
    const uint8_t *begin = scan->next;
    while (peek(scan) >= low && peek(scan) <= high) {
        scan->next++;
    }
    return scan->next > begin;
}

static bool scan_digits(struct scan *scan)
{
    return scan_range(scan, '0', '9');
}

/* Behind a backslash. */
static bool scan_escape(struct scan *scan)
{
    uint8_t unit[2];
    if (!scan_char(scan, 'u')) {
        bool known = memchr("\"\\/bfnrt", peek(scan), 8) != NULL;
        scan->next += known ? 1 : 0;
        return known;
    }
    if (scan->end - scan->next < 4 ||
        dr_hex_decode((const char *)scan->next, 4, unit, sizeof(unit)) != DR_OK) {
        return false;
    }
    scan->next += 4;
    return true;
}

static bool scan_string(struct scan *scan)
{
    if (!scan_char(scan, '"')) {
        return false;
    }
    while (scan->next < scan->end && *scan->next != '"') {
        uint8_t c = *scan->next++;
        if (c < 0x20 || (c == '\\' && !scan_escape(scan))) {
            return false;
        }
    }
    return scan_char(scan, '"');
}

static bool scan_number(struct scan *scan)
{
    (void)scan_char(scan, '-');
    if (!scan_char(scan, '0') && !scan_digits(scan)) {
        return false;
    }
    if (scan_char(scan, '.') && !scan_digits(scan)) {
        return false;
    }
    if ((peek(scan) | 0x20) == 'e') {
        scan->next++;
        if (peek(scan) == '+' || peek(scan) == '-') {
            scan->next++;
        }
        return scan_digits(scan);
    }
    return true;
}

/* true, false or null */
static bool scan_word(struct scan *scan)
{
    const uint8_t *begin = scan->next;
    (void)scan_range(scan, 'a', 'z');
    return dr_word_find("true\0false\0null\0", (const char *)begin, (size_t)(scan->next - begin)) !=
           0;
}

/* A value that holds no others. */
static bool scan_scalar(struct scan *scan)
{
    uint8_t c = peek(scan);
    if (c == '"') {
        return scan_string(scan);
    }
    return c >= 'a' ? scan_word(scan) : scan_number(scan);
}

/* One value with all that is in it. closers[depth] ends the innermost container. bound: every turn
 * of either loop steps over at least one byte. */
static enum dr_status scan_value(struct scan *scan)
{
    uint8_t closers[DR_JSON_DEPTH_MAX + 1u];
    unsigned depth = 0;
    bool key = false;
    closers[0] = 0;
    do {
        uint8_t c = skip_blanks(scan);
        key = closers[depth] == '}' && !key; /* what comes behind a key is its value */
        if (!key && (c == '{' || c == '[')) {
            if (depth == DR_JSON_DEPTH_MAX) {
                return DR_E_RANGE;
            }
            c += 2; /* the matching bracket, in ASCII */
            closers[++depth] = c;
            scan->next++;
            if (skip_blanks(scan) != c) {
                continue;
            }
        } else if ((key && c != '"') || !scan_scalar(scan)) {
            return DR_E_FORMAT;
        }
        /* Behind a value: close containers until one goes on. */
        while (depth > 0) {
            c = skip_blanks(scan);
            if (key || c != closers[depth]) {
                if (c != (key ? ':' : ',')) {
                    return DR_E_FORMAT;
                }
                scan->next++;
                break;
            }
            scan->next++;
            depth--;
        }
    } while (depth > 0);
    return DR_OK;
}

enum dr_status dr_json_check(const void *text, size_t len, struct dr_json *ret_value)
{
    const uint8_t *begin = text;
    if (len == 0) {
        return DR_E_FORMAT;
    }
    struct scan scan = {begin, begin + len};
    (void)skip_blanks(&scan);
    begin = scan.next;
    DR_TRY(scan_value(&scan));
    size_t value_len = (size_t)(scan.next - begin);
    (void)skip_blanks(&scan);
    if (scan.next != scan.end) {
        return DR_E_FORMAT;
    }
    ret_value->text = (const char *)begin;
    ret_value->len = value_len;
    return DR_OK;
}

enum dr_status dr_json_check_object(const void *text, size_t len, struct dr_json *ret_value)
{
    DR_TRY(dr_json_check(text, len, ret_value));
    return ret_value->text[0] == '{' ? DR_OK : DR_E_FORMAT;
}

struct dr_json_iterator dr_json_each(struct dr_json container)
{
    struct dr_json_iterator iterator = {.next = container.text, .end = container.text};
    if (container.len > 0 && (container.text[0] == '{' || container.text[0] == '[')) {
        iterator.end += container.len;
    }
    return iterator;
}

/* next stands on the bracket or the comma before an element. The text was checked, so what
 * scan_value does not take is the end of an empty container. */
bool dr_json_next(struct dr_json_iterator *iterator)
{
    struct scan scan = {(const uint8_t *)iterator->next, (const uint8_t *)iterator->end};
    iterator->key.len = 0;
    iterator->value.len = 0;
    while (scan.next < scan.end) { /* bound: twice, for a key and for its value */
        scan.next++;
        (void)skip_blanks(&scan);
        const uint8_t *begin = scan.next;
        if (scan_value(&scan) != DR_OK) {
            break;
        }
        iterator->key = iterator->value;
        iterator->value.text = (const char *)begin;
        iterator->value.len = (size_t)(scan.next - begin);
        uint8_t c = skip_blanks(&scan);
        if (c != ':') {
            iterator->next = c == ',' ? (const char *)scan.next : iterator->end;
            return true;
        }
    }
    iterator->next = iterator->end;
    return false;
}
