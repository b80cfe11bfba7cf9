/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* JSON in and out, random names. */
#include "base/text.h"
#include "cloud/registry/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static enum dr_status wrong_type(struct dr_call *call, const char *name, const char *want)
{
    return dr_call_fail(call, DR_E_ARGUMENT, DR_CODE_INVALID, "%s must be %s", name, want);
}

/* A null counts as missing. */
static json_t *member(const json_t *body, const char *name)
{
    json_t *value = json_object_get(body, name);
    return json_is_null(value) ? NULL : value;
}

enum dr_status dr_body_text(
    struct dr_call *call, const json_t *body, const char *name, const char *fallback,
    const char **ret_text)
{
    const json_t *value = member(body, name);
    if (value != NULL && !json_is_string(value)) {
        return wrong_type(call, name, "a string");
    }
    if (value != NULL && strlen(json_string_value(value)) != json_string_length(value)) {
        return wrong_type(call, name, "a string without zero characters");
    }
    *ret_text = value != NULL ? json_string_value(value) : fallback;
    return DR_OK;
}

enum dr_status dr_body_int(
    struct dr_call *call, const json_t *body, const char *name, int64_t min, int64_t max,
    int64_t fallback, int64_t *ret_number)
{
    const json_t *value = member(body, name);
    if (value == NULL) {
        *ret_number = fallback;
        return DR_OK;
    }
    if (!json_is_integer(value)) {
        return wrong_type(call, name, "an integer");
    }
    int64_t number = json_integer_value(value);
    if (number < min || number > max) {
        return dr_call_fail(
            call, DR_E_RANGE, DR_CODE_INVALID, "%s must be between %lld and %lld", name,
            (long long)min, (long long)max);
    }
    *ret_number = number;
    return DR_OK;
}

enum dr_status dr_body_bool(
    struct dr_call *call, const json_t *body, const char *name, bool fallback, bool *ret_bool)
{
    const json_t *value = member(body, name);
    if (value != NULL && !json_is_boolean(value)) {
        return wrong_type(call, name, "true or false");
    }
    *ret_bool = value != NULL ? json_is_true(value) : fallback;
    return DR_OK;
}

enum dr_status
dr_body_object(struct dr_call *call, const json_t *body, const char *name, json_t **ret_object)
{
    json_t *value = member(body, name);
    if (value != NULL && !json_is_object(value)) {
        return wrong_type(call, name, "an object");
    }
    *ret_object = value;
    return DR_OK;
}

enum dr_status
dr_body_array(struct dr_call *call, const json_t *body, const char *name, json_t **ret_array)
{
    json_t *value = member(body, name);
    if (value != NULL && !json_is_array(value)) {
        return wrong_type(call, name, "a list");
    }
    *ret_array = value;
    return DR_OK;
}

char *dr_json_text(const json_t *value)
{
    return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
}

void dr_json_set(json_t *object, const char *name, json_t *value)
{
    (void)json_object_set_new(object, name, value);
}

void dr_json_set_text(json_t *object, const char *name, const char *text)
{
    if (text != NULL && text[0] != '\0') {
        dr_json_set(object, name, json_string(text));
    }
}

void dr_json_set_time(json_t *object, const char *name, int64_t at_ms)
{
    if (at_ms != 0) {
        dr_json_set(object, name, json_real((double)at_ms / 1000.0));
    }
}

enum dr_status dr_random_hex(size_t size_bytes, char *out)
{
    uint8_t random[64];
    if (size_bytes > sizeof random || getrandom(random, size_bytes, 0) != (ssize_t)size_bytes) {
        return DR_E_IO;
    }
    dr_hex_encode(random, size_bytes, out);
    return DR_OK;
}

enum dr_status dr_random_uuid(char out[37])
{
    char hex[33];
    DR_TRY(dr_random_hex(16, hex));
    hex[12] = '4';
    hex[16] = "89ab"[(hex[16] >= 'a' ? hex[16] - 'a' + 10 : hex[16] - '0') & 3];
    (void)snprintf(
        out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
    return DR_OK;
}
