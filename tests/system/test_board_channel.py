#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The board against a machine that lies: a script takes the boot ROM's place and sends what no ROM would send.

The script (this file again, with "rom" as its argument) runs on the device's channel, says what it saw on the serial
line, and the test reads the console. Everything is derived from one seed, printed on failure.
"""
import os
import pathlib
import random
import select
import signal
import socket
import struct
import sys
import time
import unittest

HEADER = struct.Struct("<HHIII")
(HELLO, READ, PROGRAM, ERASE, FREE, ANCHOR, ARM, FEED, GET, PUT, STRAP, PINS, LED, APP_LEDS, HANDOFF_SET, HANDOFF_GET,
 RESET, RESOLVE, LOG, CSR, BUNDLE, PROVISIONED, CLOCK, CRASH, SECRET) = range(1, 26)
POSTED = {FEED, LED, APP_LEDS, RESET, LOG, CRASH}
ARGUMENT, FORMAT, DENIED, RANGE, AGAIN, IO = 1, 4, 13, 2, 18, 10
SECTOR, SLOT_A, VAULT, FACTORY = 0x4000, 0x200000, 0x100000, 0x1A00000


class Machine:
    """The machine's end of the channel."""

    def __init__(self):
        self.socket = socket.socket(fileno=3)
        self.tag = 0

    def post(self, operation, a=0, b=0, payload=b""):
        self.tag += 1
        self.socket.send(HEADER.pack(operation, 0, self.tag, a, b) + payload)

    def call(self, operation, a=0, b=0, payload=b""):
        """(magnitude of the status, value, payload)"""
        self.post(operation, a, b, payload)
        answer = self.socket.recv(70000)
        got, zero, tag, status, value = HEADER.unpack(answer[:16])
        assert (got, zero, tag) == (operation, 0, self.tag), (got, zero, tag)
        return status, value, answer[16:]


def expect(what, got, wanted):
    if got != wanted:
        print(f"WRONG {what}: {got!r}, not {wanted!r}", flush=True)


def rights(machine):
    """What a boot ROM may, and what it may not."""
    unit = b"\1" * 32
    expect("hello", machine.call(HELLO)[0], 0)
    for name, address, status in (("journal", 0, 0), ("requests", 0x8000, 0), ("vault", VAULT, DENIED),
                                  ("slot", SLOT_A, DENIED), ("factory", FACTORY, DENIED), ("end", 0xFFFFFFE0, DENIED)):
        expect("erase " + name, machine.call(ERASE, address & ~(SECTOR - 1), SECTOR)[0], status)
        expect("program " + name, machine.call(PROGRAM, address, 0, unit)[0], status)
    expect("twice", machine.call(PROGRAM, 0, 0, unit)[0], IO)
    expect("odd", machine.call(PROGRAM, 1, 0, unit)[0], ARGUMENT)
    expect("read back", machine.call(READ, 0, 33), (0, 0, unit + b"\xff"))
    expect("read too much", machine.call(READ, 0, 65537)[0], ARGUMENT)
    expect("read beyond", machine.call(READ, 0x1FFC000, 1)[0], ARGUMENT)
    expect("whole", len(machine.call(READ, 0, 65536)[2]), 65536)
    expect("strap", machine.call(STRAP)[:2], (0, 0x52574F50))
    expect("strap again", machine.call(STRAP)[:2], (0, 0))
    expect("secret", [machine.call(SECRET)[0] for _ in range(2)], [0, DENIED])
    expect("retained", machine.call(PUT, 1000, 0, b"x" * 24)[0], 0)
    expect("retained back", machine.call(GET, 1000, 24), (0, 0, b"x" * 24))
    expect("retained beyond", machine.call(PUT, 1001, 0, b"x" * 24)[0], RANGE)
    expect("retained far", machine.call(GET, 0xFFFFFFFF, 2)[0], RANGE)
    for operation in (HANDOFF_GET, BUNDLE, PROVISIONED):
        expect(f"firmware's {operation}", machine.call(operation)[0], DENIED)
    expect("resolve", machine.call(RESOLVE, 0, 0, b"localhost")[0], DENIED)
    expect("csr", machine.call(CSR, 1, 0, b"x")[0], DENIED)
    expect("no period", machine.call(ARM, 0)[0], ARGUMENT)
    expect("anchor, nothing", machine.call(ANCHOR, 1000, 0, b"")[0], FORMAT)
    expect("anchor, no time", machine.call(ANCHOR, 0, 0, b"x")[0], ARGUMENT)
    expect("anchor, too long", machine.call(ANCHOR, 10001, 0, b"x")[0], ARGUMENT)
    status = machine.call(ANCHOR, 1000, 0, bytes([1, 1, 0, 0]) + b"n" * 16)
    expect("anchor", (status[0], len(status[2])), (0, 20 + 56 + 20 - 4))
    for slot, spare, hang in ((0, 1, 1000), (4, 1, 1000), (1, 1, 1000), (1, 3, 1000), (1, 2, 0), (1, 2, 60001)):
        summary = struct.pack("<BBBBBBHI", slot, spare, 1, 1, 0, 0, 0, hang) + bytes(56)
        expect(f"summary {slot} {spare} {hang}", machine.call(HANDOFF_SET, 0, 0, summary + b"i")[0], ARGUMENT)


def firmware_rights(machine):
    """After a hand-off with spare B."""
    summary = struct.pack("<BBBBBBHI", 1, 2, 1, 1, 0, 0, 0, 3000) + bytes(56)
    expect("hand-off", machine.call(HANDOFF_SET, 0, 0, summary + b"keys")[0], 0)
    expect("its bytes", machine.call(HANDOFF_GET), (0, 0, b"keys"))
    expect("once", machine.call(HANDOFF_GET)[0], 7)
    for name, address, status in (("journal", 0, DENIED), ("requests", 0x8000, 0), ("vault", VAULT, 0),
                                  ("slot A", SLOT_A, DENIED), ("slot B", 0xE00000, 0), ("factory", FACTORY, DENIED)):
        expect("erase " + name, machine.call(ERASE, address, SECTOR)[0], status)
    for operation in (STRAP, SECRET):
        expect(f"rom's {operation}", machine.call(operation)[0], DENIED)
    expect("longer watchdog", machine.call(ARM, 3001)[0], DENIED)
    expect("shorter watchdog", machine.call(ARM, 2999)[0], 0)
    expect("not provisioning", machine.call(BUNDLE)[0], 9)
    expect("no such name", machine.call(RESOLVE, 0, 0, b"name.invalid")[0], 7)
    status, count, addresses = machine.call(RESOLVE, 0, 0, b"redirected.example")
    expect("redirected", (status, count, addresses), (0, 1, struct.pack("<HH", 4, 4321) + b"\x7f\0\0\2" + bytes(12)))
    status, count, addresses = machine.call(RESOLVE, 0, 0, b"::1")
    expect("number", (status, count, addresses), (0, 1, struct.pack("<HH", 6, 0) + bytes(15) + b"\1"))


def noise(machine, seed):
    """Messages that are no messages, of every length; after each run the board still answers."""
    source = random.Random(seed)
    for run in range(60):
        for _ in range(40):
            operation = source.choice([source.randrange(0, 27), source.randrange(65536), READ, PROGRAM, PUT, GET])
            if operation in (RESET, HANDOFF_SET, ARM):  # these work, and end the noise
                continue
            size = source.choice([0, 1, 15, 16, 17, 31, 32, 512, 513, 2048, 4096, 65535, 65536])
            message = HEADER.pack(operation, source.choice([0, 0, 0, 1]), 0, source.choice([0, 1, 0xFFFFFFFF, SECTOR]),
                                  source.choice([0, 1, 32, 65536, 0xFFFFFFFF]))
            message = (message + source.randbytes(size))[: source.choice([100000, 16 + size, 15, 3])]
            machine.socket.send(message)
            while select.select([machine.socket], [], [], 0)[0]:
                machine.socket.recv(70000)
        settle(machine)


def settle(machine):
    """Read until the answer to a question of our own comes."""
    machine.post(PINS)
    while True:
        answer = machine.socket.recv(70000)
        if HEADER.unpack(answer[:16])[:3] == (PINS, 0, machine.tag):
            return


def flood(machine):
    """A machine that asks and never listens: the board must neither stop nor forget its watchdog."""
    machine.call(ARM, 1500)
    print("flooding", flush=True)
    machine.socket.setblocking(False)
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            machine.tag += 1
            machine.socket.send(HEADER.pack(READ, 0, machine.tag, 0, 65536))
        except BlockingIOError:
            time.sleep(0.001)
    print("WRONG flood: still here", flush=True)


def be_rom():
    machine = Machine()
    machine.call(ARM, 60000)
    mode = pathlib.Path("mode").read_text()
    if mode == "rights":
        rights(machine)
        firmware_rights(machine)
    elif mode.startswith("noise"):
        noise(machine, int(mode.split()[1]))
    elif mode == "flood":
        flood(machine)
    elif mode == "deaf":
        machine.socket.close()
    elif mode == "stopped":
        print("stopped", flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)
    print("script done", flush=True)
    time.sleep(600)


if __name__ == "__main__" and sys.argv[1:] == ["rom"]:
    be_rom()

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from board_rig import BoardTest  # noqa: E402


class Channel(BoardTest):
    def machine(self, mode):
        device = self.device("script-" + mode.replace(" ", "-"))
        (device.path / "rom").unlink()
        (device.path / "rom").write_text(f"#!/bin/sh\nexec /usr/bin/python3 -B {pathlib.Path(__file__).resolve()} rom\n")
        (device.path / "rom").chmod(0o755)
        (device.path / "mode").write_text(mode)
        (device.path / "net.conf").write_text("redirected.example 127.0.0.2:4321\n")
        device.on()
        return device

    def done(self, device, timeout_s=60):
        self.wait_line(device, "script done", timeout_s=timeout_s)
        wrong = [line for line in device.console().splitlines() if "WRONG" in line or "Traceback" in line]
        self.assertEqual(wrong, [])

    def test_rights_before_and_after_the_hand_off(self):
        self.done(self.machine("rights"))

    def test_noise(self):
        for seed in (1, 2, 3):
            with self.subTest(seed=seed):
                device = self.machine(f"noise {seed}")
                pid = device.show()["board_pid"]
                self.done(device)
                self.assertEqual(device.show()["board_pid"], pid)

    def test_a_flood_does_not_stop_the_watchdog(self):
        device = self.machine("flood")
        self.wait_line(device, "flooding", 2, timeout_s=20)
        self.assertEqual(self.lines(device, "WRONG"), [])
        self.wait_line(device, "reset: watchdog")

    def test_a_stopped_machine_is_reset(self):
        device = self.machine("stopped")
        device_lines = self.wait_line(device, "stopped")
        self.assertTrue(device_lines)
        self.assertEqual(device.show()["running"], "rom")
        device.verb("power", "reset")
        self.wait_line(device, "stopped", 2)

    def test_a_machine_that_closes_its_channel(self):
        device = self.machine("deaf")
        self.done(device)
        self.assertEqual(device.show()["running"], "rom")


if __name__ == "__main__":
    unittest.main()
