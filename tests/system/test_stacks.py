"""Endpoints that are not Linux: a flow is judged by what answers prove, and where they prove nothing it is left."""

import collections
import os
import re
import socket
import struct

from harness import case, ss
from harness.scripted import ADDRESS, Manners, ScriptedHost
from harness.sockets import Listener, client_socket, start_connect
from harness.topology import SERVER
from harness.wait import until

ASKING = {"fin_wait_2": "1s", "on_expiry": "probe", "probe_interval": "1s", "probe_attempts": 3,
          "orphan_test": "passive"}
KEY = b"a shared secret"
COUNT = 20
PORT = 1179
_TCP_MD5SIG = 14
_DECISIONS = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "decisions.md")


def reason(closer, holder):
    """The last column of the row of docs/decisions.md that these two answers lead to."""
    with open(_DECISIONS, encoding="utf-8") as file:
        row = re.search(rf"^\| {closer} \| {holder} \| .* \| (.*) \|$", file.read(), re.MULTILINE)
    return row[1]


def sign(sock, version, address):
    """This socket and that address exchange signed segments only (RFC 2385)."""
    family = {4: socket.AF_INET, 6: socket.AF_INET6}[version]
    packed = socket.inet_pton(family, address)
    if version == 4:
        where = struct.pack("=HH4s", family, 0, packed)
    else:
        where = struct.pack("=HHI16sI", family, 0, 0, packed, 0)
    option = struct.pack("=128sBBHI80s", where, 0, 0, len(KEY), 0, KEY)
    sock.setsockopt(socket.IPPROTO_TCP, _TCP_MD5SIG, option)


def _why_not_sign():
    with socket.socket() as sock:
        try:
            sign(sock, 4, "192.0.2.1")
        except OSError as error:
            return error.strerror
    return None


KERNEL_CANNOT_SIGN = _why_not_sign()


class Stacks(case.SystemTest):
    def asking(self, **more):
        return self.daemon({"timeouts": ASKING | more, "log": {"level": "debug"}})

    def setUp(self):
        super().setUp()
        if not os.path.exists("/dev/net/tun"):
            self.skipTest("this kernel has no /dev/net/tun")

    def host(self, **manners):
        host = ScriptedHost(self.lab, Manners(**manners))
        self.addCleanup(host.close)
        return host

    def connected(self, versions=(4, 6), addresses=ADDRESS, md5=False):
        """COUNT clients of the scripted host, real sockets, half of them over each IP version."""
        clients = []
        for i in range(COUNT):
            version = versions[i % len(versions)]
            clients.append(client_socket(self.lab, version))
            self.addCleanup(clients[-1].close)
            if md5:
                sign(clients[-1], version, addresses[version])
            start_connect(clients[-1], addresses[version], PORT)
        self.ports = {client.getsockname()[1] for client in clients}
        self.assert_become({"established": COUNT})
        return clients

    def states(self):
        """{state: clients}, by their own kernel."""
        table = ss.table(self.lab.client)
        return collections.Counter(state for key, state in table.items() if key.port in self.ports)

    def assert_become(self, states):
        until(lambda: self.states() == states, 5)
        self.assertEqual(self.states(), states)

    def shut(self, clients):
        for client in clients:
            client.shutdown(socket.SHUT_WR)
        self.assert_become({"fin-wait-2": COUNT})

    def shut_by(self, host):
        host.close_all()
        self.assert_become({"close-wait": COUNT})

    def assert_logged(self, daemon, what, why):
        """Each flow has one line that says what was done with it, and why."""
        def lines():
            return len(re.findall(rf"\b{what}: {re.escape(why)} \(", daemon.log()))

        until(lambda: lines() >= COUNT, 10, interval=0.2)
        self.assertEqual(lines(), COUNT, why)

    def assert_left(self, daemon, closer, holder):
        """They have been asked once, and are watched again, for a long time."""
        self.assert_logged(daemon, "left alone", reason(closer, holder))
        flows = daemon.flows("state", "fin-wait-2")
        self.assertEqual({flow["phase"] for flow in flows}, {"watching"})
        self.assertGreater(min(flow["expires_in_s"] for flow in flows), 600)
        self.assertEqual((len(flows), daemon.stats()["resets.sent"]), (COUNT, 0))

    def assert_confirmed(self, daemon):
        until(lambda: daemon.stats()["resets.confirmed"] >= COUNT, 15, interval=0.2)
        stats = daemon.stats()
        self.assertEqual((stats["resets.confirmed"], stats["resets.unconfirmed"], stats["resets.refused"]),
                         (COUNT, 0, 0))
        self.assertEqual(self.states(), {})

    def test_a_freebsd_like_orphan_is_taken_for_alive_survives_the_orphan_test_and_takes_the_exact_rst_in_the_end(self):
        daemon = self.asking(orphan_test="active", alive_max="4s")
        host = self.host()
        self.connected()
        self.shut_by(host)
        # The near-miss was challenged, as a socket's would be: that proves nothing.
        self.assert_logged(daemon, "left alone", reason("alive", "alive"))
        self.assertEqual((host.resets(), daemon.stats()["resets.sent"]), ({"in window": COUNT}, 0))
        self.assertEqual((self.states(), len(host.alive)), ({"close-wait": COUNT}, COUNT))
        self.assert_confirmed(daemon)
        self.assertEqual((host.resets()["exact"], host.resets()["outside"], len(host.alive)), (COUNT, 0, 0))

    def test_a_freebsd_like_holder_answers_and_is_left_and_a_kill_ends_it_by_the_exact_rst(self):
        daemon = self.asking()
        host = self.host()
        self.shut(self.connected())
        self.assert_left(daemon, "alive", "alive")
        self.assertEqual((host.resets(), self.states()), ({}, {"fin-wait-2": COUNT}))
        daemon.ctl("kill", "--yes", "--no-wait", "state", "fin-wait-2")
        self.assert_confirmed(daemon)
        self.assertEqual((host.resets(), len(host.alive)), ({"exact": COUNT}, 0))

    def test_a_holder_behind_a_firewall_that_swallows_everything_is_silent_and_the_closers_end_is_confirmed(self):
        daemon = self.asking()
        host = self.host()
        self.shut(self.connected())
        host.manners.silent = True
        self.assert_logged(daemon, "reset", reason("alive", "silent"))
        self.assert_confirmed(daemon)
        self.assertEqual(daemon.stats()["resets.sent"], 2 * COUNT)

    def test_a_closer_behind_a_firewall_that_swallows_everything_is_silent_and_the_holders_end_is_confirmed(self):
        daemon = self.asking()
        host = self.host()
        self.connected()
        self.shut_by(host)
        host.manners.silent = True
        self.assert_logged(daemon, "reset", reason("silent", "alive"))
        self.assert_confirmed(daemon)
        self.assertEqual(daemon.stats()["resets.sent"], 2 * COUNT)

    def test_a_stack_whose_ipv4_ids_are_always_0_is_never_taken_for_an_orphan(self):
        daemon = self.asking()
        host = self.host(counts_ids=False)
        self.connected(versions=(4,))
        self.shut_by(host)
        self.assert_left(daemon, "alive", "alive")
        self.assertEqual(self.states(), {"close-wait": COUNT})

    def test_a_stack_whose_ipv4_ids_counted_and_are_0_now_is_an_orphan(self):
        daemon = self.asking()
        host = self.host(orphan_ids=False)
        clients = self.connected(versions=(4,))
        for client in clients:
            client.sendall(b"draws an acknowledgment, with an id")
        self.shut_by(host)
        self.assert_logged(daemon, "reset", reason("orphan", "alive"))
        self.assert_confirmed(daemon)

    def assert_untouchable(self, clients):
        """Idle for twice its time a flow has not been asked, over IPv4, nor reset, over IPv6; nor can it be killed."""
        daemon = self.daemons[0]
        self.shut(clients)
        until(lambda: daemon.flows() and all(f["idle_s"] > 2 for f in daemon.flows()), 10, interval=0.2)
        flows = daemon.flows("state", "fin-wait-2")
        self.assertEqual((len(flows), {flow["phase"] for flow in flows}), (COUNT, {"watching"}))
        self.assertEqual({flow["policy"] for flow in flows}, {"default", "six"})
        killed = daemon.ctl("kill", "--yes", "state", "fin-wait-2", check=False)
        self.assertEqual((killed.returncode, killed.stdout.count("cannot be ended: signed, multipath or ambiguous, left alone")), (1, COUNT), killed.stdout)
        stats = daemon.stats()
        self.assertEqual((stats["flows.became_half_closed"], stats["probes.sent"], stats["resets.sent"]), (COUNT, 0, 0))
        self.assertEqual(self.states(), {"fin-wait-2": COUNT})

    def asking_over_ipv4_resetting_over_ipv6(self):
        if KERNEL_CANNOT_SIGN:
            self.skipTest(f"this kernel has no TCP_MD5SIG: {KERNEL_CANNOT_SIGN}")
        six = {"name": "six", "match": "server ::/0", "fin_wait_2": "1s", "on_expiry": "reset"}
        self.daemon({"timeouts": ASKING, "policy": [six]})

    def test_a_scripted_stack_that_signs_by_tcp_md5_is_never_asked_nor_reset(self):
        self.asking_over_ipv4_resetting_over_ipv6()
        host = self.host(md5_key=KEY)
        self.assert_untouchable(self.connected(md5=True))
        # What it has got is the handshake's last step and the FIN.
        self.assertEqual({len(c.got) for c in host.connections.values()}, {2})

    def test_linux_sockets_that_sign_by_tcp_md5_are_never_asked_nor_reset(self):
        self.asking_over_ipv4_resetting_over_ipv6()
        for version in (4, 6):
            listener = Listener(self.lab, version, PORT)
            self.addCleanup(listener.socket.close)
            for address in self.lab.clients(version):
                sign(listener.socket, version, address)
        self.assert_untouchable(self.connected(addresses=SERVER, md5=True))


if __name__ == "__main__":
    case.main()
