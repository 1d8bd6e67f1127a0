#!/usr/bin/python3
"""The guest's first program: makes the machine ready, runs the tests of its plan, a few at a time, reports each as a line
of JSON on the second serial port, and switches the machine off."""

import ctypes
import json
import os
import queue
import resource
import signal
import subprocess
import threading
import time

_PLAN = "/finwaitd/plan.json"
_REPORT = "/dev/ttyS1"
_MOUNTS = (("proc", "/proc", "proc"), ("sysfs", "/sys", "sysfs"), ("devtmpfs", "/dev", "devtmpfs"), ("tmpfs", "/run", "tmpfs"),
           ("tmpfs", "/tmp", "tmpfs"), ("devpts", "/dev/pts", "devpts"), ("tmpfs", "/dev/shm", "tmpfs"))
# What a test looks at and nobody loads by using it.
_MODULES = ("br_netfilter", "tun")
_LINKS = (("/proc/self/fd", "/dev/fd"), ("fd/0", "/dev/stdin"), ("fd/1", "/dev/stdout"), ("fd/2", "/dev/stderr"))
# As a Debian sets it for its services.
_FILES = 524288
# reboot(2); Python has no function for it.
_SYS_REBOOT, _MAGIC, _POWER_OFF = 169, (0xFEE1DEAD, 672274793), 0x4321FEDC
_libc = ctypes.CDLL(None, use_errno=True)


def prepare():
    for source, target, kind in _MOUNTS:
        os.makedirs(target, exist_ok=True)
        if _libc.mount(source.encode(), target.encode(), kind.encode(), 0, None) != 0:
            print(f"mount {target}: {os.strerror(ctypes.get_errno())}", flush=True)
    for target, link in _LINKS:
        os.symlink(target, link)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_FILES, _FILES))
    os.environ.update(PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", HOME="/root", TERM="linux", LANG="C.UTF-8")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=False)
    subprocess.run(["modprobe", "-a", *_MODULES], check=False)


def run(job):
    """One test; what it printed, and how it ended. It and all that it has started end with it."""
    began = time.monotonic()
    process = subprocess.Popen(job["argv"], env={**os.environ, **job["environment"]}, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        output, status = process.communicate(timeout=job["seconds"])[0], process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            output = process.communicate(timeout=10)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output = process.communicate()[0]
        status = "timeout"
    return {"name": job["name"], "status": status, "seconds": round(time.monotonic() - began, 1),
            "output": output.decode(errors="replace")}


class Report:
    """Lines are written whole, whichever thread has one."""

    def __init__(self):
        subprocess.run(["stty", "-F", _REPORT, "raw", "-echo"], check=False)
        self._file = open(_REPORT, "w", encoding="utf-8")
        self._lock = threading.Lock()

    def write(self, record):
        with self._lock:
            self._file.write(json.dumps(record) + "\n")
            self._file.flush()


def work(waiting, report):
    while True:
        try:
            job = waiting.get_nowait()
        except queue.Empty:
            return
        report.write(run(job))


def side_by_side(jobs, count, report):
    waiting = queue.SimpleQueue()
    for job in jobs:
        waiting.put(job)
    threads = [threading.Thread(target=work, args=(waiting, report)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main():
    with open(_PLAN, encoding="utf-8") as file:
        plan = json.load(file)
    prepare()
    report = Report()
    report.write({"ready": os.uname().release})
    side_by_side([job for job in plan["jobs"] if not job["alone"]], plan["at_once"], report)
    side_by_side([job for job in plan["jobs"] if job["alone"]], 1, report)
    report.write({"done": True})


try:
    main()
finally:
    os.sync()
    _libc.syscall(_SYS_REBOOT, *_MAGIC, _POWER_OFF, None)
