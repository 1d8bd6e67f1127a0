"""Ten thousand orphans at once are ended at the pace that the operator allows, and nobody beside them notices. On a slow
machine (FINWAITD_PATIENCE) there are as many fewer of them, at a slower pace."""

import collections
import resource

from harness import case, ss
from harness.keeper import Keeper
from harness.living import Pump, Stream
from harness.packets import RST
from harness.sockets import open_both_versions, open_pairs
from harness.tap import Tap
from harness.wait import PATIENCE, until

PER_SECOND = round(1000 / PATIENCE)
ORPHANS = 10 * PER_SECOND


def raise_limit():
    """So many descriptors as this process may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard == resource.RLIM_INFINITY or hard > ORPHANS + 3000


class Storm(case.SystemTest):
    def orphans(self):
        """(the clients' ends, every connection's key) of connections whose servers will never close."""
        keeper = Keeper()
        self.addCleanup(keeper.close)
        clients, keys = [], []
        for i in range(ORPHANS // PER_SECOND):
            pairs = open_pairs(self.lab, PER_SECOND, (4, 6)[i % 2])
            keeper.take([pair.server for pair in pairs])
            clients += [pair.client for pair in pairs]
            keys += [pair.key for pair in pairs]
        for client in clients:
            self.addCleanup(client.close)
        return clients, keys

    def tap(self, namespace):
        tap = Tap(namespace, megabytes=256)
        self.addCleanup(tap.close)
        return tap

    def resets_to(self, tap, keys):
        """{connection: when it got its RSTs}."""
        got = collections.defaultdict(list)
        for c in tap.take():
            if not c.outgoing and c.segment.flags & RST and c.key in keys:
                got[c.key].append(c.at)
        return got

    def assert_paced(self, moments):
        """In each full second from the first RST to the last there were so many as are allowed, within a tenth."""
        begun = min(moments)
        by_second = collections.Counter(int(moment - begun) for moment in moments)
        full = [by_second[second] for second in range(int(max(moments) - begun))]
        print(f"\n  in each second: {full} ... ", end="")
        self.assertGreaterEqual(len(full), ORPHANS // PER_SECOND - 1)
        self.assertEqual([n for n in full if not 0.9 * PER_SECOND <= n <= 1.1 * PER_SECOND], [])

    def test_orphans_are_ended_at_the_pace_that_is_allowed_beside_living_connections_that_lose_nothing(self):
        if not raise_limit():
            self.skipTest(f"needs more than {ORPHANS + 3000} descriptors (ulimit -Hn)")
        # One shard: the pace is shared out evenly among shards, flows are not.
        daemon = self.daemon({"intercept": {"queues": 1}, "limits": {"resets_per_second": PER_SECOND, "breaker_share": "off"},
                              "timeouts": {"fin_wait_2": "3s", "on_expiry": "reset"}})
        clients, keys = self.orphans()
        pump = Pump([Stream(pair, ("client", "server")[i // 2 % 2])
                     for i, pair in enumerate(open_both_versions(self.lab, 12))])
        bystanders = self.closing(open_both_versions(self.lab, 8))
        taps = self.tap(self.lab.client), self.tap(self.lab.server)
        for client in clients:
            client.close()

        def confirmed():
            for pair in bystanders:
                pair.talk()
            return daemon.stats()["resets.confirmed"] >= ORPHANS

        until(confirmed, 40, interval=0.5)
        stats = daemon.stats()
        self.assertEqual((stats["resets.confirmed"], stats["resets.unconfirmed"], stats["resets.refused"]),
                         (ORPHANS, 0, 0))
        self.assertEqual([str(s) for s in pump.finish()], [])
        self.assertEqual(stats["resets.sent"], 2 * ORPHANS)
        closers, holders = set(keys), {key.turned() for key in keys}
        self.assertEqual((closers & set(ss.table(self.lab.client)), holders & set(ss.table(self.lab.server))),
                         (set(), set()))
        to_closers, to_holders = self.resets_to(taps[0], closers), self.resets_to(taps[1], holders)
        self.assertEqual((len(to_closers), len(to_holders)), (ORPHANS, ORPHANS))
        # A pair has been sent when its second RST has.
        self.assert_paced([max(to_closers[key] + to_holders[key.turned()]) for key in keys])


if __name__ == "__main__":
    case.main()
