"""Several uplinks: what finwaitd sends in a peer's name leaves by the way that the connection's own segments take, whether a
mark or the source decides on it, and whatever NAT each way has. By any other way the server never hears it."""

import contextlib

from harness import case, halfclosed
from harness.uplinks import KINDS, Uplinks
from harness.wait import patiently, until

PER_ROW = 3
ROWS = [(kind, version, closer) for kind in KINDS for version in (4, 6) for closer in ("client", "server")]
COUNT = PER_ROW * len(ROWS)


class UplinksTest(case.SystemTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.uplinks = Uplinks(cls.lab)

    @classmethod
    def tearDownClass(cls):
        cls.uplinks.remove()
        super().tearDownClass()

    def idle(self, rows=tuple(ROWS)):
        made = []
        for kind, version, closer in rows:
            pairs = self.closing(self.uplinks.open_pairs(kind, version, PER_ROW))
            self.assertEqual(self.uplinks.second(pairs[0].server_key.peer_address), kind != "main", f"{kind}: {pairs[0].server_key}")
            made += [halfclosed.HalfClosed(pair, closer, "shutdown") for pair in pairs]
        self.assertEqual(halfclosed.become(self.lab, made, halfclosed.OPEN, 2), [])
        return made

    def assert_confirmed(self, daemon, count):
        until(lambda: daemon.stats()["resets.confirmed"] >= count, 10)
        stats = daemon.stats()
        self.assertEqual([stats[f"resets.{result}"] for result in ("confirmed", "unconfirmed", "refused")],
                         [count, 0, 0], f"{stats}")
        self.assertEqual((stats["wire.no_entry"], stats["wire.refused"]), (0, 0), f"{stats}")

    def test_both_ends_of_idle_half_closes_hear_their_resets(self):
        daemon = self.daemon({"timeouts": halfclosed.RESETTING})
        idle = self.idle()
        self.assertEqual(halfclosed.become(self.lab, idle, halfclosed.GONE, 10), [])
        self.assert_confirmed(daemon, COUNT)

    def test_both_ends_are_heard_too_where_all_packets_are_queued(self):
        daemon = self.daemon({"timeouts": halfclosed.RESETTING, "intercept": {"packets": "all"}})
        idle = self.idle()
        self.assertEqual(halfclosed.become(self.lab, idle, halfclosed.GONE, 10), [])
        self.assert_confirmed(daemon, COUNT)

    def test_those_that_live_answer_at_once_and_finish_their_exchange(self):
        daemon = self.daemon({"timeouts": halfclosed.ASKING})
        idle = self.idle()
        until(lambda: daemon.stats()["probes.sent"] >= 2 * COUNT, 10)
        until(lambda: not daemon.flows("phase", "probing"), 5)
        stats = daemon.stats()
        self.assertEqual((stats["probes.sent"], stats["resets.sent"]), (2 * COUNT, 0), f"{stats}")
        self.finish(idle)

    def test_marks_are_remembered_over_a_restart(self):
        daemon = self.daemon({"timeouts": {**halfclosed.ASKING, "fin_wait_2": patiently(5)}})
        idle = self.idle()
        self.assertEqual(daemon.stop(), 0)
        daemon.start()
        self.assertIn("flows taken over", daemon.log())
        until(lambda: daemon.stats()["probes.sent"] >= 2 * COUNT, 15)
        until(lambda: not daemon.flows("phase", "probing"), 5)
        stats = daemon.stats()
        self.assertEqual((stats["probes.sent"], stats["resets.sent"]), (2 * COUNT, 0), f"{stats}")
        self.finish(idle)

    def test_when_the_host_is_gone_behind_either_way_its_clients_are_told(self):
        daemon = self.daemon({"timeouts": halfclosed.ASKING})
        rows = [row for row in ROWS if row[2] == "client"]
        idle = self.idle(rows)
        with self.swallowed():
            until(lambda: daemon.stats()["resets.confirmed"] >= PER_ROW * len(rows), 20)
        self.assert_confirmed(daemon, PER_ROW * len(rows))
        self.assertEqual(halfclosed.not_in(self.lab, idle, ("closed", "close-wait")), [])

    def test_what_a_rule_routes_by_its_interface_is_left_alone_until_the_rule_is_gone(self):
        self.addCleanup(self.uplinks.choose_by_interface, False)
        self.uplinks.choose_by_interface(True)
        daemon = self.daemon({"timeouts": halfclosed.RESETTING})
        pairs = self.closing(self.uplinks.open_pairs("main", 4, PER_ROW))
        self.assertTrue(self.uplinks.second(pairs[0].server_key.peer_address))
        idle = [halfclosed.HalfClosed(pair, "client", "shutdown") for pair in pairs]
        self.assertFalse(until(lambda: daemon.flows() or daemon.stats()["probes.sent"] + daemon.stats()["resets.sent"], 4))
        self.assertGreater(daemon.stats()["left_alone.rule"], 0)
        self.assertEqual(daemon.log().count("are forwarded and left alone: what finwaitd sends would take another way"), 1)
        self.finish(idle)
        self.uplinks.choose_by_interface(False)

        def followed():
            self.closing(self.uplinks.open_pairs("main", 4, 1))
            return daemon.flows()

        self.assertTrue(until(followed, 5))

    def test_rules_that_copy_finwaitds_bit_of_the_mark_are_warned_of_at_start(self):
        self.assertNotIn("copies all bits", self.daemon().log())
        rule = ["-t", "mangle", "-A", "PREROUTING", "-i", "nowhere", "-j", "CONNMARK", "--restore-mark"]
        self.addCleanup(self.lab.gateway.run, "iptables", *["-D" if word == "-A" else word for word in rule])
        self.lab.gateway.run("iptables", *rule)
        self.daemons[0].stop()
        self.assertIn("add --nfmask 0xbfffffff --ctmask 0xbfffffff", self.daemon().log())

    def finish(self, idle):
        self.assertEqual(halfclosed.not_in(self.lab, idle, halfclosed.OPEN), [])
        for h in idle:
            h.pair.end(h.holder).sendall(b"answer")
            h.pair.end(h.holder).close()
            self.assertEqual(h.pair.end(h.closer).recv(100), b"answer")
            self.assertEqual(h.pair.end(h.closer).recv(100), b"")

    @contextlib.contextmanager
    def swallowed(self):
        """The server's host neither hears nor says anything."""
        rules = [(tool, chain) for tool in ("iptables", "ip6tables") for chain in ("PREROUTING", "OUTPUT")]
        for tool, chain in rules:
            self.lab.server.run(tool, "-t", "raw", "-I", chain, "1", "-p", "tcp", "-j", "DROP")
        try:
            yield
        finally:
            for tool, chain in rules:
                self.lab.server.run(tool, "-t", "raw", "-D", chain, "-p", "tcp", "-j", "DROP")


if __name__ == "__main__":
    case.main()
