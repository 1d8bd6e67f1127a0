"""One source has half-closed connections without end, or makes somebody else have them: whoever fills an allowance can
make finwaitd ask earlier, and have nothing ended that is alive."""

import time

from harness import attack, case, ss
from harness.living import Pump, Stream
from harness.sockets import open_pairs
from harness.topology import client_address
from harness.wait import until

LIMIT = 10
CONNECTIONS = 800 if attack.SECONDS < 5 else 8000


def greedy_address(version):
    return client_address(version, 0)


class Sources(case.SystemTest):
    def limited(self, **timeouts):
        return self.daemon({"intercept": {"queues": 1}, "limits": {"half_closed_per_source": LIMIT},
                            "timeouts": {"fin_wait_2": "10m", "probe_interval": "1s", "probe_attempts": 3, **timeouts}})

    def closed_by(self, role, how, version, count):
        """`count` connections, or some more, of which `role` has closed its direction."""
        made = []
        for _ in range(max(1, count // 4000)):
            made += self.closing(open_pairs(self.lab, min(count, 4000), version))
        for pair in made:
            pair.finish(role, how)
        return made

    def crowded(self, daemon, at_least):
        until(lambda: daemon.stats()["flows.crowded"] >= at_least, 10)
        return daemon.stats()["flows.crowded"]

    def test_the_orphans_of_a_source_that_has_too_many_end_before_their_time(self):
        daemon = self.limited()
        others = [p for p in open_pairs(self.lab, 32, 4) if p.key.address != greedy_address(4)]
        pump = Pump([Stream(pair, "client") for pair in others], 0.5)
        greedy = []
        for _ in range(max(1, CONNECTIONS // 4000)):
            for pair in self.closing(open_pairs(self.lab, min(CONNECTIONS, 4000), 4)):
                if pair.key.address == greedy_address(4):
                    pair.finish("client")
                    greedy.append(pair)

        def left():
            table = ss.table(self.lab.server)
            return sum(table.get(pair.server_key) == "close-wait" for pair in greedy)

        until(lambda: left() <= LIMIT, 40, interval=0.3)
        self.assertEqual(left(), LIMIT)
        stats = daemon.stats()
        self.assertEqual(stats["flows.crowded"], len(greedy) - LIMIT)
        self.assertEqual([str(s) for s in pump.finish()], [])
        attack.told("one source", half_closed=len(greedy), ended=stats["flows.crowded"], of_others_ended=0)

    def test_connections_of_which_both_sides_answer_stay(self):
        daemon = self.limited(on_expiry="reset")
        pairs = self.closed_by("client", "shutdown", 4, 30 * self.lab.client_addresses)
        self.assertEqual(self.crowded(daemon, 1), 20 * self.lab.client_addresses)
        until(lambda: daemon.stats()["probes.answers.alive"] >= 40 * self.lab.client_addresses, 30)
        self.assertEqual(daemon.stats()["resets.sent"], 0)
        self.assertEqual(ss.count(self.lab.client).get("fin-wait-2", 0), len(pairs))

    def test_the_addresses_of_an_ipv6_host_have_one_allowance(self):
        daemon = self.limited()
        pairs = self.closed_by("client", "shutdown", 6, 5 * self.lab.client_addresses)
        self.assertEqual(self.crowded(daemon, 1), len(pairs) - LIMIT)

    def test_how_long_a_source_s_prefix_is_can_be_chosen_and_changed(self):
        daemon = self.limited()
        daemon.configure({**daemon.settings, "limits": {"half_closed_per_source": LIMIT, "source_prefix_ipv6": 128,
                                                        "source_prefix_ipv4": 24}})
        daemon.ctl("reload")
        self.closed_by("client", "shutdown", 6, LIMIT * self.lab.client_addresses)
        four = self.closed_by("client", "shutdown", 4, 5 * self.lab.client_addresses)
        self.assertEqual(self.crowded(daemon, len(four) - LIMIT), len(four) - LIMIT)

    def assert_unharmed_by(self, role, how):
        for version in (4, 6):
            with self.subTest(version=version):
                daemon = self.limited()
                living = self.closing(open_pairs(self.lab, 2 * self.lab.client_addresses, version))
                idle, busy = living[::2], living[1::2]
                for pair in idle:
                    pair.finish("client", "shutdown")
                pump = Pump([Stream(pair, "client") for pair in busy], 0.5)
                self.closed_by(role, how, version, 40 * self.lab.client_addresses)
                crowded = self.crowded(daemon, 20)
                self.assertGreater(crowded, 20)
                self.assertTrue(until(lambda: daemon.stats()["probes.sent"] >= 2 * crowded, 30))
                time.sleep(4)  # until those that do not answer would be given up
                self.assertEqual([str(s) for s in pump.finish()], [])
                table = ss.table(self.lab.client)
                self.assertEqual([str(p.key) for p in idle if table.get(p.key) != "fin-wait-2"], [])
                daemon.stop()

    def test_a_server_that_closes_first_does_not_have_its_visitors_downloads_ended(self):
        self.assert_unharmed_by("server", "shutdown")

    def test_a_server_that_never_closes_does_not_have_its_visitors_downloads_ended(self):
        self.assert_unharmed_by("client", "close")


if __name__ == "__main__":
    case.main()
