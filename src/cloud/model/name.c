/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/model/name.h"

#include <stdint.h>
#include <string.h>

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Between min and max characters, each alphanumeric or one of extra. */
static bool name_of(const char *name, size_t min, size_t max, const char *extra)
{
    if (name == NULL) {
        return false;
    }
    size_t len = 0;
    for (; name[len] != '\0'; len++) {
        if (len == max) {
            return false;
        }
        if (!is_alnum(name[len]) && strchr(extra, name[len]) == NULL) {
            return false;
        }
    }
    return len >= min;
}

/* Length of the UTF-8 character at text, 0 when it is not one (overlong forms and surrogates
 * included). */
static size_t utf8_char_len(const uint8_t *text)
{
    uint8_t first = text[0];
    if (first < 0x80u) {
        return 1;
    }
    size_t len = first >= 0xf0u ? 4u : first >= 0xe0u ? 3u : 2u;
    if (first < 0xc2u || first > 0xf4u) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) { /* a NUL is no continuation byte: never past the end */
        if ((text[i] & 0xc0u) != 0x80u) {
            return 0;
        }
    }
    bool overlong = (first == 0xe0u && text[1] < 0xa0u) || (first == 0xf0u && text[1] < 0x90u);
    bool surrogate = first == 0xedu && text[1] > 0x9fu;
    bool beyond = first == 0xf4u && text[1] > 0x8fu;
    return overlong || surrogate || beyond ? 0 : len;
}

/* Between min and max bytes of UTF-8 without control characters. */
static bool printable(const char *text, size_t min, size_t max)
{
    if (text == NULL) {
        return false;
    }
    size_t at = 0;
    while (text[at] != '\0') {
        const uint8_t *here = (const uint8_t *)text + at;
        size_t len = utf8_char_len(here);
        if (len == 0 || here[0] < 0x20u || here[0] == 0x7fu) {
            return false;
        }
        if (here[0] == 0xc2u && here[1] < 0xa0u) { /* C1 controls */
            return false;
        }
        at += len;
        if (at > max) {
            return false;
        }
    }
    return at >= min;
}

bool dr_name_thing(const char *name)
{
    return name_of(name, 1, DR_THING_NAME_MAX, ":_-");
}

bool dr_name_job(const char *id)
{
    return name_of(id, 1, DR_JOB_ID_MAX, "_-");
}

bool dr_name_stream(const char *id)
{
    return name_of(id, 1, DR_STREAM_ID_MAX, "_-");
}

bool dr_name_ota_update(const char *id)
{
    return name_of(id, 1, DR_OTA_UPDATE_ID_MAX, "_-");
}

bool dr_name_policy(const char *name)
{
    return name_of(name, 1, DR_POLICY_NAME_MAX, "_+=,.@-");
}

bool dr_name_certificate(const char *id)
{
    if (id == NULL) {
        return false;
    }
    size_t len = 0;
    for (; id[len] != '\0'; len++) {
        bool hex = (id[len] >= '0' && id[len] <= '9') || (id[len] >= 'a' && id[len] <= 'f');
        if (len == DR_CERTIFICATE_ID_LEN || !hex) {
            return false;
        }
    }
    return len == DR_CERTIFICATE_ID_LEN;
}

bool dr_name_bucket(const char *name)
{
    if (!name_of(name, DR_BUCKET_NAME_MIN, DR_BUCKET_NAME_MAX, ".-")) {
        return false;
    }
    size_t len = strlen(name);
    for (size_t i = 0; i < len; i++) {
        if (name[i] >= 'A' && name[i] <= 'Z') {
            return false;
        }
    }
    return is_alnum(name[0]) && is_alnum(name[len - 1]) && strstr(name, "..") == NULL;
}

bool dr_name_object_key(const char *key)
{
    return printable(key, 1, DR_OBJECT_KEY_MAX);
}

bool dr_name_attribute(const char *name)
{
    return name_of(name, 1, DR_ATTRIBUTE_NAME_MAX, "_.,@/:#-");
}

bool dr_name_attribute_value(const char *value)
{
    return name_of(value, 0, DR_ATTRIBUTE_VALUE_MAX, "_.,@/:#=[] -");
}

bool dr_name_reason_code(const char *code)
{
    if (!name_of(code, 1, DR_REASON_CODE_MAX, "_")) {
        return false;
    }
    for (size_t i = 0; code[i] != '\0'; i++) {
        if (code[i] >= 'a' && code[i] <= 'z') {
            return false;
        }
    }
    return true;
}

bool dr_name_description(const char *text)
{
    return printable(text, 0, DR_DESCRIPTION_MAX);
}
