# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`daruma cloud up`, `down` and `status`: made once, kept, watched, ended; nothing left running, nothing left open."""
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from pki import Authority  # noqa: E402
from world import BIN, alive, free_port, wait_for  # noqa: E402

DARUMA = BIN / "daruma"


class CloudTest(unittest.TestCase):
    def setUp(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="daruma-cloud-"))
        os.chmod(self.home, 0o755)
        self.dir = self.home / "cloud"
        self.addCleanup(shutil.rmtree, self.home)
        self.addCleanup(lambda: self.daruma("cloud", "down", "--dir", self.dir))

    def daruma(self, *words, **options):
        return subprocess.run([DARUMA, *map(str, words)], capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, cwd=self.home, **options)

    def up(self, *words, **options):
        done = self.daruma("cloud", "up", "--dir", self.dir, "--background", "--json", *words, **options)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def down(self):
        done = self.daruma("cloud", "down", "--dir", self.dir)
        self.assertEqual(done.returncode, 0, done.stderr)

    def status(self):
        done = self.daruma("cloud", "status", "--dir", self.dir, "--json")
        return done.returncode, json.loads(done.stdout)

    def test_made_once_and_kept(self):
        first = self.up()
        self.assertTrue(first["created"])
        self.assertEqual(self.status()[0], 0)
        self.assertTrue(all(alive(pid) for pid in first["processes"].values()))
        self.daruma("things", "--cloud", self.dir)
        kept = {name: (self.dir / name).read_bytes() for name in (
            "cloud.json", "credentials", "pki/ca.pem", "pki/device-ca.pem", "pki/service.pem", "pki/broker.pem",
            "signer/default.key")}
        self.down()
        self.assertFalse(any(alive(pid) for pid in first["processes"].values()))
        self.assertEqual(self.status()[0], 1)
        second = self.up()
        self.assertFalse(second["created"])
        self.assertEqual((second["api"], second["mqtt_port"]), (first["api"], first["mqtt_port"]))
        self.assertEqual(kept, {name: (self.dir / name).read_bytes() for name in kept})
        self.down()
        self.down()

    def test_nothing_secret_is_open_to_others(self):
        self.up()
        for path in self.dir.rglob("*"):
            mode = stat.S_IMODE(path.lstat().st_mode)
            if path.name.endswith((".key", ".json", "env.sh", "credentials", ".conf", ".db", ".log")):
                self.assertEqual(mode & 0o077, 0, f"{path} {mode:o}")
            if not path.is_socket():  # the signer's is for its group, and it looks at who calls
                self.assertEqual(mode & 0o022, 0, f"{path} {mode:o}")

    def test_the_broker_asks_for_a_certificate(self):
        port = self.up()["mqtt_port"]
        context = ssl.create_default_context(cafile=self.dir / "pki/ca.pem")
        with socket.create_connection(("localhost", port), timeout=10) as raw:
            with context.wrap_socket(raw, server_hostname="localhost") as tls:
                with self.assertRaises((ssl.SSLError, ConnectionResetError, BrokenPipeError)):
                    tls.sendall(b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01a")
                    if not tls.recv(1):
                        raise ConnectionResetError
        text = (self.dir / "mosquitto.conf").read_text()
        for line in ("max_queued_messages 10000", "message_size_limit 135168", "max_packet_size 262144", "max_qos 1", "set_tcp_nodelay true",
                     "max_inflight_messages 100", "persistent_client_expiration 3m", "max_connections 51000",
                     "plugin_opt_sessions_max 50000", "plugin_opt_requests_per_s 100",
                     "per_listener_settings false", "require_certificate true", "use_identity_as_username false"):
            self.assertIn(f"\n{line}\n", text)

    def test_the_broker_may_have_as_many_connections_as_the_system_grants(self):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        started = self.up(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (hard // 2, hard)))
        self.assertEqual(resource.prlimit(started["processes"]["broker"], resource.RLIMIT_NOFILE), (hard, hard))
        self.assertEqual(resource.prlimit(started["processes"]["darumad"], resource.RLIMIT_NOFILE), (hard // 2, hard))

    def test_one_at_a_time(self):
        first = self.up()
        done = self.daruma("cloud", "up", "--dir", self.dir)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"process {first['processes']['supervisor']}", done.stderr)
        self.assertIn("cloud down", done.stderr)
        self.assertEqual(self.status()[0], 0)

    def test_a_part_that_dies_ends_the_cloud(self):
        for part in ("darumad", "broker", "signer"):
            with self.subTest(part):
                pids = self.up()["processes"]
                os.kill(pids[part], signal.SIGKILL)
                wait_for(f"the end of everything after {part}", lambda: not any(alive(pid) for pid in pids.values()), 30)
                self.assertIn(f"{part} ended by itself", (self.dir / "run/cloud.log").read_text())

    def test_no_part_outlives_its_supervisor(self):
        pids = self.up()["processes"]
        os.kill(pids["supervisor"], signal.SIGKILL)
        wait_for("the end of everything", lambda: not any(alive(pid) for pid in pids.values()), 30)
        self.up()

    def test_foreground_until_interrupted(self):
        with open(self.home / "out", "w") as out:
            process = subprocess.Popen([DARUMA, "cloud", "up", "--dir", self.dir], stdout=out, stderr=subprocess.STDOUT,
                                       stdin=subprocess.DEVNULL)
        wait_for("the first screen", lambda: "Ctrl-C ends it" in (self.home / "out").read_text(), 30)
        said = (self.home / "out").read_text()
        self.assertLessEqual(len(said.splitlines()), 24)
        self.assertIn(f". {self.dir}/env.sh", said)
        self.assertEqual(self.status()[0], 0)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=30), 0)
        self.assertEqual(self.status()[0], 1)

    def test_failures_say_why_and_leave_nothing_running(self):
        with open(self.home / "busy", "w"):
            pass
        done = self.daruma("cloud", "up", "--dir", self.home / "busy")
        self.assertEqual((done.returncode, len(done.stderr.strip().splitlines()[-1:])), (1, 1))
        self.up()
        self.down()
        settings = json.loads((self.dir / "cloud.json").read_text())
        with socket.socket() as other:
            other.bind(("127.0.0.1", int(settings["api"].rsplit(":", 1)[1])))
            other.listen()
            done = self.daruma("cloud", "up", "--dir", self.dir)
            self.assertEqual(done.returncode, 1)
            self.assertIn("is taken by another program", done.stderr)
        (self.dir / "store/daruma.db").write_bytes(b"damaged" * 1000)
        done = self.daruma("cloud", "up", "--dir", self.dir)
        self.assertEqual(done.returncode, 1)
        self.assertIn("darumad failed", done.stderr)
        (self.dir / "cloud.json").write_text("{")
        done = self.daruma("cloud", "up", "--dir", self.dir)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cloud.json is damaged", done.stderr)
        done = self.daruma("cloud", "status", "--dir", self.home / "nowhere")
        self.assertEqual(done.returncode, 1)
        self.assertIn("cloud up", done.stderr)
        self.assertEqual(self.daruma("cloud", "up", "--dir", self.dir, "--api-port", "99999").returncode, 64)

    def test_ports_can_be_chosen(self):
        self.up()
        self.down()
        port = free_port()
        self.assertEqual(self.up("--api-port", port)["api"], f"https://127.0.0.1:{port}")
        self.down()
        self.assertEqual(self.up()["api"], f"https://127.0.0.1:{port}")

    def test_a_start_that_was_cut_is_finished_by_the_next(self):
        self.up()
        self.down()
        order = ("cloud.json", "credentials", "pki/service.pem", "pki/device-ca.pem", "pki/broker.pem", "pki/ca.pem")
        for last in range(1, len(order) + 1):
            with self.subTest(order[last - 1]):
                # As if the power had gone just before this file, and so all later ones, were written.
                for name in order[:last]:
                    (self.dir / name).unlink()
                self.up()
                self.assertEqual(self.status()[0], 0)
                self.assertEqual(self.daruma("things", "--cloud", self.dir).returncode, 0)
                self.down()

    def test_a_lost_authority_is_not_replaced(self):
        self.up()
        self.down()
        for name in ("pki/ca.pem", "pki/device-ca.pem", "pki/device-ca.key"):
            with self.subTest(name):
                (self.dir / name).rename(self.home / "lost")
                done = self.daruma("cloud", "up", "--dir", self.dir)
                self.assertEqual(done.returncode, 1)
                self.assertIn("not found; restore", done.stderr)
                self.assertFalse((self.dir / name).exists())
                (self.home / "lost").rename(self.dir / name)
        # Servers' certificates are another matter: the authority can always make new ones.
        # Nor one that somebody exchanged: the devices out there trust the first.
        kept = {name: (self.dir / name).read_bytes() for name in ("pki/ca.pem", "pki/ca.key")}
        Authority(self.dir / "pki", "another")
        done = self.daruma("cloud", "up", "--dir", self.dir)
        self.assertEqual(done.returncode, 1)
        self.assertIn("server certificates", done.stderr)
        for name, content in kept.items():
            (self.dir / name).write_bytes(content)
        (self.dir / "pki/api.pem").unlink()
        self.up()
        self.assertEqual(self.status()[0], 0)

    @unittest.skipUnless(os.geteuid() == 0, "needs root to switch users")
    def test_the_signer_has_a_user_of_its_own(self):
        pids = self.up()["processes"]
        uids = {name: os.stat(f"/proc/{pid}").st_uid for name, pid in pids.items()}
        self.assertEqual(uids["darumad"], 0)
        self.assertNotEqual(uids["signer"], 0)
        self.assertEqual(os.stat(self.dir / "signer/default.key").st_uid, uids["signer"])
        self.down()
        # Keys left by a run of somebody else are handed over.
        for path in [self.dir / "signer", *(self.dir / "signer").iterdir()]:
            os.chown(path, 0, 0)
        self.up("--signer-user", "daemon")
        self.assertEqual(os.stat(self.dir / "signer/default.key").st_uid, os.stat(self.dir / "signer").st_uid)
        self.assertNotEqual(os.stat(self.dir / "signer/default.key").st_uid, 0)
        self.down()
        done = self.daruma("cloud", "up", "--dir", self.dir, "--signer-user", "no-such-user")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no-such-user", done.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "needs root to become somebody else")
    def test_without_root_a_warning(self):
        os.chmod(self.home, 0o777)

        def drop():
            os.setgid(65534)
            os.setuid(65534)

        environment = {**os.environ, "HOME": str(self.home)}
        done = self.daruma("cloud", "up", "--dir", self.dir, "--background", preexec_fn=drop, env=environment)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("warning: the signer runs as the same user", done.stderr)


if __name__ == "__main__":
    unittest.main()
