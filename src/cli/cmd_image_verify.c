/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/image.h"

#include <stdio.h>

static int answer(struct dr_cli *cli, const struct dr_cli_image *image, const char *path)
{
    volatile enum dr_verdict verdict = image->verdict;
    bool accepted = dr_verdict_is_accept(&verdict);
    if (cli->json) {
        json_t *object = json_object();
        json_object_set_new(object, "accepted", json_boolean(accepted));
        json_object_set_new(object, "reason", json_string(dr_reason_word(image->reason)));
        if (accepted) {
            dr_cli_image_to_json(&image->info, object);
        } else {
            json_object_set_new(object, "error", json_string(dr_reason_text(image->reason)));
        }
        int result = dr_cli_print_json(cli, object);
        return accepted ? result : DR_EXIT_ERROR;
    }
    if (!accepted) {
        return dr_cli_error(
            cli,
            "%s refused: %s (%s, file of %zu bytes); ask for the image again, or for one signed "
            "by this key",
            path, dr_reason_text(image->reason), dr_reason_word(image->reason), image->size_bytes);
    }
    printf("%s: good\n", path);
    dr_cli_image_print(&image->info);
    return DR_EXIT_DONE;
}

static int run(struct dr_cli *cli)
{
    const char *key = NULL;
    const char *path = NULL;
    size_t count = 0;
    const struct dr_cli_option options[] = {{.name = "key", .text = &key}};
    int result = dr_cli_parse(cli, options, 1, &path, 1, &count);
    if (result != 0) {
        return result;
    }
    if (key == NULL || count != 1) {
        return dr_cli_usage(cli, "give --key and one image file");
    }
    struct dr_trust trust;
    result = dr_cli_trust_read(cli, key, &trust);
    if (result != 0) {
        return result;
    }
    struct dr_cli_image *image = dr_cli_image_read(cli, path, &trust);
    if (image == NULL) {
        return DR_EXIT_ERROR;
    }
    result = answer(cli, image, path);
    dr_cli_image_free(image);
    return result;
}

const struct dr_cli_verb dr_verb_image_verify = {
    .noun = "image",
    .verb = "verify",
    .summary = "check an image's format, digest and signature",
    .usage = "image verify --key KEY FILE",
    .help = "Checks FILE as a device does: nothing missing, nothing added, nothing altered,\n"
            "and a valid signature by KEY. Product, order and load address are the device's\n"
            "to judge.\n"
            "\n"
            "  --key KEY   the product's public key in PEM (the private one will do)\n"
            "\n"
            "Exit codes: 0 good, 1 refused (the cause is printed), 64 wrong usage.",
    .run = run,
};
