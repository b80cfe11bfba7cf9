/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Where the job's sig-sha256-ecdsa comes from: the request itself, or the signer. */
#include "base/text.h"
#include "cloud/service/ota_priv.h"
#include "cloud/signer/client.h"

#include <string.h>

static enum dr_status
bounded_name(struct dr_call *call, const char *name, const char *where, const char **ret_name)
{
    if (name != NULL &&
        (name[0] == '\0' || strlen(name) > DR_OTA_NAME_MAX || !dr_name_description(name))) {
        return dr_call_fail(
            call, DR_E_ARGUMENT, DR_CODE_INVALID, "%s must have 1 to 256 characters", where);
    }
    *ret_name = name;
    return DR_OK;
}

/* Free-text names of algorithms: only one pair has a place in the job document. */
static enum dr_status check_algorithms(struct dr_call *call, const json_t *custom)
{
    const char *hash = NULL;
    const char *algorithm = NULL;
    DR_TRY(dr_body_text(call, custom, "hashAlgorithm", "SHA256", &hash));
    DR_TRY(dr_body_text(call, custom, "signatureAlgorithm", "ECDSA", &algorithm));
    if (strcmp(hash, "SHA256") != 0 || strcmp(algorithm, "ECDSA") != 0) {
        return dr_call_invalid(
            call, "customCodeSigning: only hashAlgorithm SHA256 with signatureAlgorithm ECDSA is "
                  "supported");
    }
    return DR_OK;
}

static enum dr_status
sign_custom(struct dr_call *call, const json_t *custom, struct dr_ota_file *file)
{
    json_t *signature = NULL;
    json_t *chain = NULL;
    const char *text = NULL;
    const char *name = NULL;
    uint8_t der[DR_OTA_SIGNATURE_MAX];
    size_t der_size = 0;
    DR_TRY(check_algorithms(call, custom));
    DR_TRY(dr_body_object(call, custom, "signature", &signature));
    DR_TRY(dr_body_object(call, custom, "certificateChain", &chain));
    DR_TRY(dr_body_text(call, signature, "inlineDocument", NULL, &text));
    DR_TRY(dr_body_text(call, chain, "certificateName", NULL, &name));
    if (text == NULL) {
        return dr_call_invalid(call, "customCodeSigning.signature.inlineDocument is missing");
    }
    if (dr_base64_decode(text, strlen(text), der, sizeof der, &der_size) != DR_OK ||
        der_size == 0) {
        return dr_call_invalid(
            call, "customCodeSigning.signature.inlineDocument must be base64 of 1 to 384 bytes");
    }
    (void)dr_base64_encode(der, der_size, file->signature);
    return bounded_name(call, name, "certificateName", &file->certificate_name);
}

static enum dr_status sign_with(
    struct dr_call *call, const char *profile, const char *certificate_name,
    struct dr_ota_file *file)
{
    char error[DR_SIGNER_ERROR_BYTES] = "";
    struct dr_signer_signature signature;
    struct dr_signer_client client = {
        .socket_path = call->service->signer_socket, .timeout_ms = DR_SIGNER_TIMEOUT_MS};
    enum dr_status status =
        dr_signer_sign_file(&client, profile, file->part.digest, &signature, error);
    if (status != DR_OK) {
        bool refused = status == DR_E_DENIED || status == DR_E_STATE || status == DR_E_CONFLICT ||
                       status == DR_E_NOT_FOUND;
        return dr_call_fail(
            call, status, refused ? DR_CODE_INVALID : DR_CODE_UNAVAILABLE,
            "signing profile %.64s: %.200s", profile,
            error[0] != '\0' ? error : dr_status_text(status));
    }
    (void)dr_base64_encode(signature.der, signature.size_bytes, file->signature);
    return bounded_name(call, certificate_name, "certificatePathOnDevice", &file->certificate_name);
}

static enum dr_status
sign_by_job(struct dr_call *call, const json_t *start, struct dr_ota_file *file)
{
    json_t *parameter = NULL;
    const char *profile = NULL;
    const char *path = NULL;
    DR_TRY(
        dr_body_text(call, start, "signingProfileName", call->service->signing_profile, &profile));
    DR_TRY(dr_body_object(call, start, "signingProfileParameter", &parameter));
    DR_TRY(dr_body_text(call, parameter, "certificatePathOnDevice", profile, &path));
    if (call->service->signer_socket == NULL || profile == NULL) {
        return dr_call_invalid(
            call, "startSigningJobParameter: this service has no signer; sign the file yourself "
                  "and pass customCodeSigning");
    }
    return sign_with(call, profile, path, file);
}

enum dr_status
dr_ota_sign(struct dr_call *call, const json_t *code_signing, struct dr_ota_file *file)
{
    json_t *custom = NULL;
    json_t *start = NULL;
    const char *job = NULL;
    DR_TRY(dr_body_object(call, code_signing, "customCodeSigning", &custom));
    DR_TRY(dr_body_object(call, code_signing, "startSigningJobParameter", &start));
    DR_TRY(dr_body_text(call, code_signing, "awsSignerJobId", NULL, &job));
    if (job != NULL) {
        return dr_call_invalid(
            call, "awsSignerJobId is not supported yet: use startSigningJobParameter or "
                  "customCodeSigning");
    }
    if (custom != NULL) {
        return sign_custom(call, custom, file);
    }
    if (start != NULL) {
        return sign_by_job(call, start, file);
    }
    const char *profile = call->service->signing_profile;
    if (profile != NULL && call->service->signer_socket != NULL) {
        return sign_with(call, profile, profile, file);
    }
    /* Our own agents trust the image's own signature; others need one in the document. */
    if (!file->is_daruma_image && !file->unchecked) {
        return dr_call_invalid(
            call, "files[0].codeSigning is missing, and this service has no default signing "
                  "profile");
    }
    return DR_OK;
}
