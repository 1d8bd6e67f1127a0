"""Connections between hosts of the town, both ends in this process, so that who did what is known."""

import asyncio
import socket
import struct

from harness.ss import Key, canonical

PORT = 7000
_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
_BIND_ADDRESS_NO_PORT = 24
_AT_ONCE = struct.pack("ii", 1, 0)
_PATIENCE = 40.0


class Pair:
    """`key` is the connection without NAT, from the client's point of view; `hosts` its two ends."""

    def __init__(self, key, client, server, hosts):
        self.key, self.client, self.server, self.hosts = key, client, server, hosts
        for sock in (client, server):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def end(self, role):
        return self.client if role == "client" else self.server

    def keep_alive(self, idle=3, interval=2, count=20):
        for sock in (self.client, self.server):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in ((socket.TCP_KEEPIDLE, idle), (socket.TCP_KEEPINTVL, interval), (socket.TCP_KEEPCNT, count)):
                sock.setsockopt(socket.IPPROTO_TCP, option, value)

    def close(self):
        self.client.close()
        self.server.close()

    def __str__(self):
        return f"{self.hosts[0]} {self.key} {self.hosts[1]}"


def abort(sock):
    """Closes it with an RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    sock.close()


async def send(sock, data):
    await asyncio.get_running_loop().sock_sendall(sock, data)


async def receive(sock, count, patience=_PATIENCE):
    """Exactly `count` bytes."""
    got = b""
    async with asyncio.timeout(patience):
        while len(got) < count:
            part = await asyncio.get_running_loop().sock_recv(sock, count - len(got))
            if not part:
                raise EOFError(f"the end of the stream after {len(got)} of {count} bytes")
            got += part
    return got


async def end_of_stream(sock, patience=_PATIENCE):
    async with asyncio.timeout(patience):
        if await asyncio.get_running_loop().sock_recv(sock, 1):
            raise ValueError("a byte that nobody has sent")


class Doors:
    """Listens on every server host, at PORT, and hands out who was accepted."""

    def __init__(self, town, book):
        self._town, self._book = town, book
        self._waiting = {}
        self._tasks = {}
        self.served = set()

    def open(self, name):
        """Also again, after the host was rebooted."""
        self.close(name)
        self.served.add(name)
        self._tasks[name] = [asyncio.create_task(self._accept(self._listener(name, v))) for v in (4, 6)]

    def close(self, name):
        for task in self._tasks.pop(name, ()):
            task.cancel()

    def _listener(self, name, version):
        with self._town.hosts[name].namespace.entered():
            sock = socket.socket(_FAMILY[version], socket.SOCK_STREAM)
        if version == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("", PORT))
        sock.listen(4096)
        sock.setblocking(False)
        return sock

    async def _accept(self, listener):
        with listener:
            while True:
                try:
                    sock, name = await asyncio.get_running_loop().sock_accept(listener)
                except OSError:  # the caller has gone again
                    continue
                sock.setblocking(False)
                future = self._waiting.pop(self._name(name, sock.getsockname()), None)
                if future is None or future.done():
                    sock.close()
                else:
                    future.set_result(sock)

    def _name(self, client, server):
        return self._town.real(canonical(client[0])), client[1], canonical(server[0])

    async def connect(self, client, version, shown, index=0, port=0, to=PORT):
        """From the host named `client` to the address that clients know, both ends connected."""
        host = self._town.hosts[client]
        with host.namespace.entered():
            sock = socket.socket(_FAMILY[version], socket.SOCK_STREAM)
        accepted = None
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1 if port == 0 else 0)
            own = host.addresses[version][index % len(host.addresses[version])]
            sock.bind((own, port))
            real = self._town.real(shown)
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(_PATIENCE):
                connecting = asyncio.ensure_future(loop.sock_connect(sock, (shown, to)))
                await asyncio.sleep(0)  # now the port is known
                name = own, sock.getsockname()[1], real
                accepted = self._waiting.setdefault(name, loop.create_future())
                await connecting
                other = await accepted
        except BaseException:
            sock.close()
            if accepted is not None and accepted.done() and not accepted.cancelled():
                accepted.result().close()
            raise
        self._book.count["connections"] += 1
        return Pair(Key(own, name[1], real, to), sock, other, (client, self._town.host_of(real)))
