# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A darumad on a free loopback port in a directory of its own, and clients for it. No broker, no signer."""
import contextlib
import datetime
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.credentials

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from pki import Authority  # noqa: E402
from world import BIN, wait_for  # noqa: E402

AWS = "/usr/bin/aws"  # Debian's own: another one may stand earlier in PATH

ADMIN = ("AKADMIN", "admin-secret-0123456789")
OPERATOR = ("AKOPERATOR", "operator-secret-0123456789")
VIEWER = ("AKVIEWER", "viewer-secret-0123456789")


@contextlib.contextmanager
def clock_at(moment):
    """botocore signs as if it were this moment (older ones ask the class, newer ones a function of theirs)."""
    class Clock(datetime.datetime):
        @classmethod
        def utcnow(cls):
            return moment

    name = "get_current_datetime" if hasattr(botocore.auth, "get_current_datetime") else "datetime"
    real = getattr(botocore.auth, name)
    stand_in = (lambda: moment) if name == "get_current_datetime" else type("module", (), {"datetime": Clock})
    setattr(botocore.auth, name, stand_in)
    try:
        yield
    finally:
        setattr(botocore.auth, name, real)


class Daemon:
    """One darumad. `lines` are added to its configuration."""

    def __init__(self, lines="", tls=False, directory=None):
        self.own = directory is None
        self.log = "log" if self.own else "log-of-another"
        self.directory = directory or pathlib.Path(tempfile.mkdtemp(prefix="daruma-api-"))
        self.process = None
        self.port = None
        self.tls = tls
        self.clients = []
        if self.own:
            self.authority = Authority(self.directory, "test device CA")
            (self.directory / "store").mkdir()
            self.write_credentials()
        self.write_config(lines)

    def write_credentials(self, mode=0o600):
        path = self.directory / "credentials"
        path.write_text(f"{' '.join(ADMIN)} admin\n{' '.join(OPERATOR)} operator\n{' '.join(VIEWER)} viewer\n")
        path.chmod(mode)

    def write_config(self, lines=""):
        (self.directory / "darumad.conf").write_text(
            "region local\naccount 000000000000\ncredentials credentials\nstore store/daruma.db\nblobs blobs\n"
            "device_ca ca.pem\ndevice_ca_key ca.key\ndevice_endpoint localhost:8883\nready_file ready\n"
            + ("" if "api_port" in lines else "api_port 0\n") + ("" if self.tls else "api_plain on\n") + lines)

    def launch(self, **options):
        (self.directory / "ready").unlink(missing_ok=True)
        with open(self.directory / self.log, "w") as log:
            self.process = subprocess.Popen([BIN / "darumad", "--config", self.directory / "darumad.conf"],
                                            stderr=log, stdin=subprocess.DEVNULL, **options)

    def start(self):
        self.launch()
        wait_for("darumad", lambda: (self.directory / "ready").exists() or self.process.poll() is not None)
        if self.process.poll() is not None:
            raise AssertionError(f"darumad ended with {self.process.returncode}: {self.text()}")
        self.port = int((self.directory / "ready").read_text())
        return self

    def refused(self, **options):
        """It must not start: its exit status and what it said."""
        self.launch(**options)
        status = self.process.wait(timeout=20)
        self.process = None
        return status, self.text()

    def text(self):
        return (self.directory / self.log).read_text()

    def stop(self):
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        self.process = None
        return status

    def close(self):
        for client in self.clients:
            client.close()
        status = self.stop()
        if self.own:
            shutil.rmtree(self.directory)
        return status

    # --- clients ---

    @property
    def url(self):
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    def client(self, service, who=ADMIN, **options):
        config = botocore.config.Config(retries={"max_attempts": 0}, connect_timeout=10, read_timeout=20,
                                        **options.pop("config", {}))
        client = boto3.client(service, endpoint_url=self.url, region_name="local", aws_access_key_id=who[0],
                              aws_secret_access_key=who[1], config=config, **options)
        self.clients.append(client)
        return client

    def environment(self, who=ADMIN):
        return {**os.environ, "AWS_ACCESS_KEY_ID": who[0], "AWS_SECRET_ACCESS_KEY": who[1],
                "AWS_DEFAULT_REGION": "local", "AWS_CONFIG_FILE": "/dev/null", "AWS_PAGER": "",
                "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true"}

    def aws(self, *arguments, who=ADMIN):
        """Debian's AWS command line: exit status, parsed output, errors."""
        run = subprocess.run([AWS, "--endpoint-url", self.url, *map(str, arguments)], env=self.environment(who),
                             capture_output=True, text=True, timeout=60)
        return run.returncode, json.loads(run.stdout) if run.stdout.startswith(("{", "[")) else run.stdout, run.stderr

    def signed(self, method, target, body=b"", service="execute-api", who=ADMIN, shift_s=0, headers=None, token=None):
        """Headers of a correctly signed request, as a list of pairs."""
        auth_class = botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth
        declared = (headers or {}).get("X-Amz-Content-SHA256")
        request = botocore.awsrequest.AWSRequest(method=method, url=self.url + target, data=body, headers=headers or {})
        auth = auth_class(botocore.credentials.Credentials(*who, token), service, "local")
        if declared:
            auth.payload = lambda _: declared
        moment = datetime.datetime.utcnow() + datetime.timedelta(seconds=shift_s)

        with clock_at(moment):
            auth.add_auth(request)
        return list(request.headers.items())

    def send(self, method, target, headers=(), body=b"", length=True):
        """A request with exactly these headers; status, headers, body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        names = [name.lower() for name, _ in headers]
        if "host" not in names:
            connection.putheader("Host", f"127.0.0.1:{self.port}")
        if body and length and "content-length" not in names:
            connection.putheader("Content-Length", str(len(body)))
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders()
        try:
            if body:
                connection.send(body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it answered before it read everything
        response = connection.getresponse()
        data = response.read()
        result = response.status, {k.lower(): v for k, v in response.getheaders()}, data
        connection.close()
        return result

    def call(self, method, target, body=b"", **options):
        """A signed request; status, error type, JSON."""
        status, headers, data = self.send(method, target, self.signed(method, target, body, **options), body)
        return status, headers.get("x-amzn-errortype"), json.loads(data) if data else None

    def blob_files(self):
        return sorted(p.relative_to(self.directory) for p in (self.directory / "blobs").rglob("*") if p.is_file())


def raw_exchange(port, data, wait_s=10):
    """Bytes over a socket, whatever they are; everything that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=wait_s) as connection:
        connection.sendall(data)
        received = b""
        try:
            while chunk := connection.recv(65536):
                received += chunk
        except (TimeoutError, ConnectionResetError):
            pass
        return received


def sha256(data):
    return hashlib.sha256(data).hexdigest()
