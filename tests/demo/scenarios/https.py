# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The file over HTTPS: two ways, one block map."""
import contextlib
import re
import time

from harness.proxy import Proxy
from stage import KIB, equal, expect

PROBE = 4096  # head and tail are fetched in blocks of this, before the slot is opened, and once more into it


def head_and_tail(size):
    """Bytes of the blocks that hold the first and the last 4 KiB."""
    blocks = {0} | set(range(max(0, size - PROBE) // PROBE, (size - 1) // PROBE + 1))
    return sum(min(PROBE, size - block * PROBE) for block in blocks)


@contextlib.contextmanager
def two_links(stage, bytes_s):
    """(to the broker, to the API): each name that the device asks for leads over a link of its own."""
    settings = stage.world.settings()
    links = [Proxy(int(port), bytes_s) for port in (settings["mqtt_port"], settings["api"].rsplit(":", 1)[1])]
    table = stage.world.dir / "devices" / stage.name / "net.conf"
    try:
        table.write_text("".join(f"{name} 127.0.0.1:{link.port}\n" for name, link in
                                 zip(("localhost", "127.0.0.1"), links)))
        begin = time.time()
        stage.device.verb("power", "cycle")
        stage.wait_reported(begin)
        yield links
    finally:
        stage.device.verb("net", "--clear")
        for link in links:
            link.close()


def fetched(stage):
    """Bytes of blocks that left the cloud for this device: by the broker, and by HTTPS."""
    stage.blocks()  # waits until the counters stand
    counters = stage.counters()
    return counters["streamBytes"], counters["httpBytes"]


def refusals(stage):
    """How often the API answered 403 to the URL of an object."""
    log = (stage.world.cloud_dir / "run/darumad.log").read_text()
    return len(re.findall(r"op=none method=\"GET\" path=\"/daruma-images/\S+\" status=403", log))


def two_ways(stage):
    stage.base()
    image = stage.image("good", pad_to=stage.board.cut)
    size = image.size()
    with two_links(stage, stage.board.two_ways_bytes_s) as (broker, api):
        api.down = True
        start, refused, asked = fetched(stage), refusals(stage), stage.device.console().count("asking for a fresh URL")
        broker.to_client_bytes = 0
        stage.say(f"{image.version} may travel over HTTPS or MQTT, by URLs that are good for a second. The HTTPS server "
                  "is not there.")
        update = stage.create(image, "--protocol", "both", "--url-seconds", "1")
        stage.wait_fetched(broker, 0.2 * size)
        stage.say("At 20 %, over MQTT, it is there again; the URL has expired meanwhile.")
        api.to_client_bytes = 0
        api.down = False
        stage.wait_fetched(api, 0.35 * size)
        stage.say("The device asked for fresh URLs and went on over HTTPS. Now its server goes again.")
        api.drain()
        execution = stage.follow(update)
    equal("job", execution["status"], "SUCCEEDED")
    stage.wait_running(image.version)
    mqtt, https = (now - before for now, before in zip(fetched(stage), start))
    again = mqtt + https - size - head_and_tail(size)
    expect(mqtt > 0.2 * size and https > 0.3 * size, f"{mqtt} bytes by MQTT, {https} by HTTPS of {size}")
    expect(refusals(stage) > refused, "no URL was refused as expired")
    fresh = stage.device.console().count("asking for a fresh URL") - asked
    expect(fresh > 0, "no fresh URL was asked for")
    expect(again < stage.board.block_bytes, f"{again} bytes were fetched twice")
    expect("X-Amz-" not in stage.device.console(), "a URL stands on the console")
    return (f"{https // KIB} KiB over HTTPS, {mqtt // KIB} over MQTT, {fresh} fresh URLs, no block twice; "
            f"{image.version} sealed")
