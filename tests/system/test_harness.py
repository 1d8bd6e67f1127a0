"""The harness itself, without finwaitd: what the other tests believe in."""

import time
import unittest

from harness import case, compare, ss, toml
from harness.living import Pump, Stream
from harness.load import BulkTransfer, ConnectStorm
from harness.sockets import client_socket, open_both_versions, open_pairs, outcome, start_connect
from harness.ss import Key
from harness.topology import BLACKHOLE
from harness.wait import until


class Tables(unittest.TestCase):
    def test_ss_output_of_both_ip_versions_is_read_with_finwaitds_spelling(self):
        text = ("ESTAB      0 0 10.99.1.2:40000 10.99.2.2:80\n"
                "FIN-WAIT-2 0 0 [fd99:1::2]:40001 [fd99:2::2]:80\n"
                "TIME-WAIT  0 0 [::ffff:10.99.1.3]:5 [::ffff:10.99.2.2]:80\n"
                "SYN-RECV 0 0 10.99.1.2%to-gateway:7 10.99.2.2:80 \n"
                "LISTEN     0 4096 *:80 *:*\nLISTEN 0 128 0.0.0.0:22 0.0.0.0:*\nnonsense\n")
        self.assertEqual(ss.parse(text), {
            Key("10.99.1.2", 40000, "10.99.2.2", 80): "established",
            Key("fd99:1::2", 40001, "fd99:2::2", 80): "fin-wait-2",
            Key("10.99.1.3", 5, "10.99.2.2", 80): "time-wait",
            Key("10.99.1.2", 7, "10.99.2.2", 80): "syn-recv"})

    def test_a_difference_names_the_connection_the_side_and_both_opinions(self):
        key = Key("10.99.1.2", 40000, "10.99.2.2", 80)
        flow = {"client": {"addr": "10.99.1.2", "port": 40000, "state": "fin-wait-2"},
                "server": {"addr": "10.99.2.2", "port": 80, "state": "closed"}}
        same = compare.compare([flow], {key: "fin-wait-2"}, {})
        self.assertTrue(same.all_agree())
        self.assertEqual(same.agreed, 2)
        other = compare.compare([flow], {key: "established"}, {})
        self.assertEqual([str(d) for d in other.differences],
                         ["10.99.1.2:40000 > 10.99.2.2:80: client is established in ss, fin-wait-2 in the list"])

    def test_a_connection_that_only_ss_shows_is_a_difference(self):
        key = Key("fd99:1::2", 1, "fd99:2::2", 2)
        found = compare.compare([], {key: "established"}, {key.turned(): "established"})
        self.assertEqual(len(found.differences), 2)
        self.assertTrue(compare.compare([], {key: "established"}, {}, only=[]).all_agree())

    def test_settings_become_toml(self):
        self.assertEqual(toml.dump({"mode": "observe", "limits": {"flows": 5}, "policy": [{"name": "a\"b"}]}),
                         'mode = "observe"\n\n[limits]\nflows = 5\n\n[[policy]]\nname = "a\\"b"\n')


class RealSockets(case.SystemTest):
    def states(self, pair):
        return (ss.table(self.lab.client).get(pair.key, "closed"),
                ss.table(self.lab.server).get(pair.key.turned(), "closed"))

    def test_pairs_of_both_ip_versions_are_established_through_the_gateway(self):
        pairs = self.closing(open_both_versions(self.lab, 300))
        self.assertEqual([p.version for p in pairs[:4]], [4, 6, 4, 6])
        client, server = ss.table(self.lab.client), ss.table(self.lab.server)
        for pair in pairs:
            self.assertEqual((client[pair.key], server[pair.key.turned()]), ("established", "established"))
        self.assertEqual(len({p.key.address for p in pairs}), 2 * self.lab.client_addresses)

    def test_an_orphan_in_fin_wait_2_is_seen_by_ss(self):
        for version in (4, 6):
            pair, = self.closing(open_pairs(self.lab, 1, version))
            pair.finish("client", "close")
            self.assertTrue(until(lambda: self.states(pair) == ("fin-wait-2", "close-wait"), 5), self.states(pair))
            self.assertEqual(outcome(pair.server), "eof")
            self.assertEqual(outcome(pair.client), "released")

    def test_living_half_closes_get_every_byte(self):
        streams = [Stream(pair, closer) for pair, closer in
                   zip(open_both_versions(self.lab, 4), ("client", "client", "server", "server"))]
        pump = Pump(streams, interval=0.1)
        time.sleep(1)
        self.assertEqual([str(s) for s in pump.finish()], [])
        self.assertGreater(min(s.received for s in streams), 5)

    def test_load_runs_without_errors_when_nothing_is_in_its_way(self):
        storm = ConnectStorm(self.lab, rate=500)
        bulk = BulkTransfer(open_pairs(self.lab, 1, 4)[0])
        time.sleep(1.5)
        self.assertEqual((bulk.finish(), storm.finish()), ([], []))
        self.assertGreater(storm.done, 50)
        self.assertGreater(bulk.received, 1 << 20)

    def test_a_blackhole_swallows_connects_silently(self):
        for version in (4, 6):
            sock = client_socket(self.lab, version)
            start_connect(sock, BLACKHOLE[version], 9)
            time.sleep(0.3)
            self.assertEqual(outcome(sock), "waiting")
            sock.close()


if __name__ == "__main__":
    case.main(programs=False)
