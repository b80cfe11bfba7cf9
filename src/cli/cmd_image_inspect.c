/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/image.h"

#include <stdio.h>

static int answer(struct dr_cli *cli, const struct dr_cli_image *image, const char *path)
{
    /* Without a key, "signed by a key that is not trusted" is as far as an image can get. */
    bool whole = image->reason == DR_REASON_KEY;
    if (!whole) {
        return dr_cli_error(
            cli, "%s is no good image: %s (%s, file of %zu bytes)", path,
            dr_reason_text(image->reason), dr_reason_word(image->reason), image->size_bytes);
    }
    if (cli->json) {
        json_t *object = json_object();
        dr_cli_image_to_json(&image->info, object);
        return dr_cli_print_json(cli, object);
    }
    printf("%s: well-formed, digest fits; signatures not checked (image verify does)\n", path);
    dr_cli_image_print(&image->info);
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
    if (count != 1) {
        return dr_cli_usage(cli, "give one image file");
    }
    const struct dr_trust nobody = {.key_count = 0};
    struct dr_cli_image *image = dr_cli_image_read(cli, path, &nobody);
    if (image == NULL) {
        return DR_EXIT_ERROR;
    }
    result = answer(cli, image, path);
    dr_cli_image_free(image);
    return result;
}

const struct dr_cli_verb dr_verb_image_inspect = {
    .noun = "image",
    .verb = "inspect",
    .summary = "show what an image says about itself",
    .usage = "image inspect FILE",
    .help = "Prints version, product, sequence, counter, sizes and limits of a well-formed\n"
            "image whose digest fits. Signatures are not checked: that is `daruma image\n"
            "verify`.\n"
            "\n"
            "Exit codes: 0 shown, 1 not a good image (the cause is printed), 64 wrong usage.",
    .run = run,
};
