"""What the daemon asks one side is that side's affair: no question and no answer ever reaches the other."""

import collections

from harness import case, halfclosed
from harness.packets import ACK
from harness.sockets import open_both_versions
from harness.tap import Tap
from harness.wait import PATIENCE, patiently, until

FIN_WAIT_2 = 2.0 * PATIENCE
ASKING = {"fin_wait_2": patiently(2), "on_expiry": "probe", "probe_interval": "1s", "probe_attempts": 3}


class Crossing(case.SystemTest):
    def idle(self, count):
        """`count` half-closes, closed by the client and by the server, over both IP versions."""
        made = [halfclosed.HalfClosed(pair, ("client", "server")[i // 2 % 2], "shutdown")
                for i, pair in enumerate(open_both_versions(self.lab, count))]
        self.closing(h.pair for h in made)
        self.assertEqual(halfclosed.become(self.lab, made, halfclosed.OPEN, 2), [])
        return made

    def taps(self):
        taps = {"client": Tap(self.lab.client), "server": Tap(self.lab.server)}
        for tap in taps.values():
            self.addCleanup(tap.close)
        return taps

    def assert_only_asked(self, captured, keys):
        """Each connection has got one probe and sent one answer, and nothing else has passed."""
        self.assertEqual(collections.Counter((c.key, c.outgoing) for c in captured),
                         {(key, outgoing): 1 for key in keys for outgoing in (False, True)})
        answers = {c.key: c.segment for c in captured if c.outgoing}
        for key, probe in ((c.key, c.segment) for c in captured if not c.outgoing):
            answer = answers[key]
            self.assertEqual((probe.flags, probe.length, answer.flags, answer.length), (ACK, 0, ACK, 0))
            # One below what the target expects, in its peer's name; the peer's own answer would stand at that number.
            self.assertEqual(((probe.seq + 1) & 0xFFFFFFFF, probe.ack), (answer.ack, answer.seq))

    def assert_finish(self, idle):
        for h in idle:
            h.pair.end(h.holder).sendall(b"the answer at last")
            h.pair.end(h.holder).close()
        for h in idle:
            closer = h.pair.end(h.closer)
            self.assertEqual(closer.recv(100) + closer.recv(100), b"the answer at last")
            closer.close()

    def nothing_crosses(self, packets):
        daemon = self.daemon({"intercept": {"packets": packets}, "timeouts": ASKING})
        idle = self.idle(100)
        taps = self.taps()
        until(lambda: all(f["idle_s"] > 3 * FIN_WAIT_2 for f in daemon.flows()), 15, interval=0.2)

        stats = daemon.stats()
        self.assertEqual((stats["probes.sent"], stats["resets.sent"]), (200, 0))
        self.assertEqual(halfclosed.not_in(self.lab, idle, halfclosed.OPEN), [])
        for role, tap in taps.items():
            captured = tap.take()
            self.assertEqual(sum(not c.outgoing for c in captured), stats["probes.sent"] // 2)
            self.assert_only_asked(captured, [h.pair.key if role == "client" else h.pair.key.turned() for h in idle])
        self.assert_finish(idle)

    def test_of_100_living_half_closes_each_side_sees_its_own_probe_and_no_answer_of_the_other(self):
        self.nothing_crosses("selective")

    def test_nothing_crosses_when_all_packets_are_seen(self):
        self.nothing_crosses("all")


if __name__ == "__main__":
    case.main()
