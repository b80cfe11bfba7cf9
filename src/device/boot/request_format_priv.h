/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The bytes of a request, for its writer (firmware) and its reader (ROM). */
#ifndef DR_DEVICE_BOOT_REQUEST_FORMAT_PRIV_H
#define DR_DEVICE_BOOT_REQUEST_FORMAT_PRIV_H

#include "device/boot/request.h"

#include <stdbool.h>

enum dr_request_place {
    DR_REQUEST_BLANK,  /* erased */
    DR_REQUEST_SPOILT, /* torn, stale, forged: nothing for us */
    DR_REQUEST_WHOLE,  /* undamaged and of this journal sequence; its MAC is not checked yet */
};

/* record: DR_REQUEST_BYTES. */
enum dr_request_place dr_request_parse(
    const uint8_t record[DR_REQUEST_BYTES], uint8_t erased_value, uint32_t sequence,
    struct dr_request *ret_request);

/* Does the record's MAC fit this key? */
bool dr_request_genuine(
    const struct dr_crypto *crypto, const uint8_t key[DR_BOOT_KEY_BYTES],
    const uint8_t record[DR_REQUEST_BYTES]);

void dr_request_build(
    const struct dr_crypto *crypto, const uint8_t key[DR_BOOT_KEY_BYTES], uint32_t sequence,
    const struct dr_request *request, uint8_t record[DR_REQUEST_BYTES]);

#endif
