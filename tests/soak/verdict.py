"""What must hold at the end, each with the figures it rests on."""

from typing import NamedTuple

# What is lost for each orphan that is ended, a hundred bytes, would be 20 KiB a minute at the usual rate, and a node of the
# table for each connection a thousand; what the heap breathes is less.
SLOPE_LIMIT = 16.0      # KiB a minute, without large pages
# The tables are kept in large pages, and take one more when more flows than ever are busy at a time: by chance, once more.
LARGE_PAGE = 2048       # KiB
_WARM_UP = 6.0          # minutes; until tables, rings and the pool of records have had their most
LONG = 25.0             # minutes without a restart, for memory to be judged in earnest


class Line(NamedTuple):
    holds: bool
    text: str

    def __str__(self):
        return f"| {self.text} | {'**holds**' if self.holds else '**DOES NOT HOLD**'} |"


class Stretch:
    """Between two restarts; `samples` as Gauges has them, the warm-up left out."""

    def __init__(self, samples):
        self.begin, self.end = samples[0][0], samples[-1][0]
        self._warm = [(minute, small, large) for minute, _, small, large in samples if minute >= self.begin + _WARM_UP]

    def minutes(self):
        return self.end - self.begin

    def slope(self):
        """Of what is not in large pages, by least squares, a minute."""
        n = len(self._warm)
        mean_x, mean_y = sum(x for x, *_ in self._warm) / n, sum(y for _, y, _ in self._warm) / n
        squares = sum((x - mean_x) ** 2 for x, *_ in self._warm)
        return sum((x - mean_x) * (y - mean_y) for x, y, _ in self._warm) / squares

    def pages(self):
        """Large pages taken since the warm-up."""
        return (self._warm[-1][2] - self._warm[0][2]) / LARGE_PAGE

    def flat(self, shards):
        return self.slope() <= SLOPE_LIMIT and self.pages() <= shards

    def __str__(self):
        (_, *first), (_, *last) = self._warm[0], self._warm[-1]
        return (f"minutes {self.begin:.0f} to {self.end:.0f}: {sum(first)} to {sum(last)} KiB after warm-up, slope "
                f"{self.slope():+.1f} KiB a minute, large pages {self.pages():+.0f}")


def _stretches(gauges):
    """Those that are long enough to say anything."""
    all_of_them = [Stretch([s for s in gauges.memory if s[1] == g]) for g in sorted({s[1] for s in gauges.memory})]
    return [s for s in all_of_them if s.minutes() >= LONG]


def _memory(gauges, shards):
    limits = f"at most {SLOPE_LIMIT:+.0f} KiB a minute and {shards} large pages"
    found = [Line(s.flat(shards), f"memory flat ({limits}), {s}") for s in _stretches(gauges)]
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
        *_memory(gauges, totals["shards"]),
        Line(_flat(fds) and _flat(threads), f"descriptors flat: {_range(fds)}; threads: {_range(threads)}"),
        Line(totals["queue.errors"] == 0 and not errors,
             f"errors in the log: {len(errors)}; errors of the queue: {totals['queue.errors']}"),
    ]
