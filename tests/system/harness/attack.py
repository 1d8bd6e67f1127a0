"""What an attack test needs: floods of forged segments, a load beside them, and the daemon's memory."""

import json
import os
import signal
import subprocess
import threading
import time

from harness.command import die_with_parent
from harness.daemon import binary
from harness.packets import ACK, FIN, RST, SYN
from harness.topology import SERVER
from harness.wait import PATIENCE

#: How long an attack lasts: moments in CI, minutes for the figures in docs/attacks.md.
SECONDS = float(os.environ.get("FINWAITD_ATTACK_SECONDS", "0.5"))

EVERY_KIND = (FIN | ACK, RST, RST | ACK, SYN, ACK, SYN | ACK)
# The addresses of nobody from which a flood comes (RFC 2544).
NOBODY = "198.18.0.0/15"


class Flood:
    """Segments from random sources to `port` of the server or, with `pairs`, on their connections with guessed numbers, in
    the name of their clients or of their servers. `numbers`: of each pair, (sequence, acknowledgment)."""

    def __init__(self, lab, port=None, flags=(SYN,), pairs=None, side="client", numbers=None, per_second=0, fragment=0):
        namespace, device = (lab.client, "to-client") if side == "client" else (lab.server, "to-server")
        mac = lab.mac(lab.gateway, device)
        options = [f"--flags={flag}" for flag in flags] + [f"--per-second={per_second}", f"--fragment={fragment}"]
        options += ["--known"] if pairs else [f"--destination={SERVER[4]}:{port}"]
        self._process = subprocess.Popen(
            namespace.argv(binary("flood"), "--interface", "to-gateway", "--via", mac, *options),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
        for i, pair in enumerate(pairs or ()):
            key = pair.key if side == "client" else pair.server_key
            words = (key.address, key.port, key.peer_address, key.peer_port, *(numbers[i] if numbers else ()))
            self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.close()
        self._process.stdin = None

    def finish(self):
        """(sent, how many of them a second)."""
        self._process.send_signal(signal.SIGTERM)
        out, _ = self._process.communicate(timeout=20)
        told = json.loads(out)
        return told["sent"], told["sent"] / told["seconds"]


def strike(*floods, seconds=SECONDS):
    """Lets the floods go on for their time, on a slow machine for longer, where they begin late; what they have sent altogether, and how many a second."""
    time.sleep(seconds * PATIENCE)
    sent = [flood.finish() for flood in floods]
    return sum(s for s, _ in sent), sum(rate for _, rate in sent)


def memory(daemon):
    """MiB resident."""
    with open(f"/proc/{daemon.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) / 1024


class RoundTrips:
    """A byte each way on each of these connections in turn, until finish()."""

    def __init__(self, pairs):
        self._pairs = pairs
        self._stop = threading.Event()
        self._count = 0
        self._begun = time.monotonic()
        self.error = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            while not self._stop.is_set():
                for pair in self._pairs:
                    pair.talk()
                    self._count += 1
        except OSError as error:
            self.error = error

    def finish(self):
        """Round trips a second; an error that a connection had is raised."""
        took = time.monotonic() - self._begun
        self._stop.set()
        self._thread.join()
        if self.error:
            raise self.error
        return self._count / took


def told(name, **figures):
    """A line for docs/attacks.md."""
    print(f"\n  {name}: " + ", ".join(f"{key.replace('_', ' ')} {value:.4g}" for key, value in figures.items()), end=" ")
