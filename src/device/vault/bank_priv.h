/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The two banks: each a log that begins with a snapshot, each whole by itself.
 *
 * Bank header (64 bytes, written last when a bank is made): magic u32 "DRVB", version u16, zero
 * u16, through u32, count u32, sector size u32, zeros, CRC-32 u32. The snapshot is `count` records
 * of any sequence up to `through`; behind it every version is appended, so the sequences through +
 * 1, through + 2, ... without a gap. A bank in which one is missing is not complete: it is read
 * only where the other bank does not help, and is made anew from it.
 */
#ifndef DR_DEVICE_VAULT_BANK_PRIV_H
#define DR_DEVICE_VAULT_BANK_PRIV_H

#include "device/vault/record_priv.h"
#include "device/vault/vault.h"

#include <stdbool.h>
#include <stdint.h>

#define DR_VAULT_BANK_HEADER_BYTES 64u

/* A record found by a walk. */
struct dr_vault_found {
    uint32_t bank;
    uint32_t offset;
    struct dr_vault_record record;
    const uint8_t *header; /* DR_VAULT_HEADER_BYTES */
};
typedef void (*dr_vault_visit)(struct dr_vault *vault, const struct dr_vault_found *found);

/* Find out what a bank is and where it ends. Uses the workspace, as all of these. */
DR_MUST_USE enum dr_status dr_vault_bank_scan(struct dr_vault *vault, uint32_t bank);

/* Every whole record, in the order of the flash. */
DR_MUST_USE enum dr_status
dr_vault_bank_walk(struct dr_vault *vault, uint32_t bank, dr_vault_visit visit);

/* Append the record that lies in the workspace; synced and read back. *ret_offset is set on DR_OK.
 * On failure the bank is no longer complete. */
DR_MUST_USE enum dr_status dr_vault_bank_append(
    struct dr_vault *vault, uint32_t bank, uint32_t record_bytes, uint32_t sequence,
    uint32_t *ret_offset);

/* Copy one record from the other bank. */
DR_MUST_USE enum dr_status dr_vault_bank_copy(
    struct dr_vault *vault, uint32_t to, uint32_t from_offset, uint32_t sequence,
    uint32_t *ret_offset);

/* Erase a bank and make it anew from the other one's copies of all entries. DR_E_CORRUPT: the other
 * one lacks a sound copy; it is not complete then, and this one was not touched. */
DR_MUST_USE enum dr_status dr_vault_bank_rebuild(struct dr_vault *vault, uint32_t bank);

#endif
