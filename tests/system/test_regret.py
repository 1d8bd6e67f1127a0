"""Observing mixed traffic of which the truth is known: each would-be reset is right or a regret, and is counted so."""

import os
import socket
import struct
import time

from harness import case
from harness.living import Pump, Stream
from harness.sockets import open_both_versions
from harness.wait import until

FIN_WAIT_2 = 3
# Seconds between two things that happen to a connection: longer than fin_wait_2 by what a loaded machine needs.
PAUSE = 2 * FIN_WAIT_2
# A minute of it by hand: FINWAITD_ROUNDS=8.
ROUNDS = int(os.environ.get("FINWAITD_ROUNDS", "2"))


def abort(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Regret(case.SystemTest):
    def half_closed(self, count):
        pairs = self.closing(open_both_versions(self.lab, count))
        for pair in pairs:
            pair.finish("client", "shutdown")
        return pairs

    def test_rights_and_regrets_of_mixed_traffic_are_counted_exactly(self):
        daemon = self.daemon({"mode": "observe", "timeouts": {"fin_wait_2": f"{FIN_WAIT_2}s"}})
        come_back, close_in_order, reset, silent = (self.half_closed(20) for _ in range(4))
        ordinary = self.closing(open_both_versions(self.lab, 20))
        pump = Pump([Stream(p, "client") for p in self.closing(open_both_versions(self.lab, 10))])

        for _ in range(ROUNDS):
            time.sleep(PAUSE)
            for pair in come_back:
                pair.server.sendall(b"late")
                self.assertEqual(pair.client.recv(10), b"late")
            for pair in ordinary:
                pair.talk()
        for pair in close_in_order:
            pair.server.close()
        for pair in reset:
            abort(pair.server)
        self.assertEqual(pump.finish(), [])

        def policy():
            return daemon.ctl_json("policy")[0]

        regrets = ROUNDS * len(come_back) + len(close_in_order)
        # Those that have come back are idle again, and will be observed once more.
        until(lambda: policy()["observed"] >= regrets + len(reset) + len(silent) + len(come_back), 10)
        found = policy()
        self.assertEqual({k: found[k] for k in ("observed", "right", "regret", "undecided")},
                         {"observed": regrets + len(reset) + len(silent) + len(come_back), "right": len(reset),
                          "regret": regrets, "undecided": len(silent) + len(come_back)})
        self.assertEqual(daemon.stats()["resets.sent"], 0)
        self.assertEqual(daemon.stats()["probes.sent"], 0)

        for pair in silent:
            abort(pair.server)
        until(lambda: policy()["right"] >= len(reset) + len(silent), 5)
        self.assertEqual(policy()["right"], len(reset) + len(silent))

    def test_how_long_half_closes_were_idle_suggests_a_timeout(self):
        daemon = self.daemon({"mode": "observe"})
        quick, slow = self.half_closed(30), self.half_closed(10)
        until(lambda: daemon.stats()["flows.half_closed"] >= len(quick) + len(slow), 3)
        for pair in quick:
            pair.server.close()
        time.sleep(3)
        for pair in slow:
            pair.server.close()
        until(lambda: sum(b["count"] for b in daemon.ctl_json("policy")[0]["lasted"]) >= 40, 5)
        found = daemon.ctl_json("policy")[0]
        self.assertEqual([(b["up_to_s"], b["count"]) for b in found["longest_idle"] if b["count"]], [(1, 30), (5, 10)])
        self.assertEqual(found["suggested_fin_wait_2_s"], 5)
        self.assertIn('fin_wait_2 = "5', daemon.ctl("policy").stdout)


if __name__ == "__main__":
    case.main()
