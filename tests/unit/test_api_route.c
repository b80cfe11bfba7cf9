/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Routing over the raw target, query keys, and JSON bodies against their schemas. */
#include "tests/unit/check.h"

#include "cloud/api/error.h"
#include "cloud/api/members.h"
#include "cloud/api/route.h"

static enum dr_status find(
    enum dr_api_service service, const char *method, const char *target, struct dr_api_match *match)
{
    return dr_api_route_find(dr_api_service_routes(service), method, target, match);
}

static void paths_are_split_before_they_are_decoded(void)
{
    static const struct {
        const char *method;
        const char *target;
        const char *operation; /* NULL: status says why not */
        const char *first;
        enum dr_status status;
    } rows[] = {
        {"GET", "/things", "ListThings", NULL, DR_OK},
        {"GET", "/things?maxResults=3", "ListThings", NULL, DR_OK},
        {"GET", "/things/a%3Ab_c", "DescribeThing", "a:b_c", DR_OK},
        {"GET", "/things/a%2Fjobs", "DescribeThing", "a/jobs", DR_OK},
        {"GET", "/things/a/jobs", "ListJobExecutionsForThing", "a", DR_OK},
        {"GET", "/principals/things", "ListPrincipalThings", NULL, DR_OK},
        {"POST", "/attached-policies/arn%3Aaws%3Aiot%3Al%3A0%3Acert%2Fab", "ListAttachedPolicies",
         "arn:aws:iot:l:0:cert/ab", DR_OK},
        {"POST", "/attached-policies/arn:aws:iot:l:0:cert/ab", "ListAttachedPolicies",
         "arn:aws:iot:l:0:cert/ab", DR_OK},
        {"DELETE", "/things/t/jobs/j/executionNumber/3", "DeleteJobExecution", "t", DR_OK},
        {"GET", "/things/", NULL, NULL, DR_E_NOT_FOUND},
        {"GET", "/things//jobs", NULL, NULL, DR_E_NOT_FOUND},
        {"GET", "/nothing", NULL, NULL, DR_E_NOT_FOUND},
        {"GET", "/thingsandmore", NULL, NULL, DR_E_NOT_FOUND},
        {"POST", "/endpoint", NULL, NULL, DR_E_UNSUPPORTED},
        {"GET", "/things/%00", NULL, NULL, DR_E_FORMAT},
        {"GET", "/things/a%00b", NULL, NULL, DR_E_FORMAT},
        {"GET", "/things/%zz", NULL, NULL, DR_E_FORMAT},
        {"GET", "/things/a%4", NULL, NULL, DR_E_FORMAT},
        {"GET", "/things/%c0%80", NULL, NULL, DR_E_FORMAT},    /* overlong NUL */
        {"GET", "/things/%ed%a0%80", NULL, NULL, DR_E_FORMAT}, /* surrogate */
        {"GET", "/things/..", NULL, NULL, DR_E_FORMAT},
        {"GET", "things", NULL, NULL, DR_E_FORMAT},
    };
    static struct dr_api_match match;
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        enum dr_status status = find(DR_API_IOT, rows[i].method, rows[i].target, &match);
        if (status != rows[i].status) {
            fprintf(stderr, "target %s\n", rows[i].target);
        }
        EXPECT_EQ(status, rows[i].status);
        if (status == DR_OK && rows[i].operation != NULL) {
            EXPECT_STR(match.route->operation, rows[i].operation);
            EXPECT(rows[i].first == NULL || strcmp(match.parameters[0], rows[i].first) == 0);
        }
    }
}

static void a_parameter_has_a_limit(void)
{
    static struct dr_api_match match;
    static char target[3 * DR_API_PARAMETER_BYTES];
    int len = snprintf(target, sizeof target, "/things/");
    memset(target + len, 'a', DR_API_PARAMETER_BYTES - 1);
    EXPECT_EQ(find(DR_API_IOT, "GET", target, &match), DR_OK);
    target[(size_t)len + DR_API_PARAMETER_BYTES - 1] = 'a';
    EXPECT_EQ(find(DR_API_IOT, "GET", target, &match), DR_E_FORMAT);
}

static void s3_is_told_apart_by_its_query(void)
{
    static const struct {
        const char *method;
        const char *target;
        const char *operation;
    } rows[] = {
        {"GET", "/", "ListBuckets"},
        {"PUT", "/b", "CreateBucket"},
        {"PUT", "/b/", "CreateBucket"},
        {"PUT", "/b?versioning", "PutBucketVersioning"},
        {"GET", "/b?versioning=", "GetBucketVersioning"},
        {"GET", "/b?list-type=2&prefix=x", "ListObjectsV2"},
        {"PUT", "/b/a/b//c%2Fd", "PutObject"},
        {"POST", "/b/k?uploads", "CreateMultipartUpload"},
        {"PUT", "/b/k?partNumber=1&uploadId=x", "UploadPart"},
        {"GET", "/b/k?versionId=1", "GetObject"},
    };
    static struct dr_api_match match;
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        REQUIRE(find(DR_API_S3, rows[i].method, rows[i].target, &match) == DR_OK);
        EXPECT_STR(match.route->operation, rows[i].operation);
    }
    REQUIRE(find(DR_API_S3, "PUT", "/b/a/b//c%2Fd", &match) == DR_OK);
    EXPECT_STR(match.parameters[1], "a/b//c/d");
}

static void unknown_and_repeated_query_keys_are_refused(void)
{
    static struct dr_api_match match;
    char key[DR_API_QUERY_KEY_BYTES];
    REQUIRE(find(DR_API_IOT, "GET", "/things", &match) == DR_OK);
    const struct dr_api_route *route = match.route;
    EXPECT_EQ(dr_api_route_check_query(route, "/things", key), DR_OK);
    EXPECT_EQ(dr_api_route_check_query(route, "/things?maxResults=1&&nextToken=", key), DR_OK);
    EXPECT_EQ(dr_api_route_check_query(route, "/things?max%52esults=1", key), DR_OK);
    EXPECT_EQ(dr_api_route_check_query(route, "/things?maxResult=1", key), DR_E_FORMAT);
    EXPECT_STR(key, "maxResult");
    EXPECT_EQ(
        dr_api_route_check_query(route, "/things?maxResults=1&max%52esults=2", key), DR_E_FORMAT);
    EXPECT_EQ(dr_api_route_check_query(route, "/things?%00=1", key), DR_E_FORMAT);
    REQUIRE(find(DR_API_S3, "PUT", "/b/k", &match) == DR_OK);
    EXPECT_EQ(dr_api_route_check_query(match.route, "/b/k?x-id=PutObject", key), DR_OK);
    EXPECT_EQ(dr_api_route_check_query(match.route, "/b/k?acl", key), DR_E_FORMAT);

    char value[8];
    EXPECT_EQ(dr_api_query_value("/p?a=b%20c&d", "a", value, sizeof value), DR_OK);
    EXPECT_STR(value, "b c");
    EXPECT_EQ(dr_api_query_value("/p?a=b+c", "a", value, sizeof value), DR_OK);
    EXPECT_STR(value, "b+c");
    EXPECT_EQ(dr_api_query_value("/p?a=b&d", "d", value, sizeof value), DR_OK);
    EXPECT_STR(value, "");
    EXPECT_EQ(dr_api_query_value("/p?a=b", "d", value, sizeof value), DR_E_NOT_FOUND);
    EXPECT_EQ(dr_api_query_value("/p?a=12345678", "a", value, sizeof value), DR_E_SPACE);
}

static void every_row_of_every_table_is_reachable(void)
{
    static const struct dr_api_route_table *const tables[] = {
        &dr_api_routes_iot, &dr_api_routes_known, &dr_api_routes_own,
        &dr_api_routes_s3,  &dr_api_routes_sts,   &dr_api_routes_jobs_data};
    static struct dr_api_match match;
    for (size_t t = 0; t < DR_ARRAY_COUNT(tables); t++) {
        for (size_t i = 0; i < tables[t]->count; i++) {
            const struct dr_api_route *route = &tables[t]->routes[i];
            char target[256];
            size_t len = 0;
            for (const char *c = route->path; *c != '\0'; c++) {
                if (*c == '{') {
                    target[len++] = 'x';
                    c += strcspn(c, "}");
                } else {
                    target[len++] = *c;
                }
            }
            (void)snprintf(
                target + len, sizeof target - len, "%s%s", route->needs == NULL ? "" : "?",
                route->needs == NULL ? "" : route->needs);
            enum dr_status status = dr_api_route_find(tables[t], route->method, target, &match);
            EXPECT_EQ(status, DR_OK);
            if (status == DR_OK && match.route != route) {
                fprintf(stderr, "%s hides %s\n", match.route->operation, route->operation);
            }
            EXPECT(match.route == route);
        }
    }
}

static void scopes_name_services(void)
{
    EXPECT_EQ(dr_api_service_from_scope("execute-api"), DR_API_IOT);
    EXPECT_EQ(dr_api_service_from_scope("iot"), DR_API_IOT);
    EXPECT_EQ(dr_api_service_from_scope("s3"), DR_API_S3);
    EXPECT_EQ(dr_api_service_from_scope("ec2"), DR_API_OTHER);
}

static void bodies_are_parsed_strictly(void)
{
    static const struct {
        const char *text;
        const char *needle; /* in the error; NULL: good */
    } rows[] = {
        {"", NULL},
        {"{}", NULL},
        {"{\"a\":\"x\",\"n\":1,\"o\":{\"k\":\"v\"},\"l\":[{\"i\":1},{}],\"s\":[\"x\"]}", NULL},
        {"{\"a\":null}", NULL},
        {"{\"free\":{\"anything\":[1,{}]}}", NULL},
        {"{\"b\":1}", "unknown member \"b\""},
        {"{\"o\":{\"k\":1}}", "\"k\" must be a string"},
        {"{\"l\":[{\"j\":1}]}", "unknown member \"j\""},
        {"{\"l\":[1]}", "\"l\" must be a list of objects"},
        {"{\"l\":{}}", "\"l\" must be a list of objects"},
        {"{\"s\":[1]}", "\"s\" must be a list of strings"},
        {"{\"a\":1}", "\"a\" must be a string"},
        {"{\"n\":1.5}", "\"n\" must be an integer"},
        {"{\"n\":true}", "\"n\" must be an integer"},
        {"[]", "not a JSON object"},
        {"{", "not JSON"},
        {"{} x", "not JSON"},
        {"{\"a\":\"x\",\"a\":\"y\"}", "not JSON"},
        {"{\"a\":\"\\u0000\"}", "not JSON"},
        {"{\"a\":\"\xff\"}", "not JSON"},
        {"{\"n\":99999999999999999999}", "not JSON"},
        {"{\"o\":{\"[[[[[[[[[[[[[[[[[[[[[[\":\"brackets in a string\"}}", NULL},
        {"{\"free\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}", "nested deeper"},
    };
    static const char schema[] = "a:s n:i o{*:s} l[i:i] s:a free:* ignored:-";
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        char error[DR_API_MEMBERS_ERROR_BYTES] = "";
        json_t *object = NULL;
        enum dr_status status =
            dr_api_json_parse(rows[i].text, strlen(rows[i].text), &object, error);
        if (status == DR_OK) {
            status = dr_api_members_check(object, schema, error);
        }
        bool good = rows[i].needle == NULL
                        ? status == DR_OK
                        : status == DR_E_FORMAT && strstr(error, rows[i].needle) != NULL;
        if (!good) {
            fprintf(stderr, "body %s: %s\n", rows[i].text, error);
        }
        EXPECT(good);
        json_decref(object);
    }
}

static void null_members_count_as_absent(void)
{
    char error[DR_API_MEMBERS_ERROR_BYTES] = "";
    json_t *object = NULL;
    static const char text[] = "{\"a\":null,\"n\":3}";
    REQUIRE(dr_api_json_parse(text, sizeof text - 1, &object, error) == DR_OK);
    EXPECT_EQ(dr_api_members_check(object, "a:s n:i", error), DR_OK);
    EXPECT_EQ(json_object_size(object), 1);
    EXPECT_EQ(dr_api_members_check(object, NULL, error), DR_E_FORMAT);
    json_decref(object);
}

static void every_code_has_one_status(void)
{
    enum dr_api_error error = DR_API_INTERNAL;
    EXPECT_EQ(dr_api_error_from_code("ResourceNotFoundException", &error), DR_OK);
    EXPECT_EQ(error, DR_API_NOT_FOUND);
    EXPECT_EQ(dr_api_error_http(error), 404);
    EXPECT_EQ(dr_api_error_from_code("NoSuchThing", &error), DR_E_NOT_FOUND);
    EXPECT_EQ(dr_api_error_for_s3(DR_API_NOT_FOUND), DR_S3_NO_KEY);
    EXPECT_EQ(dr_api_error_for_s3(DR_S3_SKEW), DR_S3_SKEW);
    EXPECT_EQ(dr_api_error_http(dr_api_error_from_status(DR_E_SPACE)), 503);
}

DR_TEST_MAIN(
    paths_are_split_before_they_are_decoded, a_parameter_has_a_limit, s3_is_told_apart_by_its_query,
    unknown_and_repeated_query_keys_are_refused, every_row_of_every_table_is_reachable,
    scopes_name_services, bodies_are_parsed_strictly, null_members_count_as_absent,
    every_code_has_one_status)
