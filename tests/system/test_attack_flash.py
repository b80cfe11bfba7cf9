# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Who holds the flash chip: between two boots any byte may change, and any older content may come back.

Whatever is done, only two things may run: the image that was sealed last, or the factory image in recovery mode. And
when the flash is put right again, the device is as before.
"""
import random
import shutil
import unittest

from device_cloud import Job
from test_device import DeviceTest as _DeviceTest
from world import wait_for

SECTOR = 0x4000
JOURNAL, REQUESTS, SLOT_A, SLOT_B, FACTORY, VAULT = range(6)
# boards/linux/map.h
AREAS = {JOURNAL: (0x0, 2 * SECTOR), REQUESTS: (0x8000, SECTOR), SLOT_A: (0x200000, 0xC00000),
         SLOT_B: (0xE00000, 0xC00000), FACTORY: (0x1A00000, 0x400000), VAULT: (0x100000, 0x100000)}


class FlashTest(_DeviceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.dumps = []

    def keep(self, device):
        """Remember the whole flash as it is now."""
        path = device.path / f"dump-{len(self.dumps)}"
        shutil.copyfile(device.path / "flash.bin", path)
        self.dumps.append(path)
        return path.read_bytes()

    def put(self, device, data):
        with open(device.path / "flash.bin", "r+b") as flash:
            flash.write(data)

    def boot(self, device):
        """Switch on, and what ran first: (version, mode), or None when the boot ROM stopped."""
        start = len(device.console())
        device.on()

        def seen():
            for line in device.console()[start:].splitlines():
                if "hand-off: slot" in line:
                    words = line.split("hand-off: ")[1].split(", ")
                    return words[1].split()[1].split("+")[0], words[3]
                if "the boot ROM stopped" in line or "LED" in line:
                    return ("none", "halt")
            led = device.show().get("led_word", "")
            return ("none", led) if led.startswith("halt") else None
        try:
            return wait_for("a hand-off or a halt", seen, 20, 0.01)
        finally:
            device.off()

    def update(self, cloud, device, name, version, sequence, counter):
        """Install and wait until it is sealed; leaves the device off."""
        device.on()
        job = cloud.add(Job(name, self.image(version, sequence, counter=counter).read_bytes()))
        self.wait_job(job, device, 40)
        self.assertEqual(job.status, "SUCCEEDED", job.details)
        wait_for("sealed", lambda: device.show().get("version") == version and
                 device.show().get("state") == "sealed", 30)
        self.wait_report(cloud, version=version, state="sealed")
        device.off()

    def test_edits_between_boots(self):
        cloud = self.cloud()
        device = self.device("chip", cloud)
        first = self.keep(device)
        self.update(cloud, device, "one", "1.1.0", 2, 3)
        older = self.keep(device)
        self.update(cloud, device, "two", "1.2.0", 3, 5)
        latest = self.keep(device)
        good, recovery = ("1.2.0", "normal"), ("1.0.0", "recovery")
        # A firmware that finds no identity ends at once; before it is switched off it may have done so five times.
        homeless = (good, recovery, ("1.2.0", "safe"))
        self.assertEqual(self.boot(device), good)
        self.keep(device)

        def part(dump, *areas):
            data = bytearray(latest)
            for area in areas:
                at, size = AREAS[area]
                data[at:at + size] = dump[at:at + size]
            return data

        swapped = bytearray(latest)
        (a, size), (b, _) = AREAS[SLOT_A], AREAS[SLOT_B]
        swapped[a:a + size], swapped[b:b + size] = latest[b:b + size], latest[a:a + size]
        spliced = bytearray(latest)
        for at in range(0, size, 2 * SECTOR):
            spliced[a + at:a + at + SECTOR] = latest[b + at:b + at + SECTOR]
            spliced[b + at:b + at + SECTOR] = latest[a + at:a + at + SECTOR]
        both = bytearray(latest)
        both[0:SECTOR] = older[0:SECTOR]
        other = bytearray(latest)
        other[SECTOR:2 * SECTOR] = older[SECTOR:2 * SECTOR]
        turned = bytearray(latest)
        turned[0:SECTOR], turned[SECTOR:2 * SECTOR] = latest[SECTOR:2 * SECTOR], latest[0:SECTOR]
        cases = {"first dump": first, "older dump": older, "older journal": part(older, JOURNAL),
                 "first journal": part(first, JOURNAL), "older journal and slots": part(older, JOURNAL, SLOT_A, SLOT_B),
                 "older slots": part(older, SLOT_A, SLOT_B), "older vault": part(older, VAULT),
                 "first vault": part(first, VAULT), "older requests": part(older, REQUESTS),
                 "all but the journal": bytes(latest[:2 * SECTOR]) + older[2 * SECTOR:],
                 "slots swapped": swapped, "slots spliced": spliced, "one journal sector": both,
                 "the other journal sector": other, "journal turned": turned,
                 "no journal": part(bytes(len(latest)), JOURNAL), "no slots": part(bytes(len(latest)), SLOT_A, SLOT_B),
                 "journal of ones": part(b"\xff" * len(latest), JOURNAL),
                 "requests of ones": part(b"\xff" * len(latest), REQUESTS), "no vault": part(bytes(len(latest)), VAULT)}
        for title, data in cases.items():
            with self.subTest(title):
                self.put(device, data)
                allowed = homeless if "vault" in title else (good, recovery)
                self.assertIn(self.boot(device), allowed)
                self.assertIn(self.boot(device), allowed)
        self.put(device, part(bytes(len(latest)), FACTORY))
        self.assertEqual(self.boot(device), good, "without a factory image")

        chance = random.Random(7)
        for number in range(24):
            data = bytearray(latest)
            area = chance.choice([JOURNAL, JOURNAL, REQUESTS, SLOT_A, SLOT_B, SLOT_B, FACTORY, VAULT])
            at, size = AREAS[area]
            size = min(size, 3 * SECTOR)
            for _ in range(chance.choice([1, 1, 3, 200])):
                data[at + chance.randrange(size)] ^= 1 << chance.randrange(8)
            with self.subTest(f"flips {number} in {area}"):
                self.put(device, data)
                self.assertIn(self.boot(device), homeless if area == VAULT else (good, recovery))

        self.put(device, latest)
        self.assertEqual(self.boot(device), good, "when all is put right")

        # An older dump forces it into recovery; from there the cloud brings it back.
        self.put(device, older)
        self.assertEqual(self.boot(device), recovery)
        device.on()
        job = cloud.add(Job("back", self.image("1.3.0", 4, counter=5).read_bytes()))
        self.wait_job(job, device, 40)
        self.assertEqual(job.status, "SUCCEEDED", job.details)


def load_tests(loader, _tests, _pattern):
    """Only this file's own; the base class brings tests of its own, which run elsewhere."""
    return unittest.TestSuite([FlashTest("test_edits_between_boots")])


if __name__ == "__main__":
    unittest.main(verbosity=2)
