/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A hostile server: the first byte cuts the rest into reads, which are the answers to ranges of a
 * small file. Heads alone are read as well, whole and byte by byte, which must agree. */
#include "device/http/fetch.h"
#include "fuzz/fuzz.h"

#include <string.h>

#define FILE_BYTES 1000u
#define BLOCK_BYTES 256u
#define BLOCKS 4u

struct server {
    const uint8_t *data;
    size_t left;
    size_t piece;
    uint32_t seen; /* blocks that came, as bits */
};

static enum dr_status stream_open(void *context, const struct dr_link_identity *identity)
{
    (void)context;
    FUZZ(identity->host[0] != '\0' && identity->certificate_pem == NULL);
    return DR_OK;
}

static enum dr_status stream_state(void *context)
{
    (void)context;
    return DR_OK;
}

static enum dr_status
stream_write(void *context, const uint8_t *data, size_t size_bytes, size_t *ret_bytes)
{
    (void)context;
    FUZZ(data[size_bytes - 1u] == '\n');
    *ret_bytes = size_bytes;
    return DR_OK;
}

static enum dr_status
stream_read(void *context, uint8_t *out, size_t capacity_bytes, size_t *ret_bytes)
{
    struct server *server = context;
    size_t size = server->left < server->piece ? server->left : server->piece;
    size = size < capacity_bytes ? size : capacity_bytes;
    if (size == 0) {
        return DR_E_CLOSED;
    }
    memcpy(out, server->data, size);
    server->data += size;
    server->left -= size;
    *ret_bytes = size;
    return DR_OK;
}

static enum dr_link_fault stream_fault(void *context)
{
    (void)context;
    return DR_LINK_FAULT_NETWORK;
}

static void stream_close(void *context)
{
    (void)context;
}

static void take_block(void *context, uint32_t index, const uint8_t *data, uint32_t size_bytes)
{
    struct server *server = context;
    FUZZ(index < BLOCKS && (server->seen >> index & 1u) == 0);
    FUZZ(size_bytes == (index == BLOCKS - 1u ? FILE_BYTES % BLOCK_BYTES : BLOCK_BYTES));
    volatile uint8_t last = data[size_bytes - 1u]; /* readable to the end */
    (void)last;
    server->seen |= 1u << index;
}

static void fetch(const uint8_t *data, size_t size_bytes)
{
    static const char url[] = "https://host:1/object?secret=1";
    static struct dr_http http;
    uint8_t block[BLOCK_BYTES];
    struct server server = {data + 1, size_bytes - 1u, (size_t)data[0] + 1u, 0};
    const struct dr_link_stream stream = {&server,     stream_open,  stream_state, stream_write,
                                          stream_read, stream_fault, stream_close};
    const struct dr_http_config config = {&stream, block, sizeof block, take_block, &server};
    const struct dr_link_identity trust = {.ca_pem = ""};
    dr_http_init(&http, &config);
    FUZZ(dr_http_set_url(&http, url, sizeof url - 1u) == DR_OK);
    FUZZ(dr_http_set_file(&http, FILE_BYTES, BLOCK_BYTES) == DR_OK);
    FUZZ(dr_http_want(&http, 0, 0xffu) == DR_OK && http.owed_count == BLOCKS);
    for (unsigned i = 0; i < 8u && server.left > 0; i++) {
        if (!dr_http_is_open(&http)) {
            FUZZ(dr_http_open(&http, &trust, 0) == DR_OK);
        }
        enum dr_status status = dr_http_poll(&http, 0, true);
        FUZZ((status == DR_E_CLOSED) == (http.fault != DR_HTTP_FAULT_NONE));
        if (status == DR_E_CLOSED) {
            char word[DR_HTTP_WORD_BYTES];
            dr_http_fault_word(&http, word);
            FUZZ(word[0] != '\0' && strlen(word) < DR_HTTP_WORD_BYTES);
        }
    }
    uint32_t owed = 0;
    for (uint32_t i = 0; i < BLOCKS; i++) {
        owed += (server.seen >> i & 1u) == 0;
    }
    FUZZ(http.owed_count == owed);
}

static void heads(const uint8_t *data, size_t size_bytes)
{
    struct dr_http_head whole;
    struct dr_http_head single;
    size_t taken = 0;
    size_t at = 0;
    dr_http_head_init(&whole);
    dr_http_head_init(&single);
    enum dr_status first = dr_http_head_feed(&whole, data, size_bytes, &taken);
    enum dr_status second = DR_E_AGAIN;
    while (at < size_bytes && second == DR_E_AGAIN) {
        size_t one = 0;
        second = dr_http_head_feed(&single, data + at, 1, &one);
        at += one;
    }
    FUZZ(first == second && taken <= size_bytes && (first != DR_OK || taken == at));
    if (first == DR_OK) {
        FUZZ(whole.status >= 200u && whole.status <= 599u && whole.status == single.status);
        FUZZ(!whole.has_range || whole.first <= whole.last);
        FUZZ(whole.has_length == single.has_length && whole.length == single.length);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    static struct dr_http http;
    if (size_bytes == 0) {
        return 0;
    }
    heads(data + 1, size_bytes - 1u);
    fetch(data, size_bytes);
    dr_http_init(&http, &(struct dr_http_config){0});
    if (dr_http_set_url(&http, (const char *)data, size_bytes) == DR_OK) {
        FUZZ(http.port != 0 && http.host[0] != '\0' && strlen(http.host) < size_bytes);
    }
    return 0;
}
