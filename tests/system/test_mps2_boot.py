#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The Cortex-M3 board in its emulator: boot ROM, watchdog, crash record, lock-up, pin, power cuts, installs."""
import pathlib
import random
import shutil
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from board_rig import (BIN, CRASH, ERASE, FACTORY, FIRST_BOOT, HANG, REVERT, BoardTest, Starts, os,  # noqa: E402
                       wait_for)

SLOT_A, FACTORY_SLOT = 1, 3
CANDIDATE, FACTORY_STATE = 1, 4
UP = (r"{}: up: cause transition epoch crash slot state tries leftovers "
      r"(\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)")
LAYOUT = {"header_size": 1024, "load_address": 0x20010000}
PATIENT = "6,12,1,5"  # hang, health, soak, seal: nothing is to hang here, however busy the host is
PIN_DIVISOR = 1  # a product's own times: on a loaded machine a press may end late
QUICK = "2,12,1,5"  # a hang is what is waited for
MISSING = [name for name in ("qemu-system-arm", "arm-none-eabi-gcc") if not shutil.which(name)]


@unittest.skipIf(MISSING, f"not installed: {', '.join(MISSING)}")
class Mps2(BoardTest):
    FILE = "testfw-mps2-{}.bin"
    UP = UP.format(r"\w+")

    def device(self, name, program="steady", *options, **fields):
        self.assertTrue((BIN / "rom-mps2.bin").exists(), "the boot ROM is not built: cmake --build build --target mps2")
        return super().device(name, program, "--board", "mps2-an385", *options,
                              **{"limits": QUICK if program == "hang" else PATIENT, **LAYOUT, **fields})

    def up(self, device, count=1, program=r"\w+", timeout_s=30):
        """cause, transition, epoch, crash, slot, state, tries, leftovers of the count-th start of such an image."""
        return tuple(int(word) for word in self.wait_line(device, UP.format(program), count, timeout_s).groups())

    def installer(self, name, program, key="product", **fields):
        """A device whose factory image installs another one."""
        device = self.device(name, "install")
        candidate = self.world.image(f"testfw-mps2-{program}.bin", "2.0.0", key=key, sequence=2, pad_to=28000,
                                     **{"limits": QUICK if program == "hang" else PATIENT, **LAYOUT, **fields})
        (device.path / "bundle.bin").write_bytes(candidate.read_bytes())
        return device


class Reset(Starts, Mps2):
    LOCKS_UP = "lockup"
    SAYS_HANG, SAYS_LOCK_UP = "watchdog: second expiry", "reset: lock-up"
    UP_HAS = {"steady": (FACTORY_SLOT, FACTORY_STATE, 0, 0)}  # slot, state, tries, leftovers

    def test_stray_writes_fault(self):
        device = self.device("stray", "stray")
        device.on()
        for count in (2, 3, 4):
            self.assertEqual(self.up(device, count)[3], CRASH)
        self.assertEqual(self.lines(device, "WRITTEN"), [])
        self.assertEqual(device.show()["slot"], "factory")

    def test_rom_without_keys_halts(self):
        device = self.device("blank-rom")
        shutil.copy(BIN / "rom-mps2.bin", device.path / "rom.new")
        os.replace(device.path / "rom.new", device.path / "rom")
        device.on()
        self.wait_led(device, "halt-trust")
        boots = device.show()["boots"]
        wait_for("the watchdog starts it over", lambda: device.show()["boots"] > boots, 15)
        self.wait_led(device, "halt-trust")
        self.assertEqual(self.lines(device, "up: cause"), [])


class Pin(Mps2):
    def stage(self, name, seconds):
        """Press the pin of a running device for so long (of a product's seconds; starting an emulator takes some)."""
        device = self.device(name, "steady", "--time-divisor", PIN_DIVISOR)
        device.on()
        self.up(device)
        device.verb("press", "--seconds", seconds / PIN_DIVISOR)
        return self.up(device, 2)

    def test_stages(self):
        for name, seconds, transition, epoch in (("short", 0.5, FIRST_BOOT, 0), ("factory", 7, FACTORY, 0),
                                                 ("erase", 14, ERASE, 1), ("cancel", 23, FIRST_BOOT, 0)):
            with self.subTest(name):
                self.assertEqual(self.stage(f"pin-{name}", seconds)[1:3], (transition, epoch))


class Install(Mps2):
    def test_candidate_that_hangs_is_dropped_after_three_tries(self):
        device = self.installer("hang-thrice", "hang")
        device.on()
        for count, tries in ((1, 3), (2, 2), (3, 1)):
            self.assertEqual(self.up(device, count, "hang")[4:7], (SLOT_A, CANDIDATE, tries))
        back = self.up(device, 3, "install")
        self.assertEqual((back[1], back[3], back[4]), (REVERT, HANG, FACTORY_SLOT))
        self.wait_line(device, r"stays: kind reason faults 5 \d+ 3")
        self.assertEqual(len(self.lines(device, "hang: up")), 3)

    def test_every_start_is_told_however_late_the_resets_are_heard_of(self):
        device = self.installer("late", "stray")
        with open(device.path / "board.conf", "a", encoding="ascii") as conf:
            conf.write(f"qemu {pathlib.Path(__file__).resolve().parent / 'late_control.py'}\n")
        device.on()
        self.up(device, 3, "install")
        shown = wait_for("the board shows what runs", lambda: (now := device.show())["running"] == "firmware" and now, 30)
        self.assertEqual((shown["version"], shown["slot"], shown["boots"]), ("1.0.0", "factory", 6))
        told = [line.group(1, 2) for line in self.lines(device, r"board: (reset|hand-off): (the machine|slot \w+)")]
        self.assertEqual(told, [
            pair for slot in ("factory", "factory", "A", "A", "A", "factory")
            for pair in (("reset", "the machine"), ("hand-off", f"slot {slot}"))][1:])

    def test_foreign_key_is_refused(self):
        device = self.installer("foreign", "steady", key="other")
        device.on()
        self.wait_line(device, "stays: kind reason faults")
        self.assertEqual(self.lines(device, "steady: up"), [])
        self.assertEqual(device.show()["slot"], "factory")

    def test_wrong_load_address_is_refused(self):
        device = self.installer("astray", "steady", load_address=0x20000000)
        device.on()
        self.wait_line(device, "stays: kind reason faults")
        self.assertEqual(self.lines(device, "steady: up"), [])

    def test_killed_at_any_instant_of_an_install(self):
        chance = random.Random(20260101)
        device = self.installer("cut", "steady")
        for step in range(6):
            device.on()
            self.wait_line(device, "power on", step + 1)
            machine = wait_for("the machine", lambda: device.show()["machine_pid"], 10, 0.002)
            wait_for("the instant", lambda at=chance.uniform(10, 400): device.show()["uptime_ms"] >= at, 10, 0.001)
            os.kill(machine, signal.SIGKILL)
            self.wait_line(device, "the machine lost its power", step + 1)
            self.assertEqual(device.show()["running"], "off")
            device.off()
        device.on()
        self.wait_line(device, UP.format("steady"), 1, 30)
        shown = wait_for("the candidate", lambda: (now := device.show())["running"] == "firmware" and now, 10)
        self.assertEqual((shown["version"], shown["slot"], shown["state"]), ("2.0.0", "A", "candidate"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
