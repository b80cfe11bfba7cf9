# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A client that is connected and does not read costs the broker a bounded number of bytes (docs/gate.md 4)."""
import pathlib
import unittest

import gate_rig
from gate_rig import OPEN_POLICY, OTA_POLICY
from mqtt_raw import Timeout
from world import wait_for

BLOCK = bytes(120 * 1024)
ROUNDS = 400                # 47 MiB
HELD_MAX = 20 * 1024 * 1024  # the bound is 4 MiB of messages; the broker keeps some of them twice
TOPIC = "$aws/things/lamp/streams/s/data/cbor"


class UnreadTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = gate_rig.Rig()
        cls.ids = {name: cls.rig.pki.identity(name) for name in ("lamp", "open", "reader")}
        cls.rig.write_snapshot(OTA_POLICY + OPEN_POLICY + "thing lamp\n" +
                               f"certificate {cls.ids['lamp'].id} ACTIVE ota lamp\n" +
                               "".join(f"certificate {cls.ids[name].id} ACTIVE open -\n" for name in ("open", "reader")))
        cls.rig.start()

    @classmethod
    def tearDownClass(cls):
        status = cls.rig.close()
        assert status == 0, f"the broker ended with {status}"

    def setUp(self):
        self.service = self.rig.service()
        self.service.greet()

    def tearDown(self):
        self.rig.leave()

    def device(self, name):
        return self.rig.device(self.ids[name], name)

    def resident(self):
        pages = int(pathlib.Path(f"/proc/{self.rig.process.pid}/statm").read_text().split()[1])
        return pages * 4096

    def request(self, device):
        """What the service gets of a stream request."""
        device.publish("$aws/things/lamp/streams/s/get/cbor", b"q", qos=0)
        wait_for("the request", lambda: self.service.ping() or self.service.seen)
        return self.service.seen[-1]

    def read_all(self, device):
        """Until nothing comes any more; how many messages."""
        try:
            while True:
                device.step(1.0)
        except Timeout:
            return len(device.inbox)

    def test_answers_to_a_silent_client(self):
        sleeper = self.device("lamp")
        request = self.request(sleeper)
        self.service.answer(request, TOPIC, BLOCK)
        before = self.resident()
        for _ in range(ROUNDS):
            self.service.answer(request, TOPIC, BLOCK)
        self.service.ping()
        self.assertLess(self.resident() - before, HELD_MAX)
        wait_for("what was not sent is counted",
                 lambda: self.service.ping() or self.service.clients.get("lamp", {}).get("refused", 0) > 0)
        # It wakes up, has all that was kept, and is served as before.
        self.assertLess(self.read_all(sleeper), ROUNDS)
        self.service.answer(request, TOPIC, b"after")
        sleeper.receive(10, lambda message: message.payload == b"after")

    def test_answers_to_who_reads(self):
        """Nothing is withheld from a client that reads, however much it is."""
        reader = self.device("lamp")
        request = self.request(reader)
        for number in range(ROUNDS):
            self.service.answer(request, TOPIC, BLOCK)
            while len(reader.inbox) <= number - 8:
                reader.step(10)
        while len(reader.inbox) < ROUNDS:
            reader.step(10)

    def subscription(self, qos):
        sleeper, talker = self.device("reader"), self.device("open")
        sleeper.subscribe("app/much", qos)
        talker.publish("app/much", BLOCK, qos)
        before = self.resident()
        for _ in range(ROUNDS):
            talker.publish("app/much", BLOCK, qos)
        talker.ping()
        self.assertLess(self.resident() - before, HELD_MAX)
        wait_for("what was not sent is counted",
                 lambda: self.service.ping() or self.service.clients.get("reader", {}).get("refused", 0) > 0)
        self.assertLess(self.read_all(sleeper), ROUNDS)
        talker.publish("app/much", b"after", qos)
        sleeper.receive(10, lambda message: message.payload == b"after")

    def test_subscriber_at_most_once(self):
        self.subscription(0)

    def test_subscriber_at_least_once(self):
        self.subscription(1)


if __name__ == "__main__":
    unittest.main()
