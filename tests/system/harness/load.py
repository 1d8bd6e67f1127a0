"""Traffic that must not notice anything: a bulk transfer whose every byte is checked, and many short connections. Where all
is slow (FINWAITD_PATIENCE), it leaves time for what it is the load of."""

import asyncio
import errno
import os
import socket
import threading
import time

from harness.sockets import Listener, client_socket
from harness.wait import PATIENCE

_BLOCK = os.urandom(256 * 1024)
_AT_ONCE = round(500 / PATIENCE**2)


class BulkTransfer:
    """One side sends the same random block again and again, the other compares; each in a thread."""

    def __init__(self, pair, sender="server"):
        self._out = pair.end(sender)
        self._in = pair.end("client" if sender == "server" else "server")
        for sock in (self._out, self._in):
            sock.settimeout(30)
        self.sent = self.received = 0
        self.errors = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._send, self._receive)]
        for thread in self._threads:
            thread.start()

    def _send(self):
        try:
            while not self._stop.is_set():
                begun = time.monotonic()
                self._out.sendall(_BLOCK)
                self.sent += len(_BLOCK)
                self._stop.wait(min(0.5, (PATIENCE - 1) * (time.monotonic() - begun)))
            self._out.shutdown(socket.SHUT_WR)
        except OSError as error:
            self.errors.append(f"bulk sender after {self.sent} bytes: {error}")

    def _receive(self):
        buffer = bytearray(len(_BLOCK))
        view = memoryview(buffer)
        try:
            while True:
                at = self.received % len(_BLOCK)
                got = self._in.recv_into(view[: len(_BLOCK) - at])
                if got == 0:
                    return
                if view[:got] != memoryview(_BLOCK)[at:at + got]:
                    self.errors.append(f"bulk receiver: other bytes than sent after {self.received}")
                    return
                self.received += got
        except OSError as error:
            self.errors.append(f"bulk receiver after {self.received} bytes: {error}")

    def finish(self):
        """Ends the transfer in order. Returns what went wrong."""
        self._stop.set()
        for thread in self._threads:
            thread.join(40)
        if not self.errors and self.sent != self.received:
            self.errors.append(f"bulk: {self.sent} bytes sent, {self.received} received")
        return self.errors


class ConnectStorm:
    """Up to `rate` connections a second, alternating IPv4 and IPv6: a question, an answer, and the server closes."""

    def __init__(self, lab, rate=1000, patience=15.0):
        self._lab = lab
        self._rate = rate / PATIENCE
        self._patience = patience * PATIENCE
        self.started = self.done = 0
        self.errors = []
        self._stop = threading.Event()
        self._listeners = {version: Listener(lab, version) for version in (4, 6)}
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()

    def finish(self):
        """No new connections; the open ones end. Returns what went wrong."""
        self._stop.set()
        self._thread.join(self._patience + 10)
        return self.errors

    async def _run(self):
        servers = [asyncio.create_task(self._accept(listener.socket)) for listener in self._listeners.values()]
        clients = set()
        begun = time.monotonic()
        while not self._stop.is_set():
            # A machine that cannot keep up connects less often: the number in flight is limited, not only the rate.
            while self.started < (time.monotonic() - begun) * self._rate and len(clients) < _AT_ONCE:
                task = asyncio.create_task(self._connect(4 if self.started % 2 else 6))
                clients.add(task)
                task.add_done_callback(clients.discard)
                self.started += 1
            await asyncio.sleep(0.005)
        if clients:
            await asyncio.wait(clients)
        for task in servers:
            task.cancel()
        for listener in self._listeners.values():
            listener.socket.close()

    async def _accept(self, listening):
        loop = asyncio.get_running_loop()
        answering = set()
        while True:
            sock, _ = await loop.sock_accept(listening)
            task = asyncio.create_task(self._answer(sock))
            answering.add(task)
            task.add_done_callback(answering.discard)

    async def _answer(self, sock):
        loop = asyncio.get_running_loop()
        with sock:
            try:
                question = await asyncio.wait_for(loop.sock_recv(sock, 64), self._patience)
                await loop.sock_sendall(sock, question[::-1])
            except (OSError, asyncio.TimeoutError) as error:
                self.errors.append(f"server's side: {_name(error)}")

    async def _connect(self, version):
        loop = asyncio.get_running_loop()
        listener = self._listeners[version]
        stage = "connect"
        with client_socket(self._lab, version) as sock:
            try:
                async with asyncio.timeout(self._patience):
                    await loop.sock_connect(sock, (listener.address, listener.port))
                    stage = "answer"
                    await loop.sock_sendall(sock, b"question")
                    answer = b""
                    while part := await loop.sock_recv(sock, 64):
                        answer += part
                if answer != b"question"[::-1]:
                    self.errors.append(f"IPv{version}: the answer was {answer!r}")
                self.done += 1
            except (OSError, asyncio.TimeoutError) as error:
                self.errors.append(f"IPv{version} {stage}: {_name(error)}")


def _name(error):
    return errno.errorcode.get(getattr(error, "errno", None), "timed out")
