"""finwaitctl explain: why a flow stands as it does, what is in the way, and what happens next."""

from harness import case, compare, halfclosed
from harness.sockets import open_pairs
from harness.wait import until

ASKING = {"fin_wait_2": "2s", "on_expiry": "probe", "probe_interval": "2s", "probe_attempts": 4}
POLICIES = [{"name": "ssh", "match": "port 22"},
            {"name": "lab", "match": "server 10.0.0.0/8 and (port 443 or closer client)"}]


class Explain(case.SystemTest):
    def half_closed(self):
        made = halfclosed.HalfClosed(open_pairs(self.lab, 1, 4)[0], "client", "shutdown")
        self.closing([made.pair])
        return made

    def id_of(self, daemon, pair):
        return next(f["id"] for f in daemon.flows() if compare.flow_key(f) == pair.key)

    def explain(self, daemon, flow):
        text = daemon.ctl("explain", flow).stdout
        print("\n" + text)
        return daemon.ctl_json("explain", flow), text

    def test_a_living_half_close_that_was_kept_names_both_answers_and_the_parts_of_the_match(self):
        daemon = self.daemon({"timeouts": ASKING, "policy": POLICIES})
        made = self.half_closed()
        until(lambda: daemon.stats()["probes.sent"] >= 2, 8)
        flow = self.id_of(daemon, made.pair)
        self.assertTrue(until(lambda: daemon.ctl_json("explain", flow)["flow"]["phase"] == "watching", 5))
        data, text = self.explain(daemon, flow)
        self.assertEqual((data["stage"], data["policy"]["name"]), ("half-closed", "lab"))
        self.assertEqual([(t["text"], t["holds"], t["decides"]) for t in data["policy"]["terms"]],
                         [("server 10.0.0.0/8", True, True), ("port 443", False, False), ("closer client", True, True)])
        self.assertEqual([p["name"] for p in data["passed_over"]], ["ssh"])
        self.assertIn("legitimate half-close", data["reason"])
        for role in ("client", "server"):
            self.assertLess(data["evidence"][role]["answered_s"], 10)
            self.assertIn(f"The {role} answered a probe", text)
        self.assertEqual(data["next"][0]["step"], "ask")
        self.assertGreater(data["next"][0]["in_s"], 800)
        self.assertIsNone(data["hindrance"])
        self.assertIn("(decides)", text)
        self.assertRegex(text, r"In 1[45]m.* both sides are asked")

    def test_while_a_side_is_asked_its_attempts_and_what_follows_are_told(self):
        daemon = self.daemon({"timeouts": ASKING})
        made = self.half_closed()
        flow = self.id_of(daemon, made.pair)
        self.lab.server.run("iptables", "-A", "INPUT", "-p", "tcp", "-j", "DROP")
        self.addCleanup(self.lab.server.run, "iptables", "-D", "INPUT", "-p", "tcp", "-j", "DROP")

        def asked_twice():
            return daemon.ctl_json("explain", flow)["evidence"]["server"]["probes"] == 2
        self.assertTrue(until(asked_twice, 10))
        data, text = self.explain(daemon, flow)
        self.assertEqual(data["flow"]["phase"], "probing")
        self.assertEqual(data["evidence"]["client"]["evidence"], "alive")
        steps = [(p["step"], p["sides"]) for p in data["next"]]
        self.assertEqual(steps[:4], [("ask", ["server"]), ("ask", ["server"]), ("count_silent", ["server"]),
                                     ("reset", ["client", "server"])])
        self.assertIn("The server was asked 2 of 4 times", text)
        self.assertIn("after 2 more unanswered attempts the server counts as silent", text)
        self.assertIn("then both sides are reset: the holder has not answered any attempt", text)

    def test_of_a_flow_on_the_fast_path_it_is_said_that_its_numbers_are_not_known(self):
        daemon = self.daemon()
        pair = self.closing(open_pairs(self.lab, 1, 4))[0]
        data, text = self.explain(daemon, self.id_of(daemon, pair))
        self.assertEqual((data["stage"], data["hindrance"]), ("established", "numbers_unknown"))
        self.assertTrue(data["flow"]["fast_path"])
        self.assertIn("fast path", text)
        self.assertIn("It is not half-closed", text)
        self.assertIn("forgotten", text)

    def test_an_id_that_does_not_exist_exits_1_with_a_sentence(self):
        daemon = self.daemon()
        done = daemon.ctl("explain", "ffff-9999", check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("no flow ffff-9999: it is gone, or never was", done.stderr)
        self.assertEqual(daemon.ctl("explain", "nonsense", check=False).returncode, 2)


if __name__ == "__main__":
    case.main()
