"""Pairs of real sockets, one in the client's namespace and one in the server's, opened in bulk through the gateway."""

import errno
import itertools
import select
import selectors
import socket
import time

from harness.ss import Key, canonical
from harness.topology import SERVER
from harness.wait import PATIENCE

_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
# The port is chosen at connect(), when the peer is known: every client address has all ports for every server.
_IP_BIND_ADDRESS_NO_PORT = 24
_SOURCE = itertools.count()


def client_socket(lab, version, address=None, port=0):
    """An unconnected, non-blocking socket bound to one of the client's addresses, each in turn, and to a port of its own or
    that one."""
    with lab.client.entered():
        sock = socket.socket(_FAMILY[version], socket.SOCK_STREAM)
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
    sock.bind((address or lab.clients(version)[next(_SOURCE) % lab.client_addresses], port))
    return sock


def start_connect(sock, address, port):
    error = sock.connect_ex((address, port))
    if error not in (0, errno.EINPROGRESS):
        raise OSError(error, f"connect to {address} port {port}: {errno.errorcode[error]}")


class Listener:
    """A listening, non-blocking socket in the server's namespace, or on another host."""

    def __init__(self, lab, version, port=0, host=None):
        with (host or lab.server).entered():
            self.socket = socket.socket(_FAMILY[version], socket.SOCK_STREAM)
        if version == 6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((host.address[version] if host else SERVER[version], port))
        self.socket.listen(8192)
        self.socket.setblocking(False)
        self.address, self.port = self.socket.getsockname()[:2]


class Pair:
    """Both ends of one connection. The sockets block, for at most ten seconds."""

    def __init__(self, version, client, server):
        self.version = version
        self.client = client
        self.server = server
        self.key = Key(*_name(client.getsockname()), *_name(client.getpeername()))
        self.server_key = Key(*_name(server.getsockname()), *_name(server.getpeername()))  # differs by more under NAT

    def end(self, role):
        return self.client if role == "client" else self.server

    def talk(self):
        """A byte each way."""
        for sender, receiver in ((self.client, self.server), (self.server, self.client)):
            sender.sendall(b"x")
            if receiver.recv(1) != b"x":
                raise ConnectionError(f"{self.key}: the byte that arrived is not the one that was sent")

    def finish(self, closer, how="close"):
        """One side sends its FIN: by shutdown() it goes on reading, by close() it lets the socket go."""
        if how == "shutdown":
            self.end(closer).shutdown(socket.SHUT_WR)
        else:
            self.end(closer).close()

    def close(self):
        self.client.close()
        self.server.close()


def _name(sockname):
    return canonical(sockname[0]), sockname[1]


def open_pairs(lab, count, version, seconds=20, host=None):
    """Opens `count` connections at once, to the server or to `host`; each pair has talked, so both sides are
    established."""
    listener = Listener(lab, version, host=host)
    pairs = _connect_all(lab, listener, count, version, time.monotonic() + seconds * PATIENCE)
    listener.socket.close()
    for pair in pairs:
        for sock in (pair.client, pair.server):
            sock.settimeout(10)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for pair in pairs:
        pair.talk()
    return pairs


def _connect_all(lab, listener, count, version, deadline):
    selector = selectors.DefaultSelector()
    selector.register(listener.socket, selectors.EVENT_READ)
    for _ in range(count):
        sock = client_socket(lab, version)
        start_connect(sock, listener.address, listener.port)
        selector.register(sock, selectors.EVENT_WRITE)
    clients, servers = {}, {}
    while len(clients) < count or len(servers) < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{count} connections over IPv{version}: only {len(clients)} connected and "
                               f"{len(servers)} accepted in time")
        for ready, _ in selector.select(1):
            if ready.fileobj is listener.socket:
                _accept_waiting(listener.socket, servers)
                continue
            sock = ready.fileobj
            selector.unregister(sock)
            error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                raise OSError(error, f"connect over IPv{version}: {errno.errorcode[error]}")
            clients[_name(sock.getsockname())] = sock
    selector.close()
    return [Pair(version, clients[name], servers[name]) for name in clients]


def _accept_waiting(listening, servers):
    while True:
        try:
            sock, peer = listening.accept()
        except BlockingIOError:
            return
        servers[_name(peer)] = sock


def open_both_versions(lab, count, host=None):
    """`count` pairs, half over each IP version, alternating."""
    halves = open_pairs(lab, count - count // 2, 4, host=host), open_pairs(lab, count // 2, 6, host=host)
    return [pair for two in itertools.zip_longest(*halves) for pair in two if pair]


def outcome(sock):
    """What a reader of this socket gets without waiting: "data", "eof", "waiting", or an error's name."""
    if sock.fileno() < 0:
        return "released"
    if not select.select([sock], [], [], 0)[0]:
        return "waiting"
    try:
        return "data" if sock.recv(65536) else "eof"
    except OSError as error:
        return errno.errorcode[error.errno]
