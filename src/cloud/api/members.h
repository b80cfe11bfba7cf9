/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* JSON bodies checked against a one-line schema: every member known, of the right kind.
 *
 *   name:s string   :i integer   :n number   :b true or false   :a list of strings
 *   name:* anything              :- a documented member that this server ignores
 *   name{...} object   name[...] list of objects   *:s any name, e.g. {"attributes{*:s}"}
 *
 * Members are separated by blanks. A member whose value is null counts as absent and is removed.
 * Whether a member is required, and the range of its value, is for the service to say.
 */
#ifndef DR_CLOUD_API_MEMBERS_H
#define DR_CLOUD_API_MEMBERS_H

#include "base/status.h"

#include <jansson.h>
#include <stddef.h>

#define DR_API_JSON_DEPTH_MAX 16u
#define DR_API_MEMBERS_ERROR_BYTES 256u

/* Parse a body: one JSON object, UTF-8, no member twice, at most DR_API_JSON_DEPTH_MAX levels. An
 * empty text gives {}. On DR_E_FORMAT error says what and where. */
DR_MUST_USE enum dr_status dr_api_json_parse(
    const char *text, size_t text_len, json_t **ret_object, char error[DR_API_MEMBERS_ERROR_BYTES]);

/* Check an object. schema NULL allows no member. On DR_E_FORMAT error names the member. */
DR_MUST_USE enum dr_status
dr_api_members_check(json_t *object, const char *schema, char error[DR_API_MEMBERS_ERROR_BYTES]);

#endif
