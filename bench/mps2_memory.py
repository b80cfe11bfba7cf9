#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""RAM of the Cortex-M3 firmware: what is reserved, from the linker's map, and how much of stacks and TLS memory one whole
update over mutual TLS ever uses, from the firmware's own high-water marks. Writes its section of docs/performance-mcu.md.

usage: mps2_memory.py [--bin DIR] [--document FILE | --no-document]

Ends 1 when the reserved RAM is above its limit (tools/footprint_board.py) or something reserved was used up.
"""
import argparse
import os
import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / folder) for folder in ("tests/harness", "tests/system", "tools", "bench")]

WORD = 4
TASKS = {"health": "feeds the watchdog", "eth": "Ethernet part", "net": "lwIP", "product": "application",
         "agent": "update agent, TLS, MQTT, secure element"}  # and no figure of the kernel's own


def run_update():
    """The console of a device that went through one update."""
    from device_cloud import Job
    from mps2_rig import MISSING, Mps2Device
    if MISSING:
        sys.exit(f"mps2_memory: not installed: {', '.join(MISSING)}")
    console = []

    class Update(Mps2Device):
        def runTest(self):
            device = self.provisioned("memory")
            self.wait_report(device, state="factory")
            job = self.cloud.add(Job("up-1", self.image("1.1.0", 2).read_bytes()))
            self.wait_job(job, device)
            self.assertEqual(job.status, "SUCCEEDED", job.details)
            console.append(device.console())

    result = unittest.TextTestRunner(verbosity=0).run(unittest.TestSuite([Update()]))
    if not result.wasSuccessful():
        sys.exit(1)
    return console[0]


def most_used(console):
    """[(what, used, reserved, about)] in bytes; of several lines the one with the most used."""
    rows = []
    for task, about in TASKS.items():
        marks = re.findall(rf"stack words, never used.*\b{task} (\d+) of (\d+)", console)
        left, size = min((int(left), int(size)) for left, size in marks)
        rows.append((f"stack of {task}", WORD * (size - left), WORD * size, about))
    pool = [(int(used), int(size)) for used, size in re.findall(r"tls pool (\d+) of (\d+)", console)]
    used, size = max(pool)
    rows.append(("TLS memory", used, size, "Mbed TLS's sessions, certificates, numbers"))
    return rows


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/bin")
    options.add_argument("--document", type=pathlib.Path, default=ROOT / "docs/performance-mcu.md")
    options.add_argument("--no-document", action="store_true")
    chosen = options.parse_args()
    os.environ["DARUMA_BIN"] = str(chosen.bin.resolve())
    from footprint_board import FIRMWARE_RAM_BYTES, firmware_section
    from section import write_section
    _, ram, _ = firmware_section(chosen.bin.resolve().parent / "mcu")
    rows = most_used(run_update())
    lines = ["## Memory", "",
             "Written by `bench/mps2_memory.py`: the most that one whole update over mutual TLS used of what is reserved, "
             "by the firmware's own marks.", "",
             "| what | used | reserved | |", "|---|---:|---:|---|",
             *[f"| {what} | {used:,} | {size:,} | {about} |" for what, used, size, about in rows], "",
             f"All RAM beside the code, reserved when the program is linked: **{ram:,} bytes** of {FIRMWARE_RAM_BYTES:,} allowed, "
             "the kernel's own not counted (`docs/footprint.md` has it by library)."]
    print("\n".join(lines))
    if not chosen.no_document:
        write_section(chosen.document, "Performance on the Cortex-M3 board", "memory", lines)
    return 1 if ram > FIRMWARE_RAM_BYTES or any(used >= size for _, used, size, _ in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
