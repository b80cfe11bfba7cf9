/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/wire/wire.h"

#include "base/check.h"
#include "base/cursor.h"
#include "base/text.h"

#include <string.h>

DR_STATIC_ASSERT(
    sizeof(DR_WIRE_THINGS_PREFIX) == sizeof(DR_WIRE_IN_PREFIX), "the rewrite must be in place");

void dr_wire_token_format(uint64_t token, char out[DR_WIRE_TOKEN_BYTES])
{
    for (size_t i = 0; i < 16; i++) {
        out[i] = "0123456789abcdef"[(token >> (60 - 4 * i)) & 15];
    }
    out[16] = '\0';
}

enum dr_status dr_wire_token_parse(const char *text, uint64_t *ret_token)
{
    uint8_t bytes[8];
    if (strnlen(text, 17) != 16 || dr_hex_decode(text, 16, bytes, sizeof(bytes)) != DR_OK) {
        return DR_E_FORMAT;
    }
    uint64_t token = 0;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        token = token << 8 | bytes[i];
    }
    *ret_token = token;
    return DR_OK;
}

void dr_wire_number_format(uint64_t number, char out[DR_WIRE_NUMBER_BYTES])
{
    char reversed[DR_WIRE_NUMBER_BYTES];
    size_t count = 0;
    do { /* bound: 20 digits hold any 64-bit number */
        reversed[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    for (size_t i = 0; i < count; i++) {
        out[i] = reversed[count - 1 - i];
    }
    out[count] = '\0';
}

enum dr_status dr_wire_number_parse(const char *text, uint64_t *ret_number)
{
    size_t len = strnlen(text, DR_WIRE_NUMBER_BYTES);
    if (len == 0 || len == DR_WIRE_NUMBER_BYTES || (len > 1 && text[0] == '0')) {
        return DR_E_FORMAT;
    }
    uint64_t number = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return DR_E_FORMAT;
        }
        uint64_t digit = (uint64_t)(text[i] - '0');
        if (number > (UINT64_MAX - digit) / 10) {
            return DR_E_RANGE;
        }
        number = number * 10 + digit;
    }
    *ret_number = number;
    return DR_OK;
}

static bool name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ':' ||
           c == '_' || c == '-';
}

bool dr_wire_thing_name_valid(const char *name, size_t name_len)
{
    if (name_len == 0 || name_len > DR_WIRE_THING_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < name_len; i++) {
        if (!name_character(name[i])) {
            return false;
        }
    }
    return true;
}

bool dr_wire_client_id_valid(const char *client_id)
{
    size_t len = strnlen(client_id, DR_WIRE_CLIENT_ID_MAX + 1);
    if (len == 0 || len > DR_WIRE_CLIENT_ID_MAX) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)client_id[i];
        if (c < 0x20 || c == 0x7f || c == '+' || c == '#') {
            return false;
        }
    }
    return true;
}

static bool begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool dr_wire_topic_thing(
    const char *topic, const char **ret_thing, size_t *ret_thing_len, const char **ret_rest)
{
    if (!begins(topic, DR_WIRE_THINGS_PREFIX) && !begins(topic, DR_WIRE_IN_PREFIX)) {
        return false;
    }
    const char *thing = topic + sizeof(DR_WIRE_THINGS_PREFIX) - 1;
    const char *slash = strchr(thing, '/');
    if (slash == NULL || slash[1] == '\0' ||
        !dr_wire_thing_name_valid(thing, (size_t)(slash - thing))) {
        return false;
    }
    *ret_thing = thing;
    *ret_thing_len = (size_t)(slash - thing);
    *ret_rest = slash + 1;
    return true;
}

bool dr_wire_rewrite_in(char *topic)
{
    if (!begins(topic, DR_WIRE_THINGS_PREFIX)) {
        return false;
    }
    memcpy(topic, DR_WIRE_IN_PREFIX, sizeof(DR_WIRE_IN_PREFIX) - 1);
    return true;
}

bool dr_wire_rewrite_pub(char *topic)
{
    const size_t prefix_len = sizeof(DR_WIRE_PUB_PREFIX) - 1;
    if (!begins(topic, DR_WIRE_PUB_PREFIX) || topic[prefix_len] == '\0') {
        return false;
    }
    memmove(topic, topic + prefix_len, strlen(topic + prefix_len) + 1);
    return true;
}

bool dr_wire_topic_is_stream_data(const char *topic)
{
    const char *thing;
    const char *rest;
    size_t thing_len;
    if (!dr_wire_topic_thing(topic, &thing, &thing_len, &rest) || !begins(rest, "streams/")) {
        return false;
    }
    const char *slash = strchr(rest + sizeof("streams/") - 1, '/');
    return slash != NULL && begins(slash, "/data/");
}

void dr_wire_boot_encode(const struct dr_wire_boot *boot, uint8_t out[DR_WIRE_BOOT_BYTES])
{
    struct dr_writer writer;
    dr_writer_init(&writer, out, DR_WIRE_BOOT_BYTES);
    dr_write_u64(&writer, boot->boot);
    dr_write_u64(&writer, boot->snapshot_generation);
    dr_write_u64(&writer, boot->snapshot_sequence);
    dr_write_u64(&writer, boot->oldest_number);
    dr_write_u64(&writer, boot->next_number);
}

enum dr_status
dr_wire_boot_decode(const uint8_t *data, size_t size_bytes, struct dr_wire_boot *ret_boot)
{
    struct dr_reader reader;
    dr_reader_init(&reader, data, size_bytes);
    struct dr_wire_boot boot;
    boot.boot = dr_read_u64(&reader);
    boot.snapshot_generation = dr_read_u64(&reader);
    boot.snapshot_sequence = dr_read_u64(&reader);
    boot.oldest_number = dr_read_u64(&reader);
    boot.next_number = dr_read_u64(&reader);
    DR_TRY(dr_reader_end(&reader));
    *ret_boot = boot;
    return DR_OK;
}

const char *dr_wire_disconnect_word(enum dr_wire_disconnect reason)
{
    switch (reason) {
    case DR_WIRE_REASON_NONE:
        return "NONE";
    case DR_WIRE_REASON_CONNECTION_LOST:
        return "CONNECTION_LOST";
    case DR_WIRE_REASON_DUPLICATE_CLIENTID:
        return "DUPLICATE_CLIENTID";
    case DR_WIRE_REASON_FORBIDDEN_ACCESS:
        return "FORBIDDEN_ACCESS";
    case DR_WIRE_REASON_SERVER_INITIATED_DISCONNECT:
        return "SERVER_INITIATED_DISCONNECT";
    case DR_WIRE_REASON_THROTTLED:
        return "THROTTLED";
    }
    return "UNKNOWN";
}

/* A text of at most 255 bytes: u8 length, bytes. */
static void write_text(struct dr_writer *writer, const char *text, size_t len_max)
{
    size_t len = strnlen(text, len_max + 1);
    if (len > len_max || len > UINT8_MAX) {
        dr_writer_fail(writer, DR_E_SPACE);
        return;
    }
    dr_write_u8(writer, (uint8_t)len);
    dr_write_bytes(writer, (const uint8_t *)text, len);
}

static void read_text(struct dr_reader *reader, char *out, size_t len_max)
{
    size_t len = dr_read_u8(reader);
    if (len > len_max) {
        dr_reader_fail(reader, DR_E_FORMAT);
        len = 0;
    }
    dr_read_bytes(reader, (uint8_t *)out, len);
    out[len] = '\0';
    if (memchr(out, 0, len) != NULL) {
        dr_reader_fail(reader, DR_E_FORMAT);
    }
}

size_t dr_wire_presence_encode(
    const struct dr_wire_presence *presence, uint8_t out[DR_WIRE_PRESENCE_BYTES_MAX])
{
    struct dr_writer writer;
    dr_writer_init(&writer, out, DR_WIRE_PRESENCE_BYTES_MAX);
    dr_write_u8(&writer, (uint8_t)presence->event);
    dr_write_u8(&writer, (uint8_t)presence->reason);
    dr_write_u64(&writer, presence->session);
    dr_write_u64(&writer, presence->time_ms);
    dr_write_u32(&writer, presence->version);
    dr_write_bytes(&writer, presence->certificate_id, sizeof(presence->certificate_id));
    write_text(&writer, presence->client_id, DR_WIRE_CLIENT_ID_MAX);
    write_text(&writer, presence->address, DR_WIRE_ADDRESS_BYTES - 1);
    DR_CHECK(writer.status == DR_OK); /* 54 + 129 + 46 bytes at most */
    return writer.size_bytes;
}

enum dr_status dr_wire_presence_decode(
    const uint8_t *data, size_t size_bytes, struct dr_wire_presence *ret_presence)
{
    struct dr_reader reader;
    dr_reader_init(&reader, data, size_bytes);
    struct dr_wire_presence presence;
    unsigned event = dr_read_u8(&reader);
    unsigned reason = dr_read_u8(&reader);
    presence.session = dr_read_u64(&reader);
    presence.time_ms = dr_read_u64(&reader);
    presence.version = dr_read_u32(&reader);
    dr_read_bytes(&reader, presence.certificate_id, sizeof(presence.certificate_id));
    read_text(&reader, presence.client_id, DR_WIRE_CLIENT_ID_MAX);
    read_text(&reader, presence.address, DR_WIRE_ADDRESS_BYTES - 1);
    DR_TRY(dr_reader_end(&reader));
    if ((event != DR_WIRE_CONNECTED && event != DR_WIRE_DISCONNECTED) ||
        reason > DR_WIRE_REASON_THROTTLED) {
        return DR_E_FORMAT;
    }
    presence.event = (enum dr_wire_presence_event)event;
    presence.reason = (enum dr_wire_disconnect)reason;
    *ret_presence = presence;
    return DR_OK;
}
