/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/json.h"

#include "base/text.h"
#include "format/decimal.h"

#include <string.h>

void dr_json_begin(struct dr_json_writer *json, void *text, size_t capacity)
{
    dr_writer_init(&json->out, text, capacity);
    json->comma = false;
}

static void put_char(struct dr_json_writer *json, char c)
{
    dr_write_u8(&json->out, (uint8_t)c);
}

static void put_hex_byte(struct dr_json_writer *json, uint8_t byte)
{
    char digits[DR_HEX_SIZE(1)];
    dr_hex_encode(&byte, 1, digits);
    dr_write_text(&json->out, digits);
}

static void put_escaped(struct dr_json_writer *json, const char *text)
{
    put_char(json, '"');
    for (; *text != '\0'; text++) {
        uint8_t c = (uint8_t)*text;
        if (c == '"' || c == '\\') {
            put_char(json, '\\');
        }
        if (c < 0x20) {
            dr_write_text(&json->out, "\\u00");
            put_hex_byte(json, c);
        } else {
            put_char(json, (char)c);
        }
    }
    put_char(json, '"');
}

/* The comma before, and the name. */
static void put_name(struct dr_json_writer *json, const char *name)
{
    if (json->comma) {
        put_char(json, ',');
    }
    json->comma = true;
    if (name != NULL) {
        put_escaped(json, name);
        put_char(json, ':');
    }
}

void dr_json_open(struct dr_json_writer *json, const char *name, char bracket)
{
    put_name(json, name);
    put_char(json, bracket);
    json->comma = false;
}

void dr_json_close(struct dr_json_writer *json, char bracket)
{
    put_char(json, bracket);
    json->comma = true;
}

void dr_json_put_text(struct dr_json_writer *json, const char *name, const char *text)
{
    put_name(json, name);
    put_escaped(json, text);
}

void dr_json_put_hex(
    struct dr_json_writer *json, const char *name, const uint8_t *data, size_t size_bytes)
{
    put_name(json, name);
    put_char(json, '"');
    for (size_t i = 0; i < size_bytes; i++) {
        put_hex_byte(json, data[i]);
    }
    put_char(json, '"');
}

void dr_json_put_number(struct dr_json_writer *json, const char *name, uint32_t number)
{
    char digits[DR_DECIMAL_BYTES];
    put_name(json, name);
    (void)dr_decimal(number, digits);
    dr_write_text(&json->out, digits);
}

void dr_json_put_texts(struct dr_json_writer *json, const char *names, const char *const *texts)
{
    for (; *names != '\0'; names += strlen(names) + 1, texts++) {
        if (*texts != NULL && **texts != '\0') {
            dr_json_put_text(json, names, *texts);
        }
    }
}

void dr_json_put_numbers(struct dr_json_writer *json, const char *names, const uint32_t *numbers)
{
    for (; *names != '\0'; names += strlen(names) + 1) {
        dr_json_put_number(json, names, *numbers++);
    }
}

void dr_json_put_value(struct dr_json_writer *json, const char *name, struct dr_json value)
{
    if (value.len > 0) {
        put_name(json, name);
        dr_write_bytes(&json->out, (const uint8_t *)value.text, value.len);
    }
}

enum dr_status dr_json_end(const struct dr_json_writer *json, size_t *ret_len)
{
    DR_TRY(json->out.status);
    *ret_len = json->out.size_bytes;
    return DR_OK;
}
