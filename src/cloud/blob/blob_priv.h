/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Private to cloud/blob. */
#ifndef DR_CLOUD_BLOB_BLOB_PRIV_H
#define DR_CLOUD_BLOB_BLOB_PRIV_H

#include "cloud/blob/blob.h"

#define DR_BLOB_PATH_SIZE 4096u
#define DR_BLOB_SIZE_MAX_DEFAULT (64u * 1024u * 1024u)

struct dr_blobs {
    const struct dr_crypto *crypto;
    uint64_t blob_size_max_bytes;
    char *directory;
    char *temporary; /* directory of uploads under way */
};

enum dr_status dr_blob_errno_status(int error);

DR_MUST_USE enum dr_status
dr_blob_install(struct dr_blobs *blobs, const char *from, const uint8_t digest[DR_SHA256_BYTES]);

#endif
