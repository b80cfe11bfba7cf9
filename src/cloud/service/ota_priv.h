/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Private to cloud/service: the parts of making an OTA update. */
#ifndef DR_CLOUD_SERVICE_OTA_PRIV_H
#define DR_CLOUD_SERVICE_OTA_PRIV_H

#include "cloud/service/jobs_priv.h"
#include "cloud/service/streams_priv.h"
#include "format/image.h"

#define DR_OTA_JOB_PREFIX "AFR_OTA-"
#define DR_OTA_SIGNATURE_MAX 384u /* bytes: what the AWS agents hold */
#define DR_OTA_NAME_MAX 256u      /* fileName and names of certificates on the device */

/* additionalParameters member that lets a broken Daruma image through, for testing devices. */
#define DR_OTA_UNCHECKED "daruma-unchecked"

/* additionalParameters member with what goes to one device beside a Daruma image: base64 of
 * format/enclosed.h, which the service can neither read nor make. */
#define DR_OTA_BUNDLE "daruma-bundle"

/* One file on its way into an update. Text is borrowed from the request. */
struct dr_ota_file {
    const char *name;
    uint32_t type;
    struct dr_stream_part part;
    const char *stream; /* an existing stream, NULL: one is made */
    bool unchecked;

    const char *bundle_base64; /* NULL: none */

    bool is_daruma_image;
    struct dr_image_info image; /* of a Daruma image; its signatures are not kept */

    const char *certificate_name;                             /* certfile; NULL: left out */
    char signature[4 * ((DR_OTA_SIGNATURE_MAX + 2) / 3) + 1]; /* base64; "": none */
};

/* ota_image.c: look into the stored bytes. Refusals are noted. */
DR_MUST_USE enum dr_status dr_ota_examine(struct dr_call *call, struct dr_ota_file *file);

/* ota_sign.c: the signature over the file's bytes, as codeSigning asks (NULL: the default). */
DR_MUST_USE enum dr_status
dr_ota_sign(struct dr_call *call, const json_t *code_signing, struct dr_ota_file *file);

#endif
