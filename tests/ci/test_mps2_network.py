#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The Cortex-M3 board on a bad network: servers that are not ours, one that drips, a hole, a flood. The device says what
it met, loses nothing, does not reset, and takes an update afterwards."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from impostor import Impostor  # noqa: E402
from mps2 import FirmwareTest  # noqa: E402
from proxy import Proxy  # noqa: E402
from world import wait_for  # noqa: E402


class Network(FirmwareTest):
    def proxy(self, device):
        """Between device and cloud; the device goes through it from its next connection on."""
        proxy = Proxy(self.world.settings()["mqtt_port"], 10_000_000)
        self.addCleanup(proxy.close)
        device.verb("net", "--redirect", f"127.0.0.1:{proxy.port}")
        return proxy

    def still_well(self, device, update, starts, security=0):
        """No start but the ones counted, and a true update comes through."""
        self.assertEqual(len(device.handoffs()), starts, device.console()[-3000:])
        image, version = self.image(counter=security)
        self.assert_job(self.update(device, image, update), "SUCCEEDED")
        self.assert_runs(device, version, "A", "sealed", security=security)
        self.assertEqual(device.lines("watchdog|silent|fault"), [])

    def test_servers_that_are_not_ours(self):
        device = self.device("wary")
        own = self.world.cloud_dir / "pki"
        ours = own / "ca.pem", own / "ca.key"
        cases = [("tls_untrusted_issuer", {}), ("tls_wrong_name", {"ca": ours, "name": "elsewhere"}),
                 ("tls_expired", {"ca": ours, "days": -1})]
        starts = len(device.handoffs())
        for reason, fields in cases:
            with self.subTest(reason):
                server = Impostor(self.world.dir / reason, **fields)
                self.addCleanup(server.close)
                device.verb("net", "--redirect", f"127.0.0.1:{server.port}")
                device.verb("power", "cycle")
                starts += 1
                device.wait_line(f"disconnected: {reason}")
                device.verb("net", "--clear")
                self.noted(device, reason)
                self.assertEqual(server.handshakes, 0)
                self.assertGreater(server.refused, 0)
        self.still_well(device, "wary", starts)

    def loading(self, name, rate):
        """A device in the middle of a download, through a proxy: the two, and the image."""
        device = self.device(name)
        proxy = self.proxy(device)
        device.verb("power", "cycle")
        device.wait_line("connected: localhost", 2)
        proxy.rate = rate
        image, version = self.image(pad_to=400_000)
        self.create(device, image, name)
        begin = proxy.to_client_bytes
        wait_for("a part of it", lambda: proxy.to_client_bytes - begin > 120_000, 60)
        return device, proxy, version

    def seconds_between(self, device, first, first_count, then, count):
        """By the board's clock, which began with its last power-up."""
        begin = float(device.wait_line(rf"([\d.]+) serial: {first}", first_count).group(1))
        return float(device.wait_line(rf"([\d.]+) serial: {then}", count, 120).group(1)) - begin

    def test_black_hole(self):
        """A connection through which nothing passes any more is left, though it never ends by itself."""
        device, proxy, version = self.loading("holes", 200_000)
        proxy.hole = True
        starts = len(device.handoffs())
        self.assertLess(self.seconds_between(device, "agent: LOADING", 1, "disconnected: network", 1), 75)
        self.assertEqual(len(device.handoffs()), starts)
        proxy.rate, proxy.hole = 10_000_000, False
        self.assert_job(self.ended(device, "holes"), "SUCCEEDED")
        self.assert_runs(device, version, "A", "sealed")
        self.assertEqual(device.lines("watchdog|silent|fault"), [])

    def test_a_byte_a_second(self):
        """A server that drips is none: neither in a download nor in the handshake."""
        device, proxy, version = self.loading("drips", 200_000)
        proxy.rate, proxy.piece_bytes = 1, 1
        starts = len(device.handoffs())
        self.assertLess(self.seconds_between(device, "agent: LOADING", 1, "disconnected: network", 1), 75)
        self.assertLess(self.seconds_between(device, "agent: CONNECTING", 3, "disconnected: network", 2), 40)
        self.assertEqual(len(device.handoffs()), starts)
        proxy.rate, proxy.piece_bytes = 10_000_000, 16384
        self.assert_job(self.ended(device, "drips"), "SUCCEEDED")
        self.assert_runs(device, version, "A", "sealed")
        self.assertEqual(device.lines("watchdog|silent|fault"), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
