/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A small client of the cloud's HTTP API, as the AWS command line is one: SigV4 over HTTPS.
 *
 * Where to and as whom: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
 * AWS_DEFAULT_REGION and AWS_CA_BUNDLE when AWS_ENDPOINT_URL is set and no --cloud was given, else
 * <cloud dir>/cloud.json, which `daruma cloud up` writes.
 */
#ifndef DR_CLI_AWS_H
#define DR_CLI_AWS_H

#include "cli/cli.h"

struct dr_aws; /* opaque; one connection that is kept alive */

struct dr_aws_response {
    long status;   /* HTTP status */
    uint8_t *body; /* malloc'ed, NUL-terminated beyond size_bytes; owned by the response */
    size_t size_bytes;
    json_t *json; /* the body when it is a JSON object or array, else NULL; owned by the response */
    char error_type[96]; /* x-amzn-ErrorType without a suffix, or S3's <Code>; empty on success */
    char error_message[512]; /* the service's own words; empty on success */
    char version_id[64];     /* x-amz-version-id, else empty */
};

/* Open. NULL after an error line was printed (no cloud.json, credentials missing). */
struct dr_aws *dr_aws_open(struct dr_cli *cli);
void dr_aws_close(struct dr_aws *aws);

/* Region and account that this cloud uses in ARNs. Valid while aws lives. */
const char *dr_aws_region(const struct dr_aws *aws);
const char *dr_aws_account(const struct dr_aws *aws);

/* One request. service is the signing name: "iot", "s3", "sts", "iot-jobs-data". target is path and
 * query, already percent-encoded, e.g. "/things/a%3Ab?newStatus=ACTIVE". headers: NULL-terminated
 * list of "name: value" to send and sign, may be NULL. Returns 0 when the service answered at all
 * (look at status), else DR_EXIT_ERROR after an error line was printed. ret_response is always
 * initialised; dr_aws_response_free it. */
int dr_aws_request(
    struct dr_aws *aws, const char *service, const char *method, const char *target,
    const char *const *headers, const uint8_t *body, size_t body_size_bytes,
    struct dr_aws_response *ret_response);

/* The usual case: an `iot` call with a JSON body (reference taken, may be NULL). Statuses outside
 * 2xx become an error line that quotes the service, and DR_EXIT_ERROR. *ret_json is a new reference
 * (an empty object for an empty body) or NULL; ret_json may be NULL. */
int dr_aws_iot(
    struct dr_aws *aws, const char *method, const char *target, json_t *body, json_t **ret_json);

/* A whole list of the `iot` API, page after page: GET path, whose answers hold items in the member
 * items_name and go on at nextToken. A new reference to one array, or NULL after an error line. */
json_t *dr_aws_iot_list(struct dr_aws *aws, const char *path, const char *items_name);

/* With patience a request without an answer prints nothing; dr_aws_unreachable tells that the last
 * one had none (or 503: the service starts or ends). For those who ask again. */
void dr_aws_set_patient(struct dr_aws *aws, bool patient);
bool dr_aws_unreachable(const struct dr_aws *aws);

void dr_aws_response_free(struct dr_aws_response *response);

/* Percent-encode one path segment or query value (RFC 3986 unreserved kept). out holds 3 *
 * strlen(text) + 1. */
void dr_aws_encode(const char *text, char *out);

#endif
