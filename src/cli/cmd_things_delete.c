/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/thing.h"

#include <stdio.h>

static int delete_thing(struct dr_cli *cli, struct dr_aws *aws, const char *name)
{
    struct dr_cli_thing_deleted deleted;
    int result = dr_cli_thing_delete(cli, aws, name, &deleted);
    if (result != 0) {
        return result;
    }
    if (!deleted.existed) {
        return dr_cli_error(cli, "there is no thing %s; `daruma things list` shows them", name);
    }
    if (cli->json) {
        return dr_cli_print_json(
            cli, json_pack(
                     "{s:s, s:i, s:i}", "deleted", name, "certificates", (int)deleted.certificates,
                     "certificatesKept", (int)deleted.kept));
    }
    printf("%s is deleted, with %u certificates", name, deleted.certificates);
    printf(deleted.kept > 0 ? "; %u more belong to other things too\n" : "\n", deleted.kept);
    return DR_EXIT_DONE;
}

static int run(struct dr_cli *cli)
{
    return dr_cli_thing_named(cli, delete_thing);
}

const struct dr_cli_verb dr_verb_things_delete = {
    .noun = "things",
    .verb = "delete",
    .summary = "take a thing out of the cloud, with its certificates",
    .usage = "things delete NAME",
    .help = "Its certificates are detached, made inactive and deleted, unless another thing\n"
            "has them too; then the thing goes, with its executions and history. The device\n"
            "cannot connect any more. Policies stay. A virtual device is deleted with\n"
            "`device delete`.",
    .run = run,
};
