"""One source opens half-closed connections without end: its own oldest ones go, and those of others stay in use."""

from harness import attack, case, ss
from harness.living import Pump, Stream
from harness.sockets import open_pairs
from harness.topology import client_address
from harness.wait import until

LIMIT = 10
GREEDY = client_address(4, 0)
CONNECTIONS = 800 if attack.SECONDS < 5 else 8000


class Sources(case.SystemTest):
    def test_the_limit_of_a_source_bites_that_source_alone(self):
        daemon = self.daemon({"intercept": {"queues": 1}, "timeouts": {"fin_wait_2": "10m"},
                              "limits": {"half_closed_per_source": LIMIT}})
        others = [p for p in open_pairs(self.lab, 32, 4) if p.key.address != GREEDY]
        pump = Pump([Stream(pair, "client") for pair in others], 0.5)
        greedy = []
        for _ in range(max(1, CONNECTIONS // 4000)):
            for pair in self.closing(open_pairs(self.lab, min(CONNECTIONS, 4000), 4)):
                if pair.key.address == GREEDY:
                    pair.finish("client", "shutdown")
                    greedy.append(pair)

        def left():
            table = ss.table(self.lab.client)
            return sum(table.get(pair.key) == "fin-wait-2" for pair in greedy)

        until(lambda: left() == LIMIT, 15, interval=0.3)
        self.assertEqual(left(), LIMIT)
        stats = daemon.stats()
        self.assertEqual(stats["flows.crowded"], len(greedy) - LIMIT)
        self.assertEqual([str(s) for s in pump.finish()], [])
        attack.told("one source", half_closed=len(greedy), ended=stats["flows.crowded"], of_others_ended=0)


if __name__ == "__main__":
    case.main()
