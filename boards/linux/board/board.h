/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The Linux board: one supervising process that is the power stage, the reset line, the watchdog,
 * the pins, the LEDs, the flash, the retained RAM and the wires to the secure element.
 *
 * One thread, one poll loop, no call that waits for the machine. The machine (boot ROM, then
 * firmware) is a child process whose only descriptor is the channel; it is treated as hostile:
 * every message is bounded and checked, nothing it sends can stop or slow the board down. The
 * secure element is another child; the reset line reaches it too, so that what it latched for one
 * boot is gone with that boot.
 *
 * The current directory of the process is the device directory; all paths are relative to it.
 */
#ifndef DR_BOARDS_LINUX_BOARD_BOARD_H
#define DR_BOARDS_LINUX_BOARD_BOARD_H

#include "base/status.h"
#include "boards/linux/board/flash_file.h"
#include "boards/linux/board/guard.h"
#include "boards/linux/map.h"
#include "boards/linux/wire.h"
#include "device/anchor/frame.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define DR_BOARD_FLASH_PATH "flash.bin"
#define DR_BOARD_ROM_PATH "rom"
#define DR_BOARD_CONF_PATH "board.conf"
#define DR_BOARD_SOCKET_PATH "board.sock"
#define DR_BOARD_LOG_PATH "console.log"
#define DR_BOARD_PID_PATH "pid"
#define DR_BOARD_NET_PATH "net.conf"
#define DR_BOARD_AP_PATH "ap.conf"
#define DR_BOARD_OFFER_PATH "network.new"
#define DR_BOARD_ANCHOR_PATH "anchor"
#define DR_BOARD_SECRET_PATH "anchor/secret"
#define DR_BOARD_CSR_NORMAL_PATH "csr-normal.pem"
#define DR_BOARD_CSR_RECOVERY_PATH "csr-recovery.pem"
#define DR_BOARD_BUNDLE_PATH "bundle.bin"
#define DR_BOARD_PROVISIONED_PATH "provisioned"

#define DR_BOARD_CLIENTS_MAX 8u
#define DR_BOARD_LINE_BYTES_MAX 512u
#define DR_BOARD_LOG_FILE_BYTES_MAX (4u * 1024u * 1024u)
#define DR_BOARD_ANCHOR_TIMEOUT_MS_MAX 10000u
#define DR_BOARD_RESOLVE_TIMEOUT_MS 5000u
#define DR_BOARD_NMI_GRACE_MS_MAX 1000u
#define DR_BOARD_ROM_RESTART_MS 1000u
#define DR_BOARD_PRESS_MS_MAX 120000u
#define DR_BOARD_NEVER UINT64_MAX

enum dr_board_phase {
    DR_BOARD_OFF = 0,      /* no power */
    DR_BOARD_ROM = 1,      /* the boot ROM runs */
    DR_BOARD_FIRMWARE = 2, /* the hand-off was made */
    DR_BOARD_STOPPED = 3,  /* powered, no program: starts again at restart_ms */
};

struct dr_board_machine {
    enum dr_board_phase phase;
    pid_t pid;   /* 0: none */
    int channel; /* -1: none */
    int serial;  /* read end of the machine's standard output and error; -1: none */
    int wire;    /* a second line, on boards whose machines have one; -1: none */
    uint64_t reset_ns;
    uint64_t restart_ms;            /* STOPPED only */
    uint32_t boots;                 /* starts since power-on */
    struct dr_wire_summary summary; /* of the last hand-off since power-on */
    bool has_summary;
    uint8_t handoff[DR_WIRE_HANDOFF_BYTES_MAX]; /* wiped when it was taken */
    size_t handoff_bytes;
    bool secret_given;   /* the boot ROM had its one look at it */
    bool crash_reported; /* the firmware's own crash record arrived in this run */
};

/* Two expiries: at the first the firmware gets the crash signal, at the second the reset. */
struct dr_board_watchdog {
    uint32_t period_ms; /* 0: not armed */
    uint64_t expires_ms;
    uint64_t reset_ms; /* second expiry; DR_BOARD_NEVER before the first */
};

struct dr_board_anchor {
    pid_t pid;  /* 0: none */
    int socket; /* -1: none */
    bool asked; /* a request of the machine waits for its response */
    uint32_t tag;
    uint32_t number; /* of the last frame: a response to an earlier one is late, and dropped */
    uint64_t timeout_ms;
    struct dr_anchor_frame_reader reader;
};

/* One name at a time is looked up, by a short-lived child: the C library's resolver blocks. */
struct dr_board_resolver {
    pid_t pid; /* 0: none */
    int pipe;  /* -1: idle */
    uint32_t tag;
    uint64_t timeout_ms;
    uint8_t answer[DR_WIRE_ADDRESS_COUNT_MAX * DR_WIRE_ADDRESS_BYTES];
    size_t answer_bytes;
};

struct dr_board_client {
    int fd;         /* -1: free */
    bool follows;   /* wants every console line */
    bool leds_live; /* wants every change of the LEDs */
    char line[DR_BOARD_LINE_BYTES_MAX];
    size_t line_len;
};

struct dr_board_kind;

struct dr_board {
    const struct dr_board_kind *kind;
    struct dr_flash_file flash;
    enum dr_status flash_status; /* of opening the part */
    struct dr_board_machine machine;
    struct dr_board_watchdog watchdog;
    struct dr_board_anchor anchor;
    struct dr_board_resolver resolver;
    struct dr_board_client clients[DR_BOARD_CLIENTS_MAX];
    uint8_t retained[DR_LINUX_RETAINED_BYTES];
    uint64_t power_ms;       /* when it was switched on */
    uint64_t pin_release_ms; /* DR_BOARD_NEVER: not held by a person at the socket */
    uint32_t shown_led;      /* last state sent to clients that watch */
    uint32_t shown_app_leds;
    int64_t clock_offset_s;
    bool link_up;     /* the machine is on a network */
    char network[64]; /* which, "" for a cable or none */
    int listener;
    int signals;
    int log_fd;
    uint64_t log_bytes;
    bool foreground;
    bool ending;
    char serial_line[DR_BOARD_LINE_BYTES_MAX];
    size_t serial_len;
    char anchor_program[PATH_MAX];
    uint8_t message[DR_WIRE_HEADER_BYTES + DR_WIRE_PAYLOAD_BYTES_MAX];
    uint8_t reply[DR_WIRE_HEADER_BYTES + DR_WIRE_PAYLOAD_BYTES_MAX];
};

/* What a kind of board brings to the program that all of them are (start.c). */
struct dr_board_kind {
    const char *program; /* its name */
    const char *what;    /* for the usage text: "the virtual device" */
    enum dr_status (*open_flash)(struct dr_board *board);
    void (*close_flash)(struct dr_board *board);
    /* Something came in on machine.wire; NULL where machines have none. */
    void (*hear_wire)(struct dr_board *board);
    /* Let the machine's frames pass, or not. NULL: only names are withheld from it. */
    void (*set_link)(struct dr_board *board, bool up);
};

/* start.c: main of every board. */
int dr_board_main(struct dr_board *board, const struct dr_board_kind *kind, int argc, char **argv);

/* One word of the panel page; offset is one of DR_PANEL_*_AT. */
uint32_t dr_board_panel(const struct dr_board *board, uint32_t offset);
void dr_board_panel_set(struct dr_board *board, uint32_t offset, uint32_t value);

/* Monotonic. */
uint64_t dr_board_now_ns(void);
uint64_t dr_board_now_ms(void);

/* console.c: one line to the log file, the terminal and whoever watches. Unprintable bytes become
 * '.'. source: "board", "machine", "serial". */
void dr_board_log(struct dr_board *board, const char *source, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void dr_board_log_bytes(
    struct dr_board *board, const char *source, const uint8_t *text, size_t size_bytes);
DR_MUST_USE enum dr_status dr_board_log_open(struct dr_board *board);
/* Read what the machine printed; complete lines are logged. */
void dr_board_serial(struct dr_board *board);

/* machine.c */
void dr_board_power_on(struct dr_board *board);
void dr_board_power_off(struct dr_board *board);
/* Pull the reset line; why goes to the log. The machine starts again at once. */
void dr_board_reset(struct dr_board *board, const char *why);
/* A child ended (SIGCHLD). */
void dr_board_child_ended(struct dr_board *board, pid_t pid, int wait_status);
/* What is due: watchdog, restart of a STOPPED machine. And when that will be. */
void dr_board_machine_tick(struct dr_board *board, uint64_t now_ms);
uint64_t dr_board_machine_due_ms(const struct dr_board *board, uint64_t now_ms);
const char *dr_board_phase_word(enum dr_board_phase phase);

/* watchdog.c */
void dr_board_watchdog_stop(struct dr_board *board);
DR_MUST_USE enum dr_status dr_board_watchdog_arm(struct dr_board *board, uint32_t period_ms);
void dr_board_watchdog_feed(struct dr_board *board);
void dr_board_watchdog_tick(struct dr_board *board, uint64_t now_ms);
/* The board writes a crash record for a firmware that could not. reason: enum dr_crash_reason. */
void dr_board_crash_record(struct dr_board *board, uint8_t reason, uint32_t fault_status);
/* Store the record that a dying firmware sent; a malformed one is dropped. */
void dr_board_crash_report(struct dr_board *board, const uint8_t *record, size_t size_bytes);

/* serve.c: answer one message of the machine. */
void dr_board_serve(struct dr_board *board);
void dr_board_answer(
    struct dr_board *board, const struct dr_wire_reply *reply, const uint8_t *payload,
    size_t payload_bytes);

/* serve_handoff.c, serve_factory.c */
void dr_board_handoff_log(struct dr_board *board);
DR_MUST_USE enum dr_status
dr_board_handoff_set(struct dr_board *board, const uint8_t *payload, size_t size_bytes);
DR_MUST_USE enum dr_status dr_board_handoff_get(
    struct dr_board *board, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes);
DR_MUST_USE enum dr_status
dr_board_csr(struct dr_board *board, uint32_t kind, const uint8_t *pem, size_t size_bytes);
DR_MUST_USE enum dr_status dr_board_bundle(
    struct dr_board *board, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes);
DR_MUST_USE enum dr_status dr_board_provisioned(struct dr_board *board);
DR_MUST_USE enum dr_status dr_board_secret(struct dr_board *board, uint8_t secret[32]);

/* anchor.c: the wires to the secure element. start also resets one that runs. ask returns
 * DR_E_AGAIN when the answer will be sent later. */
void dr_board_anchor_start(struct dr_board *board);
void dr_board_anchor_stop(struct dr_board *board);
DR_MUST_USE enum dr_status dr_board_anchor_ask(
    struct dr_board *board, const struct dr_wire_request *request, const uint8_t *payload,
    size_t size_bytes);
void dr_board_anchor_answered(struct dr_board *board);
void dr_board_anchor_tick(struct dr_board *board, uint64_t now_ms);

/* resolve.c: names. DR_E_AGAIN: the answer will be sent later. */
DR_MUST_USE enum dr_status dr_board_resolve(
    struct dr_board *board, const struct dr_wire_request *request, const uint8_t *name,
    size_t name_len);
void dr_board_resolver_readable(struct dr_board *board);
void dr_board_resolver_stop(struct dr_board *board);
void dr_board_resolver_tick(struct dr_board *board, uint64_t now_ms);

/* access_point.c. reset: a machine that starts is on the cable, or has joined nothing. join:
 * payload as in device/link/link.h, and its errors. tick: is the network still in range? offered:
 * what a person handed in, once. */
void dr_board_network_reset(struct dr_board *board);
void dr_board_network_tick(struct dr_board *board);
DR_MUST_USE enum dr_status
dr_board_network_join(struct dr_board *board, const uint8_t *payload, size_t size_bytes);
DR_MUST_USE enum dr_status dr_board_network_offered(
    struct dr_board *board, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes);

/* control.c: the socket of `daruma device`. */
DR_MUST_USE enum dr_status dr_board_control_open(struct dr_board *board);
void dr_board_control_accept(struct dr_board *board);
void dr_board_control_readable(struct dr_board *board, struct dr_board_client *client);
void dr_board_control_close(struct dr_board_client *client);
void dr_board_control_line(struct dr_board *board, const char *line);
/* Pins are released and LED changes shown when their time has come. */
void dr_board_control_tick(struct dr_board *board, uint64_t now_ms);

/* show.c: the state as "key value" lines. Returns the length, always NUL-terminated. */
size_t dr_board_show(const struct dr_board *board, char *out, size_t capacity_bytes);

/* loop.c: until SIGTERM. It hears machine.channel (dr_board_serve), .serial and .wire. */
void dr_board_run(struct dr_board *board);

#endif
