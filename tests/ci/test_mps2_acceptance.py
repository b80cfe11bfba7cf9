#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The end-to-end cases by which AWS qualifies an OTA port, by their names, on the Cortex-M3 board (docs/acceptance.md).

One cloud and one device, which runs one case after the other. Each says exactly how its job ends, and what runs
afterwards: version, slot, state, counters, and, where nothing may have happened, that the board was not reset.
Images carry no sequence here: their version is their order, as in those cases.
"""
import json
import pathlib
import re
import struct
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "harness"), str(HERE.parent / "system")]
import api  # noqa: E402
from mps2 import BAD, ENDED, GOOD, LAYOUT, FirmwareTest  # noqa: E402
from mqtt_raw import let_in  # noqa: E402
from proxy import Proxy  # noqa: E402
from world import wait_for  # noqa: E402

KIB = 1024
FAST, SLOW = 10_000_000, 150_000  # bytes a second, from the cloud to the device
LONG = 300 * KIB  # a file that is a while on its way over the slow link
HEAD_AND_TAIL = 4 * 4096  # bytes, at most
TLV_PROTECTED, TLV_OPEN = 0x6908, 0x6907
KEY_HASH, RSA2048, ECDSA_P256 = 0x01, 0x20, 0x22
STACK_TOP = 0x20020000
TEXT = b"This is text, not a program, though somebody signed it. "


def open_tlvs(image):
    """Where the part of an image begins that its digest does not cover, and its entries: (type, value)."""
    header_size, protected_size, payload_size = struct.unpack_from("<HHI", image, 8)
    begin = header_size + payload_size + protected_size
    magic, size = struct.unpack_from("<HH", image, begin)
    assert magic == TLV_OPEN and begin + size == len(image), "the image is not laid out as expected"
    entries, at = [], begin + 4
    while at < len(image):
        kind, length = struct.unpack_from("<HH", image, at)
        entries.append((kind, image[at + 4:at + 4 + length]))
        at += 4 + length
    return begin, entries


def with_open_tlvs(image, change):
    """The image with each of these entries replaced by what change() makes of it: a list of entries."""
    begin, entries = open_tlvs(image)
    body = b"".join(struct.pack("<HH", kind, len(value)) + value
                    for entry in entries for kind, value in change(*entry))
    return image[:begin] + struct.pack("<HH", TLV_OPEN, 4 + len(body)) + body


class Acceptance(FirmwareTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        settings = cls.world.settings()
        cls.links = []
        for port in (settings["mqtt_port"], settings["api"].rsplit(":", 1)[1]):
            cls.links.append(Proxy(int(port), FAST))
            cls.addClassCleanup(cls.links[-1].close)
        cls.board = None
        cls.before = None  # what the device showed when a step of a case began
        cls.boards = cls.offers = 0

    def setUp(self):
        """The one device, as the case before left it; another one, should that not have been well."""
        for link in self.links:
            link.rate, link.down, link.to_client_bytes = FAST, False, 0
        if self.board is None:
            type(self).boards += 1
            type(self).board = self.device(f"front-door-{self.boards}", keep=True)
            self.reroute(self.links)
            self.board.verb("power", "cycle")
            self.board.wait_line("connected: localhost", 2)
        self.addCleanup(self.explain, self.board)
        self.addCleanup(self.abandon)
        self.before = self.board.show()
        if self.before["slot"] == "factory":  # what comes back is to be an image of a slot, with a counter of its own
            path, version = self.image(counter=1)
            self.succeeded(self.offer(path), version, security=1)

    def abandon(self):
        """Nothing is known about the device of a case that failed."""
        result = self._outcome.result
        if any(case is self for case, _ in result.errors + result.failures):
            self.board.off()
            type(self).board = None

    def reroute(self, links):
        """The device's ways to the broker and to the API, for its next connections."""
        (self.board.path / "net.conf").write_text("".join(
            f"{name} 127.0.0.1:{link.port}\n" for name, link in zip(("localhost", "127.0.0.1"), links)))

    # ----- images and offers

    def image(self, behaviour="good", version=None, program=None, **fields):
        """(path, version) of a signed image, newer than all before it and with the counter that the device is at."""
        type(self).made += 1
        version = version or f"1.{self.made}.0"
        counter = self.before["counters"]["security"] if self.before else 0
        fields = {"limits": GOOD if behaviour == "good" else BAD, "counter": counter, **LAYOUT, **fields}
        return self.world.image(program or f"firmware-mps2-{behaviour}.bin", version, **fields), version

    def altered(self, change):
        """A signed image whose bytes were changed afterwards."""
        path, version = self.image()
        data = change(path.read_bytes())
        path.write_bytes(data)
        return path, version

    def payload(self, name, data):
        path = self.world.dir / name
        path.write_bytes(data)
        return path

    def offer(self, image, *options):
        """The update's name."""
        type(self).offers += 1
        update = f"u{self.offers}"
        self.world.run("update", "create", image, self.board.name, "--id", update, *options)
        return update

    def counters(self):
        """What the broker and the API have delivered to the device; they tell it every quarter of a second."""
        def settled():
            first = self.world.thing(self.board.name)["counters"]
            time.sleep(0.3)
            return first if self.world.thing(self.board.name)["counters"] == first else None
        seen = wait_for("the counters settle", settled, 20)
        return seen.get("streamBytes", 0), seen.get("httpBytes", 0)

    # ----- how a case ends

    def succeeds(self, image, *options):
        """Offered, taken, sealed in the other slot."""
        self.succeeded(self.offer(image[0], *options), image[1])

    def succeeded(self, update, version, security=None):
        before = self.board.show()
        execution = self.ended(self.board, update)
        self.assert_job(execution, "SUCCEEDED")
        wanted = before["counters"]["security"] if security is None else security
        self.assert_runs(self.board, version, "B" if self.before["slot"] == "A" else "A", "sealed", security=wanted)
        self.before = self.board.show()

    def still_runs(self, boots=0):
        """What ran before runs, as it did, after so many resets."""
        before = self.before
        report = self.assert_runs(self.board, before["version"], before["slot"], "sealed",
                                  security=before["counters"]["security"])
        after = self.board.show()
        self.assertEqual((after["digest"], after["boots"] - before["boots"]), (before["digest"], boots))
        return report

    def refused(self, image, reason, most_bytes=HEAD_AND_TAIL, boots=0):
        """Fails for this without ever having run, and nothing has changed; of the file, no more than this was fetched.
        boots: 1 where only the boot ROM finds it."""
        begin, starts = self.counters(), len(self.board.handoffs())
        execution = self.ended(self.board, self.offer(image[0], "--unchecked"))
        self.assert_job(execution, "FAILED", reason)
        fetched = sum(self.counters()) - sum(begin)
        self.assertLessEqual(fetched, most_bytes)
        self.still_runs(boots)
        self.assertEqual(len(self.board.handoffs()), starts + boots)
        self.assertEqual({start[1] for start in self.board.handoffs()[starts:]}, {self.before["version"]} if boots else set())
        self.before = self.board.show()

    def rolled_back(self, image, reason):
        """Taken, tried three times, undone."""
        execution = self.ended(self.board, self.offer(image[0]))
        self.assert_job(execution, "FAILED", reason, "3")
        report = self.still_runs(boots=4)
        self.assertEqual((report["bootReason"], report["lastReason"]), (reason, reason), report)
        tries = [start for start in self.board.handoffs() if start[1] == image[1]]
        spare = "B" if self.before["slot"] == "A" else "A"
        self.assertEqual(tries, 3 * [(spare, image[1], "candidate", "normal", "normal")])

    # ----- the cases

    def test_greater_version(self):
        path, version = self.image(counter=self.before["counters"]["security"] + 1)
        self.succeeded(self.offer(path), version, security=self.before["counters"]["security"] + 1)

    def test_back_to_back_downloads(self):
        for _ in range(3):
            self.succeeds(self.image())

    def test_same_version(self):
        self.refused(self.image(version=self.before["version"], tlv="0x00a0=01"), "order_not_above")

    def test_previous_version(self):
        self.refused(self.image(version="0.8.0"), "order_not_above")

    def test_unsigned_image(self):
        """Neither a signature nor the name of a key; then a name without a signature."""
        for kinds, reason in (((KEY_HASH, ECDSA_P256), "image_unsigned"), ((ECDSA_P256,), "image_tlv_entry")):
            self.refused(self.altered(lambda data, kinds=kinds: with_open_tlvs(
                data, lambda kind, value: [] if kind in kinds else [(kind, value)])), reason)

    def test_untrusted_certificate(self):
        self.refused(self.image(key="stranger"), "image_key")

    def test_incorrect_signing_algorithm(self):
        self.refused(self.altered(lambda data: with_open_tlvs(
            data, lambda kind, value: [(RSA2048, bytes(256))] if kind == ECDSA_P256 else [(kind, value)])),
            "image_tlv_entry")

    def test_corrupt_signature(self):
        def flip(kind, value):
            return [(kind, value[:-1] + bytes([value[-1] ^ 1]) if kind == ECDSA_P256 else value)]
        self.refused(self.altered(lambda data: with_open_tlvs(data, flip)), "image_signature")

    def test_corrupt_image_after_signing(self):
        """Found when all of it is there, fetched anew once, and given up."""
        image = self.altered(lambda data: data[:20000] + bytes([data[20000] ^ 1]) + data[20001:])
        self.refused(image, "flash_or_source", 2 * image[0].stat().st_size + 2 * HEAD_AND_TAIL)

    def test_corrupt_image_before_signing(self):
        """Text has no place to begin at: the boot ROM does not start it. With the first words of a program it runs, and is
        undone."""
        text = (TEXT * (42_500 // len(TEXT) + 1))[:42_500]
        image = self.image(program=self.payload("text", text))
        self.refused(image, "load_window", image[0].stat().st_size + HEAD_AND_TAIL, boots=1)
        start = struct.pack("<II", STACK_TOP, int(LAYOUT["load_address"], 0) + LAYOUT["header_size"] + 0x201)
        self.rolled_back(self.image(program=self.payload("text-with-a-start", start + text[8:]), limits=BAD), "lock_up")

    def test_image_crashed(self):
        self.rolled_back(self.image("crash-fault"), "crash")

    def test_single_byte_image(self):
        self.refused(self.image(program=self.payload("byte", b"\0")), "load_window", boots=1)

    def test_missing_filename(self):
        """A document without one of the fields that it must have, each in turn."""
        settings = self.world.settings()
        thing = api.request(settings, "GET", f"/things/{self.board.name}")["thingArn"]
        file = {"filepath": "firmware", "filesize": 1000, "fileid": 0, "certfile": "none", "sig-sha256-ecdsa": "none"}
        whole = {"protocols": ["MQTT"], "streamname": "no-such-stream", "files": [file]}
        documents = [{**whole, "files": [{key: file[key] for key in file if key != missing}]}
                     for missing in ("filesize", "fileid")]
        documents += [{key: whole[key] for key in whole if key != missing} for missing in ("protocols", "files")]
        for number, document in enumerate(documents):
            with self.subTest(document=document):
                job = f"lacking-{number}"
                api.request(settings, "PUT", f"/jobs/{job}", {"targets": [thing],
                                                             "document": json.dumps({"afr_ota": document})})

                def ended():
                    seen = api.request(settings, "GET", f"/things/{self.board.name}/jobs/{job}")["execution"]
                    return seen if seen["status"] in ENDED else None
                seen = wait_for(f"{job} ends", ended, 60, 0.1)
                self.assertEqual((seen["status"], seen["statusDetails"]["detailsMap"].get("reason")),
                                 ("REJECTED", "job_document"), seen)
        self.still_runs()

    def test_rollback_if_unable_to_connect_after_update(self):
        path, version = self.image(limits="8,8,1,2")
        update = self.offer(path)
        self.board.wait_line(f"hand-off: slot ., version {re.escape(version)}.* candidate")
        self.links[0].down = True
        self.board.wait_line("not healthy in time: no_cloud")
        self.links[0].down = False
        execution = self.ended(self.board, update)
        self.assert_job(execution, "FAILED", "no_cloud")
        report = self.still_runs(boots=2)
        self.assertEqual((report["bootReason"], report["lastReason"]), ("no_cloud", "no_cloud"), report)

    def in_mid_download(self):
        """A large image on its way, half of it there: its update and version."""
        self.links[0].rate = self.links[1].rate = SLOW
        path, version = self.image(pad_to=LONG)
        begin = self.links[0].to_client_bytes
        update = self.offer(path)
        wait_for("half of it", lambda: self.links[0].to_client_bytes - begin > LONG // 2, 60, 0.01)
        return update, version

    def kick_off(self):
        """Another client with the device's own name: the broker ends the device's connection. That client."""
        settings = self.world.settings()
        identity = api.second_certificate(settings, self.board.name, self.world.dir)
        offline = len(self.board.lines("agent: OFFLINE"))
        rival = let_in(settings, identity, self.board.name)
        self.addCleanup(rival.abandon)
        self.board.wait_line("agent: OFFLINE", offline + 1)
        return rival

    def never_started(self, version):
        self.assertEqual([start for start in self.board.handoffs() if start[1] == version], [])

    def test_disconnect_resume(self):
        begin = sum(self.counters())
        update, version = self.in_mid_download()
        self.kick_off().expect_closed(60)  # the device comes back by itself, and the other has to go
        self.succeeded(update, version)
        self.assertLess(sum(self.counters()) - begin, 1.4 * LONG)  # beginning anew would be more than 1.5

    def test_disconnect_cancel_update(self):
        update, dropped = self.in_mid_download()
        self.links[0].down = True
        self.kick_off()
        self.world.run("update", "cancel", update, "--force")
        self.links[0].down = False
        self.assert_job(self.ended(self.board, update), "CANCELED")
        self.still_runs()
        self.succeeds(self.image())
        self.never_started(dropped)

    def test_cancel_then_update(self):
        update, dropped = self.in_mid_download()
        self.world.run("update", "cancel", update, "--force")
        self.assertEqual(self.ended(self.board, update)["status"], "CANCELED")
        self.still_runs()
        self.succeeds(self.image())
        self.never_started(dropped)

    def test_two_updates_cancel_first(self):
        """And a third, of which the device has opened nothing yet, is cancelled too."""
        update, dropped = self.in_mid_download()
        path, version = self.image()
        second = self.offer(path)
        last, unopened = self.image()
        third = self.offer(last)
        for waiting in (second, third):
            self.assertEqual(self.execution(self.board, waiting)["status"], "QUEUED")
        self.world.run("update", "cancel", third)
        self.world.run("update", "cancel", update, "--force")
        self.succeeded(second, version)
        for canceled, its_version in ((update, dropped), (third, unopened)):
            self.assertEqual(self.execution(self.board, canceled)["status"], "CANCELED")
            self.never_started(its_version)

    def test_presigned_url_expired(self):
        """Good for one second, and the file is longer on its way."""
        self.links[1].rate = SLOW // 2
        path, version = self.image(pad_to=LONG)
        asked = len(self.board.lines("asking for a fresh URL"))
        mqtt, https = self.counters()
        begin = time.monotonic()
        self.succeeded(self.offer(path, "--protocol", "https", "--url-seconds", "1"), version)
        self.assertGreater(time.monotonic() - begin, 1)
        self.assertGreater(len(self.board.lines("asking for a fresh URL")), asked)
        after = self.counters()
        self.assertEqual(after[0], mqtt)
        self.assertLess(after[1] - https, path.stat().st_size + HEAD_AND_TAIL)

    def test_back_to_back_switch_protocol(self):
        """A bad signature by one way, a good image by the other; then the mirror image."""
        for first, second in (("mqtt", "https"), ("https", "mqtt")):
            path, version = self.altered(lambda data: with_open_tlvs(data, lambda kind, value: [
                (kind, value[:-1] + bytes([value[-1] ^ 1]) if kind == ECDSA_P256 else value)]))
            execution = self.ended(self.board, self.offer(path, "--unchecked", "--protocol", first))
            self.assert_job(execution, "FAILED", "image_signature")
            self.still_runs()
            self.never_started(version)
            self.travels(second, second)

    def travels(self, protocols, wanted):
        """A good image that arrives this way, and not a block of it the other way."""
        begin = self.counters()
        image = self.image()
        self.succeeds(image, "--protocol", protocols)
        mqtt, https = (now - before for now, before in zip(self.counters(), begin))
        used, unused = (mqtt, https) if wanted == "mqtt" else (https, mqtt)
        self.assertGreaterEqual(used, image[0].stat().st_size)
        self.assertEqual(unused, 0)

    def test_default_data_protocol(self):
        """Both are offered: the first of the two is taken."""
        self.travels("mqtt,https", "mqtt")
        self.travels("both", "https")


if __name__ == "__main__":
    unittest.main(verbosity=2)
