# SPDX-License-Identifier: Apache-2.0 OR MIT
"""AWS's JavaScript clients from npm, unmodified: the SDK on the operator's side, the device SDK on the device's.

Needs Node.js 20 or newer with npm; says so and skips where it is not there (Debian 12's own is older)."""
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from world import BIN, ROOT, World, wait_for  # noqa: E402

MODULES = BIN.parent / "npm"
CLIENTS = ROOT / "tests/npm"


def fetch():
    """Why the clients cannot be had here; "" if they are there."""
    done = subprocess.run([ROOT / "tools/fetch-npm", MODULES], capture_output=True, text=True)
    if done.returncode not in (0, 2):
        raise RuntimeError(done.stderr)
    return done.stderr.strip()


class NpmClientsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        why = fetch()
        if why:
            print("skipped:", why)
            raise unittest.SkipTest(why)
        cls.world = World()
        cls.addClassCleanup(cls.world.close)
        cls.world.cloud_up()
        settings = cls.world.settings()
        cls.settings = settings
        cls.environment = {**os.environ, "NODE_PATH": str(MODULES / "node_modules"), "NODE_EXTRA_CA_CERTS": settings["ca"],
                           "AWS_ENDPOINT_URL": settings["api"], "AWS_REGION": settings["region"],
                           "AWS_ACCESS_KEY_ID": settings["access_key_id"],
                           "AWS_SECRET_ACCESS_KEY": settings["secret_access_key"]}

    def operator(self, *words):
        done = subprocess.run(["node", CLIENTS / "operator.js", *words], env=self.environment, capture_output=True,
                              text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def device(self, thing):
        """Start the device; its lines go to self.steps as they come."""
        directory = self.world.dir
        process = subprocess.Popen(
            ["node", CLIENTS / "device.js", "localhost", str(self.settings["mqtt_port"]), self.settings["ca"],
             directory / f"{thing}.pem", directory / f"{thing}.key", thing],
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.steps = {}

        def read():
            for line in process.stdout:
                step = json.loads(line)
                self.steps[step.pop("step")] = step
        reader = threading.Thread(target=read, daemon=True)
        reader.start()

        def end():
            process.kill()
            process.wait()
            reader.join()
            process.stdout.close()
            process.stderr.close()
        self.addCleanup(end)
        return process

    def step(self, process, name):
        def there():
            self.assertIn(process.poll(), (None, 0), f"the device ended before {name!r}: {self.steps}")
            return name in self.steps
        wait_for(name, there, 30)
        return self.steps[name]

    def test_one_update(self):
        registered = self.operator("register", "js-lamp", self.world.dir)
        self.assertEqual(len(registered["certificateId"]), 64)
        process = self.device("js-lamp")
        self.assertEqual(self.step(process, "idle"), {"pending": False})

        image = self.world.dir / "js.bin"
        image.write_bytes(bytes(i * 31 % 256 for i in range(150000)))
        key, signature = self.world.key("code"), self.world.dir / "js.sig"
        subprocess.run(["openssl", "dgst", "-sha256", "-sign", key, "-out", signature, image], check=True)
        update = self.operator("update", "js-lamp", "js-1", image, signature)
        self.assertEqual(update, {"jobId": "AFR_OTA-js-1", "status": "CREATE_COMPLETE", "size": 150000})

        self.assertEqual(self.step(process, "started"), {"jobId": "AFR_OTA-js-1", "versionNumber": 2})
        self.assertEqual(self.step(process, "downloaded"),
                         {"size": 150000, "sha256": hashlib.sha256(image.read_bytes()).hexdigest()})
        self.assertEqual(self.step(process, "refused"), {"code": "VersionMismatch", "version": 2})
        self.assertEqual(self.step(process, "finished")["state"],
                         {"status": "SUCCEEDED", "statusDetails": {"reason": "accepted"}, "versionNumber": 3})
        self.assertEqual(self.step(process, "pending"), {"inProgress": 0, "queued": 0})
        # There are no shadows: nobody answers, nobody is thrown out, and what else there is goes on.
        after = self.step(process, "after a look at a shadow")
        self.assertNotIn("shadow", after)
        self.assertEqual((after["code"], after["disconnections"]), ("TerminalStateReached", 0))
        self.assertEqual(self.step(process, "told"), {"changes": ["AFR_OTA-js-1", None]})
        self.assertEqual((process.wait(20), process.stderr.read()), (0, ""))
        self.assertEqual(self.operator("show", "js-lamp", "js-1"),
                         {"execution": "SUCCEEDED", "details": {"reason": "accepted"}, "job": "COMPLETED"})


if __name__ == "__main__":
    unittest.main()
