# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A cloud that lies: it has the right certificate and says whatever it likes. The device must not reset because of it,
run anything it should not, or be unable to take a true update afterwards."""
import json
import random
import struct
import time
import unittest

from device_cloud import Cloud, Job, cbor_block, cbor_head
from test_device import DeviceTest as _DeviceTest
from world import wait_for


class Liar(Cloud):
    """`before(connection, topic, payload)` may answer in the true cloud's place: True means that it did."""
    before = None

    def heard(self, connection, topic, payload):
        if self.before is None or not self.before(connection, topic, payload):
            super().heard(connection, topic, payload)

    def push(self, rest, payload):
        """To the device, on one of its own topics."""
        for connection in list(self.connections):
            connection.publish(connection.prefix + rest, payload if isinstance(payload, bytes) else
                               json.dumps(payload).encode())


class CloudTest(_DeviceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.liar = Liar(cls.pki)
        cls.addClassCleanup(cls.liar.close)
        cls.numbers = iter(range(2, 1000))

    def setUp(self):
        self.liar.before = None
        self.liar.jobs.clear()

    def made(self, name):
        device = self.device(name, self.liar)
        device.on()
        self.wait_report(self.liar, version="1.0.0")
        return device

    def boots(self, device):
        return device.console().count("hand-off: slot")

    def still_well(self, device, boots):
        """It did not reset, it still answers, and a true update comes through."""
        self.liar.before = None
        # Jobs that were never ours may be held by the device as something to settle: all are unknown here.
        number = next(self.numbers)
        self.assertEqual(self.boots(device), boots, device.console()[-3000:])
        job = self.liar.add(Job(f"true-{number}", self.image(f"1.{number}.0", number).read_bytes()))
        self.wait_job(job, device, 60)
        self.assertEqual(job.status, "SUCCEEDED", job.details)
        wait_for("sealed", lambda: device.show().get("version") == f"1.{number}.0" and
                 device.show().get("state") == "sealed", 20)

    def offer(self, execution):
        self.liar.push("jobs/notify-next", {"timestamp": int(time.time()), "execution": execution})

    def test_job_documents(self):
        device = self.made("documents")
        boots = self.boots(device)
        image = self.image("1.1.0", 900).read_bytes()
        good = Job("lie", image).describe()

        def lie(**changes):
            return {**json.loads(json.dumps(good)), **changes}

        def file(**changes):
            document = json.loads(json.dumps(good["jobDocument"]))
            document["afr_ota"]["files"][0].update(changes)
            return lie(jobDocument=document)

        def afr(**changes):
            document = json.loads(json.dumps(good["jobDocument"]))
            document["afr_ota"].update(changes)
            return lie(jobDocument=document)
        lies = [file(filesize=size) for size in (0, 1, 31, 600, -1, 4294967295, 4294967296, 1 << 63, 1e300, "12", None, [])]
        lies += [file(fileid=value) for value in (255, 256, -1, 1 << 40, "0", None)]
        lies += [afr(streamname=name) for name in ("", "../x", "a/b", "+", "#", "a" * 129, "a" * 5000, "é", "\u0000", 5, None)]
        lies += [afr(files=value) for value in ([], [{}], {}, [{}] * 200, None, "x")]
        lies += [afr(protocols=value) for value in ([], ["HTTP"], ["MQTT"] * 500, "MQTT", None)]
        lies += [lie(jobId=name) for name in ("", "a/b", "#", "+", "$next", "get", "x" * 65, "x" * 3000, "é", 7, None)]
        lies += [lie(executionNumber=value) for value in (0, -1, 4294967295, 4294967296, 1 << 64, 1.5, "1")]
        lies += [lie(versionNumber=value) for value in (0, -1, 4294967295, 1 << 32, 1 << 64, "1", None)]
        lies += [lie(status=value) for value in ("SUCCEEDED", "CANCELED", "REMOVED", "TIMED_OUT", "", "X" * 400, 3, None)]
        lies += [lie(statusDetails=value) for value in ({"self_test": "active", "updatedBy": "0x01000000"}, {"self_test": 1},
                                                        [], "x", {"a" * 128: "b" * 1024})]
        lies += [lie(jobDocument=value) for value in ({}, [], None, "x", {"afr_ota": None}, {"afr_ota": []}, {"daruma": {}})]
        lies += [lie(jobDocument={**good["jobDocument"], "daruma": value}) for value in
                 ({"digest": "00" * 32}, {"digest": "zz"}, {"version": "9" * 300}, {"sequence": -1}, {"counter": 1 << 40},
                  {"product": "other"}, {"size": 1}, [], {"action": "factory"}, {"action": "revert", "signature": "AAAA"})]
        lies += [lie(jobDocument={**good["jobDocument"], "pad": "x" * 60000}), {}, None, [], "x", 5]
        for value in lies:  # unasked
            self.offer(value)
            self.liar.push("jobs/$next/get/accepted", {"timestamp": 1, "execution": value})
        untold = list(lies)

        def before(connection, topic, payload):
            # The stream never answers: what looks right is abandoned when the next lie comes.
            if topic.endswith("$next/get") and untold:
                connection.answer(topic + "/accepted", json.loads(payload), {"execution": untold.pop()})
                connection.answer(topic + "/accepted", json.loads(payload), {})  # settles a lie that cannot be read
                self.liar.push("jobs/notify-next", {"timestamp": 1})
                return True
            return "/streams/" in topic
        self.liar.before = before
        self.liar.push("jobs/notify-next", {"timestamp": 1})
        wait_for("every lie was asked for", lambda: not untold, 60)
        raw = [b"", b"{", b"null", b"[" * 5000, b'{"a":' * 3000, b"\xff" * 100, b'{"execution":{"jobId":"\\ud800"}}',
               b'{"execution":' + json.dumps(good).encode()[:-1], b"{}" * 100, b"\0" * 3000, b" " * 60000 + b"{}"]
        for value in raw:
            self.liar.push("jobs/notify-next", value)
            self.liar.push("jobs/$next/get/accepted", value)
            self.liar.push("jobs/$next/get/rejected", value)
            self.liar.push("jobs/lie/update/accepted", value)
            self.liar.push("jobs/lie/update/rejected", value)
            self.liar.push("daruma/report/accepted", value)
            self.liar.push("streams/stream-lie/data/cbor", value)
        self.liar.push("jobs/notify-next", {"timestamp": 1})
        self.still_well(device, boots)

    def test_blocks(self):
        """Each request for blocks brings everything but what was asked for; then the truth."""
        device = self.made("blocks")
        boots = self.boots(device)
        number = next(self.numbers)
        job = Job(f"blocks-{number}", self.image(f"1.{number}.0", number).read_bytes())
        chance = random.Random(5)
        asked = []

        def lies(request):
            size, file = request["l"], request["f"]
            for index in (0, 1, len(job.image) // size, len(job.image) // size + 1, 0x7fffffff, 0xffffffff):
                for length in (0, 1, size - 1, size + 1, size, 2 * size, 60000):
                    yield cbor_block(file, index, chance.randbytes(length) if length != size else b"\xa5" * (size - 3))
            yield cbor_block(file ^ 1, 0, job.image[:size])
            yield cbor_block(file, 0xffffffff, job.image[:size])
            head = b"\xa4\x61f" + cbor_head(0, file) + b"\x61i\x00\x61l" + cbor_head(0, size)
            yield head + b"\x61p\x5a\xff\xff\xff\xff" + b"x" * size
            yield head + b"\x61p\x5b\xff\xff\xff\xff\xff\xff\xff\xff"
            yield head + b"\x61p\x5f" + b"x" * 100
            yield b"\xbf" + b"\x61f\x00" * 300
            yield b"\x9f" * 4000
            yield b"\xa1\x61i\x3a\xff\xff\xff\xff"
            yield b"\xa4\x61f\x00\x61i\x1b\x00\x00\x00\x01\x00\x00\x00\x00\x61l\x19\x10\x00\x61p\x40"

        def before(connection, topic, payload):
            if "/streams/" in topic and len(asked) < 6:
                from device_cloud import cbor_decode
                request = cbor_decode(payload)[0]
                asked.append(request)
                for lie in lies(request):
                    connection.publish(f"{connection.prefix}streams/{job.document['afr_ota']['streamname']}/data/cbor", lie)
                    connection.publish(f"{connection.prefix}streams/another/data/cbor", lie)
                    connection.publish(f"{connection.prefix}streams/another/rejected/cbor", b"\xa1\x61o\x61x")
            return False
        self.liar.before = before
        self.liar.add(job)
        self.wait_job(job, device, 90)
        self.assertGreaterEqual(len(asked), 1)
        self.assertEqual(self.boots(device), boots + (1 if job.status == "SUCCEEDED" else 0))
        wait_for("a job's end is settled", lambda: device.show().get("state") == "sealed" or job.status != "SUCCEEDED", 20)
        self.still_well(device, self.boots(device))

    def test_verdicts_for_others(self):
        """accepted and rejected that nobody asked for, before, during and after a true update."""
        device = self.made("verdicts")
        boots = self.boots(device)
        number = next(self.numbers)
        job = Job(f"verdicts-{number}", self.image(f"1.{number}.0", number).read_bytes())

        def noise(about):
            for name in about:
                for token in ("", "0", "x" * 64, "00000001"):
                    self.liar.push(f"jobs/{name}/update/accepted", {"clientToken": token, "timestamp": 1})
                    for code in ("InvalidStateTransition", "TerminalStateReached", "ResourceNotFound", "VersionMismatch",
                                 "InvalidRequest", "RequestThrottled", "x" * 300):
                        self.liar.push(f"jobs/{name}/update/rejected", {
                            "clientToken": token, "timestamp": 1, "code": code, "message": "no",
                            "executionState": {"status": "CANCELED", "versionNumber": 4294967295}})
            for stamp in (0, -1, 1, 1 << 31, 1 << 32, 1 << 53, 1 << 63, 1 << 64, 1e19, "x", None):
                self.liar.push("daruma/report/accepted", {"clientToken": "x", "timestamp": stamp})
                self.liar.push("jobs/$next/get/accepted", {"clientToken": "x", "timestamp": stamp})
            self.liar.push("jobs/$next/get/accepted", {"timestamp": 1})
            self.liar.push("jobs/$next/get/accepted", {"clientToken": "p00000000", "timestamp": 1})

        questions = []

        def before(_connection, topic, _payload):
            # At every word but the question: that there is no job, that others are gone. It may ask each time, at a pace.
            # (That its own is cancelled it believes: a service that says so keeps the update away, as by saying nothing.)
            if topic.endswith("$next/get"):
                questions.append(time.monotonic())
            else:
                noise(("another", "x" * 64, "blocks"))
                self.liar.push("jobs/notify-next", {"timestamp": 1})
            return False
        noise((job.id, "another"))
        self.liar.before = before
        self.liar.add(job)
        self.wait_job(job, device, 60)
        self.assertEqual(job.status, "SUCCEEDED", job.details)
        for first, eleventh in zip(questions, questions[10:]):
            self.assertGreater(eleventh - first, 0.5)
        # After the end nothing that is said about the job changes the slot.
        for status in ("CANCELED", "REMOVED", "TIMED_OUT", "FAILED", "IN_PROGRESS", "QUEUED"):
            self.offer({**job.describe(), "status": status, "versionNumber": 77})
            self.liar.push(f"jobs/{job.id}/get/accepted", {"timestamp": 1, "execution": {**job.describe(), "status": status}})
        noise((job.id, "another"))
        wait_for("sealed", lambda: device.show().get("state") == "sealed" and
                 device.show().get("version") == f"1.{number}.0", 20)
        self.liar.push("jobs/notify-next", {"timestamp": 1})
        self.still_well(device, self.boots(device))
        self.assertLessEqual(self.boots(device), boots + 6)

    def test_floods(self):
        device = self.made("floods")
        boots = self.boots(device)
        execution = Job("flood", b"x" * 9000).describe()
        for number in range(3000):
            self.offer({**execution, "jobId": f"flood-{number}"})
        for _ in range(300):
            self.liar.push("dt/anything", b"x" * 60000)
            self.liar.push("streams/none/data/cbor", b"\xa4" + b"x" * 60000)
        self.liar.push("jobs/notify-next", {"timestamp": 1})
        self.still_well(device, boots)

    def test_not_even_mqtt(self):
        """Below the messages: what the broker may send at all."""
        device = self.made("packets")
        boots = self.boots(device)
        topic = b"$aws/things/packets/jobs/notify-next"
        packets = [(0x30, b""), (0x30, b"\xff\xff"), (0x36, struct.pack(">H", len(topic)) + topic + b"\0\1{}"),
                   (0x32, struct.pack(">H", len(topic)) + topic), (0x32, struct.pack(">H", len(topic)) + topic + b"\0\0{}"),
                   (0x30, struct.pack(">H", 3) + b"a\0b{}"), (0x30, struct.pack(">H", 2) + b"\xc3\x28{}"),
                   (0x30, struct.pack(">H", 1) + b"#{}"), (0x40, b"\0"), (0x40, b"\xff\xff"), (0x90, b"\0\1\x80" * 50),
                   (0xd0, b"x"), (0x20, b"\0\0"), (0x10, b"\0\4MQTT\4\2\0\0\0\1x"), (0xf0, b""), (0x00, b""), (0xe0, b"")]
        for first, body in packets:
            wait_for("a connection", lambda: self.liar.connections, 30)
            for connection in list(self.liar.connections):
                try:
                    connection._send(first, body)
                except OSError:
                    pass

        def announced():
            """The device may still be leaving the connection that the last packet spoiled; then the next one is told."""
            for connection in list(self.liar.connections):
                try:
                    connection.tls.sendall(b"\x30\xff\xff\xff\x7f" + b"x" * 100)
                    return True
                except OSError:
                    continue
            return False
        wait_for("256 MiB are announced, and do not come", announced, 30)
        begin = device.show()["uptime_ms"]
        wait_for("the device lives on with it for a second", lambda: device.show()["uptime_ms"] >= begin + 1000, 20)
        self.liar.drop_connections()
        self.still_well(device, boots)


def load_tests(loader, _tests, _pattern):
    """Only this file's own; the base class brings tests of its own, which run elsewhere."""
    own = [name for name in vars(CloudTest) if name.startswith("test_")]
    return unittest.TestSuite(CloudTest(name) for name in own)


if __name__ == "__main__":
    unittest.main(verbosity=2)
