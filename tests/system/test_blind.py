"""A blind attacker who knows addresses and ports, and guesses the numbers: no flow is lost, ended or led astray by it."""

import collections
import random
import time

from harness import case, compare, packets
from harness.packets import ACK, FIN, RST, SYN, ip4, ip6, tcp
from harness.sockets import open_both_versions
from harness.wait import until


class Blind(case.SystemTest):
    def forge(self, pairs, flags):
        """A segment with guessed numbers for each connection, in its client's name."""
        wire = packets.Wire(self.lab)
        self.addCleanup(wire.close)
        guess = random.Random(2)
        for pair in pairs:
            key, build = pair.key, ip4 if pair.version == 4 else ip6
            segment = tcp(key.port, key.peer_port, guess.getrandbits(32), guess.getrandbits(32), flags)
            segment = packets.with_checksum(key.address, key.peer_address, segment)
            wire.send(build(key.address, key.peer_address, segment), pair.version)

    def states(self, daemon, pairs):
        """(client's, server's) state of each pair, as listed."""
        listed = {compare.flow_key(f): (f["client"]["state"], f["server"]["state"]) for f in daemon.flows()}
        return [listed.get(pair.key, "not listed") for pair in pairs]

    def test_blind_segments_with_guessed_numbers_change_no_state_when_all_packets_are_seen(self):
        daemon = self.daemon({"intercept": {"packets": "all"}})
        pairs = self.closing(open_both_versions(self.lab, 40))
        for count, flags in enumerate((RST, FIN | ACK, SYN, SYN | ACK, RST | ACK), 1):
            self.forge(pairs, flags)
            until(lambda wanted=40 * count: daemon.stats()["packets.invalid"] >= wanted, 5)
            self.assertEqual(self.states(daemon, pairs), [("established", "established")] * 40, f"flags {flags}")
            self.assertGreaterEqual(daemon.stats()["packets.invalid"], 40 * count)
        for pair in pairs:
            pair.talk()

    def blind_in_selective_mode(self, flags, claim=("established", "established")):
        """Forged segments, more talk, and a half-close in earnest: it must be tracked as if nothing had been. Until then each
        connection is listed as established, or with what the segments claim."""
        daemon = self.daemon({"timeouts": {"fin_wait_2": "1s", "on_expiry": "reset"}})
        pairs = self.closing(open_both_versions(self.lab, 40))
        self.forge(pairs, flags)
        end = time.monotonic() + 2
        while time.monotonic() < end:
            for pair in pairs:
                pair.talk()
            time.sleep(0.2)
        self.assertEqual(daemon.stats()["resets.sent"], 0)
        self.assertLessEqual(set(self.states(daemon, pairs)), {("established", "established"), claim})
        for pair in pairs:
            pair.finish("client", "shutdown")
        until(lambda: self.states(daemon, pairs) == [("fin-wait-2", "close-wait")] * 40, 0.8)
        self.assertEqual(collections.Counter(self.states(daemon, pairs)), {("fin-wait-2", "close-wait"): 40})

    def test_forged_fins_are_claims_that_the_real_one_takes_back_when_established_traffic_is_not_seen(self):
        self.blind_in_selective_mode(FIN | ACK, ("fin-wait-1", "established"))

    def test_forged_resets_change_nothing_when_established_traffic_is_not_seen(self):
        self.blind_in_selective_mode(RST)

    def test_forged_syns_change_nothing_when_established_traffic_is_not_seen(self):
        self.blind_in_selective_mode(SYN)


if __name__ == "__main__":
    case.main()
