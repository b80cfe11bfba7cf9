# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Downloads that something comes between."""
from harness.proxy import Proxy
from harness.world import World, wait_for
from stage import KIB, equal, expect


def power_cut(stage):
    stage.base()
    image = stage.image("good", pad_to=stage.board.cut)
    size = image.size()
    stage.say(f"{image.version} is {stage.board.cut // KIB} KiB, over a link of {stage.board.link_bytes_s // 1000} "
              "kB/s. At 40 % of its download the power goes: the board is killed.")
    link = Proxy(stage.world.settings()["mqtt_port"], stage.board.link_bytes_s)
    try:
        stage.device.verb("net", "--redirect", f"127.0.0.1:{link.port}")
        stage.device.verb("power", "cycle")
        stage.wait_connected()
        start = stage.blocks()[1]
        link.to_client_bytes = 0
        update = stage.create(image)
        wait_for("40 % fetched", lambda: link.to_client_bytes >= 0.4 * size, 60, 0.001)
        stage.device.verb("power-cut")
        first = stage.blocks()[1] - start
        expect(0.3 * size < first < 0.7 * size, f"the power was cut at {100 * first // size} %")
        stage.device.on()
        execution = stage.follow(update)
    finally:
        stage.device.verb("net", "--clear")
        link.close()
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
        stage.device.verb("net", "--redirect", f"127.0.0.1:{port}")
        stage.device.verb("power", "cycle")
        stage.wait_console("tls_untrusted_issuer")
        equal("no connection at the rogue", stage.name in (rogue.dir / "cloud.log").read_text(), False)
    finally:
        rogue.close()
    stage.device.verb("net", "--clear")

    def noted():
        notes = stage.world.reported(stage.name).get("notes", [])
        return [note for note in notes if note.get("reason") == "tls_untrusted_issuer"]
    wait_for("the refusal is reported at the next good contact", noted, 60, 0.2)
    stage.untouched(before)
    return "refused tls_untrusted_issuer, reported when the true cloud was back"
