"""Plays the scenario once: opens the connections, shows what becomes of each kind and why, judges."""

import time

from harness import compare
from lab import screen
from lab.scenario import Scenario

TIMEOUT = 3
SETTINGS = {"timeouts": {"fin_wait_2": f"{TIMEOUT}s", "probe_interval": "1s", "probe_attempts": 3,
                         "orphan_test": "active"}}
COUNT = 10
# The living ones must outlast the timeout well, so that their survival means something.
_SHORTEST = 8 * TIMEOUT
_LONGEST = 40


class Explainer:
    """Has finwaitctl explain one flow of each kind, as soon as there is something to tell."""

    def __init__(self, daemon, groups):
        self._daemon = daemon
        self._left = list(groups)
        self._told = []

    def look(self, asked):
        """`asked`: whether the sides have been asked long enough for an answer."""
        flows = {compare.flow_key(f): f for f in self._daemon.flows()}
        for group in [*self._left]:
            flow = next((flows[k] for k in group.keys if k in flows), None)
            if flow and (flow["phase"] == "gone" or asked and group.title == "waiting" and flow["phase"] == "watching"):
                self._left.remove(group)
                self._told.append((group, flow["id"], self._daemon.ctl("explain", flow["id"]).stdout))

    def tell(self):
        for group, flow, text in self._told:
            screen.explanation(group, flow, text)


def play(lab, daemon):
    """True when exactly the connections that nobody will finish were ended."""
    before = daemon.stats()
    scenario = Scenario(lab, COUNT)
    begun = time.monotonic()
    screen.introduce(scenario, SETTINGS["timeouts"])
    table = screen.Table(scenario)
    explainer = Explainer(daemon, scenario.idle())
    while True:
        passed = time.monotonic() - begun
        scenario.look()
        stats = daemon.stats()
        table.row(passed, stats["probes.sent"] - before["probes.sent"], stats["resets.sent"] - before["resets.sent"])
        explainer.look(asked=passed > 2 * TIMEOUT)
        if passed > _LONGEST or (scenario.settled() and passed > _SHORTEST):
            break
        time.sleep(max(0.0, begun + int(passed) + 1 - time.monotonic()))
    explainer.tell()
    return judge(scenario, daemon, before)


def judge(scenario, daemon, before):
    scenario.look()
    rows = [(g.title, g.judge(scenario.client), g.count, g.wanted) for g in scenario.groups()]
    stats = daemon.stats()
    confirmed = stats["resets.confirmed"] - before["resets.confirmed"]
    rows.append(("confirmed", confirmed, 3 * COUNT, "ends: a probe drew an RST afterwards"))
    return screen.verdict(rows, [])
