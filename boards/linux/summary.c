/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/linux/summary.h"

#include <string.h>

void dr_wire_summary_of(const struct dr_boot_info *info, struct dr_wire_summary *ret_summary)
{
    *ret_summary = (struct dr_wire_summary){
        .slot = info->slot,
        .spare = info->spare,
        .mode = info->mode,
        .state = info->state,
        .rung = info->rung,
        .reason = info->boot_reason,
        .hang_ms = info->limits.hang_s * 1000u,
        .version_major = info->order.version.major,
        .version_minor = info->order.version.minor,
        .version_revision = info->order.version.revision,
        .version_build = info->order.version.build,
        .security_counter = info->security_counter,
        .revocation = info->revocation,
        .user_epoch = info->user_epoch,
        .tries_left = info->tries_left,
        .boots_left = info->boots_left};
    memcpy(ret_summary->digest, info->digest, sizeof ret_summary->digest);
}
