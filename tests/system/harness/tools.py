"""finwaitd with other firewall tools than the system's: commands that become it (Daemon's `through`), each in a mount namespace
of its own."""

import contextlib
import fcntl
import shutil

LOCK = "/run/xtables.lock"
HANGS = "#!/bin/sh\nexec sleep 1000\n"


def _mounted(script):
    return ("unshare", "-m", "--propagation", "private", "sh", "-c", script + ' exec "$@"', "sh")


def iptables_is(variant):
    """"iptables" and "ip6tables" stand for iptables-legacy, or for iptables-nft."""
    script = "at=$(mktemp -d) && cp -a /etc/alternatives/. $at && "
    for family in ("iptables", "ip6tables"):
        for part in ("", "-restore", "-save"):
            script += f"ln -sfn /usr/sbin/{family}-{variant}{part} $at/{family}{part} && "
    return _mounted(script + "mount --bind $at /etc/alternatives || exit 99;")


def replaced(tool, path):
    """`path`, a program, is run instead of a tool."""
    return _mounted(f"mount --bind {path} $(readlink -f $(command -v {tool})) || exit 99;")


def variants():
    """Those that are installed."""
    return [variant for variant in ("nft", "legacy") if shutil.which(f"iptables-{variant}") and shutil.which(f"ip6tables-{variant}")]


@contextlib.contextmanager
def lock_held():
    """As by an iptables-legacy of somebody else. Gives a function that lets go of it early."""
    with open(LOCK, "a+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lambda: fcntl.flock(lock, fcntl.LOCK_UN)
