/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A product's private key, as the verbs that need one read it. */
#ifndef DR_CLI_KEY_H
#define DR_CLI_KEY_H

#include "cli/cli.h"
#include "cloud/pki/key.h"

/* Load an EC P-256 private key in PEM that nobody else can read, and that is not the published test
 * key (outside of tests). what needs it, for the message: "signing". 0: the caller frees *ret_key.
 * Else an exit code after an error line that says what is wrong with the file. */
int dr_cli_key_load(
    struct dr_cli *cli, const char *path, const char *what, struct dr_pki_key **ret_key);

#endif
