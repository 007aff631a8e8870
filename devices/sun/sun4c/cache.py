"""The cache of a SPARCstation 2: tags and data, which are memories in control space too.

64 KB, direct mapped, 32-byte lines, write through. Outside of the boot state nothing looks at it: memory has
what the cache would have. In the boot state, where self-tests run, it is visible (cached.py).

    tag   25-22 context   21 writable   20 supervisor   19 valid   15-2 virtual address 29-16

Sources: NetBSD sparc ctlreg.h, cache.h, cache.c; Linux sun4c.c; TME.
"""

from __future__ import annotations

from typing import Any

SIZE, LINE = 0x1_0000, 32
LINES = SIZE // LINE
TAG_BITS = 0x03F8_FFFC
WRITABLE, SUPERVISOR, VALID = 1 << 21, 1 << 20, 1 << 19
CONTEXT_SHIFT, CONTEXT_BITS, ADDRESS = 22, 15, 0xFFFC
SEGMENT_SHIFT = 18
PAGE = 0x1000
HW_SEGMENT, HW_PAGE, HW_CONTEXT, SEGMENT, PAGE_LINE, CONTEXT, HW_ALL = 0x5, 0x6, 0x7, 0xC, 0xD, 0xE, 0xF
"""ASIs of flushes."""


def address_tag(va: int) -> int:
    """The address field of a line's tag."""
    return va >> 16 << 2 & ADDRESS


class Cache:
    """Tags and data. `state` is the MMU's struct: its `lines` says that some tag is valid."""

    def __init__(self, state: Any) -> None:
        self.state = state
        self.tags = [0] * LINES
        self.data = bytearray(SIZE)
        self._valid = 0  #: how many tags are

    def read_tag(self, va: int) -> int:
        return self.tags[va % SIZE // LINE]

    def write_tag(self, va: int, value: int) -> None:
        line = va % SIZE // LINE
        self._valid += bool(value & VALID) - bool(self.tags[line] & VALID)
        self.tags[line] = value & TAG_BITS
        self.state.lines = int(self._valid > 0)

    def read_data(self, va: int, size: int) -> int:
        at = va % SIZE
        return int.from_bytes(self.data[at : at + size], "big")

    def write_data(self, va: int, size: int, value: int) -> None:
        at = va % SIZE
        self.data[at : at + size] = value.to_bytes(size, "big")

    def _is_ours(self, tag: int) -> bool:
        """The line is the present context's, or the supervisor's, which all share."""
        context = tag >> CONTEXT_SHIFT & CONTEXT_BITS
        return bool(tag & SUPERVISOR) or context == int(self.state.context)

    def hit(self, va: int) -> int | None:
        """The tag of the line that has an address; None when none has."""
        tag = self.read_tag(va)
        return tag if tag & VALID and self._is_ours(tag) and tag & ADDRESS == address_tag(va) else None

    def fill(self, va: int, data: bytes, bits: int) -> None:
        """A line of memory; `bits`: WRITABLE and SUPERVISOR as its page is."""
        start = va % SIZE & -LINE
        self.data[start : start + LINE] = data
        self.write_tag(va, int(self.state.context) << CONTEXT_SHIFT | bits | VALID | address_tag(va))

    def invalidate(self, va: int) -> None:
        """Take the valid bit of an address's line."""
        self.write_tag(va, self.read_tag(va) & ~VALID)

    def flush(self, asi: int, va: int) -> None:
        """A store to a flush ASI: the line at `va`, or by hardware all lines of its page, or all."""
        if asi == HW_ALL:
            start, count = 0, LINES
        elif asi < SEGMENT:
            start, count = va & -PAGE, PAGE // LINE
        else:
            start, count = va, 1
        for at in range(start, start + count * LINE, LINE):
            tag = self.read_tag(at)
            if tag & VALID and self._matches(asi, tag, at):
                self.invalidate(at)

    def _matches(self, asi: int, tag: int, va: int) -> bool:
        if asi == HW_ALL:
            return True
        if asi in (CONTEXT, HW_CONTEXT):
            return self._is_ours(tag) and not tag & SUPERVISOR
        mine = (tag & ADDRESS) >> 2 << 16
        shift = SEGMENT_SHIFT if asi in (SEGMENT, HW_SEGMENT) else 16
        return self._is_ours(tag) and mine >> shift == (va & 0x3FFF_FFFF) >> shift
