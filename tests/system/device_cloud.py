# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A cloud for one device, for tests of the device alone: a TLS server that speaks just enough MQTT 3.1.1, and behind
it one job and one stream. Everything it hears and sends is counted, and it can be told to misbehave.

It answers the connection that asked, as the real gate does, so the device needs no subscription for answers.
"""
import json
import socket
import ssl
import struct
import threading
import time

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT = 1, 2, 3, 4, 8, 9, 12, 13, 14


# ----- the little CBOR that streams need

def cbor_head(major, number):
    if number < 24:
        return bytes([major << 5 | number])
    for code, form in ((24, ">B"), (25, ">H"), (26, ">I")):
        if number < 1 << 8 * struct.calcsize(form):
            return bytes([major << 5 | code]) + struct.pack(form, number)
    raise ValueError(number)


def cbor_decode(data, at=0):
    """(value, next offset) of unsigned integers, byte and text strings and definite maps."""
    major, low = data[at] >> 5, data[at] & 31
    at += 1
    if low >= 24:
        size = 1 << (low - 24)
        low, at = int.from_bytes(data[at:at + size], "big"), at + size
    if major == 0:
        return low, at
    if major in (2, 3):
        piece = bytes(data[at:at + low])
        return (piece if major == 2 else piece.decode()), at + low
    if major == 5:
        result = {}
        for _ in range(low):
            name, at = cbor_decode(data, at)
            result[name], at = cbor_decode(data, at)
        return result, at
    raise ValueError(f"major type {major}")


def cbor_block(file, index, payload):
    return (b"\xa4\x61f" + cbor_head(0, file) + b"\x61i" + cbor_head(0, index) + b"\x61l" + cbor_head(0, len(payload)) +
            b"\x61p" + cbor_head(2, len(payload)) + payload)


class Job:
    """One execution of one update."""

    def __init__(self, job_id, image, extra=None):
        self.id, self.image = job_id, image
        self.status, self.version, self.execution, self.details = "QUEUED", 1, 1, {}
        self.document = {"afr_ota": {"protocols": ["MQTT"], "streamname": "stream-" + job_id, "files": [
            {"filepath": "firmware", "filesize": len(image), "fileid": 0, "certfile": "product",
             "sig-sha256-ecdsa": "AA=="}]}}
        if extra:
            self.document["daruma"] = extra

    def describe(self):
        return {"jobId": self.id, "status": self.status, "statusDetails": self.details, "queuedAt": 1, "lastUpdatedAt": 1,
                "versionNumber": self.version, "executionNumber": self.execution, "jobDocument": self.document}

    @property
    def done(self):
        return self.status not in ("QUEUED", "IN_PROGRESS")


class Cloud:
    """Listens from the first moment; close() ends every thread."""

    def __init__(self, pki, names="DNS:localhost", days=30):
        certificate, key = pki.server(names, days)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.context.load_verify_locations(pki.ca)
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.lock = threading.RLock()
        self.jobs, self.updates, self.reports, self.telemetry, self.subscriptions = [], [], [], [], []
        self.connects = self.handshake_failures = self.blocks = self.stream_requests = 0
        self.block_delay_s = 0.0
        self.ahead_s = 0  # what it says of the time is so much later than it is
        self.drop = None  # callable(topic) -> bool: do not answer
        self.names = []   # of the clients that connected
        self.connections = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.closing = False
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def now_s(self):
        return int(time.time()) + self.ahead_s

    def close(self):
        self.closing = True
        # A connection of our own ends accept() for certain.
        with socket.create_connection(("127.0.0.1", self.port)):
            pass
        self.listener.close()
        for connection in list(self.connections):
            connection.close()
        self.thread.join(5)

    def drop_connections(self):
        for connection in list(self.connections):
            connection.close()

    def add(self, job):
        with self.lock:
            self.jobs.append(job)
            head = self._next() is job
        if head:
            self._notify_next(job)
        return job

    def cancel(self, job):
        """Force-cancel, and tell the things that the next job is another one now, as the service does."""
        with self.lock:
            job.status = "CANCELED"
            following = self._next()
        self._notify_next(following)

    def _notify_next(self, job):
        body = {"timestamp": self.now_s(), **({"execution": job.describe()} if job else {})}
        for connection in list(self.connections):
            try:
                connection.publish(connection.prefix + "jobs/notify-next", json.dumps(body).encode())
            except OSError:
                pass  # it left in this instant, as a device in its trial may: it asks when it is back

    def _next(self):
        pending = [job for job in self.jobs if not job.done]
        return next((job for job in pending if job.status == "IN_PROGRESS"), pending[0] if pending else None)

    def _accept(self):
        while not self.closing:
            raw, _ = self.listener.accept()
            if self.closing:
                raw.close()
                return
            raw.settimeout(60)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw):
        try:
            tls = self.context.wrap_socket(raw, server_side=True)
        except (ssl.SSLError, OSError):
            with self.lock:
                self.handshake_failures += 1
            raw.close()
            return
        connection = Connection(self, tls)
        self.connections.append(connection)
        try:
            connection.run()
        except (OSError, EOFError, ValueError):
            pass
        finally:
            connection.close()
            if connection in self.connections:
                self.connections.remove(connection)

    # ----- the service

    def heard(self, connection, topic, payload):
        if topic.startswith("dt/"):
            self.telemetry.append((topic, json.loads(payload)))
            return
        if not topic.startswith(connection.prefix) or (self.drop and self.drop(topic)):
            return
        words = topic[len(connection.prefix):].split("/")
        with self.lock:
            if words == ["daruma", "report"]:
                report = json.loads(payload)
                self.reports.append(report)
                connection.answer(topic + "/accepted", report, {})
            elif words[0] == "jobs" and words[-1] == "get":
                job = self._next()
                connection.answer(topic + "/accepted", json.loads(payload), {"execution": job.describe()} if job else {})
            elif words[0] == "jobs" and words[-1] == "update":
                self._update(connection, topic, words[1], json.loads(payload))
                return
            elif words[0] != "streams" or words[2] != "get":
                return
        if words[0] == "streams":
            self._stream(connection, words[1], cbor_decode(payload)[0])

    def _update(self, connection, topic, job_id, body):
        self.updates.append((job_id, body))
        job = next((job for job in self.jobs if job.id == job_id), None)
        state = {"status": job.status, "versionNumber": job.version, "statusDetails": job.details} if job else {}
        code = None
        if job is None:
            code = "ResourceNotFound"
        elif job.done:
            code = "InvalidStateTransition"
        elif "expectedVersion" in body and int(body["expectedVersion"]) != job.version:
            code = "VersionMismatch"
        if code:
            connection.answer(topic + "/rejected", body, {"code": code, "message": code, "executionState": state})
            return
        job.status, job.version, job.details = body["status"], job.version + 1, body.get("statusDetails", job.details)
        connection.answer(topic + "/accepted", body, {})
        if job.done:
            following = self._next()
            connection.publish(connection.prefix + "jobs/notify-next", json.dumps(
                {"timestamp": self.now_s(), **({"execution": following.describe()} if following else {})}).encode())

    def _stream(self, connection, stream, request):
        job = next((job for job in self.jobs if job.document["afr_ota"]["streamname"] == stream), None)
        self.stream_requests += 1
        if job is None:
            body = b"\xa1\x61o\x70ResourceNotFound"
            connection.publish(f"{connection.prefix}streams/{stream}/rejected/cbor", body)
            return
        size, offset, bitmap = request["l"], request.get("o", 0), request.get("b")
        wanted = ([offset + k for k in range(8 * len(bitmap)) if bitmap[k // 8] >> k % 8 & 1] if bitmap
                  else range(offset, offset + request["n"]))
        for index in list(wanted)[:request["n"]]:
            payload = job.image[index * size:(index + 1) * size]
            if payload:
                time.sleep(self.block_delay_s)
                self.blocks += 1
                connection.publish(f"{connection.prefix}streams/{stream}/data/cbor",
                                   cbor_block(request["f"], index, payload))


class Connection:
    def __init__(self, cloud, tls):
        self.cloud, self.tls, self.prefix = cloud, tls, ""
        self.lock = threading.Lock()

    def close(self):
        for step in (lambda: self.tls.shutdown(socket.SHUT_RDWR), self.tls.close):
            try:
                step()
            except OSError:
                pass

    def _read(self, size):
        data = b""
        while len(data) < size:
            piece = self.tls.recv(size - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def _packet(self):
        first, length, shift = self._read(1)[0], 0, 0
        while True:
            digit = self._read(1)[0]
            length, shift = length | (digit & 127) << shift, shift + 7
            if digit < 128:
                return first, self._read(length)

    def _send(self, first, body):
        length, head = len(body), bytearray([first])
        while True:
            head.append(length & 127 | (128 if length > 127 else 0))
            length >>= 7
            if length == 0:
                break
        with self.lock:
            self.tls.sendall(bytes(head) + body)

    def publish(self, topic, payload):
        raw = topic.encode()
        self._send(PUBLISH << 4, struct.pack(">H", len(raw)) + raw + payload)

    def answer(self, topic, request, body):
        if "clientToken" in request:
            body = {"clientToken": request["clientToken"], **body}
        self.publish(topic, json.dumps({"timestamp": self.cloud.now_s(), **body}).encode())

    def run(self):
        while True:
            first, body = self._packet()
            kind = first >> 4
            if kind == CONNECT:
                size = struct.unpack(">H", body[10:12])[0]
                name = body[12:12 + size].decode()
                self.prefix = f"$aws/things/{name}/"
                with self.cloud.lock:
                    self.cloud.connects += 1
                    self.cloud.names.append(name)
                self._send(CONNACK << 4, b"\0\0")
            elif kind == SUBSCRIBE:
                size = struct.unpack(">H", body[2:4])[0]
                self.cloud.subscriptions.append(body[4:4 + size].decode())
                self._send(SUBACK << 4, body[:2] + body[-1:])
            elif kind == PUBLISH:
                size = struct.unpack(">H", body[:2])[0]
                topic, rest = body[2:2 + size].decode(), body[2 + size:]
                if first >> 1 & 3:
                    self._send(PUBACK << 4, rest[:2])
                    rest = rest[2:]
                self.cloud.heard(self, topic, rest)
            elif kind == PINGREQ:
                self._send(PINGRESP << 4, b"")
            elif kind == DISCONNECT:
                return
