# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The reference firmware on the Linux board against a cloud of one page (device_cloud.py): provisioning, a whole
update, refusals, power cuts, hostile servers. What the real cloud does with it is tested elsewhere."""
import struct
import sys
import pathlib
import re
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from device_cloud import Cloud, Job  # noqa: E402
from pki import Authority, openssl  # noqa: E402
from world import Device, World, wait_for  # noqa: E402

LIMITS = "5,20,1,3"  # hang, health, soak, seal
DIVISOR = 10


def bundle(thing, port, ca, normal, recovery, host="localhost"):
    """boards/linux/bundle.h"""
    out = b"DRBUNDL1"
    for kind, data in ((1, thing.encode()), (2, host.encode()), (3, struct.pack("<H", port)), (4, ca), (5, normal),
                       (6, recovery)):
        out += struct.pack("<BI", kind, len(data)) + data
    return out


class DeviceTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.pki = Authority(cls.world.dir / "pki")
        cls.addClassCleanup(cls.world.close)

    def cloud(self, *words, **fields):
        cloud = Cloud(*(words or (self.pki,)), **fields)
        self.addCleanup(cloud.close)
        return cloud

    def image(self, version, sequence, program="firmware-good", **fields):
        return self.world.image(program, version, sequence=sequence, **{"limits": LIMITS, **fields})

    def device(self, name, cloud, **factory):
        """A provisioned device, switched off."""
        device = Device(self.world, name)
        self.addCleanup(device.off)
        device.path = self.world.dir / "devices" / name
        device.create(self.image("1.0.0", 1, **factory), "--offline", "--time-divisor", DIVISOR)
        device.on()
        self.provision(device, cloud)
        device.off()
        wait_for("gone", lambda: not cloud.connections, 10)
        cloud.reports.clear()
        return device

    def provision(self, device, cloud):
        for kind in ("normal", "recovery"):
            csr = device.path / f"csr-{kind}.pem"
            wait_for(f"request {kind}", csr.exists, 10)
            self.pki.sign(csr, "extendedKeyUsage=clientAuth\n", out=f"{device.name}-{kind}.pem")
        read = lambda kind: (self.pki.dir / f"{device.name}-{kind}.pem").read_bytes()
        part = device.path / "bundle.part"
        part.write_bytes(bundle(device.name, cloud.port, self.pki.ca.read_bytes(), read("normal"), read("recovery")))
        part.rename(device.path / "bundle.bin")
        wait_for("provisioned", (device.path / "provisioned").exists, 10)

    def wait_report(self, cloud, timeout_s=20, **fields):
        def found():
            return next((report for report in reversed(cloud.reports)
                         if all(report.get(name) == value for name, value in fields.items())), None)
        try:
            return wait_for(f"report with {fields}", found, timeout_s)
        except Exception:
            print(cloud.reports[-3:], cloud.updates[-3:])
            raise

    def wait_job(self, job, device, timeout_s=30):
        try:
            wait_for(f"{job.id} done", lambda: job.done, timeout_s)
        except Exception:
            print(device.console()[-4000:])
            raise

    # ----- the tests

    def test_update_to_sealed(self):
        cloud = self.cloud()
        device = self.device("updates", cloud)
        device.on()
        first = self.wait_report(cloud, state="factory", mode="normal", slot="factory")
        self.assertEqual(first["version"], "1.0.0")
        self.assertEqual(cloud.names[-1], "updates")
        image = self.image("1.1.0", 2, counter=5, pad_to=1 << 20)
        job = cloud.add(Job("up-1", image.read_bytes()))
        self.wait_job(job, device)
        self.assertEqual(job.status, "SUCCEEDED", (job.details, device.console()[-2000:]))
        self.wait_report(cloud, state="confirmed", version="1.1.0", slot="A")
        sealed = self.wait_report(cloud, state="sealed", version="1.1.0", slot="A")
        self.assertEqual(sealed["counters"]["security"], 5)
        before = [report for report in cloud.reports if report["state"] in ("candidate", "confirmed")]
        self.assertTrue(before and all(report["counters"]["security"] == 0 for report in before))
        self.assertIn("seal", [note["reason"] for report in cloud.reports for note in report.get("notes", [])])
        handshake = [body.get("statusDetails", {}).get("self_test") for _, body in cloud.updates]
        self.assertEqual([word for word in handshake if word], sorted(filter(None, handshake), key=[
            "ready", "active", "accepted"].index))
        wait_for("telemetry", lambda: any(body["version"] == "1.1.0" for _, body in cloud.telemetry), 15)

        # And again, into the other slot; then the first image once more: older now.
        job = cloud.add(Job("up-2", self.image("1.2.0", 3, counter=5).read_bytes()))
        self.wait_job(job, device)
        self.assertEqual(job.status, "SUCCEEDED")
        self.wait_report(cloud, state="sealed", version="1.2.0", slot="B")
        job = cloud.add(Job("up-3", image.read_bytes()))
        self.wait_job(job, device)
        self.assertEqual((job.status, job.details["reason"]), ("FAILED", "order_not_above"))

    def test_refusals_before_download(self):
        cloud = self.cloud()
        device = self.device("refuses", cloud)
        device.on()
        good = self.image("1.1.0", 2, pad_to=1 << 19).read_bytes()
        altered = bytearray(good)
        altered[len(good) // 2] ^= 1
        digest_off = bytearray(good)
        digest_off[100] ^= 1
        cases = [
            ("key", self.image("1.1.0", 2, key="other").read_bytes(), "image_key", 3),
            ("product", self.image("1.1.0", 2, product="other-lock").read_bytes(), "wrong_product", 3),
            ("counter", self.image("1.1.0", 2, counter=0xF0000000, ).read_bytes(), "counter_ceiling", 3),
            ("limits", self.image("1.1.0", 2, limits="3600,3600,1,3").read_bytes(), "limits_out_of_bounds", 3),
            ("cut", good[:-40], "image_truncated", 3),
            ("more", good + b"x" * 40, "image_trailing_bytes", 3),
            ("altered", bytes(altered), "flash_or_source", None),
        ]
        for name, image, reason, blocks in cases:
            with self.subTest(name):
                before = cloud.blocks
                job = cloud.add(Job("bad-" + name, image))
                self.wait_job(job, device)
                self.assertEqual((job.status, job.details.get("reason")), ("FAILED", reason))
                if blocks:
                    self.assertLessEqual(cloud.blocks - before, blocks)
        self.assertEqual(self.wait_report(cloud, version="1.0.0")["state"], "factory")
        huge = Job("bad-size", b"x")
        huge.document["afr_ota"]["files"][0]["filesize"] = 20 << 20
        before = cloud.blocks
        self.wait_job(cloud.add(huge), device)
        self.assertEqual((huge.status, huge.details["reason"]), ("REJECTED", "too_large"))
        self.assertEqual(cloud.blocks, before)

    def test_bad_candidates_revert(self):
        cloud = self.cloud()
        device = self.device("reverts", cloud)
        device.on()
        image = self.image("1.3.0", 3, "firmware-selftest").read_bytes()
        job = cloud.add(Job("selftest", image))
        self.wait_job(job, device)
        self.assertEqual((job.status, job.details["reason"], job.details["detail"]),
                         ("FAILED", "self_test", "sensor-missing"))
        before = cloud.blocks
        again = cloud.add(Job("selftest-again", image))
        self.wait_job(again, device)
        self.assertEqual((again.status, again.details["reason"]), ("FAILED", "rejected_before"))
        self.assertLessEqual(cloud.blocks - before, 3)

        job = cloud.add(Job("hang", self.image("1.2.0", 2, "firmware-hang", limits="2,20,4,3").read_bytes()))
        self.wait_job(job, device, 60)
        self.assertEqual((job.status, job.details["reason"], job.details["tries"]), ("FAILED", "hang", "3"),
                         device.console()[-3000:])
        self.wait_report(cloud, version="1.0.0", state="factory", lastReason="hang")
        wait_for("where it hung", lambda: [
            note for report in cloud.reports for note in report["notes"] if note["reason"] == "hang"
            and re.fullmatch(r"pc(?!0{8})[0-9a-f]{8} lr[0-9a-f]{8} s[0-9a-f]{8}", note["detail"])], 20)

    def test_power_cut_resumes(self):
        cloud = self.cloud()
        device = self.device("cuts", cloud)
        device.on()
        self.wait_report(cloud, version="1.0.0")
        cloud.block_delay_s = 0.01
        image = self.image("1.1.0", 2, pad_to=2 << 20).read_bytes()
        total = (len(image) + 16383) // 16384
        job = cloud.add(Job("cut", image))
        wait_for("40 %", lambda: cloud.blocks >= 3 + total * 2 // 5, 30)
        device.verb("power-cut")
        wait_for("off", lambda: not cloud.connections, 10)
        fetched = cloud.blocks
        cloud.block_delay_s = 0
        device.on()
        self.wait_job(job, device, 40)
        self.assertEqual(job.status, "SUCCEEDED", job.details)
        # What was in flight or not yet marked is fetched again, the rest is not.
        self.assertLess(cloud.blocks - fetched, total - total * 2 // 5 + 3 + 8 + 20)

    def test_connection_lost_in_download(self):
        cloud = self.cloud()
        device = self.device("loses", cloud)
        device.on()
        self.wait_report(cloud, version="1.0.0")
        cloud.block_delay_s = 0.01
        image = self.image("1.1.0", 2, pad_to=1 << 20).read_bytes()
        total = (len(image) + 16383) // 16384
        job = cloud.add(Job("lost", image))
        for share in (4, 2):
            wait_for("some blocks", lambda: cloud.blocks >= total // share, 30)
            cloud.drop_connections()
        cloud.block_delay_s = 0
        self.wait_job(job, device, 40)
        self.assertEqual(job.status, "SUCCEEDED", job.details)
        self.assertGreaterEqual(cloud.connects, 3)
        self.assertLess(cloud.blocks, total + 3 + 2 * 20)

    def test_lost_answers_heal(self):
        cloud = self.cloud()
        device = self.device("heals", cloud)
        lost = {"count": 0}

        def drop(topic):
            """The first two of everything go unanswered."""
            lost.setdefault(topic, 0)
            lost[topic] += 1
            return lost[topic] <= 2
        cloud.drop = drop
        device.on()
        job = cloud.add(Job("healed", self.image("1.1.0", 2, limits="5,60,1,3").read_bytes()))
        self.wait_job(job, device, 80)
        self.assertEqual(job.status, "SUCCEEDED", job.details)

    def test_hostile_servers(self):
        cloud = self.cloud()
        device = self.device("wary", cloud)
        rogue_pki = Authority(self.world.dir / "rogue", "test root")
        cases = [("tls_untrusted_issuer", self.cloud(rogue_pki)),
                 ("tls_wrong_name", self.cloud(self.pki, names="DNS:elsewhere")),
                 ("tls_expired", self.cloud(self.pki, days=-1))]
        for reason, server in cases:
            with self.subTest(reason):
                self.redirect(device, server.port)
                device.on()
                wait_for("a refused handshake", lambda: server.handshake_failures > 0 or server.connects > 0, 15)
                wait_for("its reason", lambda: reason in device.console(), 5)
                self.assertEqual(server.connects, 0)
                device.off()
        self.redirect(device, None)
        device.on()
        wait_for("the notes", lambda: {reason for reason, _ in cases} <= {
            note["reason"] for report in cloud.reports for note in report.get("notes", [])}, 20)

    def redirect(self, device, port):
        """The network in front of the device lies about its names."""
        path = device.path / "net.conf"
        if port is None:
            path.unlink()
        else:
            path.write_text(f"localhost 127.0.0.1:{port}\n")

    def install(self, cloud, device, job_id, image):
        """Offer an image and wait until the device is about to restart into it."""
        job = cloud.add(Job(job_id, image))
        wait_for("ready", lambda: any(body.get("statusDetails", {}).get("self_test") == "ready"
                                      for name, body in cloud.updates if name == job_id), 20, 0.002)
        return job

    def test_candidate_without_network(self):
        """Only the cloud is missing: reverted at the health deadline, and never held against the image for good."""
        cloud = self.cloud()
        device = self.device("alone", cloud)
        device.on()
        self.wait_report(cloud, version="1.0.0")
        image = self.image("1.1.0", 2, limits="5,4,1,3").read_bytes()
        self.redirect(device, 1)  # already connected; the next boot finds nobody
        job = self.install(cloud, device, "alone-1", image)
        wait_for("reverted", lambda: "not healthy in time: no_cloud" in device.console(), 20)
        # Refused connections are noticed at once: it tried more than once in its four seconds.
        self.assertGreater(device.console().count("disconnected: network"), 1)
        self.redirect(device, None)
        self.wait_job(job, device)
        self.assertEqual((job.status, job.details["reason"]), ("FAILED", "no_cloud"))
        self.wait_report(cloud, version="1.0.0", lastReason="no_cloud")
        again = cloud.add(Job("alone-2", image))
        wait_for("it says that it waits", lambda: any(
            note["reason"] == "waiting_after_failure" for report in cloud.reports
            for note in report.get("notes", [])), 20)
        self.assertFalse(again.done)

    def test_canceled_on_trial(self):
        cloud = self.cloud()
        device = self.device("canceled", cloud)
        device.on()
        job = self.install(cloud, device, "cancel-1", self.image("1.1.0", 2, limits="5,60,30,3").read_bytes())
        cloud.cancel(job)
        self.wait_report(cloud, version="1.0.0", lastReason="canceled")

    def test_next_job_waits_for_the_seal(self):
        cloud = self.cloud()
        device = self.device("patient", cloud)
        device.on()
        first = cloud.add(Job("patient-1", self.image("1.1.0", 2, limits="5,60,1,5").read_bytes()))
        second = cloud.add(Job("patient-2", self.image("1.2.0", 3).read_bytes()))
        self.wait_job(first, device)
        wait_for("it says why it waits", lambda: any(
            note["reason"] == "unsealed" for report in cloud.reports for note in report.get("notes", [])), 10)
        self.assertEqual(second.status, "QUEUED")
        self.wait_job(second, device)
        self.assertEqual((first.status, second.status), ("SUCCEEDED", "SUCCEEDED"))
        states = [(report["version"], report["state"]) for report in cloud.reports]
        self.assertLess(states.index(("1.1.0", "sealed")), states.index(("1.2.0", "candidate")))

    def test_provisioning_resumes(self):
        cloud = self.cloud()
        device = Device(self.world, "resumes")
        self.addCleanup(device.off)
        device.path = self.world.dir / "devices" / "resumes"
        device.create(self.image("1.0.0", 1), "--offline", "--time-divisor", DIVISOR)
        device.on()
        wait_for("requests", (device.path / "csr-recovery.pem").exists, 10)
        first = (device.path / "csr-normal.pem").read_text()
        device.verb("power-cut")
        device.on()
        self.provision(device, cloud)
        self.assertEqual(openssl_key(first), openssl_key((device.path / "csr-normal.pem").read_text()))
        device.off()
        device.on()
        self.wait_report(cloud, version="1.0.0", mode="normal")


def openssl_key(csr):
    return openssl("req", "-noout", "-pubkey", stdin=csr.encode())


if __name__ == "__main__":
    unittest.main(verbosity=2)
