"""Connections that SYNPROXY opens: this machine changes their sequence numbers after finwaitd has seen them. finwaitd forwards them,
leaves them alone, and says so."""

import time
import unittest

from harness import case, compare, halfclosed
from harness.daemon import binary
from harness.nat import connect
from harness.sockets import Listener
from harness.topology import SERVER
from harness.wait import PATIENCE, until

PORT = 7300
PER_VERSION = 3
SYN = ("PREROUTING", "-p", "tcp", "--syn", "--dport", str(PORT), "-j", "CT", "--notrack")
PROXY = ("FORWARD", "-p", "tcp", "--dport", str(PORT), "-m", "conntrack", "--ctstate", "INVALID,UNTRACKED",
         "-j", "SYNPROXY", "--sack-perm", "--timestamp", "--wscale", "7", "--mss", "1460")


class Synproxy(case.SystemTest):
    def setUp(self):
        super().setUp()
        for tool in ("iptables", "ip6tables"):
            done = self.lab.gateway.run(tool, "-A", *PROXY, check=False)
            if done.returncode != 0:
                raise unittest.SkipTest(f"this kernel has no SYNPROXY: {' '.join(done.stderr.split())[:200]}")
            self.addCleanup(self.lab.gateway.run, tool, "-D", *PROXY)
            self.lab.gateway.run(tool, "-t", "raw", "-A", *SYN)
            self.addCleanup(self.lab.gateway.run, tool, "-t", "raw", "-D", *SYN)
        self.lab.gateway.sysctl(netfilter__nf_conntrack_tcp_loose=0)
        self.addCleanup(self.lab.gateway.sysctl, netfilter__nf_conntrack_tcp_loose=1)

    def connections(self):
        made = []
        for version in (4, 6):
            made += self.closing(connect(self.lab, Listener(self.lab, version, PORT), (SERVER[version], PORT), version,
                                         PER_VERSION))
        return made

    def half_closed(self, pairs):
        made = [halfclosed.HalfClosed(pair, "client" if i % 2 else "server", "shutdown") for i, pair in enumerate(pairs)]
        self.assertEqual(halfclosed.become(self.lab, made, halfclosed.OPEN, 5), [])
        return made

    def assert_unharmed(self, daemon, made):
        """None has been reset, and each still carries what its holder sends."""
        self.assertEqual(halfclosed.not_in(self.lab, made, halfclosed.OPEN), [])
        self.assertEqual(daemon.stats()["resets.sent"], 0)
        for h in made:
            h.pair.end(h.holder).sendall(b"answer")
            self.assertEqual(h.pair.end(h.closer).recv(100), b"answer")

    def explained(self, daemon, pair):
        flow = next(f["id"] for f in daemon.flows() if compare.flow_key(f) == pair.key)
        self.assertIs(daemon.ctl_json("explain", flow)["sequence_shift"], True)
        self.assertIn("This machine changes its sequence numbers", daemon.ctl("explain", flow).stdout)

    def left_alone(self, timeouts, packets):
        daemon = self.daemon({"timeouts": timeouts, "intercept": {"packets": packets}})
        made = self.half_closed(self.connections())
        time.sleep(4 * PATIENCE)  # twice fin_wait_2
        self.assert_unharmed(daemon, made)
        for h in made:
            self.explained(daemon, h.pair)

    def test_none_is_ended_and_each_is_explained(self):
        self.left_alone(halfclosed.ASKING, "selective")

    def test_none_is_ended_unasked_where_all_packets_are_seen(self):
        self.left_alone(halfclosed.RESETTING, "all")

    def test_those_that_are_older_than_the_daemon_are_left_alone_and_counted(self):
        made = self.half_closed(self.connections())
        daemon = self.daemon({"timeouts": halfclosed.ASKING})
        self.assertTrue(until(lambda: daemon.stats()["flows.shifted"] == len(made), 10), f"{daemon.stats()}")
        time.sleep(2 * PATIENCE)
        self.assertEqual(daemon.stats()["probes.sent"] - daemon.stats()["wire.not_sent"], 0)
        self.assert_unharmed(daemon, made)
        for h in made:
            self.explained(daemon, h.pair)
        killed = daemon.ctl("kill", "--yes", "state fin-wait-2", check=False)
        self.assertIn("left alone", killed.stdout + killed.stderr)
        self.assert_unharmed(daemon, made)

    def test_check_system_names_the_rule(self):
        daemon = self.daemon()
        said = self.lab.gateway.run(binary("finwaitctl"), "check", "--system", daemon.config, check=False).stdout
        self.assertRegex(said, rf"SYNPROXY changes the sequence numbers.*Rule: .*port {PORT}.*(SYNPROXY|synproxy)")

    def test_others_are_ended_as_ever(self):
        daemon = self.daemon({"timeouts": halfclosed.ASKING | {"on_expiry": "reset"}})
        made = halfclosed.make(self.lab, 4)
        self.closing(h.pair for h in made)
        self.assertEqual(halfclosed.become(self.lab, made, halfclosed.GONE, 10), [])
        self.assertEqual(daemon.stats()["flows.shifted"], 0)


if __name__ == "__main__":
    case.main()
