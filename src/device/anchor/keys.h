/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Names of the keys that are derived from the device secret (docs/boot.md, Keys).
 *
 * Every key is HKDF-SHA-256(device secret, label || context). One label, one purpose; a label is
 * never reused and none is a prefix of another. The device secret itself is seen by the boot ROM
 * and the anchor only; what a firmware holds are the keys that the ROM hands off for its mode.
 */
#ifndef DR_DEVICE_ANCHOR_KEYS_H
#define DR_DEVICE_ANCHOR_KEYS_H

#include "crypto/crypto.h"

#include <stdint.h>

#define DR_DEVICE_SECRET_BYTES 32u

/* Boot ROM only. */
#define DR_LABEL_BOOT_MAC "daruma boot-mac v1"
#define DR_LABEL_SLOT_FACTORY "daruma slot-factory v1"
#define DR_LABEL_ANCHOR_ROM "daruma anchor-rom v1"
/* ROM, and firmware in every mode. The key of one install is derived again, see slot/layout.h. */
#define DR_LABEL_SLOT_A "daruma slot-A v1"
#define DR_LABEL_SLOT_B "daruma slot-B v1"
/* Firmware in normal mode. */
#define DR_LABEL_VAULT_SYS "daruma vault-sys v1"
#define DR_LABEL_ANCHOR_FW "daruma anchor-fw v1"
/* Firmware in every mode. Not bound to the user epoch, though the first design had it so: an erase
 * by the pin raises the epoch, and a factory image that then runs in recovery mode still has to
 * find the endpoint, the CA set and its recovery certificate. Nothing of the owner's is kept under
 * this key; what must go with an erase belongs under a key with the epoch. */
#define DR_LABEL_SYS_V1 "daruma sys-v1 v1"
/* With the user epoch as context. What joins the device to its owner's network: firmware in every
 * mode, for recovery needs the network too, and gone with an erase. */
#define DR_LABEL_LINK "daruma link v1"
/* With the user epoch as context: firmware in normal mode. */
#define DR_LABEL_VAULT_USER "daruma vault-user v1"
/* From boot-mac, with what this one boot is about as context: this one boot's firmware. */
#define DR_LABEL_REQUEST "daruma request v1"

/* key = HKDF(secret, label). label: one of the above. */
void dr_key_derive(
    const struct dr_crypto *crypto, const uint8_t secret[DR_DEVICE_SECRET_BYTES], const char *label,
    uint8_t key[DR_SHA256_BYTES]);

/* key = HKDF(secret, label || epoch as u32 little-endian): DR_LABEL_LINK, DR_LABEL_VAULT_USER. */
void dr_key_derive_epoch(
    const struct dr_crypto *crypto, const uint8_t secret[DR_DEVICE_SECRET_BYTES], const char *label,
    uint32_t epoch, uint8_t key[DR_SHA256_BYTES]);

#endif
