/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Named secrets and settings on the external flash (docs/device.md 6, first form).
 *
 * A file is a name and at most DR_VAULT_DATA_BYTES_MAX bytes, replaced as a whole. Each version is
 * one AES-GCM message under its own key and is kept twice, in two banks. After any single fault (a
 * cut at any flash operation, a damaged place) a read gives the new content, the old content, or an
 * error; never anything else.
 *
 * Classes have their own keys. A class whose key was not handed off is absent: its files are not
 * found, and are carried along untouched. A file of another epoch is absent too.
 *
 * Anchored files are bound to the anchor's vault generation: an older dump of the flash is noticed.
 * Other files are protected against change and against being swapped for one another, but an old
 * version written back by somebody who holds the flash is not noticed.
 *
 * Not thread-safe. Costs: one program and one sync per copy, and a read-back; now and then a bank
 * is erased and rewritten.
 */
#ifndef DR_DEVICE_VAULT_VAULT_H
#define DR_DEVICE_VAULT_VAULT_H

#include "crypto/crypto.h"
#include "device/anchor/anchor.h"
#include "device/flash/flash.h"

#include <stdbool.h>
#include <stdint.h>

#define DR_VAULT_NAME_BYTES_MAX 32u
#define DR_VAULT_DATA_BYTES_MAX 4096u
#define DR_VAULT_FILES_MAX 32u
#define DR_VAULT_HEADER_BYTES 128u
/* Workspace that takes the largest record; a smaller one limits the record size instead. */
#define DR_VAULT_WORKSPACE_BYTES (DR_VAULT_HEADER_BYTES + DR_VAULT_DATA_BYTES_MAX + 32u)
#define DR_VAULT_BANKS 2u

enum dr_vault_class {
    DR_VAULT_SYS = 0,    /* firmware in normal mode */
    DR_VAULT_USER = 1,   /* normal mode; erased by raising the user epoch */
    DR_VAULT_SYS_V1 = 2, /* every mode; frozen format: what reaches the cloud after ten years. Epoch
                            0 always: it must outlive an erase (see anchor/keys.h) */
    DR_VAULT_LINK = 3,   /* every mode; what joins the owner's network: erased as USER is */
};
#define DR_VAULT_CLASSES 4u

struct dr_vault_class_key {
    bool present;
    uint8_t key[DR_SHA256_BYTES];
    uint32_t epoch; /* of this class now, known even when the key is not; 0 but for USER, LINK */
};

struct dr_vault_config {
    const struct dr_crypto *crypto; /* kept */
    const struct dr_flash *flash;   /* kept */
    struct dr_anchor *anchor;       /* kept; NULL: no anchored files in this mode */
    struct dr_flash_area area;      /* at least two sectors */
    struct dr_vault_class_key classes[DR_VAULT_CLASSES];
    bool sealed;                           /* the hand-off says the running image is sealed */
    uint8_t image_digest[DR_SHA256_BYTES]; /* of the image that runs, from the hand-off */
    uint8_t seed[DR_SHA256_BYTES];         /* fresh random bytes at each open */
    uint8_t *workspace;       /* kept; used only inside a call, may be shared outside */
    uint32_t workspace_bytes; /* multiple of 32, at least 256 */
};

/* What open found; also grows later. */
struct dr_vault_health {
    bool degraded;     /* one bank only: the next fault may cost data */
    bool damaged;      /* both banks were hurt: files may be older than they were, or lost */
    bool replayed;     /* anchored files do not fit the anchor: they are refused */
    bool anchor_error; /* the anchor did not answer: anchored files cannot be replaced now */
};

struct dr_vault_entry {
    uint32_t id;                     /* hash of class and name; 0: unused */
    uint32_t sequence;               /* of the newest version */
    uint32_t offset[DR_VAULT_BANKS]; /* of its copies in the banks; 0: none */
    uint16_t size_bytes;             /* plaintext */
    uint8_t file_class;
    uint8_t flags;
};

struct dr_vault_bank {
    uint32_t address;
    uint32_t size_bytes;
    uint32_t used_bytes;    /* everything after is erased */
    uint32_t last_sequence; /* of the newest version in it */
    uint32_t last_offset;   /* of that; 0: it is in the snapshot or nowhere */
    uint32_t snapshot_left; /* during a scan: records of the snapshot not seen yet */
    uint32_t sound_bytes;   /* during a scan: the end of the last whole record */
    bool valid;             /* has a header: may be read */
    bool complete;          /* holds what there is up to last_sequence: may be appended to */
};

struct dr_vault {
    struct dr_vault_health health;
    /* private, do not touch */
    struct dr_vault_config config;
    uint32_t sequence;   /* of the newest version of anything */
    uint32_t generation; /* of the newest anchored version */
    bool anchor_checked; /* anchored files have been compared with the anchor */
    uint32_t attempts;   /* records sealed since open: no two share a key */
    uint32_t load_bank;  /* while loading: the bank that decides; DR_VAULT_BANKS: neither */
    uint32_t load_after; /* newest version in that bank */
    struct dr_vault_bank banks[DR_VAULT_BANKS];
    struct dr_vault_entry newest_anchored; /* may be a removal, which has no other entry */
    struct dr_vault_entry entries[DR_VAULT_FILES_MAX];
};

/* Which file, and how it is kept. name is NUL-terminated, 1 to 32 characters. */
struct dr_vault_file {
    enum dr_vault_class file_class;
    const char *name;
    bool anchored; /* for replace, SYS only; stays the same over a file's life */
};

struct dr_vault_info {
    enum dr_vault_class file_class;
    char name[DR_VAULT_NAME_BYTES_MAX + 1];
    uint32_t size_bytes;
    uint32_t version; /* grows with every replace anywhere in the vault */
    bool anchored;
};

/* Mount, repairing what a cut left behind; an empty or foreign area is formatted. DR_OK also when
 * health says something. config is copied. DR_E_ARGUMENT: area, workspace. DR_E_IO: neither bank
 * can be read or made. */
DR_MUST_USE enum dr_status
dr_vault_open(struct dr_vault *vault, const struct dr_vault_config *config);

/* out holds capacity_bytes. DR_E_NOT_FOUND: no such file (or its class or epoch is absent).
 * DR_E_SPACE: larger than capacity_bytes; *ret_size_bytes is set. DR_E_CORRUPT: both copies are
 * damaged; out is wiped. DR_E_AUTH: an anchored file while health.replayed. */
DR_MUST_USE enum dr_status dr_vault_read(
    struct dr_vault *vault, const struct dr_vault_file *file, uint8_t *out, uint32_t capacity_bytes,
    uint32_t *ret_size_bytes);

/* Create or replace. When this returns DR_OK the new content is there after any cut; on failure,
 * and after a cut during the call, old or new.
 * DR_E_SPACE: does not fit, or too many files. DR_E_DENIED: class key absent. DR_E_STATE: anchored,
 * and the image is not sealed, or health.replayed, or `anchored` differs from the file's.
 * DR_E_TIMEOUT and others from the anchor: an anchored file's content is new, but its generation
 * could not be advanced; the next open or anchored replace does it.
 * data must not lie in the workspace. */
DR_MUST_USE enum dr_status dr_vault_replace(
    struct dr_vault *vault, const struct dr_vault_file *file, const uint8_t *data,
    uint32_t size_bytes);

/* DR_E_NOT_FOUND: no such file. Otherwise as dr_vault_replace. */
DR_MUST_USE enum dr_status
dr_vault_remove(struct dr_vault *vault, const struct dr_vault_file *file);

/* Walk: start with *cursor = 0; each call gives one present file. DR_E_NOT_FOUND: no more. */
DR_MUST_USE enum dr_status
dr_vault_list(struct dr_vault *vault, uint32_t *cursor, struct dr_vault_info *ret_info);

/* Bundles: versions of files that belong to an image, and come and go with it (docs/boot.md).
 *
 * A bundled version carries its image's digest and has no commit point of its own: the INSTALL
 * request is. While that image runs, on trial or confirmed, its version is the file, and what was
 * there before waits unseen; any other image sees what was there before. At the first open under
 * the sealed image the bundled version becomes the file and the old one goes. A file has one
 * bundled version at most; it counts in DR_VAULT_FILES_MAX. Class LINK only, because every mode of
 * the firmware can keep and drop it. replace under the unsealed image changes the bundled version;
 * remove is DR_E_STATE then.
 */
#define DR_VAULT_BUNDLE_BYTES_MAX 256u

/* Write, or replace, a file's bundled version. Atomic, as dr_vault_replace is. DR_E_ARGUMENT:
 * another class, or anchored. DR_E_SPACE, DR_E_DENIED: as there. */
DR_MUST_USE enum dr_status dr_vault_bundle_put(
    struct dr_vault *vault, const uint8_t image_digest[DR_SHA256_BYTES],
    const struct dr_vault_file *file, const uint8_t *data, uint32_t size_bytes);

/* Forget every bundled version, of whichever image: before an INSTALL that brings none, lest an
 * earlier attempt's comes to life. DR_E_STATE: they belong to the unsealed image that runs. */
DR_MUST_USE enum dr_status dr_vault_bundle_drop(struct dr_vault *vault);

/* Give up what health.replayed refuses: every anchored file is removed and the generation taken up
 * from the anchor. A policy decision of the product, never made from remote input alone. */
DR_MUST_USE enum dr_status dr_vault_accept_loss(struct dr_vault *vault);

/* Forget the keys. */
void dr_vault_wipe(struct dr_vault *vault);

#endif
