/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The bytes between the machine (boot ROM, firmware) and the board that carries it.
 *
 * The channel is a SOCK_SEQPACKET pair: one message per request, one per reply. The board takes the
 * requests one at a time and answers in their order; the machine may have sent some more meanwhile
 * (flash programs and erases, DR_CHANNEL_LATER_MAX of them). A message is a header of 16 bytes and
 * a payload. Integers are little-endian. A board that meets a malformed message answers
 * DR_E_FORMAT; a machine that meets one treats the channel as broken.
 *
 *   request  u16 operation | u16 zero | u32 tag | u32 a | u32 b            | payload
 *   reply    u16 operation | u16 zero | u32 tag | u32 status | u32 value   | payload
 *
 * A status is 0 or the magnitude of an error (statuses are negative). The tag is chosen by the
 * machine and comes back. Posted operations have no reply.
 */
#ifndef DR_BOARDS_LINUX_WIRE_H
#define DR_BOARDS_LINUX_WIRE_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

#define DR_WIRE_VERSION 1u
#define DR_WIRE_HEADER_BYTES 16u

/* The descriptor that the machine is born with. */
#define DR_WIRE_FD 3

/* Largest run of flash in one message; longer operations are split by the client. With one system
 * call pair per 64 KiB the channel is far from being the bottleneck of a download. */
#define DR_WIRE_FLASH_BYTES_MAX 65536u
#define DR_WIRE_PAYLOAD_BYTES_MAX 65536u
#define DR_WIRE_ANCHOR_BYTES_MAX 2048u
#define DR_WIRE_HANDOFF_BYTES_MAX 4096u
#define DR_WIRE_LOG_BYTES_MAX 512u
#define DR_WIRE_NAME_BYTES_MAX 253u
#define DR_WIRE_CSR_BYTES_MAX 2048u
#define DR_WIRE_BUNDLE_BYTES_MAX 32768u
#define DR_WIRE_ADDRESS_COUNT_MAX 8u
#define DR_WIRE_ADDRESS_BYTES 20u /* u16 family (4 or 6), u16 port or 0, 16 bytes of address */

/* What a, b and the payloads mean. "rom" = refused after the hand-off. */
enum dr_wire_operation {
    DR_WIRE_HELLO = 1,           /* -> payload: u32 version, u64 reset time (CLOCK_MONOTONIC, ns) */
    DR_WIRE_FLASH_READ = 2,      /* a address, b size -> payload */
    DR_WIRE_FLASH_PROGRAM = 3,   /* a address; payload */
    DR_WIRE_FLASH_ERASE = 4,     /* a address, b size */
    DR_WIRE_FREE = 5,            /* no operation: a program is answered when it is done */
    DR_WIRE_ANCHOR = 6,          /* a timeout in ms; payload -> payload */
    DR_WIRE_WATCHDOG_ARM = 7,    /* a period in ms */
    DR_WIRE_WATCHDOG_FEED = 8,   /* posted */
    DR_WIRE_RETAINED_READ = 9,   /* a offset, b size -> payload */
    DR_WIRE_RETAINED_WRITE = 10, /* a offset; payload */
    DR_WIRE_STRAP_TAKE = 11,     /* rom; -> value enum dr_panel_strap; cleared by reading */
    DR_WIRE_PINS = 12,           /* -> value DR_PANEL_PIN_* */
    DR_WIRE_LED = 13,            /* posted; a enum dr_led */
    DR_WIRE_APP_LEDS = 14,       /* posted; a bits */
    DR_WIRE_HANDOFF_SET = 15,    /* rom; payload: summary (below), then the encoded hand-off */
    DR_WIRE_HANDOFF_GET = 16,    /* firmware, once; -> payload: the encoded hand-off */
    DR_WIRE_RESET = 17,          /* posted; the machine ends here */
    DR_WIRE_RESOLVE = 18,        /* payload: name -> value count; payload: addresses */
    DR_WIRE_LOG = 19,            /* posted; payload: one line of text */
    DR_WIRE_CSR = 20,            /* a enum dr_wire_csr; payload: the request, PEM */
    DR_WIRE_BUNDLE = 21,         /* -> payload: boards/linux/bundle.h; DR_E_AGAIN: not there yet */
    DR_WIRE_PROVISIONED = 22,    /* identity stored and life cycle locked */
    DR_WIRE_CLOCK = 23,          /* -> payload: u64 seconds since 1970, unverified */
    DR_WIRE_CRASH = 24,          /* posted; payload: crash record, async-signal-safe to send */
    DR_WIRE_SECRET = 25,         /* rom, once per reset; -> payload: the device secret, 32 bytes */
    DR_WIRE_JOIN = 26,           /* firmware; payload: network name, zero, password */
    DR_WIRE_LEAVE = 27,          /* firmware */
    DR_WIRE_OFFERED = 28,        /* firmware; -> payload: as of JOIN, what a person handed in */
};

enum dr_wire_csr {
    DR_WIRE_CSR_NORMAL = 1,
    DR_WIRE_CSR_RECOVERY = 2,
};

/* What the board itself has to know of a hand-off: what to protect, how long to wait, what to show.
 * The encoded hand-off that follows it is passed on unread: it holds keys. */
struct dr_wire_summary {
    uint8_t slot;  /* enum dr_slot_id */
    uint8_t spare; /* enum dr_slot_id: the only slot this firmware may write */
    uint8_t mode;  /* as in device/boot/info.h; shown, not interpreted */
    uint8_t state;
    uint8_t rung;
    uint16_t reason;  /* enum dr_reason of the last transition */
    uint32_t hang_ms; /* the watchdog's period from here on; never lengthened again */
    uint8_t version_major;
    uint8_t version_minor;
    uint16_t version_revision;
    uint32_t version_build;
    uint8_t digest[32];
    uint32_t security_counter; /* the device's, not the image's */
    uint32_t revocation;
    uint32_t user_epoch;
    uint8_t tries_left; /* of a candidate */
    uint8_t boots_left;
};
#define DR_WIRE_SUMMARY_BYTES 68u

struct dr_wire_request {
    uint16_t operation;
    uint32_t tag;
    uint32_t a;
    uint32_t b;
};

struct dr_wire_reply {
    uint16_t operation;
    uint32_t tag;
    enum dr_status status;
    uint32_t value;
};

void dr_wire_encode_request(
    const struct dr_wire_request *request, uint8_t out[DR_WIRE_HEADER_BYTES]);
void dr_wire_encode_reply(const struct dr_wire_reply *reply, uint8_t out[DR_WIRE_HEADER_BYTES]);
void dr_wire_encode_summary(
    const struct dr_wire_summary *summary, uint8_t out[DR_WIRE_SUMMARY_BYTES]);

/* DR_E_FORMAT: reserved field set, unknown operation, no such status. size_bytes is the whole
 * message's. */
DR_MUST_USE enum dr_status dr_wire_decode_request(
    const uint8_t *message, size_t size_bytes, struct dr_wire_request *ret_request);
DR_MUST_USE enum dr_status
dr_wire_decode_reply(const uint8_t *message, size_t size_bytes, struct dr_wire_reply *ret_reply);
DR_MUST_USE enum dr_status
dr_wire_decode_summary(const uint8_t *data, size_t size_bytes, struct dr_wire_summary *ret_summary);

#endif
