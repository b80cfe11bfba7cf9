/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The boot ROM, from reset to jump, over a port that a board supplies.
 *
 * dr_boot_run arms the watchdog, finds out why the machine started, asks the anchor, reads journal
 * and requests, watches the pin, lets decide.h decide, records the decision before it acts on it,
 * loads, verifies, and leaves a ready hand-off. The board then clears all other memory and jumps:
 * nothing else is left to it. Every secret of the ROM is wiped from the workspace before it
 * returns; the hand-off holds the keys meant for the image.
 *
 * Rules: docs/boot.md.
 */
#ifndef DR_DEVICE_BOOT_BOOT_H
#define DR_DEVICE_BOOT_BOOT_H

#include "crypto/crypto.h"
#include "device/anchor/anchor.h"
#include "device/boot/decide.h"
#include "device/boot/info.h"
#include "device/boot/journal.h"
#include "device/boot/load.h"
#include "device/boot/policy.h"
#include "device/flash/flash.h"
#include "device/slot/slot.h"
#include "device/verify/verify.h"

#include <stdbool.h>
#include <stdint.h>

/* What a person sees. Numbers are those of the front panel (boards/panel.h). */
enum dr_boot_led {
    DR_BOOT_LED_BOOT = 1,
    DR_BOOT_LED_PIN_HELD = 16,
    DR_BOOT_LED_PIN_PREVIOUS = 17,
    DR_BOOT_LED_PIN_FACTORY = 18,
    DR_BOOT_LED_PIN_ERASE = 19,
    DR_BOOT_LED_PIN_CANCELED = 20,
    DR_BOOT_LED_PIN_REFUSED = 21,
    DR_BOOT_LED_HALT_NO_IMAGE = 32,
    DR_BOOT_LED_HALT_ANCHOR = 33,
    DR_BOOT_LED_HALT_FLASH = 34,
};

/* Supplied by a board. Functions do not fail: what cannot be done is left undone. */
struct dr_boot_platform {
    void *context;

    void (*watchdog_arm)(void *context, uint32_t period_ms);
    void (*watchdog_feed)(void *context);
    void (*retained_read)(void *context, uint8_t out[DR_RETAINED_BYTES]);
    void (*retained_write)(void *context, const uint8_t data[DR_RETAINED_BYTES]);
    void (*crash_take)(void *context, uint8_t out[DR_CRASH_BYTES]); /* read, then clear */
    enum dr_strap (*strap_take)(void *context);                     /* read, then clear */
    bool (*pin_held)(void *context);
    void (*led)(void *context, enum dr_boot_led led);
    void (*seed)(void *context, uint8_t out[32]); /* bytes that no earlier boot used */
    uint32_t (*now_ms)(void *context);            /* since reset; starts at 0 */
    void (*wait)(void *context, uint32_t wait_ms);

    const struct dr_boot_policy *policy;
    const struct dr_crypto *crypto;
    const struct dr_flash *flash;
    const struct dr_flash_map *map;
    const struct dr_trust *trust; /* the product's keys; its `revoked` is not looked at */
    const char *product;
    const uint8_t *secret; /* DS, 32 bytes; the board wipes it before the jump */
    struct dr_anchor_port anchor;
    struct dr_load_window window;
};

/* Scratch memory, a static object of the board; private. About 10 KiB. */
struct dr_boot_work {
    struct dr_decide_input input;
    struct dr_anchor_view view; /* input.anchor */
    uint8_t crash[DR_CRASH_BYTES];
    uint8_t boot_mac[DR_BOOT_KEY_BYTES];
    struct dr_decision decision;
    struct dr_boot_state state; /* as the journal had it; input.state */
    struct dr_request requests[DR_REQUESTS_MAX];
    struct dr_anchor anchor;
    struct dr_slot_reader reader;
    struct dr_journal journal;
    struct dr_verify_workspace verify;
};

struct dr_boot_result {
    struct dr_boot_info info;
    struct dr_loaded loaded; /* where in the window the image and its entry are */
};

/* Once per reset, before the first attempt: arms the watchdog, takes what the reset left. */
void dr_boot_begin(const struct dr_boot_platform *platform, struct dr_boot_work *work);

/* One attempt. DR_OK: *ret_result is what to jump to. DR_E_TIMEOUT: the anchor does not
 * answer; DR_E_IO: the flash does not; DR_E_NOT_FOUND: no image on the flash may run. The LED
 * already shows which. */
DR_MUST_USE enum dr_status dr_boot_attempt(
    const struct dr_boot_platform *platform, struct dr_boot_work *work,
    struct dr_boot_result *ret_result);

/* dr_boot_begin, then attempts until there is an image to jump to, waiting policy->halt_wait_ms
 * between two, the watchdog fed. A halt is never final: the pin ends the wait and is sampled again
 * by each attempt. */
void dr_boot_run(
    const struct dr_boot_platform *platform, struct dr_boot_work *work,
    struct dr_boot_result *ret_result);

#endif
