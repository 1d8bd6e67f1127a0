"""The core alone: nanoseconds by Google Benchmark, instructions by callgrind."""

import json
import os
import re
import tempfile

from harness.command import run
from harness.daemon import binary
from suite.result import Curves, Result, median

_KINDS = ("IPv4", "IPv6", "mixed")
_ORDERS = ("sequential", "random")
_NAME = re.compile(r"^(?P<what>\w+)(?P<arguments>(/\w+:\d+)*)/manual_time$")
_MILLION = 1_000_000


def parse_name(name):
    """("engine", {"flows": 1000, …}) of a benchmark's name."""
    found = _NAME.match(name)
    arguments = dict(part.split(":") for part in found["arguments"].split("/") if part)
    return found["what"], {key: int(value) for key, value in arguments.items()}


def collect(benchmarks):
    """{(what, flows, order, kind): [nanoseconds of each repetition]}; what a benchmark does not vary is 0."""
    found = {}
    for entry in benchmarks:
        if entry.get("run_type") == "aggregate":
            continue
        if entry.get("error_occurred"):
            raise RuntimeError(f"{entry['name']}: {entry['error_message']}")
        what, arguments = parse_name(entry["run_name"])
        key = (what, *(arguments.get(name, 0) for name in ("flows", "order", "kind")))
        found.setdefault(key, []).append(entry["per_packet"] * 1e9)
    return found


def _measure(plan):
    options = ["--benchmark_format=json", f"--benchmark_repetitions={plan.rounds}",
               f"--benchmark_min_time={0.002 if plan.quick else 0.03}"]
    if plan.quick:
        options.append("--benchmark_filter=parse|flows:(1000|1000000)($|/)")
    return json.loads(run(binary("core_bench"), *options, timeout=900).stdout)["benchmarks"]


def _curves(found, what, title):
    lines = {}
    for (name, flows, order, kind), values in sorted(found.items()):
        if name == what:
            lines.setdefault(f"{_ORDERS[order]}, {_KINDS[kind]}", []).append([flows, median(values)])
    return Curves(title, "flows", "ns", lines, logarithmic=True)


def core(plan):
    result = Result("core", "The core alone", rounds=plan.rounds, quick=plan.quick, how=(
        "Packets of established connections come in bursts of 64, as from the queue, and each continues its flow; the time "
        "of the burst's handling is taken, without system calls. The hash key is fixed, the order is drawn anew for each "
        "packet."))
    found = collect(_measure(plan))
    for kind, name in enumerate(_KINDS):
        least = {"most": 80} if kind == 0 else {}
        result.figure(f"a packet through the core, 1000 flows, {name}", median(found["engine", 1000, 1, kind]), "ns", **least)
    for kind, name in enumerate(_KINDS):
        least = {"most": 200} if kind == 0 else {}
        result.figure(f"a packet through the core, 1M flows at random, {name}",
                      median(found["engine", _MILLION, 1, kind]), "ns", **least)
    for kind, name in enumerate(_KINDS):
        result.figure(f"parse, {name}", median(found["parse", 0, 0, kind]), "ns")
    for flows, size in ((1000, "1000 flows"), (_MILLION, "1M flows at random")):
        for what, name in (("look_up", "look-up"), ("advance", "advance")):
            result.figure(f"{name}, {size}", median(found[what, flows, 1, 0]), "ns")
    result.figure("arming a timer, of 1M", median(found["wheel_arm", _MILLION, 0, 0]), "ns")
    result.figure("firing a timer, of 1M", median(found["wheel_fire", _MILLION, 0, 0]), "ns")
    titles = {"engine": "A packet through the core", "look_up": "Look-up", "advance": "Advance"}
    result.curves = [_curves(found, what, title) for what, title in titles.items()]
    return result


def _callgrind(functions):
    """Instructions per packet inside of these functions."""
    with tempfile.TemporaryDirectory() as directory:
        done = run("valgrind", "--tool=callgrind", f"--callgrind-out-file={os.path.join(directory, 'out')}",
                   *(f"--toggle-collect=measured_{name}" for name in functions), binary("core_instructions"), timeout=300)
    collected = re.search(r"Collected : (\d+)", done.stderr)
    return int(collected[1]) / int(done.stdout)


def instructions(plan):
    result = Result("instructions", "Instructions per packet", quick=plan.quick, how=(
        "Counted by callgrind, for packets of a thousand established IPv4 connections: the same on every machine with the same "
        "compiler, so that a change can be held against it."))
    parts = ("parse", "look_up", "advance")
    result.figure("parse + look-up + advance", _callgrind(parts), "instructions")
    for name in parts:
        result.figure(name.replace("_", "-"), _callgrind([name]), "instructions")
    result.figure("the whole engine, from bytes to verdict", _callgrind(["engine"]), "instructions")
    return result
