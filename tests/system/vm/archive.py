"""A cpio archive as the kernel unpacks it into its first root (Documentation/driver-api/early-userspace/buffer-format.rst).
Written here because a device node in it would need root, and cpio would be one more package."""

import os
import stat

_CONSOLE = (5, 1)


class Archive:
    def __init__(self, path):
        self._file = open(path, "wb")
        self._serial = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._entry("TRAILER!!!", 0, b"")
        self._file.close()

    def tree(self, root):
        """Everything below `root`, as it is there, owned by root."""
        for folder, folders, files in os.walk(root):
            folders.sort()
            for name in sorted(folders + files):
                path = os.path.join(folder, name)
                self._add(path, os.path.relpath(path, root))

    def console(self):
        """What the first program has as its standard streams."""
        self._entry("dev/console", stat.S_IFCHR | 0o600, b"", _CONSOLE)

    def _add(self, path, name):
        mode = os.lstat(path).st_mode
        if stat.S_ISLNK(mode):
            data = os.readlink(path).encode()
        elif stat.S_ISREG(mode):
            with open(path, "rb") as file:
                data = file.read()
        else:
            data = b""
        self._entry(name, mode, data)

    def _entry(self, name, mode, data, device=(0, 0)):
        self._serial += 1
        coded = name.encode() + b"\0"
        fields = (self._serial, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(coded), 0)
        header = b"070701" + b"".join(b"%08x" % field for field in fields)
        self._padded(header + coded)
        self._padded(data)

    def _padded(self, data):
        self._file.write(data + b"\0" * (-len(data) % 4))
