"""Loss, delay and reordering on both links of the gateway: what is listed is true, what lives goes on, what is orphaned ends."""

import time

from harness import case, compare, halfclosed, kernel
from harness.living import Pump, Stream
from harness.sockets import open_both_versions
from harness.wait import patiently, until

COUNT = 40
NETWORKS = {
    "loss": ("loss", "5%"),
    "delay": ("delay", "60ms", "20ms"),
    "reordering": ("delay", "20ms", "reorder", "25%", "50%"),
    "all of them": ("delay", "30ms", "10ms", "loss", "3%", "reorder", "25%"),
}
LINKS = ("to-client", "to-server")
# Longer than a lost byte needs to be sent again, several times.
TIMEOUTS = {"fin_wait_2": patiently(8), "on_expiry": "reset"}
OPEN = ("fin-wait-2", "close-wait")


class Netem(case.SystemTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.addClassCleanup(cls.lab.close)
        kernel.needs_netem(cls.lab)

    def impair(self, how):
        for link in LINKS:
            self.lab.gateway.run("tc", "qdisc", "add", "dev", link, "root", "netem", *how)
            self.addCleanup(self.lab.gateway.run, "tc", "qdisc", "del", "dev", link, "root", check=False)

    @staticmethod
    def ended(daemon):
        """How many were reset, and how many resets were refused."""
        stats = daemon.stats()
        return stats["resets.confirmed"] + stats["resets.unconfirmed"], stats["resets.refused"]

    def on(self, name, packets="selective"):
        daemon = self.daemon({"timeouts": TIMEOUTS, "intercept": {"packets": packets}})
        self.impair(NETWORKS[name])
        established = self.closing(open_both_versions(self.lab, COUNT))
        finished = self.closing(open_both_versions(self.lab, COUNT // 2))
        for closer in ("client", "server"):
            for pair in finished:
                pair.finish(closer, "shutdown")
        living = [Stream(pair, ("client", "server")[i // 2 % 2]) for i, pair in enumerate(open_both_versions(self.lab, COUNT))]
        pump = Pump(living, interval=0.5)
        orphans = halfclosed.make(self.lab, COUNT)
        self.closing(h.pair for h in orphans)

        self.assertEqual(halfclosed.become(self.lab, orphans, OPEN, 6), [])
        quiet = [pair.key for pair in established + finished] + [stream.pair.key for stream in living]
        until(lambda: compare.against_ss(daemon, quiet).all_agree(), 10)
        self.assert_agrees(compare.against_ss(daemon, quiet))

        self.assertEqual(halfclosed.become(self.lab, orphans, halfclosed.GONE, 25), [])
        # Whether an end is confirmed is a matter of answers, and those get lost, too: ss has said that they are gone.
        until(lambda: self.ended(daemon)[0] >= len(orphans), 25)
        # The living are as old as that, and longer.
        time.sleep(2)
        self.assertEqual(self.ended(daemon), (len(orphans), 0), f"{daemon.stats()}")
        self.assertEqual([str(stream) for stream in pump.finish(seconds=40)], [])
        for pair in established:
            pair.talk()
        self.assertEqual(self.ended(daemon), (len(orphans), 0))

    def test_with_loss(self):
        self.on("loss")

    def test_with_loss_when_all_packets_are_queued(self):
        self.on("loss", "all")

    def test_with_delay(self):
        self.on("delay")

    def test_with_reordering(self):
        self.on("reordering")

    def test_with_all_of_them(self):
        self.on("all of them")


if __name__ == "__main__":
    case.main()
