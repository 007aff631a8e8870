"""What network cards do for the kernel and a packet socket has to do itself: checksums and segmentation.

Frames of a packet socket come with a virtio-net header that says what is left to do.
Sources: linux/virtio_net.h, packet(7) PACKET_VNET_HDR.
"""

from __future__ import annotations

import struct

from hostnet import frames
from hostnet.frames import checksum, pseudo

HEADER = struct.Struct("=BBHHHH")
NOTHING = bytes(HEADER.size)
NEEDS_CSUM = 1
GSO_NONE, GSO_TCPV4, GSO_TCPV6 = 0, 1, 4
GSO_ECN = 0x80
FIN_PSH = 0x09


def finish(data: bytes) -> list[bytes]:
    """The frames behind a virtio-net header, as they would go over a wire. Empty when that is not known."""
    if len(data) < HEADER.size + 14:
        return []
    flags, gso, _, size, start, offset = HEADER.unpack_from(data)
    frame = data[HEADER.size :]
    gso &= ~GSO_ECN
    if gso in (GSO_TCPV4, GSO_TCPV6) and size:
        return segments(frame, size)
    if gso != GSO_NONE:
        return []
    if flags & NEEDS_CSUM:
        place = start + offset
        if place + 2 > len(frame):
            return []
        total = checksum(frame[start:]) or 0xFFFF  # the field holds the sum of the pseudo header
        frame = frame[:place] + total.to_bytes(2, "big") + frame[place + 2 :]
    return [frame]


def segments(frame: bytes, size: int) -> list[bytes]:
    """A TCP frame cut into segments of `size` bytes of data; VLAN tags are not expected."""
    kind = frame[12] << 8 | frame[13]
    if kind == frames.IPV4 and len(frame) >= 34:
        transport = 14 + (frame[14] & 15) * 4
    elif kind == 0x86DD and len(frame) >= 54 and frame[20] == frames.TCP:
        transport = 54
    else:
        return []
    if len(frame) < transport + 20:
        return []
    body = transport + (frame[transport + 12] >> 4) * 4
    if transport < 34 or not transport + 20 <= body <= len(frame):
        return []
    data = frame[body:]
    made = []
    for number, at in enumerate(range(0, len(data), size)):
        piece, last = data[at : at + size], at + size >= len(data)
        made.append(_segment(frame, kind, transport, body, number, at, piece, last))
    return made or [frame]


def _segment(
    frame: bytes, kind: int, transport: int, body: int, number: int, at: int, piece: bytes, last: bool
) -> bytes:
    ip, tcp = bytearray(frame[14:transport]), bytearray(frame[transport:body])
    seq = int.from_bytes(tcp[4:8], "big") + at & 0xFFFF_FFFF
    tcp[4:8] = seq.to_bytes(4, "big")
    if not last:
        tcp[13] &= ~FIN_PSH
    tcp[16:18] = b"\0\0"
    length = len(tcp) + len(piece)
    if kind == frames.IPV4:
        ip[2:4] = (len(ip) + length).to_bytes(2, "big")
        ip[4:6] = (int.from_bytes(ip[4:6], "big") + number & 0xFFFF).to_bytes(2, "big")
        ip[10:12] = b"\0\0"
        ip[10:12] = checksum(bytes(ip)).to_bytes(2, "big")
        head = pseudo(bytes(ip[12:16]), bytes(ip[16:20]), frames.TCP, length)
    else:
        ip[4:6] = length.to_bytes(2, "big")
        head = bytes(ip[8:40]) + length.to_bytes(4, "big") + bytes((0, 0, 0, frames.TCP))
    tcp[16:18] = checksum(head + bytes(tcp) + piece).to_bytes(2, "big")
    return frame[:14] + bytes(ip) + bytes(tcp) + piece
