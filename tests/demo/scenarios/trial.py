# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Images that are good, and images that turn out bad once they run."""
import time

from harness.world import wait_for
from stage import HEAD_AND_TAIL, RUNGS, equal, expect


def good_update(stage):
    before = stage.device.show()
    counter = before["counters"]["security"]
    image = stage.image("good", counter=counter + 1, limits=stage.board.late_seal, pad_to=stage.board.good)
    stage.say(f"{image.version} is good and raises the security counter from {counter} to {counter + 1}.")
    execution = stage.offer(image)
    equal("job", execution["status"], "SUCCEEDED")
    equal("security counter when the job succeeded", stage.device.show()["counters"]["security"], counter)
    stage.device.verb("power", "cycle")
    confirmed = stage.wait_board(state="confirmed")
    equal("security counter while confirmed", confirmed["counters"]["security"], counter)
    sealed = stage.wait_running(image.version)
    spare = "B" if before["slot"] == "A" else "A"
    equal("slot", (confirmed["slot"], sealed["slot"]), (spare, spare))
    equal("boot reason in the cloud", sealed["bootReason"], "seal")
    equal("security counter after the seal", stage.device.show()["counters"]["security"], counter + 1)
    stage.say("SUCCEEDED when it was healthy; confirmed over a power cycle, then sealed: only then rose the counter.")
    return f"{image.version} sealed in slot {sealed['slot']}, counter {counter + 1}"


def hanging_update(stage):
    before = stage.base()
    image = stage.image("hang", limits=stage.board.hang_limits)
    stage.say(f"{image.version} hangs in its test boot. The watchdog resets it; after three tries {before['version']} "
              "is back.")
    update = stage.create(image)
    stage.wait_board(version=image.version)
    begin = time.monotonic()
    execution = stage.follow(update, expect_exit=2)
    took = time.monotonic() - begin
    stage.failed(execution, "hang")
    equal("tries", execution["details"].get("tries"), "3")
    running = stage.wait_running(before["version"])
    equal("slot", running["slot"], before["slot"])
    stage.times.append(("hang: previous image serving again", took, "60 s or less"))
    expect(took <= 60, f"the previous image came back after {took:.1f} s")
    return f"3 tries, back to {before['version']} in {took:.1f} s, FAILED hang"


def failed_self_test(stage):
    before = stage.base()
    image = stage.image("selftest")
    stage.say(f"{image.version} fails its self-test. It goes back by itself, at once, with the test's own words.")
    update = stage.create(image)
    # It is gone within milliseconds: the console remembers it, the board's state need not.
    stage.wait_console(f", version {image.version}")
    begin = time.monotonic()
    execution = stage.follow(update, expect_exit=2)
    took = time.monotonic() - begin
    stage.failed(execution, "self_test")
    expect(execution["details"].get("detail"), "the self-test's own reason is missing")
    stage.wait_running(before["version"])
    stage.times.append(("failed self-test: previous image back", took, "20 s or less"))
    expect(took <= 20, f"the previous image came back after {took:.1f} s")
    detail = execution["details"]["detail"]
    blocks = stage.blocks()[0]
    stage.say("The very same image is offered again: refused before its download.")
    again = stage.offer(image, expect_exit=2)
    expect(again["status"] in ("REJECTED", "FAILED"), f"job: {again['status']}")
    equal("reason", stage.reason(again), "rejected_before")
    fetched = stage.blocks()[0] - blocks
    expect(fetched <= HEAD_AND_TAIL, f"{fetched} blocks were fetched of an image that is known to be bad")
    stage.untouched(before)
    return f"FAILED self_test ({detail}) after {took:.1f} s; then rejected_before"


def early_crash(stage):
    before = stage.base()
    image = stage.image("crash-early")
    stage.say(f"{image.version} dies before its main begins. Nothing of ours runs in it; the boot ROM counts.")
    begin = time.monotonic()
    execution = stage.offer(image, expect_exit=2)
    took = time.monotonic() - begin
    stage.failed(execution, stage.board.early_reason)
    equal("tries", execution["details"].get("tries"), "3")
    running = stage.wait_running(before["version"])
    equal("slot", running["slot"], before["slot"])
    starts = stage.device.console().count(f", version {image.version}")
    equal("starts of the image", starts, 3)
    stage.untouched(before)
    return f"3 starts, back to {before['version']}; FAILED {stage.reason(execution)}, offer included in {took:.1f} s"


def no_cloud(stage):
    """Leaves the image for the next scenario: what failed for want of a network is taken again."""
    limits = stage.board.impatient_limits
    base = stage.image("good", limits=limits)
    stage.offer(base)
    stage.wait_running(base.version)
    stage.wait_quiet()
    before = stage.device.show()
    image = stage.image("good", limits=limits, pad_to=stage.board.good)
    stage.say(f"{image.version} is good, but when it starts there is no way to the cloud: its health limit of "
              f"{limits.split(',')[1]} s passes.")
    stage.device.verb("net", "--redirect", "127.0.0.1:1")  # a connection that stands stays; new ones find nobody
    update = stage.create(image)
    stage.wait_console("not healthy in time: no_cloud")
    stage.wait_board(version=before["version"], state="sealed")
    status = stage.execution(update)[1]["status"]
    equal("job while nobody could tell", status, "IN_PROGRESS")
    stage.device.verb("net", "--clear")
    execution = stage.follow(update, expect_exit=2)
    stage.failed(execution, "no_cloud")
    stage.untouched(before)
    stage.say(f"Back to {before['version']}; FAILED no_cloud was told at the next contact. The class is environment.")
    stage.refused_for_now = image
    return f"reverted at the health deadline, FAILED no_cloud told when the network was back"


def same_image_again(stage):
    image = getattr(stage, "refused_for_now", None)
    if image is None:
        no_cloud(stage)
        image = stage.refused_for_now
    stage.refused_for_now = None
    blocks = stage.blocks()[1]
    update = stage.create(image)
    stage.say(f"{image.version} again, by a new execution. The device waits six of its health limits first.")

    def waiting():
        notes = stage.reported().get("notes", [])
        return [note for note in notes if note.get("reason") == "waiting_after_failure"]
    noted = wait_for("the wait is told to the cloud", waiting, 30, 0.1)
    equal("the job that waits", noted[0]["detail"], f"AFR_OTA-{update}")
    execution = stage.follow(update)
    equal("job", execution["status"], "SUCCEEDED")
    stage.wait_running(image.version)
    fetched = stage.blocks()[1] - blocks
    return f"SUCCEEDED, {fetched // 1024} of {image.size() // 1024} KiB fetched, {image.version} sealed"


def late_revert(stage):
    before = stage.base()
    counter = stage.device.show()["counters"]["security"]
    image = stage.image("crash-confirmed", counter=counter + 1, limits=stage.board.slow_seal)
    stage.say(f"{image.version} raises the counter, is healthy and confirmed; from its next boot on it crashes.")
    execution = stage.offer(image)
    equal("job", execution["status"], "SUCCEEDED")
    stage.device.verb("power", "cycle")
    reported = stage.wait_running(before["version"])
    equal("slot", reported["slot"], before["slot"])
    equal("last reason in the cloud", reported["lastReason"], "crash")
    stage.untouched(before)
    equal("security counter", stage.device.show()["counters"]["security"], counter)
    starts = stage.device.console().count(f", version {image.version}+0, confirmed")
    equal("starts as confirmed", starts, 3)
    stage.say("Three crashes, one late revert, told to the cloud; the counter it wanted was never raised.")
    again = stage.offer(image, expect_exit=2)
    equal("the same image again", stage.reason(again), "rejected_before")
    return f"late revert to {before['version']} after 3 crashes, counter still {counter}"


def fault_loop(stage):
    before = stage.base()
    image = stage.image("crash-after-seal")
    stage.say(f"{image.version} is sealed and then crashes in every boot, in safe mode too.")
    execution = stage.offer(image)
    equal("job", execution["status"], "SUCCEEDED")
    safe = wait_for("safe mode is told to the cloud",
                    lambda: (lambda seen: seen if seen.get("rung") == RUNGS["safe"] else None)(stage.reported()), 120, 0.05)
    equal("version in safe mode", (safe["version"], safe["mode"]), (image.version, "safe"))
    stage.say("Five crashes: safe mode of the same image, agent and network without application. It crashes there too.")
    previous = wait_for("the previous image is told to the cloud",
                        lambda: (lambda seen: seen if seen.get("rung") == RUNGS["previous"] else None)(stage.reported()),
                        120, 0.05)
    equal("version on the rung below", previous["version"], before["version"])
    starts = stage.device.console().count(f", version {image.version}+0, sealed")
    expect(starts <= 5 + 3 + 1, f"{starts} starts of an image that always crashes")
    mend = stage.image("good")
    stage.say(f"Three more: {before['version']}, the previous image, serves. {mend.version} mends it.")
    equal("job", stage.offer(mend)["status"], "SUCCEEDED")
    running = stage.wait_running(mend.version)
    equal("rung", running["rung"], RUNGS["normal"])
    return f"safe, then {before['version']} on rung previous, both told; {mend.version} clears the rung"
