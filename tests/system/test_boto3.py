# SPDX-License-Identifier: Apache-2.0 OR MIT
"""One whole update with Debian's boto3 on the operator's side (examples/boto3_ota.py), unmodified but for the endpoint."""
import json
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from world import ROOT, Device, World, wait_for  # noqa: E402

PYTHON = "/usr/bin/python3"  # Debian's own: it has boto3
LIMITS = "5,20,1,3"  # hang, health, soak, seal in seconds


class Boto3Test(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.addClassCleanup(cls.world.close)
        cls.world.cloud_up()

    def script(self, *words):
        return subprocess.run(
            ["/bin/sh", "-c", f". '{self.world.cloud_dir}/env.sh'; exec \"$@\"", "sh", PYTHON,
             ROOT / "examples/boto3_ota.py", *words], capture_output=True, text=True, timeout=120, cwd=self.world.dir,
            env={**os.environ, "WAIT_S": "60", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"})

    def test_from_create_thing_to_describe_job_execution(self):
        paths = [self.world.dir / f"lamp-{kind}.pem" for kind in ("normal", "recovery")]
        for path in paths:
            self.world.run("key", "new", path)
        csr = self.world.dir / "lamp.csr"
        subprocess.run(["openssl", "req", "-new", "-key", paths[0], "-subj", "/CN=lamp", "-out", csr], check=True)
        done = self.script("register", "lamp", csr)
        self.assertEqual(done.returncode, 0, done.stderr)
        directory = self.world.dir / "devices" / "lamp"
        directory.mkdir(parents=True)
        (directory / "certificate-normal.json").write_text(done.stdout)
        device = Device(self.world, "lamp")
        device.create(self.world.image("firmware-good", "1.0.0", limits=LIMITS),
                      "--key-from-host", paths[0], "--key-from-host-recovery", paths[1])
        device.on()
        wait_for("first report", lambda: self.world.reported("lamp").get("version") == "1.0.0", 20)

        done = self.script("update", "lamp", self.world.image("firmware-good", "1.1.0", counter=2, limits=LIMITS))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("CREATE_COMPLETE", done.stdout)
        self.assertIn("lamp: SUCCEEDED", done.stdout)
        wait_for("version 1.1.0, sealed", lambda: (
            (report := self.world.reported("lamp")).get("version") == "1.1.0" and report["state"] == "sealed"
            and report["counters"]["security"] == 2), 30)

        done = self.script("update", "lamp", self.world.image("firmware-good", "1.0.1", counter=2, limits=LIMITS))
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertIn("order_not_above", done.stdout)

    def test_a_key_made_by_the_cloud(self):
        done = self.script("register", "gate")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("PRIVATE KEY", json.loads(done.stdout)["keyPair"]["PrivateKey"])

    def test_wrong_usage(self):
        done = self.script("update", "lamp")
        self.assertEqual(done.returncode, 64)
        self.assertIn("register THING", done.stderr)


if __name__ == "__main__":
    unittest.main()
