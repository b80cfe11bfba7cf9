# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Devices that are not ours: clients that behave on the wire as AWS's own agents do, each with its own habits.

`ClassicAgent` is the OTA agent library that was shipped in firmware until 2023; `ModularAgent` is the pair of libraries
(jobs, file streams) that came after it. They take a connection that only they use, keep what a device keeps over a reset
in themselves, and stop with `Odd` on whatever would make the real ones stop, restart or misread.
"""
import base64
import json
import struct
import subprocess

BLOCK_BYTES = 4096
MESSAGE_BYTES_MAX = 4096 + 128  # what the classic agent's demo has room for


class Odd(AssertionError):
    """The service did what the real agent could not live with."""


# ----- CBOR, as much as streams need

def _cbor_head(kind, number):
    for extra, form, bound in ((None, "", 24), (24, "B", 1 << 8), (25, ">H", 1 << 16), (26, ">I", 1 << 32)):
        if number < bound:
            return bytes([kind << 5 | number]) if extra is None else bytes([kind << 5 | extra]) + struct.pack(form, number)
    raise ValueError(number)


def cbor(value):
    if isinstance(value, int):
        return _cbor_head(0, value)
    if isinstance(value, bytes):
        return _cbor_head(2, len(value)) + value
    if isinstance(value, str):
        return _cbor_head(3, len(value.encode())) + value.encode()
    return _cbor_head(5, len(value)) + b"".join(cbor(key) + cbor(item) for key, item in value.items())


def _uncbor(data, at):
    kind, extra = data[at] >> 5, data[at] & 31
    at += 1
    number = extra
    if 24 <= extra <= 27:
        size = 1 << (extra - 24)
        number = int.from_bytes(data[at:at + size], "big")
        at += size
    elif extra > 27 and not (extra == 31 and kind == 5):
        raise Odd(f"CBOR item {data[at - 1]:#x}")
    if kind == 0:
        return number, at
    if kind in (2, 3):
        raw = data[at:at + number]
        if len(raw) != number:
            raise Odd("CBOR string cut off")
        return (raw if kind == 2 else raw.decode()), at + number
    if kind == 5:
        items = {}
        while (data[at] != 0xFF) if extra == 31 else (len(items) < number):
            key, at = _uncbor(data, at)
            items[key], at = _uncbor(data, at)
        return items, at + (1 if extra == 31 else 0)
    raise Odd(f"CBOR major type {kind}")


def uncbor(data):
    value, at = _uncbor(data, 0)
    if at != len(data):
        raise Odd("bytes behind the CBOR item")
    return value


# ----- what both have

class Agent:
    """A device with one image slot beside the running one.

    connect() opens a connection (mqtt_raw.Client); public_key is a PEM file; versions are (major, minor, build)."""

    def __init__(self, connect, thing, version, public_key):
        self.connect, self.thing, self.version, self.public_key = connect, thing, version, public_key
        self.previous = None  # the version before the one on trial: set from the activation to the commit
        self.client = None
        self.jobs = f"$aws/things/{thing}/jobs"
        self.requests = []  # blocks asked for, by request

    def power_on(self):
        self.client = self.connect()

    def power_off(self):
        self.client.abandon()
        self.client = None

    def publish(self, topic, body, qos):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.client.publish(topic, raw, qos)

    def answer(self, topic):
        """The answer to a request, on a topic that was never subscribed to."""
        return json.loads(self.client.receive(match=lambda m: m.topic.startswith(topic + "/")).payload)

    def signature_holds(self, data, text):
        """The signature covers the file's bytes as they are."""
        scratch = self.public_key.parent
        (scratch / f"{self.thing}.signature").write_bytes(base64.b64decode(text, validate=True))
        (scratch / f"{self.thing}.file").write_bytes(data)
        done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", self.public_key, "-signature",
                               scratch / f"{self.thing}.signature", scratch / f"{self.thing}.file"], capture_output=True)
        return done.returncode == 0

    def check_block(self, block, wanted, size):
        """Index and data of a block, which the real agents take only if it is exactly as big as it must be."""
        index, last = block["i"], (size - 1) // BLOCK_BYTES
        right = BLOCK_BYTES if index < last else size - last * BLOCK_BYTES
        if index > last or block["l"] != right or len(block["p"]) != right or block["f"] != 0:
            raise Odd(f"block {index} of {last + 1}: l {block['l']}, {len(block['p'])} bytes")
        if index not in wanted:
            raise Odd(f"block {index} was not asked for")
        return index, block["p"]


def parse_document(document):
    """The one file of an afr_ota document; None if a required member is missing."""
    ota = document.get("afr_ota")
    if not isinstance(ota, dict) or not ota.get("protocols") or not ota.get("files"):
        return None
    file = ota["files"][0]
    if len(json.dumps(ota["protocols"])) > 19 or len(ota.get("streamname", "")) > 44:
        raise Odd("the document does not fit the agent's buffers")
    if not file.get("filesize") or "fileid" not in file:
        return None
    return {**file, "stream": ota.get("streamname"), "protocols": ota["protocols"]}


# ----- the classic agent

class ClassicAgent(Agent):
    BATCH = 8

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.counter = 0
        self.lose = set()      # blocks that the network eats, once each
        self.stop_after = None  # blocks after which block_hook is called
        self.block_hook = None
        self.empty_updates = 0

    @staticmethod
    def word(version):
        return f"0x{version[0] << 24 | version[1] << 16 | version[2]:08x}"

    @staticmethod
    def name(version):
        return ".".join(str(part) for part in version)

    def token(self):
        """The last digit of the counter gets lost, so tokens repeat."""
        text = str(self.counter)[:-1]
        self.counter += 1
        return f"{text}:{self.thing[:53]}"

    def power_on(self):
        super().power_on()
        self.client.subscribe(self.jobs + "/notify-next", 1)

    def next_job(self):
        """The execution, or None: what notify-next has brought, else what is asked for. The answer comes by itself,
        without a subscription."""
        self.client.ping()
        told = [m for m in self.client.inbox if m.topic == self.jobs + "/notify-next"]
        self.client.inbox.clear()
        if told:
            return json.loads(told[-1].payload).get("execution")
        token = self.token()
        self.publish(self.jobs + "/$next/get", {"clientToken": token}, 1)
        message = self.client.receive(match=lambda m: m.topic == self.jobs + "/$next/get/accepted")
        if len(message.payload) + len(message.topic) > MESSAGE_BYTES_MAX:
            raise Odd(f"{len(message.payload)} bytes of job do not fit")
        body = json.loads(message.payload)
        if "execution" not in body and sorted(body) != ["clientToken", "timestamp"]:
            raise Odd(f"nothing pending is said as {body}")
        return body.get("execution")

    def status(self, job, status, details, qos=1):
        self.publish(f"{self.jobs}/{job}/update", {"status": status, "statusDetails": details}, qos)

    def fail(self, job, main, sub=0):
        self.status(job, "FAILED", {"reason": f"0x{main:08x}: 0x{sub:08x}"})
        return "failed"

    def run(self):
        """Do what there is to do; how it ended: idle, installed, committed, failed, rejected, cancelled, reverted."""
        execution = self.next_job()
        if execution is None:
            # A platform on trial that finds no job waits for its timer, then goes back.
            return self.revert() if self.previous else "idle"
        job, details = execution["jobId"], execution.get("statusDetails", {})
        file = parse_document(execution["jobDocument"])
        if file is None or "sig-sha256-ecdsa" not in file:
            return self.fail(job, 0xC, 4)
        if "MQTT" not in file["protocols"]:
            self.status(job, "FAILED", {"reason": "aborted: 0x0000000d"})
            return "failed"
        if "self_test" in details:
            return self.self_test(job, int(details["updatedBy"], 0))
        return self.download(job, file)

    # -- bytes

    def request(self, topic, file, missing):
        """The whole file's bitmap, every time."""
        bitmap = bytearray((file["blocks"] + 7) // 8)
        for index in missing:
            bitmap[index // 8] |= 1 << index % 8
        self.client.publish(topic + "/get/cbor", cbor({
            "c": "rdy", "f": file["fileid"], "l": BLOCK_BYTES, "o": 0, "b": bytes(bitmap), "n": self.BATCH}), 0)
        asked = sorted(missing)[:self.BATCH]
        self.requests.append(asked)
        return asked

    def download(self, job, file):
        size, topic = file["filesize"], f"$aws/things/{self.thing}/streams/{file['stream']}"
        file["blocks"] = (size + BLOCK_BYTES - 1) // BLOCK_BYTES
        self.client.subscribe(topic + "/data/cbor", 0)
        data, missing = bytearray(size), set(range(file["blocks"]))
        while missing:
            asked = set(self.request(topic, file, missing))
            while asked:
                message = self.client.receive(
                    match=lambda m: m.topic in (topic + "/data/cbor", self.jobs + "/notify-next"))
                if message.topic.endswith("notify-next"):
                    return self.interrupted(message)
                index, part = self.check_block(uncbor(message.payload), asked, size)
                asked.discard(index)
                if index in self.lose:
                    self.lose.discard(index)  # comes again once the request timer has run out
                    continue
                data[index * BLOCK_BYTES:index * BLOCK_BYTES + len(part)] = part
                missing.discard(index)
                done = file["blocks"] - len(missing)
                if done % 25 == 1:
                    self.status(job, "IN_PROGRESS", {"receive": f"{done}/{file['blocks']}"}, 0)
                if done == self.stop_after:
                    self.stop_after = None
                    self.block_hook()
        return self.close(job, file, bytes(data))

    def interrupted(self, message):
        """Any job message in mid-download makes it drop the file; an empty one means that the job is gone."""
        if "execution" in json.loads(message.payload):
            raise Odd("a notification for the job under way: the agent would start again at block 0")
        return "cancelled"

    def close(self, job, file, data):
        if not self.signature_holds(data, file["sig-sha256-ecdsa"]):
            return self.fail(job, 0xE3)
        if file.get("fileType", 0) != 0:
            self.status(job, "SUCCEEDED", {"reason": "accepted  v0.0." + str(file["fileType"])})
            return "committed"
        self.status(job, "IN_PROGRESS", {"self_test": "ready", "updatedBy": self.word(self.version)})
        # The image says its own version in its first line.
        self.previous, self.version = self.version, tuple(int(part) for part in data.split(b"\n", 1)[0].split(b"."))
        self.client.unsubscribe(f"$aws/things/{self.thing}/streams/{file['stream']}/data/cbor")
        self.client.unsubscribe(f"$aws/things/{self.thing}/streams//data/cbor")
        self.power_off()
        return "installed"

    # -- the new image

    def revert(self):
        self.version, self.previous = self.previous, None
        self.power_off()
        return "reverted"

    def self_test(self, job, updated_by):
        running = int(self.word(self.version), 0)
        if self.previous is None:
            self.status(job, "FAILED", {"reason": "rejected: 0x00000011"})
            return "rejected"
        if running <= updated_by:
            reason = 0x10 if running == updated_by else 0xF
            self.status(job, "FAILED", {"reason": f"rejected: 0x{reason:08x}"})
            self.revert()
            return "rejected"
        self.status(job, "IN_PROGRESS", {"self_test": "active", "updatedBy": self.word(self.version)})
        self.status(job, "SUCCEEDED", {"reason": f"accepted  v{self.name(self.version)}",
                                       "updatedBy": f"  v{self.name(self.previous)}"})
        self.previous = None
        return "committed"


# ----- the libraries after it

class ModularAgent(Agent):
    """start-next, one block a request, SUCCEEDED with the version that one start-next must have led to."""

    def __init__(self, *args, dialect="cbor", **kwargs):
        super().__init__(*args, **kwargs)
        self.dialect = dialect
        self.lose = set()
        self.stop_after = None
        self.block_hook = None

    def request(self, topic, file, index):
        if self.dialect == "cbor":
            # The bitmap is a text of four characters that nobody meant as one; its first bit happens to be set.
            body = cbor({"c": "rdy", "f": file["fileid"], "l": BLOCK_BYTES, "o": index, "b": b"MQ==", "n": 1})
        else:
            body = json.dumps({"s": 1, "f": file["fileid"], "l": BLOCK_BYTES, "o": index, "n": 1}).encode()
        self.requests.append([index])
        self.client.publish(f"{topic}/get/{self.dialect}", body, 0)

    def read(self, message):
        if self.dialect == "cbor":
            return uncbor(message.payload)
        block = json.loads(message.payload)
        return {**block, "p": base64.b64decode(block["p"], validate=True)}

    def start(self):
        self.publish(self.jobs + "/start-next", {"clientToken": "test"}, 0)
        return self.answer(self.jobs + "/start-next").get("execution")

    def finish(self, job, status, expected="2"):
        self.publish(f"{self.jobs}/{job}/update", {"status": status, "expectedVersion": expected, "clientToken": "end"}, 0)
        return self.answer(f"{self.jobs}/{job}/update")

    def run(self):
        """(how it ended, the answer to the last update)"""
        execution = self.start()
        if execution is None:
            return "idle", None
        file = parse_document(execution["jobDocument"])
        for name in ("filepath", "certfile", "sig-sha256-ecdsa"):
            if file is None or name not in file:
                raise Odd(f"the document has no {name}")
        data = self.download(file)
        good = self.signature_holds(data, file["sig-sha256-ecdsa"])
        answer = self.finish(execution["jobId"], "SUCCEEDED" if good else "FAILED")
        return ("committed" if good else "failed"), answer

    def download(self, file):
        size, topic = file["filesize"], f"$aws/things/{self.thing}/streams/{file['stream']}"
        count = (size + BLOCK_BYTES - 1) // BLOCK_BYTES
        data_topic = f"{topic}/data/{self.dialect}"
        self.client.subscribe(data_topic, 0)
        data = bytearray(size)
        index = 0
        while index < count:
            self.request(topic, file, index)
            block = self.read(self.client.receive(match=lambda m: m.topic == data_topic))
            got, part = self.check_block(block, {index}, size)
            if got in self.lose:
                self.lose.discard(got)
                continue
            data[index * BLOCK_BYTES:index * BLOCK_BYTES + len(part)] = part
            index += 1
            if index == self.stop_after:
                self.stop_after = None
                self.block_hook()
        return bytes(data)
