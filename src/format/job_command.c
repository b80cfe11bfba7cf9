/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/job.h"

/* Each text ends in a zero byte, so that no two commands share their bytes. */
static void write_text(struct dr_writer *writer, const char *text)
{
    dr_write_text(writer, text);
    dr_write_u8(writer, 0);
}

void dr_job_write_command(
    struct dr_writer *writer, enum dr_job_action action, const char *product,
    const uint8_t digest[DR_IMAGE_DIGEST_BYTES])
{
    write_text(writer, "daruma-cmd-1");
    write_text(writer, action == DR_JOB_ACTION_REVERT ? "revert" : "factory");
    write_text(writer, product);
    dr_write_bytes(writer, digest, DR_IMAGE_DIGEST_BYTES);
}
