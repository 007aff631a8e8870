"""Fragments of IPv4 packets, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hostnet import frames
from hostnet.frames import Ip

if TYPE_CHECKING:
    from tme.clock import Clock

LARGEST = 65_535
REASSEMBLIES = 16
"""Packets that may be incomplete at once; the oldest goes."""
REASSEMBLY_TIME = 15_000_000_000


class Reassembler:
    """What one station keeps of incomplete packets. bad: those that could not become whole."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.bad = 0
        self._pieces: dict[tuple[bytes, bytes, int, int], Pieces] = {}

    def __len__(self) -> int:
        return len(self._pieces)

    def add(self, packet: Ip) -> Ip | None:
        """Take a fragment; returns the packet when this was the last one missing."""
        key = packet.source, packet.destination, packet.protocol, packet.ident
        now = self.clock.now
        pieces = self._pieces.get(key)
        if pieces is None or now - pieces.started > REASSEMBLY_TIME:
            if key not in self._pieces and len(self._pieces) >= REASSEMBLIES:
                oldest = min(self._pieces, key=lambda k: self._pieces[k].started)
                del self._pieces[oldest]
            pieces = self._pieces[key] = Pieces(now)
        if not pieces.add(packet):
            self.bad += 1
            del self._pieces[key]
            return None
        data = pieces.whole()
        if data is None:
            return None
        del self._pieces[key]
        return packet._replace(payload=data, fragment=0, header=pieces.header or packet.header)


class Pieces:
    """Fragments of one packet, as they come; overlaps are refused (RFC 5722 gives the reason for IPv6)."""

    def __init__(self, started: int) -> None:
        self.started = started
        self.header = b""
        self._parts: dict[int, bytes] = {}
        self._end: int | None = None

    def add(self, packet: Ip) -> bool:
        """Take a fragment; False when the packet can never become whole."""
        start, more = (packet.fragment & 0x1FFF) * 8, packet.fragment & frames.MORE
        data = packet.payload
        end = start + len(data)
        if not data or end > LARGEST - 20 or (more and len(data) % 8):
            return False
        if self._parts.get(start) == data:
            return True
        if any(start < at + len(part) and at < end for at, part in self._parts.items()):
            return False
        if not more:
            if self._end is not None:
                return False
            self._end = end
        if self._end is not None and max(end, *(at + len(p) for at, p in self._parts.items()), 0) > self._end:
            return False
        if not start:
            self.header = packet.header
        self._parts[start] = data
        return True

    def whole(self) -> bytes | None:
        """All of it, or None while something is missing."""
        if self._end is None or sum(map(len, self._parts.values())) != self._end:
            return None
        return b"".join(self._parts[at] for at in sorted(self._parts))
