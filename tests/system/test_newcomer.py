"""What somebody meets who tries finwaitctl for the first time: ids wherever flows are meant, a filter that no shell takes
apart, and plain words about what is over, what is not there and what has not happened."""

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import tempfile
import time

from harness import case, firewall, halfclosed
from harness.command import run
from harness.daemon import binary
from harness.sockets import open_both_versions
from harness.wait import until

NOBODY = 65534
# Nothing is ended unasked.
PATIENT = {"timeouts": {"fin_wait_2": "1h"}, "policy": [{"name": "web", "match": "port 443"}]}
NO_SUCH_POLICY = 'there is no policy "wbe"; there are: web, default; did you mean "web"?'


class Newcomer(case.SystemTest):
    def half_closed(self, count):
        pairs = self.closing(open_both_versions(self.lab, count))
        made = [halfclosed.HalfClosed(pair, "client", "shutdown") for pair in pairs]
        self.assertEqual(halfclosed.become(self.lab, made, halfclosed.OPEN, 5), [])
        return made

    def ids(self, daemon, *filter_words):
        return sorted(flow["id"] for flow in daemon.flows(*filter_words))

    def fails(self, code, daemon, *args):
        done = daemon.ctl(*args, check=False)
        self.assertEqual(done.returncode, code, f"{args}\n{done.stdout}{done.stderr}")
        return done

    def test_flows_are_meant_by_a_filter_without_quotes_or_by_ids(self):
        daemon = self.daemon(PATIENT)
        self.half_closed(4)
        ids = self.ids(daemon)
        self.assertEqual(self.ids(daemon, "state", "fin-wait-2", "and", "age", "lt", "1h", "and", "port", "ne", "1"), ids)
        self.assertEqual(self.ids(daemon, "age", "gt", "1h"), [])
        self.assertEqual(self.ids(daemon, *ids[:2]), ids[:2])
        self.assertEqual(daemon.ctl("count", *ids[:3]).stdout, "3\n")
        of_one = [json.loads(line) for line in daemon.ctl("events", ids[0]).stdout.splitlines()]
        self.assertEqual({event["flow_id"] for event in of_one}, {ids[0]})
        missing = self.fails(1, daemon, "list", ids[0], "ffff-9")
        self.assertIn(ids[0], missing.stdout)
        self.assertIn("no flow ffff-9: it is gone, or never was", missing.stderr)
        counted = self.fails(1, daemon, "count", ids[0], "ffff-9")
        self.assertEqual((counted.stdout, counted.stderr), ("1\n", missing.stderr))

        killed = daemon.ctl("kill", "--yes", *ids[:2]).stdout
        self.assertEqual(killed.count("confirmed: reset, and gone from both ends"), 2, killed)
        self.assertEqual(daemon.ctl("count", "phase", "ne", "gone").stdout, "2\n")

    def test_what_finwaitd_has_just_ended_is_not_to_be_ended_again(self):
        daemon = self.daemon(PATIENT)
        self.half_closed(2)
        ids = self.ids(daemon)
        daemon.ctl("kill", "--yes", ids[0])
        self.assertIn(ids[0], self.ids(daemon), "it is listed for ten seconds more")
        left = self.fails(2, daemon, "kill", "port", "ne", "1")  # nobody to ask, and no --yes
        self.assertNotRegex(left.stdout, rf"(?m)^{ids[0]} ")
        self.assertIn("1 connection matches, 1 to be ended (1 that finwaitd has just ended left out).", left.stdout)

    def test_a_flow_that_is_over_is_told_of_from_the_events(self):
        daemon = self.daemon(PATIENT)
        self.half_closed(2)
        gone = self.ids(daemon)[0]
        daemon.ctl("kill", "--yes", gone)
        self.assertTrue(until(lambda: gone not in self.ids(daemon), 30))
        for command in ("explain", "show"):
            told = self.fails(1, daemon, command, gone)
            self.assertEqual(told.stderr, f"finwaitctl: flow {gone} is over; its last events:\n")
            self.assertRegex(told.stdout, rf"(?m)^\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{{3}}[+-]\S+  tcp_reset confirmed  {gone}  ")
            self.assertIn("(uid 0)", told.stdout)
            told = json.loads(self.fails(1, daemon, command, "--json", gone).stdout)
            self.assertEqual((told["id"], told["ended"]), (gone, True))
            self.assertEqual(told["last_events"][-1]["finwaitd"]["outcome"], "confirmed")
        self.assertIn(f"flow {gone} is over", self.fails(1, daemon, "kill", "--yes", gone).stderr)
        never = self.fails(1, daemon, "explain", "ffff-9")
        self.assertEqual((never.stdout, never.stderr), ("", "finwaitctl: no flow ffff-9: it is gone, or never was\n"))

    def test_events_of_an_id_that_nobody_has_are_none_and_that_is_said(self):
        daemon = self.daemon(PATIENT)
        self.half_closed(2)
        known = self.ids(daemon)[0]
        done = self.fails(1, daemon, "events", "ffff-9", known)
        self.assertEqual(done.stderr, "finwaitctl: no flow ffff-9: it is gone, or never was\n")
        self.assertIn(known, done.stdout)
        self.assertEqual(daemon.ctl("events", "--type", "tcp_reset", known).stdout, "", "a flow without such events")

    def test_what_only_observes_says_by_whose_word_and_what_it_would_do(self):
        daemon = self.daemon({**PATIENT, "mode": "observe"})
        self.half_closed(2)
        said = daemon.ctl("explain", self.ids(daemon)[0]).stdout
        self.assertIn("finwaitd only observes (mode): of a flow that is half-closed without progress for 1h", said)
        self.assertIn("it would ask both sides first, and reset only on evidence", said)
        self.assertTrue(daemon.ctl("policy").stdout.startswith('mode = "observe": '))
        daemon.configure({**PATIENT, "mode": "enforce"})
        daemon.ctl("reload")
        self.assertTrue(daemon.ctl("policy").stdout.startswith('mode = "enforce"\nPOLICY'))

    def test_a_rejected_reload_says_once_that_nothing_has_changed(self):
        daemon = self.daemon(PATIENT)
        daemon.configure({"fin_wait_2": "1h"})
        refused = self.fails(2, daemon, "reload")
        self.assertIn("; it belongs under [timeouts]\n", refused.stderr)
        self.assertEqual(refused.stderr.count("old configuration stays in force"), 1, refused.stderr)
        self.assertTrue(refused.stderr.endswith("\nfinwaitctl: not reloaded\n"), refused.stderr)

    def test_a_policy_that_is_not_there_is_no_empty_list(self):
        daemon = self.daemon(PATIENT)
        for command in (("list",), ("count",), ("kill", "--yes"), ("events",)):
            refused = self.fails(2, daemon, *command, "port", "80", "or", "policy", "wbe")
            self.assertIn(NO_SUCH_POLICY, refused.stderr)
            self.assertIn("\n  port 80 or policy wbe\n" + " " * 20 + "^\n", refused.stderr)
        self.assertIn(NO_SUCH_POLICY, self.fails(2, daemon, "policy", "--resume", "wbe").stderr)
        daemon.configure({"timeouts": PATIENT["timeouts"]})
        daemon.ctl("reload")
        self.assertIn('no policy "web"', self.fails(2, daemon, "list", "policy", "web").stderr)
        self.assertEqual(daemon.ctl("events", "policy", "web").stdout, "", "it may have events from before")

    def test_a_policy_that_was_not_stopped_is_not_resumed(self):
        daemon = self.daemon(PATIENT)
        done = daemon.ctl("policy", "--resume", "web")
        self.assertEqual(done.stderr, "finwaitctl: policy web was not stopped: nothing has changed\n")
        self.assertNotIn("policy_resumed", daemon.ctl("events").stdout)

    def test_who_follows_the_events_ends_well_when_the_daemon_does(self):
        daemon = self.daemon(PATIENT)
        follower = subprocess.Popen([binary("finwaitctl"), "--socket", daemon.socket, "events", "--follow"],
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(follower.kill)
        self.half_closed(2)
        self.assertIn("tcp_half_closed", follower.stdout.readline())
        self.assertEqual(daemon.stop(), 0)
        _, said = follower.communicate(timeout=60)
        self.assertEqual((follower.returncode, said), (0, "finwaitctl: finwaitd has stopped\n"))

    def test_who_follows_the_events_of_a_daemon_that_dies_is_told_so(self):
        daemon = self.daemon(PATIENT)
        follower = subprocess.Popen([binary("finwaitctl"), "--socket", daemon.socket, "events", "--follow"],
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(follower.kill)
        self.half_closed(2)
        self.assertIn("tcp_half_closed", follower.stdout.readline())
        daemon.kill9()
        _, said = follower.communicate(timeout=60)
        self.assertEqual(follower.returncode, 3)
        self.assertIn("before its answer was complete", said)

    def test_the_machine_is_looked_at_for_what_is_in_force(self):
        daemon = self.daemon({**PATIENT, "limits": {"flows": 5000}})
        found = json.loads(self.lab.gateway.run(binary("finwaitctl"), "--socket", daemon.socket, "check", "--system", "--json",
                                                check=False).stdout)
        self.assertEqual((found[0]["subject"], found[0]["grade"]), ("config", "good"))
        self.assertIn(f"in force in the running finwaitd, of {daemon.config}", found[0]["what"])
        self.assertTrue(any("limits.flows is 5000" in finding["what"] for finding in found), found)
        daemon.configure({**PATIENT, "limits": {"flows": 5000}, "mode": "observe"})
        found = json.loads(self.lab.gateway.run(binary("finwaitctl"), "--socket", daemon.socket, "check", "--system", "--json",
                                                check=False).stdout)
        self.assertEqual(found[0]["grade"], "warning")
        self.assertIn("finwaitctl reload", found[0]["advice"])

    def test_a_reload_says_what_takes_a_restart_and_which_policy_is_never_in_force(self):
        daemon = self.daemon(PATIENT)
        self.assertEqual(daemon.ctl("reload").stderr, "")
        said = [line for line in daemon.log().splitlines() if "nf_conntrack_tcp_timeout" in line]
        self.assertTrue(said, daemon.log())
        self.assertEqual(len(said), len({line[line.index("net.netfilter"):] for line in said}), "said once each")
        daemon.configure({**PATIENT, "limits": {"flows": 1000},
                          "policy": [{"name": "all", "match": ""}, {"name": "late", "match": "port 443"}]})
        done = daemon.ctl("reload")
        self.assertEqual(done.stdout, "reloaded\n")
        self.assertIn("warning: limits.flows has changed: it takes a restart to come into force\n", done.stderr)
        self.assertIn('policy "late" can never be in force', done.stderr)

    def test_a_daemon_that_was_stopped_says_what_that_meant(self):
        daemon = self.daemon(PATIENT)
        os.kill(daemon.pid, signal.SIGSTOP)
        self.addCleanup(lambda: daemon.running() and os.kill(daemon.pid, signal.SIGCONT))
        self.half_closed(2)
        time.sleep(1)
        os.kill(daemon.pid, signal.SIGCONT)
        said = r"finwait-guard opened queues, and packets passed unseen, because finwaitd gave no verdicts for \d+\.\d s: it was stopped"
        self.assertTrue(until(lambda: re.search(said, daemon.log()), 10), daemon.log())
        self.assertGreater(daemon.stats()["queue.openings"], 0)

    def test_each_signal_that_ends_finwaitd_takes_its_rules_along(self):
        for number in (signal.SIGQUIT, signal.SIGINT, signal.SIGTERM):
            with self.subTest(number.name):
                daemon = self.daemon(PATIENT)
                os.kill(daemon.pid, number)
                self.assertTrue(until(lambda: not daemon.running(), 20), daemon.log())
                self.assertEqual(daemon.stop(), 0, daemon.log())
                self.assertEqual(firewall.own_rules(self.lab), [])

    def test_a_verbose_listing_has_a_line_below_each_flow(self):
        daemon = self.daemon(PATIENT)
        self.half_closed(2)
        lines = daemon.ctl("list", "-vv").stdout.splitlines()
        self.assertEqual(len(lines), 5, lines)
        for line in (lines[2], lines[4]):
            self.assertRegex(line, r"^    client next \d+ ack \d+ fin \d+ acked window \d+.*; server next \d+ ")

    def as_nobody(self, program, socket, groups, *args):
        own = ["--groups=" + ",".join(map(str, groups))] if groups else ["--clear-groups"]
        return run("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", *own, program, "--socket", socket, *args, check=False)

    def test_groups_that_are_created_after_the_start_come_into_force_by_a_reload(self):
        with tempfile.NamedTemporaryFile("w", delete=False) as groups:
            groups.write("root:x:0:\n")
        self.addCleanup(os.unlink, groups.name)
        daemon = self.daemon({**PATIENT, "control": {"group": "lookers", "admin_group": "changers"}}, through=(
            "unshare", "-m", "--propagation", "private", "sh", "-c", 'mount --bind "$0" /etc/group && exec "$@"', groups.name))
        program = shutil.copy(binary("finwaitctl"), daemon.directory)
        os.chmod(program, 0o755)
        self.assertIn('there is no group "lookers", so only root may use', daemon.log())
        self.assertEqual(stat.S_IMODE(os.stat(daemon.socket).st_mode), 0o600)
        refused = self.as_nobody(program, daemon.socket, [4321], "list")
        self.assertEqual(refused.returncode, 4)
        self.assertIn("run it as root; for others finwaitd has found no control.group", refused.stderr)
        self.assertNotIn('"root"', refused.stderr)
        early = daemon.ctl("reload")
        for name in ("lookers", "changers"):
            self.assertIn(f'there is no group "{name}"', early.stderr)
        with open(groups.name, "a", encoding="ascii") as file:
            file.write("lookers:x:4321:\nchangers:x:4322:\n")
        self.assertEqual(daemon.ctl("reload").stderr, "")
        found = os.stat(daemon.socket)
        self.assertEqual((stat.S_IMODE(found.st_mode), found.st_gid), (0o660, 4321))
        self.assertEqual(self.as_nobody(program, daemon.socket, [4321], "list").returncode, 0)
        self.assertEqual(self.as_nobody(program, daemon.socket, [4321], "reload").returncode, 4)
        self.assertEqual(self.as_nobody(program, daemon.socket, [4321, 4322], "reload").returncode, 0)

    def test_cpus_that_are_not_there_are_named_once(self):
        daemon = self.daemon({**PATIENT, "intercept": {"cpus": "0,900-902", "queues": 4}})
        said = [line for line in daemon.log().splitlines() if "intercept.cpus" in line]
        self.assertEqual(len(said), 1, said)
        self.assertIn("3 of 4 threads cannot be bound to their CPUs (900-902)", said[0])
        checked = daemon.ctl("check", daemon.config)
        self.assertRegex(checked.stderr, r"warning: intercept\.cpus: this machine has CPUs \S+, not 900-902: ")

    def test_what_keeps_the_daemon_from_starting_is_an_error_of_its_configuration(self):
        daemon = self.daemon(start=False)
        for settings, said in (({"intercept": {"first_queue": 65535, "cpus": "0-1"}}, "intercept.first_queue: "),
                               ({"control": {"socket": "/nodir/x.sock"}}, "there is no directory /nodir"),
                               ({"metrics": {"listen": "unix:/nodir/m"}}, "there is no directory /nodir")):
            with self.subTest(said):
                daemon.configure(settings)
                self.assertIn(said, self.fails(2, daemon, "check", daemon.config).stderr)
                started = self.lab.gateway.run(binary("finwaitd"), "--config", daemon.config, check=False, timeout=20)
                self.assertEqual(started.returncode, 2)
                self.assertIn(said, started.stderr)

    def test_of_a_daemon_that_is_stopped_it_is_said_what_to_do(self):
        daemon = self.daemon(PATIENT)
        os.kill(daemon.pid, signal.SIGSTOP)
        self.addCleanup(lambda: daemon.running() and os.kill(daemon.pid, signal.SIGCONT))
        self.assertIn("to do: kill -CONT its pid", self.fails(3, daemon, "list").stderr)

    def test_a_kill_does_not_count_as_a_time_that_was_up(self):
        daemon = self.daemon(PATIENT)
        self.half_closed(2)
        daemon.ctl("kill", "--yes", *self.ids(daemon))
        self.assertEqual(daemon.stats()["flows.expired"], 0)

    def test_top_refuses_what_it_cannot_show_before_it_takes_the_screen(self):
        if not shutil.which("script"):
            self.skipTest("needs script (package bsdutils)")
        daemon = self.daemon(PATIENT)
        for words, said in (("policy wbe", "there is no policy \"wbe\""), ("0-1", "top takes a filter and no ids")):
            done = run("env", "TERM=xterm", "script", "-qec",
                       f"{binary('finwaitctl')} --socket {daemon.socket} top {words}", "/dev/null", check=False)
            self.assertEqual(done.returncode, 2, done.stdout)
            self.assertIn(said, done.stdout)
            self.assertNotIn("CLIENT", done.stdout)

    def test_a_terminal_that_cannot_move_its_cursor_is_no_place_for_top(self):
        if not shutil.which("script"):
            self.skipTest("needs script (package bsdutils)")
        daemon = self.daemon(PATIENT)
        unset = run("env", "-u", "TERM", "script", "-qec", f"{binary('finwaitctl')} --socket {daemon.socket} top", "/dev/null",
                    check=False)
        self.assertEqual(unset.returncode, 2, unset.stdout)
        self.assertIn("TERM is not set: ", unset.stdout)
        for kind in ("dumb", "nosuchterminal"):
            done = run("env", f"TERM={kind}", "script", "-qec", f"{binary('finwaitctl')} --socket {daemon.socket} top",
                       "/dev/null", check=False)
            self.assertEqual(done.returncode, 2, done.stdout)
            self.assertIn(f'"{kind}"', done.stdout)
            self.assertRegex(done.stdout, r"set TERM to")
            self.assertNotIn("CLIENT", done.stdout)


if __name__ == "__main__":
    case.main()
