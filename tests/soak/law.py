"""The configuration that the soak runs finwaitd with, and by when it has to have ended what nobody will finish."""

import random
import time

#: Longer than any silence of a living half-close (lives.py), and there are many of those beyond fin_wait_2.
ALIVE_MAX = 100.0
_FIN_WAIT_2 = (5, 8, 12, 20)
_ATTEMPTS = 5
# The asking; then the RST that only an orphan does not survive, and its answer; the reset's second of quiet, the
# confirmation and its repetitions; and what a busy machine takes.
_ASKING = _ATTEMPTS * 1.0 + 1
_NEAR_MISS = 3.0
_RESETTING = 8.0
_SLACK = 12.0


class Law:
    """What is in force, and since when: a flow is due by the longest time that was in force in its life."""

    def __init__(self, packets):
        self.packets = packets
        self.restarted = self.forgot = float("-inf")  # when the daemon began anew; and when without its state
        self._in_force = []
        self.change()

    def change(self):
        """Another fin_wait_2."""
        self._in_force.append((time.monotonic(), random.choice([t for t in _FIN_WAIT_2 if t != self.fin_wait_2])))

    @property
    def fin_wait_2(self):
        return self._in_force[-1][1] if self._in_force else None

    def settings(self):
        return {
            "intercept": {"packets": self.packets},
            "timeouts": {"fin_wait_2": f"{self.fin_wait_2}s", "on_expiry": "probe", "probe_interval": "1s",
                         "probe_attempts": _ATTEMPTS, "alive_max": f"{ALIVE_MAX:.0f}s", "orphan_test": "active"},
            "metrics": {"listen": ""},
        }

    def due(self, since, alive=False):
        """By when a half-close is over that has been idle since then; `alive`: both its ends answer."""
        since = max(since, self.restarted)
        ends = [when for when, _ in self._in_force[1:]] + [float("inf")]
        longest = max(value for (_, value), end in zip(self._in_force, ends) if end >= since)
        waiting = max(longest, ALIVE_MAX) + _ASKING if alive else longest
        return since + waiting + _ASKING + _NEAR_MISS + _RESETTING + _SLACK
