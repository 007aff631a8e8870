"""Frames and packets as bytes: what is needed of Ethernet, ARP, IPv4, ICMP and UDP, and nothing more.

Parsers return None for what is malformed; addresses are bytes in network order.
Sources: RFC 791, 792, 768, 826, 903, 1071.
"""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

BROADCAST = b"\xff" * 6
IPV4, ARP, RARP, IPV6 = 0x0800, 0x0806, 0x8035, 0x86DD
ICMP, TCP, UDP = 1, 6, 17
MTU = 1500
HEADER = 14
SHORTEST = 60
NOWHERE = b"\0\0\0\0"
EVERYBODY = b"\xff\xff\xff\xff"


def mac_text(mac: bytes) -> str:
    """08:00:20:01:02:03"""
    return ":".join(f"{byte:02x}" for byte in mac)


def parse_mac(word: str) -> bytes:
    """The inverse of mac_text; leading zeros may be left out. ValueError completes "bad value ...: "."""
    parts = word.replace("-", ":").split(":")
    try:
        mac = bytes(int(part, 16) for part in parts if len(part) <= 2)
    except ValueError:
        mac = b""
    if len(mac) != 6 or len(parts) != 6:
        raise ValueError("an Ethernet address such as 08:00:20:01:02:03 is expected")
    return mac


def parse_ip(word: str) -> bytes:
    """An IPv4 address in dotted form. ValueError completes "bad value ...: "."""
    parts = word.split(".")
    plain = len(parts) == 4 and all(p.isascii() and p.isdecimal() and len(p) < 4 for p in parts)
    if not plain or max(map(int, parts)) > 255:
        raise ValueError("an address such as 10.0.2.15 is expected")
    return bytes(map(int, parts))


parse_ip.metavar = "ADDRESS"  # type: ignore[attr-defined]
parse_mac.metavar = "MAC"  # type: ignore[attr-defined]


def ip_text(ip: bytes) -> str:
    """10.0.2.15, fd00:2::15"""
    return ".".join(map(str, ip)) if len(ip) == 4 else socket.inet_ntop(socket.AF_INET6, ip)


def checksum(data: bytes) -> int:
    """The Internet checksum; 0 when computed over data that contains a right one."""
    if len(data) & 1:
        data += b"\0"
    # 2^16 is 1 modulo 65535, so the sum of the words is the whole number modulo 65535
    rest = int.from_bytes(data, "big") % 65535
    if rest == 0 and any(data):
        return 0
    return 65535 - rest


# ---- Ethernet -----------------------------------------------------------------------------------------


def ethernet(destination: bytes, source: bytes, kind: int, payload: bytes) -> bytes:
    """A frame, padded to the shortest length that may be sent."""
    return (destination + source + kind.to_bytes(2, "big") + payload).ljust(SHORTEST, b"\0")


# ---- ARP and RARP -------------------------------------------------------------------------------------

_ARP = struct.Struct("!HHBBH6s4s6s4s")


class Arp(NamedTuple):
    """op: 1 request, 2 reply; RARP: 3 request, 4 reply."""

    op: int
    sender_mac: bytes
    sender_ip: bytes
    target_mac: bytes
    target_ip: bytes

    def build(self) -> bytes:
        return _ARP.pack(1, IPV4, 6, 4, *self)


def parse_arp(payload: bytes) -> Arp | None:
    """ARP or RARP for IPv4 on Ethernet."""
    if len(payload) < _ARP.size:
        return None
    hardware, protocol, hlen, plen, *rest = _ARP.unpack_from(payload)
    return Arp(*rest) if (hardware, protocol, hlen, plen) == (1, IPV4, 6, 4) else None


# ---- IPv4 ---------------------------------------------------------------------------------------------

_IP = struct.Struct("!BBHHHBBH4s4s")
MORE, DONT = 0x2000, 0x4000


class Ip(NamedTuple):
    """fragment: flags and offset as they stand in the header. IPv6 has longer addresses: see frames6.py."""

    source: bytes
    destination: bytes
    protocol: int
    payload: bytes
    ident: int = 0
    fragment: int = 0
    ttl: int = 64
    header: bytes = b""

    @property
    def fragmented(self) -> bool:
        return bool(self.fragment & 0x3FFF)


def parse_ip_packet(data: bytes) -> Ip | None:
    """A packet with a right header checksum; options are skipped."""
    if len(data) < 20:
        return None
    first, _, total, ident, fragment, ttl, protocol, _, source, destination = _IP.unpack_from(data)
    size = (first & 15) * 4
    if first >> 4 != 4 or size < 20 or not size <= total <= len(data) or checksum(data[:size]):
        return None
    return Ip(source, destination, protocol, data[size:total], ident, fragment, ttl, data[:size])


def build_ip(packet: Ip) -> bytes:
    """A packet without options."""
    total = 20 + len(packet.payload)
    fields = [0x45, 0, total, packet.ident, packet.fragment, packet.ttl, packet.protocol, 0]
    fields[7] = checksum(_IP.pack(*fields, packet.source, packet.destination))
    return _IP.pack(*fields, packet.source, packet.destination) + packet.payload


def fragments(packet: Ip, mtu: int = MTU) -> list[Ip]:
    """The packet, in pieces that fit."""
    room = (mtu - 20) & ~7
    data = packet.payload
    if len(data) <= mtu - 20:
        return [packet]
    pieces = []
    for at in range(0, len(data), room):
        more = MORE if at + room < len(data) else 0
        pieces.append(packet._replace(payload=data[at : at + room], fragment=at >> 3 | more))
    return pieces


def pseudo(source: bytes, destination: bytes, protocol: int, length: int) -> bytes:
    """What UDP, TCP and ICMPv6 sum besides themselves."""
    if len(source) == 16:
        return source + destination + struct.pack("!II", length, protocol)
    return source + destination + struct.pack("!HH", protocol, length)


# ---- UDP ----------------------------------------------------------------------------------------------

_UDP = struct.Struct("!HHHH")


class Udp(NamedTuple):
    sport: int
    dport: int
    payload: bytes


def parse_udp(packet: Ip) -> Udp | None:
    """A datagram whose checksum is right or 0 (none)."""
    data = packet.payload
    if len(data) < 8:
        return None
    sport, dport, length, total = _UDP.unpack_from(data)
    if not 8 <= length <= len(data):
        return None
    if total and checksum(pseudo(packet.source, packet.destination, UDP, length) + data[:length]):
        return None
    return Udp(sport, dport, data[8:length])


def build_udp(source: bytes, destination: bytes, datagram: Udp) -> bytes:
    """A datagram with its checksum."""
    length = 8 + len(datagram.payload)
    plain = _UDP.pack(datagram.sport, datagram.dport, length, 0) + datagram.payload
    total = checksum(pseudo(source, destination, UDP, length) + plain) or 0xFFFF
    return _UDP.pack(datagram.sport, datagram.dport, length, total) + datagram.payload


# ---- ICMP ---------------------------------------------------------------------------------------------

ECHO_REPLY, UNREACHABLE, ECHO, TIME_EXCEEDED = 0, 3, 8, 11
HOST, PROTOCOL, PORT, PROHIBITED = 1, 2, 3, 13


def build_icmp(kind: int, code: int, rest: bytes, data: bytes) -> bytes:
    """An ICMP message; `rest` are the four bytes behind the checksum."""
    plain = bytes((kind, code, 0, 0)) + rest + data
    return plain[:2] + checksum(plain).to_bytes(2, "big") + plain[4:]


def unreachable(packet: Ip, code: int, kind: int = UNREACHABLE) -> bytes:
    """Why a packet was not delivered, with its header and first bytes."""
    header = packet.header or build_ip(packet)[:20]
    return build_icmp(kind, code, b"\0\0\0\0", header + packet.payload[:8])
