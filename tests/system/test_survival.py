"""finwaitd killed, or stopped, in mid-traffic: no connection notices, and after a restart it goes on tracking."""

import time

from harness import case, compare
from harness.daemon import Daemon
from harness.load import BulkTransfer, ConnectStorm
from harness.sockets import open_both_versions, open_pairs
from harness.wait import until


class Survival(case.SystemTest):
    client_addresses = 32

    def assert_tracks_again(self, daemon):
        pairs = self.closing(open_both_versions(self.lab, 20))
        for pair in pairs[:10]:
            pair.finish("client", "shutdown")
        keys = [p.key for p in pairs]
        until(lambda: compare.against_ss(daemon, keys).all_agree(), 5)
        comparison = compare.against_ss(daemon, keys)
        self.assert_agrees(comparison)
        self.assertEqual(comparison.agreed, 40)

    def interrupt_under_load(self, packets, interrupt, times):
        daemon = self.daemon({"intercept": {"packets": packets}})
        storm = ConnectStorm(self.lab, rate=1000)
        bulks = [BulkTransfer(open_pairs(self.lab, 1, version)[0]) for version in (4, 6)]
        for _ in range(times):
            time.sleep(1.2)
            interrupt(daemon)
            time.sleep(1.2)
            daemon.start()
        time.sleep(1.2)
        errors = [error for load in (*bulks, storm) for error in load.finish()]
        self.assertEqual(errors[:10], [])
        print(f"\n  {storm.done} connections and {sum(b.received for b in bulks) >> 20} MiB, none disturbed ... ", end="")
        self.assert_tracks_again(daemon)

    def test_sigkill_under_bulk_and_1000_connects_a_second_fails_no_connection(self):
        self.interrupt_under_load("selective", Daemon.kill9, times=2)

    def test_sigkill_fails_no_connection_when_all_packets_are_queued(self):
        self.interrupt_under_load("all", Daemon.kill9, times=1)

    def test_a_clean_stop_under_load_fails_no_connection(self):
        self.interrupt_under_load("selective", lambda daemon: self.assertEqual(daemon.stop(), 0), times=1)

    def test_connections_open_at_the_kill_go_on_without_the_daemon(self):
        daemon = self.daemon()
        pairs = self.closing(open_both_versions(self.lab, 40))
        for pair in pairs[:20]:
            pair.finish("client", "shutdown")
        daemon.kill9()
        for pair in pairs[20:]:
            pair.talk()
        for pair in pairs[:20]:
            pair.server.sendall(b"late answer")
            self.assertEqual(pair.client.recv(64), b"late answer")


if __name__ == "__main__":
    case.main()
