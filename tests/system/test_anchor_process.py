# SPDX-License-Identifier: Apache-2.0 OR MIT
"""daruma-anchor as a process: files, framing, kills around each change, slow and failing parts.

Speaks the wire format by itself (src/device/anchor/wire.h, frame.h), so the format is checked by a second
implementation.
"""
import base64
import hashlib
import hmac
import os
import pathlib
import select
import signal
import socket
import stat
import struct
import subprocess
import tempfile
import time
import unittest
import zlib

PROGRAM = os.path.join(os.environ.get("DARUMA_BIN", "build/bin"), "daruma-anchor")
WAIT_S = 10
STATUS, ENTROPY, PUBLIC_KEY, SIGN, ADVANCE, LATCH, PROVISION, PIN, LOCK = range(1, 10)
NONE, ROM, FW = range(3)
SECURITY, REVOCATION, EPOCH, VAULT, ALERTS = range(5)
NORMAL, RECOVERY, PROVISIONING = 1, 2, 3
OK, E_STATE, E_IO, E_AUTH, E_DENIED = 0, -9, -10, -12, -13
REQUEST, RESPONSE, RESET, RESET_DONE = range(1, 5)
SPKI_P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")


def hkdf(secret, label):
    """RFC 5869 without salt, one block."""
    extracted = hmac.new(bytes(32), secret, hashlib.sha256).digest()
    return hmac.new(extracted, label + b"\x01", hashlib.sha256).digest()


class Anchor:
    """One running process at the other end of a socket pair."""

    def __init__(self, directory, *options):
        self.directory = pathlib.Path(directory)
        ours, theirs = socket.socketpair()
        self.socket = ours
        self.socket.settimeout(WAIT_S)
        self.process = subprocess.Popen(
            [PROGRAM, "--dir", str(directory), "--fd", str(theirs.fileno()), *map(str, options)],
            pass_fds=[theirs.fileno()], stderr=subprocess.PIPE)
        theirs.close()
        secret = (self.directory / "secret").read_bytes()
        self.keys = {NONE: b"", ROM: hkdf(secret, b"daruma anchor-rom v1"), FW: hkdf(secret, b"daruma anchor-fw v1")}
        self.number = 0

    def send_frame(self, kind, payload=b""):
        self.number += 1
        frame = struct.pack("<BBHI", 0xDA, kind, len(payload), self.number) + payload
        self.socket.sendall(frame + struct.pack("<I", zlib.crc32(frame)))

    def receive(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise EOFError("the anchor is gone")
            data += part
        return data

    def receive_frame(self):
        while True:
            head = self.receive(8)
            magic, kind, size, number = struct.unpack("<BBHI", head)
            payload = self.receive(size)
            crc, = struct.unpack("<I", self.receive(4))
            assert magic == 0xDA and crc == zlib.crc32(head + payload)
            if number == self.number:
                return kind, payload

    def send(self, operation, key=NONE, body=b"", nonce=None):
        self.nonce = nonce or os.urandom(16)
        message = struct.pack("<BBBb", 1, operation, key, 0) + self.nonce + body
        if key != NONE:
            message += hmac.new(self.keys[key], message, hashlib.sha256).digest()
        self.send_frame(REQUEST, message)

    def answer(self, operation, key):
        """(status, body) of a checked answer."""
        kind, message = self.receive_frame()
        assert kind == RESPONSE
        version, answered, key_id, status = struct.unpack("<BBBb", message[:4])
        assert (version, answered, message[4:20]) == (1, operation | 0x80, self.nonce)
        if status == E_AUTH:
            assert key_id == NONE
            return status, b""
        assert key_id == key
        if key == NONE:
            return status, message[20:]
        assert hmac.compare_digest(message[-32:], hmac.new(self.keys[key], message[:-32], hashlib.sha256).digest())
        return status, message[20:-32]

    def ask(self, operation, key=NONE, body=b""):
        self.send(operation, key, body)
        return self.answer(operation, key)

    def status(self):
        code, body = self.ask(STATUS, ROM)
        assert code == OK
        lifecycle, mode, flags = struct.unpack("<BBH", body[:4])
        return {"lifecycle": lifecycle, "mode": mode, "flags": flags, "challenge": body[4:20],
                "counters": struct.unpack("<5I", body[20:40]), "digest": body[40:72]}

    def latch(self, mode):
        return self.ask(LATCH, ROM, bytes([mode]) + self.status()["challenge"])[0]

    def advance(self, counter, old, new, key=ROM):
        return self.ask(ADVANCE, key, struct.pack("<BII", counter, old, new))[0]

    def close(self):
        """End of stream: a clean exit. May be repeated."""
        if self.process.stderr.closed:
            return self.process.returncode
        self.socket.close()
        try:
            self.process.wait(WAIT_S)
        finally:
            self.process.kill()
            self.errors = self.process.communicate()[1].decode()
        return self.process.returncode


class AnchorTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.scratch = pathlib.Path(scratch.name)
        self.directory = self.scratch / "anchor"

    def create(self, *options):
        return subprocess.run([PROGRAM, "--create", "--dir", str(self.directory), *map(str, options)],
                              capture_output=True, text=True, timeout=WAIT_S)

    def start(self, *options):
        anchor = Anchor(self.directory, *options)
        self.addCleanup(anchor.close)
        return anchor

    def provisioned(self, *options):
        self.assertEqual(self.create().returncode, 0)
        anchor = self.start(*options)
        self.assertEqual(anchor.ask(PROVISION, ROM)[0], OK)
        return anchor


class Files(AnchorTest):
    def test_create_is_private_and_resumable(self):
        self.assertEqual(self.create().returncode, 0)
        self.assertEqual(stat.S_IMODE(self.directory.stat().st_mode), 0o700)
        before = {}
        for file in self.directory.iterdir():
            self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600, file)
            before[file.name] = file.read_bytes()
        self.assertEqual(set(before), {"secret", "state"})
        self.assertEqual(len(before["secret"]), 32)
        self.assertEqual(self.create().returncode, 0)
        (self.directory / "secret").unlink()  # a cut between the two
        self.assertEqual(self.create().returncode, 0)
        self.assertNotEqual((self.directory / "secret").read_bytes(), before["secret"])
        self.assertEqual((self.directory / "state").read_bytes(), before["state"])

    def test_damaged_files_are_refused_and_kept(self):
        self.assertEqual(self.create().returncode, 0)
        (self.directory / "secret").write_bytes(b"short")
        done = self.create()
        self.assertEqual(done.returncode, 1)
        self.assertIn("damaged", done.stderr)
        self.assertEqual((self.directory / "secret").read_bytes(), b"short")
        (self.directory / "secret").write_bytes(bytes(32))
        state = bytearray((self.directory / "state").read_bytes())
        state[9] ^= 1
        (self.directory / "state").write_bytes(state)
        anchor = self.start()
        self.assertEqual(anchor.process.wait(WAIT_S), 1)
        anchor.close()
        self.assertIn("damaged", anchor.errors)

    def test_readable_secret_is_refused(self):
        self.assertEqual(self.create().returncode, 0)
        (self.directory / "secret").chmod(0o644)
        anchor = self.start()
        self.assertEqual(anchor.process.wait(WAIT_S), 1)
        anchor.close()
        self.assertIn("not permitted", anchor.errors)

    def test_second_process_is_refused(self):
        anchor = self.provisioned()
        anchor.status()
        second = self.start()
        self.assertEqual(second.process.wait(WAIT_S), 1)
        second.close()
        self.assertIn("busy", second.errors)
        self.assertEqual(anchor.status()["lifecycle"], 1)

    def test_usage(self):
        for arguments in ([], ["--dir", "x"], ["--create"], ["--dir", "x", "--fd", "3", "--socket", "y"],
                          ["--dir", "x", "--fd", "-3"], ["--dir", "x", "--fd", "3", "--latency-ms", "1x"],
                          ["--dir", "x", "--fd", "3", "--key-from-host", "k"], ["--bogus"]):
            done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=WAIT_S)
            self.assertEqual(done.returncode, 64, arguments)
            self.assertIn("usage", done.stderr)
        done = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, timeout=WAIT_S)
        self.assertEqual(done.returncode, 0)
        self.assertIn("--key-from-host", done.stdout)


class Behaviour(AnchorTest):
    def verify(self, public_key, digest, signature):
        """Checked by openssl, from raw coordinates and raw r || s."""
        def integer(raw):
            raw = raw.lstrip(b"\0") or b"\0"
            raw = (b"\0" if raw[0] & 0x80 else b"") + raw
            return b"\x02" + bytes([len(raw)]) + raw
        pair = integer(signature[:32]) + integer(signature[32:])
        (self.scratch / "der").write_bytes(b"\x30" + bytes([len(pair)]) + pair)
        (self.scratch / "digest").write_bytes(digest)
        pem = base64.encodebytes(SPKI_P256 + public_key).decode()
        (self.scratch / "pem").write_text(f"-----BEGIN PUBLIC KEY-----\n{pem}-----END PUBLIC KEY-----\n")
        done = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "pem", "-in", "digest",
                               "-sigfile", "der"], cwd=self.scratch, capture_output=True, text=True, timeout=WAIT_S)
        return done.returncode == 0

    def test_life(self):
        anchor = self.provisioned()
        digest = hashlib.sha256(b"factory").digest()
        self.assertEqual(anchor.ask(LOCK, ROM)[0], E_STATE)
        self.assertEqual(anchor.ask(PIN, ROM, digest)[0], OK)
        self.assertEqual(anchor.latch(PROVISIONING), OK)
        for identity in (0, 1):
            code, public_key = anchor.ask(PUBLIC_KEY, NONE, bytes([identity]))
            self.assertEqual((code, len(public_key)), (OK, 64))
            code, signature = anchor.ask(SIGN, NONE, bytes([identity]) + digest)
            self.assertEqual(code, OK)
            self.assertTrue(self.verify(public_key, digest, signature))
            self.assertFalse(self.verify(public_key, digest[::-1], signature))
        self.assertEqual(anchor.ask(LOCK, FW)[0], OK)
        self.assertEqual(anchor.advance(SECURITY, 0, 0x01020003), OK)
        anchor.send_frame(RESET)
        self.assertEqual(anchor.receive_frame(), (RESET_DONE, b""))
        self.assertEqual(anchor.ask(SIGN, NONE, b"\0" + digest)[0], E_STATE)
        self.assertEqual(anchor.latch(RECOVERY), OK)
        self.assertEqual(anchor.ask(SIGN, NONE, b"\0" + digest)[0], E_DENIED)
        self.assertEqual(anchor.ask(SIGN, NONE, b"\1" + digest)[0], OK)
        self.assertEqual(anchor.advance(VAULT, 0, 1, FW), E_DENIED)
        self.assertEqual(anchor.close(), 0)
        again = self.start()
        status = again.status()
        self.assertEqual((status["lifecycle"], status["mode"], status["flags"]), (2, 0, 1))
        self.assertEqual(status["counters"], (0x01020003, 0, 0, 0, 0))
        self.assertEqual(status["digest"], digest)
        again.process.send_signal(signal.SIGTERM)
        self.assertEqual(again.process.wait(WAIT_S), 0)

    def test_wrong_mac(self):
        anchor = self.provisioned()
        anchor.keys[ROM] = bytes(32)
        self.assertEqual(anchor.ask(PIN, ROM, bytes(32))[0], E_AUTH)

    def test_noise_on_the_line(self):
        anchor = self.provisioned()
        anchor.socket.sendall(b"\xda\x01\x10noise" + bytes(range(256)) + b"\xda\x01" * 300)
        anchor.socket.settimeout(0.2)
        for _ in range(5):  # what follows the noise may be taken for its end; the caller repeats
            try:
                status = anchor.status()
                break
            except TimeoutError:
                continue
        self.assertEqual(status["lifecycle"], 1)

    def test_killed_around_each_change(self):
        """PROVISION, PIN and an advance, killed before or after the write: old or new, and repeatable."""
        for option, written in (("--die-before-write", False), ("--die-after-write", True)):
            for change in (1, 2, 3):
                with self.subTest(option=option, change=change):
                    self.directory = self.scratch / f"{option}{change}"
                    self.assertEqual(self.create().returncode, 0)
                    steps = [lambda a: a.ask(PROVISION, ROM)[0], lambda a: a.ask(PIN, ROM, b"\7" * 32)[0],
                             lambda a: a.advance(EPOCH, 0, 1)]
                    anchor = self.start(option, change)
                    for step in steps[:change - 1]:
                        self.assertEqual(step(anchor), OK)
                    with self.assertRaises((EOFError, ConnectionError)):
                        steps[change - 1](anchor)
                    self.assertEqual(anchor.process.wait(WAIT_S), -signal.SIGKILL)
                    anchor = self.start()
                    status = anchor.status()
                    there = (status["lifecycle"] == 1, status["digest"] == b"\7" * 32, status["counters"][EPOCH] == 1)
                    self.assertEqual(there[change - 1], written)
                    for step in steps[change - 1:]:
                        self.assertEqual(step(anchor), OK)
                    self.assertEqual(anchor.status()["counters"][EPOCH], 1)

    def test_leftover_temporary_file(self):
        anchor = self.provisioned()
        self.assertEqual(anchor.close(), 0)
        (self.directory / "state.new").write_bytes(b"half of a")
        anchor = self.start()
        self.assertEqual(anchor.status()["lifecycle"], 1)
        self.assertEqual(anchor.advance(EPOCH, 0, 1), OK)

    def test_failing_parts(self):
        anchor = self.provisioned()
        anchor.close()
        anchor = self.start("--fail-every", 2)
        self.assertEqual(anchor.advance(EPOCH, 0, 1), OK)
        self.assertEqual(anchor.advance(EPOCH, 1, 2), E_IO)
        self.assertEqual(anchor.status()["counters"][EPOCH], 1)
        self.assertEqual(anchor.advance(EPOCH, 1, 2), OK)
        anchor.close()
        anchor = self.start("--ignore-every", 2)
        anchor.status()
        anchor.send(STATUS, ROM)  # no answer to this one
        self.assertEqual(anchor.status()["counters"][EPOCH], 2)
        anchor.close()
        anchor = self.start("--lose-every", 2, "--latency-ms", 20)
        anchor.status()
        anchor.send(ADVANCE, ROM, struct.pack("<BII", EPOCH, 2, 3))  # done, not answered
        self.assertEqual(anchor.status()["counters"][EPOCH], 3)

    def test_socket(self):
        self.assertEqual(self.create().returncode, 0)
        path = self.scratch / "anchor.sock"
        process = subprocess.Popen([PROGRAM, "--dir", str(self.directory), "--socket", str(path)])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        for client in range(3):
            anchor = Anchor.__new__(Anchor)
            anchor.number = 0
            anchor.keys = {NONE: b""}
            anchor.socket = connect(path)
            self.assertEqual(stat.S_IMODE(path.stat().st_mode) & 0o077, 0)
            code, body = anchor.ask(ENTROPY, NONE, b"\x20")
            self.assertEqual((code, len(body)), (OK, 32), client)
            anchor.socket.close()
        process.terminate()
        self.assertEqual(process.wait(WAIT_S), 0)
        self.assertFalse(path.exists())

    def test_keys_from_host(self):
        for name in ("normal", "recovery"):
            subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.pem"],
                           cwd=self.scratch, check=True, timeout=WAIT_S)
        done = self.create("--key-from-host", self.scratch / "normal.pem",
                           "--key-from-host-recovery", self.scratch / "recovery.pem")
        self.assertEqual(done.returncode, 0, done.stderr)
        anchor = self.start()
        self.assertEqual(anchor.ask(PROVISION, ROM)[0], OK)
        self.assertEqual(anchor.status()["flags"] & 2, 2)
        for identity, name in enumerate(("normal", "recovery")):
            der = subprocess.run(["openssl", "ec", "-in", f"{name}.pem", "-pubout", "-outform", "DER"],
                                 cwd=self.scratch, capture_output=True, check=True, timeout=WAIT_S).stdout
            self.assertEqual(anchor.ask(PUBLIC_KEY, NONE, bytes([identity])), (OK, der[-64:]))
        (self.scratch / "bad.pem").write_text("not a key")
        self.directory = self.scratch / "other"
        done = self.create("--key-from-host", self.scratch / "bad.pem",
                           "--key-from-host-recovery", self.scratch / "recovery.pem")
        self.assertEqual(done.returncode, 1)
        self.assertIn("bad.pem", done.stderr)
        self.assertFalse(self.directory.exists())


def connect(path):
    """Wait, bounded, for the socket to be there: the kernel has no event for it, so connecting is tried."""
    deadline = time.monotonic() + WAIT_S
    while True:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(WAIT_S)
        try:
            client.connect(str(path))
            return client
        except (FileNotFoundError, ConnectionRefusedError):
            client.close()
            if time.monotonic() > deadline:
                raise
            select.select([], [], [], 0.01)


if __name__ == "__main__":
    unittest.main()
