/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Third step: the device's first power-on, in provisioning mode. What goes in and out are files
 * beside the board, so a step that was cut is found again as far as it got. */
#include "tools/provision/provision.h"

#include "boards/linux/board/board.h"
#include "tools/provision/device.h"
#include "tools/provision/provision_priv.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS 30000u
#define POLL_MS 20u

static bool exists(const struct dr_provision_plan *plan, const char *name)
{
    char path[PATH_MAX];
    return dr_provision_path(plan->directory, name, path) && access(path, F_OK) == 0;
}

/* DR_E_TIMEOUT, or DR_E_CLOSED when the board went away. */
static enum dr_status wait_for(const struct dr_provision_plan *plan, const char *name)
{
    for (unsigned waited = 0; waited < WAIT_MS; waited += POLL_MS) {
        struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
        if (exists(plan, name)) {
            return DR_OK;
        }
        if (dr_device_board_pid(plan->directory) == 0) {
            return DR_E_CLOSED;
        }
        nanosleep(&pause, NULL);
    }
    return DR_E_TIMEOUT;
}

static enum dr_status start(const struct dr_provision_plan *plan, struct dr_provision_error *error)
{
    enum dr_status status = dr_device_start(plan->directory, plan->board_program);
    if (status != DR_OK) {
        return dr_provision_fail(
            error, status, "the board does not start; see %s/%s", plan->directory,
            DR_BOARD_LOG_PATH);
    }
    return DR_OK;
}

static enum dr_status
read_request(const struct dr_provision_plan *plan, const char *name, char *out)
{
    size_t size_bytes = 0;
    DR_TRY(dr_device_read(
        plan->directory, name, (uint8_t *)out, DR_PROVISION_CSR_BYTES - 1u, &size_bytes));
    out[size_bytes] = '\0';
    return DR_OK;
}

enum dr_status dr_provision_requests(
    const struct dr_provision_plan *plan, struct dr_provision_requests *ret_requests,
    struct dr_provision_error *error)
{
    if (exists(plan, DR_BOARD_PROVISIONED_PATH)) {
        return DR_E_EXISTS;
    }
    DR_TRY(start(plan, error));
    enum dr_status status = wait_for(plan, DR_BOARD_CSR_NORMAL_PATH);
    if (status == DR_OK) {
        status = wait_for(plan, DR_BOARD_CSR_RECOVERY_PATH);
    }
    if (status == DR_OK) {
        status = read_request(plan, DR_BOARD_CSR_NORMAL_PATH, ret_requests->normal_pem);
    }
    if (status == DR_OK) {
        status = read_request(plan, DR_BOARD_CSR_RECOVERY_PATH, ret_requests->recovery_pem);
    }
    if (status != DR_OK) {
        return dr_provision_fail(
            error, status, "the device hands out no certificate requests; see %s/%s",
            plan->directory, DR_BOARD_LOG_PATH);
    }
    return DR_OK;
}

static enum dr_status hand_in(
    const struct dr_provision_plan *plan, const struct dr_bundle *bundle,
    struct dr_provision_error *error)
{
    uint8_t *data = malloc(DR_WIRE_BUNDLE_BYTES_MAX);
    size_t size_bytes = 0;
    if (data == NULL) {
        return dr_provision_fail(error, DR_E_SPACE, "out of memory");
    }
    enum dr_status status = dr_bundle_encode(bundle, data, DR_WIRE_BUNDLE_BYTES_MAX, &size_bytes);
    if (status == DR_OK) {
        status = dr_device_write(plan->directory, DR_BOARD_BUNDLE_PATH, data, size_bytes, 0600);
    }
    free(data);
    if (status != DR_OK) {
        return dr_provision_fail(
            error, status, "cannot hand the certificates in: %s", dr_status_text(status));
    }
    return DR_OK;
}

enum dr_status dr_provision_finish(
    const struct dr_provision_plan *plan, const struct dr_bundle *bundle,
    struct dr_provision_error *error)
{
    DR_TRY(hand_in(plan, bundle, error));
    DR_TRY(start(plan, error));
    enum dr_status status = wait_for(plan, DR_BOARD_PROVISIONED_PATH);
    if (status != DR_OK) {
        return dr_provision_fail(
            error, status, "the device does not say that it stored its identity; see %s/%s",
            plan->directory, DR_BOARD_LOG_PATH);
    }
    status = dr_device_stop(plan->directory);
    if (status != DR_OK) {
        return dr_provision_fail(error, status, "the board does not switch off");
    }
    return DR_OK;
}

void dr_provision_power_off(const struct dr_provision_plan *plan)
{
    /* Best effort: the caller has an error of its own to tell. */
    DR_IGNORE(dr_device_stop(plan->directory));
}
