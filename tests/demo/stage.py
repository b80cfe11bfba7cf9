# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What every scenario stands on: one cloud, one device, and the few questions they all ask."""
import contextlib
import sys
import threading
import time
from typing import NamedTuple

from harness.proxy import Proxy
from harness.world import Device, wait_for

KIB = 1024
MIB = 1024 * KIB
HEAD_AND_TAIL = 4  # blocks, at most
RUNGS = {"normal": 0, "safe": 1, "previous": 2, "factory": 3}  # as a report numbers them

PRINTING = threading.Lock()


class Board(NamedTuple):
    """What differs from board to board: the programs, how their images are laid out, sizes and speeds.

    Limits are hang, health, soak, seal in seconds: short ones, in the signed part of every image here; the boards' own
    are 10, 600, 60 and 3600.
    """

    name: str
    program: str
    layout: dict
    limits: str  # nothing is to hang by these, however busy the host is
    hang_limits: str  # a soak long enough for the hang to come first
    impatient_limits: str  # gives up on the cloud soon
    late_seal: str  # confirmed long enough to be looked at over a power cycle
    slow_seal: str  # stays confirmed
    early_reason: str  # what a death before main looks like
    good: int  # bytes of a good image, 0: as it is
    large: int  # more than a slot holds
    cut: int  # long enough to come in between
    link_bytes_s: int
    two_ways_bytes_s: int  # slow enough for a URL to expire meanwhile
    block_bytes: int  # of a download


BOARDS = {
    "linux": Board(
        name="linux", program="firmware-{}", layout={}, limits="4,15,1,3", hang_limits="2,15,6,3",
        impatient_limits="4,3,1,3", late_seal="4,15,1,8", slow_seal="4,15,1,60", early_reason="lock_up",
        good=2 * MIB, large=13 * MIB, cut=4 * MIB, link_bytes_s=2_000_000,
        two_ways_bytes_s=1_000_000, block_bytes=16 * KIB),
    "mps2-an385": Board(
        name="mps2-an385", program="firmware-mps2-{}.bin", layout={"header_size": 1024, "load_address": "0x20010000"},
        limits="8,40,5,5", hang_limits="3,40,25,3", impatient_limits="8,12,5,5", late_seal="8,40,5,12",
        slow_seal="8,40,5,120",
        early_reason="crash", good=0, large=1200 * KIB, cut=512 * KIB, link_bytes_s=250_000,
        two_ways_bytes_s=140_000, block_bytes=4 * KIB),
}


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def equal(what, seen, wanted):
    expect(seen == wanted, f"{what}: {seen!r}, not {wanted!r}")


class Image:
    """A signed image: a path with the order it was signed with."""

    def __init__(self, path, version, sequence):
        self.path = path
        self.version = version
        self.sequence = sequence

    def __fspath__(self):
        return str(self.path)

    __str__ = __fspath__

    def size(self):
        return self.path.stat().st_size


class Stage:
    """A world with one device. A scenario asks for `base()` first and leaves a device that can take an update."""

    def __init__(self, world, board="linux"):
        self.world = world
        self.board = BOARDS[board]
        self.device = None
        self.devices = 0
        self.made = 0  # images, so that each has a higher order than the one before
        self.updates = 0
        self.scenario = None
        self.times = []

    def begin(self, scenario):
        self.scenario = scenario
        self.say(scenario.title)

    def say(self, text):
        with PRINTING:
            for line in text.splitlines():
                print(f"{self.scenario.number:2}  {line}", flush=True)

    def set_up(self):
        """A cloud and a device that has called it, if they are not there."""
        if self.world.cloud_process is None:
            self.world.cloud_up()
        if self.device is not None:
            return
        self.devices += 1
        self.device = Device(self.world, f"front-door-{self.devices}")
        factory = self.world.image(self.program("good"), "1.0.0", sequence=1, counter=1, **self.fields({}))
        self.device.create(factory, "--board", self.board.name)
        self.device.on()
        self.wait_running("1.0.0", states=("factory",))

    def give_up(self):
        """Nothing is known about this device any more; the next scenario gets a new one."""
        if self.device is not None:
            self.device.off()
        self.device = None

    @property
    def name(self):
        return self.device.name

    def program(self, behaviour):
        return self.board.program.format(behaviour)

    def fields(self, own):
        return {"limits": self.board.limits, **self.board.layout, **own}

    def image(self, behaviour, version=None, **fields):
        """A signed image of one of the board's firmware programs, good, hang, …: of a higher order than every one
        before it unless the fields say otherwise, and of the counter that the device is at."""
        self.made += 1
        version = version or f"1.{self.made}.0"
        fields.setdefault("sequence", 10 * self.made)
        fields.setdefault("counter", self.device.show()["counters"]["security"])
        path = self.world.image(self.program(behaviour), version, **self.fields(fields))
        return Image(path, version, fields["sequence"])

    def base(self):
        """A device that runs a good image, sealed, in normal mode; what the board shows of it."""
        seen = self.device.show()
        if seen["state"] != "sealed" or seen["mode"] != "normal":
            image = self.image("good")
            equal("job of the image to begin with", self.offer(image)["status"], "SUCCEEDED")
            self.wait_running(image.version)
            seen = self.device.show()
        self.wait_quiet()
        return seen

    def wait_quiet(self):
        """Until the agent is connected and has nothing to do."""
        wait_for(f"{self.name} is connected", lambda: self.world.thing(self.name)["reported"].get("connected"), 60, 0.1)

    # ----- the device, asked directly and through the cloud

    def wait_running(self, version, states=("sealed",), timeout_s=60):
        """Until the cloud has been told, by the device, that this version runs in one of these states."""
        def told():
            reported = self.world.reported(self.name)
            return reported if reported.get("version") == version and reported.get("state") in states else None
        return wait_for(f"{self.name} runs {version} {'/'.join(states)}", told, timeout_s, 0.1)

    def reported(self):
        return self.world.reported(self.name)

    def wait_board(self, timeout_s=60, **wanted):
        """Until the board itself shows these values, e.g. version="1.2.0"."""
        def shown():
            seen = self.device.show()
            return seen if all(seen.get(key) == value for key, value in wanted.items()) else None
        return wait_for(f"the board shows {wanted}", shown, timeout_s, 0.02)

    def wait_console(self, text, timeout_s=60, times=1):
        """Until the console has this text so many times."""
        wait_for(f"{text!r} on the console, {times} times",
                 lambda: self.device.console().count(text) >= times, timeout_s, 0.05)

    def between(self, first, then):
        """Seconds by the board's own clock from the last line with `first` to the next one with `then`."""
        lines = self.device.console().splitlines()
        at = max(i for i, line in enumerate(lines) if first in line)
        to = next(i for i in range(at, len(lines)) if then in lines[i])
        return float(lines[to].split()[0]) - float(lines[at].split()[0])

    # ----- updates

    def create(self, image, *options):
        """Offer an image; returns the update's id."""
        self.updates += 1
        update_id = f"s{self.scenario.number}-{self.updates}"
        self.world.run("update", "create", image, self.name, "--id", update_id, *options)
        return update_id

    def execution(self, update_id):
        """(exit code of one look, execution); the code is 0 while it goes on."""
        code, seen = self.world.json("update", "watch", update_id, "--timeout", 0, check=False)
        return code, seen["executions"][self.name]

    def offer(self, image, *options, expect_exit=0, timeout_s=120):
        """Offer an image and follow it to its end. Returns the execution."""
        return self.follow(self.create(image, *options), expect_exit, timeout_s)

    def follow(self, update_id, expect_exit=0, timeout_s=120):
        bar = Bar()

        def ended():
            code, execution = self.execution(update_id)
            bar.show(execution)
            return (code, execution) if execution["status"] not in ("QUEUED", "IN_PROGRESS") else None
        code, execution = wait_for(f"update {update_id} ends", ended, timeout_s, 0.05)
        bar.close()
        equal(f"exit code of update {update_id} ({execution['status']}, {self.reason(execution)})", code, expect_exit)
        return execution

    def reason(self, execution):
        return (execution.get("details") or {}).get("reason")

    def failed(self, execution, reason, status="FAILED"):
        """The execution ended like this."""
        equal("job", execution["status"], status)
        equal("reason", self.reason(execution), reason)

    def untouched(self, before, *fields):
        """The device still runs what it ran, and was not reset when "boots" is among the fields."""
        after = self.device.show()
        for field in ("version", "slot", "state", "digest", *fields):
            equal(f"running image untouched, {field}", after[field], before[field])

    @contextlib.contextmanager
    def slow_link(self, bytes_s=None):
        """The device's way to the cloud leads over a link that can be cut; it is connected and counted from zero."""
        link = Proxy(self.world.settings()["mqtt_port"], bytes_s or self.board.link_bytes_s)
        try:
            self.device.verb("net", "--redirect", f"127.0.0.1:{link.port}")
            begin = time.time()
            self.device.verb("power", "cycle")
            self.wait_reported(begin)
            link.to_client_bytes = 0
            yield link
        finally:
            self.device.verb("net", "--clear")
            link.close()

    def wait_fetched(self, link, bytes_count):
        wait_for(f"{bytes_count} bytes fetched", lambda: link.to_client_bytes >= bytes_count, 120, 0.001)

    # ----- what the broker counted

    def counters(self):
        return self.world.thing(self.name)["counters"]

    def blocks(self):
        """Stream blocks and bytes that the broker has delivered to the device so far. The gate tells its numbers
        every quarter of a second: wait until two looks that far apart agree."""
        def settled():
            first = self.counters()
            time.sleep(0.3)
            return first if self.counters() == first else None
        counters = wait_for("the gate's counters settle", settled, 20)
        return counters.get("streamMessages", 0), counters.get("streamBytes", 0)

    def wait_reported(self, since):
        """Until the cloud has a report that is younger than this time."""
        wait_for(f"{self.name} has reported",
                 lambda: self.world.thing(self.name)["reported"].get("reportedAt", 0) > since, 60, 0.05)

    def explain(self):
        if self.device is None:
            return
        self.say("--- end of the device's console ---")
        for line in self.device.console().splitlines()[-25:]:
            self.say(line)
        log = self.world.dir / "cloud.log"
        if log.exists():
            self.say("--- end of the cloud's log ---")
            for line in log.read_text(errors="replace").splitlines()[-15:]:
                self.say(line)


class Bar:
    """A progress bar on a terminal; nothing elsewhere."""

    def __init__(self):
        self.shown = False

    def show(self, execution):
        progress = (execution.get("details") or {}).get("progress", "")
        if not sys.stderr.isatty() or "/" not in progress:
            return
        done, total = (int(n) for n in progress.split("/"))
        filled = 30 * done // max(total, 1)
        sys.stderr.write(f"\r    [{'#' * filled}{'.' * (30 - filled)}] {done}/{total} blocks")
        sys.stderr.flush()
        self.shown = True

    def close(self):
        if self.shown:
            sys.stderr.write("\n")
