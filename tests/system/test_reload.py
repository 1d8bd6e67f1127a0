"""A reload puts other timeouts in force without losing a flow; a bad file changes nothing."""

import os
import socket
import time

from harness import case, halfclosed
from harness.load import BulkTransfer, ConnectStorm
from harness.sockets import open_pairs
from harness.wait import until

ROUNDS = 100


class Reload(case.SystemTest):
    def setUp(self):
        super().setUp()
        self.started = self.daemon({"timeouts": {"fin_wait_2": "1h"}})
        self.idle = halfclosed.make(self.lab, 8)
        self.closing(h.pair for h in self.idle)
        until(lambda: len(self.half_closed()) == 8, 5)

    def half_closed(self):
        return {f["id"]: f["expires_in_s"] for f in self.started.flows("state", "fin-wait-2")}

    def assert_in_force(self, seconds, ids):
        def all_within():
            now = self.half_closed()
            return set(now) == set(ids) and all(seconds - 60 < left <= seconds for left in now.values())
        self.assertTrue(until(all_within, 5), f"{self.half_closed()}, flows were {ids}")

    def test_sighup_applies_new_timeouts_and_keeps_every_flow(self):
        ids = self.half_closed()
        self.assert_in_force(3600, ids)
        self.started.configure({"timeouts": {"fin_wait_2": "30m"}})
        self.started.hangup()
        self.assert_in_force(1800, ids)

    def test_finwaitctl_reload_applies_new_timeouts_and_the_flows_end_by_them(self):
        self.started.configure({"timeouts": {"fin_wait_2": "1s", "on_expiry": "reset"}})
        self.started.ctl("reload")
        self.assertEqual(halfclosed.become(self.lab, self.idle, halfclosed.GONE, 5), [])

    def test_a_reloaded_policy_takes_the_flows_that_it_matches(self):
        ids = self.half_closed()
        self.started.configure({"timeouts": {"fin_wait_2": "1h"}, "policy": [
            {"name": "impatient", "match": "closer client", "fin_wait_2": "20m"}]})
        self.started.ctl("reload")
        until(lambda: len(self.started.flows("policy", "impatient")) == 4, 5)
        for flow in self.started.flows("state", "fin-wait-2"):
            self.assertEqual(flow["policy"], "impatient" if flow["closer"] == "client" else "default")
            self.assertIn(flow["id"], ids)

    def test_what_is_no_file_is_refused_by_name_and_the_daemon_goes_on(self):
        ids = self.half_closed()
        drop_ins = os.path.join(self.started.directory, "conf.d")
        os.mkdir(drop_ins)
        path = os.path.join(drop_ins, "10.toml")
        made = (("a FIFO", lambda: os.mkfifo(path)), ("a directory", lambda: os.mkdir(path)),
                ("a device", lambda: os.symlink("/dev/zero", path)),
                ("a symbolic link to a file that does not exist", lambda: os.symlink("/nowhere", path)),
                ("a socket", lambda: socket.socket(socket.AF_UNIX).bind(path)))
        for kind, make in made:
            make()
            done = self.started.ctl("reload", check=False)
            self.assertEqual(done.returncode, 2, f"{kind}: {done}")
            self.assertIn(f"{path}: cannot be read: it is {kind}", done.stdout + done.stderr)
            self.started.stats()
            (os.rmdir if kind == "a directory" else os.unlink)(path)
        self.started.ctl("reload")
        self.assertEqual(set(self.half_closed()), set(ids))

    def test_a_fifo_in_the_place_of_the_configuration_or_of_the_audit_file_is_refused_too(self):
        fifo = os.path.join(self.started.directory, "audit.json")
        os.mkfifo(fifo)
        self.started.configure({"timeouts": {"fin_wait_2": "1h"}, "log": {"audit": fifo}})
        done = self.started.ctl("reload", check=False)
        self.assertEqual(done.returncode, 2, done)
        self.assertIn(fifo, done.stdout + done.stderr)
        os.unlink(self.started.config)
        os.mkfifo(self.started.config)
        done = self.started.ctl("reload", check=False)
        self.assertEqual(done.returncode, 2, done)
        self.assertIn(f"{self.started.config}: cannot be read: it is a FIFO", done.stdout + done.stderr)
        self.started.hangup()
        self.started.stats()
        self.assertEqual(self.started.stop(), 0)

    def test_a_bad_file_changes_nothing_and_is_reported_with_exit_code_2(self):
        ids = self.half_closed()
        self.started.configure({"timeouts": {"fin_wait_2": "soon"}})
        done = self.started.ctl("reload", check=False)
        self.assertEqual(done.returncode, 2, done)
        self.assertRegex(done.stdout + done.stderr, rf"{self.started.config}:\d+:\d+: .*fin_wait_2")
        self.started.hangup()
        self.assertTrue(until(lambda: f"{self.started.config}:" in self.started.log(), 5), "SIGHUP: no error in the log")
        self.assertTrue(self.started.running())
        self.assert_in_force(3600, ids)

    def test_a_bad_file_under_load_disturbs_nothing_and_what_needs_a_restart_is_said(self):
        storm = ConnectStorm(self.lab, rate=300)
        ids, policies = self.half_closed(), self.policies()
        self.started.configure({"timeouts": {"fin_wait_2": "1s"}, "limits": {"flows": 0}})
        self.assertEqual(self.started.ctl("reload", check=False).returncode, 2)
        self.assertEqual(self.policies(), policies)
        self.started.configure({"timeouts": {"fin_wait_2": "1h"}, "intercept": {"queues": 7}, "limits": {"flows": 5000}})
        self.started.ctl("reload")
        for key in (r"intercept\.queues", r"limits\.flows"):
            self.assertRegex(self.started.log(), key + " has changed: it takes a restart to come into force")
        self.assertEqual(storm.finish()[:10], [])
        self.assert_in_force(3600, ids)

    def policies(self):
        """{name: how long it lets a half-closed flow be idle, in seconds}."""
        return {policy["name"]: policy["fin_wait_2_s"] for policy in self.started.ctl_json("policy")}

    def test_a_hundred_reloads_under_load_lose_no_packet_and_are_in_force_each_time(self):
        ids = set(self.half_closed())
        storm = ConnectStorm(self.lab, rate=500)
        bulks = [BulkTransfer(open_pairs(self.lab, 1, version)[0]) for version in (4, 6)]
        begun = time.monotonic()
        for i in range(ROUNDS):
            hours = 1 + i % 5
            extra = {"policy": [{"name": "web", "match": "port 80", "fin_wait_2": f"{hours}m"}]} if i % 2 else {}
            self.started.configure({"timeouts": {"fin_wait_2": f"{hours}h"}, **extra})
            self.started.ctl("reload")
            expected = {"default": 3600.0 * hours, **({"web": 60.0 * hours} if extra else {})}
            self.assertTrue(until(lambda: self.policies() == expected, 5), f"round {i}: {self.policies()}, not {expected}")
        took = time.monotonic() - begun
        errors = [error for load in (*bulks, storm) for error in load.finish()]
        self.assertEqual(errors[:10], [])
        stats = self.started.stats()
        self.assertEqual((stats["queue.dropped"], stats["queue.errors"]), (0, 0))
        self.assertLessEqual(ids, set(self.half_closed()))  # and the bulk transfers, whose receivers stay open
        print(f"\n  {ROUNDS} reloads in {took:.1f} s, {storm.done} connections and "
              f"{sum(bulk.received for bulk in bulks) >> 20} MiB undisturbed ... ", end="")


if __name__ == "__main__":
    case.main()
