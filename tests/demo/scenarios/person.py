# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a person with the product in hand can do."""
from harness.world import wait_for
from stage import HEAD_AND_TAIL, equal, expect


def factory_pin(stage):
    stage.base()
    image = stage.image("hang-after-seal")
    stage.say(f"{image.version} becomes healthy and is sealed, then its application hangs. A person holds the pin for "
              "7 s.")
    stage.offer(image)
    sealed = stage.wait_board(version=image.version, state="sealed")
    stage.wait_console(f"firmware {image.version} in slot {sealed['slot']}, sealed, normal mode, because of hang")
    stage.device.verb("press", "--seconds", 7)
    stage.wait_board(slot="factory")
    took = stage.between("pin released", "hand-off: slot factory")
    reported = stage.wait_running("1.0.0", states=("factory",))
    equal("boot reason in the cloud", reported["bootReason"], "pin")
    stage.times.append(("pin released: factory image running", took, "10 s or less"))
    expect(took <= 10, f"the factory image took {took:.1f} s")
    mode = reported["mode"]
    stage.say(f"Factory image 1.0.0 in {mode} mode told the cloud; now it is updated to the current version.")
    back = stage.image("good")
    execution = stage.offer(back)
    equal("job", execution["status"], "SUCCEEDED")
    running = stage.wait_running(back.version)
    return f"factory after {took:.2f} s ({mode}), then {back.version} sealed in slot {running['slot']}"


def postponed(stage):
    """The product has a say: when a download begins, when a reset may come, and whether at all."""
    before = stage.base()
    image = stage.image("good", pad_to=stage.board.good)

    def waits(why):
        def seen():
            execution = stage.execution(update)[1]
            details = execution.get("details") or {}
            return execution if details.get("reason") == "postponed" and details.get("detail") == why else None
        execution = wait_for(f"the job waits for {why}", seen, 60, 0.05)
        equal("job", execution["status"], "IN_PROGRESS")
        deadline = int(execution["details"]["deadline"])
        expect(0 < deadline <= 86400, f"deadline: {deadline} s")
        return deadline

    try:
        stage.device.verb("input", "--quiet-hours", "on")
        blocks = stage.blocks()[0]
        update = stage.create(image)
        deadline = waits("quiet-hours")
        equal("blocks in quiet hours", stage.blocks()[0] - blocks, 0)
        stage.say(f"Quiet hours: {image.version} waits, not a block fetched; at most {deadline} s. They end; now "
                  "somebody is in the door.")
        stage.device.verb("input", "--door", "unlocked")
        stage.device.verb("input", "--quiet-hours", "off")
        deadline = waits("door-unlocked")
        stage.untouched(before, "boots")
        stage.say(f"Downloaded and verified, but the door is unlocked: no reset; at most {deadline} s. It is locked.")
        stage.device.verb("input", "--door", "locked")
        equal("job", stage.follow(update)["status"], "SUCCEEDED")
        stage.wait_running(image.version)
        after = stage.device.show()
        stage.device.verb("input", "--owner", "no")
        refused = stage.image("good", pad_to=stage.board.good)
        blocks = stage.blocks()[0]
        execution = stage.offer(refused, expect_exit=2)
        stage.failed(execution, "consent_refused", status="REJECTED")
        expect(stage.blocks()[0] - blocks <= HEAD_AND_TAIL, "blocks were fetched of a refused image")
        stage.untouched(after, "boots")
    finally:
        stage.device.verb("input", "--quiet-hours", "off", "--door", "locked", "--owner", "yes")
    return f"waited with reason and deadline twice, then {image.version} sealed; REJECTED consent_refused"
