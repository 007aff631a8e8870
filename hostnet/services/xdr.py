"""External data representation: words, opaque bytes and strings. Source: RFC 1014."""

from __future__ import annotations

import struct


class Garbage(ValueError):
    """Arguments that are too short or too long."""


class Reader:
    """Takes values from bytes; raises Garbage."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def fixed(self, size: int) -> bytes:
        """Exactly `size` bytes, and what pads them to a word."""
        end = self.at + size
        if end > len(self.data):
            raise Garbage
        found = self.data[self.at : end]
        self.at = end + (-size & 3)
        return found

    def uint(self) -> int:
        return int.from_bytes(self.fixed(4), "big")

    def uints(self, count: int) -> tuple[int, ...]:
        return struct.unpack(f"!{count}I", self.fixed(4 * count))

    def opaque(self, most: int) -> bytes:
        """Bytes behind their length."""
        size = self.uint()
        if size > most:
            raise Garbage
        return self.fixed(size)

    def rest(self) -> bytes:
        return self.data[self.at :]


def uints(*values: int) -> bytes:
    """Words."""
    return struct.pack(f"!{len(values)}I", *(value & 0xFFFF_FFFF for value in values))


def opaque(data: bytes) -> bytes:
    """Bytes behind their length, padded."""
    return uints(len(data)) + data + bytes(-len(data) & 3)
