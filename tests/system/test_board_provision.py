#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`device create` against a real cloud: an identity, whatever step is cut, and only one of it."""
import json
import pathlib
import shutil
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from board_rig import BIN, BoardTest, os, wait_for  # noqa: E402
from api import request  # noqa: E402

LIMITS = {"limits": "2,15,1,3"}


class Provision(BoardTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.world.cloud_up()
        cls.image = cls.world.image("firmware-good", "1.0.0", sequence=1, **LIMITS)

    def create(self, name, *options, check=True):
        return self.world.run("device", "create", name, "--dir", self.world.dir / "devices", "--key",
                              self.world.key("product"), "--image", self.image, *options, check=check)

    def principals(self, name):
        settings = self.world.settings()
        environment = {**os.environ, **self.world.aws_environment()}
        done = subprocess.run(["/usr/bin/aws", "--endpoint-url", settings["api"], "--output", "json", "iot",
                               "list-thing-principals", "--thing-name", name],
                              capture_output=True, text=True, timeout=60, env=environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["principals"]

    def works(self, device, since=None):
        """since: when it was switched on, if that was before."""
        since = since or time.time()
        device.on()
        said = wait_for("the cloud hears from the device", lambda: (
            found := self.world.thing(device.name)["reported"]).get("reportedAt", 0) > since and found["report"], 30)
        self.assertEqual((said["version"], said["mode"]), ("1.0.0", "normal"))
        self.assertEqual(device.show()["mode"], "normal")
        self.assertEqual(len(set(self.principals(device.name))), 2, "a normal and a recovery certificate")
        device.off()

    def test_made_once_for_all(self):
        device = self.existing("whole")
        self.create("whole")
        self.works(device)
        again = self.create("whole", check=False)
        self.assertEqual((again.returncode, again.stdout), (1, ""))
        self.assertIn("whole exists already", again.stderr)
        self.works(device)
        for name in ("csr-normal.pem", "csr-recovery.pem"):
            self.assertIn("BEGIN CERTIFICATE REQUEST", (device.path / name).read_text())
        for path in device.path.rglob("*"):
            if path.is_file() and path.name not in ("flash.bin", "rom"):
                self.assertNotIn(b"PRIVATE KEY", path.read_bytes(), path)

    def test_cut_at_many_places(self):
        """Kill the command (its board lives on), or the command and the board, every few milliseconds."""
        for kind in ("command", "both"):
            with self.subTest(kind):
                device = self.existing("cut-" + kind)
                command = [BIN / "daruma", "device", "create", device.name, "--dir", device.path.parent, "--key",
                           self.world.key("product"), "--image", self.image]
                environment = {**os.environ, "DARUMA_CLOUD": str(self.world.cloud_dir)}
                for step in range(25):
                    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                               env=environment)
                    time.sleep(0.005 + step * 0.007)  # the cut's position, not a wait
                    process.kill()
                    process.wait()
                    if kind == "both":
                        self.world.run("device", "power-cut", device.name, "--dir", device.path.parent, check=False)
                self.world.run("device", "power", device.name, "off", "--dir", device.path.parent, check=False)
                done = self.create(device.name, check=False)
                self.assertTrue(done.returncode == 0 or "exists already" in done.stderr, done.stderr)
                self.works(device)

    def test_one_name_is_one_identity(self):
        """A second device of a name is refused, or takes the first one's place; a thing without a certificate is free."""
        device = self.existing("twin")
        self.create("twin")
        first = set(self.principals("twin"))
        shutil.rmtree(device.path)
        done = self.create("twin", check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        for text in ("a thing twin with a certificate already", "`daruma things delete twin`", "--replace"):
            self.assertIn(text, done.stderr)
        self.assertFalse(device.path.exists())
        self.assertEqual(set(self.principals("twin")), first)
        self.create("twin", "--replace")
        self.works(device)
        self.assertFalse(first & set(self.principals("twin")))
        request(self.world.settings(), "POST", "/things/bare", {})
        bare = self.existing("bare")
        self.create("bare")
        self.works(bare)

    def test_made_offline_and_given_an_identity_later(self):
        device = self.existing("later")
        self.create("later", "--offline")
        device.on()
        self.wait_line(device, "provisioning: certificate requests handed out")
        self.create("later")
        begin = time.time()
        device.on()  # the factory switches off as soon as it has heard that the device is locked
        started = self.wait_line(device, r"factory, normal mode, because of (\w+)")
        self.assertIn(started[1], ("planned", "power"), "the reset that ended provisioning was no fault")
        self.works(device, begin)

    def test_no_cloud(self):
        done = self.world.run("device", "create", "nowhere", "--dir", self.world.dir / "devices", "--key",
                              self.world.key("product"), "--image", self.image, "--cloud", self.world.dir / "none",
                              check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("daruma cloud up", done.stderr)
        self.assertFalse((self.world.dir / "devices" / "nowhere").exists())


if __name__ == "__main__":
    unittest.main()
