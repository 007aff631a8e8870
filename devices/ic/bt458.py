"""Brooktree Bt458: colour map, overlay map and control registers of a frame buffer, by an address register.

    +0 address   +4 colour map   +8 control   +C overlay map

Each colour takes three accesses, red, green, blue; then the address goes on to the next. A word to a map is
four of them, from D31-D24 on; the other registers take D7-D0 of a word.

Source: Brooktree, Bt458 data sheet; NetBSD sparc btreg.h, cgthree.c; TME.
"""

from __future__ import annotations

ADDRESS, COLOURS, CONTROL, OVERLAY = range(0, 16, 4)
READ_MASK, BLINK_MASK, COMMAND, TEST = range(4, 8)
"""Control registers, by address."""
ENTRIES, OVERLAYS = 256, 4


class Bt458:
    """The chip."""

    width = 4

    def __init__(self) -> None:
        self.palette = bytearray(3 * ENTRIES)
        self.overlay = bytearray(3 * OVERLAYS)
        self.control = {READ_MASK: 0xFF, BLINK_MASK: 0, COMMAND: 0x40, TEST: 0}
        self.address = self.primary = 0

    def _at(self) -> int:
        return 3 * self.address + self.primary

    def _advance(self) -> None:
        self.primary = (self.primary + 1) % 3
        if not self.primary:
            self.address = (self.address + 1) % ENTRIES

    def _map(self, register: int) -> bytearray:
        return self.palette if register == COLOURS else self.overlay

    def peek(self, offset: int, size: int) -> int:
        """As a read, but the address stays."""
        kept = self.address, self.primary
        value = self.read(offset, size)
        self.address, self.primary = kept
        return value

    def read(self, offset: int, size: int) -> int:
        """A register; where there is none, zero."""
        register = offset & 0xC
        if register in (COLOURS, OVERLAY):
            table, value = self._map(register), 0
            for _ in range(size):
                at = self._at()
                value = value << 8 | (table[at] if at < len(table) else 0)
                self._advance()
            return value
        byte = self.address if register == ADDRESS else self.control.get(self.address, 0)
        self.primary = 0
        return byte * 0x0101_0101 & (1 << 8 * size) - 1

    def write(self, offset: int, size: int, value: int) -> None:
        """A register; where there is none, nothing."""
        register = offset & 0xC
        if register in (COLOURS, OVERLAY):
            table = self._map(register)
            for byte in value.to_bytes(size, "big"):
                at = self._at()
                if at < len(table):
                    table[at] = byte
                self._advance()
            return
        if register == ADDRESS:
            self.address = value & 0xFF
        elif self.address in self.control:
            self.control[self.address] = value & 0xFF
        self.primary = 0

    @property
    def colours(self) -> bytes:
        """What pixels look like: 256 times red, green, blue, through the read mask."""
        mask = self.control[READ_MASK]
        if mask == 0xFF:
            return bytes(self.palette)
        return b"".join(self.palette[3 * (i & mask) :][:3] for i in range(ENTRIES))
