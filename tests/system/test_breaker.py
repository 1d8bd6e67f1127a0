"""A policy that matches everything is stopped before it has ended more than its share; an operator lets it go on."""

from harness import case, ss
from harness.sockets import open_both_versions, open_pairs
from harness.wait import until

FLOWS = 3000
SHARE = 0.25


class Breaker(case.SystemTest):
    client_addresses = 16

    def still_open(self):
        return ss.count(self.lab.client).get("fin-wait-2", 0)

    def test_a_policy_that_matches_everything_is_stopped_until_an_operator_resumes_it(self):
        daemon = self.daemon({
            "intercept": {"queues": 1}, "limits": {"breaker_share": SHARE},
            "policy": [{"name": "everything", "match": "host 0.0.0.0/0 or host ::/0", "fin_wait_2": "3s",
                        "on_expiry": "reset"}]})
        pairs = self.closing(open_both_versions(self.lab, FLOWS))
        for pair in pairs:
            pair.finish("client", "shutdown")
        until(lambda: daemon.stats()["policies_stopped"], 15)

        self.assertEqual(daemon.stats()["policies_stopped"], ["everything"])
        self.assertIn("policy everything is STOPPED", daemon.ctl("stats").stdout)
        self.assertIn("finwaitctl policy --resume everything", daemon.ctl("policy").stdout)
        self.assertIn("breaker_share", daemon.log())
        ended = FLOWS * SHARE
        until(lambda: self.still_open() <= FLOWS - ended, 5)
        self.assertEqual(self.still_open(), FLOWS - ended)

        unknown = daemon.ctl("policy", "--resume", "nobody", check=False)
        self.assertEqual(unknown.returncode, 2)
        self.assertIn('there is no policy "nobody"; there are: ', unknown.stderr)
        self.assertEqual(daemon.ctl("policy", "--resume", "everything").stderr, "finwaitctl: policy everything goes on\n")
        self.assertTrue(until(lambda: self.still_open() < FLOWS - ended, 5))
        # It is watched anew from there: what is left of the table is larger than its share.
        until(lambda: daemon.stats()["policies_stopped"], 5)
        self.assertEqual(daemon.stats()["policies_stopped"], ["everything"])

    def test_one_source_cannot_stop_a_policy_for_others(self):
        daemon = self.daemon({"intercept": {"queues": 1}, "limits": {"breaker_share": SHARE},
                              "timeouts": {"fin_wait_2": "3s", "on_expiry": "reset"}})
        everybody = self.closing(open_pairs(self.lab, FLOWS, 6))  # all of one /64
        for pair in everybody:
            pair.finish("client", "shutdown")
        part = int(FLOWS * SHARE / 4)
        until(lambda: daemon.stats()["resets.held_back"] >= FLOWS - part, 15)
        self.assertEqual(self.still_open(), FLOWS - part)
        self.assertEqual(daemon.stats()["policies_stopped"], [])
        others = self.closing(open_pairs(self.lab, 8, 4))
        for pair in others:
            pair.finish("client", "shutdown")
        self.assertTrue(until(lambda: not {p.key for p in others} & set(ss.table(self.lab.client)), 15), "those of others end")

    def test_orphans_that_are_proven_do_not_count(self):
        daemon = self.daemon({"intercept": {"queues": 1}, "limits": {"breaker_share": SHARE},
                              "timeouts": {"fin_wait_2": "3s", "probe_interval": "1s", "probe_attempts": 3}})
        orphans = self.closing(open_pairs(self.lab, 700, 4))
        for pair in orphans:
            pair.finish("client")
        until(lambda: daemon.stats()["resets.confirmed"] >= len(orphans), 30)
        self.assertEqual(daemon.stats()["resets.confirmed"], len(orphans))
        self.assertEqual(daemon.stats()["policies_stopped"], [])


if __name__ == "__main__":
    case.main()
