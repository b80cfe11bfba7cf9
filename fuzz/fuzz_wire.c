/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What gate, bus and signer read from each other. The first byte says which; what is accepted
 * encodes to the same bytes. */
#include "cloud/signer/protocol.h"
#include "cloud/wire/wire.h"
#include "fuzz/fuzz.h"

#include <string.h>

static void presence(const uint8_t *data, size_t size_bytes)
{
    struct dr_wire_presence presence;
    uint8_t out[DR_WIRE_PRESENCE_BYTES_MAX];
    if (dr_wire_presence_decode(data, size_bytes, &presence) == DR_OK) {
        FUZZ(dr_wire_presence_encode(&presence, out) == size_bytes);
        FUZZ(memcmp(out, data, size_bytes) == 0);
    }
}

static void stats(const uint8_t *data, size_t size_bytes)
{
    struct dr_wire_stats_reader reader;
    struct dr_wire_gate_counters gate;
    struct dr_wire_client_counters client;
    if (dr_wire_stats_open(&reader, data, size_bytes, &gate) != DR_OK) {
        return;
    }
    while (dr_wire_stats_next(&reader, &client) == DR_OK) { /* bound: each takes 65 bytes */
        FUZZ(strnlen(client.client_id, sizeof(client.client_id)) <= DR_WIRE_CLIENT_ID_MAX);
    }
    FUZZ(reader.offset_bytes <= size_bytes);
}

static void request(const uint8_t *data, size_t size_bytes)
{
    struct dr_signer_request request;
    uint8_t out[1024];
    struct dr_writer writer;
    if (dr_signer_request_decode(data, size_bytes, &request) == DR_OK) {
        dr_writer_init(&writer, out, sizeof(out));
        FUZZ(dr_signer_request_encode(&request, &writer) == DR_OK);
        FUZZ(writer.size_bytes == size_bytes + 4);
        FUZZ(memcmp(out + 4, data, size_bytes) == 0);
    }
}

static void answer(const uint8_t *data, size_t size_bytes)
{
    static struct dr_signer_answer answer;
    if (size_bytes == 0) {
        return;
    }
    enum dr_signer_operation operation =
        data[0] % 2 == 0 ? DR_SIGNER_PROFILES : DR_SIGNER_SIGN_FILE;
    if (dr_signer_answer_decode(data + 1, size_bytes - 1, operation, &answer) == DR_OK) {
        FUZZ(answer.profile_count <= DR_SIGNER_PROFILES_MAX);
        FUZZ(answer.signature.size_bytes <= DR_SIGNER_SIGNATURE_MAX);
    }
}

static void topic(const uint8_t *data, size_t size_bytes)
{
    char text[300];
    const char *thing;
    const char *rest;
    size_t thing_len;
    size_t len = size_bytes < sizeof(text) - 1 ? size_bytes : sizeof(text) - 1;
    memcpy(text, data, len);
    text[len] = '\0';
    if (dr_wire_topic_thing(text, &thing, &thing_len, &rest)) {
        FUZZ(dr_wire_thing_name_valid(thing, thing_len) && rest[0] != '\0');
    }
    bool is_data = dr_wire_topic_is_stream_data(text);
    if (dr_wire_rewrite_in(text)) {
        FUZZ(strlen(text) <= len && dr_wire_topic_is_stream_data(text) == is_data);
    } else if (dr_wire_rewrite_pub(text)) {
        FUZZ(strlen(text) < len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    if (size_bytes == 0) {
        return 0;
    }
    switch (data[0]) {
    case 'p':
        presence(data + 1, size_bytes - 1);
        break;
    case 's':
        stats(data + 1, size_bytes - 1);
        break;
    case 'r':
        request(data + 1, size_bytes - 1);
        break;
    case 'a':
        answer(data + 1, size_bytes - 1);
        break;
    default:
        topic(data + 1, size_bytes - 1);
        break;
    }
    return 0;
}
