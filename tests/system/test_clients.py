"""Many listings at once, and clients that hardly read theirs, while connections come and go: not one packet is lost to them.

FINWAITD_MANY_CLIENTS=1 asks for 10 000 listings and 1000 such clients."""

import collections
import json
import os
import resource
import selectors
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from harness import case
from harness.command import run
from harness.daemon import binary
from harness.load import ConnectStorm
from harness.sockets import open_both_versions
from harness.wait import PATIENCE

MANY = bool(os.environ.get("FINWAITD_MANY_CLIENTS"))
LISTINGS = 10_000 if MANY else round(300 / PATIENCE)  # each longer than the one before, for the connections beside
SLOW = 1000 if MANY else 128  # the daemon serves 64 at a time
AT_ONCE = 4
FLOWS = 300
HOLD = 3  # seconds in which slow readers have all the daemon's connections


class SlowReaders:
    """Clients that ask for far more than fits any buffer, and read a byte now and then."""

    def __init__(self, path, count):
        self._selector = selectors.DefaultSelector()
        self.begun = collections.Counter()  # how the answers begin: served, or turned away
        self._clients = []
        for _ in range(count):
            client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            client.connect(path)
            try:
                client.sendall(b'{"command":"list"}\n' * 50)
            except OSError:
                pass  # turned away already: the answer is there all the same
            client.setblocking(False)
            self._selector.register(client, selectors.EVENT_READ)
            self._clients.append(client)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        heard = set()
        while not self._stop.wait(0.1):
            for key, _ in self._selector.select(0):
                client = key.fileobj
                first = client not in heard
                try:
                    got = client.recv(8 if first else 1)
                except OSError:
                    got = b""
                if first:
                    self.begun[got.decode() or "nothing"] += 1
                    heard.add(client)
                if not got:
                    self._selector.unregister(client)

    def close(self):
        self._stop.set()
        self._thread.join()
        for client in self._clients:
            client.close()


class Clients(case.SystemTest):
    def test_listings_and_slow_readers_without_number_cost_no_packet(self):
        resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
        daemon = self.daemon({"intercept": {"packets": "all"}})
        self.closing(open_both_versions(self.lab, FLOWS))
        storm = ConnectStorm(self.lab, rate=200)
        outcomes = collections.Counter()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            slow = SlowReaders(daemon.socket, SLOW)
            held = time.monotonic() + HOLD
            while time.monotonic() < held:
                outcomes.update(pool.map(lambda _: self.listing(daemon), range(AT_ONCE)))
            beside = dict(outcomes)
            slow.close()
            self.assertTrue(self.patiently(daemon))
            outcomes.update(pool.map(lambda _: self.listing(daemon), range(LISTINGS - outcomes["listed"])))
        errors = storm.finish()
        stats = daemon.stats()
        print(f"\n  {SLOW} slow readers: {dict(slow.begun)}; listings beside them: {beside}; in all: {dict(outcomes)}\n"
              f"  {storm.done} connections beside, {stats['packets.seen']} packets seen, "
              f"{stats['queue.dropped']} lost ... ", end="")
        self.assertEqual(set(outcomes) - {"listed", "busy"}, set())
        self.assertGreaterEqual(outcomes["listed"], LISTINGS)
        self.assertEqual(slow.begun['{"flow":'], 64)
        self.assertEqual(slow.begun['{"error"'], SLOW - 64)
        self.assertEqual(errors, [])
        self.assertGreater(storm.done, 0)
        self.assertEqual((stats["queue.dropped"], stats["packets.lost"]), (0, 0))

    @staticmethod
    def listing(daemon):
        """How one run of finwaitctl came out."""
        done = run(binary("finwaitctl"), "--socket", daemon.socket, "list", "--json", check=False)
        if done.returncode == 0:
            return "listed" if len(json.loads(done.stdout)) >= FLOWS else "incomplete"
        return "busy" if done.returncode == 1 and "connections already" in done.stderr else f"{done.returncode} {done.stderr}"

    def patiently(self, daemon):
        """Waits for the daemon to see that the slow readers have gone."""
        for _ in range(100):
            if self.listing(daemon) == "listed":
                return True
            time.sleep(0.1)
        return False


if __name__ == "__main__":
    case.main()
