"""A host that a router says cannot be reached is not taken for dead: its half-closed connections are kept."""

import contextlib
import re

from harness import case, halfclosed
from harness.sockets import open_both_versions
from harness.topology import SERVER
from harness.wait import patiently, until

# Some kernels report a route as unreachable once a second to each source at most (ip_error(), net/ipv4/route.c).
ASKING = {"fin_wait_2": patiently(2), "on_expiry": "probe", "probe_interval": "2s", "probe_attempts": 3}
SERVERS_GATEWAY = {4: "10.99.2.1", 6: "fd99:2::1"}
ROUTER = {4: "10.99.2.3", 6: "fd99:2::3"}
COUNT = 8


class Unreachable(case.SystemTest):
    def setUp(self):
        super().setUp()
        # Each probe shall draw its error, however many of them one machine is sent.
        self.lab.server.sysctl(ipv4__icmp_ratelimit=0, ipv6__icmp__ratelimit=0)

    def idle(self, closer):
        made = [halfclosed.HalfClosed(pair, closer, "shutdown") for pair in open_both_versions(self.lab, COUNT)]
        self.closing(h.pair for h in made)
        self.assertEqual(halfclosed.become(self.lab, made, halfclosed.OPEN, 2), [])
        return made

    @contextlib.contextmanager
    def server_behind_a_router_without_route(self):
        """The server's machine loses its addresses and routes for others; its sockets stay. What is sent to the server
        then comes to a router that answers by ICMP errors of its own."""
        lab = self.lab
        lab.server.sysctl(ipv4__conf__all__promote_secondaries=1, ipv4__ip_forward=1, ipv6__conf__all__forwarding=1)
        lab.server.ip(f"addr add {ROUTER[4]}/24 dev to-gateway", f"addr add {ROUTER[6]}/64 dev to-gateway nodad",
                      f"addr del {SERVER[4]}/24 dev to-gateway", f"addr del {SERVER[6]}/64 dev to-gateway",
                      f"route add unreachable {SERVER[4]}/32", f"route add unreachable {SERVER[6]}/128",
                      f"route replace default via {SERVERS_GATEWAY[4]}",
                      f"route replace default via {SERVERS_GATEWAY[6]} dev to-gateway")
        lab.gateway.ip(f"route add {SERVER[4]}/32 via {ROUTER[4]}", f"route add {SERVER[6]}/128 via {ROUTER[6]}")
        try:
            yield
        finally:
            lab.gateway.ip(f"route del {SERVER[4]}/32", f"route del {SERVER[6]}/128")
            lab.server.ip(f"route del unreachable {SERVER[4]}/32", f"route del unreachable {SERVER[6]}/128",
                          f"addr add {SERVER[4]}/24 dev to-gateway", f"addr add {SERVER[6]}/64 dev to-gateway nodad",
                          f"addr del {ROUTER[4]}/24 dev to-gateway", f"addr del {ROUTER[6]}/64 dev to-gateway",
                          f"route replace default via {SERVERS_GATEWAY[4]}",
                          f"route replace default via {SERVERS_GATEWAY[6]} dev to-gateway")
            lab.server.sysctl(ipv4__ip_forward=0, ipv6__conf__all__forwarding=0)

    def errors_at_the_client(self):
        """How many "destination unreachable" its kernel has received, by IP version."""
        text = self.lab.client.run("nstat", "-asz", "IcmpInDestUnreachs", "Icmp6InDestUnreachs").stdout
        return [int(re.search(rf"{name}\s+(\d+)", text)[1]) for name in ("IcmpInDestUnreachs", "Icmp6InDestUnreachs")]

    def assert_kept(self, closer, intercept):
        """Half-closes of both IP versions outlive the asking while the server cannot be reached, and go on after it."""
        daemon = self.daemon({"timeouts": ASKING, "intercept": intercept, "log": {"level": "debug"}})
        idle = self.idle(closer)
        side = "closer" if closer == "server" else "holder"
        verdict = f"left alone: the network reports that the {side} cannot be reached"
        with self.server_behind_a_router_without_route():
            until(lambda: daemon.log().count(verdict) >= COUNT, 12)
            self.assertEqual(daemon.log().count(verdict), COUNT, daemon.stats())
        stats = daemon.stats()
        # The client's side answers the first probe, the other has every attempt.
        self.assertEqual((stats["probes.sent"], stats["resets.sent"]), (4 * COUNT, 0))
        self.assertEqual(halfclosed.not_in(self.lab, idle, halfclosed.OPEN), [])
        for h in idle:
            h.pair.end(h.holder).sendall(b"late")
            self.assertEqual(h.pair.end(h.closer).recv(10), b"late")
        return stats

    def assert_kept_unseen_by_the_client(self, closer, packets):
        before = self.errors_at_the_client()
        stats = self.assert_kept(closer, {"packets": packets, "queues": 1})
        self.assertEqual(stats["probes.unreachable"], 3 * COUNT)
        self.assertEqual(self.errors_at_the_client(), before)

    def test_an_unreachable_holders_flow_is_kept_and_no_error_reaches_the_closer(self):
        self.assert_kept_unseen_by_the_client("client", "selective")

    def test_an_unreachable_closers_flow_is_kept_and_no_error_reaches_the_holder(self):
        self.assert_kept_unseen_by_the_client("server", "selective")

    def test_they_are_kept_when_all_packets_are_queued(self):
        self.assert_kept_unseen_by_the_client("client", "all")

    def test_they_are_kept_when_the_errors_come_to_another_queue_than_the_flow(self):
        before = self.errors_at_the_client()
        stats = self.assert_kept("client", {"queues": 4})
        self.assertEqual(stats["probes.unreachable"], 3 * COUNT)
        # Such an error is told to the right engine and forwarded. That none of eight was one has odds of 4^-8.
        self.assertGreater(sum(self.errors_at_the_client()), sum(before))

    def test_errors_about_what_others_send_reach_them(self):
        self.daemon({"intercept": {"packets": "all", "queues": 2}})
        before = self.errors_at_the_client()
        pairs = self.closing(open_both_versions(self.lab, 2))
        with self.server_behind_a_router_without_route():
            for pair in pairs:
                pair.client.sendall(b"lost")
            self.assertTrue(until(lambda: all(now > then for now, then in zip(self.errors_at_the_client(), before)), 5))
        for pair in pairs:
            self.assertEqual(pair.server.recv(10), b"lost")


if __name__ == "__main__":
    case.main()
