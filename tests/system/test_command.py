# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Commands at the API: who signs, what is signed, and what is refused before anything is."""
import base64
import json
import pathlib
import ssl
import subprocess
import sys
import unittest
import urllib.error

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.api import request, second_certificate
from harness.world import World
from system.mqtt_raw import Client

DIGEST = "ab" * 32
REPORT = {"version": "1.1.0", "digest": DIGEST, "slot": "A", "state": "confirmed"}


class CommandTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.addClassCleanup(cls.world.close)
        cls.world.cloud_up()
        cls.settings = cls.world.settings()
        # A device of its own kind: making one gives the cloud the policy that things have.
        cls.world.run("device", "create", "other", "--dir", cls.world.dir / "devices", "--key", cls.world.key("product"),
                      "--image", cls.world.image("firmware-good", "1.0.0", sequence=1))
        for name in ("lock-1", "silent"):
            request(cls.settings, "POST", f"/things/{name}", {})
        identity = second_certificate(cls.settings, "lock-1", cls.world.dir)
        context = ssl.create_default_context(cafile=cls.settings["ca"])
        context.load_cert_chain(*identity)
        device = Client(cls.settings["mqtt_port"], context, "lock-1")
        topic = "$aws/things/lock-1/daruma/report"
        device.publish(topic, json.dumps(REPORT))
        device.receive(10, lambda message: message.topic == topic + "/accepted")
        device.disconnect()

    def profile(self, name, product):
        """A product's key for the signer, which starts again with it."""
        directory = self.world.cloud_dir / "signer"
        key = directory / f"{name}.key"
        key.touch(0o600)
        key.write_bytes(self.world.key(name).read_bytes())
        (directory / f"{name}.conf").write_text(f"kind image\nproduct {product}\n")
        self.world.cloud_down()
        self.world.cloud_up()

    def command(self, thing, **body):
        """(HTTP status, answer)"""
        try:
            return 200, request(self.settings, "POST", f"/daruma/things/{thing}/commands", body)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def test_command(self):
        status, answer = self.command("lock-1", command="revert", jobId="j0")
        self.assertEqual(status, 400, answer)
        self.assertIn("no such profile", answer["message"])
        self.profile("lock", "demo-lock")
        for body in ({"command": "erase", "jobId": "j1"}, {"jobId": "j1"}, {"command": "revert"},
                     {"command": "factory", "jobId": "j1"}, {"command": "revert", "jobId": "not/a/job"},
                     {"command": "revert", "jobId": "j1", "signingProfileName": "default"}):
            self.assertEqual(self.command("lock-1", **body)[0], 400, body)
        for thing in ("nobody", "silent"):
            self.assertEqual(self.command(thing, command="revert", jobId="j1")[0], 404, thing)
        status, answer = self.command("lock-1", command="revert", jobId="j1")
        self.assertEqual((status, answer.get("digest"), answer.get("product")), (200, DIGEST, "demo-lock"))
        job = request(self.settings, "GET", "/jobs/j1")["job"]
        self.assertEqual([arn.rsplit("/", 1)[1] for arn in job["targets"]], ["lock-1"])
        document = json.loads(request(self.settings, "GET", "/jobs/j1/job-document")["document"])
        self.verify(document["daruma"])
        self.assertEqual(self.command("lock-1", command="revert", jobId="j1")[0], 409)
        self.profile("gate", "garden-gate")
        self.assertEqual(self.command("lock-1", command="revert", jobId="j2")[0], 400)  # which product?
        status, answer = self.command("lock-1", command="revert", jobId="j2", signingProfileName="lock")
        self.assertEqual((status, answer.get("product")), (200, "demo-lock"))

    def verify(self, daruma):
        self.assertEqual({key: daruma[key] for key in ("command", "product", "digest")},
                         {"command": "revert", "product": "demo-lock", "digest": DIGEST})
        directory = self.world.dir
        subprocess.run(["openssl", "pkey", "-in", self.world.key("lock"), "-pubout", "-out", directory / "public.pem"],
                       check=True)
        (directory / "covered").write_bytes(b"daruma-cmd-1\0revert\0demo-lock\0" + bytes.fromhex(DIGEST))
        (directory / "der").write_bytes(base64.b64decode(daruma["signature"]))
        subprocess.run(["openssl", "dgst", "-sha256", "-verify", directory / "public.pem", "-signature", directory / "der",
                        directory / "covered"], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    unittest.main(verbosity=2)
