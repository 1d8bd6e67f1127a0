"""The life of the package in a Debian of its own: installed, upgraded, removed, purged. Run by scripts/package-test, in
namespaces that end with it: test_package.py ROOT PACKAGE."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import unittest

ROOT, PACKAGE = sys.argv[1:3]
CONFIG = "/etc/finwaitd/finwaitd.toml"
SITE = "/etc/finwaitd/conf.d/site.toml"
NEW_LINE = "# The next version has a line more.\n"

# Follow this machine's own connections, for there are no others here.
LOCAL = '[intercept]\nscope = "local"\nloopback = true\nbackend = "iptables"\n'


def inside(path):
    return os.path.join(ROOT, path.lstrip("/"))


def run(*command, check=True):
    """Runs a command in that Debian, with nobody to answer questions. Returns what it says."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(["chroot", ROOT, *command], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    print(f"  # {' '.join(command)}" + "".join(f"\n  {line}" for line in done.stdout.splitlines()[-12:]), flush=True)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def quietly(*command):
    return subprocess.run(["chroot", ROOT, *command], capture_output=True, text=True, check=False).stdout


def read(path):
    with open(inside(path), encoding="utf-8") as file:
        return file.read()


def write(path, text):
    with open(inside(path), "w", encoding="utf-8") as file:
        file.write(text)


def exists(path):
    return os.path.lexists(inside(path))


def asked_of_systemd():
    """What has been asked since the last time."""
    asked = read("/run/asked").split() if exists("/run/asked") else []
    write("/run/asked", "")
    return asked


def rules():
    return "".join(quietly(tool) for tool in ("iptables-save", "ip6tables-save")) + quietly("nft", "list", "ruleset")


def flows():
    return json.loads(quietly("finwaitctl", "list", "--json"))


def wait_for(condition, seconds=10):
    """What `condition` gives, as soon as it is true, or at last."""
    end = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def put_into_root(source, name):
    shutil.copy(source, inside("/root/" + name))
    return "/root/" + name


def next_version():
    """The package again, with a higher version and another configuration file."""
    run("dpkg-deb", "--raw-extract", "/root/package.deb", "/root/next")
    control = read("/root/next/DEBIAN/control")
    version = quietly("dpkg-deb", "--field", "/root/package.deb", "Version").strip() + "+1"
    write("/root/next/DEBIAN/control", "".join(f"Version: {version}\n" if line.startswith("Version:") else line
                                               for line in control.splitlines(keepends=True)))
    write("/root/next" + CONFIG, NEW_LINE + read("/root/next" + CONFIG))
    run("dpkg-deb", "--root-owner-group", "--build", "/root/next", "/root/next.deb")
    return version


def set_up():
    """What a booted Debian has, and systemctl replaced by one that starts and stops the daemon itself."""
    mount = lambda *words: subprocess.run(["mount", *words], check=True)
    mount("--make-rprivate", "/")
    mount("-t", "proc", "proc", inside("/proc"))
    mount("-t", "sysfs", "sysfs", inside("/sys"))
    mount("--rbind", "/dev", inside("/dev"))
    mount("-t", "tmpfs", "tmpfs", inside("/run"))
    os.makedirs(inside("/run/systemd/system"))
    os.makedirs(inside("/run/lock"))
    shutil.copy(inside("/bin/systemctl"), inside("/run/systemctl"))
    mount("--bind", os.path.join(os.path.dirname(os.path.abspath(__file__)), "systemctl"), inside("/bin/systemctl"))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    os.remove(inside("/usr/sbin/policy-rc.d"))
    put_into_root(PACKAGE, "package.deb")


class Life(unittest.TestCase):
    """Each test goes on where the one before it has stopped; their names are in order."""

    def half_closed(self):
        """A connection on loopback, closed by its client only."""
        listener = socket.create_server(("127.0.0.1", 0))
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
        client.shutdown(socket.SHUT_WR)
        for end in (listener, client, server):
            self.addCleanup(end.close)

    def test_1_a_machine_that_cannot_run_it_can_install_it(self):
        before = rules()
        write("/run/broken", "")
        run("dpkg", "--install", "/root/package.deb")
        os.remove(inside("/run/broken"))
        self.assertEqual(["start"], asked_of_systemd())
        self.assertEqual(before, rules(), "a rule of the firewall was changed")
        self.assertIn("install ok installed", quietly("dpkg", "--status", "finwaitd"))
        run("dpkg", "--purge", "finwaitd")

    def test_2_it_is_installed_and_started(self):
        asked_of_systemd()
        said = run("apt-get", "install", "--yes", "/root/package.deb")
        self.assertEqual(["start"], asked_of_systemd())
        self.assertIn("ends no connection", said)
        self.assertEqual("observe", json.loads(quietly("finwaitctl", "stats", "--json"))["mode"])
        self.assertTrue(exists("/usr/share/doc/finwaitd/README.Debian"))
        self.assertIn("FINWAITD", rules())
        self.assertIn("finwaitd", run("finwaitctl", "version"))
        self.assertTrue(exists("/etc/systemd/system/multi-user.target.wants/finwaitd.service"))
        run("finwaitd", "--check")
        for page in ("man5/finwaitd.toml.5", "man7/finwait-filter.7", "man8/finwaitd.8", "man8/finwaitctl.8"):
            self.assertTrue(exists(f"/usr/share/man/{page}.gz"), page)

    def test_3_its_groups_and_its_user_are_there(self):
        run("getent", "passwd", "finwaitd")
        run("getent", "group", "finwaitd", "finwaitd-admin")

    def test_4_its_log_files_are_rotated(self):
        self.assertNotIn("error:", run("logrotate", "--debug", "/etc/logrotate.d/finwaitd"))

    def test_5_an_upgrade_keeps_a_changed_configuration_and_the_flows(self):
        version = next_version()
        write(CONFIG, read(CONFIG).replace('profile = "normal"', 'profile = "conservative"'))
        write(SITE, LOCAL)
        run("systemctl", "restart", "finwaitd.service")
        self.half_closed()
        before = wait_for(lambda: [flow for flow in flows() if flow["closer"]])
        self.assertEqual(1, len(before), "the half-closed connection is not listed")
        asked_of_systemd()

        run("apt-get", "install", "--yes", "-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold",
            "/root/next.deb")
        self.assertEqual(["restart"], asked_of_systemd(), "an upgrade stops it no longer than it must")
        self.assertEqual(version, quietly("dpkg-query", "-W", "-f", "${Version}", "finwaitd"))
        self.assertIn('profile = "conservative"', read(CONFIG))
        self.assertNotIn(NEW_LINE, read(CONFIG))
        self.assertIn(NEW_LINE, read(CONFIG + ".dpkg-dist"))
        self.assertEqual(LOCAL, read(SITE))
        self.assertRegex(read("/var/log/finwaitd/log"), r"[1-9]\d* flows taken over from /var/lib/finwaitd/state")
        after = {flow["id"]: flow for flow in flows()}
        self.assertIn(before[0]["id"], after)
        self.assertEqual(before[0]["closer"], after[before[0]["id"]]["closer"])
        print("  the half-closed connection before and after:", before[0]["id"], after[before[0]["id"]]["id"])

    def test_6_without_an_answer_dpkg_asks_and_changes_nothing(self):
        os.remove(inside(CONFIG + ".dpkg-dist"))
        before = read(CONFIG)
        self.assertIn("end of file on stdin at conffile prompt", run("dpkg", "--install", "/root/package.deb", check=False))
        self.assertEqual(before, read(CONFIG))
        run("dpkg", "--configure", "--pending", "--force-confold")

    def test_7_it_is_removed_and_its_rules_with_it(self):
        run("apt-get", "remove", "--yes", "finwaitd")
        self.assertIn("stop", asked_of_systemd())
        self.assertNotIn("FINWAITD", rules())
        self.assertFalse(exists("/usr/sbin/finwaitd"))
        for kept in (CONFIG, SITE, "/var/lib/finwaitd/state"):
            self.assertTrue(exists(kept), f"{kept} went at a removal")

    def test_8_a_purge_leaves_only_what_the_operator_has_made(self):
        run("apt-get", "purge", "--yes", "finwaitd")
        for gone in (CONFIG, "/var/lib/finwaitd", "/var/log/finwaitd", "/etc/logrotate.d/finwaitd",
                     "/etc/systemd/system/multi-user.target.wants/finwaitd.service"):
            self.assertFalse(exists(gone), f"{gone} was left by a purge")
        self.assertTrue(exists(SITE))
        self.assertEqual("", quietly("dpkg-query", "-W", "-f", "${Status}", "finwaitd"))

    def test_9_it_can_be_installed_again_and_an_unchanged_configuration_follows_the_package(self):
        run("dpkg", "--install", "/root/package.deb")
        run("dpkg", "--install", "/root/next.deb")
        self.assertIn(NEW_LINE, read(CONFIG))
        run("dpkg", "--purge", "finwaitd")
        self.assertNotIn("FINWAITD", rules())


if __name__ == "__main__":
    set_up()
    unittest.main(argv=sys.argv[:1], verbosity=2, failfast=True)
