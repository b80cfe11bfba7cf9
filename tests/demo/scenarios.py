# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The seven scenarios. Each ends in assertions about version, slot, state, job status, reason and counters."""
import sys
import time

from harness.proxy import Proxy
from harness.world import Device, World, wait_for

NAME = "front-door"
KIB = 1024
MIB = 1024 * KIB
HEAD_AND_TAIL = 4  # blocks, at most


class Board:
    """What differs from board to board: the programs, how their images are laid out, sizes and speeds."""

    def __init__(self, name, program, layout, limits, hang_limits, sizes, link_bytes_s):
        self.name = name
        self.program = program
        self.layout = layout
        # hang, health, soak, seal in seconds: short ones, in the signed part of every image here; the boards' own
        # are 16, 600, 60 and 3600.
        self.limits = limits
        self.hang_limits = hang_limits  # a soak long enough for the hang to come first
        self.good, self.large, self.cut = sizes
        self.link_bytes_s = link_bytes_s


BOARDS = {
    "linux": Board("linux", "firmware-{}", {}, "2,15,1,3", "2,15,6,3", (2 * MIB, 13 * MIB, 4 * MIB), 2_000_000),
    "mps2-an385": Board("mps2-an385", "firmware-mps2-{}.bin", {"header_size": 1024, "load_address": "0x20010000"},
                        "3,40,5,5", "3,40,25,3", (0, 1200 * KIB, 512 * KIB), 250_000),
}


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def equal(what, seen, wanted):
    expect(seen == wanted, f"{what}: {seen!r}, not {wanted!r}")


class Stage:
    """The world of the demo, with the few questions every scenario asks."""

    def __init__(self, world, board="linux"):
        self.world = world
        self.board = BOARDS[board]
        self.device = Device(world, NAME)
        self.times = []

    def say(self, text):
        print(f"   {text}", flush=True)

    def set_up(self):
        print(f"A private cloud in {self.world.dir}: certificates, mosquitto with the gate, darumad, daruma-signer.")
        begin = time.monotonic()
        self.world.cloud_up()
        settings = self.world.settings()
        print(f"   up in {time.monotonic() - begin:.1f} s: API {settings['api']}, MQTT localhost:{settings['mqtt_port']}")
        print(f"A virtual device, {NAME}: secure element, flash, boot ROM with the product's key, factory image 1.0.0.")
        self.device.create(self.image("good", "1.0.0", sequence=1, counter=1), "--board", self.board.name)
        self.device.on()
        self.wait_running("1.0.0", states=("factory",))
        print("   it has made its keys, got its certificates, locked itself and called the cloud")

    def image(self, behaviour, version, **fields):
        """A signed image of one of the board's firmware programs: good, hang, selftest, hang-after-seal."""
        return self.world.image(self.board.program.format(behaviour), version,
                                **{"limits": self.board.limits, **self.board.layout, **fields})

    # ----- the device, asked directly and through the cloud

    def wait_running(self, version, states=("sealed",), timeout_s=40):
        """Until the cloud has been told, by the device, that this version runs in one of these states."""
        def told():
            reported = self.world.reported(NAME)
            return reported if reported.get("version") == version and reported.get("state") in states else None
        return wait_for(f"{NAME} runs {version} {'/'.join(states)}", told, timeout_s, 0.1)

    def wait_board(self, timeout_s=30, **wanted):
        """Until the board itself shows these values, e.g. version="1.2.0"."""
        def shown():
            seen = self.device.show()
            return seen if all(seen.get(key) == value for key, value in wanted.items()) else None
        return wait_for(f"the board shows {wanted}", shown, timeout_s, 0.02)

    def between(self, first, then):
        """Seconds by the board's own clock from the last line with `first` to the next one with `then`."""
        lines = self.device.console().splitlines()
        at = max(i for i, line in enumerate(lines) if first in line)
        to = next(i for i in range(at, len(lines)) if then in lines[i])
        return float(lines[to].split()[0]) - float(lines[at].split()[0])

    def execution(self, update_id):
        """(exit code of one look, execution); the code is 0 while it goes on."""
        code, seen = self.world.json("update", "watch", update_id, "--timeout", 0, check=False)
        return code, seen["executions"][NAME]

    def offer(self, image, update_id, *options, expect_exit=0, timeout_s=90):
        """Offer an image and follow it, with a bar while bytes move. Returns the execution."""
        self.world.run("update", "create", image, NAME, "--id", update_id, *options)
        return self.follow(update_id, expect_exit, timeout_s)

    def follow(self, update_id, expect_exit=0, timeout_s=90):
        bar = Bar()

        def ended():
            code, execution = self.execution(update_id)
            bar.show(execution)
            return (code, execution) if execution["status"] not in ("QUEUED", "IN_PROGRESS") else None
        code, execution = wait_for(f"update {update_id} ends", ended, timeout_s, 0.05)
        bar.close()
        equal(f"exit code of update {update_id}", code, expect_exit)
        return execution

    def reason(self, execution):
        return (execution.get("details") or {}).get("reason")

    def blocks(self):
        """Stream blocks and bytes that the broker has delivered to the device so far. The gate tells its numbers
        every quarter of a second: wait until two looks that far apart agree."""
        def settled():
            first = self.counters()
            time.sleep(0.3)
            return first if self.counters() == first else None
        counters = wait_for("the gate's counters settle", settled, 20)
        return counters.get("streamMessages", 0), counters.get("streamBytes", 0)

    def counters(self):
        return self.world.thing(NAME)["counters"]

    def wait_connected(self):
        """Until the cloud has a connection of this boot: the last report is younger than now."""
        begin = time.time()
        wait_for(f"{NAME} is connected",
                 lambda: self.world.thing(NAME)["reported"].get("reportedAt", 0) > begin, 30, 0.05)

    def explain(self):
        print("   --- end of the device's console ---")
        for line in self.device.console().splitlines()[-25:]:
            print("   " + line)
        log = self.world.dir / "cloud.log"
        if log.exists():
            print("   --- end of the cloud's log ---")
            for line in log.read_text(errors="replace").splitlines()[-15:]:
                print("   " + line)


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
        sys.stderr.write(f"\r   [{'#' * filled}{'.' * (30 - filled)}] {done}/{total} blocks")
        sys.stderr.flush()
        self.shown = True

    def close(self):
        if self.shown:
            sys.stderr.write("\n")


# ----- 1

def good_update(stage):
    counter = stage.device.show()["counters"]["security"]
    stage.say("1.1.0 is good and raises the security counter from "
              f"{counter} to {counter + 1}.")
    execution = stage.offer(stage.image("good", "1.1.0", sequence=10, counter=counter + 1,
                                        pad_to=stage.board.good), "good")
    equal("job", execution["status"], "SUCCEEDED")
    equal("security counter when the job succeeded", stage.device.show()["counters"]["security"], counter)
    stage.device.verb("power", "cycle")
    confirmed = stage.wait_board(state="confirmed")
    equal("security counter while confirmed", confirmed["counters"]["security"], counter)
    sealed = stage.wait_running("1.1.0")
    equal("slot", (confirmed["slot"], sealed["slot"]), ("A", "A"))
    equal("boot reason in the cloud", sealed["bootReason"], "seal")
    equal("security counter after the seal", stage.device.show()["counters"]["security"], counter + 1)
    stage.say("SUCCEEDED when it was healthy; confirmed over a power cycle, then sealed: only then rose the counter.")
    return f"1.1.0 sealed in slot {sealed['slot']}, counter {counter + 1}"


# ----- 2

def hanging_update(stage):
    stage.say("1.2.0 hangs in its test boot. The watchdog resets it; after three tries the previous image is back.")
    image = stage.image("hang", "1.2.0", sequence=20, counter=2, limits=stage.board.hang_limits)
    stage.world.run("update", "create", image, NAME, "--id", "hang")
    stage.wait_board(version="1.2.0")
    begin = time.monotonic()
    execution = stage.follow("hang", expect_exit=2)
    took = time.monotonic() - begin
    equal("job", execution["status"], "FAILED")
    equal("reason", stage.reason(execution), "hang")
    equal("tries", execution["details"].get("tries"), "3")
    running = stage.wait_running("1.1.0")
    equal("slot", running["slot"], "A")
    stage.times.append(("hang: previous image serving again", took, "60 s or less"))
    return f"3 tries, back to 1.1.0 in {took:.1f} s, FAILED hang"


# ----- 3

def failed_self_test(stage):
    stage.say("1.3.0 fails its self-test. It goes back by itself, at once, with the test's own words.")
    image = stage.image("selftest", "1.3.0", sequence=30, counter=2)
    stage.world.run("update", "create", image, NAME, "--id", "selftest")
    # It is gone within milliseconds: the console remembers it, the board's state need not.
    wait_for("1.3.0 handed off", lambda: ", version 1.3.0" in stage.device.console(), 30)
    begin = time.monotonic()
    execution = stage.follow("selftest", expect_exit=2)
    took = time.monotonic() - begin
    equal("job", execution["status"], "FAILED")
    equal("reason", stage.reason(execution), "self_test")
    expect(execution["details"].get("detail"), "the self-test's own reason is missing")
    stage.wait_running("1.1.0")
    stage.times.append(("failed self-test: previous image back", took, "20 s or less"))
    detail = execution["details"]["detail"]
    blocks = stage.blocks()[0]
    stage.say("The very same image is offered again: refused before its download.")
    again = stage.offer(image, "selftest-again", expect_exit=2)
    expect(again["status"] in ("REJECTED", "FAILED"), f"job: {again['status']}")
    equal("reason", stage.reason(again), "rejected_before")
    fetched = stage.blocks()[0] - blocks
    expect(fetched <= HEAD_AND_TAIL, f"{fetched} blocks were fetched of an image that is known to be bad")
    equal("still running", stage.device.show()["version"], "1.1.0")
    return f"FAILED self_test ({detail}) after {took:.1f} s; then rejected_before"


# ----- 4

def bad_images(stage):
    world = stage.world
    good = stage.image("good", "1.4.0", sequence=40, counter=2)

    def altered(name, change):
        path = world.dir / f"{name}.img"
        path.write_bytes(change(bytearray(good.read_bytes())))
        return path

    def flip(data):
        data[20000] ^= 1
        return data

    rows = [
        # The last column: how many blocks tell it. An altered middle shows only when all of it is there.
        ("altered", "altered after signing", altered("altered", flip), "flash_or_source", None),
        ("otherkey", "signed by another key", stage.image("good", "1.4.0", sequence=40, key="stranger"),
         "image_key", HEAD_AND_TAIL),
        ("product", "for another product", stage.image("good", "1.4.0", sequence=40, product="garden-gate"),
         "wrong_product", HEAD_AND_TAIL),
        ("large", "larger than the slot", stage.image("good", "1.4.0", sequence=40, pad_to=stage.board.large),
         "too_large", 0),
        ("short", "truncated", altered("truncated", lambda data: data[: len(data) // 2]), "image_truncated",
         HEAD_AND_TAIL),
        ("older", "of a lower order", stage.image("good", "1.4.0", sequence=5, counter=2),
         "order_not_above", HEAD_AND_TAIL),
    ]
    before = stage.device.show()
    for update_id, what, image, wanted, enough in rows:
        blocks = stage.blocks()[0]
        execution = stage.offer(image, "bad-" + update_id, "--unchecked", expect_exit=2)
        expect(execution["status"] in ("FAILED", "REJECTED"), f"{what}: {execution['status']}")
        equal(f"{what}: reason", stage.reason(execution), wanted)
        fetched = stage.blocks()[0] - blocks
        expect(enough is None or fetched <= enough, f"{what}: {fetched} blocks, where {enough} tell")
        stage.say(f"{what:<22} {execution['status']:<8} {wanted:<16} after {fetched} blocks")
    after = stage.device.show()
    for field in ("version", "slot", "state", "digest", "boots"):
        equal(f"running image untouched, {field}", after[field], before[field])
    return "six images refused, each with its own reason; nothing rebooted"


# ----- 5

def power_cut(stage):
    image = stage.image("good", "1.5.0", sequence=50, counter=2, pad_to=stage.board.cut)
    size = image.stat().st_size
    stage.say(f"1.5.0 is {stage.board.cut // KIB} KiB, over a link of {stage.board.link_bytes_s // 1000} kB/s. "
              "At 40 % of its download the power goes: the board is killed.")
    link = Proxy(stage.world.settings()["mqtt_port"], stage.board.link_bytes_s)
    try:
        stage.device.verb("net", "--redirect", f"127.0.0.1:{link.port}")
        stage.device.verb("power", "cycle")
        stage.wait_connected()
        start = stage.blocks()[1]
        link.to_client_bytes = 0
        stage.world.run("update", "create", image, NAME, "--id", "cut")
        wait_for("40 % fetched", lambda: link.to_client_bytes >= 0.4 * size, 30, 0.001)
        stage.device.verb("power-cut")
        first = stage.blocks()[1] - start
        expect(0.3 * size < first < 0.7 * size, f"the power was cut at {100 * first // size} %")
        stage.device.on()
        execution = stage.follow("cut")
    finally:
        stage.device.verb("net", "--clear")
        link.close()
    equal("job", execution["status"], "SUCCEEDED")
    total = stage.blocks()[1] - start
    again = total - size
    stage.wait_running("1.5.0")
    expect(again < 0.15 * size, f"{again} bytes were fetched twice")
    stage.say(f"{first * 100 // size} % had left the broker before the cut, {100 * (total - first) // size} % after it: "
              f"{again // 1024} KiB twice, the blocks that were on their way.")
    return f"resumed; {again // 1024} of {size // 1024} KiB fetched twice; 1.5.0 sealed"


# ----- 6

def man_in_the_middle(stage):
    stage.say("A rogue cloud with its own CA; the device's name look-up is pointed at it.")
    rogue = World(stage.world.dir / "rogue")
    try:
        rogue.cloud_up()
        port = rogue.settings()["mqtt_port"]
        stage.device.verb("net", "--redirect", f"127.0.0.1:{port}")
        stage.device.verb("power", "cycle")
        wait_for("the refusal is on the device's console",
                 lambda: "tls_untrusted_issuer" in stage.device.console(), 40)
        equal("no connection at the rogue", "front-door" in (rogue.dir / "cloud.log").read_text(), False)
    finally:
        rogue.close()
    stage.device.verb("net", "--clear")

    def noted():
        notes = stage.world.reported(NAME).get("notes", [])
        return [note for note in notes if note.get("reason") == "tls_untrusted_issuer"]
    wait_for("the refusal is reported at the next good contact", noted, 60, 0.2)
    equal("still running", stage.device.show()["version"], "1.5.0")
    return "refused tls_untrusted_issuer, reported when the true cloud was back"


# ----- 7

def factory_pin(stage):
    stage.say("1.6.0 becomes healthy and is sealed, then its application hangs. A person holds the pin for 7 s.")
    stage.offer(stage.image("hang-after-seal", "1.6.0", sequence=60, counter=2), "hangs-later")
    stage.wait_board(version="1.6.0", state="sealed")
    resets = stage.device.console().count("board: watchdog: ")
    wait_for("1.6.0 hangs", lambda: stage.device.console().count("board: watchdog: ") > resets, 20)
    stage.device.verb("press", "--seconds", 7)
    stage.wait_board(slot="factory")
    took = stage.between("pin released", "hand-off: slot factory")
    reported = stage.wait_running("1.0.0", states=("factory",))
    equal("boot reason in the cloud", reported["bootReason"], "pin")
    stage.times.append(("pin released: factory image running", took, "10 s or less"))
    expect(took <= 10, f"the factory image took {took:.1f} s")
    mode = reported["mode"]
    stage.say(f"Factory image 1.0.0 in {mode} mode told the cloud; now it is updated to the current version.")
    execution = stage.offer(stage.image("good", "1.7.0", sequence=70, counter=2), "back")
    equal("job", execution["status"], "SUCCEEDED")
    running = stage.wait_running("1.7.0")
    return f"factory after {took:.2f} s ({mode}), then 1.7.0 sealed in slot {running['slot']}"


SCENARIOS = [
    ("a good update", good_update),
    ("an update that hangs", hanging_update),
    ("an update that fails its self-test", failed_self_test),
    ("six bad images", bad_images),
    ("power cut in a download", power_cut),
    ("a man in the middle", man_in_the_middle),
    ("the factory pin", factory_pin),
]
