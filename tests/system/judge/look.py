"""What is looked at and when it counts: ss at both ends, finwaitctl's list, and ss again."""

from collections import Counter
from typing import NamedTuple

from harness import ss
from harness.compare import flow_key


class Truth(NamedTuple):
    """One connection as the kernels at both ends have it; None where there is no socket."""
    client: ss.Socket | None
    server: ss.Socket | None

    def states(self):
        return tuple(end.state if end else "closed" for end in self)

    def quiet(self):
        """Nothing will happen on its own. A socket that sends keepalives to nobody is about to be reset."""
        if any(end and _at_work(end) for end in self):
            return False
        alone = None in self and self != (None, None)
        return not (alone and any(end and end.timer == "keepalive" for end in self))

    def lines(self):
        return [f"ss, {side}: {end.line if end else 'no socket'}" for side, end in zip(("client", "server"), self)]


def _at_work(end):
    """A retransmission is to come, or a FIN waits for the other side's window: the other has not seen it all yet."""
    return end.timer == "on" or (end.timer == "persist" and end.state not in ("established", "close-wait"))


class Sample:
    """Both ends' sockets at one moment."""

    def __init__(self, lab):
        self._client = ss.sockets(lab.client)
        self._server = ss.sockets(lab.server)

    def of(self, key):
        return Truth(self._client.get(key), self._server.get(key.turned()))

    def keys(self):
        return set(self._client) | {key.turned() for key in self._server}


class Disagreement(NamedTuple):
    key: ss.Key
    life: str
    listed: tuple    # the two states, or None
    before: Truth    # the list was read
    after: Truth
    shown: str       # finwaitctl show ID --json

    def __str__(self):
        told = "/".join(self.listed) if self.listed else "not in the list"
        return "\n    ".join([f"{self.key}: {'/'.join(self.before.states())} in ss, {told}", f"life: {self.life}",
                             *self.before.lines(), "and after the list was read:", *self.after.lines(),
                             f"show: {self.shown}"])


class Verdict:
    """What looking has led to so far."""

    def __init__(self):
        self.agreed = Counter()      # by the two states
        self.forgotten = 0           # of these: neither in ss nor in the list any more
        self.disagreements = []
        self.unsettled = []          # (key, life, Truth): not quiet before the deadline
        self.cut_short = 0           # lives that took too long and were judged where they stood
        self.again = 0               # looks that did not count

    def clean(self):
        return not self.disagreements and not self.unsettled


def look(daemon, lives, verdict):
    """Looks once at the connections `lives` ({key: life}); returns those that must be looked at again."""
    before = Sample(daemon.lab)
    flows = {flow_key(flow): flow for flow in daemon.flows()}
    after = Sample(daemon.lab)
    left = {}
    for key, life in lives.items():
        real = before.of(key)
        if real.states() != after.of(key).states() or not real.quiet() or not after.of(key).quiet():
            left[key] = life
            continue
        flow = flows.get(key)
        listed = (flow["client"]["state"], flow["server"]["state"]) if flow else None
        if real.states() == (listed or ("closed", "closed")):
            verdict.agreed[real.states()] += 1
            verdict.forgotten += flow is None
        else:
            shown = daemon.ctl("show", flow["id"], "--json", check=False).stdout.strip() if flow else "nothing"
            verdict.disagreements.append(Disagreement(key, str(life), listed, real, after.of(key), shown))
    verdict.again += len(left)
    return left

