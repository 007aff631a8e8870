"""TCP segments as bytes: flags, parsing, building, refusing. Sources: RFC 793, 879."""

from __future__ import annotations

import struct
from typing import NamedTuple

from hostnet import frames
from hostnet.frames import Ip

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
HEADER = struct.Struct("!HHIIBBHHH")
MASK = 0xFFFF_FFFF
MSS, MSS6 = frames.MTU - 40, frames.MTU - 60
DEFAULT_MSS = 536


class Segment(NamedTuple):
    """A TCP segment with its options cut to the MSS."""

    sport: int
    dport: int
    seq: int
    ack: int
    flags: int
    window: int
    data: bytes
    mss: int | None = None


def parse(packet: Ip) -> Segment | None:
    """A segment whose checksum is right; None for anything else."""
    data = packet.payload
    if len(data) < 20:
        return None
    sport, dport, seq, ack, offset, flags, window, _, _ = HEADER.unpack_from(data)
    size = (offset >> 4) * 4
    if size < 20 or size > len(data):
        return None
    if frames.checksum(frames.pseudo(packet.source, packet.destination, frames.TCP, len(data)) + data):
        return None
    return Segment(sport, dport, seq, ack, flags, window, data[size:], _mss(data[20:size]))


def _mss(options: bytes) -> int | None:
    at = 0
    while at + 1 < len(options) and options[at]:
        if options[at] == 1:
            at += 1
            continue
        if options[at + 1] < 2:
            return None
        if options[at] == 2 and options[at + 1] == 4 and at + 4 <= len(options):
            return int.from_bytes(options[at + 2 : at + 4], "big")
        at += options[at + 1]
    return None


def build(source: bytes, destination: bytes, segment: Segment) -> Ip:
    """The packet of a segment."""
    options = struct.pack("!BBH", 2, 4, segment.mss) if segment.mss else b""
    fields = [segment.sport, segment.dport, segment.seq & MASK, segment.ack & MASK]
    fields += [(20 + len(options)) << 2, segment.flags, segment.window, 0, 0]
    plain = HEADER.pack(*fields) + options + segment.data
    fields[7] = frames.checksum(frames.pseudo(source, destination, frames.TCP, len(plain)) + plain)
    return Ip(source, destination, frames.TCP, HEADER.pack(*fields) + options + segment.data)


def reset_for(packet: Ip, segment: Segment) -> Ip | None:
    """The RST that refuses a segment; None for what must not be answered."""
    if segment.flags & RST:
        return None
    if segment.flags & ACK:
        answer = Segment(segment.dport, segment.sport, segment.ack, 0, RST, 0, b"")
    else:
        length = len(segment.data) + bool(segment.flags & SYN) + bool(segment.flags & FIN)
        answer = Segment(segment.dport, segment.sport, 0, segment.seq + length, RST | ACK, 0, b"")
    return build(packet.destination, packet.source, answer)


def after(a: int, b: int) -> bool:
    """Whether sequence number `a` comes after `b`."""
    return 0 < (a - b & MASK) < 0x8000_0000
