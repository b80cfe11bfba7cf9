# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Commands at the API: who signs, what is signed, and what is refused before anything is."""
import base64
import json
import pathlib
import subprocess
import sys
import unittest
import urllib.error

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.api import request, second_certificate
from harness.world import BIN, World
from system.mqtt_raw import let_in


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
        for name in ("lock-1", "lock-2", "silent"):
            request(cls.settings, "POST", f"/things/{name}", {})
        cls.digest = cls.offer("lock-1", "1.1.0")
        cls.other_digest = cls.offer("lock-2", "1.2.0")
        cls.report("lock-1", cls.digest)

    @classmethod
    def offer(cls, thing, version):
        """An update is made; the digest of its image."""
        name = f"update-{thing}"
        image = cls.world.image("firmware-good", version, sequence=2)
        cls.world.run("update", "create", image, thing, "--id", name)
        document = request(cls.settings, "GET", f"/jobs/AFR_OTA-{name}/job-document")["document"]
        return json.loads(document)["daruma"]["digest"]

    @classmethod
    def report(cls, thing, digest, state="confirmed"):
        """The thing says that it runs this."""
        device = let_in(cls.settings, second_certificate(cls.settings, thing, cls.world.dir), thing)
        topic = f"$aws/things/{thing}/daruma/report"
        device.publish(topic, json.dumps({"version": "1.1.0", "digest": digest, "slot": "A", "state": state}))
        device.receive(10, lambda message: message.topic == topic + "/accepted")
        device.disconnect()

    def profile(self, name, product, *more):
        """A product's key for the signer, which uses it without being started again."""
        self.world.run("key", "give", "--product", product, "--profile", name, *more, self.world.key(name))

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
        self.assertEqual((status, answer.get("digest"), answer.get("product")), (200, self.digest, "demo-lock"))
        job = request(self.settings, "GET", "/jobs/j1")["job"]
        self.assertEqual([arn.rsplit("/", 1)[1] for arn in job["targets"]], ["lock-1"])
        document = json.loads(request(self.settings, "GET", "/jobs/j1/job-document")["document"])
        self.verify(document["daruma"])
        self.assertEqual(self.command("lock-1", command="revert", jobId="j1")[0], 409)
        self.profile("gate", "garden-gate")
        self.assertEqual(self.command("lock-1", command="revert", jobId="j2", signingProfileName="gate")[0], 400)
        status, answer = self.command("lock-1", command="revert", jobId="j2")  # of the image's product there is one
        self.assertEqual((status, answer.get("product")), (200, "demo-lock"))
        self.by_hand()
        self.profile("spare", "demo-lock", "--approval")
        self.assertEqual(self.command("lock-1", command="revert", jobId="j3")[0], 400)  # which of two?
        self.approval()
        self.lying_thing()
        self.shown()

    def by_hand(self):
        """`daruma update revert` is listed as what it is, and not sent to a thing whose image is sealed."""
        self.world.run("update", "revert", "lock-1", "--id", "back")
        rows = self.world.json("update", "list")[1]
        self.assertEqual([(row["otaUpdateId"], row["kind"], row["status"]) for row in rows],
                         [("back", "revert", "IN_PROGRESS"), ("update-lock-2", "update", "IN_PROGRESS"),
                          ("update-lock-1", "update", "IN_PROGRESS")])
        self.assertEqual(rows[0]["jobProcessDetails"]["numberOfQueuedThings"], 1)
        said = self.world.run("update", "list").stdout.splitlines()
        self.assertRegex(said[0], r"^back +revert IN_PROGRESS +0 succeeded +0 failed +1 open$")
        self.assertEqual([len(line) for line in said if len(line) > 80], [])
        self.assertEqual([row["otaUpdateId"] for row in self.world.json("update", "list", "--limit", "1")[1]], ["back"])
        self.report("lock-1", self.digest, "sealed")
        done = self.world.run("update", "revert", "lock-1", check=False)
        self.assertEqual((done.returncode, done.stdout, len(done.stderr.splitlines())), (1, "", 1), done.stderr)
        self.assertIn("lock-1 would refuse: its image 1.1.0 is sealed", done.stderr)
        self.assertIn("--force", done.stderr)
        self.assertEqual(len(self.world.json("update", "list")[1]), 3)
        done = self.world.run("update", "revert", "lock-1", "--force", "--id", "all-the-same")
        self.assertEqual(done.stderr, "warning: lock-1 will refuse: its image 1.1.0 is sealed\n")
        self.assertEqual(self.world.json("update", "list")[1][0]["otaUpdateId"], "all-the-same")
        self.report("lock-1", self.digest)

    def approval(self):
        """A profile with approvals signs a command when that command was approved."""
        wanted = {"command": "revert", "jobId": "j3", "signingProfileName": "spare"}
        status, answer = self.command("lock-1", **wanted)
        self.assertEqual(status, 400, answer)
        self.assertIn(f"--approve-revert {self.digest}", answer["message"])
        signer = [BIN / "daruma-signer", "--profile", "spare", "--socket", self.world.cloud_dir / "run/signer/signer.sock"]
        subprocess.run([*signer, "--approve", self.digest], check=True)
        self.assertEqual(self.command("lock-1", **wanted)[0], 400)  # the image's approval is not the command's
        subprocess.run([*signer, "--approve-revert", self.digest], check=True)
        self.assertEqual(self.command("lock-1", **wanted)[0], 200)

    def lying_thing(self):
        """It cannot have a command signed for an image that it was not offered here."""
        for digest in ("ab" * 32, self.other_digest):
            self.report("lock-1", digest)
            status, answer = self.command("lock-1", command="revert", jobId="j4", signingProfileName="lock")
            self.assertEqual(status, 400, answer)
            self.assertIn("no update made here", answer["message"])
        with self.assertRaises(urllib.error.HTTPError):
            request(self.settings, "GET", "/jobs/j4")

    def shown(self):
        """What a thing sends is shown, and steers no terminal."""
        self.report("lock-1", self.digest, "\x1b[31mstate\r\x9b2J")
        for words in (("things", "show", "lock-1"), ("things",)):
            said = self.world.run(*words).stdout
            self.assertIn("?[31mstate ??2J", said, words)
            self.assertNotRegex(said, r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", words)
        shown = self.world.json("things", "show", "lock-1")[1]
        self.assertEqual(shown["reported"]["report"]["state"], "\x1b[31mstate\r\x9b2J")

    def verify(self, daruma):
        self.assertEqual({key: daruma[key] for key in ("command", "product", "digest")},
                         {"command": "revert", "product": "demo-lock", "digest": self.digest})
        directory = self.world.dir
        subprocess.run(["openssl", "pkey", "-in", self.world.key("lock"), "-pubout", "-out", directory / "public.pem"],
                       check=True)
        (directory / "covered").write_bytes(b"daruma-cmd-1\0revert\0demo-lock\0" + bytes.fromhex(self.digest))
        (directory / "der").write_bytes(base64.b64decode(daruma["signature"]))
        subprocess.run(["openssl", "dgst", "-sha256", "-verify", directory / "public.pem", "-signature", directory / "der",
                        directory / "covered"], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    unittest.main(verbosity=2)
