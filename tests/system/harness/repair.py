"""What a socket's own kernel has as its numbers, read in TCP_REPAIR mode for a moment (tcp(7), CRIU's interface)."""

import contextlib
import socket
from typing import NamedTuple

_TCP_REPAIR, _TCP_REPAIR_QUEUE, _TCP_QUEUE_SEQ = 19, 20, 21
_ON, _OFF_WITHOUT_WINDOW_PROBE = 1, -1
_RECEIVE_QUEUE, _SEND_QUEUE = 1, 2


class Numbers(NamedTuple):
    next: int      # it sends next: its write queue's end
    expects: int   # it receives next


@contextlib.contextmanager
def _repairing(sock):
    sock.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, _ON)
    try:
        yield
    finally:
        sock.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, _OFF_WITHOUT_WINDOW_PROBE)


def _queue_end(sock, queue):
    sock.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR_QUEUE, queue)
    return sock.getsockopt(socket.IPPROTO_TCP, _TCP_QUEUE_SEQ) & 0xFFFFFFFF


def numbers(sock):
    with _repairing(sock):
        return Numbers(_queue_end(sock, _SEND_QUEUE), _queue_end(sock, _RECEIVE_QUEUE))
