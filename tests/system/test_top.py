"""finwaitctl top on a terminal of 80 columns and 24 lines, with a daemon and connections that are real."""

import os
import re
import signal
import unittest

from harness import case, halfclosed, ss, terminal
from harness.daemon import binary
from harness.sockets import open_both_versions
from harness.wait import until

PATIENT = {"fin_wait_2": "1h"}


def pid_of_top(socket):
    """Of the one that watches this daemon."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().decode().split("\0")
        except OSError:
            continue
        if words[0].endswith("finwaitctl") and socket in words:
            return int(pid)
    return None


class Top(case.SystemTest):
    @classmethod
    def setUpClass(cls):
        if terminal.missing():
            raise unittest.SkipTest(terminal.missing())
        super().setUpClass()

    def watch(self, daemon, *filter_words):
        watched = terminal.Terminal()
        self.addCleanup(watched.close)
        watched.start(binary("finwaitctl"), "--socket", daemon.socket, "top", *filter_words)
        self.assertTrue(watched.shows("Filter:"), watched.screen())
        return watched

    def assert_shows(self, watched, text, seconds=5):
        self.assertTrue(watched.shows(text, seconds), f"{text!r} is not on the screen:\n{watched.screen()}")

    def half_closed(self, count):
        pairs = self.closing(open_both_versions(self.lab, count))
        return [halfclosed.HalfClosed(pair, "client", "shutdown").pair for pair in pairs]

    def test_flows_are_sorted_filtered_opened_and_ended_after_a_yes(self):
        daemon = self.daemon({"intercept": {"packets": "all"}, "timeouts": PATIENT})
        pairs = self.half_closed(40)
        watched = self.watch(daemon)
        self.assert_shows(watched, "40 match")
        self.assert_shows(watched, "half-closed 40")
        print("\n" + watched.screen())

        watched.keys("<", "<", "<", "<", "<")  # idle, age, closer, state, server, client
        self.assert_shows(watched, "sorted by client, ascending")
        self.assert_shows(watched, "CLIENT ^")

        victim = pairs[7]
        port = victim.key.port
        watched.type("/client-port nonsense")
        watched.keys("Enter")
        self.assert_shows(watched, "found \"nonsense\"")
        lines = watched.screen().splitlines()
        typed = next(i for i, line in enumerate(lines) if line.startswith("Filter: client-port"))
        self.assertEqual(lines[typed].index("nonsense"), lines[typed + 1].index("^"))
        self.assert_shows(watched, "fin-wait-2/close-wait")  # the old filter is in force
        watched.keys("C-u")
        watched.type(f"client-port {port}")
        watched.keys("Enter")
        self.assert_shows(watched, "1 matches")

        watched.keys("Enter")
        self.assert_shows(watched, "fin-wait-2")
        self.assert_shows(watched, "Esc back")
        print(watched.screen())
        watched.keys("End")
        self.assert_shows(watched, "client sent FIN")
        watched.type("K")
        self.assert_shows(watched, "Really end this connection")
        watched.type("n")
        self.assert_shows(watched, "Esc back")
        self.assertEqual(ss.table(self.lab.client).get(victim.key), "fin-wait-2")
        watched.type("K")
        self.assert_shows(watched, "Really end this connection")
        watched.type("y")
        self.assert_shows(watched, "The reset is confirmed: reset, and gone from both ends")
        self.assertTrue(until(lambda: victim.key not in ss.table(self.lab.client), 5))
        self.assertNotIn(victim.server_key, ss.table(self.lab.server))
        self.assertEqual(sum(pair.key in ss.table(self.lab.client) for pair in pairs), 39)

        watched.keys("Escape")
        watched.type("q")
        self.assertTrue(until(watched.is_restored, 5))
        watched.type("echo status=$?")
        watched.keys("Enter")
        self.assert_shows(watched, "status=0")

    def test_the_screen_follows_the_terminals_size(self):
        daemon = self.daemon({"timeouts": PATIENT})
        self.half_closed(40)
        watched = self.watch(daemon, "state fin-wait-2")
        self.assert_shows(watched, "40 match")
        for columns, rows in ((132, 50), (40, 12), (20, 5), (80, 24)):
            with self.subTest(columns=columns, rows=rows):
                watched.resize(columns, rows)
                listed = min(40, max(rows - 2 - min(6, max(rows - 6, 0)), 1))
                self.assertTrue(until(lambda: len(re.findall(r"^[0-9a-f]+-\d+ ", watched.screen(), re.M)) == listed, 5),
                                watched.screen())
                self.assertLessEqual(max(map(len, watched.screen().splitlines())), columns)

    def test_a_daemon_that_goes_is_said_and_one_that_comes_back_is_found(self):
        daemon = self.daemon({"timeouts": PATIENT, "state": {"file": ""}})
        self.half_closed(4)
        watched = self.watch(daemon)
        self.assertTrue(until(lambda: watched.screen().count("fin-wait-2/close-wait") == 4, 5), watched.screen())
        daemon.stop()
        self.assert_shows(watched, "cannot reach finwaitd")
        self.assertEqual(watched.screen().count("fin-wait-2/close-wait"), 4)
        daemon.start()
        self.assertTrue(until(lambda: "cannot reach" not in watched.screen(), 5), watched.screen())

    def test_a_signal_leaves_the_terminal_as_it_was(self):
        daemon = self.daemon()
        watched = self.watch(daemon)
        for number, status in ((signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 0)):
            with self.subTest(number):
                os.kill(pid_of_top(daemon.socket), number)
                self.assertTrue(until(watched.is_restored, 5))
                watched.type("echo status=$?; stty -a | grep -ow -- '-*echo'")
                watched.keys("Enter")
                self.assert_shows(watched, f"status={status}\necho\n")
                watched.type("clear")
                watched.keys("Enter")
                watched.start(binary("finwaitctl"), "--socket", daemon.socket, "top")
                self.assert_shows(watched, "Filter:")

    def test_without_a_terminal_or_a_daemon_it_says_so(self):
        daemon = self.daemon()
        refused = daemon.ctl("top", check=False)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("needs a terminal", refused.stderr)
        watched = terminal.Terminal()
        self.addCleanup(watched.close)
        watched.start(binary("finwaitctl"), "--socket", daemon.socket + "x", "top")
        self.assert_shows(watched, "cannot reach finwaitd")
        watched.type("clear; TERM=nonsense " + f"{binary('finwaitctl')} --socket {daemon.socket} top")
        watched.keys("Enter")
        self.assert_shows(watched, "is not known here")


if __name__ == "__main__":
    case.main()
