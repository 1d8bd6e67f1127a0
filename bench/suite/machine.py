"""What the measurements were made on."""

import os
import platform
import re
import subprocess


def _first(pattern, path):
    try:
        with open(path, encoding="utf-8") as file:
            found = re.search(pattern, file.read(), re.MULTILINE)
    except OSError:
        return ""
    return found[1].strip() if found else ""


def _output(*argv):
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def describe():
    kilobytes = _first(r"^MemTotal:\s+(\d+)", "/proc/meminfo")
    kind = _output("systemd-detect-virt", "--vm")
    return {
        "processor": _first(r"^model name\s*:\s*(.*)$", "/proc/cpuinfo") or platform.machine(),
        "processors": len(os.sched_getaffinity(0)),
        "memory": f"{int(kilobytes) / (1 << 20):.0f} GiB" if kilobytes else "",
        "kernel": platform.release(),
        "virtual": kind if kind != "none" else "",
        "system": _first(r'^PRETTY_NAME="(.*)"$', "/etc/os-release"),
        "compiler": (_output("c++", "--version").splitlines() or [""])[0],
        "commit": _output("git", "-c", "safe.directory=*", "describe", "--always", "--dirty"),
    }


def sentence(machine):
    where = f"{machine['processors']} processors ({machine['processor']}), {machine['memory']}"
    virtual = f", virtual ({machine['virtual']})" if machine["virtual"] else ""
    return f"{where}{virtual}; Linux {machine['kernel']}, {machine['system']}, {machine['compiler']}"
