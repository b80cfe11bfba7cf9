/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Port: one TLS connection as a stream of bytes, the server proven; the client where it has a
 * certificate.
 *
 * Supplied by a board: for what is fetched over HTTPS, and below the MQTT link (link.h) where that
 * is boards/mqtt_session.h. The same rules for chain, name and time as there. Nothing here ever
 * waits: DR_E_AGAIN says that the network has to do something first, and the board's poll (link.h)
 * returns when it did.
 */
#ifndef DR_DEVICE_LINK_STREAM_H
#define DR_DEVICE_LINK_STREAM_H

#include "device/link/link.h"

struct dr_link_stream {
    void *context; /* the board's own */

    /* Begin to connect to identity's host and port; client_id is not looked at. certificate_pem
     * NULL, as for HTTPS: this side stays anonymous, and key is not used. identity is borrowed for
     * the call. DR_E_STATE: open already. Other failures: nothing was opened. */
    enum dr_status (*open)(void *context, const struct dr_link_identity *identity);

    /* DR_OK: connected and the server is who it says. DR_E_AGAIN: not yet. DR_E_CLOSED: failed, or
     * over; fault says why. */
    enum dr_status (*state)(void *context);

    /* DR_OK: at least one byte was moved. DR_E_AGAIN: no room, or nothing there; a write is then
     * repeated with the same bytes. DR_E_CLOSED: the connection is over. */
    enum dr_status (*write)(
        void *context, const uint8_t *data, size_t size_bytes, size_t *ret_bytes);
    enum dr_status (*read)(void *context, uint8_t *out, size_t capacity_bytes, size_t *ret_bytes);

    /* Why the last connection failed or ended. */
    enum dr_link_fault (*fault)(void *context);

    /* Forget the connection; safe at any time. */
    void (*close)(void *context);
};

#endif
