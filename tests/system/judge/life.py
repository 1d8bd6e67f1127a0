"""Random lives of connections as plain values: what both ends do, in which order, and when they wait for each other."""

from typing import NamedTuple

SIDES = ("client", "server")


class Step(NamedTuple):
    action: str         # send, shutdown, close, abort (close with SO_LINGER 0) or drop (close with data unread)
    side: str           # whose, or "both" at once
    amount: int = 0     # bytes to send
    seen: bool = True   # the other side reads all of it before life goes on; if not, the next step may cross it
    pause: float = 0.0  # seconds, afterwards

    def __str__(self):
        text = f"{self.side} {self.action}{f' {self.amount}' if self.amount else ''}"
        return text + ("" if self.seen else " (not waited for)") + (f", {self.pause:.2f} s" if self.pause else "")


class Life(NamedTuple):
    version: int
    steps: tuple = ()
    refused: bool = False     # nobody listens
    keepalive: bool = False   # both ends find out by themselves that the other is gone
    orderly: bool = False     # whoever closes has read everything before, and has nothing of its own under way
    crossing: bool = False    # the FINs may cross, and some of them get lost

    def __str__(self):
        return f"IPv{self.version}: " + ("refused" if self.refused else "; ".join(map(str, self.steps)) or "nothing")


def other(side):
    return "server" if side == "client" else "client"


def make(random, version, lossy, at_once=True):
    """A life. With `lossy` it is one whose end an observer can know. When the only RST of a connection is lost behind
    the gateway, a receiver that never speaks again lives on unnoticed; so whoever may be reset keeps its socket and
    speaks, by keepalive, and nobody is reset by accident. And a FIN that an endpoint still holds back, behind data or
    for want of a congestion window, makes CLOSING look like LAST_ACK from outside; so FINs cross only when nothing
    else is under way. That leaves about one such life in 4000 (after a loss the window may be one segment); without
    `at_once` no FINs cross on purpose."""
    if random.random() < 0.03:
        return Life(version, refused=True)
    author = _Author(random, lossy, at_once)
    author.write()
    return Life(version, tuple(author.steps), keepalive=lossy and author.aborts, orderly=lossy,
                crossing=lossy and author.crosses)


class _Author:
    def __init__(self, random, lossy, at_once):
        self._random = random
        self._lossy = lossy
        self._at_once = at_once
        self._may_send = set(SIDES)
        self._open = set(SIDES)
        self.aborts = self.crosses = False
        self.steps = []

    def write(self):
        """Data, an end or none, and often more data and a second end."""
        if self._lossy:
            # Whether the handshake's last ACK has arrived is known for certain once both have spoken.
            self.steps += [Step("send", side, 1) for side in ("server", "client")]
        self._talk(4)
        weights = (1, 6, 2 if self._at_once else 0, 1.5)
        ending = self._random.choices((self._nobody, self._one, self._both, self._abort), weights)[0]
        ending()

    def _chance(self, probability):
        return self._random.random() < probability

    def _step(self, action, side, amount=0, seen=None):
        if seen is None:
            seen = self._chance(0.7)
        pause = self._random.uniform(0.01, 0.3) if self._chance(0.3) else 0.0
        self.steps.append(Step(action, side, amount, seen, pause))

    def _talk(self, most):
        for _ in range(self._random.randint(0, most)):
            if not self._may_send:
                return
            seen = self._chance(0.7)
            # What nobody reads must fit the receiver's window, or the sender would wait for ever.
            sizes = (1, 1400, 30_000, 30_000 if self._lossy else 200_000) if seen else (1, 1400, 4000)
            largest = self._random.choice(sizes)
            self._step("send", self._random.choice(sorted(self._may_send)), self._random.randint(1, largest), seen)

    def _nobody(self):
        pass

    def _end(self, side, seen=None):
        """One side's FIN: by shutdown() it goes on reading, by close() it lets the socket go."""
        how = self._random.choice(("shutdown", "close"))
        self._step(how, side, seen=seen)
        self._note_end(side, how)

    def _note_end(self, side, how):
        self._may_send.discard(side)
        if how != "shutdown":
            self._open.discard(side)

    def _one(self):
        """One side closes first; what then becomes of the half-closed connection is open."""
        closer = self._random.choice(SIDES)
        holder = other(closer)
        self._end(closer, seen=self._lossy or None)
        if closer not in self._open and self._chance(0.1):
            self._talk(1)  # to a closed socket: it answers by RST
            return
        if closer in self._open and self._chance(0.5):
            self._talk(6)
        if self._chance(0.1):
            self._abort()
        elif self._chance(0.6):
            self._end(holder)
            self._let_go()

    def _both(self):
        self.crosses = True
        if self._lossy or self._chance(0.5):
            self._step(self._random.choice(("shutdown", "close")), "both", seen=self._chance(0.7))
        else:
            self._end("client", seen=False)
            self._end("server")
        self._let_go()

    def _let_go(self):
        """close() after both have shut down changes nothing on the wire."""
        for side in SIDES:
            if side in self._open and self._chance(0.5):
                self.steps.append(Step("close", side))

    def _abort(self):
        """One side throws the connection away, whatever is under way."""
        side = self._random.choice(sorted(self._open))
        if self._lossy and other(side) not in self._open:
            return  # its orphan would be told by one RST only
        self.aborts = True
        if other(side) in self._may_send and self._chance(0.4):
            self._step("send", other(side), self._random.randint(1, 3000), seen=False)
            self._step("drop", side)
        else:
            self._step("abort", side)
        self._note_end(side, "close")
        if not self._lossy and other(side) in self._open and self._chance(0.5):
            self._end(other(side))
