"""What finwaitctl lists of connections with random lives is what ss says at both ends; scripts/judge has more of it."""

import unittest
from random import Random

from harness import case
from judge import report
from judge.bench import Bench, settings
from judge.life import SIDES, make, other
from judge.loss import Loss

# The lives are the same in every run; what the network makes of them is not.
_SEED = "core"


class Lives(unittest.TestCase):
    def test_a_seed_lives_the_same_lives_again(self):
        for lossy in (False, True):
            first, second = ([make(Random(i), 4, lossy) for i in range(200)] for _ in range(2))
            self.assertEqual(first, second)

    def test_lives_are_of_every_kind(self):
        steps = [step for i in range(500) for step in make(Random(i), 6, False).steps]
        self.assertEqual({s.action for s in steps}, {"send", "shutdown", "close", "abort", "drop"})
        self.assertEqual({s.side for s in steps if s.action in ("shutdown", "close")}, {*SIDES, "both"})
        self.assertTrue(any(make(Random(i), 6, False).refused for i in range(500)))

    def test_with_loss_nobody_is_reset_who_could_not_find_out_otherwise(self):
        for i in range(2000):
            life = make(Random(i), 4, True)
            gone = set()
            for step in life.steps:
                if step.action in ("abort", "drop"):
                    self.assertNotIn(other(step.side), gone, str(life))
                    self.assertTrue(life.keepalive, str(life))
                if step.action in ("close", "abort", "drop"):
                    gone.add(step.side)


class Judge(case.SystemTest):
    client_addresses = 32

    def assert_agreement(self, mode, connections, loss):
        daemon = self.daemon(settings(mode))
        bench = Bench(daemon, _SEED, loss, size=connections, at_once=loss == 0)
        verdict = bench.judge(connections)
        self.assertTrue(verdict.clean(), "\n" + report.faults(verdict))
        self.assertEqual(bench.strays(), [])
        self.assertEqual(sum(verdict.agreed.values()), connections)
        for pair in (("established", "established"), ("fin-wait-2", "close-wait"), ("close-wait", "fin-wait-2"),
                     ("time-wait", "closed"), ("closed", "time-wait"), ("closed", "closed")):
            self.assertGreater(verdict.agreed[pair], 0, f"no connection got to {pair}")
        for place, segments in bench.lost.items():
            self.assertEqual(segments > 0, loss > 0, f"{segments} segments lost {place} the gateway")
        # Segments that pass unseen would make agreement a matter of luck.
        self.assertEqual(daemon.stats()["queue.dropped"], 0)

    def test_200_lives_without_loss_in_selective_mode(self):
        self.assert_agreement("selective", 200, 0)

    def test_200_lives_without_loss_when_all_packets_are_seen(self):
        self.assert_agreement("all", 200, 0)

    def test_100_lives_with_loss_on_both_sides_in_selective_mode(self):
        self.assert_agreement("selective", 100, 0.05)

    def test_100_lives_with_loss_on_both_sides_when_all_packets_are_seen(self):
        self.assert_agreement("all", 100, 0.05)

    def test_loss_is_out_of_finwaitds_chains_and_leaves_nothing_behind(self):
        self.daemon(settings("selective"))
        before = self.rules()
        with Loss(self.lab, 0.05):
            self.assertEqual(self.rules()["mangle", "filter"], before["mangle", "filter"])
            self.assertNotEqual(self.rules()["raw",], before["raw",])
        self.assertEqual(self.rules(), before)

    def rules(self):
        """The rules of all three namespaces, by table: finwaitd's are in the first two."""
        def texts(*tables):
            return [namespace.run(tool, "-t", table, "-S").stdout
                    for namespace in (self.lab.client, self.lab.gateway, self.lab.server)
                    for tool in ("iptables", "ip6tables") for table in tables]
        return {tables: texts(*tables) for tables in (("mangle", "filter"), ("raw",))}


if __name__ == "__main__":
    case.main()
