"""Connections that are older than the daemon: taken over from conntrack, settled by asking, and then like any other."""

import json
import os
import random
import socket
import time

from harness import case, compare, halfclosed, hosts, nat, packets, ss
from harness.sockets import open_both_versions
from harness.topology import GATEWAY
from harness.wait import until

PATIENT = {"timeouts": {"fin_wait_2": "10m"}}
LONG = {"netfilter__nf_conntrack_tcp_timeout_close_wait": 3600, "netfilter__nf_conntrack_tcp_timeout_fin_wait": 3600}


class Adoption(case.SystemTest):
    client_addresses = 32

    def setUp(self):
        super().setUp()
        self.lab.gateway.sysctl(**LONG)  # opening and closing thousands may take a slow machine longer than a minute
        for tool in ("iptables", "ip6tables"):  # a firewall with states, without which conntrack sees nothing
            rule = ("FORWARD", "-m", "conntrack", "--ctstate", "ESTABLISHED", "-j", "ACCEPT")
            self.lab.gateway.run(tool, "-A", *rule)
            self.addCleanup(self.lab.gateway.run, tool, "-D", *rule)

    def half_closed(self, count):
        idle = halfclosed.make(self.lab, count)
        self.closing(h.pair for h in idle)
        self.assertEqual(halfclosed.become(self.lab, idle, halfclosed.OPEN, 5), [])
        return idle

    @staticmethod
    def started_anew(daemon):
        """What the next start logs, with no state to take over."""
        if os.path.exists(daemon.state):
            os.unlink(daemon.state)
        before = len(daemon.log())
        daemon.start()
        return daemon.log()[before:]

    def adopted(self, daemon, count, half_closed):
        """Waits until the table has been read, and until what was half-closed has been asked."""
        wanted = f"adopted {count} connections from conntrack, {half_closed} of them half-closed"
        self.assertTrue(until(lambda: wanted in daemon.log(), 10), daemon.log())
        print(f"\n  {daemon.log()[daemon.log().index(wanted):].splitlines()[0]} ... ", end="")

    def settle(self, daemon, half_closed, seconds=25):
        """Waits until these have been asked and have answered: every tenth one's numbers are looked at. An answer that is lost
        under load comes to the second question, after probe_interval, 15 s."""
        wrong = []

        def settled():
            flows = {compare.flow_key(f): f for f in daemon.flows()}
            # One that changes its shard just now is in neither's part of the list.
            wrong[:] = [str(h) for h in half_closed if flows.get(h.pair.key, {}).get("phase") != "watching"]
            wrong.extend(f"{h}: {sides}" for h in half_closed[::10] if not wrong
                         for sides in [self.sides(daemon, flows[h.pair.key])]
                         if not sides or not self.agreed(sides[h.closer], sides[h.holder]))
            return not wrong

        until(settled, seconds)
        self.assertEqual(wrong, [])

    @staticmethod
    def sides(daemon, flow):
        """What is known of both; None when the flow has got another name since it was listed."""
        shown = daemon.ctl("show", flow["id"], "--json", check=False)
        return json.loads(shown.stdout)["sides"] if shown.returncode == 0 else None

    @staticmethod
    def agreed(closer, holder):
        exact = closer["exact"] and holder["exact"]
        return exact and (closer["fin"], closer["ack"]) == (holder["ack"], holder["next"])

    def assert_right(self, daemon, half_closed, established):
        flows = {compare.flow_key(f): f for f in daemon.flows()}
        for h in half_closed:
            self.assertEqual(flows[h.pair.key]["closer"], h.closer, str(h))
            self.assertTrue(flows[h.pair.key]["adopted"])
        for pair in established:
            self.assertIsNone(flows[pair.key]["closer"])
            self.assertTrue(flows[pair.key]["adopted"])
        found = compare.against_ss(daemon, {p.key for p in (*established, *(h.pair for h in half_closed))})
        print(f"\n  {found.agreed} sides agree with ss ... ", end="")
        self.assert_agrees(found)


class Everything(Adoption):
    def adopts_everything(self, queues, packets="selective", first=False):
        settings = {**PATIENT, "intercept": {"queues": queues, "packets": packets}}
        daemon = self.daemon(settings, start=not first)
        established = self.closing(open_both_versions(self.lab, 1000))
        idle = self.half_closed(1000)
        if not first:
            self.assertTrue(until(lambda: len(daemon.flows("state", "fin-wait-2")) == 1000, 5))
            self.assertEqual(daemon.stop(), 0)
        begun = time.monotonic()
        self.started_anew(daemon)
        self.adopted(daemon, 2000, 1000)
        self.settle(daemon, idle)
        print(f"settled {time.monotonic() - begun:.1f} s after the start ... ", end="")
        self.assert_right(daemon, idle, established)
        self.assertEqual(daemon.stats()["resets.sent"], 0)
        for pair in established[:100]:
            pair.talk()
            pair.finish("server")
        for h in idle[:100]:
            h.pair.end(h.holder).close()
        self.assertTrue(until(lambda: self.finished(daemon, established[:100], idle[:100]), 5))
        self.assert_agrees(compare.against_ss(daemon, {p.key for p in established[:100]}))

    def finished(self, daemon, half, over):
        flows = {compare.flow_key(f): f for f in daemon.flows()}
        if not {p.key for p in half} <= set(flows):
            return False  # one changes its shard just now
        states = [(flows[p.key]["client"]["state"], flows[p.key]["server"]["state"]) for p in half]
        ends = [{flows[h.pair.key][side]["state"] for side in ("client", "server")} for h in over
                if h.pair.key in flows]
        return set(states) == {("close-wait", "fin-wait-2")} and all(e <= {"closed", "time-wait"} for e in ends)

    def test_after_a_stop_without_a_snapshot_one_queue(self):
        self.adopts_everything(1)

    def test_after_a_stop_without_a_snapshot_three_queues(self):
        self.adopts_everything(3)

    def test_after_a_stop_without_a_snapshot_all_packets(self):
        self.adopts_everything(2, packets="all")

    def test_at_the_first_start_of_all_one_queue(self):
        self.adopts_everything(1, first=True)

    def test_at_the_first_start_of_all_two_queues(self):
        self.adopts_everything(2, first=True)


class Orphans(Adoption):
    IMPATIENT = {"fin_wait_2": "3s", "probe_interval": "1s", "probe_attempts": 3}

    def ended_and_kept(self, queues, away):
        """Half-closed with hosts that are `away` when the daemon starts, and with one that lives."""
        daemon = self.daemon({"timeouts": self.IMPATIENT, "intercept": {"queues": queues}}, start=False)
        host = hosts.Host(self.lab, len(self.lab.hosts) + 1)
        self.addCleanup(host.close)
        pairs = self.closing(open_both_versions(self.lab, 40, host=host))
        orphans = [halfclosed.HalfClosed(p, ("client", "server")[i // 2 % 2], "shutdown") for i, p in enumerate(pairs)]
        living = [h for h in self.half_closed(80) if h.how == "shutdown"]
        time.sleep(0.2)
        away(host)
        self.started_anew(daemon)
        left = [h.pair.key for h in orphans]
        self.assertTrue(until(lambda: not set(left) & set(ss.table(self.lab.client)), 20), daemon.stats())
        self.assertEqual(halfclosed.not_in(self.lab, living, halfclosed.OPEN), [])
        for h in living:
            h.pair.end(h.holder).sendall(b"late")
            self.assertEqual(h.pair.end(h.closer).recv(16), b"late")
            h.pair.end(h.holder).close()
            self.assertEqual(h.pair.end(h.closer).recv(16), b"")
        self.assertEqual(daemon.stats()["resets.refused"], 0)

    def test_those_of_a_host_without_power_are_ended_and_the_living_kept_one_queue(self):
        self.ended_and_kept(1, lambda host: host.power_off())

    def test_those_of_a_host_without_power_are_ended_and_the_living_kept_two_queues(self):
        self.ended_and_kept(2, lambda host: host.power_off())

    def test_those_of_a_host_that_has_been_rebooted_are_ended_and_the_living_kept_one_queue(self):
        self.ended_and_kept(1, lambda host: host.reboot())

    def test_those_of_a_host_that_has_been_rebooted_are_ended_and_the_living_kept_two_queues(self):
        self.ended_and_kept(2, lambda host: host.reboot())

    def test_without_asking_by_policy_both_sides_are_asked_all_the_same_and_no_two_that_answer_are_parted(self):
        daemon = self.daemon({"timeouts": {**self.IMPATIENT, "on_expiry": "reset", "alive_max": "5s",
                                           "fin_wait_2_max": "6s"}}, start=False)
        host = hosts.Host(self.lab, len(self.lab.hosts) + 1)
        self.addCleanup(host.close)
        pairs = self.closing(open_both_versions(self.lab, 40, host=host))
        orphans = [halfclosed.HalfClosed(p, ("client", "server")[i // 2 % 2], "shutdown") for i, p in enumerate(pairs)]
        living = [h for h in self.half_closed(40) if h.how == "shutdown"]
        time.sleep(0.2)
        host.reboot()
        self.started_anew(daemon)
        left = [h.pair.key for h in orphans]
        self.assertTrue(until(lambda: not set(left) & set(ss.table(self.lab.client)), 20), daemon.stats())
        self.assertTrue(until(lambda: not daemon.flows("state", "fin-wait-2"), 20), daemon.flows())
        time.sleep(8)  # longer than each of the timeouts
        self.assertEqual(halfclosed.not_in(self.lab, living, halfclosed.OPEN), [])
        self.assertGreaterEqual(daemon.stats()["probes.sent"], 200)
        self.assertEqual(daemon.stats()["resets.refused"], 0)


class Observing(Adoption):
    def test_who_only_observes_asks_nobody(self):
        daemon = self.daemon({**PATIENT, "mode": "observe"}, start=False)
        established = self.closing(open_both_versions(self.lab, 20))
        idle = self.half_closed(40)
        self.started_anew(daemon)
        self.adopted(daemon, 60, 40)
        time.sleep(2)
        self.assert_right(daemon, idle, established)
        self.assertEqual(daemon.stats()["probes.sent"], 0)


class BehindNat(Adoption):
    def idle(self, lab_kinds=nat.KINDS):
        made = []
        for kind in lab_kinds:
            for version in (4, 6):
                pairs = self.closing(nat.open_pairs(self.lab, kind, version, 8))
                made += [halfclosed.HalfClosed(p, ("client", "server")[i % 2], "shutdown") for i, p in enumerate(pairs)]
        self.assertEqual(halfclosed.become(self.lab, made, halfclosed.OPEN, 2), [])
        return made

    def started(self, timeouts, queues=2):
        self.addCleanup(nat.remove, self.lab)
        nat.add_by_iptables(self.lab)
        daemon = self.daemon({"timeouts": timeouts, "intercept": {"queues": queues}}, start=False)
        idle = self.idle()
        self.started_anew(daemon)
        self.adopted(daemon, len(idle), len(idle))
        return daemon, idle

    def settled(self, daemon, count):
        """Whether all have been asked, and their answers agree."""
        flows = daemon.flows("state", "fin-wait-2")
        if len(flows) != count or any(f["phase"] != "watching" for f in flows):
            return False
        shown = [(f["closer"], self.sides(daemon, f)) for f in flows]
        return all(sides and self.agreed(sides[closer], sides["server" if closer == "client" else "client"])
                   for closer, sides in shown)

    def test_sides_are_known_by_their_own_addresses_and_the_exchange_goes_on(self):
        daemon, idle = self.started({"fin_wait_2": "10m"})
        self.assertTrue(until(lambda: self.settled(daemon, len(idle)), 15))
        real = {(h.pair.key[:2], h.pair.server_key[:2], h.closer) for h in idle}
        listed = {(k[:2], k[2:], f["closer"]) for f in daemon.flows() for k in [compare.flow_key(f)]}
        self.assertEqual(listed, real)
        for h in idle:
            h.pair.end(h.holder).sendall(b"late")
            self.assertEqual(h.pair.end(h.closer).recv(16), b"late")
            h.pair.end(h.holder).close()
            self.assertEqual(h.pair.end(h.closer).recv(16), b"")

    def test_resets_are_confirmed_by_both_sides(self):
        daemon, idle = self.started({"fin_wait_2": "10m", "probe_interval": "1s"})
        self.assertTrue(until(lambda: self.settled(daemon, len(idle)), 15))
        daemon.ctl("kill", "--yes", "--no-wait", "state", "fin-wait-2")
        self.assertEqual(halfclosed.become(self.lab, idle, halfclosed.GONE, 15), [])
        self.assertTrue(until(lambda: daemon.stats()["resets.confirmed"] == len(idle), 10), daemon.stats())
        self.assertEqual(daemon.stats()["resets.refused"], 0)


class WrongHints(Adoption):
    def test_a_connection_that_conntrack_takes_for_half_closed_by_a_forged_fin_is_not_ended_while_it_is_used(self):
        self.lab.gateway.sysctl(netfilter__nf_conntrack_tcp_be_liberal=1)
        self.addCleanup(self.lab.gateway.sysctl, netfilter__nf_conntrack_tcp_be_liberal=0)
        daemon = self.daemon({"timeouts": {"fin_wait_2": "1s", "on_expiry": "reset", "probe_interval": "1s"}}, start=False)
        pairs = self.closing(open_both_versions(self.lab, 40))
        self.forge_fins(pairs)
        for pair in pairs:
            pair.talk()
        self.started_anew(daemon)
        self.adopted(daemon, 40, 40)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            for pair in pairs[:20]:
                pair.talk()
            for pair in pairs[20:]:
                pair.server.sendall(b"y")  # as it would to a client that has closed
                self.assertEqual(pair.client.recv(1), b"y")
            time.sleep(0.1)
        for pair in pairs:
            pair.talk()
            pair.talk()
        self.assertEqual(daemon.stats()["resets.sent"], 0)
        self.assert_agrees(compare.against_ss(daemon, {p.key for p in pairs}))

    def test_a_connection_that_a_forged_fin_makes_look_half_closed_is_not_ended_though_it_is_idle(self):
        self.lab.gateway.sysctl(netfilter__nf_conntrack_tcp_be_liberal=1)
        self.addCleanup(self.lab.gateway.sysctl, netfilter__nf_conntrack_tcp_be_liberal=0)
        for on_expiry in ("probe", "reset"):
            with self.subTest(on_expiry=on_expiry):
                daemon = self.daemon({"timeouts": {"fin_wait_2": "3s", "fin_wait_2_max": "6s", "alive_max": "5s",
                                                   "on_expiry": on_expiry, "probe_interval": "1s"}}, start=False)
                pairs = self.closing(open_both_versions(self.lab, 40))
                self.forge_fins(pairs)
                for pair in pairs:
                    pair.talk()
                self.started_anew(daemon)
                self.adopted(daemon, 40, 40)
                # Both sides of each have answered, and nothing shows a FIN.
                self.assertTrue(until(lambda: not daemon.flows("state", "fin-wait-2"), 30), daemon.flows())
                time.sleep(8)  # longer than each of the timeouts
                self.assertEqual(daemon.stats()["resets.sent"], 0)
                for pair in pairs:
                    pair.talk()
                    pair.close()
                daemon.close()
                self.lab.gateway.run("conntrack", "-F", check=False)

    def forge_fins(self, pairs):
        """In each client's name, and far from any window: the server answers that it is not so."""
        wire = packets.Wire(self.lab)
        self.addCleanup(wire.close)
        guess = random.Random(3)
        for pair in pairs:
            key, build = pair.key, packets.ip4 if pair.version == 4 else packets.ip6
            segment = packets.tcp(key.port, key.peer_port, guess.getrandbits(32), guess.getrandbits(32),
                                  packets.FIN | packets.ACK)
            segment = packets.with_checksum(key.address, key.peer_address, segment)  # conntrack looks at it
            wire.send(build(key.address, key.peer_address, segment), pair.version)


class LeftOut(Adoption):
    def test_the_gateways_own_connections_are_none_of_ours(self):
        daemon = self.daemon(start=False)
        with self.lab.gateway.entered():
            listener = socket.create_server((GATEWAY[4], 0))
        self.addCleanup(listener.close)
        with self.lab.client.entered():
            own = socket.create_connection(listener.getsockname()[:2])
        self.addCleanup(own.close)
        passing = self.closing(open_both_versions(self.lab, 2))
        self.started_anew(daemon)
        self.adopted(daemon, 2, 0)
        self.assertIn("1 of this machine's own", daemon.log())
        self.assertEqual({compare.flow_key(f) for f in daemon.flows()}, {p.key for p in passing})

    def test_what_the_state_file_knows_is_not_taken_twice(self):
        daemon = self.daemon({**PATIENT, "intercept": {"queues": 2}})
        idle = self.half_closed(40)
        self.assertTrue(until(lambda: len(daemon.flows("state", "fin-wait-2")) == 40, 5))
        self.assertEqual(daemon.stop(), 0)
        late = self.closing(open_both_versions(self.lab, 10))
        daemon.start()
        self.adopted(daemon, 10, 0)
        flows = daemon.flows()
        self.assertEqual(len(flows), 50)
        known = {compare.flow_key(f) for f in flows if not f["adopted"]}
        self.assertEqual(known, {h.pair.key for h in idle})
        self.assertEqual({compare.flow_key(f) for f in flows} - known, {p.key for p in late})


if __name__ == "__main__":
    case.main()
