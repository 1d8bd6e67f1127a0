"""What every test file needs: a lab and a daemon, a result that shows the daemon's log, and exit 77 when it cannot run."""

import os
import shutil
import sys
import unittest

from harness.command import CommandFailed
from harness.daemon import Daemon, binary
from harness.netns import Namespace
from harness.topology import Lab

SKIPPED = 77


class SystemTest(unittest.TestCase):
    """One lab for the file; each test starts the daemon it wants with self.daemon({...})."""

    client_addresses = 8

    @classmethod
    def setUpClass(cls):
        cls.lab = Lab(client_addresses=cls.client_addresses)

    @classmethod
    def tearDownClass(cls):
        cls.lab.close()

    def setUp(self):
        self.daemons = []
        self._sockets = []
        self.lab.gateway.run("conntrack", "-F", check=False)  # where there is none, nothing is left over either

    def daemon(self, settings=None, **options):
        made = Daemon(self.lab, settings, **options)
        self.daemons.append(made)
        self.addCleanup(made.close)
        return made

    def closing(self, pairs):
        """Closes these pairs when the test ends. Returns them."""
        for pair in pairs:
            self.addCleanup(pair.close)
        return pairs

    def assert_agrees(self, comparison):
        self.assertTrue(comparison.all_agree(), f"\n{comparison}")


class _Result(unittest.TextTestResult):
    """Adds the log of the daemons that took part to the report of a failure."""

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._append_logs(test, self.failures)

    def addError(self, test, err):
        super().addError(test, err)
        self._append_logs(test, self.errors)

    @staticmethod
    def _append_logs(test, problems):
        for daemon in getattr(test, "daemons", ()):
            tail = daemon.log().splitlines()[-40:]
            problems[-1] = (problems[-1][0], problems[-1][1] + "\nfinwaitd's log ends:\n  " + "\n  ".join(tail) + "\n")


def why_not():
    """The reason why system tests cannot run here; None when they can."""
    if os.geteuid() != 0:
        return "needs root"
    missing = [tool for tool in ("ip", "ss", "iptables", "ip6tables") if not shutil.which(tool)]
    if missing:
        return f"needs {', '.join(missing)}"
    try:
        probe = Namespace(f"fw-{os.getpid()}-0-probe")
    except (CommandFailed, OSError) as error:
        return f"needs to make network namespaces: {error}".splitlines()[0]
    try:
        probe.run("iptables", "-A", "FORWARD", "-j", "NFQUEUE", "--queue-num", "0")
    except CommandFailed as error:
        return f"needs a kernel with NFQUEUE: {error}".splitlines()[0]
    finally:
        probe.delete()
    return None


def need_programs():
    for name in ("finwaitd", "finwaitctl"):
        if not os.access(binary(name), os.X_OK):
            print(f"{binary(name)} is not there: build it, or set FINWAITD_BIN")
            sys.exit(1)


def main(programs=True):
    """Runs the tests of the calling file. `programs`: whether they need finwaitd and finwaitctl."""
    reason = why_not()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    if programs:
        need_programs()
    runner = unittest.TextTestRunner(resultclass=_Result, verbosity=2, stream=sys.stdout)
    result = unittest.main(module="__main__", testRunner=runner, exit=False).result
    if result.wasSuccessful() and result.testsRun <= len(result.skipped):
        sys.exit(SKIPPED)
    sys.exit(not result.wasSuccessful())
