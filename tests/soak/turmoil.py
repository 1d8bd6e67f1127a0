"""What happens to the daemon: reloads with another fin_wait_2 all the time, and, in the middle of the run, restarts: clean
ones, by SIGKILL, and with another mode of interception. Before and after it is left alone, so that its memory can be judged."""

import asyncio
import random
import time

_RESTARTS_FROM, _RESTARTS_TO = 0.45, 0.55
_RELOAD_EVERY = (40, 120)


class Turmoil:
    def __init__(self, daemon, law, book, orphans, agreement, gauges):
        self._daemon, self._law, self._book = daemon, law, book
        self._orphans, self._agreement, self._gauges = orphans, agreement, gauges

    async def run(self, minutes):
        began = time.monotonic()
        count = max(3, round(minutes / 6))
        first, last = minutes * 60 * _RESTARTS_FROM, minutes * 60 * _RESTARTS_TO
        moments = [began + first + (last - first) * i / (count - 1) for i in range(count)]
        reload = began + random.uniform(10, 30)
        while True:
            await asyncio.sleep(0.2)
            now = time.monotonic()
            if moments and now >= moments[0]:
                moments.pop(0)
                await asyncio.to_thread(self._restart, count - len(moments), count)
            elif now >= reload:
                reload = now + random.uniform(*_RELOAD_EVERY)
                await asyncio.to_thread(self._reload)

    def _restart(self, number, count):
        """Every second one by SIGKILL; the one in the middle with the other mode."""
        with self._orphans.lock:
            self._gauges.settle()
            if number == (count + 1) // 2:
                how = f"clean stop, start in mode {self._turn_mode()}"
                self._daemon.stop(30)
                self._daemon.configure(self._law.settings())
                self._law.forgot = float("inf")
            elif number % 2 == 0:
                how = "killed by SIGKILL, started again"
                self._daemon.kill9()
                self._law.forgot = float("inf")
            else:
                how = "clean stop and start"
                self._daemon.stop(30)
            time.sleep(random.uniform(0, 1))
            self._daemon.start(30)
            self._law.restarted = time.monotonic()
            if self._law.forgot == float("inf"):
                self._law.forgot = self._law.restarted
            self._agreement.daemon_began()
            self._gauges.began()
        self._book.count["restarts"] += 1
        self._book.incident(how)

    def _turn_mode(self):
        self._law.packets = "all" if self._law.packets == "selective" else "selective"
        return self._law.packets

    def _reload(self):
        with self._orphans.lock:
            self._law.change()
            self._daemon.configure(self._law.settings())
            if random.random() < 0.5:
                self._daemon.hangup()
            else:
                self._daemon.ctl("reload")
        self._book.count["reloads"] += 1
        self._book.incident(f"reload, fin_wait_2 = {self._law.fin_wait_2}s")
