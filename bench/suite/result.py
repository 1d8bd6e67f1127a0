"""What a measurement yields: samples of each arm, figures with the number to reach, curves; and the JSON it is kept as."""

import dataclasses
import json
import os
import statistics
import time


def median(values):
    return statistics.median(values) if values else None


def ratio(over, under):
    """Of two medians; None where there is none."""
    a, b = median(over), median(under)
    return a / b if a is not None and b else None


@dataclasses.dataclass
class Samples:
    """The same thing measured in each round for each arm."""
    what: str
    unit: str
    arms: dict = dataclasses.field(default_factory=dict)  # {arm: [value of each round]}

    def add(self, arm, value):
        self.arms.setdefault(arm, []).append(value)

    def median(self, arm):
        return median(self.arms.get(arm, []))

    def ratio(self, over, under):
        return ratio(self.arms.get(over, []), self.arms.get(under, []))


@dataclasses.dataclass
class Figure:
    """One number; `least` or `most` is what it is to reach, if anything."""
    what: str
    value: float
    unit: str = ""
    least: float = None
    most: float = None

    @property
    def met(self):
        """True or False; None where nothing is to be reached. What could not be measured is missed."""
        if self.least is None and self.most is None:
            return None
        if self.value is None:
            return False
        return (self.least is None or self.value >= self.least) and (self.most is None or self.value <= self.most)


@dataclasses.dataclass
class Curves:
    """Lines of [x, y] points."""
    what: str
    x: str
    y: str
    lines: dict
    logarithmic: bool = False  # the x axis


@dataclasses.dataclass
class Result:
    name: str
    title: str
    how: str = ""   # what was done, in a sentence or two, for the document
    rounds: int = 1
    quick: bool = False
    taken: str = dataclasses.field(default_factory=lambda: time.strftime("%Y-%m-%d %H:%M"))
    machine: dict = dataclasses.field(default_factory=dict)
    samples: list = dataclasses.field(default_factory=list)
    figures: list = dataclasses.field(default_factory=list)
    curves: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)

    def sampled(self, what, unit):
        self.samples.append(Samples(what, unit))
        return self.samples[-1]

    def figure(self, what, value, unit="", least=None, most=None):
        self.figures.append(Figure(what, value, unit, least, most))

    def save(self, directory):
        os.makedirs(directory, exist_ok=True)
        path = os.path.join(directory, f"{self.name}.json")
        tree = dataclasses.asdict(self)
        for entry, figure in zip(tree["figures"], self.figures):
            entry["met"] = figure.met
        for entry, samples in zip(tree["samples"], self.samples):
            entry["medians"] = {arm: median(values) for arm, values in samples.arms.items()}
        with open(path, "w", encoding="utf-8") as file:
            json.dump(tree, file, indent=1)
        return path

    @staticmethod
    def load(path):
        with open(path, encoding="utf-8") as file:
            tree = json.load(file)
        tree["samples"] = [Samples(s["what"], s["unit"], s["arms"]) for s in tree["samples"]]
        tree["figures"] = [Figure(**{k: v for k, v in f.items() if k != "met"}) for f in tree["figures"]]
        tree["curves"] = [Curves(**c) for c in tree["curves"]]
        return Result(**tree)


def interleave(arms, rounds, measure, progress=lambda _: None):
    """Calls measure(arm) for every arm, in each round from another one on: what changes with time meets all alike."""
    for number in range(rounds):
        first = number % len(arms)
        for arm in arms[first:] + arms[:first]:
            measure(arm)
        progress(number + 1)
