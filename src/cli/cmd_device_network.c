/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The simulated access point of a virtual device, and what a person tells the device about it. */
#include "cli/device.h"
#include "cli/network.h"
#include "tools/provision/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AP_FILE "ap.conf"
#define OFFER_FILE "network.new"

/* The one network that the simulation has. */
struct access_point {
    bool there;
    bool in_range;
    char name[64];
    char password[96];
};

static int
read_ap(struct dr_cli *cli, const struct dr_cli_device *device, struct access_point *ret_ap)
{
    char text[256] = "";
    char range[4] = "";
    size_t size_bytes = 0;
    memset(ret_ap, 0, sizeof *ret_ap);
    enum dr_status status =
        dr_device_read(device->directory, AP_FILE, (uint8_t *)text, sizeof text - 1u, &size_bytes);
    if (status == DR_E_NOT_FOUND) {
        return 0;
    }
    text[status == DR_OK ? size_bytes : 0] = '\0';
    if (sscanf(text, "%3s\t%63[^\t\n]\t%95[^\n]", range, ret_ap->name, ret_ap->password) < 2) {
        return dr_cli_error(cli, "cannot read %s/%s", device->directory, AP_FILE);
    }
    ret_ap->there = true;
    ret_ap->in_range = strcmp(range, "in") == 0;
    return 0;
}

static int
write_ap(struct dr_cli *cli, const struct dr_cli_device *device, const struct access_point *ap)
{
    char text[256];
    int len = snprintf(
        text, sizeof text, "%s\t%s\t%s\n", ap->in_range ? "in" : "out", ap->name, ap->password);
    if (len <= 0 || (size_t)len >= sizeof text ||
        dr_device_write(device->directory, AP_FILE, (const uint8_t *)text, (size_t)len, 0600) !=
            DR_OK) {
        return dr_cli_error(cli, "cannot write %s/%s", device->directory, AP_FILE);
    }
    return 0;
}

/* When what was set or given will be noticed. */
static void hint(const struct dr_cli_device *device, const char *verb)
{
    bool linux_board = strcmp(dr_cli_device_board(device), "daruma-board") == 0;
    if (strcmp(verb, "set") == 0 && !linux_board) {
        printf("a connection over another network is cut; the next one needs this one\n");
    } else if (strcmp(verb, "set") == 0 || strcmp(verb, "give") == 0) {
        printf(
            "%s notices when it connects next; `daruma device power %s cycle` makes it do so now\n",
            device->name, device->name);
    }
}

/* verb: what was done before. */
static int print_ap(
    struct dr_cli *cli, const struct dr_cli_device *device, const struct access_point *ap,
    const char *verb)
{
    char answer[DR_DEVICE_ANSWER_BYTES];
    char joined[64] = "no";
    bool on = dr_device_command(device->directory, "show", answer) == DR_OK;
    if (on) {
        (void)dr_device_value(answer, "joined", joined, sizeof joined);
    }
    if (cli->json) {
        json_t *network = ap->there
                              ? json_pack("{s:s, s:b}", "name", ap->name, "in_range", ap->in_range)
                              : json_null();
        return dr_cli_print_json(
            cli,
            json_pack(
                "{s:s, s:o, s:s}", "name", device->name, "network", network, "joined", joined));
    }
    if (!ap->there) {
        printf("%s hangs on a cable; there is no access point\n", device->name);
    } else {
        printf(
            "network %s, %s; joined: %s\n", ap->name, ap->in_range ? "in range" : "out of range",
            joined);
    }
    if (on) {
        hint(device, verb);
    }
    return DR_EXIT_DONE;
}

static int
give(struct dr_cli *cli, const struct dr_cli_device *device, const struct dr_cli_network *network)
{
    if (dr_device_write(device->directory, OFFER_FILE, network->bytes, network->size_bytes, 0600) !=
        DR_OK) {
        return dr_cli_error(cli, "cannot write %s/%s", device->directory, OFFER_FILE);
    }
    return 0;
}

static int
set(struct dr_cli *cli, const struct dr_cli_device *device, const char *name, const char *password,
    struct access_point *ap)
{
    ap->there = true;
    ap->in_range = true;
    snprintf(ap->name, sizeof ap->name, "%s", name);
    snprintf(ap->password, sizeof ap->password, "%s", password);
    return write_ap(cli, device, ap);
}

static int
move(struct dr_cli *cli, const struct dr_cli_device *device, bool in_range, struct access_point *ap)
{
    if (!ap->there) {
        return dr_cli_error(
            cli,
            "%s hangs on a cable; `daruma device network %s set NAME PASSWORD` puts an access "
            "point before it",
            device->name, device->name);
    }
    if (!in_range && strcmp(dr_cli_device_board(device), "daruma-board") == 0) {
        return dr_cli_error(
            cli, "the Linux board's connections are this computer's: they cannot be cut here; make "
                 "the device with `--board mps2-an385`");
    }
    ap->in_range = in_range;
    return write_ap(cli, device, ap);
}

static int
act(struct dr_cli *cli, const struct dr_cli_device *device, const char *const words[3],
    struct access_point *ap)
{
    struct dr_cli_network network;
    const char *verb = words[0] != NULL ? words[0] : "show";
    bool with_network = strcmp(verb, "set") == 0 || strcmp(verb, "give") == 0;
    if (with_network && words[1] == NULL) {
        return dr_cli_usage(cli, "%s needs a network: SSID [PASSWORD]", verb);
    }
    if (with_network) {
        const char *password = words[2] != NULL ? words[2] : "";
        int result = dr_cli_network_make(cli, words[1], password, &network);
        if (result != 0) {
            return result;
        }
        return strcmp(verb, "set") == 0 ? set(cli, device, words[1], password, ap)
                                        : give(cli, device, &network);
    }
    if (strcmp(verb, "lose") != 0 && strcmp(verb, "restore") != 0 && strcmp(verb, "show") != 0) {
        return dr_cli_usage(cli, "show, set, give, lose or restore, not %s", verb);
    }
    if (words[1] != NULL) {
        return dr_cli_usage(cli, "%s takes no network", verb);
    }
    if (strcmp(verb, "lose") == 0 || strcmp(verb, "restore") == 0) {
        return move(cli, device, strcmp(verb, "restore") == 0, ap);
    }
    return 0;
}

static int run(struct dr_cli *cli)
{
    struct dr_cli_device device;
    struct access_point ap;
    const char *words[3] = {NULL};
    int result = dr_cli_device_parse(cli, NULL, 0, words, 3, true, &device);
    if (result == 0) {
        result = read_ap(cli, &device, &ap);
    }
    if (result == 0) {
        result = act(cli, &device, words, &ap);
    }
    return result != 0 ? result : print_ap(cli, &device, &ap, words[0] != NULL ? words[0] : "show");
}

const struct dr_cli_verb dr_verb_device_network = {
    .noun = "device",
    .verb = "network",
    .summary = "the simulated access point in front of a virtual device",
    .usage = "device network NAME [show|set|give|lose|restore] [SSID [PASS]]",
    .help = "No radio is simulated: an access point lets the device's frames pass after a\n"
            "join with the right name and password, and not otherwise. Works at once, and\n"
            "survives power cuts. A device without one hangs on a cable.\n"
            "\n"
            "  show      the network, whether it is in range, and which one the device has\n"
            "            joined\n"
            "  set       there is an access point with this name and this password\n"
            "  give      hand the device itself a name and a password, as with a phone beside\n"
            "            it; it takes them before its next attempt to connect\n"
            "  lose      out of range (not on the Linux board, whose connections are this\n"
            "            computer's)\n"
            "  restore   in range again\n"
            "\n"
            "Names and passwords here are those of a simulation: do not type a real one.",
    .run = run,
};
