# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The `daruma` command as a clumsy person meets it: exit codes, one error line that says what to do, JSON everywhere."""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from world import BIN, Device, World, wait_for  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMITS = "5,20,1,3"  # hang, health, soak, seal in seconds
DONE, ERROR, FAILED, ABORTED, USAGE, TIMEOUT = 0, 1, 2, 3, 64, 124
VERBS = ("cloud up", "cloud down", "cloud status", "device create", "device list", "device run", "device show",
         "device power", "device power-cut", "device press", "device input", "device leds", "device net",
         "device network", "device delete", "key new", "key give", "image sign", "image verify", "image inspect",
         "update create", "update watch", "update cancel", "update revert", "update list", "things list",
         "things show", "things delete")


class Case(unittest.TestCase):
    def refused(self, exit_code, *words, says=(), env=None):
        """The command ends with exit_code after one line that says it (and a usage line for 64); the same as JSON."""
        done = self.world.run(*words, check=False, env=env)
        self.assertEqual(done.returncode, exit_code, (words, done.stdout, done.stderr))
        self.assertEqual(done.stdout, "", words)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 2 if exit_code == USAGE else 1, done.stderr)
        self.assertTrue(lines[0].startswith("daruma "), done.stderr)
        for text in [says] if isinstance(says, str) else says:
            self.assertIn(text, lines[0])
        code, value = self.world.json(*words, check=False, timeout_s=60) if env is None else (exit_code, None)
        self.assertEqual(code, exit_code, words)
        if value is not None:
            self.assertIn(lines[0].split(": ", 1)[1], value["error"])


class HelpTest(Case):
    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.addClassCleanup(cls.world.close)

    def test_every_verb_has_help(self):
        listed = self.world.run("help").stdout
        for verb in VERBS:
            done = self.world.run(*verb.split(), "--help")
            self.assertTrue(done.stdout.startswith("usage: daruma "), verb)
            self.assertIn("\n\nglobal options:\n", done.stdout)
            self.assertNotIn("\n\n\n", done.stdout, verb)
            self.assertIn(verb, listed)
            self.assertEqual(self.world.run("help", *verb.split()).stdout, done.stdout)
            usage, body = done.stdout.split("\n\n", 1)
            for option in re.findall(r"--[a-z][a-z-]*", usage):
                self.assertRegex(body, option + r"\b", f"{verb}: {option} is explained")
        self.assertEqual(sorted(re.findall(r"^  ([a-z]+ [a-z-]+)  ", listed, re.M)), sorted(VERBS))

    def test_every_option_is_in_the_help(self):
        """Nothing is taken that help does not name: the sources say what is taken."""
        for source in sorted((ROOT / "src/cli").glob("cmd_*.c")):
            text = source.read_text()
            for option in re.findall(r'\.name = "([a-z-]+)"', text):
                if option != "dir":  # of all device verbs: explained with the global options
                    self.assertIn(f"--{option}", text, source.name)
        done = subprocess.run([BIN / "daruma-sim", "--help"], capture_output=True, text=True, timeout=20, check=True)
        for option in set(re.findall(r'"(--[a-z]+)"', (ROOT / "sim/main.c").read_text())) - {"--help"}:
            self.assertIn(option, done.stdout)

    def test_help_fits_a_terminal(self):
        nouns = sorted({verb.split()[0] for verb in VERBS})
        asked = [("help",), ("--help",), ("-h",), *((noun, "--help") for noun in nouns), *(("help", noun) for noun in nouns),
                 *((*verb.split(), "--help") for verb in VERBS), *((*verb.split(), "-h") for verb in VERBS)]
        for words in asked:
            done = self.world.run(*words)
            self.assertEqual(done.stderr, "", words)
            lines = done.stdout.splitlines()
            self.assertGreater(len(lines), 3, words)
            self.assertEqual([line for line in lines if len(line) > 80], [], words)

    def test_help_of_the_other_programs_fits_too(self):
        for program in ("darumad", "daruma-signer", "daruma-board", "daruma-board-mps2", "daruma-anchor", "daruma-sim"):
            done = subprocess.run([BIN / program, "--help"], capture_output=True, text=True, timeout=20, check=True)
            self.assertEqual(done.stderr, "", program)
            self.assertIn(f"usage: {program} ", done.stdout)
            self.assertEqual([line for line in done.stdout.splitlines() if len(line) > 80], [], program)

    def test_command_lines_of_the_readme_fit(self):
        blocks = re.findall(r"^```\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)
        lines = [line for block in blocks for line in block.splitlines() if "daruma " in line or line.startswith("$ ")]
        self.assertGreater(len(lines), 10)
        self.assertEqual([line for line in lines if len(line) > 100], [])

    def test_a_noun_lists_its_verbs(self):
        asked = self.world.run("help", "device").stdout
        self.assertEqual(self.world.run("device", "--help").stdout, asked)
        for verb in VERBS:
            self.assertEqual(verb in asked, verb.startswith("device "), verb)
        done = self.world.run("device", check=False)
        self.assertEqual((done.returncode, done.stdout), (USAGE, ""))
        self.assertEqual(done.stderr, "daruma device: which verb?\n" + asked)
        for words in (("help", "nothing"), ("nothing", "--help")):
            done = self.world.run(*words, check=False)
            self.assertEqual(done.returncode, USAGE, words)
            self.assertIn("no such noun", done.stderr)

    def test_wrong_words(self):
        for words in ((), ("nothing",), ("image",), ("device", "nothing"), ("help", "device", "nothing")):
            done = self.world.run(*words, check=False)
            self.assertEqual(done.returncode, USAGE, words)
        for words in (("nothing",), ("device",), ("device", "nothing")):
            code, value = self.world.json(*words, check=False)
            self.assertEqual((code, list(value)), (USAGE, ["error"]), words)
        self.assertIn("options follow", self.world.run("--json", "things", check=False).stderr)
        self.refused(USAGE, "things", "list", "--bogus", says="unknown option --bogus")
        self.refused(USAGE, "things", "list", "-v", says="unknown option -v")
        self.refused(USAGE, "key", "new", says="give one file name")
        self.refused(USAGE, "key", "new", "", says="give one file name")
        self.refused(USAGE, "cloud", "up", "--api-port", "99999", says="1 to 65535")
        self.refused(USAGE, "image", "verify", "--key", "--quiet", "x.img", says="--key needs a value")

    def test_a_dash_is_no_file(self):
        self.refused(USAGE, "key", "new", "-k", says="unknown option -k")
        self.assertEqual(list(self.world.dir.glob("-*")), [])
        self.world.run("key", "new", "--", "-k")
        self.assertTrue((self.world.dir / "-k.pub").exists())

    def test_without_a_cloud(self):
        for words in (("things",), ("update", "list"), ("update", "watch", "some")):
            self.refused(ERROR, *words, says="`daruma cloud up")
        self.refused(ERROR, "cloud", "status", says="`daruma cloud up` makes one")


class ImageTest(Case):
    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.addClassCleanup(cls.world.close)
        cls.key = cls.world.key("product")
        cls.image = cls.world.image("firmware-good", "1.0.0")

    def test_an_image_is_not_wrapped_again(self):
        self.refused(ERROR, "image", "sign", "--key", self.key, "--version", "1.0.0", self.image, "out.img",
                     says="is an image already")

    def test_versions_have_bounds(self):
        self.refused(USAGE, "image", "sign", "--key", self.key, "--version", "256.0.0", BIN / "firmware-good", "out.img",
                     says="at most 255.255.65535")

    def test_a_key_that_others_can_read(self):
        loose = self.world.key("loose")
        loose.chmod(0o644)
        self.refused(ERROR, "image", "sign", "--key", loose, "--version", "1.0.0", BIN / "firmware-good", "out.img",
                     says="chmod 600")

    def test_a_public_key_does_not_sign(self):
        self.refused(ERROR, "image", "sign", "--key", f"{self.key}.pub", "--version", "1.0.0", BIN / "firmware-good",
                     "out.img", says=f"is a public key; signing needs the private one ({self.key}?)")

    def test_what_is_no_key_is_called_so(self):
        self.refused(ERROR, "image", "sign", "--key", self.image, "--version", "1.0.0", BIN / "firmware-good", "out.img",
                     says="holds no private key in PEM")
        self.refused(ERROR, "image", "verify", "--key", self.image, self.image, says="holds no EC P-256 key in PEM")

    def test_an_answer_that_cannot_be_written(self):
        for words in ((), ("--json",)):
            with open("/dev/full", "w") as full:
                done = subprocess.run([BIN / "daruma", "image", "inspect", self.image, *words], stdout=full,
                                      stderr=subprocess.PIPE, text=True, timeout=20)
            self.assertEqual(done.returncode, ERROR, words)

    @unittest.skipUnless(os.geteuid() == 0, "needs root to become somebody else")
    def test_a_key_of_somebody_else(self):
        self.world.dir.chmod(0o755)
        done = subprocess.run([BIN / "daruma", "image", "sign", "--key", self.key, "--version", "1.0.0",
                               BIN / "firmware-good", "/dev/null"], user="nobody", group="nogroup", extra_groups=[],
                              capture_output=True, text=True, timeout=20, cwd="/")
        self.assertEqual(done.returncode, ERROR)
        self.assertIn("Permission denied", done.stderr)
        self.assertNotIn("chmod", done.stderr)


class CloudTest(Case):
    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.addClassCleanup(cls.world.close)
        cls.world.cloud_up()
        cls.factory = cls.world.image("firmware-good", "1.0.0", sequence=1, limits=LIMITS)
        cls.device = Device(cls.world, "lamp")
        cls.device.create(cls.factory)
        cls.device.on()
        wait_for("first report", lambda: cls.world.reported("lamp").get("version") == "1.0.0", 20)

    def test_a_device_with_the_wrong_key_leaves_nothing(self):
        other = self.world.key("other")
        self.refused(ERROR, "device", "create", "second", "--key", other, "--image", self.factory,
                     says=("would refuse", "image_key", "give the key that signed it"))
        done = self.world.run("device", "create", "second", "--key", other, "--image", other, check=False)
        self.assertEqual((done.returncode, "image_magic" in done.stderr), (ERROR, True))
        self.assertNotIn("give the key", done.stderr)
        self.assertFalse((self.world.dir / "devices" / "second").exists())
        self.world.run("device", "create", "second", "--key", self.world.key("product"), "--image", self.factory)

    def test_device_names(self):
        for name in ("a b", "../x", "l\u00e4mp", "a.b", "x" * 65):
            self.refused(USAGE, "device", "create", name, "--key", self.world.key("product"), "--image", self.factory,
                         says="1 to 64 letters")
        self.refused(ERROR, "device", "show", "nobody", says="`daruma device create nobody`")

    def test_a_device_and_its_thing_go_for_good(self):
        for name in ("gone", "kept"):
            self.world.run("device", "create", name, "--key", self.world.key("product"), "--image", self.factory)
        listed = {device["name"]: device for device in self.world.json("device", "list")[1]}
        self.assertEqual(listed["gone"]["running"], "off")
        self.assertEqual((listed["lamp"]["running"], listed["lamp"]["version"]), ("firmware", "1.0.0"))
        self.assertIn("lamp", self.world.run("device", "list").stdout)
        self.assertIn("no devices in", self.world.run("device", "list", "--dir", self.world.dir / "nothing").stdout)

        certificates = self.certificates()
        gone = Device(self.world, "gone")
        gone.on()
        wait_for("first report", lambda: self.world.reported("gone").get("version") == "1.0.0", 20)
        self.assertEqual(self.world.json("device", "delete", "gone")[1],
                         {"deleted": "gone", "thing": True, "certificates": 2})
        self.assertFalse((self.world.dir / "devices" / "gone").exists())
        self.refused(ERROR, "things", "show", "gone", says="Thing gone does not exist")
        self.refused(ERROR, "device", "delete", "gone", says="there is no device in")
        self.assertEqual(len(certificates - self.certificates()), 2)

        self.world.run("device", "delete", "kept", "--keep-thing")
        self.assertFalse((self.world.dir / "devices" / "kept").exists())
        self.assertIn("2 certificates", self.world.run("things", "delete", "kept").stdout)
        self.refused(ERROR, "things", "delete", "kept", says="there is no thing kept")
        self.assertEqual(len(certificates - self.certificates()), 4)
        plain = self.world.dir / "devices" / "notes"
        plain.mkdir()
        self.refused(ERROR, "device", "delete", "notes", says="left alone")
        self.assertTrue(plain.exists())
        self.assertEqual(self.device.show()["running"], "firmware")

    def certificates(self):
        settings = self.world.settings()
        done = subprocess.run(["/usr/bin/aws", "--endpoint-url", settings["api"], "--output", "json", "iot",
                               "list-certificates"], capture_output=True, text=True, timeout=60, check=True,
                              env={**os.environ, **self.world.aws_environment()})
        return {certificate["certificateId"] for certificate in json.loads(done.stdout)["certificates"]}

    def test_the_suggested_command_works_elsewhere(self):
        done = self.world.run("device", "create", "third", "--key", self.world.key("product"), "--image", self.factory,
                              "--dir", self.world.dir / "other place")
        self.assertIn(f"device run third --dir '{self.world.dir}/other place'", done.stdout)

    def test_inputs_are_told_back(self):
        usual = {"quiet_hours": "off", "door": "locked", "owner": "yes"}
        self.assertEqual(self.world.json("device", "input", "lamp")[1], {"name": "lamp", "inputs": usual})
        done = self.world.run("device", "input", "lamp", "--quiet-hours", "on", "--quiet")
        self.assertEqual(done.stdout, "lamp: quiet-hours on, door locked, owner yes\n")
        self.assertEqual(self.device.show()["inputs"]["quiet_hours"], "on")
        _, said = self.world.json("device", "input", "lamp", "--quiet-hours", "off", "--owner", "no")
        self.assertEqual(said["inputs"], {**usual, "owner": "no"})
        self.world.run("device", "input", "lamp", "--owner", "yes")
        self.refused(USAGE, "device", "input", "lamp", "--door", "open", says="unlocked or locked, not open")

    def test_show_is_for_reading(self):
        """Aligned lines without JSON in them, and times that one can read; the raw numbers with --json."""
        wait_for("a report", lambda: self.world.reported("lamp").get("version"), 20)
        for words, counter in ((("device", "show", "lamp"), "cloud.report.counters.security"),
                               (("things", "show", "lamp"), "counters security")):
            text = self.world.run(*words).stdout
            self.assertNotRegex(text, r'[{}"\[\]]')
            rows = [re.fullmatch(r"(\S+(?: \S+)*  +)(\S.*)", line) for line in text.splitlines()]
            self.assertNotIn(None, rows, text)
            self.assertEqual(len({len(row[1]) for row in rows}), 1, text)
            self.assertRegex(text, r"(?m)reported ?[Aa]t +20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC \(.* ago\)$")
            self.assertRegex(text, rf"(?m)^{counter} +0$")
        self.assertNotRegex(text, r"(?m)^\S*[.A-Z]", "names are words")
        self.assertRegex(text, r"\Athing +lamp\n")

    def test_when_a_network_takes_effect(self):
        self.world.run("device", "create", "radio", "--key", self.world.key("product"), "--image", self.factory)
        said = self.world.run("device", "network", "radio", "set", "home", "opensesame").stdout
        self.assertEqual(said, "network home, in range; joined: no\n")  # off: nothing runs that could notice
        radio = Device(self.world, "radio")
        radio.on()
        said = self.world.run("device", "network", "radio", "set", "attic", "opensesame").stdout
        self.assertIn("when it connects next; `daruma device power radio cycle`", said.splitlines()[1])
        self.assertEqual(len(self.world.run("device", "network", "radio").stdout.splitlines()), 1)

    def test_redirections_are_addresses(self):
        for target in ("name.example", "127.0.0.1:99999", "127.0.0.1:", "[::1", "[127.0.0.1]", "1.2.3", "[::1]x"):
            self.refused(USAGE, "device", "net", "lamp", "--redirect", target, says="is an address, not a name")
        self.addCleanup(self.world.run, "device", "net", "lamp", "--clear")
        for target in ("127.0.0.1", "127.0.0.1:1", "[::1]:8883", "::1", "[::1]"):
            names = self.world.json("device", "net", "lamp", "--redirect", target)[1]["names"]
            self.assertEqual(names, {"*": target})

    def test_unknown_things_and_updates(self):
        self.refused(ERROR, "things", "show", "nobody", says="Thing nobody does not exist; `daruma things` shows")
        self.refused(ERROR, "update", "create", self.factory, "nobody", says="Thing nobody does not exist; `daruma things`")
        self.refused(USAGE, "device", "network", "lamp", "set", says="set needs a network")
        self.refused(USAGE, "device", "network", "lamp", "gone", says="lose or restore, not gone")
        for verb in ("watch", "cancel"):
            self.refused(ERROR, "update", verb, "nothing",
                         says=f"daruma update {verb}: there is no update nothing; `daruma update list` shows them")
        for words in (("watch", "a b"), ("cancel", "a/b"), ("create", self.factory, "lamp", "--id", "bad id"),
                      ("create", self.factory, "lamp", "--id", "x" * 57)):
            self.refused(USAGE, "update", *words, says="letters, digits, - and _")
        self.refused(USAGE, "update", "create", self.factory, "", says="empty word")

    def test_a_second_console(self):
        watch = subprocess.Popen([BIN / "daruma", "device", "run", "lamp"], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True, cwd=self.world.dir)
        self.addCleanup(watch.stdout.close)
        self.addCleanup(watch.stderr.close)
        self.addCleanup(watch.wait)
        self.addCleanup(watch.kill)
        self.assertIn("is on already", watch.stderr.readline())
        self.device.verb("power", "reset")  # so that there is something to say
        self.assertRegex(watch.stdout.readline(), r"^ +[0-9]+\.[0-9]+ ")
        watch.send_signal(signal.SIGINT)
        watch.wait(10)
        wait_for("the device runs on", lambda: self.device.show()["running"] == "firmware", 20)

    def test_what_is_no_image_is_not_offered(self):
        self.refused(ERROR, "update", "create", self.world.key("product"), "lamp", says="is no good image")
        self.world.run("image", "sign", "--key", self.world.key("product"), "--version", "1.0.0", BIN / "firmware-good",
                       "plain.img")
        self.refused(ERROR, "update", "create", "plain.img", "lamp", says=("names no product", "--product NAME"))
        self.refused(ERROR, "update", "create", "nowhere.img", "lamp", says="cannot read nowhere.img")

    def test_every_answer_is_json(self):
        for words in (("cloud", "status"), ("things",), ("things", "show", "lamp"), ("update", "list"),
                      ("device", "show", "lamp"), ("device", "leds", "lamp", "--once"), ("device", "net", "lamp"),
                      ("image", "inspect", self.factory),
                      ("image", "verify", "--key", self.world.key("product"), self.factory)):
            self.world.json(*words)

    def test_cloud_on_the_command_line_beats_the_environment(self):
        elsewhere = {**self.world.aws_environment(), "AWS_ENDPOINT_URL": "https://127.0.0.1:1"}
        self.refused(ERROR, "things", env=elsewhere, says=("does not answer", "AWS_ENDPOINT_URL"))
        self.assertIn("lamp", self.world.run("things", "--cloud", self.world.cloud_dir, env=elsewhere).stdout)
        self.world.run("cloud", "status", env=elsewhere)

    @unittest.skipUnless(os.geteuid() == 0, "needs root to become somebody else")
    def test_somebody_else(self):
        self.world.dir.chmod(0o755)
        device = self.world.dir / "devices"
        for words, says in ((("cloud", "status"), "another user's"), (("cloud", "down"), "another user's"),
                            (("things",), "Permission denied"),
                            (("device", "create", "x", "--key", f"{self.world.key('product')}.pub", "--image",
                              self.factory), "cloud.json: Permission denied"),
                            (("device", "show", "lamp", "--dir", device), "who made the device uses it")):
            done = subprocess.run([BIN / "daruma", *words], user="nobody", group="nogroup", extra_groups=[], cwd="/",
                                  capture_output=True, text=True, timeout=20,
                                  env={"PATH": "/usr/bin", "DARUMA_CLOUD": str(self.world.cloud_dir)})
            self.assertEqual(done.returncode, ERROR, (words, done.stdout))
            self.assertIn(says, done.stderr)


class UpdateTest(Case):
    """One device each: what one test does to its device must not matter to another."""

    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.close)
        self.world.cloud_up()
        self.device = Device(self.world, "lamp")
        self.device.create(self.world.image("firmware-good", "1.0.0", sequence=1, limits=LIMITS))

    def offered_while_off(self, update_id, version="1.1.0", sequence=2):
        image = self.world.image("firmware-good", version, sequence=sequence, limits=LIMITS)
        self.world.run("update", "create", image, "lamp", "--id", update_id)

    def test_exit_codes_of_waiting(self):
        self.offered_while_off("first")
        done = self.world.run("update", "watch", "first", "--timeout", "4", check=False)
        self.assertEqual((done.returncode, done.stdout), (TIMEOUT, "lamp QUEUED\n"))
        self.assertEqual(done.stderr.splitlines()[0], "lamp is offline: it is told when it connects")
        self.assertIn("`daruma update watch first` goes on", done.stderr)
        self.assertEqual(self.world.run("update", "watch", "first", "--timeout", "0").stdout, "lamp QUEUED\n")
        self.device.on()
        self.assertTrue(self.world.run("update", "watch", "first").stdout.endswith("lamp SUCCEEDED\n"))
        image = self.world.image("firmware-selftest", "1.2.0", sequence=3, limits=LIMITS)
        code, value = self.world.json("update", "create", image, "lamp", "--wait", check=False)
        self.assertEqual((code, value["executions"]["lamp"]["details"]["reason"]), (FAILED, "self_test"))
        self.device.off()
        self.offered_while_off("second", "1.3.0", 4)
        done = self.world.run("update", "cancel", "second")
        self.assertEqual(done.stdout, "update second canceled\n")
        self.assertEqual(self.world.run("update", "watch", "second", check=False).returncode, ABORTED)
        self.refused(ERROR, "update", "cancel", "second", says="CANCELED")

    def test_the_last_thing_of_an_update_is_deleted(self):
        """Nobody is left who could end it: that is said at once, not after the time-out."""
        self.offered_while_off("left")
        self.world.run("device", "delete", "lamp")
        self.refused(ERROR, "update", "watch", "left", "--timeout", "60",
                     says="update left has ended, and the things it was for are deleted")

    def test_a_device_that_is_not_free_yet(self):
        self.device.on()
        limits = "5,20,1,600"  # sealed long after the test
        image = self.world.image("firmware-good", "1.1.0", sequence=2, limits=limits)
        self.world.run("update", "create", image, "lamp", "--wait")
        image = self.world.image("firmware-good", "1.2.0", sequence=3, limits=limits)
        done = self.world.run("update", "create", image, "lamp", "--wait", "--timeout", "4", check=False)
        self.assertEqual((done.returncode, done.stdout), (TIMEOUT, "lamp QUEUED\n"))
        self.assertIn("lamp runs 1.1.0, confirmed and not sealed yet", done.stderr)
        # Why it waits is told again when that changes.
        self.device.off()
        wait_for("offline", lambda: not self.world.thing("lamp")["reported"].get("connected"), 20)
        update = self.world.json("update", "list")[1][0]["otaUpdateId"]
        watch = subprocess.Popen([BIN / "daruma", "update", "watch", update, "--timeout", "60"], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE, text=True, cwd=self.world.dir,
                                 env={**os.environ, "DARUMA_CLOUD": str(self.world.cloud_dir)})
        self.addCleanup(watch.stderr.close)
        self.addCleanup(watch.wait)
        self.addCleanup(watch.kill)
        self.assertEqual(watch.stderr.readline(), "lamp is offline: it is told when it connects\n")
        self.device.on()
        self.assertIn("lamp runs 1.1.0, confirmed and not sealed yet", watch.stderr.readline())
        self.refused(ERROR, "update", "revert", "lamp", says="no key of product demo-lock; give it one with "
                                                             "`daruma key give --product demo-lock KEY`")
        self.assertIn("`daruma key give`", self.world.run("update", "revert", "--help").stdout)

    def test_an_older_image_is_not_offered_by_mistake(self):
        def image(version, **fields):
            return self.world.image("firmware-good", version, limits=LIMITS, **fields)
        self.device.on()
        wait_for("first report", lambda: self.world.reported("lamp").get("version") == "1.0.0", 20)
        self.refused(ERROR, "update", "create", image("0.9.0"), "lamp",
                     says=("lamp would refuse", "it runs 1.0.0, the image has version 0.9.0 and no sequence", "--force"))
        newer = image("1.1.0", sequence=5, counter=2)
        self.world.run("update", "create", newer, "lamp", "--wait")
        wait_for("sealed", lambda: self.world.reported("lamp").get("counters", {}).get("security") == 2, 30)
        self.refused(ERROR, "update", "create", newer, "lamp", says="it runs this very image")
        older = image("1.2.0", sequence=4, counter=2)
        self.refused(ERROR, "update", "create", older, "lamp",
                     says="it runs 1.1.0 with sequence 5, the image has sequence 4; sign it anew")
        self.refused(ERROR, "update", "create", image("1.2.0", sequence=6, counter=1), "lamp",
                     says="its security counter is 2, the image has 1")
        self.assertEqual(len(self.world.json("update", "list")[1]), 1)  # nothing was made of what was refused
        done = self.world.run("update", "create", older, "lamp", "--force", "--id", "forced", "--wait", check=False)
        self.assertEqual(done.returncode, FAILED)
        self.assertRegex(done.stderr, r"^warning: lamp will refuse .*: it runs 1\.1\.0 with sequence 5")
        self.assertIn("order_not_above", done.stdout)
        # Of two things one may want it: said, and offered.
        other = Device(self.world, "other")
        other.create(self.world.image("firmware-good", "1.0.0", sequence=1, limits=LIMITS))
        done = self.world.run("update", "create", older, "lamp", "other", "--id", "both")
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertIn("warning: lamp will refuse", done.stderr)
        self.assertIn("update both created", done.stdout)

    def test_cancel_tells_what_goes_on_and_force_ends_it(self):
        # A soak that the test will not wait for keeps the execution in progress.
        image = self.world.image("firmware-good", "1.1.0", sequence=2, limits="5,90,60,60")
        self.device.on()
        self.world.run("update", "create", image, "lamp", "--id", "long")
        wait_for("in progress", lambda: self.world.run("update", "watch", "long", "--timeout", "0").stdout
                 == "lamp IN_PROGRESS\n", 20)
        said = self.world.run("update", "cancel", "long").stdout.splitlines()
        self.assertEqual(said[0], "update long canceled")
        self.assertIn("lamp has begun and goes on; `daruma update cancel long --force`", said[1])
        said = self.world.run("update", "cancel", "long", "--force").stdout
        self.assertEqual(said, "update long canceled\n")
        self.assertEqual(self.world.run("update", "watch", "long", check=False).returncode, ABORTED)

    def test_every_wait_is_told(self):
        """Why the device waits, each time that changes, until it goes on."""
        self.device.on()
        wait_for("first report", lambda: self.world.reported("lamp").get("version") == "1.0.0", 20)
        self.device.verb("input", "--quiet-hours", "on")
        image = self.world.image("firmware-good", "1.1.0", sequence=2, limits=LIMITS)
        self.world.run("update", "create", image, "lamp", "--id", "first")
        watch = subprocess.Popen([BIN / "daruma", "update", "watch", "first", "--timeout", "60"],
                                 stdout=subprocess.PIPE, text=True, cwd=self.world.dir,
                                 env={**os.environ, "DARUMA_CLOUD": str(self.world.cloud_dir)})
        self.addCleanup(watch.stdout.close)
        self.addCleanup(watch.wait)
        self.addCleanup(watch.kill)
        said = iter(watch.stdout.readline, "")
        self.assertRegex(next(line for line in said if "waits" in line), r"^lamp waits: quiet-hours, for \d+ s at most$")
        self.device.verb("input", "--door", "unlocked")
        self.device.verb("input", "--quiet-hours", "off")
        self.assertRegex(next(line for line in said if "waits" in line), r"^lamp waits: door-unlocked, for \d+ s at most$")
        self.device.verb("input", "--door", "locked")
        rest = list(said)
        self.assertEqual([line for line in rest if "waits" in line], [])
        self.assertEqual((watch.wait(60), rest[-1]), (DONE, "lamp SUCCEEDED\n"))
        self.assertLessEqual(len([line for line in rest if "fetches over" in line]), 1)
        shown = self.world.run("things", "show", "lamp").stdout
        self.assertRegex(shown, r"\nupdate  first +SUCCEEDED\n")
        self.assertNotIn("AFR_OTA", shown)
        self.refused(ERROR, "update", "cancel", "first", says="update first is COMPLETED already")

    def watching(self, update):
        """`update watch`, under way."""
        watch = subprocess.Popen([BIN / "daruma", "update", "watch", update, "--timeout", "60"],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.world.dir,
                                 env={**os.environ, "DARUMA_CLOUD": str(self.world.cloud_dir)})
        self.addCleanup(watch.stderr.close)
        self.addCleanup(watch.stdout.close)
        self.addCleanup(watch.wait)
        self.addCleanup(watch.kill)
        return watch

    def test_watching_outlives_a_restart_of_the_cloud(self):
        self.offered_while_off("first")
        watch = self.watching("first")
        self.assertEqual(watch.stdout.readline(), "lamp QUEUED\n")
        self.world.cloud_down()
        self.assertEqual(watch.stderr.readline(), "the cloud does not answer; waiting for it\n")
        self.world.cloud_up()
        self.device.on()
        self.assertEqual(watch.wait(60), DONE)
        self.assertTrue(watch.stdout.read().endswith("lamp SUCCEEDED\n"))

    def test_watching_begins_before_the_cloud_does(self):
        """The first look is as patient as the others; a time-out of 0 is not."""
        self.offered_while_off("first")
        self.world.cloud_down()
        self.refused(ERROR, "update", "watch", "first", "--timeout", "0", says="does not answer")
        done = self.world.run("update", "watch", "first", "--timeout", "1", check=False)
        self.assertEqual((done.returncode, done.stdout), (TIMEOUT, ""))
        self.assertEqual(done.stderr, "the cloud does not answer; waiting for it\ndaruma update watch: the cloud did not "
                         "answer for 1 s; `daruma update watch first` tries again\n")
        watch = self.watching("first")
        self.assertEqual(watch.stderr.readline(), "the cloud does not answer; waiting for it\n")
        self.world.cloud_up()
        self.assertEqual(watch.stdout.readline(), "lamp QUEUED\n")
        self.refused(ERROR, "update", "watch", "other", says="there is no update other")

    def test_an_interrupted_wait_leaves_the_update_alone(self):
        image = self.world.image("firmware-good", "1.1.0", sequence=2, limits=LIMITS)
        create = subprocess.Popen([BIN / "daruma", "update", "create", image, "lamp", "--wait", "--id", "first"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.world.dir,
                                  env={**os.environ, "DARUMA_CLOUD": str(self.world.cloud_dir)})
        self.addCleanup(create.stdout.close)
        self.addCleanup(create.stderr.close)
        self.assertEqual(create.stdout.readline(), "lamp QUEUED\n")
        create.send_signal(signal.SIGINT)
        self.assertEqual(create.wait(10), -signal.SIGINT)
        self.assertIn("update first goes on; `daruma update watch first` follows it, `daruma update cancel first` ends it",
                      create.stderr.read())
        self.device.on()
        self.assertTrue(self.world.run("update", "watch", "first").stdout.endswith("lamp SUCCEEDED\n"))


class PortTest(Case):
    def test_a_port_that_is_taken(self):
        world = World()
        self.addCleanup(world.close)
        world.cloud_up()
        ports = world.settings()
        taken = {"--api-port": ports["api"].rsplit(":", 1)[1], "--mqtt-port": str(ports["mqtt_port"])}
        for option, port in taken.items():
            done = world.run("cloud", "up", "--dir", world.dir / option.strip("-"), option, port, "--background",
                             check=False)
            self.assertEqual(done.returncode, ERROR, done.stdout)
            self.assertIn(f"port {port} is taken by another program; end that, or choose another with {option} N",
                          done.stderr)


if __name__ == "__main__":
    unittest.main()
