"""Who may do what over the control socket: the socket's group looks, the admin group and root change, others do neither."""

import json
import os
import shutil

from harness import case
from harness.command import run
from harness.daemon import binary
from harness.sockets import open_pairs
from harness.wait import until

READERS, ADMINS = "games", "users"  # groups that every Debian has
NOBODY = 65534


def _number(group):
    with open("/etc/group", encoding="ascii") as file:
        return next(line.split(":")[2] for line in file if line.startswith(group + ":"))


class Permission(case.SystemTest):
    def setUp(self):
        super().setUp()
        self.started = self.daemon(start=False)
        self.audit = os.path.join(self.started.directory, "audit.json")
        self.started.configure({"intercept": {"packets": "all"}, "log": {"audit": self.audit},
                                "control": {"group": READERS, "admin_group": ADMINS}})
        self.started.start()
        self.program = shutil.copy(binary("finwaitctl"), self.started.directory)
        os.chmod(self.program, 0o755)
        self.pair = self.closing(open_pairs(self.lab, 1, 4))[0]
        self.victim = f"client-port {self.pair.key.port}"

    def as_user(self, uid, groups, *args):
        """finwaitctl's exit code and what it said, run by `uid` with these supplementary groups and no other."""
        own = ["--groups=" + ",".join(map(_number, groups))] if groups else ["--clear-groups"]
        done = run("setpriv", f"--reuid={uid}", f"--regid={NOBODY}", *own, self.program, "--socket", self.started.socket,
                   *args, check=False)
        print(f"\nuid {uid}, groups {groups}: finwaitctl {' '.join(args)}: exit {done.returncode} {done.stderr.strip()}")
        return done.returncode, done.stderr

    def events(self, event_type):
        with open(self.audit, encoding="utf-8") as file:
            return [e["finwaitd"] for e in map(json.loads, file) if e["event_type"] == event_type]

    def test_who_is_in_no_group_is_refused_everything_with_exit_code_4(self):
        for args in (("list",), ("kill", "--yes", self.victim), ("reload",)):
            code, said = self.as_user(NOBODY, [], *args)
            self.assertEqual(code, 4, said)
            self.assertIn(f'"{READERS}"', said)

    def test_who_may_not_ask_the_firewall_tools_is_told_that_and_not_that_all_is_well(self):
        done = run("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", self.program, "check", "--system",
                   "--json", self.started.config, check=False)
        found = {finding["subject"]: finding for finding in json.loads(done.stdout)}
        for subject in ("tools", "rules", "untracked", "tracking", "sequence"):
            with self.subTest(subject):
                self.assertEqual(found[subject]["grade"], "unknown", found[subject])
                self.assertIn("needs root", found[subject]["what"])

    def test_a_member_of_the_group_looks_and_is_refused_each_change(self):
        self.assertEqual(self.as_user(NOBODY, [READERS], "list")[0], 0)
        self.assertEqual(self.as_user(NOBODY, [READERS], "policy")[0], 0)
        for args in (("kill", "--yes", self.victim), ("reload",), ("policy", "--resume", "default")):
            code, said = self.as_user(NOBODY, [READERS], *args)
            self.assertEqual(code, 4, said)
            self.assertIn(f'"{ADMINS}" (control.admin_group)', said)
            self.assertIn("nobody (uid 65534)", said)
        self.pair.talk()
        self.assertTrue(until(lambda: len(self.events("request_refused")) == 3, 5))
        refused = self.events("request_refused")
        print("\n" + json.dumps(refused[0]))
        self.assertEqual([e["command"] for e in refused], ["kill", "reload", "policy"])
        self.assertEqual({(e["uid"], e["user"]) for e in refused}, {(NOBODY, "nobody")})
        self.assertTrue(all(e["pid"] > 0 for e in refused))
        self.assertEqual(self.events("config_reload"), [])
        self.assertRegex(self.started.log(), r"nobody \(uid 65534\), pid \d+, was refused kill")

    def test_supplementary_groups_count_and_each_change_is_audited_with_who_made_it(self):
        both = [READERS, ADMINS]
        self.assertEqual(self.as_user(NOBODY, both, "kill", "--yes", "--no-wait", self.victim)[0], 0)
        self.assertEqual(self.as_user(NOBODY, both, "reload")[0], 0)
        self.assertEqual(self.as_user(NOBODY, both, "policy", "--resume", "default")[0], 0)
        self.assertTrue(until(lambda: self.events("config_reload"), 5))
        self.assertEqual(self.events("policy_resumed"), [], "it was not stopped: nothing has changed")
        killed = next(e for e in self.events("tcp_reset") if e.get("action") == "requested")
        for own in (killed, *self.events("config_reload")):
            self.assertEqual((own["uid"], own["user"]), (NOBODY, "nobody"), own)
        with self.assertRaises(ConnectionResetError):
            self.pair.client.recv(1)

    def test_root_needs_no_group_and_the_admin_group_alone_does_not_open_the_socket(self):
        self.assertEqual(self.as_user(0, [], "reload")[0], 0)
        self.assertEqual(self.as_user(NOBODY, [ADMINS], "reload")[0], 4)


if __name__ == "__main__":
    case.main()
