/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Content-addressed artifacts in a directory: the name of a blob is its SHA-256.
 *
 * A blob is written to a temporary file, synced, and renamed into place, so a name that exists
 * always has its whole content, power cuts included. A blob never changes; equal content is kept
 * once. Nothing in the directory is trusted beyond its name: whoever serves a blob to a device
 * relies on the image's own signature.
 *
 * All functions may be called from several threads; one upload or handle is used by one thread at a
 * time.
 */
#ifndef DR_CLOUD_BLOB_BLOB_H
#define DR_CLOUD_BLOB_BLOB_H

#include "base/status.h"
#include "crypto/crypto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dr_blobs;       /* the directory */
struct dr_blob_upload; /* content on its way in */
struct dr_blob;        /* one stored blob, open for reading */

struct dr_blob_options {
    const char *directory; /* made (0700) when missing; copied */
    const struct dr_crypto *crypto;
    uint64_t blob_size_max_bytes; /* a larger upload fails with DR_E_SPACE; 0 = 64 MiB */
};

/* DR_E_IO: the directory cannot be made or is not writable. Left-over temporary files are removed.
 */
DR_MUST_USE enum dr_status
dr_blobs_open(const struct dr_blob_options *options, struct dr_blobs **ret_blobs);
void dr_blobs_close(struct dr_blobs *blobs);

/* Where files that dr_blob_adopt will take are written. Borrowed while the blobs are open. */
const char *dr_blobs_temporary_directory(const struct dr_blobs *blobs);

/* Start, feed, then exactly one of commit and abort. */
DR_MUST_USE enum dr_status
dr_blob_upload_begin(struct dr_blobs *blobs, struct dr_blob_upload **ret_upload);
DR_MUST_USE enum dr_status
dr_blob_upload_append(struct dr_blob_upload *upload, const void *data, size_t size_bytes);

/* SHA-256 and size of what was appended; after this nothing more may be appended. For a caller that
 * compares with what the client announced before it commits. */
void dr_blob_upload_digest(
    struct dr_blob_upload *upload, uint8_t digest[DR_SHA256_BYTES], uint64_t *ret_size_bytes);

/* Sync and rename. The upload is gone afterwards, whatever the result. */
DR_MUST_USE enum dr_status dr_blob_upload_commit(struct dr_blob_upload *upload);
void dr_blob_upload_abort(struct dr_blob_upload *upload); /* NULL is fine */

/* Everything above at once. */
DR_MUST_USE enum dr_status dr_blob_put(
    struct dr_blobs *blobs, const void *data, size_t size_bytes, uint8_t digest[DR_SHA256_BYTES]);

/* Take over a finished file of the same file system: hashed, made read-only, synced, renamed into
 * place. On failure the file stays where it was. digest is what the caller computed while writing;
 * DR_E_CORRUPT when the file says otherwise. */
DR_MUST_USE enum dr_status
dr_blob_adopt(struct dr_blobs *blobs, const char *path, const uint8_t digest[DR_SHA256_BYTES]);

/* DR_E_NOT_FOUND: no such blob. */
DR_MUST_USE enum dr_status dr_blob_open(
    struct dr_blobs *blobs, const uint8_t digest[DR_SHA256_BYTES], struct dr_blob **ret_blob);
void dr_blob_close(struct dr_blob *blob); /* NULL is fine */
uint64_t dr_blob_size(const struct dr_blob *blob);

/* An own descriptor of the file, for a caller that sends it as it is; -1 when there are none left.
 */
int dr_blob_dup_fd(const struct dr_blob *blob);

/* DR_E_RANGE: outside the blob. DR_E_IO: read failed or the file is shorter than it was. */
DR_MUST_USE enum dr_status
dr_blob_read(const struct dr_blob *blob, uint64_t offset_bytes, void *out, size_t size_bytes);

bool dr_blob_exists(struct dr_blobs *blobs, const uint8_t digest[DR_SHA256_BYTES]);

/* Remove every blob that keep() does not want and that was last written before older_than (Unix
 * seconds): the age protects uploads whose database row is still on its way. ret_removed may be
 * NULL. */
DR_MUST_USE enum dr_status dr_blobs_sweep(
    struct dr_blobs *blobs, bool (*keep)(void *context, const uint8_t digest[DR_SHA256_BYTES]),
    void *context, int64_t older_than, size_t *ret_removed);

#endif
