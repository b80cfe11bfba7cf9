/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A device directory and the board that runs in it, as the command line sees them.
 *
 * The board's control socket has a short path relative to the device directory; directories may be
 * long, so connections go through a descriptor of the directory.
 */
#ifndef DR_TOOLS_PROVISION_DEVICE_H
#define DR_TOOLS_PROVISION_DEVICE_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define DR_DEVICE_ANSWER_BYTES 4096u

/* Does a board run in this directory? Returns its process id, 0 when there is none. */
pid_t dr_device_board_pid(const char *directory);

/* Start the board in the background and wait until it answers. DR_OK also when one runs already.
 * DR_E_TIMEOUT, DR_E_IO: see DIRECTORY/console.log. */
DR_MUST_USE enum dr_status dr_device_start(const char *directory, const char *board_program);

/* SIGTERM: orderly power off; waits for the end. DR_OK also when none runs. */
DR_MUST_USE enum dr_status dr_device_stop(const char *directory);

/* Connect to the control socket; a descriptor, or -1. */
int dr_device_connect(const char *directory);

/* One command, without the newline. answer: what follows "ok". DR_E_CLOSED: no board runs here.
 * DR_E_STATE: the board refused; answer has its words. */
DR_MUST_USE enum dr_status
dr_device_command(const char *directory, const char *command, char answer[DR_DEVICE_ANSWER_BYTES]);

/* The value of a "key value" line of an answer, copied to out (cut to capacity_bytes, always
 * terminated). False when there is no such line. */
bool dr_device_value(const char *answer, const char *key, char *out, size_t capacity_bytes);

/* Read a file of at most capacity_bytes. DR_E_NOT_FOUND, DR_E_SPACE, DR_E_IO. */
DR_MUST_USE enum dr_status dr_device_read(
    const char *directory, const char *name, uint8_t *out, size_t capacity_bytes,
    size_t *ret_size_bytes);

/* Write a file through a temporary one and a rename. */
DR_MUST_USE enum dr_status dr_device_write(
    const char *directory, const char *name, const uint8_t *data, size_t size_bytes, mode_t mode);

#endif
