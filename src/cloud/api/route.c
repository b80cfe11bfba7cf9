/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/api/route.h"

#include "base/text.h"

#include <string.h>

struct span {
    const char *text;
    size_t len;
};

static bool is_unit(char c, unsigned low, unsigned high)
{
    unsigned value = (unsigned char)c;
    return value >= low && value <= high;
}

/* Well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. */
static bool is_utf8(const char *text)
{
    while (*text != '\0') { /* bound: the text */
        unsigned lead = (unsigned char)*text++;
        unsigned more = 0;
        if (lead < 0x80) {
            continue;
        }
        if (lead >= 0xc2 && lead <= 0xdf) {
            more = 1;
        } else if (lead >= 0xe0 && lead <= 0xef) {
            more = 2;
        } else if (lead >= 0xf0 && lead <= 0xf4) {
            more = 3;
        } else {
            return false;
        }
        unsigned low = lead == 0xe0 ? 0xa0u : lead == 0xf0 ? 0x90u : 0x80u;
        unsigned high = lead == 0xed ? 0x9fu : lead == 0xf4 ? 0x8fu : 0xbfu;
        if (!is_unit(*text++, low, high)) {
            return false;
        }
        for (; more > 1; more--) {
            if (!is_unit(*text++, 0x80, 0xbf)) {
                return false;
            }
        }
    }
    return true;
}

/* Decode one percent-encoded run; '+' stays '+'. DR_E_FORMAT (broken escape, NUL), DR_E_SPACE. */
static enum dr_status
percent_decode(const char *text, size_t text_len, char *out, size_t capacity_bytes)
{
    size_t len = 0;
    for (size_t i = 0; i < text_len; i++) {
        char c = text[i];
        if (c == '%') {
            uint8_t byte = 0;
            if (text_len - i < 3 || dr_hex_decode(text + i + 1, 2, &byte, 1) != DR_OK) {
                return DR_E_FORMAT;
            }
            c = (char)byte;
            i += 2;
        }
        if (c == '\0') {
            return DR_E_FORMAT;
        }
        if (len + 1 >= capacity_bytes) {
            return DR_E_SPACE;
        }
        out[len++] = c;
    }
    if (capacity_bytes == 0) {
        return DR_E_SPACE;
    }
    out[len] = '\0';
    return is_utf8(out) ? DR_OK : DR_E_FORMAT;
}

/* --- path --- */

/* The part of the path from here up to the next '/' or the end. */
static struct span segment_at(const char *path, const char *path_end)
{
    const char *end = memchr(path, '/', (size_t)(path_end - path));
    return (struct span){.text = path, .len = (size_t)((end == NULL ? path_end : end) - path)};
}

static bool is_dotted(struct span segment)
{
    return segment.len == 0 || (segment.len == 1 && segment.text[0] == '.') ||
           (segment.len == 2 && memcmp(segment.text, "..", 2) == 0);
}

static enum dr_status take_parameter(struct span segment, struct dr_api_match *match)
{
    char *out = match->parameters[match->parameter_count];
    DR_TRY(percent_decode(segment.text, segment.len, out, DR_API_PARAMETER_BYTES));
    match->parameter_count++;
    return DR_OK;
}

/* DR_OK: fits, parameters taken. DR_E_NOT_FOUND: does not fit. DR_E_FORMAT: fits, but is broken. */
static enum dr_status
match_path(const char *template, const char *path, const char *path_end, struct dr_api_match *match)
{
    match->parameter_count = 0;
    template ++;
    path++;
    for (;;) { /* bound: each turn takes a segment of the template */
        size_t want_len = strcspn(template, "/");
        struct span segment = segment_at(path, path_end);
        if (strcmp(template, "{+}") == 0) {
            struct span rest = {.text = path, .len = (size_t)(path_end - path)};
            return rest.len == 0 ? DR_E_NOT_FOUND : take_parameter(rest, match);
        }
        if (want_len == 2 && memcmp(template, "{}", 2) == 0) {
            if (is_dotted(segment)) {
                return segment.len == 0 ? DR_E_NOT_FOUND : DR_E_FORMAT;
            }
            if (take_parameter(segment, match) != DR_OK) {
                return DR_E_FORMAT;
            }
        } else if (segment.len != want_len || memcmp(segment.text, template, want_len) != 0) {
            return DR_E_NOT_FOUND;
        }
        template += want_len;
        path = segment.text + segment.len;
        if (*template == '\0' || path == path_end) {
            return *template == '\0' && path == path_end ? DR_OK : DR_E_NOT_FOUND;
        }
        template ++;
        path++;
    }
}

enum dr_status dr_api_route_find(
    const struct dr_api_route_table *table, const char *method, const char *target,
    struct dr_api_match *ret_match)
{
    const char *path_end = target + strcspn(target, "?");
    enum dr_status result = DR_E_NOT_FOUND;
    if (target[0] != '/') {
        return DR_E_FORMAT;
    }
    for (size_t i = 0; i < table->count; i++) {
        const struct dr_api_route *route = &table->routes[i];
        char unused[1];
        if (route->needs != NULL &&
            dr_api_query_value(target, route->needs, unused, sizeof unused) == DR_E_NOT_FOUND) {
            continue;
        }
        enum dr_status status = match_path(route->path, target, path_end, ret_match);
        if (status == DR_E_NOT_FOUND) {
            continue;
        }
        if (status != DR_OK) {
            return DR_E_FORMAT;
        }
        if (strcmp(route->method, method) == 0) {
            ret_match->route = route;
            return DR_OK;
        }
        result = DR_E_UNSUPPORTED;
    }
    return result;
}

/* --- query --- */

/* The next key=value of a query; false at its end. Empty pieces are skipped. */
static bool next_parameter(const char **query, struct span *ret_key, struct span *ret_value)
{
    while (**query == '&') {
        (*query)++;
    }
    if (**query == '\0') {
        return false;
    }
    size_t len = strcspn(*query, "&");
    const char *equals = memchr(*query, '=', len);
    size_t key_len = equals == NULL ? len : (size_t)(equals - *query);
    *ret_key = (struct span){.text = *query, .len = key_len};
    *ret_value = equals == NULL ? (struct span){.text = "", .len = 0}
                                : (struct span){.text = equals + 1, .len = len - key_len - 1};
    *query += len;
    return true;
}

static const char *query_of(const char *target)
{
    const char *mark = strchr(target, '?');
    return mark == NULL ? "" : mark + 1;
}

enum dr_status
dr_api_query_value(const char *target, const char *key, char *out, size_t capacity_bytes)
{
    const char *query = query_of(target);
    struct span name;
    struct span value;
    while (next_parameter(&query, &name, &value)) { /* bound: the target */
        char decoded[DR_API_QUERY_KEY_BYTES];
        if (percent_decode(name.text, name.len, decoded, sizeof decoded) == DR_OK &&
            strcmp(decoded, key) == 0) {
            return percent_decode(value.text, value.len, out, capacity_bytes);
        }
    }
    return DR_E_NOT_FOUND;
}

static bool listed(const char *words, const char *word)
{
    size_t word_len = strlen(word);
    while (words != NULL && *words != '\0') { /* bound: the list */
        size_t len = strcspn(words, " ");
        if (len == word_len && memcmp(words, word, len) == 0) {
            return true;
        }
        words += len + strspn(words + len, " ");
    }
    return false;
}

static bool occurs_again(const char *rest, const char *key)
{
    struct span name;
    struct span value;
    while (next_parameter(&rest, &name, &value)) { /* bound: the target */
        char decoded[DR_API_QUERY_KEY_BYTES];
        if (percent_decode(name.text, name.len, decoded, sizeof decoded) == DR_OK &&
            strcmp(decoded, key) == 0) {
            return true;
        }
    }
    return false;
}

enum dr_status dr_api_route_check_query(
    const struct dr_api_route *route, const char *target, char ret_key[DR_API_QUERY_KEY_BYTES])
{
    static const char always[] = "x-id X-Amz-Algorithm X-Amz-Credential X-Amz-Date X-Amz-Expires "
                                 "X-Amz-SignedHeaders X-Amz-Signature";
    const char *query = query_of(target);
    struct span name;
    struct span value;
    while (next_parameter(&query, &name, &value)) { /* bound: the target */
        ret_key[0] = '\0';
        if (percent_decode(name.text, name.len, ret_key, DR_API_QUERY_KEY_BYTES) != DR_OK) {
            ret_key[0] = '\0';
            return DR_E_FORMAT;
        }
        bool known = listed(always, ret_key) || listed(route->accepts, ret_key) ||
                     listed(route->needs, ret_key);
        if (!known || occurs_again(query, ret_key)) {
            return DR_E_FORMAT;
        }
    }
    return DR_OK;
}

/* --- services --- */

enum dr_api_service dr_api_service_from_scope(const char *scope_service)
{
    static const struct {
        const char *scope;
        enum dr_api_service service;
    } names[] = {
        {"iot", DR_API_IOT},
        {"execute-api", DR_API_IOT},
        {"iot-jobs-data", DR_API_JOBS_DATA},
        {"iotdata", DR_API_IOT_DATA},
        {"s3", DR_API_S3},
        {"sts", DR_API_STS},
        {"signer", DR_API_SIGNER},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i].scope, scope_service) == 0) {
            return names[i].service;
        }
    }
    return DR_API_OTHER;
}

const struct dr_api_route_table *dr_api_service_routes(enum dr_api_service service)
{
    static const struct dr_api_route_table none = {.routes = NULL, .count = 0};
    switch (service) {
    case DR_API_IOT:
        return &dr_api_routes_iot;
    case DR_API_JOBS_DATA:
        return &dr_api_routes_jobs_data;
    case DR_API_S3:
        return &dr_api_routes_s3;
    case DR_API_STS:
        return &dr_api_routes_sts;
    case DR_API_IOT_DATA:
    case DR_API_SIGNER:
    case DR_API_OTHER:
        return &none;
    }
    return &none;
}
