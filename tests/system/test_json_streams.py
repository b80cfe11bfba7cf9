# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A product that names JSON streams updates itself from the real cloud with them. A tap between broker and device sees
every message, swallows one block and spoils another: the device asks again and is done."""
import json
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.api import second_certificate
from harness.hostile import HostileBroker
from harness.world import Device, World, wait_for
from system.test_device import DeviceTest as Rig

LIMITS = "5,20,1,3"  # hang, health, soak, seal
SIZE, BLOCK = 524288, 16384


class Tap:
    """The harm of a HostileBroker: what streams said to the device."""

    def __init__(self):
        self.spoilt, self.dropped = None, None
        self.endings, self.seen = set(), []

    def __call__(self, message):
        found = re.search(r"/streams/[^/]+/(\w+)/(\w+)$", message.topic)
        if found is None:
            return [message.packet()]
        self.endings.add(found.groups())
        index = json.loads(message.payload)["i"]
        self.seen.append(index)
        if index == 10 and self.dropped is None:
            self.dropped = index
            return []
        if index == 20 and self.spoilt is None:
            self.spoilt = index
            return [message.packet(message.payload.replace(b'"p":"', b'"p":"!', 1))]
        return [message.packet()]


class JsonStreams(unittest.TestCase):
    def test_update(self):
        world = World()
        self.addCleanup(world.close)
        world.cloud_up()
        device = Device(world, "lamp")
        self.addCleanup(device.off)
        device.create(world.image("firmware-json", "1.0.0", sequence=1, counter=1, limits=LIMITS))
        broker = HostileBroker(world.settings(), world.cloud_dir, second_certificate(world.settings(), "lamp", world.dir))
        self.addCleanup(broker.close)
        tap = broker.harm = Tap()
        device.verb("net", "--redirect", f"127.0.0.1:{broker.port}")
        device.on()
        wait_for("the device reports", lambda: world.reported("lamp").get("version") == "1.0.0", 60)

        image = world.image("firmware-json", "1.1.0", sequence=2, counter=1, limits=LIMITS, pad_to=SIZE)
        world.run("update", "create", image, "lamp", "--id", "to-1-1")
        wait_for("1.1.0 is sealed", lambda: (world.reported("lamp").get("version"),
                                             world.reported("lamp").get("state")) == ("1.1.0", "sealed"), 120, 0.2)

        self.assertEqual(tap.endings, {("data", "json")})
        self.assertEqual((tap.dropped, tap.spoilt), (10, 20))
        self.assertGreaterEqual(tap.seen.count(10), 2, tap.seen)
        self.assertGreaterEqual(tap.seen.count(20), 2, tap.seen)
        blocks = -(-image.stat().st_size // BLOCK)
        self.assertGreaterEqual(set(tap.seen), set(range(blocks)))  # head and tail are asked for in smaller ones


class Subscriptions(Rig):
    """The rig of test_device.py, without its tests."""

    def test_what_is_subscribed_to(self):
        cloud = self.cloud()
        device = self.device("text", cloud, program="firmware-json")
        cloud.subscriptions.clear()
        device.on()
        self.wait_report(cloud, version="1.0.0")
        prefix = "$aws/things/text/"
        self.assertEqual(set(cloud.subscriptions), {prefix + "jobs/notify-next", prefix + "streams/+/data/json",
                                                    prefix + "streams/+/rejected/json"})


for name in [name for name in dir(Rig) if name.startswith("test_")]:
    setattr(Subscriptions, name, None)
del Rig

if __name__ == "__main__":
    unittest.main()
