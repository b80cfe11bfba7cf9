# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How long is a device's message acknowledged by the broker but not yet in the store? A broker that is killed in that
window loses it. Our agent repeats until it sees the answer; other agents may not.

Measured from outside: from the PUBACK to the arrival of the answer, which leaves after the commit. One JSON object.
"""
import json
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/system"))

import bus_rig  # noqa: E402

ROUNDS = 300


def main():
    cloud = bus_rig.Cloud()
    try:
        identity, _ = cloud.add("window")
        device = cloud.connect(identity)
        cloud.iot.create_job(jobId="window", targets=[bus_rig.gate_rig.ARN + "thing/window"], document="{}")
        topic = "$aws/things/window/jobs/window/update"
        windows = []
        for _ in range(ROUNDS):
            device.publish(topic, json.dumps({"status": "IN_PROGRESS"}), 1)
            acknowledged = time.monotonic()
            answer = device.receive(match=lambda m: m.topic.startswith(topic + "/"))
            assert answer.topic.endswith("/accepted"), answer
            windows.append((time.monotonic() - acknowledged) * 1000)
        windows.sort()
        print(json.dumps({"what": "PUBACK to committed answer", "rounds": ROUNDS,
                          "median_ms": round(statistics.median(windows), 2),
                          "p99_ms": round(windows[int(ROUNDS * 0.99)], 2), "max_ms": round(windows[-1], 2)}))
    finally:
        cloud.close()


if __name__ == "__main__":
    main()
