/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What the image verbs share: a whole image in memory, judged and described. */
#ifndef DR_CLI_IMAGE_H
#define DR_CLI_IMAGE_H

#include "cli/cli.h"
#include "device/verify/verify.h"

#define DR_CLI_IMAGE_BYTES_MAX (64u << 20)

struct dr_cli_image {
    uint8_t *data; /* malloc'ed */
    size_t size_bytes;
    struct dr_image_info info; /* views into tlvs of the workspace below */
    enum dr_verdict verdict;   /* against the trust that was given */
    enum dr_reason reason;
    struct dr_verify_workspace workspace;
};

/* Read and judge a file. NULL after an error line; a refused image is no error. The caller frees it
 * with dr_cli_image_free. */
struct dr_cli_image *
dr_cli_image_read(struct dr_cli *cli, const char *path, const struct dr_trust *trust);
void dr_cli_image_free(struct dr_cli_image *image); /* NULL is fine */

/* Fields as members of object: version, digest, sizes, product, ... */
void dr_cli_image_to_json(const struct dr_image_info *info, json_t *object);
void dr_cli_image_print(const struct dr_image_info *info);

/* A public or private key in PEM as the only trust anchor. 0, or an exit code after an error line.
 */
int dr_cli_trust_read(struct dr_cli *cli, const char *path, struct dr_trust *ret_trust);

/* Is this the published test key of the golden images, outside of tests (DARUMA_ALLOW_TEST_KEY=1)?
 * Says so in an error line. */
bool dr_cli_test_key_refused(struct dr_cli *cli, const uint8_t key_hash[DR_SHA256_BYTES]);

#endif
