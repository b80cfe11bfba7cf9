/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/gate/plugin_priv.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

enum dr_status
dr_plugin_certificate_id(const struct mosquitto *client, uint8_t id[DR_WIRE_CERTIFICATE_ID_BYTES])
{
    X509 *certificate = mosquitto_client_certificate(client);
    if (certificate == NULL) {
        return DR_E_NOT_FOUND;
    }
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    int done = X509_digest(certificate, EVP_sha256(), digest, &size);
    X509_free(certificate);
    if (done != 1 || size != DR_WIRE_CERTIFICATE_ID_BYTES) {
        return DR_E_CRYPTO;
    }
    for (unsigned i = 0; i < size; i++) {
        id[i] = digest[i];
    }
    return DR_OK;
}
