# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Devices of the Cortex-M3 board that join a simulated access point."""
from mps2 import FirmwareTest


class NetworkTest(FirmwareTest):
    def network_file(self, name, password):
        path = self.world.dir / f"network-{name}-{password}"
        path.write_text(f"{name}\n{password}\n")
        return path

    def wireless(self, device, **factory):
        """A device that joins the network `home` with the password `opensesame`."""
        return self.device(device, "--network-file", self.network_file("home", "opensesame"), **factory)

    def network(self, device, *words):
        return self.world.json("device", "network", device.name, *words, "--dir", device.path.parent)[1]

    def offer(self, device, image, update, name, password):
        self.world.run("update", "create", image, device.name, "--id", update,
                       "--network-file", self.network_file(name, password), "--bundle-key", device.path / "bundle.key")
