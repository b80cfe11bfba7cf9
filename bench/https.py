#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Downloads over HTTPS by one Linux board beside curl fetching the same bytes from nginx with the same cipher, in turns.

usage: https.py [--bin DIR] [--rounds N]

Part of `make bench` (run.py); by itself it prints the same lines. Ends 1 when the target is missed.
"""
import argparse
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

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

MIB = 1024 * 1024
NAME = "bench-https"
LIMITS = "2,15,1,1"
TARGET = 0.6
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
CURL = shutil.which("curl", path="/usr/bin:/usr/local/bin")


def suite_of(settings):
    """(version, cipher suite) that OpenSSL and the API agree on, which is what the board gets."""
    address = ("127.0.0.1", int(settings["api"].rsplit(":", 1)[1]))
    context = ssl.create_default_context(cafile=settings["ca"])
    with socket.create_connection(address, 10) as raw, context.wrap_socket(raw, server_hostname="127.0.0.1") as tls:
        return tls.version(), tls.cipher()[0]


class Nginx:
    """nginx with the API's certificate on a port of its own, one cipher suite, files of one directory."""

    def __init__(self, world, suite):
        from harness.world import wait_for
        self.dir = world.dir / "nginx"
        self.files = self.dir / "files"
        self.files.mkdir(parents=True)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        pki = world.cloud_dir / "pki"
        for path in (world.dir, self.dir, self.files):
            path.chmod(0o755)
        (self.dir / "nginx.conf").write_text(f"""
daemon off; pid {self.dir}/pid; error_log {self.dir}/error.log; worker_processes 1;
{"user root;" if os.geteuid() == 0 else ""}
events {{}}
http {{
  access_log off; sendfile on; tcp_nodelay on;
  client_body_temp_path {self.dir}/t1; proxy_temp_path {self.dir}/t2; fastcgi_temp_path {self.dir}/t3;
  uwsgi_temp_path {self.dir}/t4; scgi_temp_path {self.dir}/t5;
  server {{
    listen 127.0.0.1:{self.port} ssl; root {self.files};
    ssl_certificate {pki}/api.pem; ssl_certificate_key {pki}/api.key;
    ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites {suite};
  }}
}}
""")
        with open(self.dir / "log", "wb") as log:
            self.process = subprocess.Popen([NGINX, "-e", self.dir / "error.log", "-c", self.dir / "nginx.conf"],
                                            stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)

        def listens():
            if self.process.poll() is not None:
                raise RuntimeError((self.dir / "log").read_text())
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0
        wait_for("nginx listens", listens, 10)

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)

    def fetch(self, image, suite, ca):
        """Seconds of curl, from before its connection to the last byte."""
        file = self.files / image.name
        if not file.exists():
            shutil.copyfile(image, file)
        done = subprocess.run([CURL, "-sS", "--http1.1", "--cacert", ca, "--tls13-ciphers", suite, "-o", os.devnull, "-w",
                               "%{http_code} %{size_download} %{time_total}", f"https://127.0.0.1:{self.port}/{image.name}"],
                              capture_output=True, text=True, timeout=60)
        code, size, seconds = (done.stdout.split() + ["0"] * 3)[:3]
        if code != "200" or int(size) != image.stat().st_size:
            raise RuntimeError(f"curl: {done.stdout} {done.stderr}")
        return float(seconds)


def times_of(console):
    """{state: seconds at which it was entered} of the last download on a console."""
    return {state: float(at) for at, state in re.findall(r"^ *([\d.]+) firmware: agent: (\w+)", console, re.M)}


def one_update(world, device, number, size):
    """(image, seconds from the first request to the last block in flash)."""
    from run import wait_sealed
    version = f"1.{number}.0"
    image = world.image("firmware-good", version, sequence=number, counter=1, limits=LIMITS, pad_to=size - 4096)
    before = len(device.console())
    world.run("update", "create", image, NAME, "--id", f"https-{number}", "--protocol", "https")
    wait_sealed(world, device, version, before)
    times = times_of(device.console()[before:].split("reset: install")[0])
    return image, times["CLOSING"] - times["PROBING"]


def figures(world, report, rounds):
    """One figure a size into report (run.py's Report)."""
    from harness.world import Device, wait_for
    what = "download over HTTPS by one Linux board"
    if NGINX is None or CURL is None:
        report.figure(what, "not measured: nginx or curl is not installed", "", f"{TARGET:.0%} of curl", False)
        return
    settings = world.settings()
    version, suite = suite_of(settings)
    if version != "TLSv1.3":
        raise RuntimeError(f"the API speaks {version}: the comparison is written for TLSv1.3")
    device = Device(world, NAME)
    device.create(world.image("firmware-good", "1.0.0", sequence=1, counter=1, limits=LIMITS))
    device.on()
    wait_for("the device reports", lambda: world.reported(NAME).get("version") == "1.0.0", 30)
    nginx = Nginx(world, suite)
    number = 1
    try:
        for size in (MIB, 8 * MIB):
            board, curl = [], []
            for _ in range(rounds):
                number += 1
                image, seconds = one_update(world, device, number, size)
                board.append(seconds)
                curl += [nginx.fetch(image, suite, settings["ca"]) for _ in range(2)]
            size = image.stat().st_size
            mine, theirs = size / statistics.median(board), size / statistics.median(curl)
            report.figure(
                f"{what}, {round(size / MIB)} MiB",
                f"{mine / 1e6:.0f} MB/s (median {1000 * statistics.median(board):.1f} ms of {rounds}, "
                f"{1000 * min(board):.1f} to {1000 * max(board):.1f})",
                f"curl from nginx, {suite}: {theirs / 1e6:.0f} MB/s (median {1000 * statistics.median(curl):.1f} ms of "
                f"{len(curl)}, {1000 * min(curl):.1f} to {1000 * max(curl):.1f})",
                f"{TARGET:.0%} of curl, here {mine / theirs:.0%}", mine >= TARGET * theirs)
    finally:
        nginx.close()
        device.off()


def main():
    parser = argparse.ArgumentParser(description="Downloads over HTTPS beside curl and nginx", allow_abbrev=False)
    parser.add_argument("--bin", default=str(ROOT / "build/bin"))
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    os.environ["DARUMA_BIN"] = str(pathlib.Path(options.bin).resolve())
    from harness.world import World
    from run import Report
    report = Report()
    with World() as world:
        world.cloud_up()
        figures(world, report, options.rounds)
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
