# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A TCP proxy on loopback that plays a long line: each way so much later, towards the client no faster than so much.

What is on its way is bounded by what the line holds and a router's buffer; beyond that the sender waits.
"""
import collections
import selectors
import socket
import threading
import time

BUFFER_BYTES = 262144


class Way:
    """From one socket to another. rate None: as fast as it comes."""

    def __init__(self, source, target, delay_s, rate):
        self.source, self.target, self.delay_s, self.rate = source, target, delay_s, rate
        self.queue = collections.deque()  # (when it arrives, bytes)
        self.bytes = 0
        self.free_at = 0.0  # when the line has sent what it was given
        self.bound = BUFFER_BYTES + int(delay_s * rate) if rate else 1 << 30
        self.ended = False

    def reads(self):
        return not self.ended and self.bytes < self.bound

    def take(self, now):
        data = self.source.recv(16384)
        self.ended = not data
        if data:
            self.free_at = max(self.free_at, now) + (len(data) / self.rate if self.rate else 0)
            self.queue.append((self.free_at + self.delay_s, data))
            self.bytes += len(data)

    def deliver(self, now):
        while self.queue and self.queue[0][0] <= now:
            _, data = self.queue.popleft()
            self.bytes -= len(data)
            self.target.sendall(data)


class Line:
    """Forwards a port of its own to target_port until closed."""

    def __init__(self, target_port, round_trip_s, bytes_per_second):
        self.target_port, self.delay_s, self.rate = target_port, round_trip_s / 2, bytes_per_second
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(0.1)
        self.port = self.listener.getsockname()[1]
        self.stopping = False
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()

    def _accept(self):
        while not self.stopping:
            try:
                client, _ = self.listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            thread = threading.Thread(target=self._forward, args=(client,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _forward(self, client):
        with client, socket.create_connection(("127.0.0.1", self.target_port), 5) as server:
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ways = [Way(client, server, self.delay_s, None), Way(server, client, self.delay_s, self.rate)]
            try:
                while not self.stopping and not all(way.ended and not way.queue for way in ways):
                    self._turn(ways)
            except OSError:
                pass  # an end is gone: so is the line

    def _turn(self, ways):
        now = time.monotonic()
        due = [way.queue[0][0] for way in ways if way.queue]
        wait = max(0.0, min([0.1] + [at - now for at in due]))
        with selectors.DefaultSelector() as selector:
            for way in ways:
                if way.reads():
                    selector.register(way.source, selectors.EVENT_READ, way)
            ready = selector.select(wait) if selector.get_map() else time.sleep(wait) or []
            now = time.monotonic()
            for key, _ in ready:
                key.data.take(now)
        for way in ways:
            way.deliver(now)

    def close(self):
        self.stopping = True
        self.listener.close()
        for thread in self.threads:
            thread.join(5)
