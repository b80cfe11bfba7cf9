/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/update.h"

#include <stdio.h>

static int run(struct dr_cli *cli)
{
    const char *id = NULL;
    const char *comment = NULL;
    size_t count = 0;
    bool force = false;
    char job_id[128];
    char target[256];
    const struct dr_cli_option options[] = {
        {.name = "force", .flag = &force},
        {.name = "comment", .text = &comment},
    };
    int result = dr_cli_parse(cli, options, 2, &id, 1, &count);
    if (result != 0) {
        return result;
    }
    if (count == 0) {
        return dr_cli_usage(cli, "which update? `daruma update list` shows them");
    }
    struct dr_aws *aws = dr_aws_open(cli);
    if (aws == NULL) {
        return DR_EXIT_ERROR;
    }
    json_t *answer = NULL;
    dr_update_job_id(id, job_id);
    snprintf(target, sizeof(target), "/jobs/%s/cancel%s", job_id, force ? "?force=true" : "");
    result = dr_aws_iot(aws, "PUT", target, json_pack("{s:s*}", "comment", comment), &answer);
    if (result == 0 && cli->json) {
        result = dr_cli_print_json(cli, json_incref(answer));
    } else if (result == 0) {
        printf("update %s canceled\n", id);
    }
    json_decref(answer);
    dr_aws_close(aws);
    return result;
}

const struct dr_cli_verb dr_verb_update_cancel = {
    .noun = "update",
    .verb = "cancel",
    .summary = "stop an update",
    .usage = "update cancel ID [--force] [--comment TEXT]",
    .help = "Cancel what has not started yet.\n\n"
            "  --force      also what is in progress: a device that has not confirmed the image "
            "goes back\n"
            "  --comment T  why, for the record",
    .run = run,
};
