"""conntrack's own clock: a half-close that is idle for longer than conntrack would remember it still finishes."""

import time

from harness import case
from harness.sockets import open_pairs, outcome
from harness.wait import until

SHORT = 4
IDLE = 3 * SHORT
STATES = ("fin_wait", "close_wait", "last_ack")


class Conntrack(case.SystemTest):
    def setUp(self):
        super().setUp()
        gateway = self.lab.gateway
        for tool in ("iptables", "ip6tables"):
            # What conntrack has forgotten does not pass any more: as with NAT, or any firewall that knows its connections.
            strict = ("FORWARD", "-m", "conntrack", "--ctstate", "INVALID,NEW", "-p", "tcp", "!", "--syn", "-j", "DROP")
            gateway.run(tool, "-A", *strict)
            self.addCleanup(gateway.run, tool, "-D", *strict, check=False)
        self.timeouts(SHORT)

    def timeouts(self, seconds):
        self.lab.gateway.sysctl(**{f"netfilter__nf_conntrack_tcp_timeout_{state}": seconds for state in STATES})

    def timeout(self, state):
        path = f"/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_{state}"
        return int(self.lab.gateway.run("cat", path).stdout)

    def idle_half_closes(self, manage):
        daemon = self.daemon({"conntrack": {"manage_timeouts": manage},
                              "timeouts": {"fin_wait_2": "5m", "on_expiry": "observe"}})
        pairs = self.closing(open_pairs(self.lab, 5, 4) + open_pairs(self.lab, 5, 6))
        for pair in pairs:
            pair.finish("client", "shutdown")
        until(lambda: daemon.stats()["flows.half_closed"] == len(pairs), 3)
        time.sleep(IDLE)
        return daemon, pairs

    def finished(self, pairs):
        """How many holders' answers arrive, with the end behind them."""
        for pair in pairs:
            pair.server.sendall(b"late")
            pair.server.close()
        until(lambda: all(outcome(pair.client) == "eof" for pair in pairs), 3)
        return sum(outcome(pair.client) == "eof" for pair in pairs)

    def test_with_managed_timeouts_entry_and_mark_outlive_conntracks_clock(self):
        daemon, pairs = self.idle_half_closes(manage=True)
        self.assertIn("it was raised to", daemon.log())
        self.assertGreater(self.timeout("close_wait"), 300)
        self.assertEqual(self.finished(pairs), len(pairs))
        # The late FIN was seen: its flow is no longer half-closed.
        self.assertTrue(until(lambda: daemon.stats()["flows.half_closed"] == 0, 3))
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual([self.timeout(state) for state in STATES], [SHORT] * len(STATES))

    def test_without_them_conntrack_forgets_and_the_log_says_so_from_the_start(self):
        daemon, pairs = self.idle_half_closes(manage=False)
        self.assertIn("conntrack forgets a half-closed connection", daemon.log())
        self.assertEqual(self.timeout("close_wait"), SHORT)
        self.assertEqual(self.finished(pairs), 0)


if __name__ == "__main__":
    case.main()
