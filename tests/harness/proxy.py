# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A TCP proxy on loopback that plays the network: a rate, cuts, a hole where everything vanishes."""
import selectors
import socket
import threading
import time


class Proxy:
    """Forwards one port of its own to a target. bytes_per_second bounds what flows towards the client, in pieces of
    piece_bytes. While `hole` is true nothing passes in either direction; connections stay, and new ones are accepted."""

    def __init__(self, target_port, bytes_per_second):
        self.target_port = target_port
        self.rate = bytes_per_second
        self.piece_bytes = 16384
        self.hole = False
        self.to_client_bytes = 0
        self.down = False  # true: connections end, and new ones do too
        self.draining = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.stopping = False
        self.threads = []
        self._start(self._accept)

    def _start(self, function, *arguments):
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        thread.start()
        self.threads.append(thread)

    def _accept(self):
        self.listener.settimeout(0.2)
        while not self.stopping:
            try:
                client, _ = self.listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            self._start(self._forward, client)

    def _forward(self, client):
        try:
            server = socket.create_connection(("127.0.0.1", self.target_port), 5)
        except OSError:
            client.close()
            return
        with client, server, selectors.DefaultSelector() as selector:
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(end, selectors.EVENT_READ)
            try:
                while not self.stopping and not self.down and self._turn(selector, client, server):
                    pass
            except OSError:
                pass

    def drain(self):
        """Nothing goes to the target any more; what it has answered arrives, then connections end, and new ones do."""
        self.draining = True

    def _turn(self, selector, client, server):
        if self.hole:
            time.sleep(0.05)
            return True
        if self.draining and client in selector.get_map():
            selector.unregister(client)
        ready = selector.select(0.3 if self.draining else 0.2)
        if self.draining and not ready:
            return False
        for key, _ in ready:
            data = key.fileobj.recv(16384 if key.fileobj is client else self.piece_bytes)
            if not data:
                return False
            if key.fileobj is client:
                server.sendall(data)
                continue
            client.sendall(data)
            self.to_client_bytes += len(data)
            time.sleep(len(data) / self.rate)
        return True

    def close(self):
        self.stopping = True
        self.listener.close()
        for thread in self.threads:
            thread.join(5)
