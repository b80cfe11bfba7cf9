#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Where the identity key lives: one update of the Cortex-M3 board with the key in the secure element, one with a key that
the firmware made itself and keeps in its vault. The cost of each is printed."""
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from device_cloud import Job  # noqa: E402
from mps2_rig import MISSING, Mps2Device  # noqa: E402
from pki import openssl  # noqa: E402
from world import BIN  # noqa: E402

SHIFT = 5  # an instruction takes 2**5 ns: time is a count of instructions, whatever the host does meanwhile
SIZE = shutil.which("arm-none-eabi-size")


def public_point(path):
    """The 64 bytes x || y of a certificate request's key."""
    der = openssl("pkey", "-pubin", "-outform", "DER", stdin=openssl("req", "-in", path, "-noout", "-pubkey"))
    return der[-64:]


def sizes(program):
    """(text with constants, RAM) of the linked firmware, in bytes."""
    elf = BIN.parent / "mcu/bin" / (pathlib.Path(program).stem + ".elf")
    text, data, bss = map(int, subprocess.run([SIZE, elf], capture_output=True, text=True, check=True)
                          .stdout.splitlines()[1].split()[:3])
    return text + data, data + bss


@unittest.skipIf(MISSING, f"not installed: {', '.join(MISSING)}")
class Keys(Mps2Device):
    costs = {}

    def update(self, name, program):
        """Provision a device with this firmware and update it to itself; its public points and console."""
        device = self.provisioned(name, program, f"icount {SHIFT}\n")
        points = [public_point(device.path / f"csr-{kind}.pem") for kind in ("normal", "recovery")]
        device.on()
        self.wait_report(device, version="1.0.0", state="factory")
        job = self.cloud.add(Job("up-" + name, self.image("1.1.0", 2, program).read_bytes()))
        self.wait_job(job, device)
        self.assertEqual(job.status, "SUCCEEDED", (job.details, device.console()[-2000:]))
        self.wait_report(device, version="1.1.0", state="confirmed")
        console = device.console()
        device.off()
        count, *spent = map(int, re.findall(r"signatures (\d+) longest ms (\d+); link opened in ms (\d+)", console)[-1])
        self.assertGreaterEqual(count, 1, "TLS asked for no signature")
        self.costs[name] = (*sizes(program), *spent)
        return device, points

    def test_secure_element_and_software(self):
        element, element_points = self.update("element", "firmware-mps2-good.bin")
        software, software_points = self.update("software", "firmware-mps2-software-key.bin")
        for name, (text, ram, *spent) in self.costs.items():
            signature, opening = (f"{ms} ms = {ms * 1e6 / 2 ** SHIFT / 1e6:.2f} million instructions" for ms in spent)
            print(f"{name}: text {text} bytes, RAM {ram} bytes; a signature {signature} at most; SYN to SUBACK {opening}")
        print(f"the key in software costs {self.costs['software'][0] - self.costs['element'][0]} bytes of text, "
              f"{self.costs['software'][1] - self.costs['element'][1]} bytes of RAM")
        self.check_holders(element, element_points, software, software_points)

    def check_holders(self, element, element_points, software, software_points):
        """All keys differ; the element's are those that its own state holds, the software's are not."""
        points = element_points + software_points
        self.assertEqual(len(set(points)), 4)
        for device, own in ((element, element_points), (software, software_points)):
            kept = b"".join(path.read_bytes() for path in sorted((device.path / "anchor").rglob("*")) if path.is_file())
            self.assertGreater(len(kept), 0)
            held = [point for point in own if point in kept]
            self.assertEqual(len(held), 2 if device is element else 0, device.name)


if __name__ == "__main__":
    unittest.main()
