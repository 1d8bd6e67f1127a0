"""What is under test, as a second archive: the programs with their libraries, the tests and what they attack with, and the
kernel's modules."""

import os
import re
import shutil

from harness.command import run
from vm.archive import Archive

HOME = "/finwaitd"
PROGRAMS = HOME + "/build/release/bin"
_PARTS = ("tests/system", "bench", "completions", "docs", "etc", "systemd")


def write(path, repository, programs, kernel, plan):
    """`plan`: the text that the guest finds as plan.json. `programs`: the folder with finwaitd, finwaitctl and flood."""
    root = path + ".root"
    shutil.rmtree(root, ignore_errors=True)
    home = root + HOME
    for part in _PARTS:
        shutil.copytree(os.path.join(repository, part), os.path.join(home, part), ignore=shutil.ignore_patterns("__pycache__"))
    os.makedirs(root + PROGRAMS)
    for name in ("finwaitd", "finwaitctl", "flood"):
        run("strip", "-o", os.path.join(root + PROGRAMS, name), os.path.join(programs, name), timeout=60)
        for library in _libraries(os.path.join(programs, name)):
            _copy(library, root)
    shutil.copytree(os.path.join(kernel.modules, "lib"), os.path.join(root, "usr/lib"), dirs_exist_ok=True)
    shutil.copy(os.path.join(home, "tests/system/vm/guest.py"), os.path.join(root, "init"))
    os.chmod(os.path.join(root, "init"), 0o755)
    with open(os.path.join(home, "plan.json"), "w", encoding="utf-8") as file:
        file.write(plan)
    with Archive(path) as archive:
        archive.tree(root)
    shutil.rmtree(root)


def _libraries(program):
    return re.findall(r" => (/\S+)", run("ldd", program).stdout)


def _copy(library, root):
    """Where /lib is a link to /usr/lib; as one file, whatever leads to it."""
    target = os.path.join(root, os.path.realpath(os.path.dirname(library)).lstrip("/"), os.path.basename(library))
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if not os.path.exists(target):
        shutil.copy(library, target)
