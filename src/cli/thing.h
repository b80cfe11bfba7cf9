/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* One thing: naming it, and taking it out of the cloud with what belongs to nobody else. */
#ifndef DR_CLI_THING_H
#define DR_CLI_THING_H

#include "cli/aws.h"

/* For verbs that take one thing's name: parse it, connect, run, disconnect. Returns what run does,
 * or an exit code after a message. */
int dr_cli_thing_named(
    struct dr_cli *cli, int (*run)(struct dr_cli *cli, struct dr_aws *aws, const char *name));

struct dr_cli_thing_deleted {
    bool existed;
    unsigned certificates; /* made inactive and deleted */
    unsigned kept;         /* detached only: other things have them too */
};

/* The thing's certificates as an array of ARNs, at most 250; a new reference, NULL when there is no
 * such thing. 0, or an exit code after an error line. */
int dr_cli_thing_principals(
    struct dr_cli *cli, struct dr_aws *aws, const char *name, json_t **ret_principals);

/* Detach one certificate; delete it when no other thing has it. Counted in deleted. */
int dr_cli_thing_release(
    struct dr_cli *cli, struct dr_aws *aws, const char *name, const char *principal,
    struct dr_cli_thing_deleted *deleted);

/* Detach and delete the thing's certificates, then the thing: its executions and history go with
 * it. A certificate that another thing has is only detached. Safe to repeat after a failure. 0, or
 * an exit code after an error line. A thing that is not there is no error. */
int dr_cli_thing_delete(
    struct dr_cli *cli, struct dr_aws *aws, const char *name, struct dr_cli_thing_deleted *ret);

#endif
