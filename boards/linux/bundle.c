/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/linux/bundle.h"

#include "base/cursor.h"
#include "format/enclosed.h"

#include <stdbool.h>
#include <string.h>

static const uint8_t magic[8] = {'D', 'R', 'B', 'U', 'N', 'D', 'L', '1'};

enum field_kind {
    FIELD_THING_NAME = 1,
    FIELD_MQTT_HOST = 2,
    FIELD_MQTT_PORT = 3,
    FIELD_CA = 4,
    FIELD_NORMAL_CERTIFICATE = 5,
    FIELD_RECOVERY_CERTIFICATE = 6,
    FIELD_NETWORK = 7,
    FIELD_BUNDLE_KEY = 8,
};

static bool fits(const struct dr_bundle_text *field, size_t max)
{
    return field->len <= max && (field->len == 0 || field->text != NULL);
}

static bool complete(const struct dr_bundle *bundle)
{
    return bundle->thing_name.len > 0 && bundle->mqtt_host.len > 0 && bundle->mqtt_port != 0 &&
           bundle->ca_pem.len > 0;
}

static bool bounded(const struct dr_bundle *bundle)
{
    return fits(&bundle->thing_name, DR_BUNDLE_NAME_BYTES_MAX) &&
           fits(&bundle->mqtt_host, DR_BUNDLE_HOST_BYTES_MAX) &&
           fits(&bundle->ca_pem, DR_BUNDLE_PEM_BYTES_MAX) &&
           fits(&bundle->normal_certificate_pem, DR_BUNDLE_PEM_BYTES_MAX) &&
           fits(&bundle->recovery_certificate_pem, DR_BUNDLE_PEM_BYTES_MAX) &&
           (bundle->network.len == 0 ||
            dr_network_valid((const uint8_t *)bundle->network.text, bundle->network.len)) &&
           (bundle->bundle_key.len == 0 || bundle->bundle_key.len == DR_ENCLOSED_KEY_BYTES);
}

static void
put_text(struct dr_writer *writer, enum field_kind kind, const struct dr_bundle_text *field)
{
    if (field->len == 0) {
        return;
    }
    dr_write_u8(writer, (uint8_t)kind);
    dr_write_u32(writer, (uint32_t)field->len);
    dr_write_bytes(writer, (const uint8_t *)field->text, field->len);
}

enum dr_status dr_bundle_encode(
    const struct dr_bundle *bundle, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes)
{
    if (!complete(bundle) || !bounded(bundle)) {
        return DR_E_ARGUMENT;
    }
    struct dr_writer writer;
    dr_writer_init(&writer, out, capacity_bytes);
    dr_write_bytes(&writer, magic, sizeof magic);
    put_text(&writer, FIELD_THING_NAME, &bundle->thing_name);
    put_text(&writer, FIELD_MQTT_HOST, &bundle->mqtt_host);
    dr_write_u8(&writer, FIELD_MQTT_PORT);
    dr_write_u32(&writer, 2);
    dr_write_u16(&writer, bundle->mqtt_port);
    put_text(&writer, FIELD_CA, &bundle->ca_pem);
    put_text(&writer, FIELD_NORMAL_CERTIFICATE, &bundle->normal_certificate_pem);
    put_text(&writer, FIELD_RECOVERY_CERTIFICATE, &bundle->recovery_certificate_pem);
    put_text(&writer, FIELD_NETWORK, &bundle->network);
    put_text(&writer, FIELD_BUNDLE_KEY, &bundle->bundle_key);
    DR_TRY(writer.status);
    *ret_size_bytes = writer.size_bytes;
    return DR_OK;
}

static struct dr_bundle_text *text_field(struct dr_bundle *bundle, uint8_t kind)
{
    switch (kind) {
    case FIELD_THING_NAME:
        return &bundle->thing_name;
    case FIELD_MQTT_HOST:
        return &bundle->mqtt_host;
    case FIELD_CA:
        return &bundle->ca_pem;
    case FIELD_NORMAL_CERTIFICATE:
        return &bundle->normal_certificate_pem;
    case FIELD_RECOVERY_CERTIFICATE:
        return &bundle->recovery_certificate_pem;
    case FIELD_NETWORK:
        return &bundle->network;
    case FIELD_BUNDLE_KEY:
        return &bundle->bundle_key;
    default: /* data from outside */
        return NULL;
    }
}

static enum dr_status read_field(struct dr_reader *reader, struct dr_bundle *bundle)
{
    uint8_t kind = dr_read_u8(reader);
    uint32_t size_bytes = dr_read_u32(reader);
    const uint8_t *data = dr_reader_view(reader, size_bytes);
    DR_TRY(reader->status);
    if (kind == FIELD_MQTT_PORT) {
        if (size_bytes != 2 || bundle->mqtt_port != 0) {
            return DR_E_FORMAT;
        }
        bundle->mqtt_port = (uint16_t)(data[0] | data[1] << 8);
        return bundle->mqtt_port != 0 ? DR_OK : DR_E_FORMAT;
    }
    struct dr_bundle_text *field = text_field(bundle, kind);
    bool is_text = kind < FIELD_NETWORK;
    if (field == NULL || field->len != 0 || size_bytes == 0 ||
        (is_text && memchr(data, 0, size_bytes) != NULL)) {
        return DR_E_FORMAT;
    }
    field->text = (const char *)data;
    field->len = size_bytes;
    return DR_OK;
}

enum dr_status
dr_bundle_decode(const uint8_t *data, size_t size_bytes, struct dr_bundle *ret_bundle)
{
    struct dr_reader reader;
    dr_reader_init(&reader, data, size_bytes);
    uint8_t found[sizeof magic];
    dr_read_bytes(&reader, found, sizeof found);
    DR_TRY(reader.status);
    if (memcmp(found, magic, sizeof magic) != 0) {
        return DR_E_FORMAT;
    }
    struct dr_bundle bundle = {0};
    while (dr_reader_left(&reader) > 0) { /* bound: each kind once */
        DR_TRY(read_field(&reader, &bundle));
    }
    if (!complete(&bundle) || !bounded(&bundle)) {
        return DR_E_FORMAT;
    }
    *ret_bundle = bundle;
    return DR_OK;
}
