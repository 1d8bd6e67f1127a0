"""The audit file: every step with its reason, opened anew by a reload, and never in the way of traffic."""

import json
import os
import re
from datetime import datetime

from harness import case, firewall, halfclosed
from harness.command import run
from harness.daemon import NotStarted
from harness.sockets import open_pairs
from harness.wait import until

ASKING = {"fin_wait_2": "1s", "on_expiry": "probe", "probe_interval": "1s", "probe_attempts": 3}


class Audit(case.SystemTest):
    def auditing(self, path=None, **settings):
        daemon = self.daemon(settings, start=False)
        self.path = path or os.path.join(daemon.directory, "audit.json")
        daemon.configure({**settings, "log": {"audit": self.path}})
        daemon.start()
        return daemon

    def events(self, path=None):
        with open(path or self.path, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def kinds(self, pair=None):
        return [(e["event_type"], e["finwaitd"].get("action") or e["finwaitd"].get("outcome"))
                for e in self.events() if not pair or e.get("src_port") == pair.key.port]

    def half_closed(self):
        made = halfclosed.HalfClosed(open_pairs(self.lab, 1, 4)[0], "client", "shutdown")
        self.closing([made.pair])
        return made

    def test_each_step_of_an_inquiry_is_written_with_its_reason(self):
        daemon = self.auditing(timeouts=ASKING)
        pair = self.half_closed().pair
        self.assertTrue(until(lambda: ("tcp_probe", "left") in self.kinds(pair), 8), daemon.log())
        kinds = self.kinds(pair)
        self.assertEqual(kinds[:2], [("tcp_half_closed", None), ("tcp_probe", "asked")])
        self.assertEqual(sorted(kinds[2:4]), [("tcp_probe", "answered")] * 2)
        events = [e for e in self.events() if e["src_port"] == pair.key.port]
        left = events[-1]
        print("\n" + json.dumps(left))
        self.assertRegex(left["community_id"], "^1:[A-Za-z0-9+/]{27}=$")
        self.assertEqual((left["src_ip"], left["dest_port"], left["proto"]), (pair.key.address, pair.server.getsockname()[1], "TCP"))
        self.assertIn(left["flow_id"], daemon.ctl("list").stdout)
        own = left["finwaitd"]
        self.assertEqual((own["closer"], own["client_state"], own["server_state"], own["policy"]),
                         ("client", "fin-wait-2", "close-wait", "default"))
        self.assertIn("legitimate half-close", own["reason"])
        self.assertGreater(own["idle_s"], 0.9)
        self.assertIsNotNone(datetime.fromisoformat(left["timestamp"]).tzinfo)
        self.assertRegex(left["timestamp"], r"\.\d{6}[+-]\d\d:\d\d$")

    def test_a_kill_is_written_with_who_asked_and_how_it_came_out(self):
        daemon = self.auditing(intercept={"packets": "all"})
        pair = self.closing(open_pairs(self.lab, 1, 4))[0]
        daemon.ctl("kill", "--yes", f"client-port {pair.key.port}")
        self.assertTrue(until(lambda: ("tcp_reset", "confirmed") in self.kinds(pair), 5), self.kinds())
        asked = next(e for e in self.events() if e["finwaitd"].get("action") == "requested")["finwaitd"]
        self.assertEqual((asked["uid"], asked["result"]), (os.getuid(), "reset"))
        self.assertGreater(asked["pid"], 0)
        self.assertIn(("tcp_reset", "reset"), self.kinds(pair))

    def test_a_reload_opens_the_file_anew_and_is_written_itself(self):
        daemon = self.auditing(timeouts={"fin_wait_2": "1h"})
        first = self.half_closed().pair
        self.assertTrue(until(lambda: self.kinds(first), 5))
        os.rename(self.path, self.path + ".1")
        daemon.hangup()
        self.assertTrue(until(lambda: os.path.exists(self.path) and self.kinds(), 5), daemon.log())
        self.assertEqual(self.kinds(), [("config_reload", "in_force")])
        second = self.half_closed().pair
        self.assertTrue(until(lambda: self.kinds(second), 5))
        self.assertEqual(self.kinds(first), [])
        daemon.configure({"timeouts": {"fin_wait_2": "soon"}, "log": {"audit": self.path}})
        self.assertEqual(daemon.ctl("reload", check=False).returncode, 2)
        self.assertTrue(until(lambda: ("config_reload", "rejected") in self.kinds(), 5))

    def test_a_reload_of_a_bad_file_opens_the_audit_anew_all_the_same(self):
        daemon = self.auditing()
        os.rename(self.path, self.path + ".1")
        daemon.configure({"timeouts": {"fin_wait_2": "soon"}, "log": {"audit": self.path}})
        daemon.hangup()
        self.assertTrue(until(lambda: os.path.exists(self.path) and self.kinds(), 5), daemon.log())
        self.assertEqual(self.kinds(), [("config_reload", "rejected")])

    def test_a_reload_to_a_path_that_cannot_be_written_changes_nothing(self):
        daemon = self.auditing()
        daemon.configure({"log": {"audit": "/nowhere/audit.json"}})
        done = daemon.ctl("reload", check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("log.audit", done.stderr)
        pair = self.half_closed().pair
        self.assertTrue(until(lambda: self.kinds(pair), 5))

    def test_a_full_disk_is_one_error_and_traffic_and_resets_go_on(self):
        daemon = self.auditing("/dev/full", timeouts={"fin_wait_2": "1s", "on_expiry": "reset"})
        made = [self.half_closed() for _ in range(3)]
        self.assertEqual(halfclosed.become(self.lab, made, halfclosed.GONE, 8), [])
        pair = self.closing(open_pairs(self.lab, 1, 4))[0]
        pair.talk()
        self.assertTrue(until(lambda: daemon.stats()["audit.lost"] >= 9, 5), daemon.stats())
        self.assertEqual(len(re.findall("audit file /dev/full cannot be written: No space left", daemon.log())), 1,
                         daemon.log())

    def test_a_disk_that_fills_up_costs_events_until_there_is_room_again_and_never_a_packet(self):
        daemon = self.daemon(start=False)
        disk = os.path.join(daemon.directory, "disk")
        os.mkdir(disk)
        run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk)
        self.addCleanup(run, "umount", "--lazy", disk)
        self.path = os.path.join(disk, "audit.json")
        daemon.configure({"log": {"audit": self.path}, "timeouts": {"fin_wait_2": "1s", "on_expiry": "reset"}})
        daemon.start()
        filler = os.path.join(disk, "filler")
        with open(filler, "wb", buffering=0) as file:
            try:
                while file.write(b"x" * 4096):
                    pass
            except OSError:
                pass
        made = [self.half_closed() for _ in range(5)]
        self.assertEqual(halfclosed.become(self.lab, made, halfclosed.GONE, 8), [])
        pair = self.closing(open_pairs(self.lab, 1, 4))[0]
        pair.talk()
        self.assertTrue(until(lambda: "No space left on device" in daemon.log(), 5), daemon.log())
        self.assertGreater(daemon.stats()["audit.lost"], 0)
        os.unlink(filler)
        after = self.half_closed().pair
        self.assertTrue(until(lambda: self.kinds(after), 5), daemon.log())
        self.assertTrue(until(lambda: re.search(r"can be written again; \d+ events are missing", daemon.log()), 5))

    def test_a_bad_path_at_the_start_exits_2_and_touches_no_rule(self):
        before = firewall.rules(self.lab)
        for path, word in (("/nowhere/audit.json", "there is no directory /nowhere"), ("/tmp", "it is a directory"),
                           ("/proc/audit.json", "log.audit"), ("audit.json", "absolute")):
            with self.subTest(path):
                with self.assertRaises(NotStarted) as refused:
                    self.auditing(path)
                self.assertIn("exit 2", str(refused.exception))
                self.assertIn("log.audit", str(refused.exception))
                self.assertIn(word, str(refused.exception))
        self.assertEqual(firewall.rules(self.lab), before)


if __name__ == "__main__":
    case.main()
