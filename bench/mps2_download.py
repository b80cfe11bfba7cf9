#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Downloads of the Cortex-M3 board beside what the same board receives over TLS alone, in the same run; and the
application's pace meanwhile. Writes its section of docs/performance-mcu.md.

usage: mps2_download.py [--bin DIR] [--rounds N] [--size BYTES] [--host-time] [--no-slow]
                        [--document FILE | --no-document] [--console FILE]

Ends 1 when the download is slower than half of the bare receive.
"""
import argparse
import datetime
import os
import pathlib
import re
import socket
import ssl
import statistics
import sys
import threading

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]

NAME = "bench"
PROGRAM = "firmware-mps2-bench.bin"
LAYOUT = {"header_size": 1024, "load_address": "0x20010000", "limits": "60,120,1,1", "counter": 1}
TARGET = 0.5
PATIENCE_S = 240
SLOW_BYTES_S = 40_000
SHIFT = 5  # an instruction of the board takes 2**5 ns of its time: 31 million a second


class BareServer:
    """TLS and nothing else: after one byte of the client's, `size` bytes and the end."""

    def __init__(self, pki, size):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(pki / "broker.pem", pki / "broker.key")
        self.context.load_verify_locations(capath=pki / "clients")
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.bytes = os.urandom(size)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            raw, _ = self.listener.accept()
            raw.settimeout(60)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                with self.context.wrap_socket(raw, server_side=True) as tls:
                    tls.recv(1)
                    tls.sendall(self.bytes)
                    tls.unwrap()
            except (OSError, ssl.SSLError) as error:
                print(f"bare server: {error}", file=sys.stderr)


def phase_figures(console, phase):
    """All lines `figures PHASE` as lists of (ms, asleep ms, {name: (count, min, max, p99)})."""
    found = []
    for line in re.findall(rf"figures {phase}: (ms .*)", console):
        ms, idle = map(int, re.match(r"ms (\d+) idle (\d+)", line).groups())
        found.append((ms, idle, {name: tuple(map(int, numbers)) for name, *numbers in
                                 re.findall(r"(blinks|publishes) (\d+) min (\d+) max (\d+) p99 (\d+)", line)}))
    return found


def update(world, number, size):
    from harness.world import wait_for
    version = f"1.{number}.0"
    image = world.image(PROGRAM, version, sequence=number, pad_to=size - 2048, **LAYOUT)
    world.run("update", "create", image, NAME, "--id", f"update-{number}")

    def sealed():
        reported = world.reported(NAME)
        return reported.get("version") == version and reported.get("state") == "sealed"
    wait_for(f"{version} is sealed", sealed, PATIENCE_S, 0.2)
    return image.stat().st_size


def slowly(world, device, number, options):
    """One more update, over a network that makes it last: the console of it."""
    from harness.proxy import Proxy
    from harness.world import wait_for
    proxy = Proxy(world.settings()["mqtt_port"], SLOW_BYTES_S)
    net = world.dir / "devices" / NAME / "net.conf"
    try:
        before = len(device.console())
        net.write_text(f"localhost 127.0.0.1:{proxy.port}\n")
        device.verb("power", "reset")
        wait_for("connected through the slow network",
                 lambda: "agent: IDLE" in device.console()[before:], PATIENCE_S)
        update(world, number, options.size)
        return device.console()[before:]
    finally:
        proxy.close()


def measure(options):
    from harness.world import Device, World, wait_for
    with World() as world:
        world.cloud_up()
        server = BareServer(world.cloud_dir / "pki", options.size)
        device = Device(world, NAME)
        device.create(world.image(PROGRAM, "1.0.0", sequence=1, **LAYOUT), "--board", "mps2-an385")
        if options.icount is not None:
            with open(world.dir / "devices" / NAME / "board.conf", "a", encoding="ascii") as conf:
                conf.write(f"icount {options.icount}\n")
        (world.dir / "devices" / NAME / "net.conf").write_text(f"bare-tls 127.0.0.1:{server.port}\n")
        device.on()
        try:
            wait_for("the device reports", lambda: world.reported(NAME).get("version") == "1.0.0", PATIENCE_S)
            sizes = {update(world, 2 + i, options.size) for i in range(options.rounds)}
            fast = device.console()
            slow = slowly(world, device, 2 + options.rounds, options) if options.slow else ""
        except Exception:
            print(device.console()[-4000:])
            raise
        return fast, slow, sizes.pop()


def judge(console, size, options):
    """Lines for people, and whether the target was met."""
    bare = [int(ms) / 1000 for ms in re.findall(r"bare tls: bytes \d+ ms (\d+)", console)]
    whole = [ms / 1000 for ms, _, _ in phase_figures(console, "loaded")]
    closing = [ms / 1000 for ms, _, _ in phase_figures(console, "download")]
    received = {int(count) for count in re.findall(r"bare tls: bytes (\d+)", console)}
    if received != {options.size} or len(whole) != options.rounds or len(bare) <= options.rounds:
        raise RuntimeError(f"not measured: {received} bytes, {len(bare)} bare runs, {len(whole)} downloads\n{console[-3000:]}")
    mine, theirs = size / statistics.median(whole), options.size / statistics.median(bare)
    rows = [
        ("download of an image", f"{mine / 1e3:.0f} kB/s", f"{size} bytes, median of {len(whole)}: "
         f"{statistics.median(whole):.2f} s, {min(whole):.2f} to {max(whole):.2f}"),
        ("bare TLS receive", f"{theirs / 1e3:.0f} kB/s", f"{options.size} bytes, median of {len(bare)}: "
         f"{statistics.median(bare):.2f} s, {min(bare):.2f} to {max(bare):.2f}"),
        ("download / bare", f"{100 * mine / theirs:.0f} %", f"target {100 * TARGET:.0f} %: "
         f"{'met' if mine / theirs >= TARGET else 'MISSED'}"),
        ("verification of the whole image", f"{statistics.median(closing):.2f} s", "after the download, before the reset"),
    ]
    if options.icount is not None:
        rows += primitives(console, options.icount)
    return rows, mine / theirs >= TARGET


def primitives(console, shift):
    size, sha, aes, verify = map(int, re.findall(
        r"primitives: bytes (\d+) sha256 ms (\d+) aes256-ctr ms (\d+); p256 verify ms (\d+)", console)[-1])
    of_ms = 1e6 / 2 ** shift
    return [("SHA-256", f"{sha * of_ms / size:.0f} instructions a byte", "through PSA, blocks of 4 KiB"),
            ("AES-256-CTR", f"{aes * of_ms / size:.0f} instructions a byte", "the same, with its key set up for each block"),
            ("P-256 verification", f"{verify * of_ms / 1e6:.1f} million instructions",
             "one before a download, one at its end, two in a handshake")]


def pace(console):
    """For the terminal only: they are times of the kernel too, and the licence of old kernels forbids publishing such."""
    for ms, idle, found in phase_figures(console, "loaded"):
        blinks, publishes = found["blinks"], found["publishes"]
        print(f"  application during {ms} ms of download: {blinks[0]} blinks every {blinks[1]} to {blinks[2]} ms "
              f"(p99 {blinks[3]}), {publishes[0]} publishes every {publishes[1]} to {publishes[2]} ms; "
              f"processor asleep {100 * idle // max(ms, 1)} %")


def document(rows, options):
    from run import machine
    from section import write_section
    time = ("time counted in instructions, 32 ns each" if options.icount is not None else
            f"under the host's clock, load {options.load:.1f} when it began")
    lines = ["## Downloads", "",
             f"Written by `bench/mps2_download.py` on {datetime.date.today().isoformat()}: QEMU's mps2-an385 on {machine()};",
             f"{time}. Emulated, and not by cycles: the ratio is the figure.", "",
             "Same board, same run, in turns. *Bare* is the same firmware with the same TCP/IP stack, TLS, certificates and task,",
             "receiving that many bytes from a plain TLS server and dropping them (`boards/mps2_an385/firmware/bench/`). *Download*",
             "runs from the first request for the image's head to the last block in flash: broker with the gate, MQTT, CBOR,",
             "admission with signature check, opening of the slot, AES-256-CTR at rest, the flash with its rules and the block map are",
             "all inside.", "", "| figure | measured | |", "|---|---|---|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    write_section(ROOT / options.document, "Performance on the Cortex-M3 board", "downloads", lines)


def main():
    parser = argparse.ArgumentParser(description="Downloads of the Cortex-M3 board", allow_abbrev=False)
    parser.add_argument("--bin", default=str(ROOT / "build/bin"), help="where the programs are")
    parser.add_argument("--rounds", type=int, default=3, help="updates, each beside one bare receive")
    parser.add_argument("--size", type=int, default=900_000, help="bytes of both")
    parser.add_argument("--document", default="docs/performance-mcu.md", help="written at the end")
    parser.add_argument("--no-document", dest="document", action="store_const", const=None)
    parser.add_argument("--host-time", dest="icount", action="store_const", const=None, default=SHIFT,
                        help="let the emulator run as fast as it can, instead of counting the board's time in instructions")
    parser.add_argument("--no-slow", dest="slow", action="store_false", help="leave out the slow download (half a minute)")
    parser.add_argument("--console", metavar="FILE", help="keep the board's console")
    options = parser.parse_args()
    options.load = os.getloadavg()[0]
    os.environ["DARUMA_BIN"] = str(pathlib.Path(options.bin).resolve())
    fast, slow, size = measure(options)
    if options.console:
        pathlib.Path(options.console).write_text(fast + slow)
    rows, met = judge(fast, size, options)
    for row in rows:
        print(f"{row[0]}: {row[1]}; {row[2]}")
    pace(fast + slow)
    if options.document:
        document(rows, options)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
