/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Hand-off, names and provisioning: the calls whose payloads have a form of their own. */
#include "base/cursor.h"
#include "base/secret.h"
#include "boards/linux/channel_priv.h"

#include <string.h>

enum dr_status dr_channel_handoff_set(
    struct dr_channel *channel, const struct dr_wire_summary *summary, const uint8_t *handoff,
    size_t size_bytes)
{
    if (size_bytes == 0 || size_bytes > DR_WIRE_HANDOFF_BYTES_MAX) {
        return DR_E_ARGUMENT;
    }
    uint8_t payload[DR_WIRE_SUMMARY_BYTES + DR_WIRE_HANDOFF_BYTES_MAX];
    dr_wire_encode_summary(summary, payload);
    memcpy(payload + DR_WIRE_SUMMARY_BYTES, handoff, size_bytes);
    struct dr_channel_call call = {
        .operation = DR_WIRE_HANDOFF_SET,
        .payload = payload,
        .payload_bytes = DR_WIRE_SUMMARY_BYTES + size_bytes};
    enum dr_status status = dr_channel_call(channel, &call);
    dr_wipe(payload, sizeof payload);
    return status;
}

enum dr_status dr_channel_secret(struct dr_channel *channel, uint8_t secret[32])
{
    struct dr_channel_call call = {
        .operation = DR_WIRE_SECRET, .answer = secret, .capacity_bytes = 32};
    DR_TRY(dr_channel_call(channel, &call));
    return call.answer_bytes == 32 ? DR_OK : DR_E_FORMAT;
}

enum dr_status dr_channel_handoff_get(
    struct dr_channel *channel, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes)
{
    struct dr_channel_call call = {
        .operation = DR_WIRE_HANDOFF_GET, .answer = out, .capacity_bytes = capacity_bytes};
    DR_TRY(dr_channel_call(channel, &call));
    *ret_size_bytes = call.answer_bytes;
    return DR_OK;
}

enum dr_status dr_channel_resolve(
    struct dr_channel *channel, const char *name, struct dr_channel_address *out, size_t capacity,
    size_t *ret_count)
{
    size_t name_len = strnlen(name, DR_WIRE_NAME_BYTES_MAX + 1u);
    if (name_len == 0 || name_len > DR_WIRE_NAME_BYTES_MAX) {
        return DR_E_ARGUMENT;
    }
    uint8_t answer[DR_WIRE_ADDRESS_COUNT_MAX * DR_WIRE_ADDRESS_BYTES];
    struct dr_channel_call call = {
        .operation = DR_WIRE_RESOLVE,
        .payload = (const uint8_t *)name,
        .payload_bytes = name_len,
        .answer = answer,
        .capacity_bytes = sizeof answer};
    DR_TRY(dr_channel_call(channel, &call));
    struct dr_reader reader;
    dr_reader_init(&reader, answer, call.answer_bytes);
    size_t count = 0;
    while (count < capacity && dr_reader_left(&reader) > 0) { /* bound: capacity */
        uint16_t family = dr_read_u16(&reader);
        out[count].family = (uint8_t)family;
        out[count].port = dr_read_u16(&reader);
        dr_read_bytes(&reader, out[count].bytes, sizeof out[count].bytes);
        if (reader.status != DR_OK || (family != 4 && family != 6)) {
            return DR_E_FORMAT;
        }
        count++;
    }
    *ret_count = count;
    return count > 0 ? DR_OK : DR_E_NOT_FOUND;
}

enum dr_status
dr_channel_csr(struct dr_channel *channel, enum dr_wire_csr kind, const char *pem, size_t pem_len)
{
    struct dr_channel_call call = {
        .operation = DR_WIRE_CSR,
        .a = (uint32_t)kind,
        .payload = (const uint8_t *)pem,
        .payload_bytes = pem_len};
    return dr_channel_call(channel, &call);
}

enum dr_status dr_channel_bundle(
    struct dr_channel *channel, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes)
{
    struct dr_channel_call call = {
        .operation = DR_WIRE_BUNDLE, .answer = out, .capacity_bytes = capacity_bytes};
    DR_TRY(dr_channel_call(channel, &call));
    *ret_size_bytes = call.answer_bytes;
    return DR_OK;
}

enum dr_status dr_channel_provisioned(struct dr_channel *channel)
{
    struct dr_channel_call call = {.operation = DR_WIRE_PROVISIONED};
    return dr_channel_call(channel, &call);
}
