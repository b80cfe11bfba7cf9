/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The network in front of a virtual device: who answers its name look-ups, and with what. */
#include "cli/device.h"
#include "tools/provision/device.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NET_FILE "net.conf"
#define NET_BYTES_MAX 4096u

static int print_net(struct dr_cli *cli, const struct dr_cli_device *device)
{
    char text[NET_BYTES_MAX + 1u] = "";
    size_t size_bytes = 0;
    enum dr_status status =
        dr_device_read(device->directory, NET_FILE, (uint8_t *)text, NET_BYTES_MAX, &size_bytes);
    if (status != DR_OK && status != DR_E_NOT_FOUND) {
        return dr_cli_error(cli, "cannot read %s/%s", device->directory, NET_FILE);
    }
    text[size_bytes] = '\0';
    if (!cli->json) {
        fputs(size_bytes > 0 ? text : "names are looked up as this computer does\n", stdout);
        return DR_EXIT_DONE;
    }
    json_t *names = json_object();
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char *space = strchr(line, ' ');
        if (space != NULL) {
            *space = '\0';
            json_object_set_new(names, line, json_string(space + 1));
        }
    }
    return dr_cli_print_json(cli, json_pack("{s:s, s:o}", "name", device->name, "names", names));
}

/* "address", "address:port", "[address]:port", as the board reads them. */
static bool valid_target(const char *text)
{
    char host[INET6_ADDRSTRLEN];
    uint8_t address[16];
    const char *port = NULL;
    bool bracket = text[0] == '[';
    const char *colon = strchr(text, ':');
    size_t len = bracket ? strcspn(++text, "]") : strlen(text);
    if (bracket && text[len] == '\0') {
        return false;
    }
    if (bracket && text[len + 1] != '\0') {
        port = text[len + 1] == ':' ? text + len + 2 : "";
    } else if (!bracket && colon != NULL && colon == strrchr(text, ':')) {
        len = (size_t)(colon - text);
        port = colon + 1;
    }
    if (len >= sizeof host) {
        return false;
    }
    memcpy(host, text, len);
    host[len] = '\0';
    if (port != NULL) {
        long number = strtol(port, NULL, 10);
        if (port[0] == '\0' || port[strspn(port, "0123456789")] != '\0' || number < 1 ||
            number > UINT16_MAX) {
            return false;
        }
    }
    return inet_pton(AF_INET6, host, address) == 1 ||
           (!bracket && inet_pton(AF_INET, host, address) == 1);
}

static int run(struct dr_cli *cli)
{
    struct dr_cli_device device;
    const char *redirect = NULL;
    const char *host = NULL;
    bool clear = false;
    const struct dr_cli_option options[] = {
        {.name = "redirect", .text = &redirect},
        {.name = "host", .text = &host},
        {.name = "clear", .flag = &clear}};
    int result = dr_cli_device_parse(cli, options, 3, NULL, 0, true, &device);
    if (result != 0) {
        return result;
    }
    if (host != NULL && redirect == NULL) {
        return dr_cli_usage(cli, "--host needs --redirect ADDRESS[:PORT]");
    }
    char text[512] = "";
    if (redirect != NULL) {
        if (strpbrk(redirect, " \t\n") != NULL ||
            (host != NULL && strpbrk(host, " \t\n") != NULL)) {
            return dr_cli_usage(cli, "names and addresses hold no blanks");
        }
        if (!valid_target(redirect)) {
            return dr_cli_usage(
                cli,
                "--redirect is an address, not a name: 127.0.0.1, 127.0.0.1:8883 or "
                "[::1]:8883, not %s",
                redirect);
        }
        int len = snprintf(text, sizeof text, "%s %s\n", host != NULL ? host : "*", redirect);
        if (len <= 0 || (size_t)len >= sizeof text) {
            return dr_cli_usage(cli, "that is too long for a name and an address");
        }
    }
    if ((clear || redirect != NULL) &&
        dr_device_write(device.directory, NET_FILE, (const uint8_t *)text, strlen(text), 0644) !=
            DR_OK) {
        return dr_cli_error(cli, "cannot write %s/%s", device.directory, NET_FILE);
    }
    return print_net(cli, &device);
}

const struct dr_cli_verb dr_verb_device_net = {
    .noun = "device",
    .verb = "net",
    .summary = "redirect the name look-ups of a virtual device",
    .usage = "device net NAME [--redirect ADDRESS[:PORT] [--host H]] [--clear]",
    .help = "Plays whoever owns the network: the device asks for HOST and is sent to\n"
            "ADDRESS. Works on new connections at once, and survives power cuts.\n"
            "\n"
            "  --redirect A  IPv4, or [IPv6], with a port if it shall change as well\n"
            "  --host H      only this name; else every name\n"
            "  --clear       look names up as this computer does",
    .run = run,
};
