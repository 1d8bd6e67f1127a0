"""Packets made by hand, whatever no TCP would send, and put on the client's wire; and packets read."""

import ipaddress
import socket
import struct
from typing import NamedTuple

from harness.ss import canonical

_ETHERTYPE = {4: 0x0800, 6: 0x86DD}
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def tcp(source_port, destination_port, seq=0, ack=0, flags=SYN, window=65535, options=b"", data=b"", offset=None):
    """A TCP segment; `offset` overrides the header length in words. Without a checksum: routers do not look at it."""
    words = 5 + len(options) // 4 if offset is None else offset
    return struct.pack("!HHIIBBHHH", source_port, destination_port, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, words << 4,
                       flags, window, 0, 0) + options + data


def ip4(source, destination, payload, protocol=6, options=b"", fragment=0, total=None, ip_id=1):
    """An IPv4 packet with a right header checksum; `total` overrides the total length."""
    header = struct.pack("!BBHHHBBH4s4s", 0x40 | (5 + len(options) // 4), 0,
                         20 + len(options) + len(payload) if total is None else total, ip_id, fragment, 64, protocol, 0,
                         ipaddress.ip_address(source).packed, ipaddress.ip_address(destination).packed) + options
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def ip6(source, destination, payload, next_header=6, length=None):
    return struct.pack("!IHBB", 0x60000000, len(payload) if length is None else length, next_header, 64) + \
        ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed + payload


class Segment(NamedTuple):
    """What a TCP header says."""
    flags: int
    seq: int
    ack: int
    data: bytes      # as far as it was captured
    length: int      # of the data
    options: bytes
    ip_id: int       # 0 over IPv6

    @property
    def end(self):
        """The number behind it: SYN and FIN take one each."""
        return (self.seq + self.length + bool(self.flags & SYN) + bool(self.flags & FIN)) & 0xFFFFFFFF


def parse(packet):
    """((address, port), (address, port), Segment) of a TCP packet without IPv6 extension headers; else None."""
    version = packet[0] >> 4 if packet else 0
    if version == 4 and packet[9] == socket.IPPROTO_TCP:
        at, total, ip_id = (packet[0] & 15) * 4, *struct.unpack_from("!HH", packet, 2)
        source, destination = packet[12:16], packet[16:20]
    elif version == 6 and packet[6] == socket.IPPROTO_TCP:
        at, total, ip_id = 40, 40 + struct.unpack_from("!H", packet, 4)[0], 0
        source, destination = packet[8:24], packet[24:40]
    else:
        return None
    source_port, destination_port, seq, ack, offset, flags = struct.unpack_from("!HHIIBB", packet, at)
    data_at = at + (offset >> 4) * 4
    data, options = bytes(packet[data_at:total]), bytes(packet[at + 20:data_at])
    segment = Segment(flags, seq, ack, data, total - data_at, options, ip_id)
    return (_text(source), source_port), (_text(destination), destination_port), segment


def _text(address):
    return canonical(str(ipaddress.ip_address(bytes(address))))


def pseudo_header(source, destination, length):
    addresses = ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed
    middle = "!BBH" if len(addresses) == 8 else "!II"
    numbers = (0, socket.IPPROTO_TCP, length) if len(addresses) == 8 else (length, socket.IPPROTO_TCP)
    return addresses + struct.pack(middle, *numbers)


def with_checksum(source, destination, segment):
    """The same segment as an endpoint accepts it."""
    total = checksum(pseudo_header(source, destination, len(segment)) + segment)
    return segment[:16] + struct.pack("!H", total) + segment[18:]


class Wire:
    """Sends IP packets exactly as they are: from the client's machine to the gateway or, `around` what the gateway
    forwards, from its interface to the client."""

    def __init__(self, lab, around=False):
        sender, self._interface = (lab.gateway, "to-client") if around else (lab.client, "to-gateway")
        receiver = lab.client_mac() if around else lab.gateway_mac()
        self._destination = bytes.fromhex(receiver.replace(":", ""))
        with sender.entered():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
            self._socket.bind((self._interface, 0))

    def send(self, packet, version):
        self._socket.sendto(packet, (self._interface, _ETHERTYPE[version], 0, 0, self._destination))

    def close(self):
        self._socket.close()
