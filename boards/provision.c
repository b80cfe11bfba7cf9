/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/provision.h"

#include "boards/linux/bundle.h"

#include <string.h>

static const char common_name[] = "daruma-device"; /* the factory decides the real one */

static enum dr_status hand_out(const struct dr_provision *provision)
{
    static const struct {
        enum dr_anchor_identity identity;
        enum dr_wire_csr kind;
    } keys[] = {
        {DR_ANCHOR_IDENTITY_NORMAL, DR_WIRE_CSR_NORMAL},
        {DR_ANCHOR_IDENTITY_RECOVERY, DR_WIRE_CSR_RECOVERY},
    };
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        char pem[DR_CSR_PEM_BYTES_MAX];
        DR_TRY(dr_identity_csr(
            provision->signer, provision->crypto, keys[i].identity, common_name, pem));
        DR_TRY(provision->port->request(provision->context, keys[i].kind, pem, strlen(pem)));
    }
    return DR_OK;
}

static enum dr_status copy_text(const struct dr_bundle_text *text, char *out, size_t capacity_bytes)
{
    if (text->len == 0 || text->len >= capacity_bytes) {
        return DR_E_SPACE;
    }
    memcpy(out, text->text, text->len);
    out[text->len] = '\0';
    return DR_OK;
}

static enum dr_status store(struct dr_vault *vault, const struct dr_bundle *bundle)
{
    struct dr_identity_bundle identity = {
        .ca = {bundle->ca_pem.text, bundle->ca_pem.len},
        .normal_certificate =
            {bundle->normal_certificate_pem.text, bundle->normal_certificate_pem.len},
        .recovery_certificate =
            {bundle->recovery_certificate_pem.text, bundle->recovery_certificate_pem.len},
        .bundle_key = {bundle->bundle_key.text, bundle->bundle_key.len},
        .network = {bundle->network.text, bundle->network.len},
    };
    identity.endpoint.port = bundle->mqtt_port;
    DR_TRY(
        copy_text(&bundle->thing_name, identity.endpoint.thing, sizeof(identity.endpoint.thing)));
    DR_TRY(copy_text(&bundle->mqtt_host, identity.endpoint.host, sizeof(identity.endpoint.host)));
    return dr_identity_store(vault, &identity);
}

enum dr_status dr_provision_run(const struct dr_provision *provision)
{
    const struct dr_provision_port *port = provision->port;
    struct dr_bundle bundle;
    size_t size_bytes = 0;
    DR_TRY(hand_out(provision));
    port->log(provision->context, "provisioning: certificate requests handed out");
    DR_TRY(
        port->await(provision->context, provision->buffer, provision->buffer_bytes, &size_bytes));
    DR_TRY(dr_bundle_decode(provision->buffer, size_bytes, &bundle));
    DR_TRY(store(provision->vault, &bundle));
    DR_TRY(dr_anchor_lock(provision->anchor));
    DR_TRY(port->done(provision->context));
    port->log(provision->context, "provisioning: identity stored, secure element locked");
    return DR_OK;
}
