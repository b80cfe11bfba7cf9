#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The demo: a private cloud and a virtual device, seven scenarios, each told in a line or two and each asserted.

usage: demo.py [--bin DIR] [--board linux|mps2-an385] [--keep DIR] [--only N[,N…]] [--console]

Everything runs on 127.0.0.1 in a scratch directory. Ends with a table and `demo: N passed, M failed` (`demo-mcu: …` on
the Cortex-M3 board, whose serial console is shown as it comes).
"""
import argparse
import os
import pathlib
import sys
import threading
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))


def arguments():
    parser = argparse.ArgumentParser(description="Daruma's demo", allow_abbrev=False)
    parser.add_argument("--bin", default=str(ROOT / "build/bin"), help="where the programs are")
    parser.add_argument("--board", default="linux", choices=("linux", "mps2-an385"), help="which device plays")
    parser.add_argument("--keep", metavar="DIR", help="work in DIR and leave it for a look afterwards")
    parser.add_argument("--only", metavar="N[,N]", help="only these scenarios (the set-up always runs)")
    parser.add_argument("--console", action="store_true", help="show the device's console (always on mps2-an385)")
    return parser.parse_args()


class Console:
    """What the board writes on its console, between the lines of the demo, as it comes."""

    def __init__(self, path):
        self.path = path
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._follow, daemon=True)
        self.thread.start()

    def _follow(self):
        place = 0
        while True:
            last = self.stopping.is_set()
            if self.path.exists():
                with open(self.path, "rb") as file:
                    file.seek(place)
                    lines = file.read().split(b"\n")[:-1]
                for line in lines:
                    place += len(line) + 1
                    sys.stdout.write(f"     | {line.decode(errors='replace')}\n")
                sys.stdout.flush()
            if last:
                return
            self.stopping.wait(0.1)

    def close(self):
        self.stopping.set()
        self.thread.join(5)


def main():
    options = arguments()
    name = "demo" if options.board == "linux" else "demo-mcu"
    os.environ["DARUMA_BIN"] = str(pathlib.Path(options.bin).resolve())
    from scenarios import SCENARIOS, Stage
    from harness.world import World

    wanted = {int(n) for n in options.only.split(",")} if options.only else None
    rows = []
    started = time.monotonic()
    with World(options.keep, keep=bool(options.keep)) as world:
        console = None
        try:
            stage = Stage(world, options.board)
            if options.console or options.board != "linux":
                console = Console(stage.device.console_path())
            stage.set_up()
        except Exception as error:  # a demo that cannot start has failed, whatever the cause
            traceback.print_exc()
            if console:
                console.close()
            print(f"\nthe set-up failed: {error}\n\n{name}: 0 passed, {len(SCENARIOS)} failed")
            return 1
        for number, (title, scenario) in enumerate(SCENARIOS, 1):
            if wanted and number not in wanted:
                continue
            print(f"\n{number}. {title}", flush=True)
            begin = time.monotonic()
            try:
                outcome = scenario(stage)
                rows.append((number, title, True, outcome, time.monotonic() - begin))
            except Exception as error:
                rows.append((number, title, False, str(error).splitlines()[0] if str(error) else repr(error),
                             time.monotonic() - begin))
                print(f"   FAILED: {error}")
                if not isinstance(error, AssertionError):
                    traceback.print_exc()
                stage.explain()
                break  # what follows stands on this one
        if console:
            console.close()
    ran = {row[0] for row in rows}
    for number, (title, _) in enumerate(SCENARIOS, 1):
        if number not in ran and (not wanted or number in wanted):
            rows.append((number, title, False, "not run: an earlier scenario failed", 0.0))
    rows.sort()
    print_tables(rows, stage, time.monotonic() - started)
    failed = sum(1 for row in rows if not row[2])
    print(f"{name}: {len(rows) - failed} passed, {failed} failed")
    return 1 if failed else 0


def print_tables(rows, stage, seconds):
    width = max(len(row[1]) for row in rows)
    print()
    for number, title, passed, outcome, took in rows:
        print(f"{number}  {'ok  ' if passed else 'FAIL'}  {title:<{width}}  {took:5.1f} s  {outcome}")
    if stage.times:
        print("\nrecovery                                   measured here   promised at shipping limits")
        for what, measured, promise in stage.times:
            print(f"  {what:<40} {measured:>8.2f} s    {promise}")
        print("  (the demo's images carry short limits in their signed fields; hang, health, soak, seal: "
              f"{stage.board.limits} s)")
    print(f"\nwhole demo: {seconds:.0f} s\n")


if __name__ == "__main__":
    sys.exit(main())
