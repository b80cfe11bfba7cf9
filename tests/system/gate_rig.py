# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A mosquitto with the gate, certificates, snapshots, and a stand-in for the service. For tests of the gate."""
import hashlib
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile

import mqtt_raw

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from pki import Authority, openssl  # noqa: E402
from world import BIN, free_port, wait_for  # noqa: E402

TOOLS = BIN.parent / "tests"
MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin")

ARN = "arn:aws:iot:local:000000000000:"
OTA_POLICY = f"""policy ota
allow iot:Connect {ARN}client/${{iot:Connection.Thing.ThingName}}
allow iot:Publish {ARN}topic/$aws/things/${{iot:Connection.Thing.ThingName}}/*
allow iot:Receive {ARN}topic/$aws/things/${{iot:Connection.Thing.ThingName}}/*
allow iot:Subscribe {ARN}topicfilter/$aws/things/${{iot:Connection.Thing.ThingName}}/*
allow iot:Publish {ARN}topic/app/${{iot:Connection.Thing.ThingName}}/*
allow iot:Subscribe {ARN}topicfilter/app/*
allow iot:Receive {ARN}topic/app/*
"""
OPEN_POLICY = "policy open\nallow iot:* *\n"


class Identity:
    """A key and a client certificate."""

    def __init__(self, pki, name):
        self.name = name
        self.key, self.certificate = pki.dir / f"{name}.key", pki.dir / f"{name}.pem"
        self.id = hashlib.sha256(openssl("x509", "-in", self.certificate, "-outform", "DER")).hexdigest()
        self.context = ssl.create_default_context(cafile=pki.ca)
        self.context.load_cert_chain(self.certificate, self.key)


class Pki(Authority):
    def identity(self, name):
        if not (self.dir / f"{name}.pem").exists():
            self.issue(name)
        return Identity(self, name)


class Rig:
    """One broker in a directory of its own."""

    def __init__(self, ring_bytes=None, strict=False, sessions_max=50000, requests_per_s=0):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="daruma-gate-"))
        self.pki = Pki(self.directory)
        self.pki.server("DNS:localhost,IP:127.0.0.1")
        self.service_identity = self.pki.identity("service")
        self.snapshot = self.directory / "gate.snapshot"
        self.generation, self.sequence = 7, 0
        self.process = None
        self.ring_bytes, self.strict, self.sessions_max = ring_bytes, strict, sessions_max
        self.requests_per_s = requests_per_s  # 0: not bounded
        self.port = free_port()
        self.clients = []

    def snapshot_bytes(self, lines, sequence=None, generation=None, flag=None, path=None):
        path = path or self.directory / "delta.bin"
        command = [TOOLS / "gate-snapshot", path, str(generation or self.generation),
                   str(self.sequence if sequence is None else sequence)]
        subprocess.run(command + ([flag] if flag else []), input=lines.encode(), check=True)
        return path.read_bytes()

    def write_snapshot(self, lines, **options):
        return self.snapshot_bytes(lines, path=self.snapshot, **options)

    def configuration(self):
        ring = f"plugin_opt_ring_bytes {self.ring_bytes}\n" if self.ring_bytes else ""
        return f"""per_listener_settings false
max_queued_messages 10000
max_inflight_messages 100
persistent_client_expiration 3m
message_size_limit 135168
max_packet_size 262144
set_tcp_nodelay true
allow_zero_length_clientid false
allow_anonymous true
persistence false
log_dest file {self.directory}/broker.log
log_type all
plugin {BIN}/daruma-gate.so
plugin_opt_snapshot {self.snapshot}
plugin_opt_service_certificate {self.service_identity.id}
plugin_opt_region local
plugin_opt_account 000000000000
plugin_opt_stats_ms 20
plugin_opt_strict {"on" if self.strict else "off"}
plugin_opt_sessions_max {self.sessions_max}
plugin_opt_requests_per_s {self.requests_per_s}
{ring}listener {self.port} 127.0.0.1
max_qos 1
max_connections 51000
cafile {self.directory}/ca.pem
certfile {self.directory}/server.pem
keyfile {self.directory}/server.key
require_certificate true
"""

    def start(self, expect_failure=False):
        (self.directory / "mosquitto.conf").write_text(self.configuration())
        command = [MOSQUITTO, "-c", self.directory / "mosquitto.conf"]
        if os.environ.get("DARUMA_BROKER_WRAPPER"):
            command = os.environ["DARUMA_BROKER_WRAPPER"].split() + command
        if os.geteuid() == 0:
            # The broker would become "mosquitto" and could not read the test's directory.
            text = (self.directory / "mosquitto.conf").read_text()
            (self.directory / "mosquitto.conf").write_text("user root\n" + text)
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if expect_failure:
            return self.process.wait(timeout=10)
        wait_for("the broker", self.accepts)
        return None

    def accepts(self):
        if self.process.poll() is not None:
            raise AssertionError("the broker ended: " + self.log()[-2000:])
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def log(self):
        path = self.directory / "broker.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.leave()
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=20)

    def close(self):
        self.stop()
        status = self.process.returncode if self.process else 0
        shutil.rmtree(self.directory, ignore_errors=True)
        return status

    def leave(self):
        """All that connected through here are gone, without a word."""
        for client in self.clients:
            client.abandon()
        self.clients.clear()

    def device(self, identity, client_id=None, **options):
        client = mqtt_raw.Client(self.port, identity.context, client_id or identity.name, **options)
        self.clients.append(client)
        return client

    def service(self, client_id="daruma/test"):
        service = Service(self.port, self.service_identity.context, client_id)
        self.clients.append(service)
        return service


class Service(mqtt_raw.Client):
    """Stands in for darumad."""

    def __init__(self, port, context, client_id="daruma/test"):
        self.seen = []  # every message that came, in order
        self.gate, self.clients = {}, {}
        super().__init__(port, context, client_id, version=5, receive_maximum=1000)
        assert self.subscribe("daruma/1/in/#", 0) == 0
        self.boot = None

    def acknowledge(self, boot, number):
        return self.publish("daruma/gate/1/ack", b"", 1, pairs=[("gate-boot", boot), ("number", str(number))])

    def greet(self, boot="0" * 16, number=0):
        """Say what was committed last; returns the gate's boot message."""
        self.acknowledge(boot, number)
        message = self.receive(match=lambda m: m.topic == "daruma/gate/1/boot")
        self.boot = message["gate-boot"]
        return message

    def take_publish(self, kind, body):
        super().take_publish(kind, body)
        self.seen.append(self.inbox[-1])
        if self.inbox[-1].topic == "daruma/gate/1/stats":
            self.gate, clients = parse_stats(self.inbox.pop().payload)
            self.clients.update(clients)

    def stats(self):
        """The gate's own counters, as last told."""
        self.ping()
        return self.gate or {"sessions": -1}

    def counters(self, client_id):
        self.ping()
        return self.clients.get(client_id, {})

    def incoming(self, wait_s=mqtt_raw.WAIT_S):
        """The next device message."""
        return self.receive(wait_s, lambda m: m.topic.startswith("daruma/1/in/"))

    def answer(self, to, topic, payload=b"", qos=0, row=None, session=None):
        """Answer the connection a message came from. row: (thing, epoch, id)."""
        pairs = [("client-id", to["client-id"]), ("session", session or to["session"]), ("topic", topic),
                 ("qos", str(qos))]
        if row:
            pairs += [("thing", row[0]), ("epoch", row[1]), ("id", str(row[2]))]
        return self.publish("daruma/1/out", payload, 1, pairs=pairs)

    def tell_all(self, topic, payload=b"", row=None, qos=1):
        pairs = [("thing", row[0]), ("epoch", row[1]), ("id", str(row[2]))] if row else []
        return self.publish("daruma/1/pub/" + topic, payload, qos, pairs=pairs)


class Presence:
    """The body of a presence message."""

    def __init__(self, data):
        self.connected = data[0] == 1
        self.reason = ("NONE", "CONNECTION_LOST", "DUPLICATE_CLIENTID", "FORBIDDEN_ACCESS",
                       "SERVER_INITIATED_DISCONNECT")[data[1]]
        self.session = f"{int.from_bytes(data[2:10], 'little'):016x}"
        self.time_ms = int.from_bytes(data[10:18], "little")
        self.version = int.from_bytes(data[18:22], "little")
        self.certificate_id = data[22:54].hex()
        self.client_id = data[55:55 + data[54]].decode()


GATE_FIELDS = ("ring_bytes", "ring_messages", "ring_full", "stale_dropped", "repeats_dropped", "malformed",
               "presence_dropped", "refused_connects", "sessions")
CLIENT_FIELDS = ("in_messages", "in_bytes", "out_messages", "out_bytes", "stream_messages", "stream_bytes", "connects",
                 "refused", "throttled")


def _numbers(names, data, at):
    values = {name: int.from_bytes(data[at + 8 * i:at + 8 * i + 8], "little") for i, name in enumerate(names)}
    return values, at + 8 * len(names)


def parse_stats(data):
    """(gate, {client id: counters})"""
    gate, at = _numbers(GATE_FIELDS, data, 1)
    clients = {}
    while at < len(data):
        name = data[at + 1:at + 1 + data[at]].decode()
        clients[name], at = _numbers(CLIENT_FIELDS, data, at + 1 + data[at])
    return gate, clients
