"""Fragments of frames, as OpenVPN's --fragment has them on the wire: a 32-bit header in front of each.

bits 0-1 whole, not last, last, test   2-9 sequence   10-14 number   15-28 size of the others / 4 (last only)
"""

from __future__ import annotations

HEADER = 4
WHOLE, NOT_LAST, LAST, TEST = range(4)
MOST = 32
FRAMES = 16
"""Frames that may be on their way at once."""
LARGEST = 65_535


class Fragmenter:
    """Cuts frames so that header and piece have at most `size` bytes, and puts them together again."""

    def __init__(self, size: int) -> None:
        self.size = max(size - HEADER, HEADER * 2) & ~3
        self._sequence = 0
        self._parts: dict[int, Parts] = {}

    def cut(self, frame: bytes) -> list[bytes]:
        """Packets for a frame."""
        if len(frame) <= self.size:
            return [bytes(HEADER) + frame]
        self._sequence = self._sequence + 1 & 0xFF
        size = max(self.size, -(-len(frame) // MOST) + 3 & ~3)
        packets = []
        for number, at in enumerate(range(0, len(frame), size)):
            last = at + size >= len(frame)
            word = (LAST if last else NOT_LAST) | self._sequence << 2 | number << 10
            if last:
                word |= size >> 2 << 15
            packets.append(word.to_bytes(4, "big") + frame[at : at + size])
        return packets

    def join(self, packet: bytes) -> bytes | None:
        """The frame that a packet completes; None while there is none."""
        if len(packet) < HEADER:
            return None
        word, piece = int.from_bytes(packet[:HEADER], "big"), packet[HEADER:]
        kind, sequence, number = word & 3, word >> 2 & 0xFF, word >> 10 & 0x1F
        if kind == WHOLE:
            return piece
        if kind == TEST or not piece:
            return None
        parts = self._parts.get(sequence)
        if parts is None or parts.conflicts(kind, number, len(piece)):
            self._parts.pop(sequence, None)
            if len(self._parts) >= FRAMES:
                del self._parts[next(iter(self._parts))]
            parts = self._parts[sequence] = Parts()
        size = (word >> 15 & 0x3FFF) << 2 if kind == LAST else len(piece)
        frame = parts.add(kind == LAST, number, size, piece)
        if frame is not None:
            del self._parts[sequence]
        return frame


class Parts:
    """The pieces of one frame."""

    def __init__(self) -> None:
        self.size = 0
        self.last: int | None = None
        self.pieces: dict[int, bytes] = {}

    def conflicts(self, kind: int, number: int, length: int) -> bool:
        """Whether this piece belongs to a later frame with the same number."""
        return number in self.pieces or (kind != LAST and self.size not in (0, length))

    def add(self, last: bool, number: int, size: int, piece: bytes) -> bytes | None:
        """Take a piece; the frame when it is whole."""
        self.size = size
        self.pieces[number] = piece
        if last:
            self.last = number
        if self.last is None or len(self.pieces) != self.last + 1 or max(self.pieces) != self.last:
            return None
        others = [len(self.pieces[at]) for at in range(self.last)]
        if any(length != self.size for length in others) or sum(others) + len(piece) > LARGEST:
            return None
        return b"".join(self.pieces[at] for at in range(self.last + 1))
