/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/aws.h"
#include "cli/cloud.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What darumad itself says: "ready", or why not. */
static bool ask_ready(struct dr_cli *cli, char *why, size_t capacity_bytes)
{
    struct dr_aws_response response;
    cli->cloud_named = true; /* this directory's cloud, whatever the environment names */
    struct dr_aws *aws = dr_aws_open(cli);
    bool ready = false;
    (void)snprintf(why, capacity_bytes, "the API does not answer");
    if (aws == NULL) {
        return false;
    }
    if (dr_aws_request(aws, "iot", "GET", "/daruma/ready", NULL, NULL, 0, &response) == 0) {
        ready = response.status == 200;
        (void)snprintf(why, capacity_bytes, "%s", ready ? "ready" : response.error_message);
    }
    dr_aws_response_free(&response);
    dr_aws_close(aws);
    return ready;
}

static int run(struct dr_cli *cli)
{
    struct dr_cloud cloud;
    char why[512] = "not up; `daruma cloud up` starts it";
    bool ready = false;
    int result = dr_cloud_named(cli, &cloud);
    if (result != 0) {
        return result;
    }
    if (!dr_cloud_load(&cloud)) {
        return dr_cli_error(
            cli,
            "there is no complete cloud in %s; `daruma cloud up` completes it, or says what is "
            "wrong",
            cloud.dir);
    }
    pid_t supervisor = dr_cloud_supervisor(&cloud);
    if (supervisor != 0) {
        ready = ask_ready(cli, why, sizeof why);
    }
    if (cli->json) {
        result = dr_cli_print_json(
            cli, json_pack(
                     "{s:s, s:b, s:b, s:s, s:i, s:i, s:i}", "directory", cloud.dir, "up",
                     supervisor != 0 ? 1 : 0, "ready", ready ? 1 : 0, "state", why, "supervisor",
                     (int)supervisor, "api_port", (int)cloud.api_port, "mqtt_port",
                     (int)cloud.mqtt_port));
    } else {
        printf(
            "cloud in %s: %s\n  API      https://127.0.0.1:%u\n  devices  localhost:%u\n",
            cloud.dir, why, (unsigned)cloud.api_port, (unsigned)cloud.mqtt_port);
    }
    return result != 0 ? result : ready ? DR_EXIT_DONE : DR_EXIT_ERROR;
}

const struct dr_cli_verb dr_verb_cloud_status = {
    .noun = "cloud",
    .verb = "status",
    .summary = "is the private cloud up and ready?",
    .usage = "cloud status [--dir DIR]",
    .help = "Exit code 0 when the cloud in DIR is up and ready, 1 when it is not.\n\n"
            "  --dir DIR  where (the same as --cloud DIR)",
    .run = run,
};
