#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The tasks of the Cortex-M3 firmware over one whole update: stacks by their high-water marks, the processor left alone
while nothing happens, the application's pace during the download. Bounds are generous: an emulator on a loaded host is
late; bench/mps2_download.py prints the figures."""
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from device_cloud import Job  # noqa: E402
from mps2_rig import MISSING, Mps2Device  # noqa: E402
from world import wait_for  # noqa: E402

TASKS = ("health", "eth", "net", "product", "agent", "idle")
STACK_MARGIN = 0.15  # of each stack was never used
BLINK_MS = 250
BLINK_P99_MS = 1000
BLINK_MAX_MS = 3000
PUBLISH_MS = 10000
PUBLISH_MAX_MS = 16000
DOWNLOAD_S = 13  # long enough for a publish
IDLE_S = 6


def figures(console, phase):
    """The last line of this phase as {name: numbers}."""
    lines = re.findall(rf"figures {phase}: (ms .*)", console)
    if not lines:
        return None
    found = dict(re.findall(r"(ms|idle|turns) (\d+)", lines[-1].split(";")[0]))
    values = {name: int(number) for name, number in found.items()}
    for name in ("blinks", "publishes"):
        part = re.search(rf"{name} (\d+) min (\d+) max (\d+) p99 (\d+)", lines[-1])
        values[name] = dict(zip(("count", "min", "max", "p99"), map(int, part.groups())))
    return values


def stacks(console):
    """{task: (never used, all)} in words, as the last such line says."""
    line = re.findall(r"stack words, never used of all: (.*)", console)[-1]
    return {name: (int(left), int(size)) for name, left, size in re.findall(r"(\w+) (\d+) of (\d+)", line)}


@unittest.skipIf(MISSING, f"not installed: {', '.join(MISSING)}")
class Tasks(Mps2Device):
    def test_one_update(self):
        device = self.provisioned("tasks")
        self.wait_report(device, state="factory")
        wait_for("some quiet", lambda: len(self.cloud.telemetry) >= 1 + IDLE_S * 1000 // PUBLISH_MS, 60)
        image = self.image("1.1.0", 2).read_bytes()
        self.cloud.block_delay_s = DOWNLOAD_S / (len(image) / 4096)
        job = self.cloud.add(Job("up-1", image))
        self.wait_job(job, device)
        console = device.console()
        self.assertEqual(job.status, "SUCCEEDED", (job.details, console[-2000:]))

        quiet, busy = figures(console, "idle"), figures(console, "download")
        self.check_clock(console, busy["ms"])
        self.check_idle(quiet)
        self.assertGreater(busy["ms"], DOWNLOAD_S * 1000 // 2)
        self.check_pace(busy)
        marks = stacks(console)
        self.assertEqual(sorted(marks), sorted(TASKS))
        for task, (left, size) in marks.items():
            print(f"stack of {task}: {left} of {size} words never used")
            self.assertGreaterEqual(left, STACK_MARGIN * size, task)

    def check_clock(self, console, board_ms):
        """The board's milliseconds are those of everybody else."""
        begin, end = (float(re.findall(rf"^ *([\d.]+) .*figures {phase}:", console, re.M)[-1])
                      for phase in ("idle", "download"))
        print(f"download: {board_ms} ms by the board, {1000 * (end - begin):.0f} ms by the host")
        self.assertAlmostEqual(board_ms / 1000 / (end - begin), 1, delta=0.08)

    def check_idle(self, quiet):
        """Between the first report and the offer: the processor sleeps, and the agent is woken by events only."""
        seconds = quiet["ms"] / 1000
        print(f"quiet: {quiet['ms']} ms, asleep {100 * quiet['idle'] // quiet['ms']} %, "
              f"{quiet['turns'] / seconds:.1f} turns of the agent a second")
        self.assertGreater(quiet["idle"], 0.5 * quiet["ms"])
        self.assertLess(quiet["turns"] / seconds, 10, "the agent polls instead of waiting")

    def check_pace(self, busy):
        blinks, publishes = busy["blinks"], busy["publishes"]
        print(f"download: {busy['ms']} ms, asleep {100 * busy['idle'] // busy['ms']} %; blinks {blinks}; publishes {publishes}")
        self.assertGreater(blinks["count"], 0.7 * busy["ms"] / BLINK_MS, "the application stood still")
        self.assertLess(blinks["p99"], BLINK_P99_MS)
        self.assertLess(blinks["max"], BLINK_MAX_MS)
        self.assertGreaterEqual(publishes["count"], 1)
        self.assertLess(publishes["max"], PUBLISH_MAX_MS)


if __name__ == "__main__":
    unittest.main()
