"""scripts/service-test: the installed unit under systemd, with all its restrictions, judged from outside."""

import json
import os
import re
import sys
import time
import unittest

from harness import case, cleanup, halfclosed, toml
from harness.command import run
from harness.sockets import open_pairs
from harness.topology import Lab
from harness.wait import until
from service.machine import Machine

CONFIG = "/etc/finwaitd/finwaitd.toml"
AUDIT = "/var/log/finwaitd/audit.json"
SETTINGS = {"timeouts": {"fin_wait_2": "3s", "on_expiry": "probe", "probe_interval": "1s", "probe_attempts": 3,
                         "orphan_test": "active"},
            "conntrack": {"manage_timeouts": True}, "log": {"audit": AUDIT}}
SOMEBODY = 65534
ROOT = None  # from the command line


def install(root):
    """As a package does."""
    run("env", f"DESTDIR={os.path.realpath(root)}", "cmake", "--install", "build/release", "--prefix", "/usr", timeout=60)
    run("systemd-sysusers", f"--root={os.path.realpath(root)}")
    run("systemctl", f"--root={os.path.realpath(root)}", "enable", "finwaitd")


class TheService(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        install(ROOT)
        cls.lab = Lab()
        cls.addClassCleanup(cls.lab.close)
        with open(os.path.join(ROOT, CONFIG.lstrip("/")), "w", encoding="utf-8") as file:
            file.write(toml.dump(SETTINGS))
        cls.machine = Machine(ROOT, cls.lab.gateway)
        cls.addClassCleanup(cls.machine.close)

    def setUp(self):
        self.machine.write(CONFIG, toml.dump(SETTINGS))
        self.machine.run("systemctl", "reset-failed", "finwaitd", check=False)
        self.machine.run("systemctl", "restart", "finwaitd", check=False)
        self.assertTrue(until(self.active, 20), self.journal())

    def active(self):
        return self.machine.run("systemctl", "is-active", "finwaitd", check=False).stdout.strip() == "active"

    def journal(self):
        return self.machine.run("journalctl", "--no-pager", "-n", "40", "-u", "finwaitd", check=False).stdout

    def property(self, name):
        return self.machine.run("systemctl", "show", "--value", "-p", name, "finwaitd").stdout.strip()

    def half_closed(self):
        pair = open_pairs(self.lab, 1, 4)[0]
        self.addCleanup(pair.close)
        made = halfclosed.HalfClosed(pair, "client", "close")
        match = f"state fin-wait-2 and client-port {pair.key.port}"
        self.assertTrue(until(lambda: self.machine.run("finwaitctl", "count", match).stdout == "1\n", 2), self.journal())
        return made

    def end_one(self):
        made = self.half_closed()
        self.assertEqual(halfclosed.become(self.lab, [made], halfclosed.GONE, 15), [], self.journal())
        return made.pair

    def test_1_it_ends_orphans_under_all_its_restrictions(self):
        self.end_one()
        self.assertTrue(until(lambda: re.match(r"\d+ flows, \d+ half-closed, [1-9]\d* resets; enforcing",
                                               self.property("StatusText")), 15), self.property("StatusText"))
        self.machine.show("systemctl", "status", "--no-pager", "--lines=0", "finwaitd")
        pid = self.property("MainPID")
        done = self.machine.show("grep", "-E", "^(Uid|Gid|Groups|Cap(Eff|Prm|Bnd|Amb)|NoNewPrivs|Seccomp):", f"/proc/{pid}/status")
        status = dict(line.split(":\t", 1) for line in done.stdout.splitlines())
        self.assertEqual(set(status["CapEff"].split() + status["CapPrm"].split()), {"0000000000003000"})
        self.assertEqual((status["NoNewPrivs"].strip(), status["Seccomp"].strip()), ("1", "2"))
        self.assertNotIn("0", status["Uid"].split())
        self.assertNotRegex(self.journal(), r"not permitted|Permission denied|Read-only file system|CAP_")

    def test_2_the_journal_has_ids_and_fields(self):
        pair = self.end_one()
        done = self.machine.run("journalctl", "--no-pager", "-o", "json", "FINWAITD_EVENT=flow_reset",
                                f"FINWAITD_CLIENT={pair.key.address}:{pair.key.port}")
        entry = json.loads(done.stdout.splitlines()[-1])
        shown = {k: v for k, v in entry.items() if k.startswith("FINWAITD") or k in ("MESSAGE", "MESSAGE_ID", "PRIORITY",
                                                                                    "_SYSTEMD_UNIT", "_TRANSPORT")}
        print(json.dumps(shown, indent=1))
        self.assertEqual((shown["_TRANSPORT"], shown["_SYSTEMD_UNIT"]), ("journal", "finwaitd.service"))
        self.assertIn("FINWAITD_FLOW", shown)

    def test_3_each_user_may_do_what_the_groups_say(self):
        show, both = self.machine.show, ("finwaitd", "finwaitd-admin")
        for args in (("list",), ("kill", "--yes", "port 1"), ("reload",)):
            self.assertEqual(show("finwaitctl", *args, user=SOMEBODY).returncode, 4)
        self.assertEqual(show("finwaitctl", "count", user=SOMEBODY, groups=both[:1]).returncode, 0)
        made = self.half_closed()
        victim = f"client-port {made.pair.key.port}"
        for args in (("kill", "--yes", victim), ("reload",)):
            self.assertEqual(show("finwaitctl", *args, user=SOMEBODY, groups=both[:1]).returncode, 4)
        self.assertEqual(show("finwaitctl", "reload", user=SOMEBODY, groups=both).returncode, 0)
        self.assertEqual(show("finwaitctl", "kill", "--yes", victim, user=SOMEBODY, groups=both).returncode, 0)
        self.machine.show("grep", "-h", "request_refused", AUDIT)

    def test_4_systemctl_reload_waits_and_reports(self):
        self.assertEqual(self.machine.show("systemctl", "reload", "finwaitd").returncode, 0)
        self.machine.write(CONFIG, toml.dump({**SETTINGS, "timeouts": {"fin_wait_2": "soon"}}))
        self.assertNotEqual(self.machine.show("systemctl", "reload", "finwaitd").returncode, 0)
        self.assertTrue(self.active())
        self.assertIn("fin_wait_2", self.journal())

    def test_5_logrotate_gives_it_a_new_audit_file(self):
        self.end_one()
        self.assertEqual(self.machine.show("logrotate", "--debug", "/etc/logrotate.d/finwaitd").returncode, 0)
        self.assertEqual(self.machine.show("logrotate", "--force", "/etc/logrotate.d/finwaitd").returncode, 0)
        self.assertTrue(until(lambda: "config_reload" in self.machine.read(AUDIT), 5))
        self.machine.show("ls", "-l", "/var/log/finwaitd")

    def test_6_conntracks_timeouts_are_raised_and_put_back(self):
        name = "net.netfilter.nf_conntrack_tcp_timeout_last_ack"
        before = self.machine.run("sysctl", "-n", name).stdout
        self.machine.write(CONFIG, toml.dump({**SETTINGS, "timeouts": {"fin_wait_2": "10m"}}))
        self.assertEqual(self.machine.run("systemctl", "reload", "finwaitd", check=False).returncode, 0)
        self.assertGreater(int(self.machine.show("sysctl", "-n", name).stdout), 600)
        self.machine.run("systemctl", "stop", "finwaitd")
        self.assertEqual(self.machine.show("sysctl", "-n", name).stdout, before)
        self.assertNotIn("FINWAITD", self.lab.gateway.run("iptables-save").stdout)

    def test_7_flows_outlive_a_restart(self):
        pair = self.half_closed().pair
        self.machine.run("systemctl", "restart", "finwaitd")
        self.assertTrue(until(self.active, 10))
        self.assertRegex(self.journal(), r"[1-9]\d* flows taken over from /var/lib/finwaitd/state")
        listed = self.machine.show("finwaitctl", "list", f"client-port {pair.key.port}").stdout
        self.assertIn(f":{pair.key.port}", listed)

    def test_8_the_watchdog_restarts_it_when_its_threads_stand_still(self):
        folder = "/run/systemd/system/finwaitd.service.d"
        self.machine.run("mkdir", "-p", folder)
        self.machine.run("tee", folder + "/watchdog.conf", stdin="[Service]\nWatchdogSec=2s\n")
        self.machine.run("systemctl", "daemon-reload")
        self.machine.run("systemctl", "restart", "finwaitd")
        before = self.property("MainPID")
        time.sleep(5)
        self.assertEqual(self.property("MainPID"), before)  # fed
        self.machine.run("kill", "-STOP", before)
        self.assertTrue(until(lambda: self.property("MainPID") not in ("0", before) and self.active(), 20), self.journal())
        self.machine.show("journalctl", "--no-pager", "-n", "6", "-o", "cat", "-u", "finwaitd", "-g", "atchdog")
        self.end_one()


if __name__ == "__main__":
    problem = case.why_not()
    if problem:
        sys.exit(f"scripts/service-test cannot run: {problem}")
    ROOT = sys.argv.pop(1)
    program = unittest.main(argv=["scripts/service-test", *sys.argv[1:]], verbosity=2, exit=False)
    cleanup.run_all()
    sys.exit(not program.result.wasSuccessful())
