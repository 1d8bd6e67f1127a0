"""Runs programs, and says everything about one that fails."""

import ctypes
import signal
import subprocess

from harness.wait import PATIENCE

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class CommandFailed(Exception):
    pass


def run(*argv, stdin=None, check=True, timeout=30):
    """Runs a program to its end; returns the CompletedProcess with text in stdout and stderr."""
    done = subprocess.run([str(a) for a in argv], input=stdin, stdin=subprocess.DEVNULL if stdin is None else None,
                          capture_output=True, text=True, errors="replace", timeout=timeout * PATIENCE, check=False)
    if check and done.returncode != 0:
        raise CommandFailed(f"{' '.join(map(str, argv))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def die_with_parent():
    """For Popen's preexec_fn."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
