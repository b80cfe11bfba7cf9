/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Signatures of requests that real clients made (botocore 1.29 with a fixed clock) and of the
 * examples in AWS's S3 documentation: verified, then broken one part at a time. */
#include "tests/unit/check.h"

#include "aws/sigv4.h"
#include "base/text.h"

static const char secret[] = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
static const char empty_hash[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
#define MOMENT 1769862896 /* 2026-01-31 12:34:56 */

#define HEADERS_MAX 8
struct vector {
    const char *title;
    const char *method;
    const char *target;
    struct dr_sigv4_header headers[HEADERS_MAX];
    const char *payload_hash;
};

static const struct vector vectors[] = {
    {"older client, escaped name",
     "GET",
     "/things/a%3Ab_c%40d",
     {{"Host", "127.0.0.1:8443"},
      {"X-Amz-Date", "20260131T123456Z"},
      {"Authorization",
       "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260131/local/execute-api/aws4_request, "
       "SignedHeaders=host;x-amz-date, "
       "Signature=a25d0ee75f4b52ab0af97ef4ac358539efd52d84efb4613e829d9217b1e2ecba"}},
     empty_hash},
    {"JSON body",
     "POST",
     "/things/thing1",
     {{"Host", "127.0.0.1:8443"},
      {"Content-Type", "application/json"},
      {"X-Amz-Date", "20260131T123456Z"},
      {"Authorization",
       "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260131/local/iot/aws4_request, "
       "SignedHeaders=content-type;host;x-amz-date, "
       "Signature=bf7543da14a4071c098e18672dcfb8add94a703d5ae1c0453b5bccc30954326e"}},
     NULL},
    {"query, sorted and re-encoded",
     "GET",
     "/things?maxResults=2&nextToken=a%2Fb%3D%3D&attributeName=x%20y",
     {{"Host", "127.0.0.1:8443"},
      {"X-Amz-Date", "20260131T123456Z"},
      {"Authorization",
       "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260131/local/iot/aws4_request, "
       "SignedHeaders=host;x-amz-date, "
       "Signature=913c6ed5b0627aa356902c79ee853e88546ade1e934551a0268d564fca491c0e"}},
     empty_hash},
    {"header parameter with blanks to fold",
     "PUT",
     "/things/t/principals",
     {{"Host", "127.0.0.1:8443"},
      {"x-amzn-principal", "arn:aws:iot:local:000000000000:cert/  ab   cd "},
      {"X-Amz-Date", "20260131T123456Z"},
      {"Authorization",
       "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260131/local/iot/aws4_request, "
       "SignedHeaders=host;x-amz-date;x-amzn-principal, "
       "Signature=89a1cd9e86d3e1e48444ed9b3901fc760188c4f1d67cdeef5e0d88f744ba8352"}},
     empty_hash},
    {"s3: path encoded once, key without a value",
     "PUT",
     "/bucket/dir/a%2Bb%20c.bin?versioning",
     {{"Host", "127.0.0.1:8443"},
      {"Content-MD5", "XUFAKrxLKna5cZ2REBfFkg=="},
      {"X-Amz-Date", "20260131T123456Z"},
      {"X-Amz-Content-SHA256", "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"},
      {"Authorization",
       "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260131/local/s3/aws4_request, "
       "SignedHeaders=content-md5;host;x-amz-content-sha256;x-amz-date, "
       "Signature=9e1e37e49b9eac93b43636035b41ddd9dbc815edf9be8c8e33c268a0c52c40e4"}},
     "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"},
    {"s3: presigned",
     "GET",
     "/bucket/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20260131%2Flocal"
     "%2Fs3%2Faws4_request&X-Amz-Date=20260131T123456Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&"
     "X-Amz-Signature=6b05eba9d3060bb3fceb917f7583aab2fc715999bb13553a22f14cfa0b8d0ce8",
     {{"Host", "127.0.0.1:8443"}},
     "UNSIGNED-PAYLOAD"},
};

static struct dr_sigv4_request request_of(const struct vector *vector)
{
    struct dr_sigv4_request request = {
        .method = vector->method, .target = vector->target, .headers = vector->headers};
    while (request.header_count < HEADERS_MAX &&
           vector->headers[request.header_count].name != NULL) {
        request.header_count++;
    }
    return request;
}

static const char *payload_of(const struct vector *vector, char out[DR_SIGV4_HASH_TEXT_BYTES])
{
    static const char body[] = "{\"attributePayload\":{\"attributes\":{\"k\":\"v\"}}}";
    if (vector->payload_hash != NULL) {
        return vector->payload_hash;
    }
    dr_sigv4_hash_payload(&dr_crypto_openssl, (const uint8_t *)body, sizeof body - 1, out);
    return out;
}

static enum dr_status
verify(const struct dr_sigv4_request *request, const char *with_secret, const char *payload_hash)
{
    struct dr_sigv4_claim claim;
    enum dr_status status = dr_sigv4_parse(request, &claim);
    if (status != DR_OK) {
        return status;
    }
    return dr_sigv4_verify(&dr_crypto_openssl, request, &claim, with_secret, payload_hash);
}

static void real_requests_verify(void)
{
    for (size_t i = 0; i < DR_ARRAY_COUNT(vectors); i++) {
        struct dr_sigv4_request request = request_of(&vectors[i]);
        char hash[DR_SIGV4_HASH_TEXT_BYTES];
        enum dr_status status = verify(&request, secret, payload_of(&vectors[i], hash));
        if (status != DR_OK) {
            fprintf(stderr, "vector \"%s\"\n", vectors[i].title);
        }
        EXPECT_EQ(status, DR_OK);
    }
}

static void a_change_in_any_part_is_found(void)
{
    for (size_t i = 0; i < DR_ARRAY_COUNT(vectors); i++) {
        struct dr_sigv4_request good = request_of(&vectors[i]);
        struct dr_sigv4_request bad = good;
        struct dr_sigv4_header headers[HEADERS_MAX];
        char hash[DR_SIGV4_HASH_TEXT_BYTES];
        const char *payload = payload_of(&vectors[i], hash);
        bad.method = "DELETE";
        EXPECT_EQ(verify(&bad, secret, payload), DR_E_AUTH);
        EXPECT_EQ(verify(&good, "another", payload), DR_E_AUTH);
        EXPECT_EQ(verify(&good, secret, "STREAMING-UNSIGNED-PAYLOAD-TRAILER"), DR_E_AUTH);

        char target[1024];
        (void)snprintf(target, sizeof target, "/x%s", good.target);
        bad = good;
        bad.target = target;
        EXPECT_EQ(verify(&bad, secret, payload), DR_E_AUTH);
        (void)snprintf(
            target, sizeof target, "%s%smore=1", good.target,
            strchr(good.target, '?') != NULL ? "&" : "?");
        EXPECT_EQ(verify(&bad, secret, payload), DR_E_AUTH);

        memcpy(headers, vectors[i].headers, sizeof headers);
        headers[0].value = "127.0.0.1:8444";
        bad = good;
        bad.headers = headers;
        EXPECT_EQ(verify(&bad, secret, payload), DR_E_AUTH);
    }
}

static void documented_s3_examples_verify(void)
{
    const struct dr_sigv4_header get_headers[] = {
        {"Host", "examplebucket.s3.amazonaws.com"},
        {"Range", "bytes=0-9"},
        {"x-amz-content-sha256", empty_hash},
        {"x-amz-date", "20130524T000000Z"},
        {"Authorization",
         "AWS4-HMAC-SHA256 "
         "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/"
         "aws4_request,SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature="
         "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"}};
    struct dr_sigv4_request get = {
        .method = "GET", .target = "/test.txt", .headers = get_headers, .header_count = 5};
    EXPECT_EQ(verify(&get, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", empty_hash), DR_OK);

    const struct dr_sigv4_header host = {"host", "examplebucket.s3.amazonaws.com"};
    struct dr_sigv4_request presigned = {
        .method = "GET",
        .target = "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
                  "AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date="
                  "20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
                  "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
        .headers = &host,
        .header_count = 1};
    EXPECT_EQ(
        verify(&presigned, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "UNSIGNED-PAYLOAD"), DR_OK);
}

static const struct dr_sigv4_signer signer = {
    .access_key_id = "AKIDEXAMPLE",
    .secret = secret,
    .region = "local",
    .service = "iot",
    .now_s = MOMENT};

static void what_we_sign_verifies(void)
{
    struct dr_sigv4_header headers[] = {
        {"Host", "localhost:1"},       {"X-Amz-Date", "20260131T123456Z"},
        {"x-amzn-principal", " a  b"}, {"X-Amz-Extra", "1"},
        {"x-amz-extra", "2"},          {"Authorization", NULL}};
    struct dr_sigv4_request request = {
        .method = "PUT",
        .target = "/things/a%3Ab/principals?b=2&a=%7e&a=1&flag",
        .headers = headers,
        .header_count = 5};
    char authorization[DR_SIGV4_AUTHORIZATION_BYTES];
    REQUIRE(
        dr_sigv4_sign(
            &dr_crypto_openssl, &signer, &request, empty_hash, authorization,
            sizeof authorization) == DR_OK);
    headers[5].value = authorization;
    request.header_count = 6;
    EXPECT_EQ(verify(&request, secret, empty_hash), DR_OK);
    /* The same request spelled otherwise: other order of parameters, other case of an escape. */
    request.target = "/things/a%3Ab/principals?a=1&flag=&a=~&b=2";
    EXPECT_EQ(verify(&request, secret, empty_hash), DR_OK);
    char small[40];
    request.header_count = 5;
    EXPECT_EQ(
        dr_sigv4_sign(&dr_crypto_openssl, &signer, &request, empty_hash, small, sizeof small),
        DR_E_SPACE);
    request.headers = headers + 1;
    request.header_count = 1;
    EXPECT_EQ(
        dr_sigv4_sign(
            &dr_crypto_openssl, &signer, &request, empty_hash, authorization, sizeof authorization),
        DR_E_ARGUMENT);
}

static void what_we_presign_verifies_until_it_expires(void)
{
    struct dr_sigv4_signer s3 = signer;
    s3.service = "s3";
    char target[1024];
    REQUIRE(
        dr_sigv4_presign(
            &dr_crypto_openssl, &s3, "GET", "localhost:1", "/bucket/a%20b?versionId=1&x-a=b:c", 60,
            target, sizeof target) == DR_OK);
    const struct dr_sigv4_header host = {"Host", "localhost:1"};
    struct dr_sigv4_request request = {
        .method = "GET", .target = target, .headers = &host, .header_count = 1};
    struct dr_sigv4_claim claim;
    REQUIRE(dr_sigv4_parse(&request, &claim) == DR_OK);
    EXPECT(claim.presigned);
    EXPECT_EQ(verify(&request, secret, "UNSIGNED-PAYLOAD"), DR_OK);
    EXPECT_EQ(dr_sigv4_check_time(&claim, MOMENT + 60), DR_OK);
    EXPECT_EQ(dr_sigv4_check_time(&claim, MOMENT + 61), DR_E_RANGE);
    EXPECT_EQ(
        dr_sigv4_presign(&dr_crypto_openssl, &s3, "GET", "h", "/b/k", 0, target, sizeof target),
        DR_E_RANGE);
    EXPECT_EQ(
        dr_sigv4_presign(&dr_crypto_openssl, &s3, "GET", "h", "/b/k", 60, target, 100), DR_E_SPACE);
}

static void tolerance_depends_on_the_service(void)
{
    struct dr_sigv4_claim claim = {.service = "iot", .time_s = MOMENT};
    EXPECT_EQ(dr_sigv4_check_time(&claim, MOMENT + 300), DR_OK);
    EXPECT_EQ(dr_sigv4_check_time(&claim, MOMENT - 300), DR_OK);
    EXPECT_EQ(dr_sigv4_check_time(&claim, MOMENT + 301), DR_E_RANGE);
    EXPECT_EQ(dr_sigv4_check_time(&claim, MOMENT - 301), DR_E_RANGE);
    memcpy(claim.service, "s3", 3);
    EXPECT_EQ(dr_sigv4_check_time(&claim, MOMENT + 900), DR_OK);
    EXPECT_EQ(dr_sigv4_check_time(&claim, MOMENT - 901), DR_E_RANGE);
}

#define CREDENTIAL "Credential=A/20260131/local/iot/aws4_request"
#define SIGNED "SignedHeaders=host;x-amz-date"
#define SIGNATURE                                                                                  \
    "Signature="                                                                                   \
    "bf7543da14a4071c098e18672dcfb8add94a703d5ae1c0453b5bccc30954326e"

static void malformed_claims_are_told_apart(void)
{
    const struct {
        const char *title;
        const char *authorization;
        enum dr_status expected;
    } rows[] = {
        {"good", "AWS4-HMAC-SHA256 " CREDENTIAL "," SIGNED "," SIGNATURE, DR_OK},
        {"any order", "AWS4-HMAC-SHA256 " SIGNATURE ",  " SIGNED ",\t" CREDENTIAL, DR_OK},
        {"another scheme", "Basic dXNlcjpwdw==", DR_E_UNSUPPORTED},
        {"scheme alone", "AWS4-HMAC-SHA256", DR_E_UNSUPPORTED},
        {"empty", "", DR_E_UNSUPPORTED},
        {"no signature", "AWS4-HMAC-SHA256 " CREDENTIAL "," SIGNED, DR_E_FORMAT},
        {"no headers", "AWS4-HMAC-SHA256 " CREDENTIAL "," SIGNATURE, DR_E_FORMAT},
        {"twice", "AWS4-HMAC-SHA256 " CREDENTIAL "," SIGNED "," SIGNATURE "," SIGNED, DR_E_FORMAT},
        {"unknown part", "AWS4-HMAC-SHA256 " CREDENTIAL "," SIGNED "," SIGNATURE ",X=1",
         DR_E_FORMAT},
        {"short signature", "AWS4-HMAC-SHA256 " CREDENTIAL "," SIGNED ",Signature=bf75",
         DR_E_FORMAT},
        {"scope of four parts",
         "AWS4-HMAC-SHA256 Credential=A/20260131/local/iot," SIGNED "," SIGNATURE, DR_E_FORMAT},
        {"scope of six parts",
         "AWS4-HMAC-SHA256 Credential=A/b/20260131/local/iot/aws4_request," SIGNED "," SIGNATURE,
         DR_E_FORMAT},
        {"other day than x-amz-date",
         "AWS4-HMAC-SHA256 Credential=A/20260130/local/iot/aws4_request," SIGNED "," SIGNATURE,
         DR_E_FORMAT},
        {"host unsigned", "AWS4-HMAC-SHA256 " CREDENTIAL ",SignedHeaders=x-amz-date," SIGNATURE,
         DR_E_FORMAT},
        {"date unsigned", "AWS4-HMAC-SHA256 " CREDENTIAL ",SignedHeaders=host," SIGNATURE,
         DR_E_FORMAT},
        {"unsorted", "AWS4-HMAC-SHA256 " CREDENTIAL ",SignedHeaders=x-amz-date;host," SIGNATURE,
         DR_E_FORMAT},
        {"repeated",
         "AWS4-HMAC-SHA256 " CREDENTIAL ",SignedHeaders=host;host;x-amz-date," SIGNATURE,
         DR_E_FORMAT},
        {"upper case",
         "AWS4-HMAC-SHA256 " CREDENTIAL ",SignedHeaders=Host;host;x-amz-date," SIGNATURE,
         DR_E_FORMAT},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        const struct dr_sigv4_header headers[] = {
            {"host", "h"},
            {"x-amz-date", "20260131T123456Z"},
            {"x-amzn-trace-id", "never signed"},
            {"authorization", rows[i].authorization}};
        struct dr_sigv4_request request = {
            .method = "GET", .target = "/", .headers = headers, .header_count = 4};
        struct dr_sigv4_claim claim;
        enum dr_status status = dr_sigv4_parse(&request, &claim);
        if (status != rows[i].expected) {
            fprintf(stderr, "row \"%s\"\n", rows[i].title);
        }
        EXPECT_EQ(status, rows[i].expected);
    }
}

static void an_unsigned_parameter_header_is_refused(void)
{
    const struct dr_sigv4_header headers[] = {
        {"host", "h"},
        {"x-amz-date", "20260131T123456Z"},
        {"X-Amzn-Principal", "smuggled"},
        {"authorization", "AWS4-HMAC-SHA256 " CREDENTIAL "," SIGNED "," SIGNATURE}};
    struct dr_sigv4_request request = {
        .method = "GET", .target = "/", .headers = headers, .header_count = 4};
    struct dr_sigv4_claim claim;
    EXPECT_EQ(dr_sigv4_parse(&request, &claim), DR_E_FORMAT);
    request.header_count = 0;
    EXPECT_EQ(dr_sigv4_parse(&request, &claim), DR_E_NOT_FOUND);
    request.target = "/?a=1";
    EXPECT_EQ(dr_sigv4_parse(&request, &claim), DR_E_NOT_FOUND);
    request.target = "/?X-Amz-Algorithm=AWS4-HMAC-SHA256";
    EXPECT_EQ(dr_sigv4_parse(&request, &claim), DR_E_FORMAT);
}

static void broken_targets_do_not_verify(void)
{
    static const char *const targets[] = {"/b/%", "/b/%4", "/b/%zz", "/b?%=1", "/b?a=%f"};
    for (size_t i = 0; i < DR_ARRAY_COUNT(targets); i++) {
        const struct dr_sigv4_header headers[] = {
            {"host", "h"},
            {"x-amz-date", "20260131T123456Z"},
            {"authorization",
             "AWS4-HMAC-SHA256 Credential=A/20260131/local/s3/aws4_request," SIGNED "," SIGNATURE}};
        struct dr_sigv4_request request = {
            .method = "GET", .target = targets[i], .headers = headers, .header_count = 3};
        EXPECT_EQ(verify(&request, secret, empty_hash), DR_E_FORMAT);
    }
    char many[1024] = "/b?";
    size_t len = 3;
    for (size_t i = 0; i <= DR_SIGV4_QUERY_PARAMETERS_MAX; i++) {
        memcpy(many + len, "a=1&", 5);
        len += 4;
    }
    const struct dr_sigv4_header headers[] = {
        {"host", "h"},
        {"x-amz-date", "20260131T123456Z"},
        {"authorization", "AWS4-HMAC-SHA256 " CREDENTIAL "," SIGNED "," SIGNATURE}};
    struct dr_sigv4_request request = {
        .method = "GET", .target = many, .headers = headers, .header_count = 3};
    EXPECT_EQ(verify(&request, secret, empty_hash), DR_E_FORMAT);
}

static void timestamps_are_exact(void)
{
    static const struct {
        const char *text;
        long long time_s;
    } rows[] = {
        {"19700101T000000Z", 0},
        {"20000229T235959Z", 951868799},
        {"20260131T123456Z", MOMENT},
        {"21000301T000000Z", 4107542400},
        {"99991231T235959Z", 253402300799}};
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        char text[DR_SIGV4_TIMESTAMP_BYTES];
        int64_t time_s = -1;
        EXPECT_EQ(dr_sigv4_timestamp(rows[i].time_s, text), DR_OK);
        EXPECT_STR(text, rows[i].text);
        EXPECT_EQ(dr_sigv4_parse_timestamp(text, strlen(text), &time_s), DR_OK);
        EXPECT_EQ(time_s, rows[i].time_s);
    }
    static const char *const bad[] = {"20260229T000000Z", "21000229T000000Z", "20260131T240000Z",
                                      "20260131T126000Z", "20261301T000000Z", "20260100T000000Z",
                                      "20260131 000000Z", "20260131T000000",  "2026-131T000000Z"};
    for (size_t i = 0; i < DR_ARRAY_COUNT(bad); i++) {
        int64_t time_s = 7;
        EXPECT_EQ(dr_sigv4_parse_timestamp(bad[i], strlen(bad[i]), &time_s), DR_E_FORMAT);
        EXPECT_EQ(time_s, 7);
    }
    char text[DR_SIGV4_TIMESTAMP_BYTES];
    EXPECT_EQ(dr_sigv4_timestamp(-1, text), DR_E_RANGE);
    EXPECT_EQ(dr_sigv4_timestamp(253402300800, text), DR_E_RANGE);
}

DR_TEST_MAIN(
    real_requests_verify, a_change_in_any_part_is_found, documented_s3_examples_verify,
    what_we_sign_verifies, what_we_presign_verifies_until_it_expires,
    tolerance_depends_on_the_service, malformed_claims_are_told_apart,
    an_unsigned_parameter_header_is_refused, broken_targets_do_not_verify, timestamps_are_exact)
