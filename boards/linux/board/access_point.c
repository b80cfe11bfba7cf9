/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The simulated access point: a machine is on the network only after a right join. No radio is
 * simulated, and no more than one network at a time is joined.
 *
 * ap.conf in the device directory, written by `daruma device network`: a line for each network,
 * "in" or "out" of range, name, password, with a tab between them. Without it the device hangs on a
 * cable. It is read anew every time.
 */
#include "boards/linux/board/board.h"

#include "base/secret.h"
#include "format/enclosed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void set_link(struct dr_board *board, bool up)
{
    if (board->link_up != up) {
        dr_board_log(board, "board", "network: %s", up ? "joined" : "not joined");
    }
    board->link_up = up;
    if (board->kind->set_link != NULL) {
        board->kind->set_link(board, up);
    }
}

/* The password of a network in range; DR_E_NOT_FOUND. */
static enum dr_status find_network(const char *name, char *out, size_t capacity_bytes)
{
    char line[DR_BOARD_LINE_BYTES_MAX];
    enum dr_status status = DR_E_NOT_FOUND;
    FILE *file = fopen(DR_BOARD_AP_PATH, "re");
    while (file != NULL && status != DR_OK && fgets(line, sizeof line, file) != NULL) {
        char *rest = NULL;
        const char *range = strtok_r(line, "\t\n", &rest);
        const char *word = strtok_r(NULL, "\t\n", &rest);
        const char *password = strtok_r(NULL, "\n", &rest);
        if (range != NULL && word != NULL && strcmp(range, "in") == 0 && strcmp(word, name) == 0) {
            snprintf(out, capacity_bytes, "%s", password != NULL ? password : "");
            status = DR_OK;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return status;
}

static enum dr_status judge(const uint8_t *payload, size_t size_bytes)
{
    char wanted[DR_BOARD_LINE_BYTES_MAX];
    const char *name = (const char *)payload;
    DR_TRY(find_network(name, wanted, sizeof wanted));
    const uint8_t *password = payload + strlen(name) + 1u;
    size_t len = size_bytes - strlen(name) - 1u;
    bool fits = len == strlen(wanted) && dr_equal_ct(password, wanted, len);
    return fits ? DR_OK : DR_E_AUTH;
}

enum dr_status
dr_board_network_join(struct dr_board *board, const uint8_t *payload, size_t size_bytes)
{
    if (!dr_network_valid(payload, size_bytes)) {
        return DR_E_ARGUMENT;
    }
    if (access(DR_BOARD_AP_PATH, F_OK) != 0) {
        return DR_OK; /* a cable */
    }
    enum dr_status status = judge(payload, size_bytes);
    snprintf(
        board->network, sizeof board->network, "%s", status == DR_OK ? (const char *)payload : "");
    set_link(board, status == DR_OK);
    return status;
}

void dr_board_network_reset(struct dr_board *board)
{
    board->network[0] = '\0';
    set_link(board, access(DR_BOARD_AP_PATH, F_OK) != 0);
}

void dr_board_network_tick(struct dr_board *board)
{
    char password[DR_BOARD_LINE_BYTES_MAX];
    bool cable = access(DR_BOARD_AP_PATH, F_OK) != 0;
    bool in_range = cable || (board->network[0] != '\0' &&
                              find_network(board->network, password, sizeof password) == DR_OK);
    if (board->link_up && !in_range) {
        board->network[0] = '\0';
        set_link(board, false);
    }
}

enum dr_status dr_board_network_offered(
    struct dr_board *board, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes)
{
    int fd = open(DR_BOARD_OFFER_PATH, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return errno == ENOENT ? DR_E_NOT_FOUND : DR_E_IO;
    }
    ssize_t count = read(fd, out, capacity_bytes);
    close(fd);
    unlink(DR_BOARD_OFFER_PATH);
    if (count <= 0 || !dr_network_valid(out, (size_t)count)) {
        return DR_E_NOT_FOUND;
    }
    dr_board_log(board, "board", "network: credentials handed in");
    *ret_size_bytes = (size_t)count;
    return DR_OK;
}
