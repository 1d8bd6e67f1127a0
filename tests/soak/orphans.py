"""Half-closed connections that nobody will finish, from their making until both ends' `ss` have lost them."""

import asyncio
import threading
import time

from harness.command import CommandFailed
from soak.look import bodies
from soak.town import FAILING, LOSSY

_INTERVAL = 3.0
# A holder that is lost cannot say any more whether something has passed while the daemon was away.
_UNPROVEN = "not both said since where they stand"
_ASKED_AGAIN = 15 * 60
_FIN_TIMEOUT = 55  # tcp_fin_timeout is 60 s, and ss rounds


class Orphan:
    def __init__(self, pair, closer, how):
        self.pair, self.closer, self.how = pair, closer, how
        self.since = time.monotonic()
        self.wrecked = None       # when a host of its was lost
        self.thought_alive = False
        self.later = None         # when it is asked again, after it was asked in vain
        self.overdue = False

    def living_ends(self):
        return [i for i, host in enumerate(self.pair.hosts) if self.wrecked is None or host not in FAILING]

    def kind(self):
        if self.wrecked is None:
            return "hangs" if self.how == "close" else "waits"
        dead = "closer" if self.pair.hosts[("client", "server").index(self.closer)] in FAILING else "holder"
        return f"{dead}'s host lost"

    def lossy(self):
        return any(host in LOSSY for host in self.pair.hosts)

    def never_half_closed(self, states):
        """Its FIN was lost, and with the closer's host whoever would have repeated it: the holder, by its own `ss`, is open.
        `states`: of the living ends."""
        return self.wrecked is not None and self.lossy() and states == ["established"]

    def __str__(self):
        return f"{self.pair}, closer {self.closer} by {self.how}, {self.kind()}, {time.monotonic() - self.since:.0f} s"


class Orphans:
    def __init__(self, town, daemon, law, book):
        self._town, self._daemon, self._law, self._book = town, daemon, law, book
        self._known = {}
        self._strangers = {}  # half-closed connections of programs that are not ours: since when
        self.lock = threading.Lock()  # the daemon is asked, or being restarted

    def abandon(self, pair, closer, how):
        """The closer sends its FIN by "close" or "shutdown"; the holder never does."""
        sock = pair.end(closer)
        sock.close() if how == "close" else sock.shutdown(1)
        orphan = Orphan(pair, closer, how)
        self._known[pair.key] = orphan
        self._book.count["orphans made"] += 1
        return orphan

    def let_go(self, key):
        """Whether its closer has been closed for so long that the kernel may have forgotten it."""
        orphan = self._known.get(key)
        return orphan is not None and orphan.how == "close" and time.monotonic() > orphan.since + _FIN_TIMEOUT

    def explain(self, key):
        """What finwaitctl says of a connection, also while it cannot be asked, and what the audit file says."""
        words = ["client", key.address, "and", "client-port", key.port, "and", "server", key.peer_address, "and", "port",
                 key.peer_port]
        try:
            with self.lock:
                told = [self._daemon.ctl("explain", flow["id"], check=False).stdout for flow in self._daemon.flows(*words)]
        except (CommandFailed, ValueError, OSError) as error:
            told = [str(error)]
        return "\n".join([*(told or ["not in the list"]), *self._daemon.history(key)])

    async def run(self):
        while True:
            await asyncio.sleep(_INTERVAL)
            await self.look()

    async def look(self):
        # Whoever is made while the hosts are asked is not looked at this time.
        known = list(self._known.values())
        present = await asyncio.to_thread(lambda: {name: bodies(self._town, name) for name in self._town.hosts})
        for orphan in known:
            states = [present[orphan.pair.hosts[i]].get(orphan.pair.key) for i in orphan.living_ends()]
            if not any(states):
                self._gone(orphan)
            elif time.monotonic() > self._due(orphan) and not orphan.overdue:
                await self._judge(orphan, states)
        await self._look_at_strangers(present)

    def _due(self, orphan):
        if orphan.later:
            return orphan.later
        return self._law.due(max(orphan.since, orphan.wrecked or 0),
                             alive=orphan.thought_alive or (orphan.wrecked is None and orphan.how == "shutdown"))

    def _gone(self, orphan):
        del self._known[orphan.pair.key]
        orphan.pair.close()
        self._book.count["orphans ended"] += 1
        self._book.count[f"ended: {orphan.kind()}, {orphan.closer} closed"] += 1
        if self._law.restarted < orphan.since:
            self._book.ended_after.append(time.monotonic() - max(orphan.since, orphan.wrecked or 0))

    async def _judge(self, orphan, states):
        told = await asyncio.to_thread(self.explain, orphan.pair.key)
        if (orphan.wrecked or orphan.lossy()) and orphan.since < self._law.forgot and "legitimate" not in told:
            # What conntrack did not know, or the end that is lost would have had to prove: it must not act.
            self._book.count["orphans left for good: not to be proven after the daemon's death"] += 1
            del self._known[orphan.pair.key]
            orphan.pair.close()
        elif orphan.never_half_closed(states):
            self._book.count["orphans that never became half-closed: the FIN was lost, and then its sender"] += 1
            del self._known[orphan.pair.key]
            orphan.pair.close()
        elif orphan.wrecked and orphan.since < self._law.restarted and _UNPROVEN in told and not orphan.later:
            self._book.count["orphans left for a quarter of an hour: not to be proven after a restart"] += 1
            orphan.later = self._law.due(time.monotonic() + _ASKED_AGAIN)
        elif orphan.lossy() and not orphan.thought_alive and "legitimate half-close" in told:
            self._book.count["orphans taken for alive, for a segment was lost"] += 1
            orphan.thought_alive = True
        else:
            orphan.overdue = True
            self._book.problem(self._book.overdue, f"{orphan}: {states}\n{told}")

    async def _look_at_strangers(self, present):
        now = time.monotonic()
        seen = {key for table in present.values() for key, state in table.items()
                if key.peer_port == 80 and state in ("fin-wait-2", "close-wait")}
        self._strangers = {key: self._strangers.get(key, now) for key in seen}
        for key, since in list(self._strangers.items()):
            if now > self._law.due(since, alive=True):
                told = await asyncio.to_thread(self.explain, key)
                self._book.problem(self._book.overdue, f"{key}, {now - since:.0f} s\n{told}")
                self._strangers[key] = now

    def close(self):
        for orphan in self._known.values():
            orphan.pair.close()
        self._known.clear()
