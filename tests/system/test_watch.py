"""Rules that others remove or change are noticed, and put back or reported; nothing is ended while they are missing."""

import json
import time
import unittest

from harness import case, firewall, halfclosed
from harness.command import CommandFailed
from harness.daemon import binary
from harness.sockets import open_both_versions
from harness.wait import until

TOOLS = ("iptables", "ip6tables")
# Of somebody who knows nothing of finwaitd: their whole mangle table.
FOREIGN_TABLE = """*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A FORWARD -p tcp -m tcp --dport 9 -j MARK --set-xmark 0x1/0xffffffff
COMMIT
"""


class Watched(case.SystemTest):
    """What holds for both backends."""

    backend = ""

    def started(self, watch="restore", **timeouts):
        daemon = self.daemon({"intercept": {"backend": self.backend, "watch_rules": watch},
                              "timeouts": timeouts or {"fin_wait_2": "10m"}})
        self.fresh = self.own_rules()
        self.assertNotEqual(self.fresh, [])
        return daemon

    def own_rules(self):
        """Sorted: where others have changed a table, it may list its chains in another order."""
        return sorted(firewall.own_rules(self.lab))

    def assert_back(self, daemon, restored):
        until(lambda: self.own_rules() == self.fresh and not daemon.stats()["rules.missing"], 10)
        self.assertEqual(self.own_rules(), self.fresh)
        stats = daemon.stats()
        self.assertEqual((stats["rules.missing"], stats["rules.restored"]), (0, restored), f"{stats}")
        pairs = self.closing(open_both_versions(self.lab, 4))
        for pair in pairs:
            pair.finish("client", "shutdown")
        keys = {str(pair.client.getsockname()[1]) for pair in pairs}
        tracked = lambda: keys <= {str(flow["client"]["port"]) for flow in daemon.flows("state", "close-wait")}
        self.assertTrue(until(tracked, 5), "new connections are not seen")

    def assert_missing(self, daemon):
        self.assertTrue(until(lambda: daemon.stats()["rules.missing"] > 0, 10), daemon.log())


class Behaviour:
    """Run by the tests of each backend."""

    def test_flushed_rules_are_put_back_and_it_is_told(self):
        daemon = self.started()
        self.flush()
        self.assert_back(daemon, restored=1)
        self.assertRegex(daemon.log(), r"firewall rules have been changed by others: \d+ of \d+ lines are missing, such as .*being put back")
        events = [line["finwaitd"]["outcome"] for line in map(json.loads, daemon.ctl("events", "--type", "rules_changed").stdout.splitlines())]
        self.assertEqual(events, ["missing", "restored"])

    def test_where_they_are_only_reported_nothing_is_ended_until_a_reload_puts_them_back(self):
        daemon = self.started("report", fin_wait_2="2s", on_expiry="reset")
        living = halfclosed.make(self.lab, 8)
        self.closing([one.pair for one in living])
        self.assertEqual(halfclosed.become(self.lab, [h for h in living if h.how == "shutdown"], halfclosed.OPEN, 5), [])
        self.flush()
        self.assert_missing(daemon)
        for one in living:  # which finwaitd cannot see
            if one.how == "shutdown":
                one.pair.end(one.holder).sendall(b"unseen")
        time.sleep(3)
        self.assertEqual((daemon.stats()["resets.sent"], daemon.stats()["probes.sent"]), (0, 0))
        self.assertNotEqual(self.own_rules(), self.fresh)
        checked = self.lab.gateway.run(binary("finwaitctl"), "--socket", daemon.socket, "check", "--system", check=False)
        self.assertEqual(checked.returncode, 1, checked.stdout)
        self.assertRegex(checked.stdout, r"problem +rules +.*missing.*\n +to do: finwaitctl reload")
        self.assertIn("# missing", daemon.ctl("rules").stdout)
        self.assertIn("rules in the kernel are not all there", daemon.ctl("explain", daemon.flows()[0]["id"]).stdout)
        daemon.ctl("reload")
        until(lambda: self.own_rules() == self.fresh, 10)
        self.assertEqual(self.own_rules(), self.fresh)
        for one in living:
            if one.how == "shutdown":
                self.assertEqual(one.pair.end(one.closer).recv(16), b"unseen")
                one.pair.end(one.holder).sendall(b"seen")
                self.assertEqual(one.pair.end(one.closer).recv(16), b"seen")
        self.assertEqual(halfclosed.become(self.lab, living, halfclosed.GONE, 20), [])

    def test_a_clean_stop_without_rules_says_nothing_is_wrong(self):
        daemon = self.started("off")
        self.flush()
        self.assertEqual(daemon.stop(), 0)
        self.assertNotRegex(daemon.log(), r" error: |by hand")


class Iptables(Behaviour, Watched):
    backend = "iptables"

    def flush(self):
        for tool in TOOLS:
            self.lab.gateway.run(tool, "-t", "mangle", "-F")

    def test_one_deleted_rule_is_put_back(self):
        daemon = self.started()
        rule = next(line for line in self.fresh if line.startswith("-A FORWARD") and "tcp" in line)
        self.lab.gateway.run("ip6tables", "-t", "mangle", "-D", *rule.split()[1:])
        self.assert_back(daemon, restored=1)
        self.assertIn("ip6tables -t mangle -A FORWARD -p tcp -j FINWAITD", daemon.log())

    def test_somebody_elses_whole_ruleset_stays_and_ours_comes_back(self):
        daemon = self.started()
        for tool in TOOLS:
            self.lab.gateway.run(f"{tool}-restore", stdin=FOREIGN_TABLE)
        self.assert_back(daemon, restored=1)
        self.assertIn("--dport 9", firewall.rules(self.lab))
        for tool in TOOLS:
            self.lab.gateway.run(tool, "-t", "mangle", "-D", "FORWARD", "-p", "tcp", "--dport", "9", "-j", "MARK",
                                 "--set-xmark", "0x1/0xffffffff")

    def test_foreign_changes_beside_ours_are_nothing_to_us(self):
        daemon = self.started()
        rule = "INPUT -p udp --dport 9 -j DROP".split()
        self.lab.gateway.run("iptables", "-A", *rule)
        self.lab.gateway.run("iptables", "-D", *rule)
        time.sleep(1.5)
        stats = daemon.stats()
        self.assertEqual((stats["rules.missing"], stats["rules.restored"]), (0, 0), f"{stats}")
        self.assertNotIn("firewall rules", daemon.log())

    def test_whoever_takes_them_away_again_and_again_waits_longer_for_them_each_time(self):
        daemon = self.started()
        begun = time.monotonic()
        for taken in (1, 2, 3):
            self.flush()
            self.assertTrue(until(lambda: daemon.stats()["rules.restored"] == taken, 30), daemon.log())
        self.assertGreaterEqual(time.monotonic() - begun, 2 + 4)
        self.flush()
        self.assert_missing(daemon)
        daemon.ctl("reload")
        self.assertTrue(until(lambda: self.own_rules() == self.fresh, 10))


class Nftables(Behaviour, Watched):
    backend = "nftables"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        try:
            cls.lab.gateway.run("nft", "-f", "-", stdin="table inet probe { chain c { meta l4proto tcp queue; }; }\n"
                                                        "delete table inet probe\n")
        except CommandFailed as error:
            cls.tearDownClass()
            raise unittest.SkipTest(f"this kernel has no queue for nftables: {error}".splitlines()[0])

    def flush(self):
        self.lab.gateway.run("nft", "flush", "ruleset")

    def test_one_deleted_chain_is_put_back(self):
        daemon = self.started()
        self.lab.gateway.run("nft", "delete", "chain", "inet", "finwaitd", "own")
        self.assert_back(daemon, restored=1)

    def test_rules_that_others_have_put_among_ours_go(self):
        daemon = self.started()
        self.lab.gateway.run("nft", "insert rule inet finwaitd intercept_forward tcp dport 9 accept")
        self.assert_back(daemon, restored=1)
        self.lab.gateway.run("nft", "add chain inet finwaitd theirs")
        self.assert_back(daemon, restored=2)


if __name__ == "__main__":
    case.main()
