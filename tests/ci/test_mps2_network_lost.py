#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A network that goes away and comes back, and one that an update changes for good: what keep-alive has to find out
takes its time, so these are not in `make test`."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from mps2_network import NetworkTest  # noqa: E402
from proxy import Proxy  # noqa: E402
from world import wait_for  # noqa: E402

KIB = 1024


class Lost(NetworkTest):
    def test_lost_in_the_middle_of_a_download(self):
        device = self.wireless("lost")
        image, version = self.image(pad_to=700 * KIB)
        slow = Proxy(self.world.settings()["mqtt_port"], 50_000)  # so that there is a middle
        self.addCleanup(slow.close)
        device.verb("net", "--redirect", f"127.0.0.1:{slow.port}")
        device.verb("power", "cycle")
        device.wait_line("connected: localhost", 2)
        self.create(device, image, "lost-1")
        wait_for("half of it", lambda: self.progress(device, "lost-1") >= 0.3, 60, 0.05)
        self.network(device, "lose")
        self.assertEqual(self.network(device)["network"], {"name": "home", "in_range": False})
        device.wait_line("disconnected: network", timeout_s=90)
        absent = device.wait_line(r"([\d.]+) serial: cannot join: no such network in range", 2)
        before = self.progress(device, "lost-1")
        self.assertLess(before, 1)
        self.assertGreater(float(absent.group(1)), 0)
        self.network(device, "restore")
        self.assert_job(self.ended(device, "lost-1"), "SUCCEEDED")
        self.assert_runs(device, version, "A", "sealed")
        counters = self.world.thing(device.name)["counters"]
        size = image.stat().st_size
        self.assertLess(counters["streamBytes"], 1.5 * size)  # it went on; it did not begin anew

    def progress(self, device, update):
        done, _, total = (self.execution(device, update).get("details") or {}).get("progress", "0/1").partition("/")
        return int(done) / int(total)

    def test_another_network_for_good(self):
        """The network moves with the image, and stays when the image is sealed: what was there before goes."""
        device = self.wireless("moves")
        image, version = self.image()
        self.network(device, "set", "attic", "abracadabra")  # the old one is gone; nobody is thrown out who is in
        device.wait_line("board: network: not joined")
        device.wait_line("cannot join: no such network in range", timeout_s=120)
        self.network(device, "set", "home", "opensesame")
        device.wait_line("connected: localhost", 2, 120)
        self.offer(device, image, "moves-1", "attic", "abracadabra")
        device.wait_line("hand-off: slot A")
        self.network(device, "set", "attic", "abracadabra")
        self.assert_job(self.ended(device, "moves-1"), "SUCCEEDED")
        self.assert_runs(device, version, "A", "sealed")
        self.assertEqual(self.network(device)["joined"], "attic")
        device.verb("power", "cycle")
        device.wait_line("connected: localhost", 5)
        self.assertEqual(self.network(device)["joined"], "attic")


if __name__ == "__main__":
    unittest.main(verbosity=2)
