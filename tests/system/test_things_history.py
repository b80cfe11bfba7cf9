# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A thing with many updates behind it: the newest of them are what is shown of it, and what an offer is compared with."""
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.api import request, second_certificate
from harness.world import World
from system.mqtt_raw import let_in

UPDATES = 11  # more than `daruma things show` tells of


class HistoryTest(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.close)
        self.world.cloud_up()
        self.settings = self.world.settings()
        # A device of its own kind: making one gives the cloud the policy that things have.
        self.world.run("device", "create", "other", "--dir", self.world.dir / "devices", "--key",
                       self.world.key("product"), "--image", self.world.image("firmware-good", "1.0.0", sequence=1))
        request(self.settings, "POST", "/things/lamp", {})
        self.client = let_in(self.settings, second_certificate(self.settings, "lamp", self.world.dir), "lamp")
        self.addCleanup(self.client.abandon)

    def ask(self, topic, body):
        topic = f"$aws/things/lamp/{topic}"
        self.client.publish(topic, json.dumps(body))
        answer = self.client.receive(20, lambda message: message.topic.startswith(topic + "/"))
        self.assertEqual(answer.topic, topic + "/accepted", answer.payload)

    def test_the_newest_count(self):
        images = [self.world.image("firmware-good", "1.1.0", sequence=sequence) for sequence in (10, 11)]
        for i in range(1, UPDATES + 1):
            self.world.run("update", "create", images[i == UPDATES], "lamp", "--id", f"u{i}")
            self.ask(f"jobs/AFR_OTA-u{i}/update", {"status": "SUCCEEDED"})
        document = json.loads(request(self.settings, "GET", f"/jobs/AFR_OTA-u{UPDATES}/job-document")["document"])
        self.assertEqual(document["daruma"]["sequence"], 11)
        self.ask("daruma/report", {"version": "1.1.0", "digest": document["daruma"]["digest"], "slot": "A",
                                   "state": "sealed"})
        shown = [row["jobId"] for row in self.world.json("things", "show", "lamp")[1]["executions"]]
        self.assertEqual(shown, [f"AFR_OTA-u{i}" for i in range(UPDATES, UPDATES - 10, -1)])
        older = self.world.image("firmware-good", "1.2.0", sequence=10)
        done = self.world.run("update", "create", older, "lamp", check=False)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("it runs 1.1.0 with sequence 11, the image has sequence 10", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
