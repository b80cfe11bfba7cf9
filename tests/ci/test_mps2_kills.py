#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""kill -9 of the machine at seeded instants of updates on the Cortex-M3 board: what starts is always a whole image that
was offered, the old one or the new one, and the update comes through. KILLS and SEED choose how many and which."""
import os
import pathlib
import random
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from mps2 import FirmwareTest  # noqa: E402
from world import wait_for  # noqa: E402

KILLS = int(os.environ.get("KILLS", 20))
SEED = int(os.environ.get("SEED", 20261122))
SPAN_MS = 4000  # about as long as a start, a download, the test boot and the seal take
IMAGE_BYTES = 300_000


class Kills(FirmwareTest):
    def offer(self, device):
        """Another update; its version."""
        image, version = self.image(pad_to=IMAGE_BYTES)
        self.digests[version] = self.world.json("image", "inspect", image)[1]["digest"]
        self.create(device, image, version.replace(".", "-"))
        return version

    def status(self, device, version):
        return self.execution(device, version.replace(".", "-"))["status"]

    def power_cut(self, device, after_ms):
        """The power goes so long after it came. What runs meanwhile is what was signed."""
        def due():
            seen = device.show()
            if seen["running"] == "firmware":
                self.assertEqual(seen["digest"], self.digests[seen["version"]], seen)
            return seen["uptime_ms"] >= after_ms
        pid = wait_for("the machine", lambda: device.show()["machine_pid"], 30, 0.002)
        wait_for("the instant", due, 60, 0.001)
        os.kill(pid, signal.SIGKILL)
        wait_for("the power is off", lambda: device.show()["running"] == "off", 30, 0.005)
        device.off()

    def check_starts(self, device, first, old, new):
        """Every start since then was of the old image or the new one, each where it belongs."""
        for slot, version, state, mode, rung in device.handoffs()[first:]:
            self.assertIn(version, (old, new))
            self.assertEqual((mode, rung), ("normal", "normal"))
            self.assertEqual(slot, self.slots.setdefault(version, slot))
            self.assertIn(state, ("factory", "sealed") if version == old else ("candidate", "confirmed", "sealed"))

    def test_kills(self):
        chance = random.Random(SEED)
        device = self.device("cut")
        self.digests, self.slots = {"1.0.0": device.show()["digest"]}, {"1.0.0": "factory"}
        old, new = "1.0.0", self.offer(device)
        lived, failed = [], []
        for step in range(KILLS):
            first = len(device.handoffs())
            if step > 0:
                device.on()
            self.power_cut(device, chance.uniform(0, SPAN_MS))
            self.check_starts(device, first, old, new)
            status = self.status(device, new)
            sealed = device.handoffs()[-1:] == [(self.slots.get(new), new, "sealed", "normal", "normal")]
            if sealed or status == "FAILED":
                (lived if sealed else failed).append(new)
                self.slots.pop(old if sealed else new)
                old, new = new if sealed else old, self.offer(device)
        device.on()
        self.assert_job(self.ended(device, new.replace(".", "-")), "SUCCEEDED")
        self.assert_runs(device, new, "B" if self.slots[old] == "A" else "A", "sealed")
        for version in lived:
            self.assert_job(self.ended(device, version.replace(".", "-")), "SUCCEEDED")
        for version in failed:  # a candidate that never had the time to prove itself
            self.assert_job(self.ended(device, version.replace(".", "-")), "FAILED", "out_of_boots")
        print(f"{KILLS} kills, seed {SEED}: {len(lived) + 1} updates came through, {len(failed)} ran out of boots")


if __name__ == "__main__":
    unittest.main(verbosity=2)
