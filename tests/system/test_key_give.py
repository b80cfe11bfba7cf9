# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`daruma key give`: the cloud's signer gets a product's key, and uses it without being started again."""
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from world import BIN, ROOT, World  # noqa: E402

DONE, ERROR, USAGE = 0, 1, 64


class Case(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.close)
        self.world.dir.chmod(0o755)  # as root, the signer has a user of its own, who must get here
        self.key = self.world.key("product")
        self.signer = self.world.cloud_dir / "signer"

    def up(self):
        self.world.cloud_up()
        self.owner = os.stat(f"/proc/{self.world.cloud_parts()['signer']}").st_uid

    def give(self, *words, key=None):
        return self.world.json("key", "give", "--product", "lamp", *words, key or self.key)[1]

    def refused(self, exit_code, *words, says):
        """One line (and a usage line for 64) on standard error, nothing else; no secret in it."""
        done = self.world.run("key", "give", *words, check=False)
        self.assertEqual((done.returncode, done.stdout), (exit_code, ""), done.stderr)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 2 if exit_code == USAGE else 1, done.stderr)
        self.assertIn(says, lines[0])
        self.assertNotIn("PRIVATE KEY-", done.stderr)

    def profiles(self):
        return sorted(path.name for path in self.signer.iterdir())


class GiveTest(Case):
    def test_a_running_signer_uses_it_at_once(self):
        self.up()
        pid = self.world.cloud_parts()["signer"]
        secret = "".join(self.key.read_text().splitlines()[1:-1])
        said = self.world.run("key", "give", "--product", "lamp", self.key)
        self.assertRegex(said.stdout, r"\Aprofile   lamp: images and commands of product lamp\n"
                                      r"key hash  [0-9a-f]{64}\nsigner    uses it from now on\n\Z")
        self.assertEqual(said.stderr, "")
        path = self.signer / "lamp.key"
        status = path.stat()
        self.assertEqual((status.st_mode & 0o777, status.st_uid), (0o600, self.owner))
        self.assertEqual((self.signer / "lamp.conf").read_text(), "kind image\nproduct lamp\n")
        self.assertEqual(self.profiles(), ["default.key", "lamp.conf", "lamp.key"])
        log = (self.world.cloud_dir / "run/signer.log").read_text()
        self.assertIn("msg=reload", log)
        self.assertNotIn(secret[:40], log + said.stdout)
        self.again(path)
        self.other_key(path)
        self.others_profile()
        self.assertEqual(self.world.cloud_parts()["signer"], pid)
        self.bad_neighbour()

    def again(self, path):
        """The same once more is fine and changes nothing; an approval may be asked for later, and stays."""
        before = path.read_bytes()
        self.assertEqual(self.give()["replaced"], False)
        self.assertEqual(self.give("--approval")["approval"], True)
        self.assertIn("approval required\n", (self.signer / "lamp.conf").read_text())
        self.assertEqual(self.give()["approval"], True)
        self.assertEqual(path.read_bytes(), before)

    def other_key(self, path):
        other = self.world.key("other")
        before = path.read_bytes()
        self.refused(ERROR, "--product", "lamp", other, says="--replace exchanges it")
        self.assertEqual(path.read_bytes(), before)
        value = self.give("--replace", key=other)
        self.assertEqual((value["replaced"], value["loaded"], value["approval"]), (True, True, True))
        self.assertEqual((path.stat().st_mode & 0o777, path.stat().st_uid), (0o600, self.owner))
        self.assertNotEqual(path.read_bytes(), before)
        publics = [subprocess.run(["openssl", "pkey", "-in", file, "-pubout"], capture_output=True, check=True).stdout
                   for file in (path, other)]
        self.assertEqual(publics[0], publics[1])

    def others_profile(self):
        self.refused(ERROR, "--product", "lamp", "--profile", "default", "--replace", self.key, says="signs files")
        self.refused(ERROR, "--product", "gate", "--profile", "lamp", "--replace", self.key, says="is for product lamp")
        self.assertEqual(self.give("--profile", "old-lamp")["profile"], "old-lamp")
        self.world.run("key", "give", "--product", "pump", "--profile", "pumps", self.key)
        self.refused(ERROR, "--product", "pump", self.key, says="profile pumps holds a key of product pump already")

    def bad_neighbour(self):
        """What is wrong beside it is told, and nothing is written."""
        (self.signer / "pumps.conf").write_text("color blue\n")
        before = self.profiles()
        self.refused(ERROR, "--product", "gate", self.key, says="pumps.conf")
        self.assertEqual(self.profiles(), before)

    def test_before_the_cloud_starts(self):
        self.up()
        self.world.cloud_down()
        value = self.give()
        self.assertEqual((value["loaded"], value["product"]), (False, "lamp"))
        self.up()  # it reads what was given
        self.assertEqual(self.give()["loaded"], True)

    @unittest.skipUnless(os.geteuid() == 0, "needs root to become somebody else")
    def test_the_signers_own_user_is_needed(self):
        self.up()
        key = self.world.dir / "mine.pem"
        shutil.copy(self.key, key)
        shutil.chown(key, "daemon")
        done = subprocess.run([BIN / "daruma", "key", "give", "--product", "lamp", "--cloud", self.world.cloud_dir, key],
                              user="daemon", group="daemon", extra_groups=[], capture_output=True, text=True, cwd="/")
        self.assertEqual(done.returncode, ERROR)
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertRegex(done.stderr, "another user's|run this as root")
        self.assertEqual(self.profiles(), ["default.key"])


class RefusalTest(Case):
    def test_words(self):
        self.refused(USAGE, self.key, says="give --product NAME")
        self.refused(USAGE, "--product", "lamp", says="one private key")
        self.refused(USAGE, "--product", "two words", self.key, says="without blanks")
        self.refused(USAGE, "--product", "x" * 33, self.key, says="1 to 32 bytes")
        self.refused(USAGE, "--product", "a.b", self.key, says="say --profile NAME too")
        self.refused(USAGE, "--product", "lamp", "--profile", "../lamp", self.key, says="a profile has 1 to 64")
        self.refused(ERROR, "--product", "lamp", self.key, says="`daruma cloud up` makes one")

    def test_keys(self):
        self.signer.mkdir(parents=True)  # no cloud needs to have run to see what is wrong with a key
        self.refused(ERROR, "--product", "lamp", self.world.dir / "none.pem", says="none.pem: not found")
        self.refused(ERROR, "--product", "lamp", f"{self.key}.pub", says="the signer needs the private one")
        loose = self.world.key("loose")
        loose.chmod(0o640)
        self.refused(ERROR, "--product", "lamp", loose, says="chmod 600")
        curve = self.world.dir / "p384.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", curve],
                       check=True, capture_output=True)
        curve.chmod(0o600)
        self.refused(ERROR, "--product", "lamp", curve, says="an EC P-256 private key in PEM is needed")
        golden = self.world.dir / "golden.pem"
        shutil.copy(ROOT / "tests/data/golden-images/product-key.pem", golden)
        golden.chmod(0o600)
        self.refused(ERROR, "--product", "lamp", golden, says="published test key")
        self.assertEqual(self.profiles(), [])


if __name__ == "__main__":
    unittest.main()
