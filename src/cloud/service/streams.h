/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Streams: files that devices fetch block by block over MQTT. */
#ifndef DR_CLOUD_SERVICE_STREAMS_H
#define DR_CLOUD_SERVICE_STREAMS_H

#include "cloud/service/service.h"

#define DR_STREAM_FILES_MAX 50u
#define DR_STREAM_REQUEST_BYTES_MAX (128u * 1024u) /* AWS's bound of one request */
#define DR_STREAM_ROUND_BYTES_MAX (256u * 1024u)   /* unsent bytes of one session */

/* body: files[{fileId, s3Location{bucket, key, version}}], roleArn, description. */
DR_MUST_USE enum dr_status dr_service_create_stream(
    struct dr_call *call, const char *id, const json_t *body, json_t **ret_body);
DR_MUST_USE enum dr_status
dr_service_describe_stream(struct dr_call *call, const char *id, json_t **ret_body);
DR_MUST_USE enum dr_status
dr_service_list_streams(struct dr_call *call, const struct dr_page *page, json_t **ret_body);
/* Refused while an OTA update that is not deleted uses it. */
DR_MUST_USE enum dr_status dr_service_delete_stream(struct dr_call *call, const char *id);

#endif
