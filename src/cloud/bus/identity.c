/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Keeps the gate's knowledge of certificates, things and policies equal to the store's: a delta at
 * once for a few changes, the whole file soon after, and "read the file" when there is no other
 * way to be sure. */
#include "cloud/registry/identity.h"
#include "base/text.h"
#include "cloud/bus/bus_priv.h"
#include "cloud/wire/snapshot.h"

#include <string.h>
#include <sys/random.h>

#define WRITE_DELAY_MS 200u
#define RELOAD_PAUSE_MS 500u
#define WRITE_SHARE 10u /* at most a tenth of the time goes into writing the file */

static enum dr_snapshot_status status_of(enum dr_certificate_status status)
{
    switch (status) {
    case DR_CERTIFICATE_ACTIVE:
        return DR_SNAPSHOT_ACTIVE;
    case DR_CERTIFICATE_REVOKED:
        return DR_SNAPSHOT_REVOKED;
    case DR_CERTIFICATE_INACTIVE:
    case DR_CERTIFICATE_PENDING_ACTIVATION:
        break;
    }
    return DR_SNAPSHOT_INACTIVE;
}

/* A visit's context: the builder, and what went wrong in it. */
struct collector {
    struct dr_snapshot_builder *builder;
    enum dr_status status;
    size_t count;
};

static enum dr_status add_thing(
    struct dr_snapshot_builder *builder, const struct dr_identity_thing *thing,
    uint32_t *ret_handle)
{
    struct dr_snapshot_attribute attributes[DR_SNAPSHOT_ATTRIBUTES_MAX];
    if (thing->attribute_count > DR_SNAPSHOT_ATTRIBUTES_MAX) {
        return DR_E_SPACE;
    }
    for (size_t i = 0; i < thing->attribute_count; i++) {
        attributes[i].name = thing->attributes[i].name;
        attributes[i].value = thing->attributes[i].value;
    }
    const struct dr_snapshot_thing facts = {
        .name = thing->name,
        .type_name = thing->type,
        .exclusive = thing->exclusive,
        .attributes = attributes,
        .attribute_count = thing->attribute_count,
    };
    return dr_snapshot_builder_thing(builder, &facts, ret_handle);
}

static enum dr_status
add_identity(struct dr_snapshot_builder *builder, const struct dr_identity *identity)
{
    uint32_t things[DR_SNAPSHOT_THINGS_MAX];
    uint32_t policies[DR_SNAPSHOT_POLICIES_MAX];
    struct dr_snapshot_certificate facts = {
        .status = status_of(identity->status),
        .policies = policies,
        .policy_count = identity->policy_count,
        .things = things,
        .thing_count = identity->thing_count,
    };
    DR_TRY(dr_hex_decode(
        identity->certificate_id, strlen(identity->certificate_id), facts.id, sizeof(facts.id)));
    if (identity->thing_count > DR_SNAPSHOT_THINGS_MAX ||
        identity->policy_count > DR_SNAPSHOT_POLICIES_MAX) {
        return DR_E_SPACE;
    }
    for (size_t i = 0; i < identity->thing_count; i++) {
        DR_TRY(add_thing(builder, &identity->things[i], &things[i]));
    }
    for (size_t i = 0; i < identity->policy_count; i++) {
        const struct dr_identity_policy *policy = &identity->policies[i];
        DR_TRY(dr_snapshot_builder_policy(
            builder, policy->compiled, policy->compiled_size, &policies[i]));
    }
    return dr_snapshot_builder_certificate(builder, &facts);
}

static bool collect(void *context, const struct dr_identity *identity)
{
    struct collector *collector = context;
    collector->status = add_identity(collector->builder, identity);
    collector->count++;
    return collector->status == DR_OK;
}

static enum dr_status
write_file(struct dr_service *service, const char *path, uint64_t generation, uint64_t sequence)
{
    struct collector collector = {.status = DR_OK};
    const uint8_t *data;
    size_t size;
    DR_TRY(dr_snapshot_builder_create(generation, sequence, 0, &collector.builder));
    enum dr_status status = dr_service_identities(service, collect, &collector);
    if (status == DR_OK) {
        status = collector.status;
    }
    if (status == DR_OK) {
        status = dr_snapshot_builder_finish(collector.builder, &data, &size);
    }
    if (status == DR_OK) {
        status = dr_snapshot_write_file(path, data, size);
    }
    dr_snapshot_builder_free(collector.builder);
    return status;
}

static uint64_t new_generation(void)
{
    uint64_t generation = 0;
    while (generation == 0) { /* bound: 0 once in 2^64 */
        if (getrandom(&generation, sizeof(generation), 0) != (ssize_t)sizeof(generation)) {
            generation = dr_bus_now_ms() + 1;
        }
    }
    return generation;
}

enum dr_status dr_bus_write_snapshot(struct dr_service *service, const char *path)
{
    return write_file(service, path, new_generation(), 0);
}

enum dr_status dr_bus_identity_start(struct dr_bus *bus)
{
    bus->identity.generation = new_generation();
    return bus->snapshot_path == NULL
               ? DR_OK
               : write_file(bus->service, bus->snapshot_path, bus->identity.generation, 0);
}

/* ---- changes ---- */

static void write_now(struct dr_bus *bus)
{
    struct dr_identity_state *state = &bus->identity;
    uint64_t begun_ms = dr_bus_now_ms();
    enum dr_status status =
        write_file(bus->service, bus->snapshot_path, state->generation, state->sequence);
    state->write_cost_ms = dr_bus_now_ms() - begun_ms;
    if (status == DR_OK) {
        state->file_sequence = state->sequence;
        state->write_at_ms = 0;
        return;
    }
    dr_bus_log(
        bus, true, "snapshot %s cannot be written: %s", bus->snapshot_path, dr_status_text(status));
    state->write_at_ms = dr_bus_now_ms() + 5000;
}

static void write_soon(struct dr_bus *bus)
{
    struct dr_identity_state *state = &bus->identity;
    if (state->write_at_ms == 0) {
        state->write_at_ms = dr_bus_now_ms() + WRITE_DELAY_MS + state->write_cost_ms * WRITE_SHARE;
    }
}

/* DR_E_SPACE: too much for a delta. */
static enum dr_status build_delta(struct dr_bus *bus, struct dr_snapshot_builder *builder)
{
    const struct dr_identity_state *state = &bus->identity;
    for (size_t i = 0; i < state->changed_count; i++) {
        struct collector collector = {.builder = builder, .status = DR_OK};
        enum dr_status status =
            dr_service_identity_get(bus->service, state->changed[i], collect, &collector);
        if (status == DR_E_NOT_FOUND) {
            struct dr_snapshot_certificate gone = {.status = DR_SNAPSHOT_REMOVED};
            DR_TRY(dr_hex_decode(
                state->changed[i], strlen(state->changed[i]), gone.id, sizeof(gone.id)));
            status = dr_snapshot_builder_certificate(builder, &gone);
        }
        DR_TRY(status);
        DR_TRY(collector.status);
    }
    return DR_OK;
}

static bool publish_delta(struct dr_bus *bus, const uint8_t *data, size_t size)
{
    static const char *const no_properties[] = {NULL};
    return dr_bus_publish(bus, DR_WIRE_DELTA_TOPIC, data, size, 1, no_properties, NULL);
}

static enum dr_status send_delta(struct dr_bus *bus, uint32_t flags)
{
    struct dr_identity_state *state = &bus->identity;
    struct dr_snapshot_builder *builder;
    const uint8_t *data;
    size_t size;
    DR_TRY(dr_snapshot_builder_create(
        state->generation, state->sequence, DR_SNAPSHOT_DELTA | flags, &builder));
    enum dr_status status = (flags & DR_SNAPSHOT_RELOAD) != 0 ? DR_OK : build_delta(bus, builder);
    if (status == DR_OK) {
        status = dr_snapshot_builder_finish(builder, &data, &size);
    }
    if (status == DR_OK && size > DR_BUS_DELTA_BYTES) {
        status = DR_E_SPACE;
    }
    if (status == DR_OK && bus->greeted && !publish_delta(bus, data, size)) {
        status = DR_E_CLOSED; /* the gate is told to read the file on the next connection */
    }
    dr_snapshot_builder_free(builder);
    return status;
}

static void send_changes(struct dr_bus *bus)
{
    struct dr_identity_state *state = &bus->identity;
    if (state->changed_count == 0 && !state->all) {
        return;
    }
    state->sequence++;
    enum dr_status status = state->all ? DR_E_SPACE : send_delta(bus, 0);
    state->changed_count = 0;
    state->all = false;
    state->deltas++;
    if (status != DR_OK) {
        state->reload = true;
    }
    write_soon(bus);
}

void dr_bus_identity_changed(struct dr_bus *bus, const char *certificate_id)
{
    struct dr_identity_state *state = &bus->identity;
    if (bus->snapshot_path == NULL || state->all) {
        return;
    }
    if (certificate_id[0] == '\0' || state->changed_count == DR_BUS_DELTA_RECORDS) {
        state->all = true;
        return;
    }
    for (size_t i = 0; i < state->changed_count; i++) {
        if (strcmp(state->changed[i], certificate_id) == 0) {
            return;
        }
    }
    size_t size = strnlen(certificate_id, sizeof(state->changed[0]) - 1);
    memcpy(state->changed[state->changed_count], certificate_id, size);
    state->changed[state->changed_count++][size] = '\0';
}

void dr_bus_identity_compare(struct dr_bus *bus, uint64_t generation, uint64_t sequence)
{
    struct dr_identity_state *state = &bus->identity;
    state->reload = state->reload || generation != state->generation || sequence != state->sequence;
}

void dr_bus_identity_run(struct dr_bus *bus)
{
    struct dr_identity_state *state = &bus->identity;
    if (bus->snapshot_path == NULL) {
        return;
    }
    send_changes(bus);
    bool due = state->write_at_ms != 0 && dr_bus_now_ms() >= state->write_at_ms;
    bool wanted =
        state->reload && bus->greeted && state->file_sequence != state->sequence &&
        state->write_at_ms <= dr_bus_now_ms() + WRITE_DELAY_MS + state->write_cost_ms * WRITE_SHARE;
    if (due || wanted) {
        write_now(bus);
    }
    if (state->file_sequence != state->sequence) {
        return;
    }
    if ((state->reload || state->deltas >= DR_BUS_DELTAS_BEFORE_RELOAD) && bus->greeted &&
        dr_bus_now_ms() >= state->reload_at_ms && send_delta(bus, DR_SNAPSHOT_RELOAD) == DR_OK) {
        state->reload = false;
        state->deltas = 0;
        state->reload_at_ms = dr_bus_now_ms() + RELOAD_PAUSE_MS;
    }
}
