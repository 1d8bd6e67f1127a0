"""A host whose TCP is not the kernel's: a small one in this process, with the manners of other systems, behind a tun
device in the server's machine. It listens on every port."""

import collections
import dataclasses
import fcntl
import hashlib
import os
import select
import struct
import threading

from harness import packets
from harness.packets import ACK, FIN, RST, SYN
from harness.ss import Key
from harness.topology import SERVER

ADDRESS = {4: "10.99.77.1", 6: "fd99:77::1"}
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 1, 0x1000
_DEVICE = "scripted"
_WINDOW = 65535
_WRAP = 1 << 32


@dataclasses.dataclass
class Manners:
    """What tells one TCP from another."""
    counts_ids: bool = True           # the IPv4 ids of its packets count; else they are all 0
    orphan_ids: bool = True           # so do those of an orphan in FIN_WAIT_2; else they are 0
    md5_key: bytes = None             # it signs what it sends (RFC 2385), and lets signatures of others be
    silent: bool = False              # from now on it takes nothing and answers nothing, as behind a firewall


class Connection:
    """One of its connections, as it sees it."""

    def __init__(self, key, syn):
        self.key = key  # from its own point of view
        self.version = 6 if ":" in key.address else 4
        self.next = 1_000_000
        self.expects = syn.end
        self.closed = False  # it has sent its FIN
        self.got = []        # every segment that has arrived since the SYN, and where it stood

    def resets(self):
        """What the RSTs that it has got were to it: "exact", "in window" or "outside"."""
        return [how for how, segment in self.got if segment.flags & RST]


class ScriptedHost:
    """In `lab` until close(). Its connections, also those that have ended, are in `connections`."""

    def __init__(self, lab, manners):
        self.manners = manners
        self.connections = {}
        self.alive = set()
        self._lab = lab
        self._ids = 0
        self._lock = threading.Lock()
        with lab.server.entered():
            self._tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            fcntl.ioctl(self._tun, _TUNSETIFF, struct.pack("16sH22x", _DEVICE.encode(), _IFF_TUN | _IFF_NO_PI))
        self._route("add")
        self._stop_reader, self._stop_writer = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self):
        os.close(self._stop_writer)
        self._thread.join()
        os.close(self._stop_reader)
        self._route("del")
        os.close(self._tun)

    def close_all(self):
        """Its applications let every connection go: FINs."""
        with self._lock:
            for key in self.alive:
                connection = self.connections[key]
                connection.closed = True
                self._send(connection, FIN | ACK)
                connection.next += 1

    def resets(self):
        """What the RSTs that its connections have got were to them, counted."""
        with self._lock:
            return collections.Counter(how for c in self.connections.values() for how in c.resets())

    def _route(self, verb):
        self._lab.server.sysctl(ipv4__ip_forward=1, ipv6__conf__all__forwarding=1)
        if verb == "add":
            self._lab.server.ip(f"link set {_DEVICE} up")
        for version, address in ADDRESS.items():
            self._lab.server.ip(f"route {verb} {address} dev {_DEVICE}")
            self._lab.gateway.ip(f"route {verb} {address} via {SERVER[version]}")

    def _run(self):
        while True:
            ready, _, _ = select.select([self._tun, self._stop_reader], [], [])
            if self._stop_reader in ready:
                return
            try:
                packet = os.read(self._tun, 65536)
            except BlockingIOError:
                continue
            parsed = packets.parse(packet)
            if parsed:
                source, destination, segment = parsed
                with self._lock:
                    self._take(Key(*destination, *source), segment)

    def _take(self, key, s):
        if self.manners.silent:
            return
        if key not in self.alive:
            return self._take_without_connection(key, s)
        connection = self.connections[key]
        offset = (s.seq - connection.expects) % _WRAP
        where = "exact" if offset == 0 else "in window" if offset < _WINDOW else "outside"
        connection.got.append((where, s))
        if s.flags & RST:
            # RFC 5961 section 3, in every state.
            if where == "exact":
                self.alive.discard(key)
            elif where == "in window":
                self._send(connection, ACK)
            return
        if where == "exact":
            connection.expects = s.end
        if where != "exact" or s.end != s.seq:
            self._send(connection, ACK)

    def _take_without_connection(self, key, s):
        if s.flags & RST:
            return
        if s.flags & (SYN | ACK) == SYN:
            connection = self.connections[key] = Connection(key, s)
            self.alive.add(key)
            self._send(connection, SYN | ACK, struct.pack("!BBH", 2, 4, 1400))
            connection.next += 1
        else:
            self._emit(key, packets.tcp(key.port, key.peer_port, s.ack, 0, RST, window=0))

    def _send(self, connection, flags, options=b""):
        key, key_md5 = connection.key, self.manners.md5_key
        if key_md5:
            options += bytes((1, 1, 19, 18)) + bytes(16)
        segment = packets.tcp(key.port, key.peer_port, connection.next, connection.expects, flags, window=_WINDOW,
                              options=options)
        if key_md5:
            segment = segment[:-16] + signature(key, segment, key_md5)
        # The socket itself sends the FIN: only what comes after it is an orphan's.
        self._emit(key, segment, orphan=connection.closed and not segment[13] & packets.FIN)

    def _emit(self, key, segment, orphan=False):
        segment = packets.with_checksum(key.address, key.peer_address, segment)
        if ":" in key.address:
            packet = packets.ip6(key.address, key.peer_address, segment)
        else:
            self._ids = self._ids % 65535 + 1
            counted = self.manners.counts_ids and (self.manners.orphan_ids or not orphan)
            packet = packets.ip4(key.address, key.peer_address, segment, ip_id=self._ids if counted else 0)
        os.write(self._tun, packet)


def signature(key, segment, secret):
    """RFC 2385 section 2: over the pseudo-header, the header without options, the data and the secret."""
    offset = (segment[12] >> 4) * 4
    header = segment[:16] + b"\0\0" + segment[18:20]
    covered = packets.pseudo_header(key.address, key.peer_address, len(segment)) + header + segment[offset:] + secret
    return hashlib.md5(covered, usedforsecurity=False).digest()
