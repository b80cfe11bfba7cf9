/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A URL, taken apart into host, port and the part of a request that does not change. */
#include "base/cursor.h"
#include "device/http/fetch_priv.h"

#include <string.h>

#define PORT_HTTPS 443u

static bool is_plain(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        /* Printable ASCII, and nothing that a parser of JSON or of HTTP would end at. */
        if (text[i] <= ' ' || text[i] >= 0x7f || text[i] == '"' || text[i] == '\\' ||
            text[i] == '#') {
            return false;
        }
    }
    return true;
}

/* "HOST" or "HOST:PORT"; DR_E_FORMAT for anything with a user name or an IPv6 address in it. */
static enum dr_status take_host(struct dr_http *http, const char *text, size_t len)
{
    const char *colon = memchr(text, ':', len);
    size_t host_len = colon == NULL ? len : (size_t)(colon - text);
    uint32_t port = colon == NULL ? PORT_HTTPS : 0;
    if (host_len == 0 || memchr(text, '@', len) != NULL || memchr(text, '[', len) != NULL) {
        return DR_E_FORMAT;
    }
    for (size_t i = host_len + 1u; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || port > UINT16_MAX) {
            return DR_E_FORMAT;
        }
        port = 10u * port + (uint32_t)(text[i] - '0');
    }
    if (port == 0 || port > UINT16_MAX) {
        return DR_E_FORMAT;
    }
    if (host_len >= sizeof(http->host)) {
        return DR_E_SPACE;
    }
    if (http->port != port || strlen(http->host) != host_len ||
        memcmp(http->host, text, host_len) != 0) {
        dr_http_close(http);
    }
    memcpy(http->host, text, host_len);
    http->host[host_len] = '\0';
    http->port = (uint16_t)port;
    return DR_OK;
}

enum dr_status dr_http_set_url(struct dr_http *http, const char *url, size_t url_len)
{
    static const char scheme[] = "https://";
    const size_t scheme_len = sizeof(scheme) - 1u;
    if (url_len > DR_HTTP_URL_BYTES_MAX) {
        return DR_E_SPACE;
    }
    if (url_len <= scheme_len || memcmp(url, scheme, scheme_len) != 0 || !is_plain(url, url_len)) {
        return DR_E_FORMAT;
    }
    const char *host = url + scheme_len;
    const char *target = memchr(host, '/', url_len - scheme_len);
    if (target == NULL) {
        return DR_E_FORMAT;
    }
    size_t host_len = (size_t)(target - host);
    DR_TRY(take_host(http, host, host_len));
    struct dr_writer writer;
    dr_writer_init(&writer, (uint8_t *)http->request, sizeof(http->request));
    dr_write_text(&writer, "GET ");
    dr_write_bytes(&writer, (const uint8_t *)target, url_len - scheme_len - host_len);
    dr_write_text(&writer, " HTTP/1.1\r\nHost: ");
    dr_write_bytes(&writer, (const uint8_t *)host, host_len);
    dr_write_text(&writer, "\r\nRange: bytes=");
    /* Two numbers and the end; what is half sent belongs to the old URL. */
    if (writer.status != DR_OK || writer.size_bytes + DR_HTTP_RANGE_BYTES > sizeof(http->request)) {
        http->prefix_bytes = 0;
        return DR_E_SPACE;
    }
    if (http->request_bytes != 0) {
        dr_http_close(http);
    }
    http->prefix_bytes = writer.size_bytes;
    return DR_OK;
}
