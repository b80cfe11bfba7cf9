#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The demo: private clouds and virtual devices, and scenarios that are told in a line or two each and asserted.

Everything runs on 127.0.0.1 in a scratch directory. Scenarios stand on their own: each begins with a device that runs
a good image, so any of them can be played alone. They are played in lanes, a cloud and a device each, side by side.
Ends with a table and `demo: N passed, M failed` (`demo-mcu: …` on the Cortex-M3 board, whose serial console is shown as
it comes).
"""
import argparse
import os
import pathlib
import queue
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", metavar="DIR", default=str(ROOT / "build/bin"),
                        help="where the programs are (default: build/bin)")
    parser.add_argument("--board", default="linux", choices=("linux", "mps2-an385"),
                        help="which device plays (default: linux)")
    parser.add_argument("--only", metavar="N[,N]", help="only these scenarios; numbers as in --list")
    parser.add_argument("--list", action="store_true", help="list the scenarios and end")
    parser.add_argument("--lanes", metavar="N", type=int, default=2, help="how many play side by side (default: 2)")
    parser.add_argument("--console", action="store_true", help="show the devices' consoles (always on mps2-an385)")
    parser.add_argument("--keep", metavar="DIR", help="work in DIR and leave it for a look afterwards")
    return parser.parse_args()


def chosen(scenarios, only):
    if not only:
        return list(scenarios)
    try:
        wanted = {int(number) for number in only.split(",")}
    except ValueError:
        sys.exit(f"demo: wants numbers of scenarios such as 5,7, not {only!r}")
    unknown = wanted - {scenario.number for scenario in scenarios}
    if unknown:
        titles = "".join(f"\n{scenario.number:2}  {scenario.title}" for scenario in scenarios)
        sys.exit(f"demo: no scenario {', '.join(map(str, sorted(unknown)))}; there are{titles}")
    return [scenario for scenario in scenarios if scenario.number in wanted]


class Console:
    """What a lane's device writes on its console, between the lines of the demo, as it comes."""

    def __init__(self, stage):
        self.stage = stage
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._follow, daemon=True)
        self.thread.start()

    def _follow(self):
        places = {}  # by file: a lane may need more than one device
        while True:
            last = self.stopping.is_set()
            device = self.stage.device
            path = device.console_path() if device else None
            if path and path.exists():
                with open(path, "rb") as file:
                    file.seek(places.get(path, 0))
                    lines = file.read().split(b"\n")[:-1]
                for line in lines:
                    places[path] = places.get(path, 0) + len(line) + 1
                    self.stage.say(f"   | {line.decode(errors='replace')}")
            if last:
                return
            self.stopping.wait(0.1)

    def close(self):
        self.stopping.set()
        self.thread.join(5)


class Lane:
    """One cloud, one device at a time, and the scenarios that it takes from the common queue."""

    def __init__(self, number, directory, options, waiting):
        self.number = number
        self.directory = directory
        self.options = options
        self.waiting = waiting
        self.rows = []
        self.times = []
        self.stage = None
        self.thread = threading.Thread(target=self.play)

    def play(self):
        from harness.world import World
        from stage import Stage
        with World(self.directory, keep=True) as world:
            self.stage = Stage(world, self.options.board)
            console = Console(self.stage) if self.options.console or self.options.board != "linux" else None
            try:
                while True:
                    for scenario in self.waiting.get_nowait():
                        self.play_one(scenario)
            except queue.Empty:
                pass
            finally:
                if console:
                    console.close()

    def play_one(self, scenario):
        stage = self.stage
        stage.begin(scenario)
        begin = time.monotonic()
        try:
            stage.set_up()  # nothing to do but for the first, and for the one after a failure
            begin = time.monotonic()
            outcome, passed = scenario.play(stage), True
        except Exception as error:  # whatever went wrong, this scenario failed and the next has its turn
            outcome, passed = (str(error).splitlines() or [repr(error)])[0], False
            stage.say(f"FAILED: {error}")
            if not isinstance(error, AssertionError):
                stage.say(traceback.format_exc())
            stage.explain()
            stage.give_up()
        self.rows.append((scenario.number, scenario.title, passed, outcome, time.monotonic() - begin))


def print_tables(rows, times, limits, seconds):
    width = max(len(row[1]) for row in rows)
    print()
    for number, title, passed, outcome, took in rows:
        print(f"{number:2}  {'ok  ' if passed else 'FAIL'}  {title:<{width}}  {took:5.1f} s  {outcome}")
    if times:
        print("\nrecovery                                   measured here   promised at shipping limits")
        for what, measured, promise in times:
            print(f"  {what:<40} {measured:>8.2f} s    {promise}")
        print(f"  (the demo's images carry short limits in their signed fields; hang, health, soak, seal: {limits} s)")
    print(f"\nwhole demo: {seconds:.0f} s\n")


def stop(lanes, directory, keep):
    """Somebody wants to go: devices off, clouds down, nothing left behind. A lane that notices only fails."""
    print("\ndemo: stopped; ending clouds and devices", flush=True)
    for lane in lanes:
        if lane.stage:
            lane.stage.world.close()
    if not keep:
        shutil.rmtree(directory, ignore_errors=True)
    os._exit(130)  # without waiting for the lanes


def play(options, scenarios, directory):
    from stage import BOARDS
    turns = []
    for scenario in scenarios:
        if scenario.follows and turns:
            turns[-1].append(scenario)
        else:
            turns.append([scenario])
    waiting = queue.Queue()
    for turn in turns:
        waiting.put(turn)
    count = max(1, min(options.lanes, len(turns)))
    print(f"{len(scenarios)} scenarios in {count} lane(s), each with a private cloud (certificates, mosquitto with the "
          "gate, darumad, daruma-signer)\nand a device (secure element, flash, boot ROM with the product's key, factory "
          f"image 1.0.0) in {directory}.\nA line begins with the number of its scenario.\n", flush=True)
    started = time.monotonic()
    lanes = [Lane(n + 1, pathlib.Path(directory) / f"lane-{n + 1}", options, waiting) for n in range(count)]
    for lane in lanes:
        lane.thread.start()
    try:
        for lane in lanes:
            lane.thread.join()
    except KeyboardInterrupt:
        stop(lanes, directory, options.keep)
    rows = sorted(row for lane in lanes for row in lane.rows)
    times = [line for lane in lanes if lane.stage for line in lane.stage.times]
    print_tables(rows, times, BOARDS[options.board].limits, time.monotonic() - started)
    failed = len(scenarios) - sum(1 for row in rows if row[2])
    name = "demo" if options.board == "linux" else "demo-mcu"
    print(f"{name}: {len(scenarios) - failed} passed, {failed} failed")
    return 1 if failed else 0


def main():
    options = arguments()
    os.environ["DARUMA_BIN"] = str(pathlib.Path(options.bin).resolve())
    from scenarios import SCENARIOS
    if options.list:
        for scenario in SCENARIOS:
            print(f"{scenario.number:2}  {scenario.title}")
        return 0
    scenarios = chosen(SCENARIOS, options.only)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if options.keep:
        return play(options, scenarios, options.keep)
    with tempfile.TemporaryDirectory(prefix="daruma-demo-", ignore_cleanup_errors=True) as directory:
        return play(options, scenarios, directory)


if __name__ == "__main__":
    sys.exit(main())
