/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/http/head.h"

#include <string.h>

/* What is left of a line. */
struct piece {
    const char *at;
    const char *end;
};

void dr_http_head_init(struct dr_http_head *head)
{
    memset(head, 0, sizeof(*head));
}

/* Letters of either case; text is lower-case. */
static bool take_word(struct piece *piece, const char *text)
{
    size_t len = strlen(text);
    if ((size_t)(piece->end - piece->at) < len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        char c = piece->at[i];
        if ((c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c) != text[i]) {
            return false;
        }
    }
    piece->at += len;
    return true;
}

static enum dr_status take_number(struct piece *piece, uint32_t *ret_number)
{
    uint32_t number = 0;
    const char *begin = piece->at;
    for (; piece->at < piece->end && *piece->at >= '0' && *piece->at <= '9'; piece->at++) {
        uint32_t digit = (uint32_t)(*piece->at - '0');
        if (number > (UINT32_MAX - digit) / 10u) {
            return DR_E_RANGE;
        }
        number = 10u * number + digit;
    }
    *ret_number = number;
    return piece->at != begin ? DR_OK : DR_E_FORMAT;
}

static bool at_end(const struct piece *piece)
{
    return piece->at == piece->end;
}

static enum dr_status take_status(struct dr_http_head *head, struct piece line)
{
    uint32_t status = 0;
    if (!take_word(&line, "http/1.1 ")) {
        return DR_E_FORMAT;
    }
    DR_TRY(take_number(&line, &status));
    if (status < 100u || status > 599u || (!at_end(&line) && *line.at != ' ')) {
        return DR_E_FORMAT;
    }
    head->status = (uint16_t)status;
    return DR_OK;
}

/* "bytes FIRST-LAST/TOTAL", TOTAL may be "*". That of a 416, which names no range, is passed over:
 * nobody reads its body. */
static enum dr_status take_range(struct dr_http_head *head, struct piece value)
{
    if (head->has_range || !take_word(&value, "bytes ")) {
        return DR_E_FORMAT;
    }
    if (take_word(&value, "*")) {
        return DR_OK;
    }
    DR_TRY(take_number(&value, &head->first));
    if (!take_word(&value, "-")) {
        return DR_E_FORMAT;
    }
    DR_TRY(take_number(&value, &head->last));
    if (!take_word(&value, "/") || head->last < head->first) {
        return DR_E_FORMAT;
    }
    head->total = UINT32_MAX;
    if (!take_word(&value, "*")) {
        DR_TRY(take_number(&value, &head->total));
    }
    head->has_range = true;
    return at_end(&value) ? DR_OK : DR_E_FORMAT;
}

static enum dr_status take_length(struct dr_http_head *head, struct piece value)
{
    if (head->has_length) {
        return DR_E_FORMAT;
    }
    head->has_length = true;
    DR_TRY(take_number(&value, &head->length));
    return at_end(&value) ? DR_OK : DR_E_FORMAT;
}

static struct piece trimmed(struct piece value)
{
    while (value.at < value.end && (*value.at == ' ' || *value.at == '\t')) {
        value.at++;
    }
    while (value.at < value.end && (value.end[-1] == ' ' || value.end[-1] == '\t')) {
        value.end--;
    }
    return value;
}

static enum dr_status take_header(struct dr_http_head *head, struct piece line)
{
    enum { LENGTH, RANGE, TRANSFER, CODING, CONNECTION, OTHER };
    static const char *const names[OTHER] = {
        "content-length:", "content-range:", "transfer-encoding:", "content-encoding:",
        "connection:"};
    unsigned name = OTHER;
    if (*line.at == ' ' || *line.at == '\t' || *line.at == ':') {
        return DR_E_FORMAT; /* a folded line, or one without a name */
    }
    for (unsigned i = 0; i < OTHER && name == OTHER; i++) {
        if (take_word(&line, names[i])) {
            name = i;
        }
    }
    if (name == OTHER) {
        return DR_OK;
    }
    if (head->overlong) {
        return DR_E_FORMAT;
    }
    line = trimmed(line);
    if (name == LENGTH) {
        return take_length(head, line);
    }
    if (name == RANGE) {
        return take_range(head, line);
    }
    if (name == CONNECTION) {
        head->close |= take_word(&line, "close") && at_end(&line);
    } else {
        head->coded |= !take_word(&line, "identity") || !at_end(&line);
    }
    return DR_OK;
}

/* A whole line. DR_OK: it was the empty one that ends the head; DR_E_AGAIN: on with the next. */
static enum dr_status take_line(struct dr_http_head *head)
{
    const struct piece line = {head->line, head->line + head->line_len};
    if (!head->past_status) {
        DR_TRY(take_status(head, line));
        head->past_status = true;
        return DR_E_AGAIN;
    }
    if (!at_end(&line)) {
        DR_TRY(take_header(head, line));
        return DR_E_AGAIN;
    }
    if (head->status < 200u) { /* an interim response: the real one follows */
        uint16_t taken = head->taken;
        dr_http_head_init(head);
        head->taken = taken;
        return DR_E_AGAIN;
    }
    return DR_OK;
}

static enum dr_status take_byte(struct dr_http_head *head, uint8_t byte)
{
    if (head->past_cr) {
        if (byte != '\n') {
            return DR_E_FORMAT;
        }
        enum dr_status status = take_line(head);
        head->past_cr = false;
        head->overlong = false;
        head->line_len = 0;
        return status;
    }
    if (byte == '\r') {
        head->past_cr = true;
    } else if ((byte < ' ' && byte != '\t') || byte == 0x7fu) {
        return DR_E_FORMAT;
    } else if (head->line_len < DR_HTTP_LINE_BYTES_MAX) {
        head->line[head->line_len++] = (char)byte;
    } else {
        head->overlong = true;
    }
    return DR_E_AGAIN;
}

enum dr_status dr_http_head_feed(
    struct dr_http_head *head, const uint8_t *data, size_t size_bytes, size_t *ret_taken)
{
    *ret_taken = 0;
    while (*ret_taken < size_bytes) { /* bound: the data */
        if (++head->taken > DR_HTTP_HEAD_BYTES_MAX) {
            return DR_E_RANGE;
        }
        enum dr_status status = take_byte(head, data[(*ret_taken)++]);
        if (status != DR_E_AGAIN) {
            return status;
        }
    }
    return DR_E_AGAIN;
}
