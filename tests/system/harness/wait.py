"""Waiting for a condition with a deadline, instead of sleeping and hoping. FINWAITD_PATIENCE: how many times as long as a test
says, for slow machines."""

import os
import time

PATIENCE = float(os.environ.get("FINWAITD_PATIENCE", "1"))


def patiently(seconds):
    """As a configuration spells it: a time within which a test must have got ready for what comes then."""
    return f"{round(seconds * PATIENCE)}s"


def until(condition, seconds, interval=0.05):
    """Calls `condition` until it is true; returns its last value, so that a test can assert on it."""
    deadline = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value or time.monotonic() >= deadline:
            return value
        time.sleep(interval)
