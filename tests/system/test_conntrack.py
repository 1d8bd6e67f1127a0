"""conntrack's own clock: a half-close that is idle for longer than conntrack would remember it keeps its entry, its NAT mapping
and our mark, and still finishes. And its entry goes when it has been reset. FINWAITD_IDLE: for how many seconds it is idle."""

import contextlib
import os
import re
import time

from harness import case, compare, halfclosed, nat, packets
from harness.daemon import binary
from harness.sockets import Listener, Pair, client_socket, open_both_versions, open_pairs
from harness.topology import SERVER
from harness.wait import patiently, until

SHORT = 10
IDLE = int(os.environ.get("FINWAITD_IDLE", "15"))
STATES = ("fin_wait", "close_wait", "last_ack", "time_wait")
PER_ROW = 3
MARK = 0x40000000


def table(lab, version):
    """The lines of conntrack's table."""
    family = "ipv6" if version == 6 else "ipv4"
    return lab.gateway.run("conntrack", "-L", "-f", family, "-p", "tcp").stdout.splitlines()


def entries(lab, pair):
    """Lines of conntrack's table about the connection between these two ends."""
    return lines_of(table(lab, pair.version), pair)


def lines_of(lines, pair):
    client, server = pair.key, pair.server_key
    own = [rf"^.*? src={re.escape(client.address)} .*?sport={client.port} ", rf" src={re.escape(server.address)} .*?sport={server.port} "]
    return [line for line in lines if all(re.search(pattern, line) for pattern in own)]


class Conntrack(case.SystemTest):
    def setUp(self):
        super().setUp()
        nat.add_by_iptables(self.lab)
        self.addCleanup(nat.remove, self.lab)

    def timeouts(self, seconds):
        before = {state: self.timeout(state) for state in STATES}
        self.set_timeouts({state: seconds for state in STATES})
        self.addCleanup(self.set_timeouts, before)

    def set_timeouts(self, values):
        self.lab.gateway.sysctl(**{f"netfilter__nf_conntrack_tcp_timeout_{state}": value for state, value in values.items()})

    def timeout(self, state):
        path = f"/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_{state}"
        return int(self.lab.gateway.run("cat", path).stdout)

    def half_closes(self):
        """Of every kind of NAT, over both IP versions, closed by either side."""
        made = self.half_closing()
        self.assertEqual(halfclosed.become(self.lab, made, halfclosed.OPEN, 2), [])
        return made

    def half_closing(self):
        made = []
        for kind in nat.KINDS:
            for version in (4, 6):
                pairs = self.closing(nat.open_pairs(self.lab, kind, version, PER_ROW))
                made += [halfclosed.HalfClosed(pair, "client" if i % 2 else "server", "shutdown")
                         for i, pair in enumerate(pairs)]
        return made

    def finish(self, made):
        for h in made:
            h.pair.end(h.holder).sendall(b"late")
            h.pair.end(h.holder).close()
        for h in made:
            self.assertEqual(h.pair.end(h.closer).recv(16), b"late", f"{h}")
            self.assertEqual(h.pair.end(h.closer).recv(16), b"", f"{h}")


class Idle(Conntrack):
    def setUp(self):
        super().setUp()
        for tool in ("iptables", "ip6tables"):
            # What conntrack has forgotten does not pass any more, without NAT either.
            strict = ("FORWARD", "-m", "conntrack", "--ctstate", "INVALID,NEW", "-p", "tcp", "!", "--syn", "-j", "DROP")
            self.lab.gateway.run(tool, "-A", *strict)
            self.addCleanup(self.lab.gateway.run, tool, "-D", *strict, check=False)
        self.timeouts(SHORT)

    def outlives_conntracks_clock(self, settings, said):
        daemon = self.daemon({"timeouts": {"fin_wait_2": "10m", "on_expiry": "observe"}, **settings})
        self.assertRegex(daemon.log(), "nf_conntrack_tcp_timeout_close_wait is 10s .*" + said)
        made = self.half_closes()
        self.assertTrue(until(lambda: daemon.stats()["flows.half_closed"] == len(made), 3))
        before = {h: entries(self.lab, h.pair) for h in made}
        time.sleep(IDLE)
        for h in made:
            now = entries(self.lab, h.pair)
            self.assertEqual((len(before[h]), len(now)), (1, 1), f"{h}")
            # Where a FIN has been repeated, conntrack has taken the connection for over at first.
            self.assertIn("CLOSE_WAIT", now[0])
            self.assertEqual(self.without_state(now[0]), self.without_state(before[h][0]), f"{h}")
            if settings.get("intercept", {}).get("packets") != "all":
                self.assertIn(f"mark={MARK} ", now[0])
        self.finish(made)
        # The late FIN was seen: its flow is no longer half-closed.
        self.assertTrue(until(lambda: daemon.stats()["flows.half_closed"] == 0, 3))
        print(f"\n  {len(made)} half-closes, idle for {IDLE} s, and conntrack gives them {SHORT} s ... ", end="")
        return daemon

    def test_entries_are_kept_alive_one_by_one(self):
        self.outlives_conntracks_clock({}, "kept alive one by one")
        self.assertEqual(self.timeout("close_wait"), SHORT)

    def test_entries_are_kept_alive_one_by_one_when_all_packets_are_queued(self):
        self.outlives_conntracks_clock({"intercept": {"packets": "all"}}, "kept alive one by one")

    def test_timeouts_are_raised_until_the_end(self):
        daemon = self.outlives_conntracks_clock({"conntrack": {"manage_timeouts": True}}, "it was raised to")
        self.assertGreater(self.timeout("close_wait"), 600)
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual([self.timeout(state) for state in STATES], [SHORT] * len(STATES))

    def test_a_repeated_fin_which_conntrack_takes_for_the_other_sides_ends_no_entry(self):
        daemon = self.daemon({"timeouts": {"fin_wait_2": "10m", "on_expiry": "observe"}})
        with self.fins_lost_on_arrival():
            made = self.half_closing()
            time.sleep(1)
        before = self.led_astray(made)
        self.assertEqual(halfclosed.become(self.lab, made, halfclosed.OPEN, 10), [])
        self.assertTrue(until(lambda: daemon.stats()["flows.half_closed"] == len(made), 3))
        time.sleep(IDLE)
        for h in made:
            now = entries(self.lab, h.pair)
            self.assertEqual(len(now), 1, f"{h}")
            self.assertIn("CLOSE_WAIT", now[0])
            self.assertEqual(self.without_state(now[0]), self.without_state(before[h]), f"{h}")
        # It has no state file after that; what it knows, it knows from conntrack.
        daemon.kill9()
        again = self.daemon({"timeouts": {"fin_wait_2": "10m", "on_expiry": "observe"}})
        self.assertTrue(until(lambda: again.stats()["flows.half_closed"] == len(made), 3), again.log())
        self.finish(made)

    def led_astray(self, made):
        """Their entries when conntrack took them for over. The first is put right two seconds later, so all are looked at again
        and again."""
        found = {}

        def all_seen():
            tables = {version: table(self.lab, version) for version in (4, 6)}
            for h in made:
                for line in lines_of(tables[h.pair.version], h.pair):
                    if re.search("TIME_WAIT|LAST_ACK", line):
                        found[h] = line
            return len(found) == len(made)

        self.assertTrue(until(all_seen, 10), [entries(self.lab, h.pair) for h in made if h not in found])
        return found

    @contextlib.contextmanager
    def fins_lost_on_arrival(self):
        rule = ("PREROUTING", "-p", "tcp", "--tcp-flags", "FIN", "FIN", "-j", "DROP")
        for host in (self.lab.client, self.lab.server):
            for tool in ("iptables", "ip6tables"):
                host.run(tool, "-t", "raw", "-A", *rule)
                self.addCleanup(host.run, tool, "-t", "raw", "-D", *rule, check=False)
        yield
        for host in (self.lab.client, self.lab.server):
            for tool in ("iptables", "ip6tables"):
                host.run(tool, "-t", "raw", "-D", *rule)

    @staticmethod
    def without_state(line):
        """What remains the same: its names, its flags and its mark, but not its clock, nor by how many it is in use just now."""
        line = re.sub(r"^(\S+ +\d+ )\d+ (CLOSE_WAIT|TIME_WAIT|LAST_ACK) ", r"\1", line)
        return re.sub(r" use=\d+$", "", line)

    def test_answers_to_probes_set_the_clock_back_and_the_entry_lives_on(self):
        daemon = self.daemon({"timeouts": {"fin_wait_2": "2s", "on_expiry": "probe", "probe_interval": "1s"}})
        made = self.half_closes()
        self.assertTrue(until(lambda: daemon.stats()["probes.sent"] >= 2 * len(made), 10))
        time.sleep(SHORT + 4)
        self.assertEqual([h for h in made if len(entries(self.lab, h.pair)) != 1], [])
        self.finish(made)


class Removal(Conntrack):
    def reset(self, packets):
        daemon = self.daemon({"timeouts": halfclosed.RESETTING, "intercept": {"packets": packets}})
        made = self.half_closes()
        kept = self.closing(open_pairs(self.lab, 3, 4) + open_pairs(self.lab, 3, 6))
        self.assertEqual([h for h in made if len(entries(self.lab, h.pair)) != 1], [])
        self.assertEqual(halfclosed.become(self.lab, made, halfclosed.GONE, 10), [])
        self.assertTrue(until(lambda: daemon.stats()["resets.confirmed"] == len(made), 10), daemon.stats())
        gone = until(lambda: not any(entries(self.lab, h.pair) for h in made), 2)
        self.assertTrue(gone, [entries(self.lab, h.pair) for h in made])
        self.assertEqual([pair for pair in kept if len(entries(self.lab, pair)) != 1], [])
        return made

    def test_the_entry_goes_with_a_confirmed_reset_and_a_new_connection_has_the_same_ports_at_once(self):
        made = self.reset("selective")
        rows = [(kind, version) for kind in nat.KINDS for version in (4, 6)]
        for (kind, version), h in zip(rows, made[::PER_ROW]):
            [pair] = self.closing(nat.open_pairs(self.lab, kind, version, 1, h.pair.key[:2]))
            self.assertEqual(pair.key, h.pair.key)
            pair.talk()
            self.assertEqual(len(entries(self.lab, pair)), 1)

    def test_the_entry_goes_when_all_packets_are_queued(self):
        self.reset("all")

    def test_an_entry_stays_while_its_end_is_not_confirmed(self):
        daemon = self.daemon({"timeouts": {"fin_wait_2": "2s", "on_expiry": "observe"}})
        made = self.half_closes()
        self.assertTrue(until(lambda: daemon.stats()["flows.half_closed"] == len(made), 3))
        time.sleep(4)
        self.assertEqual([h for h in made if len(entries(self.lab, h.pair)) != 1], [])


class Unknown(case.SystemTest):
    """Connections that conntrack does not know when their FIN passes: it calls that FIN INVALID, and begins no entry for it."""

    TIMEOUTS = {"fin_wait_2": patiently(2), "on_expiry": "probe", "probe_interval": "1s", "probe_attempts": 3}

    def followed(self, **settings):
        return self.daemon({"timeouts": self.TIMEOUTS, **settings})

    def half_closed(self, pairs, how):
        made = [halfclosed.HalfClosed(pair, ("client", "server")[i // 2 % 2], how) for i, pair in enumerate(pairs)]
        self.assertEqual(halfclosed.become(self.lab, made, halfclosed.OPEN, 3), [])
        return made

    def assert_orphans_end_and_the_living_stay(self, daemon, orphans, living):
        orphans, living = self.half_closed(orphans, "close"), self.half_closed(living, "shutdown")
        everyone = {h.pair.key for h in (*orphans, *living)}
        listed = lambda: {key for f in daemon.flows("state", "fin-wait-2") for key in (compare.flow_key(f), compare.flow_key(f).turned())}
        self.assertTrue(until(lambda: everyone <= listed() or daemon.stats()["resets.sent"], 3), f"{everyone - listed()}")
        self.assertEqual(halfclosed.become(self.lab, orphans, halfclosed.GONE, 20), [])
        self.assertEqual(halfclosed.not_in(self.lab, living, halfclosed.OPEN), [])
        for h in living:
            h.pair.end(h.holder).sendall(b"late")
            self.assertEqual(h.pair.end(h.closer).recv(16), b"late")
            h.pair.end(h.holder).close()
            self.assertEqual(h.pair.end(h.closer).recv(16), b"")

    def test_those_that_are_older_than_any_use_of_conntrack_end_once_the_holder_has_shown_that_it_has_not_closed(self):
        pairs = self.closing(open_both_versions(self.lab, 16))
        daemon = self.followed(timeouts=halfclosed.RESETTING)
        self.assertEqual(daemon.flows(), [])
        made = self.half_closed(pairs, "shutdown")
        self.assertTrue(until(lambda: len(daemon.flows()) == len(made), 3), daemon.stats())
        self.assertFalse(until(lambda: daemon.stats()["resets.sent"], 4, interval=0.5))  # perhaps the other has closed before
        for h in made:
            h.pair.end(h.holder).sendall(b"late")
            self.assertEqual(h.pair.end(h.closer).recv(16), b"late")
        self.assertEqual(halfclosed.become(self.lab, made, halfclosed.GONE, 20), [])

    def test_those_that_conntrack_has_forgotten_end_where_they_are_orphans_and_only_there(self):
        daemon = self.followed()
        pairs = self.closing(open_pairs(self.lab, 16, 4))
        self.lab.gateway.run("conntrack", "-F")
        self.assert_orphans_end_and_the_living_stay(daemon, pairs[:8], pairs[8:])

    def test_over_ipv6_those_that_it_has_forgotten_are_reset_where_a_policy_says_so(self):
        daemon = self.followed(timeouts=halfclosed.RESETTING)
        pairs = self.closing(open_pairs(self.lab, 8, 6))
        self.lab.gateway.run("conntrack", "-F")
        made = self.half_closed(pairs, "close")
        self.assertEqual(halfclosed.become(self.lab, made, halfclosed.GONE, 20), [])
        self.assertTrue(until(lambda: daemon.stats()["resets.confirmed"] == 8, 10), daemon.stats())

    def test_that_nobody_sees_what_passes_while_finwaitd_is_stopped_is_said_at_its_start_and_by_check(self):
        said = "No rule makes conntrack track connections"
        selective = self.daemon(start=False)
        found = self.lab.gateway.run(binary("finwaitctl"), "check", "--system", selective.config, check=False).stdout
        self.assertRegex(found, rf"warning +tracking +{said}, and finwaitd's own rules do so only while it runs")
        daemon = self.followed(intercept={"packets": "all"})
        check = lambda: self.lab.gateway.run(binary("finwaitctl"), "check", "--system", daemon.config, check=False).stdout
        flat = lambda text: " ".join(text.split())
        self.assertTrue(until(lambda: said in daemon.log(), 5), daemon.log())
        self.assertIn("To do: a rule for IPv4 and IPv6 that needs conntrack", daemon.log())
        self.assertIn(said, flat(check()))
        self.assertEqual(daemon.stop(), 0)
        rule = ("FORWARD", "-m", "conntrack", "--ctstate", "ESTABLISHED", "-j", "ACCEPT")
        self.lab.gateway.run("iptables", "-A", *rule)
        self.addCleanup(self.lab.gateway.run, "iptables", "-D", *rule)
        before = len(daemon.log())
        daemon.start()
        self.assertTrue(until(lambda: "follows TCP" in daemon.log()[before:], 5))
        self.assertNotIn(said, daemon.log()[before:])
        self.assertNotIn(said, flat(check()))

    def test_forged_fins_of_open_connections_end_none_and_are_taken_back(self):
        pairs = self.closing(open_pairs(self.lab, 8, 4))
        daemon = self.followed(timeouts={**self.TIMEOUTS, "fin_wait_1": "3s"})
        wire = packets.Wire(self.lab)
        self.addCleanup(wire.close)
        for pair in pairs:
            key = pair.key
            fin = packets.tcp(key.port, key.peer_port, 4711, 815, packets.FIN | packets.ACK)
            fin = packets.with_checksum(key.address, key.peer_address, fin)
            wire.send(packets.ip4(key.address, key.peer_address, fin), 4)
        self.assertTrue(until(lambda: daemon.stats()["packets.seen"] >= len(pairs), 3))
        self.assertFalse(until(lambda: daemon.stats()["resets.sent"], 8, interval=0.5))
        self.assertEqual(daemon.flows("state", "fin-wait-1") + daemon.flows("state", "fin-wait-2"), [])
        for pair in pairs:
            pair.talk()

    def test_a_handshake_after_a_forged_signed_syn_is_listed_as_the_ends_have_it(self):
        daemon = self.followed()
        wire = packets.Wire(self.lab)
        self.addCleanup(wire.close)
        md5 = bytes([19, 18]) + bytes(16) + bytes(2)
        pairs = []
        for i in range(8):
            listener = Listener(self.lab, 4)
            self.addCleanup(listener.socket.close)
            address, port = self.lab.clients(4)[i % self.lab.client_addresses], 20000 + i
            for number in (1, 1 << 30, 1 << 31, 3 << 30):
                syn = packets.tcp(port, listener.port, number, 0, packets.SYN, options=md5)
                syn = packets.with_checksum(address, SERVER[4], syn)
                wire.send(packets.ip4(address, SERVER[4], syn), 4)
            client = client_socket(self.lab, 4, address, port)
            client.settimeout(10)
            client.connect((SERVER[4], listener.port))
            listener.socket.settimeout(10)
            pairs += self.closing([Pair(4, client, listener.socket.accept()[0])])
        for pair in pairs:
            pair.server.settimeout(10)
            pair.talk()
        keys = [pair.key for pair in pairs]
        until(lambda: compare.against_ss(daemon, keys).all_agree(), 3)
        self.assert_agrees(compare.against_ss(daemon, keys))


if __name__ == "__main__":
    case.main()
