"""What must hold at the end, each with the figures it rests on."""

from typing import NamedTuple

# A record lost for each orphan that is ended would be at the least 60 KiB a minute at the usual rate, a node of the table
# for each connection ten times that; what the heap and its pages breathe is less than this.
SLOPE_LIMIT = 32.0      # KiB a minute
_WARM_UP = 6.0          # minutes; until tables, rings and the pool of records have had their most
LONG = 25.0             # minutes without a restart, for memory to be judged in earnest


class Line(NamedTuple):
    holds: bool
    text: str

    def __str__(self):
        return f"| {self.text} | {'**holds**' if self.holds else '**DOES NOT HOLD**'} |"


class Stretch:
    """Between two restarts; `samples` as Gauges has them."""

    def __init__(self, samples):
        self.begin, self.end = samples[0][0], samples[-1][0]
        self.warm = [(minute, value) for minute, _, value in samples if minute >= self.begin + _WARM_UP]

    def minutes(self):
        return self.end - self.begin

    def slope(self):
        """By least squares, a minute."""
        n = len(self.warm)
        mean_x, mean_y = sum(x for x, _ in self.warm) / n, sum(y for _, y in self.warm) / n
        squares = sum((x - mean_x) ** 2 for x, _ in self.warm)
        return sum((x - mean_x) * (y - mean_y) for x, y in self.warm) / squares if squares else 0.0

    def __str__(self):
        values = [value for _, value in self.warm]
        return (f"minutes {self.begin:.0f} to {self.end:.0f}: {values[0]} to {values[-1]} KiB after warm-up, "
                f"slope {self.slope():+.1f} KiB a minute")


def _stretches(gauges):
    """Those that are long enough to say anything."""
    all_of_them = [Stretch([s for s in gauges.memory if s[1] == g]) for g in sorted({s[1] for s in gauges.memory})]
    return [s for s in all_of_them if s.minutes() >= LONG]


def _memory(gauges):
    found = [Line(s.slope() <= SLOPE_LIMIT, f"memory flat (limit {SLOPE_LIMIT:+.0f} KiB a minute), {s}")
             for s in _stretches(gauges)]
    return found or [Line(True, f"memory: not judged, for that takes {LONG:.0f} minutes without a restart")]


def _flat(values):
    """No more in the second half than in the first, but for a client or a pass over conntrack at the moment of a look."""
    half = len(values) // 2
    return half > 0 and max(values[half:]) <= max(values[:half]) + 2


def _range(values):
    return f"{min(values)} to {max(values)}" if len(set(values)) > 1 else str(values[0])


def lines(book, gauges, totals, errors):
    fds, threads = ([sample[i] for sample in gauges.descriptors] for i in (2, 3))
    agreed, against = book.count["comparisons"], len(book.disagreements)
    return [
        Line(not book.wrong_resets, f"wrong resets: {len(book.wrong_resets)}"),
        Line(not book.failures, f"living connections that failed otherwise, and parts of the test: {len(book.failures)}"),
        Line(not book.overdue and book.count["orphans ended"] > 0,
             f"orphans beyond their time: {len(book.overdue)} of {book.count['orphans ended'] + len(book.overdue)}"),
        Line(not against and agreed > 0,
             f"states in agreement with ss: {agreed} of {agreed + against} comparisons"),
        *_memory(gauges),
        Line(_flat(fds) and _flat(threads), f"descriptors flat: {_range(fds)}; threads: {_range(threads)}"),
        Line(totals["queue.errors"] == 0 and not errors,
             f"errors in the log: {len(errors)}; errors of the queue: {totals['queue.errors']}"),
    ]
