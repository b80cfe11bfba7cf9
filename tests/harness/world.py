# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A private cloud, devices and images for tests and the demo, all through the command line that users have.

Everything lives in one scratch directory and listens on ports that the programs pick; processes are ended by id.
Waiting is always for a condition with a bound: `wait_for` polls and fails with what it last saw.
"""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = pathlib.Path(os.environ.get("DARUMA_BIN", ROOT / "build/bin"))


class Failure(Exception):
    """A command or a condition that did not come true; the message says which and what was seen."""


def wait_for(what, condition, timeout_s=15, interval_s=0.05):
    """Poll until condition() is true and return its value; fail after timeout_s with the last value."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"{what}: not within {timeout_s} s (last seen: {value!r})")
        time.sleep(interval_s)


def free_port():
    """A port of the loopback that nobody uses now, for programs that cannot pick one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def alive(pid):
    """Does this process exist (and is not a zombie)?"""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class World:
    """Scratch directory with one cloud, a product key and any number of devices."""

    def __init__(self, directory=None, keep=False):
        self.keep = keep
        self.own = directory is None
        self.dir = pathlib.Path(directory or tempfile.mkdtemp(prefix="daruma-"))
        self.dir.mkdir(parents=True, exist_ok=True)
        self.cloud_dir = self.dir / "cloud"
        self.cloud_process = None
        self.devices = []
        self.images = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for device in self.devices:
            device.off()
        self.cloud_down()
        if self.own and not self.keep:
            shutil.rmtree(self.dir, ignore_errors=True)

    # ----- commands

    def run(self, *words, check=True, timeout_s=120, env=None):
        """Run `daruma …`; returns the finished process with text output."""
        command = [str(BIN / "daruma"), *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, stdin=subprocess.DEVNULL,
                              cwd=self.dir, env={**os.environ, "DARUMA_CLOUD": str(self.cloud_dir), **(env or {})})
        if check and done.returncode != 0:
            raise Failure(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def json(self, *words, check=True, timeout_s=120):
        """Run a verb with --json and return (exit code, value)."""
        done = self.run(*words, "--json", check=check, timeout_s=timeout_s)
        try:
            return done.returncode, json.loads(done.stdout)
        except json.JSONDecodeError as error:
            raise Failure(f"daruma {' '.join(map(str, words))}: not JSON ({error}): {done.stdout!r} {done.stderr!r}")

    # ----- cloud

    def cloud_up(self, *options):
        """Start the private cloud in the foreground of a process of its own and wait until it is ready."""
        log = open(self.dir / "cloud.log", "ab")
        self.cloud_process = subprocess.Popen(
            [str(BIN / "daruma"), "cloud", "up", "--dir", str(self.cloud_dir), *options],
            stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=self.dir, start_new_session=True)
        log.close()

        def ready():
            if self.cloud_process.poll() is not None:
                raise Failure("cloud up ended: " + (self.dir / "cloud.log").read_text()[-2000:])
            return self.run("cloud", "status", "--dir", self.cloud_dir, check=False).returncode == 0

        wait_for("cloud ready", ready, 30)

    def cloud_down(self):
        if self.cloud_process and self.cloud_process.poll() is None:
            self.cloud_process.send_signal(signal.SIGTERM)
            try:
                self.cloud_process.wait(15)
            except subprocess.TimeoutExpired:
                self.cloud_process.kill()
                self.cloud_process.wait()
        self.cloud_process = None

    def cloud_parts(self):
        """Process ids of broker, darumad and signer, the supervisor's children."""
        supervisor = self.cloud_process.pid
        children = pathlib.Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
        names = {"mosquitto": "broker", "daruma-signer": "signer", "darumad": "darumad"}
        return {names.get(pathlib.Path(f"/proc/{pid}/comm").read_text().strip()): int(pid) for pid in children}

    def cloud_kill(self, *parts):
        """SIGKILL for parts of the cloud; its supervisor ends with them, and the cloud is started again."""
        pids = self.cloud_parts()
        for part in parts:
            os.kill(pids[part], signal.SIGKILL)
        wait_for(f"the cloud ends without {' and '.join(parts)}", lambda: self.cloud_process.poll() is not None, 30)
        self.cloud_up()

    def settings(self):
        return json.loads((self.cloud_dir / "cloud.json").read_text())

    def aws_environment(self):
        """What an AWS client needs to talk to this cloud."""
        settings = self.settings()
        return {"AWS_ACCESS_KEY_ID": settings["access_key_id"], "AWS_SECRET_ACCESS_KEY": settings["secret_access_key"],
                "AWS_DEFAULT_REGION": settings["region"], "AWS_CA_BUNDLE": settings["ca"],
                "AWS_ENDPOINT": settings["api"], "AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": "",
                "HOME": str(self.dir)}

    # ----- images

    def key(self, name):
        """Path of a product key; made at first use."""
        path = self.dir / f"{name}.pem"
        if not path.exists():
            self.run("key", "new", path)
        return path

    def image(self, program, version, key="product", product="demo-lock", pad_to=0, **fields):
        """Sign one of the firmware programs; fields become options (load_address=7 -> --load-address 7)."""
        self.images += 1
        path = self.dir / f"{program}-{version}-{self.images}.img"
        payload = BIN / program if (BIN / program).exists() else pathlib.Path(program)
        if pad_to:
            padded = path.with_suffix(".elf")
            data = payload.read_bytes()
            # Bytes after an ELF file are not loaded; they make the download as long as a test needs it.
            padded.write_bytes(data + bytes((i * 167 + i // 251) % 256 for i in range(max(0, pad_to - len(data)))))
            payload = padded
        words = ["image", "sign", "--key", self.key(key), "--version", version, "--product", product]
        for name, value in fields.items():
            words += ["--" + name.replace("_", "-"), str(value)]
        self.run(*words, payload, path)
        return path

    # ----- what the cloud says

    def thing(self, name):
        return self.json("things", "show", name)[1]

    def reported(self, name):
        """The device's last report, or {}."""
        return self.thing(name)["reported"].get("report", {})


class Device:
    """A virtual device of a world."""

    def __init__(self, world, name):
        self.world = world
        self.name = name
        self.dir = None
        world.devices.append(self)

    def create(self, factory_image, *options):
        self.world.run("device", "create", self.name, "--dir", self.world.dir / "devices", "--key",
                       self.world.key("product"), "--image", factory_image, *options)

    def verb(self, verb, *words):
        self.world.run("device", verb, self.name, *words, "--dir", self.world.dir / "devices")

    def on(self):
        self.world.run("device", "run", self.name, "--dir", self.world.dir / "devices", "--background")

    def off(self):
        self.world.run("device", "power", self.name, "off", "--dir", self.world.dir / "devices", check=False)

    def show(self):
        """What the board itself says; asks no cloud."""
        return self.world.json("device", "show", self.name, "--dir", self.world.dir / "devices")[1]

    def console_path(self):
        return self.world.dir / "devices" / self.name / "console.log"

    def console(self):
        path = self.console_path()
        return path.read_text(errors="replace") if path.exists() else ""
