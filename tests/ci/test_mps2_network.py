#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The Cortex-M3 board on a bad network: servers that are not ours, one that drips, a hole, a flood. The device says what
it met, loses nothing, does not reset, and takes an update afterwards."""
import pathlib
import socket
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from impostor import Impostor  # noqa: E402
from mps2 import FirmwareTest  # noqa: E402
from proxy import Proxy  # noqa: E402
from world import wait_for  # noqa: E402

BOARD_MAC = bytes.fromhex("525400123456")  # the emulator's first
PEER_MAC = bytes.fromhex("025400000001")


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

    def test_a_network_lost_on_trial(self):
        """Only the cloud is missing: back to the image before at the health deadline; that is never held against the
        image for good. Offered again it waits, says so, and is then taken."""
        device = self.device("alone", limits="8,6,1,2")  # who runs waits six times its health limit
        proxy = self.proxy(device)
        device.verb("power", "cycle")
        device.wait_line("connected: localhost", 2)
        image, version = self.image(limits="8,8,1,2")
        self.create(device, image, "alone")
        device.wait_line("reset: install")
        proxy.hole = True
        device.wait_line("not healthy in time: no_cloud")
        device.wait_line("hand-off: slot factory, .* factory, normal", 3)
        proxy.hole = False
        self.assert_job(self.ended(device, "alone"), "FAILED", "no_cloud")
        report = self.assert_runs(device, "1.0.0", "factory", "factory")
        self.assertEqual((report["bootReason"], report["lastReason"]), ("no_cloud", "no_cloud"), report)
        self.create(device, image, "alone-again")
        self.noted(device, "waiting_after_failure")
        self.assertEqual(self.execution(device, "alone-again")["status"], "QUEUED")
        self.assert_job(self.ended(device, "alone-again", 200), "SUCCEEDED")
        self.assert_runs(device, version, "A", "sealed")

    def tapped(self, device):
        """Give the device, which is off, a wire: the path of a socket whose frames reach its Ethernet part."""
        path = device.path / "wire.sock"
        program = device.path / "emulator"
        program.write_text(f'#!/bin/sh\nexec qemu-system-arm "$@" -chardev socket,id=wire,path={path},server=on,wait=off '
                           "-object filter-redirector,id=tap,netdev=net0,queue=tx,indev=wire\n")
        program.chmod(0o755)
        with open(device.path / "board.conf", "a") as settings:
            settings.write(f"qemu {program}\n")
        return path

    def test_bursts_of_full_frames(self):
        """100 full frames at once, and again, while an update is loaded: the part's queue holds six and drops the rest;
        what was lost of the update is sent again."""
        device = self.device("flooded")
        device.off()
        wire = self.tapped(device)
        proxy = self.proxy(device)
        device.on()
        device.wait_line("connected: localhost", 2)
        proxy.rate = 100_000
        image, version = self.image(pad_to=300_000)
        self.create(device, image, "flooded")
        device.wait_line("agent: LOADING")
        payload = bytes(range(256)) * 6
        header = bytes.fromhex("45 00 05dc 0000 0000 40 fd 0000 0a000202 0a00020f")  # IPv4, for a protocol of nobody
        check = sum(struct.unpack(">10H", header))
        header = header[:10] + struct.pack(">H", 0xffff ^ (check % 0xffff)) + header[12:]
        frame = BOARD_MAC + PEER_MAC + b"\x08\x00" + header + payload[:1480]
        self.assertEqual(len(frame), 1514)
        sent = 0
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(wire))
            while self.execution(device, "flooded")["status"] == "IN_PROGRESS" and device.lines("CLOSING") == []:
                line.sendall(100 * (struct.pack(">I", len(frame)) + frame))
                sent += 100
        self.assertGreaterEqual(sent, 300)
        self.assert_job(self.ended(device, "flooded"), "SUCCEEDED")
        self.assert_runs(device, version, "A", "sealed")
        figures = device.lines(r"frames (\d+) dropped (\d+) burst (\d+)")[0]
        frames, dropped, burst = map(int, figures.groups())
        self.assertGreaterEqual(burst, 6, figures.group())
        self.assertEqual(device.lines("watchdog|silent|fault"), [])
        print(f"{sent} frames of 1514 bytes in bursts of 100: {frames} frames seen, {dropped} without a buffer, longest {burst}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
