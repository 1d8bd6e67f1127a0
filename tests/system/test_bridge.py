"""Where br_netfilter shows bridged packets to the forward hook: connections that are routed over a bridge are followed and
ended as any other, and those that are bridged are forwarded, counted and left alone."""

import unittest

from harness import case, halfclosed, nat
from harness.daemon import binary
from harness.netns import Namespace
from harness.sockets import Listener, open_both_versions
from harness.wait import until

RESETTING = {"fin_wait_2": "1s", "on_expiry": "reset"}
ASKING = {"fin_wait_2": "1s", "on_expiry": "probe", "probe_interval": "1s", "probe_attempts": 3}
COUNT = 12


class Neighbour:
    """One more machine in the client's network, on another port of the bridge."""

    address = {4: "10.99.1.200", 6: "fd99:1::200"}

    def __init__(self, lab):
        self.namespace = Namespace(lab.prefix + "host9")
        self.namespace.sysctl(ipv6__conf__all__accept_dad=0, ipv6__conf__default__accept_dad=0)
        lab.gateway.ip(f"link add to-host9 type veth peer name to-gateway netns {self.namespace.name}",
                       "link set to-host9 master br0 up")
        self.namespace.ip("link set lo up", "link set to-gateway up", f"addr add {self.address[4]}/24 dev to-gateway",
                          f"addr add {self.address[6]}/64 dev to-gateway nodad")

    def entered(self):
        return self.namespace.entered()

    def close(self):
        self.namespace.ip("link del to-gateway")
        self.namespace.delete()


class Bridge(case.SystemTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        gateway = cls.lab.gateway
        gateway.ip("link add br0 type bridge", "link set br0 up", "addr flush dev to-client",
                   "link set to-client master br0", "addr add 10.99.1.1/24 dev br0", "addr add fd99:1::1/64 dev br0 nodad")
        try:
            gateway.sysctl(**{f"bridge__bridge-nf-call-{tool}": 1 for tool in ("iptables", "ip6tables")})
        except OSError as error:
            cls.lab.close()
            raise unittest.SkipTest(f"this kernel has no br_netfilter: {error}")
        cls.neighbour = Neighbour(cls.lab)
        cls.lab.hosts.append(cls.neighbour)

    def bridged(self, count):
        made = []
        for version in (4, 6):
            listener = Listener(self.lab, version, 7200, host=self.neighbour)
            made += nat.connect(self.lab, listener, (self.neighbour.address[version], 7200), version, count)
        return self.closing(made)

    def test_connections_routed_over_a_bridge_are_asked_and_reset_as_any_other(self):
        daemon = self.daemon({"timeouts": RESETTING})
        idle = halfclosed.make(self.lab, COUNT)
        self.closing(h.pair for h in idle)
        self.assertEqual(halfclosed.become(self.lab, idle, halfclosed.GONE, 10), [])
        until(lambda: daemon.stats()["resets.confirmed"] >= COUNT, 10)
        stats = daemon.stats()
        self.assertEqual((stats["resets.confirmed"], stats["left_alone.bridged"]), (COUNT, 0), f"{stats}")

    def test_those_that_live_behind_a_bridge_answer_and_are_kept(self):
        daemon = self.daemon({"timeouts": ASKING})
        idle = [halfclosed.HalfClosed(pair, "client", "shutdown") for pair in self.closing(open_both_versions(self.lab, COUNT))]
        until(lambda: daemon.stats()["probes.sent"] >= 2 * COUNT, 10)
        until(lambda: not daemon.flows("phase", "probing"), 5)
        stats = daemon.stats()
        self.assertEqual((stats["probes.sent"], stats["resets.sent"]), (2 * COUNT, 0), f"{stats}")
        self.assertEqual(halfclosed.not_in(self.lab, idle, halfclosed.OPEN), [])

    def left_alone(self, mode):
        daemon = self.daemon({"timeouts": RESETTING, "intercept": {"packets": mode}})
        pairs = self.bridged(3)
        for pair in pairs:
            pair.talk()
            pair.finish("client", "shutdown")
        # A routed one beside them shows that their time is up.
        routed = [halfclosed.HalfClosed(pair, "client", "shutdown") for pair in self.closing(open_both_versions(self.lab, 2))]
        self.assertEqual(halfclosed.become(self.lab, routed, halfclosed.GONE, 10), [])
        stats = daemon.stats()
        self.assertEqual((stats["resets.sent"], stats["flows.opened"]), (4, 2), f"{stats}")
        self.assertGreaterEqual(stats["left_alone.bridged"], 4 * len(pairs), f"{stats}")
        self.assertEqual(daemon.log().count("bridged connections are forwarded and left alone"), 1)
        for pair in pairs:
            pair.server.sendall(b"answer")
            pair.server.close()
            self.assertEqual(pair.client.recv(100), b"answer")
            self.assertEqual(pair.client.recv(100), b"")

    def test_bridged_connections_are_forwarded_counted_and_left_alone(self):
        self.left_alone("selective")

    def test_bridged_connections_are_left_alone_too_where_all_packets_are_queued(self):
        self.left_alone("all")

    def test_what_is_bridged_and_established_goes_by_without_the_queue(self):
        daemon = self.daemon()
        pairs = self.bridged(1)
        before = daemon.stats()["left_alone.bridged"]
        for _ in range(50):
            for pair in pairs:
                pair.talk()
        self.assertLessEqual(daemon.stats()["left_alone.bridged"] - before, 4)

    def test_the_check_of_the_system_says_so(self):
        self.daemon()
        found = self.lab.gateway.run(binary("finwaitctl"), "check", "--system", self.daemons[0].config, check=False).stdout
        self.assertIn("leaves bridged connections alone", found)


if __name__ == "__main__":
    case.main()
