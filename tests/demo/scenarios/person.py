# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a person with the product in hand can do."""
from harness.world import wait_for
from stage import equal, expect


def factory_pin(stage):
    stage.base()
    image = stage.image("hang-after-seal")
    stage.say(f"{image.version} becomes healthy and is sealed, then its application hangs. A person holds the pin for "
              "7 s.")
    stage.offer(image)
    stage.wait_board(version=image.version, state="sealed")
    resets = stage.device.console().count("board: watchdog: ")
    wait_for(f"{image.version} hangs", lambda: stage.device.console().count("board: watchdog: ") > resets, 60)
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
