#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Firmware and network credentials in one update, on the Linux board and a real cloud: undone together, kept together,
refused where they do not belong. The same on the Cortex-M3 board: test_mps2_network.py."""
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from world import Device, World, wait_for  # noqa: E402

ENDED = ("SUCCEEDED", "FAILED", "REJECTED", "TIMED_OUT", "CANCELED")


class Bundle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.addClassCleanup(cls.world.close)
        cls.world.cloud_up()
        cls.made = 0

    def image(self, health_s=30):
        type(self).made += 1
        return self.world.image("firmware-good", f"1.{self.made}.0", sequence=self.made, limits=f"5,{health_s},1,2")

    def network_file(self, name, password):
        path = self.world.dir / f"network-{name}-{password}"
        path.write_text(f"{name}\n{password}\n")
        return path

    def device(self, name):
        device = Device(self.world, name)
        self.addCleanup(device.off)
        device.path = self.world.dir / "devices" / name
        device.create(self.image(), "--network-file", self.network_file("home", "opensesame"))
        device.on()
        wait_for("it reports", lambda: self.world.reported(name).get("state") == "factory", 30, 0.1)
        return device

    def network(self, device, *words, check=True):
        return self.world.json("device", "network", device.name, *words, "--dir", device.path.parent, check=check)[1]

    def offer(self, device, update, image, network, key_of=None, check=True):
        return self.world.run("update", "create", image, device.name, "--id", update, "--network-file", network,
                              "--bundle-key", (key_of or device).path / "bundle.key", check=check)

    def ended(self, device, update):
        def seen():
            execution = self.world.json("update", "watch", update, "--timeout", 0, check=False)[1]["executions"][device.name]
            return execution if execution["status"] in ENDED else None
        execution = wait_for(f"{update} ends", seen, 60, 0.1)
        return execution["status"], (execution.get("details") or {}).get("reason")

    def test_undone_and_kept_together(self):
        device = self.device("both")
        self.assertEqual(self.network(device)["joined"], "home")
        factory = device.show()["version"]
        wrong = self.image(health_s=5)
        self.offer(device, "both-1", wrong, self.network_file("home", "opensesam"))
        self.assertEqual(self.ended(device, "both-1"), ("FAILED", "no_cloud"))
        self.assertIn("cannot join: wrong password", device.console())
        self.assertEqual((device.show()["version"], self.network(device)["joined"]), (factory, "home"))

        image = self.image()
        self.offer(device, "both-2", image, self.network_file("the attic", "abra cadabra"))
        wait_for("its test boot", lambda: "cannot join: no such network" in device.console(), 30, 0.05)
        self.network(device, "set", "the attic", "abra cadabra")
        self.assertEqual(self.ended(device, "both-2"), ("SUCCEEDED", None))
        wait_for("sealed", lambda: device.show().get("state") == "sealed", 30, 0.05)
        wait_for("joined", lambda: self.network(device)["joined"] == "the attic", 15, 0.05)
        text = json.dumps(self.world.json("update", "watch", "both-2", "--timeout", 0, check=False)[1])
        self.assertNotIn("abracadabra", text + device.console())

    def test_refused_where_it_does_not_belong(self):
        device, other = self.device("mine"), self.device("other")
        image, network = self.image(), self.network_file("home", "opensesame")
        self.offer(device, "mine-1", image, network, key_of=other)
        self.assertEqual(self.ended(device, "mine-1"), ("FAILED", "job_document"))
        done = self.world.run("update", "create", image, device.name, other.name, "--network-file", network, check=False)
        self.assertEqual(done.returncode, 64, done.stderr)
        error = self.network(device, "lose", check=False)["error"]
        self.assertIn("mps2-an385", error)
        self.network(device, "give", "home", "x" * 65, check=False)
        self.assertFalse((device.path / "network.new").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
