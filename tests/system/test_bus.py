# SPDX-License-Identifier: Apache-2.0 OR MIT
"""darumad on the bus: what devices say reaches the store, what the store says reaches devices, whoever dies."""
import json
import signal
import unittest

import bus_rig
import gate_rig
from mqtt_raw import Refused
from world import wait_for


class BusTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cloud = bus_rig.Cloud()

    @classmethod
    def tearDownClass(cls):
        status = cls.cloud.close()
        assert status == 0, f"something ended with {status}"

    def tearDown(self):
        self.cloud.rig.leave()

    def device(self, name, **options):
        identity, self.arn = self.cloud.add(name)
        return self.cloud.connect(identity, **options)

    def ask(self, device, operation, body=None, qos=0):
        """A jobs request and its answer: (word at the end of the topic, body)."""
        topic = f"$aws/things/{device.client_id}/jobs/{operation}"
        device.publish(topic, json.dumps(body or {}), qos)
        answer = device.receive(match=lambda m: m.topic.startswith(topic + "/"))
        return answer.topic.rsplit("/", 1)[1], json.loads(answer.payload)

    def create_job(self, name, device, document=None):
        self.cloud.iot.create_job(jobId=name, targets=[bus_rig.gate_rig.ARN + f"thing/{device.client_id}"],
                                  document=json.dumps(document or {"do": name}))


class Devices(BusTest):
    def test_nothing_pending(self):
        device = self.device("d-empty")
        word, body = self.ask(device, "$next/get", {"clientToken": "t"})
        self.assertEqual((word, sorted(body), body["clientToken"]), ("accepted", ["clientToken", "timestamp"], "t"))
        device.ping()
        self.assertEqual(device.inbox, [])

    def test_a_job_from_end_to_end(self):
        device = self.device("d-job")
        device.subscribe("$aws/things/d-job/jobs/notify-next")
        device.subscribe("$aws/things/d-job/jobs/notify")
        self.create_job("j-end", device)
        told = [device.receive() for _ in range(2)]
        self.assertEqual(sorted(m.topic.rsplit("/", 1)[1] for m in told), ["notify", "notify-next"])
        word, body = self.ask(device, "$next/get", {"clientToken": "t"})
        self.assertEqual(body["execution"]["jobDocument"], {"do": "j-end"})
        word, body = self.ask(device, "j-end/update", {"status": "IN_PROGRESS", "clientToken": "u"}, qos=1)
        self.assertEqual((word, body["clientToken"]), ("accepted", "u"))
        word, _ = self.ask(device, "j-end/update", {"status": "SUCCEEDED"}, qos=1)
        self.assertEqual(word, "accepted")
        execution = self.cloud.iot.describe_job_execution(jobId="j-end", thingName="d-job")["execution"]
        self.assertEqual(execution["status"], "SUCCEEDED")
        word, body = self.ask(device, "j-end/update", {"status": "IN_PROGRESS"}, qos=1)
        self.assertEqual((word, body["code"]), ("rejected", "InvalidStateTransition"))
        device.ping()
        self.assertFalse([m for m in device.inbox if not m.topic.endswith(("notify", "notify-next"))])

    def test_answers_keep_the_order_of_the_changes(self):
        device = self.device("d-order")
        self.create_job("j-order", device)
        topic = "$aws/things/d-order/jobs/j-order/update"
        for index in range(30):
            device.publish_nowait(topic, json.dumps({"status": "IN_PROGRESS", "clientToken": str(index),
                                                     "statusDetails": {"n": str(index)}}), 1)
        tokens = [json.loads(device.receive(match=lambda m: m.topic == topic + "/accepted").payload)["clientToken"]
                  for _ in range(30)]
        self.assertEqual(tokens, [str(index) for index in range(30)])

    def test_two_devices_do_not_wait_for_each_other(self):
        devices = [self.device(f"d-many-{i}") for i in range(3)]
        for device in devices:
            self.create_job("j-" + device.client_id, device)
        for device in devices:
            word, _ = self.ask(device, f"j-{device.client_id}/update", {"status": "IN_PROGRESS"}, qos=1)
            self.assertEqual(word, "accepted")

    def test_bad_json_is_answered(self):
        device = self.device("d-bad")
        device.publish("$aws/things/d-bad/jobs/$next/get", b"{", 1)
        answer = device.receive()
        self.assertEqual((answer.topic, json.loads(answer.payload)["code"]),
                         ("$aws/things/d-bad/jobs/$next/get/rejected", "InvalidJson"))

    def test_unknown_requests_do_not_stop_what_follows(self):
        device = self.device("d-odd")
        for topic in ("jobs/a/b/c", "streams/x", "daruma/unknown", "shadow/get", "jobs//update", "streams/s/get/xml"):
            device.publish("$aws/things/d-odd/" + topic, b"x", 1)
        word, _ = self.ask(device, "$next/get", qos=1)
        self.assertEqual(word, "accepted")


class Identities(BusTest):
    def test_a_revoked_certificate_is_kicked_and_refused(self):
        device = self.device("i-revoked")
        self.cloud.iot.update_certificate(certificateId=self.arn.rsplit("/", 1)[1], newStatus="REVOKED")
        device.expect_closed()
        with self.assertRaises(Refused):
            self.cloud.rig.device(self.cloud.rig.pki.identity("i-revoked"))

    def test_the_file_follows_the_deltas(self):
        """A broker that starts again knows what the last one was told."""
        device = self.device("i-file")
        record = bytes.fromhex(self.arn.rsplit("/", 1)[1])

        def written():
            data = self.cloud.rig.snapshot.read_bytes()
            return data[data.find(record) + 32] == 2  # INACTIVE
        self.cloud.iot.update_certificate(certificateId=self.arn.rsplit("/", 1)[1], newStatus="INACTIVE")
        device.expect_closed()
        wait_for("the file is written", written)
        self.cloud.rig.kill()
        self.cloud.daemon.process.send_signal(signal.SIGSTOP)  # it cannot help the broker now
        try:
            self.cloud.rig.start()
            with self.assertRaises(Refused):
                self.cloud.rig.device(self.cloud.rig.pki.identity("i-file"))
        finally:
            self.cloud.daemon.process.send_signal(signal.SIGCONT)

    def test_detaching_the_thing_or_the_policy_kicks(self):
        device = self.device("i-thing")
        self.cloud.iot.detach_thing_principal(thingName="i-thing", principal=self.arn)
        device.expect_closed()
        device = self.device("i-policy")
        self.cloud.iot.detach_policy(policyName="ota", target=self.arn)
        device.expect_closed()

    def test_a_policy_version_that_takes_a_right_away(self):
        device = self.device("i-version")
        poorer = json.loads(bus_rig.POLICY)
        poorer["Statement"] = poorer["Statement"][1:]  # no iot:Connect
        version = self.cloud.iot.create_policy_version(policyName="ota", policyDocument=json.dumps(poorer),
                                                       setAsDefault=True)["policyVersionId"]
        device.expect_closed()
        self.cloud.iot.set_default_policy_version(policyName="ota", policyVersionId="1")
        self.cloud.iot.delete_policy_version(policyName="ota", policyVersionId=version)
        self.cloud.connect(self.cloud.rig.pki.identity("i-version"))


class Failures(BusTest):
    def test_darumad_killed_in_the_middle(self):
        device = self.device("f-kill")
        self.create_job("j-kill", device)
        self.cloud.daemon.process.kill()
        self.cloud.daemon.process.wait()
        topic = "$aws/things/f-kill/jobs/j-kill/update"
        for index in range(5):
            self.assertEqual(device.publish(topic, json.dumps({"status": "IN_PROGRESS", "clientToken": str(index)})), 0)
        self.cloud.daemon.start()
        self.cloud.restart_client()
        tokens = [json.loads(device.receive(match=lambda m: m.topic == topic + "/accepted").payload)["clientToken"]
                  for _ in range(5)]
        self.assertEqual(tokens, ["0", "1", "2", "3", "4"])
        execution = self.cloud.iot.describe_job_execution(jobId="j-kill", thingName="f-kill")["execution"]
        self.assertEqual((execution["status"], execution["versionNumber"]), ("IN_PROGRESS", 6))

    def test_darumad_stopped_in_order_repeats_nothing(self):
        device = self.device("f-stop")
        self.create_job("j-stop", device)
        word, _ = self.ask(device, "j-stop/update", {"status": "IN_PROGRESS"}, qos=1)
        self.assertEqual(word, "accepted")
        self.assertEqual(self.cloud.daemon.stop(), 0)
        self.cloud.daemon.start()
        self.cloud.restart_client()
        word, body = self.ask(device, "j-stop/get", qos=1)
        self.assertEqual(body["execution"]["versionNumber"], 2)
        device.ping()
        self.assertEqual(device.inbox, [])

    def test_the_broker_killed(self):
        device = self.device("f-broker")
        self.cloud.rig.kill()
        device.expect_closed()
        self.create_job("j-broker", device)
        self.cloud.rig.start()
        device = self.cloud.connect(self.cloud.rig.pki.identity("f-broker"))

        def asked():
            device.publish("$aws/things/f-broker/jobs/$next/get", b"{}")
            try:
                return device.receive(1.0)
            except gate_rig.mqtt_raw.Timeout:
                return None
        answer = wait_for("an answer after the broker's restart", asked, 20)
        self.assertEqual(json.loads(answer.payload)["execution"]["jobId"], "j-broker")
        word, _ = self.ask(device, "j-broker/update", {"status": "IN_PROGRESS"}, qos=1)
        self.assertEqual(word, "accepted")


class Counted(BusTest):
    def test_stream_blocks_are_counted_at_the_broker(self):
        device = self.device("c-stream")
        s3 = self.cloud.daemon.client("s3")
        s3.create_bucket(Bucket="images")
        body = bytes(range(256)) * 128  # 32 KiB
        s3.put_object(Bucket="images", Key="file", Body=body)
        self.cloud.iot.create_stream(streamId="s1", roleArn="arn:aws:iam::000000000000:role/r", files=[
            {"fileId": 0, "s3Location": {"bucket": "images", "key": "file"}}])
        device.publish("$aws/things/c-stream/streams/s1/get/json", json.dumps({"f": 0, "l": 4096, "n": 8, "c": "t"}))
        blocks = {}
        for _ in range(8):
            message = device.receive(match=lambda m: m.topic.endswith("/data/json"))
            block = json.loads(message.payload)
            blocks[block["i"]] = block["l"]
        self.assertEqual(blocks, {index: 4096 for index in range(8)})

        def counted():
            status, _, counters = self.cloud.daemon.call("GET", "/daruma/things/c-stream/counters")
            return counters if status == 200 and counters.get("streamMessages") == 8 else None
        counters = wait_for("the counters", counted)
        self.assertGreater(counters["streamBytes"], 8 * 4096)


del BusTest

if __name__ == "__main__":
    unittest.main()
