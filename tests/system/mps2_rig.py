# SPDX-License-Identifier: Apache-2.0 OR MIT
"""For tests of the Cortex-M3 board's firmware against the cloud of one page (device_cloud.py): a device with its identity."""
import pathlib
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from device_cloud import Cloud  # noqa: E402
from pki import Authority  # noqa: E402
from test_device import bundle  # noqa: E402
from world import BIN, Device, World, wait_for  # noqa: E402

LAYOUT = {"header_size": 1024, "load_address": 0x20010000, "limits": "10,60,1,3"}  # hang, health, soak, seal
MISSING = [name for name in ("qemu-system-arm", "arm-none-eabi-gcc", "arm-none-eabi-size") if not shutil.which(name)]


class Mps2Device(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.addClassCleanup(cls.world.close)
        cls.pki = Authority(cls.world.dir / "pki")
        cls.cloud = Cloud(cls.pki)
        cls.addClassCleanup(cls.cloud.close)

    def image(self, version, sequence, program="firmware-mps2-good.bin", **fields):
        self.assertTrue((BIN / program).exists(), f"no {program}: cmake --build build --target mps2")
        return self.world.image(program, version, sequence=sequence, **{**LAYOUT, **fields})

    def provisioned(self, name, program="firmware-mps2-good.bin", settings=""):
        """A device with certificates, switched on: it resets into its normal mode by itself. settings: board.conf."""
        device = Device(self.world, name)
        self.addCleanup(device.off)
        device.path = self.world.dir / "devices" / name
        device.create(self.image("1.0.0", 1, program), "--offline", "--board", "mps2-an385")
        with open(device.path / "board.conf", "a", encoding="ascii") as conf:
            conf.write(settings)
        device.on()
        for kind in ("normal", "recovery"):
            csr = device.path / f"csr-{kind}.pem"
            wait_for(f"request {kind}", csr.exists, 30)
            self.pki.sign(csr, "extendedKeyUsage=clientAuth\n", out=f"{name}-{kind}.pem")
        read = lambda kind: (self.pki.dir / f"{name}-{kind}.pem").read_bytes()
        part = device.path / "bundle.part"
        part.write_bytes(bundle(name, self.cloud.port, self.pki.ca.read_bytes(), read("normal"), read("recovery")))
        part.rename(device.path / "bundle.bin")
        wait_for("provisioned", (device.path / "provisioned").exists, 30)
        return device

    def wait_report(self, device, timeout_s=60, **fields):
        def found():
            return next((report for report in reversed(self.cloud.reports)
                         if all(report.get(name) == value for name, value in fields.items())), None)
        return self.explained(device, lambda: wait_for(f"a report with {fields}", found, timeout_s))

    def wait_job(self, job, device, timeout_s=120):
        return self.explained(device, lambda: wait_for(f"{job.id} ends", lambda: job.done, timeout_s))

    def explained(self, device, wait):
        try:
            return wait()
        except Exception:
            print(device.console()[-4000:])
            raise
