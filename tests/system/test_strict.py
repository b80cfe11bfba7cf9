# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Strict mode: AWS's limits, each met exactly and then exceeded by one. Beside it the same without strict mode, where
our own, wider bounds hold."""
import json
import unittest

import botocore.exceptions
import bus_rig
import gate_rig
from mqtt_raw import Closed
from world import wait_for

PAYLOAD_MAX = 131072
REFUSED = 0x80


class Limits:
    """The tests, on self.cloud; self.strict says what to expect."""

    strict = None

    @classmethod
    def setUpClass(cls):
        cls.cloud = bus_rig.Cloud(strict=cls.strict)
        cls.cloud.iot.create_policy(policyName="open", policyDocument=json.dumps({
            "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]}))

    @classmethod
    def tearDownClass(cls):
        status = cls.cloud.close()
        assert status == 0, f"something ended with {status}"

    def device(self, name):
        identity, arn = self.cloud.add(name)
        self.cloud.iot.attach_policy(policyName="open", target=arn)
        client = self.cloud.connect(identity)
        wait_for("the policy", lambda: client.subscribe("app/probe") != REFUSED)
        client.unsubscribe("app/probe")
        return client

    def closes(self, client, act):
        """Does the connection end after act()?"""
        try:
            act()
            client.ping()
            return False
        except Closed:
            return True

    def test_depth_of_topics(self):
        client = self.device("l-depth")
        self.assertNotEqual(client.subscribe("a/b/c/d/e/f/g/h"), REFUSED)  # 7 slashes
        self.assertEqual(client.subscribe("a/b/c/d/e/f/g/h/i") == REFUSED, self.strict)
        self.assertFalse(self.closes(client, lambda: client.publish("a/b/c/d/e/f/g/h", b"x", 0)))
        self.assertEqual(self.closes(client, lambda: client.publish("a/b/c/d/e/f/g/h/i", b"x", 0)), self.strict)

    def test_length_of_topics(self):
        client = self.device("l-length")
        self.assertNotEqual(client.subscribe("x" * 256), REFUSED)
        self.assertEqual(client.subscribe("x" * 257) == REFUSED, self.strict)

    def test_number_of_subscriptions(self):
        client = self.device("l-filters")
        codes = [client.subscribe(f"app/{i}") for i in range(51)]
        self.assertEqual([code == REFUSED for code in codes], [False] * 50 + [self.strict])

    def test_size_of_a_message(self):
        client = self.device("l-payload")
        self.assertFalse(self.closes(client, lambda: client.publish("app/x", b"x" * PAYLOAD_MAX, 0)))
        self.assertEqual(self.closes(client, lambda: client.publish("app/x", b"x" * (PAYLOAD_MAX + 1), 0)), self.strict)

    def test_messages_in_a_second(self):
        """100 pass even if a second ends among them; of 400 in one go some do not."""
        client = self.device("l-rate")

        def publish(count):
            for _ in range(count):
                client.publish_nowait("app/x", b"x", 0)
        self.assertFalse(self.closes(client, lambda: publish(90)))
        self.assertEqual(self.closes(client, lambda: publish(400)), self.strict)
        if self.strict:
            def told():
                entries = self.cloud.daemon.call("GET", "/daruma/things/l-rate/timeline")[2]["entries"]
                return [entry for entry in entries if "THROTTLED" in json.dumps(entry)]
            wait_for("the reason in the timeline", told)

    def test_bytes_in_a_second(self):
        client = self.device("l-bytes")

        def publish(count):
            for _ in range(count):
                client.publish_nowait("app/x", b"x" * PAYLOAD_MAX, 0)
        self.assertEqual(self.closes(client, lambda: publish(12)), self.strict)

    def test_blocks_of_a_request(self):
        """128 KiB at a time, whatever was asked for."""
        self.cloud.stream("s", 300000)
        client = self.device("l-blocks")
        topic = "$aws/things/l-blocks/streams/s"
        client.subscribe(topic + "/data/json", 0)
        client.publish(topic + "/get/json", json.dumps({"f": 0, "l": 4096, "o": 0, "n": 64, "c": "t"}), 0)
        wanted = 32 if self.strict else 64
        blocks = [json.loads(client.receive().payload)["i"] for _ in range(wanted)]
        self.assertEqual(blocks, list(range(wanted)))
        client.ping()
        self.assertEqual(client.inbox, [])

    def test_size_of_an_image(self):
        """16 MiB for an update's file."""
        s3 = self.cloud.daemon.client("s3")
        s3.create_bucket(Bucket="large")
        self.cloud.iot.create_thing(thingName="l-image")
        for key, size, fits in (("fits", 16 << 20, True), ("large", (16 << 20) + 1, not self.strict)):
            s3.put_object(Bucket="large", Key=key, Body=bytes(size))
            signature = {"customCodeSigning": {"signature": {"inlineDocument": b"0" * 70},
                                               "certificateChain": {"certificateName": "c"},
                                               "hashAlgorithm": "SHA256", "signatureAlgorithm": "ECDSA"}}
            try:
                self.cloud.iot.create_ota_update(
                    otaUpdateId=key, targets=[gate_rig.ARN + "thing/l-image"], roleArn="arn:aws:iam::000000000000:role/r",
                    files=[{"fileName": "f", "codeSigning": signature,
                            "fileLocation": {"s3Location": {"bucket": "large", "key": key}}}])
                done = True
            except botocore.exceptions.ClientError as error:
                self.assertIn("16777216", str(error))
                done = False
            self.assertEqual(done, fits, key)

    def test_targets_of_a_job(self):
        self.cloud.iot.create_thing(thingName="l-target")
        target = gate_rig.ARN + "thing/l-target"
        self.cloud.iot.create_job(jobId="hundred", targets=[target] * 100, document="{}")
        try:
            self.cloud.iot.create_job(jobId="more", targets=[target] * 101, document="{}")
            self.assertFalse(self.strict)
        except botocore.exceptions.ClientError as error:
            self.assertTrue(self.strict, error)


class Strict(Limits, unittest.TestCase):
    strict = True


class Own(Limits, unittest.TestCase):
    strict = False


if __name__ == "__main__":
    unittest.main()
