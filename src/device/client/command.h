/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Signed commands, an optional part of the client: a product that wants them names
 * dr_client_commands in its configuration, one that does not has none of their code. Rules:
 * docs/boot.md and docs/device.md. Cost on a Cortex-M3: docs/footprint.md; one signature check for
 * each offer of a command. */
#ifndef DR_DEVICE_CLIENT_COMMAND_H
#define DR_DEVICE_CLIENT_COMMAND_H

#include "crypto/crypto.h"
#include "device/agent/letter.h"
#include "device/boot/info.h"

struct dr_step;

struct dr_client_commands {
    /* Is the command in heard signed by a key that this product trusts, unrevoked, and for this
     * product? DR_REASON_NONE, DR_REASON_COMMAND_SIGNATURE or DR_REASON_COMMAND_TARGET. */
    enum dr_reason (*judge)(
        const struct dr_crypto *crypto, const struct dr_boot_info *info,
        const struct dr_heard *heard);
    void (*obey)(struct dr_step *step); /* device/agent/command.h */
};

extern const struct dr_client_commands dr_client_commands;

#endif
