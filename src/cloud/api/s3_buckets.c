/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Buckets. Every bucket keeps versions; that is not a setting here. */
#include "cloud/api/handlers.h"
#include "cloud/api/xml.h"
#include "cloud/registry/images.h"

#include <string.h>

static bool list_one(void *ctx, const struct dr_bucket *bucket)
{
    struct dr_xml *xml = ctx;
    dr_xml_open(xml, "Bucket");
    dr_xml_text(xml, "Name", bucket->name);
    dr_xml_time(xml, "CreationDate", bucket->created_ms);
    dr_xml_close(xml, "Bucket");
    return !xml->failed;
}

void dr_api_list_buckets(struct dr_api_call *call)
{
    struct dr_xml xml;
    dr_xml_begin(&xml);
    dr_xml_open(&xml, "ListAllMyBucketsResult" DR_XML_S3_NAMESPACE);
    dr_xml_open(&xml, "Owner");
    dr_xml_text(&xml, "ID", dr_service_account(call->use.service));
    dr_xml_close(&xml, "Owner");
    dr_xml_open(&xml, "Buckets");
    enum dr_status status = dr_service_list_buckets(&call->use, list_one, &xml);
    dr_xml_close(&xml, "Buckets");
    dr_xml_close(&xml, "ListAllMyBucketsResult");
    if (status != DR_OK) {
        dr_xml_drop(&xml);
        dr_api_fail_use(call, status);
        return;
    }
    dr_api_answer_xml(call, &xml);
}

void dr_api_create_bucket(struct dr_api_call *call)
{
    const char *bucket = dr_api_parameter(call, 0);
    /* A LocationConstraint may name any region: there is one place here. */
    enum dr_status status = dr_service_create_bucket(&call->use, bucket);
    if (status != DR_OK) {
        dr_api_fail_use(call, status);
        return;
    }
    dr_api_answer_empty(call, 200);
    dr_api_add_header(call, "Location", "/%s", bucket);
}

void dr_api_head_bucket(struct dr_api_call *call)
{
    struct dr_bucket bucket;
    enum dr_status status = dr_service_head_bucket(&call->use, dr_api_parameter(call, 0), &bucket);
    if (status != DR_OK) {
        dr_api_fail_use(call, status);
        return;
    }
    dr_api_answer_empty(call, 200);
    dr_api_add_header(call, "x-amz-bucket-region", "%s", dr_service_region(call->use.service));
}

void dr_api_delete_bucket(struct dr_api_call *call)
{
    enum dr_status status = dr_service_delete_bucket(&call->use, dr_api_parameter(call, 0));
    if (status != DR_OK) {
        dr_api_fail_use(call, status);
        return;
    }
    dr_api_answer_empty(call, 204);
}

/* True when the bucket is there; else an error answer was set. */
static bool bucket_exists(struct dr_api_call *call)
{
    struct dr_bucket bucket;
    enum dr_status status = dr_service_head_bucket(&call->use, dr_api_parameter(call, 0), &bucket);
    if (status != DR_OK) {
        dr_api_fail_use(call, status);
    }
    return status == DR_OK;
}

void dr_api_put_versioning(struct dr_api_call *call)
{
    if (!bucket_exists(call)) {
        return;
    }
    if (strstr(call->text, "<Status>Enabled</Status>") == NULL) {
        dr_api_fail(
            call, DR_S3_NOT_IMPLEMENTED, "versions are always kept; Status must be Enabled");
        return;
    }
    dr_api_answer_empty(call, 200);
}

void dr_api_get_versioning(struct dr_api_call *call)
{
    struct dr_xml xml;
    if (!bucket_exists(call)) {
        return;
    }
    dr_xml_begin(&xml);
    dr_xml_open(&xml, "VersioningConfiguration" DR_XML_S3_NAMESPACE);
    dr_xml_text(&xml, "Status", "Enabled");
    dr_xml_close(&xml, "VersioningConfiguration");
    dr_api_answer_xml(call, &xml);
}

void dr_api_get_bucket_location(struct dr_api_call *call)
{
    struct dr_xml xml;
    if (!bucket_exists(call)) {
        return;
    }
    dr_xml_begin(&xml);
    dr_xml_text(&xml, "LocationConstraint", dr_service_region(call->use.service));
    dr_api_answer_xml(call, &xml);
}
