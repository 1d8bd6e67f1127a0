"""The load makers: programs that are steered by lines, and those that run to their end."""

import contextlib
import json
import os
import subprocess

from harness import cleanup
from harness.command import die_with_parent
from harness.daemon import binary
from harness.topology import SERVER


class Failed(Exception):
    """A load maker ended, or could not do what it was told."""


class Process:
    """A program that ends with this one, or at close()."""

    def __init__(self, argv, **options):
        self._process = subprocess.Popen([str(a) for a in argv], preexec_fn=die_with_parent, text=True,
                                         **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, **options})
        cleanup.at_exit(self.close)

    @property
    def pid(self):
        return self._process.pid

    def ready(self):
        """Waits until it says so."""
        if self._process.stdout.readline() != "ready\n":
            raise Failed(f"{self._process.args[0]} did not start (exit {self._process.wait()})")
        return self

    def result(self, seconds):
        """What it printed, when it has ended."""
        out, _ = self._process.communicate(timeout=seconds)
        if self._process.returncode != 0:
            raise Failed(f"{' '.join(self._process.args)}: exit {self._process.returncode}\n{out}")
        return out

    def close(self):
        cleanup.forget(self.close)
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                with contextlib.suppress(RuntimeError):  # a signal's handler closes what is being read
                    stream.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Steered(Process):
    """Each line it is told is answered by one line of JSON."""

    def __init__(self, *argv):
        super().__init__(argv, stdin=subprocess.PIPE)

    def begin(self, *words):
        try:
            self._process.stdin.write(" ".join(map(str, words)) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise Failed(f"{self._process.args[0]} has ended (exit {self._process.wait()})") from error

    def answer(self):
        line = self._process.stdout.readline()
        if not line:
            raise Failed(f"{self._process.args[0]} has ended (exit {self._process.wait()})")
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(answer["error"])
        return answer

    def ask(self, *words):
        self.begin(*words)
        return self.answer()


def packets(site, family=4):
    """Crafted flows through the site's gateway: bench/load/packets.cpp."""
    return Steered(binary("bench_packets"), "--client", site.client.name, "--server", site.server.name, "--client-via",
                   site.gateway_mac(), "--server-via", site.mac(site.gateway, "to-server"), "--family", family)


def half_closed(site):
    return Steered(binary("bench_half_closed"), "--client", site.client.name, "--server", site.server.name,
                   "--destination", SERVER[4], "--source", *site.clients(4))


def cpu_seconds(pid):
    """What a process has used so far, in all its threads."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS:"))


def share_processor(first, second):
    """Both processes run on one processor from now on, the second only when the first has nothing to do."""
    for pid in (first, second):
        for thread in os.listdir(f"/proc/{pid}/task"):
            os.sched_setaffinity(int(thread), {min(os.sched_getaffinity(0))})
    os.sched_setscheduler(first, os.SCHED_FIFO, os.sched_param(1))
