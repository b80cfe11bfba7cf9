/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The firmware of the Cortex-M3 board: what main puts together, and its tasks.
 *
 * Tasks, priorities and stacks: port/task_plan.h. Only the agent's task touches client, link,
 * crypto and flash; the application hands its messages over in a queue.
 */
#ifndef DR_BOARDS_MPS2_FIRMWARE_H
#define DR_BOARDS_MPS2_FIRMWARE_H

#include "boards/mps2_an385/common/anchor_uart.h"
#include "boards/mps2_an385/common/nor.h"
#include "boards/mps2_an385/port/link_lwip.h"
#include "boards/mps2_an385/port/tls_stream.h"
#include "boards/panel.h"
#include "device/anchor/anchor.h"
#include "device/app/app.h"
#include "device/boot/info.h"
#include "device/client/client.h"
#include "device/client/https.h"
#include "device/client/identity.h"

#define DR_FIRMWARE_SCRATCH_BYTES 8192u
#define DR_FIRMWARE_POOL_BYTES 26624u

/* What the identity key cost so far. */
struct dr_signing {
    uint32_t count;
    uint32_t ms_max;
};

struct dr_firmware {
    struct dr_boot_info info;
    struct dr_nor nor;
    struct dr_flash flash;
    struct dr_anchor_uart uart;
    struct dr_anchor anchor;
    struct dr_identity_signer signer;
    struct dr_signing signing;
    bool downloading; /* until the question about the reset */
    struct dr_link_lwip lwip;
    struct dr_link link;
    struct dr_tls_stream http;
    struct dr_link_stream stream;
    struct dr_client_https_state https;
    struct dr_client client;
    uint8_t scratch[DR_FIRMWARE_SCRATCH_BYTES];
    uint8_t pool[DR_FIRMWARE_POOL_BYTES] __attribute__((aligned(8))); /* Mbed TLS's */
};

/* machine.c: ports, crypto, client opened. In the agent's task, the hand-off taken. */
DR_MUST_USE enum dr_status dr_firmware_init(struct dr_firmware *firmware);

/* identity_*.c: the holder of the identity keys in this build. After the vault is open. */
void dr_firmware_signer(struct dr_firmware *firmware, struct dr_identity_signer *ret_signer);

/* provision.c: hand out requests, take the bundle, lock, reset. Returns only on failure; safe to
 * run again after a cut at any step. alive is called all the while. */
enum dr_status dr_firmware_provision(struct dr_firmware *firmware, void (*alive)(void));

/* Any task. */
void dr_firmware_log(const char *line);
void dr_firmware_led(enum dr_led led);

/* start.c */
void dr_firmware_protect(void);

/* tasks.c: build every task; the kernel is started after it. Never fails: all memory is reserved.
 */
void dr_firmware_tasks(struct dr_firmware *firmware, enum dr_app_behaviour behaviour);

/* Two lines on the console: stacks, then memory and network. Any task. */
void dr_firmware_print_costs(void);

#endif
