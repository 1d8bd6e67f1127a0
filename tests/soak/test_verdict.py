"""What the soak calls green, and what it does not."""

import os
import random
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), os.path.join(os.path.dirname(HERE), "system")]

from soak import verdict  # noqa: E402
from soak.agree import Finding  # noqa: E402
from soak.book import Book  # noqa: E402
from soak.law import ALIVE_MAX, Law  # noqa: E402
from soak.orphans import Orphan  # noqa: E402


class Gauges:
    """Samples of an hour with a restart in the middle: a jump at the start, then what `leak` KiB a minute make of it."""

    def __init__(self, leak=0.0, descriptors=30, pages=2):
        noise = random.Random(1)
        self.memory = [(m / 12, m // 360, 20000 + min(m % 360, 60) * 200 + leak * (m % 360) / 12 + noise.randrange(64),
                        20480 + min(m % 360 // 100, pages) * 2048) for m in range(720)]
        self.descriptors = [(m / 12, 0, 30 if m < 360 else descriptors, 7) for m in range(720)]


def book():
    made = Book()
    made.count["orphans ended"] = made.count["comparisons"] = 1000
    return made


def holds(counted=None, gauges=None, errors=(), queue_errors=0):
    lines = verdict.lines(counted or book(), gauges or Gauges(), {"queue.errors": queue_errors, "shards": 2}, errors)
    return [line.holds for line in lines]


class Verdict(unittest.TestCase):
    def test_a_clean_hour_is_green(self):
        self.assertTrue(all(holds()))

    def test_one_of_anything_is_not(self):
        for kind in ("wrong_resets", "failures", "overdue", "disagreements"):
            with self.subTest(kind):
                counted = book()
                getattr(counted, kind).append("one")
                self.assertEqual(holds(counted).count(False), 1)

    def test_nothing_seen_is_not_green(self):
        self.assertEqual(holds(Book()).count(False), 2)

    def test_a_slow_leak_is_seen_behind_noise_and_warm_up(self):
        self.assertEqual(holds(gauges=Gauges(leak=2 * verdict.SLOPE_LIMIT)).count(False), 2)  # in both halves
        self.assertTrue(all(holds(gauges=Gauges(leak=verdict.SLOPE_LIMIT / 2))))

    def test_tables_that_go_on_growing_are_seen(self):
        self.assertEqual(holds(gauges=Gauges(pages=3)).count(False), 2)

    def test_descriptors_that_are_not_closed_are_seen(self):
        self.assertEqual(holds(gauges=Gauges(descriptors=40)).count(False), 1)

    def test_errors_are_seen(self):
        self.assertEqual(holds(errors=["an error"]).count(False), 1)
        self.assertEqual(holds(queue_errors=1).count(False), 1)


class Pair:
    def __init__(self, client, server):
        self.hosts = (client, server)


class NeverHalfClosed(unittest.TestCase):
    def test_is_what_lost_its_fin_and_then_the_closers_host(self):
        orphan = Orphan(Pair("shaky", "far"), "client", "close")
        self.assertFalse(orphan.never_half_closed(["established"]), "its FIN is repeated")
        orphan.wrecked = 1.0
        self.assertTrue(orphan.never_half_closed(["established"]))
        self.assertFalse(orphan.never_half_closed(["close-wait"]))

    def test_is_nothing_where_no_segment_is_lost(self):
        orphan = Orphan(Pair("shaky", "web"), "client", "close")
        orphan.wrecked = 1.0
        self.assertFalse(orphan.never_half_closed(["established"]))


class End:
    def __init__(self, state):
        self.state, self.timer, self.line = state, None, state


class GivenUp(unittest.TestCase):
    FLOW = {"client": {"state": "syn-sent"}, "server": {"state": "closed"}}

    def given_up(self, client, server):
        ends = tuple(state and End(state) for state in (client, server))
        return Finding(ends, ends, self.FLOW).given_up()

    def test_is_a_syn_whose_sender_is_gone(self):
        self.assertTrue(self.given_up(None, None))
        self.assertTrue(self.given_up(None, "time-wait"), "of the connection before")

    def test_is_none_where_either_end_is_there(self):
        self.assertFalse(self.given_up("syn-sent", None))
        self.assertFalse(self.given_up(None, "syn-recv"))
        self.assertFalse(self.given_up("time-wait", None))


class Due(unittest.TestCase):
    def test_an_orphan_has_the_longest_time_that_was_in_force_and_its_asking(self):
        law = Law("selective")
        since = law.due(0) - law.fin_wait_2
        law.change()
        self.assertGreaterEqual(law.due(0), since + law.fin_wait_2)

    def test_what_lives_has_until_alive_max(self):
        self.assertGreater(Law("all").due(0, alive=True), ALIVE_MAX)

    def test_a_restart_begins_it_anew(self):
        law = Law("all")
        before = law.due(0)
        law.restarted = 1000.0
        self.assertAlmostEqual(law.due(0) - before, 1000.0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
