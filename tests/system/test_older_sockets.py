"""This machine's own sockets that are older than the daemon: with scope "local" or "both" they are adopted from sock_diag, also
where conntrack knows nothing of them, and end as any others do."""

import contextlib
import json
import os
import socket

from harness import case, compare, halfclosed, own, ss
from harness.sockets import Listener, Pair, client_socket, open_both_versions
from harness.wait import patiently, until

ASKING = {"fin_wait_2": patiently(2), "on_expiry": "probe", "probe_interval": "1s", "probe_attempts": 3,
          "orphan_test": "passive"}
RESETTING = {**ASKING, "on_expiry": "reset"}


class OlderSockets(case.SystemTest):
    client_addresses = 8

    # What is there before the daemon.

    def half_closed(self, view, count, closer, how="shutdown"):
        pairs = self.closing(open_both_versions(view, count, host=view))
        made = [halfclosed.HalfClosed(pair, closer, how) for pair in pairs]
        self.assertEqual(halfclosed.become(view, made, halfclosed.OPEN, 5), [])
        return made

    def tracked(self):
        """A firewall with states, so that conntrack knows the connections before finwaitd asks it to."""
        rule = ("-m", "conntrack", "--ctstate", "ESTABLISHED", "-j", "ACCEPT")
        for tool in ("iptables", "ip6tables"):
            for chain in ("INPUT", "OUTPUT"):
                self.lab.gateway.run(tool, "-A", chain, *rule)
                self.addCleanup(self.lab.gateway.run, tool, "-D", chain, *rule)

    def forgotten(self):
        self.lab.gateway.run("conntrack", "-F", check=False)

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

    def reboot(self, namespace, made):
        """Its ends of these are gone, and no RST has told anybody."""
        # Two clients with different addresses may have the same port.
        names = [f"src {ss.endpoint_text(h.pair.key.address, h.pair.key.port)}" for h in made]
        with self.unplugged(namespace):
            for i in range(0, len(names), 50):
                namespace.run("ss", "-K", "-t", "-a", f"( {' or '.join(names[i:i + 50])} )", check=False)

    def dual_stack(self, view, closer):
        """A connection over IPv4 whose server is a socket of IPv6."""
        with self.lab.gateway.entered():
            listening = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        with contextlib.closing(listening):
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            listening.bind(("::", 0))
            listening.listen(1)
            client = client_socket(view, 4)
            client.settimeout(10)
            client.connect((view.address[4], listening.getsockname()[1]))
            pair = Pair(4, client, listening.accept()[0])
        self.closing([pair])
        pair.server.settimeout(10)
        pair.talk()
        return halfclosed.HalfClosed(pair, closer, "shutdown")

    # What becomes of it.

    def started(self, scope, timeouts, **intercept):
        daemon = self.daemon({"intercept": {"scope": scope, **intercept}, "timeouts": timeouts})
        self.assertTrue(until(lambda: "adopted" in daemon.log(), 15), daemon.log())
        return daemon

    def assert_listed(self, daemon, made):
        """With the right closer, whatever shard has them."""
        missing = []

        def all_listed():
            flows = {compare.flow_key(f): f for f in daemon.flows("state", "fin-wait-2")}
            both = {**flows, **{key.turned(): flow for key, flow in flows.items()}}
            missing[:] = [str(h) for h in made if h.pair.key not in both or
                          not self.closer_is(both[h.pair.key], h)]
            return not missing

        until(all_listed, 10)
        self.assertEqual(missing, [])

    @staticmethod
    def closer_is(flow, h):
        end = flow[flow["closer"]]
        key = h.pair.key
        name = (key.address, key.port) if h.closer == "client" else (key.peer_address, key.peer_port)
        return (ss.canonical(end["addr"]), end["port"]) == name

    def assert_gone(self, view, made, seconds=20):
        self.assertEqual(halfclosed.become(view, made, halfclosed.GONE, seconds), [])

    def assert_kept(self, view, made):
        self.assertEqual(halfclosed.not_in(view, made, halfclosed.OPEN), [])
        for h in made[::10]:
            h.pair.end(h.holder).sendall(b"answer")
            self.assertEqual(h.pair.end(h.closer).recv(100), b"answer")

    def assert_confirmed(self, daemon, count):
        until(lambda: daemon.stats()["resets.confirmed"] >= count, 15)
        stats = daemon.stats()
        self.assertEqual([stats[f"resets.{result}"] for result in ("confirmed", "unconfirmed", "refused")],
                         [count, 0, 0], f"{stats}")

    # Living ones.

    def keeps_the_living(self, scope, **intercept):
        incoming, outgoing = own.from_client(self.lab), own.to_server(self.lab)
        made = [(view, self.half_closed(view, 40, closer)) for view in (incoming, outgoing)
                for closer in ("client", "server")]
        made.append((incoming, [self.dual_stack(incoming, closer) for closer in ("client", "server")]))
        daemon = self.started(scope, {**ASKING, "fin_wait_2": patiently(6)}, **intercept)
        for _, some in made:
            self.assert_listed(daemon, some)
        # Each is asked for its numbers, and when its time is up whether it lives.
        until(lambda: self.left(daemon) >= 162, 40)
        self.assertEqual(daemon.stats()["resets.sent"], 0, f"{daemon.stats()}")
        for view, some in made:
            self.assert_kept(view, some)

    def left(self, daemon):
        flows = daemon.flows("state", "fin-wait-2")
        return sum(flow["phase"] == "watching" and flow["idle_s"] > 6 for flow in flows)

    def test_the_living_are_adopted_and_kept_where_conntrack_knows_nothing_of_them(self):
        self.keeps_the_living("local")

    def test_the_living_are_adopted_and_kept_where_conntrack_knows_them(self):
        self.tracked()
        self.keeps_the_living("local")

    def test_the_living_are_adopted_and_kept_in_both_scopes_with_several_queues(self):
        self.tracked()
        self.keeps_the_living("both", queues=3)

    def test_the_living_are_adopted_and_kept_where_all_packets_are_queued(self):
        self.keeps_the_living("both", packets="all")

    # Those that hang.

    def ends_what_hangs(self, scope, known, **intercept):
        if known:
            self.tracked()
        incoming, outgoing = own.from_client(self.lab), own.to_server(self.lab)
        rebooted = self.half_closed(incoming, 150, "client")
        far = self.half_closed(outgoing, 50, "server")
        waiting = self.half_closed(incoming, 100, "server")
        living = self.half_closed(incoming, 20, "client")
        dual = self.dual_stack(incoming, "client")
        self.reboot(self.lab.client, rebooted + waiting + [dual])
        if not known:
            self.forgotten()
        hanging = {h.pair.server_key for h in rebooted + waiting + [dual]}
        daemon = self.started(scope, ASKING, **intercept)
        left = lambda: hanging & ss.table(self.lab.gateway).keys()
        until(lambda: not left(), 40)
        self.assertEqual(left(), set())
        self.assert_confirmed(daemon, 251)
        self.assertEqual(halfclosed.not_in(incoming, living, halfclosed.OPEN), [])
        self.assertEqual(halfclosed.not_in(outgoing, far, halfclosed.OPEN), [])
        return daemon

    def test_several_hundred_sockets_whose_peers_have_rebooted_end_where_conntrack_has_forgotten_them(self):
        daemon = self.ends_what_hangs("local", known=False)
        self.assert_ends_are_told(daemon, 251)

    def test_several_hundred_sockets_whose_peers_have_rebooted_end_where_conntrack_knows_them(self):
        self.ends_what_hangs("both", known=True, queues=2)

    def test_older_sockets_are_reset_without_being_asked_where_a_policy_says_so(self):
        incoming, outgoing = own.from_client(self.lab), own.to_server(self.lab)
        made = [(view, self.half_closed(view, 50, closer)) for view in (incoming, outgoing)
                for closer in ("client", "server")]
        daemon = self.started("local", RESETTING)
        for view, some in made:
            self.assert_gone(view, some)
        self.assert_confirmed(daemon, 200)
        self.assert_ends_are_told(daemon, 200)

    def test_orphans_of_this_machine_that_are_older_end_with_their_peers(self):
        incoming, outgoing = own.from_client(self.lab), own.to_server(self.lab)
        made = [(incoming, self.half_closed(incoming, 50, "server", "close")),
                (outgoing, self.half_closed(outgoing, 50, "client", "close"))]
        daemon = self.started("local", ASKING)
        for view, some in made:
            self.assert_gone(view, some)
        self.assert_confirmed(daemon, 100)

    # What is told of their ends.

    def assert_ends_are_told(self, daemon, count):
        told = self.told(daemon.ctl("events").stdout.splitlines())
        self.assertEqual((told.count("confirmed"), told.count("tcp_closed")), (count, 0))

    @staticmethod
    def told(lines):
        """Of each event its type, of a reset its outcome where it has one."""
        events = [json.loads(line) for line in lines]
        return [e["finwaitd"].get("outcome", e["event_type"]) for e in events]

    def test_a_kill_of_older_sockets_is_told_as_confirmed_by_kill_events_and_audit(self):
        view = own.from_client(self.lab)
        made = self.half_closed(view, 20, "client") + self.half_closed(view, 20, "server")
        audit = os.path.join(os.path.dirname(self.daemon({}, start=False).config), "audit.json")
        daemon = self.daemon({"intercept": {"scope": "local"}, "timeouts": {**ASKING, "fin_wait_2": "1h"},
                              "log": {"audit": audit}})
        self.assertTrue(until(lambda: "adopted" in daemon.log(), 15), daemon.log())
        self.assert_listed(daemon, made)
        # By then each has told its numbers, and has come into the shard that its segments come to.
        self.assertTrue(until(lambda: daemon.stats()["probes.answers.alive"] >= 80, 15))
        ended = json.loads(daemon.ctl("kill", "state", "fin-wait-2", "--yes", "--json", timeout=60).stdout)
        self.assertEqual({flow["outcome"] for flow in ended}, {"confirmed"})
        self.assertEqual(len(ended), 40)
        self.assert_gone(view, made)
        self.assert_confirmed(daemon, 40)
        self.assert_ends_are_told(daemon, 40)
        self.assertEqual(daemon.stop(), 0)
        with open(audit, encoding="utf-8") as file:
            told = self.told(file)
        self.assertEqual((told.count("confirmed"), told.count("tcp_closed")), (40, 0))

    # What else there may be.

    def test_sockets_that_wait_for_nothing_are_not_taken_for_half_closed(self):
        view = own.from_client(self.lab)
        pairs = open_both_versions(view, 20, host=view)
        established = self.closing(open_both_versions(view, 20, host=view))
        for pair in pairs:  # the gateway's sockets become TIME-WAIT
            pair.server.close()
            pair.client.close()
        daemon = self.started("local", RESETTING)
        self.assertFalse(until(lambda: daemon.stats()["resets.sent"] > 0, 5))
        self.assertEqual(daemon.flows("state", "fin-wait-2"), [])
        for pair in established:
            pair.talk()

    def test_loopback_is_adopted_only_where_it_is_asked_for(self):
        view = own.loopback(self.lab)
        made = self.half_closed(view, 20, "server")
        daemon = self.started("local", RESETTING)
        self.assertFalse(until(lambda: daemon.stats()["flows.total"] > 0, 3))
        self.assertEqual(daemon.stop(), 0)
        daemon = self.started("local", RESETTING, loopback=True)
        self.assert_gone(view, made)
        self.assert_confirmed(daemon, 20)

    def test_what_the_state_file_knows_and_what_it_does_not_are_both_followed(self):
        view = own.from_client(self.lab)
        daemon = self.daemon({"intercept": {"scope": "local"}, "timeouts": {**ASKING, "fin_wait_2": "1h"}})
        known = self.half_closed(view, 20, "client")
        open_pairs = self.closing(open_both_versions(view, 20, host=view))
        self.assert_listed(daemon, known)
        self.assertEqual(daemon.stop(), 0)
        self.assertTrue(os.path.exists(daemon.state))
        meanwhile = [halfclosed.HalfClosed(pair, "client", "shutdown") for pair in open_pairs]
        unknown = self.half_closed(view, 20, "server")
        self.forgotten()
        daemon.start()
        self.assertIn("flows taken over", daemon.log())
        self.assert_listed(daemon, known + meanwhile + unknown)
        self.assertEqual(daemon.stats()["resets.sent"], 0)


if __name__ == "__main__":
    case.main()
