/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* darumad composed: opens everything in order, serves until told to stop, closes in reverse.
 *
 * A start is whole or not at all: whatever cannot be opened is named with its path and what to do,
 * and what was opened before is closed again.
 */
#ifndef DR_CLOUD_SERVER_SERVER_H
#define DR_CLOUD_SERVER_SERVER_H

#include "base/status.h"
#include "cloud/server/config.h"

struct dr_server; /* opaque */

/* Open store, blobs, authority and service; with_network adds the API and the bus. On failure error
 * holds one line for a person. config is borrowed. */
DR_MUST_USE enum dr_status dr_server_open(
    const struct dr_server_config *config, bool with_network, struct dr_server **ret_server,
    char error[DR_CONFIG_ERROR_BYTES]);

/* Serve until SIGTERM or SIGINT; about once a second the service's own clockwork is moved. The
 * signals must be blocked already. */
void dr_server_run(struct dr_server *server);

/* Write the gate's first snapshot from what the store holds. */
DR_MUST_USE enum dr_status
dr_server_write_snapshot(struct dr_server *server, char error[DR_CONFIG_ERROR_BYTES]);

void dr_server_close(struct dr_server *server);

#endif
