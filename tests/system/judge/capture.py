"""What passed the gateway, kept by tcpdump, so that a disagreement can be read as a dialogue."""

import os
import subprocess

from harness import cleanup
from harness.command import run
from harness.wait import until

# Loss behind the gateway happens at the endpoints: what leaves the gateway is what finwaitd has seen, in its order.
_FILES = {(interface, direction): f"{interface}.{direction}.pcap"
          for interface in ("to-client", "to-server") for direction in ("in", "out")}


class Capture:
    """Four files in `directory`, until close()."""

    def __init__(self, lab, directory):
        os.makedirs(directory, exist_ok=True)
        self._directory = directory
        self._processes = []
        cleanup.at_exit(self.close)
        for (interface, direction), name in _FILES.items():
            self._processes.append(subprocess.Popen(
                lab.gateway.argv("tcpdump", "-i", interface, "-Q", direction, "-n", "-s", 128, "-B", 16384, "-U",
                                 "--immediate-mode", "-Z", "root", "-w", os.path.join(directory, name), "tcp"),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        # A file's header is written once tcpdump listens.
        until(lambda: all(os.path.exists(path) and os.path.getsize(path) for path in self._paths()), 5)

    def _paths(self):
        return [os.path.join(self._directory, name) for name in _FILES.values()]

    def dialogue(self, key):
        """The segments of one connection. "came" reached the gateway, "passed" left it again; one that came and did not
        pass was lost before finwaitd saw it."""
        lines = []
        for (interface, direction), name in _FILES.items():
            wanted = f"host {key.address} and tcp port {key.port} and tcp port {key.peer_port}"
            path = os.path.join(self._directory, name)
            text = run("tcpdump", "-n", "-tt", "-S", "-r", path, wanted, check=False).stdout
            word = "came  " if direction == "in" else "passed"
            sender = "client" if (interface == "to-client") == (direction == "in") else "server"
            lines += [f"{line.split()[0]} {word} {sender}: {line.partition(': ')[2]}" for line in text.splitlines()]
        return sorted(lines)

    def close(self):
        cleanup.forget(self.close)
        for process in self._processes:
            process.terminate()
            process.wait()
        self._processes.clear()
