"""Two connections from one client port to two addresses that DNAT sends to one server port: the forward hook shows both between the
same two ends, and conntrack gives the second another source port behind it. Whatever becomes of the one, the other is not harmed."""

import socket
import struct
import time

from harness import case, ss
from harness.sockets import Listener, Pair
from harness.topology import GATEWAY, SERVER
from harness.wait import PATIENCE, patiently, until

PORT = 7400
SHOWN = (8401, 8402)
CLIENT_PORT = 2400
TIMEOUTS = {"fin_wait_2": patiently(2), "probe_interval": "1s", "probe_attempts": 3, "alive_max": patiently(5)}


class SameEnds(case.SystemTest):
    def setUp(self):
        super().setUp()
        for shown in SHOWN:
            rule = ("PREROUTING", "-d", GATEWAY[4], "-p", "tcp", "--dport", str(shown), "-j", "DNAT",
                    "--to-destination", f"{SERVER[4]}:{PORT}")
            self.lab.gateway.run("iptables", "-t", "nat", "-A", *rule)
            self.addCleanup(self.lab.gateway.run, "iptables", "-t", "nat", "-D", *rule)

    def pair(self, shown):
        """Through that address of the gateway's, always from the same end of the client's."""
        listener = Listener(self.lab, 4, PORT)
        listener.socket.settimeout(10)
        with self.lab.client.entered():
            client = socket.socket()
        client.settimeout(10)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.bind((self.lab.clients(4)[0], CLIENT_PORT))
        client.connect((GATEWAY[4], shown))
        server = listener.socket.accept()[0]
        server.settimeout(10)
        listener.socket.close()
        for sock in (client, server):  # no TIME_WAIT is in the way of the next test
            self.addCleanup(sock.close)
            self.addCleanup(sock.setsockopt, socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return Pair(4, client, server)

    def run_both(self, settings, half_closed, started_late=False):
        """Half-closes the connection of that index, talks on the other, and returns both and the daemon when much more than the
        time of the half-closed one is up."""
        if not started_late:
            daemon = self.daemon(settings)
        pairs = [self.pair(shown) for shown in SHOWN]
        idle, living = pairs[half_closed], pairs[1 - half_closed]
        for _ in range(3):
            living.talk()
            idle.talk()
        idle.finish("client", "shutdown")
        if started_late:
            daemon = self.daemon(settings)
        end = time.monotonic() + 10 * PATIENCE
        while time.monotonic() < end:
            time.sleep(3 * PATIENCE)  # more than fin_wait_2 needs, so that it has its chance
            living.talk()
        return daemon, idle, living

    def assert_harmless(self, half_closed, on_expiry, started_late=False):
        for packets, what in zip(("selective", "all"), on_expiry):
            with self.subTest(packets=packets, on_expiry=what):
                daemon, _, living = self.run_both({"timeouts": TIMEOUTS | {"on_expiry": what},
                                                   "intercept": {"packets": packets}}, half_closed, started_late)
                living.talk()
                client, server = ss.table(self.lab.client), ss.table(self.lab.server)
                self.assertEqual((client.get(living.key), server.get(living.server_key)), ("established", "established"))
                daemon.close()
                self.doCleanups()
                self.setUp()

    def test_the_second_is_not_harmed_by_the_end_of_the_first(self):
        self.assert_harmless(0, ("probe", "reset"))

    def test_the_first_is_not_harmed_by_the_end_of_the_second(self):
        self.assert_harmless(1, ("reset", "probe"))

    def test_nor_by_that_of_a_second_that_is_older_than_the_daemon(self):
        self.assert_harmless(1, ("reset", "reset"), started_late=True)

    def test_a_flow_whose_ends_are_shared_says_so(self):
        daemon, _, _ = self.run_both({"timeouts": TIMEOUTS}, 1)
        self.assertTrue(until(lambda: daemon.stats()["flows.shared"] == 1, 5), f"{daemon.stats()}")
        flow = daemon.flows()[0]["id"]
        self.assertIs(daemon.ctl_json("explain", flow)["shared_ends"], True)
        self.assertIn("Another connection has the same two ends", daemon.ctl("explain", flow).stdout)


if __name__ == "__main__":
    case.main()
