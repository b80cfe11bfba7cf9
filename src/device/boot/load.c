/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/boot/load.h"

#include "base/secret.h"

#include <string.h>

/* Where the image goes. Its header is only a claim so far: bounded here, proved by the signature.
 */
static bool
place(const struct dr_load_window *window, uint32_t load_address, uint32_t size, uint32_t *offset)
{
    uint32_t from = 0;
    if (!window->any_address) {
        if (load_address < window->address) {
            return false;
        }
        from = load_address - window->address;
    }
    *offset = from;
    return from <= window->size_bytes && size <= window->size_bytes - from;
}

/* The copy, as the verifier reads it. */
struct copy {
    const struct dr_load_source *source;
    struct dr_bytes bytes;
};

static enum dr_status
read_copy(void *context, uint32_t offset_bytes, uint8_t *out, uint32_t size_bytes)
{
    struct copy *copy = context;
    DR_TRY(copy->source->read(copy->source->context, 0, out, 0)); /* a sign of life */
    return dr_source_read_memory(&copy->bytes, offset_bytes, out, size_bytes);
}

static enum dr_status read_pieces(const struct dr_load_source *source, uint8_t *out, uint32_t size)
{
    for (uint32_t at = 0; at < size;) {
        uint32_t piece = size - at < DR_LOAD_PIECE_BYTES ? size - at : DR_LOAD_PIECE_BYTES;
        DR_TRY(source->read(source->context, at, out + at, piece));
        at += piece;
    }
    return DR_OK;
}

/* Copy the whole image into the window, once. *ret_header is what the placing rested on. */
static bool copy_in(
    const struct dr_loader *loader, uint8_t slot, struct dr_image_header *ret_header,
    struct dr_loaded *ret_loaded)
{
    const struct dr_load_source *source = loader->source;
    uint8_t head[DR_IMAGE_HEADER_BYTES];
    uint32_t size = 0;
    uint32_t offset = 0;
    if (source->open(source->context, slot, &size) != DR_OK || size < sizeof head ||
        source->read(source->context, 0, head, sizeof head) != DR_OK ||
        dr_image_parse_header(head, sizeof head, ret_header) != DR_REASON_NONE ||
        !place(loader->window, ret_header->load_address, size, &offset)) {
        return false;
    }
    uint8_t *memory = loader->window->begin(loader->window->context);
    if (memory == NULL || read_pieces(source, memory + offset, size) != DR_OK) {
        return false;
    }
    ret_loaded->memory = loader->window->freeze(loader->window->context, offset + size);
    ret_loaded->offset_bytes = offset;
    ret_loaded->size_bytes = size;
    return ret_loaded->memory != NULL;
}

static uint16_t or_default(uint16_t own, uint16_t board)
{
    return own != 0 ? own : board;
}

/* What the verified image says about itself. */
static void describe(
    const struct dr_image_info *info, const struct dr_load_rules *rules, uint8_t revoked,
    struct dr_loaded *ret_loaded)
{
    const struct dr_image_limits *board = &rules->policy->limits;
    memcpy(ret_loaded->digest, info->digest, sizeof ret_loaded->digest);
    ret_loaded->entry_offset_bytes = ret_loaded->offset_bytes + info->header.header_size_bytes;
    ret_loaded->payload_size_bytes = info->header.payload_size_bytes;
    ret_loaded->facts = (struct dr_image_facts){
        .known = true,
        .revocation = info->revocation_target,
        .counter = info->security_counter,
        .order = info->order,
    };
    ret_loaded->limits = (struct dr_image_limits){
        .hang_s = or_default(info->limits.hang_s, board->hang_s),
        .health_s = or_default(info->limits.health_s, board->health_s),
        .soak_s = or_default(info->limits.soak_s, board->soak_s),
        .seal_s = or_default(info->limits.seal_s, board->seal_s),
    };
    ret_loaded->unrevoked = info->signed_by >> revoked != 0;
}

/* The rules beyond the signature. A candidate has to be new; factory is exempt from the counter. */
static enum dr_verdict admit(
    const struct dr_load_window *window, const struct dr_load_rules *rules,
    const struct dr_image_info *info, enum dr_reason *ret_reason)
{
    const struct dr_boot_state *state = rules->state;
    struct dr_admit_rules admission = {
        .has_counter = rules->choice->slot != DR_SLOT_FACTORY,
        .security_counter = dr_decide_security(state, rules->anchor),
        .rom_version = rules->policy->rom_version,
        .load_address = window->address,
        .load_size_bytes = window->any_address ? 0 : window->size_bytes,
        .limits_min = rules->policy->limits_min,
        .limits_max = rules->policy->limits_max,
        .environment_wait_over = true,
    };
    size_t length = strlen(rules->product);
    if (length >= sizeof admission.product) {
        *ret_reason = DR_REASON_PRODUCT;
        return DR_VERDICT_REJECT;
    }
    memcpy(admission.product, rules->product, length);
    if (rules->choice->state == DR_IMAGE_CANDIDATE) {
        /* As long as nothing was sealed, only factory can have installed it. */
        admission.has_floor = dr_decide_floor(state, &state->factory, &admission.floor);
        admission.has_floor_digest = state->floor_known;
        memcpy(admission.floor_digest, state->floor_digest, sizeof admission.floor_digest);
        if (rules->running_digest != NULL) {
            memcpy(
                admission.running_digest, rules->running_digest, sizeof admission.running_digest);
        }
        admission.rejections = state->rejections.entry;
        admission.rejection_count = DR_BOOT_REJECTIONS;
    }
    return dr_admit(info, &admission, ret_reason);
}

/* Stack pointer (may point just behind the window) and entry of a payload with vectors. */
static bool vectors_inside(const struct dr_load_window *window, const struct dr_loaded *loaded)
{
    if (!window->vectors) {
        return true;
    }
    if (loaded->payload_size_bytes < 8) {
        return false;
    }
    struct dr_reader reader;
    dr_reader_init(&reader, loaded->memory + loaded->entry_offset_bytes, 8);
    uint32_t stack = dr_read_u32(&reader);
    uint32_t entry = dr_read_u32(&reader) & ~(uint32_t)1;
    uint32_t payload = window->address + loaded->entry_offset_bytes;
    return stack >= window->address && stack - window->address <= window->size_bytes &&
           entry >= payload && entry - payload < loaded->payload_size_bytes;
}

enum dr_verdict dr_load_image(
    const struct dr_loader *loader, const struct dr_load_rules *rules, struct dr_loaded *ret_loaded,
    enum dr_reason *ret_reason)
{
    volatile enum dr_verdict verified = DR_VERDICT_REJECT;
    volatile enum dr_verdict admitted = DR_VERDICT_REJECT;
    struct dr_image_header header;
    struct dr_image_info info;
    struct dr_trust trust = *loader->trust;
    bool factory = rules->choice->slot == DR_SLOT_FACTORY;
    uint8_t revoked = dr_decide_revoked(rules->state, rules->anchor);
    trust.revoked = factory ? 0 : revoked;
    *ret_reason = DR_REASON_FLASH_OR_SOURCE;
    if (!copy_in(loader, rules->choice->slot, &header, ret_loaded)) {
        return DR_VERDICT_REJECT;
    }
    struct copy copy = {
        loader->source,
        {ret_loaded->memory + ret_loaded->offset_bytes, ret_loaded->size_bytes},
    };
    struct dr_source source = {
        .context = &copy, .read = read_copy, .size_bytes = ret_loaded->size_bytes};
    enum dr_reason why = DR_REASON_NONE;
    verified = dr_verify_image(loader->crypto, &source, &trust, loader->workspace, &info, &why);
    if (!dr_verdict_is_accept(&verified) || info.header.load_address != header.load_address ||
        !dr_equal_ct(info.digest, rules->choice->digest, sizeof info.digest)) {
        return DR_VERDICT_REJECT;
    }
    describe(&info, rules, revoked, ret_loaded);
    *ret_reason = DR_REASON_NONE;
    admitted = admit(loader->window, rules, &info, ret_reason);
    if (!dr_verdict_is_accept(&admitted)) {
        return DR_VERDICT_REJECT;
    }
    if (!vectors_inside(loader->window, ret_loaded)) {
        *ret_reason = DR_REASON_LOAD_WINDOW;
        return DR_VERDICT_REJECT;
    }
    /* Both verdicts once more, after everything they were used for. */
    return dr_verdict_is_accept(&verified) && dr_verdict_is_accept(&admitted) ? DR_VERDICT_ACCEPT
                                                                              : DR_VERDICT_REJECT;
}
