"""The control socket and finwaitctl: exit codes that scripts can rely on, and clients that misbehave are cut off."""

import fcntl
import json
import os
import pty
import select
import shutil
import signal
import socket
import stat
import subprocess
import time

from harness import case, compare
from harness.command import run
from harness.daemon import NotStarted, binary
from harness.sockets import open_both_versions
from harness.wait import until


def cut_off(client):
    """Whether the daemon has hung up, without reading what it sent before."""
    poll = select.poll()
    poll.register(client, 0)
    return bool(poll.poll(0))


class Talking(case.SystemTest):
    def connect(self, daemon, first=b""):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(client.close)
        client.settimeout(5)
        client.connect(daemon.socket)
        if first:
            client.sendall(first)
        return client


class Control(Talking):
    def assert_traffic_flows(self, daemon):
        pairs = open_both_versions(self.lab, 4)
        key = pairs[0].key
        listed = daemon.flows(f"state established and client {key.address} and client-port {key.port}")
        self.assertEqual(len(listed), 1)
        for pair in pairs:
            pair.close()

    def test_clients_that_send_nonsense_half_a_line_or_never_read_are_cut_off_and_packets_do_not_notice(self):
        daemon = self.daemon()
        self.closing(open_both_versions(self.lab, 50))
        half_line = self.connect(daemon, b'{"command":"li')
        deaf = self.connect(daemon)
        deaf.setblocking(False)
        self.ask_without_reading(deaf)
        nonsense = [self.connect(daemon), self.connect(daemon), self.connect(daemon)]
        for client, text in zip(nonsense, (b"\x00\xff\xfe{{{\n" * 100, b"x" * 1_000_000, b"[]\nnull\n{}\n" * 50)):
            try:
                client.sendall(text)
            except OSError:
                pass  # cut off in the middle of it, as it should be

        begun = time.monotonic()
        unwelcome = [half_line, deaf, *nonsense]
        while time.monotonic() < begun + 25 and not all(map(cut_off, unwelcome)):
            self.assert_traffic_flows(daemon)
            time.sleep(0.2)
        self.assertEqual([cut_off(c) for c in unwelcome], [True] * 5)
        self.assertTrue(daemon.running())
        self.assert_traffic_flows(daemon)

    @staticmethod
    def ask_without_reading(client):
        """Asks until neither side's buffer takes any more."""
        try:
            for _ in range(5000):
                client.sendall(b'{"command":"list"}\n' * 10)
        except BlockingIOError:
            pass

    def test_clients_that_hang_up_in_the_middle_of_an_answer_do_no_harm(self):
        daemon = self.daemon()
        self.closing(open_both_versions(self.lab, 50))
        for _ in range(200):
            self.connect(daemon, b'{"command":"list"}\n' * 20).close()
        self.assertTrue(until(lambda: daemon.answers(), 5), daemon.log())
        self.assert_traffic_flows(daemon)

    def test_exit_codes_tell_success_failure_bad_command_unreachable_and_not_permitted(self):
        daemon = self.daemon()
        self.assertEqual(daemon.ctl("list").returncode, 0)
        self.assertEqual(daemon.ctl("kill", "port 1", check=False).returncode, 1)
        self.assertEqual(daemon.ctl("show", "ffff-9999", check=False).returncode, 1)
        for bad in (("list", "state nowhere"), ("list", "port"), ("dance",), ("kill",), ("list", "--nonsense"), ("show",)):
            self.assertEqual(daemon.ctl(*bad, check=False).returncode, 2, bad)
        nowhere = run(binary("finwaitctl"), "--socket", daemon.socket + "x", "list", check=False)
        self.assertEqual(nowhere.returncode, 3, nowhere)
        self.assertIn(daemon.socket + "x", nowhere.stderr)
        self.assertEqual(self.as_nobody(daemon, "list").returncode, 4)

    def as_nobody(self, daemon, *args):
        program = shutil.copy(binary("finwaitctl"), daemon.directory)  # the build may lie where nobody may look
        os.chmod(program, 0o755)
        return run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program, "--socket", daemon.socket,
                   *args, check=False)

    def test_a_slip_in_the_path_of_the_socket_makes_no_directory(self):
        daemon = self.daemon(start=False)
        nowhere = os.path.join(daemon.directory, "no", "such")
        daemon.configure({"control": {"socket": os.path.join(nowhere, "control.sock")}})
        with self.assertRaises(NotStarted):
            daemon.start()
        self.assertRegex(daemon.log(), rf"control\.socket: .*there is no directory {nowhere}")
        self.assertFalse(os.path.exists(os.path.dirname(nowhere)))

    def test_the_directory_of_the_usual_socket_is_made(self):
        if os.path.exists("/run/finwaitd"):
            self.skipTest("/run/finwaitd is there")
        self.addCleanup(lambda: os.path.isdir("/run/finwaitd") and os.rmdir("/run/finwaitd"))
        daemon = self.daemon(start=False)
        daemon.socket = "/run/finwaitd/test.sock"
        daemon.configure({})
        daemon.start()
        self.assertEqual(stat.S_IMODE(os.stat("/run/finwaitd").st_mode), 0o755)
        self.assertEqual(daemon.stop(), 0)

    def test_the_socket_may_come_from_the_environment(self):
        daemon = self.daemon()
        done = run("env", f"FINWAITD_SOCKET={daemon.socket}", binary("finwaitctl"), "count")
        self.assertIn("0", done.stdout)

    def test_show_policy_count_and_version_tell_what_the_list_tells(self):
        daemon = self.daemon({"policy": [{"name": "web", "match": "port 443", "fin_wait_2": "30s"}]})
        pairs = self.closing(open_both_versions(self.lab, 6))
        flow = next(f for f in daemon.flows() if compare.flow_key(f) == pairs[0].key)
        shown = json.loads(daemon.ctl("show", flow["id"], "--json").stdout)
        self.assertEqual((shown["id"], shown["client"]["port"]), (flow["id"], pairs[0].key.port))
        self.assertIn(flow["id"], daemon.ctl("show", flow["id"]).stdout)
        self.assertIn("6", daemon.ctl("count", "state established").stdout)
        self.assertEqual([p["name"] for p in daemon.ctl_json("policy")], ["web", "default"])
        self.assertRegex(daemon.ctl("version").stdout, r"\d+\.\d+\.\d+")

    def test_kill_resets_what_it_matches_and_nothing_else_and_tells_how_it_came_out(self):
        daemon = self.daemon({"intercept": {"packets": "all"}})
        pairs = self.closing(open_both_versions(self.lab, 6))
        victim = pairs[0]
        match = f"client-port {victim.key.port} and client {victim.key.address}"
        done = daemon.ctl("kill", "--yes", match)
        print("\n" + done.stdout)
        self.assertRegex(done.stdout, r"1 connection matches, 1 to be ended\.")
        self.assertIn("confirmed: reset, and gone from both ends", done.stdout)
        self.assertTrue(compare.against_ss(daemon, [victim.key]).all_agree())
        for sock in (victim.client, victim.server):
            with self.assertRaises(ConnectionResetError):
                sock.recv(1)
        for pair in pairs[1:]:
            pair.talk()
        again = daemon.ctl("kill", match, check=False)
        self.assertEqual(again.returncode, 1)
        self.assertIn("1 that finwaitd has just ended left out", again.stdout + again.stderr)

    def test_kill_without_a_terminal_needs_yes_and_shows_what_it_would_do(self):
        daemon = self.daemon({"intercept": {"packets": "all"}})
        pair = self.closing(open_both_versions(self.lab, 1))[0]
        match = f"client-port {pair.key.port}"
        refused = daemon.ctl("kill", match, check=False)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("--yes", refused.stderr)
        self.assertIn(str(pair.key.port), refused.stdout)
        pair.talk()
        killed = json.loads(daemon.ctl("kill", "--yes", "--no-wait", "--json", match).stdout)
        self.assertEqual([(k["result"], k["outcome"]) for k in killed], [("reset", "pending")])

    def test_kill_asks_on_a_terminal(self):
        daemon = self.daemon({"intercept": {"packets": "all"}})
        pair = self.closing(open_both_versions(self.lab, 1))[0]
        for answer, code in ((b"n\n", 1), (b"y\n", 0)):
            ours, theirs = pty.openpty()
            self.addCleanup(os.close, ours)
            asking = subprocess.Popen([binary("finwaitctl"), "--socket", daemon.socket, "kill", f"client-port {pair.key.port}"],
                                      stdin=theirs, stdout=theirs, stderr=theirs)
            os.close(theirs)
            said = b""
            while b"[y/N]" not in said and select.select([ours], [], [], 5)[0]:
                said += os.read(ours, 4096)
            self.assertIn(b"Really end 1 connection? [y/N]", said)
            pair.talk()
            os.write(ours, answer)
            self.assertEqual(asking.wait(20), code)

    def test_kill_says_which_flows_cannot_be_ended_and_why(self):
        daemon = self.daemon()
        pair = self.closing(open_both_versions(self.lab, 1))[0]
        done = daemon.ctl("kill", "--yes", f"client-port {pair.key.port}", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot be ended: numbers not known exactly", done.stdout)
        pair.talk()



class Places(Talking):
    """Who takes every connection that there is keeps neither root nor another reader out."""

    def as_reader(self, uid, daemon):
        """A connection of a user who may only look, which has been served or turned away; the last line that it got."""
        os.seteuid(uid)  # what the kernel tells of it when it connects; the group stays root's
        try:
            client = self.connect(daemon)
        finally:
            os.seteuid(0)
        try:
            client.sendall(b'{"command":"ping"}\n')
        except BrokenPipeError:
            pass  # turned away already
        return json.loads(client.makefile().readline())

    def test_64_connections_of_one_reader_leave_room_for_root_and_for_other_readers(self):
        daemon = self.daemon()
        answers = [self.as_reader(65534, daemon) for _ in range(64)]
        self.assertEqual(answers.count({"done": {}}), 16)
        self.assertEqual({a["error"]["code"] for a in answers if "error" in a}, {"busy"})
        self.assertEqual(self.as_reader(1, daemon), {"done": {}})
        self.assertEqual(daemon.ctl("reload").returncode, 0)

    def test_connections_of_many_readers_leave_room_for_root_to_reload_and_kill(self):
        daemon = self.daemon({"intercept": {"packets": "all"}})
        pair = self.closing(open_both_versions(self.lab, 1))[0]
        answers = [self.as_reader(10000 + i, daemon) for i in range(64)]
        self.assertEqual(answers.count({"done": {}}), 56)
        self.assertEqual(daemon.ctl("reload").returncode, 0)
        self.assertEqual(daemon.ctl("kill", "--yes", f"client-port {pair.key.port}").returncode, 0)


class Silence(Talking):
    """A daemon that is stopped is given up after 5 s; one that has nothing to say is not."""

    def stopped(self, daemon):
        os.kill(daemon.pid, signal.SIGSTOP)
        self.addCleanup(os.kill, daemon.pid, signal.SIGCONT)

    def test_finwaitctl_gives_a_stopped_daemon_up_and_says_so(self):
        daemon = self.daemon()
        self.stopped(daemon)
        for command in (("list",), ("stats",), ("reload",), ("events", "--follow"), ("kill", "--yes", "state", "established")):
            done = daemon.ctl(*command, check=False, timeout=60)
            self.assertEqual(done.returncode, 3, command)
            self.assertIn("finwaitd does not answer (for 5 s)", done.stderr)

    def test_who_follows_the_events_of_a_quiet_daemon_is_not_cut_off_and_of_a_stopped_one_is(self):
        daemon = self.daemon()
        following = subprocess.Popen([binary("finwaitctl"), "--socket", daemon.socket, "events", "--follow", "--new"],
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(following.communicate)
        self.addCleanup(following.kill)
        self.assertFalse(until(lambda: following.poll() is not None, 12))
        daemon.ctl("reload")
        self.assertEqual(json.loads(following.stdout.readline())["event_type"], "config_reload")
        self.stopped(daemon)
        self.assertEqual(following.wait(60), 3)
        self.assertIn("finwaitd does not answer", following.stderr.read())

    def test_a_log_that_nobody_reads_keeps_neither_requests_nor_the_end_waiting(self):
        daemon = self.daemon(start=False)
        os.mkfifo(daemon.log_file)
        reader = os.open(daemon.log_file, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
        daemon.start()
        for _ in range(40):  # each is told in the log
            daemon.ctl("reload")
        daemon.stats()
        self.assertEqual(daemon.stop(), 0)
        os.unlink(daemon.log_file)  # so that nobody waits for its end

    def test_a_daemon_that_has_gone_is_told_at_once(self):
        daemon = self.daemon()
        daemon.kill9()
        self.assertEqual(daemon.ctl("list", check=False).returncode, 3)


if __name__ == "__main__":
    case.main()
