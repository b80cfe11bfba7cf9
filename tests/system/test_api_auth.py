# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Who is let in and how others are told: SigV4, targets, headers, roles (docs/api.md)."""
import http.client
import json
import unittest

import api_rig
from api_rig import ADMIN, OPERATOR, VIEWER


class AuthTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = api_rig.Daemon().start()
        cls.daemon.client("iot").create_thing(thingName="lamp")

    @classmethod
    def tearDownClass(cls):
        assert cls.daemon.close() == 0

    def refused(self, result, status, kind):
        self.assertEqual((result[0], result[1]), (status, kind))
        self.assertTrue(result[2]["message"])

    def test_both_signing_names_of_iot(self):
        for service in ("iot", "execute-api"):
            self.assertEqual(self.daemon.call("GET", "/things/lamp", service=service)[2]["thingName"], "lamp")

    def test_unsigned(self):
        status, headers, body = self.daemon.send("GET", "/things")
        self.assertEqual((status, headers["x-amzn-errortype"]), (403, "MissingAuthenticationTokenException"))
        status, headers, body = self.daemon.send("GET", "/some-bucket/key")
        self.assertEqual((status, headers["content-type"]), (403, "application/xml"))
        self.assertIn(b"<Code>AccessDenied</Code>", body)

    def test_wrong_secret_and_unknown_key(self):
        self.refused(self.daemon.call("GET", "/things", who=(ADMIN[0], "x" * 20)), 403, "InvalidSignatureException")
        self.refused(self.daemon.call("GET", "/things", who=("AKNOBODY", ADMIN[1])), 403, "UnrecognizedClientException")
        self.refused(self.daemon.call("GET", "/things", token="t"), 403, "UnrecognizedClientException")
        headers = self.daemon.signed("GET", "/b/k", service="s3", who=("AKNOBODY", ADMIN[1]))
        self.assertIn(b"<Code>InvalidAccessKeyId</Code>", self.daemon.send("GET", "/b/k", headers)[2])
        headers = self.daemon.signed("GET", "/b/k", service="s3", who=(ADMIN[0], "x" * 20))
        self.assertIn(b"<Code>SignatureDoesNotMatch</Code>", self.daemon.send("GET", "/b/k", headers)[2])

    def test_skew(self):
        for shift_s, status in ((-240, 200), (240, 200), (-360, 403), (360, 403)):
            with self.subTest(shift_s=shift_s):
                self.assertEqual(self.daemon.call("GET", "/things", shift_s=shift_s)[0], status)
        for shift_s, wanted in ((-840, b"NoSuchBucket"), (840, b"NoSuchBucket"), (-960, b"RequestTimeTooSkewed"),
                                (960, b"RequestTimeTooSkewed")):
            with self.subTest(shift_s=shift_s):
                headers = self.daemon.signed("GET", "/nobucket/k", service="s3", shift_s=shift_s)
                self.assertIn(wanted, self.daemon.send("GET", "/nobucket/k", headers)[2])

    def test_anything_changed_on_the_way(self):
        body = b'{"attributePayload":{"attributes":{"a":"1"}}}'
        good = self.daemon.signed("POST", "/things/changed", body, headers={"Content-Type": "application/json"})
        changes = {
            "method": lambda: self.daemon.send("PATCH", "/things/changed", good, body),
            "path": lambda: self.daemon.send("POST", "/things/changed2", good, body),
            "query": lambda: self.daemon.send("POST", "/things/changed?a=b", good, body),
            "body": lambda: self.daemon.send("POST", "/things/changed", good, body.replace(b"1", b"2")),
            "header": lambda: self.daemon.send(
                "POST", "/things/changed", [(k, "text/plain" if k == "Content-Type" else v) for k, v in good], body),
            "parameter header": lambda: self.daemon.send(
                "POST", "/things/changed", good + [("x-amzn-principal", "smuggled")], body),
        }
        for name, send in changes.items():
            with self.subTest(name):
                self.assertEqual(send()[0], 403)
        self.assertEqual(self.daemon.call("GET", "/things/changed")[0], 404)
        self.assertEqual(self.daemon.send("POST", "/things/changed", good, body)[0], 200)

    def test_declared_hash_must_fit_the_body(self):
        headers = {"X-Amz-Content-SHA256": api_rig.sha256(b"{}")}
        signed = self.daemon.signed("POST", "/things/hashed", b"{}", headers=headers)
        self.assertEqual(self.daemon.send("POST", "/things/hashed", signed, b"{} ")[0], 403)
        self.assertEqual(self.daemon.send("POST", "/things/hashed", signed, b"{}")[0], 200)
        for word in ("UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x"):
            signed = self.daemon.signed("POST", "/things/unsigned", b"{}", headers={"X-Amz-Content-SHA256": word})
            self.assertIn(self.daemon.send("POST", "/things/unsigned", signed, b"{}")[0], (400, 403))

    def test_malformed_authorization(self):
        good = dict(self.daemon.signed("GET", "/things"))
        value = good["Authorization"]
        for bad in ("", "Basic dXNlcjpwdw==", "AWS4-HMAC-SHA256", value.replace("Signature=", "Signature=00"),
                    value.replace("aws4_request", "aws5_request"), value.replace("host;", ""), value[:-4],
                    value.replace("Credential=", "Credential=/"), value + ", Signature=00", "A" * 4000):
            with self.subTest(bad[:60]):
                headers = [(k, bad if k == "Authorization" else v) for k, v in good.items()]
                status, answer, body = self.daemon.send("GET", "/things", headers)
                self.assertEqual(status, 403)
                self.assertTrue(json.loads(body)["message"])

    def test_duplicate_headers(self):
        good = self.daemon.signed("GET", "/things")
        for name, value in good:
            status, _, _ = self.daemon.send("GET", "/things", good + [(name, value)])
            self.assertEqual(status, 400, name)
        # Others are joined, and signed so.
        signed = self.daemon.signed("GET", "/things", headers={"x-amz-meta-a": "1,2"})
        pairs = [(k, v) for k, v in signed if k != "x-amz-meta-a"] + [("X-Amz-Meta-A", " 1 "), ("x-amz-meta-a", "2\t")]
        self.assertEqual(self.daemon.send("GET", "/things", pairs)[0], 200)

    def test_targets_are_taken_raw(self):
        cases = (("/things/a%00b", 400), ("/things/%00", 400), ("/things/%zz", 400), ("/things/a%2Fjobs", 404),
                 ("/nothing/at/all", 404), ("/things/lamp/", 404), ("/things?colour=red", 400),
                 ("/things?maxResults=1&maxResults=2", 400), ("/things?maxResults=0", 400), ("/things?maxResults=x", 400))
        for target, expected in cases:
            with self.subTest(target):
                # The way our canonical request spells it is the way it travels: sign that text.
                status, kind, _ = self.daemon.call("GET", target)
                self.assertEqual(status, expected, kind)
        self.assertEqual(self.daemon.call("POST", "/endpoint")[:2], (405, "MethodNotAllowedException"))
        status, kind, body = self.daemon.call("GET", "/thing-groups")
        self.assertEqual((status, kind), (501, "NotImplementedException"))
        self.assertIn("ListThingGroups", body["message"])
        status, kind, _ = self.daemon.call("POST", "/things/lamp/shadow", service="iotdata")
        self.assertEqual(status, 501)

    def test_oversized_requests(self):
        status, _, _ = self.daemon.send("GET", "/things/" + "a" * 9000)
        self.assertIn(status, (400, 414))
        answer = api_rig.raw_exchange(self.daemon.port, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 200000)
        self.assertTrue(answer.startswith(b"HTTP/1.1 4") or answer == b"")
        many = [(f"x-a{i}", "1") for i in range(80)]
        self.assertEqual(self.daemon.send("GET", "/things", many)[0], 400)

    def test_a_refused_upload_is_never_read(self):
        headers = self.daemon.signed("PUT", "/b/k", b"x", service="s3", who=(ADMIN[0], "x" * 20))
        connection = http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=10)
        connection.putrequest("PUT", "/b/k", skip_host=True)
        for name, value in headers + [("Host", f"127.0.0.1:{self.daemon.port}"), ("Expect", "100-continue"),
                                      ("Content-Length", "1000000000")]:
            connection.putheader(name, value)
        connection.endheaders()
        # Not one byte of the body was sent, and there is the answer.
        response = connection.getresponse()
        self.assertEqual(response.status, 403)
        self.assertEqual(response.getheader("Connection"), "close")
        connection.close()

    def test_roles(self):
        self.assertEqual(self.daemon.call("GET", "/things", who=VIEWER)[0], 200)
        self.assertEqual(self.daemon.call("POST", "/things/nope", b"{}", who=VIEWER)[:2], (403, "AccessDeniedException"))
        self.assertEqual(self.daemon.call("POST", "/things/nope", b"{}", who=OPERATOR)[:2],
                         (403, "AccessDeniedException"))
        self.assertEqual(self.daemon.call("GET", "/things/nope")[0], 404)
        self.daemon.client("s3", who=OPERATOR).create_bucket(Bucket="operators")
        with self.assertRaisesRegex(Exception, "AccessDenied"):
            self.daemon.client("s3", who=VIEWER).create_bucket(Bucket="viewers")

    def test_roles_and_scope_of_our_own_paths(self):
        """Each of them needs its role, as AWS's operations do, and the service's own name in the signature."""
        certificate = "/daruma/things/lamp/recovery-certificate"
        for method, path, role in (("GET", "/daruma/audit", ADMIN), ("POST", certificate, ADMIN),
                                   ("POST", "/daruma/things/lamp/commands", OPERATOR)):
            body = b"{}" if method == "POST" else b""
            for who in (VIEWER, OPERATOR):
                if who == role:
                    break
                self.refused(self.daemon.call(method, path, body, who=who), 403, "AccessDeniedException")
            self.assertNotEqual(self.daemon.call(method, path, body, who=role)[0], 403)
            foreign = self.daemon.signed(method, path, body, service="sts", who=ADMIN)
            self.assertIn(self.daemon.send(method, path, foreign, body)[0], (403, 404, 501))
        self.assertEqual(self.daemon.call("GET", "/daruma/things/lamp/state", who=VIEWER)[0], 200)

    def test_presigned(self):
        s3 = self.daemon.client("s3", config={"signature_version": "s3v4"})
        s3.create_bucket(Bucket="presigned")
        s3.put_object(Bucket="presigned", Key="a b", Body=b"content")
        url = s3.generate_presigned_url("get_object", Params={"Bucket": "presigned", "Key": "a b"}, ExpiresIn=60)
        target = url[len(self.daemon.url):]
        self.assertEqual(self.daemon.send("GET", target)[::2], (200, b"content"))
        self.assertEqual(self.daemon.send("PUT", target, body=b"other")[0], 403)
        self.assertEqual(self.daemon.send("GET", target.replace("Expires=60", "Expires=6000"))[0], 403)

    def test_health_and_ready_are_open_to_all(self):
        self.assertEqual(self.daemon.send("GET", "/daruma/health")[0], 200)
        self.assertEqual(json.loads(self.daemon.send("GET", "/daruma/ready")[2]), {"status": "ready"})
        self.assertEqual(self.daemon.send("GET", "/daruma/things/lamp/state")[0], 403)

    def test_sts(self):
        identity = self.daemon.client("sts").get_caller_identity()
        self.assertEqual((identity["Account"], identity["UserId"]), ("000000000000", ADMIN[0]))
        with self.assertRaisesRegex(Exception, "NotImplemented"):
            self.daemon.client("sts").get_session_token()

    def test_the_log_never_holds_a_secret(self):
        self.daemon.call("POST", "/things/logged", b"{}")
        text = self.daemon.text()
        self.assertIn("op=CreateThing", text)
        self.assertNotIn(ADMIN[1], text)


if __name__ == "__main__":
    unittest.main()
