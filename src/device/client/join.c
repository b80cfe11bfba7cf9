/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The network below the connection: whose it is and how to get in comes from the vault. */
#include "base/secret.h"
#include "device/client/client_priv.h"
#include "format/enclosed.h"

/* What a person hands in at the device counts from now on. */
static enum dr_status take_offer(struct dr_client *client, uint8_t out[DR_NETWORK_BYTES_MAX])
{
    const struct dr_link *link = client->config.link;
    size_t size_bytes = 0;
    if (link->offered == NULL) {
        return DR_E_NOT_FOUND;
    }
    DR_TRY(link->offered(link->context, out, DR_NETWORK_BYTES_MAX, &size_bytes));
    if (!dr_network_valid(out, size_bytes)) {
        return DR_E_FORMAT;
    }
    dr_client_log(client, "network handed in", (const char *)out);
    return dr_vault_replace(&client->vault, &dr_identity_network_file, out, (uint32_t)size_bytes);
}

static enum dr_status join(struct dr_client *client, uint8_t network[DR_NETWORK_BYTES_MAX])
{
    const struct dr_link *link = client->config.link;
    uint32_t size_bytes = 0;
    enum dr_status status = take_offer(client, network);
    if (status != DR_OK && status != DR_E_NOT_FOUND) {
        dr_client_log(client, "network not kept", dr_status_text(status));
    }
    status = dr_vault_read(
        &client->vault, &dr_identity_network_file, network, DR_NETWORK_BYTES_MAX, &size_bytes);
    if (status == DR_E_NOT_FOUND) {
        return DR_OK; /* a cable, or nothing to try */
    }
    DR_TRY(status);
    return dr_network_valid(network, size_bytes) ? link->join(link->context, network, size_bytes)
                                                 : DR_E_FORMAT;
}

enum dr_status dr_client_join(struct dr_client *client)
{
    uint8_t network[DR_NETWORK_BYTES_MAX];
    if (client->config.link->join == NULL) {
        return DR_OK;
    }
    enum dr_status status = join(client, network);
    dr_wipe(network, sizeof(network));
    if (status == DR_E_NOT_FOUND) {
        dr_client_log(client, "cannot join", "no such network in range");
    } else if (status == DR_E_AUTH) {
        dr_client_log(client, "cannot join", "wrong password");
    } else if (status != DR_OK) {
        dr_client_log(client, "cannot join", dr_status_text(status));
    }
    return status;
}
