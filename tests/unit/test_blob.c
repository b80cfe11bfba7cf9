/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/blob/blob.h"

#include "tests/unit/check.h"
#include "tests/unit/scratch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char scratch[DR_SCRATCH_SIZE];
static char directory[DR_SCRATCH_SIZE + 8];
static struct dr_blobs *blobs;

static bool open_blobs(uint64_t max)
{
    struct dr_blob_options options = {
        .directory = directory, .crypto = &dr_crypto_openssl, .blob_size_max_bytes = max};
    return dr_blobs_open(&options, &blobs) == DR_OK;
}

static bool begin(uint64_t max)
{
    if (!dr_scratch_make(scratch)) {
        return false;
    }
    snprintf(directory, sizeof directory, "%s/blobs", scratch);
    return open_blobs(max);
}

static void end(void)
{
    dr_blobs_close(blobs);
    EXPECT(dr_scratch_remove(scratch));
}

static void put_and_read(void)
{
    uint8_t digest[DR_SHA256_BYTES];
    uint8_t want[DR_SHA256_BYTES];
    struct dr_blob *blob = NULL;
    char out[8];
    REQUIRE(begin(0));
    dr_sha256_once(&dr_crypto_openssl, (const uint8_t *)"daruma", 6, want);
    REQUIRE(dr_blob_put(blobs, "daruma", 6, digest) == DR_OK);
    EXPECT(memcmp(digest, want, sizeof want) == 0);
    EXPECT(dr_blob_exists(blobs, digest));
    REQUIRE(dr_blob_put(blobs, "daruma", 6, digest) == DR_OK); /* kept once */
    REQUIRE(dr_blob_open(blobs, digest, &blob) == DR_OK);
    EXPECT_EQ(dr_blob_size(blob), 6);
    EXPECT_EQ(dr_blob_read(blob, 2, out, 4), DR_OK);
    EXPECT(memcmp(out, "ruma", 4) == 0);
    EXPECT_EQ(dr_blob_read(blob, 3, out, 4), DR_E_RANGE);
    EXPECT_EQ(dr_blob_read(blob, UINT64_MAX, out, 1), DR_E_RANGE);
    dr_blob_close(blob);
    digest[0] ^= 1;
    EXPECT_EQ(dr_blob_open(blobs, digest, &blob), DR_E_NOT_FOUND);
    EXPECT(!dr_blob_exists(blobs, digest));
    end();
}

static void upload_is_bounded(void)
{
    struct dr_blob_upload *upload = NULL;
    uint8_t digest[DR_SHA256_BYTES];
    uint64_t size = 0;
    REQUIRE(begin(8));
    REQUIRE(dr_blob_upload_begin(blobs, &upload) == DR_OK);
    EXPECT_EQ(dr_blob_upload_append(upload, "12345", 5), DR_OK);
    EXPECT_EQ(dr_blob_upload_append(upload, "6789", 4), DR_E_SPACE);
    EXPECT_EQ(dr_blob_upload_append(upload, "678", 3), DR_OK);
    dr_blob_upload_digest(upload, digest, &size);
    EXPECT_EQ(size, 8);
    EXPECT(!dr_blob_exists(blobs, digest)); /* not visible before the commit */
    EXPECT_EQ(dr_blob_upload_commit(upload), DR_OK);
    EXPECT(dr_blob_exists(blobs, digest));
    end();
}

/* What a crash left in the temporary directory is gone at the next opening; blobs stay. */
static void crash_leaves_nothing(void)
{
    struct dr_blob_upload *upload = NULL;
    uint8_t digest[DR_SHA256_BYTES];
    char path[128];
    REQUIRE(begin(0));
    REQUIRE(dr_blob_put(blobs, "kept", 4, digest) == DR_OK);
    REQUIRE(dr_blob_upload_begin(blobs, &upload) == DR_OK);
    REQUIRE(dr_blob_upload_append(upload, "half", 4) == DR_OK);
    snprintf(path, sizeof path, "%s/left-over", dr_blobs_temporary_directory(blobs));
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    REQUIRE(fd >= 0);
    close(fd);
    dr_blob_upload_abort(upload);
    dr_blobs_close(blobs);
    REQUIRE(open_blobs(0));
    EXPECT(access(path, F_OK) != 0);
    EXPECT(dr_blob_exists(blobs, digest));
    end();
}

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    close(fd);
    return written;
}

static void adopt(void)
{
    uint8_t digest[DR_SHA256_BYTES];
    uint8_t other[DR_SHA256_BYTES] = {0};
    char path[128];
    REQUIRE(begin(16));
    snprintf(path, sizeof path, "%s/body", dr_blobs_temporary_directory(blobs));
    dr_sha256_once(&dr_crypto_openssl, (const uint8_t *)"content", 7, digest);
    REQUIRE(write_file(path, "content"));
    EXPECT_EQ(dr_blob_adopt(blobs, path, other), DR_E_CORRUPT);
    EXPECT(access(path, F_OK) == 0);
    EXPECT_EQ(dr_blob_adopt(blobs, path, digest), DR_OK);
    EXPECT(access(path, F_OK) != 0);
    EXPECT(dr_blob_exists(blobs, digest));
    REQUIRE(write_file(path, "content")); /* the same again */
    EXPECT_EQ(dr_blob_adopt(blobs, path, digest), DR_OK);
    EXPECT(access(path, F_OK) != 0);
    REQUIRE(write_file(path, "more than sixteen"));
    EXPECT_EQ(dr_blob_adopt(blobs, path, digest), DR_E_SPACE);
    EXPECT_EQ(dr_blob_adopt(blobs, "/nonexistent", digest), DR_E_NOT_FOUND);
    REQUIRE(unlink(path) == 0);
    REQUIRE(symlink("/etc/passwd", path) == 0);
    EXPECT(dr_blob_adopt(blobs, path, digest) != DR_OK);
    end();
}

static bool keep_one(void *context, const uint8_t digest[DR_SHA256_BYTES])
{
    return memcmp(context, digest, DR_SHA256_BYTES) == 0;
}

static void sweep(void)
{
    uint8_t kept[DR_SHA256_BYTES];
    uint8_t dropped[DR_SHA256_BYTES];
    size_t removed = 0;
    REQUIRE(begin(0));
    REQUIRE(dr_blob_put(blobs, "a", 1, kept) == DR_OK);
    REQUIRE(dr_blob_put(blobs, "b", 1, dropped) == DR_OK);
    int64_t now = (int64_t)time(NULL);
    EXPECT_EQ(dr_blobs_sweep(blobs, keep_one, kept, now - 100, &removed), DR_OK);
    EXPECT_EQ(removed, 0); /* too young */
    EXPECT_EQ(dr_blobs_sweep(blobs, keep_one, kept, now + 100, &removed), DR_OK);
    EXPECT_EQ(removed, 1);
    EXPECT(dr_blob_exists(blobs, kept));
    EXPECT(!dr_blob_exists(blobs, dropped));
    end();
}

static void shortened_file(void)
{
    uint8_t digest[DR_SHA256_BYTES];
    struct dr_blob *blob = NULL;
    char hex[65];
    char path[192];
    char out[6];
    REQUIRE(begin(0));
    REQUIRE(dr_blob_put(blobs, "daruma", 6, digest) == DR_OK);
    REQUIRE(dr_blob_open(blobs, digest, &blob) == DR_OK);
    for (size_t i = 0; i < sizeof digest; i++) {
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }
    snprintf(path, sizeof path, "%s/%.2s/%s", directory, hex, hex);
    REQUIRE(chmod(path, 0600) == 0);
    REQUIRE(truncate(path, 3) == 0);
    EXPECT_EQ(dr_blob_read(blob, 0, out, 6), DR_E_IO);
    dr_blob_close(blob);
    end();
}

DR_TEST_MAIN(put_and_read, upload_is_bounded, crash_leaves_nothing, adopt, sweep, shortened_file)
