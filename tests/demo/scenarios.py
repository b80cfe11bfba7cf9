# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The seven scenarios. Each ends in assertions about version, slot, state, job status, reason and counters."""
import sys
import time

from harness.world import Device, World, wait_for

NAME = "front-door"
# Short limits, in the signed part of every image here; the defaults are 20 s, 600 s, 30 s, 3600 s.
LIMITS = "2,15,1,3"  # hang, health, soak, seal: seconds
MIB = 1024 * 1024


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def equal(what, seen, wanted):
    expect(seen == wanted, f"{what}: {seen!r}, not {wanted!r}")


class Stage:
    """The world of the demo, with the few questions every scenario asks."""

    def __init__(self, world):
        self.world = world
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
        self.device.create(self.image("firmware-good", "1.0.0", sequence=1, counter=1))
        self.device.on()
        self.wait_running("1.0.0", states=("factory",))
        print("   it has made its keys, got its certificates, locked itself and called the cloud")

    def image(self, program, version, **fields):
        return self.world.image(program, version, limits=LIMITS, **fields)

    # ----- the device, asked directly and through the cloud

    def wait_running(self, version, states=("sealed",), timeout_s=60):
        """Until the cloud has been told, by the device, that this version runs in one of these states."""
        def told():
            reported = self.world.reported(NAME)
            return reported if reported.get("version") == version and reported.get("state") in states else None
        return wait_for(f"{NAME} runs {version} {'/'.join(states)}", told, timeout_s, 0.1)

    def execution(self, update_id):
        return self.world.json("update", "watch", update_id, "--timeout", 0)[1]["executions"][NAME]

    def offer(self, image, update_id, *options, expect_exit=0, timeout_s=90):
        """Offer an image and follow it, with a bar while bytes move. Returns the execution."""
        self.world.run("update", "create", image, NAME, "--id", update_id, *options)
        return self.follow(update_id, expect_exit, timeout_s)

    def follow(self, update_id, expect_exit=0, timeout_s=90):
        bar = Bar()

        def ended():
            execution = self.execution(update_id)
            bar.show(execution)
            return execution if execution["status"] not in ("QUEUED", "IN_PROGRESS") else None
        execution = wait_for(f"update {update_id} ends", ended, timeout_s, 0.05)
        bar.close()
        code = self.world.run("update", "watch", update_id, "--timeout", 0, check=False).returncode
        equal(f"exit code of update {update_id}", code, expect_exit)
        return execution

    def reason(self, execution):
        return (execution.get("details") or {}).get("reason")

    def blocks(self):
        """Stream blocks and bytes that the broker has delivered to the device so far."""
        counters = self.world.thing(NAME)["counters"]
        return counters["streamBlocks"], counters["streamBytes"]

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
    before = stage.device.show()
    counter = before["counters"]["security"]
    stage.say("1.1.0 is good and raises the security counter from "
              f"{counter} to {counter + 1}.")
    execution = stage.offer(stage.image("firmware-good", "1.1.0", sequence=10, counter=counter + 1,
                                        pad_to=2 * MIB), "good")
    equal("job", execution["status"], "SUCCEEDED")
    confirmed = stage.device.show()
    if confirmed["state"] == "confirmed":
        equal("security counter before the seal", confirmed["counters"]["security"], counter)
    sealed = stage.wait_running("1.1.0")
    equal("slot", sealed["slot"], "A")
    equal("boot reason in the cloud", sealed["bootReason"], "seal")
    equal("security counter after the seal", stage.device.show()["counters"]["security"], counter + 1)
    expect(confirmed["state"] == "confirmed", "the device was already sealed when the job succeeded")
    stage.say("SUCCEEDED at the confirmation; sealed a few seconds later, and only then was the counter raised.")
    return f"1.1.0 sealed in slot {sealed['slot']}, counter {counter + 1}"


# ----- 2

def hanging_update(stage):
    stage.say("1.2.0 hangs in its test boot. The watchdog resets it; after three tries the previous image is back.")
    image = stage.image("firmware-hang", "1.2.0", sequence=20, counter=2)
    stage.world.run("update", "create", image, NAME, "--id", "hang")
    wait_for("1.2.0 is tried", lambda: stage.device.show()["version"] == "1.2.0", 40)
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
    image = stage.image("firmware-selftest", "1.3.0", sequence=30, counter=2)
    stage.world.run("update", "create", image, NAME, "--id", "selftest")
    wait_for("1.3.0 is tried", lambda: stage.device.show()["version"] == "1.3.0", 40)
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
    expect(fetched <= 4, f"{fetched} blocks were fetched of an image that is known to be bad")
    equal("still running", stage.device.show()["version"], "1.1.0")
    return f"FAILED self_test ({detail}) after {took:.1f} s; then rejected_before"


# ----- 4

def bad_images(stage):
    world = stage.world
    good = stage.image("firmware-good", "1.4.0", sequence=40, counter=2)

    def altered(name, change):
        path = world.dir / f"{name}.img"
        path.write_bytes(change(bytearray(good.read_bytes())))
        return path

    def flip(data):
        data[20000] ^= 1
        return data

    rows = [
        ("altered", "altered after signing", altered("altered", flip), "flash_or_source"),
        ("otherkey", "signed by another key", stage.image("firmware-good", "1.4.0", sequence=40, key="stranger"),
         "image_key"),
        ("product", "for another product", stage.image("firmware-good", "1.4.0", sequence=40, product="garden-gate"),
         "wrong_product"),
        ("large", "larger than the slot", stage.image("firmware-good", "1.4.0", sequence=40, pad_to=13 * MIB),
         "too_large"),
        ("short", "truncated", altered("truncated", lambda data: data[: len(data) // 2]), "size_mismatch"),
        ("older", "of a lower order", stage.image("firmware-good", "1.4.0", sequence=5, counter=2),
         "order_not_above"),
    ]
    before = stage.device.show()
    for update_id, what, image, wanted in rows:
        blocks = stage.blocks()[0]
        execution = stage.offer(image, "bad-" + update_id, "--unchecked", expect_exit=2)
        expect(execution["status"] in ("FAILED", "REJECTED"), f"{what}: {execution['status']}")
        equal(f"{what}: reason", stage.reason(execution), wanted)
        stage.say(f"{what:<22} {execution['status']:<8} {wanted:<16} after {stage.blocks()[0] - blocks} blocks")
    after = stage.device.show()
    for field in ("version", "slot", "state", "digest", "boots"):
        equal(f"running image untouched, {field}", after[field], before[field])
    return "six images refused, each with its own reason; nothing rebooted"


# ----- 5

def power_cut(stage):
    image = stage.image("firmware-good", "1.5.0", sequence=50, counter=2, pad_to=10 * MIB)
    size = image.stat().st_size
    stage.say("1.5.0 is 10 MiB. At 40 % of its download the power goes: the whole board is killed.")
    start = stage.blocks()[1]
    stage.world.run("update", "create", image, NAME, "--id", "cut")
    wait_for("40 % fetched", lambda: stage.blocks()[1] - start >= 0.4 * size, 30, 0.001)
    stage.device.verb("power-cut")
    first = stage.blocks()[1] - start
    expect(first < 0.95 * size, "the download was over before the power could be cut")
    stage.device.on()
    execution = stage.follow("cut")
    equal("job", execution["status"], "SUCCEEDED")
    total = stage.blocks()[1] - start
    again = total - size
    stage.wait_running("1.5.0")
    expect(again < 0.10 * size, f"{again} bytes were fetched twice")
    stage.say(f"{first * 100 // size} % before the cut, {100 * (total - first) // size} % after it, "
              f"{again * 100 / size:.1f} % fetched twice (blocks in flight).")
    return f"resumed, {again // 1024} KiB of {size // 1024} fetched twice, 1.5.0 sealed"


# ----- 6

def man_in_the_middle(stage):
    stage.say("A rogue cloud with its own CA; the device's name look-up is pointed at it.")
    rogue = World(stage.world.dir / "rogue")
    try:
        rogue.cloud_up()
        port = rogue.settings()["mqtt_port"]
        stage.device.verb("net", "--redirect", f"127.0.0.1:{port}")
        stage.device.verb("power", "reset")
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
    stage.offer(stage.image("firmware-hang-after-seal", "1.6.0", sequence=60, counter=2), "hangs-later")
    wait_for("1.6.0 is sealed", lambda: stage.device.show()["state"] == "sealed", 40)
    wait_for("1.6.0 hangs", lambda: "application hangs" in stage.device.console(), 40)
    stage.device.verb("press", "--seconds", 7)
    begin = time.monotonic()
    wait_for("the factory image runs", lambda: stage.device.show()["slot"] == "factory", 30, 0.02)
    took = time.monotonic() - begin
    reported = stage.wait_running("1.0.0", states=("factory",))
    equal("boot reason in the cloud", reported["bootReason"], "pin")
    stage.times.append(("pin released: factory image running", took, "10 s or less"))
    expect(took <= 10, f"the factory image took {took:.1f} s")
    mode = reported["mode"]
    stage.say(f"Factory image 1.0.0 in {mode} mode told the cloud; now it is updated to the current version.")
    execution = stage.offer(stage.image("firmware-good", "1.7.0", sequence=70, counter=2), "back")
    equal("job", execution["status"], "SUCCEEDED")
    running = stage.wait_running("1.7.0")
    return f"factory after {took:.1f} s ({mode}), then 1.7.0 sealed in slot {running['slot']}"


SCENARIOS = [
    ("a good update", good_update),
    ("an update that hangs", hanging_update),
    ("an update that fails its self-test", failed_self_test),
    ("six bad images", bad_images),
    ("power cut in a download", power_cut),
    ("a man in the middle", man_in_the_middle),
    ("the factory pin", factory_pin),
]
