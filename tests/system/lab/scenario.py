"""What the lab plays: half-closed connections of five kinds, two of which are in use, and the judgement on them by the
client's own `ss` and by the applications at both ends."""

import errno
import itertools
import socket

from harness import ss
from harness.hosts import Host
from harness.living import Pump, Stream
from harness.sockets import open_both_versions, outcome
from harness.wait import until

ANSWER = b"the answer, at last"


class Group:
    """Connections whose client closes first. Idle from then on, until something ends them."""

    shutdown = True  # else close(): the client's application lets go of the socket

    def __init__(self, lab, count, host=None):
        self.count = count
        self.pairs = open_both_versions(lab, count, host)
        self.keys = {p.key for p in self.pairs}

    def close_first(self):
        for pair in self.pairs:
            pair.finish("client", "shutdown" if self.shutdown else "close")

    def gone(self, table):
        """How many the client's kernel has no more."""
        return sum(table.get(key, "closed") == "closed" for key in self.keys)


class Waiting(Group):
    title = "waiting"
    story = "the client shut its sending side and waits for a slow answer"
    wanted = "asked and kept: got its answer and a clean end"

    def judge(self, _table):
        for pair in self.pairs:
            pair.server.sendall(ANSWER)
            pair.server.close()
        return sum(self._answered(pair.client) for pair in self.pairs)

    @staticmethod
    def _answered(sock):
        received = b""
        try:
            while part := sock.recv(100):
                received += part
        except OSError:
            return False
        return received == ANSWER


class LetGo(Group):
    title = "let go"
    story = "the client's application closed both ways, the server never will"
    wanted = "ended: gone from the client, and the server was told"
    shutdown = False

    def judge(self, table):
        # A reader has had its end of file; whoever polls or writes is told EPIPE (Linux: tcp_reset()).
        told = sum(pair.server.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.EPIPE for pair in self.pairs)
        return min(told, self.gone(table))


class HostOff(Group):
    title = "host off"
    story = "the client waits for a server that has lost its power"
    wanted = "ended: the client's application was told"

    def judge(self, table):
        told = sum(outcome(pair.client) == "ECONNRESET" for pair in self.pairs)
        return min(told, self.gone(table))


class Rebooted(HostOff):
    title = "rebooted"
    story = "the client waits for a server that has been restarted"


class InUse:
    """The other side still sends, a byte every half second; each byte is checked."""

    title = "in use"
    story = "half-closed, and the server still sends"

    def __init__(self, lab, count):
        self.count = count
        closers = itertools.cycle(("client", "client", "server", "server"))  # both over each IP version
        self.streams = [Stream(pair, next(closers)) for pair in open_both_versions(lab, count)]
        self.keys = {s.pair.key for s in self.streams}
        self._pump = Pump(self.streams, interval=0.5)

    @property
    def wanted(self):
        return f"never asked: got every byte ({min(s.received for s in self.streams)} each)"

    def gone(self, table):
        return sum(table.get(key, "closed") == "closed" for key in self.keys)

    def judge(self, _table):
        return self.count - len(self._pump.finish())


class Scenario:
    """All of it. `client` holds what the client's ss said last."""

    def __init__(self, lab, count):
        self.lab = lab
        doomed, restarted = Host(lab, 0), Host(lab, 1)
        self.waiting = Waiting(lab, count)
        self.let_go = LetGo(lab, count)
        self.host_off = HostOff(lab, count, doomed)
        self.rebooted = Rebooted(lab, count, restarted)
        self.in_use = InUse(lab, count)
        for group in self.idle():
            group.close_first()
        until(self.half_closed, 5)
        doomed.power_off()
        restarted.reboot()
        self.look()

    def idle(self):
        return [self.waiting, self.let_go, self.host_off, self.rebooted]

    def groups(self):
        return [*self.idle(), self.in_use]

    def half_closed(self):
        self.look()
        return all(self.client.get(k) == "fin-wait-2" for g in self.idle() for k in g.keys)

    def look(self):
        self.client = ss.table(self.lab.client)

    def settled(self):
        """Whatever should be ended is gone."""
        return all(g.gone(self.client) == g.count for g in (self.let_go, self.host_off, self.rebooted))
