# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Pre-signed URLs: ranges, expiry, what was altered, and the key that devices' URLs are signed with."""
import hashlib
import hmac
import http.client
import time
import unittest
import urllib.parse
import xml.etree.ElementTree

import api_rig
from world import wait_for

IMAGE = bytes((i * 7 + i // 256) % 256 for i in range(1_000_000))


def download_key():
    """The key behind the URLs that devices get follows from the secrets in the credentials file."""
    secrets = b"".join(who[1].encode().ljust(129, b"\0") for who in (api_rig.ADMIN, api_rig.OPERATOR, api_rig.VIEWER))
    return "DARUMADOWNLOAD", hmac.new(b"daruma download urls 1", secrets, hashlib.sha256).hexdigest()


class DownloadTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = api_rig.Daemon("download_url https://127.0.0.1:1\n").start()
        cls.s3 = cls.daemon.client("s3")
        cls.s3.create_bucket(Bucket="images")
        cls.s3.put_object(Bucket="images", Key="fw", Body=IMAGE)

    @classmethod
    def tearDownClass(cls):
        assert cls.daemon.close() == 0

    def url(self, operation="get_object", who=api_rig.ADMIN, expires_s=60, thing=None, key="fw"):
        client = self.daemon.client("s3", who=who, config={"signature_version": "s3v4", "s3": {"addressing_style": "path"}})

        def name(request, **_):
            request.url += ("&" if "?" in request.url else "?") + f"x-daruma-thing={thing}"
        if thing:
            client.meta.events.register("before-sign.s3", name)
        url = client.generate_presigned_url(operation, {"Bucket": "images", "Key": key}, ExpiresIn=expires_s)
        return url[len(self.daemon.url):]

    def get(self, target, byte_range=None, method="GET"):
        return self.daemon.send(method, target, [("Range", f"bytes={byte_range}")] if byte_range else [])

    def error(self, answer):
        root = xml.etree.ElementTree.fromstring(answer[2])
        self.assertEqual(root.tag, "Error")
        return {child.tag: child.text for child in root}

    def test_ranges_over_one_connection(self):
        target = self.url()
        connection = http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=20)
        connection.connect()
        socket = connection.sock
        for first, last in ((0, 4095), (4096, 8191), (999_000, 999_999), (5, 5), (0, 999_999)):
            connection.request("GET", target, headers={"Range": f"bytes={first}-{last}"})
            answer = connection.getresponse()
            data = answer.read()
            self.assertEqual((answer.status, data), (206, IMAGE[first:last + 1]))
            self.assertEqual(answer.headers["Content-Range"], f"bytes {first}-{last}/{len(IMAGE)}")
            self.assertEqual(answer.headers["Content-Length"], str(last - first + 1))
            self.assertLess(sum(len(k) + len(v) + 4 for k, v in answer.headers.items()), 1024)
            self.assertIs(connection.sock, socket)
        connection.close()

    def test_whole_and_beyond(self):
        status, headers, data = self.get(self.url())
        self.assertEqual((status, data), (200, IMAGE))
        self.assertEqual(headers["accept-ranges"], "bytes")
        status, headers, data = self.get(self.url(), "900000-1999999")
        self.assertEqual((status, data, headers["content-range"]), (206, IMAGE[900000:], "bytes 900000-999999/1000000"))
        status, _, data = self.get(self.url(), "1000000-1000001")
        self.assertEqual((status, self.error((0, 0, data))["Code"]), (416, "InvalidRange"))

    def test_head_has_a_url_of_its_own(self):
        status, headers, data = self.get(self.url("head_object"), method="HEAD")
        self.assertEqual((status, headers["content-length"], data), (200, str(len(IMAGE)), b""))
        self.assertEqual(self.get(self.url("get_object"), method="HEAD")[0], 403)

    def test_expired(self):
        target = self.url(expires_s=1)
        answer = wait_for("the URL expires", lambda: (lambda a: a if a[0] != 200 else None)(self.get(target)))
        error = self.error(answer)
        self.assertEqual((answer[0], error["Code"], error["Message"]), (403, "AccessDenied", "Request has expired"))
        self.assertEqual(error["X-Amz-Expires"], "1")
        self.assertLess(time.strptime(error["Expires"], "%Y-%m-%dT%H:%M:%SZ"),
                        time.strptime(error["ServerTime"], "%Y-%m-%dT%H:%M:%SZ"))

    def test_altered(self):
        target = self.url(expires_s=60)
        for altered in (target.replace("/fw?", "/other?"), target.replace("X-Amz-Expires=60", "X-Amz-Expires=3600"),
                        target + "&versionId=x", target.replace("Signature=", "Signature=0")):
            answer = self.get(altered)
            self.assertEqual(answer[0], 403, altered)
            self.assertIn(self.error(answer)["Code"], ("SignatureDoesNotMatch", "AccessDenied"))

    def test_the_download_key_fetches_and_nothing_else(self):
        key = download_key()
        target = self.url(who=key, thing="lamp-1")
        self.assertEqual(self.get(target, "0-9")[::2], (206, IMAGE[:10]))
        self.assertEqual(self.get(target, "10-99")[::2], (206, IMAGE[10:100]))
        _, _, counters = self.daemon.call("GET", "/daruma/things/lamp-1/counters")
        self.assertEqual(counters, {"httpRequests": 2, "httpBytes": 100})
        self.assertEqual(self.daemon.call("GET", "/things", who=key)[0], 403)
        for call in (lambda c: c.list_buckets(), lambda c: c.get_object(Bucket="images", Key="fw"),
                     lambda c: c.put_object(Bucket="images", Key="fw", Body=b"x")):
            with self.assertRaises(Exception) as caught:
                call(self.daemon.client("s3", who=key))
            self.assertEqual(caught.exception.response["Error"]["Code"], "AccessDenied")

    def test_no_url_is_logged_whole(self):
        target = self.url(who=download_key(), thing="lamp-2").replace("Signature=", "Signature=0")
        self.assertEqual(self.get(target)[0], 403)
        log = self.daemon.text()
        self.assertIn("path=\"/images/fw\" status=403", log)
        signature = urllib.parse.parse_qs(target)["X-Amz-Signature"][0]
        self.assertNotIn(signature[1:], log)
        self.assertNotIn("X-Amz-", log)


if __name__ == "__main__":
    unittest.main()
