#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The Linux board: power, reset, watchdog, pin, flash, and what it does with parts that do not belong together."""
import pathlib
import random
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from board_rig import (BIN, DIVISOR, ERASE, FACTORY, FIRST_BOOT, POWER, BoardTest, Starts, alive, os,  # noqa: E402
                       wait_for)

UP = BoardTest.UP


class Power(Starts, BoardTest):
    CUTS = 6
    LOCKS_UP = "quit"  # a program that ends
    SAYS_HANG, SAYS_LOCK_UP = "watchdog: not fed for 1000 ms", "reset: lock-up"
    UP_HAS = {"steady": (0,), "hang": (signal.SIGQUIT,), "crash": (signal.SIGSEGV,)}  # the signal

    def test_power_cuts_while_the_rom_works(self):
        device = self.device("cut-early")
        for step in range(12):
            device.on()
            time.sleep(step * 0.002)  # the cut's position, not a wait
            device.verb("power-cut")
        device.on()
        shown = wait_for("the firmware", lambda: (now := device.show())["running"] == "firmware" and now, 15)
        self.assertEqual(shown["slot"], "factory")

    def test_orderly_power_off_leaves_nothing_behind(self):
        device = self.device("off")
        device.on()
        self.up(device)
        shown = device.show()
        device.verb("power", "off")
        self.assertFalse(any(alive(shown[who]) for who in self.PROCESSES))
        self.assertFalse((device.path / "board.sock").exists())

    def test_two_boards_in_one_directory(self):
        device = self.device("twice")
        device.on()
        second = subprocess.run([BIN / "daruma-board", "--dir", device.path], capture_output=True, text=True, timeout=20)
        self.assertEqual(second.returncode, 1)
        self.assertIn("another board runs", second.stderr)
        self.assertEqual(device.show()["running"], "firmware")

    def run_in_front(self, device):
        """`daruma device run NAME` as a person would start it, its output in a pipe."""
        process = subprocess.Popen([BIN / "daruma", "device", "run", device.name, "--dir", device.path.parent],
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait, 10)
        self.addCleanup(process.terminate)
        return process

    def reads(self, process, text):
        """Does the process print a line with this text before it ends?"""
        return any(text in line for line in iter(process.stdout.readline, ""))

    def test_run_in_the_foreground(self):
        device = self.device("front")
        front = self.run_in_front(device)
        self.assertTrue(self.reads(front, "up, cause"))
        watcher = self.run_in_front(device)
        self.assertTrue(self.reads(watcher, "is on already"))
        device.verb("power", "reset")
        self.assertTrue(self.reads(watcher, "up, cause"))
        watcher.send_signal(signal.SIGINT)
        watcher.wait(10)
        shown = device.show()
        self.assertEqual(shown["running"], "firmware")
        front.send_signal(signal.SIGINT)
        self.assertEqual(front.wait(20), 0)
        self.assertFalse(any(alive(shown[who]) for who in self.PROCESSES))

    def test_a_killed_command_takes_the_board_nowhere(self):
        """The board outlives who started it in the background, and a cut pin is not held for ever."""
        device = self.device("held")
        device.on()
        self.up(device)
        self.ask(device, b"pin 100000\n")
        self.assertEqual(device.show()["pin"], 1)
        device.verb("power-cut")
        device.on()
        self.up(device, 2)
        self.assertEqual(device.show()["pin"], 0)

    def test_control_socket_takes_no_nonsense(self):
        device = self.device("nonsense")
        device.on()
        self.up(device)
        for text in (b"\n", b"pin\n", b"pin 999999999\n", b"pin -1\n", b"power sideways\n", b"unknown words here\n"):
            self.assertTrue(self.ask(device, text).startswith(b"error "), text)
        self.assertEqual(self.ask(device, b"x" * 5000), b"")
        self.assertEqual(self.ask(device, b"\0\0\n")[:5], b"error")
        self.assertTrue(alive(device.show()["board_pid"]))

    def ask(self, device, text):
        home = os.getcwd()
        os.chdir(device.path)
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(5)
                client.connect("board.sock")
                try:
                    client.sendall(text)
                    answer = b""
                    while part := client.recv(4096):
                        answer += part
                except ConnectionError:
                    pass
                return answer
        finally:
            os.chdir(home)


class Pin(BoardTest):
    """Stages of the pin, divided by DIVISOR: 0.2 s, 0.5 s, 1 s, 2 s."""

    def press(self, device, *words):
        before = len(self.lines(device, UP))
        answer = device.ask("press", *words)
        return answer, self.up(device, before + 1)

    def setUp(self):
        self.pressed = self.device("pin-" + self.id().rsplit("_", 1)[-1])
        self.pressed.on()
        self.wait_line(self.pressed, UP)

    def test_pin_short(self):
        _, up = self.press(self.pressed, "--seconds", "0.1")
        self.assertEqual(up[:3], (POWER, FIRST_BOOT, 0))

    def test_pin_previous(self):
        """There is no previous image: the LED says no, and nothing changes."""
        answer, up = self.press(self.pressed, "--stage", "previous")
        self.assertEqual(answer["led"], "pin-previous")
        self.assertEqual(up[:3], (POWER, FIRST_BOOT, 0))

    def test_pin_factory(self):
        answer, up = self.press(self.pressed, "--stage", "factory")
        self.assertEqual(answer["led"], "pin-factory")
        self.assertEqual(up[:3], (POWER, FACTORY, 0))

    def test_pin_erase(self):
        answer, up = self.press(self.pressed, "--stage", "erase")
        self.assertEqual(answer["led"], "pin-erase")
        self.assertEqual(up[:3], (POWER, ERASE, 1))
        self.assertEqual(self.pressed.show()["counters"]["epoch"], 1)

    def test_pin_cancel(self):
        _, up = self.press(self.pressed, "--seconds", str(25 / DIVISOR))
        self.assertEqual(up[:3], (POWER, FIRST_BOOT, 0))

    def test_pin_held_through_the_front_panel(self):
        """The panel page of the flash file is live: a person need not use the control socket."""
        device = self.pressed
        panel = 32 * 1024 * 1024 - 4096
        with open(device.path / "flash.bin", "r+b", buffering=0) as flash:
            flash.seek(panel + 0x10)
            flash.write(b"\1\0\0\0")
            device.verb("power", "cycle")
            self.wait_led(device, "pin-factory")
            flash.seek(panel + 0x20)
            self.assertEqual(flash.read(4), (18).to_bytes(4, "little"))
            flash.seek(panel + 0x10)
            flash.write(b"\0\0\0\0")
        self.assertEqual(self.up(device, 2)[1], FACTORY)


class BadParts(BoardTest):
    """Nothing unsigned boots, whatever the parts are; the LED says what is wrong."""

    def halts(self, device, word):
        device.on()
        self.wait_led(device, word)
        self.assertEqual(self.lines(device, UP), [])
        self.assertNotEqual(device.show()["running"], "firmware")

    def test_flash_of_the_wrong_size(self):
        for name, size in (("empty", 0), ("short", 32 * 1024 * 1024 - 4096), ("long", 33 * 1024 * 1024)):
            with self.subTest(name):
                device = self.device("flash-" + name)
                os.truncate(device.path / "flash.bin", size)
                self.halts(device, "halt-flash")

    def test_no_flash(self):
        device = self.device("flash-none")
        (device.path / "flash.bin").unlink()
        self.halts(device, "halt-flash")

    def test_flash_of_random_content(self):
        device = self.device("flash-random")
        with open(device.path / "flash.bin", "r+b") as flash:
            flash.write(random.Random(20).randbytes(32 * 1024 * 1024 - 4096))
        self.halts(device, "halt-no-image")

    def test_flash_altered_by_one_bit(self):
        device = self.device("flash-bit")
        with open(device.path / "flash.bin", "r+b") as flash:
            flash.seek(0x01A00000 + 0x8000)  # in the factory slot's data
            byte = flash.read(1)
            flash.seek(-1, 1)
            flash.write(bytes([byte[0] ^ 1]))
        self.halts(device, "halt-no-image")

    def test_flash_of_another_device(self):
        """Same product, same image, another device secret: nothing decrypts."""
        one, other = self.device("swap-one"), self.device("swap-other")
        shutil.copy(one.path / "flash.bin", other.path / "flash.bin")
        self.halts(other, "halt-no-image")

    def test_secure_element_without_state(self):
        device = self.device("anchor-gone")
        shutil.rmtree(device.path / "anchor")
        self.halts(device, "halt-anchor")

    def test_boot_rom_without_trust_anchors(self):
        device = self.device("rom-blank")
        (device.path / "rom").unlink()
        shutil.copy(BIN / "daruma-rom-linux", device.path / "rom")
        self.halts(device, "halt-trust")

    def test_boot_rom_of_another_product(self):
        device, other = self.device("rom-mine"), self.device("rom-other")
        image = self.world.image("testfw-steady", "1.0.0", product="garden-gate", key="stranger", sequence=1)
        shutil.rmtree(other.path)
        self.world.run("device", "create", "rom-other", "--dir", self.world.dir / "devices", "--key",
                       self.world.key("stranger"), "--image", image, "--offline")
        (device.path / "rom").unlink()
        shutil.copy(other.path / "rom", device.path / "rom")
        self.halts(device, "halt-no-image")


class Factory(BoardTest):
    """`device create`."""

    def create(self, name, image, *options, key="product", check=False):
        return self.world.run("device", "create", name, "--dir", self.world.dir / "devices", "--key",
                              self.world.key(key), "--image", image, "--offline", *options, check=check)

    def test_files_and_their_modes(self):
        device = self.device("modes")
        self.assertEqual(stat.S_IMODE(device.path.stat().st_mode), 0o700)
        self.assertEqual(stat.S_IMODE((device.path / "rom").stat().st_mode), 0o555)
        self.assertEqual(stat.S_IMODE((device.path / "flash.bin").stat().st_mode), 0o600)
        self.assertEqual((device.path / "flash.bin").stat().st_size, 32 * 1024 * 1024)
        self.assertLess((device.path / "flash.bin").stat().st_blocks * 512, 4 * 1024 * 1024)
        for path in (device.path / "anchor").iterdir():
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600, path)

    def test_refuses_images_that_its_rom_would_refuse(self):
        good = self.world.image("testfw-steady", "1.0.0", sequence=1)
        altered = self.world.dir / "altered.img"
        data = bytearray(good.read_bytes())
        data[20000] ^= 1
        altered.write_bytes(data)
        short = self.world.dir / "short.img"
        short.write_bytes(good.read_bytes()[:5000])
        stranger = self.world.image("testfw-steady", "1.0.0", sequence=1, key="stranger")
        large = self.world.image("testfw-steady", "1.0.0", sequence=1, pad_to=5 * 1024 * 1024)
        for name, image, options, reason in (
                ("bad-altered", altered, (), "image_digest"), ("bad-key", stranger, (), "image_key"),
                ("bad-product", good, ("--product", "garden-gate"), "wrong_product"),
                ("bad-short", short, ("--product", "demo-lock"), "image_truncated"),
                ("bad-large", large, (), "too_large")):
            with self.subTest(name):
                done = self.create(name, image, *options)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn(reason, done.stderr)
                self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)

    def test_runs_again_after_any_cut(self):
        """Take away what a cut at each step would have left undone."""
        image = self.world.image("testfw-steady", "1.0.0", sequence=1)
        self.create("again-rom", image, check=True)
        done = self.create("again-rom", image)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("again-rom exists already", done.stderr)
        for name, undone in (("again-rom", ("rom",)), ("again-flash", ("flash.bin",)),
                             ("again-conf", ("board.conf",)), ("again-late", ("rom", "flash.bin", "board.conf"))):
            with self.subTest(name):
                self.create(name, image)
                for file in undone:
                    (self.world.dir / "devices" / name / file).unlink()
                self.create(name, image, check=True)
                device = self.existing(name)
                device.on()
                self.wait_line(device, UP)

    def test_cut_by_a_signal_at_many_places(self):
        image = self.world.image("testfw-steady", "1.0.0", sequence=1)
        command = [BIN / "daruma", "device", "create", "killed", "--dir", self.world.dir / "devices", "--key",
                   self.world.key("product"), "--image", image, "--offline"]
        for step in range(15):
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(step * 0.002)  # the cut's position, not a wait
            process.kill()
            process.wait()
        done = self.create("killed", image)
        self.assertTrue(done.returncode == 0 or "exists already" in done.stderr, done.stderr)
        device = self.existing("killed")
        device.on()
        self.wait_line(device, UP)

    def test_other_keys_are_a_conflict(self):
        (self.device("conflict").path / "board.conf").unlink()  # half made: the command goes on with it
        image = self.world.image("testfw-steady", "1.0.0", sequence=1, key="stranger")
        done = self.create("conflict", image, key="stranger")
        self.assertEqual(done.returncode, 1)
        self.assertIn("other keys", done.stderr)

    def test_published_test_key_is_refused(self):
        key = pathlib.Path(__file__).resolve().parent.parent / "data/golden-images/product-key.pub.pem"
        image = self.world.image("testfw-steady", "1.0.0", sequence=1)
        words = ("device", "create", "golden", "--dir", self.world.dir / "devices", "--key", key, "--image", image,
                 "--offline")
        done = self.world.run(*words, check=False, env={"DARUMA_ALLOW_TEST_KEY": ""})
        self.assertEqual(done.returncode, 1)
        self.assertIn("published test key", done.stderr)

    def test_wrong_words(self):
        for words, code in ((("create",), 64), (("create", "../x", "--key", "k", "--image", "i"), 64),
                            (("create", "x"), 64), (("run", "nobody"), 1), (("press", "nobody", "--seconds", "1"), 1),
                            (("power", "nobody", "on"), 1)):
            with self.subTest(words):
                done = self.world.run("device", *words, check=False)
                self.assertEqual(done.returncode, code, done.stderr)


if __name__ == "__main__":
    unittest.main()
