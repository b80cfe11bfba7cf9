#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""From reset to the application's main on the Cortex-M3 board, in instructions: what the boot ROM spends on which step for
a payload of 192 KiB. Writes its section of docs/performance-mcu.md.

usage: mps2_reset.py [--bin DIR] [--payload BYTES] [--document FILE | --no-document]

The emulator runs with -icount: its clock moves 2**5 ns with each instruction and stands still while it is stopped. This
program stops it at functions of the unchanged boot ROM, through the emulator's gdb server, and reads the board's clock
there. Waiting for the secure element depends on the host and is counted apart.
"""
import argparse
import os
import pathlib
import re
import socket
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests/harness"), str(ROOT / "bench")]

SHIFT = 5
CLOCK_NS = 40  # a tick of the board's clock, 25 MHz
CLOCK_AT = 0x40028018  # counter, prescaler, the prescaler's own count
LAYOUT = {"header_size": 1024, "load_address": "0x20010000"}
STOPS = {"read": r"slot_read", "decrypt": r"dr_rom_aes256_ctr", "verify": r"p256_ecdsa_verify|p256_verify",
         "wait": r"dr_anchor_uart_transact"}
RETURNS = ("read", "decrypt", "verify", "wait")


class Debugger:
    """As much of the gdb remote protocol as this needs."""

    def __init__(self, path):
        self.line = socket.socket(socket.AF_UNIX)
        self.line.settimeout(60)
        self.line.connect(str(path))
        self.unread = b""

    def ask(self, text):
        self.line.sendall(f"${text}#{sum(text.encode()) & 0xff:02x}".encode())
        while not (found := re.search(rb"\$([^#]*)#..", self.unread)):
            more = self.line.recv(4096)
            if not more:
                raise ConnectionError("the emulator ended")
            self.unread += more
        self.unread = self.unread[found.end():]
        self.line.sendall(b"+")
        return found[1].decode()

    def word(self, address):
        return int.from_bytes(bytes.fromhex(self.ask(f"m{address:x},4")), "little")

    def register(self, number):
        return int.from_bytes(bytes.fromhex(self.ask("g"))[4 * number:4 * number + 4], "little")

    def clock_ns(self):
        counter, prescale, left = (self.word(CLOCK_AT + 4 * i) for i in range(3))
        return (counter * (prescale + 1) + prescale - left) * CLOCK_NS

    def go(self, stops):
        """Over the instruction it stands on, then to any of the stops; returns where it stopped."""
        self.ask("s")
        if self.register(15) not in stops:
            for at in stops:
                self.ask(f"Z0,{at:x},2")
            self.ask("c")
            for at in stops:
                self.ask(f"z0,{at:x},2")
        return self.register(15)


def symbols(elf, names):
    """{name: address} of the functions whose symbols match; copies that the compiler made of them included."""
    table = subprocess.run(["arm-none-eabi-nm", elf], capture_output=True, text=True, check=True).stdout
    found = {}
    for name, pattern in names.items():
        match = re.search(rf"^([0-9a-f]+) [tT] (?:{pattern})(?:\.\S+)?$", table, re.M)
        if not match:
            sys.exit(f"mps2_reset: no {pattern} in {elf}")
        found[name] = int(match[1], 16) & ~1
    return found


def measure(debugger, rom, firmware):
    """{step: nanoseconds of the board's clock}"""
    entries = {**rom, **firmware}
    by_address = {at: name for name, at in entries.items()}
    spent = dict.fromkeys(RETURNS, 0)
    returns, marks = {}, {}
    while "main" not in marks:
        at = debugger.go([*by_address, *returns])
        now = debugger.clock_ns()
        if at in returns:
            name, begin = returns.pop(at)
            spent[name] += now - begin
            marks[name + " end"] = now
            if at not in by_address:
                continue
        name = by_address[at]
        if name == "read" and debugger.register(3) == 0:
            continue  # of no bytes: it feeds the watchdog while the copy is hashed
        marks.setdefault(name, now)
        if name in RETURNS:
            returns[debugger.register(14) & ~1] = (name, now)
            marks[name + " waited"] = spent["wait"]
    hand_off = marks["reset"] - marks["verify end"] - (spent["wait"] - marks["verify waited"])
    return {
        "journal, pin, decision": marks["read"] - marks["read waited"],
        "copy": spent["read"] - spent["decrypt"],
        "decrypt": spent["decrypt"],
        "hash": marks["verify"] - marks["read end"],
        "verify": spent["verify"],
        "hand-off, other RAM cleared": hand_off,
        "the firmware's own start": marks["main"] - marks["reset"],
        "waiting": spent["wait"],
        "all": marks["main"],
    }


def boot(world, binaries, payload_bytes):
    program = world.dir / "padded.bin"
    code = (binaries / "firmware-mps2-good.bin").read_bytes()
    program.write_bytes(code + os.urandom(payload_bytes - len(code)))
    image = world.image(program, "1.0.0", sequence=1, **LAYOUT)
    from world import Device, wait_for
    device = Device(world, "bench")
    device.create(image, "--offline", "--board", "mps2-an385")
    folder = world.dir / "devices/bench"
    line = folder / "gdb"
    emulator = folder / "emulator"
    emulator.write_text(f'#!/bin/sh\nexec qemu-system-arm "$@" -S -gdb unix:{line},server=on,wait=off\n')
    emulator.chmod(0o700)
    with open(folder / "board.conf", "a", encoding="ascii") as conf:
        conf.write(f"icount {SHIFT}\nqemu {emulator}\n")
    device.on()
    wait_for("the emulator's gdb server", line.exists, 20)
    elves = binaries.parent / "mcu/bin"
    return measure(Debugger(line), symbols(elves / "rom-mps2.elf", STOPS),
                   symbols(elves / "firmware-mps2-good.elf", {"reset": "dr_firmware_reset", "main": "main"}))


def report(steps, payload_bytes):
    what = {
        "journal, pin, decision": "from reset to the first byte of the image",
        "copy": "flash to RAM, once, with the slot's map",
        "decrypt": "AES-256-CTR, byte by byte from a table of 1 KiB",
        "hash": "SHA-256 of the copy in RAM, and its TLVs parsed",
        "verify": "one P-256 signature (p256-m)",
        "hand-off, other RAM cleared": "keys derived, 1 MiB of RAM cleared around the image",
        "the firmware's own start": "from its reset handler to main",
    }
    count = {name: ns >> SHIFT for name, ns in steps.items()}
    total = count["all"] - count["waiting"]
    lines = ["## Reset to main", "",
             f"Written by `bench/mps2_reset.py`: the boot ROM of the Cortex-M3 board as shipped, a payload of {payload_bytes:,} "
             "bytes, instructions counted by the emulator. Emulated: a real part needs more than one cycle for some.", "",
             "| step | instructions | share | what |", "|---|---:|---:|---|"]
    lines += [f"| {name} | {count[name]:,} | {100 * count[name] / total:.1f} % | {text} |" for name, text in what.items()]
    lines += [f"| **all** | **{total:,}** | | {total / 25e6:.2f} s at 25 MHz, one a cycle |", "",
              f"Not in it: {count['waiting']:,} instructions spent waiting for the secure element, which is a process of the "
              "host here."]
    return lines


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/bin")
    options.add_argument("--payload", type=int, default=192 * 1024)
    options.add_argument("--document", type=pathlib.Path, default=ROOT / "docs/performance-mcu.md")
    options.add_argument("--no-document", action="store_true")
    chosen = options.parse_args()
    os.environ["DARUMA_BIN"] = str(chosen.bin.resolve())
    from section import write_section
    from world import World
    with World() as world:
        lines = report(boot(world, chosen.bin.resolve(), chosen.payload), chosen.payload)
    print("\n".join(lines))
    if not chosen.no_document:
        write_section(chosen.document, "Performance on the Cortex-M3 board", "reset", lines)


if __name__ == "__main__":
    main()
