"""A process that holds sockets open for another, which may have no more than so many descriptors."""

import os
import signal
import socket

_AT_ONCE = 200  # the kernel passes 253 in a message at most: unix(7)


class Keeper:
    """Make it before any thread. It holds what it is given until close(), or until its parent has ended."""

    def __init__(self):
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._pid = os.fork()
        if self._pid == 0:
            self._channel.close()
            _keep(theirs)
        theirs.close()

    def take(self, sockets):
        """Hands them over; here they are closed then."""
        for at in range(0, len(sockets), _AT_ONCE):
            some = sockets[at:at + _AT_ONCE]
            socket.send_fds(self._channel, [b"keep"], [sock.fileno() for sock in some])
            if self._channel.recv(16) != b"kept":
                raise RuntimeError("the keeper has not taken the sockets")
            for sock in some:
                sock.close()

    def close(self):
        if self._pid is None:
            return
        self._channel.close()
        os.waitpid(self._pid, 0)
        self._pid = None


def _keep(channel):
    """Never returns: the parent's clean-up is not the child's."""
    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        while socket.recv_fds(channel, 16, _AT_ONCE)[0]:
            channel.send(b"kept")
    finally:
        os._exit(0)
