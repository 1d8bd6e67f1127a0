"""Before a half-closed connection is ended both peers are asked; it is ended only on what they answer."""

import contextlib

from harness import case, halfclosed, ss
from harness.sockets import open_both_versions
from harness.wait import patiently, until

ASKING = {"fin_wait_2": patiently(3), "on_expiry": "probe", "probe_interval": "1s", "probe_attempts": 3}


def half_closed_by(lab, count, closer, how):
    return [halfclosed.HalfClosed(pair, closer, how) for pair in open_both_versions(lab, count)]


class Probe(case.SystemTest):
    def asking(self, **more):
        return self.daemon({"timeouts": ASKING | more})

    def idle(self, count, closer="client", how="shutdown"):
        made = half_closed_by(self.lab, count, closer, how)
        self.closing(h.pair for h in made)
        self.assertEqual(halfclosed.become(self.lab, made, halfclosed.OPEN, 2), [])
        return made

    def assert_closers_gone(self, half_closed, role, seconds):
        namespace = self.lab.client if role == "client" else self.lab.server

        def left():
            table = ss.table(namespace)
            keys = [h.pair.key if role == "client" else h.pair.key.turned() for h in half_closed]
            return [key for key in keys if key in table]

        until(lambda: not left(), seconds)
        self.assertEqual(left(), [])

    def assert_confirmed(self, daemon, count):
        until(lambda: daemon.stats()["resets.confirmed"] >= count, 10)
        stats = daemon.stats()
        self.assertEqual((stats["resets.confirmed"], stats["resets.unconfirmed"], stats["resets.refused"]),
                         (count, 0, 0))

    def test_both_alive_and_idle_are_kept_and_finish_their_exchange(self):
        daemon = self.asking()
        idle = self.idle(50, "client") + self.idle(50, "server")
        until(lambda: daemon.stats()["probes.sent"] >= 200, 10)
        self.assertFalse(until(lambda: daemon.stats()["resets.sent"] > 0, 4))
        self.assertEqual(halfclosed.not_in(self.lab, idle, halfclosed.OPEN), [])
        self.assertEqual(daemon.stats()["probes.sent"], 200)
        for h in idle:
            h.pair.end(h.holder).sendall(b"answer")
            h.pair.end(h.holder).close()
            self.assertEqual(h.pair.end(h.closer).recv(100), b"answer")
            self.assertEqual(h.pair.end(h.closer).recv(100), b"")

    def test_a_closer_whose_peers_host_has_vanished_is_reset_after_the_silence(self):
        daemon = self.asking()
        idle = self.idle(100)
        with self.unplugged("server"):
            self.assert_closers_gone(idle, "client", 20)
            self.assert_confirmed(daemon, 100)

    def test_a_closer_on_the_servers_side_is_reset_when_the_clients_host_has_vanished(self):
        daemon = self.asking()
        idle = self.idle(100, "server")
        with self.unplugged("client"):
            self.assert_closers_gone(idle, "server", 20)
            self.assert_confirmed(daemon, 100)

    def test_a_rebooted_hosts_own_rst_ends_the_closer_within_one_probe(self):
        daemon = self.asking()
        idle = self.idle(100)
        self.forget_sockets(self.lab.server)
        self.assert_closers_gone(idle, "client", 8)
        self.assert_confirmed(daemon, 100)
        self.assertEqual(daemon.stats()["resets.sent"], 0)

    def test_an_orphaned_closer_is_ended_and_one_that_still_reads_is_kept(self):
        daemon = self.asking(orphan_test="active")
        orphans = self.idle(50, how="close")
        readers = self.idle(50, how="shutdown")
        self.assertEqual(halfclosed.become(self.lab, orphans, halfclosed.GONE, 20), [])
        self.assert_confirmed(daemon, 50)
        self.assertEqual(halfclosed.not_in(self.lab, readers, halfclosed.OPEN), [])
        for h in readers:
            h.pair.server.sendall(b"late")
            self.assertEqual(h.pair.client.recv(10), b"late")

    def test_passively_an_orphan_is_known_by_its_ipv4_id(self):
        daemon = self.asking(orphan_test="passive")
        orphans = self.idle(50, how="close")
        readers = self.idle(50, how="shutdown")
        over_ipv4 = [h for h in orphans if h.pair.version == 4]
        self.assertEqual(halfclosed.become(self.lab, over_ipv4, halfclosed.GONE, 20), [])
        self.assert_confirmed(daemon, len(over_ipv4))
        over_ipv6 = [h for h in orphans if h.pair.version == 6]
        self.assertEqual(halfclosed.not_in(self.lab, over_ipv6 + readers, halfclosed.OPEN), [])

    @contextlib.contextmanager
    def unplugged(self, role):
        """That host's packets no longer arrive, and nothing arrives there."""
        namespace = self.lab.client if role == "client" else self.lab.server
        rules = [(tool, hook) for tool in ("iptables", "ip6tables") for hook in ("INPUT", "OUTPUT")]
        for tool, hook in rules:
            namespace.run(tool, "-t", "raw", "-A", {"INPUT": "PREROUTING"}.get(hook, hook), "-p", "tcp", "-j", "DROP")
        try:
            yield
        finally:
            for tool, hook in rules:
                namespace.run(tool, "-t", "raw", "-D", {"INPUT": "PREROUTING"}.get(hook, hook), "-p", "tcp", "-j", "DROP")

    def forget_sockets(self, namespace):
        """As after a reboot: the addresses are there, the connections are not, and no RST told anybody."""
        for tool in ("iptables", "ip6tables"):
            namespace.run(tool, "-A", "OUTPUT", "-p", "tcp", "-j", "DROP")
        namespace.run("ss", "-K", "-t", "-a", check=False)
        for tool in ("iptables", "ip6tables"):
            namespace.run(tool, "-D", "OUTPUT", "-p", "tcp", "-j", "DROP")


if __name__ == "__main__":
    case.main()
