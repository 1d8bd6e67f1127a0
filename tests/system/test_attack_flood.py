"""Floods of SYNs and of segments midway from made-up sources: memory stays bounded, everybody's connections go on."""

from harness import attack, case, compare
from harness.attack import Flood, RoundTrips, strike
from harness.daemon import sanitized
from harness.living import Pump, Stream
from harness.packets import ACK, FIN, RST, SYN
from harness.sockets import Listener, open_both_versions
from harness.topology import client_address
from harness.wait import until

FLOWS = 20_000
# A table of FLOWS with all their full records (some 500 bytes), and what the process takes anyway.
MOST_GROWTH = 40


class Floods(case.SystemTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for namespace in (cls.lab.client, cls.lab.gateway):
            for name in ("all", "default", "to-gateway" if namespace is cls.lab.client else "to-client"):
                namespace.sysctl(**{f"ipv4__conf__{name}__rp_filter": 0})
        # Answers to nobody pass the gateway, as they would on their way into the Internet.
        cls.lab.gateway.ip(f"route add {attack.NOBODY} via {client_address(4, 0)}")
        cls.lab.client.ip(f"route add blackhole {attack.NOBODY}")

    def beside(self, packets, flags, port=None):
        daemon = self.daemon({"intercept": {"packets": packets, "queue_length": 8192}, "limits": {"flows": FLOWS},
                              "timeouts": {"fin_wait_2": "5s", "probe_interval": "2s", "probe_attempts": 3}})
        streams = [Stream(p, ("client", "server")[i // 2 % 2]) for i, p in enumerate(open_both_versions(self.lab, 12))]
        pump = Pump(streams, 0.5)
        quiet = self.closing(open_both_versions(self.lab, 12))
        load = self.closing(open_both_versions(self.lab, 8))
        trips = RoundTrips(load)
        before = attack.memory(daemon)
        strike(seconds=min(attack.SECONDS, 5) / 2)
        peace = trips.finish()

        trips = RoundTrips(load)
        flood = Flood(self.lab, port or self.listen(), flags)
        sent, rate = strike(flood)
        war = trips.finish()
        after = attack.memory(daemon)

        self.assertTrue(daemon.running(), daemon.log())
        if not sanitized():  # a sanitizer keeps books of its own
            self.assertLess(after - before, MOST_GROWTH)
        for pair in (*quiet, *load):
            pair.talk()
        self.assertEqual([str(s) for s in pump.finish()], [])
        stats = daemon.stats()
        self.assertLessEqual(stats["flows.total"], FLOWS)
        self.assertEqual(stats["resets.sent"], 0)
        attack.told(f"{packets}, flags {flags}", sent=sent, per_second=rate, MiB_before=before, MiB_after=after,
                    round_trips_before=peace, round_trips_beside=war, flows=stats["flows.total"],
                    evicted=stats["flows.evicted"], untracked=stats["packets.untracked"], seen=stats["packets.seen"],
                    unseen=stats["queue.dropped"])
        return daemon, quiet

    def listen(self):
        listener = Listener(self.lab, 4)
        self.addCleanup(listener.socket.close)
        return listener.port

    def assert_listed(self, daemon, pairs):
        until(lambda: compare.against_ss(daemon, [p.key for p in pairs]).all_agree(), 10)
        self.assert_agrees(compare.against_ss(daemon, [p.key for p in pairs]))

    def test_a_syn_flood_when_all_packets_are_seen(self):
        self.assert_listed(*self.beside("all", [SYN]))

    def test_a_syn_flood_in_selective_mode(self):
        self.assert_listed(*self.beside("selective", [SYN]))

    def test_segments_from_the_midst_of_connections_that_nobody_has(self):
        self.assert_listed(*self.beside("all", [ACK, FIN | ACK, RST, SYN | ACK], port=9))


if __name__ == "__main__":
    case.main()
