"""Segments that the ends drop, with the numbers that they would take: what they do not believe, finwaitd does not."""

import struct
import time

from harness import attack, case, compare, packets, ss
from harness.attack import SECONDS, Flood, strike
from harness.packets import ACK, FIN, RST, ip4, ip6, tcp
from harness.sockets import open_both_versions
from harness.tap import Tap
from harness.wait import PATIENCE, until


class Crafted(case.SystemTest):
    def setUp(self):
        super().setUp()
        self.wire = packets.Wire(self.lab)
        self.addCleanup(self.wire.close)

    def established(self, count=8):
        """Pairs, and of each what its client would send next: (sequence, acknowledgment)."""
        tap = Tap(self.lab.client)
        self.addCleanup(tap.close)
        pairs = self.closing(open_both_versions(self.lab, count))
        until(lambda: False, 0.2)
        numbers = {}
        for seen in tap.take():
            if seen.outgoing and seen.segment.flags & ACK:
                numbers[seen.key] = (seen.segment.end, seen.segment.ack)
        return pairs, [numbers[p.key] for p in pairs]

    def send(self, pair, segment, ip_options=b"", extension=None, fragment=0):
        key = pair.key
        if pair.version == 4:
            self.wire.send(ip4(key.address, key.peer_address, segment, options=ip_options, fragment=fragment), 4)
        elif extension is None:
            self.wire.send(ip6(key.address, key.peer_address, segment), 6)
        else:
            self.wire.send(ip6(key.address, key.peer_address, extension[1] + segment, next_header=extension[0]), 6)

    def assert_unmoved(self, daemon, pairs, invalid="packets.unparsed"):
        until(lambda: daemon.stats()[invalid] > 0, 3)
        self.assert_agrees(compare.against_ss(daemon, [p.key for p in pairs]))
        for pair in pairs:
            pair.talk()
        self.assert_agrees(compare.against_ss(daemon, [p.key for p in pairs]))
        self.assertEqual(daemon.stats()["resets.sent"], 0)

    def forged(self, mode, flags, data=b"", after=0.0, **how):
        daemon = self.daemon({"intercept": {"packets": mode}})
        time.sleep(after * PATIENCE)
        pairs, numbers = self.established()
        for pair, (seq, ack) in zip(pairs, numbers):
            segment = tcp(pair.key.port, pair.key.peer_port, seq, ack, flags, data=data)
            segment = packets.with_checksum(pair.key.address, pair.key.peer_address, segment)
            broken = bytes((segment[16] ^ 0x55,))
            self.send(pair, segment[:16] + broken + segment[17:], **how)
        return daemon, pairs

    def test_resets_and_fins_with_exact_numbers_and_a_wrong_checksum_change_nothing_when_all_packets_are_seen(self):
        for flags in (RST, RST | ACK, FIN | ACK):
            daemon, pairs = self.forged("all", flags)
            until(lambda d=daemon: d.stats()["packets.unparsed"] >= len(pairs), 3)
            self.assertGreaterEqual(daemon.stats()["packets.unparsed"], len(pairs), f"flags {flags}")
            self.assert_unmoved(daemon, pairs)
            daemon.close()

    def test_nor_do_they_where_conntrack_does_not_verify_checksums(self):
        self.lab.gateway.sysctl(netfilter__nf_conntrack_checksum=0)
        self.addCleanup(self.lab.gateway.sysctl, netfilter__nf_conntrack_checksum=1)
        for flags in (RST, FIN | ACK):
            # After a start conntrack is asked for some seconds, and it believes the RST.
            daemon, pairs = self.forged("selective", flags, after=5.0)
            until(lambda d=daemon: d.stats()["packets.unparsed"] >= len(pairs), 3)
            self.assertGreaterEqual(daemon.stats()["packets.unparsed"], len(pairs), f"flags {flags}")
            for pair in pairs:
                pair.talk()
            # conntrack believes the FIN; where it is asked just then, its word is a claim until both sides have been.
            until(lambda d=daemon: compare.against_ss(d, [p.key for p in pairs]).all_agree(), 3)
            self.assert_agrees(compare.against_ss(daemon, [p.key for p in pairs]))
            daemon.close()

    def test_a_fin_with_a_wrong_checksum_that_is_too_long_to_be_verified_is_a_claim_that_is_taken_back(self):
        daemon, pairs = self.forged("all", FIN | ACK, data=b"x" * 300)
        until(lambda: all(f["client"]["state"] == "fin-wait-1" for f in daemon.flows()), 3)
        self.assertEqual({f["client"]["state"] for f in daemon.flows()}, {"fin-wait-1"})
        for pair in pairs:
            pair.client.sendall(b"y" * 400)
            got = b""
            while len(got) < 400:
                got += pair.server.recv(400)
        until(lambda: compare.against_ss(daemon, [p.key for p in pairs]).all_agree(), 3)
        self.assert_agrees(compare.against_ss(daemon, [p.key for p in pairs]))

    def test_fragments_are_never_taken_for_segments(self):
        daemon = self.daemon({"intercept": {"packets": "all"}})
        pairs, numbers = self.established()
        for pair, (seq, ack) in zip(pairs, numbers):
            segment = tcp(pair.key.port, pair.key.peer_port, seq, ack, RST)
            segment = packets.with_checksum(pair.key.address, pair.key.peer_address, segment)
            # Later parts whose data look like a header, parts that overlap one, and first parts without a whole one.
            for offset in (1, 2, 3, 1000):
                self.send(pair, segment, fragment=offset,
                          extension=(44, struct.pack("!BBHI", 6, 0, offset << 3, 7)))
                self.send(pair, segment, fragment=0x2000 | offset,
                          extension=(44, struct.pack("!BBHI", 6, 0, offset << 3 | 1, 7)))
            for tiny in (8, 16):
                self.send(pair, segment[:tiny], fragment=0x2000, extension=(44, struct.pack("!BBHI", 6, 0, 1, 8)))
        v4 = [p for p in pairs if p.version == 4]
        four = [n for p, n in zip(pairs, numbers) if p.version == 4]
        floods = [Flood(self.lab, pairs=v4, numbers=four, flags=(RST, FIN | ACK), fragment=fragment)
                  for fragment in (0x2000, 0x0001)]
        sent, rate = strike(*floods, seconds=SECONDS / 2)
        before = ss.table(self.lab.client)
        self.assertEqual([p for p in pairs if before.get(p.key) != "established"], [])
        self.assert_agrees(compare.against_ss(daemon, [p.key for p in pairs]))
        for pair in pairs:
            pair.talk()
        stats = daemon.stats()
        self.assertEqual(stats["resets.sent"], 0)
        attack.told("fragments", sent=sent, per_second=rate, unparsed=stats["packets.unparsed"],
                    seen=stats["packets.seen"])

    def test_odd_options_and_extension_headers_move_no_connection_and_spoil_no_numbers(self):
        daemon = self.daemon({"intercept": {"packets": "all"},
                              "timeouts": {"fin_wait_2": "1s", "on_expiry": "reset"}, "limits": {"breaker_share": "off"}})
        pairs, numbers = self.established()
        padding = b"\0\1\4\0\0\0\0"
        tcp_options = (b"\x02\x04\0\0", b"\x03\x03\xff\1", b"\x08\x0a\xff\xff\xff\xff\xff\xff\xff\xff\1\1",
                       b"\x05\x0a\0\0\0\0\xff\xff\xff\xff\1\1", b"\x02\xff\0\0", b"\xff" * 40,
                       b"\x13\x12" + b"\0" * 16 + b"\1\1", b"\x1d\x10" + b"\0" * 14, b"\x1e\x04\0\0", b"\0" * 40)
        extensions = ((0, b"\x06\0\xc2\x04\0\1\0\0"), (60, b"\x06" + padding),
                      (60, (b"\x3c" + padding) * 12 + b"\x06" + padding), (51, b"\x06\x04\0\0" + b"\0" * 20), (43, b"\x06\0\0\0\0\0\0\0"), (135, b"\x06\0\0\0\0\0\0\0"),
                      (60, b"\x06\xff"))
        for pair, (seq, ack) in zip(pairs, numbers):
            for far in (0x40000000, 0x7FFFFFFF, 0xC0000000):
                for options in tcp_options:
                    for flags in (FIN | ACK, RST, 0x20 | ACK, ACK):
                        segment = tcp(pair.key.port, pair.key.peer_port, seq + far, ack + far, flags, options=options)
                        segment = packets.with_checksum(pair.key.address, pair.key.peer_address, segment)
                        self.send(pair, segment, ip_options=b"\x07\x27\x04" + b"\0" * 37)
                for extension in extensions:
                    segment = tcp(pair.key.port, pair.key.peer_port, seq + far, ack + far, RST)
                    self.send(pair, packets.with_checksum(pair.key.address, pair.key.peer_address, segment),
                              extension=extension)
        self.assert_unmoved(daemon, pairs, "packets.invalid")
        # MD5 and AO from somebody else do not make a flow untouchable, and its numbers are still exact.
        for pair in pairs:
            pair.finish("client", "shutdown")
        until(lambda: daemon.stats()["resets.confirmed"] >= len(pairs), 8)
        self.assertEqual(daemon.stats()["resets.confirmed"], len(pairs))

    def test_segments_with_exact_numbers_that_look_signed_by_md5_change_nothing_and_protect_nothing(self):
        for mode in ("all", "selective"):
            daemon = self.daemon({"intercept": {"packets": mode}, "limits": {"breaker_share": "off"},
                                  "timeouts": {"fin_wait_2": "1s", "on_expiry": "reset"}})
            pairs, numbers = self.established()
            # An ordinary socket drops them (RFC 2385), so the connections go on with the numbers that they had.
            for pair, (seq, ack) in zip(pairs, numbers):
                for flags, data in ((ACK, b"x" * 100), (FIN | ACK, b""), (RST, b""), (RST | ACK, b"")):
                    segment = tcp(pair.key.port, pair.key.peer_port, seq, ack, flags, data=data,
                                  options=b"\x13\x12" + bytes(16) + b"\1\1")
                    self.send(pair, packets.with_checksum(pair.key.address, pair.key.peer_address, segment))
            self.assert_unmoved(daemon, pairs, "packets.invalid")
            for pair in pairs:
                pair.finish("client", "shutdown")
            until(lambda d=daemon: d.stats()["resets.confirmed"] >= len(pairs), 8)
            self.assertEqual(daemon.stats()["resets.confirmed"], len(pairs))
            daemon.close()


if __name__ == "__main__":
    case.main()
