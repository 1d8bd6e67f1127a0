"""Bad configurations and bad circumstances: a message that helps, the right exit code, and no rule touched."""

import os
import tempfile
import textwrap

from harness import case, firewall
from harness.daemon import binary
from harness.sockets import open_pairs

# name, file, and for each error its line and a word that the message must contain
BAD = [
    ("broken TOML", 'mode = "enforce\n', [(1, "")]),
    ("unknown key", '[timeouts]\nfin_wait_3 = "5m"\n', [(2, "fin_wait_3")]),
    ("unknown table", '[timeout]\nfin_wait_2 = "5m"\n', [(1, "timeout")]),
    ("wrong type", '[limits]\nflows = "many"\n', [(2, "flows")]),
    ("bad duration", '[timeouts]\nfin_wait_2 = "5 minutes"\n', [(2, "fin_wait_2")]),
    ("word that is not allowed", '[intercept]\npackets = "most"\n', [(2, "packets")]),
    ("number out of range", '[limits]\nflows = 0\n', [(2, "flows")]),
    ("bad mark mask", '[intercept]\n\nmark_mask = "0xfffffffff"\n', [(3, "mark_mask")]),
    ("bad filter", '[[policy]]\nname = "web"\nmatch = "port 443 and closer sever"\n', [(3, "match")]),
    ("two policies of one name", '[[policy]]\nname = "a"\nmatch = "port 1"\n[[policy]]\nname = "a"\nmatch = "port 2"\n',
     [(5, "name")]),
    ("more queues than there are", '[intercept]\nfirst_queue = 65535\nqueues = 4\n', [(3, "queue")]),
    ("audit file in no directory", '[log]\naudit = "/nowhere/audit.json"\n', [(2, "log.audit.*no directory /nowhere")]),
    ("audit file that is a directory", '[log]\naudit = "/tmp"\n', [(2, "log.audit.*it is a directory")]),
    ("several at once", 'mode = "kill"\n[log]\nlevel = "loud"\n[control]\nsocket = 7\n',
     [(1, "mode"), (3, "level"), (5, "socket")]),
]


class OneShot(case.SystemTest):
    """Runs finwaitd where it is expected to refuse."""

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory(prefix="finwaitd-test-")
        self.addCleanup(folder.cleanup)
        os.chmod(folder.name, 0o755)
        self.file = os.path.join(folder.name, "finwaitd.toml")
        self.socket = os.path.join(folder.name, "control.sock")

    def write(self, text):
        with open(self.file, "w", encoding="utf-8") as file:
            file.write(textwrap.dedent(text))

    def finwaitd(self, *args, through=()):
        """Runs finwaitd to its end in the gateway; `through`: a command that runs it."""
        return self.lab.gateway.run(*through, binary("finwaitd"), "--config", self.file, *args, check=False, timeout=20)


class BadConfig(OneShot):
    def assert_errors(self, text, errors):
        for line, word in errors:
            self.assertRegex(text, rf"(?m){self.file}:{line}:[1-9]\d*: .*{word}")

    def test_each_bad_configuration_exits_2_with_file_line_and_column_and_touches_no_rule(self):
        before = firewall.rules(self.lab)
        print()
        for name, text, errors in BAD:
            for check in ((), ("--check",)):
                with self.subTest(name, check=check):
                    self.write(text)
                    done = self.finwaitd(*check)
                    self.assertEqual(done.returncode, 2, done)
                    self.assert_errors(done.stdout + done.stderr, errors)
            found = next(line for line in (done.stdout + done.stderr).splitlines() if self.file in line)
            print(f"  {name}: {found[found.index(self.file):].replace(self.file, 'finwaitd.toml')}")
        self.assertEqual(firewall.rules(self.lab), before)

    def test_a_configuration_that_is_not_there_exits_2_and_names_the_file(self):
        done = self.finwaitd()
        self.assertEqual(done.returncode, 2, done)
        self.assertIn(self.file, done.stdout + done.stderr)

    def test_check_accepts_a_good_configuration_and_starts_nothing(self):
        self.write(f'mode = "observe"\n[control]\nsocket = "{self.socket}"\n')
        done = self.finwaitd("--check")
        self.assertEqual(done.returncode, 0, done)
        self.assertFalse(os.path.exists(self.socket))
        self.assertEqual(firewall.own_rules(self.lab), [])

    def test_a_printed_configuration_reads_back_as_the_same(self):
        self.write('mode = "observe"\n[timeouts]\nfin_wait_2 = "90s"\n[[policy]]\nname = "web"\nmatch = "port 443"\n'
                   'fin_wait_2 = "1h30m"\n')
        printed = self.finwaitd("--print-config").stdout
        for key in ('mode = "observe"', "mark_mask", "resets_per_second", "on_expiry", 'name = "web"'):
            self.assertIn(key, printed)
        self.write(printed)
        again = self.finwaitd("--print-config")
        self.assertEqual((again.returncode, again.stdout), (0, printed))


class Circumstances(OneShot):
    def refused(self, first_queue, socket, through=()):
        """Starts finwaitd beside the one that runs; it must fail with exit code 1. Returns what it said."""
        self.write(f"""
            [intercept]
            first_queue = {first_queue}
            queues = 1
            [control]
            socket = "{socket}"
            group = "root"
        """)
        done = self.finwaitd(through=through)
        self.assertEqual(done.returncode, 1, done)
        return done.stdout + done.stderr

    def test_a_second_daemon_on_the_same_queue_is_refused_and_the_first_goes_on(self):
        first = self.daemon({"intercept": {"first_queue": 7, "queues": 1}})
        before = firewall.rules(self.lab)
        self.assertRegex(self.refused(7, self.socket), r"(?i)queue 7\b")
        self.assertEqual(firewall.rules(self.lab), before)
        self.assert_tracks(first)

    def test_a_second_daemon_on_the_same_socket_is_refused_and_the_first_goes_on(self):
        first = self.daemon({"intercept": {"first_queue": 7, "queues": 1}})
        before = firewall.rules(self.lab)
        self.assertIn(first.socket, self.refused(20, first.socket))
        self.assertEqual(firewall.rules(self.lab), before)
        self.assert_tracks(first)

    def assert_tracks(self, daemon):
        self.closing(open_pairs(self.lab, 1, 4))
        self.assertEqual(len(daemon.flows("state", "established")), 1)

    def test_a_socket_that_a_dead_daemon_left_is_taken_over(self):
        daemon = self.daemon()
        daemon.kill9()
        self.assertTrue(os.path.exists(daemon.socket))
        daemon.start()
        self.assertEqual(daemon.ctl_json("list"), [])

    def test_a_missing_capability_is_named_and_no_rule_is_touched(self):
        before = firewall.rules(self.lab)
        for capability in ("net_admin", "net_raw"):
            without = ("setpriv", f"--bounding-set=-{capability}", f"--inh-caps=-{capability}")
            self.assertIn(f"CAP_{capability.upper()}", self.refused(0, self.socket, without))
        nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
        self.assertRegex(self.refused(0, "/tmp/finwaitd-nobody.sock", nobody), "CAP_NET_ADMIN|CAP_NET_RAW")
        self.assertEqual(firewall.rules(self.lab), before)


if __name__ == "__main__":
    case.main()
