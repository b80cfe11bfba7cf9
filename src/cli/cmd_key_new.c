/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/cli.h"

#include "base/text.h"
#include "cloud/pki/key.h"

#include <stdio.h>
#include <string.h>

/* FILE for the private half, FILE.pub for the public one. */
static int save(struct dr_cli *cli, const struct dr_pki_key *key, const char *path)
{
    char public_path[4096];
    char public_pem[DR_PKI_PUBLIC_PEM_BYTES];
    char hash_text[DR_HEX_SIZE(DR_SHA256_BYTES)];
    uint8_t hash[DR_SHA256_BYTES];
    int len = snprintf(public_path, sizeof(public_path), "%s.pub", path);
    if (len < 0 || (size_t)len >= sizeof(public_path)) {
        return dr_cli_error(cli, "the file name is too long");
    }
    enum dr_status status = dr_pki_key_public_pem(key, public_pem, sizeof(public_pem));
    if (status == DR_OK) {
        status = dr_pki_key_hash(key, hash);
    }
    if (status == DR_OK) {
        status = dr_pki_key_save(key, path);
    }
    if (status == DR_E_EXISTS) {
        return dr_cli_error(
            cli, "%s exists already; a key is never overwritten: choose another name", path);
    }
    if (status != DR_OK) {
        return dr_cli_error(
            cli, "cannot write %s: %s; is the directory there and yours?", path,
            dr_status_text(status));
    }
    int result =
        dr_cli_write_file(cli, public_path, (const uint8_t *)public_pem, strlen(public_pem), 0644);
    if (result != 0) {
        return result;
    }
    dr_hex_encode(hash, sizeof(hash), hash_text);
    if (cli->json) {
        return dr_cli_print_json(
            cli, json_pack(
                     "{s:s,s:s,s:s}", "key", path, "publicKey", public_path, "keyHash", hash_text));
    }
    printf("private key  %s (keep it safe: whoever has it can sign for your devices)\n", path);
    printf("public key   %s\n", public_path);
    printf("key hash     %s\n", hash_text);
    return DR_EXIT_DONE;
}

static int run(struct dr_cli *cli)
{
    const char *path = NULL;
    size_t count = 0;
    int result = dr_cli_parse(cli, NULL, 0, &path, 1, &count);
    if (result != 0) {
        return result;
    }
    if (count != 1 || path[0] == '\0') {
        return dr_cli_usage(cli, "give one file name");
    }
    struct dr_pki_key *key = NULL;
    if (dr_pki_key_generate(&key) != DR_OK) {
        return dr_cli_error(cli, "the system's random source gave no key; try again");
    }
    result = save(cli, key, path);
    dr_pki_key_free(key);
    return result;
}

const struct dr_cli_verb dr_verb_key_new = {
    .noun = "key",
    .verb = "new",
    .summary = "make a product key",
    .usage = "key new FILE",
    .help = "Makes an EC P-256 key pair: the private half in FILE (PEM, readable by you\n"
            "alone), the public half in FILE.pub. An existing file is never overwritten.",
    .run = run,
};
