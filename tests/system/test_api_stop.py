# SPDX-License-Identifier: Apache-2.0 OR MIT
"""darumad ends soon when it is told to, whatever its clients hold open: it waits for requests under way, not for people
who say nothing."""
import socket
import ssl
import time
import unittest

import api_rig
from world import wait_for

PER_ADDRESS = 128  # connections that one address may hold (docs/api.md)
STOP_S = 15.0      # generous: the daemon gives requests under way 3 s


def client_hello():
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


class StopTest(unittest.TestCase):
    def setUp(self):
        self.daemon = api_rig.Daemon("api_certificate server.pem\napi_key server.key\n", tls=True)
        self.open = []
        self.addCleanup(self.daemon.close)
        self.addCleanup(self.hang_up)
        self.daemon.authority.server("IP:127.0.0.1")
        self.daemon.start()
        self.context = ssl.create_default_context(cafile=self.daemon.authority.ca)

    def hang_up(self):
        for connection in self.open:
            connection.close()

    def connect(self, source="127.0.0.1"):
        connection = socket.create_connection(("127.0.0.1", self.daemon.port), timeout=10, source_address=(source, 0))
        self.open.append(connection)
        return connection

    def connect_tls(self):
        connection = self.context.wrap_socket(self.connect(), server_hostname="127.0.0.1")
        self.open[-1] = connection
        return connection

    def healthy(self):
        """It serves, with all the others waiting."""
        connection = self.connect_tls()
        connection.sendall(b"GET /daruma/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        self.assertTrue(connection.recv(4096).startswith(b"HTTP/1.1 200"))

    def stops(self):
        began = time.monotonic()
        self.assertEqual(self.daemon.stop(), 0)
        took_s = time.monotonic() - began
        self.assertLess(took_s, STOP_S, "it waited for its clients")
        self.assertIn("msg=stopped", self.daemon.text())

    def test_clients_that_say_nothing(self):
        for _ in range(20):
            self.connect()
        self.healthy()
        self.stops()

    def test_half_a_handshake(self):
        hello = client_hello()
        for number in range(20):
            self.connect().sendall(hello[:5 + number * (len(hello) - 5) // 20])
        for _ in range(5):
            self.connect().sendall(hello)  # and no answer to what the server says then
        self.healthy()
        self.stops()

    def test_slow_headers(self):
        for ending in (b"", b"GET", b"GET / HTTP/1.1\r\nHost: a\r\nX", b"GET /daruma/health HTTP/1.1\r\nHost: a\r\n"):
            for _ in range(5):
                self.connect_tls().sendall(ending)
        self.healthy()
        self.stops()

    def test_half_an_upload(self):
        """A request under way is waited for, but not for long."""
        self.daemon.client("s3", verify=str(self.daemon.directory / "ca.pem")).create_bucket(Bucket="images")
        headers = self.daemon.signed("PUT", "/images/k", service="s3",
                                     headers={"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})
        head = "".join(f"{name}: {value}\r\n" for name, value in headers)
        self.connect_tls().sendall(f"PUT /images/k HTTP/1.1\r\nHost: 127.0.0.1:{self.daemon.port}\r\n{head}"
                                   f"Content-Length: 1000\r\n\r\nhalf".encode())
        wait_for("the upload begins", lambda: any("upload-" in str(path) for path in self.daemon.blob_files()))
        self.stops()
        self.assertIn("PutObject", self.daemon.text())

    def test_every_place_taken(self):
        """The listening socket is not looked at then; the threads must be woken in another way."""
        for host in range(1, 6):
            for _ in range(PER_ADDRESS):
                self.connect(f"127.0.0.{host}")
        self.stops()


if __name__ == "__main__":
    unittest.main()
