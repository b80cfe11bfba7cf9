#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A firmware that tries to get out: to the flash file, the secure element's files, the board, other programs.

Which walls the kernel has is printed; an attempt that succeeds is a failure only where its wall stands.
"""
import pathlib
import socket
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from board_rig import BoardTest, alive  # noqa: E402

EXPECTED = {
    "files": 9, "seccomp": 21, "network": 2, "channel": 22,
}


def walls(mechanisms):
    """Which kinds of attempts the mechanisms must stop."""
    standing = {"channel"}
    if "seccomp" in mechanisms:
        standing |= {"seccomp", "network"}
    if any(word.startswith("landlock") for word in mechanisms):
        standing |= {"files"}
    return standing


class Confinement(BoardTest):
    def test_intruder(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            device = self.device("intruder", "intruder")
            (device.path / "bundle.bin").write_text(f"{device.path}\n{server.getsockname()[1]}")
            device.on()
            self.wait_line(device, "intruder: done")
        mechanisms = self.wait_line(device, r"confinement:([^;]*)").group(1).split()
        lacking = self.lines(device, r"this system lacks (.*)")
        print(f"\n   confinement here: {' '.join(mechanisms) or 'none'};"
              f" lacking: {lacking[0].group(1) if lacking else 'nothing'}")
        standing = walls(mechanisms)
        attempts = [line.groups() for line in self.lines(device, r"intruder: (\w+) (\S+) (refused|ALLOWED) (-?\d+)")]
        escaped = [(wall, what) for wall, what, outcome, _ in attempts if outcome == "ALLOWED" and wall in standing]
        self.assertEqual(escaped, [])
        for wall, count in EXPECTED.items():
            self.assertEqual(len([1 for attempt in attempts if attempt[0] == wall]), count, wall)
        if "other-user" in mechanisms or "files" in standing:
            secret = {what: outcome for wall, what, outcome, _ in attempts if wall == "files"}
            self.assertEqual(secret["read-secret"], "refused")
            self.assertEqual(secret["read-flash"], "refused")
        self.assertEqual(self.lines(device, "FAILS"), [], "what a firmware may do must work")
        self.assertTrue(self.lines(device, "tcp-connect works"))
        self.assertFalse((device.path / "planted").exists())
        self.assertTrue(alive(device.show()["board_pid"]))
        status = pathlib.Path(f"/proc/{device.show()['machine_pid']}/status").read_text()
        users = {line[:3]: line.split()[1:] for line in status.splitlines() if line[:4] in ("Uid:", "Gid:")}
        if "other-user" in mechanisms:
            # Nobody's processes and files are not a firmware's: the signer may be one of them.
            self.assertEqual(users, {"Uid": ["65533"] * 4, "Gid": ["65533"] * 4})
        self.assertGreaterEqual(len(self.lines(device, "refused: the firmware may not")), 9)

    def test_flash_outside_its_areas_is_untouched(self):
        device = self.device("untouched", "intruder")
        areas = {"factory": (0x01A00000, 0x400000), "slot-b": (0x00E00000, 0xC00000), "gap": (0xC000, 0x4000)}
        before = {name: self.read(device, *place) for name, place in areas.items()}
        (device.path / "bundle.bin").write_text(f"{device.path}\n1")
        device.on()
        self.wait_line(device, "intruder: done")
        for name, place in areas.items():
            self.assertEqual(self.read(device, *place), before[name], name)

    def read(self, device, address, size):
        with open(device.path / "flash.bin", "rb") as flash:
            flash.seek(address)
            return flash.read(size)


if __name__ == "__main__":
    unittest.main()
