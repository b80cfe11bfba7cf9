#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""An emulator whose control line is late by DELAY_S, as on a host that is busy: the machine goes on, what it says of itself
comes afterwards. Becomes the emulator; a child of it carries the line."""
import os
import select
import socket
import sys
import time

CONTROL_FD = 5  # boards/mps2_an385/host/emulator.c
DELAY_S = 0.3


def carry(board, emulator):
    """Both ways, until the emulator is gone. To the board, each piece when its time has come."""
    late = []
    while True:
        patience_s = max(0, late[0][0] - time.monotonic()) if late else None
        ready, _, _ = select.select([board, emulator], [], [], patience_s)
        if emulator in ready:
            data = emulator.recv(4096)
            if not data:
                return
            late.append((time.monotonic() + DELAY_S, data))
        if board in ready:
            data = board.recv(4096)
            if not data:
                return
            emulator.sendall(data)
        while late and late[0][0] <= time.monotonic():
            board.sendall(late.pop(0)[1])


near, far = socket.socketpair()
if os.fork() == 0:
    far.close()
    try:
        carry(socket.socket(fileno=CONTROL_FD), near)
    except OSError:  # one of the two is gone
        pass
    os._exit(0)
os.dup2(far.fileno(), CONTROL_FD, inheritable=True)
near.close()
os.execvp("qemu-system-arm", ["qemu-system-arm", *sys.argv[1:]])
