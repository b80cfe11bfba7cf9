#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The real firmware of the Cortex-M3 board and a real cloud, the short way: an update to its seal, and a reset."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from mps2 import FirmwareTest  # noqa: E402


class Update(FirmwareTest):
    def test_update_to_sealed(self):
        device = self.device("updates", counter=1)
        image, version = self.image(counter=2)
        execution = self.update(device, image, "up")
        self.assert_job(execution, "SUCCEEDED", None, None)
        report = self.assert_runs(device, version, "A", "sealed", security=2)
        self.assertEqual(report["bootReason"], "seal")
        states = [(slot, state) for slot, of, state, _, _ in device.handoffs() if of == version]
        self.assertEqual(states[0], ("A", "candidate"))
        self.assertEqual(states[-1], ("A", "sealed"))
        self.assertEqual(device.lines("watchdog"), [])

    def test_reset_does_not_wait_for_the_old_connection(self):
        """A reset leaves a connection half open in the network; the next one must not collide with it."""
        device = self.device("resets")
        for count in (1, 2):
            device.wait_line("connected: localhost", count)
            device.verb("power", "reset")
            begin = float(device.wait_line(r"([\d.]+) board: hand-off: slot factory", 2 + count).group(1))
            connected = float(device.wait_line(r"([\d.]+) serial: connected: localhost", count + 1).group(1))
            self.assertLess(connected - begin, 8)


if __name__ == "__main__":
    unittest.main(verbosity=2)
