"""What the lab prints: the table that grows while it plays, explanations, the verdict."""

import sys

BOLD, GREEN, RED, PLAIN = ("\033[1m", "\033[32m", "\033[31m", "\033[0m") if sys.stdout.isatty() else ("",) * 4

def say(text=""):
    print(text, flush=True)


def title(text):
    say(f"\n{BOLD}{text}{PLAIN}")


def introduce(scenario, timeouts):
    title("client 10.99.1.2, fd99:1::2 -- gateway -- server 10.99.2.2, fd99:2::2, and two more")
    for group in scenario.groups():
        say(f"  {group.count:3} connections  {group.title:9} {group.story}")
    say(f"""
Half of each over IPv6; all of them are half-closed. What has made no progress for
fin_wait_2 = "{timeouts['fin_wait_2']}" is asked: both sides, in each other's name. Only what
they answer, or their silence to {timeouts['probe_attempts']} attempts, decides.
Below, how many of each kind the client's own ss still has.""")


class Table:
    """A row for each second in which something has changed, and for every fifth."""

    def __init__(self, scenario):
        self._scenario = scenario
        self._last = None
        say("\n   time  " + "".join(f"{g.title:>10}" for g in scenario.groups()) + "    probes   RSTs sent")

    def row(self, seconds, probes, resets):
        left = [g.count - g.gone(self._scenario.client) for g in self._scenario.groups()]
        if (left, probes, resets) == self._last and int(seconds) % 5:
            return
        self._last = left, probes, resets
        say(f"  {seconds:4.1f} s {''.join(f'{n:10}' for n in left)}{probes:10}{resets:12}")


def explanation(group, flow, text):
    title(f"One of those {group.title}: $ finwaitctl explain {flow}")
    for line in text.splitlines():
        say(f"  {line}".rstrip())
    say()


def verdict(rows, notes):
    """`rows`: (what, how many, of how many, comment). True when all are as they should be."""
    title("Verdict, by the client's ss and by the applications at both ends")
    good = True
    for what, found, wanted, comment in rows:
        right = found == wanted
        good &= right
        mark = f"{GREEN}ok    {PLAIN}" if right else f"{RED}WRONG {PLAIN}"
        say(f"  {mark} {found:3} of {wanted:3}  {what:10} {comment}")
    for note in notes:
        say(f"  {note}")
    say(f"\n{GREEN}{BOLD}PASSED{PLAIN}" if good else f"\n{RED}{BOLD}FAILED{PLAIN}")
    return good
