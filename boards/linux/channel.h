/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The machine's side of the board channel: everything the boot ROM or the firmware can reach.
 *
 * A program on the Linux board is born with one descriptor, DR_WIRE_FD, and no other way out of its
 * confinement but TCP. Behind that descriptor the board keeps the flash, the secure element, the
 * watchdog, the pins, the LEDs, the retained RAM and the reset line, and it decides what may be
 * written: after the hand-off only the named spare, the requests and the vault.
 *
 * Calls block until the board has answered. They may come from several threads; one call is on the
 * channel at a time. Posted calls (feed, LEDs, log) do not wait. Nothing allocates.
 *
 * Every call can return DR_E_CLOSED (the board is gone: the program should end), DR_E_FORMAT (the
 * board answered nonsense) and DR_E_IO. A call whose header says more returns that as well.
 */
#ifndef DR_BOARDS_LINUX_CHANNEL_H
#define DR_BOARDS_LINUX_CHANNEL_H

#include "base/status.h"
#include "boards/linux/wire.h"
#include "boards/panel.h"
#include "device/flash/flash.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One address to try for a name. port 0: the port that was asked for; else the network in front of
 * this device redirects it. */
struct dr_channel_address {
    uint8_t family; /* 4 or 6 */
    uint16_t port;
    uint8_t bytes[16]; /* network order; the first 4 for family 4 */
};

/* A request to the secure element and the room for its response; borrowed for the call. */
struct dr_channel_exchange {
    const uint8_t *request;
    size_t request_bytes; /* at most DR_WIRE_ANCHOR_BYTES_MAX */
    uint8_t *response;
    size_t capacity_bytes;
    uint32_t timeout_ms;
};

struct dr_channel {
    /* private, do not touch */
    int fd;
    uint32_t tag;          /* of the last request that wants an answer */
    uint32_t answered;     /* of the last answer; they come in order */
    enum dr_status late;   /* the first failure among answers nobody waited for */
    uint64_t fed_ms;       /* when the watchdog was fed last; 0: not yet */
    uint32_t held_address; /* image data that goes to the board as one message */
    uint32_t held_bytes;
    uint8_t held[DR_WIRE_FLASH_BYTES_MAX];
    bool leds_shown; /* app_leds is what the panel shows */
    uint32_t app_leds;
    uint64_t reset_ns;
    pthread_mutex_t lock;
};

/* Greet the board. fd is DR_WIRE_FD in every real program; the channel borrows it for the life of
 * the process. DR_E_UNSUPPORTED: the board speaks another version. */
DR_MUST_USE enum dr_status dr_channel_open(struct dr_channel *channel, int fd);

/* The flash port. channel is kept for the life of the port. Program and erase outside the allowed
 * areas give DR_E_DENIED; a second program of a unit between two erases gives DR_E_IO, as a part
 * with ECC would fail. Large programs and erases (image data) are joined and handed to the board
 * without waiting, a few at a time; should one fail, a later program, erase or sync says so, and
 * sync waits for all of them. Everything happens in the order of the calls: see the power-cut model
 * in board/flash_file.h. For one thread. */
void dr_channel_flash(struct dr_channel *channel, struct dr_flash *ret_flash);

/* One request to the secure element and its response. Bytes are passed on unread; their authors
 * authenticate them. DR_E_TIMEOUT: no answer within timeout_ms (a late one is dropped).
 * DR_E_SPACE: the response is longer than capacity_bytes. */
DR_MUST_USE enum dr_status dr_channel_anchor(
    struct dr_channel *channel, const struct dr_channel_exchange *exchange, size_t *ret_size_bytes);

/* Start the watchdog, or change its period. The boot ROM may choose any; the firmware only one that
 * is at most its hand-off's hang limit (DR_E_DENIED). It cannot be stopped. First expiry: the crash
 * signal; second, after at most a second more: reset. */
DR_MUST_USE enum dr_status dr_channel_watchdog_arm(struct dr_channel *channel, uint32_t period_ms);
/* A loop may call it in every turn: more often than each DR_CHANNEL_FEED_MS says nothing new and is
 * not sent. */
#define DR_CHANNEL_FEED_MS 20u
DR_MUST_USE enum dr_status dr_channel_watchdog_feed(struct dr_channel *channel);

/* RAM that keeps its content over a reset, not over a power cut (then it is random).
 * DR_E_RANGE: beyond DR_LINUX_RETAINED_BYTES. */
DR_MUST_USE enum dr_status dr_channel_retained_read(
    struct dr_channel *channel, uint32_t offset, uint8_t *out, uint32_t size_bytes);
DR_MUST_USE enum dr_status dr_channel_retained_write(
    struct dr_channel *channel, uint32_t offset, const uint8_t *data, uint32_t size_bytes);

/* Boot ROM only: what the power stage said about this start. Reading it clears it. */
DR_MUST_USE enum dr_status
dr_channel_strap_take(struct dr_channel *channel, enum dr_panel_strap *ret_strap);

/* DR_PANEL_PIN_* that are held now. */
DR_MUST_USE enum dr_status dr_channel_pins(struct dr_channel *channel, uint32_t *ret_pins);
DR_MUST_USE enum dr_status dr_channel_led(struct dr_channel *channel, enum dr_led led);
/* What is shown already is not sent again. */
DR_MUST_USE enum dr_status dr_channel_app_leds(struct dr_channel *channel, uint32_t bits);

/* Boot ROM only, once per reset: the device secret. The caller wipes it.
 * DR_E_DENIED: asked before, or not the boot ROM. DR_E_NOT_FOUND: this device has none. */
DR_MUST_USE enum dr_status dr_channel_secret(struct dr_channel *channel, uint8_t secret[32]);

/* Boot ROM only, last call before it becomes the firmware: from here on the board protects the
 * flash as summary says. handoff is the encoded struct dr_boot_info. */
DR_MUST_USE enum dr_status dr_channel_handoff_set(
    struct dr_channel *channel, const struct dr_wire_summary *summary, const uint8_t *handoff,
    size_t size_bytes);

/* Firmware: the encoded hand-off, given once (it holds keys; the board forgets it).
 * DR_E_NOT_FOUND: taken before, or no boot ROM ran. DR_E_SPACE. */
DR_MUST_USE enum dr_status dr_channel_handoff_get(
    struct dr_channel *channel, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes);

/* Pull the reset line. Marks for the next boot are written to retained RAM before. Returns only
 * when the board is gone. */
enum dr_status dr_channel_reset(struct dr_channel *channel);

/* Names become addresses here and nowhere else: the confined program has no resolver. At most
 * capacity addresses, in the order to try them. DR_E_NOT_FOUND: no such name. DR_E_TIMEOUT. */
DR_MUST_USE enum dr_status dr_channel_resolve(
    struct dr_channel *channel, const char *name, struct dr_channel_address *out, size_t capacity,
    size_t *ret_count);

/* One line for the serial console; longer ones are cut. Never a secret. */
DR_MUST_USE enum dr_status dr_channel_log(struct dr_channel *channel, const char *line);

/* Provisioning, firmware only. csr: one certificate request (PEM, at most DR_WIRE_CSR_BYTES_MAX)
 * for the identity key `kind`; handing it out again replaces it. bundle: what came back, see
 * boards/linux/bundle.h; DR_E_AGAIN until it is there. provisioned: identity stored, anchor locked.
 */
DR_MUST_USE enum dr_status
dr_channel_csr(struct dr_channel *channel, enum dr_wire_csr kind, const char *pem, size_t pem_len);
DR_MUST_USE enum dr_status dr_channel_bundle(
    struct dr_channel *channel, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes);
DR_MUST_USE enum dr_status dr_channel_provisioned(struct dr_channel *channel);

/* The network in front of the machine: see device/link/link.h. Firmware only. offered gives
 * DR_E_NOT_FOUND when nobody handed anything in. */
DR_MUST_USE enum dr_status
dr_channel_join(struct dr_channel *channel, const uint8_t *credentials, size_t size_bytes);
DR_MUST_USE enum dr_status dr_channel_leave(struct dr_channel *channel);
DR_MUST_USE enum dr_status dr_channel_offered(
    struct dr_channel *channel, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes);

/* Time since the last reset. Monotonic. Takes no message. */
uint64_t dr_channel_uptime_ms(const struct dr_channel *channel);

/* What the board's clock says, in seconds since 1970. Nobody vouches for it. */
DR_MUST_USE enum dr_status dr_channel_wall_clock(struct dr_channel *channel, uint64_t *ret_s);

#endif
