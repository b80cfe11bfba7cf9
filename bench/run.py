#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The figures, each beside what it is compared with, in the same run. Writes docs/performance.md.

usage: run.py [--bin DIR] [--rounds N] [--document FILE] [--only NAME[,NAME]]
names: download https path slow drop rest footprint commits

One line per figure. Ends 1 when a target is missed.
"""
import argparse
import datetime
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

MIB = 1024 * 1024
NAME = "bench"
LIMITS = "2,15,1,1"  # hang, health, soak, seal: seconds, so that one update can follow the other
AWS_AGENT_MB_S = 0.27  # published for the AWS agent
# What the Linux board's firmware asks for: boards/linux/firmware/machine.c.
BLOCK_BYTES, WINDOW_BYTES = 16384, 262144
MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin")


class Report:
    """Lines for the terminal, rows for the document, and whether all targets were met."""

    def __init__(self):
        self.rows, self.missed, self.notes = [], [], []

    def figure(self, what, measured, compared, target="", met=True):
        verdict = "" if not target else "met" if met else "MISSED"
        self.rows.append((what, measured, compared, target, verdict))
        print(f"{what}: {measured}" + (f"; {compared}" if compared else "") +
              (f"; target {target}: {verdict}" if target else ""), flush=True)
        if not met:
            self.missed.append(what)


def ms(seconds):
    return f"{1000 * seconds:.1f} ms"


def rate(size, seconds):
    return f"{size / seconds / 1e6:.0f} MB/s"


# ----- the bare broker

class BareBroker:
    """A mosquitto without the gate, with the same options and certificates as the cloud's."""

    def __init__(self, world):
        from harness.world import wait_for
        self.dir = world.dir / "bare"
        self.dir.mkdir()
        self.pki = world.cloud_dir / "pki"
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        lines = []
        for line in (world.cloud_dir / "mosquitto.conf").read_text().splitlines():
            if line.startswith("listener "):
                line = f"listener {self.port} 127.0.0.1"
            elif line.startswith("allow_zero_length_clientid"):
                line = "allow_zero_length_clientid true"
            if line and line[0] != "#" and not line.startswith("plugin"):
                lines.append(line)
        (self.dir / "mosquitto.conf").write_text("\n".join(lines) + "\n")
        with open(self.dir / "log", "wb") as log:
            self.process = subprocess.Popen([MOSQUITTO, "-c", str(self.dir / "mosquitto.conf")], stdout=log,
                                            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)

        def listens():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0
        wait_for("the bare broker listens", listens, 10)

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)

    def transfer(self, size, block, window, runs):
        """Seconds of each run."""
        return transfer(self.port, self.pki / "ca.pem", self.pki / "service.pem", self.pki / "service.key", size, block,
                        window, runs)


def transfer(port, ca, certificate, key, size, block, window, runs, extra=()):
    from harness.world import BIN
    done = subprocess.run([BIN / "bare_mqtt", "--port", str(port), "--ca", ca, "--cert", certificate, "--key", key,
                           "--size", str(size), "--block", str(block), "--window", str(window // block),
                           "--runs", str(runs), *extra], capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise RuntimeError(f"bare_mqtt: {done.stderr}")
    return [json.loads(line)["seconds"] for line in done.stdout.splitlines()]


# ----- 1. download

def console_times(text):
    """{state: (entered, left)} of the agent, in seconds, from the board's console."""
    states = [(float(at), state) for at, state in re.findall(r"^ *([\d.]+) firmware: agent: (\w+)", text, re.M)]
    return {state: (at, states[i + 1][0]) for i, (at, state) in enumerate(states[:-1])}


def wait_sealed(world, device, version, before):
    """Until the device has downloaded, installed and sealed that version; its console was `before` characters long."""
    from harness.world import wait_for

    def sealed():
        reported = world.reported(device.name)
        return reported.get("version") == version and reported.get("state") == "sealed"
    # To ask the service is a program's start: nobody does while bytes move.
    wait_for(f"{version} is downloaded", lambda: "agent: RESETTING" in device.console()[before:], 60, 0.1)
    wait_for(f"{version} is sealed", sealed, 60, 0.1)


def one_update(world, device, number, size):
    """Install one good image of about `size` bytes; seconds of its whole download, of LOADING and of CLOSING."""
    version = f"1.{number}.0"
    image = world.image("firmware-good", version, sequence=number, counter=1, limits=LIMITS, pad_to=size - 4096)
    before = len(device.console())
    world.run("update", "create", image, device.name, "--id", f"update-{device.name}-{number}")
    wait_sealed(world, device, version, before)
    states = console_times(device.console()[before:])
    # From the first request (head and tail of the image) to the last block in flash; admission and the opening of the
    # slot lie in between and count.
    whole = states["CLOSING"][0] - states["PROBING"][0]
    loading = states["LOADING"][1] - states["LOADING"][0]
    closing = states["CLOSING"][1] - states["CLOSING"][0]
    actual = image.stat().st_size
    return actual, whole, loading, closing


def bare_runs(bare, size, fresh_s, warm_s):
    """A device downloads over a connection that has carried nothing yet: its buffers have not grown, nor has memory been
    touched. So the first transfer of each connection is the like of it; those that follow are told beside."""
    for _ in range(4):
        first, *others = bare.transfer(size, BLOCK_BYTES, WINDOW_BYTES, 3)
        fresh_s.append(first)
        warm_s += others


def download(world, device, bare, report, rounds):
    number = 1
    for size in (MIB, 8 * MIB):
        device_s, loading_s, closing_s, bare_s, warm_s, actual = [], [], [], [], [], size
        for _ in range(rounds):
            number += 1
            bare_runs(bare, size, bare_s, warm_s)
            actual, whole, loading, closing = one_update(world, device, number, size)
            device_s.append(whole)
            loading_s.append(loading)
            closing_s.append(closing)
            bare_runs(bare, size, bare_s, warm_s)
        mine, theirs = actual / statistics.median(device_s), size / statistics.median(bare_s)
        warm = size / statistics.median(warm_s)
        ratio = mine / theirs
        report.figure(
            f"download of {size // MIB} MiB by one Linux board",
            f"{mine / 1e6:.0f} MB/s (median {ms(statistics.median(device_s))} of {rounds}, "
            f"{ms(min(device_s))} to {ms(max(device_s))})",
            f"bare mosquitto {theirs / 1e6:.0f} MB/s on a fresh connection (median {ms(statistics.median(bare_s))} of {len(bare_s)}, "
            f"{ms(min(bare_s))} to {ms(max(bare_s))}), "
            f"{warm / 1e6:.0f} MB/s on a used one ({100 * mine / warm:.0f} %); "
            f"AWS agent {AWS_AGENT_MB_S} MB/s", f"50 % of bare on a fresh connection, here {100 * ratio:.0f} %", ratio >= 0.5)
        report.figure(f"… blocks alone, {size // MIB} MiB", f"{rate(actual, statistics.median(loading_s))} "
                      f"(median {ms(statistics.median(loading_s))})", "without head, tail, admission, opening of the slot")
        report.figure(f"… then read back and verified, {size // MIB} MiB", ms(statistics.median(closing_s)),
                      "decrypt, SHA-256, signature; before the reset")


# ----- 2. at rest

def pss_kib(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+) kB", text, re.M).group(1))


def status_of(world):
    return world.json("cloud", "status", "--dir", world.cloud_dir)[1]


def start_seconds(world):
    """From exec to the line that says it is up, on a directory that exists."""
    from harness.world import BIN
    begin = time.monotonic()
    process = subprocess.Popen([BIN / "daruma", "cloud", "up", "--dir", world.cloud_dir], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True, start_new_session=True)
    line = process.stdout.readline()
    took = time.monotonic() - begin
    if " is up" not in line:
        raise RuntimeError(f"cloud up said {line!r}")
    return took, process


def stop(process):
    process.send_signal(signal.SIGTERM)
    process.stdout.read()
    process.wait(20)


def rest(world, report, rounds):
    world.cloud_down()
    took = []
    for _ in range(rounds):
        seconds, process = start_seconds(world)
        took.append(seconds)
        stop(process)
    report.figure("cloud: start to ready", ms(statistics.median(took)), f"{ms(min(took))} to {ms(max(took))} of {rounds}",
                  "under 1 s", statistics.median(took) < 1.0)
    _, process = start_seconds(world)
    try:
        time.sleep(2)  # at rest: whatever the start left to do is done
        parts = {name: pss_kib(pid) for name, pid in cloud_pids(process.pid).items()}
    finally:
        stop(process)
    total = sum(parts.values())
    report.figure("cloud at rest: darumad, mosquitto with the gate, daruma-signer", f"{total / 1024:.1f} MiB PSS",
                  ", ".join(f"{name} {size / 1024:.1f}" for name, size in parts.items()), "under 40 MB",
                  total * 1024 < 40e6)


def cloud_pids(supervisor):
    """{program: pid} of the supervisor's children."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
                name, parent = stat[stat.index("(") + 1:stat.rindex(")")], int(stat[stat.rindex(")") + 2:].split()[1])
            except (OSError, ValueError):
                continue
            if parent == supervisor and name in ("darumad", "mosquitto", "daruma-signer"):
                found[name] = int(entry.name)
    if len(found) != 3:
        raise RuntimeError(f"running: {found}")
    return found


# ----- 3. footprint

def footprint(report, build):
    if shutil.which("arm-none-eabi-gcc") is None:
        report.figure("footprint on a Cortex-M3", "not measured: arm-none-eabi-gcc is not installed", "", "docs/footprint.md",
                      False)
        return
    mcu = build / "mcu"
    for command in (["cmake", "-S", ROOT, "-B", mcu, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=MinSizeRel",
                     f"-DCMAKE_TOOLCHAIN_FILE={ROOT}/cmake/arm-none-eabi.cmake"], ["cmake", "--build", mcu]):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    done = subprocess.run([ROOT / "tools/footprint", mcu, "docs/footprint.md"], capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr)
    for what, size, budget in re.findall(r"^(.*): (\d+) of (\d+) bytes$", done.stdout, re.M):
        report.figure(what, f"{int(size):,} bytes", "arm-none-eabi-gcc -Os, Cortex-M3", f"{int(budget):,} bytes",
                      int(size) <= int(budget))


# ----- 4. the broker path

POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]})


def plain_client(world, directory):
    """A thing with a certificate, as AWS's SDK makes one; and a stream of 8 MiB. (certificate, key, thing, stream)"""
    import boto3
    settings = world.settings()
    session = boto3.Session(settings["access_key_id"], settings["secret_access_key"], region_name=settings["region"])

    def client(service):
        return session.client(service, endpoint_url=settings["api"], verify=settings["ca"])
    iot, s3 = client("iot"), client("s3")
    made = iot.create_keys_and_certificate(setAsActive=True)
    certificate, key = directory / "plain.pem", directory / "plain.key"
    certificate.write_text(made["certificatePem"])
    key.touch(0o600)
    key.write_text(made["keyPair"]["PrivateKey"])
    iot.create_policy(policyName="plain", policyDocument=POLICY)
    iot.create_thing(thingName="plain")
    iot.attach_policy(policyName="plain", target=made["certificateArn"])
    iot.attach_thing_principal(thingName="plain", principal=made["certificateArn"])
    s3.create_bucket(Bucket="bench")
    s3.put_object(Bucket="bench", Key="file", Body=os.urandom(8 * MIB))
    iot.create_stream(streamId="bench", roleArn="arn:aws:iam::000000000000:role/r",
                      files=[{"fileId": 0, "s3Location": {"bucket": "bench", "key": "file"}}])
    return certificate, key, "plain", "bench"


def path(world, bare, report, rounds):
    try:
        import boto3  # noqa: F401
    except ImportError:
        report.figure("broker path", "not measured: no boto3", "")
        return
    certificate, key, thing, stream = plain_client(world, bare.dir)
    settings = world.settings()
    for block in (4096, BLOCK_BYTES):
        through, straight = [], []
        for _ in range(rounds):
            straight += bare.transfer(8 * MIB, block, WINDOW_BYTES, 4)[1:]
            through += transfer(settings["mqtt_port"], settings["ca"], certificate, key, 8 * MIB, block, WINDOW_BYTES, 4,
                                ("--thing", thing, "--stream", stream))[1:]
        mine, theirs = statistics.median(through), statistics.median(straight)
        report.figure(f"gate and darumad, {block // 1024} KiB blocks to a plain client", rate(8 * MIB, mine),
                      f"bare mosquitto {rate(8 * MIB, theirs)}: {100 * theirs / mine:.0f} %")


# ----- 5. a long line

ROUND_TRIP_S, LINE_BYTES_S = 0.1, 2500000  # 20 Mbit/s


class TlsSender:
    """Answers each byte it gets over TLS with a file: what a transfer costs without any protocol."""

    def __init__(self, pki, size):
        self.size = size
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(pki / "broker.pem", pki / "broker.key")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        connection, _ = self.listener.accept()
        with self.context.wrap_socket(connection, server_side=True) as tls:
            while tls.recv(1):
                tls.sendall(bytes(self.size))

    def seconds(self, port, ca, rounds):
        context = ssl.create_default_context(cafile=ca)
        took = []
        with context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost") as tls:
            for _ in range(rounds):
                begin, left = time.monotonic(), self.size
                tls.sendall(b"g")
                while left > 0:
                    left -= len(tls.recv(65536))
                took.append(time.monotonic() - begin)
        self.listener.close()
        return took


def slow(world, report):
    from harness.line import Line
    from harness.world import Device, wait_for
    settings = world.settings()
    device = Device(world, "far")
    device.create(world.image("firmware-good", "1.0.0", sequence=1, counter=1, limits=LIMITS))
    line = Line(settings["mqtt_port"], ROUND_TRIP_S, LINE_BYTES_S)
    (device.console_path().parent / "net.conf").write_text(f"localhost 127.0.0.1:{line.port}\n")
    try:
        device.on()
        wait_for("the device reports", lambda: world.reported(device.name).get("version"), 60)
        for number, size in ((2, MIB), (3, 8 * MIB)):
            sender = TlsSender(world.cloud_dir / "pki", size)
            straight = Line(sender.port, ROUND_TRIP_S, LINE_BYTES_S)
            theirs = size / statistics.median(sender.seconds(straight.port, settings["ca"], 3))
            straight.close()
            actual, whole, _, _ = one_update(world, device, number, size)
            mine = actual / whole
            bound = size > MIB
            report.figure(
                f"download of {size // MIB} MiB over a line of {1000 * ROUND_TRIP_S:.0f} ms round trip and "
                f"{8 * LINE_BYTES_S / 1e6:.0f} Mbit/s", f"{mine / 1e6:.2f} MB/s ({whole:.2f} s)",
                f"bare TLS {theirs / 1e6:.2f} MB/s: {100 * mine / theirs:.0f} %",
                "1.5 MB/s and 60 % of bare" if bound else "",
                not bound or (mine >= 1.5e6 and mine >= 0.6 * theirs))
    finally:
        device.off()
        line.close()


# ----- 6. a dropped block

DROP_BYTES, DROP_ROUND_TRIPS = 2 * MIB, 3


def drop(world, report, rounds):
    """Downloads through the long line take turns: of one all blocks arrive, of the next a tap between line and broker
    swallows the message of one block, once: from the middle, or the last."""
    from harness.api import second_certificate
    from harness.hostile import HostileBroker
    from harness.line import Line
    from harness.world import Device, wait_for
    device = Device(world, "tapped")
    device.create(world.image("firmware-good", "1.0.0", sequence=1, counter=1, limits=LIMITS))
    identity = second_certificate(world.settings(), device.name, world.dir)
    tap = HostileBroker(world.settings(), world.cloud_dir, identity)
    line = Line(tap.port, ROUND_TRIP_S, LINE_BYTES_S)
    (device.console_path().parent / "net.conf").write_text(f"localhost 127.0.0.1:{line.port}\n")
    whole_s, dropped_s, last_s, number, blocks = [], [], [], 1, DROP_BYTES // BLOCK_BYTES
    try:
        device.on()
        wait_for("the device reports", lambda: world.reported(device.name).get("version"), 60)
        for turn in range(rounds):
            for took, victim in ((whole_s, None), (dropped_s, blocks // 2 + turn), (last_s, blocks - 1)):
                number += 1
                tap.done, tap.victim = 0, victim
                tap.harm = tap.none if victim is None else tap.drop_one
                took.append(one_update(world, device, number, DROP_BYTES)[1])
                if tap.done != (victim is not None):
                    raise RuntimeError(f"the tap dropped {tap.done} blocks")
    finally:
        device.off()
        line.close()
        tap.close()
    whole, dropped = statistics.median(whole_s), statistics.median(dropped_s)
    cost = (dropped - whole) / ROUND_TRIP_S
    report.figure(
        f"one block dropped in a download of {DROP_BYTES // MIB} MiB, line of {1000 * ROUND_TRIP_S:.0f} ms round trip",
        f"{cost:.1f} round trips (median {ms(dropped)} of {rounds}, {ms(min(dropped_s))} to {ms(max(dropped_s))})",
        f"nothing dropped: median {ms(whole)}, {ms(min(whole_s))} to {ms(max(whole_s))}",
        f"under {DROP_ROUND_TRIPS} round trips", cost < DROP_ROUND_TRIPS)
    report.figure("… the very last block instead", f"{(statistics.median(last_s) - whole) / ROUND_TRIP_S:.1f} round trips "
                  f"(median {ms(statistics.median(last_s))}, {ms(min(last_s))} to {ms(max(last_s))})",
                  "nothing comes after it: a timer decides")


# ----- 7. commits

EXECUTIONS = 10000


def commits(report, rounds):
    from harness.world import BIN
    runs = []
    for _ in range(rounds):
        done = subprocess.run([BIN / "commit_time", str(EXECUTIONS)], capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        runs.append(json.loads(done.stdout))
    longest = [run["longest_commit_ms"] for run in runs]
    report.figure(
        f"longest commit while {EXECUTIONS:,} executions are made", f"{statistics.median(longest):.1f} ms",
        f"{min(longest):.1f} ms to {max(longest):.1f} ms of {rounds}; all of them in "
        f"{statistics.median(run['all_ms'] for run in runs):.0f} ms; a small change beside it waited "
        f"{statistics.median(run['median_wait_ms'] for run in runs):.1f} ms in the median",
        "50 ms", statistics.median(longest) <= 50)


# ----- the document

def machine():
    model = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    memory = re.search(r"^MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text(), re.M)
    return (f"{len(os.sched_getaffinity(0))} cores ({model.group(1).strip() if model else os.uname().machine}), "
            f"{int(memory.group(1)) / MIB:.0f} GiB, Linux {'.'.join(os.uname().release.split('.')[:2])}")


def busy(load):
    """What a reader has to know of a run on a machine that had other work."""
    if load <= len(os.sched_getaffinity(0)):
        return []
    return ["", "**The machine was busy with other work** all the while: both sides of a comparison shared its cores with it, so",
            "rates are lower than the machine's own, ranges wide, and the shares of each other coarse."]


def document(report, options):
    lines = ["# Performance", "",
             f"Written by `make bench` on {datetime.date.today().isoformat()}: {machine()}. Load of the machine when it",
             f"began: {options.load:.1f}. Everything on one machine over loopback, TLS 1.3 with client certificates, broker,",
             f"service, device and measuring program together on those cores, compiled as {options.build_type}. Medians;",
             "downloads and their comparison take turns.", *busy(options.load), "", "| figure | measured | beside | target | |", "|---|---|---|---|---|"]
    lines += ["| " + " | ".join(row) + " |" for row in report.rows]
    lines += [
        "", "## What is compared", "",
        "- **Download.** One virtual device updates itself to a good image of that size. The clock runs from its first",
        "  stream request (head and tail of the image) to the last block written, as the board's console tells it: CBOR,",
        "  admission with signature check, opening of the slot, AES-256-CTR, the flash with its rules, and the block map are",
        "  all inside; the measuring program looks at nothing but that console until the device resets. *Bare* is `bench/bare_mqtt.c`: two plain MQTT clients of a mosquitto without the gate, same options,",
        f"  same TLS, same blocks ({BLOCK_BYTES // 1024} KiB) and the same {WINDOW_BYTES // 1024} KiB in flight; bytes are received and",
        "  dropped. The target counts against its first transfer on a connection, because a device's is the first on its",
        "  own; repeated transfers on one connection are faster, and the share of those stands beside it.",
        "- **HTTPS.** The same device and clock, from its first connection to the server; curl fetches the same file from nginx",
        "  with the certificate and cipher suite of our API, connection included, in turns; it drops what it gets.",
        "- **Verification** reads the whole image back, decrypts and hashes it; it is not part of the download.",
        f"- **AWS agent**: {AWS_AGENT_MB_S} MB/s is what its documentation gives for a real microcontroller over a real network;",
        "  it is a yardstick of the protocol (a few blocks per request, one request at a time), not of a like machine.",
        f"- **A long line** is `tests/harness/line.py` between device and broker: {1000 * ROUND_TRIP_S:.0f} ms there and back, and towards the",
        f"  device at most {8 * LINE_BYTES_S / 1e6:.0f} Mbit/s. *Bare TLS* is one answer of that size from a TLS server behind the same line. On a",
        f"  faster line of that length the device's {WINDOW_BYTES // 1024} KiB in flight are the bound:",
        f"  {WINDOW_BYTES / ROUND_TRIP_S / 1e6:.1f} MB/s, whatever a bare transfer reaches.",
        "- **A dropped block**: between that line and the broker stands a tap (`tests/harness/hostile.py`) that swallows one",
        "  message from the middle of a download, once; downloads with and without the drop take turns, all through the",
        "  tap. What comes after the hole tells of it. The very last block has nothing after it: there the timer decides,",
        "  twice the measured round trip, in which blocks wait for each other on a full line, and 0.3 s.",
        "- **Commits**: `bench/commit_time.c`, service and store without network. A job for all things is made at once, so its",
        "  longest commit is usually the one that notes the targets; executions follow in chunks.",
        "- **At rest**: proportional set size, a cloud with one device known, nobody connected.", ""]
    (ROOT / options.document).write_text("\n".join(lines))


PARTS = ["download", "https", "path", "slow", "drop", "rest", "footprint", "commits"]


def arguments():
    parser = argparse.ArgumentParser(description="Daruma's figures", allow_abbrev=False)
    parser.add_argument("--bin", default=str(ROOT / "build/bin"), help="where the programs are")
    parser.add_argument("--rounds", type=int, default=7, help="repetitions of each figure")
    parser.add_argument("--document", default="docs/performance.md", help="written at the end (not with --only)")
    parser.add_argument("--only", metavar="NAME[,NAME]", help=", ".join(PARTS))
    return parser.parse_args()


def build_type(bin_dir):
    """How the programs of a build tree were compiled; without optimisation no figure means anything."""
    cache = pathlib.Path(bin_dir).resolve().parent / "CMakeCache.txt"
    found = re.search(r"^CMAKE_BUILD_TYPE:\w+=(.*)$", cache.read_text(), re.M) if cache.exists() else None
    name = found.group(1) if found else ""
    if name not in ("Release", "RelWithDebInfo"):
        sys.exit(f"bench: {bin_dir} was built as {name or 'nothing in particular'}: use `make bench`, or "
                 "`cmake --preset host` and `cmake --build build`")
    return name


def main():
    options = arguments()
    options.build_type = build_type(options.bin)
    options.load = os.getloadavg()[0]
    os.environ["DARUMA_BIN"] = str(pathlib.Path(options.bin).resolve())
    import https
    from harness.world import Device, World, wait_for
    wanted = options.only.split(",") if options.only else PARTS
    report = Report()
    with World() as world:
        world.cloud_up()
        bare = BareBroker(world)
        try:
            if "download" in wanted:
                device = Device(world, NAME)
                device.create(world.image("firmware-good", "1.0.0", sequence=1, counter=1, limits=LIMITS))
                device.on()
                wait_for("the device reports", lambda: world.reported(NAME).get("version") == "1.0.0", 30)
                download(world, device, bare, report, 2 * options.rounds)
                device.off()
            if "https" in wanted:
                https.figures(world, report, options.rounds)
            if "path" in wanted:
                path(world, bare, report, options.rounds)
            if "slow" in wanted:
                slow(world, report)
            if "drop" in wanted:
                drop(world, report, options.rounds)
            if "rest" in wanted:
                rest(world, report, options.rounds)
        finally:
            bare.close()
    if "commits" in wanted:
        commits(report, options.rounds)
    if "footprint" in wanted:
        footprint(report, pathlib.Path(options.bin).resolve().parent)
    if not options.only:
        document(report, options)
    for what in report.missed:
        print(f"bench: target missed: {what}")
    print(f"bench: {len(report.rows)} figures, {len(report.missed)} targets missed")
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
