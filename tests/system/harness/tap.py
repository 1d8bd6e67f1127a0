"""What passes an endpoint's wire, both ways, as its kernel saw it and when: a capture that is read afterwards."""

import socket
import struct
from typing import NamedTuple

from harness import packets
from harness.ss import Key

_ETH_P_ALL = 3
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_SO_RCVBUFFORCE = 33
_SO_TIMESTAMPNS = 35


class Captured(NamedTuple):
    at: float            # the kernel's clock, seconds
    outgoing: bool       # sent by the endpoint; else sent to it
    key: Key             # the connection, from the endpoint's point of view
    segment: packets.Segment


class Tap:
    """Everything TCP on a namespace's `interface` from now on waits in a buffer of `megabytes` until take()."""

    def __init__(self, namespace, interface="to-gateway", megabytes=64):
        with namespace.entered():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, 0)
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, megabytes << 20)
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            self._socket.bind((interface, _ETH_P_ALL))

    def take(self):
        """What has passed since the last call, in order. A capture with holes proves nothing: it is an error."""
        taken = []
        while True:
            try:
                packet, ancillary, _, address = self._socket.recvmsg(256, 64)
            except BlockingIOError:
                break
            parsed = packets.parse(packet)
            if parsed is None:
                continue
            source, destination, segment = parsed
            outgoing = address[2] == socket.PACKET_OUTGOING
            own, peer = (source, destination) if outgoing else (destination, source)
            taken.append(Captured(_time_of(ancillary), outgoing, Key(*own, *peer), segment))
        _, dropped = struct.unpack("II", self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
        if dropped:
            raise RuntimeError(f"the capture has lost {dropped} packets")
        return taken

    def close(self):
        self._socket.close()


def _time_of(ancillary):
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
            seconds, nanoseconds = struct.unpack("qq", data)
            return seconds + nanoseconds / 1e9
    return 0.0
