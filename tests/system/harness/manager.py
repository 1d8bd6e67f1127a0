"""What systemd is to a service: the socket that it notifies, and the journal that its lines go to."""

import ctypes
import os
import shutil
import socket
import struct
import tempfile

from harness.wait import until

_PTRACE_DETACH, _PTRACE_SEIZE, _PTRACE_INTERRUPT, _WALL = 17, 0x4206, 0x4207, 0x40000000
_JOURNAL = "/run/systemd/journal"
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


class _Inbox:
    """A Unix socket that takes datagrams, and keeps them in the order in which they came."""

    def __init__(self, path):
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(path)
        os.chmod(path, 0o666)
        self._taken = []

    def taken(self):
        while True:
            try:
                self._taken.append(self._decode(self._socket.recv(1 << 16)))
            except BlockingIOError:
                return self._taken

    def close(self):
        self._socket.close()


class Notifications(_Inbox):
    """NOTIFY_SOCKET: each message is a dictionary."""

    @staticmethod
    def _decode(datagram):
        return dict(line.split("=", 1) for line in datagram.decode().split("\n") if line)

    def wait_for(self, name, value=None, since=0, seconds=5):
        """The place of the first message from `since` on that has it; None when there is none in time."""
        def found():
            for at, message in enumerate(self.taken()):
                if at >= since and name in message and value in (None, message[name]):
                    return at + 1
            return 0
        place = until(found, seconds)
        return place - 1 if place else None


class Journal(_Inbox):
    """The journal's native socket: each entry is a dictionary."""

    @staticmethod
    def _decode(datagram):
        entry, rest = {}, datagram
        while rest:
            line, _, rest = rest.partition(b"\n")
            name, equals, value = line.partition(b"=")
            if not equals:  # the length, 64 bits, then the value itself
                size = struct.unpack("<Q", rest[:8])[0]
                value, rest = rest[8:8 + size], rest[9 + size:]
            entry[name.decode()] = value.decode()
        return entry


class Manager:
    """`through` is the command that starts a service as systemd would; gone with close()."""

    def __init__(self, watchdog_usec=None, log_file=None):
        self.directory = tempfile.mkdtemp(prefix="finwaitd-manager-")
        os.chmod(self.directory, 0o755)
        self.notifications = Notifications(os.path.join(self.directory, "notify"))
        self.through = ["env", f"NOTIFY_SOCKET={self.notifications.path}"]
        if watchdog_usec:
            self.through.append(f"WATCHDOG_USEC={watchdog_usec}")
        self.journal = None
        self._made = []  # where this machine has no journal
        if log_file:
            self._keep_journal(log_file)

    def _keep_journal(self, log_file):
        self._made = [d for d in (_JOURNAL, os.path.dirname(_JOURNAL)) if not os.path.isdir(d)]
        os.makedirs(_JOURNAL, exist_ok=True)
        os.mkdir(os.path.join(self.directory, "journal"), 0o755)
        self.journal = Journal(os.path.join(self.directory, "journal", "socket"))
        with open(log_file, "ab") as log:
            status = os.fstat(log.fileno())
        script = f'mount --bind {self.directory}/journal {_JOURNAL} && exec "$@"'
        self.through = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", *self.through,
                        f"JOURNAL_STREAM={status.st_dev}:{status.st_ino}"]

    def close(self):
        self.notifications.close()
        if self.journal:
            self.journal.close()
        for directory in self._made:
            os.rmdir(directory)
        shutil.rmtree(self.directory, ignore_errors=True)


class Frozen:
    """All threads of a process but its first stand still, until thaw()."""

    def __init__(self, pid):
        self._threads = [int(t) for t in os.listdir(f"/proc/{pid}/task") if int(t) != pid]
        for thread in self._threads:
            self._trace(_PTRACE_SEIZE, thread)
            self._trace(_PTRACE_INTERRUPT, thread)
            os.waitpid(thread, _WALL)

    def thaw(self):
        while self._threads:
            self._trace(_PTRACE_DETACH, self._threads.pop())

    @staticmethod
    def _trace(request, thread):
        if _libc.ptrace(request, thread, None, None) != 0:
            raise OSError(ctypes.get_errno(), f"ptrace: {os.strerror(ctypes.get_errno())}")
