/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Checksums, aws-chunked bodies, and uploads that leave nothing behind unless all digests fit. */
#include "tests/unit/check.h"

#include "base/text.h"
#include "cloud/api/checksum.h"
#include "cloud/api/chunked.h"
#include "cloud/api/upload.h"

#include <dirent.h>
#include <unistd.h>

static void checksums_match_published_values(void)
{
    static const struct {
        const char *text;
        const char *digest;
    } md5_rows[] = {
        {"", "d41d8cd98f00b204e9800998ecf8427e"},
        {"abc", "900150983cd24fb0d6963f7d28e17f72"},
        {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
         "57edf4a22be3c955ac49da2e2107b67a"},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(md5_rows); i++) {
        for (size_t step = 1; step < 70; step += 17) {
            struct dr_md5 md5;
            uint8_t digest[DR_MD5_BYTES];
            char text[2 * DR_MD5_BYTES + 1];
            const char *rest = md5_rows[i].text;
            dr_md5_begin(&md5);
            while (*rest != '\0') {
                size_t take = strlen(rest) < step ? strlen(rest) : step;
                dr_md5_update(&md5, (const uint8_t *)rest, take);
                rest += take;
            }
            dr_md5_finish(&md5, digest);
            dr_hex_encode(digest, sizeof digest, text);
            EXPECT_STR(text, md5_rows[i].digest);
        }
    }
    /* The check values of the CRC catalogue for "123456789", in base64. */
    static const struct {
        enum dr_crc_kind kind;
        const char *base64;
    } crc_rows[] = {
        {DR_CRC_32, "y/Q5Jg=="}, {DR_CRC_32C, "4waSgw=="}, {DR_CRC_64NVME, "rosUhgp5mIg="}};
    for (size_t i = 0; i < DR_ARRAY_COUNT(crc_rows); i++) {
        struct dr_crc crc;
        dr_crc_begin(&crc, crc_rows[i].kind);
        dr_crc_update(&crc, (const uint8_t *)"1234", 4);
        dr_crc_update(&crc, (const uint8_t *)"56789", 5);
        EXPECT_EQ(dr_crc_check(&crc, crc_rows[i].base64), DR_OK);
        dr_crc_update(&crc, (const uint8_t *)"0", 1);
        EXPECT_EQ(dr_crc_check(&crc, crc_rows[i].base64), DR_E_CORRUPT);
        EXPECT_EQ(dr_crc_check(&crc, "AA=="), DR_E_FORMAT);
        EXPECT_EQ(dr_crc_check(&crc, "not base64"), DR_E_FORMAT);
    }
    enum dr_crc_kind kind = DR_CRC_NONE;
    EXPECT_EQ(dr_crc_kind_of("x-amz-checksum-crc64nvme", &kind), DR_OK);
    EXPECT_EQ(kind, DR_CRC_64NVME);
    EXPECT_EQ(dr_crc_kind_of("x-amz-checksum-sha1", &kind), DR_E_UNSUPPORTED);
    EXPECT_EQ(dr_crc_kind_of("x-amz-checksum-mode", &kind), DR_E_NOT_FOUND);
    EXPECT_EQ(dr_crc_kind_of("x-amz-checksum-type", &kind), DR_E_NOT_FOUND);
    EXPECT_EQ(dr_crc_kind_of("x-amz-meta", &kind), DR_E_NOT_FOUND);
}

struct collected {
    char text[64];
    size_t len;
};

static enum dr_status collect(void *ctx, const uint8_t *data, size_t size_bytes)
{
    struct collected *collected = ctx;
    if (size_bytes > sizeof collected->text - collected->len) {
        return DR_E_SPACE;
    }
    memcpy(collected->text + collected->len, data, size_bytes);
    collected->len += size_bytes;
    return DR_OK;
}

static enum dr_status decode(
    const char *text, size_t text_len, size_t step, struct dr_chunked *chunked,
    struct collected *collected)
{
    dr_chunked_begin(chunked);
    memset(collected, 0, sizeof *collected);
    for (size_t offset = 0; offset < text_len; offset += step) {
        size_t take = text_len - offset < step ? text_len - offset : step;
        enum dr_status status =
            dr_chunked_feed(chunked, (const uint8_t *)text + offset, take, collect, collected);
        if (status != DR_OK) {
            return status;
        }
    }
    return dr_chunked_end(chunked);
}

static void chunks_arrive_in_any_pieces(void)
{
    static const char text[] =
        "5\r\nhello\r\n6\r\n, all\n\r\n0\r\nX-Amz-Checksum-CRC32: abcd== \r\n\r\n";
    struct dr_chunked chunked;
    struct collected collected;
    for (size_t step = 1; step < sizeof text; step++) {
        EXPECT_EQ(decode(text, sizeof text - 1, step, &chunked, &collected), DR_OK);
        EXPECT(collected.len == 11 && memcmp(collected.text, "hello, all\n", 11) == 0);
        EXPECT_STR(chunked.trailer_name, "x-amz-checksum-crc32");
        EXPECT_STR(chunked.trailer_value, "abcd==");
    }
    for (size_t len = 0; len < sizeof text - 1; len++) {
        EXPECT_EQ(decode(text, len, 7, &chunked, &collected), DR_E_TRUNCATED);
    }
}

static void broken_chunks_are_refused(void)
{
    static const struct {
        const char *text;
        enum dr_status status;
    } rows[] = {
        {"0\r\n\r\n", DR_OK},
        {"00\r\n\r\n", DR_OK},
        {"0\r\n\r\nx", DR_E_FORMAT},
        {"5\r\nhelloX", DR_E_FORMAT},
        {"5\nhello", DR_E_FORMAT},
        {"\r\n", DR_E_FORMAT},
        {"-1\r\n", DR_E_FORMAT},
        {"0x5\r\n", DR_E_FORMAT},
        {"100000000\r\n", DR_E_FORMAT},
        {"5;chunk-signature=00\r\nhello", DR_E_UNSUPPORTED},
        {"0\r\nno colon\r\n\r\n", DR_E_FORMAT},
        {"0\r\na:1\r\nb:2\r\n\r\n", DR_E_FORMAT},
        {"0\r\n:1\r\n\r\n", DR_E_FORMAT},
        {"5\rhello", DR_E_FORMAT},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        struct dr_chunked chunked;
        struct collected collected;
        enum dr_status status = decode(rows[i].text, strlen(rows[i].text), 3, &chunked, &collected);
        if (status != rows[i].status) {
            fprintf(stderr, "chunks \"%s\"\n", rows[i].text);
        }
        EXPECT_EQ(status, rows[i].status);
    }
    char line[DR_CHUNKED_LINE_MAX + 8];
    struct dr_chunked chunked;
    struct collected collected;
    memset(line, '0', sizeof line);
    EXPECT_EQ(decode(line, sizeof line, 50, &chunked, &collected), DR_E_FORMAT);
}

static size_t files_in(const char *directory)
{
    size_t count = 0;
    DIR *dir = opendir(directory);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        count += entry->d_name[0] != '.' ? 1u : 0u;
    }
    (void)closedir(dir);
    return count;
}

#define HELLO_SHA256 "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
#define HELLO_MD5 "XUFAKrxLKna5cZ2REBfFkg=="

/* DR_S3_INTERNAL as the error stands for none: it is good. */
static const struct {
    const char *title;
    struct dr_api_announcement announced;
    const char *body;
    enum dr_api_error error; /* DR_S3_INTERNAL: none, it is good */
} upload_rows[] = {
    {"nothing announced", {.payload_hash = "UNSIGNED-PAYLOAD"}, "hello", DR_S3_INTERNAL},
    {"all announced",
     {.payload_hash = HELLO_SHA256,
      .content_md5 = HELLO_MD5,
      .sha256 = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
      .crc = DR_CRC_32,
      .crc_value = "NhCmhg=="},
     "hello",
     DR_S3_INTERNAL},
    {"other bytes", {.payload_hash = HELLO_SHA256}, "hellO", DR_S3_CONTENT_SHA256},
    {"other MD5",
     {.payload_hash = "UNSIGNED-PAYLOAD", .content_md5 = "AAAAAAAAAAAAAAAAAAAAAA=="},
     "hello",
     DR_S3_BAD_DIGEST},
    {"broken MD5",
     {.payload_hash = "UNSIGNED-PAYLOAD", .content_md5 = "x"},
     "hello",
     DR_S3_BAD_DIGEST},
    {"other CRC",
     {.payload_hash = "UNSIGNED-PAYLOAD", .crc = DR_CRC_32, .crc_value = "AAAAAA=="},
     "hello",
     DR_S3_BAD_DIGEST},
    {"too large", {.payload_hash = "UNSIGNED-PAYLOAD"}, "hello, world", DR_S3_TOO_LARGE},
    {"chunked",
     {.payload_hash = "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
      .aws_chunked = true,
      .crc = DR_CRC_32,
      .has_decoded_size = true,
      .decoded_size_bytes = 5},
     "3\r\nhel\r\n2\r\nlo\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n",
     DR_S3_INTERNAL},
    {"chunked, other trailer",
     {.payload_hash = "", .aws_chunked = true, .crc = DR_CRC_32},
     "5\r\nhello\r\n0\r\nx-amz-checksum-crc32c:NhCmhg==\r\n\r\n",
     DR_S3_INVALID_REQUEST},
    {"chunked, no trailer",
     {.payload_hash = "", .aws_chunked = true, .crc = DR_CRC_32},
     "5\r\nhello\r\n0\r\n\r\n",
     DR_S3_INVALID_REQUEST},
    {"chunked, cut", {.payload_hash = "", .aws_chunked = true}, "5\r\nhell", DR_S3_INCOMPLETE_BODY},
    {"chunked, other size",
     {.payload_hash = "", .aws_chunked = true, .has_decoded_size = true, .decoded_size_bytes = 6},
     "5\r\nhello\r\n0\r\n\r\n",
     DR_S3_INCOMPLETE_BODY},
    {"chunked, signed chunks",
     {.payload_hash = "", .aws_chunked = true},
     "5;chunk-signature=1\r\nhello",
     DR_S3_NOT_IMPLEMENTED},
};

static void an_upload_is_kept_only_when_all_digests_fit(void)
{
    char directory[] = "/tmp/daruma-upload-XXXXXX";
    REQUIRE(mkdtemp(directory) != NULL);
    for (size_t i = 0; i < DR_ARRAY_COUNT(upload_rows); i++) {
        struct dr_api_upload upload;
        enum dr_api_error error = DR_S3_INTERNAL;
        const char *message = "";
        REQUIRE(
            dr_api_upload_begin(
                &upload, directory, &dr_crypto_openssl, &upload_rows[i].announced, 10) == DR_OK);
        EXPECT_EQ(files_in(directory), 1);
        for (const char *c = upload_rows[i].body; *c != '\0'; c++) {
            dr_api_upload_feed(&upload, (const uint8_t *)c, 1);
        }
        enum dr_status status = dr_api_upload_finish(&upload, &error, &message);
        bool good = upload_rows[i].error == DR_S3_INTERNAL;
        if ((status == DR_OK) != good || error != upload_rows[i].error) {
            bool told = status == DR_OK || error == upload_rows[i].error;
            fprintf(
                stderr, "row \"%s\": %s%s\n", upload_rows[i].title, message, told ? "" : " (code)");
        }
        EXPECT((status == DR_OK) == good);
        EXPECT(status == DR_OK || error == upload_rows[i].error);
        if (good) {
            EXPECT_EQ(upload.size_bytes, 5);
            EXPECT_STR(upload.md5_text, "5d41402abc4b2a76b9719d911017c592");
        }
        dr_api_upload_drop(&upload);
        dr_api_upload_drop(&upload);
        EXPECT_EQ(files_in(directory), 0);
    }
    struct dr_api_upload upload;
    struct dr_api_announcement none = {0};
    EXPECT(rmdir(directory) == 0);
    EXPECT(dr_api_upload_begin(&upload, directory, &dr_crypto_openssl, &none, 10) != DR_OK);
    dr_api_upload_drop(&upload);
}

DR_TEST_MAIN(
    checksums_match_published_values, chunks_arrive_in_any_pieces, broken_chunks_are_refused,
    an_upload_is_kept_only_when_all_digests_fit)
