/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/api/xml.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void add(struct dr_xml *xml, const char *text, size_t len)
{
    if (xml->failed || len > DR_XML_BYTES_MAX - xml->len) {
        xml->failed = true;
        return;
    }
    if (xml->len + len + 1 > xml->capacity) {
        size_t capacity = (xml->len + len + 1) * 2;
        char *grown = realloc(xml->text, capacity);
        if (grown == NULL) {
            xml->failed = true;
            return;
        }
        xml->text = grown;
        xml->capacity = capacity;
    }
    memcpy(xml->text + xml->len, text, len);
    xml->len += len;
    xml->text[xml->len] = '\0';
}

static void add_text(struct dr_xml *xml, const char *text)
{
    add(xml, text, strlen(text));
}

void dr_xml_begin(struct dr_xml *xml)
{
    memset(xml, 0, sizeof *xml);
    add_text(xml, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
}

void dr_xml_open(struct dr_xml *xml, const char *name)
{
    add_text(xml, "<");
    add_text(xml, name);
    add_text(xml, ">");
}

void dr_xml_close(struct dr_xml *xml, const char *name)
{
    add_text(xml, "</");
    add_text(xml, name);
    add_text(xml, ">");
}

/* Control characters have no form in XML 1.0; a replacement keeps the document well-formed. */
static const char *escape(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\r':
        return "&#13;";
    default:
        return (unsigned char)c < 0x20 && c != '\t' && c != '\n' ? "?" : NULL;
    }
}

void dr_xml_text(struct dr_xml *xml, const char *name, const char *text)
{
    dr_xml_open(xml, name);
    for (const char *c = text; *c != '\0'; c++) {
        const char *escaped = escape(*c);
        if (escaped != NULL) {
            add_text(xml, escaped);
        } else {
            add(xml, c, 1);
        }
    }
    dr_xml_close(xml, name);
}

void dr_xml_number(struct dr_xml *xml, const char *name, uint64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, number);
    dr_xml_text(xml, name, text);
}

static void put_time(struct dr_xml *xml, const char *name, int64_t time_s, const char *end)
{
    char text[40] = "";
    struct tm parts;
    time_t seconds = (time_t)time_s;
    dr_xml_open(xml, name);
    if (gmtime_r(&seconds, &parts) != NULL &&
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts) != 0) {
        add_text(xml, text);
        add_text(xml, end);
    }
    dr_xml_close(xml, name);
}

void dr_xml_time_s(struct dr_xml *xml, const char *name, int64_t time_s)
{
    put_time(xml, name, time_s, "Z");
}

void dr_xml_time(struct dr_xml *xml, const char *name, int64_t time_ms)
{
    put_time(xml, name, time_ms / 1000, ".000Z");
}

void dr_xml_drop(struct dr_xml *xml)
{
    free(xml->text);
    xml->text = NULL;
}
