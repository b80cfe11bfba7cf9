/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/cloud.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define WAIT_MS 40000u
#define POLL_MS 20u

static int stop(struct dr_cloud *cloud, pid_t supervisor)
{
    if (kill(supervisor, SIGTERM) != 0) {
        return dr_cli_error(
            cloud->cli, "cannot end process %ld: %s", (long)supervisor, strerror(errno));
    }
    for (unsigned waited_ms = 0; waited_ms < WAIT_MS; waited_ms += POLL_MS) {
        const struct timespec pause = {.tv_nsec = (long)POLL_MS * 1000000};
        if (dr_cloud_supervisor(cloud) != supervisor) {
            return 0;
        }
        (void)nanosleep(&pause, NULL);
    }
    return dr_cli_error(
        cloud->cli, "process %ld does not end; its log is %s/run/cloud.log", (long)supervisor,
        cloud->dir);
}

static int run(struct dr_cli *cli)
{
    struct dr_cloud cloud;
    int result = dr_cloud_named(cli, &cloud);
    if (result != 0) {
        return result;
    }
    pid_t supervisor = dr_cloud_supervisor(&cloud);
    result = supervisor == 0 ? 0 : stop(&cloud, supervisor);
    if (result != 0) {
        return result;
    }
    if (cli->json) {
        return dr_cli_print_json(
            cli,
            json_pack("{s:s, s:b}", "directory", cloud.dir, "was_up", supervisor == 0 ? 0 : 1));
    }
    printf(
        supervisor == 0 ? "the cloud in %s was not up\n" : "the cloud in %s is down\n", cloud.dir);
    return DR_EXIT_DONE;
}

const struct dr_cli_verb dr_verb_cloud_down = {
    .noun = "cloud",
    .verb = "down",
    .summary = "end the private cloud",
    .usage = "cloud down [--dir DIR]",
    .help = "End the cloud that runs in DIR and wait until it has. Nothing is deleted: the\n"
            "next `daruma cloud up` goes on where this one stopped. Not up is fine.\n"
            "\n"
            "  --dir DIR  where (the same as --cloud DIR)",
    .run = run,
};
