# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Downloads that something comes between."""
from harness.api import second_certificate
from harness.world import World, wait_for
from stage import KIB, equal, expect
from system.mqtt_raw import Closed, let_in


def power_cut(stage):
    stage.base()
    image = stage.image("good", pad_to=stage.board.cut)
    size = image.size()
    stage.say(f"{image.version} is {stage.board.cut // KIB} KiB, over a link of {stage.board.link_bytes_s // 1000} "
              "kB/s. At 40 % of its download the power goes: the board is killed.")
    with stage.slow_link() as link:
        start = stage.blocks()[1]
        update = stage.create(image)
        stage.wait_fetched(link, 0.4 * size)
        link.hole = True  # however long it takes to cut the power now, nothing more gets through
        stage.device.verb("power-cut")
        link.hole = False
        first = stage.blocks()[1] - start
        expect(0.3 * size < first < 0.7 * size, f"the power was cut at {100 * first // size} %")
        stage.device.on()
        execution = stage.follow(update)
    equal("job", execution["status"], "SUCCEEDED")
    total = stage.blocks()[1] - start
    again = total - size
    stage.wait_running(image.version)
    expect(again < 0.15 * size, f"{again} bytes were fetched twice")
    stage.say(f"{first * 100 // size} % had left the broker before the cut, {100 * (total - first) // size} % after it: "
              f"{again // 1024} KiB twice, the blocks that were on their way.")
    return f"resumed; {again // 1024} of {size // 1024} KiB fetched twice; {image.version} sealed"


def man_in_the_middle(stage):
    before = stage.base()
    stage.say("A rogue cloud with its own CA; the device's name look-up is pointed at it.")
    rogue = World(stage.world.dir / f"rogue-{stage.made}")
    try:
        rogue.cloud_up()
        port = rogue.settings()["mqtt_port"]
        refused = stage.device.console().count("tls_untrusted_issuer")
        stage.device.verb("net", "--redirect", f"127.0.0.1:{port}")
        stage.device.verb("power", "cycle")
        stage.wait_console("tls_untrusted_issuer", times=refused + 1)
        log = rogue.cloud_dir / "run/mosquitto.log"
        wait_for("the rogue's broker heard it knock", lambda: "New connection" in log.read_text(), 10)
        equal("a session at the rogue", f" as {stage.name} " in log.read_text(), False)
    finally:
        rogue.close()
    stage.device.verb("net", "--clear")

    def noted():
        notes = stage.world.reported(stage.name).get("notes", [])
        return [note for note in notes if note.get("reason") == "tls_untrusted_issuer"]
    wait_for("the refusal is reported at the next good contact", noted, 60, 0.2)
    stage.untouched(before)
    return "refused tls_untrusted_issuer, reported when the true cloud was back"


def interruptions(stage):
    """Network, broker, darumad, and all at once, each in the middle of one download."""
    before = stage.base()
    image = stage.image("good", pad_to=stage.board.cut)
    size = image.size()
    world = stage.world
    with stage.slow_link() as link:
        def network():
            link.down = True
            stage.wait_console("agent: OFFLINE", times=offline + 1)
            link.down = False

        def together():
            link.down = True
            world.cloud_kill("broker", "darumad")
            link.down = False

        steps = [(20, "the network is cut", network), (40, "the broker is killed", lambda: world.cloud_kill("broker")),
                 (60, "darumad is killed", lambda: world.cloud_kill("darumad")), (80, "all of it at once", together)]
        update = stage.create(image)
        for percent, what, strike in steps:
            stage.wait_fetched(link, percent * size / 100)
            offline = stage.device.console().count("agent: OFFLINE")
            stage.say(f"At {percent} %: {what}.")
            strike()
        execution = stage.follow(update)
        fetched = link.to_client_bytes
    equal("job", execution["status"], "SUCCEEDED")
    running = stage.wait_running(image.version)
    expect(running["slot"] != before["slot"], "the slot did not change")
    equal("times it was installed", stage.device.console().count(f", version {image.version}+0, candidate"), 1)
    expect(fetched < 1.1 * size, f"{fetched} bytes over the link for an image of {size}")
    return f"resumed by itself four times; {fetched // KIB} KiB over the link for {size // KIB}; {image.version} sealed"


def canceled(stage):
    stage.base()
    world = stage.world
    first, second, third = (stage.image("good", pad_to=stage.board.cut) for _ in range(3))
    with stage.slow_link() as link:
        before = stage.device.show()
        idle = stage.device.console().count("agent: IDLE")
        update = stage.create(first)
        stage.wait_fetched(link, 0.3 * first.size())
        stage.say(f"{first.version} is cancelled in the middle of its download.")
        world.run("update", "cancel", update, "--force")
        execution = stage.follow(update, expect_exit=3)
        equal("job", execution["status"], "CANCELED")
        fetched = link.to_client_bytes
        stage.wait_console("agent: IDLE", times=idle + 1)
        stage.untouched(before, "boots")
        head, queued = stage.create(second), stage.create(third)
        stage.wait_fetched(link, fetched + 0.2 * second.size())
        equal("the one behind", stage.execution(queued)[1]["status"], "QUEUED")
        stage.say(f"{second.version} and {third.version} are queued; the first, half there, is force-cancelled.")
        world.run("update", "cancel", head, "--force")
        equal("job", stage.follow(head, expect_exit=3)["status"], "CANCELED")
        equal("job", stage.follow(queued)["status"], "SUCCEEDED")
    running = stage.wait_running(third.version)
    console = stage.device.console()
    for dropped in (first, second):
        expect(f", version {dropped.version}+" not in console, f"{dropped.version} was started")
    return f"two dropped without a start, {third.version} sealed in slot {running['slot']}"


def takeover(stage):
    stage.base()
    settings = stage.world.settings()
    identity = second_certificate(settings, stage.name, stage.world.dir)
    image = stage.image("good", pad_to=stage.board.cut)
    size = image.size()
    kicked = 0
    with stage.slow_link() as link:
        update = stage.create(image)
        for percent in (30, 60):
            stage.wait_fetched(link, percent * size / 100)
            offline = stage.device.console().count("agent: OFFLINE")
            rival = let_in(settings, identity, stage.name)
            stage.wait_console("agent: OFFLINE", times=offline + 1)
            try:  # the device comes back with its own certificate, and the rival has to go
                rival.expect_closed(60)
            except Closed:
                pass
            rival.abandon()
            kicked += 1
            stage.say(f"At {percent} % another client took the device's name; the device took it back.")
        execution = stage.follow(update)
        fetched = link.to_client_bytes
    equal("job", execution["status"], "SUCCEEDED")
    stage.wait_running(image.version)
    expect(fetched < 1.1 * size, f"{fetched} bytes over the link for an image of {size}")
    return f"kicked off {kicked} times, resumed; {fetched // KIB} KiB over the link for {size // KIB}"
