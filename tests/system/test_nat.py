"""Behind NAT each side is asked and reset by the addresses that it knows: no NAT, SNAT, DNAT and both, over IPv4 and
IPv6, whoever closed; and although the operator drops what conntrack calls invalid."""

import pathlib
import unittest

from harness import case, halfclosed, nat
from harness.command import CommandFailed
from harness.wait import until

PER_ROW = 3
ROWS = [(kind, version, closer) for kind in nat.KINDS for version in (4, 6) for closer in ("client", "server")]
COUNT = PER_ROW * len(ROWS)


class Nat(case.SystemTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for tool in ("iptables", "ip6tables"):
            cls.lab.gateway.run(tool, "-A", "OUTPUT", "-m", "conntrack", "--ctstate", "INVALID", "-j", "DROP")

    def setUp(self):
        super().setUp()
        self.addCleanup(nat.remove, self.lab)

    def idle(self):
        """Half-closed connections of every row."""
        made = []
        for kind, version, closer in ROWS:
            pairs = self.closing(nat.open_pairs(self.lab, kind, version, PER_ROW))
            self.assert_is_nat(kind, pairs[0])
            made += [halfclosed.HalfClosed(pair, closer, "shutdown") for pair in pairs]
        self.assertEqual(halfclosed.become(self.lab, made, halfclosed.OPEN, 2), [])
        return made

    def assert_is_nat(self, kind, pair):
        client, server = pair.key, pair.server_key
        self.assertEqual(client[:2] != server[2:], kind in ("snat", "both"), f"{kind}: {client}, {server}")
        self.assertEqual(client[2:] != server[:2], kind in ("dnat", "both"), f"{kind}: {client}, {server}")

    def assert_reset(self, packets="selective"):
        daemon = self.daemon({"timeouts": halfclosed.RESETTING, "intercept": {"packets": packets}})
        idle = self.idle()
        self.assertEqual(halfclosed.become(self.lab, idle, halfclosed.GONE, 10), [])
        until(lambda: daemon.stats()["resets.confirmed"] >= COUNT, 10)
        stats = daemon.stats()
        self.assertEqual([stats[f"resets.{result}"] for result in ("confirmed", "unconfirmed", "refused")],
                         [COUNT, 0, 0], f"{stats}")
        # Behind the three kinds of NAT, the four segments that ended the flow; of those without, none.
        self.assertGreaterEqual(stats["wire.translated"], COUNT // 4 * 2)
        self.assertEqual((stats["wire.no_entry"], stats["wire.refused"]), (0, 0), f"{stats}")

    def assert_asked_and_kept(self, packets="selective"):
        daemon = self.daemon({"timeouts": halfclosed.ASKING, "intercept": {"packets": packets}})
        idle = self.idle()
        until(lambda: daemon.stats()["probes.sent"] >= 2 * COUNT, 10)
        until(lambda: not daemon.flows("phase", "probing"), 5)
        # One probe a side: each was answered.
        stats = daemon.stats()
        self.assertEqual((stats["probes.sent"], stats["resets.sent"]), (2 * COUNT, 0), f"{stats}")
        self.assertEqual(halfclosed.not_in(self.lab, idle, halfclosed.OPEN), [])
        for h in idle:
            h.pair.end(h.holder).sendall(b"answer")
            h.pair.end(h.holder).close()
            self.assertEqual(h.pair.end(h.closer).recv(100), b"answer")
            self.assertEqual(h.pair.end(h.closer).recv(100), b"")

    def test_idle_half_closes_of_every_row_are_gone_from_both_ends(self):
        nat.add_by_iptables(self.lab)
        self.assert_reset()

    def test_idle_half_closes_of_every_row_are_gone_when_all_packets_are_queued(self):
        nat.add_by_iptables(self.lab)
        self.assert_reset("all")

    def test_those_that_live_answer_in_every_row_and_finish_their_exchange(self):
        nat.add_by_iptables(self.lab)
        self.assert_asked_and_kept()

    def test_both_directions_of_a_flow_meet_in_one_queue_whatever_nat_does_between(self):
        nat.add_by_iptables(self.lab)
        daemon = self.daemon({"intercept": {"queues": 3, "cpus": "0", "packets": "all"}})
        self.idle()
        until(lambda: len(daemon.flows("state", "fin-wait-2")) == COUNT, 2)
        flows = daemon.flows()
        self.assertEqual(len(flows), COUNT)
        self.assertEqual({frozenset((f["client"]["state"], f["server"]["state"])) for f in flows},
                         {frozenset(("fin-wait-2", "close-wait"))})
        self.assertGreater(len({int(f["id"].split("-")[0], 16) >> 24 for f in flows}), 1)
        tasks = pathlib.Path(f"/proc/{daemon.pid}/task").iterdir()
        bound = [task for task in tasks if "\nCpus_allowed_list:\t0\n" in (task / "status").read_text()]
        self.assertEqual(len(bound), 3)

    def test_a_verbose_listing_and_show_tell_what_each_side_takes_its_peer_to_be(self):
        nat.add_by_iptables(self.lab)
        daemon = self.daemon({"timeouts": {"on_expiry": "observe"}})
        idle = self.idle()
        until(lambda: len(daemon.flows("state", "fin-wait-2")) == COUNT, 2)

        def name(end):
            return end["addr"], end["port"]

        listed = {(name(f["client"]), name(f["client"]["sees"])): f for f in daemon.flows("-v")}
        self.assertEqual(len(listed), COUNT)
        for h in idle:
            client, server = h.pair.key, h.pair.server_key
            flow = listed[client[:2], client[2:]]
            self.assertEqual((name(flow["server"]), name(flow["server"]["sees"])), (server[:2], server[2:]), f"{h}")
            shown = daemon.ctl_json("show", flow["id"])
            self.assertEqual([shown[end]["sees"] for end in ("client", "server")],
                             [flow[end]["sees"] for end in ("client", "server")])
        self.assertNotIn("sees", daemon.flows()[0]["client"])
        self.assertIn("CLIENT SEES", daemon.ctl("list", "-v").stdout)
        self.lab.gateway.run("conntrack", "-F")
        self.assertEqual({f["client"]["sees"] is None for f in daemon.flows("-v")}, {True})

    def test_a_flow_without_nat_that_conntrack_has_forgotten_is_reset_too(self):
        daemon = self.daemon({"timeouts": halfclosed.RESETTING})
        pairs = [pair for version in (4, 6) for pair in nat.open_pairs(self.lab, "none", version, PER_ROW)]
        idle = [halfclosed.HalfClosed(pair, "client", "shutdown") for pair in self.closing(pairs)]
        self.assertEqual(halfclosed.become(self.lab, idle, halfclosed.OPEN, 2), [])
        self.lab.gateway.run("conntrack", "-F")
        self.assertEqual(halfclosed.become(self.lab, idle, halfclosed.GONE, 8), [])
        until(lambda: daemon.stats()["resets.confirmed"] >= len(idle), 10)
        stats = daemon.stats()
        self.assertEqual(stats["resets.confirmed"], len(idle), f"{stats}")
        self.assertGreater(stats["wire.no_entry"], 0)

    def test_nat_by_nftables_is_seen_through_as_well(self):
        try:
            nat.add_by_nft(self.lab)
        except CommandFailed as error:
            raise unittest.SkipTest(f"this kernel has no NAT for nftables: {error}")
        self.assert_reset()


if __name__ == "__main__":
    case.main()
