/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Streams in JSON: blocks are asked for and read as text, their bytes in base64 (docs/device.md).
 *
 * An optional part: a product links it by naming dr_client_json in its configuration, and then
 * supplies room for one block. Agent, window and block map are the same; only the words differ, and
 * a block takes a third more on the line: the board's link must take messages of 4/3 of block_bytes
 * and DR_STREAM_OVERHEAD_BYTES_MAX. What cannot be read is dropped, and asked for again by the
 * agent's timers. Code: tools/footprint; per block one pass over the text and one that decodes.
 */
#ifndef DR_DEVICE_CLIENT_JSON_H
#define DR_DEVICE_CLIENT_JSON_H

#include "device/client/client.h"

/* The board's, kept for the life of the client. A block is decoded here and handed on before the
 * next message is looked at. */
struct dr_client_json_state {
    uint8_t *block;
    uint32_t block_capacity_bytes; /* one block of the client's block_bytes, 4096 at least */
};

extern const struct dr_client_dialect dr_client_json;

#endif
