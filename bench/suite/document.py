"""docs/performance.md and its plots, from the JSON files of the last runs."""

import os
import re

from suite import machine, svg
from suite.result import median
from suite.table import number, to_reach, verdict, with_unit

_HEAD = """# How fast finwaitd is

Written by `sudo scripts/bench`; nothing here is edited by hand. All of it runs on one machine: clients, gateway and servers
are network namespaces, and share its processors with the load makers. Absolute numbers are therefore small; what counts are
the ratios. What is compared was measured in turns, and each number is the median of the rounds; bars have a line from the
least to the most. *Bare loop* is `bench/floor.cpp`: the same rules, every packet accepted by the least work possible.
"""


def markdown_table(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines)


def file_name(name, what):
    return f"{name}-{re.sub(r'[^a-z0-9]+', '-', what.lower()).strip('-')}.svg"


def _numbers(results):
    rows = [[figure.what, with_unit(figure.value, figure.unit), to_reach(figure), verdict(figure)]
            for result in results for figure in result.figures if figure.met is not None]
    return ["## Numbers to reach", markdown_table(["what", "measured", "to reach", ""], rows)] if rows else []


def _section(result, plot):
    parts = [f"## {result.title}", result.how] if result.how else [f"## {result.title}"]
    for samples in result.samples:
        if not samples.arms:
            continue
        if len(samples.arms) > 1:
            parts.append(plot(samples.what, svg.bars(samples)))
        parts.append(markdown_table([f"{samples.what}, {samples.unit}", "median", "least", "most"],
                                    [[arm, *map(number, (median(v), min(v), max(v)))] for arm, v in samples.arms.items()]))
    for curves in result.curves:
        parts.append(plot(curves.what, svg.curves(curves)))
    if result.figures:
        parts.append(markdown_table(["figure", "value"], [[f.what, with_unit(f.value, f.unit)] for f in result.figures]))
    return parts + [f"{note}" for note in result.notes]


def write(results, directory):
    """performance.md and performance/*.svg in `directory`."""
    plots = os.path.join(directory, "performance")
    os.makedirs(plots, exist_ok=True)
    for old in os.listdir(plots):
        if old.endswith(".svg"):
            os.remove(os.path.join(plots, old))
    parts = [_HEAD.strip()]
    machines = {machine.sentence(r.machine): r for r in results if r.machine}
    for text, result in machines.items():
        parts.append(f"Measured {result.taken} at {result.machine['commit']}: {text}.")
    parts += _numbers(results)
    for result in results:
        def plot(what, drawing, result=result):
            name = file_name(result.name, what)
            with open(os.path.join(plots, name), "w", encoding="utf-8") as file:
                file.write(drawing)
            return f"![{what}](performance/{name})"
        parts += _section(result, plot)
    path = os.path.join(directory, "performance.md")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n\n".join(parts) + "\n")
    return path
