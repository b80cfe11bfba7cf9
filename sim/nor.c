/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "sim/nor.h"

#include "base/check.h"
#include "sim/nor_medium.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRITABLE_AREAS_MAX 8u
#define VIOLATION_BYTES 120u

/* An operation since the last sync; newest first, shared between snapshots. */
struct pending {
    uint32_t references;
    struct pending *older;
    struct dr_nor_operation operation; /* data points to storage */
    uint8_t storage[];
};

/* Everything a cut looks at. */
struct content {
    struct dr_nor_medium now;
    struct dr_nor_medium synced; /* as of the last sync; without sectors while nothing is pending */
    struct pending *pending;
};

struct dr_nor_snapshot {
    struct content content;
};

struct dr_nor {
    struct dr_flash port;
    struct dr_sim_power *power;
    struct content content;
    const struct dr_nor_operation *current; /* while the power's hook runs */
    struct dr_nor_counts counts;
    uint32_t violations;
    char violation[VIOLATION_BYTES];
    bool unstable;
    uint32_t faults_after;
    uint32_t faults;
    size_t writable_count;
    struct dr_flash_area writable[WRITABLE_AREAS_MAX];
};

static void pending_release(struct pending *node)
{
    while (node != NULL && --node->references == 0) { /* bound: length of the list */
        struct pending *older = node->older;
        free(node);
        node = older;
    }
}

static bool content_copy(struct content *to, const struct content *from)
{
    memset(to, 0, sizeof *to);
    if (!dr_nor_medium_copy(&to->now, &from->now)) {
        return false;
    }
    if (from->synced.sectors != NULL && !dr_nor_medium_copy(&to->synced, &from->synced)) {
        dr_nor_medium_destroy(&to->now);
        return false;
    }
    to->pending = from->pending;
    if (to->pending != NULL) {
        to->pending->references++;
    }
    return true;
}

static void content_destroy(struct content *content)
{
    dr_nor_medium_destroy(&content->now);
    dr_nor_medium_destroy(&content->synced);
    pending_release(content->pending);
    memset(content, 0, sizeof *content);
}

static void content_synced(struct content *content)
{
    dr_nor_medium_destroy(&content->synced);
    pending_release(content->pending);
    content->pending = NULL;
}

/* Remember an operation that is about to be applied. */
static void content_note(struct content *content, const struct dr_nor_operation *operation)
{
    if (content->pending == NULL) {
        DR_CHECK(dr_nor_medium_copy(&content->synced, &content->now));
    }
    size_t data_bytes = operation->act == DR_NOR_ACT_PROGRAM ? operation->size_bytes : 0;
    struct pending *node = malloc(sizeof *node + data_bytes);
    DR_CHECK(node != NULL);
    *node = (struct pending){.references = 1, .older = content->pending, .operation = *operation};
    if (data_bytes > 0) {
        memcpy(node->storage, operation->data, data_bytes);
    }
    node->operation.data = node->storage;
    content->pending = node;
}

/* Redo a random part of what was pending, oldest first, on the last synced state. */
static void replay_some(struct content *content, uint64_t *random)
{
    size_t count = 0;
    for (const struct pending *node = content->pending; node != NULL; node = node->older) {
        count++;
    }
    const struct pending **order = calloc(count + 1u, sizeof(struct pending *));
    DR_CHECK(order != NULL);
    size_t next = count;
    for (const struct pending *node = content->pending; node != NULL; node = node->older) {
        order[--next] = node;
    }
    for (size_t i = 0; i < count; i++) {
        if ((dr_sim_random(random) & 1u) != 0) {
            dr_nor_medium_apply(&content->synced, &order[i]->operation);
        }
    }
    free(order);
}

/* The power goes during operation (NULL: during something that is not the flash's). */
static void content_cut(
    struct content *content, const struct dr_nor_operation *operation, enum dr_sim_torn kind,
    uint64_t *random)
{
    bool keeps_all = kind == DR_SIM_TORN_COMPLETE;
    if (!keeps_all && content->pending != NULL) {
        if (kind != DR_SIM_TORN_NOTHING) {
            replay_some(content, random);
        }
        dr_nor_medium_destroy(&content->now);
        content->now = content->synced;
        content->synced.sectors = NULL;
    }
    content_synced(content);
    if (operation != NULL) {
        dr_nor_medium_tear(&content->now, operation, kind, random);
    }
}

static void violate(struct dr_nor *nor, const char *rule, uint32_t address, uint32_t size_bytes)
{
    if (nor->violations++ == 0) {
        snprintf(
            nor->violation, sizeof nor->violation, "%s (address 0x%x, %u bytes)", rule, address,
            size_bytes);
    }
}

static bool in_range(
    struct dr_nor *nor, const char *what, uint32_t address, uint32_t size_bytes, uint32_t align)
{
    const struct dr_flash_geometry *geometry = &nor->port.geometry;
    if (size_bytes == 0 || (address | size_bytes) % align != 0 || address > geometry->size_bytes ||
        size_bytes > geometry->size_bytes - address) {
        violate(nor, what, address, size_bytes);
        return false;
    }
    return true;
}

static bool is_writable(struct dr_nor *nor, uint32_t address, uint32_t size_bytes)
{
    for (size_t i = 0; i < nor->writable_count; i++) {
        const struct dr_flash_area *area = &nor->writable[i];
        if (address >= area->address && size_bytes <= area->size_bytes &&
            address - area->address <= area->size_bytes - size_bytes) {
            return true;
        }
    }
    if (nor->writable_count > 0) {
        violate(nor, "write outside the writable areas", address, size_bytes);
        return false;
    }
    return true;
}

static bool fault_due(struct dr_nor *nor)
{
    if (nor->faults == 0) {
        return false;
    }
    if (nor->faults_after > 0) {
        nor->faults_after--;
        return false;
    }
    nor->faults--;
    return true;
}

/* Count, maybe cut, else carry out. */
static enum dr_status operate(struct dr_nor *nor, const struct dr_nor_operation *operation)
{
    nor->current = operation;
    bool cut = dr_sim_power_step(nor->power);
    nor->current = NULL;
    if (cut) {
        content_cut(&nor->content, operation, nor->power->kind, &nor->power->random);
        return DR_E_IO;
    }
    if (operation->act == DR_NOR_ACT_SYNC) {
        content_synced(&nor->content);
        return DR_OK;
    }
    content_note(&nor->content, operation);
    if (fault_due(nor)) {
        dr_nor_medium_tear(&nor->content.now, operation, DR_SIM_TORN_HALF, &nor->power->random);
        return DR_E_IO;
    }
    dr_nor_medium_apply(&nor->content.now, operation);
    return DR_OK;
}

static enum dr_status port_read(void *context, uint32_t address, uint8_t *out, uint32_t size_bytes)
{
    struct dr_nor *nor = context;
    if (nor->power->off) {
        return DR_E_IO;
    }
    if (!in_range(nor, "read outside the part", address, size_bytes, 1)) {
        return DR_E_ARGUMENT;
    }
    nor->counts.reads++;
    nor->counts.read_bytes += size_bytes;
    dr_nor_medium_read(
        &nor->content.now, address, out, size_bytes, nor->unstable ? &nor->power->random : NULL);
    return DR_OK;
}

static enum dr_status
port_program(void *context, uint32_t address, const uint8_t *data, uint32_t size_bytes)
{
    struct dr_nor *nor = context;
    if (nor->power->off) {
        return DR_E_IO;
    }
    if (!in_range(
            nor, "program off the units or the part", address, size_bytes,
            nor->port.geometry.program_unit_bytes)) {
        return DR_E_ARGUMENT;
    }
    if (!is_writable(nor, address, size_bytes)) {
        return DR_E_DENIED;
    }
    if (dr_nor_medium_programmed(&nor->content.now, address, size_bytes)) {
        violate(nor, "a unit is programmed again without an erase", address, size_bytes);
    }
    nor->counts.programs++;
    nor->counts.program_bytes += size_bytes;
    const struct dr_nor_operation operation = {
        .act = DR_NOR_ACT_PROGRAM, .address = address, .size_bytes = size_bytes, .data = data};
    return operate(nor, &operation);
}

static enum dr_status port_erase(void *context, uint32_t address, uint32_t size_bytes)
{
    struct dr_nor *nor = context;
    const uint32_t sector_bytes = nor->port.geometry.sector_bytes;
    if (nor->power->off) {
        return DR_E_IO;
    }
    if (!in_range(nor, "erase off the sectors or the part", address, size_bytes, sector_bytes)) {
        return DR_E_ARGUMENT;
    }
    if (!is_writable(nor, address, size_bytes)) {
        return DR_E_DENIED;
    }
    for (uint32_t done = 0; done < size_bytes; done += sector_bytes) {
        const struct dr_nor_operation operation = {
            .act = DR_NOR_ACT_ERASE, .address = address + done, .size_bytes = sector_bytes};
        nor->counts.erases++;
        enum dr_status status = operate(nor, &operation);
        if (status != DR_OK) {
            return status;
        }
    }
    return DR_OK;
}

static enum dr_status port_sync(void *context)
{
    struct dr_nor *nor = context;
    if (nor->power->off) {
        return DR_E_IO;
    }
    nor->counts.syncs++;
    const struct dr_nor_operation operation = {.act = DR_NOR_ACT_SYNC};
    return operate(nor, &operation);
}

static bool geometry_possible(const struct dr_flash_geometry *geometry)
{
    return geometry->program_unit_bytes != 0 && geometry->sector_bytes != 0 &&
           geometry->sector_bytes % geometry->program_unit_bytes == 0 &&
           geometry->size_bytes != 0 && geometry->size_bytes % geometry->sector_bytes == 0;
}

static struct dr_nor *
create_empty(const struct dr_flash_geometry *geometry, struct dr_sim_power *power)
{
    struct dr_nor *nor = geometry_possible(geometry) ? calloc(1, sizeof *nor) : NULL;
    if (nor == NULL) {
        return NULL;
    }
    nor->power = power;
    nor->port = (struct dr_flash){
        .geometry = *geometry,
        .context = nor,
        .read = port_read,
        .program = port_program,
        .erase = port_erase,
        .sync = port_sync,
    };
    return nor;
}

struct dr_nor *dr_nor_create(const struct dr_flash_geometry *geometry, struct dr_sim_power *power)
{
    struct dr_nor *nor = create_empty(geometry, power);
    if (nor != NULL && !dr_nor_medium_create(&nor->content.now, geometry)) {
        free(nor);
        return NULL;
    }
    return nor;
}

struct dr_nor *
dr_nor_create_from(const struct dr_nor_snapshot *snapshot, struct dr_sim_power *power)
{
    struct dr_nor *nor = create_empty(&snapshot->content.now.geometry, power);
    if (nor != NULL && !content_copy(&nor->content, &snapshot->content)) {
        free(nor);
        return NULL;
    }
    return nor;
}

void dr_nor_destroy(struct dr_nor *nor)
{
    if (nor != NULL) {
        content_destroy(&nor->content);
        free(nor);
    }
}

const struct dr_flash *dr_nor_port(struct dr_nor *nor)
{
    return &nor->port;
}

uint32_t dr_nor_violations(const struct dr_nor *nor, const char **ret_text)
{
    if (ret_text != NULL) {
        *ret_text = nor->violation;
    }
    return nor->violations;
}

void dr_nor_violations_clear(struct dr_nor *nor)
{
    nor->violations = 0;
    nor->violation[0] = '\0';
}

struct dr_nor_counts dr_nor_counts(const struct dr_nor *nor)
{
    return nor->counts;
}

void dr_nor_set_unstable(struct dr_nor *nor, bool unstable)
{
    nor->unstable = unstable;
}

void dr_nor_set_writable(struct dr_nor *nor, const struct dr_flash_area *areas, size_t count)
{
    DR_CHECK(count <= WRITABLE_AREAS_MAX);
    nor->writable_count = count;
    for (size_t i = 0; i < count; i++) {
        nor->writable[i] = areas[i];
    }
}

void dr_nor_set_faults(struct dr_nor *nor, uint32_t after, uint32_t count)
{
    nor->faults_after = after;
    nor->faults = count;
}

struct dr_nor_snapshot *dr_nor_snapshot(struct dr_nor *nor)
{
    struct dr_nor_snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (snapshot != NULL && !content_copy(&snapshot->content, &nor->content)) {
        free(snapshot);
        return NULL;
    }
    return snapshot;
}

void dr_nor_restore(struct dr_nor *nor, const struct dr_nor_snapshot *snapshot)
{
    struct content copy;
    DR_CHECK(content_copy(&copy, &snapshot->content));
    content_destroy(&nor->content);
    nor->content = copy;
}

void dr_nor_snapshot_destroy(struct dr_nor_snapshot *snapshot)
{
    if (snapshot != NULL) {
        content_destroy(&snapshot->content);
        free(snapshot);
    }
}

struct dr_nor_snapshot *dr_nor_cut_here(struct dr_nor *nor, enum dr_sim_torn kind, uint64_t seed)
{
    struct dr_nor_snapshot *snapshot = dr_nor_snapshot(nor);
    if (snapshot != NULL) {
        content_cut(&snapshot->content, nor->current, kind, &seed);
    }
    return snapshot;
}

void dr_nor_poke(struct dr_nor *nor, uint32_t address, const uint8_t *data, uint32_t size_bytes)
{
    dr_nor_medium_poke(&nor->content.now, address, data, size_bytes);
    content_synced(&nor->content);
}

void dr_nor_peek(const struct dr_nor *nor, uint32_t address, uint8_t *out, uint32_t size_bytes)
{
    dr_nor_medium_read(&nor->content.now, address, out, size_bytes, NULL);
}
