/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Small XML answers: a growing text with escaping, bounded. */
#ifndef DR_CLOUD_API_XML_H
#define DR_CLOUD_API_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DR_XML_S3_NAMESPACE " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""
#define DR_XML_BYTES_MAX (4u * 1024u * 1024u)

struct dr_xml {
    char *text; /* malloc'ed, NUL-terminated; the caller takes or frees it */
    size_t len;
    size_t capacity;
    bool failed; /* no memory, or too large */
};

/* Starts with the XML declaration. */
void dr_xml_begin(struct dr_xml *xml);

void dr_xml_open(struct dr_xml *xml, const char *name); /* name may carry attributes */
void dr_xml_close(struct dr_xml *xml, const char *name);

/* <name>text</name>, escaped. */
void dr_xml_text(struct dr_xml *xml, const char *name, const char *text);
void dr_xml_number(struct dr_xml *xml, const char *name, uint64_t number);

/* "2026-01-31T12:34:56Z" */
void dr_xml_time_s(struct dr_xml *xml, const char *name, int64_t time_s);

/* "2026-01-31T12:34:56.000Z" */
void dr_xml_time(struct dr_xml *xml, const char *name, int64_t time_ms);

void dr_xml_drop(struct dr_xml *xml);

#endif
