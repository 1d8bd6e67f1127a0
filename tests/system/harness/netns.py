"""Network namespaces: entering one for a moment. A socket stays in the namespace in which it was made, so one process
can drive sockets on every machine of a topology."""

import contextlib
import ctypes
import os

from harness.command import run

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _setns(descriptor):
    if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"setns: {os.strerror(error)}")


class Namespace:
    """A named namespace, as `ip netns` keeps them; made now, or found."""

    def __init__(self, name, make=True):
        self.name = name
        if make:
            run("ip", "netns", "add", name)
        self._descriptor = os.open(f"/run/netns/{name}", os.O_RDONLY | os.O_CLOEXEC)

    @contextlib.contextmanager
    def entered(self):
        """The calling thread is in this namespace meanwhile (other threads are not)."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _setns(self._descriptor)
            try:
                yield
            finally:
                _setns(before)
        finally:
            os.close(before)

    def ip(self, *lines):
        """Runs `ip` commands here, in one batch."""
        run("ip", "-n", self.name, "-batch", "-", stdin="\n".join(lines) + "\n")

    def sysctl(self, **values):
        """Sets net.* variables; "__" in a name stands for the dot."""
        with self.entered():
            for name, value in values.items():
                with open("/proc/sys/net/" + name.replace("__", "/"), "w", encoding="ascii") as file:
                    file.write(str(value))

    def argv(self, *argv):
        """The command line that runs `argv` here; it replaces itself, so its process id is the program's."""
        return ["ip", "netns", "exec", self.name, *map(str, argv)]

    def run(self, *argv, **options):
        return run(*self.argv(*argv), **options)

    def delete(self):
        if self._descriptor is None:
            return
        os.close(self._descriptor)
        self._descriptor = None
        run("ip", "netns", "del", self.name, check=False)
