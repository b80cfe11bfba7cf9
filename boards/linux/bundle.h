/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What the factory hands a new device in return for its certificate requests.
 *
 * A list of fields, each u8 kind | u32 length | bytes, little-endian, after the 8 bytes "DRBUNDL1".
 * Each kind appears once; thing name, host, port and CA set are required, the certificates as well
 * unless the device is made without a cloud. Private keys never leave the secure element; network
 * and bundle key are secrets between factory and device, so the file is the owner's only.
 */
#ifndef DR_BOARDS_LINUX_BUNDLE_H
#define DR_BOARDS_LINUX_BUNDLE_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

#define DR_BUNDLE_NAME_BYTES_MAX 128u
#define DR_BUNDLE_HOST_BYTES_MAX 253u
#define DR_BUNDLE_PEM_BYTES_MAX 8192u

/* Text is not NUL-terminated; length 0 = absent. */
struct dr_bundle_text {
    const char *text;
    size_t len;
};

struct dr_bundle {
    struct dr_bundle_text thing_name;
    struct dr_bundle_text mqtt_host;
    uint16_t mqtt_port;
    struct dr_bundle_text ca_pem;                   /* one or more roots */
    struct dr_bundle_text normal_certificate_pem;   /* with its chain, if any */
    struct dr_bundle_text recovery_certificate_pem; /* never expires */
    struct dr_bundle_text network;                  /* name, zero, password; may be absent */
    struct dr_bundle_text bundle_key;               /* 32 bytes, format/enclosed.h; may be absent */
};

/* DR_E_ARGUMENT: a required field is absent or a field is too long. DR_E_SPACE. */
DR_MUST_USE enum dr_status dr_bundle_encode(
    const struct dr_bundle *bundle, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes);

/* The texts are borrowed from data. DR_E_FORMAT, DR_E_TRUNCATED; unknown and repeated kinds are
 * refused. */
DR_MUST_USE enum dr_status
dr_bundle_decode(const uint8_t *data, size_t size_bytes, struct dr_bundle *ret_bundle);

#endif
