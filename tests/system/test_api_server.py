# SPDX-License-Identifier: Apache-2.0 OR MIT
"""darumad starts whole or not at all, says why, and loses nothing when its disk gives out."""
import concurrent.futures
import os
import shutil
import socket
import subprocess
import unittest

import api_rig

NOBODY = 65534


class ServerTest(unittest.TestCase):
    def daemon(self, lines="", **options):
        daemon = api_rig.Daemon(lines, **options)
        self.addCleanup(lambda: self.assertEqual(daemon.close(), 0))
        return daemon

    def refused(self, daemon, *needles, **options):
        status, text = daemon.refused(**options)
        self.assertEqual(status, 1, text)
        self.assertEqual(len(text.strip().splitlines()), 1, text)
        for needle in needles:
            self.assertIn(needle, text)

    def test_it_keeps_what_it_answered(self):
        daemon = self.daemon().start()
        daemon.client("iot").create_thing(thingName="kept")
        daemon.process.kill()
        daemon.process.wait()
        daemon.process = None
        daemon.start()
        self.assertEqual(daemon.client("iot").describe_thing(thingName="kept")["thingName"], "kept")

    def test_many_at_once(self):
        daemon = self.daemon().start()
        daemon.client("s3").create_bucket(Bucket="images")

        def work(number):
            iot, s3 = daemon.client("iot"), daemon.client("s3")
            for i in range(15):
                iot.create_thing(thingName=f"thing-{number}-{i}")
                s3.put_object(Bucket="images", Key=f"{number}-{i}", Body=bytes([number]) * 50_000)
                self.assertEqual(iot.describe_thing(thingName=f"thing-{number}-{i}")["version"], 1)
                self.assertEqual(s3.get_object(Bucket="images", Key=f"{number}-{i}")["Body"].read(1), bytes([number]))
            iot.create_thing(thingName="everybody")

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for result in [pool.submit(work, number) for number in range(8)]:
                result.result()
        pages = daemon.client("iot").get_paginator("list_things").paginate()
        self.assertEqual(sum(len(page["things"]) for page in pages), 8 * 15 + 1)

    def test_second_daemon_on_one_store(self):
        daemon = self.daemon().start()
        second = api_rig.Daemon(directory=daemon.directory)
        self.refused(second, "store")
        self.assertEqual(daemon.send("GET", "/daruma/health")[0], 200)

    def test_damaged_store(self):
        daemon = self.daemon()
        (daemon.directory / "store/daruma.db").write_bytes(b"this is not a database" * 1000)
        self.refused(daemon, "store", "daruma.db")
        self.assertTrue((daemon.directory / "store/daruma.db").read_bytes().startswith(b"this is not"))
        shutil.rmtree(daemon.directory / "store")
        (daemon.directory / "store").mkdir()
        daemon.start()
        iot = daemon.client("iot")
        for i in range(50):
            iot.create_thing(thingName=f"thing-{i}")
        daemon.stop()
        path = daemon.directory / "store/daruma.db"
        content = bytearray(path.read_bytes())
        content[4096 * 2:4096 * 6] = b"\xa5" * (4096 * 4)
        path.write_bytes(content)
        self.refused(daemon, "store", "daruma.db")

    def test_full_store(self):
        daemon = self.daemon("store_pages_max 120\n").start()
        iot = daemon.client("iot")
        made, refusal = [], None
        for i in range(2000):
            try:
                name = f"thing-{i}-" + "x" * 100
                iot.create_thing(thingName=name, attributePayload={"attributes": {"a": "y" * 700}})
                made.append(name)
            except Exception as error:
                refusal = error.response
                break
        self.assertIsNotNone(refusal, "the store never filled up")
        self.assertEqual(refusal["ResponseMetadata"]["HTTPStatusCode"], 503)
        self.assertEqual(refusal["Error"]["Code"], "ServiceUnavailableException")
        # Reading goes on, and all that was answered is there, after a restart too.
        self.assertEqual(iot.describe_thing(thingName=made[-1])["thingName"], made[-1])
        daemon.stop()
        daemon.start()
        self.assertEqual(daemon.client("iot").describe_thing(thingName=made[-1])["thingName"], made[-1])

    @unittest.skipUnless(os.geteuid() == 0, "needs root to become somebody else")
    def test_read_only_for_this_user(self):
        daemon = self.daemon()
        os.chmod(daemon.directory, 0o755)
        for name in ("credentials", "ca.key"):
            os.chown(daemon.directory / name, NOBODY, NOBODY)

        def drop():
            os.setgid(NOBODY)
            os.setuid(NOBODY)

        self.refused(daemon, "store", preexec_fn=drop)
        self.assertEqual(list((daemon.directory / "store").iterdir()), [])
        # And one that is there already but not writable.
        daemon.start()
        daemon.client("iot").create_thing(thingName="lamp")
        daemon.stop()
        before = (daemon.directory / "store/daruma.db").read_bytes()
        self.refused(daemon, "store", preexec_fn=drop)
        self.assertEqual((daemon.directory / "store/daruma.db").read_bytes(), before)

    def test_uploads_without_room(self):
        daemon = self.daemon().start()
        s3 = daemon.client("s3")
        s3.create_bucket(Bucket="images")
        if os.geteuid() == 0:
            shutil.rmtree(daemon.directory / "blobs")
        else:
            os.chmod(daemon.directory / "blobs", 0o500)
        with self.assertRaises(Exception) as caught:
            s3.put_object(Bucket="images", Key="k", Body=b"x")
        self.assertEqual(caught.exception.response["ResponseMetadata"]["HTTPStatusCode"], 503)

    def test_bad_configurations(self):
        daemon = self.daemon()
        daemon.write_config("colour red\n")
        self.refused(daemon, "darumad.conf:", 'unknown key "colour"')
        daemon.write_config("api_port 70000\n")
        self.refused(daemon, "api_port must be a number")
        daemon.write_config()
        daemon.write_credentials(0o644)
        self.refused(daemon, "credentials", "chmod 600")
        daemon.write_credentials()
        os.chmod(daemon.directory / "ca.key", 0o644)
        self.refused(daemon, "ca.key", "not permitted")
        os.chmod(daemon.directory / "ca.key", 0o600)
        (daemon.directory / "ca.key").write_text("no key")
        self.refused(daemon, "ca.key", "malformed")
        status = subprocess.run([api_rig.BIN / "darumad", "--nonsense"], capture_output=True, text=True)
        self.assertEqual(status.returncode, 64)
        self.assertIn("usage:", status.stderr)

    def test_port_in_use(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            daemon = self.daemon(f"api_port {other.getsockname()[1]}\n")
            self.refused(daemon, "API on 127.0.0.1", "busy")

    def test_tls(self):
        daemon = self.daemon("api_certificate server.pem\napi_key server.key\n", tls=True)
        daemon.authority.server("IP:127.0.0.1")
        daemon.start()
        ca = str(daemon.authority.ca)
        daemon.client("iot", verify=ca).create_thing(thingName="secure")
        # This client sends UNSIGNED-PAYLOAD over TLS.
        s3 = daemon.client("s3", verify=ca)
        s3.create_bucket(Bucket="images")
        s3.put_object(Bucket="images", Key="k", Body=b"x" * 100_000)
        self.assertEqual(len(s3.get_object(Bucket="images", Key="k")["Body"].read()), 100_000)
        with self.assertRaisesRegex(Exception, "CERTIFICATE_VERIFY_FAILED"):
            daemon.client("iot").list_things()


if __name__ == "__main__":
    unittest.main()
