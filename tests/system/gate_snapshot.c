/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Test tool: makes gate snapshots and deltas from lines on standard input.
 *
 *   gate-snapshot FILE GENERATION SEQUENCE [delta|reload]
 *
 *     policy NAME                    begins a policy; its statements follow
 *     allow|deny ACTION RESOURCE
 *     thing NAME [exclusive]
 *     certificate HEX STATUS POLICY,... THING,...      "-" for none
 */
#include "base/check.h"
#include "base/text.h"
#include "cloud/model/policy.h"
#include "cloud/wire/snapshot.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 64u

struct named {
    char name[64];
    uint32_t handle;
};

struct tool {
    struct dr_snapshot_builder *builder;
    struct dr_policy_builder policy;
    uint8_t compiled[DR_POLICY_COMPILED_MAX];
    bool in_policy;
    char policy_name[64];
    struct named names[NAMES_MAX];
    size_t name_count;
};

_Noreturn static void fail(const char *what, const char *line)
{
    fprintf(stderr, "gate-snapshot: %s: %s\n", what, line);
    exit(1);
}

_Noreturn void dr_check_failed(const char *file, int line)
{
    fprintf(stderr, "gate-snapshot: assertion, %s:%d\n", file, line);
    abort();
}

static void note(struct tool *tool, const char *name, uint32_t handle)
{
    if (tool->name_count == NAMES_MAX) {
        fail("too many names", name);
    }
    struct named *named = &tool->names[tool->name_count++];
    (void)snprintf(named->name, sizeof(named->name), "%s", name);
    named->handle = handle;
}

static uint32_t look_up(const struct tool *tool, const char *name)
{
    for (size_t i = 0; i < tool->name_count; i++) {
        if (strcmp(tool->names[i].name, name) == 0) {
            return tool->names[i].handle;
        }
    }
    fail("unknown name", name);
}

static void end_policy(struct tool *tool)
{
    size_t size;
    uint32_t handle;
    if (!tool->in_policy) {
        return;
    }
    tool->in_policy = false;
    if (dr_policy_build_finish(&tool->policy, &size) != DR_OK ||
        dr_snapshot_builder_policy(tool->builder, tool->compiled, size, &handle) != DR_OK) {
        fail("bad policy", tool->policy_name);
    }
    note(tool, tool->policy_name, handle);
}

static size_t handles(const struct tool *tool, char *list, uint32_t *out)
{
    size_t count = 0;
    char *rest = NULL;
    if (strcmp(list, "-") == 0) {
        return 0;
    }
    for (char *name = strtok_r(list, ",", &rest); name != NULL && count < 8;
         name = strtok_r(NULL, ",", &rest)) {
        out[count++] = look_up(tool, name);
    }
    return count;
}

static enum dr_snapshot_status status_of(const char *word)
{
    const char *const words[] = {"REMOVED", "ACTIVE", "INACTIVE", "REVOKED"};
    for (size_t i = 0; i < DR_ARRAY_COUNT(words); i++) {
        if (strcmp(words[i], word) == 0) {
            return (enum dr_snapshot_status)i;
        }
    }
    fail("unknown status", word);
}

static void certificate(struct tool *tool, const char *hex, const char *status, char *lists[2])
{
    uint32_t policies[8];
    uint32_t things[8];
    struct dr_snapshot_certificate facts = {
        .status = status_of(status), .policies = policies, .things = things};
    if (dr_hex_decode(hex, strlen(hex), facts.id, sizeof(facts.id)) != DR_OK) {
        fail("bad id", hex);
    }
    facts.policy_count = handles(tool, lists[0], policies);
    facts.thing_count = handles(tool, lists[1], things);
    if (dr_snapshot_builder_certificate(tool->builder, &facts) != DR_OK) {
        fail("bad certificate", hex);
    }
}

static void take_line(struct tool *tool, char *line)
{
    char *words[6] = {0};
    size_t count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(line, " \n", &rest); word != NULL && count < 6;
         word = strtok_r(NULL, " \n", &rest)) {
        words[count++] = word;
    }
    if (count == 0) {
        return;
    }
    if (count == 3 && (strcmp(words[0], "allow") == 0 || strcmp(words[0], "deny") == 0)) {
        dr_policy_build_statement(&tool->policy, words[0][0] == 'a');
        dr_policy_build_action(&tool->policy, words[1]);
        dr_policy_build_resource(&tool->policy, words[2]);
        return;
    }
    end_policy(tool);
    if (count == 2 && strcmp(words[0], "policy") == 0) {
        tool->in_policy = true;
        (void)snprintf(tool->policy_name, sizeof(tool->policy_name), "%s", words[1]);
        dr_policy_build_begin(&tool->policy, tool->compiled, sizeof(tool->compiled));
    } else if (count >= 2 && strcmp(words[0], "thing") == 0) {
        const struct dr_snapshot_thing thing = {.name = words[1], .exclusive = count == 3};
        uint32_t handle;
        if (dr_snapshot_builder_thing(tool->builder, &thing, &handle) != DR_OK) {
            fail("bad thing", words[1]);
        }
        note(tool, words[1], handle);
    } else if (count == 5 && strcmp(words[0], "certificate") == 0) {
        certificate(tool, words[1], words[2], &words[3]);
    } else {
        fail("unknown line", words[0]);
    }
}

int main(int argc, char **argv)
{
    static struct tool tool;
    char line[1024];
    if (argc < 4) {
        fail("usage", "FILE GENERATION SEQUENCE [delta|reload]");
    }
    uint32_t flags = argc < 5 ? 0 : DR_SNAPSHOT_DELTA;
    flags |= argc == 5 && strcmp(argv[4], "reload") == 0 ? (uint32_t)DR_SNAPSHOT_RELOAD : 0;
    if (dr_snapshot_builder_create(
            strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10), flags, &tool.builder) !=
        DR_OK) {
        fail("no memory", "");
    }
    while (fgets(line, sizeof(line), stdin) != NULL) {
        take_line(&tool, line);
    }
    end_policy(&tool);
    const uint8_t *data;
    size_t size;
    if (dr_snapshot_builder_finish(tool.builder, &data, &size) != DR_OK ||
        dr_snapshot_write_file(argv[1], data, size) != DR_OK) {
        fail("cannot write", argv[1]);
    }
    dr_snapshot_builder_free(tool.builder);
    return 0;
}
