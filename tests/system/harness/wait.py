"""Waiting for a condition with a deadline, instead of sleeping and hoping."""

import time


def until(condition, seconds, interval=0.05):
    """Calls `condition` until it is true; returns its last value, so that a test can assert on it."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() >= deadline:
            return value
        time.sleep(interval)
