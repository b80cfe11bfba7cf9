# SPDX-License-Identifier: Apache-2.0 OR MIT
"""One whole update with nothing but Debian's AWS command line on the operator's side (examples/aws-cli-ota.sh).

The device's private keys never leave its side: the operator gets a certificate request, as from a factory.
"""
import json
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from world import ROOT, Device, World, wait_for  # noqa: E402

AWS = "/usr/bin/aws"  # Debian's own: another one may stand earlier in PATH
LIMITS = "5,20,1,3"  # hang, health, soak, seal in seconds


class AwsCliTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        print(subprocess.run([AWS, "--version"], capture_output=True, text=True, check=True).stdout.strip())
        cls.world = World()
        cls.addClassCleanup(cls.world.close)
        cls.world.cloud_up()

    def script(self, *words, check=True, env=None):
        """The example, as a person would call it: the cloud's env.sh sourced first."""
        words = " ".join(f"'{word}'" for word in words)
        done = subprocess.run(["/bin/sh", "-c", f". '{self.world.cloud_dir}/env.sh'; "
                               f"exec '{ROOT}/examples/aws-cli-ota.sh' {words}"],
                              capture_output=True, text=True, timeout=120, cwd=self.world.dir,
                              env={**os.environ, "PATH": f"{pathlib.Path(AWS).parent}:{os.environ['PATH']}",
                                   "WAIT_S": "60", "AWS_PAGER": "", **(env or {}),
                                   "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"})
        if check:
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done

    def keys(self, name):
        """Identity keys on the device's side, and the request for the normal one."""
        paths = [self.world.dir / f"{name}-{kind}.pem" for kind in ("normal", "recovery")]
        for path in paths:
            self.world.run("key", "new", path)
        csr = self.world.dir / f"{name}.csr"
        subprocess.run(["openssl", "req", "-new", "-key", paths[0], "-subj", f"/CN={name}", "-out", csr], check=True)
        return paths, csr

    def test_from_create_thing_to_describe_job_execution(self):
        (normal, recovery), csr = self.keys("lamp")
        answer = json.loads(self.script("register", "lamp", csr).stdout)
        directory = self.world.dir / "devices" / "lamp"
        directory.mkdir(parents=True)
        # What the operator was given goes to the factory, which builds the device with it.
        (directory / "certificate-normal.json").write_text(json.dumps(answer))
        device = Device(self.world, "lamp")
        device.create(self.world.image("firmware-good", "1.0.0", limits=LIMITS),
                      "--key-from-host", normal, "--key-from-host-recovery", recovery)
        device.on()
        wait_for("first report", lambda: self.world.reported("lamp").get("version") == "1.0.0", 20)

        said = self.script("update", "lamp", self.world.image("firmware-good", "1.1.0", counter=2, limits=LIMITS)).stdout
        self.assertIn("CREATE_COMPLETE", said)
        self.assertIn("lamp: SUCCEEDED", said)
        wait_for("version 1.1.0 in slot A", lambda: (
            (report := self.world.reported("lamp")).get("version") == "1.1.0" and report["slot"] == "A"
            and report["state"] == "sealed" and report["counters"]["security"] == 2), 30)
        self.assertEqual(self.world.reported("lamp")["bootReason"], "seal")

        # A device's refusal reaches the operator with its reason: the same version is no step forward.
        done = self.script("update", "lamp", self.world.image("firmware-good", "1.0.1", counter=2, limits=LIMITS),
                           check=False)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertIn("order_not_above", done.stderr)

    def test_a_key_made_by_the_cloud(self):
        answer = json.loads(self.script("register", "gate").stdout)
        self.assertIn("PRIVATE KEY", answer["keyPair"]["PrivateKey"])
        self.assertEqual(len(answer["certificateId"]), 64)

    def test_wrong_usage(self):
        done = self.script("update", "lamp", check=False)
        self.assertEqual(done.returncode, 64)
        self.assertIn("register THING", done.stderr)
        done = self.script("update", "lamp", "/no/such/image", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot read", done.stderr)

    def test_another_aws_program(self):
        done = self.script("register", "other", check=False, env={"AWS": "/no/such/aws"})
        self.assertEqual(done.returncode, 1)
        self.assertIn("there is no /no/such/aws", done.stderr)
        self.assertEqual(self.script("register", "named", env={"AWS": AWS}).returncode, 0)


if __name__ == "__main__":
    unittest.main()
