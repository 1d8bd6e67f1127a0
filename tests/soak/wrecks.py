"""Hosts that go: switched off, cut off, or rebooted, again and again, while they have half-closed connections."""

import asyncio
import random
import time

from soak import lives
from soak.town import FAILING

_BATCH = 10
_PARTNERS = {"shaky": ("web", "far"), "frail": ("desk", "nat")}
_WAYS = ("off", "cut off", "rebooted")
_DOWN = (8, 50)


class Wrecks:
    def __init__(self, town, doors, book, orphans):
        self._town, self._doors, self._book, self._orphans = town, doors, book, orphans

    async def run(self):
        await asyncio.gather(*(self._again_and_again(name) for name in FAILING))

    async def _again_and_again(self, name):
        while True:
            await self._once(name, random.choice(_WAYS))
            await asyncio.sleep(random.uniform(2, 6))

    async def _once(self, name, way):
        host = self._town.hosts[name]
        pairs = [pair for pair in await asyncio.gather(*(self._pair(name) for _ in range(_BATCH))) if pair]
        doomed = [self._orphans.abandon(pair, random.choice(lives.SIDES), random.choice(("close", "shutdown")))
                  for pair in pairs[1:]]
        await asyncio.sleep(random.uniform(0.5, 3))
        for orphan in doomed:
            orphan.wrecked = time.monotonic()
        if way == "off":
            await asyncio.to_thread(host.link_down)
        elif way == "cut off":
            await asyncio.to_thread(host.firewalled)
        if way != "rebooted":
            await asyncio.sleep(random.uniform(*_DOWN))
        self._book.count[f"hosts {way}"] += 1
        if name in self._doors.served:
            self._doors.close(name)
        await asyncio.to_thread(host.unplug)
        for orphan in doomed:
            self._forget(orphan, name)
        await asyncio.to_thread(host.boot)
        if name in self._doors.served:
            self._doors.open(name)
        for pair in pairs[:1]:  # its other end is told, for it speaks to a host that has forgotten it
            pair.close()

    @staticmethod
    def _forget(orphan, name):
        """The lost host's sockets, that it does not know any more."""
        orphan.pair.end("client" if name == "shaky" else "server").close()

    async def _pair(self, name):
        partner = random.choice(_PARTNERS[name])
        client, server = (name, partner) if name == "shaky" else (partner, name)
        version, shown = random.choice(self._town.targets(server))
        try:
            pair = await self._doors.connect(client, version, shown)
            await lives.talk_once(pair)
        except (OSError, EOFError, ValueError) as error:
            self._book.count["connections to hosts just booted that failed"] += 1
            self._book.say(f"{client} to {server}: {type(error).__name__} {error}")
            return None
        return pair
