# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A broker that the device has every reason to trust, and should not."""
import time

from harness.api import second_certificate
from harness.hostile import HostileBroker
from stage import equal, expect


def hostile_broker(stage):
    before = stage.base()
    world = stage.world
    identity = second_certificate(world.settings(), stage.name, world.dir)
    broker = HostileBroker(world.settings(), world.cloud_dir, identity)
    stage.say("A broker with the cloud's own server key stands in the way; to the device it is the true one.")
    try:
        begin = time.time()
        stage.device.verb("net", "--redirect", f"127.0.0.1:{broker.port}")
        stage.device.verb("power", "cycle")
        stage.wait_reported(begin)
        before = {**before, "boots": stage.device.show()["boots"]}

        altered = stage.image("good", pad_to=stage.board.good)
        broker.harm = broker.alter
        stage.failed(stage.offer(altered, expect_exit=2), "flash_or_source")
        stage.untouched(before, "boots")
        expect(broker.done > 0, "nothing was altered")
        stage.say(f"alters     {broker.done} blocks of {altered.version}: fetched twice, FAILED flash_or_source, not "
                  "installed")

        broker.done, broker.harm = 0, broker.disorder
        messy = stage.image("good", pad_to=stage.board.good)
        equal("job", stage.offer(messy, timeout_s=240)["status"], "SUCCEEDED")
        stage.wait_running(messy.version, timeout_s=120)
        expect(broker.done > 10, f"only {broker.done} messages were disturbed")
        stage.say(f"drops, repeats and reorders {broker.done} messages: {messy.version} is installed and sealed all the "
                  "same")

        after = stage.device.show()
        broker.done, broker.harm = 0, broker.replay
        probes, idle = (stage.device.console().count(f"agent: {state}") for state in ("PROBING", "IDLE"))
        waiting = stage.image("good", pad_to=stage.board.good)
        update = stage.create(waiting)
        stage.wait_console("agent: PROBING", times=probes + 1)
        stage.wait_console("agent: IDLE", times=idle + 1)
        stage.untouched(after, "boots")
        equal("the job that is kept back", stage.execution(update)[1]["status"], "QUEUED")
        stage.say(f"replays    the job of {altered.version}: looked at, refused; {messy.version} goes on")
        broker.harm = broker.none
        stage.device.verb("power", "cycle")
        equal("job", stage.follow(update)["status"], "SUCCEEDED")
        stage.wait_running(waiting.version)
    finally:
        stage.device.verb("net", "--clear")
        broker.close()
    return f"nothing unverified ran; {waiting.version} sealed once the broker let it pass"
