"""Whatever comes by on the wire: the daemon counts it and goes on."""

import random

from harness import case, packets
from harness.packets import ACK, FIN, RST, SYN, ip4, ip6, tcp
from harness.sockets import open_both_versions
from harness.topology import SERVER, client_address
from harness.wait import until

CLIENT = {4: client_address(4, 0), 6: client_address(6, 0)}


def wrap(version, payload, protocol=6):
    build = ip4 if version == 4 else ip6
    return build(CLIENT[version], SERVER[version], payload, protocol)


def crafted(version):
    """One packet for each way of being wrong that has a name."""
    good = tcp(1000, 80)
    for length in range(0, 20):
        yield wrap(version, good[:length])
    for offset in (0, 1, 4, 6, 15):
        yield wrap(version, tcp(1001, 80, offset=offset))
    for options in (b"\x02\x00\x00\x00", b"\x02\xff\x05\xb4", b"\x03\x03\x0f\x08", b"\x08\x0a\x00\x00", b"\x00" * 40,
                    b"\x05\x0a\x00\x00\x00\x01\x00\x00", b"\x13\x12\x00\x00", b"\x1e\x01\x01\x01", b"\xfe" * 8):
        yield wrap(version, tcp(1002, 80, options=options))
    for flags in (0, 0xFF, SYN | FIN, SYN | RST, FIN, RST, FIN | RST | SYN, SYN | FIN | RST | ACK):
        yield wrap(version, tcp(1003, 80, seq=0xFFFFFFFF, flags=flags, data=b"data"))
    for ports in ((0, 0), (0, 80), (65535, 0)):
        yield wrap(version, tcp(*ports))
    for protocol in (1, 17, 47, 58, 132, 255):
        yield wrap(version, b"\x00" * 8, protocol)


def crafted_ip4():
    segment = tcp(1004, 80)
    yield ip4(CLIENT[4], SERVER[4], segment, options=b"\x01" * 40)
    yield ip4(CLIENT[4], SERVER[4], segment, options=b"\x07\xff\x04\x00")
    for fragment in (0x2000, 0x2001, 0x0001, 0x1FFF, 0xFFFF):
        yield ip4(CLIENT[4], SERVER[4], segment + b"\0" * 4, fragment=fragment)
    for total in (0, 10, 20, 30, 39, 41, 65535):
        yield ip4(CLIENT[4], SERVER[4], segment, total=total)


def crafted_ip6():
    segment = tcp(1005, 80)
    options = b"\x06\x00\x01\x04\x00\x00\x00\x00"  # a header of padding, then TCP
    for kind in (0, 60, 43):
        yield ip6(CLIENT[6], SERVER[6], options + segment, next_header=kind)
        yield ip6(CLIENT[6], SERVER[6], b"\x06\xff\x01\x04\x00\x00\x00\x00" + segment, next_header=kind)
        yield ip6(CLIENT[6], SERVER[6], b"\x06", next_header=kind)
    chain = b"".join(b"\x3c\x00\x01\x04\x00\x00\x00\x00" for _ in range(20)) + options
    yield ip6(CLIENT[6], SERVER[6], chain + segment, next_header=60)
    for fragment in (b"\x06\x00\x00\x01\x00\x00\x00\x07", b"\x06\x00\xff\xf9\x00\x00\x00\x07", b"\x06\x00\x00\x00"):
        yield ip6(CLIENT[6], SERVER[6], fragment + segment, next_header=44)
    for length in (0, 5, 19, 21, 65535):
        yield ip6(CLIENT[6], SERVER[6], segment, length=length)


def mutated(generator, count):
    """Segments with a few random bytes: in the TCP header, or behind it."""
    for _ in range(count):
        version = generator.choice((4, 6))
        segment = bytearray(tcp(generator.randrange(65536), generator.randrange(65536), generator.getrandbits(32),
                                generator.getrandbits(32), generator.choice((SYN, FIN | ACK, RST, SYN | ACK)),
                                options=generator.randbytes(4 * generator.randrange(11))))
        for _ in range(generator.randrange(4)):
            segment[generator.randrange(len(segment))] = generator.randrange(256)
        yield version, wrap(version, bytes(segment[: generator.randrange(14, len(segment) + 1)]))


class Garbage(case.SystemTest):
    def send_everything(self):
        wire = packets.Wire(self.lab)
        self.addCleanup(wire.close)
        sent = 0
        for version, special in ((4, crafted_ip4), (6, crafted_ip6)):
            for packet in (*crafted(version), *special()):
                wire.send(packet, version)
                sent += 1
        for version, packet in mutated(random.Random(1), 4000):
            wire.send(packet, version)
            sent += 1
        return sent

    def assert_unimpressed(self, mode):
        daemon = self.daemon({"intercept": {"packets": mode}})
        bystanders = self.closing(open_both_versions(self.lab, 10))
        before = daemon.stats()["packets.seen"]
        self.send_everything()
        until(lambda: daemon.stats()["packets.seen"] > before + 500, 10)

        self.assertTrue(daemon.running(), daemon.log())
        self.assertGreater(daemon.stats()["packets.seen"], before + 500)
        for pair in (*bystanders, *self.closing(open_both_versions(self.lab, 10))):
            pair.talk()
        return daemon

    def test_truncated_and_garbled_packets_disturb_nobody_in_selective_mode(self):
        # Of what conntrack calls invalid little is queued in this mode; what it was told not to look at is.
        for tool in ("iptables", "ip6tables"):
            rule = ("PREROUTING", "-p", "tcp", "--dport", "1024:65535", "-j", "CT", "--notrack")
            self.lab.gateway.run(tool, "-t", "raw", "-A", *rule)
            self.addCleanup(self.lab.gateway.run, tool, "-t", "raw", "-D", *rule)
        self.assert_unimpressed("selective")

    def test_truncated_and_garbled_packets_disturb_nobody_when_all_packets_are_seen(self):
        daemon = self.assert_unimpressed("all")
        stats = daemon.stats()
        self.assertGreater(stats["packets.unparsed"] + stats["packets.invalid"], 0, stats)


if __name__ == "__main__":
    case.main()
