"""A reload puts other timeouts in force without losing a flow; a bad file changes nothing."""

from harness import case, halfclosed
from harness.wait import until


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


if __name__ == "__main__":
    case.main()
