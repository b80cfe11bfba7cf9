# SPDX-License-Identifier: Apache-2.0 OR MIT
"""daruma image sign, verify, inspect and key new, over the golden images."""
import json
import os
import pathlib
import shutil
import stat
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("DARUMA_BIN", SOURCE / "build/bin"))
GOLDEN = SOURCE / "tests/data" / "golden-images"

# What must be said about each file that is refused.
CAUSES = {
    "bad-empty": "image_truncated",
    "bad-one-byte": "image_truncated",
    "bad-truncated-in-payload": "image_truncated",
    "bad-truncated-in-tlv": "image_truncated",
    "bad-magic": "image_magic",
    "bad-size-overflow": "image_sizes",
    "bad-tlv-total-too-long": "image_tlv_area",
    "bad-tlv-entry-too-long": "image_tlv_entry",
    "bad-payload-bit": "image_digest",
    "bad-header-version-bit": "image_digest",
    "bad-unsigned": "image_unsigned",
    "bad-wrong-key": "image_key",
    "bad-signature-bit": "image_signature",
    "strict-trailing-bytes": "image_trailing_bytes",
}


def daruma(*words, **environment):
    return subprocess.run([BIN / "daruma", *map(str, words)], capture_output=True, text=True, timeout=60,
                          env={**os.environ, **environment}, check=False)


class Golden(unittest.TestCase):
    def test_verdicts(self):
        seen = 0
        for path in sorted(GOLDEN.glob("*.bin")):
            if path.name == "payload.bin":
                continue
            with self.subTest(path.name):
                done = daruma("image", "verify", "--key", GOLDEN / "product-key.pub.pem", path)
                told = daruma("image", "verify", "--json", "--key", GOLDEN / "product-key.pub.pem", path)
                answer = json.loads(told.stdout)
                seen += 1
                if path.name.startswith("good-"):
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertTrue(answer["accepted"])
                else:
                    self.assertIn(done.returncode, range(1, 64))
                    self.assertIn(CAUSES[path.stem], done.stderr)
                    self.assertEqual(len(done.stderr.splitlines()), 1)
                    self.assertEqual(answer["reason"], CAUSES[path.stem])
        self.assertEqual(seen, 8 + len(CAUSES))


class Signing(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="daruma-test-"))
        self.addCleanup(shutil.rmtree, self.dir)

    def test_same_bytes_as_imgtool(self):
        key = self.dir / "key.pem"
        shutil.copy(GOLDEN / "product-key.pem", key)
        key.chmod(0o600)
        out = self.dir / "out.img"
        words = ["image", "sign", "--key", key, "--version", "1.3.0", "--product", "demo-lock", "--sequence", 7,
                 "--counter", 5, "--load-address", "0x20010000", GOLDEN / "payload.bin", out]
        refused = daruma(*words, DARUMA_ALLOW_TEST_KEY="")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("test key", refused.stderr)
        self.assertFalse(out.exists())
        done = daruma(*words, DARUMA_ALLOW_TEST_KEY="1")
        self.assertEqual(done.returncode, 0, done.stderr)
        golden = (GOLDEN / "good-1.3.0-product-sequence.bin").read_bytes()
        signed_part = 512 + 50000 + 33
        digest_and_key = slice(signed_part + 4, signed_part + 4 + 36 + 36)
        self.assertEqual(out.read_bytes()[:signed_part], golden[:signed_part])
        self.assertEqual(out.read_bytes()[digest_and_key], golden[digest_and_key])

    def test_key_and_round_trip(self):
        key = self.dir / "product.pem"
        self.assertEqual(daruma("key", "new", key).returncode, 0)
        self.assertEqual(stat.S_IMODE(key.stat().st_mode), 0o600)
        again = daruma("key", "new", key)
        self.assertEqual(again.returncode, 1)
        self.assertIn("never overwritten", again.stderr)
        image = self.dir / "a.img"
        payload = self.dir / "a.bin"
        payload.write_bytes(b"firmware")
        done = daruma("image", "sign", "--json", "--key", key, "--version", "1.2.3+4", "--counter", "auto",
                      "--limits", "10,600,60,3600", payload, image)
        self.assertEqual(done.returncode, 0, done.stderr)
        told = json.loads(done.stdout)
        self.assertEqual(told["counter"], 0x01020003)
        self.assertEqual(told["limits"], {"hang": 10, "health": 600, "soak": 60, "seal": 3600})
        self.assertEqual(daruma("image", "verify", "--key", f"{key}.pub", image).returncode, 0)
        shown = json.loads(daruma("image", "inspect", "--json", image).stdout)
        self.assertEqual(shown["version"], "1.2.3+4")
        other = self.dir / "other.pem"
        daruma("key", "new", other)
        self.assertEqual(daruma("image", "verify", "--key", other, image).returncode, 1)
        key.chmod(0o644)
        refused = daruma("image", "sign", "--key", key, "--version", "1.2.4", payload, image)
        self.assertIn("chmod 600", refused.stderr)

    def test_wrong_usage(self):
        for words in (["image", "sign"], ["image", "verify", "x"], ["image", "inspect"], ["key", "new"],
                      ["image", "sign", "--key", "k", "--version", "1.2.3.4", "a", "b"],
                      ["image", "sign", "--key", "k", "--version", "1.2.3", "--limits", "1,2,3", "a", "b"],
                      ["image", "sign", "--key", "k", "--version", "1.2.3", "--tlv", "0x50=01", "a", "b"],
                      ["image", "sign", "--key", "k", "--version", "1.2.3", "--sequence", "4294967296", "a", "b"]):
            with self.subTest(words):
                self.assertEqual(daruma(*words).returncode, 64)
        missing = daruma("image", "verify", "--key", GOLDEN / "product-key.pub.pem", self.dir / "nothing")
        self.assertEqual(missing.returncode, 1)
        self.assertIn("cannot read", missing.stderr)


if __name__ == "__main__":
    unittest.main()
