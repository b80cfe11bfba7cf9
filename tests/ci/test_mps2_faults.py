#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Updates that hang or crash, each in its own way, on the Cortex-M3 board: the previous image comes back, the cloud
knows why, and nothing else has changed. The images are the real firmware with one function spoiled
(boards/mps2_an385/firmware/faulty), offered and installed as updates are."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from mps2 import FirmwareTest  # noqa: E402


class Faults(FirmwareTest):
    def undone(self, behaviour, reason, **fields):
        """Offered to a device that runs 1.0.0; after three tries 1.0.0 runs again, and the job failed for this."""
        device = self.device(behaviour, counter=1)
        image, version = self.image(behaviour, counter=2, **fields)
        execution = self.update(device, image, behaviour)
        self.assert_job(execution, "FAILED", reason, "3")
        report = self.assert_runs(device, "1.0.0", "factory", "factory")
        self.assertEqual((report["bootReason"], report["lastReason"]), (reason, reason), report)
        tries = [start for start in device.handoffs() if start[1] == version]
        self.assertEqual(tries, 3 * [("A", version, "candidate", "normal", "normal")])
        again = self.update(device, image, behaviour + "-again")
        self.assert_job(again, "REJECTED", "rejected_before")
        return device

    def test_hang_before_main(self):
        self.undone("hang-before-main", "hang")

    def test_hang_in_main(self):
        self.undone("hang-in-main", "hang")

    def test_hang_with_interrupts_disabled(self):
        self.undone("hang-interrupts", "hang")

    def test_hang_before_the_network(self):
        self.undone("hang-before-network", "hang")

    def test_hang_in_the_tls_handshake(self):
        self.undone("hang-in-handshake", "hang")

    def test_hang_after_connecting(self):
        self.undone("hang-connected", "hang")

    def test_crash_by_a_fault(self):
        self.undone("crash-fault", "crash")

    def test_crash_by_stack_overflow(self):
        self.undone("crash-stack", "crash")

    def test_crash_by_a_failed_assertion(self):
        self.undone("crash-assert", "crash")


if __name__ == "__main__":
    unittest.main(verbosity=2)
