"""finwaitctl's list against `ss`, connection by connection, on the hosts that do not fail.

Asked are ss, the list, and ss again. A connection is compared if both times ss says the same of it, and neither end is at
work: no retransmission is due, no end that is alone sends keepalives. If list and ss then differ, that is a suspicion;
what was on its way may explain it. It is a disagreement if a later look finds the very same on both sides, and the flow
has not been heard since by its idle time."""

import asyncio
import time

from harness.compare import flow_key
from soak import look
from soak.town import CLIENTS, FAILING, LOSSY, SERVERS

_HOSTS = {name for name in (*CLIENTS, *SERVERS) if name not in FAILING}
_LOOKS = 8
_INTERVAL = 2.5
_EXPLAINED = 200
_OVER = {"closed", "time-wait"}
# Linux' timer for TIME_WAIT is up to an eighth late, and finwaitd has one of its own.
_TIME_WAIT_ENDS = 12


class Finding:
    """One connection at one look. `real` and `listed` are pairs of states."""

    def __init__(self, before, after, flow):
        self.before, self.flow = before, flow
        self.real = tuple(end.state if end else "closed" for end in before)
        self.steady = self.real == tuple(end.state if end else "closed" for end in after) and \
            all(_quiet(ends) for ends in (before, after))
        self.listed = (flow["client"]["state"], flow["server"]["state"]) if flow else None

    def agrees(self):
        return self.real == (self.listed or ("closed", "closed"))

    def ending(self):
        """A TIME_WAIT that may be over for one of the two already."""
        if any(end and end.state == "time-wait" and look.remaining(end) < _TIME_WAIT_ENDS for end in self.before):
            return True
        return self.flow and "time-wait" in self.listed and (self.flow["idle_s"] or 0) > 60 - _TIME_WAIT_ENDS

    def unknown(self):
        """It was picked up midway, and finwaitctl says that it does not know."""
        return self.flow and self.flow["adopted"] and "unknown" in self.listed

    def given_up(self):
        """Whoever gets no answer to its SYN may cease to wait without telling anybody; who was to answer may be in TIME_WAIT
        of the connection before."""
        return self.real[0] == "closed" and self.real[1] in _OVER and self.listed == ("syn-sent", "closed")

    def over(self):
        return _OVER.issuperset(self.real) and self.listed is not None and _OVER.issuperset(self.listed)

    def ended_half_closed(self):
        """It was half-closed when it was last heard of, and is over: it will be asked when its time is up."""
        return _OVER.issuperset(self.real) and set(self.listed or ()) == {"fin-wait-2", "close-wait"}

    def closer_forgotten(self):
        return sorted(self.real) == ["close-wait", "closed"] and set(self.listed or ()) == {"fin-wait-2", "close-wait"}

    def same(self, earlier, seconds):
        if (self.real, self.listed) != (earlier.real, earlier.listed):
            return False
        idle = [finding.flow and finding.flow["idle_s"] for finding in (earlier, self)]
        return None in idle or idle[1] > idle[0] + seconds / 2

    def __str__(self):
        listed = "/".join(self.listed) if self.listed else "not in the list"
        return f"{'/'.join(self.real)} in ss, {listed}: {[end and end.line for end in self.before]}"


def _quiet(ends):
    """Nothing will happen on its own."""
    for end in ends:
        if end and (end.timer == "on" or (end.timer == "persist" and end.state not in ("established", "close-wait"))):
            return False
    return not (None in ends and any(end and end.timer == "keepalive" for end in ends))


class Agreement:
    def __init__(self, town, daemon, orphans, book):
        self._town, self._daemon, self._orphans, self._book = town, daemon, orphans, book
        self._older = set()  # connections begun before the daemon was: what it has not taken over it need not know
        self.restarts = 0

    def daemon_began(self):
        """To be called when it answers again."""
        clients, servers = look.read(self._town, look.asked(self._town, _HOSTS))
        self._older = set(clients) | set(servers)
        self.restarts += 1

    async def run(self, interval):
        while True:
            await asyncio.sleep(interval)
            await self.look()

    async def look(self):
        """Looks until it is known of each connection."""
        restarts = self.restarts
        began, findings = await asyncio.to_thread(self._find)
        agreed = {key for key, found in findings.items() if found.agrees()}
        suspicions = {key: (began, found) for key, found in findings.items() if key not in agreed}
        for _ in range(_LOOKS):
            if not suspicions:
                break
            await asyncio.sleep(_INTERVAL)
            now, findings = await asyncio.to_thread(self._find)
            if self.restarts != restarts:
                return  # what was seen before is of no use any more
            suspicions = await self._again(now, findings, suspicions, agreed)
        self._book.count["comparisons"] += len(agreed)
        self._book.count["comparisons given up, never quiet"] += len(suspicions)
        for key, (_, found) in suspicions.items():
            self._book.say(f"never quiet: {key} {found}")

    async def _again(self, now, findings, suspicions, agreed):
        left = {}
        for key, (since, first) in suspicions.items():
            found = findings.get(key)
            if found is None:
                continue  # over, on all sides
            if not found.steady or found.ending():
                left[key] = now, found
            elif found.agrees():
                agreed.add(key)
            elif first.steady and found.same(first, now - since):
                many = len(self._book.disagreements) > _EXPLAINED
                told = "" if many else await asyncio.to_thread(self._orphans.explain, key)
                self._book.problem(self._book.disagreements, f"{key} {found}\n{told}")
            else:
                left[key] = now, found
        return left

    def _listed(self, flow):
        """A flow picked up midway, of which conntrack says nothing, has the first to speak for its client."""
        key = flow_key(flow)
        if self._town.host_of(key.address) not in SERVERS:
            return key, flow
        return key.turned(), {**flow, "client": flow["server"], "server": flow["client"]}

    def _find(self):
        """(when, {Key: Finding}) of those that can be compared or must be looked at again."""
        with self._orphans.lock:
            before = look.asked(self._town, _HOSTS)
            flows = self._daemon.flows()
            after = look.asked(self._town, _HOSTS)
        now = time.monotonic()
        before, after = look.read(self._town, before), look.read(self._town, after)
        listed = dict(map(self._listed, flows))
        keys = set().union(listed, *before, *after)
        self._older &= keys
        found = {}
        for key in keys:
            hosts = self._town.host_of(key.address), self._town.host_of(key.peer_address)
            if None in hosts or not _HOSTS.issuperset(hosts):
                continue
            finding = Finding(tuple(table.get(key) for table in before), tuple(table.get(key) for table in after),
                              listed.get(key))
            if finding.flow is None and key in self._older or finding.unknown() or finding.ending() or finding.given_up():
                continue
            older = key in self._older
            if not finding.agrees() and (finding.over() and (older or LOSSY.keys() & set(hosts)) or
                                         older and finding.ended_half_closed()):
                self._book.count["not compared: over, and a part of the end was lost or passed unseen"] += 1
                continue
            if finding.closer_forgotten() and self._orphans.let_go(key):
                self._book.count["not compared: an orphan that its kernel has forgotten by tcp_fin_timeout"] += 1
                continue
            found[key] = finding
        return now, found
