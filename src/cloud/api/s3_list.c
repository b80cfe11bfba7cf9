/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Listing objects and their versions. A delimiter folds keys into common prefixes. */
#include "base/check.h"
#include "cloud/api/handlers.h"
#include "cloud/api/xml.h"
#include "cloud/registry/images.h"

#include <stdio.h>
#include <string.h>

#define KEYS_MAX 1000

struct listing {
    struct dr_xml xml;
    bool url_encoded;
    bool versions;
    char last_key[DR_OBJECT_KEY_MAX + 1]; /* or common prefix: where the next page begins */
    char last_version[DR_OBJECT_VERSION_SIZE];
    uint64_t count;
};

/* Keys go out percent-encoded when the client asked for it: XML cannot hold every byte. */
static void key_text(struct listing *listing, const char *name, const char *key)
{
    static const char digits[] = "0123456789ABCDEF";
    char encoded[3 * DR_OBJECT_KEY_MAX + 1];
    size_t len = 0;
    if (!listing->url_encoded) {
        dr_xml_text(&listing->xml, name, key);
        return;
    }
    for (; *key != '\0' && len + 4 < sizeof encoded; key++) {
        unsigned char c = (unsigned char)*key;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     strchr("-_.~/", c) != NULL;
        if (plain) {
            encoded[len++] = (char)c;
        } else {
            encoded[len++] = '%';
            encoded[len++] = digits[c >> 4];
            encoded[len++] = digits[c & 0x0fu];
        }
    }
    encoded[len] = '\0';
    dr_xml_text(&listing->xml, name, encoded);
}

static bool list_one(void *ctx, const struct dr_object *object)
{
    struct listing *listing = ctx;
    struct dr_xml *xml = &listing->xml;
    (void)snprintf(listing->last_key, sizeof listing->last_key, "%s", object->key);
    (void)snprintf(listing->last_version, sizeof listing->last_version, "%s", object->version);
    listing->count++;
    if (object->is_common_prefix) {
        listing->last_version[0] = '\0';
        dr_xml_open(xml, "CommonPrefixes");
        key_text(listing, "Prefix", object->key);
        dr_xml_close(xml, "CommonPrefixes");
        return !xml->failed;
    }
    const char *element = !listing->versions         ? "Contents"
                          : object->is_delete_marker ? "DeleteMarker"
                                                     : "Version";
    dr_xml_open(xml, element);
    key_text(listing, "Key", object->key);
    if (listing->versions) {
        dr_xml_text(xml, "VersionId", object->version);
        dr_xml_text(xml, "IsLatest", object->is_latest ? "true" : "false");
    }
    dr_xml_time(xml, "LastModified", object->modified_ms);
    if (!object->is_delete_marker) {
        char etag[DR_OBJECT_ETAG_SIZE + 2];
        (void)snprintf(etag, sizeof etag, "\"%s\"", object->etag);
        dr_xml_text(xml, "ETag", etag);
        dr_xml_number(xml, "Size", object->size_bytes);
        dr_xml_text(xml, "StorageClass", "STANDARD");
    }
    dr_xml_close(xml, element);
    return !xml->failed;
}

/* What was asked, decoded; storage for the query's text. */
struct asked {
    char prefix[DR_OBJECT_KEY_MAX + 1];
    char delimiter[64];
    char after[DR_OBJECT_KEY_MAX + 1];
    int64_t limit;
};

static bool read_asked(struct dr_api_call *call, struct listing *listing, struct asked *asked)
{
    char encoding[16];
    if (!dr_api_query_number(call, "max-keys", 1, INT32_MAX, KEYS_MAX, &asked->limit)) {
        return false;
    }
    asked->limit = asked->limit > KEYS_MAX ? KEYS_MAX : asked->limit;
    (void)dr_api_query(call, "prefix", asked->prefix, sizeof asked->prefix);
    (void)dr_api_query(call, "delimiter", asked->delimiter, sizeof asked->delimiter);
    const char *after = listing->versions ? "key-marker" : "continuation-token";
    if (dr_api_query(call, after, asked->after, sizeof asked->after) == NULL &&
        !listing->versions && !call->answer.set) {
        (void)dr_api_query(call, "start-after", asked->after, sizeof asked->after);
    }
    const char *asked_encoding = dr_api_query(call, "encoding-type", encoding, sizeof encoding);
    listing->url_encoded = asked_encoding != NULL && strcmp(asked_encoding, "url") == 0;
    return !call->answer.set;
}

static void write_head(struct dr_api_call *call, struct listing *listing, const struct asked *asked)
{
    struct dr_xml *xml = &listing->xml;
    dr_xml_begin(xml);
    dr_xml_open(
        xml, listing->versions ? "ListVersionsResult" DR_XML_S3_NAMESPACE
                               : "ListBucketResult" DR_XML_S3_NAMESPACE);
    dr_xml_text(xml, "Name", dr_api_parameter(call, 0));
    key_text(listing, "Prefix", asked->prefix);
    if (asked->delimiter[0] != '\0') {
        key_text(listing, "Delimiter", asked->delimiter);
    }
    if (listing->url_encoded) {
        dr_xml_text(xml, "EncodingType", "url");
    }
    dr_xml_number(xml, "MaxKeys", (uint64_t)asked->limit);
}

static void write_tail(struct listing *listing, bool truncated)
{
    struct dr_xml *xml = &listing->xml;
    dr_xml_text(xml, "IsTruncated", truncated ? "true" : "false");
    if (listing->versions) {
        if (truncated) {
            key_text(listing, "NextKeyMarker", listing->last_key);
        }
        if (truncated && listing->last_version[0] != '\0') {
            dr_xml_text(xml, "NextVersionIdMarker", listing->last_version);
        }
        dr_xml_close(xml, "ListVersionsResult");
        return;
    }
    dr_xml_number(xml, "KeyCount", listing->count);
    if (truncated) {
        dr_xml_text(xml, "NextContinuationToken", listing->last_key);
    }
    dr_xml_close(xml, "ListBucketResult");
}

static void list(struct dr_api_call *call, bool versions)
{
    struct listing listing = {.versions = versions};
    struct asked asked = {.limit = 0};
    bool truncated = false;
    if (!read_asked(call, &listing, &asked)) {
        return;
    }
    write_head(call, &listing, &asked);
    struct dr_object_query query = {
        .bucket = dr_api_parameter(call, 0),
        .prefix = asked.prefix,
        .delimiter = asked.delimiter,
        .after_key = asked.after,
        .limit = (uint32_t)asked.limit,
        .all_versions = versions,
    };
    enum dr_status status =
        dr_service_list_objects(&call->use, &query, list_one, &listing, &truncated);
    if (status != DR_OK) {
        dr_xml_drop(&listing.xml);
        dr_api_fail_use(call, status);
        return;
    }
    write_tail(&listing, truncated);
    dr_api_answer_xml(call, &listing.xml);
}

void dr_api_list_objects_v2(struct dr_api_call *call)
{
    list(call, false);
}

void dr_api_list_object_versions(struct dr_api_call *call)
{
    list(call, true);
}
