#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The network below the connection, on the Cortex-M3 board: joined with what the vault holds, refused, and changed
together with the firmware by an update that is undone as a whole."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from mps2_network import NetworkTest  # noqa: E402


class Bundle(NetworkTest):
    def test_wrong_password_undoes_firmware_and_credentials(self):
        device = self.wireless("wrong")
        self.assertEqual(self.network(device), {
            "name": "wrong", "network": {"name": "home", "in_range": True}, "joined": "home"})
        image, version = self.image(limits="8,12,1,2")
        self.offer(device, image, "wrong-1", "home", "opensesam")
        execution = self.ended(device, "wrong-1")
        self.assert_job(execution, "FAILED", "no_cloud")
        self.assertEqual([(slot, of, state) for slot, of, state, _, _ in device.handoffs()[-2:]],
                         [("A", version, "candidate"), ("factory", "1.0.0", "factory")])
        self.assertTrue(device.lines("cannot join: wrong password"))
        self.assertTrue(device.lines("not healthy in time: no_cloud"))
        self.assertEqual(self.network(device)["joined"], "home")
        self.assert_runs(device, "1.0.0", "factory", "factory")


class Join(NetworkTest):
    def test_no_secret_stays_in_the_flash(self):
        """Passwords and keys come through the board's mailbox, which lies in the file that is its flash."""
        device = self.wireless("secretive")
        device.wait_line("connected: localhost")
        device.verb("power", "off")
        flash = (device.path / "flash.bin").read_bytes()
        self.assertNotIn(b"opensesame", flash)
        self.assertNotIn((device.path / "bundle.key").read_bytes(), flash)

    def test_refused_and_handed_new_credentials(self):
        device = self.wireless("refused")
        self.network(device, "set", "home", "changed")
        device.verb("power", "cycle")
        device.wait_line("cannot join: wrong password", 2)
        self.assertEqual(self.network(device)["joined"], "no")
        self.network(device, "give", "home", "changed")
        device.wait_line("network handed in: home")
        device.wait_line("connected: localhost", 2)
        self.assertEqual(self.network(device)["joined"], "home")


if __name__ == "__main__":
    unittest.main(verbosity=2)
