# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A broker that means harm, with every right to be one: it ends the device's TLS with the cloud's own server key and
passes on what the true broker says, altered, without some of it, twice, late, in another order, or from another day."""
import json
import select
import socket
import ssl
import threading

from system.device_cloud import cbor_decode
from system.mqtt_raw import PUBLISH, read_varint, text, varint


class Message:
    """One PUBLISH on its way to the device."""

    def __init__(self, head, body):
        self.head = head
        length = int.from_bytes(body[:2], "big")
        self.topic = body[2:2 + length].decode()
        at = 2 + length
        self.packet_id = body[at:at + 2] if head & 6 else b""
        self.payload = body[at + len(self.packet_id):]

    def packet(self, payload=None):
        body = text(self.topic) + self.packet_id + (self.payload if payload is None else payload)
        return bytes([self.head]) + varint(len(body)) + body

    def is_block(self):
        return self.topic.endswith("/data/cbor")

    def is_offer(self):
        return self.topic.endswith("/jobs/$next/get/accepted")


class HostileBroker:
    """identity: (certificate, key) of a client that may speak for the device. `harm` is what it does meanwhile: a
    function of a Message that returns the packets to pass on."""

    def __init__(self, settings, cloud_dir, identity):
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.load_cert_chain(cloud_dir / "pki/broker.pem", cloud_dir / "pki/broker.key")
        self.client = ssl.create_default_context(cafile=settings["ca"])
        self.client.load_cert_chain(*identity)
        self.target = settings["mqtt_port"]
        self.harm = self.none
        self.done = 0  # what it has altered, dropped, repeated, swapped or replaced so far
        self.victim = 0  # the index of the block for drop_one
        self.offers = []  # payloads of the jobs that it has seen
        self.held = None
        self.seen = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(0.2)
        self.port = self.listener.getsockname()[1]
        self.stopping = False
        self.threads = []
        self._start(self._accept)

    # ----- harm

    def none(self, message):
        return [message.packet()]

    def alter(self, message):
        """Some blocks from the middle of the image lose a bit."""
        if not message.is_block() or not 3 <= cbor_decode(message.payload)[0]["i"] <= 10:
            return [message.packet()]
        self.done += 1
        return [message.packet(message.payload[:-1] + bytes([message.payload[-1] ^ 1]))]

    def disorder(self, message):
        """Of every seven messages one is dropped, one said twice, and two change places."""
        self.seen += 1
        turn = self.seen % 7
        packets = [message.packet()]
        if turn == 0:
            packets = []
        elif turn == 2:
            packets *= 2
        elif turn == 4 and message.is_block():
            self.held = packets
            packets = []
        elif self.held:
            packets, self.held = packets + self.held, None
        self.done += turn in (0, 2, 4)
        return packets

    def drop_one(self, message):
        """One block of the middle of the image, once."""
        if not self.done and message.is_block() and cbor_decode(message.payload)[0]["i"] == self.victim:
            self.done += 1
            return []
        return [message.packet()]

    def replay(self, message):
        """The first job ever seen is offered again, whatever the service says now, as the answer to what was asked."""
        if not message.is_offer():
            return [message.packet()]
        self.done += 1
        offer = json.loads(self.offers[0])
        offer["clientToken"] = json.loads(message.payload)["clientToken"]
        return [message.packet(json.dumps(offer).encode())]

    # ----- plumbing

    def _start(self, function, *arguments):
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        thread.start()
        self.threads.append(thread)

    def _accept(self):
        while not self.stopping:
            try:
                device, _ = self.listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            self._start(self._serve, device)

    def _serve(self, raw):
        try:
            raw.settimeout(20)
            with self.server.wrap_socket(raw, server_side=True) as device, \
                    socket.create_connection(("127.0.0.1", self.target), 10) as way, \
                    self.client.wrap_socket(way, server_hostname="localhost") as broker:
                for end in (device, broker):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    end.setblocking(False)  # bytes may come that are no data: session tickets
                self._relay(device, broker)
        except OSError:
            pass  # either side may leave at any time

    @staticmethod
    def _receive(end):
        """What there is; None at the end of the connection."""
        data = b""
        while True:
            try:
                piece = end.recv(65536)
            except ssl.SSLWantReadError:
                return data
            if not piece:
                return None
            data += piece

    @staticmethod
    def _send(end, data):
        data = memoryview(data)
        while data:
            try:
                data = data[end.send(data):]
            except ssl.SSLWantWriteError:
                if not select.select([], [end], [], 20)[1]:
                    raise TimeoutError from None

    def _relay(self, device, broker):
        buffer = b""
        while not self.stopping:
            for end in select.select([device, broker], [], [], 0.2)[0]:
                data = self._receive(end)
                if data is None:
                    return
                if end is device:
                    self._send(broker, data)
                    continue
                packets, buffer = self._split(buffer + data)
                for packet in packets:
                    self._send(device, packet)

    def _split(self, buffer):
        """(packets for the device, what is left of the buffer)"""
        out = []
        while True:
            try:
                size, start = read_varint(buffer, 1)
            except IndexError:
                return out, buffer
            if len(buffer) < start + size:
                return out, buffer
            packet, body, buffer = buffer[:start + size], buffer[start:start + size], buffer[start + size:]
            if packet[0] >> 4 != PUBLISH:
                out.append(packet)
                continue
            message = Message(packet[0], body)
            if message.is_offer() and b'"execution"' in message.payload:
                self.offers.append(message.payload)
            out += self.harm(message)

    def close(self):
        self.stopping = True
        self.listener.close()
        for thread in self.threads:
            thread.join(5)
