/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/wire/snapshot.h"
#include "tests/unit/check.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void make_id(uint8_t id[DR_SNAPSHOT_ID_BYTES], uint32_t number)
{
    memset(id, 0, DR_SNAPSHOT_ID_BYTES);
    /* Spread, so that insertion order is not the sorted order. */
    uint32_t mixed = number * 2654435761u;
    memcpy(id, &mixed, sizeof(mixed));
    memcpy(id + 8, &number, sizeof(number));
}

static void
add(struct dr_snapshot_builder *builder, uint32_t number, uint32_t policy, const char *thing)
{
    struct dr_snapshot_certificate certificate = {.status = DR_SNAPSHOT_ACTIVE};
    const struct dr_snapshot_thing facts = {.name = thing};
    uint32_t handle;
    make_id(certificate.id, number);
    REQUIRE(dr_snapshot_builder_thing(builder, &facts, &handle) == DR_OK);
    certificate.policies = &policy;
    certificate.policy_count = 1;
    certificate.things = &handle;
    certificate.thing_count = 1;
    EXPECT_EQ(dr_snapshot_builder_certificate(builder, &certificate), DR_OK);
}

static struct dr_snapshot_builder *start(uint64_t sequence)
{
    struct dr_snapshot_builder *builder = NULL;
    EXPECT_EQ(dr_snapshot_builder_create(11, sequence, 0, &builder), DR_OK);
    return builder;
}

static void test_cost_per_certificate(void)
{
    const uint8_t policy_bytes[300] = {1, 2, 3};
    struct dr_snapshot_builder *builder = start(1);
    uint32_t policy = 0;
    const uint8_t *data = NULL;
    size_t size = 0;
    EXPECT_EQ(
        dr_snapshot_builder_policy(builder, policy_bytes, sizeof(policy_bytes), &policy), DR_OK);
    char name[32];
    for (uint32_t i = 0; i < 1000; i++) {
        (void)snprintf(name, sizeof(name), "thing-with-24-letters%03u", i);
        add(builder, i, policy, name);
    }
    EXPECT_EQ(strlen(name), 24);
    REQUIRE(dr_snapshot_builder_finish(builder, &data, &size) == DR_OK);
    EXPECT(size / 1000 <= 128);
    printf("%zu bytes per certificate\n", size / 1000);
    dr_snapshot_builder_free(builder);
}

static void check_thing(const struct dr_snapshot_entry *entry, const char *name)
{
    struct dr_snapshot_thing_view thing;
    REQUIRE(dr_snapshot_entry_thing(entry, 0, &thing) == DR_OK);
    EXPECT(thing.name.len == strlen(name) && memcmp(thing.name.data, name, thing.name.len) == 0);
    EXPECT_EQ(dr_snapshot_entry_thing(entry, entry->thing_count, &thing), DR_E_RANGE);
}

static void test_every_certificate_is_found(void)
{
    const uint8_t one[] = {1, 1};
    const uint8_t two[] = {2, 2, 2};
    struct dr_snapshot_builder *builder = start(5);
    uint32_t policies[2] = {0};
    const uint8_t *data = NULL;
    size_t size = 0;
    EXPECT_EQ(dr_snapshot_builder_policy(builder, one, sizeof(one), &policies[0]), DR_OK);
    EXPECT_EQ(dr_snapshot_builder_policy(builder, two, sizeof(two), &policies[1]), DR_OK);
    uint32_t again = 0;
    EXPECT_EQ(dr_snapshot_builder_policy(builder, one, sizeof(one), &again), DR_OK);
    EXPECT_EQ(again, policies[0]);
    char name[32];
    for (uint32_t i = 0; i < 500; i++) {
        (void)snprintf(name, sizeof(name), "t%u", i);
        add(builder, i, policies[i % 2], name);
    }
    REQUIRE(dr_snapshot_builder_finish(builder, &data, &size) == DR_OK);
    struct dr_snapshot *snapshot = NULL;
    REQUIRE(dr_snapshot_parse(data, size, &snapshot) == DR_OK);
    dr_snapshot_builder_free(builder);
    EXPECT_EQ(dr_snapshot_info(snapshot).record_count, 500);
    EXPECT_EQ(dr_snapshot_info(snapshot).generation, 11);
    EXPECT_EQ(dr_snapshot_info(snapshot).sequence, 5);
    for (uint32_t i = 0; i < 500; i++) {
        uint8_t id[DR_SNAPSHOT_ID_BYTES];
        struct dr_snapshot_entry entry;
        const uint8_t *compiled = NULL;
        size_t compiled_size = 0;
        make_id(id, i);
        REQUIRE(dr_snapshot_find(snapshot, id, &entry) == DR_OK);
        EXPECT_EQ(entry.status, DR_SNAPSHOT_ACTIVE);
        (void)snprintf(name, sizeof(name), "t%u", i);
        check_thing(&entry, name);
        REQUIRE(
            dr_snapshot_policy(snapshot, entry.policy_set, 0, &compiled, &compiled_size) == DR_OK);
        EXPECT_EQ(compiled_size, i % 2 == 0 ? 2 : 3);
        EXPECT_EQ(compiled[0], i % 2 == 0 ? 1 : 2);
        EXPECT_EQ(
            dr_snapshot_policy(snapshot, entry.policy_set, 1, &compiled, &compiled_size),
            DR_E_RANGE);
        id[20] = 1;
        EXPECT_EQ(dr_snapshot_find(snapshot, id, &entry), DR_E_NOT_FOUND);
    }
    dr_snapshot_close(snapshot);
}

static void
check_attributes(const struct dr_snapshot *snapshot, const struct dr_snapshot_thing_view *thing)
{
    struct dr_snapshot_text name;
    struct dr_snapshot_text value;
    EXPECT_EQ(thing->attribute_count, 2);
    REQUIRE(dr_snapshot_thing_attribute(snapshot, thing, 1, &name, &value) == DR_OK);
    EXPECT(name.len == 4 && memcmp(name.data, "room", 4) == 0);
    EXPECT_EQ(value.len, 0);
    EXPECT_EQ(dr_snapshot_thing_attribute(snapshot, thing, 2, &name, &value), DR_E_RANGE);
}

static void test_things_and_groups(void)
{
    const uint8_t bytes[] = {9};
    const struct dr_snapshot_attribute attributes[] = {{"color", "blue"}, {"room", ""}};
    struct dr_snapshot_builder *builder = start(1);
    struct dr_snapshot_certificate certificate = {.status = DR_SNAPSHOT_REVOKED};
    uint32_t policy = 0;
    uint32_t things[3] = {0};
    EXPECT_EQ(dr_snapshot_builder_policy(builder, bytes, sizeof(bytes), &policy), DR_OK);
    const struct dr_snapshot_thing facts[] = {
        {.name = "a"},
        {.name = "b", .type_name = "lamp", .exclusive = true},
        {.name = "c",
         .attributes = attributes,
         .attribute_count = 2,
         .policies = &policy,
         .policy_count = 1}};
    for (size_t i = 0; i < 3; i++) {
        EXPECT_EQ(dr_snapshot_builder_thing(builder, &facts[i], &things[i]), DR_OK);
    }
    certificate.things = things;
    certificate.thing_count = 3;
    EXPECT_EQ(dr_snapshot_builder_certificate(builder, &certificate), DR_OK);
    const uint8_t *data = NULL;
    size_t size = 0;
    REQUIRE(dr_snapshot_builder_finish(builder, &data, &size) == DR_OK);
    struct dr_snapshot *snapshot = NULL;
    REQUIRE(dr_snapshot_parse(data, size, &snapshot) == DR_OK);
    dr_snapshot_builder_free(builder);
    struct dr_snapshot_entry entry;
    struct dr_snapshot_thing_view thing;
    uint32_t count = 9;
    REQUIRE(dr_snapshot_at(snapshot, 0, &entry) == DR_OK);
    EXPECT_EQ(dr_snapshot_at(snapshot, 1, &entry), DR_E_RANGE);
    EXPECT_EQ(entry.status, DR_SNAPSHOT_REVOKED);
    EXPECT_EQ(entry.thing_count, 3);
    EXPECT_EQ(dr_snapshot_policy_count(snapshot, entry.policy_set, &count), DR_OK);
    EXPECT_EQ(count, 0);
    REQUIRE(dr_snapshot_entry_thing(&entry, 1, &thing) == DR_OK);
    EXPECT(thing.exclusive);
    EXPECT(thing.type_name.len == 4 && memcmp(thing.type_name.data, "lamp", 4) == 0);
    REQUIRE(dr_snapshot_entry_thing(&entry, 2, &thing) == DR_OK);
    EXPECT(!thing.exclusive);
    EXPECT_EQ(dr_snapshot_policy_count(snapshot, thing.policy_set, &count), DR_OK);
    EXPECT_EQ(count, 1);
    check_attributes(snapshot, &thing);
    dr_snapshot_close(snapshot);
}

static struct dr_snapshot_builder *small(const uint8_t **ret_data, size_t *ret_size)
{
    const uint8_t bytes[] = {1, 2, 3};
    struct dr_snapshot_builder *builder = start(1);
    uint32_t policy = 0;
    EXPECT_EQ(dr_snapshot_builder_policy(builder, bytes, sizeof(bytes), &policy), DR_OK);
    add(builder, 1, policy, "one");
    add(builder, 2, policy, "two");
    EXPECT_EQ(dr_snapshot_builder_finish(builder, ret_data, ret_size), DR_OK);
    return builder;
}

static void test_any_single_change_is_refused(void)
{
    const uint8_t *data = NULL;
    size_t size = 0;
    struct dr_snapshot_builder *builder = small(&data, &size);
    uint8_t *copy = malloc(size + 1);
    REQUIRE(copy != NULL);
    struct dr_snapshot *snapshot = NULL;
    for (size_t at = 0; at < size; at++) {
        memcpy(copy, data, size);
        copy[at] = (uint8_t)(copy[at] ^ 0x10);
        EXPECT(dr_snapshot_parse(copy, size, &snapshot) != DR_OK);
    }
    for (size_t cut = 0; cut < size; cut++) {
        EXPECT(dr_snapshot_parse(data, cut, &snapshot) != DR_OK);
    }
    memcpy(copy, data, size);
    copy[size] = 0;
    EXPECT(dr_snapshot_parse(copy, size + 1, &snapshot) != DR_OK);
    EXPECT(snapshot == NULL);
    free(copy);
    dr_snapshot_builder_free(builder);
}

static void test_builder_bounds(void)
{
    struct dr_snapshot_builder *builder = start(1);
    char long_name[300];
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[299] = '\0';
    const struct dr_snapshot_thing too_long = {.name = long_name};
    const struct dr_snapshot_thing too_many = {.name = "x", .attribute_count = 51};
    uint32_t handle = 0;
    EXPECT_EQ(dr_snapshot_builder_thing(builder, &too_long, &handle), DR_E_SPACE);
    EXPECT_EQ(dr_snapshot_builder_thing(builder, &too_many, &handle), DR_E_SPACE);
    struct dr_snapshot_certificate certificate = {.status = DR_SNAPSHOT_ACTIVE};
    uint32_t invented = 5000;
    certificate.policies = &invented;
    certificate.policy_count = 1;
    EXPECT_EQ(dr_snapshot_builder_certificate(builder, &certificate), DR_E_ARGUMENT);
    certificate.policy_count = 0;
    EXPECT_EQ(dr_snapshot_builder_certificate(builder, &certificate), DR_OK);
    EXPECT_EQ(dr_snapshot_builder_certificate(builder, &certificate), DR_OK);
    const uint8_t *data = NULL;
    size_t size = 0;
    EXPECT_EQ(dr_snapshot_builder_finish(builder, &data, &size), DR_E_EXISTS);
    dr_snapshot_builder_free(builder);
}

static void test_files(void)
{
    char directory[] = "/tmp/daruma-snapshot-XXXXXX";
    char path[64];
    REQUIRE(mkdtemp(directory) != NULL);
    (void)snprintf(path, sizeof(path), "%s/gate.snapshot", directory);
    const uint8_t *data = NULL;
    size_t size = 0;
    struct dr_snapshot *snapshot = NULL;
    struct dr_snapshot_builder *builder = small(&data, &size);
    EXPECT_EQ(dr_snapshot_open(path, &snapshot), DR_E_NOT_FOUND);
    EXPECT_EQ(dr_snapshot_open(directory, &snapshot), DR_E_IO);
    EXPECT_EQ(dr_snapshot_write_file(path, data, size), DR_OK);
    REQUIRE(dr_snapshot_open(path, &snapshot) == DR_OK);
    /* Replaced, not written in place: what is mapped stays as it was. */
    EXPECT_EQ(dr_snapshot_write_file(path, data, size / 2), DR_OK);
    EXPECT_EQ(dr_snapshot_info(snapshot).record_count, 2);
    struct dr_snapshot_entry entry;
    EXPECT_EQ(dr_snapshot_at(snapshot, 1, &entry), DR_OK);
    struct dr_snapshot *half = NULL;
    EXPECT_EQ(dr_snapshot_open(path, &half), DR_E_TRUNCATED);
    dr_snapshot_close(snapshot);
    struct stat facts;
    EXPECT(stat(path, &facts) == 0 && (facts.st_mode & 0777) == 0640);
    EXPECT_EQ(dr_snapshot_write_file("/nonexistent/dir/file", data, size), DR_E_IO);
    EXPECT_EQ(unlink(path), 0);
    EXPECT_EQ(rmdir(directory), 0); /* no temporary file is left behind */
    dr_snapshot_builder_free(builder);
}

DR_TEST_MAIN(
    test_cost_per_certificate, test_every_certificate_is_found, test_things_and_groups,
    test_any_single_change_is_refused, test_builder_bounds, test_files)
