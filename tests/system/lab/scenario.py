"""What the lab plays: 50 connections of four kinds, and the judgement on them by both endpoints' own `ss`."""

import itertools

from harness import ss
from harness.halfclosed import HalfClosed
from harness.living import Pump, Stream
from harness.sockets import open_both_versions, outcome
from harness.wait import until


class Idle:
    """Half-closed by `closer`, half of them with shutdown() and half with close(); the other side never closes."""

    def __init__(self, lab, closer, count):
        self.title = f"{closer} closed"
        self.story = f"the {closer} closed, the other side never does"
        self.closer = closer
        self.count = count
        pairs = open_both_versions(lab, count)
        # Pairs alternate between the IP versions, so two neighbours are closed alike.
        self.members = [HalfClosed(pair, closer, ("shutdown", "close")[i // 2 % 2]) for i, pair in enumerate(pairs)]
        self.keys = {m.pair.key for m in self.members}

    def judge(self, client, server):
        """How many are gone from both ends, each application told so where there still is one."""
        return sum(m.states(client, server) == ("closed", "closed") and self._told(m) for m in self.members)

    @staticmethod
    def _told(member):
        return member.how == "close" or outcome(member.pair.end(member.closer)) == "ECONNRESET"


class Living:
    """Half-closed by one side while the other still sends; each byte is checked."""

    title = "in use"
    story = "half-closed, and the other side still sends"

    def __init__(self, lab, count):
        self.count = count
        closers = itertools.cycle(("client", "client", "server", "server"))  # both over each IP version
        self.streams = [Stream(pair, next(closers)) for pair in open_both_versions(lab, count)]
        self.keys = {s.pair.key for s in self.streams}
        self._pump = Pump(self.streams, interval=0.5)

    def bytes_received(self):
        return sum(s.received for s in self.streams)

    def judge(self):
        """Ends the streams in order. How many got every byte and then a clean end."""
        return self.count - len(self._pump.finish())


class Ordinary:
    """Open, talk, close: first one side, then the other."""

    title = "ordinary"
    story = "open, talk and close"

    def __init__(self, lab, count):
        self.count = count
        self.pairs = open_both_versions(lab, count)
        self.keys = {p.key for p in self.pairs}
        self.clean = 0

    def play(self):
        for pair in self.pairs:
            pair.talk()
            pair.finish("client", "shutdown")
            until(lambda p=pair: outcome(p.server) != "waiting", 2)
            pair.finish("server", "shutdown")
            until(lambda p=pair: outcome(p.client) != "waiting", 2)
            self.clean += (outcome(pair.client), outcome(pair.server)) == ("eof", "eof")
            pair.close()


class Scenario:
    """All of it. `tables` holds what ss said last, at both ends."""

    def __init__(self, lab, idle=20, others=5):
        self.lab = lab
        self.idle = [Idle(lab, "client", idle), Idle(lab, "server", idle)]
        self.living = Living(lab, others)
        self.ordinary = Ordinary(lab, others)
        self.ordinary.play()
        self.look()

    def look(self):
        self.client, self.server = ss.table(self.lab.client), ss.table(self.lab.server)

    def open_in_ss(self, group):
        """How many of a group's connections at least one end still has (TIME-WAIT is not open any more)."""
        return sum(self.client.get(k, "time-wait") != "time-wait" or
                   self.server.get(k.turned(), "time-wait") != "time-wait" for k in group.keys)

    def idle_left(self):
        return sum(self.open_in_ss(group) for group in self.idle)
