/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* First power-on, on all boards: a certificate request for each identity key goes out to the
 * factory, its answer (boards/linux/bundle.h) comes in and is stored in the vault, the secure
 * element is locked. How these travel is the board's.
 *
 * Every step may be repeated, so a cut anywhere only means starting over.
 */
#ifndef DR_BOARDS_PROVISION_H
#define DR_BOARDS_PROVISION_H

#include "boards/linux/wire.h"
#include "device/client/identity.h"

#include <stddef.h>
#include <stdint.h>

/* Supplied by a board. Statuses other than DR_OK end the run. */
struct dr_provision_port {
    /* Hand out the request for the key of this kind: PEM, borrowed for the call. */
    enum dr_status (*request)(
        void *context, enum dr_wire_csr kind, const char *pem, size_t pem_len);
    /* The factory's answer; waits as long as the person there takes, and feeds the watchdog. */
    enum dr_status (*await)(
        void *context, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes);
    /* Tell the factory that all is stored and locked. */
    enum dr_status (*done)(void *context);
    void (*log)(void *context, const char *line);
};

struct dr_provision {
    const struct dr_provision_port *port;
    void *context;
    const struct dr_identity_signer *signer;
    const struct dr_crypto *crypto;
    struct dr_anchor *anchor;
    struct dr_vault *vault;
    uint8_t *buffer; /* the answer is read into it */
    size_t buffer_bytes;
};

/* All steps. DR_OK: the identity is stored, the element locked, the factory told; what remains is a
 * reset. DR_E_FORMAT, DR_E_TRUNCATED, DR_E_SPACE: the answer is none, or holds what a device does
 * not; others are the port's, the vault's and the element's. Safe to call again after any. */
DR_MUST_USE enum dr_status dr_provision_run(const struct dr_provision *provision);

#endif
