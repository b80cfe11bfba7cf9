#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The first sequence numbers of the Cortex-M3 board's TCP connections, as they stand on the line: from one nobody can tell
the next (RFC 6528), neither within one start nor after another."""
import pathlib
import shutil
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from mps2_rig import MISSING, Mps2Device  # noqa: E402
from world import wait_for  # noqa: E402

NEAR = 1 << 24  # 67 seconds of RFC 6528's clock
SYN, ACK = 2, 16


def connections(capture):
    """(port, sequence number) of each SYN of a pcap file, repetitions left out; a packet that is being written is not there
    yet."""
    raw, at, found = capture.read_bytes() if capture.exists() else b"", 24, []
    while at + 16 <= len(raw):
        size = struct.unpack_from("<I", raw, at + 8)[0]
        frame, at = raw[at + 16:at + 16 + size], at + 16 + size
        if len(frame) < size or frame[12:14] != b"\x08\x00" or frame[23] != 6:
            continue
        tcp = frame[14 + 4 * (frame[14] & 15):]
        port, _, number = struct.unpack_from(">HHI", tcp)
        if tcp[13] & (SYN | ACK) == SYN and (port, number) not in found:
            found.append((port, number))
    return found


@unittest.skipIf(MISSING, f"not installed: {', '.join(MISSING)}")
class SequenceNumbers(Mps2Device):
    def started(self, device, count):
        """Switch on, drop the connection until there were count of them; their first sequence numbers."""
        self.capture.unlink(missing_ok=True)
        device.on()
        for number in range(1, count + 1):
            wait_for(f"connection {number}", lambda: len(connections(self.capture)) >= number and self.cloud.connections, 40)
            for connection in list(self.cloud.connections):
                connection.close()
        device.off()
        return [number for _, number in connections(self.capture)]

    def test_nothing_can_be_told_from_another(self):
        self.capture = self.world.dir / "line.pcap"
        emulator = self.world.dir / "emulator"
        emulator.write_text(f"#!/bin/sh\nexec {shutil.which('qemu-system-arm')} \"$@\" "
                            f"-object filter-dump,id=dump,netdev=net0,file={self.capture}\n")
        emulator.chmod(0o755)
        device = self.provisioned("numbered", settings=f"qemu {emulator}\n")
        device.off()
        first, second = self.started(device, 4), self.started(device, 3)
        numbers = first + second
        self.assertGreaterEqual(len(numbers), 7)
        # By chance one in a hundred neighbours is near; a counter's all are.
        apart = [min((b - a) % 2**32, (a - b) % 2**32) for a, b in zip(numbers, numbers[1:])]
        print("first sequence numbers:", *(f"{number:08x}" for number in numbers))
        self.assertLessEqual(sum(gap < NEAR for gap in apart), 2, numbers)
        self.assertLessEqual(sum(number < NEAR for number in numbers), 2, numbers)


if __name__ == "__main__":
    unittest.main(verbosity=2)
