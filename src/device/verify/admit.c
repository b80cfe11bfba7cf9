/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/verify/admit.h"

#include "base/check.h"

#include <string.h>

/* Each rule looks at one thing and names its own reason. */
typedef enum dr_reason
rule_function(const struct dr_image_info *info, const struct dr_admit_rules *rules);

static enum dr_reason
check_supported(const struct dr_image_info *info, const struct dr_admit_rules *rules)
{
    (void)rules;
    return info->has_base_digest ? DR_REASON_RESERVED_FEATURE : DR_REASON_NONE;
}

static enum dr_reason
check_product(const struct dr_image_info *info, const struct dr_admit_rules *rules)
{
    bool any = rules->product[0] == '\0';
    return any || strcmp(info->product, rules->product) == 0 ? DR_REASON_NONE : DR_REASON_PRODUCT;
}

static enum dr_reason
check_size(const struct dr_image_info *info, const struct dr_admit_rules *rules)
{
    if (rules->announced_size_bytes != 0 && info->size_bytes != rules->announced_size_bytes) {
        return DR_REASON_SIZE_MISMATCH;
    }
    if (rules->size_bytes_max != 0 && info->size_bytes > rules->size_bytes_max) {
        return DR_REASON_TOO_LARGE;
    }
    return DR_REASON_NONE;
}

/* The whole image is loaded, headers and TLVs too. */
static enum dr_reason
check_load_window(const struct dr_image_info *info, const struct dr_admit_rules *rules)
{
    if (rules->load_size_bytes == 0) {
        return DR_REASON_NONE;
    }
    uint32_t offset_bytes = info->header.load_address - rules->load_address;
    bool inside = (info->header.flags & DR_IMAGE_FLAG_RAM_LOAD) != 0 &&
                  info->header.load_address >= rules->load_address &&
                  offset_bytes <= rules->load_size_bytes &&
                  info->size_bytes <= rules->load_size_bytes - offset_bytes;
    return inside ? DR_REASON_NONE : DR_REASON_LOAD_WINDOW;
}

static enum dr_reason
check_rom(const struct dr_image_info *info, const struct dr_admit_rules *rules)
{
    return info->min_rom <= rules->rom_version ? DR_REASON_NONE : DR_REASON_MIN_ROM;
}

static bool limit_allowed(uint16_t limit_s, uint16_t min_s, uint16_t max_s)
{
    return limit_s == 0 || (limit_s >= min_s && (max_s == 0 || limit_s <= max_s));
}

static enum dr_reason
check_limits(const struct dr_image_info *info, const struct dr_admit_rules *rules)
{
    const struct dr_image_limits *limits = &info->limits;
    const struct dr_image_limits *min = &rules->limits_min;
    const struct dr_image_limits *max = &rules->limits_max;
    bool allowed = limit_allowed(limits->hang_s, min->hang_s, max->hang_s) &&
                   limit_allowed(limits->health_s, min->health_s, max->health_s) &&
                   limit_allowed(limits->soak_s, min->soak_s, max->soak_s) &&
                   limit_allowed(limits->seal_s, min->seal_s, max->seal_s);
    return allowed ? DR_REASON_NONE : DR_REASON_LIMITS;
}

static enum dr_reason
check_counter(const struct dr_image_info *info, const struct dr_admit_rules *rules)
{
    if (info->security_counter >= DR_COUNTER_CEILING) {
        return DR_REASON_COUNTER_CEILING;
    }
    if (rules->has_counter && info->security_counter < rules->security_counter) {
        return DR_REASON_COUNTER;
    }
    return DR_REASON_NONE;
}

/* Target 1 retires the first key, and only the second may ask for it: the reserve retires the
 * working key, never the reverse. Above 1 there would be no key left. */
static enum dr_reason
check_revocation(const struct dr_image_info *info, const struct dr_admit_rules *rules)
{
    (void)rules;
    bool by_reserve = (info->signed_by & 2u) != 0;
    bool allowed = info->revocation_target == 0 || (info->revocation_target == 1 && by_reserve);
    return allowed ? DR_REASON_NONE : DR_REASON_REVOCATION;
}

/* Above the floor, or the very image at the floor while another one runs. */
static enum dr_reason
check_order(const struct dr_image_info *info, const struct dr_admit_rules *rules)
{
    if (!rules->has_floor || dr_order_compare(&info->order, &rules->floor) > 0) {
        return DR_REASON_NONE;
    }
    bool at_floor = rules->has_floor_digest &&
                    memcmp(info->digest, rules->floor_digest, sizeof(info->digest)) == 0;
    bool running = memcmp(info->digest, rules->running_digest, sizeof(info->digest)) == 0;
    return at_floor && !running ? DR_REASON_NONE : DR_REASON_ORDER;
}

static enum dr_reason
check_rejections(const struct dr_image_info *info, const struct dr_admit_rules *rules)
{
    enum dr_reason reason = DR_REASON_NONE;
    for (size_t i = 0; i < rules->rejection_count; i++) {
        const struct dr_rejection *rejection = &rules->rejections[i];
        if (memcmp(rejection->digest, info->digest, sizeof(info->digest)) != 0) {
            continue;
        }
        if (rejection->class == DR_REJECTION_IMAGE) {
            return DR_REASON_REJECTED_BEFORE;
        }
        if (rejection->class == DR_REJECTION_ENVIRONMENT && !rules->environment_wait_over) {
            reason = DR_REASON_WAIT;
        }
    }
    return reason;
}

/* In this order: what the image is for, then what it is, then what this device knows of it. */
static rule_function *const checks[] = {
    check_product, check_supported, check_size,       check_load_window, check_rom,
    check_limits,  check_counter,   check_revocation, check_order,       check_rejections,
};

enum dr_verdict dr_admit(
    const struct dr_image_info *info, const struct dr_admit_rules *rules,
    enum dr_reason *ret_reason)
{
    size_t passed = 0;
    volatile enum dr_verdict verdict = DR_VERDICT_REJECT;
    for (size_t i = 0; i < DR_ARRAY_COUNT(checks); i++) {
        enum dr_reason reason = checks[i](info, rules);
        if (reason != DR_REASON_NONE) {
            *ret_reason = reason;
            return DR_VERDICT_REJECT;
        }
        passed++;
    }
    /* Counted, so that a loop that was left early is no admission. */
    if (passed == DR_ARRAY_COUNT(checks)) {
        verdict = DR_VERDICT_ACCEPT;
    }
    *ret_reason = DR_REASON_NONE;
    return verdict;
}
