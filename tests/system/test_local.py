"""This machine's own sockets: with scope "local" or "both" those that hang are ended at both ends, and nothing that lives,
ssh, or loopback is."""

import contextlib
import json
import socket

from harness import case, firewall, halfclosed, nat, own, packets, ss
from harness.living import Pump, Stream
from harness.sockets import Listener, Pair, client_socket, open_both_versions
from harness.tap import Tap
from harness.wait import patiently, until

ASKING = {"fin_wait_2": patiently(2), "on_expiry": "probe", "probe_interval": "1s", "probe_attempts": 3, "orphan_test": "active"}
RESETTING = {"fin_wait_2": patiently(2), "on_expiry": "reset"}
VERSIONS = (4, 6)
SHOWN_PORT = 8088


def states(namespace, state):
    return [key for key, found in ss.table(namespace).items() if found == state]


class Local(case.SystemTest):
    def setUp(self):
        super().setUp()
        # An orphan that the test before has left on the gateway would be adopted, and ended, by this one's daemon.
        self.lab.gateway.run("ss", "-K", "-t", "-a", "state", "connected", check=False)

    def following(self, scope, timeouts=ASKING, **intercept):
        return self.daemon({"intercept": {"scope": scope, **intercept}, "timeouts": timeouts})

    def half_closed(self, view, count, closer, how="shutdown"):
        pairs = self.closing(open_both_versions(view, count, host=view))
        made = [halfclosed.HalfClosed(pair, closer, how) for pair in pairs]
        self.assertEqual(halfclosed.become(view, made, halfclosed.OPEN, 3), [])
        return made

    def assert_gone(self, view, made, seconds=10):
        self.assertEqual(halfclosed.become(view, made, halfclosed.GONE, seconds), [])

    def assert_kept(self, view, made):
        self.assertEqual(halfclosed.not_in(view, made, halfclosed.OPEN), [])

    def assert_confirmed(self, daemon, count):
        until(lambda: daemon.stats()["resets.confirmed"] >= count, 10)
        stats = daemon.stats()
        self.assertEqual([stats[f"resets.{result}"] for result in ("confirmed", "unconfirmed", "refused")],
                         [count, 0, 0], f"{stats}")

    @contextlib.contextmanager
    def unplugged(self, namespace):
        """Nothing arrives there, and nothing comes from there."""
        rules = [(tool, chain) for tool in ("iptables", "ip6tables") for chain in ("PREROUTING", "OUTPUT")]
        for tool, chain in rules:
            namespace.run(tool, "-t", "raw", "-A", chain, "-p", "tcp", "-j", "DROP")
        try:
            yield
        finally:
            for tool, chain in rules:
                namespace.run(tool, "-t", "raw", "-D", chain, "-p", "tcp", "-j", "DROP")

    def forget_sockets(self, namespace, *which):
        """As after a reboot: no connection is there any more, and no RST has told anybody."""
        with self.unplugged(namespace):
            namespace.run("ss", "-K", "-t", "-a", *which, check=False)

    # What a server on the gateway is left with.

    def test_100_stuck_in_close_wait_and_100_in_fin_wait_2_are_gone_and_ssh_and_control_stay(self):
        # Nobody is asked before all 200 are half-closed and the hosts out of reach.
        daemon = self.following("local", {**ASKING, "fin_wait_2": patiently(5)})
        incoming, far = own.from_client(self.lab), own.from_server(self.lab)
        ssh = self.ssh_that_hangs(incoming)
        metrics = self.connection(incoming, 4, Listener(incoming, 4, 9652, host=incoming))
        control = self.control_session(daemon)
        rebooted = self.half_closed(incoming, 50, "client")
        orphaned = self.half_closed(incoming, 50, "client", "close")
        let_go = self.half_closed(incoming, 50, "server", "close")
        waiting = self.half_closed(far, 50, "server")
        self.assertEqual(len(states(self.lab.gateway, "close-wait")), 100 + len(ssh))
        self.assertEqual(len(states(self.lab.gateway, "fin-wait-2")), 100)
        ports = " or ".join(f"sport = :{h.pair.key.port}" for h in rebooted)
        self.forget_sockets(self.lab.client, f"( {ports} )")
        with self.unplugged(self.lab.server):
            stuck = {h.pair.server_key for h in rebooted + orphaned + let_go + waiting}
            left = lambda: stuck & ss.table(self.lab.gateway).keys()
            until(lambda: not left(), 15)
            self.assertEqual(left(), set())
            self.assert_confirmed(daemon, 200)
        self.assertGreater(daemon.stats()["wire.ended"], 0)
        self.assert_ssh_hangs_on(ssh)
        metrics.talk()
        self.assertEqual(self.ping(control), {"done": {}})

    def ssh_that_hangs(self, view):
        """Sessions whose clients have shut their side, over both IP versions; their servers take no notice."""
        made = []
        for version in VERSIONS:
            pair = self.connection(view, version, Listener(view, version, 22, host=view))
            made.append(halfclosed.HalfClosed(pair, "client", "shutdown"))
        self.assertEqual(halfclosed.become(view, made, halfclosed.OPEN, 3), [])
        return made

    def assert_ssh_hangs_on(self, ssh):
        gateway = ss.table(self.lab.gateway)
        self.assertEqual([gateway.get(h.pair.server_key) for h in ssh], ["close-wait"] * len(ssh))

    def connection(self, view, version, listener, shown=None):
        client = client_socket(view, version)
        client.settimeout(10)
        client.connect(shown or (listener.address, listener.port))
        listener.socket.settimeout(10)
        pair = Pair(version, client, listener.socket.accept()[0])
        listener.socket.close()
        for sock in (pair.client, pair.server):
            sock.settimeout(10)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair.talk()
        self.closing([pair])
        return pair

    def control_session(self, daemon):
        session = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(session.close)
        session.settimeout(10)
        session.connect(daemon.socket)
        self.assertEqual(self.ping(session), {"done": {}})
        return session

    @staticmethod
    def ping(session):
        session.sendall(b'{"command":"ping"}\n')
        return json.loads(session.makefile().readline())

    def test_ssh_is_ended_where_a_policy_names_it(self):
        view = own.from_client(self.lab)
        daemon = self.daemon({"intercept": {"scope": "local"}, "timeouts": RESETTING,
                              "policy": [{"name": "ssh", "match": "port 22"}]})
        self.assert_gone(view, self.ssh_that_hangs(view))
        self.assert_confirmed(daemon, 2)

    def test_ssh_is_spared_by_default_and_explain_says_so(self):
        daemon = self.following("local", RESETTING)
        view = own.from_client(self.lab)
        ssh, other = self.ssh_that_hangs(view), self.half_closed(view, 10, "client")
        self.assert_gone(view, other)
        self.assert_confirmed(daemon, 10)
        self.assert_kept(view, ssh)
        spared = daemon.flows("port", "22")
        self.assertEqual([flow["phase"] for flow in spared], ["watching"] * 2)
        self.assertIn("intercept.spare matches it", daemon.ctl("explain", spared[0]["id"]).stdout)

    # Who is asked, and how.

    def test_living_half_closes_of_own_sockets_are_asked_and_kept(self):
        daemon = self.following("local", {**ASKING, "orphan_test": "passive"})
        incoming, outgoing = own.from_client(self.lab), own.to_server(self.lab)
        pump = Pump([Stream(pair, closer) for view in (incoming, outgoing) for closer in ("client", "server")
                     for pair in open_both_versions(view, 4, host=view)], interval=0.5)
        idle = [(view, self.half_closed(view, 10, closer))
                for view in (incoming, outgoing) for closer in ("client", "server")]
        until(lambda: daemon.stats()["probes.sent"] >= 80, 10)
        until(lambda: not daemon.flows("phase", "probing"), 5)
        stats = daemon.stats()
        self.assertEqual((stats["probes.sent"], stats["resets.sent"]), (80, 0), f"{stats}")
        for view, made in idle:
            self.assert_kept(view, made)
            for h in made:
                h.pair.end(h.holder).sendall(b"answer")
                h.pair.end(h.holder).close()
                self.assertEqual(h.pair.end(h.closer).recv(100), b"answer")
                self.assertEqual(h.pair.end(h.closer).recv(100), b"")
        self.assertEqual([str(stream) for stream in pump.finish()], [])

    def test_orphans_of_this_machine_are_known_over_both_ip_versions_without_a_test(self):
        daemon = self.following("local", {**ASKING, "orphan_test": "passive"})
        for view, closer in ((own.from_client(self.lab), "server"), (own.to_server(self.lab), "client")):
            self.assert_gone(view, self.half_closed(view, 20, closer, "close"))
        self.assert_confirmed(daemon, 40)

    def test_the_peer_is_told_once_by_the_kernel_that_ends_its_socket_or_by_finwaitd(self):
        daemon = self.following("local", RESETTING)
        view = own.from_client(self.lab)
        tap = Tap(self.lab.client)
        self.addCleanup(tap.close)
        kinds = (("client", "shutdown"), ("server", "shutdown"), ("server", "close"))
        made = [h for closer, how in kinds for h in self.half_closed(view, 10, closer, how)]
        self.assert_gone(view, made)
        self.assert_confirmed(daemon, 30)
        told = {}
        for captured in tap.take():
            if captured.segment.flags & packets.RST and not captured.outgoing:
                told.setdefault(captured.key, []).append(captured.segment)
        self.assertEqual(sorted(len(rsts) for rsts in told.values()), [1] * 30)
        self.assertEqual(set(told), {h.pair.key for h in made})

    def test_after_a_restart_own_sockets_are_asked_anew_and_only_the_orphans_among_them_end(self):
        daemon = self.following("local", {**ASKING, "fin_wait_2": patiently(4), "orphan_test": "passive"})
        view = own.from_client(self.lab)
        living = self.half_closed(view, 10, "client") + self.half_closed(view, 10, "server")
        orphans = self.half_closed(view, 10, "server", "close")
        self.assertEqual(daemon.stop(), 0)
        daemon.start()
        self.assertEqual(len(daemon.flows("state", "fin-wait-2")), 30)
        self.assert_gone(view, orphans, 12)
        until(lambda: daemon.stats()["probes.sent"] >= 60 and not daemon.flows("phase", "probing"), 8)
        self.assert_kept(view, living)
        for h in living:
            h.pair.end(h.holder).sendall(b"answer")
            self.assertEqual(h.pair.end(h.closer).recv(100), b"answer")

    def test_the_peers_of_orphans_that_this_machine_has_given_up_end_where_nothing_makes_conntrack_track(self):
        for packets_of in ("all", "selective"):
            with self.subTest(packets=packets_of):
                self.lab.gateway.sysctl(ipv4__tcp_fin_timeout=2)
                self.addCleanup(self.lab.gateway.sysctl, ipv4__tcp_fin_timeout=60)
                daemon = self.following("local", {**ASKING, "fin_wait_2": patiently(6), "orphan_test": "passive"}, packets=packets_of)
                made = [(view, h) for view, closer in ((own.from_client(self.lab), "server"), (own.to_server(self.lab), "client"))
                        for h in self.half_closed(view, 10, closer, "close")]
                keys = {h.pair.key if h.closer == "client" else h.pair.server_key for _, h in made}
                self.assertTrue(until(lambda: not keys & ss.table(self.lab.gateway).keys(), 5))
                for view, h in made:
                    self.assert_gone(view, [h], 20)
                self.assertEqual(daemon.stop(), 0)

    def test_a_socket_that_is_bound_to_a_device_is_found_and_kept_while_it_lives(self):
        daemon = self.following("local")
        view = own.from_client(self.lab)
        made = []
        for version in VERSIONS:
            listener = Listener(view, version, host=view)
            listener.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"to-client\0")
            made.append(halfclosed.HalfClosed(self.connection(view, version, listener), "server", "shutdown"))
        until(lambda: daemon.stats()["probes.sent"] >= 4, 10)
        until(lambda: not daemon.flows("phase", "probing"), 5)
        self.assertEqual(daemon.stats()["resets.sent"], 0)
        self.assert_kept(view, made)

    # What is in scope.

    def test_loopback_is_left_alone_unless_asked_for(self):
        view = own.loopback(self.lab)
        daemon = self.following("both", RESETTING)
        idle = self.half_closed(view, 20, "server")
        self.assertFalse(until(lambda: daemon.stats()["packets.seen"] > 0, 4))
        self.assert_kept(view, idle)
        self.assertEqual(daemon.stop(), 0)

        daemon = self.following("both", RESETTING, loopback=True)
        self.assert_gone(view, idle)  # they are older, and adopted
        for closer, how in (("client", "shutdown"), ("server", "shutdown"), ("client", "close"), ("server", "close")):
            self.assert_gone(view, self.half_closed(view, 10, closer, how))
        self.assert_confirmed(daemon, 60)

    def test_both_ends_forwarded_and_own_connections_alike_and_spares_those_in_use(self):
        for packets in ("selective", "all"):
            with self.subTest(packets=packets):
                daemon = self.following("both", RESETTING, packets=packets)
                views = (own.from_client(self.lab), own.to_server(self.lab))
                in_use = self.closing([pair for view in views for pair in open_both_versions(view, 4, host=view)]
                                      + open_both_versions(self.lab, 4))
                made = [(view, self.half_closed(view, 20, closer)) for view in views for closer in ("client", "server")]
                forwarded = halfclosed.make(self.lab, 40)
                self.closing(h.pair for h in forwarded)
                for view, idle in made:
                    self.assert_gone(view, idle)
                self.assert_gone(self.lab, forwarded)
                self.assert_confirmed(daemon, 120)
                for pair in in_use:
                    pair.talk()
                self.assertEqual(daemon.stop(), 0)
                self.assertEqual(firewall.own_rules(self.lab), [])

    def test_each_segment_is_seen_once_whichever_way_it_takes(self):
        for scope, ways in (("both", ("in", "out", "through")), ("local", ("in", "out"))):
            with self.subTest(scope=scope), self.counted() as passed:
                daemon = self.following(scope, {"fin_wait_2": "1h"}, packets="all")
                views = {"in": own.from_client(self.lab), "out": own.to_server(self.lab), "through": None}
                for view in (views[way] for way in ways):
                    pairs = open_both_versions(view or self.lab, 10, host=view)
                    for pair in pairs:
                        pair.finish("client", "shutdown")
                        pair.server.close()
                        pair.client.close()
                until(lambda: daemon.stats()["packets.seen"] >= passed(), 5)
                self.assertEqual(daemon.stats()["packets.seen"], passed())
                self.assertGreater(passed(), 6 * 10 * len(ways))
                self.assertEqual(daemon.stop(), 0)

    @contextlib.contextmanager
    def counted(self):
        """A function that tells how many TCP packets the gateway has received and made itself."""
        rules = (("iptables", "PREROUTING"), ("iptables", "OUTPUT"), ("ip6tables", "PREROUTING"), ("ip6tables", "OUTPUT"))
        for tool, chain in rules:
            self.lab.gateway.run(tool, "-t", "raw", "-A", chain, "-p", "tcp")

        def passed():
            total = 0
            for tool, chain in rules:
                lines = self.lab.gateway.run(tool, "-t", "raw", "-nvxL", chain).stdout.splitlines()
                total += sum(int(line.split()[0]) for line in lines[2:] if line.split()[2] not in ("FINWAITD", "DROP"))
            return total

        try:
            yield passed
        finally:
            for tool, chain in rules:
                self.lab.gateway.run(tool, "-t", "raw", "-D", chain, "-p", "tcp")

    # Under which names.

    def test_redirected_and_translated_connections_of_own_sockets_are_asked_and_reset_by_their_own_names(self):
        self.addCleanup(nat.remove, self.lab)
        incoming, outgoing = own.from_client(self.lab), own.to_server(self.lab)
        made = {"kept": [], "reset": []}
        daemon = self.following("both", {**ASKING, "orphan_test": "passive"})
        for version in VERSIONS:
            for view, add in ((incoming, self.redirect), (outgoing, self.translate_both)):
                for closer in ("client", "server"):
                    for fate, how in (("kept", "shutdown"), ("reset", "close")):
                        listener = Listener(view, version, host=view)
                        pair = self.connection(view, version, listener, add(version, listener.port))
                        self.assertNotEqual(pair.key, pair.server_key.turned())
                        made[fate].append((view, halfclosed.HalfClosed(pair, closer, how)))
        until(lambda: daemon.stats()["resets.confirmed"] >= 6, 10)
        # Of 8 orphans all are known, but for the two of other machines over IPv6.
        self.assert_confirmed(daemon, 6)
        for view, h in made["kept"]:
            self.assert_kept(view, [h])
            h.pair.end(h.holder).sendall(b"answer")
            self.assertEqual(h.pair.end(h.closer).recv(100), b"answer")
        self.assertEqual(self.foreign_orphans_over_ipv6(made["reset"]), 2)

    def foreign_orphans_over_ipv6(self, made):
        return sum(not halfclosed.not_in(view, [h], halfclosed.OPEN) for view, h in made)

    def redirect(self, version, port):
        """To a port of this machine; the one that the client is shown."""
        shown = SHOWN_PORT + port % 1000
        self.nat_rule(version, "PREROUTING", "-p", "tcp", "--dport", shown, "-j", "REDIRECT", "--to-ports", port)
        return own.from_client(self.lab).address[version], shown

    def translate_both(self, version, port):
        """Of a connection that begins here: whom it is to, and where it is from."""
        address = own.to_server(self.lab).address[version]
        bracketed = f"[{address}]" if version == 6 else address
        shown = "10.99.77.7" if version == 4 else "fd99:77::7"
        self.nat_rule(version, "OUTPUT", "-p", "tcp", "-d", shown, "--dport", port, "-j", "DNAT",
                      "--to-destination", f"{bracketed}:{port}")
        self.nat_rule(version, "POSTROUTING", "-p", "tcp", "-d", address, "--dport", port, "-j", "MASQUERADE",
                      "--to-ports", "2000-6999")
        self.lab.gateway.ip(f"route replace {shown} dev to-server")
        return shown, port

    def nat_rule(self, version, chain, *rule):
        self.lab.gateway.run("iptables" if version == 4 else "ip6tables", "-t", "nat", "-A", chain, *rule)


if __name__ == "__main__":
    case.main()
