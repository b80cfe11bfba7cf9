# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A small MQTT 3.1.1 and 5 client over TLS, for tests: every byte is sent and read here, so that a test can say
exactly what crossed the wire. Single-threaded; every wait has a deadline."""
import select
import socket
import ssl
import struct
import time

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, UNSUBSCRIBE = 1, 2, 3, 4, 8, 9, 10
PINGREQ, PINGRESP, DISCONNECT = 12, 13, 14
USER_PROPERTY = 0x26
WAIT_S = 10.0

# Sizes of the properties we may meet that are not user properties.
_FIXED = {0x01: 1, 0x02: 4, 0x11: 4, 0x13: 2, 0x17: 1, 0x19: 1, 0x21: 2, 0x22: 2, 0x23: 2, 0x24: 1, 0x25: 1,
          0x27: 4, 0x28: 1, 0x29: 1, 0x2A: 1}
_TEXT = (0x03, 0x08, 0x09, 0x12, 0x15, 0x16, 0x1A, 0x1C, 0x1F)


class Closed(Exception):
    """The broker ended the connection."""


class Timeout(Exception):
    """Nothing came in time."""


class Refused(Exception):
    """CONNACK with a reason."""

    def __init__(self, code):
        super().__init__(f"refused with code {code:#x}")
        self.code = code


def text(value):
    raw = value if isinstance(value, bytes) else value.encode()
    return struct.pack(">H", len(raw)) + raw


def varint(number):
    out = bytearray()
    while True:
        number, digit = divmod(number, 128)
        out.append(digit | (128 if number else 0))
        if not number:
            return bytes(out)


def user_properties(pairs):
    body = b"".join(bytes([USER_PROPERTY]) + text(name) + text(value) for name, value in pairs)
    return varint(len(body)) + body


def read_varint(data, at):
    number = shift = 0
    while True:
        digit = data[at]
        at += 1
        number |= (digit & 127) << shift
        shift += 7
        if digit < 128:
            return number, at


def read_properties(data, at):
    """User properties as a list of pairs, and the offset behind all properties."""
    size, at = read_varint(data, at)
    end = at + size
    pairs = []
    while at < end:
        kind = data[at]
        at += 1
        if kind == USER_PROPERTY:
            pair = []
            for _ in range(2):
                length = struct.unpack_from(">H", data, at)[0]
                pair.append(data[at + 2:at + 2 + length].decode())
                at += 2 + length
            pairs.append(tuple(pair))
        elif kind in _FIXED:
            at += _FIXED[kind]
        elif kind in _TEXT:
            at += 2 + struct.unpack_from(">H", data, at)[0]
        else:
            raise ValueError(f"property {kind:#x}")
    return pairs, end


class Message:
    """One PUBLISH that came in."""

    def __init__(self, topic, payload, qos, retain, pairs):
        self.topic, self.payload, self.qos, self.retain, self.pairs = topic, payload, qos, retain, pairs

    def __getitem__(self, name):
        values = [value for key, value in self.pairs if key == name]
        return values[0] if values else None

    def __repr__(self):
        return f"<{self.topic} q{self.qos} {self.payload[:60]!r} {self.pairs}>"


class Client:
    """will: (topic, payload, qos, retain). version: 4 (3.1.1) or 5."""

    def __init__(self, port, context, client_id, version=4, clean=True, will=None, keepalive=60, receive_maximum=None,
                 session_expiry=None, username=None):
        self.version, self.client_id = version, client_id
        self.inbox, self.acks, self.suback = [], {}, {}
        self.buffer = b""
        self.next_id = 0
        self.session_present = False
        raw = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = raw
        try:
            self.socket = context.wrap_socket(raw, server_hostname="localhost") if context else raw
        except OSError as error:
            raw.close()
            raise Closed(str(error)) from error
        self.socket.setblocking(False)
        flags = (2 if clean else 0) | (0x80 if username else 0)
        body = text(client_id)
        if will:
            flags |= 4 | will[2] << 3 | (0x20 if will[3] else 0)
            body += (b"\0" if version == 5 else b"") + text(will[0]) + text(will[1])
        if username:
            body += text(username)
        properties = b""
        if version == 5:
            inner = b""
            if session_expiry is not None:
                inner += b"\x11" + struct.pack(">I", session_expiry)
            if receive_maximum is not None:
                inner += b"\x21" + struct.pack(">H", receive_maximum)
            properties = varint(len(inner)) + inner
        head = text("MQTT") + bytes([version, flags]) + struct.pack(">H", keepalive) + properties
        self.send(CONNECT << 4, head + body)
        try:
            kind, packet = self.read_packet(WAIT_S)
        except (Closed, Timeout):
            self.abandon()
            raise
        if kind >> 4 != CONNACK:
            raise Refused(-1)
        if packet[1] != 0:
            self.abandon()
            raise Refused(packet[1])
        self.session_present = packet[0] == 1

    # ---- bytes ----

    def send(self, head, body):
        data = memoryview(bytes([head]) + varint(len(body)) + body)
        deadline = time.monotonic() + WAIT_S
        while data:
            try:
                data = data[self.socket.send(data):]
            except (ssl.SSLWantWriteError, BlockingIOError):
                self.wait(deadline, write=True)
            except ssl.SSLWantReadError:
                self.wait(deadline)
            except OSError as error:
                raise Closed(str(error)) from error

    def wait(self, deadline, write=False):
        left = deadline - time.monotonic()
        if left <= 0:
            raise Timeout
        select.select([self.socket], [self.socket] if write else [], [], left)

    def fill(self, deadline):
        while True:
            try:
                data = self.socket.recv(65536)
            except (ssl.SSLWantReadError, BlockingIOError):
                self.wait(deadline)
                continue
            except OSError as error:
                raise Closed(str(error)) from error
            if not data:
                raise Closed("end of stream")
            self.buffer += data
            return

    def read_packet(self, wait_s):
        deadline = time.monotonic() + wait_s
        while True:
            try:
                size, start = read_varint(self.buffer, 1)
                if len(self.buffer) >= start + size:
                    kind, body = self.buffer[0], self.buffer[start:start + size]
                    self.buffer = self.buffer[start + size:]
                    return kind, body
            except IndexError:
                pass
            self.fill(deadline)

    # ---- packets ----

    def step(self, wait_s):
        """Read one packet and sort it in."""
        kind, body = self.read_packet(wait_s)
        if kind >> 4 == PUBLISH:
            self.take_publish(kind, body)
        elif kind >> 4 == PUBACK:
            self.acks[struct.unpack_from(">H", body)[0]] = body[2] if len(body) > 2 else 0
        elif kind >> 4 == SUBACK:
            at = read_properties(body, 2)[1] if self.version == 5 else 2
            self.suback[struct.unpack_from(">H", body)[0]] = list(body[at:])
        elif kind >> 4 == DISCONNECT:
            raise Closed(f"DISCONNECT {body.hex()}")

    def take_publish(self, kind, body):
        qos = kind >> 1 & 3
        length = struct.unpack_from(">H", body)[0]
        topic, at = body[2:2 + length].decode(), 2 + length
        packet_id = None
        if qos:
            packet_id = struct.unpack_from(">H", body, at)[0]
            at += 2
        pairs = []
        if self.version == 5:
            pairs, at = read_properties(body, at)
        self.inbox.append(Message(topic, body[at:], qos, bool(kind & 1), pairs))
        if qos:
            self.send(PUBACK << 4, struct.pack(">H", packet_id))

    def publish_nowait(self, topic, payload=b"", qos=0, retain=False, pairs=()):
        body = text(topic)
        packet_id = None
        if qos:
            self.next_id = packet_id = self.next_id % 65535 + 1
            body += struct.pack(">H", packet_id)
        if self.version == 5:
            body += user_properties(pairs)
        raw = payload if isinstance(payload, bytes) else payload.encode()
        self.send(PUBLISH << 4 | qos << 1 | (1 if retain else 0), body + raw)
        return packet_id

    def publish(self, topic, payload=b"", qos=1, retain=False, pairs=(), wait_s=WAIT_S):
        """Returns the PUBACK's reason code (0 with QoS 0)."""
        packet_id = self.publish_nowait(topic, payload, qos, retain, pairs)
        return 0 if packet_id is None else self.await_ack(packet_id, wait_s)

    def await_ack(self, packet_id, wait_s=WAIT_S):
        deadline = time.monotonic() + wait_s
        while packet_id not in self.acks:
            self.step(max(0.0, deadline - time.monotonic()))
        return self.acks.pop(packet_id)

    def subscribe(self, topic_filter, qos=1):
        """Returns the SUBACK's code."""
        self.next_id = packet_id = self.next_id % 65535 + 1
        properties = b"\0" if self.version == 5 else b""
        self.send(SUBSCRIBE << 4 | 2, struct.pack(">H", packet_id) + properties + text(topic_filter) + bytes([qos]))
        deadline = time.monotonic() + WAIT_S
        while packet_id not in self.suback:
            self.step(max(0.0, deadline - time.monotonic()))
        return self.suback.pop(packet_id)[0]

    def unsubscribe(self, topic_filter):
        """The UNSUBACK is not waited for: what follows on this connection comes after it."""
        self.next_id = packet_id = self.next_id % 65535 + 1
        properties = b"\0" if self.version == 5 else b""
        self.send(UNSUBSCRIBE << 4 | 2, struct.pack(">H", packet_id) + properties + text(topic_filter))

    def receive(self, wait_s=WAIT_S, match=None):
        """The next message (that match accepts), in order."""
        deadline = time.monotonic() + wait_s
        while True:
            for index, message in enumerate(self.inbox):
                if match is None or match(message):
                    return self.inbox.pop(index)
            self.step(max(0.0, deadline - time.monotonic()))

    def ping(self):
        """A round trip: what the broker had for us before has been read when this returns."""
        self.send(PINGREQ << 4, b"")
        deadline = time.monotonic() + WAIT_S
        while True:
            kind, body = self.read_packet(max(0.0, deadline - time.monotonic()))
            if kind >> 4 == PINGRESP:
                return
            if kind >> 4 == PUBLISH:
                self.take_publish(kind, body)
            elif kind >> 4 == DISCONNECT:
                raise Closed(f"DISCONNECT {body.hex()}")

    def expect_closed(self, wait_s=WAIT_S):
        deadline = time.monotonic() + wait_s
        try:
            while True:
                self.step(max(0.0, deadline - time.monotonic()))
        except Closed:
            return

    def disconnect(self):
        try:
            self.send(DISCONNECT << 4, b"")
        except Closed:
            pass
        self.abandon()

    def abandon(self):
        """Drop the connection without a word."""
        try:
            self.socket.close()
        except OSError:
            pass


def let_in(settings, identity, name):
    """A client with a certificate that was registered a moment ago, as soon as the broker knows it: the API answers when
    the change is stored, and the gate hears of it after that. identity: (certificate, key), two files."""
    context = ssl.create_default_context(cafile=settings["ca"])
    context.load_cert_chain(*identity)
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            return Client(settings["mqtt_port"], context, name)
        except Refused:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.02)
