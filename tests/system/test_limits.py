"""A full table: unfinished handshakes make room first, then flows pass untracked and are counted."""

from harness import case
from harness.sockets import client_socket, open_both_versions, start_connect
from harness.topology import BLACKHOLE
from harness.wait import until


class Limits(case.SystemTest):
    def embryos(self, count):
        """Connects that nobody answers."""
        for i in range(count):
            version = 4 if i % 2 else 6
            sock = client_socket(self.lab, version)
            self.addCleanup(sock.close)
            start_connect(sock, BLACKHOLE[version], 9)

    def test_a_full_table_gives_way_and_never_stops_traffic(self):
        daemon = self.daemon({"limits": {"flows": 100}, "intercept": {"queues": 1}})
        self.embryos(150)
        until(lambda: daemon.stats()["flows.total"] == 100, 5)
        self.assertEqual(daemon.stats()["flows.total"], 100)

        pairs = self.closing(open_both_versions(self.lab, 80))
        tracked = daemon.flows("state", "established")
        self.assertEqual(len(tracked), 80, "unfinished handshakes did not make room")

        before = daemon.stats()["packets.untracked"]
        pairs += self.closing(open_both_versions(self.lab, 60))
        for pair in pairs:
            pair.talk()
        stats = daemon.stats()
        self.assertEqual(stats["flows.total"], 100)
        self.assertGreater(stats["packets.untracked"], before)
        self.assertEqual(len(daemon.flows("state", "established")), 100)


if __name__ == "__main__":
    case.main()
