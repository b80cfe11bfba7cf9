/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/device_identity.h"

#include "cli/thing.h"
#include "tools/provision/device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NORMAL_FILE "certificate-normal.json"
#define RECOVERY_FILE "certificate-recovery.json"
#define ANSWER_BYTES_MAX 16384u
#define TARGET_BYTES 768u
#define THING "${iot:Connection.Thing.ThingName}"

/* A device speaks for itself, as the thing it is, and for nobody else. */
static json_t *policy_document(const struct dr_aws *aws)
{
    static const char form[] =
        "{\"Version\":\"2012-10-17\",\"Statement\":["
        "{\"Effect\":\"Allow\",\"Action\":\"iot:Connect\",\"Resource\":\"%s:client/" THING "\"},"
        "{\"Effect\":\"Allow\",\"Action\":[\"iot:Publish\",\"iot:Receive\"],\"Resource\":"
        "[\"%s:topic/$aws/things/" THING "/*\",\"%s:topic/dt/" THING "/*\"]},"
        "{\"Effect\":\"Allow\",\"Action\":\"iot:Subscribe\",\"Resource\":"
        "[\"%s:topicfilter/$aws/things/" THING "/*\",\"%s:topicfilter/dt/" THING "/*\"]}]}";
    char arn[128];
    char text[2048];
    snprintf(arn, sizeof arn, "arn:aws:iot:%s:%s", dr_aws_region(aws), dr_aws_account(aws));
    snprintf(text, sizeof text, form, arn, arn, arn, arn, arn);
    return json_string(text);
}

static int make_policy(struct dr_cli *cli, struct dr_aws *aws)
{
    struct dr_aws_response response;
    int result = dr_aws_request(
        aws, "iot", "GET", "/policies/" DR_CLI_DEVICE_POLICY, NULL, NULL, 0, &response);
    long status = response.status;
    if (result == 0 && status != 200 && status != 404) {
        result = dr_cli_error(
            cli, "the cloud refused the policy %s: %s: %s", DR_CLI_DEVICE_POLICY,
            response.error_type, response.error_message);
    }
    dr_aws_response_free(&response);
    if (result != 0 || status == 200) {
        return result;
    }
    return dr_aws_iot(
        aws, "POST", "/policies/" DR_CLI_DEVICE_POLICY,
        json_pack("{s:o}", "policyDocument", policy_document(aws)), NULL);
}

static int attach(
    struct dr_cli *cli, struct dr_aws *aws, const char *encoded_name, const char *certificate_arn)
{
    char target[TARGET_BYTES];
    char header[512];
    const char *const headers[] = {header, NULL};
    struct dr_aws_response response;
    snprintf(target, sizeof target, "/things/%s/principals", encoded_name);
    snprintf(header, sizeof header, "x-amzn-principal: %s", certificate_arn);
    int result = dr_aws_request(aws, "iot", "PUT", target, headers, NULL, 0, &response);
    if (result == 0 && response.status / 100 != 2) {
        result = dr_cli_error(
            cli, "the cloud refused to attach the certificate: %s: %s", response.error_type,
            response.error_message);
    }
    dr_aws_response_free(&response);
    if (result != 0) {
        return result;
    }
    return dr_aws_iot(
        aws, "PUT", "/target-policies/" DR_CLI_DEVICE_POLICY,
        json_pack("{s:s}", "target", certificate_arn), NULL);
}

/* The cloud's answer of an earlier run, or NULL. */
static json_t *recall(const struct dr_cli_device *device, const char *file)
{
    char text[ANSWER_BYTES_MAX];
    size_t size_bytes = 0;
    if (dr_device_read(device->directory, file, (uint8_t *)text, sizeof text, &size_bytes) !=
        DR_OK) {
        return NULL;
    }
    json_t *answer = json_loadb(text, size_bytes, 0, NULL);
    if (json_string_value(json_object_get(answer, "certificatePem")) == NULL ||
        json_string_value(json_object_get(answer, "certificateArn")) == NULL) {
        json_decref(answer);
        return NULL;
    }
    return answer;
}

static bool is_own(const struct dr_cli_device *device, const char *arn)
{
    static const char *const files[] = {NORMAL_FILE, RECOVERY_FILE};
    bool own = false;
    for (size_t i = 0; i < 2; i++) {
        json_t *answer = recall(device, files[i]);
        const char *made = json_string_value(json_object_get(answer, "certificateArn"));
        own = own || (made != NULL && strcmp(made, arn) == 0);
        json_decref(answer);
    }
    return own;
}

static int
claim(struct dr_cli *cli, struct dr_aws *aws, const struct dr_cli_device *device, bool replace)
{
    struct dr_cli_thing_deleted deleted = {.existed = true};
    json_t *principals = NULL;
    int result = dr_cli_thing_principals(cli, aws, device->name, &principals);
    for (size_t i = 0; result == 0 && i < json_array_size(principals); i++) {
        const char *arn = json_string_value(json_array_get(principals, i));
        if (arn == NULL || is_own(device, arn)) {
            continue;
        }
        result = replace ? dr_cli_thing_release(cli, aws, device->name, arn, &deleted)
                         : dr_cli_error(
                               cli,
                               "the cloud has a thing %s with a certificate already: `daruma "
                               "things delete %s` removes it, --replace takes its place (the old "
                               "device cannot connect any more)",
                               device->name, device->name);
    }
    json_decref(principals);
    return result;
}

int dr_cli_identity_claim(struct dr_cli *cli, const struct dr_cli_device *device, bool replace)
{
    struct dr_aws *aws = dr_aws_open(cli);
    int result = aws != NULL ? claim(cli, aws, device, replace) : DR_EXIT_ERROR;
    dr_aws_close(aws);
    return result;
}

/* Remember it before it is used: a certificate is made once. */
static int remember(
    struct dr_cli *cli, const struct dr_cli_device *device, const char *file, const json_t *answer)
{
    char *text = json_dumps(answer, JSON_INDENT(2));
    enum dr_status status =
        text != NULL
            ? dr_device_write(device->directory, file, (const uint8_t *)text, strlen(text), 0644)
            : DR_E_SPACE;
    free(text);
    return status == DR_OK ? 0 : dr_cli_error(cli, "cannot write %s/%s", device->directory, file);
}

static int certify(
    struct dr_cli *cli, struct dr_aws *aws, const struct dr_cli_device *device, const char *csr_pem,
    const char *file, const char *target, json_t **ret_answer)
{
    *ret_answer = recall(device, file);
    if (*ret_answer != NULL) {
        return 0;
    }
    int result = dr_aws_iot(
        aws, "POST", target, json_pack("{s:s}", "certificateSigningRequest", csr_pem), ret_answer);
    if (result != 0) {
        return result;
    }
    if (json_string_value(json_object_get(*ret_answer, "certificatePem")) == NULL ||
        json_string_value(json_object_get(*ret_answer, "certificateArn")) == NULL) {
        return dr_cli_error(cli, "the cloud's answer holds no certificate");
    }
    return remember(cli, device, file, *ret_answer);
}

static int register_all(
    struct dr_cli *cli, struct dr_aws *aws, const struct dr_cli_device *device,
    const struct dr_provision_requests *requests, struct dr_cli_identity *identity)
{
    char encoded[3 * 128 + 1];
    char thing[TARGET_BYTES];
    char recovery[TARGET_BYTES];
    dr_aws_encode(device->name, encoded);
    snprintf(thing, sizeof thing, "/things/%s", encoded);
    snprintf(recovery, sizeof recovery, "/daruma/things/%s/recovery-certificate", encoded);
    int result = make_policy(cli, aws);
    if (result == 0) {
        result = dr_aws_iot(aws, "POST", thing, json_object(), NULL);
    }
    if (result == 0) {
        result = certify(
            cli, aws, device, requests->normal_pem, NORMAL_FILE, "/certificates?setAsActive=true",
            &identity->normal);
    }
    if (result == 0) {
        result = certify(
            cli, aws, device, requests->recovery_pem, RECOVERY_FILE, recovery, &identity->recovery);
    }
    const json_t *const answers[] = {identity->normal, identity->recovery};
    for (size_t i = 0; result == 0 && i < 2; i++) {
        result = attach(
            cli, aws, encoded, json_string_value(json_object_get(answers[i], "certificateArn")));
    }
    return result;
}

static struct dr_bundle_text text_of(const char *text)
{
    return (struct dr_bundle_text){text, text != NULL ? strlen(text) : 0};
}

int dr_cli_identity_make(
    struct dr_cli *cli, const struct dr_cli_device *device,
    const struct dr_provision_requests *requests, struct dr_cli_identity *identity)
{
    struct dr_aws *aws = dr_aws_open(cli);
    if (aws == NULL) {
        return DR_EXIT_ERROR;
    }
    int result = register_all(cli, aws, device, requests, identity);
    dr_aws_close(aws);
    struct dr_bundle *bundle = &identity->bundle;
    bundle->thing_name = text_of(device->name);
    bundle->normal_certificate_pem =
        text_of(json_string_value(json_object_get(identity->normal, "certificatePem")));
    bundle->recovery_certificate_pem =
        text_of(json_string_value(json_object_get(identity->recovery, "certificatePem")));
    return result;
}

int dr_cli_identity_open(struct dr_cli *cli, struct dr_cli_identity *identity)
{
    char path[PATH_MAX];
    json_error_t error;
    memset(identity, 0, sizeof *identity);
    snprintf(path, sizeof path, "%s/cloud.json", cli->cloud_dir);
    identity->settings = json_load_file(path, 0, &error);
    if (identity->settings == NULL && (access(path, F_OK) == 0 || errno == EACCES)) {
        return dr_cli_error(
            cli, "cannot use %s: %s", path, access(path, R_OK) != 0 ? strerror(errno) : error.text);
    }
    if (identity->settings == NULL) {
        return dr_cli_error(
            cli,
            "no cloud in %s; start one with `daruma cloud up`, or make the device with --offline",
            cli->cloud_dir);
    }
    const char *host = json_string_value(json_object_get(identity->settings, "mqtt_host"));
    json_int_t port = json_integer_value(json_object_get(identity->settings, "mqtt_port"));
    const char *ca = json_string_value(json_object_get(identity->settings, "ca"));
    if (host == NULL || port < 1 || port > 65535 || ca == NULL) {
        return dr_cli_error(cli, "%s lacks mqtt_host, mqtt_port or ca", path);
    }
    size_t ca_bytes = 0;
    identity->ca_pem = (char *)dr_cli_read_file(cli, ca, DR_BUNDLE_PEM_BYTES_MAX, &ca_bytes);
    if (identity->ca_pem == NULL) {
        return DR_EXIT_ERROR;
    }
    identity->bundle.mqtt_host = text_of(host);
    identity->bundle.mqtt_port = (uint16_t)port;
    identity->bundle.ca_pem = (struct dr_bundle_text){identity->ca_pem, ca_bytes};
    return 0;
}

void dr_cli_identity_close(struct dr_cli_identity *identity)
{
    json_decref(identity->settings);
    json_decref(identity->normal);
    json_decref(identity->recovery);
    free(identity->ca_pem);
    memset(identity, 0, sizeof *identity);
}
