"""Lives, lived: two real sockets for each, all of them at once in one thread."""

import asyncio
import contextlib
import fcntl
import socket
import struct
import termios

from harness.sockets import Listener, client_socket, start_connect
from harness.ss import Key, canonical
from judge.life import SIDES, other
from judge.loss import CROSSING_PORT

_AT_ONCE = struct.pack("ii", 1, 0)
_LONGEST = 10.0  # seconds that a life may take; then it is left as it is


class End:
    """One end of a connection."""

    def __init__(self):
        self.sock = None
        self.sent = self.received = 0
        self.finished = False  # has sent its FIN or RST
        self.ended = False     # has read the end of the other's stream, or an error

    @property
    def open(self):
        return self.sock is not None and self.sock.fileno() >= 0

    def close(self):
        self.finished = True
        if self.open:
            self.sock.close()


class Actor:
    """The connection of one life. `key`, from the client's point of view, is known once it has begun to connect."""

    def __init__(self, life):
        self.life = life
        self.ends = {side: End() for side in SIDES}
        self.key = None
        self.cut_short = False

    def close(self):
        for end in self.ends.values():
            end.close()

    async def live(self, doors, delay):
        await asyncio.sleep(delay)
        try:
            async with asyncio.timeout(_LONGEST):
                await self._connect(doors)
                for step in self.life.steps:
                    await self._do(step)
        except TimeoutError:
            self.cut_short = True

    async def _connect(self, doors):
        door = doors.of(self.life)
        sock = client_socket(doors.lab, self.life.version)
        self.ends["client"].sock = sock
        start_connect(sock, door.address, door.port)
        self.key = Key(canonical(sock.getsockname()[0]), sock.getsockname()[1], canonical(door.address), door.port)
        loop = asyncio.get_running_loop()
        await _ready(sock, loop.add_writer, loop.remove_writer)  # connected, or refused
        if self.life.refused:
            return
        self.ends["server"].sock = await doors.accepted(self.key)
        for end in self.ends.values():
            end.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.life.keepalive:
                _keep_alive(end.sock)

    async def _do(self, step):
        sides = SIDES if step.side == "both" else (step.side,)
        if step.action == "drop":
            await self._arrival(step.side)
        elif self.life.orderly and step.action in ("close", "shutdown"):
            for side in sides:
                await self._quiet(side)
        for side in sides:
            await self._act(step, side)
        if step.seen:
            for side in sides:
                await self._see(other(side))
        if step.pause:
            await asyncio.sleep(step.pause)

    async def _act(self, step, side):
        end = self.ends[side]
        if not end.open:
            return
        with contextlib.suppress(OSError):  # the other end has reset the connection: that is part of life
            if step.action == "send":
                await asyncio.get_running_loop().sock_sendall(end.sock, bytes(step.amount))
                end.sent += step.amount
            elif step.action == "shutdown":
                end.finished = True
                end.sock.shutdown(socket.SHUT_WR)
            elif step.action == "abort":
                end.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        if step.action in ("close", "abort", "drop"):
            end.close()

    async def _see(self, side):
        """`side` reads all that the other has sent, its end included."""
        reader, writer = self.ends[side], self.ends[other(side)]
        while reader.open and not reader.ended and (reader.received < writer.sent or writer.finished):
            try:
                data = await asyncio.get_running_loop().sock_recv(reader.sock, 1 << 18)
            except OSError:
                data = b""
            reader.received += len(data)
            reader.ended = not data

    async def _quiet(self, side):
        """All that the other end has sent is read, and all that this one has sent is acknowledged."""
        await self._see(side)
        end = self.ends[side]
        while end.open and not end.ended and _unacknowledged(end.sock):
            await asyncio.sleep(0.01)

    async def _arrival(self, side):
        """Something that `side` has not read is there."""
        if self.ends[side].open:
            loop = asyncio.get_running_loop()
            await _ready(self.ends[side].sock, loop.add_reader, loop.remove_reader)


class Doors:
    """Where the servers of the lives listen, and a port on which nobody does."""

    def __init__(self, lab):
        self.lab = lab
        self._open = {version: Listener(lab, version) for version in (4, 6)}
        self._crossing = {version: Listener(lab, version, CROSSING_PORT) for version in (4, 6)}
        self._closed = {version: Listener(lab, version) for version in (4, 6)}
        for listener in self._closed.values():
            listener.socket.close()
        self._waiting = {}
        self._tasks = []

    def of(self, life):
        doors = self._closed if life.refused else self._crossing if life.crossing else self._open
        return doors[life.version]

    def accepted(self, key):
        """A future for the server's socket of this connection."""
        name = key.address, key.port, key.peer_port
        return self._waiting.setdefault(name, asyncio.get_running_loop().create_future())

    async def __aenter__(self):
        self._tasks = [asyncio.create_task(self._accept(door)) for door in self._all()]
        return self

    async def __aexit__(self, *_):
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def close(self):
        """Resets what nobody has accepted."""
        for door in self._all():
            door.socket.close()

    def _all(self):
        return [*self._open.values(), *self._crossing.values()]

    async def _accept(self, door):
        loop = asyncio.get_running_loop()
        while True:
            sock, name = await loop.sock_accept(door.socket)
            name = canonical(name[0]), name[1], door.port
            future = self._waiting.setdefault(name, loop.create_future())
            if not future.done():
                future.set_result(sock)


async def _ready(sock, watch, unwatch):
    ready = asyncio.get_running_loop().create_future()
    watch(sock, lambda: ready.done() or ready.set_result(None))
    try:
        await ready
    finally:
        unwatch(sock)


def _unacknowledged(sock):
    """Bytes sent, FIN not counted, of which the other end has not acknowledged the receipt."""
    return struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)))[0]


def _keep_alive(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in ((socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 60)):
        sock.setsockopt(socket.IPPROTO_TCP, option, value)


async def _play(doors, actors, random, spread):
    async with doors:
        await asyncio.gather(*(actor.live(doors, random.uniform(0, spread)) for actor in actors))


class Play:
    """Lives, begun within `spread` seconds and lived to their end. What is open then stays open until close()."""

    def __init__(self, lab, lives, random, spread):
        self._doors = Doors(lab)
        self.actors = [Actor(life) for life in lives]
        asyncio.run(_play(self._doors, self.actors, random, spread))

    def close(self):
        for actor in self.actors:
            actor.close()
        self._doors.close()
