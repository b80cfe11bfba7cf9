# SPDX-License-Identifier: Apache-2.0 OR MIT
"""One board fetches over HTTPS from a server that misbehaves: each way to fail has its word, nothing unverified runs,
and what came is not fetched again."""
import http.server
import re
import ssl
import threading
import unittest

from device_cloud import Job
from test_device import DeviceTest as Rig, wait_for
from pki import Authority

SECRET = "X-Amz-Signature=0123456789abcdef"


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    files = None

    def verify_request(self, request, _):
        """Before TLS begins: a server that is not there ends the connection."""
        if self.files.hang_up:
            return False
        return True

    def handle_error(self, *_):
        """A client that does not believe us, or goes: what it thinks is asserted on its side."""


class Files:
    """An HTTPS server with one file. `answer(handler, first, last)` stands in for the next answers, as often as it is
    listed in `script`; after that it behaves."""

    def __init__(self, pki, names="IP:127.0.0.1"):
        self.data, self.script, self.served, self.targets = b"", [], [], []
        files = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                files.targets.append(self.path)
                first, last = map(int, re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"]).groups())
                (files.script.pop(0) if files.script else files.good)(self, first, last)

            def log_message(self, *_):
                pass

        certificate, key = pki.server(names, out="files")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.hang_up = False
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.files = self
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)

    def url(self, number=0):
        return f"https://127.0.0.1:{self.port}/images/fw?number={number}&{SECRET}"

    def send(self, handler, status, body, headers=()):
        handler.send_response(status)
        for name, value in headers:
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def good(self, handler, first, last):
        self.served.append((first, last))
        self.send(handler, 206, self.data[first:last + 1], [("Content-Range", f"bytes {first}-{last}/{len(self.data)}")])

    # ----- the ways to misbehave

    def status(self, code, headers=()):
        def answer(handler, *_):
            self.send(handler, code, b"<Error><Code>AccessDenied</Code></Error>", headers)
            handler.close_connection = True  # what was asked for behind it is not answered
        return answer

    def shifted(self, handler, first, last):
        body = self.data[first:last + 1]
        self.send(handler, 206, body, [("Content-Range", f"bytes {first + 1}-{last + 1}/{len(self.data)}")])

    def whole(self, handler, *_):
        self.send(handler, 200, self.data)

    def short(self, handler, first, last):
        handler.send_response(206)
        handler.send_header("Content-Range", f"bytes {first}-{last}/{len(self.data)}")
        handler.send_header("Content-Length", str(last + 1 - first))
        handler.end_headers()
        handler.wfile.write(self.data[first:first + 100])
        handler.close_connection = True

    def garbage(self, handler, *_):
        handler.wfile.write(bytes(range(256)) * 4)
        handler.close_connection = True


class HttpsDeviceTest(Rig):
    """The rig of test_device.py, without its tests."""

    def files(self, pki=None, **fields):
        files = Files(pki or self.pki, **fields)
        self.addCleanup(files.close)
        return files

    def offer(self, cloud, files, name, image, protocols=("HTTP",)):
        """A job whose file stands on the server; each delivery has a URL of its own."""
        files.data = image
        job = Job(name, image)
        job.document["afr_ota"]["protocols"] = list(protocols)
        file = job.document["afr_ota"]["files"][0]
        file["auth_scheme"] = "aws.s3.presigned"
        describe, told = job.describe, []

        def with_url():
            told.append(1)
            file["update_data_url"] = files.url(len(told))
            return describe()
        job.describe = with_url
        cloud.add(job)
        return job

    def test_each_failure_has_its_word(self):
        cloud, files = self.cloud(), self.files()
        device = self.device("distrusts", cloud)
        device.on()
        image = self.image("1.1.0", 2, pad_to=1 << 18).read_bytes()
        rows = [("http_404", files.status(404)), ("http_403", files.status(403)), ("http_500", files.status(500)),
                ("redirect_302", files.status(302, [("Location", "https://elsewhere.example/")])),
                ("http_200", files.whole), ("wrong_range", files.shifted), ("short_body", files.short),
                ("bad_head", files.garbage)]
        for word, answer in rows:
            files.script = [answer] * 8
            job = self.offer(cloud, files, "bad-" + word.replace("_", "-"), image)
            self.wait_job(job, device)
            self.assertEqual((job.status, job.details["reason"], job.details["detail"]),
                             ("FAILED", "stream_refused", word))
        self.assertNotIn("elsewhere", device.console())
        self.assertNotIn("Signature", device.console())

        # The same board takes the same image from a server that behaves.
        files.script, files.served = [], []
        job = self.offer(cloud, files, "good", image)
        self.wait_job(job, device)
        self.assertEqual(job.status, "SUCCEEDED", job.details)
        self.assertNotIn("Signature", device.console())

    def test_refused_urls_and_short_bodies_cost_no_block(self):
        cloud, files = self.cloud(), self.files()
        device = self.device("persists", cloud)
        device.on()
        image = self.image("1.1.0", 2, pad_to=1 << 21).read_bytes()
        good, bad = files.good, files.status(403)
        files.script = [good, good, good, bad, bad, good, good, files.garbage, good, good, bad, good]
        job = self.offer(cloud, files, "bumpy", image)
        self.wait_job(job, device)
        self.assertEqual(job.status, "SUCCEEDED", (job.details, device.console()[-2000:]))
        total, head_and_tail = (sum(last + 1 - first for first, last in spans)
                                for spans in (files.served, files.served[:2]))
        self.assertEqual(total - len(image), head_and_tail, files.served)
        self.assertGreater(len({target for target in files.targets}), 2, "fresh URLs were asked for and used")

    def test_a_server_of_another_ca(self):
        cloud = self.cloud()
        files = self.files(Authority(self.world.dir / "rogue-files", name="rogue"))
        device = self.device("checks", cloud)
        device.on()
        job = self.offer(cloud, files, "rogue", self.image("1.1.0", 2).read_bytes())
        self.wait_job(job, device)
        self.assertEqual((job.status, job.details["reason"], job.details["detail"]),
                         ("FAILED", "stream_refused", "tls_untrusted_issuer"))
        self.assertEqual(files.targets, [])

    def test_a_server_that_hangs_up_is_the_network(self):
        """Whatever moment it does it at: the device waits for it as for any network, and then goes on."""
        cloud, files = self.cloud(), self.files()
        device = self.device("waits", cloud)
        device.on()
        files.hang_up = True
        job = self.offer(cloud, files, "late", self.image("1.1.0", 2).read_bytes())
        wait_for("four attempts", lambda: device.console().count("https failed: network") >= 4, 30)
        self.assertNotIn("https failed: tls", device.console())
        files.hang_up = False
        self.wait_job(job, device)
        self.assertEqual(job.status, "SUCCEEDED", job.details)

    def test_a_busy_server_is_waited_for(self):
        """As S3 asks of its clients: 503 and its like are no word about the file."""
        cloud, files = self.cloud(), self.files()
        device = self.device("patient", cloud)
        device.on()
        files.script = [files.status(503)] * 4
        job = self.offer(cloud, files, "busy", self.image("1.1.0", 2).read_bytes())
        self.wait_job(job, device)
        self.assertEqual(job.status, "SUCCEEDED", job.details)

    def test_no_url_and_no_other_way(self):
        cloud, files = self.cloud(), self.files()
        device = self.device("refuses-https", cloud)
        device.on()
        job = Job("no-url", self.image("1.1.0", 2).read_bytes())
        job.document["afr_ota"]["protocols"] = ["HTTP"]
        job.document["afr_ota"]["files"][0]["update_data_url"] = "http://127.0.0.1/plain"
        cloud.add(job)
        self.wait_job(job, device)
        self.assertEqual((job.status, job.details["reason"]), ("REJECTED", "job_document"))


for name in [name for name in dir(Rig) if name.startswith("test_")]:
    setattr(HttpsDeviceTest, name, None)
del Rig

if __name__ == "__main__":
    unittest.main()
