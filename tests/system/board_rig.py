# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Virtual devices without a cloud, for the board's own tests.

Devices are made with --offline: they have no identity and run their factory image in provisioning mode, which is all
that power, reset, watchdog, pin and confinement need. Their ROM's pin stages and waits are divided by DIVISOR.
"""
import os
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from world import BIN, Device, World, alive, wait_for  # noqa: E402

DIVISOR = 10
SHORT = {"limits": "1,5,1,5"}  # hang, health, soak, seal in seconds


class BoardDevice(Device):
    """A device of which a test asks more than a user of the cloud does."""

    def __init__(self, world, name):
        super().__init__(world, name)
        self.path = world.dir / "devices" / name

    def ask(self, verb, *words):
        """A verb's answer as JSON."""
        return self.world.json("device", verb, self.name, *words, "--dir", self.path.parent)[1]


class BoardTest(unittest.TestCase):
    """One scratch world per test class, devices made on demand."""

    @classmethod
    def setUpClass(cls):
        cls.world = World()

    @classmethod
    def tearDownClass(cls):
        cls.world.close()

    def device(self, name, program="testfw-steady", *options, **fields):
        """A new device whose factory image is one of the test programs."""
        device = self.existing(name)
        image = self.world.image(program, "1.0.0", sequence=1, **{**SHORT, **fields})
        device.create(image, "--offline", "--time-divisor", DIVISOR, *options)
        return device

    def existing(self, name):
        """A device that was made, or will be, by other means."""
        device = BoardDevice(self.world, name)
        self.addCleanup(device.off)
        return device

    def lines(self, device, pattern):
        """Console lines that match, as match objects."""
        return [found for found in (re.search(pattern, line) for line in device.console().splitlines()) if found]

    def wait_line(self, device, pattern, count=1, timeout_s=15):
        """Wait until the console has had this line `count` times; the last match."""
        return wait_for(f"{count} x {pattern!r} on the console of {device.name}",
                        lambda: (found := self.lines(device, pattern)) and len(found) >= count and found[count - 1],
                        timeout_s, 0.01)

    def wait_led(self, device, word, timeout_s=15):
        return wait_for(f"LED {word}", lambda: device.show().get("led_word") == word, timeout_s, 0.02)


__all__ = ["BIN", "BoardTest", "DIVISOR", "alive", "os", "pathlib", "wait_for"]
