# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The gate inside a real mosquitto: identity, policy, the two ways through, sessions (docs/gate.md 1, 3, 4, 5)."""
import json
import ssl
import struct
import unittest

import gate_rig
from gate_rig import OPEN_POLICY, OTA_POLICY, Presence
from mqtt_raw import Client, Closed, Refused
from world import wait_for

MUTE_POLICY = OTA_POLICY.replace("policy ota", "policy silent").replace("allow iot:Receive", "deny iot:Receive")


class GateTest(unittest.TestCase):
    """One broker per class; every test uses things of its own."""

    @classmethod
    def setUpClass(cls):
        cls.rig = gate_rig.Rig()
        cls.names = [f"thing-{i}" for i in range(8)]
        cls.ids = {name: cls.rig.pki.identity(name) for name in cls.names + ["open", "mute", "stranger", "off", "gone"]}
        cls.lines = OTA_POLICY + OPEN_POLICY + MUTE_POLICY
        for name in cls.names + ["mute"]:
            cls.lines += f"thing {name}\n"
        for name in cls.names:
            cls.lines += f"certificate {cls.ids[name].id} ACTIVE ota {name}\n"
        cls.lines += f"certificate {cls.ids['open'].id} ACTIVE open -\n"
        cls.lines += f"certificate {cls.ids['mute'].id} ACTIVE silent mute\n"
        cls.lines += f"certificate {cls.ids['off'].id} INACTIVE open -\n"
        cls.lines += f"certificate {cls.ids['gone'].id} REVOKED open -\n"
        cls.rig.write_snapshot(cls.lines)
        cls.rig.start()

    @classmethod
    def tearDownClass(cls):
        status = cls.rig.close()
        assert status == 0, f"the broker ended with {status}"

    def setUp(self):
        self.service = self.rig.service()
        self.service.greet()

    def tearDown(self):
        """Leave nothing behind: all devices gone, everything committed."""
        for client in self.rig.clients:
            if client is not self.service:
                client.abandon()
        self.rig.clients.clear()
        wait_for("the devices go", lambda: self.service.stats()["sessions"] == 1)
        self.service.ping()
        numbers = [int(m["number"]) for m in self.service.seen if m["number"]]
        self.service.acknowledge(self.service.boot, max(numbers, default=0))
        self.service.abandon()

    def device(self, name, **options):
        return self.rig.device(self.ids[name], **options)

    def refused(self, name, client_id=None, version=4, **options):
        with self.assertRaises(Refused) as caught:
            self.rig.device(self.ids[name], client_id, version=version, **options)
        return caught.exception.code

    def presence(self, client_id, connected):
        def match(message):
            if message.topic != "daruma/gate/1/presence":
                return False
            event = Presence(message.payload)
            return event.client_id == client_id and event.connected == connected
        return Presence(self.service.receive(match=match).payload)

    def request(self, device, topic, payload=b"{}", qos=0):
        """Publish and take it in at the service."""
        device.publish(topic, payload, qos)
        thing = topic.split("/")[2]
        return self.service.receive(match=lambda m: m.topic.startswith(f"daruma/1/in/{thing}/"))

    def assert_silent(self, client):
        """Nothing came, and nothing is on its way: two round trips through the broker's loop."""
        client.ping()
        self.service.ping()
        client.ping()
        self.assertEqual([m.topic for m in client.inbox], [])


class Identity(GateTest):
    def test_unknown_certificate_is_refused(self):
        self.assertEqual(self.refused("stranger"), 5)
        self.assertEqual(self.refused("stranger", version=5), 0x87)

    def test_inactive_and_revoked_are_refused(self):
        self.refused("off")
        self.refused("gone")

    def test_client_id_is_bound_to_the_certificate(self):
        self.refused("thing-0", "thing-1")
        self.device("thing-0")

    def test_client_ids_that_would_become_wildcards_are_refused(self):
        for client_id in ("+", "#", "a+b", "x" * 129):
            self.refused("open", client_id)

    def test_no_device_takes_the_services_client_id(self):
        self.refused("open", "daruma/test")
        self.service.ping()

    def test_the_service_certificate_only_under_its_own_ids(self):
        with self.assertRaises(Refused):
            Client(self.rig.port, self.rig.service_identity.context, "thing-0")

    def test_without_certificate(self):
        context = ssl.create_default_context(cafile=self.rig.directory / "ca.pem")
        with self.assertRaises(Closed):
            self.rig.clients.append(Client(self.rig.port, context, "thing-0"))

    def test_metrics_user_name_is_ignored(self):
        self.device("thing-0", username="?SDK=x&Version=1").ping()


class Publishing(GateTest):
    def test_rewritten_and_stamped(self):
        device = self.device("thing-0")
        message = self.request(device, "$aws/things/thing-0/jobs/$next/get", b'{"a":1}')
        self.assertEqual(message.topic, "daruma/1/in/thing-0/jobs/$next/get")
        self.assertEqual(message.payload, b'{"a":1}')
        self.assertEqual(message["client-id"], "thing-0")
        self.assertEqual(message["certificate-id"], self.ids["thing-0"].id)
        self.assertEqual(len(message["session"]), 16)
        self.assertIsNone(message["number"])

    def test_the_devices_user_properties_are_stripped(self):
        device = self.device("thing-0", version=5)
        lies = [("client-id", "thing-1"), ("session", "0" * 16), ("gate-boot", "1" * 16), ("number", "9"), ("x", "y")]
        for qos in (0, 1):
            device.publish("$aws/things/thing-0/jobs/get", b"{}", qos, pairs=lies)
            message = self.service.incoming()
            names = [name for name, _ in message.pairs]
            expected = ["client-id", "certificate-id", "session"] + (["gate-boot", "number"] if qos else [])
            self.assertEqual(names, expected)
            self.assertEqual(message["client-id"], "thing-0")

    def test_forbidden_publish_closes_without_an_acknowledgement(self):
        for version in (4, 5):
            device = self.device("thing-0", version=version)
            packet = device.publish_nowait("elsewhere", b"x", 1)
            device.expect_closed()
            self.assertNotIn(packet, device.acks)
            self.assertEqual(self.presence("thing-0", False).reason, "FORBIDDEN_ACCESS")

    def test_another_things_topics(self):
        device = self.device("thing-0")
        device.publish_nowait("$aws/things/thing-1/jobs/$next/get", b"{}", 1)
        device.expect_closed()
        self.service.ping()
        self.assertFalse([m for m in self.service.inbox if m.topic.startswith("daruma/1/in/")])
        device = self.device("thing-0")
        self.assertEqual(device.subscribe("$aws/things/thing-1/jobs/notify"), 0x80)

    def test_the_services_topics_are_closed_to_everyone_else(self):
        for topic in ("daruma/1/in/thing-0/jobs/get", "daruma/1/out", "daruma/1/pub/x", "daruma/gate/1/ack",
                      "daruma/gate/1/delta", "$SYS/broker/x", "$CONTROL/dynamic-security/v1", "$aws/events/x",
                      "$aws/things/open/unknown/x", "$aws/things//jobs/get", "$share/g/x"):
            with self.subTest(topic=topic):
                device = self.device("open")
                packet = device.publish_nowait(topic, b"x", 1)
                if topic.startswith(("$SYS", "$share")):  # the broker itself refuses these, with an acknowledgement
                    device.await_ack(packet)
                    device.abandon()
                else:
                    device.expect_closed()

    def test_nobody_subscribes_to_the_services_topics(self):
        device = self.device("open", version=5)
        for topic_filter in ("daruma/#", "daruma/1/out", "daruma/1/in/#", "daruma", "$SYS/#", "$share/g/daruma/#",
                             "$share/g/$SYS/#"):
            with self.subTest(topic_filter=topic_filter):
                self.assertGreaterEqual(device.subscribe(topic_filter), 0x80)
        self.assertEqual(device.subscribe("#"), 1)
        self.assertEqual(device.subscribe("+/1/out"), 1)
        other = self.device("thing-0")
        message = self.request(other, "$aws/things/thing-0/jobs/get")
        self.service.answer(message, "$aws/things/thing-0/jobs/get/accepted", b"secret")
        self.assertEqual(other.receive().payload, b"secret")
        self.assert_silent(device)

    def test_as_many_subscriptions_as_anybody_needs(self):
        """256 filters at a time: the broker would keep any number, at some kilobytes each."""
        device = self.device("thing-6", clean=False)
        for number in range(256):
            self.assertEqual(device.subscribe(f"app/{number}"), 1)
        self.assertGreaterEqual(device.subscribe("app/more"), 0x80)
        self.assertEqual(device.subscribe("app/7"), 1, "one that it holds")
        device.unsubscribe("app/none")
        self.assertGreaterEqual(device.subscribe("app/more"), 0x80)
        device.unsubscribe("app/7")
        self.assertEqual(device.subscribe("app/more"), 1)
        device.disconnect()
        device = self.device("thing-6", clean=False)
        self.assertGreaterEqual(device.subscribe("app/8000"), 0x80, "a session that goes on")
        device.disconnect()
        device = self.device("thing-6")
        self.assertEqual(device.subscribe("app/8000"), 1, "a new session")
        other = self.device("thing-7")
        self.assertEqual(other.subscribe("app/8000"), 1)

    def test_subscriptions_end_with_the_broker_s_session(self):
        """clean_start 0 asks to go on; without an expiry there is nothing to go on with."""
        for number in (0, 256):
            device = self.device("thing-6", clean=False, version=5)
            self.assertFalse(device.session_present)
            for code in [device.subscribe(f"app/{number + i}") for i in range(256)]:
                self.assertEqual(code, 1)
            self.assertGreaterEqual(device.subscribe("app/more"), 0x80)
            device.disconnect()

    def test_shared_subscriptions_of_a_session_that_goes_on(self):
        """The broker counts them apart and does not tell."""
        keep = {"clean": False, "version": 5, "session_expiry": 3600}
        device = self.device("open", **keep)
        for i in range(256):
            self.assertEqual(device.subscribe(f"$share/g/app/{i}"), 1)
        device.disconnect()
        device = self.device("open", **keep)
        self.assertTrue(device.session_present)
        self.assertGreaterEqual(device.subscribe("app/more"), 0x80)
        device.disconnect()
        self.device("open").disconnect()  # and the session with it

    def test_the_service_may_not_listen_to_its_own_answers(self):
        self.assertGreaterEqual(self.service.subscribe("daruma/1/out"), 0x80)
        self.assertGreaterEqual(self.service.subscribe("#"), 0x80)

    def test_retain(self):
        device = self.device("open")
        device.publish_nowait("$aws/things/open/jobs/get", b"x", 1, retain=True)
        device.expect_closed()
        device = self.device("thing-0")
        device.publish_nowait("app/thing-0/x", b"x", 1, retain=True)  # iot:RetainPublish is not in its policy
        device.expect_closed()
        self.assertEqual(self.device("open").publish("app/x", b"", 1, retain=True), 0)

    def test_qos_2(self):
        device = self.device("open")
        self.assertEqual(device.subscribe("app/y", 2), 1)
        device.publish_nowait("app/y", b"x", 2)
        device.expect_closed()

    def test_application_topics_between_devices(self):
        sender, receiver = self.device("thing-0", version=5), self.device("thing-1", version=5)
        receiver.subscribe("app/thing-0/t")
        sender.publish("app/thing-0/t", b"21", pairs=[("unit", "C")])
        message = receiver.receive()
        self.assertEqual((message.payload, message["unit"]), (b"21", "C"))
        self.service.ping()
        self.assertFalse([m for m in self.service.inbox if not m.topic.startswith("daruma/gate/")])


class Wills(GateTest):
    def watch(self):
        watcher = self.device("open")
        watcher.subscribe("app/#")
        watcher.subscribe("$aws/things/#")
        watcher.subscribe("#")
        return watcher

    def end(self, device, watcher):
        device.abandon()
        self.presence(device.client_id, False)
        watcher.ping()
        return sorted({m.topic for m in watcher.inbox})

    def test_on_an_application_topic(self):
        watcher = self.watch()
        device = self.device("thing-0", will=("app/thing-0/will", "gone", 1, False))
        self.assertEqual(self.end(device, watcher), ["app/thing-0/will"])

    def test_on_reserved_topics(self):
        for topic in ("$aws/things/open2/jobs/notify-next", "$aws/things/open2/jobs/get", "daruma/1/out",
                      "daruma/1/in/open2/jobs/get", "daruma/gate/1/ack"):
            with self.subTest(topic=topic):
                watcher = self.watch()
                device = self.rig.device(self.ids["open"], "open2", will=(topic, "lie", 1, False))
                self.assertEqual(self.end(device, watcher), [])
                watcher.abandon()

    def test_at_takeover(self):
        watcher = self.watch()
        first = self.rig.device(self.ids["open"], "open2", will=("$aws/things/open2/jobs/notify-next", "lie", 1, False))
        second = self.rig.device(self.ids["open"], "open2")
        first.expect_closed()
        second.ping()
        self.assert_silent(watcher)

    def test_that_its_policy_forbids(self):
        watcher = self.watch()
        device = self.device("thing-0", will=("app/thing-1/will", "gone", 1, False))
        self.assertEqual(self.end(device, watcher), [])

    def test_retained_without_permission(self):
        watcher = self.watch()
        device = self.device("thing-0", will=("app/thing-0/will", "gone", 1, True))
        self.assertEqual(self.end(device, watcher), [])


class Answers(GateTest):
    topic = "$aws/things/thing-0/jobs/$next/get"

    def test_reaches_a_client_that_never_subscribed_once(self):
        device = self.device("thing-0")
        message = self.request(device, self.topic)
        self.assertEqual(self.service.answer(message, self.topic + "/accepted", b"a", qos=1), 0x10)
        answer = device.receive()
        self.assertEqual((answer.topic, answer.payload, answer.qos), (self.topic + "/accepted", b"a", 1))
        self.assert_silent(device)

    def test_reaches_a_client_that_subscribed_once(self):
        for version in (4, 5):
            device = self.device("thing-0", version=version)
            self.assertEqual(device.subscribe(self.topic + "/+"), 1)
            self.assertEqual(device.subscribe("$aws/things/thing-0/#"), 1)
            message = self.request(device, self.topic)
            self.service.answer(message, self.topic + "/accepted", b"a")
            answer = device.receive()
            self.assertEqual((answer.payload, answer.pairs), (b"a", []))
            self.assert_silent(device)

    def test_nothing_to_a_session_that_is_gone(self):
        device = self.device("thing-0")
        message = self.request(device, self.topic)
        device.disconnect()
        device = self.device("thing-0")
        self.service.answer(message, self.topic + "/accepted", b"old", qos=1)
        self.assert_silent(device)
        fresh = self.request(device, self.topic)
        self.assertNotEqual(fresh["session"], message["session"])
        self.service.answer(fresh, self.topic + "/accepted", b"new", qos=1)
        self.assertEqual(device.receive().payload, b"new")

    def test_nothing_is_queued_for_a_persistent_session_that_is_offline(self):
        device = self.device("thing-1", clean=False)
        message = self.request(device, "$aws/things/thing-1/jobs/get")
        device.disconnect()
        self.presence("thing-1", False)
        self.service.answer(message, "$aws/things/thing-1/jobs/get/accepted", b"old", qos=1)
        device = self.device("thing-1", clean=False)
        self.assertTrue(device.session_present)
        self.assert_silent(device)
        device.disconnect()
        self.device("thing-1", clean=True)

    def test_receive_is_evaluated(self):
        device = self.device("mute")
        message = self.request(device, "$aws/things/mute/jobs/get")
        self.service.answer(message, "$aws/things/mute/jobs/get/accepted", b"a")
        self.assert_silent(device)

    def test_malformed_envelopes_are_refused(self):
        device = self.device("thing-0")
        message = self.request(device, self.topic)
        good = {"client-id": "thing-0", "session": message["session"], "topic": self.topic + "/accepted", "qos": "0"}
        wrong = [("client-id", None), ("client-id", "a+b"), ("session", None), ("session", "12"), ("topic", None),
                 ("topic", "daruma/1/in/x"), ("topic", "a/#"), ("topic", "$SYS/x"), ("qos", "2"), ("qos", None),
                 ("epoch", "1" * 16), ("id", "5")]
        for name, value in wrong:
            with self.subTest(name=name, value=value):
                envelope = {**good, name: value}
                pairs = [(key, text) for key, text in envelope.items() if text is not None]
                self.assertEqual(self.service.publish("daruma/1/out", b"x", 1, pairs=pairs), 0x87)
        self.assert_silent(device)

    def test_repeats_are_dropped_and_a_new_epoch_resets(self):
        device = self.device("thing-0")
        message = self.request(device, self.topic)
        rows = [("a" * 16, 5, True), ("a" * 16, 5, False), ("a" * 16, 4, False), ("a" * 16, 6, True),
                ("b" * 16, 1, True), ("b" * 16, 1, False)]
        for index, (epoch, number, fresh) in enumerate(rows):
            with self.subTest(index=index):
                payload = str(index).encode()
                row = ("thing-0", epoch, number)
                self.assertEqual(self.service.answer(message, self.topic + "/accepted", payload, row=row), 0x10)
                if fresh:
                    self.assertEqual(device.receive().payload, payload)
                else:
                    self.assert_silent(device)

    def test_answers_without_a_row_are_never_dropped(self):
        device = self.device("thing-0")
        message = self.request(device, self.topic)
        for _ in range(3):
            self.service.answer(message, self.topic + "/accepted", b"same")
        self.assertEqual([device.receive().payload for _ in range(3)], [b"same"] * 3)

    def test_large_answers_keep_their_order(self):
        device = self.device("thing-0")
        message = self.request(device, self.topic)
        block = bytes(131072)
        for index in range(8):
            self.service.answer(message, "$aws/things/thing-0/streams/s/data/cbor", struct.pack(">I", index) + block)
        for index in range(8):
            got = device.receive()
            self.assertEqual((got.payload[:4], len(got.payload)), (struct.pack(">I", index), 131076))


class Subscribers(GateTest):
    topic = "$aws/things/thing-0/jobs/notify-next"

    def test_by_subscription_and_once(self):
        device = self.device("thing-0", version=5)
        device.subscribe(self.topic)
        other = self.device("thing-1")
        self.assertEqual(self.service.tell_all(self.topic, b"n", row=("thing-0", "c" * 16, 1)), 0)
        message = device.receive()
        self.assertEqual((message.topic, message.payload, message.pairs), (self.topic, b"n", []))
        self.assertEqual(self.service.tell_all(self.topic, b"n", row=("thing-0", "c" * 16, 1)), 0x10)
        self.assert_silent(device)
        self.assert_silent(other)

    def test_receive_is_checked_on_delivery(self):
        device = self.device("mute")
        self.assertEqual(device.subscribe("$aws/things/mute/jobs/notify"), 1)
        self.service.tell_all("$aws/things/mute/jobs/notify", b"n")
        self.assert_silent(device)

    def test_an_offline_persistent_session_gets_it_later(self):
        device = self.device("thing-2", clean=False)
        device.subscribe("$aws/things/thing-2/jobs/notify")
        device.disconnect()
        self.presence("thing-2", False)
        self.service.tell_all("$aws/things/thing-2/jobs/notify", b"n")
        device = self.device("thing-2", clean=False)
        self.assertEqual(device.receive().payload, b"n")
        device.disconnect()
        self.device("thing-2", clean=True)

    def test_a_packet_that_is_announced_too_large(self):
        """Closed at the announcement: the broker sets no memory aside for what would be refused in the end."""
        device = self.device("thing-0")
        device.socket.send(b"\x30\xff\xff\xff\x7f")  # a PUBLISH of 256 MiB
        device.expect_closed()

    def test_what_is_kept_for_who_is_away_is_bounded(self):
        topic = "$aws/things/thing-2/jobs/notify"
        for size, kept in ((1, 1000), (60_000, 1024 * 1024 // 60_000)):
            with self.subTest(size):
                device = self.device("thing-2", clean=False)
                device.subscribe(topic)
                device.disconnect()
                self.presence("thing-2", False)
                for number in range(kept + 20):
                    self.service.tell_all(topic, number.to_bytes(2, "big") + bytes(size))
                device = self.device("thing-2", clean=False)
                got = [int.from_bytes(device.receive().payload[:2], "big") for _ in range(kept)]
                self.assertEqual(got, list(range(kept)), "the first ones, in order")
                self.assert_silent(device)
                self.service.tell_all(topic, b"live")
                self.assertEqual(device.receive().payload, b"live")
                device.disconnect()
                self.device("thing-2", clean=True)

    def test_bad_targets(self):
        for target in ("daruma/1/out", "$SYS/x", "$share/x/y"):
            self.assertEqual(self.service.tell_all(target, b"x"), 0x87)


class Sessions(GateTest):
    def test_takeover(self):
        first = self.device("thing-3")
        old = self.request(first, "$aws/things/thing-3/jobs/get")
        self.assertEqual(self.presence("thing-3", True).session, old["session"])
        second = self.device("thing-3")
        first.expect_closed()
        came = self.presence("thing-3", True)
        went = self.presence("thing-3", False)
        self.assertEqual((went.session, went.reason), (old["session"], "DUPLICATE_CLIENTID"))
        self.assertEqual(came.version, went.version + 1)
        new = self.request(second, "$aws/things/thing-3/jobs/get")
        self.assertEqual(new["session"], came.session)
        self.service.answer(old, "$aws/things/thing-3/jobs/get/accepted", b"old")
        self.service.answer(new, "$aws/things/thing-3/jobs/get/accepted", b"new")
        self.assertEqual(second.receive().payload, b"new")
        self.assert_silent(second)

    def test_takeover_of_a_persistent_session_and_late_second_disconnect(self):
        for _ in range(3):
            device = self.device("thing-4", clean=False)
            device.subscribe("$aws/things/thing-4/jobs/notify")
            came = self.presence("thing-4", True)
            device.abandon()
            self.assertEqual(self.presence("thing-4", False).session, came.session)
        device = self.device("thing-4", clean=False)
        self.presence("thing-4", True)
        self.service.tell_all("$aws/things/thing-4/jobs/notify", b"n")
        self.assertEqual(device.receive().payload, b"n")
        # The broker said DISCONNECT again for the old connection: nothing may come of it.
        self.assertFalse([m for m in self.service.inbox
                          if m.topic == "daruma/gate/1/presence" and Presence(m.payload).client_id == "thing-4"])
        device.disconnect()
        self.device("thing-4", clean=True)

    def test_events_for_subscribers(self):
        watcher = self.device("open")
        watcher.subscribe("$aws/events/presence/#")
        device = self.device("thing-5")
        came = watcher.receive()
        self.assertEqual(came.topic, "$aws/events/presence/connected/thing-5")
        body = json.loads(came.payload)
        self.assertEqual((body["clientId"], body["eventType"], body["ipAddress"], body["principalIdentifier"]),
                         ("thing-5", "connected", "127.0.0.1", self.ids["thing-5"].id))
        device.abandon()
        went = json.loads(watcher.receive().payload)
        self.assertEqual((went["eventType"], went["disconnectReason"], went["versionNumber"],
                          went["sessionIdentifier"]),
                         ("disconnected", "CONNECTION_LOST", body["versionNumber"], body["sessionIdentifier"]))

    def test_counters(self):
        device = self.device("thing-6")
        message = self.request(device, "$aws/things/thing-6/streams/s/get/cbor", b"12345")
        for _ in range(3):
            self.service.answer(message, "$aws/things/thing-6/streams/s/data/cbor", bytes(100))
        self.service.answer(message, "$aws/things/thing-6/jobs/get/accepted", bytes(7))
        for _ in range(4):
            device.receive()

        wait_for("counters", lambda: self.service.counters("thing-6").get("out_messages") == 4)
        counters = self.service.counters("thing-6")
        self.assertEqual((counters["stream_messages"], counters["stream_bytes"], counters["out_bytes"]), (3, 300, 307))
        self.assertEqual((counters["in_messages"], counters["in_bytes"], counters["connects"]), (1, 5, 1))


del GateTest  # a frame, not a test

if __name__ == "__main__":
    unittest.main()
