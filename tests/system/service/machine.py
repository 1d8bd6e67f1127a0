"""A machine that systemd runs, in namespaces of its own with a lab's gateway as its network."""

import os
import re
import secrets
import subprocess

from harness import cleanup
from harness.command import die_with_parent, run
from harness.wait import until

_BOOT = os.path.join(os.path.dirname(__file__), "boot")


def _control_groups():
    """Where the unified hierarchy is mounted."""
    with open("/proc/self/mountinfo", encoding="ascii") as file:
        for line in file:
            found = re.match(r"\S+ \S+ \S+ / (\S+) .* - cgroup2 ", line)
            if found:
                return found[1]
    raise RuntimeError("no cgroup2 hierarchy is mounted: mount -t cgroup2 none /sys/fs/cgroup")


class Machine:
    """`root`: an installed Debian, which changes while it runs."""

    def __init__(self, root, namespace):
        self.root = os.path.realpath(root)
        self._group = os.path.join(_control_groups(), f"finwaitd-service-{os.getpid()}-{secrets.token_hex(2)}")
        self._prepare()
        os.mkdir(self._group)
        cleanup.at_exit(self.close)
        self._process = subprocess.Popen([_BOOT, self.root, self._group, namespace.name], stdin=subprocess.DEVNULL,
                                         preexec_fn=die_with_parent)
        if not until(self._booted, 60, 0.2):
            raise RuntimeError("systemd has not booted")

    def _prepare(self):
        """What a container has no use for, or must not do."""
        for unit in ("systemd-sysctl.service", "systemd-modules-load.service", "getty.target", "console-getty.service",
                     "cron.service", "systemd-logind.service"):
            run("systemctl", f"--root={self.root}", "mask", unit)
        run("systemctl", f"--root={self.root}", "set-default", "multi-user.target")

    @property
    def init(self):
        """systemd's process id as seen from here; None before it is there."""
        with open(f"/proc/{self._process.pid}/task/{self._process.pid}/children", encoding="ascii") as file:
            children = file.read().split()
        return int(children[0]) if children else None

    def _booted(self):
        if self._process.poll() is not None:
            raise RuntimeError(f"the machine has ended: {self._process.returncode}")
        if not self.init:
            return False
        with open(f"/proc/{self.init}/comm", encoding="ascii") as file:
            if file.read().strip() != "systemd":
                return False
        return self.run("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded")

    def run(self, *argv, user=None, groups=(), **options):
        """Runs a command inside, as root or as `user` with these groups."""
        command = ["nsenter", f"--target={self.init}", "--all", f"--root=/proc/{self.init}/root", f"--wd=/proc/{self.init}/root"]
        if user is not None:
            command += ["setpriv", f"--reuid={user}", f"--regid={user}"]
            command += [f"--groups={','.join(groups)}"] if groups else ["--clear-groups"]
        return run(*command, *argv, **options)

    def show(self, *argv, **options):
        """run(), with the command and what it said printed."""
        done = self.run(*argv, check=False, **options)
        who = "" if options.get("user") is None else f"{options['user']}({','.join(options.get('groups', ()))})"
        print(f"{who}# {' '.join(map(str, argv))}\n{done.stdout}{done.stderr}", end="")
        print(f"[exit {done.returncode}]\n", flush=True)
        return done

    def write(self, path, text):
        with open(self.root + path, "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, path):
        with open(f"/proc/{self.init}/root{path}", encoding="utf-8") as file:
            return file.read()

    def close(self):
        cleanup.forget(self.close)
        if self._process.poll() is None:
            if self.init:
                os.kill(self.init, 9)
            self._process.wait(10)
        until(self._group_is_empty, 10)
        for folder, _, _ in os.walk(self._group, topdown=False):
            os.rmdir(folder)

    def _group_is_empty(self):
        with open(os.path.join(self._group, "cgroup.events"), encoding="ascii") as file:
            return "populated 0" in file.read()
