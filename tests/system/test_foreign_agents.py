# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Devices that run AWS's own agents: the classic library and the modular ones after it, each with its habits, over the
real gate and service. They know nothing of Daruma; the operator uses boto3."""
import base64
import json
import pathlib
import subprocess
import sys
import unittest

import bus_rig
import gate_rig

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from foreign import BLOCK_BYTES, ClassicAgent, ModularAgent, cbor, uncbor  # noqa: E402
from world import Failure, wait_for  # noqa: E402

METRICS = "?SDK=FreeRTOS&Version=10.4.3&Platform=Unknown&OTALib=OTA&Version=3.4.0"
BLOCKS = 60


class ForeignTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cloud = bus_rig.Cloud()
        cls.directory = cls.cloud.rig.directory
        cls.key, cls.public_key = cls.directory / "code.key", cls.directory / "code.pub"
        for command in (["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", cls.key],
                        ["pkey", "-in", cls.key, "-pubout", "-out", cls.public_key]):
            subprocess.run(["openssl", *command], check=True, capture_output=True)
        cls.iot, cls.s3 = cls.cloud.iot, cls.cloud.daemon.client("s3")
        cls.s3.create_bucket(Bucket="firmware")

    @classmethod
    def tearDownClass(cls):
        status = cls.cloud.close()
        assert status == 0, f"something ended with {status}"

    def tearDown(self):
        self.cloud.rig.leave()

    # ----- the operator

    def sign(self, data):
        (self.directory / "to-sign").write_bytes(data)
        return subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key, self.directory / "to-sign"], check=True,
                              capture_output=True).stdout

    @staticmethod
    def firmware(version, blocks=BLOCKS):
        """A file in nobody's format: its version on the first line, then bytes; the last block is short."""
        head = (version + "\n").encode()
        return head + bytes(i * 197 % 251 for i in range(blocks * BLOCK_BYTES - len(head) - 1000))

    def offer(self, thing, update, data, signature=None, file_type=None):
        self.s3.put_object(Bucket="firmware", Key=update, Body=data)
        file = {"fileName": "/device/firmware", "fileVersion": "1",
                "fileLocation": {"s3Location": {"bucket": "firmware", "key": update}},
                "codeSigning": {"customCodeSigning": {
                    "signature": {"inlineDocument": signature or self.sign(data)},
                    "certificateChain": {"certificateName": "/device/code.pem"},
                    "hashAlgorithm": "SHA256", "signatureAlgorithm": "ECDSA"}}}
        if file_type is not None:
            file["fileType"] = file_type
        self.iot.create_ota_update(otaUpdateId=update, targets=[gate_rig.ARN + f"thing/{thing}"], protocols=["MQTT"],
                                   roleArn="arn:aws:iam::000000000000:role/ota", files=[file])

    def tell(self, agent, update, *file, **options):
        """An offer that has reached the device before it goes on."""
        self.offer(agent.thing, update, *file, **options)
        self.wait_told(agent)

    @staticmethod
    def wait_told(agent):
        agent.client.inbox.append(agent.client.receive(match=lambda m: m.topic == agent.jobs + "/notify-next"))

    def execution(self, thing, job):
        found = self.iot.describe_job_execution(jobId=job, thingName=thing)["execution"]
        return found["status"], found["statusDetails"]["detailsMap"]

    def wait_execution(self, thing, update, status, details=None, prefix="AFR_OTA-"):
        """What a device says has reached the broker when it goes on; the store follows."""
        seen = []

        def there():
            seen[:] = self.execution(thing, prefix + update)
            return seen[0] == status and details in (None, seen[1])
        try:
            wait_for(f"{status} {details}", there)
        except Failure as error:
            raise AssertionError(f"{error}; last seen: {seen}") from None

    def device(self, kind, thing, version=(0, 9, 2), **options):
        identity, _ = self.cloud.add(thing)
        agent = kind(lambda: self.cloud.connect(identity, username=METRICS), thing, version, self.public_key, **options)
        agent.power_on()
        return agent


class Classic(ForeignTest):
    def install(self, thing, update="up", version="0.9.3"):
        """Up to the reset into the new image."""
        agent = self.device(ClassicAgent, thing)
        update = f"{thing}-{update}"
        self.tell(agent, update, self.firmware(version))
        self.assertEqual(agent.run(), "installed")
        return agent, update

    def test_success(self):
        agent, update = self.install("c-success")
        self.assertEqual(agent.requests, [list(range(i, min(i + 8, BLOCKS))) for i in range(0, BLOCKS, 8)])
        agent.power_on()
        self.assertEqual(agent.run(), "committed")
        agent.client.ping()
        self.wait_execution("c-success", update, "SUCCEEDED", {"reason": "accepted  v0.9.3", "updatedBy": "  v0.9.2"})
        self.assertEqual(agent.run(), "idle")
        job = self.iot.describe_job(jobId="AFR_OTA-" + update)["job"]
        self.assertEqual((job["status"], job["jobProcessDetails"]["numberOfSucceededThings"]), ("COMPLETED", 1))

    def test_smallest_and_largest_requests(self):
        """One block at a time, and as many as AWS sends for one request: 128 KiB."""
        blocks = 70
        for batch in (1, 32):
            with self.subTest(batch=batch):
                agent = self.device(ClassicAgent, f"c-batch-{batch}")
                agent.BATCH = batch
                self.tell(agent, agent.thing, self.firmware("0.9.3", blocks))
                self.assertEqual(agent.run(), "installed")
                self.assertEqual(agent.requests, [list(range(i, min(i + batch, blocks))) for i in range(0, blocks, batch)])
                agent.power_on()
                self.assertEqual(agent.run(), "committed")
                self.wait_execution(agent.thing, agent.thing, "SUCCEEDED",
                                    {"reason": "accepted  v0.9.3", "updatedBy": "  v0.9.2"})

    def test_what_it_said_of_its_self_test_comes_back_as_it_was(self):
        agent, update = self.install("c-details")
        agent.power_on()
        execution = agent.next_job()
        self.assertEqual((execution["status"], execution["statusDetails"]),
                         ("IN_PROGRESS", {"self_test": "ready", "updatedBy": "0x00090002"}))
        self.assertNotIn("receive", execution["statusDetails"])  # replaced, not merged

    def test_the_same_version_goes_back(self):
        agent, update = self.install("c-same", version="0.9.2")
        agent.power_on()
        self.assertEqual((agent.run(), agent.version), ("rejected", (0, 9, 2)))
        self.wait_execution("c-same", update, "FAILED", {"reason": "rejected: 0x00000010"})

    def test_a_lower_version_goes_back(self):
        agent, update = self.install("c-lower", version="0.9.1")
        agent.power_on()
        self.assertEqual((agent.run(), agent.version), ("rejected", (0, 9, 2)))
        self.wait_execution("c-lower", update, "FAILED", {"reason": "rejected: 0x0000000f"})

    def test_a_bad_signature(self):
        agent = self.device(ClassicAgent, "c-signature")
        self.tell(agent, "c-signature-up", self.firmware("0.9.3"), self.sign(b"something else"))
        self.assertEqual((agent.run(), agent.version), ("failed", (0, 9, 2)))
        self.wait_execution("c-signature", "c-signature-up", "FAILED", {"reason": "0x000000e3: 0x00000000"})
        self.assertEqual(agent.run(), "idle")

    def test_a_lost_block_is_asked_for_again(self):
        agent = self.device(ClassicAgent, "c-lost")
        agent.lose = {5, 17, BLOCKS - 1}
        self.tell(agent, "c-lost-up", self.firmware("0.9.3"))
        self.assertEqual(agent.run(), "installed")
        asked = [index for request in agent.requests for index in request]
        self.assertEqual(sorted(asked), sorted([*range(BLOCKS), 5, 17, BLOCKS - 1]))

    def test_cancelled_in_mid_download(self):
        agent = self.device(ClassicAgent, "c-cancel")
        agent.stop_after = 20
        agent.block_hook = lambda: self.iot.cancel_job(jobId="AFR_OTA-c-cancel-up", force=True)
        self.tell(agent, "c-cancel-up", self.firmware("0.9.3"))
        self.assertEqual(agent.run(), "cancelled")
        self.wait_execution("c-cancel", "c-cancel-up", "CANCELED")
        self.tell(agent, "c-cancel-again", self.firmware("0.9.4"))
        self.assertEqual(agent.run(), "installed")
        agent.power_on()
        self.assertEqual((agent.run(), agent.version), ("committed", (0, 9, 4)))

    def test_progress_starts_it_and_nothing_disturbs_the_download(self):
        """The first progress message moves QUEUED to IN_PROGRESS, at QoS 0; a second update queued behind the first
        must not make itself heard on notify-next (run() ends with Odd if it does)."""
        agent = self.device(ClassicAgent, "c-busy")
        self.tell(agent, "c-busy-1", self.firmware("0.9.3"))
        agent.stop_after = 30
        agent.block_hook = lambda: self.offer("c-busy", "c-busy-2", self.firmware("0.9.4"))
        self.assertEqual(agent.run(), "installed")
        self.wait_execution("c-busy", "c-busy-1", "IN_PROGRESS")
        self.wait_execution("c-busy", "c-busy-2", "QUEUED")
        agent.power_on()
        self.assertEqual(agent.run(), "committed")
        self.wait_told(agent)  # now it is the head
        self.assertEqual(agent.run(), "installed")
        agent.power_on()
        self.assertEqual((agent.run(), agent.version), ("committed", (0, 9, 4)))

    def test_power_lost_in_mid_download(self):
        """It has forgotten everything and starts again at block 0; the execution is the same one."""
        agent = self.device(ClassicAgent, "c-power")
        self.tell(agent, "c-power-up", self.firmware("0.9.3"))

        class Off(Exception):
            pass

        def cut():
            agent.power_off()
            raise Off
        agent.stop_after, agent.block_hook = 33, cut
        with self.assertRaises(Off):
            agent.run()
        agent.power_on()
        self.assertEqual(agent.run(), "installed")
        agent.power_on()
        self.assertEqual(agent.run(), "committed")

    def test_cancelled_between_ready_and_the_reset(self):
        """Then there is no job for the new image, and it goes back."""
        agent, update = self.install("c-gone")
        self.iot.cancel_job(jobId="AFR_OTA-" + update, force=True)
        agent.power_on()
        self.assertEqual((agent.run(), agent.version), ("reverted", (0, 9, 2)))

    def test_updates_without_a_job_id(self):
        """What it sends after a block it could not take: answered or not, the connection stays."""
        agent = self.device(ClassicAgent, "c-empty")
        for _ in range(7):
            agent.publish(agent.jobs + "//update", {"status": "FAILED", "statusDetails": {"reason": "0x000000e0: 0x0"}}, 1)
        self.assertEqual(agent.run(), "idle")

    def test_a_document_of_another_kind(self):
        """An operator's own job: the agent refuses it in its words."""
        agent = self.device(ClassicAgent, "c-custom")
        self.iot.create_job(jobId="c-custom-job", targets=[gate_rig.ARN + "thing/c-custom"],
                            document=json.dumps({"operation": "reboot"}))
        self.wait_told(agent)
        self.assertEqual(agent.run(), "failed")
        self.wait_execution("c-custom", "c-custom-job", "FAILED", {"reason": "0x0000000c: 0x00000004"}, prefix="")

    def test_a_data_file(self):
        """fileType other than 0: reported done as soon as its signature holds, without a reset."""
        agent = self.device(ClassicAgent, "c-data")
        self.tell(agent, "c-data-up", self.firmware("data", 3), file_type=2)
        self.assertEqual(agent.run(), "committed")
        self.wait_execution("c-data", "c-data-up", "SUCCEEDED", {"reason": "accepted  v0.0.2"})


class Modular(ForeignTest):
    def both(self, name):
        """The same with either dialect of streams: (agent, thing)."""
        for dialect in ("cbor", "json"):
            with self.subTest(dialect):
                thing = f"m-{name}-{dialect}"
                yield self.device(ModularAgent, thing, dialect=dialect), thing

    def test_success(self):
        for agent, thing in self.both("success"):
            self.offer(thing, thing, self.firmware("1.1.0"))
            end, answer = agent.run()
            self.assertEqual((end, answer["clientToken"]), ("committed", "end"))
            self.assertEqual(agent.requests, [[i] for i in range(BLOCKS)])
            self.wait_execution(thing, thing, "SUCCEEDED")
            self.assertEqual(agent.run(), ("idle", None))

    def test_a_bad_signature(self):
        for agent, thing in self.both("signature"):
            self.offer(thing, thing, self.firmware("1.1.0", 5), self.sign(b"something else"))
            self.assertEqual(agent.run()[0], "failed")
            self.wait_execution(thing, thing, "FAILED")

    def test_a_lost_block(self):
        for agent, thing in self.both("lost"):
            agent.lose = {2, 4}
            self.offer(thing, thing, self.firmware("1.1.0", 5))
            self.assertEqual(agent.run()[0], "committed")
            self.assertEqual(agent.requests, [[0], [1], [2], [2], [3], [4], [4]])

    def test_cancelled_in_mid_download(self):
        """It hears nothing of it, downloads on, and is told at the end."""
        for agent, thing in self.both("cancel"):
            self.offer(thing, thing, self.firmware("1.1.0", 6))
            agent.stop_after = 3
            agent.block_hook = lambda thing=thing: self.iot.cancel_job(jobId="AFR_OTA-" + thing, force=True)
            end, answer = agent.run()
            self.assertEqual((answer["code"], answer["executionState"]["status"]), ("InvalidStateTransition", "CANCELED"))
            self.wait_execution(thing, thing, "CANCELED")

    def test_the_expected_version(self):
        """A text or a number; another one than the execution's is refused with what it is."""
        agent = self.device(ModularAgent, "m-version")
        self.offer("m-version", "m-version", self.firmware("1.1.0", 2))
        job = agent.start()["jobId"]
        answer = agent.finish(job, "SUCCEEDED", "1")
        self.assertEqual((answer["code"], answer["executionState"]["versionNumber"]), ("VersionMismatch", 2))
        self.assertEqual(agent.start()["versionNumber"], 2)  # under way already: no step
        self.assertNotIn("code", agent.finish(job, "SUCCEEDED", 2))

    def test_the_dummy_bitmap_is_taken_literally(self):
        """With n above 1 its four characters select blocks 0, 2, 3, 6 and so on from the offset."""
        agent = self.device(ModularAgent, "m-literal")
        self.offer("m-literal", "m-literal", self.firmware("1.1.0", 12))
        file = agent.start()["jobDocument"]["afr_ota"]
        topic = f"$aws/things/m-literal/streams/{file['streamname']}"
        agent.client.subscribe(topic + "/data/cbor", 0)
        agent.client.publish(topic + "/get/cbor", cbor({"c": "rdy", "f": 0, "l": BLOCK_BYTES, "o": 1, "b": b"MQ==",
                                                        "n": 4}), 0)
        got = [uncbor(agent.client.receive().payload)["i"] for _ in range(4)]
        self.assertEqual(got, [1, 3, 4, 7])

    def test_a_stream_described(self):
        for agent, thing in self.both("describe"):
            data = self.firmware("1.1.0", 2)
            self.offer(thing, thing, data)
            topic = f"$aws/things/{thing}/streams/{agent.start()['jobDocument']['afr_ota']['streamname']}"
            for end in ("description", "rejected"):
                agent.client.subscribe(f"{topic}/{end}/{agent.dialect}", 0)
            agent.client.publish(f"{topic}/describe/{agent.dialect}", b"", 0)
            raw = agent.client.receive().payload
            if agent.dialect == "cbor":
                self.assertIn(b"\x61s\x01", raw)
            else:
                self.assertEqual(json.loads(raw), {"s": 1, "r": [{"f": 0, "z": len(data)}]})
            # and a refusal carries both spellings
            agent.client.publish(f"{topic}/get/{agent.dialect}",
                                 cbor({"f": 7, "l": 4096}) if agent.dialect == "cbor" else b'{"f":7,"l":4096}', 0)
            raw = agent.client.receive().payload
            body = uncbor(raw) if agent.dialect == "cbor" else json.loads(raw)
            self.assertEqual((body["code"], body["o"]), ("ResourceNotFound", "ResourceNotFound"))
            self.assertEqual(body["m"], body["message"])


class Signing(ForeignTest):
    def test_a_signature_is_passed_on_as_it_came(self):
        data = self.firmware("1.1.0", 2)
        signature = self.sign(data)
        agent = self.device(ModularAgent, "s-verbatim")
        self.offer("s-verbatim", "s-verbatim", data, signature)
        file = agent.start()["jobDocument"]["afr_ota"]["files"][0]
        self.assertEqual(base64.b64decode(file["sig-sha256-ecdsa"]), signature)
        self.assertEqual((file["filepath"], file["certfile"]), ("/device/firmware", "/device/code.pem"))


if __name__ == "__main__":
    unittest.main()
