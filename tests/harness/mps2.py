# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The Cortex-M3 board with its real firmware and a private cloud, for tests: one cloud per class, a device per case.

Images carry short limits in their signed part; what a case asserts is read from three places: the job in the cloud,
the device's own report, and the board.
"""
import re
import shutil
import socket
import unittest

from world import BIN, Device, World, wait_for

LAYOUT = {"header_size": 1024, "load_address": "0x20010000"}
# hang, health, soak, seal in seconds. The machine's clock is the host's: on a busy one it stands still for a second or
# two, and the watchdog must not come before what a case waits for.
GOOD = "8,90,1,2"
BAD = "8,60,20,60"  # what is wrong shows before the soak is over
UNFED = "2,60,20,60"  # the watchdog is what is waited for
ENDED_BY_WATCHDOG = ("hang-before-main", "hang-in-main", "hang-interrupts", "hang-before-network")
MISSING = [name for name in ("qemu-system-arm", "arm-none-eabi-gcc") if not shutil.which(name)]
ENDED = ("SUCCEEDED", "FAILED", "REJECTED", "TIMED_OUT", "CANCELED", "REMOVED")
HANDOFF = re.compile(r"^ *([\d.]+) board: hand-off: slot (\w+), version ([\d.]+)\+0, (\w+), (\w+), rung (\w+), spare (\w+)")


class Board(Device):
    """A device of which tests ask more than users do."""

    def __init__(self, world, name):
        super().__init__(world, name)
        self.path = world.dir / "devices" / name

    def command(self, words):
        """A line to the board's own control socket; its answer. What the command line has no verb for."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(10)
            line.connect(str(self.path / "board.sock"))
            line.sendall(words.encode() + b"\n")
            return line.recv(4096).decode()

    def hold_until(self, led, reset=False):
        """A person holds the pin, and perhaps presses the reset button, until the LED shows this; and lets go."""
        if not self.command("pin 100000").startswith("ok"):
            raise AssertionError("the pin cannot be held")
        if reset:
            self.command("reset")
        self.wait_show(60, led_word=led)
        self.command("pin 0")

    def lines(self, pattern):
        """Console lines that match, as match objects."""
        return [found for found in (re.search(pattern, line) for line in self.console().splitlines()) if found]

    def wait_line(self, pattern, count=1, timeout_s=60):
        """Until the console has had such a line `count` times; that match."""
        return wait_for(f"{count} x {pattern!r} on the console of {self.name}",
                        lambda: len(found := self.lines(pattern)) >= count and found[count - 1], timeout_s, 0.01)

    def handoffs(self):
        """(slot, version, state, mode, rung) of every start of an image, in order."""
        return [found.groups()[1:6] for found in map(HANDOFF.match, self.console().splitlines()) if found]

    def wait_show(self, timeout_s=60, **wanted):
        """Until the board itself shows these values."""
        def shown():
            seen = self.show()
            return seen if all(seen.get(key) == value for key, value in wanted.items()) else None
        return wait_for(f"{self.name} shows {wanted}", shown, timeout_s, 0.02)


@unittest.skipIf(MISSING, f"not installed: {', '.join(MISSING)}")
class FirmwareTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not (BIN / "firmware-mps2-good.bin").exists():
            raise AssertionError("the firmware is not built: tools/fetch-sources --mcu, then cmake --build build "
                                 "--target mps2")
        cls.world = World()
        cls.addClassCleanup(cls.world.close)
        cls.world.cloud_up()
        cls.made = 0

    # ----- what a case begins with

    def image(self, behaviour="good", version=None, **fields):
        """(path, version) of a signed image, of a higher order than all before it."""
        type(self).made += 1
        version = version or f"1.{self.made}.0"
        limits = GOOD if behaviour == "good" else UNFED if behaviour in ENDED_BY_WATCHDOG else BAD
        path = self.world.image(f"firmware-mps2-{behaviour}.bin", version,
                                **{"sequence": 10 * self.made, "limits": limits, **LAYOUT, **fields})
        return path, version

    def device(self, name, *options, keep=False, **factory):
        """A new device, provisioned; its factory image 1.0.0 runs and has told the cloud. keep: for all cases."""
        device = Board(self.world, name)
        (self.addClassCleanup if keep else self.addCleanup)(device.off)
        self.addCleanup(self.explain, device)
        image, _ = self.image(version="1.0.0", **factory)
        device.create(image, "--board", "mps2-an385", *options)
        device.on()
        self.told(device, version="1.0.0", state="factory")
        return device

    def explain(self, device):
        """A failed case shows the end of its device's console."""
        result = self._outcome.result
        if any(case is self for case, _ in result.errors + result.failures):
            print(f"--- console of {device.name}\n" + device.console()[-6000:], flush=True)

    # ----- updates

    def create(self, device, image, update):
        self.world.run("update", "create", image, device.name, "--id", update)

    def execution(self, device, update):
        return self.world.json("update", "watch", update, "--timeout", 0, check=False)[1]["executions"][device.name]

    def ended(self, device, update, timeout_s=120):
        def seen():
            execution = self.execution(device, update)
            return execution if execution["status"] in ENDED else None
        return wait_for(f"update {update} ends", seen, timeout_s, 0.1)

    def update(self, device, image, update, timeout_s=120):
        """Offer an image and follow it to its end; the execution."""
        self.create(device, image, update)
        return self.ended(device, update, timeout_s)

    def seal(self, device, update, **fields):
        """Bring a good image to its seal; its version."""
        image, version = self.image(**fields)
        execution = self.update(device, image, update)
        self.assertEqual(execution["status"], "SUCCEEDED", execution)
        self.told(device, version=version, state="sealed")
        return version

    # ----- what is seen afterwards

    def told(self, device, timeout_s=90, **wanted):
        """Until the device's report in the cloud has these values; the report."""
        def seen():
            report = self.world.reported(device.name)
            return report if report and all(report.get(key) == value for key, value in wanted.items()) else None
        return wait_for(f"the cloud is told {wanted} of {device.name}", seen, timeout_s, 0.1)

    def noted(self, device, reason, timeout_s=90):
        """Until the report carries a note with this reason; the note."""
        return wait_for(f"a note {reason} of {device.name}", lambda: next(
            (note for note in self.world.reported(device.name).get("notes", []) if note["reason"] == reason), None),
            timeout_s, 0.1)

    def assert_job(self, execution, status, reason=None, tries=None):
        details = execution.get("details") or {}
        self.assertEqual((execution["status"], details.get("reason"), details.get("tries")), (status, reason, tries),
                         execution)

    def assert_runs(self, device, version, slot, state, security=0, epoch=0, mode="normal", rung="normal"):
        """The board and the last report agree on what runs."""
        shown = device.wait_show(version=version, state=state)
        self.assertEqual((shown["slot"], shown["mode"], shown["counters"]["security"], shown["counters"]["epoch"]),
                         (slot, mode, security, epoch), shown)
        report = self.told(device, version=version, state=state, slot=slot)
        self.assertEqual((report["mode"], report["counters"]["security"], report["counters"]["epoch"]),
                         (mode, security, epoch), report)
        self.assertEqual(device.handoffs()[-1], (slot, version, state, mode, rung))
        self.assertEqual(report["digest"], shown["digest"])
        return report
