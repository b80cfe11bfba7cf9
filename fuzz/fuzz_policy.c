/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Device policies. First byte even: the rest are compiled bytes as the gate maps them. Odd: the
 * rest are texts to compile, one per line: actions, resource, condition operator, key, value. */
#include "cloud/model/policy.h"
#include "fuzz/fuzz.h"

#include <string.h>

static const struct dr_policy_pair site = {"site", 4, "rome", 4};

static enum dr_policy_verdict evaluate(struct dr_policy_view policy, enum dr_policy_action action)
{
    struct dr_policy_request request = {
        .action = action,
        .name = "$aws/things/doll-1/jobs/$next/get",
        .region = "local",
        .account = "000000000000",
        .client_id = "doll-1",
        .thing_name = "doll-1",
        .is_attached = true,
        .attributes = &site,
        .attribute_count = 1,
        .source_ip = "192.0.2.7",
        .persistent_connect = true,
        .last_will_topic = "last",
    };
    return dr_policy_evaluate(&policy, 1, &request);
}

static void evaluate_all(struct dr_policy_view policy)
{
    for (int action = DR_POLICY_CONNECT; action <= DR_POLICY_DELETE_THING_SHADOW; action++) {
        enum dr_policy_verdict verdict = evaluate(policy, (enum dr_policy_action)action);
        FUZZ(verdict == evaluate(policy, (enum dr_policy_action)action));
        FUZZ(verdict <= DR_POLICY_EXPLICIT_DENY);
    }
}

/* The next line of the input as a text of its own. */
static const char *next_line(const uint8_t **data, size_t *size, char *out, size_t capacity)
{
    size_t len = 0;
    while (len < *size && (*data)[len] != '\n' && (*data)[len] != 0) {
        len++;
    }
    size_t fits = len < capacity ? len : capacity - 1;
    memcpy(out, *data, fits);
    out[fits] = '\0';
    size_t step = len < *size ? len + 1 : len;
    *data += step;
    *size -= step;
    return out;
}

/* Whatever compiles is well-formed. */
static void compile(const uint8_t *data, size_t size)
{
    static uint8_t bytes[DR_POLICY_COMPILED_MAX];
    char line[2048];
    char key[256];
    struct dr_policy_builder builder;
    size_t compiled_size = 0;
    dr_policy_build_begin(&builder, bytes, sizeof bytes);
    while (size != 0) {
        dr_policy_build_statement(&builder, (data[0] & 1) != 0);
        dr_policy_build_action(&builder, next_line(&data, &size, line, sizeof line));
        dr_policy_build_resource(&builder, next_line(&data, &size, line, sizeof line));
        next_line(&data, &size, line, sizeof line);
        next_line(&data, &size, key, sizeof key);
        if (line[0] != '\0') {
            dr_policy_build_condition(&builder, line, key);
            dr_policy_build_value(&builder, next_line(&data, &size, line, sizeof line));
        }
    }
    if (dr_policy_build_finish(&builder, &compiled_size) == DR_OK) {
        struct dr_policy_view policy = {bytes, compiled_size};
        FUZZ(dr_policy_check(policy) == DR_OK);
        evaluate_all(policy);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    if ((data[0] & 1) != 0) {
        compile(data + 1, size - 1);
        return 0;
    }
    struct dr_policy_view policy = {data + 1, size - 1};
    evaluate_all(policy);
    return 0;
}
