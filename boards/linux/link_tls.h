/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The TLS context of the Linux link: whom we believe, and a key that we never see.
 *
 * TLS 1.2 or newer. The server's chain must end at one of the identity's roots, its name must be
 * the endpoint's, and time is judged by the rules of docs/device.md, not by the host's
 * clock. Our signature is made by the secure element.
 */
#ifndef DR_BOARDS_LINUX_LINK_TLS_H
#define DR_BOARDS_LINUX_LINK_TLS_H

#include "base/status.h"
#include "device/anchor/anchor.h"
#include "device/link/link.h"

#include <stdint.h>

struct ssl_ctx_st;
struct ec_key_method_st;

struct dr_link_tls {
    struct ssl_ctx_st *context; /* NULL: closed */
    enum dr_link_fault fault;   /* what verification of the last handshake found; NONE so far */
    uint64_t until_s;           /* when the first of the server's certificates ends */
    char host[254];             /* the server's name */

    /* private, do not touch */
    struct ec_key_method_st *method;
    struct dr_anchor *anchor;
    uint8_t key;
    uint64_t floor_s;
    uint64_t now_s;
};

/* identity is borrowed for the call, anchor is kept until dr_link_tls_close; without a certificate
 * of ours (NULL) this side stays anonymous. tls must not move in between. DR_E_FORMAT: a
 * certificate cannot be read. DR_E_CRYPTO. */
DR_MUST_USE enum dr_status dr_link_tls_open(
    struct dr_link_tls *tls, const struct dr_link_identity *identity, struct dr_anchor *anchor);

void dr_link_tls_close(struct dr_link_tls *tls);

#endif
