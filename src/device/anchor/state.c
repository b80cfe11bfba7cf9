/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The persisted image of the anchor. */
#include "base/check.h"
#include "base/crc32.h"
#include "base/cursor.h"
#include "base/secret.h"
#include "device/anchor/state_priv.h"

#include <string.h>

#define STATE_MAGIC 0x31415244u /* "DRA1" */
#define STATE_VERSION 1u
#define CRC_BYTES 4u
#define IDENTITY_BYTES (DR_P256_PRIVATE_BYTES + DR_P256_PUBLIC_BYTES)

DR_STATIC_ASSERT(
    4u + 2u + 2u + 4u + 4u * DR_ANCHOR_COUNTERS + DR_SHA256_BYTES + CRC_BYTES +
            DR_ANCHOR_IDENTITIES * IDENTITY_BYTES <=
        DR_ANCHOR_STATE_BYTES,
    "the state fits its image");

void dr_anchor_state_encode(
    const struct dr_anchor_state *state, uint8_t image[DR_ANCHOR_STATE_BYTES])
{
    struct dr_writer writer;
    dr_writer_init(&writer, image, DR_ANCHOR_STATE_BYTES);
    dr_write_u32(&writer, STATE_MAGIC);
    dr_write_u16(&writer, STATE_VERSION);
    dr_write_u16(&writer, state->flags);
    dr_write_u32(&writer, (uint32_t)state->lifecycle);
    for (size_t i = 0; i < DR_ANCHOR_COUNTERS; i++) {
        dr_write_u32(&writer, state->counters[i]);
    }
    dr_write_bytes(&writer, state->factory_digest, sizeof state->factory_digest);
    for (size_t i = 0; i < DR_ANCHOR_IDENTITIES; i++) {
        dr_write_bytes(&writer, state->identities[i].private_key, DR_P256_PRIVATE_BYTES);
        dr_write_bytes(&writer, state->identities[i].public_key, DR_P256_PUBLIC_BYTES);
    }
    dr_write_fill(&writer, 0, DR_ANCHOR_STATE_BYTES - CRC_BYTES - writer.size_bytes);
    dr_write_u32(&writer, dr_crc32(0, image, DR_ANCHOR_STATE_BYTES - CRC_BYTES));
    DR_CHECK(writer.status == DR_OK && writer.size_bytes == DR_ANCHOR_STATE_BYTES);
}

enum dr_status dr_anchor_state_decode(
    const uint8_t image[DR_ANCHOR_STATE_BYTES], struct dr_anchor_state *ret_state)
{
    struct dr_anchor_state state;
    struct dr_reader reader;
    dr_reader_init(&reader, image, DR_ANCHOR_STATE_BYTES);
    bool valid = dr_read_u32(&reader) == STATE_MAGIC;
    valid = dr_read_u16(&reader) == STATE_VERSION && valid;
    state.flags = dr_read_u16(&reader);
    uint32_t lifecycle = dr_read_u32(&reader);
    for (size_t i = 0; i < DR_ANCHOR_COUNTERS; i++) {
        state.counters[i] = dr_read_u32(&reader);
    }
    dr_read_bytes(&reader, state.factory_digest, sizeof state.factory_digest);
    for (size_t i = 0; i < DR_ANCHOR_IDENTITIES; i++) {
        dr_read_bytes(&reader, state.identities[i].private_key, DR_P256_PRIVATE_BYTES);
        dr_read_bytes(&reader, state.identities[i].public_key, DR_P256_PUBLIC_BYTES);
    }
    struct dr_reader end;
    dr_reader_init(&end, image + DR_ANCHOR_STATE_BYTES - CRC_BYTES, CRC_BYTES);
    valid = valid && lifecycle <= DR_ANCHOR_LOCKED &&
            dr_read_u32(&end) == dr_crc32(0, image, DR_ANCHOR_STATE_BYTES - CRC_BYTES);
    if (valid) {
        state.lifecycle = (enum dr_anchor_lifecycle)lifecycle;
        *ret_state = state;
    }
    dr_wipe(&state, sizeof state);
    return valid ? DR_OK : DR_E_CORRUPT;
}

void dr_anchor_state_blank(uint8_t image[DR_ANCHOR_STATE_BYTES])
{
    const struct dr_anchor_state blank = {0};
    dr_anchor_state_encode(&blank, image);
}

void dr_anchor_state_blank_with_keys(
    const struct dr_anchor_identity_pair keys[DR_ANCHOR_IDENTITIES],
    uint8_t image[DR_ANCHOR_STATE_BYTES])
{
    struct dr_anchor_state blank = {.flags = DR_ANCHOR_FLAG_HOST_KEYS};
    memcpy(blank.identities, keys, sizeof blank.identities);
    dr_anchor_state_encode(&blank, image);
    dr_wipe(&blank, sizeof blank);
}
