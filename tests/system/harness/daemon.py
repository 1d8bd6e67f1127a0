"""finwaitd in the gateway's namespace, with a configuration, a control socket and a log of its own."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile

from harness import cleanup, toml
from harness.command import die_with_parent, run
from harness.wait import PATIENCE, until

_REPOSITORY = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))

# By which tool the rules are made where a test does not say.
_BACKEND = os.environ.get("FINWAITD_BACKEND")


def binary(name):
    """A program under test: in $FINWAITD_BIN, else in the release build."""
    return os.path.join(os.environ.get("FINWAITD_BIN") or os.path.join(_REPOSITORY, "build", "release", "bin"), name)


_SANITIZER = re.compile(r"^.*(Sanitizer: |: runtime error: )", re.MULTILINE)


def sanitized():
    """Whether finwaitd was built with a sanitizer, which takes terabytes of addresses for itself."""
    with open(binary("finwaitd"), "rb") as file:
        program = file.read()
    return any(library in program for library in (b"libasan.so", b"libtsan.so"))


class SanitizerReport(Exception):
    """AddressSanitizer, ThreadSanitizer or UBSan has found something in finwaitd."""


class NotStarted(Exception):
    """finwaitd ended, or did not answer, while it was waited for."""


class Daemon:
    """`settings` as in finwaitd.toml, nested dictionaries. Starts at once, unless told not to, and ends with the
    program, unless it shall outlive it. `through`: the command that becomes finwaitd, such as env or setpriv."""

    def __init__(self, lab, settings=None, start=True, directory=None, outlive=False, through=()):
        self.lab = lab
        self.directory = directory or tempfile.mkdtemp(prefix="finwaitd-test-")
        os.chmod(self.directory, 0o755)  # who may talk to the daemon is decided by the socket's own mode
        self.config = os.path.join(self.directory, "finwaitd.toml")
        self.socket = os.path.join(self.directory, "control.sock")
        self.state = os.path.join(self.directory, "state")
        self.log_file = os.path.join(self.directory, "log")
        self.through = through
        self._process = None
        self._outlive = outlive
        if not outlive:
            cleanup.at_exit(self.close)
        self.configure(settings or {})
        if start:
            self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def configure(self, settings):
        """Writes the configuration; start() or reload() puts it in force."""
        if _BACKEND:
            settings = {**settings, "intercept": {"backend": _BACKEND, **settings.get("intercept", {})}}
        control = {"socket": self.socket, "group": "root", "admin_group": "daemon"}  # which every Debian has
        self.settings = {**settings, "control": {**control, **settings.get("control", {})},
                         "state": {"file": self.state, **settings.get("state", {})}}
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(toml.dump(self.settings))

    def start(self, seconds=15, interval=0.05):
        with open(self.log_file, "ab") as log:
            self._process = subprocess.Popen(
                self.lab.gateway.argv(*self.through, binary("finwaitd"), "--config", self.config), stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, preexec_fn=None if self._outlive else die_with_parent,
                start_new_session=self._outlive)
        if not until(lambda: self._process.poll() is not None or self.answers(), seconds, interval) or not self.running():
            raise NotStarted(f"finwaitd did not start (exit {self._process.poll()}); its log:\n{self.log()}")

    def answers(self):
        return os.path.exists(self.socket) and self.ctl("count", check=False).returncode == 0

    def running(self):
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self):
        return self._process.pid

    def stop(self, seconds=15):
        """Asks for a clean end; returns the exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(seconds * PATIENCE)

    def kill9(self):
        self._process.kill()
        self._process.wait()

    def hangup(self):
        self._process.send_signal(signal.SIGHUP)

    def close(self):
        """Ends it. Raises what a sanitizer has reported, where it was built with one."""
        cleanup.forget(self.close)
        if self.running():
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill9()
        log = self.log()
        shutil.rmtree(self.directory, ignore_errors=True)
        found = _SANITIZER.search(log)
        if found:
            raise SanitizerReport(log[found.start():found.start() + 8000])

    def log(self):
        try:
            with open(self.log_file, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def ctl(self, *args, check=True, timeout=30):
        """Runs finwaitctl; the CompletedProcess."""
        return run(binary("finwaitctl"), "--socket", self.socket, *args, check=check, timeout=timeout)

    def ctl_json(self, *args):
        return json.loads(self.ctl(*args, "--json").stdout)

    def flows(self, *filter_words):
        return self.ctl_json("list", *filter_words)

    def stats(self):
        return Stats(self.ctl_json("stats"))


class Stats:
    """`stats --json`; asked by dotted names, such as "resets.sent"."""

    def __init__(self, tree):
        self.tree = tree

    def __getitem__(self, name):
        node = self.tree
        for word in name.split("."):
            node = node[word]
        return node

    def __str__(self):
        return json.dumps(self.tree)
