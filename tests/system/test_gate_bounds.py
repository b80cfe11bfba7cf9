# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What one connection and all of them together may have of the broker (docs/gate.md 6)."""
import unittest

import gate_rig
import mqtt_raw
from gate_rig import OPEN_POLICY, OTA_POLICY
from mqtt_raw import Refused
from world import wait_for

IN_FLIGHT = 100  # max_inflight_messages


class Deaf:
    """Reads, and acknowledges nothing."""

    def take_publish(self, kind, body):
        send, self.send = self.send, lambda *_: None
        super().take_publish(kind, body)
        self.send = send


class DeafDevice(Deaf, mqtt_raw.Client):
    pass


class DeafService(Deaf, gate_rig.Service):
    pass


class BoundsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = gate_rig.Rig(sessions_max=3)
        cls.ids = {name: cls.rig.pki.identity(name) for name in ("open", "t1")}
        cls.rig.write_snapshot(OPEN_POLICY + OTA_POLICY + "thing t1\n"
                               f"certificate {cls.ids['open'].id} ACTIVE open -\n"
                               f"certificate {cls.ids['t1'].id} ACTIVE ota t1\n")
        cls.rig.start()

    @classmethod
    def tearDownClass(cls):
        status = cls.rig.close()
        assert status == 0, f"the broker ended with {status}"

    def setUp(self):
        self.service = self.rig.service()
        self.service.greet()
        self.addCleanup(self.rig.leave)

    def test_connections(self):
        """A fourth device is refused; the service and a device that comes again are not."""
        wait_for("nobody else", lambda: self.service.stats()["sessions"] == 1)
        devices = [self.rig.device(self.ids["open"], f"d{i}") for i in range(2)]  # the service counts as one
        with self.assertRaises(Refused):
            self.rig.device(self.ids["open"], "d2")
        again = self.rig.device(self.ids["open"], "d1")
        again.ping()
        self.rig.service("daruma/second").ping()
        wait_for("a line in the log", lambda: "3 connections, the most there may be: 1 refused" in self.rig.log())
        devices[0].disconnect()
        self.rig.clients[-1].disconnect()

        def let_in():
            try:
                return self.rig.device(self.ids["open"], "d2")
            except Refused:
                return None
        wait_for("there is room again", let_in)

    def test_unacknowledged_by_a_device(self):
        device = DeafDevice(self.rig.port, self.ids["t1"].context, "t1")
        self.rig.clients.append(device)
        device.subscribe("$aws/things/t1/jobs/notify")
        for i in range(3 * IN_FLIGHT):
            self.service.tell_all("$aws/things/t1/jobs/notify", b"%d" % i)
        device.ping()
        self.assertEqual(len(device.inbox), IN_FLIGHT)

    def test_unacknowledged_by_the_service(self):
        """It asks for 1000 when it connects, whatever devices have."""
        self.service.abandon()
        self.rig.clients.clear()
        service = DeafService(self.rig.port, self.rig.service_identity.context)
        self.rig.clients.append(service)
        service.greet()
        device = self.rig.device(self.ids["t1"])
        for _ in range(5 * IN_FLIGHT):
            device.publish("$aws/things/t1/jobs/get", b"{}")
        service.ping()
        self.assertEqual(len([m for m in service.seen if m.topic == "daruma/1/in/t1/jobs/get"]), 5 * IN_FLIGHT)


if __name__ == "__main__":
    unittest.main(verbosity=2)
