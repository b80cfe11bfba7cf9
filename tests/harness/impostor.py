# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A TLS server with a certificate that a device must refuse; it counts what came of its handshakes."""
import socket
import ssl
import threading

from pki import Authority


class Impostor:
    """ca: (certificate, key) paths to sign with, or None for an authority of its own. days may be negative: expired."""

    def __init__(self, directory, ca=None, name="localhost", days=30):
        certificate, key = Authority(directory, "somebody", ca).server(f"DNS:{name}", days)
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
