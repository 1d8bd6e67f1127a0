"""A policy that matches everything is stopped before it has ended more than its share; an operator lets it go on."""

from harness import case, halfclosed, ss
from harness.sockets import open_both_versions
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
        self.assertEqual(unknown.returncode, 1)
        self.assertIn('no policy is called "nobody"', unknown.stderr)
        daemon.ctl("policy", "--resume", "everything")
        self.assertTrue(until(lambda: self.still_open() < FLOWS - ended, 5))
        # It is watched anew from there: what is left of the table is larger than its share.
        until(lambda: daemon.stats()["policies_stopped"], 5)
        self.assertEqual(daemon.stats()["policies_stopped"], ["everything"])

    def test_half_closed_flows_beyond_a_sources_share_go_first_and_the_oldest_of_them(self):
        daemon = self.daemon({"intercept": {"queues": 1}, "limits": {"half_closed_per_source": 10},
                              "timeouts": {"fin_wait_2": "10m"}})
        addresses = self.client_addresses
        old = [halfclosed.HalfClosed(p, "client", "shutdown")
               for p in self.closing(open_both_versions(self.lab, 2 * 10 * addresses))]
        self.assertEqual(halfclosed.become(self.lab, old, halfclosed.OPEN, 3), [])
        self.assertFalse(until(lambda: daemon.stats()["flows.crowded"] > 0, 2))
        young = [halfclosed.HalfClosed(p, "client", "shutdown")
                 for p in self.closing(open_both_versions(self.lab, 2 * 4 * addresses))]
        until(lambda: daemon.stats()["resets.confirmed"] >= len(young), 10)
        self.assertEqual(daemon.stats()["flows.crowded"], len(young))
        self.assertEqual(halfclosed.not_in(self.lab, young, halfclosed.OPEN), [])
        self.assertEqual(len(halfclosed.not_in(self.lab, old, halfclosed.GONE)), len(old) - len(young))


if __name__ == "__main__":
    case.main()
