# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A client of the HTTP API that means harm: other targets than were signed, paths that lead out, rights it lacks,
requests in two minds about where they end. Afterwards the server serves as before, and no file lies where it should not."""
import contextlib
import json
import pathlib
import select
import socket
import unittest

from api_rig import ADMIN, OPERATOR, VIEWER, Daemon, raw_exchange
from world import wait_for

ARN = "arn:aws:iot:local:000000000000:thing/a"


class AttackTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon().start()
        cls.daemon.call("POST", "/things/a", b"{}", service="iot")
        cls.before = sorted(path.name for path in cls.daemon.directory.iterdir())

    @classmethod
    def tearDownClass(cls):
        assert cls.daemon.close() == 0

    def tearDown(self):
        status, _, body = self.daemon.send("GET", "/things/a", self.daemon.signed("GET", "/things/a"))
        self.assertEqual((status, json.loads(body)["version"]), (200, 1))

    def status(self, method, sent, signed=None, body=b"", extra=(), **options):
        headers = self.daemon.signed(method, signed or sent, body, **options)
        return self.daemon.send(method, sent, headers + list(extra), body)[0]

    def test_another_target_than_was_signed(self):
        for sent in ("/things/%61", "/things//a", "/things/./a", "/things/b/../a", "//things/a", "/things/a/", "/things/a?x",
                     "/things/a#f", "http://127.0.0.1/things/a", "/things/a%2f", "/things/a%20"):
            with self.subTest(sent):
                self.assertEqual(self.status("GET", sent, "/things/a"), 403)
        self.assertEqual(self.status("GET", "/things?maxResults=1&maxResults=2", "/things?maxResults=1"), 403)
        self.assertEqual(self.status("GET", "/things?maxResults=1&maxResults=2"), 400)
        self.assertEqual(self.status("DELETE", "/things/a", extra=[("Host", "elsewhere")]), 403)
        self.assertEqual(self.status("GET", "/things/a", extra=[("x-amz-content-sha256", "UNSIGNED-PAYLOAD")]), 403)
        self.assertEqual(self.status("GET", "/things/a", extra=[("X-HTTP-Method-Override", "DELETE")]), 200)

    def test_paths_that_lead_out(self):
        for target in ("/things/%2e%2e%2fa", "/things/a%2Fb"):
            self.assertEqual(self.status("GET", target, service="execute-api"), 404, target)
        for target in ("/things/a%00b", "/things/%", "/things/%zz", "/things/" + "a" * 9000):
            self.assertEqual(self.status("GET", target), 400, target[:40])
        self.assertEqual(self.status("PUT", "/images", service="s3"), 200)
        for key in ("../../etc/passwd", "a/../../b", "/abs", ".", "../../../../../../../../tmp/planted", "CON", "~root"):
            self.assertIn(self.status("PUT", "/images/" + key, body=b"data", service="s3"), (200, 400), key)
        for bucket in ("..", ".git", "A", "x" * 64, "a..b", "-a"):
            self.assertEqual(self.status("PUT", "/" + bucket, service="s3"), 400, bucket)
        self.assertEqual([str(path)[:6] for path in self.daemon.blob_files()], ["blobs/"])
        now = sorted(path.name for path in self.daemon.directory.iterdir())
        self.assertEqual([name for name in now if name not in self.before + ["blobs"]], [])

    def test_rights_it_lacks(self):
        cases = [(VIEWER, "POST", "/things/v", b"{}", "iot"), (VIEWER, "DELETE", "/things/a", b"", "iot"),
                 (VIEWER, "POST", "/keys-and-certificate", b"", "iot"), (VIEWER, "PUT", "/images/k", b"x", "s3"),
                 (OPERATOR, "POST", "/policies/p", b"{}", "iot"), (OPERATOR, "POST", "/certificates", b"{}", "iot")]
        for who, method, target, body, service in cases:
            with self.subTest(f"{who[0]} {method} {target}"):
                self.assertEqual(self.status(method, target, body=body, service=service, who=who), 403)
        for account in ("999999999999", "", "*"):
            body = json.dumps({"targets": [ARN.replace("000000000000", account)], "document": "{}"}).encode()
            self.assertEqual(self.status("PUT", "/jobs/j1", body=body, service="iot", who=ADMIN), 400, account)

    def held_by(self, head, connections=100):
        """How much more the daemon holds for so many bodies that lack their last byte; what it answers meanwhile."""
        statm = pathlib.Path(f"/proc/{self.daemon.process.pid}/statm")
        before = int(statm.read_text().split()[1]) * 4096
        body = b"x" * (1 << 20)
        with contextlib.ExitStack() as stack:
            for _ in range(connections):
                connection = stack.enter_context(socket.create_connection(("127.0.0.1", self.daemon.port), timeout=10))
                with contextlib.suppress(ConnectionError, TimeoutError):
                    connection.sendall(head + f"Host: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body[:-1])
            self.assertEqual(self.daemon.send("GET", "/daruma/health")[0], 200)
            return int(statm.read_text().split()[1]) * 4096 - before

    def test_bodies_of_nobody(self):
        """What has not shown that it knows a secret is not kept by the megabyte, or not much of it."""
        self.assertLess(self.held_by(b"GET /daruma/health HTTP/1.1\r\n"), 16 << 20)
        headers = self.daemon.signed("POST", "/things/x", b"{}")
        head = "POST /things/x HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in headers if n.lower() != "host")
        self.assertLess(self.held_by(head.encode()), 48 << 20)
        # And what they held is free again.
        wait_for("room", lambda: self.status("POST", "/things/a", body=b" " * 900_000 + b"{}") == 200, 10)

    def test_requests_of_doubtful_length(self):
        cases = [b"POST /things/s HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                 b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
                 b"GET /things HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
                 b"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
                 b"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
                 b"GET /health HTTP/1.1\r\nHost : x\r\nTransfer-Encoding : chunked\r\n\r\n", b"GET /health\tHTTP/1.1\r\n\r\n",
                 b"GET " + b"/" * 70000 + b" HTTP/1.1\r\n\r\n", b"A" * 200000,
                 b"GET /health HTTP/1.1\r\n" + b"X: y\r\n" * 2000 + b"\r\n"]
        for case in cases:
            with self.subTest(case[:60]):
                answer = raw_exchange(self.daemon.port, case, 5)
                self.assertTrue(answer.startswith(b"HTTP/1.1 4"), answer[:80])
                self.assertNotIn(b"200 OK", answer, "no second request hides in the first")

    def test_connections_that_say_nothing(self):
        """One host takes its share of the connections and no more; another is still answered."""
        with contextlib.ExitStack() as stack:
            idle = [stack.enter_context(socket.create_connection(("127.0.0.1", self.daemon.port))) for _ in range(200)]
            # Which ones is up to the threads that accept them.
            wait_for("those beyond the limit are closed", lambda: len(select.select(idle, [], [], 0)[0]) >= 60)
            self.assertLessEqual(len(select.select(idle, [], [], 0)[0]), 100)
            self.assertTrue(self.healthy("127.0.0.2"))
        wait_for("room for the host that has gone", lambda: self.healthy("127.0.0.1"))

    def healthy(self, address):
        try:
            with socket.create_connection(("127.0.0.1", self.daemon.port), 10, source_address=(address, 0)) as client:
                client.sendall(b"GET /daruma/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                return client.recv(100).startswith(b"HTTP/1.1 200")
        except ConnectionError:
            return False

    def test_bodies_that_nest(self):
        deep = b'{"thingTypeName":' + b"[" * 3000 + b"]" * 3000 + b"}"
        wide = b'{"attributePayload":{"attributes":' + b'{"a":' * 150000 + b"1" + b"}" * 150000 + b"}}"
        for body in (deep, wide, b"[" * 1000000, b'{"a":"' + b"\\u0000" * 100000 + b'"}', b"\xff" * 100):
            self.assertEqual(self.status("POST", "/things/deep", body=body, service="iot"), 400)


if __name__ == "__main__":
    unittest.main(verbosity=2)
