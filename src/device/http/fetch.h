/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Blocks of a file by HTTPS ranges: one URL, one connection that is kept, bounded memory.
 *
 * The owner wants blocks (dr_http_want), gives time (dr_http_poll) and is told each block once, in
 * the order of the requests. Neighbouring blocks travel in one range, whoever wanted them; up to
 * DR_HTTP_PIPELINE requests are under way, so that no round trip is waited for between ranges. A
 * block that is wanted twice is fetched once. Whatever fails - connection, URL, a server that
 * answers something else - ends in a fault with a name; blocks that have not come stay wanted, and
 * go on over the next connection or the next URL, without the ones that came.
 *
 * A response counts only as 206 with exactly the range that was asked for (docs/protocol.md).
 * Nothing here is trusted further: what the bytes are worth is judged by the image's signature.
 *
 * The URL is a secret as long as it is valid: nothing here prints it.
 */
#ifndef DR_DEVICE_HTTP_FETCH_H
#define DR_DEVICE_HTTP_FETCH_H

#include "base/status.h"
#include "device/http/head.h"
#include "device/link/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DR_HTTP_URL_BYTES_MAX 1500u /* what AWS's own agents hold */
#define DR_HTTP_HOST_BYTES_MAX 254u /* with its NUL */
#define DR_HTTP_REQUEST_BYTES_MAX (DR_HTTP_URL_BYTES_MAX + 320u)
#define DR_HTTP_WANTS_MAX 8u       /* spans of 32 blocks wanted at a time */
#define DR_HTTP_RUN_BLOCKS_MAX 64u /* in one request */
#define DR_HTTP_PIPELINE 2u        /* requests under way */
#define DR_HTTP_PATIENCE_MS 20000u /* for any byte, once something was asked */

/* Why the last connection ended, or a URL was refused. */
enum dr_http_fault {
    DR_HTTP_FAULT_NONE = 0,
    DR_HTTP_FAULT_NETWORK, /* no connection, or it ended between responses */
    DR_HTTP_FAULT_TLS,     /* the server is not who it should be; see dr_link_stream.fault */
    DR_HTTP_FAULT_TIMEOUT, /* connected, and silent */
    DR_HTTP_FAULT_STATUS,  /* not 206; see head.status */
    DR_HTTP_FAULT_HEAD,    /* what came is no head of a response */
    DR_HTTP_FAULT_RANGE,   /* 206, but of other bytes than were asked for */
    DR_HTTP_FAULT_SHORT,   /* the connection ended within a body */
};

/* Blocks first + k for every bit k. */
struct dr_http_want {
    uint32_t first;
    uint32_t owed;   /* 0: free */
    uint32_t unsent; /* of those */
    uint32_t number; /* order of wanting */
};

/* One request under way: blocks first to first + count - 1. */
struct dr_http_sent {
    uint32_t first;
    uint32_t count;
};

/* data is borrowed for the call. The sink may call dr_http_want and nothing else. */
typedef void (*dr_http_sink)(
    void *context, uint32_t index, const uint8_t *data, uint32_t size_bytes);

struct dr_http_config {
    const struct dr_link_stream *stream; /* kept */
    uint8_t *block;                      /* kept: room for one block */
    uint32_t block_capacity_bytes;
    dr_http_sink sink;
    void *sink_context;
};

/* Caller-owned, about 2.6 KiB beside the block. Look at fault, owed_count, more and head.status
 * only. */
struct dr_http {
    enum dr_http_fault fault;
    uint32_t owed_count; /* blocks that are wanted and have not come */
    struct dr_http_head head;
    bool more; /* the last poll stopped though there was more to do */

    /* private, do not touch */
    struct dr_http_config config;
    bool open;
    bool connected;
    bool in_body;
    uint32_t file_bytes;
    uint32_t block_bytes;
    uint32_t block_count;
    uint32_t number;
    uint64_t heard_ms; /* last sign of life while something is under way */
    struct dr_http_want wants[DR_HTTP_WANTS_MAX];
    struct dr_http_sent sent[DR_HTTP_PIPELINE];
    uint8_t sent_count;
    uint32_t body_left; /* bytes of the response at hand */
    uint32_t index;     /* of the block at hand */
    uint32_t filled;    /* bytes of it */
    uint16_t port;
    char host[DR_HTTP_HOST_BYTES_MAX];
    size_t prefix_bytes; /* of the request: all but the range; 0: no URL */
    size_t request_bytes;
    size_t written_bytes;
    char request[DR_HTTP_REQUEST_BYTES_MAX];
    uint16_t ahead_at; /* bytes read beyond a head */
    uint16_t ahead_bytes;
    uint8_t ahead[512];
};

/* config is copied. */
void dr_http_init(struct dr_http *http, const struct dr_http_config *config);

/* Fetch from this URL from now on; what is wanted stays wanted. url is copied. A connection to
 * another host is closed. DR_E_FORMAT: not https://HOST[:PORT]/…, or with characters that no URL
 * has. DR_E_SPACE: too long. The old URL is kept then. */
DR_MUST_USE enum dr_status dr_http_set_url(struct dr_http *http, const char *url, size_t url_len);

/* The file that blocks are counted in. Another one, or other blocks, forget everything that is
 * wanted; a connection with nothing under way is kept. Not from the sink.
 * DR_E_SPACE: a block does not fit the buffer. */
DR_MUST_USE enum dr_status
dr_http_set_file(struct dr_http *http, uint32_t file_bytes, uint32_t block_bytes);

/* Want blocks first + k for every bit k; those that are wanted already are not fetched twice.
 * DR_E_SPACE: too many at a time; want them again later. */
DR_MUST_USE enum dr_status dr_http_want(struct dr_http *http, uint32_t first, uint32_t bits);

/* Connect to the URL's host. `trust` names roots and time; host and port are filled in here;
 * borrowed for the call. DR_E_STATE: open already, or no URL. DR_E_CLOSED: see fault. */
DR_MUST_USE enum dr_status
dr_http_open(struct dr_http *http, const struct dr_link_identity *trust, uint64_t now_ms);

/* Move what can be moved without waiting; new requests only if may_send. DR_E_CLOSED: the
 * connection ended with a fault. DR_OK otherwise; a server that closes between responses, as it
 * may, leaves the connection closed without a fault. */
DR_MUST_USE enum dr_status dr_http_poll(struct dr_http *http, uint64_t now_ms, bool may_send);

static inline bool dr_http_is_open(const struct dr_http *http)
{
    return http->open;
}

static inline bool dr_http_counts(const struct dr_http *http, uint32_t file_bytes, uint32_t block)
{
    return http->file_bytes == file_bytes && http->block_bytes == block;
}

static inline bool dr_http_is_connected(const struct dr_http *http)
{
    return http->connected;
}

/* Drop the connection; what is wanted stays wanted. */
void dr_http_close(struct dr_http *http);

/* Drop the connection and everything that is wanted. */
void dr_http_forget(struct dr_http *http);

/* The fault in a word of at most DR_HTTP_WORD_BYTES: "http_403", "redirect_302", "short_body". */
#define DR_HTTP_WORD_BYTES 24u
void dr_http_fault_word(const struct dr_http *http, char out[DR_HTTP_WORD_BYTES]);

#endif
