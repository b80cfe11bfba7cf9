# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Images that are good, and images that turn out bad once they run."""
import time

from stage import HEAD_AND_TAIL, equal, expect


def good_update(stage):
    before = stage.device.show()
    counter = before["counters"]["security"]
    image = stage.image("good", counter=counter + 1, pad_to=stage.board.good)
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
