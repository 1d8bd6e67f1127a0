"""Which tests run in the guest, how, and what their results mean."""

import glob
import os
import re

from vm import project

AT_ONCE = 3
_TESTS = os.path.join(os.path.dirname(__file__), "..")
# An emulated processor is slow: what is waited for may take so many times as long.
_PATIENCE = "3"
_SECONDS = 900
# What is never run: tests of the shell, the page and the tools, which no kernel changes.
_NOT_HERE = {"bench", "completion", "harness", "metrics", "page", "top"}
# What brings load, or looks at moments that load would move.
_ALONE = {"restart", "adoption", "overflow", "stacks", "storm", "survival", "judge", "in_flight", "control", "clients", "limits",
          "local", "reload", "service", "permission", "events", "modules"}
# What this kernel has and others may not; of some files a part, the rest takes long.
CORE = {
    "netem": ["Netem.test_with_all_of_them"],
    "nat": ["Nat.test_nat_by_nftables_is_seen_through_as_well"],
    "nftables": [],
    "flowtable": [],
    "modules": [],
}
# Of everything else nftables makes the rules; of these iptables as well.
BOTH_BACKENDS = ("conntrack", "local", "nat", "overflow", "reset", "restart", "rules", "states", "survival", "uplinks")
_BY_IPTABLES = "-iptables"


def names():
    files = glob.glob(os.path.join(_TESTS, "test_*.py"))
    every = {os.path.basename(file)[len("test_"):-len(".py")] for file in files} - _NOT_HERE
    return sorted([*every, *(name + _BY_IPTABLES for name in BOTH_BACKENDS)], key=lambda name: (name not in CORE, name))


def jobs(patterns, everything):
    if everything or patterns:
        return [_job(name) for name in names() if not patterns or any(p in name for p in patterns)]
    return [_job(name, tests) for name, tests in CORE.items()]


def _job(name, tests=()):
    file = name.removesuffix(_BY_IPTABLES)
    environment = {"FINWAITD_BIN": project.PROGRAMS, "FINWAITD_PATIENCE": _PATIENCE, "FINWAITD_OWN_MACHINE": "1",
                   "PYTHONDONTWRITEBYTECODE": "1"}
    if file != name:
        environment["FINWAITD_BACKEND"] = "iptables"
    return {"name": name, "alone": file in _ALONE, "seconds": _SECONDS, "environment": environment,
            "argv": ["/usr/bin/python3", f"{project.HOME}/tests/system/test_{file}.py", *tests]}


def verdict(record):
    """What this kernel is taken for must not be skipped on it."""
    if record["name"] in CORE and skips(record):
        return "FAILED"
    return {0: "passed", 77: "skipped", "timeout": "hung"}.get(record["status"], "FAILED")


def skips(record):
    """The lines by which a test says what it left out, and why."""
    return re.findall(r"^(?:skipped: .*|.* \.\.\. skipped .*)$", record["output"], flags=re.MULTILINE)
