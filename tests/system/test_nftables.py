"""backend = "nftables", where the kernel has its `queue`: the whole life of rules and flows, on the packets themselves."""

import re

from harness import case, compare, firewall, halfclosed, kernel
from harness.sockets import open_both_versions, open_pairs
from harness.wait import until

COUNT = 16
# What an operator may have: a table of its own, near to finwaitd's, and one that counts what this machine sends.
FOREIGN = """
table inet operator {
    chain forward { type filter hook forward priority mangle - 1; policy accept; tcp dport 9 meta mark set 0x1 counter; }
    chain output {
        type filter hook output priority filter; policy accept;
        tcp flags & rst == rst ct state untracked counter comment "untracked"
        tcp flags & rst == rst ct state != untracked counter comment "tracked"
    }
}
"""


class Nftables(case.SystemTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.addClassCleanup(cls.lab.close)
        kernel.needs_nft_queue(cls.lab)

    def setUp(self):
        super().setUp()
        self.lab.gateway.run("nft", "-f", "-", stdin=FOREIGN)
        self.addCleanup(self.lab.gateway.run, "nft", "delete", "table", "inet", "operator")

    def started(self, settings=None, **intercept):
        daemon = self.daemon({**(settings or {}), "intercept": {"backend": "nftables", **intercept}})
        self.assertIn("rules installed by nftables", daemon.log())
        self.assertIn("table inet finwaitd", self.ruleset())
        self.assertNotIn("FINWAITD", self.lab.gateway.run("iptables-save").stdout)
        return daemon

    def ruleset(self):
        return self.lab.gateway.run("nft", "list", "ruleset").stdout

    def counted(self, comment):
        """How many packets the operator's rule with that comment has counted."""
        return int(re.search(rf'counter packets (\d+) bytes \d+ comment "{comment}"', self.ruleset())[1])

    def assert_all_reset(self, daemon, made):
        self.assertEqual(halfclosed.become(self.lab, made, halfclosed.GONE, 10), [])
        until(lambda: daemon.stats()["resets.confirmed"] >= len(made), 10)
        stats = daemon.stats()
        self.assertEqual([stats[f"resets.{result}"] for result in ("confirmed", "unconfirmed", "refused")],
                         [len(made), 0, 0], f"{stats}")

    def orphans_are_reset(self, packets):
        daemon = self.started({"timeouts": halfclosed.RESETTING}, packets=packets)
        living = self.closing(open_both_versions(self.lab, COUNT))
        made = halfclosed.make(self.lab, COUNT)
        self.closing(h.pair for h in made)
        self.assert_all_reset(daemon, made)
        for pair in living:
            pair.talk()
        self.assert_agrees(compare.against_ss(daemon, [pair.key for pair in living]))

    def test_orphans_of_every_kind_are_reset_and_others_are_not(self):
        self.orphans_are_reset("selective")

    def test_orphans_are_reset_when_all_packets_are_queued(self):
        self.orphans_are_reset("all")

    def test_what_finwaitd_sends_passes_conntrack_by(self):
        daemon = self.started({"timeouts": halfclosed.RESETTING})
        made = halfclosed.make(self.lab, COUNT)
        self.closing(h.pair for h in made)
        self.assert_all_reset(daemon, made)
        self.assertEqual(self.counted("tracked"), 0)
        self.assertGreaterEqual(self.counted("untracked"), 2 * COUNT)

    def test_in_selective_mode_established_connections_leave_the_queue(self):
        daemon = self.started()
        pairs = self.closing(open_both_versions(self.lab, COUNT))
        before = daemon.stats()["packets.seen"]
        for _ in range(20):
            for pair in pairs:
                pair.talk()
        self.assertLessEqual(daemon.stats()["packets.seen"] - before, 4 * COUNT)

    def test_a_reload_keeps_flows_and_rules(self):
        daemon = self.started({"timeouts": {"fin_wait_2": "1h"}})
        made = halfclosed.make(self.lab, COUNT)
        self.closing(h.pair for h in made)
        self.assertTrue(until(lambda: len(daemon.flows("state", "fin-wait-2")) == COUNT, 5))
        before, ids = firewall.rules(self.lab), {flow["id"] for flow in daemon.flows()}
        daemon.configure({"timeouts": halfclosed.RESETTING, "intercept": {"backend": "nftables"}})
        daemon.ctl("reload")
        self.assertEqual(firewall.rules(self.lab), before)
        self.assertEqual({flow["id"] for flow in daemon.flows()} - ids, set())
        self.assert_all_reset(daemon, made)

    def test_a_stop_takes_its_rules_and_leaves_the_operators(self):
        before = firewall.rules(self.lab)
        daemon = self.started()
        pairs = self.closing(open_both_versions(self.lab, COUNT))
        self.assertEqual(daemon.stop(), 0, daemon.log())
        self.assertEqual(firewall.own_rules(self.lab), [])
        self.assertEqual(firewall.rules(self.lab), before)
        for pair in pairs:
            pair.talk()

    def test_killed_it_leaves_rules_that_let_all_pass_and_are_replaced_by_the_next_start(self):
        daemon = self.started()
        fresh = firewall.rules(self.lab)
        pairs = self.closing(open_both_versions(self.lab, COUNT))
        for pair in pairs[:COUNT // 2]:
            pair.finish("client", "shutdown")
        daemon.kill9()
        self.assertEqual(firewall.rules(self.lab), fresh)
        for pair in pairs[:COUNT // 2]:
            pair.server.sendall(b"late answer")
            self.assertEqual(pair.client.recv(64), b"late answer")
        for pair in pairs[COUNT // 2:] + self.closing(open_both_versions(self.lab, COUNT)):
            pair.talk()
        daemon.start()
        self.assertEqual(firewall.rules(self.lab), fresh)
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(firewall.own_rules(self.lab), [])

    def test_spread_by_ports_the_connections_of_two_hosts_use_every_queue_and_both_directions_meet(self):
        daemon = self.started({"timeouts": halfclosed.RESETTING}, queues=2, spread="ports")
        self.assertIn("symhash", self.ruleset())
        made = []
        for version in (4, 6):
            pairs = self.closing(open_pairs(self.lab, 4 * COUNT, version))
            # By addresses all connections of a client address would share a queue.
            self.assertIn({0, 1}, self.shards(daemon, pairs).values())
            same = [pair for pair in pairs if pair.key.address == pairs[0].key.address]
            made += [halfclosed.HalfClosed(pair, "client" if i % 2 else "server", "shutdown") for i, pair in enumerate(same)]
        self.assert_all_reset(daemon, made)

    @staticmethod
    def shards(daemon, pairs):
        """{client address: the shards that its connections are in}"""
        keys = {pair.key for pair in pairs}
        found = {}
        for flow in daemon.flows():
            key = compare.flow_key(flow)
            if key in keys:
                found.setdefault(key.address, set()).add(int(flow["id"].split("-")[0], 16) >> 24)
        return found


if __name__ == "__main__":
    case.main()
