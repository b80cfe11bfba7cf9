# SPDX-License-Identifier: Apache-2.0 OR MIT
"""daruma-sim: every single cut and every lie, a sample of double cuts, and that a case can be replayed."""
import os
import re
import subprocess
import unittest

SIM = os.path.join(os.environ.get("DARUMA_BIN", "build/bin"), "daruma-sim")
LAST = re.compile(r"sim: (\d+) cases, (\d+) bricked, (\d+) unauthorised, (\d+) lost")
SUM = re.compile(r"sim: (\d+) operations x 5 torn kinds \+ (\d+) programs x 1 lie = (\d+) cases")


def run(*arguments):
    return subprocess.run([SIM, *arguments], capture_output=True, text=True, timeout=170)


class Sim(unittest.TestCase):
    def check(self, *arguments):
        done = run(*arguments)
        self.assertEqual(done.returncode, 0, done.stdout)
        lines = done.stdout.splitlines()
        cases, bricked, unauthorised, lost = map(int, LAST.fullmatch(lines[-1]).groups())
        self.assertEqual((bricked, unauthorised, lost), (0, 0, 0))
        operations, lies, total = map(int, SUM.fullmatch(lines[-2]).groups())
        self.assertEqual(cases, total)
        self.assertEqual(cases, operations * 5 + lies)
        self.assertGreater(operations, 500)
        self.assertGreater(lies, 200)
        self.assertTrue(lines[0].startswith("sim: seed "))

    def test_every_cut(self):
        self.check()

    def test_second_cuts(self):
        self.check("--twice", "--seed", "2")

    def test_replay(self):
        for case in ("100:half", "300:nothing"):
            first, second = run("--case", case), run("--case", case)
            self.assertEqual(first.returncode, 0, first.stdout)
            self.assertEqual(first.stdout, second.stdout)
            self.assertIn("power cut", first.stdout)
            self.assertIn("sim: 1 cases, 0 bricked", first.stdout)

    def test_usage(self):
        for arguments in (["--case", "x"], ["--case", "5:no-such-kind"], ["--nonsense"], ["--seed"]):
            done = run(*arguments)
            self.assertEqual(done.returncode, 64)
            self.assertIn("usage: daruma-sim", done.stderr)
        self.assertEqual(run("--help").returncode, 0)


if __name__ == "__main__":
    unittest.main()
