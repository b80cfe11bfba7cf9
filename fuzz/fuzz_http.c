/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* First line: method and raw target. The rest: a JSON body. Routing, query and schema checks of
 * every table, on anything. */
#include "cloud/api/members.h"
#include "cloud/api/route.h"
#include "fuzz/fuzz.h"

#include <string.h>

#define TARGET_BYTES 4096u

static void check_body(const struct dr_api_route *route, const char *text, size_t len)
{
    char error[DR_API_MEMBERS_ERROR_BYTES] = "";
    json_t *object = NULL;
    if (dr_api_json_parse(text, len, &object, error) != DR_OK) {
        FUZZ(error[0] != '\0');
        return;
    }
    enum dr_status status = dr_api_members_check(object, route->members, error);
    FUZZ((status == DR_OK) == (error[0] == '\0'));
    FUZZ(route->members != NULL || status != DR_OK || json_object_size(object) == 0);
    json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    static const struct dr_api_route_table *const tables[] = {
        &dr_api_routes_iot, &dr_api_routes_known, &dr_api_routes_own,
        &dr_api_routes_s3,  &dr_api_routes_sts,   &dr_api_routes_jobs_data};
    static struct dr_api_match match;
    char line[TARGET_BYTES];
    const uint8_t *end = size_bytes == 0 ? NULL : memchr(data, '\n', size_bytes);
    size_t line_len = end == NULL ? size_bytes : (size_t)(end - data);
    if (line_len >= sizeof line || (line_len > 0 && memchr(data, 0, line_len) != NULL)) {
        return 0;
    }
    memcpy(line, data, line_len);
    line[line_len] = '\0';
    char *target = strchr(line, ' ');
    if (target == NULL) {
        return 0;
    }
    *target++ = '\0';
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
        char key[DR_API_QUERY_KEY_BYTES];
        char value[64];
        if (dr_api_route_find(tables[t], line, target, &match) != DR_OK) {
            continue;
        }
        for (size_t i = 0; i < match.parameter_count; i++) {
            FUZZ(match.parameters[i][0] != '\0');
            FUZZ(strlen(match.parameters[i]) < DR_API_PARAMETER_BYTES);
        }
        if (dr_api_route_check_query(match.route, target, key) == DR_OK &&
            match.route->needs != NULL) {
            FUZZ(
                dr_api_query_value(target, match.route->needs, value, sizeof value) !=
                DR_E_NOT_FOUND);
        }
        if (end != NULL) {
            check_body(match.route, (const char *)end + 1, size_bytes - line_len - 1);
        }
    }
    return 0;
}
