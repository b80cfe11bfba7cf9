#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What the Cortex-M3 board makes of the time it is told: certificates are judged by it, also after a power cut, and nobody
moves it beyond what his own certificate still passes. The board has no clock of its own, and believes no host's."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from device_cloud import Cloud, Job  # noqa: E402
from mps2_rig import MISSING, Mps2Device  # noqa: E402
from world import wait_for  # noqa: E402

DAY_S = 86400


@unittest.skipIf(MISSING, f"not installed: {', '.join(MISSING)}")
class Clock(Mps2Device):
    def power_cycle(self, device, port=None):
        """Off, another server behind the name or the usual one, on."""
        device.off()
        (device.path / "net.conf").write_text(f"localhost 127.0.0.1:{port}\n" if port else "")
        device.on()

    def server(self, days):
        cloud = Cloud(self.pki, days=days)
        self.addCleanup(cloud.close)
        return cloud

    def told(self, device, cloud):
        """The device has heard, and kept, what this cloud says of the time: it has refused a job that came with it."""
        job = cloud.add(Job(f"told-{len(cloud.jobs)}", b"no image"))
        self.wait_job(job, device, 60)
        self.assertEqual(job.status, "FAILED", job.details)

    def test_told_time(self):
        self.cloud.ahead_s = 20 * DAY_S  # its certificate is good for 30 days
        device = self.provisioned("clock")
        self.told(device, self.cloud)

        # A certificate that has ended by then is refused, whatever this computer's clock says.
        short = self.server(10)
        self.power_cycle(device, short.port)
        self.explained(device, lambda: wait_for("refused", lambda: "disconnected: tls_expired" in device.console(), 60))
        self.assertEqual((short.connects, short.reports), (0, []))

        # A service that lies by half a century moves the clock to the end of its own certificate, and no further: the
        # same certificate is still accepted, now and after a power cut.
        refused = device.console().count("tls_expired")
        self.cloud.ahead_s = 20000 * DAY_S
        for _ in range(2):
            self.power_cycle(device)
            self.told(device, self.cloud)
        self.assertEqual(device.console().count("tls_expired"), refused, "the lie locked the device out")

        # And one that is good for longer is believed as before.
        long = self.server(60)
        self.power_cycle(device, long.port)
        self.told(device, long)


if __name__ == "__main__":
    unittest.main(verbosity=2)
