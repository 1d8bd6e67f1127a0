"""finwaitd as a service: what it tells its manager, what the journal gets, and that three capabilities are enough."""

import os
import re
import shutil
import time

from harness import case, firewall, halfclosed
from harness.daemon import NotStarted, binary
from harness.manager import Frozen, Manager
from harness.sockets import open_pairs
from harness.wait import until

WATCHDOG = 1.0
SOMEBODY = 64321  # a user and a group of their own, in no file
CAPABILITIES = ("net_admin", "net_raw", "setgid")
RESETTING = {"timeouts": {"fin_wait_2": "1s", "on_expiry": "reset"}}


class Service(case.SystemTest):
    def managed(self, settings=None, **options):
        manager = Manager(watchdog_usec=int(WATCHDOG * 1e6), **options)
        self.addCleanup(manager.close)
        daemon = self.daemon(settings, start=False, through=manager.through)
        return manager, daemon

    def half_closed(self):
        made = halfclosed.HalfClosed(open_pairs(self.lab, 1, 4)[0], "client", "shutdown")
        self.closing([made.pair])
        return made

    def test_it_is_ready_when_its_rules_are_there_and_tells_how_many_flows_there_are(self):
        manager, daemon = self.managed()
        before = firewall.rules(self.lab)
        daemon.start()
        self.assertIsNotNone(manager.notifications.wait_for("READY", "1"))
        self.assertNotEqual(firewall.rules(self.lab), before)
        self.half_closed()
        self.closing(open_pairs(self.lab, 2, 4))
        status = "3 flows, 1 half-closed, 0 resets; enforcing"
        self.assertIsNotNone(manager.notifications.wait_for("STATUS", status), manager.notifications.taken())
        print("\n" + str(manager.notifications.taken()[-1]))

    def test_without_rules_it_is_never_ready(self):
        holder = self.daemon()
        manager, second = self.managed()
        with self.assertRaises(NotStarted):
            second.start()
        self.assertTrue(holder.running())
        self.assertIsNone(manager.notifications.wait_for("READY", seconds=0))

    def test_the_watchdog_is_fed_only_while_the_threads_that_handle_packets_run(self):
        manager, daemon = self.managed()
        daemon.start()
        told = manager.notifications
        self.assertIsNotNone(told.wait_for("WATCHDOG"))
        frozen = Frozen(daemon.pid)
        self.addCleanup(frozen.thaw)
        self.assertIsNone(told.wait_for("WATCHDOG", since=len(told.taken()), seconds=2 * WATCHDOG))
        frozen.thaw()
        self.assertIsNotNone(told.wait_for("WATCHDOG", since=len(told.taken()), seconds=5))
        fed = len(told.taken())
        time.sleep(WATCHDOG)
        self.assertGreaterEqual(len([m for m in told.taken()[fed:] if "WATCHDOG" in m]), 2)

    def test_a_reload_and_the_end_are_announced(self):
        manager, daemon = self.managed()
        daemon.start()
        told = manager.notifications
        for text in ("1h", "soon"):  # a bad file, too
            begun = len(told.taken())
            at = time.monotonic_ns() // 1000
            daemon.configure({"timeouts": {"fin_wait_2": text}})
            daemon.ctl("reload", check=False)
            reloading = told.wait_for("RELOADING", "1", since=begun)
            self.assertIsNotNone(reloading, told.taken())
            self.assertGreaterEqual(int(told.taken()[reloading]["MONOTONIC_USEC"]), at)
            self.assertIsNotNone(told.wait_for("READY", "1", since=reloading))
        self.assertEqual(daemon.stop(), 0)
        self.assertIsNotNone(told.wait_for("STOPPING", "1"))

    def test_the_journal_gets_lines_with_their_fields_and_stderr_gets_none_of_them(self):
        daemon = self.daemon(RESETTING, start=False)
        manager = Manager(log_file=daemon.log_file)
        self.addCleanup(manager.close)
        daemon.through = manager.through
        daemon.start()
        made = self.half_closed()
        self.assertEqual(halfclosed.become(self.lab, [made], halfclosed.GONE, 8), [])

        def of(event):
            return [e for e in manager.journal.taken() if e.get("FINWAITD_EVENT") == event]
        self.assertTrue(until(lambda: of("flow_reset"), 5), manager.journal.taken())
        entry = of("flow_reset")[0]
        print("\n" + str(entry))
        key = made.pair.key
        self.assertEqual((entry["PRIORITY"], entry["SYSLOG_IDENTIFIER"], entry["FINWAITD_CLIENT"]),
                         ("6", "finwaitd", f"{key.address}:{key.port}"))
        self.assertRegex(entry["MESSAGE_ID"], "^[0-9a-f]{32}$")
        self.assertRegex(entry["MESSAGE"], rf"^flow {entry['FINWAITD_FLOW']} .*{re.escape(entry['FINWAITD_REASON'])}")
        self.assertEqual(entry["FINWAITD_POLICY"], "default")
        self.assertEqual(len(of("started")), 1)
        self.assertEqual(daemon.log(), "")

    def unprivileged(self, capabilities):
        """The command that runs finwaitd as somebody with these capabilities, as its unit does."""
        names = ",".join(f"+{name}" for name in capabilities)
        return ["setpriv", f"--reuid={SOMEBODY}", f"--regid={SOMEBODY}", "--clear-groups", "--no-new-privs",
                f"--inh-caps=-all,{names}", f"--ambient-caps=-all,{names}", f"--bounding-set=-all,{names}"]

    def as_somebody(self, settings, capabilities=CAPABILITIES):
        daemon = self.daemon(start=False)
        program = shutil.copy(binary("finwaitd"), daemon.directory)  # the build may lie where nobody may look
        # A process that may not be traced cannot be searched for leaks: LeakSanitizer traces it.
        daemon.through = ["env", "ASAN_OPTIONS=detect_leaks=0", *self.unprivileged(capabilities), "sh", "-c", f'shift; exec {program} "$@"', "sh"]
        daemon.configure(settings)
        os.chown(daemon.directory, SOMEBODY, SOMEBODY)
        daemon.start()
        return daemon

    def test_three_capabilities_are_enough_and_one_of_them_is_given_up_at_once(self):
        daemon = self.as_somebody({**RESETTING, "log": {"audit": ""}})
        with open(f"/proc/{daemon.pid}/status", encoding="ascii") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file)
        print("\n" + ", ".join(f"{name} {status[name]}" for name in ("Uid", "Gid", "CapEff", "CapPrm", "CapAmb")))
        for name in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
            self.assertEqual(int(status[name], 16), 1 << 12 | 1 << 13, name)  # CAP_NET_ADMIN, CAP_NET_RAW
        made = self.half_closed()
        self.assertEqual(halfclosed.become(self.lab, [made], halfclosed.GONE, 8), [])
        self.assertNotIn("CAP_", daemon.log())
        self.assertEqual(daemon.stop(), 0)
        self.assertTrue(os.path.exists(daemon.state))

    def test_without_setgid_it_works_and_says_what_it_cannot_do(self):
        daemon = self.as_somebody(RESETTING, CAPABILITIES[:2])
        made = self.half_closed()
        self.assertEqual(halfclosed.become(self.lab, [made], halfclosed.GONE, 8), [])
        self.assertIn("CAP_SETGID", daemon.log())


if __name__ == "__main__":
    case.main()
