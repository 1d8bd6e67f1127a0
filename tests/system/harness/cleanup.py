"""What must be undone when the program ends, however it ends: normally, by an exception, by SIGTERM or SIGINT."""

import atexit
import os
import signal
import sys
import traceback

_undo = []


def at_exit(function):
    """Registers `function`; the last one registered runs first. Returns it, for forget()."""
    _undo.append(function)
    return function


def forget(function):
    """`function` has been called already."""
    if function in _undo:
        _undo.remove(function)


def run_all():
    while _undo:
        function = _undo.pop()
        try:
            function()
        except Exception:  # one failure must not keep the others from being undone
            traceback.print_exc()


def _on_signal(number, _frame):
    # unittest would take SystemExit for a failed test and go on, so the process ends here.
    run_all()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(128 + number)


atexit.register(run_all)
for _number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(_number, _on_signal)
