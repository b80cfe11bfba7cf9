/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/client/command.h"

#include "base/cursor.h"
#include "base/text.h"
#include "device/agent/command.h"
#include "format/der.h"
#include "format/job.h"

#include <stddef.h>
#include <string.h>

#define SIGNATURE_BYTES_MAX 72u
#define SIGNATURE_TEXT_MAX 96u /* base64 of that */

struct parts {
    char product[DR_IMAGE_PRODUCT_BYTES_MAX + 1u];
    struct dr_json signature;
};

static const struct dr_json_fields fields = {
    "product\0signature\0", 1u | 2u,
    (const struct dr_json_field[]){
        {offsetof(struct parts, product), DR_JSON_FIELD_TEXT, DR_IMAGE_PRODUCT_BYTES_MAX + 1u},
        {offsetof(struct parts, signature), DR_JSON_FIELD_STRING, 0},
    }};

/* The signature as r ‖ s. */
static enum dr_status read_signature(struct dr_json text, uint8_t rs[DR_P256_SIGNATURE_BYTES])
{
    uint8_t der[SIGNATURE_BYTES_MAX];
    size_t size_bytes = 0;
    struct dr_json raw = dr_json_raw(text);
    if (raw.len > SIGNATURE_TEXT_MAX) {
        return DR_E_SPACE;
    }
    DR_TRY(dr_base64_decode(raw.text, raw.len, der, sizeof(der), &size_bytes));
    return dr_der_signature_decode(der, size_bytes, rs);
}

static bool fits(
    const struct dr_crypto *crypto, const struct dr_trust *trust,
    const uint8_t digest[DR_SHA256_BYTES], const uint8_t rs[DR_P256_SIGNATURE_BYTES])
{
    for (uint32_t i = trust->revoked; i < trust->key_count && i < DR_TRUST_KEYS_MAX; i++) {
        volatile enum dr_status status = DR_E_AUTH;
        status = crypto->p256_verify(trust->keys[i], digest, rs);
        if (status == DR_OK && status == DR_OK) { /* volatile: read twice */
            return true;
        }
    }
    return false;
}

static enum dr_reason
judge(const struct dr_crypto *crypto, const struct dr_boot_info *info, const struct dr_heard *heard)
{
    uint8_t bytes[DR_JOB_COMMAND_BYTES_MAX];
    uint8_t digest[DR_SHA256_BYTES];
    uint8_t rs[DR_P256_SIGNATURE_BYTES];
    struct dr_writer writer;
    struct parts parts;
    memset(&parts, 0, sizeof(parts));
    if (dr_json_read_fields(dr_json_member(heard->document, "daruma"), &fields, &parts) != DR_OK ||
        read_signature(parts.signature, rs) != DR_OK) {
        return DR_REASON_COMMAND_SIGNATURE;
    }
    dr_writer_init(&writer, bytes, sizeof(bytes));
    dr_job_write_command(
        &writer, (enum dr_job_action)heard->job.command, parts.product, heard->job.ref.digest);
    dr_sha256_once(crypto, bytes, writer.size_bytes, digest);
    if (writer.status != DR_OK || !fits(crypto, &info->trust, digest, rs)) {
        return DR_REASON_COMMAND_SIGNATURE;
    }
    return strcmp(parts.product, info->product) == 0 && heard->job.command == DR_JOB_ACTION_REVERT
               ? DR_REASON_NONE
               : DR_REASON_COMMAND_TARGET;
}

const struct dr_client_commands dr_client_commands = {.judge = judge, .obey = dr_agent_obey};
