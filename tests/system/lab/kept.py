"""A lab that stays up after the program: where it is noted down, how it is found again and taken down."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

from harness.command import run
from harness.daemon import Daemon, binary
from harness.halfclosed import GONE, HalfClosed, not_in
from harness.sockets import open_both_versions
from harness.topology import Lab
from lab import screen
from lab.play import SETTINGS

DIRECTORY = "/run/finwaitd-lab"
PREFIX = "finwaitd-lab-"
_PROCESSES = os.path.join(DIRECTORY, "processes.json")


def is_up():
    return os.path.exists(DIRECTORY)


def start():
    """Namespaces with names to remember, and a finwaitd that outlives this program."""
    os.makedirs(DIRECTORY)
    lab = Lab(prefix=PREFIX)
    daemon = Daemon(lab, SETTINGS, directory=DIRECTORY, outlive=True)
    _note([daemon.pid])
    return lab, daemon


def start_traffic():
    """A process of its own that holds a few living half-closes, so that there is something to look at."""
    process = subprocess.Popen([sys.executable, "-B", "-m", "lab", "--hold"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    _note([*_noted(), process.pid])


def hold():
    """What that process does: five living half-closes and five established connections, until it is ended."""
    from harness.living import Pump, Stream
    lab = Lab(prefix=PREFIX, make=False)
    established = open_both_versions(lab, 5)
    pump = Pump([Stream(pair, "client") for pair in open_both_versions(lab, 5)])
    while pump.streams and established:
        time.sleep(60)


def more(count):
    """Opens connections of which one side's application closes both ways and the other never will, and waits until the
    last one is gone."""
    lab = Lab(prefix=PREFIX, make=False)
    idle = [HalfClosed(pair, ("client", "server")[i // 2 % 2], "close")
            for i, pair in enumerate(open_both_versions(lab, count))]
    begun = time.monotonic()
    left = count
    while left:
        left = len(not_in(lab, idle, GONE))
        screen.say(f"{time.monotonic() - begun:6.1f} s   {left:6} of {count} half-closed connections left, by ss")
        time.sleep(1 if left else 0)


def explain():
    tool = os.path.relpath(binary("finwaitctl"))
    rows = [
        (f"export FINWAITD_SOCKET={DIRECTORY}/control.sock", ""),
        (f"{tool} list", "every flow, each side's state"),
        (f"{tool} list closer client", "a filter, after ss"),
        (f"{tool} stats", ""),
        (f"{tool} explain ID", "why a flow stands as it does"),
        ("scripts/lab --more 10", "ten more that nobody will finish"),
        (f"ip netns exec {PREFIX}client ss -tan", "the client's own view"),
        (f"{DIRECTORY}/finwaitd.toml", "change it, and then:"),
        (f"{tool} reload", ""),
        ("scripts/lab --down", "takes everything down"),
    ]
    screen.title("The lab stays up, as root:")
    for command, meaning in rows:
        screen.say(f"  {command:47} {meaning}".rstrip())


def down():
    """Ends what start() and start_traffic() began; also what is left of a lab that broke off."""
    for pid in _noted():
        _end(pid)
    for role in ("client", "gateway", "server", "host0", "host1"):
        run("ip", "netns", "del", PREFIX + role, check=False)
    shutil.rmtree(DIRECTORY, ignore_errors=True)


def _end(pid):
    """Only a process that is still the one noted down: its command line names the lab or its directory."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().split(b"\0")
        if os.path.join(DIRECTORY, "finwaitd.toml").encode() not in words and b"--hold" not in words:
            return
        os.kill(pid, signal.SIGTERM)
        for _ in range(100):
            os.kill(pid, 0)
            time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):
        return


def _note(pids):
    with open(_PROCESSES, "w", encoding="utf-8") as file:
        json.dump(pids, file)


def _noted():
    try:
        with open(_PROCESSES, encoding="utf-8") as file:
            return json.load(file)
    except (FileNotFoundError, ValueError):
        return []
