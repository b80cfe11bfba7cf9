/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A JSON object as aligned lines for a person: "counters.security  2". */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NAME_BYTES 128u
#define DEPTH_MAX 8u

struct lines {
    int width; /* of the longest name, found in a first pass that prints nothing */
    bool counting;
    bool words; /* names as words: "boot reason", not "bootReason" */
    double now_s;
};

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* "1 d 2 h", "3 min 20 s", "0.25 s": two units at most. */
static void duration(double s, char *out, size_t capacity_bytes)
{
    long long whole = (long long)s;
    if (s < 10) {
        snprintf(out, capacity_bytes, "%.3g s", s);
    } else if (whole < 60) {
        snprintf(out, capacity_bytes, "%lld s", whole);
    } else if (whole < 3600) {
        snprintf(out, capacity_bytes, "%lld min %lld s", whole / 60, whole % 60);
    } else if (whole < 86400) {
        snprintf(out, capacity_bytes, "%lld h %lld min", whole / 3600, whole / 60 % 60);
    } else {
        snprintf(out, capacity_bytes, "%lld d %lld h", whole / 86400, whole / 3600 % 24);
    }
}

static void point_in_time(double now_s, double at_s, char *out, size_t capacity_bytes)
{
    char ago[48];
    struct tm utc;
    time_t whole = (time_t)at_s;
    size_t len = gmtime_r(&whole, &utc) != NULL
                     ? strftime(out, capacity_bytes, "%Y-%m-%d %H:%M:%S UTC", &utc)
                     : 0;
    duration(now_s > at_s ? now_s - at_s : 0, ago, sizeof ago);
    snprintf(out + len, capacity_bytes - len, " (%s ago)", ago);
}

/* Names say what a number is: …At, …at (seconds since 1970), …_ms, uptime (seconds). */
static void number(const struct lines *lines, const char *key, double value, bool whole)
{
    char text[96];
    if ((ends_with(key, "At") || strcmp(key, "at") == 0) && value > 0) {
        point_in_time(lines->now_s, value, text, sizeof text);
    } else if (ends_with(key, "_ms")) {
        duration(value / 1000.0, text, sizeof text);
    } else if (strcmp(key, "uptime") == 0) {
        duration(value, text, sizeof text);
    } else {
        snprintf(text, sizeof text, whole ? "%.0f" : "%g", value);
    }
    puts(text);
}

/* "counters.bootReason_ms" as "counters boot reason ms". out holds 2 * NAME_BYTES. */
static void in_words(const char *name, char *out)
{
    for (char before = ' '; *name != '\0'; before = *name++) {
        bool capital = *name >= 'A' && *name <= 'Z';
        if (capital && before >= 'a' && before <= 'z') {
            *out++ = ' ';
        }
        *out++ = capital ? (char)(*name - 'A' + 'a') : *name == '.' || *name == '_' ? ' ' : *name;
    }
    *out = '\0';
}

static void leaf(struct lines *lines, const char *path, const char *key, const json_t *value)
{
    char words[2 * NAME_BYTES];
    if (lines->words) {
        in_words(path, words);
    }
    const char *name = lines->words ? words : path;
    int len = (int)strlen(name) - (ends_with(path, "_ms") ? 3 : 0);
    if (lines->counting) {
        lines->width = len > lines->width ? len : lines->width;
        return;
    }
    printf("%-*.*s  ", lines->width, len, name);
    if (json_is_string(value)) {
        puts(json_string_value(value)[0] != '\0' ? json_string_value(value) : "-");
    } else if (json_is_number(value)) {
        number(lines, key, json_number_value(value), json_is_integer(value));
    } else {
        puts(json_is_true(value) ? "yes" : json_is_false(value) ? "no" : "-");
    }
}

static void branch(
    struct lines *lines, const char *prefix, const char *key, const json_t *value, unsigned depth)
{
    char name[NAME_BYTES];
    const char *inner_key = NULL;
    json_t *inner = NULL;
    size_t index = 0;
    bool empty = json_object_size(value) == 0 && json_array_size(value) == 0;
    snprintf(name, sizeof name, "%s%s%s", prefix, prefix[0] != '\0' ? "." : "", key);
    if (strcmp(key, "clientToken") == 0) {
        return; /* of one message, nobody's business */
    }
    if (empty || depth == DEPTH_MAX) {
        leaf(lines, name, key, value);
        return;
    }
    /* jansson iterates over objects through pointers that are not const; nothing is changed. */
    json_object_foreach((json_t *)(uintptr_t)value, inner_key, inner)
    {
        branch(lines, name, inner_key, inner, depth + 1u);
    }
    json_array_foreach(value, index, inner)
    {
        char number_text[24];
        snprintf(number_text, sizeof number_text, "%zu", index + 1u);
        branch(lines, name, number_text, inner, depth + 1u);
    }
}

static void print(const json_t *object, bool words)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct lines lines = {.words = words};
    lines.now_s = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
    for (int pass = 0; pass < 2; pass++) {
        const char *key = NULL;
        json_t *value = NULL;
        lines.counting = pass == 0;
        json_object_foreach((json_t *)(uintptr_t)object, key, value)
        {
            branch(&lines, "", key, value, 0);
        }
    }
}

void dr_cli_print_lines(const json_t *object)
{
    print(object, false);
}

void dr_cli_print_words(const json_t *object)
{
    print(object, true);
}
