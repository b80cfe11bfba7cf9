/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/aws.h"
#include "cli/device.h"
#include "tools/provision/device.h"

#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REACH_MS 500

static const char *host_and_port(const char *url, char host[256], char port[8])
{
    const char *start = strstr(url, "://");
    start = start != NULL ? start + 3 : url;
    if (sscanf(start, "%255[^:/]:%7[0-9]", host, port) != 2) {
        return NULL;
    }
    return host;
}

/* Does anybody listen where the cloud's API should be? Asked before a real request, which would
 * complain: a device is also looked at while its cloud is away. */
static bool reachable(const char *url)
{
    char host[256];
    char port[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    if (host_and_port(url, host, port) == NULL || getaddrinfo(host, port, &hints, &found) != 0) {
        return false;
    }
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool connected = false;
    if (fd >= 0) {
        struct pollfd writable = {.fd = fd, .events = POLLOUT};
        int error = 0;
        socklen_t error_size = sizeof error;
        connected = connect(fd, found->ai_addr, found->ai_addrlen) == 0 ||
                    (poll(&writable, 1, REACH_MS) == 1 &&
                     getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_size) == 0 && error == 0);
        close(fd);
    }
    freeaddrinfo(found);
    return connected;
}

static bool cloud_reachable(const struct dr_cli *cli)
{
    const char *endpoint = getenv("AWS_ENDPOINT_URL");
    if (endpoint != NULL) {
        return reachable(endpoint);
    }
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/cloud.json", cli->cloud_dir);
    json_t *settings = len > 0 && (size_t)len < sizeof path ? json_load_file(path, 0, NULL) : NULL;
    const char *api = json_string_value(json_object_get(settings, "api"));
    bool answer = api != NULL && reachable(api);
    json_decref(settings);
    return answer;
}

/* What the cloud knows of this device; NULL when it cannot be asked or knows nothing. */
static json_t *ask_cloud(struct dr_cli *cli, const char *name)
{
    if (!cloud_reachable(cli)) {
        return NULL;
    }
    struct dr_aws *aws = dr_aws_open(cli);
    if (aws == NULL) {
        return NULL;
    }
    char encoded[3 * 128 + 1];
    char target[512];
    struct dr_aws_response response;
    json_t *state = NULL;
    dr_aws_encode(name, encoded);
    snprintf(target, sizeof target, "/daruma/things/%s/state", encoded);
    if (dr_aws_request(aws, "iot", "GET", target, NULL, NULL, 0, &response) == 0 &&
        response.status == 200) {
        state = json_incref(response.json);
    }
    dr_aws_response_free(&response);
    dr_aws_close(aws);
    return state;
}

static json_t *local_state(const struct dr_cli_device *device)
{
    char answer[DR_DEVICE_ANSWER_BYTES];
    if (dr_device_command(device->directory, "show", answer) == DR_OK) {
        return dr_cli_device_json(answer);
    }
    char path[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/provisioned", device->directory);
    return json_pack(
        "{s:s, s:s}", "running", "off", "provisioned", access(path, F_OK) == 0 ? "yes" : "no");
}

static int run(struct dr_cli *cli)
{
    struct dr_cli_device device;
    bool cloud = false;
    const struct dr_cli_option options[] = {{.name = "with-cloud", .flag = &cloud}};
    int result = dr_cli_device_parse(cli, options, 1, NULL, 0, true, &device);
    if (result != 0) {
        return result;
    }
    json_t *state = json_pack("{s:s}", "name", device.name);
    json_t *local = local_state(&device);
    json_object_update(state, local);
    json_decref(local);
    /* A person wants both sides of the story; a program polling this asks for what it needs. */
    if (cloud || !cli->json) {
        json_t *known = ask_cloud(cli, device.name);
        if (known != NULL) {
            json_object_set_new(state, "cloud", known);
        }
    }
    if (cli->json) {
        return dr_cli_print_json(cli, state);
    }
    dr_cli_print_lines(state);
    json_decref(state);
    return DR_EXIT_DONE;
}

const struct dr_cli_verb dr_verb_device_show = {
    .noun = "device",
    .verb = "show",
    .summary = "what a device does, and what the cloud knows of it",
    .usage = "device show NAME [--with-cloud] [--dir DIRECTORY]",
    .help = "The board's own view: program running, slot, version, state at its start (a\n"
            "candidate stays one here until the next), LED, last hand-off; and the cloud's,\n"
            "if it can be reached, with the state as it is now.\n"
            "\n"
            "  --with-cloud  ask the cloud with --json as well",
    .run = run,
};
