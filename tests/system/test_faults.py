"""What goes wrong around finwaitd, and that no living connection pays for it. docs/faults.md has the whole table.

FINWAITD_THOROUGH=1 runs those, too, that take longer or are less likely to break."""

import contextlib
import ctypes
import os
import re
import resource
import signal
import socket
import stat
import time
import unittest

from harness import case, firewall, halfclosed, kernel
from harness.command import run
from harness.daemon import Daemon, NotStarted, sanitized
from harness.sockets import client_socket, open_both_versions, open_pairs, start_connect
from harness.topology import BLACKHOLE, GATEWAY
from harness.wait import PATIENCE, patiently, until

LATE = b"late answer"
QUICK = {"fin_wait_2": "2s", "on_expiry": "probe", "probe_interval": "1s", "probe_attempts": 3}
thorough = unittest.skipUnless(os.environ.get("FINWAITD_THOROUGH"), "FINWAITD_THOROUGH is not set")


class Faults(case.SystemTest):
    def living(self, count=8):
        """Half-closed connections whose holder goes on; half of them by the client, half by the server."""
        pairs = self.closing(open_both_versions(self.lab, count))
        made = [halfclosed.HalfClosed(pair, ("client", "server")[i // 2 % 2], "shutdown") for i, pair in enumerate(pairs)]
        self.assertEqual(halfclosed.become(self.lab, made, halfclosed.OPEN, 5), [])
        return made

    def send(self, made):
        for h in made:
            h.pair.end(h.holder).sendall(LATE)

    def assert_unharmed(self, made):
        self.assertEqual(halfclosed.not_in(self.lab, made, halfclosed.OPEN), [])
        self.send(made)
        for h in made:
            self.assertEqual(h.pair.end(h.closer).recv(len(LATE)), LATE, f"{h}")


class ConntrackFlushed(Faults):
    """conntrack -F takes finwaitd's bit from every connection; what they go on with begins entries anew, or is invalid there."""

    def flushed(self, **timeouts):
        daemon = self.daemon({"timeouts": {"fin_wait_2": patiently(3), **timeouts}})
        made = self.living()
        self.assertTrue(until(lambda: daemon.stats()["flows.half_closed"] == len(made), 3))
        self.lab.gateway.run("conntrack", "-F")
        self.send(made)
        return daemon, made

    def go_on(self, made, seconds):
        for h in made:
            self.assertEqual(h.pair.end(h.closer).recv(len(LATE)), LATE, f"{h}")
        time.sleep(seconds * PATIENCE)
        self.assert_unharmed(made)

    def test_what_lives_is_not_reset_by_a_timer(self):
        daemon, made = self.flushed(on_expiry="reset")
        self.go_on(made, 5)
        self.assertEqual(daemon.stats()["resets.sent"], 0, "their progress is seen")

    @thorough
    def test_orphans_end_all_the_same(self):
        daemon = self.daemon({"timeouts": {"fin_wait_2": patiently(3), "on_expiry": "reset"}})
        made = halfclosed.make(self.lab, 8)
        self.closing([h.pair for h in made])
        self.assertTrue(until(lambda: daemon.stats()["flows.half_closed"] == len(made), 3))
        self.lab.gateway.run("conntrack", "-F")
        self.assertEqual(halfclosed.become(self.lab, made, halfclosed.GONE, 15), [])

    def test_what_lives_is_not_taken_for_dead(self):
        daemon, made = self.flushed(on_expiry="probe", probe_interval="1s", probe_attempts=3)
        self.go_on(made, 8)
        self.assertEqual(daemon.stats()["resets.sent"], 0)


class StoodStill(Faults):
    """SIGSTOP, and SIGCONT when deadlines have passed."""

    WAITING = 3000  # packets in the queue before those that show that all lives: more than are read before timers run

    def test_what_lay_in_the_queue_is_read_before_anything_is_ended(self):
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))
        daemon = self.daemon({"intercept": {"packets": "all", "queues": 1},
                              "timeouts": {"fin_wait_2": "3s", "on_expiry": "reset"}})
        made = self.living()
        self.assertTrue(until(lambda: daemon.stats()["flows.half_closed"] == len(made), 3))
        os.kill(daemon.pid, signal.SIGSTOP)
        self.addCleanup(lambda: daemon.running() and os.kill(daemon.pid, signal.SIGCONT))
        knocking = [client_socket(self.lab, 4) for _ in range(self.WAITING)]
        for sock in knocking:
            start_connect(sock, BLACKHOLE[4], 9)
        self.send(made)
        time.sleep(4)
        os.kill(daemon.pid, signal.SIGCONT)
        for sock in knocking:
            sock.close()
        for h in made:
            self.assertEqual(h.pair.end(h.closer).recv(len(LATE)), LATE, f"{h}")
        time.sleep(1.5)
        self.assertEqual(daemon.stats()["resets.sent"], 0)
        self.assert_unharmed(made)


class Starved(Faults):
    SETTINGS = {"intercept": {"backend": "iptables"}, "timeouts": {"fin_wait_2": "2s", "on_expiry": "reset"}}

    def skip_with_sanitizer(self, what):
        if what == "as" and sanitized():
            self.skipTest("a sanitizer needs more addresses than this test leaves")

    def limited(self, what, need, more, settings=None, through=()):
        """A daemon that may have `more` of something than `need` finds in one that has just started."""
        self.skip_with_sanitizer(what)
        first = self.daemon(settings or self.SETTINGS, through=through)
        limit = need(first.pid) + more
        first.stop()
        return self.daemon(settings or self.SETTINGS, through=(*through, "prlimit", f"--{what}={limit}"))

    def connected(self, daemon):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(client.close)
        client.settimeout(1)
        client.connect(daemon.socket)
        client.sendall(b'{"command":"version"}\n')
        return client

    def test_without_file_descriptors_nobody_is_served_and_packets_go_on(self):
        daemon = self.limited("nofile", lambda pid: len(os.listdir(f"/proc/{pid}/fd")), 10)
        greedy = [self.connected(daemon) for _ in range(20)]
        late = self.connected(daemon)
        with self.assertRaises(TimeoutError):
            late.recv(1)
        made = halfclosed.make(self.lab, 8)
        self.closing([h.pair for h in made])
        self.assertEqual(halfclosed.become(self.lab, made, halfclosed.GONE, 10), [])
        for client in greedy:
            client.close()
        self.assertTrue(late.recv(1), "whoever has waited is served")
        self.assertTrue(until(lambda: daemon.stats()["resets.confirmed"] == len(made), 5), f"{daemon.stats()}")

    @staticmethod
    def address_space(pid):
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmSize:\s+(\d+)", status.read())[1]) << 10

    @thorough
    def test_memory_for_flows_is_there_from_the_start_and_traffic_and_resets_go_on_without_more(self):
        daemon = self.limited("as", self.address_space, 1 << 18)
        pairs = self.closing(open_both_versions(self.lab, 1000))
        for pair in pairs[:20] + pairs[-20:]:
            pair.talk()
        made = halfclosed.make(self.lab, 8)
        self.closing([h.pair for h in made])
        self.assertEqual(halfclosed.become(self.lab, made, halfclosed.GONE, 10), [])
        self.assertTrue(daemon.running())
        self.assertGreaterEqual(len(daemon.flows("state", "established")), 1000)

    def test_without_any_more_memory_traffic_and_resets_go_on_and_lists_are_refused(self):
        daemon = self.limited("as", self.address_space, 1 << 18, {**self.SETTINGS, "limits": {"half_closed_per_source": 10}},
                              ("env", "MALLOC_ARENA_MAX=1"))
        greedy = [self.connected(daemon) for _ in range(50)]
        for client in greedy:
            client.setblocking(False)
            with contextlib.suppress(OSError):
                client.send(b'{"command":"list","filter":"' + b"x" * 60_000)
        refused = until(lambda: daemon.ctl("list", check=False).returncode != 0 and daemon.ctl("list", check=False), 5)
        self.assertTrue(refused, "a list was made although there is no memory")
        self.assertIn("not enough memory", refused.stderr)
        self.assertIn("not enough memory", daemon.ctl("reload", check=False).stderr)
        pairs = self.closing(open_both_versions(self.lab, 300))
        made = halfclosed.make(self.lab, 320)
        self.closing([h.pair for h in made])
        for pair in pairs:
            pair.talk()
        self.assertEqual(halfclosed.become(self.lab, made, halfclosed.GONE, 15), [])
        self.assertTrue(daemon.running())
        self.assertGreater(daemon.stats()["memory.refused"], 0)

    def test_too_little_memory_at_the_start_is_said_and_no_rule_is_touched(self):
        self.skip_with_sanitizer("as")
        before = firewall.rules(self.lab)
        with self.assertRaises(NotStarted) as refused:
            self.daemon(self.SETTINGS, through=("prlimit", f"--as={300 << 20}"))
        self.assertIn("exit 1", str(refused.exception))
        self.assertIn("limits.flows", str(refused.exception))
        self.assertEqual(firewall.rules(self.lab), before)


class LinkDown(Faults):
    def assert_nobody_is_taken_for_dead(self, meanwhile, afterwards):
        daemon = self.daemon({"timeouts": QUICK})
        made = self.living()
        self.assertTrue(until(lambda: daemon.stats()["flows.half_closed"] == len(made), 3))
        self.lab.gateway.ip(*meanwhile)
        time.sleep(7)
        self.lab.gateway.ip(*afterwards)
        time.sleep(1)
        self.assertEqual(daemon.stats()["resets.sent"], 0, f"{daemon.stats()}")
        self.assert_unharmed(made)

    def test_while_the_gateways_own_link_is_down_nobody_behind_it_is_taken_for_dead(self):
        # IPv6 addresses and their routes go with the link.
        self.assert_nobody_is_taken_for_dead(["link set to-client down"],
                                             ["link set to-client up", f"addr replace {GATEWAY[6]}/64 dev to-client nodad"])

    def test_while_its_addresses_are_gone_nobody_behind_them_is_taken_for_dead(self):
        self.assert_nobody_is_taken_for_dead(["addr flush dev to-client scope global"],
                                             [f"addr add {GATEWAY[version]}/{length} dev to-client nodad"
                                              for version, length in ((4, 24), (6, 64))])


class NetlinkOverrun(Faults):
    """The buffer of the queue's socket is made so small from outside that bursts overrun it."""

    GETFD, SO_PROTOCOL, NETLINK_NETFILTER = 438, 38, 12

    def queue_sockets(self, daemon):
        process = os.pidfd_open(daemon.pid)
        self.addCleanup(os.close, process)
        call = ctypes.CDLL(None, use_errno=True).syscall
        for number in map(int, os.listdir(f"/proc/{daemon.pid}/fd")):
            fd = call(self.GETFD, process, number, 0)
            if fd < 0 or not stat.S_ISSOCK(os.fstat(fd).st_mode):
                continue
            sock = socket.socket(fileno=fd)
            self.addCleanup(sock.close)
            if (sock.family, sock.getsockopt(socket.SOL_SOCKET, self.SO_PROTOCOL)) == (socket.AF_NETLINK, self.NETLINK_NETFILTER):
                yield sock

    def burst(self, daemon, made):
        os.kill(daemon.pid, signal.SIGSTOP)
        for _ in range(10):
            self.send(made)
            time.sleep(0.02)
        os.kill(daemon.pid, signal.SIGCONT)

    def test_what_is_lost_by_it_is_counted_and_nothing_in_use_is_ended(self):
        daemon = self.daemon({"intercept": {"packets": "all", "queues": 1}, "timeouts": QUICK})
        made, idle = self.living(), self.living()
        self.addCleanup(lambda: daemon.running() and os.kill(daemon.pid, signal.SIGCONT))
        sockets = list(self.queue_sockets(daemon))
        before = [sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) for sock in sockets]
        for sock in sockets:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)
        for _ in range(12):
            self.burst(daemon, made)
            time.sleep(0.5)
        self.assertGreater(daemon.stats()["queue.dropped"], 0)
        self.assertEqual(daemon.stats()["resets.sent"], 0, f"{daemon.stats()}")
        self.assertEqual(halfclosed.not_in(self.lab, [*made, *idle], halfclosed.OPEN), [])

        for sock, size in zip(sockets, before):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size // 2)
        orphans = [halfclosed.HalfClosed(pair, "client", "close") for pair in self.closing(open_pairs(self.lab, 8, 4))]
        self.assertEqual(halfclosed.become(self.lab, orphans, halfclosed.GONE, 20), [])
        self.assertEqual(halfclosed.not_in(self.lab, [*made, *idle], halfclosed.OPEN), [])


    @staticmethod
    def unguard(daemon):
        """Ends the process that lets packets pass when the daemon is stopped."""
        with open(f"/proc/{daemon.pid}/task/{daemon.pid}/children", encoding="ascii") as file:
            for pid in file.read().split():
                os.kill(int(pid), signal.SIGKILL)

    def silence(self, action):
        """No segment comes to the forward hook any more, or leaves from there."""
        for tool in ("iptables", "ip6tables"):
            for table, chain in (("raw", "PREROUTING"), ("mangle", "POSTROUTING")):
                self.lab.gateway.run(tool, "-t", table, action, chain, "-p", "tcp", "-j", "DROP")

    def test_a_loss_that_no_later_packet_tells_of_is_noticed(self):
        daemon = self.daemon({"intercept": {"packets": "all", "queues": 1}})
        made = self.living()
        self.assertTrue(until(lambda: daemon.stats()["flows.half_closed"] == len(made), 5))
        self.addCleanup(lambda: daemon.running() and os.kill(daemon.pid, signal.SIGCONT))
        for sock in self.queue_sockets(daemon):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)
        self.assertEqual(daemon.stats()["queue.dropped"], 0)
        self.unguard(daemon)
        os.kill(daemon.pid, signal.SIGSTOP)
        for _ in range(10):
            self.send(made)
        # What the buffer holds will be let go, and must draw no answer.
        self.silence("-I")
        self.addCleanup(self.silence, "-D")
        os.kill(daemon.pid, signal.SIGCONT)
        self.assertTrue(until(lambda: daemon.stats()["queue.dropped"] > 0, 10), f"{daemon.stats()}")


class ToolsMissing(Faults):
    #: /dev/null cannot be run.
    WITHOUT = ("unshare", "-m", "sh", "-c", "for tool in nft iptables ip6tables; do where=$(command -v $tool) && "
               "mount --bind /dev/null $(readlink -f $where) || true; done; exec \"$@\"", "sh")

    def test_it_says_which_tool_to_install_and_exits_1(self):
        for backend, package in (("auto", "nftables.*iptables"), ("nftables", "nftables"), ("iptables", "iptables")):
            with self.subTest(backend):
                with self.assertRaises(NotStarted) as refused:
                    self.daemon({"intercept": {"backend": backend}}, through=self.WITHOUT)
                self.assertRegex(str(refused.exception), f"(?s)exit 1.*install the package {package}")

    @thorough
    def test_rules_of_ones_own_need_no_tool(self):
        self.daemon({"intercept": {"backend": "none"}}, through=self.WITHOUT).ctl("count")


class TwoOfThem(Faults):
    @thorough
    def test_in_two_namespaces_each_goes_its_own_way(self):
        self.daemon()
        host = type("Host", (), {"gateway": self.lab.client})
        other = Daemon(host, {"metrics": {"listen": ""}})
        self.addCleanup(other.close)
        self.assertEqual(other.flows(), [])


class Clock(Faults):
    """Only a namespace's clocks can be set without setting those of the machine."""

    def other_clock(self, offset, said):
        kernel.needs_time_namespaces_by_exec(self.lab)
        daemon = self.daemon({"timeouts": {"fin_wait_2": patiently(4), "on_expiry": "reset"}})
        made = self.living()
        self.assertTrue(until(lambda: daemon.stats()["flows.half_closed"] == len(made), 3))
        self.assertEqual(daemon.stop(), 0)
        daemon.through = ("unshare", "--time", "--monotonic", offset, "--boottime", offset)
        daemon.start()
        self.assertIn(said, daemon.log())
        self.send(made)
        time.sleep(1)
        self.assertEqual(daemon.stats()["resets.sent"], 0)
        for h in made:
            self.assertEqual(h.pair.end(h.closer).recv(len(LATE)), LATE, f"{h}")
        self.assert_unharmed(made)

    @thorough
    def test_a_state_file_of_a_day_ago_is_refused_and_connections_live_on(self):
        self.other_clock("86400", "after more than 10 too much may have passed unseen")

    def test_a_state_file_of_a_time_to_come_is_refused_and_connections_live_on(self):
        self.other_clock("-60", "it was written at a time that has not come yet")


class DiskFull(Faults):
    def test_a_state_file_for_which_there_is_no_room_is_an_error_and_the_stop_goes_on(self):
        daemon = self.daemon(start=False)
        disk = os.path.join(daemon.directory, "disk")
        os.mkdir(disk)
        run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk)
        self.addCleanup(run, "umount", "--lazy", disk)
        daemon.configure({"state": {"file": os.path.join(disk, "state")}})
        daemon.start()
        pairs = self.closing(open_both_versions(self.lab, 400))
        with open(os.path.join(disk, "filler"), "wb", buffering=0) as file:
            try:
                while file.write(b"x" * 4096):
                    pass
            except OSError:
                pass
        self.assertEqual(daemon.stop(), 0)
        self.assertRegex(daemon.log(), r"could not be written.*No space left on device")
        self.assertEqual(os.listdir(disk), ["filler"])
        self.assertEqual(firewall.own_rules(self.lab), [])
        for pair in pairs[:10]:
            pair.talk()


if __name__ == "__main__":
    case.main()
