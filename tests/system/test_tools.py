"""The firewall's tools hang, fail, wait for a lock, or are others than in the last run: traffic never waits for them, and
finwaitd's rules are found wherever they are."""

import os
import signal
import threading
import time
import unittest

from harness import case, firewall, tools
from harness.daemon import NotStarted, binary
from harness.load import BulkTransfer
from harness.sockets import open_both_versions, open_pairs
from harness.wait import PATIENCE, until

#: A packet that waits for a tool waits for this long, and longer; one that does not needs a round trip.
LONG = 5 * PATIENCE
LEGACY = {"intercept": {"backend": "iptables"}}
FOREIGN = [("mangle", "FORWARD -p tcp --dport 9 -j MARK --set-mark 0x1"), ("filter", "OUTPUT -p udp --dport 9 -j DROP")]


class Traffic:
    """Bytes on half-closed connections and new connections, all the time, and the longest that one of them has waited."""

    def __init__(self, lab):
        self.lab = lab
        self.longest = 0.0
        self.errors = []
        self._ends = threading.Event()
        self._pairs = [pair for version in (4, 6) for pair in open_pairs(lab, 1, version)]
        for pair in self._pairs:
            pair.client.settimeout(60)
            pair.finish("client", "shutdown")
        self._threads = [threading.Thread(target=self._run, args=(step,), daemon=True) for step in (self._half_closed, self._connect)]
        for thread in self._threads:
            thread.start()

    def _run(self, step):
        while not self._ends.is_set():
            begun = time.monotonic()
            try:
                step()
            except OSError as error:
                self.errors.append(error)
                return
            self.longest = max(self.longest, time.monotonic() - begun)
            time.sleep(0.05)

    def _half_closed(self):
        for pair in self._pairs:
            pair.server.sendall(b".")
            pair.client.recv(1)

    def _connect(self):
        for pair in open_pairs(self.lab, 1, 4, seconds=60):
            pair.close()

    def end(self):
        self._ends.set()

    def finish(self):
        """How long the longest wait was, that of what waits now included. Raises what has gone wrong."""
        self.end()
        for thread in self._threads:
            thread.join(60)
        for pair in self._pairs:
            pair.close()
        if self.errors:
            raise self.errors[0]
        return self.longest


class Tools(case.SystemTest):
    def traffic(self):
        """Goes on until its finish(), or until the test ends."""
        made = Traffic(self.lab)
        self.addCleanup(made.end)
        return made

    def lines(self, variant, family="iptables"):
        saved = self.lab.gateway.run(f"{family}-{variant}-save").stdout
        return [line for line in saved.splitlines() if "FINWAITD" in line]

    def all_lines(self):
        found = {f"{family}-{variant}": self.lines(variant, family) for variant in tools.variants() for family in ("iptables", "ip6tables")}
        table = self.lab.gateway.run("nft", "list", "table", "inet", "finwaitd", check=False)
        found["nft"] = table.stdout.splitlines() if table.returncode == 0 else []
        return {name: lines for name, lines in found.items() if lines}

    def remove_own_rules(self):
        for variant in tools.variants():
            for family in ("iptables", "ip6tables"):
                tool = f"{family}-{variant}"
                kept = [line for line in self.lab.gateway.run(f"{tool}-save").stdout.splitlines() if "FINWAITD" not in line]
                self.lab.gateway.run(f"{tool}-restore", stdin="\n".join(kept) + "\n")
        self.lab.gateway.run("nft", "delete", "table", "inet", "finwaitd", check=False)

    def tearDown(self):
        self.remove_own_rules()
        super().tearDown()

    def script(self, daemon, text):
        path = os.path.join(daemon.directory, "tool")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o755)
        return path

    def started_later(self, daemon):
        """Starts in the background; the thread."""
        thread = threading.Thread(target=lambda: self.try_start(daemon), daemon=True)
        thread.start()
        return thread

    @staticmethod
    def try_start(daemon):
        try:
            daemon.start(seconds=100)
        except NotStarted:
            pass


@unittest.skipUnless("legacy" in tools.variants(), "needs iptables-legacy")
class Locked(Tools):
    """Another program holds the lock of iptables-legacy."""

    def legacy(self, **options):
        return self.daemon(LEGACY, through=tools.iptables_is("legacy"), **options)

    def test_traffic_does_not_wait_while_a_stop_waits_and_what_is_left_is_said(self):
        daemon = self.legacy()
        with tools.lock_held():
            traffic = self.traffic()
            os.kill(daemon.pid, signal.SIGTERM)
            time.sleep(12)  # longer than a tool may take
            self.assertTrue(daemon.running(), "the lock is waited for")
            os.kill(daemon.pid, signal.SIGTERM)  # and an operator has no patience
            self.assertTrue(until(lambda: not daemon.running(), 20), daemon.log())
            self.assertLess(traffic.finish(), LONG)
        self.assertEqual(daemon.stop(), 1)
        self.assertRegex(daemon.log(), r"could not be removed.*left: \d+ lines in iptables-legacy.*by hand")
        self.assertIn("flows kept in", daemon.log())

    def test_a_second_request_to_stop_that_comes_at_once_leaves_nothing(self):
        daemon = self.legacy()
        os.kill(daemon.pid, signal.SIGTERM)
        time.sleep(0.02)
        self.assertEqual(daemon.stop(60), 0, daemon.log())
        self.assertEqual(self.all_lines(), {})

    def test_a_stop_that_gets_the_lock_in_time_leaves_nothing(self):
        daemon = self.legacy()
        with tools.lock_held() as let_go:
            os.kill(daemon.pid, signal.SIGTERM)
            time.sleep(7)
            let_go()
            self.assertTrue(until(lambda: not daemon.running(), 20), daemon.log())
        self.assertEqual(daemon.stop(), 0, daemon.log())
        self.assertEqual(self.all_lines(), {})

    def test_a_start_that_has_to_wait_keeps_nobody_waiting_and_removes_what_is_stale(self):
        daemon = self.legacy()
        daemon.kill9()
        stale = self.all_lines()
        self.assertEqual(sorted(stale), ["ip6tables-legacy", "iptables-legacy"])
        traffic = self.traffic()
        with tools.lock_held() as let_go:
            starting = self.started_later(daemon)
            time.sleep(8)
            let_go()
            starting.join(60)
        self.assertTrue(daemon.running(), daemon.log())
        self.assertLess(traffic.finish(), LONG)
        self.assertEqual(self.all_lines(), stale)
        self.assertEqual(daemon.stop(), 0, daemon.log())

    def test_a_start_that_waits_is_stopped_at_once_and_leaves_nothing(self):
        daemon = self.legacy(start=False)
        with tools.lock_held():
            starting = self.started_later(daemon)
            time.sleep(3)
            begun = time.monotonic()
            os.kill(daemon.pid, signal.SIGTERM)
            starting.join(60)
            self.assertFalse(daemon.running())
            self.assertLess(time.monotonic() - begun, 30 * PATIENCE, "as long as the lock would be waited for")
        self.assertEqual(self.all_lines(), {})

    def test_a_reload_needs_no_lock_and_traffic_goes_on(self):
        daemon = self.legacy()
        traffic = self.traffic()
        with tools.lock_held():
            daemon.ctl("reload")
            time.sleep(3)
            self.assertEqual(daemon.stats()["rules.missing"], 0)
        self.assertLess(traffic.finish(), LONG)
        self.assertEqual(daemon.stop(), 0)

    def test_rules_that_cannot_be_put_back_keep_nobody_waiting(self):
        daemon = self.legacy()
        fresh = self.all_lines()
        for family in ("iptables", "ip6tables"):
            self.lab.gateway.run(f"{family}-legacy", "-t", "mangle", "-F")
        with tools.lock_held():
            traffic = self.traffic()
            time.sleep(6)
            self.assertEqual(daemon.ctl("count").returncode, 0)
            self.assertLess(traffic.finish(), LONG)
        self.assertTrue(until(lambda: {k: sorted(v) for k, v in self.all_lines().items()} ==
                              {k: sorted(v) for k, v in fresh.items()}, 60), daemon.log())


class Streaming(Tools):
    def test_a_start_and_a_stop_while_traffic_streams_keep_nobody_waiting_whatever_the_variant(self):
        for variant in tools.variants():
            for packets in ("selective", "all"):
                with self.subTest(variant=variant, packets=packets):
                    traffic = self.traffic()
                    bulks = [BulkTransfer(open_pairs(self.lab, 1, version)[0]) for version in (4, 6)]
                    daemon = self.daemon({"intercept": {"backend": "iptables", "packets": packets}}, through=tools.iptables_is(variant))
                    time.sleep(1)
                    self.assertEqual(daemon.stop(60), 0, daemon.log())
                    self.assertEqual([error for bulk in bulks for error in bulk.finish()], [])
                    self.assertLess(traffic.finish(), LONG)
                    self.assertEqual(self.all_lines(), {})


class Hanging(Tools):
    def test_an_nft_that_hangs_is_given_up_and_traffic_never_waits(self):
        daemon = self.daemon({"intercept": {"backend": "auto"}}, start=False)
        daemon.through = tools.replaced("nft", self.script(daemon, tools.HANGS))
        traffic = self.traffic()
        daemon.start(seconds=90)
        self.assertIn("rules installed by iptables", daemon.log())
        self.assertEqual(daemon.stop(60), 0, daemon.log())
        self.assertLess(traffic.finish(), LONG)
        self.assertEqual(self.all_lines(), {})

    def test_a_tool_that_starts_to_hang_keeps_no_packet_at_a_stop(self):
        daemon = self.daemon(LEGACY, start=False)
        # Slow from the moment on at which the file is there.
        flag = os.path.join(daemon.directory, "hang")
        real = self.lab.gateway.run("readlink", "-f", "/usr/sbin/iptables-nft").stdout.strip()
        copy = os.path.join(daemon.directory, os.path.basename(real))
        self.lab.gateway.run("cp", real, copy)
        script = f'#!/bin/bash\n[ -e {flag} ] && sleep 1000\nexec -a "$0" {copy} "$@"\n'
        daemon.through = tools.replaced("iptables-nft", self.script(daemon, script))
        daemon.start(seconds=60)
        traffic = self.traffic()
        with open(flag, "w", encoding="utf-8"):
            pass
        os.kill(daemon.pid, signal.SIGTERM)
        time.sleep(6)
        os.kill(daemon.pid, signal.SIGTERM)
        self.assertTrue(until(lambda: not daemon.running(), 60), daemon.log())
        self.assertLess(traffic.finish(), LONG)
        self.assertEqual(daemon.stop(), 1)
        self.assertIn("could not be removed", daemon.log())


class Failing(Tools):
    """From a moment on a tool ends with an error, or reports a success that it has not had."""

    def failing(self, body, start=True):
        """A daemon whose tools run `body` first: a script that has the tool's name in $N. fail() makes it begin."""
        daemon = self.daemon(LEGACY, start=False)
        self.flag = os.path.join(daemon.directory, "fail")
        real = self.lab.gateway.run("readlink", "-f", "/usr/sbin/iptables-nft").stdout.strip()
        copy = os.path.join(daemon.directory, os.path.basename(real))
        self.lab.gateway.run("cp", real, copy)
        script = f'#!/bin/bash\nN=$(basename "$0")\nF={self.flag}\n[ -e $F ] && {{ {body}\n}}\nexec -a "$0" {copy} "$@"\n'
        daemon.through = tools.replaced("iptables-nft", self.script(daemon, script))
        if start:
            daemon.start(seconds=60)
        return daemon

    def fail(self):
        with open(self.flag, "w", encoding="utf-8"):
            pass

    def ended(self, daemon):
        """Asks it to stop; the exit code."""
        os.kill(daemon.pid, signal.SIGTERM)
        self.assertTrue(until(lambda: not daemon.running(), 60), daemon.log())
        return daemon.stop()

    def test_a_stop_whose_save_fails_says_that_rules_may_be_left(self):
        for title, body in (("one version", 'case $N in ip6*save) echo "Resource temporarily unavailable" >&2; exit 4;; esac'),
                            ("both", "case $N in *save) exit 1;; esac"),
                            ("as without a kernel module", "case $N in ip6*) exit 3;; esac")):
            with self.subTest(title):
                daemon = self.failing(body)
                traffic = self.traffic()
                self.fail()
                os.kill(daemon.pid, signal.SIGTERM)
                time.sleep(3)
                self.assertTrue(daemon.running(), "it tries again")
                self.assertEqual(self.ended(daemon), 1)  # the second request: five seconds more
                self.assertRegex(daemon.log(), r"could not be removed: .*rules may be left in ip6tables-nft.*by hand")
                self.assertLess(traffic.finish(), LONG)
                daemon.close()
                self.remove_own_rules()

    def test_a_stop_whose_tool_fails_once_leaves_nothing(self):
        for tool in ("restore", "save"):
            with self.subTest(tool):
                daemon = self.failing(f"case $N in ip6*{tool}) [ -e $F.2 ] || {{ touch $F.2; exit 4; }};; esac")
                self.fail()
                self.assertEqual(self.ended(daemon), 0, daemon.log())
                self.assertEqual(self.all_lines(), {})

    def test_a_stop_whose_restore_does_nothing_and_succeeds_says_what_is_left(self):
        daemon = self.failing("case $N in *restore) cat > /dev/null; exit 0;; esac")
        self.fail()
        self.assertEqual(self.ended(daemon), 1)
        self.assertRegex(daemon.log(), r"could not be removed: .*reported success.*left: \d+ lines in iptables-nft, "
                                       r"\d+ lines in ip6tables-nft.*by hand")

    def test_a_start_whose_restore_does_nothing_and_succeeds_is_an_error(self):
        daemon = self.failing("case $N in ip6*restore) cat > /dev/null; exit 0;; esac", start=False)
        self.fail()
        self.try_start(daemon)
        self.assertEqual(daemon.stop(), 1)
        self.assertRegex(daemon.log(), r"cannot install the firewall rules: .*ip6tables-restore: reported success, but rules are missing: ")
        self.assertEqual(self.all_lines(), {})

    def test_a_start_says_where_it_could_not_look_for_rules_of_an_earlier_run(self):
        daemon = self.failing("case $N in *save) exit 4;; esac", start=False)
        self.fail()
        daemon.start(seconds=60)
        for place in ("iptables-nft", "ip6tables-nft"):
            self.assertRegex(daemon.log(), rf"does not know whether an earlier run has left rules in {place}: .*status 4")
        os.unlink(self.flag)
        self.assertEqual(self.ended(daemon), 0, daemon.log())
        self.assertEqual(self.all_lines(), {})


class Missing(Tools):
    """Rules that others take away while finwaitd does not watch them."""

    def test_check_system_compares_the_rules_with_the_configuration(self):
        daemon = self.daemon({"intercept": {"backend": "iptables", "watch_rules": "off"}})

        def check(*file):
            return self.lab.gateway.run(binary("finwaitctl"), "--socket", daemon.socket, "check", "--system", *file, check=False)

        self.assertRegex(check().stdout, r"good +rules +finwaitd's firewall rules are in one backend")
        for table in ("mangle", "raw"):
            self.lab.gateway.run("iptables", "-t", table, "-F")
        for file in ((), (daemon.config,)):
            found = check(*file)
            self.assertEqual(found.returncode, 1)
            self.assertRegex(found.stdout, r"problem +rules .*missing: iptables-\w+: 6 of 6 in mangle FINWAITD, 2 of 2 in mangle FORWARD")
            self.assertNotIn("ip6tables-nft: ", found.stdout)
        os.kill(daemon.pid, signal.SIGSTOP)
        self.addCleanup(lambda: daemon.running() and os.kill(daemon.pid, signal.SIGCONT))
        self.assertRegex(check(daemon.config).stdout, r"problem +rules .*missing: iptables-")
        os.kill(daemon.pid, signal.SIGCONT)
        daemon.ctl("reload")
        self.assertTrue(until(lambda: check().returncode == 0, 10), check().stdout)


class Stale(Tools):
    """Rules of a run that was killed, whatever tool has made them."""

    def setUp(self):
        super().setUp()
        if len(tools.variants()) < 2:
            self.skipTest("needs both variants of iptables")

    def leave(self, variant, families=("iptables", "ip6tables"), scope="forward"):
        """As a run with this variant leaves them; for one version of IP only, if wanted."""
        daemon = self.daemon({"intercept": {"backend": "none", "scope": scope}})
        rules = daemon.ctl("rules", "--backend", "iptables").stdout
        daemon.kill9()
        for family in families:
            self.lab.gateway.run(f"{family}-{variant}-restore", "--noflush", stdin=rules)

    def foreign(self, variant, action):
        for table, rule in FOREIGN:
            for family in ("iptables", "ip6tables"):
                self.lab.gateway.run(f"{family}-{variant}", "-t", table, action, *rule.split())

    def assert_replaced(self, variant, families=("iptables", "ip6tables")):
        now = "legacy" if variant == "nft" else "nft"
        self.foreign(variant, "-A")
        self.addCleanup(self.foreign, variant, "-D")
        before = {family: self.lab.gateway.run(f"{family}-{variant}-save").stdout for family in families}
        self.leave(variant, families)
        daemon = self.daemon(LEGACY, through=tools.iptables_is(now))
        self.assertEqual(sorted(self.all_lines()), [f"ip6tables-{now}", f"iptables-{now}"])
        for family in families:
            saved = self.lab.gateway.run(f"{family}-{variant}-save").stdout
            self.assertIn("--dport 9", saved)
            self.assertEqual(saved.count("\n-A"), before[family].count("\n-A"))
        seen = daemon.stats()["packets.seen"]
        pair = self.closing(open_both_versions(self.lab, 2))[0]
        self.assertTrue(until(lambda: daemon.stats()["packets.seen"] > seen, 5))
        pair.talk()
        self.assertEqual(daemon.stop(), 0, daemon.log())
        self.assertEqual(self.all_lines(), {})

    def test_those_of_legacy_are_removed_by_a_start_with_nft(self):
        self.assert_replaced("legacy")

    def test_those_of_nft_are_removed_by_a_start_with_legacy(self):
        self.assert_replaced("nft")

    def test_those_of_ipv6_alone_are_found(self):
        for variant in ("legacy", "nft"):
            with self.subTest(variant):
                self.assert_replaced(variant, ("ip6tables",))

    def test_a_table_of_nftables_is_removed_by_a_start_with_iptables(self):
        self.lab.gateway.run("nft", "-f", "-", stdin="table inet finwaitd {\n chain intercept_forward {\n type filter hook forward "
                                                     "priority mangle; policy accept;\n meta l4proto tcp accept\n }\n}\n")
        daemon = self.daemon(LEGACY, through=tools.iptables_is("legacy"))
        self.assertNotIn("nft", self.all_lines())
        self.assertEqual(daemon.stop(), 0)

    def test_a_stop_finds_them_where_the_alternative_was_changed_meanwhile(self):
        daemon = self.daemon(LEGACY, through=tools.iptables_is("legacy"))
        self.leave_beside(daemon)
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(self.all_lines(), {})

    def leave_beside(self, daemon):
        rules = daemon.ctl("rules", "--backend", "iptables").stdout
        self.lab.gateway.run("ip6tables-nft-restore", "--noflush", stdin=rules)

    def test_check_system_says_where_they_are(self):
        self.leave("legacy", ("ip6tables",))
        daemon = self.daemon(start=False)

        def check():
            return self.lab.gateway.run(binary("finwaitctl"), "check", "--system", daemon.config, check=False).stdout

        self.assertRegex(check(), r"warning +rules +.*lines in ip6tables-legacy.*nobody reads their queue")
        self.leave("nft", ("iptables",))
        self.assertRegex(check(), r"warning +rules +.*more than one backend .*iptables-nft.*ip6tables-legacy.*queued more than once")
        daemon.start()
        self.assertNotRegex(check(), r"warning +rules")


if __name__ == "__main__":
    case.main()
