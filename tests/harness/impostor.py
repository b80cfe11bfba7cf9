# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A TLS server with a certificate that a device must refuse; it counts what came of its handshakes."""
import pathlib
import socket
import ssl
import subprocess
import threading


def openssl(*words):
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {words[0]}: {done.stderr}")


class Impostor:
    """ca: (certificate, key) paths to sign with, or None for an authority of its own. days may be negative: expired."""

    def __init__(self, directory, ca=None, name="localhost", days=30):
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        if ca is None:
            ca = directory / "ca.pem", directory / "ca.key"
            openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", ca[1],
                    "-out", ca[0], "-days", "3650", "-subj", "/CN=somebody", "-addext",
                    "basicConstraints=critical,CA:TRUE")
        key, request, certificate = (directory / f"server.{kind}" for kind in ("key", "csr", "pem"))
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
                request, "-subj", "/CN=server")
        extensions = directory / "extensions"
        extensions.write_text(f"subjectAltName=DNS:{name}\nextendedKeyUsage=serverAuth\n")
        openssl("x509", "-req", "-in", request, "-CA", ca[0], "-CAkey", ca[1], "-set_serial", "7", "-days", days,
                "-extfile", extensions, "-out", certificate)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.handshakes = self.refused = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.stopping = False
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        self.listener.settimeout(0.2)
        while not self.stopping:
            try:
                raw, _ = self.listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            raw.settimeout(10)
            try:
                with self.context.wrap_socket(raw, server_side=True):
                    self.handshakes += 1
            except OSError:  # ssl.SSLError is one
                self.refused += 1
            finally:
                raw.close()

    def close(self):
        self.stopping = True
        self.thread.join(15)
        self.listener.close()
