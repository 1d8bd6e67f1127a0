"""Connections in a flowtable, and beside it: what is told of them, what happens to them, and that docs/coexistence.md says so."""

import platform
import re

from harness import case, halfclosed, kernel
from harness.daemon import binary
from harness.nat import connect
from harness.sockets import Listener
from harness.topology import SERVER
from harness.wait import until

OFFLOADED, EXCLUDED = 7100, 7200
PER_KIND = 6
# As docs/coexistence.md has it.
TABLE = f"""
table inet operator {{
    flowtable f {{ hook ingress priority 0; devices = {{ to-client, to-server }}; }}
    chain forward {{
        type filter hook forward priority filter; policy accept;
        meta l4proto tcp ct original proto-dst != {{ {EXCLUDED} }} ct state established flow add @f
    }}
}}
"""


class Flowtable(case.SystemTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.addClassCleanup(cls.lab.close)
        kernel.needs_flowtable(cls.lab)

    def setUp(self):
        super().setUp()
        self.lab.gateway.run("nft", "-f", "-", stdin=TABLE)
        self.addCleanup(self.lab.gateway.run, "nft", "delete", "table", "inet", "operator")

    def connections(self, port):
        made = []
        for version in (4, 6):
            listener = Listener(self.lab, version, port)
            made += self.closing(connect(self.lab, listener, (SERVER[version], port), version, PER_KIND))
        for pair in made:
            for _ in range(3):
                pair.talk()
        return made

    def offloaded(self):
        """Ports of the connections that conntrack says are in a flowtable."""
        lines = "".join(self.lab.gateway.run("conntrack", "-L", "-f", family, "-p", "tcp").stdout for family in ("ipv4", "ipv6"))
        return [int(port) for line in lines.splitlines() if "OFFLOAD" in line for port in re.findall(r"dport=(\d+)", line)[:1]]

    def test_it_is_found_and_said_what_to_do(self):
        daemon = self.daemon()
        said = self.lab.gateway.run(binary("finwaitctl"), "check", "--system", daemon.config, check=False).stdout
        self.assertRegex(said, r"(?s)flowtable \(inet operator f\).*keep what finwaitd is to watch out of \"flow add\"")

    def test_what_is_kept_out_of_it_is_ended_as_ever(self):
        daemon = self.daemon({"timeouts": halfclosed.RESETTING})
        pairs = self.connections(EXCLUDED)
        self.assertNotIn(EXCLUDED, self.offloaded())
        made = [halfclosed.HalfClosed(pair, "client" if i % 2 else "server", "shutdown") for i, pair in enumerate(pairs)]
        self.assertEqual(halfclosed.become(self.lab, made, halfclosed.GONE, 10), [])
        self.assertTrue(until(lambda: daemon.stats()["resets.confirmed"] == len(made), 10), f"{daemon.stats()}")

    def test_what_is_in_it_is_never_harmed_and_is_seen_from_its_fin_on_where_the_kernel_shows_it(self):
        daemon = self.daemon({"timeouts": halfclosed.RESETTING})
        pairs = self.connections(OFFLOADED)
        self.assertEqual(self.offloaded().count(OFFLOADED), len(pairs))
        before = daemon.stats()["packets.seen"]
        for pair in pairs:
            pair.talk()
        self.assertEqual(daemon.stats()["packets.seen"], before)

        half = len(pairs) // 2
        made = [halfclosed.HalfClosed(pair, "client" if i % 2 else "server", "shutdown") for i, pair in enumerate(pairs[:half])]
        ended = halfclosed.become(self.lab, made, halfclosed.GONE, 8) == []
        print(f"\n  Linux {platform.release()}: offloaded half-closes are {'ended' if ended else 'not seen'} ... ", end="")
        expected = len(made) if ended else 0
        until(lambda: daemon.stats()["resets.confirmed"] == expected, 10)
        self.assertEqual(daemon.stats()["resets.confirmed"], expected)
        for pair in pairs[half:]:
            pair.talk()


if __name__ == "__main__":
    case.main()
