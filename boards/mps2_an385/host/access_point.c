/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The simulated access point: frames pass only after a right join. No radio is simulated.
 *
 * ap.conf in the device directory: one "NAME PASSWORD" per line, the networks in range. Without it
 * the device hangs on a cable. It is read anew every time: a network that leaves the file is lost.
 */
#include "boards/mps2_an385/host/host.h"

#include "base/secret.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define AP_PATH "ap.conf"

static void set_link(struct dr_host *host, bool up)
{
    if (host->link_up != up) {
        dr_board_log(&host->board, "board", "network: %s", up ? "joined" : "out of reach");
    }
    host->link_up = up;
    dr_host_command(
        host, up ? "{\"execute\":\"set_link\",\"arguments\":{\"name\":\"net0\",\"up\":true}}\n"
                 : "{\"execute\":\"set_link\",\"arguments\":{\"name\":\"net0\",\"up\":false}}\n");
}

/* The password of a network in range; DR_E_NOT_FOUND. */
static enum dr_status find_network(const char *name, char *out, size_t capacity_bytes)
{
    char line[DR_BOARD_LINE_BYTES_MAX];
    enum dr_status status = DR_E_NOT_FOUND;
    FILE *file = fopen(AP_PATH, "re");
    while (file != NULL && status != DR_OK && fgets(line, sizeof line, file) != NULL) {
        char *rest = NULL;
        const char *word = strtok_r(line, " \n", &rest);
        const char *password = strtok_r(NULL, "\n", &rest);
        if (word != NULL && strcmp(word, name) == 0) {
            snprintf(out, capacity_bytes, "%s", password != NULL ? password : "");
            status = DR_OK;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return status;
}

enum dr_status dr_host_join(struct dr_host *host, const uint8_t *payload, size_t size_bytes)
{
    char wanted[DR_BOARD_LINE_BYTES_MAX];
    const uint8_t *end = memchr(payload, 0, size_bytes);
    if (access(AP_PATH, F_OK) != 0) {
        return DR_OK; /* a cable */
    }
    if (end == NULL || (size_t)(end - payload) >= sizeof host->network) {
        return DR_E_ARGUMENT;
    }
    memcpy(host->network, payload, (size_t)(end - payload) + 1u);
    set_link(host, false);
    DR_TRY(find_network(host->network, wanted, sizeof wanted));
    size_t len = size_bytes - (size_t)(end - payload) - 1u;
    if (len != strlen(wanted) || !dr_equal_ct(end + 1, wanted, len)) {
        return DR_E_AUTH;
    }
    set_link(host, true);
    return DR_OK;
}

void dr_host_network_reset(struct dr_host *host)
{
    host->network[0] = '\0';
    set_link(host, access(AP_PATH, F_OK) != 0);
}

/* A network that went away takes the machine off. */
void dr_host_network_tick(struct dr_host *host)
{
    char password[DR_BOARD_LINE_BYTES_MAX];
    if (host->link_up && host->network[0] != '\0' &&
        find_network(host->network, password, sizeof password) != DR_OK) {
        set_link(host, false);
    }
}
