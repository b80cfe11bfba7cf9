/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The registry: things, and which certificates speak for them. */
#ifndef DR_CLOUD_REGISTRY_THINGS_H
#define DR_CLOUD_REGISTRY_THINGS_H

#include "cloud/registry/call.h"

/* body: thingTypeName, attributePayload{attributes, merge}. Repeating it with the same
 * configuration succeeds. */
DR_MUST_USE enum dr_status dr_service_create_thing(
    struct dr_call *call, const char *name, const json_t *body, json_t **ret_body);
DR_MUST_USE enum dr_status
dr_service_describe_thing(struct dr_call *call, const char *name, json_t **ret_body);

/* body: attributePayload, thingTypeName, removeThingType, expectedVersion. */
DR_MUST_USE enum dr_status
dr_service_update_thing(struct dr_call *call, const char *name, const json_t *body);

/* attribute_name and attribute_value filter together; NULL: all. */
DR_MUST_USE enum dr_status dr_service_list_things(
    struct dr_call *call, const char *attribute_name, const char *attribute_value,
    const struct dr_page *page, json_t **ret_body);

/* principal: the ARN of a certificate (a bare id is accepted). */
DR_MUST_USE enum dr_status dr_service_attach_thing_principal(
    struct dr_call *call, const char *thing, const char *principal, bool exclusive);
DR_MUST_USE enum dr_status
dr_service_detach_thing_principal(struct dr_call *call, const char *thing, const char *principal);
DR_MUST_USE enum dr_status dr_service_list_thing_principals(
    struct dr_call *call, const char *thing, const struct dr_page *page, json_t **ret_body);
DR_MUST_USE enum dr_status dr_service_list_principal_things(
    struct dr_call *call, const char *principal, const struct dr_page *page, json_t **ret_body);

#endif
