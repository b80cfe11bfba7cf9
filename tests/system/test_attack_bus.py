# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A device that means harm, against darumad through a real broker. Whatever it says, a second device is served."""
import json
import unittest

import bus_rig
import gate_rig
from mqtt_raw import Closed, Timeout

REPORT = {"version": "1.0.0", "digest": "00" * 32, "slot": "A"}


class AttackTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cloud = bus_rig.Cloud()
        cls.identities = {name: cls.cloud.add(name)[0] for name in ("evil", "good")}

    @classmethod
    def tearDownClass(cls):
        status = cls.cloud.close()
        assert status == 0, f"something ended with {status}"

    def setUp(self):
        self.evil = self.cloud.connect(self.identities["evil"])
        self.good = self.cloud.connect(self.identities["good"])
        self.addCleanup(self.cloud.rig.leave)

    def ask(self, device, operation, body=b"{}", qos=1, wait_s=10):
        """A request and the word at the end of its answer's topic, with the body."""
        topic = f"$aws/things/{device.client_id}/{operation}"
        device.publish(topic, body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode(), qos)
        answer = device.receive(wait_s, lambda m: m.topic.startswith(topic + "/"))
        return answer.topic.rsplit("/", 1)[1], json.loads(answer.payload)

    def good_is_served(self):
        word, body = self.ask(self.good, "daruma/report", {**REPORT, "clientToken": "still here"})
        self.assertEqual((word, body["clientToken"]), ("accepted", "still here"))
        self.assertEqual(self.ask(self.good, "jobs/$next/get")[0], "accepted")

    def job(self, name, document=None):
        self.cloud.iot.create_job(jobId=name, targets=[gate_rig.ARN + "thing/evil"],
                                  document=json.dumps(document or {"x": "y"}))

    # ----- messages that must not hold up the line

    def test_a_token_that_grows_when_it_is_echoed(self):
        for token in ("\x01" * 64, "\"" * 64, "\\" * 64, "é" * 32):
            word, body = self.ask(self.evil, "daruma/report", {**REPORT, "clientToken": token})
            self.assertEqual((word, body["clientToken"]), ("accepted", token))
        self.good_is_served()

    def test_details_that_fill_a_message(self):
        self.job("j-details", {"x": "y" * 32000})
        many = {f"k{i}": "é" * 1000 for i in range(60)}
        blanks = b'{"status":"FAILED","statusDetails":{"a":"b"' + b" " * 120000 + b"}}"
        for body in ({"status": "IN_PROGRESS", "statusDetails": many, "includeJobExecutionState": True,
                      "includeJobDocument": True}, {"status": "FAILED", "statusDetails": many}, blanks):
            word, answer = self.ask(self.evil, "jobs/j-details/update", body)
            self.assertEqual((word, answer["code"]), ("rejected", "InvalidRequest"))
            self.good_is_served()
        # As much as is allowed, with the largest document beside it.
        fits = {f"k{i}": "x" * 1000 for i in range(32)}
        word, answer = self.ask(self.evil, "jobs/j-details/update",
                                {"status": "IN_PROGRESS", "statusDetails": fits, "includeJobDocument": True,
                                 "includeJobExecutionState": True})
        self.assertEqual((word, answer["executionState"]["statusDetails"]), ("accepted", fits))
        self.assertEqual(self.ask(self.evil, "jobs/$next/get")[1]["execution"]["statusDetails"], fits)
        self.assertEqual(self.ask(self.evil, "jobs/j-details/update", {"status": "FAILED"})[0], "accepted")
        self.good_is_served()

    def test_bodies_that_are_no_requests(self):
        self.job("j-bodies")
        bodies = [b"", b"\0", b"{" * 100000, b"[" * 130000, b'{"a":' * 20000, b"\xff\xfe", b'{"status":"\xed\xa0\x80"}',
                  b'{"status":1e999}', b'{"status":"SUCCEEDED","executionNumber":4294967296}',
                  b'{"status":"SUCCEEDED","expectedVersion":18446744073709551616}',
                  b'{"status":"SUCCEEDED","expectedVersion":-1}', b'{"status":"CANCELED"}', b'{"status":"REMOVED"}',
                  b'{"status":"IN_PROGRESS","statusDetails":{"a":"\\u0000"}}',
                  b'{"status":"IN_PROGRESS","statusDetails":{"a\\u0000b":"c"}}',
                  b'{"status":"IN_PROGRESS","stepTimeoutInMinutes":4294967297}',
                  b'{"status":"IN_PROGRESS","clientToken":"' + b"t" * 65 + b'"}']
        for body in bodies:
            with self.subTest(body[:40]):
                self.assertEqual(self.ask(self.evil, "jobs/j-bodies/update", body)[0], "rejected")
                self.assertEqual(self.ask(self.evil, "daruma/report", body)[0], "rejected")
        self.good_is_served()
        self.assertEqual(self.ask(self.evil, "jobs/j-bodies/update", {"status": "FAILED"})[0], "accepted")

    def test_names_that_are_words_of_a_query(self):
        for name in ("x' OR '1'='1", "x; DROP TABLE thing", "%", "_", "..", "$next$next", "é", "a" * 200, "-- "):
            with self.subTest(name):
                self.assertEqual(self.ask(self.evil, f"jobs/{name}/update", {"status": "FAILED"})[0], "rejected")
                self.assertEqual(self.ask(self.evil, f"jobs/{name}/get")[0], "rejected")
        self.good_is_served()

    def test_another_devices_job(self):
        self.cloud.iot.create_job(jobId="j-good", targets=[gate_rig.ARN + "thing/good"], document="{}")
        word, body = self.ask(self.evil, "jobs/j-good/update", {"status": "SUCCEEDED"})
        self.assertEqual((word, body["code"]), ("rejected", "ResourceNotFound"))
        self.assertEqual(self.ask(self.evil, "jobs/j-good/get")[1]["code"], "ResourceNotFound")
        self.evil.publish_nowait("$aws/things/good/jobs/j-good/update", b'{"status":"SUCCEEDED"}', 1)
        self.evil.expect_closed()
        self.assertEqual(self.ask(self.good, "jobs/j-good/get")[1]["execution"]["status"], "QUEUED")
        self.assertEqual(self.ask(self.good, "jobs/j-good/update", {"status": "SUCCEEDED"})[0], "accepted")

    # ----- as much as it can

    def test_a_flood_of_changes(self):
        """More than the gate hands out at once; the other device's turn comes, and all of it is answered."""
        self.job("j-flood")
        body = json.dumps({"status": "IN_PROGRESS", "statusDetails": {"a": "b" * 1000}}).encode()
        last = None
        for _ in range(3000):
            last = self.evil.publish_nowait("$aws/things/evil/jobs/j-flood/update", body, 1)
        self.good_is_served()
        self.evil.await_ack(last, 30)
        self.assertEqual(self.ask(self.evil, "jobs/j-flood/update", {"status": "FAILED"}, wait_s=30)[0], "accepted")

    def test_a_payload_beyond_the_limit(self):
        try:
            self.evil.publish("$aws/things/evil/jobs/x/update", b"x" * 140000, 1, wait_s=5)
        except (Closed, Timeout):
            pass
        self.good_is_served()

    def test_requests_of_blocks_without_end(self):
        """Streams that are not there, with every field at its largest: refused, each time."""
        largest = (b"\xa6" b"\x61c\x61t" b"\x61f\x18\xff" b"\x61l\x1a\x00\x02\x00\x00" b"\x61o\x1a\xff\xff\xff\xff"
                   b"\x61n\x1a\x00\x01\x80\x00" b"\x61b\x59\x30\x00" + b"\xff" * 12288)
        bombs = [largest, b"\xbf", b"\x9f" * 50000, b"\xa1" * 50000, b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff",
                 b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff", b"\xa1\x61b\x5a\xff\xff\xff\xff", b"\xc0" * 60000, b""]
        for bomb in bombs:
            for stream in ("nothing", "a" * 128):
                with self.subTest(bomb[:8]):
                    self.evil.publish(f"$aws/things/evil/streams/{stream}/get/cbor", bomb, 0)
                    answer = self.evil.receive(10, lambda m: "/streams/" in m.topic)
                    self.assertTrue(answer.topic.endswith("/rejected/cbor"), answer)
        self.good_is_served()


if __name__ == "__main__":
    unittest.main(verbosity=2)
