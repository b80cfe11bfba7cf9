/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/aws.h"

#include "aws/sigv4.h"
#include "crypto/crypto.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BODY_BYTES_MAX (64u * 1024u * 1024u)
#define HEADERS_MAX 16u
#define TEXT_BYTES 2048u
#define PAGE_TOKEN_MAX 256u
#define LIST_TARGET_BYTES 1024u

struct dr_aws {
    struct dr_cli *cli;
    CURL *curl;
    json_t *config; /* cloud.json; owns the strings below unless the environment gave them */
    const char *endpoint;
    const char *access_key_id;
    const char *secret;
    const char *region;
    const char *account;
    const char *ca_file;
    bool from_environment;
    bool patient;     /* no answer is no error line */
    bool unreachable; /* the last request had no answer */
};

/* The environment counts as a whole: only with AWS_ENDPOINT_URL, and not against --cloud. Keys and
 * a CA bundle that were set for another cloud must not be sent to, or trusted for, the one in the
 * directory. */
static const char *setting(const struct dr_aws *aws, const char *variable, const char *key)
{
    const char *endpoint = aws->cli->cloud_named ? NULL : getenv("AWS_ENDPOINT_URL");
    const char *value = endpoint != NULL && endpoint[0] != '\0' ? getenv(variable) : NULL;
    if (value != NULL && value[0] != '\0') {
        return value;
    }
    return json_string_value(json_object_get(aws->config, key));
}

static bool configure(struct dr_aws *aws)
{
    char path[4096];
    json_error_t error;
    snprintf(path, sizeof(path), "%s/cloud.json", aws->cli->cloud_dir);
    aws->config = json_load_file(path, 0, &error);
    aws->endpoint = setting(aws, "AWS_ENDPOINT_URL", "api");
    aws->from_environment = aws->endpoint != NULL && aws->endpoint == getenv("AWS_ENDPOINT_URL");
    aws->access_key_id = setting(aws, "AWS_ACCESS_KEY_ID", "access_key_id");
    aws->secret = setting(aws, "AWS_SECRET_ACCESS_KEY", "secret_access_key");
    aws->region = setting(aws, "AWS_DEFAULT_REGION", "region");
    aws->ca_file = setting(aws, "AWS_CA_BUNDLE", "ca");
    aws->account = setting(aws, "DARUMA_ACCOUNT", "account");
    if (aws->endpoint == NULL && access(path, F_OK) == 0) {
        dr_cli_error(
            aws->cli, "cannot use %s: %s", path,
            access(path, R_OK) != 0 ? strerror(errno) : error.text);
        return false;
    }
    if (aws->endpoint == NULL) {
        dr_cli_error(
            aws->cli,
            "no cloud at %s; start one with `daruma cloud up --dir DIR`, or name it with --cloud",
            path);
        return false;
    }
    if (aws->access_key_id == NULL || aws->secret == NULL) {
        dr_cli_error(aws->cli, "no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
        return false;
    }
    aws->region = aws->region != NULL ? aws->region : "local";
    aws->account = aws->account != NULL ? aws->account : "000000000000";
    return true;
}

struct dr_aws *dr_aws_open(struct dr_cli *cli)
{
    struct dr_aws *aws = calloc(1, sizeof(*aws));
    if (aws == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(aws);
        dr_cli_error(cli, "out of memory");
        return NULL;
    }
    aws->cli = cli;
    if (!configure(aws)) {
        dr_aws_close(aws);
        return NULL;
    }
    aws->curl = curl_easy_init();
    if (aws->curl == NULL) {
        dr_cli_error(cli, "out of memory");
        dr_aws_close(aws);
        return NULL;
    }
    return aws;
}

void dr_aws_close(struct dr_aws *aws)
{
    if (aws == NULL) {
        return;
    }
    if (aws->curl != NULL) {
        curl_easy_cleanup(aws->curl);
    }
    json_decref(aws->config);
    free(aws);
}

const char *dr_aws_region(const struct dr_aws *aws)
{
    return aws->region;
}

const char *dr_aws_account(const struct dr_aws *aws)
{
    return aws->account;
}

void dr_aws_encode(const char *text, char *out)
{
    static const char digits[] = "0123456789ABCDEF";
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (isalnum(c) || c == '-' || c == '_' || c == '.' || c == '~') {
            *out++ = (char)c;
        } else {
            *out++ = '%';
            *out++ = digits[c >> 4];
            *out++ = digits[c & 15];
        }
    }
    *out = '\0';
}

static size_t on_body(char *data, size_t unit, size_t count, void *context)
{
    struct dr_aws_response *response = context;
    size_t size_bytes = unit * count;
    if (size_bytes > BODY_BYTES_MAX - response->size_bytes) {
        return 0;
    }
    uint8_t *larger = realloc(response->body, response->size_bytes + size_bytes + 1);
    if (larger == NULL) {
        return 0;
    }
    memcpy(larger + response->size_bytes, data, size_bytes);
    response->body = larger;
    response->size_bytes += size_bytes;
    response->body[response->size_bytes] = 0;
    return size_bytes;
}

/* Copy the value of header `name` from a raw line, without blanks and line end. */
static void
take_header(const char *line, size_t len, const char *name, char *out, size_t capacity_bytes)
{
    size_t name_len = strlen(name);
    if (len <= name_len || strncasecmp(line, name, name_len) != 0 || line[name_len] != ':') {
        return;
    }
    line += name_len + 1;
    len -= name_len + 1;
    while (len > 0 && isspace((unsigned char)*line)) {
        line++;
        len--;
    }
    while (len > 0 && isspace((unsigned char)line[len - 1])) {
        len--;
    }
    snprintf(out, capacity_bytes, "%.*s", (int)len, line);
}

static size_t on_header(char *data, size_t unit, size_t count, void *context)
{
    struct dr_aws_response *response = context;
    size_t len = unit * count;
    take_header(data, len, "x-amzn-errortype", response->error_type, sizeof(response->error_type));
    take_header(data, len, "x-amz-version-id", response->version_id, sizeof(response->version_id));
    return len;
}

/* S3 answers XML: <Code>…</Code>, <Message>…</Message>. */
static void take_element(const char *body, const char *name, char *out, size_t capacity_bytes)
{
    char open[32];
    char close[32];
    snprintf(open, sizeof(open), "<%s>", name);
    snprintf(close, sizeof(close), "</%s>", name);
    const char *from = strstr(body, open);
    const char *to = from != NULL ? strstr(from, close) : NULL;
    if (to != NULL) {
        from += strlen(open);
        snprintf(out, capacity_bytes, "%.*s", (int)(to - from), from);
    }
}

static void interpret(struct dr_aws_response *response)
{
    if (response->body == NULL) {
        return;
    }
    const char *text = (const char *)response->body;
    json_error_t error;
    response->json = json_loadb(text, response->size_bytes, 0, &error);
    if (response->status < 400) {
        return;
    }
    const char *message = json_string_value(json_object_get(response->json, "message"));
    if (message != NULL) {
        snprintf(response->error_message, sizeof(response->error_message), "%s", message);
    } else {
        take_element(text, "Code", response->error_type, sizeof(response->error_type));
        take_element(text, "Message", response->error_message, sizeof(response->error_message));
    }
}

/* What is needed to sign and send one request. */
struct outgoing {
    struct dr_sigv4_header signed_headers[HEADERS_MAX];
    char values[HEADERS_MAX][TEXT_BYTES];
    char names[HEADERS_MAX][128];
    size_t count;
    struct curl_slist *list;
};

static bool add_header(struct outgoing *out, const char *name, const char *value)
{
    char line[TEXT_BYTES + 130];
    if (out->count == HEADERS_MAX || strlen(value) >= TEXT_BYTES || strlen(name) >= 128) {
        return false;
    }
    snprintf(out->names[out->count], sizeof(out->names[0]), "%s", name);
    snprintf(out->values[out->count], sizeof(out->values[0]), "%s", value);
    out->signed_headers[out->count].name = out->names[out->count];
    out->signed_headers[out->count].value = out->values[out->count];
    out->count++;
    snprintf(line, sizeof(line), "%s: %s", name, value);
    struct curl_slist *list = curl_slist_append(out->list, line);
    if (list == NULL) {
        return false;
    }
    out->list = list;
    return true;
}

static bool add_caller_headers(struct outgoing *out, const char *const *headers)
{
    for (; headers != NULL && *headers != NULL; headers++) {
        const char *colon = strchr(*headers, ':');
        char name[128];
        if (colon == NULL || (size_t)(colon - *headers) >= sizeof(name)) {
            return false;
        }
        snprintf(name, sizeof(name), "%.*s", (int)(colon - *headers), *headers);
        if (!add_header(out, name, colon + 1 + strspn(colon + 1, " "))) {
            return false;
        }
    }
    return true;
}

/* Host header as libcurl will send it: authority of the endpoint. */
static void endpoint_host(const char *endpoint, char *out, size_t capacity_bytes)
{
    const char *host = strstr(endpoint, "://");
    host = host != NULL ? host + 3 : endpoint;
    snprintf(out, capacity_bytes, "%.*s", (int)strcspn(host, "/"), host);
}

static bool sign(
    const struct dr_aws *aws, const char *service, const char *method, const char *target,
    const char *payload_hash, struct outgoing *out)
{
    char timestamp[DR_SIGV4_TIMESTAMP_BYTES];
    char authorization[DR_SIGV4_AUTHORIZATION_BYTES];
    char host[256];
    time_t now = time(NULL);
    endpoint_host(aws->endpoint, host, sizeof(host));
    if (dr_sigv4_timestamp((int64_t)now, timestamp) != DR_OK || !add_header(out, "host", host) ||
        !add_header(out, "x-amz-date", timestamp) ||
        !add_header(out, "x-amz-content-sha256", payload_hash)) {
        return false;
    }
    const struct dr_sigv4_signer signer = {
        .access_key_id = aws->access_key_id,
        .secret = aws->secret,
        .region = aws->region,
        .service = service,
        .now_s = (int64_t)now,
    };
    const struct dr_sigv4_request request = {
        .method = method,
        .target = target,
        .headers = out->signed_headers,
        .header_count = out->count,
    };
    if (dr_sigv4_sign(
            &dr_crypto_openssl, &signer, &request, payload_hash, authorization,
            sizeof(authorization)) != DR_OK) {
        return false;
    }
    return add_header(out, "authorization", authorization);
}

static CURLcode send_request(
    struct dr_aws *aws, const char *method, const char *url, const struct outgoing *out,
    const uint8_t *body, size_t body_size_bytes, struct dr_aws_response *response)
{
    curl_easy_reset(aws->curl);
    curl_easy_setopt(aws->curl, CURLOPT_URL, url);
    curl_easy_setopt(aws->curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(aws->curl, CURLOPT_HTTPHEADER, out->list);
    curl_easy_setopt(aws->curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(aws->curl, CURLOPT_WRITEDATA, response);
    curl_easy_setopt(aws->curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(aws->curl, CURLOPT_HEADERDATA, response);
    curl_easy_setopt(aws->curl, CURLOPT_CONNECTTIMEOUT, 10L);
    curl_easy_setopt(aws->curl, CURLOPT_TIMEOUT, 120L);
    curl_easy_setopt(aws->curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(aws->curl, CURLOPT_NOSIGNAL, 1L);
    if (aws->ca_file != NULL) {
        curl_easy_setopt(aws->curl, CURLOPT_CAINFO, aws->ca_file);
    }
    if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(aws->curl, CURLOPT_NOBODY, 1L);
    } else if (body_size_bytes > 0 || strcmp(method, "PUT") == 0 || strcmp(method, "POST") == 0) {
        curl_easy_setopt(aws->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body_size_bytes);
        curl_easy_setopt(aws->curl, CURLOPT_POSTFIELDS, body != NULL ? (const char *)body : "");
    }
    curl_easy_setopt(aws->curl, CURLOPT_CUSTOMREQUEST, method);
    return curl_easy_perform(aws->curl);
}

static int no_answer(struct dr_aws *aws, const char *why)
{
    if (aws->patient) {
        return DR_EXIT_ERROR;
    }
    return dr_cli_error(
        aws->cli, "the cloud at %s does not answer (%s); %s", aws->endpoint, why,
        aws->from_environment
            ? "AWS_ENDPOINT_URL names it: is it up? Else unset that, or give --cloud"
            : "is `daruma cloud up` running?");
}

void dr_aws_set_patient(struct dr_aws *aws, bool patient)
{
    aws->patient = patient;
}

bool dr_aws_unreachable(const struct dr_aws *aws)
{
    return aws->unreachable;
}

int dr_aws_request(
    struct dr_aws *aws, const char *service, const char *method, const char *target,
    const char *const *headers, const uint8_t *body, size_t body_size_bytes,
    struct dr_aws_response *ret_response)
{
    char payload_hash[DR_SIGV4_HASH_TEXT_BYTES];
    char url[8192];
    int result = 0;
    memset(ret_response, 0, sizeof(*ret_response));
    struct outgoing *out = calloc(1, sizeof(*out));
    if (out == NULL) {
        return dr_cli_error(aws->cli, "out of memory");
    }
    dr_sigv4_hash_payload(&dr_crypto_openssl, body, body_size_bytes, payload_hash);
    snprintf(url, sizeof(url), "%s%s", aws->endpoint, target);
    if (!add_caller_headers(out, headers) ||
        !sign(aws, service, method, target, payload_hash, out)) {
        result = dr_cli_error(aws->cli, "cannot sign the request for %s", target);
    } else {
        /* libcurl would add these by itself; neither is signed nor wanted. */
        struct curl_slist *list = curl_slist_append(out->list, "Expect:");
        out->list = list != NULL ? list : out->list;
        list = curl_slist_append(out->list, "Accept:");
        out->list = list != NULL ? list : out->list;
        CURLcode code = send_request(aws, method, url, out, body, body_size_bytes, ret_response);
        if (code != CURLE_OK) {
            result = no_answer(aws, curl_easy_strerror(code));
        }
        curl_easy_getinfo(aws->curl, CURLINFO_RESPONSE_CODE, &ret_response->status);
        /* 503: it starts or ends. */
        bool passing = result == 0 && aws->patient && ret_response->status == 503;
        aws->unreachable = code != CURLE_OK || passing;
        result = passing ? DR_EXIT_ERROR : result;
        interpret(ret_response);
    }
    curl_slist_free_all(out->list);
    free(out);
    return result;
}

int dr_aws_iot(
    struct dr_aws *aws, const char *method, const char *target, json_t *body, json_t **ret_json)
{
    static const char *const json_type[] = {"content-type: application/json", NULL};
    struct dr_aws_response response;
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    if (body != NULL && text == NULL) {
        return dr_cli_error(aws->cli, "out of memory");
    }
    int result = dr_aws_request(
        aws, "iot", method, target, text != NULL ? json_type : NULL, (const uint8_t *)text,
        text != NULL ? strlen(text) : 0, &response);
    free(text);
    if (result == 0 && response.status == 404 &&
        strncmp(response.error_message, "Thing ", 6) == 0) {
        result = dr_cli_error(
            aws->cli, "%s; `daruma things` shows what there is", response.error_message);
    } else if (result == 0 && (response.status < 200 || response.status > 299)) {
        result = dr_cli_error(
            aws->cli, "%s (%s %s: %ld %s)",
            response.error_message[0] != '\0' ? response.error_message : "the cloud refused",
            method, target, response.status, response.error_type);
    }
    if (result == 0 && ret_json != NULL) {
        *ret_json = response.json != NULL ? json_incref(response.json) : json_object();
    }
    dr_aws_response_free(&response);
    return result;
}

json_t *dr_aws_iot_list(struct dr_aws *aws, const char *path, const char *items_name)
{
    json_t *all = json_array();
    char token[3 * PAGE_TOKEN_MAX + 1] = "";
    do { /* bound: the list */
        char target[LIST_TARGET_BYTES];
        json_t *page = NULL;
        (void)snprintf(
            target, sizeof(target), "%s?maxResults=100%s%s", path,
            token[0] != '\0' ? "&nextToken=" : "", token);
        if (dr_aws_iot(aws, "GET", target, NULL, &page) != 0) {
            json_decref(all);
            return NULL;
        }
        json_array_extend(all, json_object_get(page, items_name));
        const char *next = json_string_value(json_object_get(page, "nextToken"));
        token[0] = '\0';
        if (next != NULL && strlen(next) <= PAGE_TOKEN_MAX) {
            dr_aws_encode(next, token);
        }
        json_decref(page);
    } while (token[0] != '\0');
    return all;
}

void dr_aws_response_free(struct dr_aws_response *response)
{
    json_decref(response->json);
    free(response->body);
    memset(response, 0, sizeof(*response));
}
