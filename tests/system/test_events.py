"""What has happened to flows, told to who asks, and never in the way of traffic."""

import json
import os
import select
import signal
import socket
import subprocess

from harness import case, halfclosed
from harness.command import die_with_parent
from harness.daemon import binary, sanitized
from harness.load import ConnectStorm
from harness.sockets import open_both_versions, open_pairs
from harness.wait import until

RESETTING = {"fin_wait_2": "1s", "on_expiry": "probe", "probe_interval": "1s", "probe_attempts": 3}


class Follower:
    """finwaitctl events --follow, into a file."""

    def __init__(self, test, daemon, *args):
        self._path = os.path.join(daemon.directory, "events")
        with open(self._path, "wb") as out:
            self.process = subprocess.Popen(
                [binary("finwaitctl"), "--socket", daemon.socket, "events", "--follow", *args], stdin=subprocess.DEVNULL,
                stdout=out, stderr=out, preexec_fn=die_with_parent)
        test.addCleanup(self.process.wait)
        test.addCleanup(self.process.kill)

    def lines(self):
        with open(self._path, encoding="utf-8") as file:
            return [line for line in file.read().split("\n")[:-1]]


def kind(event):
    own = event["finwaitd"]
    return event["event_type"], own.get("action") or own.get("outcome")


class Events(case.SystemTest):
    def kinds(self, lines, pair):
        return [kind(e) for e in map(json.loads, lines) if e.get("src_port") == pair.key.port]

    def abandoned(self):
        """A pair whose client's application has let go, while the server's never closes."""
        pair = self.closing(open_pairs(self.lab, 1, 4))[0]
        return halfclosed.HalfClosed(pair, "client", "close").pair

    def test_a_follower_sees_a_flow_half_closed_asked_reset_and_confirmed(self):
        daemon = self.daemon({"timeouts": RESETTING})
        follower = Follower(self, daemon)
        pair = self.abandoned()
        self.assertTrue(until(lambda: ("tcp_reset", "confirmed") in self.kinds(follower.lines(), pair), 10), follower.lines())
        mine = [line for line in follower.lines() if json.loads(line).get("src_port") == pair.key.port]
        print("\n" + "\n".join(mine))
        order = [kind(json.loads(line)) for line in mine]
        steps = [("tcp_half_closed", None), ("tcp_probe", "asked"), ("tcp_reset", "reset"), ("tcp_reset", "confirmed")]
        self.assertEqual([k for k in order if k in steps], steps, order)
        first = json.loads(mine[0])
        for name in ("timestamp", "flow_id", "event_type", "src_ip", "src_port", "dest_ip", "dest_port", "proto"):
            self.assertIn(name, first)
        self.assertEqual((first["src_ip"], first["dest_port"]), (pair.key.address, pair.server.getsockname()[1]))
        stamps = [json.loads(line)["timestamp"] for line in follower.lines()]
        self.assertEqual(stamps, sorted(stamps))

        later = daemon.ctl("events", "--type", "tcp_half_closed,tcp_reset", f"client-port {pair.key.port}").stdout
        self.assertEqual([kind(e)[0] for e in map(json.loads, later.splitlines())],
                         ["tcp_half_closed", "tcp_reset", "tcp_reset"])
        self.assertRegex(daemon.ctl("events", "--text", f"client-port {pair.key.port}").stdout,
                         r"tcp_reset confirmed .*policy default: ")

    def test_reloads_and_kills_are_told_with_who_asked(self):
        daemon = self.daemon({"intercept": {"packets": "all"}})
        follower = Follower(self, daemon, "--new", "--type", "config_reload", "--type", "tcp_reset")
        pair = self.closing(open_pairs(self.lab, 1, 4))[0]
        self.assertTrue(until(lambda: daemon.ctl("reload") and follower.lines(), 5))  # it follows when it sees one
        daemon.ctl("kill", "--yes", f"client-port {pair.key.port}")
        self.assertTrue(until(lambda: any("confirmed" in line for line in follower.lines()), 5), follower.lines())
        events = [json.loads(line) for line in follower.lines()]
        self.assertEqual(kind(events[0]), ("config_reload", "in_force"))
        asked = next(e["finwaitd"] for e in events if kind(e) == ("tcp_reset", "requested"))
        self.assertEqual(asked["uid"], os.getuid())
        self.assertIn(("tcp_reset", "confirmed"), [kind(e) for e in events])

    def test_what_makes_no_sense_is_refused_and_a_daemon_that_stops_is_said(self):
        daemon = self.daemon()
        for bad in (("--type", "tcp_rest"), ("phase probing",), ("state nowhere",)):
            refused = daemon.ctl("events", *bad, check=False)
            self.assertEqual(refused.returncode, 2, refused)
        follower = Follower(self, daemon)
        # It is there once it has been told of something.
        self.assertTrue(until(lambda: daemon.ctl("reload") and follower.lines(), 10, interval=0.2))
        daemon.stop()
        self.assertEqual(follower.process.wait(5), 0)
        self.assertIn("finwaitd has stopped", follower.lines()[-1])

    def test_followers_that_do_not_read_cost_no_packet_and_no_memory(self):
        daemon = self.daemon({"intercept": {"packets": "all"}, "timeouts": {"fin_wait_2": "1s", "on_expiry": "reset"}})
        deaf = [self.deaf_follower(daemon) for _ in range(10)]
        sleeper = Follower(self, daemon)
        sleeper.process.send_signal(signal.SIGSTOP)
        storm = ConnectStorm(self.lab, rate=200)
        pairs = self.closing(open_both_versions(self.lab, 200))
        before = memory_of(daemon.pid)  # with the tables' first large pages, which the flows have brought
        orphans = [halfclosed.HalfClosed(pair, "client", "close") for pair in pairs]
        left = halfclosed.become(self.lab, orphans, halfclosed.GONE, 15)
        self.assertEqual(storm.finish(), [])
        self.assertEqual(left, [])
        stats = daemon.stats()
        self.assertEqual((stats["queue.dropped"], stats["packets.lost"]), (0, 0))
        if not sanitized():  # a sanitizer keeps what is freed
            self.assertLess(memory_of(daemon.pid) - before, 16 << 20)
        def told():
            return len(daemon.ctl("events").stdout.splitlines())
        self.assertTrue(until(lambda: told() >= 3 * len(pairs), 10), told())
        self.assertFalse(any(map(hung_up, deaf)))  # they have had no 10 s to be cut off
        sleeper.process.send_signal(signal.SIGCONT)
        self.assertTrue(until(lambda: len(sleeper.lines()) >= told(), 5), f"{len(sleeper.lines())} of {told()}")

    def deaf_follower(self, daemon):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(client.close)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(daemon.socket)
        client.sendall(b'{"command":"events","follow":true}\n')
        return client


def hung_up(client):
    poll = select.poll()
    poll.register(client, 0)
    return bool(poll.poll(0))


def memory_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS"))


if __name__ == "__main__":
    case.main()
