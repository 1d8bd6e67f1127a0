"""The firewall rules: there while finwaitd runs, gone after a clean exit, and never anybody else's."""

from harness import case, firewall
from harness.sockets import open_both_versions

# What an operator may have of their own, near to where finwaitd puts its rules.
FOREIGN = [
    ("mangle", "-A FORWARD -p tcp --dport 9 -j MARK --set-mark 0x1"),
    ("mangle", "-N OPERATOR"),
    ("mangle", "-A OPERATOR -j RETURN"),
    ("filter", "-A OUTPUT -p udp --dport 9 -j DROP"),
]


class Rules(case.SystemTest):
    def iptables(self, table, rule, check=True):
        for tool in ("iptables", "ip6tables"):
            self.lab.gateway.run(tool, "-t", table, *rule.split(), check=check)

    def jumps(self):
        """How many rules lead into finwaitd's chains, by table; both IP versions counted together."""
        lines = [line for line in firewall.own_rules(self.lab) if "-j FINWAITD" in line or "jump finwaitd" in line]
        return len(lines)

    def test_a_clean_exit_leaves_the_firewall_as_it_was(self):
        for table, rule in FOREIGN:
            self.iptables(table, rule)
        # Saved after a start and a stop: a table that iptables has once opened is listed for good.
        self.daemon().stop()
        before = firewall.rules(self.lab)
        self.assertIn("OPERATOR", before)

        daemon = self.daemon()
        self.assertNotEqual(firewall.own_rules(self.lab), [])
        pairs = self.closing(open_both_versions(self.lab, 10))
        self.assertEqual(daemon.stop(), 0, daemon.log())

        self.assertEqual(firewall.own_rules(self.lab), [])
        self.assertEqual(firewall.rules(self.lab), before)
        for pair in pairs:
            pair.talk()

    def test_rules_that_a_killed_daemon_left_are_replaced_not_doubled(self):
        daemon = self.daemon()
        fresh, jumps = firewall.rules(self.lab), self.jumps()
        daemon.kill9()
        self.assertNotEqual(firewall.own_rules(self.lab), [])
        daemon.start()
        self.assertEqual(self.jumps(), jumps)
        self.assertEqual(firewall.rules(self.lab), fresh)

    def test_stale_chains_with_other_contents_are_replaced(self):
        daemon = self.daemon({"intercept": {"backend": "iptables"}})
        daemon.kill9()
        self.iptables("mangle", "-A FINWAITD -p tcp --dport 12345 -j ACCEPT")
        self.iptables("mangle", "-A FORWARD -p tcp -j FINWAITD")
        daemon.start()
        self.assertNotIn("12345", firewall.rules(self.lab))
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(firewall.own_rules(self.lab), [])

    def test_backend_none_touches_nothing_and_rules_are_printed_for_both_tools(self):
        before = firewall.rules(self.lab)
        daemon = self.daemon({"intercept": {"backend": "none"}})
        self.assertEqual(firewall.rules(self.lab), before)
        self.assertIn("table inet finwaitd", daemon.ctl("rules", "--backend", "nftables").stdout)
        self.assertIn(":FINWAITD", daemon.ctl("rules", "--backend", "iptables").stdout)

    def test_printed_iptables_rules_work_when_an_operator_loads_them(self):
        daemon = self.daemon({"intercept": {"backend": "none", "queues": 1}})
        rules = daemon.ctl("rules", "--backend", "iptables").stdout
        for tool in ("iptables-restore", "ip6tables-restore"):
            self.lab.gateway.run(tool, "--noflush", stdin=rules)
        self.addCleanup(self.unload)
        self.closing(open_both_versions(self.lab, 4))
        self.assertEqual(len(daemon.flows("state", "established")), 4)

    def unload(self):
        for tool in ("iptables", "ip6tables"):
            saved = self.lab.gateway.run(f"{tool}-save").stdout.splitlines()
            kept = "\n".join(line for line in saved if "FINWAITD" not in line) + "\n"
            self.lab.gateway.run(f"{tool}-restore", stdin=kept)

    def test_rules_of_both_ip_versions_queue_with_bypass(self):
        self.daemon({"intercept": {"backend": "iptables"}})
        for tool in ("iptables", "ip6tables"):
            queued = [line for line in self.lab.gateway.run(f"{tool}-save").stdout.splitlines() if "NFQUEUE" in line]
            self.assertTrue(queued, tool)
            for line in queued:
                self.assertIn("--queue-bypass", line)


if __name__ == "__main__":
    case.main()
