#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The pin of the Cortex-M3 board, in every stage, while its application hangs: a person holds it until the LED shows the
stage, and what that stage promises happens. The stages take half of a product's time."""
import os
import pathlib
import random
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from mps2 import FirmwareTest  # noqa: E402
from world import wait_for  # noqa: E402

DIVISOR = 2
CUTS, SEED = 8, 20261122
SPAN_S = 0.25  # decision, journal, secure element and load take about as long


class Pin(FirmwareTest):
    def hung(self, name):
        """A device whose previous image is 1.2 in slot A, good and sealed, and whose sealed 1.3 in slot B hangs."""
        device = self.device(name, "--time-divisor", DIVISOR, counter=1)
        previous = self.seal(device, name + "-previous", counter=2)
        image, version = self.image("hang-after-seal", counter=2, limits="3,60,1,2")
        self.assert_job(self.update(device, image, name + "-hangs"), "SUCCEEDED")
        device.wait_show(version=version, state="sealed")
        device.wait_line("silent: product|watchdog: hang")
        return device, previous, version

    def test_nothing_and_previous_while_hung(self):
        device, previous, version = self.hung("hung")
        for led in ("pin", "pin-canceled"):
            with self.subTest(led):
                starts = len(device.handoffs())
                device.hold_until(led)
                wait_for("a start", lambda: len(device.handoffs()) > starts, 30)
                self.assertEqual(device.handoffs()[-1], ("B", version, "sealed", "normal", "normal"))
                device.wait_line("silent: product", len(device.lines("silent: product")) + 1)
        device.hold_until("pin-previous")
        report = self.assert_runs(device, previous, "A", "sealed", security=2)
        self.assertEqual(report["bootReason"], "pin")

    def test_factory_while_hung(self):
        """Recovery, because something was sealed since the owner's data were last erased; and the way back."""
        device, _, _ = self.hung("returns")
        device.hold_until("pin-factory")
        report = self.assert_runs(device, "1.0.0", "factory", "factory", security=2, mode="recovery")
        self.assertEqual(report["bootReason"], "pin")
        version = self.seal(device, "returns-back", counter=2)
        self.assert_runs(device, version, "A", "sealed", security=2)

    def test_erase_while_hung(self):
        device, _, _ = self.hung("forgets")
        device.hold_until("pin-erase")
        report = self.assert_runs(device, "1.0.0", "factory", "factory", security=2, epoch=1, mode="recovery")
        self.assertEqual(report["bootReason"], "pin")

    def cut_after_release(self, device, seconds):
        """Hold for a return with erasure, let go, and cut the power so much later."""
        machine = device.show()["machine_pid"]
        device.hold_until("pin-erase", reset=True)
        time.sleep(seconds)  # the instant is the attack
        os.kill(machine, signal.SIGKILL)
        wait_for("the power is off", lambda: device.show()["running"] == "off", 30, 0.005)
        device.off()

    def test_power_cuts_in_a_return(self):
        """A return to factory with erasure that was cut either has not begun, or goes on by itself: what runs and
        whether the owner's data can still be read always agree. It can be asked for again, and then completes."""
        chance = random.Random(SEED)
        device = self.device("cut-return", "--time-divisor", DIVISOR, counter=1)
        epoch, begun = 0, 0
        version = self.seal(device, "cut-return-0", counter=2)
        for step in range(1, CUTS + 1):
            starts = len(device.handoffs())
            self.cut_after_release(device, chance.uniform(0, SPAN_S))
            device.on()
            wait_for("a start", lambda: len(device.handoffs()) > starts, 60)
            shown = wait_for("the hand-off", lambda: (now := device.show())["running"] == "firmware" and now, 30)
            if shown["slot"] != "factory":
                self.assert_runs(device, version, shown["slot"], "sealed", security=2, epoch=epoch)
                continue
            epoch, begun = epoch + 1, begun + 1
            self.assert_runs(device, "1.0.0", "factory", "factory", security=2, epoch=epoch, mode="recovery")
            version = self.seal(device, f"cut-return-{step}", counter=2)
            self.assert_runs(device, version, device.show()["slot"], "sealed", security=2, epoch=epoch)
        device.hold_until("pin-erase", reset=True)
        self.assert_runs(device, "1.0.0", "factory", "factory", security=2, epoch=epoch + 1, mode="recovery")
        print(f"{CUTS} cuts, seed {SEED}: {begun} returns had begun and went on, {CUTS - begun} had not")


if __name__ == "__main__":
    unittest.main(verbosity=2)
