/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* HTTPS beside MQTT: blocks as ranges of a pre-signed URL, on the same block map (docs/device.md).
 *
 * An optional part: a product links it by naming dr_client_https in its configuration, and then
 * supplies a TLS stream, the memory below and room for one block.
 *
 * Which way: the product's wish, else the first in the job document's list of protocols. Control
 * stays on MQTT, and blocks are fetched only while that connection stands. The ways change under
 * way and no block is fetched twice for it:
 *  - HTTPS to MQTT, when it is in the list: after DR_CLIENT_HTTPS_FAULTS failures in a row without
 *    a block between them, of whatever kind;
 *  - MQTT to HTTPS: when the stream is refused; and, where HTTPS is preferred and only the network
 *    to its server had failed, as soon as that can be connected to: tried after
 *    DR_CLIENT_HTTPS_RETRY_MS, then ever more seldom. What was asked for by MQTT is waited for.
 * A refusal with status 400, 401, 403, 404 or 410 asks for the job again: its document comes with a
 * fresh URL, and the download goes on where it was. Without MQTT in the list a job whose URL or
 * server keeps failing, though the network does not, ends FAILED `stream_refused` with the fault's
 * word as its detail ("http_404", "wrong_range", "redirect_302"); a network that is not there is
 * waited for as always.
 *
 * The URL is a secret for as long as it is valid: only the server's name is ever logged.
 */
#ifndef DR_DEVICE_CLIENT_HTTPS_H
#define DR_DEVICE_CLIENT_HTTPS_H

#include "device/client/client.h"
#include "device/http/fetch.h"

#define DR_CLIENT_HTTPS_FAULTS 3u
#define DR_CLIENT_HTTPS_RETRY_MS 2000u

enum dr_client_prefer {
    DR_PREFER_DOCUMENT = 0, /* the first in its list */
    DR_PREFER_MQTT,
    DR_PREFER_HTTPS,
};

/* The board's, zero at first, kept for the life of the client. About 2.9 KiB. */
struct dr_client_https_state {
    const struct dr_link_stream *stream; /* set by the board before dr_client_open */
    enum dr_client_prefer prefer;        /* the product's */
    uint8_t *block; /* room for one block of the client's block_bytes, and for 4096 at least; NULL:
                     * the client's workspace, which is idle during a download */
    uint32_t block_capacity_bytes;
    uint32_t window_bytes; /* outstanding at most by HTTPS, where TCP paces and nothing is held
                            * here; 0: as by MQTT */

    /* private, do not touch */
    struct dr_http http;
    bool mqtt;      /* the document's list has it */
    bool preferred; /* HTTPS is the way, as long as it works */
    bool offered;   /* a URL is there */
    bool stale;     /* it was refused; a fresh one is asked for */
    bool active;    /* blocks travel by HTTPS now */
    uint8_t faults; /* in a row */
    uint8_t leaves; /* for MQTT, without a block between them */
    uint64_t retry_ms;
    uint64_t ask_ms;
    const char *told;      /* the way that was logged last */
    uint8_t pending_count; /* wanted in blocks of another size than those under way */
    struct dr_block_range pending[DR_WINDOW_REQUESTS_MAX];
    char job[DR_JOB_ID_BYTES];
};

extern const struct dr_client_path dr_client_https;

#endif
