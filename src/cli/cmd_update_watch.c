/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/update.h"

static int run(struct dr_cli *cli)
{
    const char *id = NULL;
    struct dr_aws *aws = NULL;
    uint64_t timeout_s = 600;
    const struct dr_cli_option options[] = {
        {.name = "timeout", .number = &timeout_s},
    };
    int result = dr_update_open(cli, options, 1, &id, &aws);
    if (result != 0) {
        return result;
    }
    result = dr_update_await(cli, aws, id, &timeout_s);
    result = result != 0 ? result : dr_update_follow(cli, aws, id, timeout_s);
    dr_aws_close(aws);
    return result;
}

const struct dr_cli_verb dr_verb_update_watch = {
    .noun = "update",
    .verb = "watch",
    .summary = "follow an update to its end",
    .usage = "update watch ID [--timeout S]",
    .help = "Print every change of status, and of why a device waits, until all things have\n"
            "ended. A cloud that does not answer, because it starts, is waited for.\n"
            "\n"
            "  --timeout S  give up after S seconds (600); 0 looks once\n"
            "\n"
            "Exit codes: 0 every thing succeeded, 2 one failed, 3 canceled, 124 time-out.",
    .run = run,
};
