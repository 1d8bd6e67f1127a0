"""What the soak counts. Every part writes here; the report reads it."""

import time
from collections import Counter


class Book:
    def __init__(self):
        self.began = time.monotonic()
        self.count = Counter()
        self.kinds = Counter()         # lives lived to their end, by kind
        self.wrong_resets = []         # texts: a living connection was told that it was reset
        self.failures = []             # texts: a living connection failed otherwise, or got other bytes than were sent
        self.overdue = []              # texts: orphans that were there beyond their time
        self.disagreements = []        # texts: finwaitctl and ss for good of different opinions
        self.incidents = []            # (minute, what): restarts and reloads
        self.minutes = []              # rows of gauges
        self.ended_after = []          # seconds beyond the half-close at which orphans were gone

    def minute(self):
        return (time.monotonic() - self.began) / 60

    def incident(self, what):
        self.incidents.append((self.minute(), what))
        self.say(what)

    def problem(self, where, text):
        where.append(f"minute {self.minute():.2f}: {text}")
        self.say(f"PROBLEM {text}")

    def say(self, text):
        print(f"{time.strftime('%H:%M:%S')} {self.minute():6.2f}  {text}", flush=True)
