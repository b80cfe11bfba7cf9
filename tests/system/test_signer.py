# SPDX-License-Identifier: Apache-2.0 OR MIT
"""daruma-signer as a process: keys, policy, misuse, shutdown."""
import hashlib
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("DARUMA_BIN", SOURCE / "build/bin"))
SIGNER = BIN / "daruma-signer"
PING, PROFILES, SIGN_FILE, SIGN_IMAGE, APPROVE, SIGN_COMMAND, RELOAD = range(1, 8)
OK, NOT_FOUND, FORMAT, UNSUPPORTED, STATE, DENIED, CONFLICT = 0, -7, -4, -6, -9, -13, -15


def text(value):
    return struct.pack("<H", len(value)) + value.encode()


def image(digest, product, sequence=None, version=(1, 0, 0, 0), counter=0):
    return digest + text(product) + struct.pack("<BIBBHII", sequence is not None, sequence or 0, *version, counter)


class SignerTest(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="daruma-signer-"))
        self.keys, self.path = self.directory / "keys", self.directory / "signer.sock"
        self.process = None
        subprocess.run([SIGNER, "--init", self.keys], check=True)

    def tearDown(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def make_key(self, name, mode=0o600, conf=None):
        path = self.keys / f"{name}.key"
        subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path],
                       check=True, stderr=subprocess.DEVNULL)
        path.chmod(mode)
        if conf:
            (self.keys / f"{name}.conf").write_text(conf)

    def start(self, *more):
        with open(self.directory / "log", "w") as log:
            self.process = subprocess.Popen([SIGNER, "--dir", self.keys, "--socket", self.path, *more], stderr=log)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and "msg=ready" not in (self.directory / "log").read_text():
            self.assertIsNone(self.process.poll(), (self.directory / "log").read_text())
            time.sleep(0.005)

    def refused_start(self):
        result = subprocess.run([SIGNER, "--dir", self.keys, "--socket", self.path], stderr=subprocess.PIPE, timeout=10)
        self.assertEqual(result.returncode, 1)
        return result.stderr.decode()

    def raw(self, data, wait_s=5):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(wait_s)
            connection.connect(str(self.path))
            connection.sendall(data)
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
        return answer

    def ask(self, operation, body=b""):
        payload = struct.pack("<BB", 1, operation) + body
        answer = self.raw(struct.pack("<I", len(payload)) + payload)
        size, version, status, detail = struct.unpack_from("<IBiH", answer)
        self.assertEqual((size, version), (len(answer) - 4, 1))
        at = 11 + detail
        return status, answer[11:at].decode(), answer[at:]

    def verify(self, name, digest, signature):
        (self.directory / "digest").write_bytes(digest)
        (self.directory / "signature").write_bytes(signature[1:1 + signature[0]])
        subprocess.run(["openssl", "pkey", "-in", self.keys / f"{name}.key", "-pubout", "-out",
                        self.directory / "public"], check=True)
        return subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", self.directory / "public", "-in",
                               self.directory / "digest", "-sigfile", self.directory / "signature"],
                              stdout=subprocess.DEVNULL).returncode == 0

    def test_signs_a_file(self):
        self.start()
        digest = hashlib.sha256(b"file").digest()
        status, _, signature = self.ask(SIGN_FILE, text("default") + digest)
        self.assertEqual(status, OK)
        self.assertTrue(self.verify("default", digest, signature))
        self.assertFalse(self.verify("default", hashlib.sha256(b"other").digest(), signature))
        self.assertNotIn("PRIVATE", (self.directory / "log").read_text())

    def test_init_makes_a_private_key_once(self):
        self.assertEqual((self.keys / "default.key").stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.keys.stat().st_mode & 0o777, 0o700)
        before = (self.keys / "default.key").read_bytes()
        self.assertEqual(subprocess.run([SIGNER, "--init", self.keys]).returncode, 0)
        self.assertEqual((self.keys / "default.key").read_bytes(), before)

    def test_lists_profiles(self):
        self.make_key("lock", conf="kind image\nproduct demo-lock\napproval required\n")
        self.start()
        status, _, body = self.ask(PROFILES)
        self.assertEqual((status, body[0]), (OK, 2))
        self.assertIn(b"demo-lock", body)

    def test_unknown_profile_and_wrong_kind(self):
        self.make_key("lock", conf="kind image\nproduct demo-lock\n")
        self.start()
        digest = bytes(32)
        self.assertEqual(self.ask(SIGN_FILE, text("nobody") + digest)[0], NOT_FOUND)
        self.assertEqual(self.ask(SIGN_FILE, text("lock") + digest)[0], DENIED)
        self.assertEqual(self.ask(SIGN_IMAGE, text("default") + image(digest, "demo-lock", 1))[0], DENIED)

    def test_image_policy_and_its_memory(self):
        self.make_key("lock", conf="kind image\nproduct demo-lock\n")
        self.start()

        def sign(tag, product="demo-lock", **facts):
            digest = hashlib.sha256(tag.encode()).digest()
            return self.ask(SIGN_IMAGE, text("lock") + image(digest, product, **facts))

        self.assertEqual(sign("a", product="other", sequence=5)[0], DENIED)
        status, _, signature = sign("a", sequence=5, counter=2)
        self.assertEqual(status, OK)
        self.assertTrue(self.verify("lock", hashlib.sha256(b"a").digest(), signature))
        self.assertEqual(sign("a", sequence=5, counter=2)[0], OK)
        for tag, facts in (("b", {"sequence": 4, "counter": 2}), ("b", {"sequence": 5, "counter": 2}),
                           ("b", {"sequence": 6, "counter": 1}), ("b", {"version": (9, 0, 0, 0), "counter": 2})):
            self.assertEqual(sign(tag, **facts)[0], CONFLICT, facts)
        self.process.terminate()
        self.assertEqual(self.process.wait(timeout=10), 0)
        self.start()
        self.assertEqual(sign("b", sequence=4, counter=2)[0], CONFLICT)
        self.assertEqual(sign("b", sequence=6, counter=2)[0], OK)

    def test_approval(self):
        self.make_key("lock", conf="kind image\nproduct demo-lock\napproval required\n")
        self.start()
        digest = hashlib.sha256(b"image").digest()
        status, detail, _ = self.ask(SIGN_IMAGE, text("lock") + image(digest, "demo-lock", 1))
        self.assertEqual(status, STATE)
        self.assertIn("--approve", detail)
        subprocess.run([SIGNER, "--approve", digest.hex(), "--profile", "lock", "--socket", self.path], check=True)
        self.assertEqual(self.ask(SIGN_IMAGE, text("lock") + image(digest, "demo-lock", 1))[0], OK)

    def test_commands(self):
        """Signed bytes that no image has, only by a profile with a product, only for that product."""
        self.make_key("lock", conf="kind image\nproduct demo-lock\n")
        self.start()
        digest = hashlib.sha256(b"image to leave").digest()

        def command(profile, product, action=2):
            return self.ask(SIGN_COMMAND, text(profile) + digest + text(product) + bytes([action]))
        status, _, signature = command("lock", "demo-lock")
        self.assertEqual(status, OK)
        public = self.directory / "public.pem"
        subprocess.run(["openssl", "pkey", "-in", self.keys / "lock.key", "-pubout", "-out", public], check=True)
        covered, der = self.directory / "covered", self.directory / "der"
        covered.write_bytes(b"daruma-cmd-1\0revert\0demo-lock\0" + digest)
        der.write_bytes(signature[1:])
        subprocess.run(["openssl", "dgst", "-sha256", "-verify", public, "-signature", der, covered], check=True,
                       stdout=subprocess.DEVNULL)
        self.assertEqual(command("lock", "garden-gate")[0], DENIED)
        self.assertEqual(command("default", "")[0], DENIED)
        self.assertEqual(command("nobody", "demo-lock")[0], NOT_FOUND)
        self.assertEqual(command("lock", "demo-lock", 1)[0], FORMAT)

    def test_approval_of_commands(self):
        """A profile that asks for approvals asks for them here too, and the image's own is none for leaving it."""
        self.make_key("lock", conf="kind image\nproduct demo-lock\napproval required\n")
        self.start()
        digest, other = hashlib.sha256(b"image to leave").digest(), hashlib.sha256(b"another").digest()

        def approve(option, value, profile="lock"):
            run = subprocess.run([SIGNER, option, value, "--profile", profile, "--socket", self.path],
                                 capture_output=True, text=True)
            return run.returncode, run.stderr

        def command(image_digest):
            return self.ask(SIGN_COMMAND, text("lock") + image_digest + text("demo-lock") + bytes([2]))
        status, detail, _ = command(digest)
        self.assertEqual(status, STATE)
        self.assertIn(f"--approve-revert {digest.hex()}", detail)
        self.assertEqual(approve("--approve", digest.hex())[0], 0)
        self.assertEqual(command(digest)[0], STATE)
        self.assertEqual(approve("--approve-revert", digest.hex())[0], 0)
        self.assertEqual(command(digest)[0], OK)
        self.assertEqual(command(other)[0], STATE)
        self.assertEqual(self.ask(SIGN_IMAGE, text("lock") + image(other, "demo-lock", 1))[0], STATE)
        for value, profile, reason in (("xyz", "lock", "SHA-256"), (digest.hex(), "nobody", "no such"),
                                       (digest.hex(), "default", "files")):
            code, said = approve("--approve-revert", value, profile)
            self.assertEqual(code, 1)
            self.assertIn(reason, said)

    def test_reload(self):
        """Keys that come while it runs are used when it is told so; one bad file, and it keeps what it has."""
        self.make_key("lock", conf="kind image\nproduct demo-lock\n")
        self.start()
        digest, newer = hashlib.sha256(b"a").digest(), hashlib.sha256(b"b").digest()
        self.assertEqual(self.ask(SIGN_IMAGE, text("lock") + image(digest, "demo-lock", 5))[0], OK)
        self.make_key("gate", conf="kind image\nproduct garden-gate\n")
        (self.keys / "lock.key").unlink()
        self.make_key("lock")  # its conf and what it has signed stay
        reload = [SIGNER, "--reload", "--socket", self.path]
        self.assertEqual(self.ask(SIGN_IMAGE, text("gate") + image(digest, "garden-gate", 1))[0], NOT_FOUND)
        subprocess.run(reload, check=True)
        self.assertEqual(self.ask(SIGN_IMAGE, text("gate") + image(digest, "garden-gate", 1))[0], OK)
        self.assertEqual(self.ask(SIGN_IMAGE, text("lock") + image(newer, "demo-lock", 4))[0], CONFLICT)
        status, _, signature = self.ask(SIGN_IMAGE, text("lock") + image(newer, "demo-lock", 6))
        self.assertEqual(status, OK)
        self.assertTrue(self.verify("lock", newer, signature))
        (self.keys / "gate.key").write_text("no key\n")
        (self.keys / "lock.key").unlink()
        done = subprocess.run(reload, capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("gate.key", done.stderr)
        status, detail, _ = self.ask(RELOAD)
        self.assertNotEqual(status, OK)
        self.assertIn("gate.key", detail)
        self.assertEqual(self.ask(SIGN_IMAGE, text("lock") + image(newer, "demo-lock", 6))[0], OK)
        self.assertIn("msg=reload", (self.directory / "log").read_text())

    def test_damaged_state_is_not_a_fresh_start(self):
        self.make_key("lock", conf="kind image\nproduct demo-lock\n")
        self.start()
        self.assertEqual(self.ask(SIGN_IMAGE, text("lock") + image(bytes(32), "demo-lock", 5))[0], OK)
        self.process.terminate()
        self.process.wait(timeout=10)
        state = self.keys / "lock.state"
        data = bytearray(state.read_bytes())
        data[12] ^= 1
        state.write_bytes(bytes(data))
        self.assertIn("lock.state", self.refused_start())

    def test_key_that_others_may_read(self):
        (self.keys / "default.key").chmod(0o640)
        self.assertIn("chmod 600", self.refused_start())

    def test_the_published_test_key(self):
        golden = SOURCE / "tests/data/golden-images/product-key.pem"
        if not golden.exists():
            self.skipTest("the golden key is not in this tree")
        shutil.copy(golden, self.keys / "default.key")
        (self.keys / "default.key").chmod(0o600)
        self.assertIn("test key", self.refused_start())

    def test_pkcs11_is_refused_with_a_reason(self):
        (self.keys / "default.conf").write_text("pkcs11 pkcs11:token=x\n")
        self.assertIn("PKCS#11", self.refused_start())

    def test_bad_configuration_and_no_keys(self):
        (self.keys / "default.conf").write_text("color blue\n")
        self.assertIn("default.conf", self.refused_start())
        (self.keys / "default.conf").write_text("kind image\n")
        self.assertIn("product", self.refused_start())
        (self.keys / "default.conf").unlink()
        (self.keys / "default.key").unlink()
        self.assertIn("--init", self.refused_start())

    def test_malformed_requests(self):
        self.start()
        for body in (b"", b"\x01", b"\x01\x63", b"\x02\x01", b"\x01\x03\x05\x00abc", b"\x01\x01trailing",
                     b"\x01\x03" + text("../x") + bytes(32)):
            answer = self.raw(struct.pack("<I", len(body)) + body)
            self.assertLess(struct.unpack_from("<IBi", answer)[2], 0, body)
        self.assertLess(struct.unpack_from("<IBi", self.raw(struct.pack("<I", 1 << 31)))[2], 0)
        self.assertEqual(self.ask(PING)[0], OK)

    def test_slow_and_silent_callers_do_not_block_others(self):
        self.start()
        idle = []
        for _ in range(32):
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(str(self.path))
            connection.sendall(b"\x01")
            idle.append(connection)
        self.assertEqual(self.ask(PING)[0], OK)  # after their deadline at the latest
        for connection in idle:
            connection.close()

    def test_ends_in_order(self):
        self.start()
        self.process.send_signal(signal.SIGINT)
        self.assertEqual(self.process.wait(timeout=10), 0)
        self.assertFalse(self.path.exists())

    def test_only_one_and_a_stale_socket_is_replaced(self):
        self.start()
        self.assertIn("another signer", self.refused_start())
        self.process.kill()
        self.process.wait()
        self.assertTrue(self.path.exists())
        self.start()
        self.assertEqual(self.ask(PING)[0], OK)

    def test_other_users(self):
        if os.geteuid() != 0:
            self.skipTest("needs root, to ask as somebody else")
        self.directory.chmod(0o755)
        self.start("--allow-uid", "65533")
        self.path.chmod(0o777)
        payload = struct.pack("<BB", 1, PING)
        request = struct.pack("<I", len(payload)) + payload
        program = ("import socket,struct,os,sys\n"
                   f"os.setuid(int(sys.argv[1])); s=socket.socket(socket.AF_UNIX); s.connect({str(self.path)!r})\n"
                   f"s.sendall({request!r}); print(struct.unpack_from('<IBi', s.recv(4096))[2])")
        for uid, status in ((65534, DENIED), (65533, OK)):
            result = subprocess.run(["/usr/bin/python3", "-c", program, str(uid)], stdout=subprocess.PIPE, check=True)
            self.assertEqual(int(result.stdout), status)


if __name__ == "__main__":
    unittest.main()
