/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Ranges over a connection that a test holds: what is asked, what is taken, what is refused. */
#include "device/http/fetch.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

#define FILE_BYTES 10000u
#define BLOCK 1024u
#define BLOCKS 10u

/* The server's end, scripted: it answers from `out`, and keeps what it is sent. */
static struct {
    char in[16384];
    size_t in_len;
    uint8_t out[65536];
    size_t out_at;
    size_t out_len;
    size_t piece; /* at most so much in one read or write */
    bool hang_up; /* at the end of out */
    unsigned opens;
    unsigned closes;
    enum dr_status state;
    enum dr_link_fault fault;
    char host[64];
    uint16_t port;
} server;

static struct dr_http http;
static uint8_t file[FILE_BYTES];
static uint8_t block[BLOCK];
static unsigned came[BLOCKS];
static bool intact;
static uint64_t now_ms;

static enum dr_status stream_open(void *context, const struct dr_link_identity *identity)
{
    (void)context;
    server.opens++;
    snprintf(server.host, sizeof server.host, "%s", identity->host);
    server.port = identity->port;
    server.in_len = 0;
    EXPECT(identity->certificate_pem == NULL && identity->client_id == NULL);
    return server.state == DR_E_IO ? DR_E_IO : DR_OK;
}

static enum dr_status stream_state(void *context)
{
    (void)context;
    return server.state;
}

static enum dr_status
stream_write(void *context, const uint8_t *data, size_t size_bytes, size_t *ret_bytes)
{
    (void)context;
    size_t size = size_bytes < server.piece ? size_bytes : server.piece;
    if (server.in_len + size >= sizeof server.in) {
        return DR_E_CLOSED;
    }
    memcpy(server.in + server.in_len, data, size);
    server.in_len += size;
    server.in[server.in_len] = '\0';
    *ret_bytes = size;
    return DR_OK;
}

static enum dr_status
stream_read(void *context, uint8_t *out, size_t capacity_bytes, size_t *ret_bytes)
{
    (void)context;
    size_t size = server.out_len - server.out_at;
    if (size == 0) {
        return server.hang_up ? DR_E_CLOSED : DR_E_AGAIN;
    }
    size = size < server.piece ? size : server.piece;
    size = size < capacity_bytes ? size : capacity_bytes;
    memcpy(out, server.out + server.out_at, size);
    server.out_at += size;
    *ret_bytes = size;
    return DR_OK;
}

static enum dr_link_fault stream_fault(void *context)
{
    (void)context;
    return server.fault;
}

static void stream_close(void *context)
{
    (void)context;
    server.closes++;
    server.out_at = server.out_len = 0;
    server.hang_up = false;
}

static const struct dr_link_stream stream = {NULL,        stream_open,  stream_state, stream_write,
                                             stream_read, stream_fault, stream_close};

static void take_block(void *context, uint32_t index, const uint8_t *data, uint32_t size_bytes)
{
    (void)context;
    uint32_t left = FILE_BYTES - index * BLOCK;
    intact = intact && index < BLOCKS && size_bytes == (left < BLOCK ? left : BLOCK) &&
             memcmp(data, file + index * BLOCK, size_bytes) == 0;
    came[index]++;
}

static void begin(void)
{
    static const char url[] = "https://files.example:8443/b/k?X-Amz-Signature=0";
    memset(&server, 0, sizeof server);
    memset(came, 0, sizeof came);
    server.piece = sizeof server.in;
    intact = true;
    for (size_t i = 0; i < sizeof file; i++) {
        file[i] = (uint8_t)(i * 31u + i / 256u);
    }
    const struct dr_http_config config = {&stream, block, sizeof block, take_block, NULL};
    dr_http_init(&http, &config);
    EXPECT_EQ(dr_http_set_url(&http, url, sizeof url - 1u), DR_OK);
    EXPECT_EQ(dr_http_set_file(&http, FILE_BYTES, BLOCK), DR_OK);
}

static enum dr_status turn(void)
{
    const struct dr_link_identity trust = {.ca_pem = "roots"};
    if (!dr_http_is_open(&http) && http.owed_count > 0) {
        enum dr_status status = dr_http_open(&http, &trust, now_ms);
        if (status != DR_OK) {
            return status;
        }
    }
    return dr_http_poll(&http, now_ms, true);
}

static void say(const char *text)
{
    memcpy(server.out + server.out_len, text, strlen(text));
    server.out_len += strlen(text);
}

/* As a good server answers a range. */
static void serve(uint32_t first, uint32_t last, const char *more)
{
    char head[256];
    snprintf(
        head, sizeof head,
        "HTTP/1.1 206 Partial Content\r\nETag: \"x\"\r\nContent-Range: bytes %u-%u/%u\r\n"
        "content-length: %u\r\n%s\r\n",
        first, last, FILE_BYTES, last - first + 1u, more);
    say(head);
    memcpy(server.out + server.out_len, file + first, last - first + 1u);
    server.out_len += last - first + 1u;
}

static void ranges_are_asked_for_ahead_and_taken_in_order(void)
{
    begin();
    EXPECT_EQ(dr_http_want(&http, 0, 0x7u), DR_OK);
    EXPECT_EQ(dr_http_want(&http, 4, 0x3fu), DR_OK);
    EXPECT_EQ(turn(), DR_OK);
    EXPECT_STR(
        server.in, "GET /b/k?X-Amz-Signature=0 HTTP/1.1\r\nHost: files.example:8443\r\n"
                   "Range: bytes=0-3071\r\n\r\n"
                   "GET /b/k?X-Amz-Signature=0 HTTP/1.1\r\nHost: files.example:8443\r\n"
                   "Range: bytes=4096-9999\r\n\r\n");
    EXPECT_STR(server.host, "files.example");
    EXPECT_EQ(server.port, 8443);
    serve(0, 3071, "");
    serve(4096, 9999, "");
    EXPECT_EQ(turn(), DR_OK);
    EXPECT(intact);
    EXPECT_EQ(http.owed_count, 0);
    EXPECT_EQ(came[0] + came[1] + came[2] + came[4] + came[9], 5);
    EXPECT_EQ(came[3], 0);
    EXPECT_EQ(server.opens, 1);
    EXPECT_EQ(dr_http_want(&http, 3, 1u), DR_OK); /* over the same connection */
    EXPECT_EQ(turn(), DR_OK);
    serve(3072, 4095, "Connection: close\r\n");
    EXPECT_EQ(turn(), DR_OK);
    EXPECT_EQ(came[3], 1);
    EXPECT(!dr_http_is_open(&http));
    EXPECT_EQ(http.fault, DR_HTTP_FAULT_NONE);
}

static void any_cutting_of_the_bytes_is_the_same(void)
{
    static const size_t pieces[] = {1, 2, 7, 100, 511, 513, 1500};
    for (size_t i = 0; i < DR_ARRAY_COUNT(pieces); i++) {
        begin();
        server.piece = pieces[i];
        EXPECT_EQ(dr_http_want(&http, 0, 0x3ffu), DR_OK);
        serve(0, 9999, "");
        for (unsigned t = 0; t < 400u && http.owed_count > 0; t++) {
            EXPECT_EQ(turn(), DR_OK);
        }
        EXPECT(intact);
        EXPECT_EQ(http.owed_count, 0);
    }
}

static void what_is_wanted_twice_is_fetched_once(void)
{
    begin();
    EXPECT_EQ(dr_http_want(&http, 2, 0x5u), DR_OK); /* 2 and 4 */
    EXPECT_EQ(dr_http_want(&http, 0, 0x14u), DR_OK);
    EXPECT_EQ(http.owed_count, 2);
    EXPECT_EQ(dr_http_want(&http, 8, 0xfffffff0u), DR_OK); /* beyond the file */
    EXPECT_EQ(http.owed_count, 2);
    EXPECT_EQ(turn(), DR_OK);
    EXPECT(strstr(server.in, "bytes=2048-3071") != NULL);
    EXPECT(strstr(server.in, "bytes=4096-5119") != NULL);
    serve(2048, 3071, "");
    EXPECT_EQ(turn(), DR_OK);
    EXPECT_EQ(dr_http_want(&http, 0, 0x10u), DR_OK); /* asked for already */
    serve(4096, 5119, "");
    EXPECT_EQ(turn(), DR_OK);
    EXPECT_EQ(came[4], 1);
    EXPECT_EQ(http.owed_count, 0);
}

static void neighbours_are_one_range(void)
{
    begin();
    EXPECT_EQ(dr_http_want(&http, 2, 0x3u), DR_OK); /* 2 and 3 */
    EXPECT_EQ(dr_http_want(&http, 4, 0x1u), DR_OK);
    EXPECT_EQ(dr_http_want(&http, 0, 0x3u), DR_OK); /* asked for later: it is the younger wish */
    EXPECT_EQ(turn(), DR_OK);
    EXPECT(strstr(server.in, "bytes=2048-5119") != NULL);
    EXPECT(strstr(server.in, "bytes=0-2047") != NULL);
    serve(2048, 5119, "");
    serve(0, 2047, "");
    EXPECT_EQ(turn(), DR_OK);
    EXPECT(intact);
    EXPECT_EQ(http.owed_count, 0);
}

static void a_lost_connection_costs_the_block_it_hit(void)
{
    begin();
    EXPECT_EQ(dr_http_want(&http, 0, 0x3ffu), DR_OK);
    serve(0, 9999, "");
    server.out_len -= 5000; /* 4 whole blocks and a part of the fifth */
    server.hang_up = true;
    EXPECT_EQ(turn(), DR_E_CLOSED);
    EXPECT_EQ(http.fault, DR_HTTP_FAULT_SHORT);
    EXPECT_EQ(http.owed_count, 6);
    EXPECT_EQ(turn(), DR_OK);
    EXPECT_EQ(server.opens, 2);
    EXPECT(strstr(server.in, "bytes=4096-9999") != NULL);
    serve(4096, 9999, "");
    EXPECT_EQ(turn(), DR_OK);
    EXPECT(intact);
    for (size_t i = 0; i < BLOCKS; i++) {
        EXPECT_EQ(came[i], 1);
    }
}

static void an_expired_url_is_replaced(void)
{
    static const char fresh[] = "https://files.example:8443/b/k?X-Amz-Signature=1";
    begin();
    EXPECT_EQ(dr_http_want(&http, 0, 0x3u), DR_OK);
    EXPECT_EQ(turn(), DR_OK);
    say("HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\n<Err>");
    EXPECT_EQ(turn(), DR_E_CLOSED);
    EXPECT_EQ(http.fault, DR_HTTP_FAULT_STATUS);
    EXPECT_EQ(http.head.status, 403);
    EXPECT_EQ(dr_http_set_url(&http, fresh, sizeof fresh - 1u), DR_OK);
    EXPECT_EQ(turn(), DR_OK);
    EXPECT(strstr(server.in, "Signature=1 HTTP/1.1") != NULL);
    serve(0, 2047, "");
    EXPECT_EQ(turn(), DR_OK);
    EXPECT_EQ(http.owed_count, 0);
}

struct refusal {
    const char *answer;
    enum dr_http_fault fault;
    const char *word;
};

#define HEAD_206 "HTTP/1.1 206 Partial Content\r\n"

static const struct refusal refusals[] = {
    {"HTTP/1.1 404 Not Found\r\n\r\n", DR_HTTP_FAULT_STATUS, "http_404"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n", DR_HTTP_FAULT_STATUS, "http_200"},
    {"HTTP/1.1 301 Moved\r\nLocation: https://evil/\r\n\r\n", DR_HTTP_FAULT_STATUS, "redirect_301"},
    {"HTTP/1.1 503 Slow Down\r\n\r\n", DR_HTTP_FAULT_STATUS, "http_503"},
    {"HTTP/1.0 206 X\r\n\r\n", DR_HTTP_FAULT_HEAD, "bad_head"},
    {"SSH-2.0-OpenSSH\r\n", DR_HTTP_FAULT_HEAD, "bad_head"},
    {HEAD_206 "A\n\r\n", DR_HTTP_FAULT_HEAD, "bad_head"},
    {HEAD_206 " folded\r\n\r\n", DR_HTTP_FAULT_HEAD, "bad_head"},
    {HEAD_206 "Content-Length: 2048\r\nContent-Length: 1\r\n\r\n", DR_HTTP_FAULT_HEAD, "bad_head"},
    {HEAD_206 "Content-Length: 99999999999\r\n\r\n", DR_HTTP_FAULT_HEAD, "bad_head"},
    {HEAD_206 "Content-Length: 2048x\r\n\r\n", DR_HTTP_FAULT_HEAD, "bad_head"},
    {HEAD_206 "Content-Range: bytes 5-4/10000\r\n\r\n", DR_HTTP_FAULT_HEAD, "bad_head"},
    {HEAD_206 "Content-Range: lines 0-2047/10000\r\n\r\n", DR_HTTP_FAULT_HEAD, "bad_head"},
    {HEAD_206 "Content-Length: 2048\r\n\r\n", DR_HTTP_FAULT_RANGE, "wrong_range"},
    {HEAD_206 "Content-Range: bytes 0-2047/10000\r\n\r\n", DR_HTTP_FAULT_RANGE, "wrong_range"},
    {HEAD_206 "Content-Length: 2048\r\nContent-Range: bytes 1024-3071/10000\r\n\r\n",
     DR_HTTP_FAULT_RANGE, "wrong_range"},
    {HEAD_206 "Content-Length: 1024\r\nContent-Range: bytes 0-1023/10000\r\n\r\n",
     DR_HTTP_FAULT_RANGE, "wrong_range"},
    {HEAD_206 "Content-Length: 2049\r\nContent-Range: bytes 0-2047/10000\r\n\r\n",
     DR_HTTP_FAULT_RANGE, "wrong_range"},
    {HEAD_206 "Content-Length: 2048\r\nContent-Range: bytes 0-2047/10001\r\n\r\n",
     DR_HTTP_FAULT_RANGE, "wrong_range"},
    {HEAD_206 "Content-Length: 2048\r\nContent-Range: bytes 0-2047/10000\r\n"
              "Transfer-Encoding: chunked\r\n\r\n",
     DR_HTTP_FAULT_RANGE, "wrong_range"},
    {HEAD_206 "Content-Length: 2048\r\nContent-Range: bytes 0-2047/10000\r\n"
              "Content-Encoding: gzip\r\n\r\n",
     DR_HTTP_FAULT_RANGE, "wrong_range"},
};

static void every_other_answer_has_a_name(void)
{
    for (size_t i = 0; i < DR_ARRAY_COUNT(refusals); i++) {
        char word[DR_HTTP_WORD_BYTES];
        begin();
        EXPECT_EQ(dr_http_want(&http, 0, 0x3u), DR_OK);
        say(refusals[i].answer);
        EXPECT_EQ(turn(), DR_E_CLOSED);
        EXPECT_EQ(http.fault, refusals[i].fault);
        dr_http_fault_word(&http, word);
        EXPECT_STR(word, refusals[i].word);
        EXPECT_EQ(http.owed_count, 2);
        EXPECT(!dr_http_is_open(&http) && server.closes == 1);
    }
}

static void a_total_that_is_not_told_and_interim_answers_are_fine(void)
{
    begin();
    EXPECT_EQ(dr_http_want(&http, 9, 1u), DR_OK);
    say("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" HEAD_206
        "Content-Length:  784 \r\nCONTENT-RANGE: bytes 9216-9999/*\r\n\r\n");
    memcpy(server.out + server.out_len, file + 9216, 784);
    server.out_len += 784;
    EXPECT_EQ(turn(), DR_OK);
    EXPECT_EQ(came[9], 1);
    EXPECT(intact);
}

static void network_tls_and_silence(void)
{
    begin();
    EXPECT_EQ(dr_http_want(&http, 0, 1u), DR_OK);
    server.state = DR_E_IO;
    EXPECT_EQ(turn(), DR_E_CLOSED);
    EXPECT_EQ(http.fault, DR_HTTP_FAULT_NETWORK);
    server.state = DR_E_CLOSED;
    server.fault = DR_LINK_FAULT_TLS_UNTRUSTED;
    EXPECT_EQ(turn(), DR_E_CLOSED);
    EXPECT_EQ(http.fault, DR_HTTP_FAULT_TLS);
    server.state = DR_E_AGAIN;
    EXPECT_EQ(turn(), DR_OK);
    now_ms += DR_HTTP_PATIENCE_MS + 1u;
    EXPECT_EQ(turn(), DR_E_CLOSED);
    EXPECT_EQ(http.fault, DR_HTTP_FAULT_TIMEOUT);
    server.state = DR_OK;
    EXPECT_EQ(turn(), DR_OK);
    now_ms += DR_HTTP_PATIENCE_MS + 1u;
    EXPECT_EQ(turn(), DR_E_CLOSED);
    EXPECT_EQ(http.fault, DR_HTTP_FAULT_TIMEOUT);
    EXPECT_EQ(turn(), DR_OK);
    serve(0, 1023, "");
    EXPECT_EQ(turn(), DR_OK);
    now_ms += 10u * DR_HTTP_PATIENCE_MS; /* nothing is asked: silence is no fault */
    EXPECT_EQ(turn(), DR_OK);
    server.hang_up = true;
    EXPECT_EQ(turn(), DR_OK);
    EXPECT(!dr_http_is_open(&http));
}

static void urls(void)
{
    static const struct {
        const char *url;
        enum dr_status status;
    } rows[] = {
        {"https://a/", DR_OK},
        {"https://a:443/b?c=d&e=%2F", DR_OK},
        {"http://a/", DR_E_FORMAT},
        {"https://", DR_E_FORMAT},
        {"https://a", DR_E_FORMAT},
        {"https:///x", DR_E_FORMAT},
        {"https://u:p@a/", DR_E_FORMAT},
        {"https://a:0/", DR_E_FORMAT},
        {"https://a:65536/", DR_E_FORMAT},
        {"https://a:4294967739/", DR_E_FORMAT},
        {"https://a:b/", DR_E_FORMAT},
        {"https://[::1]/", DR_E_FORMAT},
        {"https://a/x y", DR_E_FORMAT},
        {"https://a/x\r\nHost: evil", DR_E_FORMAT},
        {"https://a/\\u0026", DR_E_FORMAT},
    };
    char huge[DR_HTTP_URL_BYTES_MAX + 2u];
    begin();
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        EXPECT_EQ(dr_http_set_url(&http, rows[i].url, strlen(rows[i].url)), rows[i].status);
    }
    memset(huge, 'a', sizeof huge);
    memcpy(huge, "https://a/", 10);
    EXPECT_EQ(dr_http_set_url(&http, huge, DR_HTTP_URL_BYTES_MAX), DR_OK);
    EXPECT_EQ(dr_http_set_url(&http, huge, sizeof huge - 1u), DR_E_SPACE);
    memset(huge + 8, 'a', 300);
    EXPECT_EQ(dr_http_set_url(&http, huge, 400), DR_E_FORMAT);
}

DR_TEST_MAIN(
    ranges_are_asked_for_ahead_and_taken_in_order, any_cutting_of_the_bytes_is_the_same,
    what_is_wanted_twice_is_fetched_once, neighbours_are_one_range,
    a_lost_connection_costs_the_block_it_hit, an_expired_url_is_replaced,
    every_other_answer_has_a_name, a_total_that_is_not_told_and_interim_answers_are_fine,
    network_tls_and_silence, urls)
