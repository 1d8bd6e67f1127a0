"""The guest as a process: qemu, without a network, a disk or a screen. Two serial ports: the kernel's console, kept in a
file, and the guest's report, a line of JSON for each thing that it says."""

import json
import os
import re
import selectors
import socket
import subprocess
import tempfile
import time

from harness import cleanup
from harness.command import die_with_parent

EMULATOR = "qemu-system-x86_64"
_TROUBLE = re.compile(r"Kernel panic|BUG:|Oops:|general protection fault|soft lockup|Out of memory: Killed|WARNING: CPU")


class Hung(Exception):
    """The guest has said nothing for too long, or ended before it was done."""


class Machine:
    def __init__(self, kernel, initrd, console, memory=2048):
        self.console = console
        self._folder = tempfile.TemporaryDirectory(prefix="finwaitd-vm-")
        listener = socket.socket(socket.AF_UNIX)
        path = os.path.join(self._folder.name, "report")
        listener.bind(path)
        listener.listen(1)
        listener.settimeout(30)
        self._process = subprocess.Popen(
            [EMULATOR, "-accel", "tcg,thread=multi", "-smp", "2", "-cpu", "max", "-m", str(memory), "-nodefaults", "-no-user-config",
             "-display", "none", "-nic", "none", "-no-reboot", "-kernel", kernel.image, "-initrd", initrd,
             "-append", "console=ttyS0 panic=-1 mitigations=off", "-serial", f"file:{console}",
             "-chardev", f"socket,id=report,path={path}", "-serial", "chardev:report"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=die_with_parent)
        cleanup.at_exit(self.close)
        try:
            self._report = listener.accept()[0]
        except TimeoutError as error:
            self.close()
            raise Hung(f"{EMULATOR} does not start: {self._process.stdout.read().decode(errors='replace')}") from error
        finally:
            listener.close()

    def records(self, patience):
        """What the guest reports, until it is done. `patience`: seconds without a word."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._report, selectors.EVENT_READ)
            waiting, deadline = b"", time.monotonic() + patience
            while True:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise Hung(f"the guest has said nothing for {patience:.0f} s")
                data = self._report.recv(65536)
                if not data:
                    raise Hung("the guest ended before it was done")
                *lines, waiting = (waiting + data).split(b"\n")
                for line in lines:
                    deadline = time.monotonic() + patience
                    record = json.loads(line)
                    if "done" in record:
                        return
                    yield record

    def troubles(self):
        """What the guest's kernel complained of."""
        with open(self.console, encoding="utf-8", errors="replace") as file:
            return [line.strip() for line in file if _TROUBLE.search(line)]

    def close(self):
        cleanup.forget(self.close)
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process.stdout.close()
        self._folder.cleanup()
