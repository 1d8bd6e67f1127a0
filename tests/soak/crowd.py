"""Many lives at once, begun at a rate: who connects to whom, and what is made of how it went."""

import asyncio
import contextlib
import itertools
import random

from soak import lives
from soak.town import LOSSY, SERVERS

_STEADY = ("desk", "mobile", "nat")
_REUSED = range(5000, 5040)
_AT_ONCE = 4000


class Crowd:
    """`span` stretches or shrinks what lasts minutes, so that a short run sees ends, too."""

    def __init__(self, town, doors, book, orphans, rate, span):
        self._town, self._doors, self._book, self._orphans = town, doors, book, orphans
        self._rate, self._span = rate, span
        self._targets = [target for name in SERVERS if name != "frail" for target in town.targets(name)]
        self._turn = itertools.count()
        self._ports = {name: list(_REUSED) for name in ("desk", "mobile")}
        self.tasks = set()

    async def run(self, until):
        """New lives until then; each goes on afterwards, as long as it takes."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while loop.time() < until:
            if len(self.tasks) < _AT_ONCE:
                self._begin(self._one())
            due = max(due + random.expovariate(self._rate), loop.time() - 1)
            await asyncio.sleep(max(0.0, due - loop.time()))

    def _begin(self, life):
        task = asyncio.create_task(life)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _where(self):
        version, shown = random.choice(self._targets)
        return random.choice(_STEADY), version, shown, next(self._turn)

    async def _one(self):
        dice = random.random()
        client, version, shown, index = self._where()
        if dice < 0.05:
            await self._judged("refused", lives.refused(self._doors, client, version, shown))
        elif dice < 0.08 and client in self._ports and self._ports[client]:
            await self._judged("reuse", lives.reuse(self._doors, client, version, shown, self._ports[client]))
        elif dice < 0.25:
            await self._judged("orphan", self._orphan(client, version, shown, index))
        else:
            kind = random.choices(list(lives.PAIRED), lives.PAIRED.values())[0]
            if kind is lives.crossing and (client in LOSSY or self._town.host_of(shown) in LOSSY):
                kind = lives.talk  # of FINs that cross and get lost nobody in between can know all
            await self._judged(kind.__name__, self._paired(kind, client, version, shown, index))

    async def _paired(self, kind, client, version, shown, index):
        pair = await self._doors.connect(client, version, shown, index)
        half = kind in (lives.stream, lives.silent)
        self._book.count["living half-closes begun"] += half
        with contextlib.closing(pair):
            try:
                await kind(pair, self._span)
            except (OSError, EOFError, ValueError) as error:
                raise Wronged(pair, error) from error
        self._book.count["living half-closes finished"] += half

    async def _orphan(self, client, version, shown, index):
        pair = await self._doors.connect(client, version, shown, index)
        try:
            await lives.talk_once(pair)
        except (OSError, EOFError, ValueError) as error:
            pair.close()
            raise Wronged(pair, error) from error
        # Three of four: nobody will read any more. The last waits for an answer, and only alive_max ends it.
        self._orphans.abandon(pair, random.choice(lives.SIDES), random.choice(("close", "close", "close", "shutdown")))

    async def _judged(self, kind, life):
        try:
            await life
            self._book.kinds[kind] += 1
        except Wronged as wronged:
            await self._complain(kind, wronged.pair, wronged.error)
        except (OSError, EOFError, ValueError) as error:
            await self._complain(kind, None, error)

    async def _complain(self, kind, pair, error):
        reset = isinstance(error, (ConnectionResetError, BrokenPipeError, ConnectionAbortedError))
        told = await asyncio.to_thread(self._orphans.explain, pair.key) if pair else ""
        self._book.problem(self._book.wrong_resets if reset else self._book.failures,
                           f"{kind} {pair or ''}: {type(error).__name__} {error}\n{told}")


class Wronged(Exception):
    def __init__(self, pair, error):
        super().__init__(str(error))
        self.pair, self.error = pair, error
