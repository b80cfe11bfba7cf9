# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The gate's ring and the snapshot: nothing answered is lost, nobody unknown gets in (docs/gate.md 2 and 4)."""
import unittest

import gate_rig
from gate_rig import OPEN_POLICY, OTA_POLICY, Presence
from mqtt_raw import Closed, Refused
from world import wait_for

TOPIC = "$aws/things/thing-0/jobs/job/update"


class Base(unittest.TestCase):
    """A broker per test, in any state the test wants."""

    def setUp(self):
        self.rig = None

    def begin(self, start=True, **options):
        self.rig = gate_rig.Rig(**options)
        self.thing = self.rig.pki.identity("thing-0")
        self.open = self.rig.pki.identity("open")
        self.lines = OTA_POLICY + OPEN_POLICY + f"thing thing-0\ncertificate {self.open.id} ACTIVE open -\n"
        self.known = f"certificate {self.thing.id} ACTIVE ota thing-0\n"
        self.rig.write_snapshot(self.lines + self.known)
        if start:
            self.rig.start()

    def tearDown(self):
        if self.rig:
            alive = self.rig.process and self.rig.process.poll() is None
            status = self.rig.close()
            if alive:
                self.assertEqual(status, 0)

    def numbers(self, service, count):
        """The next count device messages as (number, payload)."""
        taken = [service.incoming() for _ in range(count)]
        return [(int(m["number"]), m.payload) for m in taken]


class Ring(Base):
    def test_a_killed_service_loses_nothing(self):
        self.begin()
        device = self.rig.device(self.thing)
        service = self.rig.service()
        service.greet()
        for index in range(5):
            device.publish(TOPIC, str(index))
        first = self.numbers(service, 5)
        self.assertEqual([payload for _, payload in first], [b"0", b"1", b"2", b"3", b"4"])
        service.acknowledge(service.boot, first[1][0])  # 0 and 1 were committed, then it dies
        service.ping()
        service.abandon()
        service = self.rig.service()
        service.greet(service.boot or "0" * 16, 0)
        self.assertEqual(self.numbers(service, 3), first[2:])
        service.acknowledge(service.boot, first[4][0])
        service.ping()
        service.abandon()
        service = self.rig.service()
        service.greet()
        device.publish(TOPIC, "next")
        self.assertEqual([payload for _, payload in self.numbers(service, 1)], [b"next"])

    def test_what_comes_while_the_service_is_away(self):
        self.begin()
        device = self.rig.device(self.thing)
        for index in range(10):
            self.assertEqual(device.publish(TOPIC, str(index)), 0)
        service = self.rig.service()
        boot = service.greet()
        taken = self.numbers(service, 10)
        self.assertEqual([payload for _, payload in taken], [str(i).encode() for i in range(10)])
        self.assertEqual([n for n, _ in taken], list(range(taken[0][0], taken[0][0] + 10)))
        self.assertEqual(int.from_bytes(boot.payload[24:32], "little"), 1)

    def test_nothing_is_sent_before_the_first_acknowledgement(self):
        self.begin()
        device = self.rig.device(self.thing)
        service = self.rig.service()
        device.publish(TOPIC, "x")
        service.ping()
        self.assertEqual(service.inbox, [])
        service.greet()
        self.assertEqual(service.incoming().payload, b"x")

    def test_a_backlog_larger_than_the_window_comes_whole_and_in_order(self):
        self.begin()
        device = self.rig.device(self.thing)
        count = 2500
        for index in range(count):
            device.publish_nowait(TOPIC, str(index), 1)
            if index % 100 == 99:
                device.await_ack(device.next_id)
        service = self.rig.service()
        service.greet()
        payloads = []
        last = 0
        while len(payloads) < count:
            message = service.receive(match=lambda m: m["number"] is not None)
            last = int(message["number"])
            if message.topic.startswith("daruma/1/in/"):
                payloads.append(message.payload)
            if last % 300 == 0:
                service.acknowledge(service.boot, last)
        self.assertEqual(payloads, [str(i).encode() for i in range(count)])
        self.assertLessEqual(len(payloads), last)

    def test_the_window_waits_for_acknowledgements(self):
        self.begin()
        device = self.rig.device(self.thing)
        for index in range(1100):
            device.publish_nowait(TOPIC, b"x", 1)
            if index % 100 == 99:
                device.await_ack(device.next_id)
        service = self.rig.service()
        service.greet()
        for _ in range(3):
            service.ping()
        numbered = [m for m in service.seen if m["number"]]
        self.assertEqual(len(numbered), 1000)
        service.acknowledge(service.boot, 1000)
        wait_for("the rest", lambda: service.ping() or len([m for m in service.seen if m["number"]]) == 1101)

    def test_ring_full_closes_without_an_acknowledgement(self):
        self.begin(ring_bytes=65536)
        device = self.rig.device(self.thing)
        block = b"x" * 4096
        sent = 0
        with self.assertRaises(Closed):
            for _ in range(100):
                self.assertEqual(device.publish(TOPIC, block), 0)
                sent += 1
        self.assertGreater(sent, 10)
        self.assertLess(sent, 17)
        service = self.rig.service()
        service.greet()
        taken = self.numbers(service, sent)
        self.assertEqual({payload for _, payload in taken}, {block})
        service.acknowledge(service.boot, taken[-1][0])
        service.ping()
        device = self.rig.device(self.thing)
        self.assertEqual(device.publish(TOPIC, b"again"), 0)
        self.assertEqual(service.incoming().payload, b"again")
        self.assertIn("ring full", self.rig.log())

    def test_qos_0_passes_a_full_ring(self):
        self.begin(ring_bytes=65536)
        device = self.rig.device(self.thing)
        with self.assertRaises(Closed):
            for _ in range(100):
                device.publish(TOPIC, b"x" * 4096)
        service = self.rig.service()
        device = self.rig.device(self.thing)
        device.publish("$aws/things/thing-0/streams/s/get/cbor", b"q0", 0)
        self.assertEqual(service.receive(match=lambda m: m.qos == 0).payload, b"q0")

    def test_acknowledgements_of_another_boot_mean_nothing(self):
        self.begin()
        device = self.rig.device(self.thing)
        device.publish(TOPIC, "x")
        service = self.rig.service()
        service.greet("f" * 16, 1000)
        self.assertEqual(service.incoming().payload, b"x")
        self.assertEqual(service.publish("daruma/gate/1/ack", b"", 1, pairs=[("gate-boot", "x")]), 0x87)

    def test_a_new_run_of_the_broker_says_so(self):
        self.begin()
        service = self.rig.service()
        service.greet()
        first = service.boot
        self.rig.kill()
        self.rig.start()
        service = self.rig.service()
        service.greet()
        self.assertNotEqual(first, service.boot)
        device = self.rig.device(self.thing)
        device.publish(TOPIC, "x")
        self.assertEqual(int(service.incoming()["number"]), 2)  # after its own presence

    def test_presence_is_numbered_with_the_messages(self):
        self.begin()
        device = self.rig.device(self.thing)
        device.publish(TOPIC, "x")
        device.disconnect()
        service = self.rig.service()
        service.greet()
        taken = [service.receive(match=lambda m: m["number"] is not None) for _ in range(3)]
        self.assertEqual([int(m["number"]) for m in taken], [1, 2, 3])
        self.assertEqual([Presence(m.payload).connected for m in taken if m.topic.endswith("presence")], [True, False])


class Snapshots(Base):
    def test_a_missing_or_damaged_snapshot_stops_the_broker(self):
        self.begin(start=False)
        good = self.rig.snapshot.read_bytes()
        damaged = bytearray(good)
        damaged[100] ^= 1
        header = bytearray(good)
        header[20] ^= 1
        for content in (None, b"", good[:-1], good[:63], good + b"\0", bytes(damaged), bytes(header)):
            with self.subTest(size=None if content is None else len(content)):
                self.rig.snapshot.unlink(missing_ok=True)
                if content is not None:
                    self.rig.snapshot.write_bytes(content)
                self.assertNotEqual(self.rig.start(expect_failure=True), 0)
        self.rig.snapshot.write_bytes(good)
        self.rig.start()
        self.rig.device(self.thing).ping()

    def test_missing_options_stop_the_broker(self):
        self.begin(start=False)
        whole = self.rig.configuration()
        for line in ("plugin_opt_snapshot", "plugin_opt_service_certificate", "plugin_opt_region"):
            self.rig.configuration = lambda line=line: "\n".join(
                text for text in whole.splitlines() if not text.startswith(line)) + "\n"
            self.assertNotEqual(self.rig.start(expect_failure=True), 0)
        self.rig.configuration = lambda: whole.replace("plugin_opt_region", "plugin_opt_regoin")
        self.assertNotEqual(self.rig.start(expect_failure=True), 0)
        self.rig.process = None

    def delta(self, service, lines, flag="delta", sequence=None):
        self.rig.sequence = self.rig.sequence + 1 if sequence is None else sequence
        return service.publish("daruma/gate/1/delta", self.rig.snapshot_bytes(self.lines_of(lines), flag=flag), 1)

    def lines_of(self, lines):
        return OTA_POLICY + OPEN_POLICY + "thing thing-0\n" + lines

    def went(self, service, client_id="thing-0"):
        return Presence(service.receive(match=lambda m: m.topic.endswith("presence") and
                                        Presence(m.payload).client_id == client_id and
                                        not Presence(m.payload).connected).payload)

    def test_revocation_kicks_at_once(self):
        for status in ("REVOKED", "INACTIVE", "REMOVED"):
            with self.subTest(status=status):
                self.begin()
                service = self.rig.service()
                service.greet()
                device = self.rig.device(self.thing, version=5)
                self.assertEqual(self.delta(service, f"certificate {self.thing.id} {status} ota thing-0\n"), 0x10)
                device.expect_closed()
                self.assertEqual(self.went(service).reason, "SERVER_INITIATED_DISCONNECT")
                with self.assertRaises(Refused):
                    self.rig.device(self.thing)
                self.rig.device(self.open, "open").ping()
                self.rig.close()
        self.rig = None

    def test_a_revoked_client_gets_nothing_on_its_way_out(self):
        self.begin()
        service = self.rig.service()
        service.greet()
        device = self.rig.device(self.thing)
        device.subscribe("$aws/things/thing-0/jobs/notify")
        # In one write: the revocation, and a message that was on its way.
        self.rig.sequence += 1
        body = self.rig.snapshot_bytes(self.lines_of(f"certificate {self.thing.id} REVOKED ota thing-0\n"), flag="delta")
        service.publish_nowait("daruma/gate/1/delta", body, 1)
        service.publish_nowait("daruma/1/pub/$aws/things/thing-0/jobs/notify", b"secret", 1)
        device.expect_closed()
        self.assertEqual(device.inbox, [])

    def test_a_new_certificate_and_a_new_policy(self):
        self.begin()
        service = self.rig.service()
        service.greet()
        fresh = self.rig.pki.identity("fresh")
        with self.assertRaises(Refused):
            self.rig.device(fresh, "thing-0")
        self.delta(service, f"certificate {fresh.id} ACTIVE ota thing-0\n")
        device = self.rig.device(fresh, "thing-0")
        self.assertEqual(device.publish("app/thing-0/x"), 0)
        self.rig.sequence += 1
        poorer = OTA_POLICY.replace("policy ota", "policy poor").replace(
            "allow iot:Publish " + gate_rig.ARN + "topic/app", "deny iot:Publish " + gate_rig.ARN + "topic/app")
        body = self.rig.snapshot_bytes(poorer + f"thing thing-0\ncertificate {fresh.id} ACTIVE poor thing-0\n",
                                       flag="delta")
        service.publish("daruma/gate/1/delta", body, 1)
        device.ping()  # still connected
        device.publish_nowait("app/thing-0/x", b"", 1)
        device.expect_closed()

    def test_who_may_no_longer_connect_is_kicked(self):
        self.begin()
        service = self.rig.service()
        service.greet()
        device = self.rig.device(self.thing)
        self.delta(service, f"certificate {self.thing.id} ACTIVE - thing-0\n")
        device.expect_closed()

    def test_a_gap_makes_the_gate_read_the_file(self):
        self.begin()
        service = self.rig.service()
        service.greet()
        fresh = self.rig.pki.identity("fresh")
        device = self.rig.device(self.thing)
        # Deltas 1 and 2 were lost; the file has them: a new certificate, and ours is gone.
        self.rig.write_snapshot(self.lines_of(f"certificate {fresh.id} ACTIVE open -\n"), sequence=2)
        self.delta(service, f"certificate {self.open.id} ACTIVE open -\n", sequence=3)
        device.expect_closed()
        self.rig.device(fresh, "fresh").ping()
        self.rig.device(self.open, "open").ping()

    def test_reload_by_command_and_a_damaged_file(self):
        self.begin()
        service = self.rig.service()
        service.greet()
        good = self.rig.snapshot.read_bytes()
        damaged = self.rig.directory / "damaged"
        damaged.write_bytes(good[:-4] + b"oops")
        damaged.rename(self.rig.snapshot)
        self.delta(service, "", flag="reload")
        wait_for("the refusal", lambda: "refused, the last one stays" in self.rig.log())
        self.rig.device(self.thing).ping()
        fresh = self.rig.pki.identity("fresh")
        self.rig.write_snapshot(self.lines_of(f"certificate {fresh.id} ACTIVE open -\n"))

        def connects():
            try:
                return self.rig.device(fresh, "fresh")
            except Refused:
                return None
        self.delta(service, "", flag="reload")
        wait_for("the new file", connects)

    def test_damaged_deltas_are_refused(self):
        self.begin()
        service = self.rig.service()
        service.greet()
        self.rig.sequence += 1
        body = self.rig.snapshot_bytes(self.lines_of(f"certificate {self.thing.id} REVOKED ota thing-0\n"), flag="delta")
        for damaged in (b"", body[:-1], body[:40], body[:70] + b"x" + body[71:]):
            self.assertEqual(service.publish("daruma/gate/1/delta", damaged, 1), 0x87)
        self.rig.device(self.thing).ping()

    def test_a_repeated_delta_changes_nothing(self):
        self.begin()
        service = self.rig.service()
        service.greet()
        self.delta(service, f"certificate {self.thing.id} REVOKED ota thing-0\n")
        self.delta(service, f"certificate {self.thing.id} ACTIVE ota thing-0\n")
        self.delta(service, f"certificate {self.thing.id} REVOKED ota thing-0\n", sequence=1)
        self.rig.device(self.thing).ping()

    def test_without_a_service_the_known_stay_known(self):
        self.begin()
        service = self.rig.service()
        service.greet()
        service.abandon()
        self.rig.device(self.thing).ping()
        with self.assertRaises(Refused):
            self.rig.device(self.rig.pki.identity("fresh"), "fresh")

    def test_the_file_may_be_replaced_under_the_broker(self):
        """A mapped file that is replaced, not written in place, stays readable."""
        self.begin()
        for sequence in range(3):
            self.rig.write_snapshot(self.lines, sequence=sequence)
            self.rig.device(self.thing).ping()

    def test_fifty_deltas(self):
        self.begin()
        service = self.rig.service()
        service.greet()
        for round_number in range(50):
            status = "ACTIVE" if round_number % 2 else "INACTIVE"
            self.delta(service, f"certificate {self.thing.id} {status} ota thing-0\n")
        self.rig.device(self.thing).ping()


class Shutdown(Base):
    def test_the_broker_ends_cleanly_with_everything_pending(self):
        self.begin()
        device = self.rig.device(self.thing, will=("app/thing-0/w", "x", 1, False))
        device.publish(TOPIC, "x")
        self.rig.process.terminate()
        self.assertEqual(self.rig.process.wait(timeout=20), 0)

    def test_reread_of_the_configuration(self):
        """SIGHUP asks the plugin about connected clients again: they stay, and the gate stays consistent."""
        self.begin()
        service = self.rig.service()
        service.greet()
        device = self.rig.device(self.thing)
        offline = self.rig.device(self.open, "offline", clean=False)
        offline.subscribe("app/x")
        offline.disconnect()
        self.rig.process.send_signal(1)
        wait_for("the reload", lambda: "Reloading config" in self.rig.log())
        device.publish(TOPIC, "x")
        message = service.incoming()
        service.answer(message, "$aws/things/thing-0/jobs/get/accepted", b"a")
        self.assertEqual(device.receive().payload, b"a")
        self.assertTrue(self.rig.device(self.open, "offline", clean=False).session_present)


if __name__ == "__main__":
    unittest.main()
