/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What the boot ROM tells the image it starts, and the little that outlives a reset in RAM.
 *
 * The hand-off (struct dr_boot_info) is the only source of truth about "who am I, on trial or not,
 * which slot may I write": sealed, confirmed and candidate mean what it says. It travels encoded,
 * with version and CRC, because the two sides are built years apart; on a microcontroller in a RAM
 * page, on the Linux board over the board channel. It holds keys: the receiver decodes it, then
 * wipes the bytes.
 *
 * Rules: docs/boot.md. All integers are little-endian.
 */
#ifndef DR_DEVICE_BOOT_INFO_H
#define DR_DEVICE_BOOT_INFO_H

#include "base/status.h"
#include "device/boot/policy.h"
#include "device/flash/flash.h"
#include "device/verify/verify.h"
#include "format/image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DR_BOOT_KEY_BYTES 32u
#define DR_BOOT_REJECTIONS 8u

/* How an image runs. Numbers travel. */
enum dr_boot_mode {
    DR_MODE_NORMAL = 1,
    DR_MODE_SAFE = 2,     /* agent and network, no application */
    DR_MODE_RECOVERY = 3, /* factory image that may update and nothing else */
    DR_MODE_PROVISIONING = 4,
};

enum dr_image_state {
    DR_IMAGE_CANDIDATE = 1,
    DR_IMAGE_CONFIRMED = 2,
    DR_IMAGE_SEALED = 3,
    DR_IMAGE_FACTORY = 4,
};

enum dr_rung {
    DR_RUNG_NORMAL = 0,
    DR_RUNG_SAFE = 1,
    DR_RUNG_PREVIOUS = 2,
    DR_RUNG_FACTORY = 3,
};

/* Why the machine started (section 5, "reset cause"). */
enum dr_reset_cause {
    DR_RESET_POWER = 1,
    DR_RESET_LOCKUP = 2,
    DR_RESET_ROM = 3, /* the jump was not reached: nobody's fault */
    DR_RESET_PLANNED = 4,
    DR_RESET_FAULT = 5,
};

/* What happened last to the choice of image. */
enum dr_transition_kind {
    DR_TRANSITION_NONE = 0,
    DR_TRANSITION_FIRST_BOOT = 1,
    DR_TRANSITION_INSTALL = 2,
    DR_TRANSITION_CONFIRM = 3,
    DR_TRANSITION_SEAL = 4,
    DR_TRANSITION_REVERT = 5,      /* a candidate was dropped */
    DR_TRANSITION_LATE_REVERT = 6, /* a confirmed image was dropped */
    DR_TRANSITION_RUNG = 7,        /* the ladder moved; the rung is in the hand-off */
    DR_TRANSITION_RETRY = 8,
    DR_TRANSITION_PREVIOUS = 9, /* a person asked for the previous image */
    DR_TRANSITION_FACTORY = 10, /* a person or a signed command asked for factory */
    DR_TRANSITION_ERASE = 11,   /* factory, and the user epoch was advanced */
    DR_TRANSITION_JOURNAL_LOST = 12,
    DR_TRANSITION_REFUSED = 13, /* a request was not taken; only in `refused` */
};

struct dr_transition {
    uint8_t kind;   /* enum dr_transition_kind */
    uint8_t reason; /* enum dr_reason */
    uint8_t slot;   /* the image this is about: the one left, dropped, installed, refused */
    uint8_t faults; /* what it had spent by then */
    uint8_t boots;
    uint8_t digest[DR_IMAGE_DIGEST_BYTES];
};

/* Images that ran here and failed (format/image.h has the classes). A free entry has class NONE. */
struct dr_rejections {
    struct dr_rejection entry[DR_BOOT_REJECTIONS];
    uint8_t reason[DR_BOOT_REJECTIONS]; /* enum dr_reason */
    uint8_t count[DR_BOOT_REJECTIONS];  /* how often it failed here; saturates */
};

/* Which of the keys below were handed out. */
#define DR_KEY_REQUEST 0x01u
#define DR_KEY_SLOTS 0x02u
#define DR_KEY_SYS_V1 0x04u
#define DR_KEY_VAULT_SYS 0x08u
#define DR_KEY_ANCHOR_FW 0x10u
#define DR_KEY_VAULT_USER 0x20u
#define DR_KEY_LINK 0x40u

struct dr_boot_keys {
    uint8_t present; /* DR_KEY_*; a key that is not present is all zero */
    uint8_t request[DR_BOOT_KEY_BYTES];
    uint8_t slot_a[DR_BOOT_KEY_BYTES];
    uint8_t slot_b[DR_BOOT_KEY_BYTES];
    uint8_t sys_v1[DR_BOOT_KEY_BYTES];
    uint8_t vault_sys[DR_BOOT_KEY_BYTES];
    uint8_t anchor_fw[DR_BOOT_KEY_BYTES];
    uint8_t vault_user[DR_BOOT_KEY_BYTES];
    uint8_t link[DR_BOOT_KEY_BYTES]; /* an older ROM leaves zeros here, and its bit unset */
};

/* Left by a firmware that died, in retained RAM. Written by code that may be malicious: fixed
 * fields, every one of them only a number to print. */
enum dr_crash_reason {
    DR_CRASH_NONE = 0,
    DR_CRASH_HANG = 1,  /* watchdog warning: the supervisor stopped feeding */
    DR_CRASH_FAULT = 2, /* processor fault or fatal signal */
    DR_CRASH_CHECK = 3, /* an assertion */
};

#define DR_CRASH_BYTES 64u
struct dr_crash_record {
    uint8_t reason; /* enum dr_crash_reason */
    uint8_t task;
    uint32_t pc;
    uint32_t lr;
    uint32_t fault_status;
    uint32_t uptime_ms;
    uint8_t digest[DR_IMAGE_DIGEST_BYTES]; /* of the image that died */
};

void dr_crash_encode(const struct dr_crash_record *crash, uint8_t out[DR_CRASH_BYTES]);

/* DR_E_CORRUPT: no record, or a damaged one. */
DR_MUST_USE enum dr_status
dr_crash_decode(const uint8_t data[DR_CRASH_BYTES], struct dr_crash_record *ret_crash);

/* The retained block: survives a reset, lost with the power. The ROM writes it before the jump; the
 * firmware refreshes uptime_ms (at least every 10 s) and sets mark just before a reset it wants.
 * A block that does not decode after anything but a power-up counts as a fault. */
enum dr_reset_mark {
    DR_MARK_NONE = 0,
    DR_MARK_RESET = 1, /* wanted; planned if a request is pending or the uptime is long enough */
    DR_MARK_SLEEP = 2, /* wake-up from a sleep */
    DR_MARK_PROVISIONED = 3, /* factory has taken its identity: the end of its provisioning run */
};

#define DR_RETAINED_BYTES 64u
struct dr_retained {
    bool in_rom;  /* the jump was not reached */
    uint8_t mark; /* enum dr_reset_mark */
    uint8_t slot; /* who ran, on which rung, in which state: whom `faults` belongs to */
    uint8_t rung;
    uint8_t state;
    uint8_t faults;     /* consecutive faults of a confirmed or sealed image */
    uint8_t digest[8];  /* first bytes of its digest */
    uint32_t uptime_ms; /* of the run that ended; saturates */
};

void dr_retained_encode(const struct dr_retained *retained, uint8_t out[DR_RETAINED_BYTES]);

/* DR_E_CORRUPT: not a retained block. */
DR_MUST_USE enum dr_status
dr_retained_decode(const uint8_t data[DR_RETAINED_BYTES], struct dr_retained *ret_retained);

#define DR_BOOT_INFO_VERSION 1u
#define DR_BOOT_INFO_BYTES 1024u /* encoded size, constant within a version */

struct dr_boot_info {
    /* Who runs. */
    uint8_t slot;  /* enum dr_slot_id */
    uint8_t mode;  /* enum dr_boot_mode */
    uint8_t state; /* enum dr_image_state */
    uint8_t rung;  /* enum dr_rung */
    uint8_t spare; /* enum dr_slot_id: the slot a download may erase, or DR_SLOT_NONE */

    /* A candidate's account, after this boot was counted. */
    uint8_t tries_left;      /* faults it may still have */
    uint8_t boots_left;      /* boots after this one */
    uint8_t confirmed_boots; /* boots since CONFIRM, this one included; saturates */

    /* How we got here. */
    uint8_t reset_cause; /* enum dr_reset_cause */
    uint8_t boot_reason; /* enum dr_reason, for the report: why this image runs now */
    uint8_t faults;      /* consecutive faults so far (confirmed, sealed) */
    bool fallback;       /* not the image the journal names: that one did not verify in this boot */
    bool floor_known;

    uint32_t counter;          /* of the running image */
    uint32_t journal_sequence; /* requests of this boot are bound to it */

    /* The device's floors, as the anchor and the journal have them. */
    uint32_t security_counter;
    uint32_t revocation;
    uint32_t user_epoch;

    struct dr_order order;                       /* of the running image */
    struct dr_order floor;                       /* what an offer must be above (section 5) */
    struct dr_image_limits limits;               /* in force: the image's own, or the board's */
    uint8_t digest[DR_IMAGE_DIGEST_BYTES];       /* of the running image */
    uint8_t floor_digest[DR_IMAGE_DIGEST_BYTES]; /* of the image at the floor */

    struct dr_transition last;
    struct dr_transition refused;
    struct dr_rejections rejections;
    uint8_t crash[DR_CRASH_BYTES]; /* raw: decode with dr_crash_decode */

    /* What the ROM knows about images, so that the firmware refuses the same ones before it erases
     * anything. trust.revoked is the number in force. */
    uint32_t rom_version;
    uint32_t load_address;
    uint32_t load_size_bytes; /* 0: load addresses are not looked at */
    struct dr_image_limits limits_min;
    struct dr_image_limits limits_max;
    struct dr_trust trust;
    char product[DR_IMAGE_PRODUCT_BYTES_MAX + 1u];

    struct dr_boot_keys keys;
};

/* Fills out. Never fails: every field has its place. */
void dr_boot_info_encode(const struct dr_boot_info *info, uint8_t out[DR_BOOT_INFO_BYTES]);

/* DR_E_FORMAT: wrong size, magic or version, or another list of fields. DR_E_CORRUPT: CRC.
 * DR_E_RANGE: an enumeration has an unknown value. */
DR_MUST_USE enum dr_status
dr_boot_info_decode(const uint8_t *data, size_t size_bytes, struct dr_boot_info *ret_info);

/* "normal", "candidate", "previous", ...: the words of device reports. Never NULL. */
const char *dr_boot_mode_word(uint8_t mode);
const char *dr_image_state_word(uint8_t state);
const char *dr_rung_word(uint8_t rung);
const char *dr_slot_word(uint8_t slot);

#endif
