# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Uploads in all four forms that clients use, and what else of S3 an image needs (AWS IoT's published API)."""
import base64
import binascii
import pathlib
import subprocess
import tempfile
import unittest

import botocore.exceptions

import api_rig

LIMIT = 3_000_000
IMAGE = bytes(range(256)) * 1024  # 256 KiB


def crc32(data):
    return base64.b64encode(binascii.crc32(data).to_bytes(4, "big")).decode()


def aws_chunked(data, trailer, size=100_000):
    parts = [data[i:i + size] for i in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n" + trailer + b"\r\n\r\n"


def http_chunked(data, size=65536):
    parts = [data[i:i + size] for i in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n"


class S3Test(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = api_rig.Daemon(f"object_bytes_max {LIMIT}\n").start()
        cls.s3 = cls.daemon.client("s3")
        cls.s3.create_bucket(Bucket="images")

    @classmethod
    def tearDownClass(cls):
        assert cls.daemon.close() == 0

    def code(self, call, *arguments, **options):
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            call(*arguments, **options)
        error = caught.exception.response
        return error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"]

    def put(self, key, body, headers, framed=None):
        """A hand-made PutObject: what is sent may differ from what is announced."""
        target = f"/images/{key}"
        signed = self.daemon.signed("PUT", target, body, service="s3", headers=headers)
        sent = body if framed is None else framed
        if "Transfer-Encoding" in dict(signed):
            sent = http_chunked(sent)
        status, answer, text = self.daemon.send("PUT", target, signed, sent, length="Transfer-Encoding" not in dict(signed))
        return status, text

    def stored(self, key):
        return self.s3.get_object(Bucket="images", Key=key)["Body"].read()

    def absent(self, key):
        self.assertEqual(self.code(self.s3.get_object, Bucket="images", Key=key)[1], "NoSuchKey")

    # --- the four forms ---

    def test_hex_digest_with_md5(self):
        answer = self.s3.put_object(Bucket="images", Key="hex", Body=IMAGE)  # this boto3 over HTTP
        self.assertTrue(answer["VersionId"])
        self.assertEqual(self.stored("hex"), IMAGE)

    def test_unsigned_payload(self):
        status, _ = self.put("unsigned", IMAGE, {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})
        self.assertEqual(status, 200)
        self.assertEqual(self.stored("unsigned"), IMAGE)

    def test_hex_digest_with_crc32(self):
        status, _ = self.put("crc", IMAGE, {"x-amz-checksum-crc32": crc32(IMAGE), "x-amz-sdk-checksum-algorithm": "CRC32"})
        self.assertEqual(status, 200)
        self.assertEqual(self.stored("crc"), IMAGE)

    def streaming(self, key, framed, size=len(IMAGE), trailer_name="x-amz-checksum-crc32"):
        return self.put(key, b"", {
            "X-Amz-Content-SHA256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "Content-Encoding": "aws-chunked",
            "X-Amz-Trailer": trailer_name, "X-Amz-Decoded-Content-Length": str(size), "Transfer-Encoding": "chunked"},
            framed)

    def test_aws_chunked_with_trailer(self):
        trailer = b"x-amz-checksum-crc32:" + crc32(IMAGE).encode()
        self.assertEqual(self.streaming("streamed", aws_chunked(IMAGE, trailer))[0], 200)
        self.assertEqual(self.stored("streamed"), IMAGE)

    # --- nothing is visible unless everything fits ---

    def test_mismatches(self):
        good_trailer = b"x-amz-checksum-crc32:" + crc32(IMAGE).encode()
        before = self.daemon.blob_files()
        cases = {
            "altered body": (self.put("bad", IMAGE, {}, IMAGE[:-1] + b"x"), b"XAmzContentSHA256Mismatch"),
            "altered, unsigned, with MD5": (
                self.put("bad", IMAGE, {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD",
                                        "Content-MD5": "XUFAKrxLKna5cZ2REBfFkg=="}), b"BadDigest"),
            "other CRC": (self.put("bad", IMAGE, {"x-amz-checksum-crc32": crc32(b"other")}), b"BadDigest"),
            "other trailer": (
                self.streaming("bad", aws_chunked(IMAGE, b"x-amz-checksum-crc32:AAAAAA==")), b"BadDigest"),
            "missing trailer": (self.streaming("bad", aws_chunked(IMAGE, b"")[:-2]), b"InvalidRequest"),
            "cut": (self.streaming("bad", aws_chunked(IMAGE, good_trailer)[:-30]), b"IncompleteBody"),
            "other size": (self.streaming("bad", aws_chunked(IMAGE, good_trailer), len(IMAGE) + 1), b"IncompleteBody"),
            "not chunked": (self.streaming("bad", IMAGE), b"InvalidRequest"),
            "unknown trailer": (
                self.streaming("bad", b"", trailer_name="x-amz-checksum-sha1"), b"NotImplemented"),
        }
        for name, ((status, text), code) in cases.items():
            with self.subTest(name):
                self.assertGreaterEqual(status, 400)
                self.assertIn(b"<Code>" + code + b"</Code>", text)
        self.absent("bad")
        self.assertEqual(self.daemon.blob_files(), before)

    def test_no_announced_checksum_is_skipped(self):
        chunked = aws_chunked(IMAGE, b"x-amz-checksum-crc32:" + crc32(IMAGE).encode())
        right, long = crc32(IMAGE), "A" * 64
        cases = {
            "SHA-1": ({"x-amz-checksum-sha1": "AAAA"}, b"NotImplemented"),
            "one of tomorrow": ({"X-Amz-Checksum-" + "Blake" * 20: "AAAA"}, b"NotImplemented"),
            "long MD5": ({"Content-MD5": long}, b"InvalidArgument"),
            "long SHA-256": ({"x-amz-checksum-sha256": long}, b"InvalidArgument"),
            "long CRC": ({"x-amz-checksum-crc32": long}, b"InvalidArgument"),
            "long size": ({"x-amz-decoded-content-length": "9" * 30}, b"InvalidArgument"),
            "long trailer": ({"x-amz-trailer": "x-amz-checksum-crc32" + "," * 60}, b"InvalidArgument"),
            "second CRC": ({"x-amz-checksum-crc32": right, "x-amz-checksum-crc32c": "AAAAAA=="}, b"InvalidRequest"),
            "trailer of a plain body": ({"x-amz-trailer": "x-amz-checksum-crc32"}, b"InvalidRequest"),
        }
        for name, (headers, code) in cases.items():
            with self.subTest(name):
                self.assertIn(b"<Code>" + code + b"</Code>", self.put("bad", IMAGE, headers)[1])
        with self.subTest("beside a trailer"):
            status, text = self.put("bad", IMAGE, {
                "X-Amz-Content-SHA256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x-amz-trailer": "x-amz-checksum-crc32",
                "x-amz-checksum-crc32c": "AAAAAA=="}, chunked)
            self.assertIn(b"<Code>InvalidRequest</Code>", text)
        self.absent("bad")
        self.assertEqual(self.put("asked", IMAGE, {"x-amz-checksum-type": "FULL_OBJECT", "x-amz-checksum-crc32": right})[0], 200)

    def test_signed_chunks_are_not_implemented(self):
        headers = {"X-Amz-Content-SHA256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}
        status, text = self.put("signed-chunks", b"x", headers)
        self.assertEqual(status, 501)
        self.assertIn(b"<Code>NotImplemented</Code>", text)

    def test_too_large(self):
        self.assertEqual(self.code(self.s3.put_object, Bucket="images", Key="large", Body=b"x" * (LIMIT + 1)),
                         (400, "EntityTooLarge"))
        status, text = self.streaming("large", b"", LIMIT + 1)
        self.assertIn(b"EntityTooLarge", text)
        # The size was a lie.
        body = b"x" * (LIMIT + 1)
        status, text = self.streaming("large", aws_chunked(body, b"x-amz-checksum-crc32:" + crc32(body).encode()), 5)
        self.assertIn(b"EntityTooLarge", text)
        self.assertEqual(self.s3.put_object(Bucket="images", Key="just", Body=b"x" * LIMIT)["ETag"][0], '"')
        self.absent("large")

    def test_multipart_is_refused_with_what_to_do(self):
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            self.s3.create_multipart_upload(Bucket="images", Key="parts")
        error = caught.exception.response
        self.assertEqual(error["ResponseMetadata"]["HTTPStatusCode"], 501)
        self.assertIn("put-object", error["Error"]["Message"])

    # --- the rest ---

    def test_the_command_line(self):
        print(subprocess.run([api_rig.AWS, "--version"], capture_output=True, text=True, check=True).stdout.strip())
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "image.bin")
            path.write_bytes(IMAGE)
            back = pathlib.Path(directory, "back.bin")
            self.assertEqual(self.daemon.aws("s3", "cp", path, "s3://images/cli/a+b c.bin")[0], 0)
            self.assertEqual(self.daemon.aws("s3", "cp", "s3://images/cli/a+b c.bin", back)[0], 0)
            self.assertEqual(back.read_bytes(), IMAGE)
            self.assertIn("a+b c.bin", self.daemon.aws("s3", "ls", "s3://images/cli/")[1])

    def test_versions(self):
        first = self.s3.put_object(Bucket="images", Key="v", Body=b"one")["VersionId"]
        second = self.s3.put_object(Bucket="images", Key="v", Body=b"two")["VersionId"]
        self.assertEqual(self.stored("v"), b"two")
        self.assertEqual(self.s3.get_object(Bucket="images", Key="v", VersionId=first)["Body"].read(), b"one")
        head = self.s3.head_object(Bucket="images", Key="v")
        self.assertEqual((head["VersionId"], head["ContentLength"]), (second, 3))
        self.assertTrue(head["LastModified"])
        listed = self.s3.list_object_versions(Bucket="images", Prefix="v")["Versions"]
        self.assertEqual([v["VersionId"] for v in listed if v["Key"] == "v"], [second, first])
        self.assertTrue(self.s3.delete_object(Bucket="images", Key="v")["DeleteMarker"])
        self.absent("v")
        self.assertEqual(self.code(self.s3.get_object, Bucket="images", Key="v", VersionId="0" * 32)[1], "NoSuchVersion")
        self.assertEqual(self.s3.get_bucket_versioning(Bucket="images")["Status"], "Enabled")
        self.s3.put_bucket_versioning(Bucket="images", VersioningConfiguration={"Status": "Enabled"})

    def test_copies(self):
        first = self.s3.put_object(Bucket="images", Key="copy/from +&%", Body=b"one", ContentType="text/one")
        second = self.s3.put_object(Bucket="images", Key="copy/from +&%", Body=b"two!")
        self.s3.create_bucket(Bucket="copies")
        source = {"Bucket": "images", "Key": "copy/from +&%"}
        before = self.daemon.blob_files()
        answer = self.s3.copy_object(Bucket="copies", Key="to", CopySource=source)
        self.assertEqual(answer["CopyObjectResult"]["ETag"], second["ETag"])
        self.assertTrue(answer["CopyObjectResult"]["LastModified"])
        self.assertEqual(answer["CopySourceVersionId"], second["VersionId"])
        got = self.s3.get_object(Bucket="copies", Key="to")
        self.assertEqual((got["Body"].read(), got["VersionId"], got["ETag"]),
                         (b"two!", answer["VersionId"], second["ETag"]))
        # An older version, with its content type or with another.
        older = {**source, "VersionId": first["VersionId"]}
        self.s3.copy_object(Bucket="images", Key="copy/to", CopySource=older)
        self.assertEqual(self.s3.head_object(Bucket="images", Key="copy/to")["ContentType"], "text/one")
        self.s3.copy_object(Bucket="images", Key="copy/to", CopySource=older, MetadataDirective="REPLACE",
                            ContentType="text/other")
        self.assertEqual(self.s3.head_object(Bucket="images", Key="copy/to")["ContentType"], "text/other")
        # Onto itself: the old version on top of the new one.
        self.s3.copy_object(Bucket="images", Key="copy/from +&%", CopySource=older)
        self.assertEqual(self.stored("copy/from +&%"), b"one")
        self.assertEqual(self.daemon.blob_files(), before)

    def test_copies_that_are_refused(self):
        self.s3.put_object(Bucket="images", Key="uncopied", Body=b"kept")

        def refused(source, bucket="images", **options):
            return self.code(self.s3.copy_object, Bucket=bucket, Key="uncopied", CopySource=source, **options)

        self.assertEqual(refused("images/missing"), (404, "NoSuchKey"))
        self.assertEqual(refused("missing/uncopied"), (404, "NoSuchBucket"))
        self.assertEqual(refused("images/uncopied", bucket="missing"), (404, "NoSuchBucket"))
        self.assertEqual(refused("images/uncopied?versionId=" + "0" * 32), (404, "NoSuchVersion"))
        self.assertEqual(refused("images/uncopied", CopySourceIfMatch="x"), (501, "NotImplemented"))
        gone = self.s3.delete_object(Bucket="images", Key="uncopied-marker")["VersionId"]
        self.assertEqual(refused("images/uncopied-marker"), (404, "NoSuchKey"))
        self.assertEqual(refused("images/uncopied-marker?versionId=" + gone), (400, "InvalidRequest"))
        viewer = self.daemon.client("s3", who=api_rig.VIEWER)
        self.assertEqual(self.code(viewer.copy_object, Bucket="images", Key="uncopied", CopySource="images/uncopied")[0], 403)
        for source in ("", "images", "images/", "images/%zz", "images/uncopied?x=1", "images/" + "x" * 5000):
            with self.subTest(source[:40]):
                status, text = self.put("uncopied", b"", {"x-amz-copy-source": source})
                self.assertEqual(status, 400)
                self.assertIn(b"<Code>InvalidArgument</Code>", text)
        status, text = self.put("uncopied", b"", {"x-amz-copy-source": "images/uncopied", "x-amz-metadata-directive": "X"})
        self.assertEqual(status, 400)
        self.assertEqual(self.stored("uncopied"), b"kept")

    def test_a_url_for_an_upload_is_none_for_a_copy(self):
        self.s3.put_object(Bucket="images", Key="private", Body=b"private")
        url = self.s3.generate_presigned_url("put_object", Params={"Bucket": "images", "Key": "open"})
        target = url[len(self.daemon.url):]
        self.assertEqual(self.daemon.send("PUT", target, [("x-amz-copy-source", "images/private")])[0], 403)
        self.absent("open")
        self.assertEqual(self.daemon.send("PUT", target, [], b"x")[0], 200)

    def test_the_command_line_copies_and_moves(self):
        self.s3.put_object(Bucket="images", Key="mv/a", Body=IMAGE)
        self.assertEqual(self.daemon.aws("s3", "cp", "s3://images/mv/a", "s3://images/mv/b")[0], 0)
        self.assertEqual(self.stored("mv/b"), IMAGE)
        self.assertEqual(self.daemon.aws("s3", "mv", "s3://images/mv/b", "s3://images/mv/c")[0], 0)
        self.assertEqual(self.stored("mv/c"), IMAGE)
        self.absent("mv/b")

    def test_ranges(self):
        self.s3.put_object(Bucket="images", Key="r", Body=b"0123456789")

        def ranged(text):
            answer = self.s3.get_object(Bucket="images", Key="r", Range=text)
            return answer["Body"].read(), answer["ResponseMetadata"]["HTTPStatusCode"], answer.get("ContentRange")

        self.assertEqual(ranged("bytes=2-4"), (b"234", 206, "bytes 2-4/10"))
        self.assertEqual(ranged("bytes=7-"), (b"789", 206, "bytes 7-9/10"))
        self.assertEqual(ranged("bytes=-3"), (b"789", 206, "bytes 7-9/10"))
        self.assertEqual(ranged("bytes=5-100"), (b"56789", 206, "bytes 5-9/10"))
        self.assertEqual(ranged("lines=1-2")[1], 200)
        self.assertEqual(self.code(self.s3.get_object, Bucket="images", Key="r", Range="bytes=10-")[0], 416)

    def test_lists(self):
        self.s3.create_bucket(Bucket="listed")
        for key in ("a", "b/1", "b/2", "c<&>", "d e"):
            self.s3.put_object(Bucket="listed", Key=key, Body=b"x")
        answer = self.s3.list_objects_v2(Bucket="listed", Delimiter="/")
        self.assertEqual([o["Key"] for o in answer["Contents"]], ["a", "c<&>", "d e"])
        self.assertEqual([p["Prefix"] for p in answer["CommonPrefixes"]], ["b/"])
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket="listed", PaginationConfig={"PageSize": 2})
        self.assertEqual([o["Key"] for page in pages for o in page["Contents"]], ["a", "b/1", "b/2", "c<&>", "d e"])
        self.assertIn("listed", [b["Name"] for b in self.s3.list_buckets()["Buckets"]])

    def test_lists_with_a_delimiter_have_pages(self):
        self.s3.create_bucket(Bucket="folded")
        for key in ("a", "fw/", "fw/1", "fw/2", "fw/3", "fw0", "g/x/1", "g/x/2", "g/y", "gone/1", "z"):
            self.s3.put_object(Bucket="folded", Key=key, Body=b"x")
        self.s3.delete_object(Bucket="folded", Key="gone/1")

        def entries(operation, size, contents, **options):
            pages = self.s3.get_paginator(operation).paginate(Bucket="folded", PaginationConfig={"PageSize": size}, **options)
            per_page = [([o["Key"] for o in page.get(contents, [])] + [p["Prefix"] for p in page.get("CommonPrefixes", [])])
                        for page in pages]
            self.assertTrue(all(1 <= len(page) <= size for page in per_page), per_page)
            return sorted(entry for page in per_page for entry in page)

        for size in (1, 2, 3, 1000):
            with self.subTest(size):
                self.assertEqual(entries("list_objects_v2", size, "Contents", Delimiter="/"), ["a", "fw/", "fw0", "g/", "z"])
                self.assertEqual(entries("list_objects_v2", size, "Contents", Delimiter="/", Prefix="g/"), ["g/x/", "g/y"])
                self.assertEqual(entries("list_object_versions", size, "Versions", Delimiter="/"),
                                 ["a", "fw/", "fw0", "g/", "gone/", "z"])
        page = self.s3.list_objects_v2(Bucket="folded", Delimiter="/", Prefix="fw", MaxKeys=1)
        self.assertEqual((page["KeyCount"], page["IsTruncated"]), (1, True))
        page = self.s3.list_objects_v2(Bucket="folded", Delimiter="/", Prefix="fw/", MaxKeys=4)
        self.assertEqual((page["KeyCount"], page["IsTruncated"]), (4, False))
        self.assertEqual(self.daemon.aws("s3", "ls", "s3://folded/", "--page-size", 2)[1].count("PRE fw/"), 1)

    def test_buckets(self):
        self.s3.create_bucket(Bucket="again")
        self.s3.create_bucket(Bucket="again", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        self.s3.head_bucket(Bucket="again")
        self.assertEqual(self.code(self.s3.head_bucket, Bucket="missing")[0], 404)
        self.assertEqual(self.code(self.s3.put_object, Bucket="missing", Key="k", Body=b"")[1], "NoSuchBucket")
        self.assertEqual(self.code(self.s3.delete_bucket, Bucket="images")[1], "BucketNotEmpty")
        self.s3.delete_bucket(Bucket="again")

    def test_other_operations_do_not_become_uploads(self):
        self.s3.put_object(Bucket="images", Key="acl", Body=b"kept")
        self.assertEqual(self.code(self.s3.put_object_acl, Bucket="images", Key="acl", ACL="private")[0], 501)
        self.assertEqual(self.code(self.s3.put_object_tagging, Bucket="images", Key="acl", Tagging={"TagSet": []})[0], 501)
        self.assertEqual(self.stored("acl"), b"kept")


if __name__ == "__main__":
    unittest.main()
