"""Idle half-closed connections are reset when their time is up, and nothing else is."""

import errno
import threading
import time

from harness import case, halfclosed
from harness.sockets import open_both_versions, outcome
from harness.wait import PATIENCE, patiently, until

SETTINGS = {"timeouts": {"fin_wait_2": patiently(3), "on_expiry": "reset"}}


class BlockedReader(threading.Thread):
    """A thread that sits in recv() on the closer's socket, as an application would that waits for an answer."""

    def __init__(self, half_closed):
        super().__init__(daemon=True)
        self.socket = half_closed.pair.end(half_closed.closer)
        self.socket.settimeout(None)
        self.result = "still waiting"
        self.start()

    def run(self):
        try:
            self.result = f"read {self.socket.recv(1)!r}"
        except OSError as error:
            self.result = errno.errorcode[error.errno]


class Reset(case.SystemTest):
    def test_200_idle_half_closed_connections_are_gone_from_both_ends_within_6_seconds(self):
        daemon = self.daemon(SETTINGS)
        in_use = self.closing(open_both_versions(self.lab, 20))
        idle = halfclosed.make(self.lab, 200)
        begun = time.monotonic()
        self.closing(h.pair for h in idle)
        readers = [BlockedReader(h) for h in [h for h in idle if h.how == "shutdown"][:8]]

        self.assertEqual(halfclosed.become(self.lab, idle, halfclosed.OPEN, 2), [])
        self.assertEqual(halfclosed.become(self.lab, idle, halfclosed.GONE, 6 - (time.monotonic() - begun) / PATIENCE), [])

        self.assert_applications_were_told(idle, readers)
        self.assertGreaterEqual(daemon.stats()["resets.sent"], 400)
        for pair in in_use:
            pair.talk()
        # finwaitd itself takes a while to be sure that nothing contradicts its resets.
        until(lambda: not daemon.flows("state", "fin-wait-2"), 5)
        self.assertEqual(daemon.flows("state", "fin-wait-2"), [])

    def test_connections_that_carried_data_past_the_daemon_are_reset_with_the_right_numbers(self):
        daemon = self.daemon({"timeouts": {"fin_wait_2": "1s", "on_expiry": "reset"}})
        pairs = self.closing(open_both_versions(self.lab, 16))
        for pair in pairs:
            self.send(pair.client, pair.server, 300_000)
            self.send(pair.server, pair.client, 700_000)
        idle = [halfclosed.HalfClosed(pair, ("client", "server")[i // 2 % 2], ("shutdown", "close")[i // 4 % 2])
                for i, pair in enumerate(pairs)]
        self.assertEqual(halfclosed.become(self.lab, idle, halfclosed.GONE, 4), [])
        self.assertGreaterEqual(daemon.stats()["resets.sent"], 32)

    @staticmethod
    def send(sender, receiver, count):
        """So many bytes, in pieces that fit the buffers."""
        while count:
            piece = min(count, 10_000)
            sender.sendall(bytes(piece))
            count -= piece
            while piece:  # a socket with a timeout does not wait for all
                piece -= len(receiver.recv(piece))

    def assert_applications_were_told(self, idle, readers):
        for reader in readers:
            reader.join(2)
            self.assertEqual(reader.result, "ECONNRESET")
        read_by_thread = [reader.socket for reader in readers]
        for half_closed in idle:
            closer = half_closed.pair.end(half_closed.closer)
            if half_closed.how == "shutdown" and closer not in read_by_thread:
                self.assertEqual(outcome(closer), "ECONNRESET", half_closed)
            # The holder had its end of file before; after the reset Linux may repeat it or name the broken pipe.
            self.assertIn(outcome(half_closed.pair.end(half_closed.holder)), ("eof", "EPIPE", "ECONNRESET"))
            with self.assertRaises((BrokenPipeError, ConnectionResetError)):
                half_closed.pair.end(half_closed.holder).send(b"too late")


if __name__ == "__main__":
    case.main()
