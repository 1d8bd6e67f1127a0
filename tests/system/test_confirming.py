"""An end is only called one when it is: RSTs that get lost or miss are followed by others until a probe draws RST."""

import contextlib

from harness import case, halfclosed, packets, ss
from harness.packets import ACK, PSH
from harness.repair import numbers
from harness.sockets import open_both_versions, outcome
from harness.tap import Tap
from harness.wait import patiently, until

RESETTING = {"fin_wait_2": patiently(1), "on_expiry": "reset"}
TOOLS = {4: "iptables", 6: "ip6tables"}
COUNT = 20
# Every connection has a bucket of its own that holds so many packets and gets the next in an hour.
FIRST = ("-m", "hashlimit", "--hashlimit-name", "first", "--hashlimit-mode", "srcip,srcport,dstip,dstport",
         "--hashlimit-upto", "1/hour", "--hashlimit-htable-expire", "600000", "--hashlimit-burst")


class Confirming(case.SystemTest):
    def resetting(self, mode="selective"):
        return self.daemon({"intercept": {"packets": mode}, "timeouts": RESETTING})

    @contextlib.contextmanager
    def dropped(self, namespace, *match):
        """What matches does not arrive in the namespace, having passed the gateway."""
        for tool in TOOLS.values():
            namespace.run(tool, "-A", "INPUT", "-p", "tcp", *match, "-j", "DROP")
        try:
            yield
        finally:
            for tool in TOOLS.values():
                namespace.run(tool, "-D", "INPUT", "-p", "tcp", *match, "-j", "DROP")

    def until_confirmed(self, daemon, count):
        until(lambda: daemon.stats()["resets.confirmed"] >= count, 20, interval=0.2)
        stats = daemon.stats()
        self.assertEqual((stats["resets.confirmed"], stats["resets.unconfirmed"], stats["resets.refused"]),
                         (count, 0, 0))
        return stats

    def assert_gone(self, pairs):
        client, server = ss.table(self.lab.client), ss.table(self.lab.server)
        self.assertEqual([str(p.key) for p in pairs if p.key in client or p.key.turned() in server], [])

    def lose_first(self, lost, mode):
        """The first `lost` RSTs towards each side of each connection do not arrive."""
        daemon = self.resetting(mode)
        with contextlib.ExitStack() as rules:
            for namespace in (self.lab.client, self.lab.server):
                rules.enter_context(self.dropped(namespace, "--tcp-flags", "RST", "RST", *FIRST, lost))
            idle = halfclosed.make(self.lab, 2 * COUNT)
            self.closing(h.pair for h in idle)
            stats = self.until_confirmed(daemon, len(idle))
            self.assertEqual(stats["resets.sent"], 2 * len(idle) * (lost + 1))
            self.assert_gone([h.pair for h in idle])

    def test_where_the_first_rst_to_each_side_is_lost_the_second_ends_the_connection_and_is_confirmed(self):
        self.lose_first(1, "selective")

    def test_where_the_first_two_rsts_to_each_side_are_lost_the_third_ends_it(self):
        self.lose_first(2, "all")

    def half_closed(self, closer, states):
        """Half-closes that ss has in `states`, and a tap on the wire of the clients, whose number will be wrong."""
        pairs = open_both_versions(self.lab, COUNT)
        idle = [halfclosed.HalfClosed(pair, closer, "shutdown") for pair in self.closing(pairs)]
        self.assertEqual(halfclosed.become(self.lab, idle, states, 2), [])
        tap = Tap(self.lab.client)
        self.addCleanup(tap.close)
        return pairs, tap

    def wire(self, **where):
        wire = packets.Wire(self.lab, **where)
        self.addCleanup(wire.close)
        return wire

    @staticmethod
    def forge(wire, version, key, seq, ack, flags=ACK, data=b""):
        """A segment in the name of the key's own side, which that side's TCP knows nothing of."""
        segment = packets.tcp(key.port, key.peer_port, seq, ack, flags, window=1000, data=data)
        segment = packets.with_checksum(key.address, key.peer_address, segment)
        build = packets.ip4 if version == 4 else packets.ip6
        wire.send(build(key.address, key.peer_address, segment), version)

    def assert_ended_by(self, tap, offsets, expected):
        """Each client has got RSTs at these distances from the number that it `expected`, in this order."""
        got = {key: [] for key in expected}
        for c in tap.take():
            if not c.outgoing and c.segment.flags & packets.RST:
                distance = (c.segment.seq - expected[c.key]) & 0xFFFFFFFF
                got[c.key].append(distance - (1 << 32) if distance >> 31 else distance)
        self.assertEqual(got, dict.fromkeys(expected, offsets))

    def test_a_closer_that_never_got_data_which_it_seems_to_have_acknowledged_gives_its_number_by_a_challenge(self):
        daemon = self.resetting()
        wire = self.wire()
        pairs, tap = self.half_closed("client", halfclosed.OPEN)
        expected = {}
        with self.dropped(self.lab.client, "--tcp-flags", "PSH", "PSH"):
            for pair in pairs:
                own = numbers(pair.client)
                expected[pair.key] = own.expects
                pair.server.sendall(b"lost")
                self.forge(wire, pair.version, pair.key, own.next, own.expects + 4)
            stats = self.until_confirmed(daemon, COUNT)
        self.assert_ended_by(tap, [4, 0], expected)
        self.assertEqual(stats["resets.sent"], 4 * COUNT)
        self.assert_gone(pairs)

    def data_comes_by_another_way(self, mode, offsets):
        daemon = self.resetting(mode)
        wire = self.wire(around=True)
        pairs, tap = self.half_closed("client", halfclosed.OPEN)
        expected = {}
        for pair in pairs:
            own = numbers(pair.client)
            self.forge(wire, pair.version, pair.key.turned(), own.expects, own.next, PSH | ACK, b"extra")
            self.assertEqual(pair.client.recv(10), b"extra")
            expected[pair.key] = numbers(pair.client).expects
            self.assertEqual(expected[pair.key], (own.expects + 5) & 0xFFFFFFFF)
        self.until_confirmed(daemon, COUNT)
        self.assert_ended_by(tap, offsets, expected)
        self.assertEqual([outcome(pair.client) for pair in pairs], ["ECONNRESET"] * COUNT)
        self.assert_gone(pairs)

    def test_a_closer_that_got_data_by_another_way_gives_its_number_by_acknowledging_that(self):
        # conntrack finds its acknowledgment invalid; finwaitd, which knows that data may have passed unseen, does not.
        self.data_comes_by_another_way("selective", [0])

    def test_a_closer_that_got_data_by_another_way_gives_its_number_when_it_is_probed(self):
        self.data_comes_by_another_way("all", [-5, 0])

    def test_a_holder_that_never_got_the_fin_which_it_seems_to_have_acknowledged_gives_its_number_by_a_challenge(self):
        daemon = self.resetting()
        wire = self.wire()
        with self.dropped(self.lab.client, "--tcp-flags", "FIN", "FIN"):
            pairs, tap = self.half_closed("server", ("fin-wait-1", "established"))
            expected = {}
            for pair in pairs:
                own = numbers(pair.client)
                expected[pair.key] = own.expects
                self.forge(wire, pair.version, pair.key, own.next, own.expects + 1)
            stats = self.until_confirmed(daemon, COUNT)
        self.assert_ended_by(tap, [1, 0], expected)
        self.assertEqual(stats["resets.sent"], 4 * COUNT)
        self.assert_gone(pairs)


if __name__ == "__main__":
    case.main()
