"""Probes keep to their rate, and what this machine's own queue drops has asked nobody and ended nothing."""

import time

from harness import case, halfclosed
from harness.command import CommandFailed
from harness.packets import ACK
from harness.sockets import open_both_versions
from harness.tap import Tap
from harness.wait import PATIENCE, until

LATE = b"late"
#: A link so slow, with a queue so short, that a burst does not fit; each drops what is too much when it comes.
SLOW_LINKS = {
    "netem": ("root netem rate 20kbit limit 5",),
    "tbf": ("root tbf rate 20kbit burst 200 limit 400",),
    "pfifo": ("root handle 1: tbf rate 20kbit burst 200 limit 400", "parent 1: pfifo limit 5"),
}


class Pacing(case.SystemTest):
    def half_closes(self, count):
        made = halfclosed.make(self.lab, count)
        self.closing(h.pair for h in made)
        return made

    def living(self, count):
        """Half-closes of which the closer's application still reads."""
        made = [halfclosed.HalfClosed(pair, ("client", "server")[i // 2 % 2], "shutdown")
                for i, pair in enumerate(open_both_versions(self.lab, count))]
        self.closing(h.pair for h in made)
        return made

    def tap(self, namespace):
        tap = Tap(namespace)
        self.addCleanup(tap.close)
        return tap

    def arrivals(self, taps):
        """When probes have come to the ends, in order. Neither end sends a bare ACK to the other by itself here."""
        return sorted(c.at for tap in taps for c in tap.take()
                      if not c.outgoing and c.segment.flags == ACK and c.segment.length == 0)

    @staticmethod
    def most_within(moments, seconds):
        return max((sum(first <= m < first + seconds for m in moments) for first in moments), default=0)

    def ask_all(self, limits, count=120, **timeouts):
        """(the daemon, taps at both ends) once `count` half-closes wait for their time to be up."""
        daemon = self.daemon({"intercept": {"queues": 1}, "limits": {"breaker_share": "off", **limits},
                              "timeouts": {"fin_wait_2": f"{round(4 * PATIENCE)}s", "probe_interval": "60s", **timeouts}})
        made = self.living(count)
        self.assertTrue(until(lambda: daemon.stats()["flows.half_closed"] == count, 4))
        return daemon, made, [self.tap(self.lab.client), self.tap(self.lab.server)]

    def test_probes_of_many_that_are_due_together_leave_spread_in_time(self):
        daemon, made, taps = self.ask_all({"probes_per_second": 40})
        self.assertTrue(until(lambda: daemon.stats()["probes.sent"] >= 240, 30), daemon.stats())
        moments = self.arrivals(taps)
        self.assertGreaterEqual(len(moments), 240)
        self.assertLessEqual(self.most_within(moments, 1), 46)
        self.assertLessEqual(self.most_within(moments, 0.1), 10)
        self.assertGreater(daemon.stats()["probes.delayed"], 0)
        self.assertEqual(halfclosed.not_in(self.lab, made, halfclosed.OPEN), [])

    def test_the_rate_of_resets_holds_for_probes_where_they_have_none_of_their_own(self):
        daemon, _, taps = self.ask_all({"resets_per_second": 10}, 80)
        self.assertTrue(until(lambda: daemon.stats()["probes.sent"] >= 60, 30), daemon.stats())
        self.assertLessEqual(self.most_within(self.arrivals(taps), 1), 24)

    def test_a_reload_changes_the_rate(self):
        limits = {"breaker_share": "off", "probes_per_second": 2}
        daemon, _, taps = self.ask_all(limits)
        self.assertTrue(until(lambda: daemon.stats()["probes.sent"] > 0, 10), daemon.stats())
        self.assertLessEqual(self.most_within(self.arrivals(taps), 1), 4)
        daemon.configure({"intercept": {"queues": 1}, "limits": {**limits, "probes_per_second": 100},
                          "timeouts": {"fin_wait_2": f"{round(4 * PATIENCE)}s", "probe_interval": "60s"}})
        daemon.ctl("reload")
        self.assertTrue(until(lambda: daemon.stats()["probes.sent"] >= 240, 20), daemon.stats())
        self.assertLessEqual(self.most_within(self.arrivals(taps), 1), 110)

    def slow_link(self, kind):
        """Makes the gateway's link towards the server slow; false where the kernel has no such queue."""
        try:
            for line in SLOW_LINKS[kind]:
                self.lab.gateway.run("tc", "qdisc", "add", "dev", "to-server", *line.split())
        except CommandFailed:
            return False
        self.addCleanup(self.fast_link)
        return True

    def fast_link(self):
        self.lab.gateway.run("tc", "qdisc", "del", "dev", "to-server", "root", check=False)

    def kinds(self):
        """Those of the queues that this kernel has."""
        found = []
        for kind in SLOW_LINKS:
            if self.slow_link(kind):
                found.append(kind)
            self.fast_link()
        if not found:
            self.skipTest("this kernel has none of these queues")
        return found

    def asking_at_once(self, **timeouts):
        return self.daemon({"intercept": {"queues": 1},
                            "limits": {"breaker_share": "off", "probes_per_second": 100000, "resets_per_second": 50000},
                            "timeouts": {"fin_wait_2": f"{round(3 * PATIENCE)}s", **timeouts}})

    def test_no_living_connection_is_silent_because_its_probes_did_not_leave(self):
        for kind in self.kinds():
            with self.subTest(kind):
                daemon = self.asking_at_once(probe_interval="1s", probe_attempts=3, alive_max="off")
                made = self.living(120)
                self.assertTrue(until(lambda: daemon.stats()["flows.half_closed"] == len(made), 3))
                self.assertTrue(self.slow_link(kind))
                self.assertTrue(until(lambda: daemon.stats()["probes.answers.alive"] >= 2 * len(made), 60), daemon.stats())
                stats = daemon.stats()
                self.assertGreater(stats["probes.unsent"], 0, "nothing was dropped: the test proves nothing")
                self.assertEqual((stats["probes.answers.silent"], stats["resets.sent"]), (0, 0), stats)
                self.assertGreater(stats["wire.queue_full"], 0)
                self.assertIn("own queue", daemon.log())
                self.fast_link()
                for h in made:
                    h.pair.end(h.holder).sendall(LATE)
                for h in made:
                    self.assertEqual(h.pair.end(h.closer).recv(len(LATE)), LATE, f"{h}")
                for h in made:
                    h.pair.close()
                daemon.stop()

    def test_an_orphan_whose_resets_did_not_leave_ends_all_the_same(self):
        for kind in self.kinds():
            with self.subTest(kind):
                daemon = self.asking_at_once(on_expiry="reset")
                made = self.half_closes(80)
                self.assertTrue(until(lambda: daemon.stats()["flows.half_closed"] == len(made), 3))
                self.assertTrue(self.slow_link(kind))
                self.assertTrue(until(lambda: daemon.stats()["resets.confirmed"] >= len(made), 60), daemon.stats())
                stats = daemon.stats()
                self.assertGreater(stats["resets.unsent"], 0, "nothing was dropped: the test proves nothing")
                self.assertEqual((stats["resets.unconfirmed"], stats["resets.refused"]), (0, 0), stats)
                self.assertEqual(halfclosed.not_in(self.lab, made, halfclosed.GONE), [])
                self.fast_link()
                daemon.stop()

    def test_a_rule_in_output_that_drops_probes_ends_nobody(self):
        daemon = self.asking_at_once(probe_interval="1s", probe_attempts=3, alive_max="10s")
        made = self.living(8)
        for tool in ("iptables", "ip6tables"):
            rule = ("OUTPUT", "-o", "to-server", "-p", "tcp", "-j", "DROP")
            self.lab.gateway.run(tool, "-A", *rule)
            self.addCleanup(self.lab.gateway.run, tool, "-D", *rule)
        self.assertTrue(until(lambda: daemon.stats()["wire.refused"] >= 2 * len(made), 20), daemon.stats())
        time.sleep(8)
        stats = daemon.stats()
        self.assertEqual((stats["probes.answers.silent"], stats["resets.sent"]), (0, 0), stats)
        self.assertEqual(halfclosed.not_in(self.lab, made, halfclosed.OPEN), [])


if __name__ == "__main__":
    case.main()
