/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The front panel: the last 4 KiB of the flash file, the same on every board.
 *
 * A page shared between the machine and whoever stands in front of it: a person (or a test) writes
 * the pins, the machine writes the LEDs, both live. It is not storage: no flash rule applies to it
 * and nothing in src/device knows it. All words are 32 bits, little-endian, naturally aligned, each
 * with one writer. Unlisted words are zero and stay zero.
 */
#ifndef DR_BOARDS_PANEL_H
#define DR_BOARDS_PANEL_H

#define DR_PANEL_BYTES 4096u

/* Offsets within the page. */
#define DR_PANEL_MAGIC_AT 0x000u   /* written once, when the device is made */
#define DR_PANEL_VERSION_AT 0x004u /* DR_PANEL_VERSION */
#define DR_PANEL_PINS_AT 0x010u    /* person -> machine: DR_PANEL_PIN_* */
#define DR_PANEL_LED_AT                                                                            \
    0x020u                          /* machine -> person: enum dr_led, set by the boot ROM and the \
                                       firmware's client */
#define DR_PANEL_APP_LEDS_AT 0x024u /* machine -> person: 32 LEDs of the application */
#define DR_PANEL_STRAP_AT                                                                          \
    0x030u /* power stage -> boot ROM: enum dr_panel_strap; the ROM reads                          \
              it and clears it */

#define DR_PANEL_MAGIC 0x4e505244u /* "DRPN" */
#define DR_PANEL_VERSION 1u

#define DR_PANEL_PIN_FACTORY 0x1u /* the staged pin, held while set */
/* Inputs of the reference product; the boot ROM does not look at them. */
#define DR_PANEL_PIN_QUIET 0x100u /* quiet hours */
#define DR_PANEL_PIN_DOOR 0x200u  /* the door is unlocked */
#define DR_PANEL_PIN_OWNER 0x400u /* the owner does not want updates */

/* What the power stage tells the boot ROM about the coming start (docs/boot.md). The
 * words are far apart: a damaged page reads as "nothing said". */
enum dr_panel_strap {
    DR_PANEL_STRAP_NONE = 0,
    DR_PANEL_STRAP_POWER = 0x52574f50,   /* "POWR" */
    DR_PANEL_STRAP_LOCK_UP = 0x4b434f4c, /* "LOCK" */
};

/* X(name, number, word, what a person sees it for). Numbers are part of the panel's layout. */
#define DR_LED_LIST(X)                                                                             \
    X(DR_LED_OFF, 0, "off", "no power")                                                            \
    X(DR_LED_BOOT, 1, "boot", "the boot ROM is deciding")                                          \
    X(DR_LED_NORMAL, 2, "normal", "running, all well")                                             \
    X(DR_LED_CANDIDATE, 3, "candidate", "running an image on trial")                               \
    X(DR_LED_SAFE, 4, "safe", "running without the application")                                   \
    X(DR_LED_RECOVERY, 5, "recovery", "the factory image in recovery mode")                        \
    X(DR_LED_PROVISIONING, 6, "provisioning", "waiting for its identity")                          \
    X(DR_LED_UPDATING, 7, "updating", "a download is running")                                     \
    X(DR_LED_PIN_HELD, 16, "pin", "the pin is held; released now, nothing happens")                \
    X(DR_LED_PIN_PREVIOUS, 17, "pin-previous", "released now: the previous image")                 \
    X(DR_LED_PIN_FACTORY, 18, "pin-factory", "released now: the factory image")                    \
    X(DR_LED_PIN_ERASE, 19, "pin-erase", "released now: factory image, user data erased")          \
    X(DR_LED_PIN_CANCELED, 20, "pin-canceled", "held too long: released, nothing happens")         \
    X(DR_LED_PIN_REFUSED, 21, "pin-refused", "what the pin asked for is not allowed")              \
    X(DR_LED_HALT_NO_IMAGE, 32, "halt-no-image", "no image on the flash may run")                  \
    X(DR_LED_HALT_ANCHOR, 33, "halt-anchor", "the secure element does not answer")                 \
    X(DR_LED_HALT_FLASH, 34, "halt-flash", "the flash does not answer or has the wrong size")      \
    X(DR_LED_HALT_TRUST, 35, "halt-trust", "this boot ROM was never given its trust anchors")      \
    X(DR_LED_HALT_FAULT, 36, "halt-fault", "the boot ROM stopped on an internal fault")

enum dr_led {
#define DR_LED_ENUM(name, number, word, text) name = number,
    DR_LED_LIST(DR_LED_ENUM)
#undef DR_LED_ENUM
};

#endif
