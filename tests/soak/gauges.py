"""The daemon's memory, descriptors, threads and counters, and the machine's load: a line each minute."""

import asyncio
import os
import time

_COUNTERS = ("flows.opened", "flows.became_half_closed", "packets.seen", "packets.lost", "probes.sent", "resets.sent",
             "resets.confirmed", "resets.unconfirmed", "resets.refused", "queue.dropped", "queue.errors")
#: What must stay zero.
ERRORS = ("queue.errors",)
_SAMPLE_EVERY = 5.0


class Gauges:
    def __init__(self, daemon, orphans, book):
        self._daemon, self._orphans, self._book = daemon, orphans, book
        self._settled = dict.fromkeys(_COUNTERS, 0)  # by daemons that are gone
        self.memory = []         # (minute, generation, KiB in small pages, KiB in large ones) all the time
        self.descriptors = []    # (minute, generation, open, threads)
        self.generation = 0
        self._machine = self._times()

    def settle(self):
        """Before the daemon ends: it takes its counters along."""
        stats = self._daemon.stats()
        for name in _COUNTERS:
            self._settled[name] += stats[name]

    def began(self):
        self.generation += 1

    def totals(self):
        with self._orphans.lock:
            stats = self._daemon.stats()
        return {name: self._settled[name] + stats[name] for name in _COUNTERS} | {"shards": stats["shards"]}, stats

    async def run(self):
        minute = time.monotonic() + 60
        while True:
            await asyncio.sleep(_SAMPLE_EVERY)
            await asyncio.to_thread(self._sample)
            if time.monotonic() >= minute:
                minute += 60
                await asyncio.to_thread(self.line)

    def _sample(self):
        with self._orphans.lock:
            small, large, threads, descriptors = self._process()
        self.memory.append((self._book.minute(), self.generation, small, large))
        self.descriptors.append((self._book.minute(), self.generation, descriptors, threads))

    def _process(self):
        process = f"/proc/{self._daemon.pid}"
        with open(f"{process}/smaps_rollup", encoding="ascii") as file:
            sizes = {words[0]: int(words[1]) for words in map(str.split, file) if words[-1] == "kB"}
        large = sizes["AnonHugePages:"]
        return sizes["Rss:"] - large, large, len(os.listdir(f"{process}/task")), len(os.listdir(f"{process}/fd"))

    def line(self):
        totals, stats = self.totals()
        self._sample()
        busy, idle = (now - before for now, before in zip(self._times(), self._machine))
        self._machine = self._times()
        count = self._book.count
        row = {
            "minute": round(self._book.minute()), "flows": stats["flows.total"], "half-closed": stats["flows.half_closed"],
            "connections": totals["flows.opened"], "half-closes": totals["flows.became_half_closed"],
            "orphans ended": count["orphans ended"], "RSTs": totals["resets.sent"], "confirmed": totals["resets.confirmed"],
            "unconfirmed": totals["resets.unconfirmed"], "lost": totals["packets.lost"],
            "compared": count["comparisons"], "RSS KiB": sum(self.memory[-1][2:]), "large pages KiB": self.memory[-1][3], "fds": self.descriptors[-1][2],
            "threads": self.descriptors[-1][3], "CPU %": round(100 * busy / max(1, busy + idle)),
        }
        self._book.minutes.append(row)
        self._book.say(", ".join(f"{name} {value}" for name, value in row.items() if name != "minute"))

    @staticmethod
    def _times():
        """The machine's CPUs, in ticks: busy and idle."""
        with open("/proc/stat", encoding="ascii") as file:
            ticks = [int(word) for word in file.readline().split()[1:]]
        idle = ticks[3] + ticks[4]
        return sum(ticks[:8]) - idle, idle
