/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/gate/registry.h"

#include <stdlib.h>
#include <string.h>

static struct dr_source *source_create(struct dr_snapshot *snapshot)
{
    struct dr_source *source = malloc(sizeof(*source));
    if (source == NULL) {
        dr_snapshot_close(snapshot);
        return NULL;
    }
    source->snapshot = snapshot;
    source->references = 1;
    return source;
}

static void source_drop(struct dr_source *source)
{
    if (source != NULL && --source->references == 0) {
        dr_snapshot_close(source->snapshot);
        free(source);
    }
}

static void drop_deltas(struct dr_registry *registry, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        source_drop(registry->deltas[i]);
    }
    registry->delta_count -= count;
    for (size_t i = 0; i < registry->delta_count; i++) {
        registry->deltas[i] = registry->deltas[i + count];
    }
}

void dr_registry_free(struct dr_registry *registry)
{
    drop_deltas(registry, registry->delta_count);
    source_drop(registry->base);
    registry->base = NULL;
}

static struct dr_snapshot_info source_info(const struct dr_source *source)
{
    return dr_snapshot_info(source->snapshot);
}

enum dr_status dr_registry_set_base(struct dr_registry *registry, struct dr_snapshot *snapshot)
{
    struct dr_source *source = source_create(snapshot);
    if (source == NULL) {
        return DR_E_SPACE;
    }
    source_drop(registry->base);
    registry->base = source;
    struct dr_snapshot_info base = source_info(source);
    if (registry->expected_generation != 0 && registry->expected_generation != base.generation) {
        registry->wants_file = true; /* read too early: what the deltas say still counts */
        return DR_OK;
    }
    size_t covered = 0;
    while (covered < registry->delta_count) {
        struct dr_snapshot_info delta = source_info(registry->deltas[covered]);
        if (delta.generation == base.generation && delta.sequence > base.sequence) {
            break;
        }
        covered++;
    }
    drop_deltas(registry, covered);
    bool gap =
        registry->delta_count > 0 && source_info(registry->deltas[0]).sequence != base.sequence + 1;
    registry->wants_file = gap || base.sequence < registry->ordered_sequence;
    return DR_OK;
}

void dr_registry_position(
    const struct dr_registry *registry, uint64_t *ret_generation, uint64_t *ret_sequence)
{
    const struct dr_source *last = registry->base;
    if (registry->delta_count > 0) {
        last = registry->deltas[registry->delta_count - 1];
    }
    *ret_generation = last == NULL ? 0 : source_info(last).generation;
    *ret_sequence = last == NULL ? 0 : source_info(last).sequence;
}

enum dr_status dr_registry_add_delta(struct dr_registry *registry, struct dr_snapshot *snapshot)
{
    struct dr_snapshot_info info = dr_snapshot_info(snapshot);
    uint64_t generation;
    uint64_t sequence;
    dr_registry_position(registry, &generation, &sequence);
    if (info.generation != registry->expected_generation) {
        registry->expected_generation = info.generation;
        registry->ordered_sequence = 0;
    }
    if ((info.flags & DR_SNAPSHOT_RELOAD) != 0) {
        dr_snapshot_close(snapshot);
        if (info.sequence > registry->ordered_sequence) {
            registry->ordered_sequence = info.sequence;
        }
        registry->wants_file = true;
        return DR_E_AGAIN;
    }
    if (info.generation == generation && info.sequence <= sequence) {
        dr_snapshot_close(snapshot);
        return DR_E_EXISTS;
    }
    bool gap = info.generation != generation || info.sequence != sequence + 1;
    struct dr_source *source = source_create(snapshot);
    if (source == NULL) {
        return DR_E_SPACE;
    }
    if (registry->delta_count == DR_REGISTRY_DELTAS_MAX) {
        drop_deltas(registry, 1); /* the file that is read next holds it */
        gap = true;
    }
    registry->deltas[registry->delta_count++] = source;
    registry->wants_file = registry->wants_file || gap;
    return gap ? DR_E_CONFLICT : DR_OK;
}

/* The newest word about a certificate. */
static enum dr_status find_entry(
    const struct dr_registry *registry, const uint8_t id[DR_SNAPSHOT_ID_BYTES],
    struct dr_source **ret_source, struct dr_snapshot_entry *ret_entry)
{
    for (size_t i = registry->delta_count; i > 0; i--) {
        struct dr_source *delta = registry->deltas[i - 1];
        enum dr_status status = dr_snapshot_find(delta->snapshot, id, ret_entry);
        if (status != DR_E_NOT_FOUND) {
            *ret_source = delta;
            return status;
        }
    }
    if (registry->base == NULL) {
        return DR_E_NOT_FOUND;
    }
    *ret_source = registry->base;
    return dr_snapshot_find(registry->base->snapshot, id, ret_entry);
}

/* The thing this connection speaks for: the one named like the client id, else the one that is
 * attached exclusively. DR_E_NOT_FOUND: none. */
static enum dr_status choose_thing(
    const struct dr_snapshot_entry *entry, const char *client_id,
    struct dr_snapshot_thing_view *ret_thing)
{
    size_t client_len = strlen(client_id);
    enum dr_status result = DR_E_NOT_FOUND;
    for (uint32_t i = 0; i < entry->thing_count; i++) {
        struct dr_snapshot_thing_view thing;
        DR_TRY(dr_snapshot_entry_thing(entry, i, &thing));
        bool named =
            thing.name.len == client_len && memcmp(thing.name.data, client_id, client_len) == 0;
        if (named || thing.exclusive) {
            *ret_thing = thing;
            result = DR_OK;
        }
        if (named) {
            break;
        }
    }
    return result;
}

static enum dr_status copy_thing(
    const struct dr_snapshot *snapshot, const struct dr_snapshot_thing_view *thing,
    struct dr_principal *principal)
{
    if (thing->name.len == 0 || thing->name.len > DR_WIRE_THING_NAME_MAX) {
        return DR_E_CORRUPT;
    }
    memcpy(principal->thing_name, thing->name.data, thing->name.len);
    principal->thing_name[thing->name.len] = '\0';
    principal->is_attached = true;
    if (thing->type_name.len > 0) {
        principal->thing_type = strndup(thing->type_name.data, thing->type_name.len);
        if (principal->thing_type == NULL) {
            return DR_E_SPACE;
        }
    }
    if (thing->attribute_count == 0) {
        return DR_OK;
    }
    principal->attributes = calloc(thing->attribute_count, sizeof(principal->attributes[0]));
    if (principal->attributes == NULL) {
        return DR_E_SPACE;
    }
    for (uint32_t i = 0; i < thing->attribute_count; i++) {
        struct dr_snapshot_text name;
        struct dr_snapshot_text value;
        DR_TRY(dr_snapshot_thing_attribute(snapshot, thing, i, &name, &value));
        principal->attributes[i] = (struct dr_policy_pair){
            .name = name.data, .name_len = name.len, .value = value.data, .value_len = value.len};
        principal->attribute_count = i + 1;
    }
    return DR_OK;
}

static enum dr_status add_policies(
    const struct dr_snapshot *snapshot, uint32_t policy_set, uint32_t count,
    struct dr_principal *principal)
{
    for (uint32_t i = 0; i < count; i++) {
        struct dr_policy_view *view = &principal->policies[principal->policy_count];
        DR_TRY(dr_snapshot_policy(snapshot, policy_set, i, &view->data, &view->size_bytes));
        principal->policy_count++;
    }
    return DR_OK;
}

/* A group's policies apply to its things when the client id is the thing's name. */
static enum dr_status copy_policies(
    const struct dr_snapshot_entry *entry, uint32_t thing_set, struct dr_principal *principal)
{
    uint32_t own;
    uint32_t of_groups;
    DR_TRY(dr_snapshot_policy_count(entry->snapshot, entry->policy_set, &own));
    DR_TRY(dr_snapshot_policy_count(entry->snapshot, thing_set, &of_groups));
    if (own + of_groups == 0) {
        return DR_OK;
    }
    principal->policies = calloc(own + of_groups, sizeof(principal->policies[0]));
    if (principal->policies == NULL) {
        return DR_E_SPACE;
    }
    DR_TRY(add_policies(entry->snapshot, entry->policy_set, own, principal));
    return add_policies(entry->snapshot, thing_set, of_groups, principal);
}

static enum dr_status fill_principal(
    const struct dr_snapshot_entry *entry, const char *client_id, struct dr_principal *principal)
{
    struct dr_snapshot_thing_view thing;
    uint32_t thing_set = 0;
    enum dr_status status = choose_thing(entry, client_id, &thing);
    if (status == DR_OK) {
        DR_TRY(copy_thing(entry->snapshot, &thing, principal));
        if (strcmp(principal->thing_name, client_id) == 0) {
            thing_set = thing.policy_set;
        }
    } else if (status != DR_E_NOT_FOUND) {
        return status;
    }
    return copy_policies(entry, thing_set, principal);
}

enum dr_status dr_registry_resolve(
    const struct dr_registry *registry, const uint8_t id[DR_SNAPSHOT_ID_BYTES],
    const char *client_id, struct dr_principal *ret_principal)
{
    struct dr_source *source;
    struct dr_snapshot_entry entry;
    DR_TRY(find_entry(registry, id, &source, &entry));
    if (entry.status == DR_SNAPSHOT_REMOVED) {
        return DR_E_NOT_FOUND;
    }
    struct dr_principal principal = {.source = source, .status = entry.status};
    source->references++;
    enum dr_status status = fill_principal(&entry, client_id, &principal);
    if (status != DR_OK) {
        dr_principal_free(&principal);
        return status;
    }
    *ret_principal = principal;
    return DR_OK;
}

void dr_principal_free(struct dr_principal *principal)
{
    free(principal->thing_type);
    free(principal->attributes);
    free(principal->policies);
    source_drop(principal->source);
    memset(principal, 0, sizeof(*principal));
}
