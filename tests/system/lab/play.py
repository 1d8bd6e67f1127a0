"""Plays the scenario once: opens the connections, shows the table until the idle ones are gone, judges."""

import time

from harness import compare
from lab import screen
from lab.scenario import Scenario

TIMEOUT = "4s"
SETTINGS = {"timeouts": {"fin_wait_2": TIMEOUT, "on_expiry": "reset"}}
_TIMEOUT_SECONDS = 4
_LONGEST = 20


def listed_keys(daemon):
    """The flows that the list does not call over: closed, or in TIME-WAIT at one end."""
    over = {"closed", "time-wait"}
    return {compare.flow_key(f) for f in daemon.flows() if not {f["client"]["state"], f["server"]["state"]} & over}


def play(lab, daemon):
    """True when exactly the idle half-closed connections were ended."""
    before = daemon.stats()["resets.sent"]
    scenario = Scenario(lab)
    begun = time.monotonic()
    screen.introduce(scenario, TIMEOUT)
    screen.table_head()
    shown = False
    while True:
        passed = time.monotonic() - begun
        scenario.look()
        screen.table_row(passed, scenario, listed_keys(daemon), daemon.stats()["resets.sent"] - before)
        if passed > _TIMEOUT_SECONDS / 2 and not shown:
            shown = True
            show_list(daemon)
        # The living ones must outlast the timeout well, so that their survival means something.
        if passed > _LONGEST or (scenario.idle_left() == 0 and passed > 2.5 * _TIMEOUT_SECONDS):
            break
        time.sleep(max(0.0, begun + int(passed) + 1 - time.monotonic()))
    return judge(scenario, daemon, before)


def show_list(daemon):
    screen.title("$ finwaitctl list state fin-wait-2")
    screen.excerpt(daemon.ctl("list", "state", "fin-wait-2").stdout)
    screen.say(f"  $ finwaitctl count state fin-wait-2\n  {daemon.ctl('count', 'state', 'fin-wait-2').stdout.strip()}")
    screen.table_head()


def judge(scenario, daemon, before):
    scenario.look()
    rows = [(group.title, group.judge(scenario.client, scenario.server), group.count, "reset, gone from both ends")
            for group in scenario.idle]
    received = min(s.received for s in scenario.living.streams)
    rows.append((scenario.living.title, scenario.living.judge(), scenario.living.count,
                 f"got every byte ({received} each, one every half second)"))
    rows.append((scenario.ordinary.title, scenario.ordinary.clean, scenario.ordinary.count, "talked and closed in order"))
    sent = daemon.stats()["resets.sent"] - before
    return screen.verdict(rows, [f"finwaitd sent {sent} RST segments; a reset is one to each side."])
