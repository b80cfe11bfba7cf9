# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Virtual devices without a cloud, for the board's own tests.

Devices are made with --offline: they have no identity and run their factory image in provisioning mode, which is all
that power, reset, watchdog, pin and confinement need. Their ROM's pin stages and waits are divided by DIVISOR.
"""
import os
import pathlib
import re
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from world import BIN, Device, World, alive, wait_for  # noqa: E402

DIVISOR = 10
SHORT = {"limits": "1,5,1,5"}  # hang, health, soak, seal in seconds
POWER, LOCK_UP, FAULT = 1, 2, 5  # of enum dr_reset_cause
NONE, HANG, CRASH = 0, 1, 2  # of enum dr_crash_reason
FIRST_BOOT, REVERT, FACTORY, ERASE = 1, 5, 10, 11  # of enum dr_transition_kind


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

    FILE = "testfw-{}"  # of a test program
    UP = r"up, cause (\d+), transition (\d+), epoch (\d+), crash (\d+) signal (\d+)"  # its first line

    @classmethod
    def setUpClass(cls):
        cls.world = World()

    @classmethod
    def tearDownClass(cls):
        cls.world.close()

    def device(self, name, program="steady", *options, **fields):
        """A new device whose factory image is one of the test programs."""
        device = self.existing(name)
        image = self.world.image(self.FILE.format(program), "1.0.0", sequence=1, **{**SHORT, **fields})
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

    def up(self, device, count=1, timeout_s=15):
        """Numbers of the count-th start: cause, transition, epoch, crash and what the board's line has besides."""
        return tuple(int(word) for word in self.wait_line(device, self.UP, count, timeout_s).groups())

    def wait_led(self, device, word, timeout_s=15):
        return wait_for(f"LED {word}", lambda: device.show().get("led_word") == word, timeout_s, 0.02)


class Starts:
    """What every board does, whatever it is made of; mixed into a BoardTest.

    LOCKS_UP: the test program that does. SAYS_HANG, SAYS_LOCK_UP: the board's words on its console. UP_HAS: by test
    program, what its first line has behind cause, transition, epoch and crash."""

    CUTS = 1
    PROCESSES = ("board_pid", "machine_pid", "anchor_pid")

    def started(self, name, program="steady"):
        device = self.device(name, program)
        device.on()
        return device

    def assert_up(self, device, count, numbers, program="steady"):
        numbers += self.UP_HAS.get(program, ())
        self.assertEqual(self.up(device, count)[:len(numbers)], numbers)

    def test_boots_the_factory_image_and_says_so(self):
        device = self.started("plain")
        self.assert_up(device, 1, (POWER, FIRST_BOOT, 0, NONE))
        shown = wait_for("the hand-off", lambda: (now := device.show())["running"] == "firmware" and now)
        for key, value in {"slot": "factory", "version": "1.0.0", "mode": "provisioning", "led_word": "normal",
                           "boots": 1, "flash": "ok", "provisioned": "no", "spare": "A"}.items():
            self.assertEqual(shown[key], value, key)
        self.assertEqual(shown["counters"], {"security": 0, "revocation": 0, "epoch": 0})
        self.assertEqual(device.ask("leds")["word"], "normal")

    def test_hang_is_reset_with_a_record(self):
        device = self.started("hangs", "hang")
        self.wait_line(device, "no longer feeding")
        self.assert_up(device, 2, (FAULT, FIRST_BOOT, 0, HANG), "hang")
        self.wait_line(device, self.SAYS_HANG)

    def test_crash_is_reset_with_a_record(self):
        device = self.started("crashes", "crash")
        self.assert_up(device, 2, (FAULT, FIRST_BOOT, 0, CRASH), "crash")

    def test_lock_up_is_named(self):
        device = self.started("locks-up", self.LOCKS_UP)
        self.assertEqual(self.up(device, 2)[0], LOCK_UP)
        self.wait_line(device, self.SAYS_LOCK_UP)

    def test_reset_button_is_a_fault_and_power_cycle_is_not(self):
        device = self.started("buttons")
        self.up(device)
        device.verb("power", "reset")
        self.assertEqual(self.up(device, 2)[0], FAULT)
        device.verb("power", "cycle")
        self.assertEqual(self.up(device, 3)[0], POWER)

    def test_power_cut_kills_everything_and_keeps_the_flash(self):
        device = self.started("cut")
        self.up(device)
        for count in range(2, 2 + self.CUTS):
            shown = device.show()
            device.verb("power-cut")
            for who in self.PROCESSES:
                wait_for(f"{who} is gone", lambda who=who: not alive(shown[who]), 5, 0.002)
            self.assertEqual(device.show()["running"], "off")
            device.on()
            self.assertEqual(self.up(device, count)[:2], (POWER, FIRST_BOOT))
            self.assertEqual(device.show()["digest"], shown["digest"])

    def test_a_dead_secure_element_comes_back_with_the_reset(self):
        device = self.started("anchorless")
        self.up(device)
        os.kill(device.show()["anchor_pid"], signal.SIGKILL)
        self.wait_line(device, "the secure element stopped")
        device.verb("power", "reset")
        self.up(device, 2)


__all__ = ["BIN", "BoardTest", "DIVISOR", "ERASE", "FACTORY", "REVERT", "Starts", "alive", "os", "pathlib", "wait_for"]
