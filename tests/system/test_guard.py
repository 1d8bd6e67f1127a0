"""A daemon that is stopped, by a signal or a debugger, keeps nobody waiting for long, and finds its way back afterwards. Signals
that it has no use for change nothing."""

import os
import re
import shutil
import signal
import threading
import time

from harness import case, firewall
from harness.daemon import binary
from harness.sockets import open_both_versions, open_pairs
from harness.wait import PATIENCE, until

#: On an idle machine a packet waits for less than a second. Without a guard it is for ever, or until the watchdog restarts the
#: daemon after 30.
LONGEST = 10 * PATIENCE
SOMEBODY = 64321  # a user and a group of their own, in no file
SETTINGS = {"timeouts": {"fin_wait_2": "10m"}}


def guard_of(daemon):
    """The pid of the process that guards the daemon's queues."""
    with open(f"/proc/{daemon.pid}/task/{daemon.pid}/children", encoding="ascii") as file:
        for pid in file.read().split():
            with open(f"/proc/{pid}/comm", encoding="ascii") as name:
                if name.read().strip() == "finwait-guard":
                    return int(pid)
    return None


class Stopped(case.SystemTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for tool in ("iptables", "ip6tables"):  # as on any gateway, a rule that makes conntrack track
            cls.lab.gateway.run(tool, "-A", "INPUT", "-m", "conntrack", "--ctstate", "INVALID", "-j", "DROP")

    def stopped(self, settings=None):
        daemon = self.daemon(settings or SETTINGS)
        self.assertTrue(until(lambda: guard_of(daemon), 5), daemon.log())
        os.kill(daemon.pid, signal.SIGSTOP)
        self.addCleanup(lambda: daemon.running() and os.kill(daemon.pid, signal.SIGCONT))
        return daemon

    def assert_passes(self, limit=LONGEST):
        begun = time.monotonic()
        pairs = self.closing(open_both_versions(self.lab, 4))
        for pair in pairs:
            pair.finish("client", "shutdown")
            pair.server.sendall(b"answer")
            self.assertEqual(pair.client.recv(16), b"answer")
        took = time.monotonic() - begun
        print(f"\n  opened, half-closed and answered within {took:.2f} s ... ", end="")
        self.assertLess(took, limit)
        return pairs

    def assert_found_again(self, daemon, pairs):
        os.kill(daemon.pid, signal.SIGCONT)
        ports = {str(pair.client.getsockname()[1]) for pair in pairs}
        listed = lambda: ports <= {str(flow["client"]["port"]) for flow in daemon.flows("state", "close-wait")}
        self.assertTrue(until(listed, 20), f"{daemon.flows()}")
        stats = daemon.stats()
        self.assertEqual((stats["resets.sent"], stats["queue.errors"]), (0, 0), f"{stats}")
        self.assertGreater(stats["queue.openings"], 0)
        self.assertGreater(stats["queue.dropped"], 0)
        for pair in pairs:
            pair.server.sendall(b"seen")
            self.assertTrue(pair.client.recv(16))

    def test_connections_open_and_go_on_and_are_found_again_in_selective_mode(self):
        daemon = self.stopped()
        self.assert_found_again(daemon, self.assert_passes())

    def test_connections_open_and_go_on_and_are_found_again_when_all_packets_are_queued(self):
        daemon = self.stopped({"intercept": {"packets": "all"}, **SETTINGS})
        pairs = self.assert_passes()
        os.kill(daemon.pid, signal.SIGCONT)
        for pair in pairs:
            pair.server.sendall(b"seen")
        self.assert_found_again(daemon, pairs)

    def test_the_services_user_is_guarded_as_well(self):
        daemon = self.daemon(start=False)
        program = shutil.copy(binary("finwaitd"), daemon.directory)  # the build may lie where nobody may look
        names = "+net_admin,+net_raw,+setgid"
        daemon.through = ("env", "ASAN_OPTIONS=detect_leaks=0", "setpriv", f"--reuid={SOMEBODY}", f"--regid={SOMEBODY}", "--clear-groups",
                          "--no-new-privs", f"--inh-caps=-all,{names}", f"--ambient-caps=-all,{names}", f"--bounding-set=-all,{names}",
                          "sh", "-c", f'shift; exec {program} "$@"', "sh")
        os.chown(daemon.directory, SOMEBODY, SOMEBODY)
        daemon.start()
        os.kill(daemon.pid, signal.SIGSTOP)
        self.addCleanup(lambda: daemon.running() and os.kill(daemon.pid, signal.SIGCONT))
        self.assert_found_again(daemon, self.assert_passes())
        self.assertEqual(daemon.stop(), 0)

    def test_it_is_guarded_again_after_each_stop(self):
        daemon = self.stopped()
        for _ in range(3):
            self.assert_passes()
            os.kill(daemon.pid, signal.SIGCONT)
            self.assertTrue(until(lambda: daemon.ctl("count", check=False).returncode == 0, 10))
            time.sleep(1.5)
            os.kill(daemon.pid, signal.SIGSTOP)
        os.kill(daemon.pid, signal.SIGCONT)
        self.assertEqual(daemon.stop(), 0, daemon.log())
        self.assertEqual(firewall.own_rules(self.lab), [])

    def test_a_short_stop_is_not_told_as_the_longer_one_before_it(self):
        said = lambda: re.findall(r"gave no verdicts for (\d+\.\d) s", daemon.log())
        daemon = self.stopped()
        self.assert_passes()
        time.sleep(8)
        os.kill(daemon.pid, signal.SIGCONT)
        self.assertTrue(until(said, 5), daemon.log())
        before = len(said())
        os.kill(daemon.pid, signal.SIGSTOP)
        self.assert_passes()
        os.kill(daemon.pid, signal.SIGCONT)
        self.assertTrue(until(lambda: len(said()) > before, 5), daemon.log())
        self.assertGreater(float(said()[0]), 6)
        self.assertLess(float(said()[-1]), float(said()[0]) - 1)

    def test_who_stops_all_processes_of_that_name_does_not_stop_the_guard(self):
        daemon = self.daemon(SETTINGS)
        guard = guard_of(daemon)
        with open(f"/proc/{guard}/cmdline", "rb") as file:
            self.assertNotIn(b"finwaitd", file.read())
        self.assertNotEqual(os.getsid(guard), os.getsid(daemon.pid))

    def test_a_busy_gateway_is_left_alone(self):
        daemon = self.daemon({"intercept": {"packets": "all", "queues": 1}, **SETTINGS})
        end = time.monotonic() + 6
        while time.monotonic() < end:
            for pair in open_pairs(self.lab, 50, 4):
                pair.close()
        stats = daemon.stats()
        self.assertEqual((stats["queue.openings"], stats["queue.dropped"]), (0, 0), f"{stats}")

    def test_a_guard_that_is_ended_by_others_is_told_and_all_goes_on(self):
        daemon = self.daemon(SETTINGS)
        os.kill(guard_of(daemon), signal.SIGKILL)
        self.assertTrue(until(lambda: "guards the queues has been ended" in daemon.log(), 10))
        self.assert_passes()
        self.assertEqual(daemon.stop(), 0)

    def test_a_daemon_that_is_killed_takes_its_guard_with_it_and_traffic_flows(self):
        daemon = self.daemon(SETTINGS)
        guard = guard_of(daemon)
        daemon.kill9()
        self.assert_passes()
        self.assertTrue(until(lambda: not os.path.exists(f"/proc/{guard}") or "Z" in self.state(guard), 10))

    @staticmethod
    def state(pid):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                return re.search(r"\) (\S)", file.read())[1]
        except FileNotFoundError:
            return "Z"


class Signals(case.SystemTest):
    def test_those_without_a_use_are_ignored_before_and_after_it_is_ready(self):
        daemon = self.daemon(start=False)
        numbers = [signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE, signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF, signal.SIGIO,
                   signal.SIGPWR, signal.SIGXCPU, signal.SIGXFSZ, signal.SIGRTMIN, signal.SIGRTMAX]
        daemon.start()
        for number in numbers:
            os.kill(daemon.pid, number)
        self.closing(open_both_versions(self.lab, 4))
        self.assertTrue(until(lambda: len(daemon.flows()) >= 4, 5))
        self.assertTrue(daemon.running(), daemon.log())
        self.assertEqual(daemon.stop(), 0)
        self.assertIn("flows kept in", daemon.log())

    def test_one_that_asks_for_a_reload_too_early_does_not_end_it(self):
        daemon = self.daemon(start=False)
        starting = threading.Thread(target=daemon.start)
        starting.start()
        self.assertTrue(until(lambda: daemon.running() and guard_of(daemon), 10, interval=0.001))
        while starting.is_alive():
            daemon.hangup()
            time.sleep(0.001)
        starting.join()
        self.assertTrue(until(lambda: "is in force" in daemon.log(), 10))
        self.assertEqual(daemon.stop(), 0)



if __name__ == "__main__":
    case.main()
