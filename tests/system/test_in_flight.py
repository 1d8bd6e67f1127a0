"""No reset overtakes data: what was on its way to a side is acknowledged before an RST comes, and its reader gets it.

A side's kernel has acknowledged what lies in its receive buffer, and an RST takes nothing away from there. So what is
"lost" can be said exactly: a reader must get every byte that the other side's kernel had ever sent. Bytes that the
sender's kernel never sent are another matter: they go with the connection when an operator ends it.
"""

import contextlib
import fcntl
import random
import socket
import struct
import termios

from harness import case, halfclosed
from harness.packets import RST
from harness.sockets import Listener, Pair, client_socket, start_connect
from harness.tap import Tap
from harness.wait import PATIENCE, patiently, until

MEGABYTE = 1 << 20
DATA = random.Random(1).randbytes(MEGABYTE)
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE = 32, 33
_SIOCOUTQNSD = 0x894B


def _queued(sock, request):
    return struct.unpack("i", fcntl.ioctl(sock, request, b"\0\0\0\0"))[0]


def unsent(sock):
    """Bytes that the application has written and the kernel has not sent."""
    return _queued(sock, _SIOCOUTQNSD)


def in_flight(sock):
    """Bytes that the kernel has sent and the peer has not acknowledged."""
    return _queued(sock, termios.TIOCOUTQ) - unsent(sock)


def read(sock, most=1 << 30):
    """(every byte until there are so `most`, or until the stream ends; how it ended)."""
    data = bytearray()
    try:
        while len(data) < most:
            part = sock.recv(min(1 << 16, most - len(data)))
            if not part:
                return bytes(data), "end of file"
            data += part
    except OSError as error:
        return bytes(data), type(error).__name__
    return bytes(data), "enough"


class InFlight(case.SystemTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The server sends a megabyte at once, also after a pause, and does the same on every kernel.
        cls.lab.server.sysctl(ipv4__tcp_slow_start_after_idle=0, ipv4__tcp_congestion_control="reno")
        cls.lab.server.ip("route change default via 10.99.2.1 initcwnd 1000",
                          "route change default via fd99:2::1 initcwnd 1000")

    def half_closed(self, receive_buffer):
        """Over each IP version a client that has asked and shut its side, and that has room for so many bytes."""
        pairs = self.closing([self.connected(version, receive_buffer) for version in (4, 6)])
        for pair in pairs:
            pair.talk()
            for _ in range(4):  # the client's window opens as it reads
                piece = DATA[:receive_buffer // 4]
                pair.server.sendall(piece)
                self.assertEqual(len(read(pair.client, len(piece))[0]), len(piece))
        made = [halfclosed.HalfClosed(pair, "client", "shutdown") for pair in pairs]
        self.assertEqual(halfclosed.become(self.lab, made, halfclosed.OPEN, 2), [])
        return pairs

    def connected(self, version, receive_buffer):
        listener = Listener(self.lab, version)
        listener.socket.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, 4 * MEGABYTE)
        client = client_socket(self.lab, version)
        client.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, receive_buffer)
        start_connect(client, listener.address, listener.port)
        listener.socket.settimeout(10)
        server, _ = listener.socket.accept()
        listener.socket.close()
        for sock in (client, server):
            sock.settimeout(10 * PATIENCE)
        return Pair(version, client, server)

    @contextlib.contextmanager
    def cut(self):
        """Nothing arrives at the client, having passed the gateway."""
        tools = ("iptables", "ip6tables")
        for tool in tools:
            self.lab.client.run(tool, "-A", "INPUT", "-p", "tcp", "-j", "DROP")
        try:
            yield
        finally:
            for tool in tools:
                self.lab.client.run(tool, "-D", "INPUT", "-p", "tcp", "-j", "DROP")

    def send_into_the_cut(self, pairs):
        """All of it is sent, and nothing of it is acknowledged."""
        for pair in pairs:
            pair.server.sendall(DATA)
        until(lambda: not any(unsent(pair.server) for pair in pairs), 5)
        self.assertEqual([in_flight(pair.server) for pair in pairs], [MEGABYTE] * 2)

    def fill(self, pairs):
        """The clients' windows are full, and most of it has not been sent. How many bytes have been, each."""
        for pair in pairs:
            pair.server.sendall(DATA)
        until(lambda: not any(in_flight(pair.server) for pair in pairs), 5)
        self.assertEqual([in_flight(pair.server) for pair in pairs], [0, 0])
        sent = [MEGABYTE - unsent(pair.server) for pair in pairs]
        self.assertTrue(all(0 < count < MEGABYTE // 2 for count in sent), sent)
        return sent

    def assert_not_reset_while_idle_for(self, daemon, pairs, seconds):
        until(lambda: all(flow["idle_s"] > seconds for flow in daemon.flows()), seconds + 5, interval=0.1)
        self.assertGreater(min(flow["idle_s"] for flow in daemon.flows()), seconds)
        self.assertEqual(daemon.stats()["resets.sent"], 0)
        self.assertEqual(len(daemon.flows("state", "fin-wait-2")), len(pairs))

    def assert_every_byte_arrives(self, daemon, pairs):
        """And the connection ends as its sides want."""
        for pair in pairs:
            data, end = read(pair.client, MEGABYTE)
            self.assertEqual((len(data), end), (MEGABYTE, "enough"), pair.key)
            self.assertTrue(data == DATA, pair.key)
            pair.server.close()
            self.assertEqual(read(pair.client), (b"", "end of file"), pair.key)
        self.assertEqual(daemon.stats()["resets.sent"], 0)

    def assert_reset_with(self, daemon, pairs, sent):
        """The readers get what was sent, and then the reset."""
        until(lambda: daemon.stats()["resets.confirmed"] == len(pairs), 15)
        self.assertEqual(daemon.stats()["resets.confirmed"], len(pairs))
        for pair, count in zip(pairs, sent):
            data, end = read(pair.client)
            self.assertEqual((len(data), end), (count, "ConnectionResetError"), pair.key)
            self.assertTrue(data == DATA[:count], pair.key)

    def assert_acknowledged_before_reset(self, tap, pairs):
        """On the client's wire its own acknowledgment of all that came stands before the RST, at the RST's number."""
        captured = tap.take()
        for pair in pairs:
            seen = [c for c in captured if c.key == pair.key]
            first = next(i for i, c in enumerate(seen) if not c.outgoing and c.segment.flags & RST)
            before = [c.segment for c in seen[:first] if c.outgoing]
            data = [c.segment for c in seen if not c.outgoing and c.segment.length]
            base = data[0].seq
            self.assertEqual(max((s.end - base) & 0xFFFFFFFF for s in data), MEGABYTE)
            self.assertEqual((before[-1].ack - base) & 0xFFFFFFFF, MEGABYTE)
            self.assertEqual((seen[first].segment.seq - base) & 0xFFFFFFFF, MEGABYTE)

    def tap(self):
        tap = Tap(self.lab.client)
        self.addCleanup(tap.close)
        return tap

    def test_an_idle_flow_with_data_in_flight_is_not_reset_and_every_byte_arrives_when_the_path_is_back(self):
        daemon = self.daemon({"timeouts": {"fin_wait_2": patiently(1), "on_expiry": "reset"}})
        pairs = self.half_closed(4 * MEGABYTE)
        with self.cut():
            self.send_into_the_cut(pairs)
            self.assert_not_reset_while_idle_for(daemon, pairs, 2.5 * PATIENCE)
        self.assert_every_byte_arrives(daemon, pairs)

    def test_an_idle_flow_whose_reader_is_full_is_not_reset_and_every_byte_arrives_when_it_reads_on(self):
        daemon = self.daemon({"timeouts": {"fin_wait_2": patiently(1), "on_expiry": "reset"}})
        pairs = self.half_closed(65536)
        self.fill(pairs)
        self.assert_not_reset_while_idle_for(daemon, pairs, 2.5 * PATIENCE)
        self.assert_every_byte_arrives(daemon, pairs)

    def test_no_timeout_resets_a_flow_whose_reader_is_full_and_every_byte_arrives_when_it_reads_on(self):
        asking = {"fin_wait_2": patiently(1), "on_expiry": "probe", "probe_interval": "1s", "probe_attempts": 3}
        for more in ({"alive_max": patiently(2)}, {"fin_wait_2_max": patiently(2)},
                     {"fin_wait_2_max": patiently(2), "on_expiry": "reset"}):
            with self.subTest(**more):
                daemon = self.daemon({"timeouts": asking | more})
                pairs = self.half_closed(65536)
                self.fill(pairs)
                self.assert_not_reset_while_idle_for(daemon, pairs, 4 * PATIENCE)
                self.assert_every_byte_arrives(daemon, pairs)
                daemon.close()

    def test_a_flow_that_is_half_closed_for_too_long_is_reset_in_a_pause_although_it_is_in_use(self):
        daemon = self.daemon({"timeouts": {"fin_wait_2": patiently(2), "fin_wait_2_max": patiently(2)}})
        pairs = self.half_closed(65536)

        def ended():
            for pair in pairs:
                with contextlib.suppress(OSError):
                    pair.server.sendall(b"x")
                    pair.client.recv(1)
            return daemon.stats()["resets.confirmed"] == len(pairs)

        self.assertTrue(until(ended, 30, interval=0.5))

    def test_a_killed_flow_is_reset_only_when_all_data_in_flight_is_acknowledged(self):
        daemon = self.daemon({"timeouts": {"fin_wait_2": "10m", "on_expiry": "reset"}})
        pairs, tap = self.half_closed(4 * MEGABYTE), self.tap()
        with self.cut():
            self.send_into_the_cut(pairs)
            daemon.ctl("kill", "--yes", "--no-wait", "state", "fin-wait-2")
            self.assertFalse(until(lambda: daemon.stats()["resets.sent"], 2))
        self.assert_reset_with(daemon, pairs, [MEGABYTE] * 2)
        self.assert_acknowledged_before_reset(tap, pairs)

    def test_a_flow_that_is_half_closed_for_too_long_is_reset_only_when_all_data_in_flight_is_acknowledged(self):
        daemon = self.daemon({"timeouts": {"fin_wait_2": patiently(2), "fin_wait_2_max": patiently(2), "on_expiry": "reset"}})
        pairs, tap = self.half_closed(4 * MEGABYTE), self.tap()
        with self.cut():
            self.send_into_the_cut(pairs)
            self.assert_not_reset_while_idle_for(daemon, pairs, 2.5 * PATIENCE)
        self.assert_reset_with(daemon, pairs, [MEGABYTE] * 2)
        self.assert_acknowledged_before_reset(tap, pairs)

    def test_the_reader_of_a_killed_flow_gets_every_byte_that_was_sent_before_its_buffer_was_full(self):
        daemon = self.daemon({"timeouts": {"fin_wait_2": "10m", "on_expiry": "reset"}})
        pairs = self.half_closed(65536)
        sent = self.fill(pairs)
        daemon.ctl("kill", "--yes", "--no-wait", "state", "fin-wait-2")
        self.assert_reset_with(daemon, pairs, sent)


if __name__ == "__main__":
    case.main()
