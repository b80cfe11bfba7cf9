# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A device in a loop does not slow the others, and its operator sees it (docs/gate.md 8)."""
import json
import unittest

import bus_rig
from mqtt_raw import Timeout
from world import wait_for

PER_SECOND, BURST_S = 100, 10
REPORT = {"version": "1.0.0", "digest": "00" * 32, "slot": "A"}
FLOOD = 4000
NOT_AUTHORIZED = 0x87


class FairnessTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cloud = bus_rig.Cloud(requests_per_s=PER_SECOND)
        cls.identities = {name: cls.cloud.add(name)[0] for name in ("good", "loop", "loop-0", "loop-s")}

    @classmethod
    def tearDownClass(cls):
        status = cls.cloud.close()
        assert status == 0, f"something ended with {status}"

    def setUp(self):
        self.good = self.cloud.connect(self.identities["good"])
        self.addCleanup(self.cloud.rig.leave)

    def report(self, device, token):
        topic = f"$aws/things/{device.client_id}/daruma/report"
        device.publish(topic, json.dumps({**REPORT, "clientToken": token}))
        return json.loads(device.receive(match=lambda m: m.topic == topic + "/accepted").payload)

    def counters(self, name):
        """What the operator sees; nothing yet: zeros."""
        told = self.cloud.daemon.call("GET", f"/daruma/things/{name}/counters")[2]
        return {word: told.get(word, 0) for word in ("inMessages", "throttled")}

    def flood(self, name, payload, qos):
        device = self.cloud.connect(self.identities[name])
        last = None
        for _ in range(FLOOD):
            last = device.publish_nowait(f"$aws/things/{name}/daruma/report", payload, qos)
        if qos:
            device.await_ack(last, 30)
        device.ping()
        return device

    def check(self, name, payload, qos, allowed):
        """All but its share is dropped; the device stays connected and is heard again; the good one was all along."""
        device = self.flood(name, payload, qos)
        self.assertEqual(self.report(self.good, "t")["clientToken"], "t")

        def told():
            counters = self.counters(name)
            return counters if counters["throttled"] + counters["inMessages"] >= FLOOD else None
        counters = wait_for("the counters", told)
        self.assertGreaterEqual(counters["inMessages"], allowed)
        self.assertGreater(counters["throttled"], 0)
        self.assertEqual(counters["throttled"] + counters["inMessages"], FLOOD)
        self.assertEqual(self.counters("good")["throttled"], 0)
        wait_for("a line in the log", lambda: f"{name} asks more often than it may" in self.cloud.rig.log(), 20)

        def heard():
            try:
                device.publish(f"$aws/things/{name}/daruma/report", json.dumps({**REPORT, "clientToken": "again"}))
                device.receive(1, lambda m: b"again" in m.payload)
                return True
            except Timeout:
                return False
        wait_for("it is heard again", heard, 20)

    def test_a_flood_of_reports(self):
        self.check("loop", json.dumps({**REPORT, "clientToken": "t"}), 1, PER_SECOND * BURST_S)

    def test_a_flood_of_requests_for_blocks(self):
        """Each for as much as there may be; another device's turn comes after one of them, not after all."""
        self.cloud.stream("s", 262144)
        loop = self.cloud.connect(self.identities["loop-s"])
        self.good.subscribe("$aws/things/good/streams/s/data/json", 0)
        for _ in range(FLOOD):
            loop.publish_nowait("$aws/things/loop-s/streams/s/get/json", b'{"f":0,"l":4096,"o":0,"n":64}', 0)
        for number in range(3):
            self.good.publish("$aws/things/good/streams/s/get/json", b'{"f":0,"l":4096,"o":%d,"n":1}' % number, 0)
            self.assertEqual(json.loads(self.good.receive().payload)["i"], number)
        wait_for("a line in the log", lambda: "loop-s has too many requests for blocks waiting" in self.cloud.daemon.text())

    def test_to_connect_again_does_not_begin_anew(self):
        payload = json.dumps({**REPORT, "clientToken": "t"})
        self.flood("loop-0", payload, 0).abandon()

        def all_counted(floods):
            counters = self.counters("loop-0")
            return counters if sum(counters.values()) == floods * FLOOD else None
        before = wait_for("the counters", lambda: all_counted(1))
        self.flood("loop-0", payload, 0)
        after = wait_for("the counters", lambda: all_counted(2))
        self.assertLess(after["inMessages"] - before["inMessages"], PER_SECOND * BURST_S)

        again = self.cloud.connect(self.identities["loop-0"], version=5)
        codes = {again.publish("$aws/things/loop-0/daruma/report", payload) for _ in range(200)}
        self.assertIn(NOT_AUTHORIZED, codes)


if __name__ == "__main__":
    unittest.main(verbosity=2)
