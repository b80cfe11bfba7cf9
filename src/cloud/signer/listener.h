/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The signer's socket: few connections, one request each, all with a deadline. */
#ifndef DR_CLOUD_SIGNER_LISTENER_H
#define DR_CLOUD_SIGNER_LISTENER_H

#include "cloud/signer/profile.h"

#include <stddef.h>
#include <sys/types.h>

#define DR_SIGNER_UIDS_MAX 8u
#define DR_SIGNER_CONNECTIONS_MAX 32u
#define DR_SIGNER_DEADLINE_MS 3000

struct dr_signer_listener {
    struct dr_signer_store *store;
    const char *directory;          /* where store was read from, for RELOAD */
    uid_t uids[DR_SIGNER_UIDS_MAX]; /* who may ask, besides the signer's own uid and root */
    size_t uid_count;
    /* One event: "level=info msg=signed profile=default". */
    void (*log)(const char *line);
};

/* The answer to a request from this user; the whole of the signer's behaviour without sockets. */
void dr_signer_answer_request(
    const struct dr_signer_listener *listener, uid_t uid, const struct dr_signer_request *request,
    struct dr_signer_answer *ret_answer);

/* Bind path (mode 0660; a socket left behind by a signer that is gone is replaced), serve until
 * stop_fd is readable, remove path. DR_E_EXISTS: another signer listens there. DR_E_IO. */
DR_MUST_USE enum dr_status
dr_signer_listen(const struct dr_signer_listener *listener, const char *path, int stop_fd);

#endif
