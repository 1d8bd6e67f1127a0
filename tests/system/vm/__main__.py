"""scripts/test-vm: the system tests on Debian's own kernel, in an emulated machine."""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time

from harness import cleanup
from harness.command import run
from harness.daemon import binary
from vm import kernel, plan, project, system
from vm.machine import EMULATOR, Hung, Machine

SKIPPED = 77
REPOSITORY = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
CACHE = os.path.join(REPOSITORY, "build", "vm")
PROGRAMS = os.path.dirname(binary("finwaitd"))


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/test-vm", description=__doc__)
    parser.add_argument("--all", action="store_true", help="every system test, not only those that need this kernel most")
    parser.add_argument("--list", action="store_true", help="name the chosen tests, and run none")
    parser.add_argument("pattern", nargs="*", help="only tests whose name has one of these in it, such as nat")
    return parser.parse_args()


def cannot():
    """Why there can be no guest here; None if there can."""
    if os.geteuid() != 0:
        return "needs root, for the tools of Debian's packages and the cache: sudo scripts/test-vm"
    for tool in (EMULATOR, "modprobe", "strip"):
        if not shutil.which(tool):
            return f"needs {tool} (scripts/packages vm build)"
    return None


def show(record, number, count):
    """Of a test that has passed, its line; of another one, all that it said."""
    verdict = plan.verdict(record)
    print(f"{number:3}/{count} {record['name']:<28} {verdict:<8} {record['seconds']:6.1f} s", flush=True)
    if verdict not in ("passed", "skipped"):
        print(record["output"], flush=True)
    for line in plan.skips(record):
        print(f"        {line}", flush=True)
    return verdict


def run_all(machine, jobs, verdicts):
    """Counts into `verdicts`."""
    began = time.monotonic()
    for record in machine.records(patience=max(job["seconds"] for job in jobs) + 60):
        if "ready" in record:
            print(f"Linux {record['ready']} is up after {time.monotonic() - began:.1f} s", flush=True)
            continue
        verdict = show(record, sum(verdicts.values()) + 1, len(jobs))
        verdicts[verdict] = verdicts.get(verdict, 0) + 1


def main():
    options = arguments()
    jobs = plan.jobs(options.pattern, options.all)
    if not jobs:
        sys.exit(f"No test has {' or '.join(options.pattern)} in its name.")
    if options.list:
        print("\n".join(job["name"] for job in jobs))
        return 0
    began = time.monotonic()
    reason = cannot()
    if reason:
        print(f"skipped: {reason}")
        return SKIPPED
    os.makedirs(CACHE, exist_ok=True)
    try:
        debian = kernel.obtain(CACHE)
    except kernel.Unobtainable as error:
        print(f"skipped: {error}")
        return SKIPPED
    # A folder of its own, so that two runs do not disturb each other.
    folder = tempfile.mkdtemp(prefix="run-", dir=CACHE)
    cleanup.at_exit(lambda: shutil.rmtree(folder))
    failed = test(debian, jobs, folder)
    print(f"{time.monotonic() - began:.0f} s in all")
    return failed


def initial_root(folder, debian, jobs):
    own, path = os.path.join(folder, "project.cpio"), os.path.join(folder, "initrd")
    project.write(own, REPOSITORY, PROGRAMS, debian, json.dumps({"jobs": jobs, "at_once": plan.AT_ONCE}))
    # The kernel unpacks archives one behind the other.
    run("sh", "-c", 'exec cat "$1" "$2" >"$3"', "sh", system.obtain(CACHE), own, path)
    return path


def test(debian, jobs, folder):
    """0, or 1 if anything has failed; then the console is kept."""
    console = os.path.join(folder, "console.log")
    machine = Machine(debian, initial_root(folder, debian, jobs), console)
    verdicts, problems = {}, []
    try:
        run_all(machine, jobs, verdicts)
    except Hung as error:
        problems.append(str(error))
    finally:
        machine.close()
    problems += machine.troubles()
    told = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
    print("\n".join([told or "no test ended", *(f"  {problem}" for problem in problems)]))
    if not problems and not set(verdicts) - {"passed", "skipped"}:
        return 0
    kept = os.path.join(CACHE, "console.log")
    shutil.move(console, kept)
    print(f"The guest's console: {os.path.relpath(kept, REPOSITORY)}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
