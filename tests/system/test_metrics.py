"""What is served at metrics.listen says what finwaitctl says, stays where it can be when it is moved, and its readers are
never reset."""

import json
import os
import shutil
import socket
import tempfile
import time

from harness import case, halfclosed
from harness.command import run
from harness.sockets import open_both_versions
from harness.topology import GATEWAY
from harness.wait import until
from harness.web import Web

REPOSITORY = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))

SAME = {  # by the names of `stats --json`
    "flows.total": ("finwaitd_flows", {}),
    "flows.limit": ("finwaitd_flows_limit", {}),
    "flows.half_closed_by.client": ("finwaitd_half_closed_flows", {"closer": "client"}),
    "flows.half_closed_by.server": ("finwaitd_half_closed_flows", {"closer": "server"}),
    "flows.opened": ("finwaitd_flows_opened_total", {}),
    "packets.verdicts.accept": ("finwaitd_packets_total", {"verdict": "accept"}),
    "packets.verdicts.release": ("finwaitd_packets_total", {"verdict": "release"}),
    "packets.verdicts.drop": ("finwaitd_packets_total", {"verdict": "drop"}),
    "probes.sent": ("finwaitd_probes_total", {}),
    "probes.answers.alive": ("finwaitd_probe_answers_total", {"answer": "alive"}),
    "probes.answers.gone_after_reset": ("finwaitd_probe_answers_total", {"answer": "gone_after_reset"}),
    "resets.sent": ("finwaitd_reset_segments_total", {}),
    "resets.held_back": ("finwaitd_resets_held_back_total", {}),
    "memory.refused": ("finwaitd_memory_refused_total", {}),
    "resets.confirmed": ("finwaitd_resets_total", {"policy": "default", "outcome": "confirmed"}),
    "queue.dropped": ("finwaitd_queue_dropped_total", {}),
}


class MetricsTest(case.SystemTest):
    def promtool(self, *args, stdin=None):
        """False where there is none."""
        if not shutil.which("promtool"):
            print("  promtool (package prometheus) is not there: the text is not checked by it")
            return False
        done = run("promtool", *args, stdin=stdin, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        return True

    def settled(self, daemon):
        """The numbers of both, at a moment in which nothing moved between asking for the one and for the other."""
        web = Web(self.lab.gateway)
        for _ in range(20):
            before, scraped, after = daemon.stats(), web.metrics(), daemon.stats()
            if all(before[name] == after[name] for name in SAME):
                return before, scraped
            time.sleep(0.3)
        self.fail("the numbers do not come to rest")

    def test_each_number_is_the_one_that_stats_says(self):
        daemon = self.daemon({"timeouts": {"fin_wait_2": "1s", "on_expiry": "reset"},
                              "policy": [{"name": "patient", "match": "closer server", "fin_wait_2": "1h"}]})
        made = halfclosed.make(self.lab, 24)
        self.closing(h.pair for h in made)
        self.closing(open_both_versions(self.lab, 6))
        self.assertTrue(until(lambda: daemon.stats()["resets.confirmed"] >= 12, 10), daemon.stats())
        time.sleep(0.3)  # what was told a moment ago is told again

        stats, scraped = self.settled(daemon)
        for name, (metric, labels) in SAME.items():
            self.assertEqual(scraped(metric, **labels), stats[name], name)
        for state, sides in stats["flows.by_state"].items():
            self.assertEqual(sum(scraped("finwaitd_sides", side=side, state=state) for side in ("client", "server")), sides)
        self.assertEqual(stats["flows.half_closed_by"], {"client": 0, "server": 12})
        self.assertEqual(sum(bucket["count"] for bucket in stats["flows.half_closed_ages"]), 12)
        self.assertEqual(scraped("finwaitd_policy_flows", policy="patient"), 12)
        self.assertEqual(scraped.sum("finwaitd_shard_packets_total"), stats["packets.seen"])
        waited = scraped("finwaitd_verdict_latency_seconds_count")
        self.assertEqual(waited, scraped.sum("finwaitd_packets_total"))
        self.assertGreater(scraped("finwaitd_verdict_latency_seconds_sum"), 0)
        self.assertGreater(scraped("process_resident_memory_bytes"), 1_000_000)
        self.assertNotRegex(scraped.text, r"10\.99\.|fd99:", "an address")
        self.promtool("check", "metrics", stdin=scraped.text)

        listed = {flow["id"] for flow in daemon.flows("state", "fin-wait-2")}
        shown = Web(self.lab.gateway).flows()
        self.assertEqual(({flow["id"] for flow in shown["flows"]}, shown["complete"]), (listed, True))

    def test_openmetrics_is_spoken_to_those_who_ask_for_it(self):
        self.daemon()
        status, headers, text = Web(self.lab.gateway).get("/metrics", Accept="application/openmetrics-text; version=1.0.0")
        self.assertEqual((status, headers["Content-Type"]),
                         (200, "application/openmetrics-text; version=1.0.0; charset=utf-8"))
        self.assertTrue(text.endswith("\n# EOF\n"))
        self.assertRegex(text, r"(?m)^# TYPE finwaitd_packets counter$")

    def test_the_alerts_are_as_prometheus_wants_them(self):
        self.promtool("check", "rules", os.path.join(REPOSITORY, "etc/prometheus/finwaitd-alerts.yml"))

    def test_regrets_of_a_policy_that_is_to_observe_raise_no_alarm(self):
        """By Prometheus itself: two policies with as many regrets, one of which has on_expiry = "observe"."""
        if not shutil.which("promtool"):
            self.skipTest("promtool (package prometheus) is not there")
        name = lambda metric, policy: f'{metric}{{instance="gw", job="finwaitd", policy="{policy}"}}'
        values = {}
        for policy, observes in (("trial", 0), ("watched", 1)):
            values[name("finwaitd_policy_regrets_total", policy)] = "0+1x120"
            values[name("finwaitd_policy_observed_total", policy)] = "0+2x120"
            values[name("finwaitd_policy_observes", policy)] = f"{observes}x120"
        test = {"rule_files": [os.path.join(REPOSITORY, "etc/prometheus/finwaitd-alerts.yml")], "evaluation_interval": "1m",
                "tests": [{"interval": "1m", "input_series": [{"series": s, "values": v} for s, v in values.items()],
                           "promql_expr_test": [{"expr": 'ALERTS{alertname="FinwaitdRegrets", alertstate="firing"}',
                                                 "eval_time": "100m",
                                                 "exp_samples": [{"labels": 'ALERTS{alertname="FinwaitdRegrets", '
                                                                            'alertstate="firing", instance="gw", '
                                                                            'job="finwaitd", policy="trial", severity="info"}',
                                                                  "value": 1}]}]}]}
        with tempfile.NamedTemporaryFile("w", suffix=".yml", encoding="utf-8") as file:
            json.dump(test, file)  # JSON is YAML
            file.flush()
            done = run("promtool", "test", "rules", file.name, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_page_that_leads_a_browser_here_by_its_own_name_gets_nothing(self):
        self.daemon()
        status, _, text = Web(self.lab.gateway).get("/api/flows.json", Host="evil.example:9652")
        self.assertEqual(status, 421)
        self.assertIn("metrics.names", text)

    def test_a_reload_moves_it_and_what_cannot_be_is_refused_and_changes_nothing(self):
        daemon = self.daemon()
        here, there = Web(self.lab.gateway), Web(self.lab.gateway, "127.0.0.1:9653")
        daemon.configure({"metrics": {"listen": "127.0.0.1:9653"}})
        daemon.ctl("reload")
        self.assertEqual((here.answers(), there.answers()), (False, True))

        with self.lab.gateway.entered():
            squatter = socket.create_server(("127.0.0.1", 9654))
        self.addCleanup(squatter.close)
        daemon.configure({"metrics": {"listen": "127.0.0.1:9654"}, "timeouts": {"fin_wait_2": "1s"}})
        refused = daemon.ctl("reload", check=False)
        self.assertEqual(refused.returncode, 2, refused)
        self.assertRegex(refused.stdout + refused.stderr, r"metrics\.listen: 127\.0\.0\.1:9654: Address already in use.*ss -ltnp")
        self.assertTrue(there.answers())
        self.assertEqual(daemon.ctl_json("policy")[0]["fin_wait_2_s"], 300)

        daemon.configure({"metrics": {"listen": ""}})
        self.assertNotIn("metrics are no longer served", daemon.log())
        daemon.ctl("reload")
        self.assertFalse(there.answers())
        self.assertIn("metrics are no longer served", daemon.log())

    def test_a_start_where_the_place_is_taken_fails_and_says_by_whom_to_find_out(self):
        with self.lab.gateway.entered():
            squatter = socket.create_server(("127.0.0.1", 9652))
        self.addCleanup(squatter.close)
        daemon = self.daemon(start=False)
        with self.assertRaises(Exception):
            daemon.start()
        self.assertRegex(daemon.log(), r"metrics\.listen: 127\.0\.0\.1:9652: Address already in use")

    def test_its_readers_are_never_reset_although_this_machines_own_connections_are(self):
        listen = f"{GATEWAY[4]}:9652"
        daemon = self.daemon({"intercept": {"scope": "local"}, "metrics": {"listen": listen},
                              "timeouts": {"fin_wait_2": "1s", "on_expiry": "reset"}})
        self.assertRegex(daemon.log(), rf"{listen} can be reached from elsewhere.*no password")
        with self.lab.gateway.entered():
            other = socket.create_server((GATEWAY[4], 9999))
        self.addCleanup(other.close)

        def half_closed(port):
            with self.lab.client.entered():
                client = socket.create_connection((GATEWAY[4], port), 5)
            self.addCleanup(client.close)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            return client

        reader, ordinary = half_closed(9652), half_closed(9999)
        accepted = other.accept()[0]
        self.addCleanup(accepted.close)
        # It asks for more than the buffers hold and does not read: so the daemon's side stays open.
        reader.sendall(b"GET / HTTP/1.1\r\nHost: 10.99.1.1\r\n\r\n" * 1000)
        for client in (reader, ordinary):
            client.shutdown(socket.SHUT_WR)
        self.assertTrue(until(lambda: daemon.stats()["resets.confirmed"] >= 1, 10), daemon.stats())
        with self.assertRaises(ConnectionResetError):
            ordinary.recv(1)
        time.sleep(1)
        self.assertEqual(daemon.stats()["resets.confirmed"], 1)
        self.assertTrue(reader.recv(100).startswith(b"HTTP/1.1 200"))


if __name__ == "__main__":
    case.main()
