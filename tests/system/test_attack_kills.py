# SPDX-License-Identifier: Apache-2.0 OR MIT
"""SIGKILL to one part after another while an update runs: broker, service, signer, supervisor; board, secure element,
firmware. Whoever watches starts again what is gone, and nothing else; the update comes through."""
import os
import pathlib
import random
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from world import Device, World, wait_for  # noqa: E402

NAME = "survivor"
LIMITS = "5,60,1,2"
MIB = 1024 * 1024


class KillTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.addClassCleanup(cls.world.close)
        cls.world.cloud_up()
        cls.device = Device(cls.world, NAME)
        cls.device.create(cls.image("1.0.0", 1), "--time-divisor", "10")
        cls.device.on()
        cls.told("1.0.0", "factory")

    @classmethod
    def image(cls, version, sequence, **fields):
        return cls.world.image("firmware-good", version, sequence=sequence, limits=LIMITS, **fields)

    @classmethod
    def told(cls, version, state, timeout_s=60):
        def seen():
            report = cls.world.reported(NAME)
            return report.get("version") == version and report.get("state") == state
        return wait_for(f"{version} {state} is reported", seen, timeout_s, 0.1)

    def cloud_pids(self):
        """The supervisor and its children by what they are."""
        return {**self.world.cloud_parts(), "supervisor": self.world.cloud_process.pid}

    def kill(self, victim):
        if victim in ("board_pid", "anchor_pid", "machine_pid"):
            try:
                pid = int(self.device.show().get(victim, 0))
            except Exception:  # the board is just starting
                return
        else:
            pid = self.cloud_pids()[victim]
        if pid > 1:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                return
        if victim == "board_pid":
            self.world.run("device", "power", NAME, "cut", "--dir", self.world.dir / "devices", check=False)
            wait_for("the board can start again", lambda: self.world.run(
                "device", "run", NAME, "--dir", self.world.dir / "devices", "--background",
                check=False).returncode == 0, 20)
        elif victim == "anchor_pid":  # a dead element comes back with the machine's next start, not before
            self.world.run("device", "power", NAME, "cycle", "--dir", self.world.dir / "devices", check=False)
        elif not victim.endswith("_pid"):
            wait_for(f"the cloud ends without {victim}", lambda: self.world.cloud_process.poll() is not None, 20)
            self.world.cloud_up()

    def run_through(self, number, victims, seed):
        chance = random.Random(seed)
        version = f"1.{number}.0"
        image = self.image(version, number, pad_to=6 * MIB)
        self.world.run("update", "create", image, NAME, "--id", f"u{number}")
        for victim in victims:
            time.sleep(chance.random() * 0.4)  # the instant is the attack
            self.kill(victim)
        execution = wait_for("the update ends", lambda: self.ended(f"u{number}"), 60, 0.2)
        self.assertEqual(execution["status"], "SUCCEEDED", (execution, self.device.console()[-3000:]))
        self.told(version, "sealed")

    def ended(self, update):
        code, seen = self.world.json("update", "watch", update, "--timeout", 0, check=False)
        execution = seen["executions"][NAME]
        return execution if execution["status"] in ("SUCCEEDED", "FAILED", "REJECTED", "TIMED_OUT") else None

    def test_parts_of_the_cloud(self):
        self.run_through(2, ["darumad", "broker", "signer", "supervisor"], 11)

    def test_parts_of_the_device(self):
        self.run_through(3, ["anchor_pid", "machine_pid", "board_pid", "anchor_pid", "board_pid"], 12)

    def test_this_and_that(self):
        self.run_through(4, ["broker", "board_pid", "darumad", "anchor_pid", "broker"], 13)


if __name__ == "__main__":
    unittest.main(verbosity=2)
