"""Frames made by hand, put on the client's wire: whatever no TCP would send."""

import ipaddress
import socket
import struct

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


def ip4(source, destination, payload, protocol=6, options=b"", fragment=0, total=None):
    """An IPv4 packet with a right header checksum; `total` overrides the total length."""
    header = struct.pack("!BBHHHBBH4s4s", 0x40 | (5 + len(options) // 4), 0,
                         20 + len(options) + len(payload) if total is None else total, 1, fragment, 64, protocol, 0,
                         ipaddress.ip_address(source).packed, ipaddress.ip_address(destination).packed) + options
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def ip6(source, destination, payload, next_header=6, length=None):
    return struct.pack("!IHBB", 0x60000000, len(payload) if length is None else length, next_header, 64) + \
        ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed + payload


class Wire:
    """Sends IP packets from the client's machine to the gateway exactly as they are."""

    def __init__(self, lab):
        self._destination = bytes.fromhex(lab.gateway_mac().replace(":", ""))
        with lab.client.entered():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
            self._interface = "to-gateway"
            self._socket.bind((self._interface, 0))

    def send(self, packet, version):
        self._socket.sendto(packet, (self._interface, _ETHERTYPE[version], 0, 0, self._destination))

    def close(self):
        self._socket.close()
