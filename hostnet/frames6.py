"""IPv6 and ICMPv6 as bytes: what a guest's own network needs. A packet is an `Ip` with long addresses.

Sources: RFC 8200, 4443, 4861 (neighbours and routers), 8106 (name servers).
"""

from __future__ import annotations

import struct

from hostnet import frames
from hostnet.frames import Ip

ICMP6 = 58
NOWHERE = bytes(16)
UNREACHABLE, TOO_BIG, TIME_EXCEEDED, ECHO, ECHO_REPLY = 1, 2, 3, 128, 129
ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT, SOLICITATION, ADVERTISEMENT = 133, 134, 135, 136
NO_ROUTE, PROHIBITED, ADDRESS, PORT = 0, 1, 3, 4
LINK_LOCAL = bytes.fromhex("fe80000000000000")
ALL_NODES, ALL_ROUTERS = bytes.fromhex("ff02" + "00" * 13 + "01"), bytes.fromhex("ff02" + "00" * 13 + "02")
SOLICITED = bytes.fromhex("ff0200000000000000000001ff")
HEADER = 40
MINIMUM_MTU = 1280
_IP6 = struct.Struct("!IHBB16s16s")


def parse_ip6(data: bytes) -> Ip | None:
    """A packet whose payload follows its header at once; who needs extension headers is not at home here."""
    if len(data) < HEADER:
        return None
    first, length, following, hops, source, destination = _IP6.unpack_from(data)
    if first >> 28 != 6 or HEADER + length > len(data):
        return None
    payload = data[HEADER : HEADER + length]
    return Ip(source, destination, following, payload, ttl=hops, header=data[:HEADER])


def build_ip6(packet: Ip) -> bytes:
    """A packet without extension headers."""
    fields = 6 << 28, len(packet.payload), packet.protocol, packet.ttl, packet.source, packet.destination
    return _IP6.pack(*fields) + packet.payload


def right_sum(packet: Ip) -> bool:
    """Whether an ICMPv6 message is as it was sent."""
    data = packet.payload
    return not frames.checksum(frames.pseudo(packet.source, packet.destination, ICMP6, len(data)) + data)


def icmp6(source: bytes, destination: bytes, message: bytes, hops: int = 64) -> Ip:
    """An ICMPv6 packet; the checksum in `message` is still to be made."""
    plain = message[:2] + b"\0\0" + message[4:]
    total = frames.checksum(frames.pseudo(source, destination, ICMP6, len(plain)) + plain)
    return Ip(source, destination, ICMP6, plain[:2] + total.to_bytes(2, "big") + plain[4:], ttl=hops)


def unreachable(packet: Ip, source: bytes, code: int, kind: int = UNREACHABLE) -> Ip:
    """Tell the sender of a packet that it was not delivered."""
    header = packet.header or build_ip6(packet)[:HEADER]
    message = bytes((kind, code, 0, 0, 0, 0, 0, 0)) + header + packet.payload
    return icmp6(source, packet.source, message[: MINIMUM_MTU - HEADER])


def solicited_node(address: bytes) -> bytes:
    """The multicast group in which an address is asked for."""
    return SOLICITED + address[13:]


def group_mac(address: bytes) -> bytes:
    """The Ethernet address of a multicast group."""
    return b"\x33\x33" + address[12:]


def link_layer(options: bytes, kind: int) -> bytes | None:
    """The Ethernet address in the options of a neighbour or router message. kind 1: source, 2: target."""
    at = 0
    while at + 8 <= len(options) and (size := options[at + 1] * 8):
        if options[at] == kind and size == 8:
            return options[at + 2 : at + 8]
        at += size
    return None
