/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/key.h"

#include "cli/image.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What a file that is no private key looks like; "" when it may be one, or cannot be read. FILE.pub
 * lies beside FILE, and is the easy mistake. */
static const char *other_than_private(const char *path)
{
    static const char public_begin[] = "BEGIN PUBLIC KEY";
    static const char private_end[] = "PRIVATE KEY";
    char text[4096];
    FILE *file = fopen(path, "r");
    size_t len = file != NULL ? fread(text, 1, sizeof text, file) : 0;
    if (file != NULL) {
        fclose(file);
    }
    if (len == 0 || memmem(text, len, private_end, sizeof private_end - 1u) != NULL) {
        return "";
    }
    return memmem(text, len, public_begin, sizeof public_begin - 1u) != NULL
               ? "is a public key"
               : "holds no private key in PEM";
}

int dr_cli_key_load(
    struct dr_cli *cli, const char *path, const char *what, struct dr_pki_key **ret_key)
{
    uint8_t hash[DR_SHA256_BYTES];
    struct dr_pki_key *key = NULL;
    const char *other = other_than_private(path);
    if (other[0] != '\0') {
        size_t len = strlen(path);
        bool named = len > 4 && strcmp(path + len - 4, ".pub") == 0;
        return dr_cli_error(
            cli, "%s %s; %s needs the private one%s%.*s%s", path, other, what, named ? " (" : "",
            named ? (int)len - 4 : 0, path, named ? "?)" : "; `daruma key new FILE` makes one");
    }
    enum dr_status status = dr_pki_key_load(path, &key);
    if (status == DR_E_DENIED && access(path, R_OK) != 0) {
        return dr_cli_error(cli, "cannot read the key %s: %s", path, strerror(errno));
    }
    if (status == DR_E_DENIED) {
        return dr_cli_error(
            cli, "%s can be read by others; take that away with `chmod 600 %s`", path, path);
    }
    if (status != DR_OK) {
        return dr_cli_error(
            cli,
            "cannot use the key %s: %s; an EC P-256 private key in PEM is needed (`daruma key "
            "new FILE` makes one)",
            path, dr_status_text(status));
    }
    if (dr_pki_key_hash(key, hash) != DR_OK || dr_cli_test_key_refused(cli, hash)) {
        dr_pki_key_free(key);
        return DR_EXIT_ERROR;
    }
    *ret_key = key;
    return 0;
}
