"""The cache of a SPARCstation 2 as software sees it: tags and data are memories in control space.

64 KB, direct mapped, 32-byte lines. It holds nothing of its own: the processor's accesses go to memory, so
that no line becomes valid but by a write to its tag, and flushes take only such lines away.

    tag   25-22 context   21 writable   20 supervisor   19 valid   15-2 virtual address 29-16

Sources: NetBSD sparc ctlreg.h, cache.h, cache.c; Linux sun4c.c.
"""

from __future__ import annotations

from typing import Any

SIZE, LINE = 0x1_0000, 32
LINES = SIZE // LINE
TAG_BITS = 0x03F8_FFFC
VALID, SUPERVISOR, CONTEXT_SHIFT, ADDRESS = 1 << 19, 1 << 20, 22, 0xFFFC
SEGMENT_SHIFT = 18
PAGE = 0x1000
HW_SEGMENT, HW_PAGE, HW_CONTEXT, SEGMENT, PAGE_LINE, CONTEXT, HW_ALL = 0x5, 0x6, 0x7, 0xC, 0xD, 0xE, 0xF
"""ASIs of flushes."""


class Cache:
    """Tags and data. `state` is the MMU's struct: its `cached` says that some tag is valid."""

    def __init__(self, state: Any) -> None:
        self.state = state
        self.tags = [0] * LINES
        self.data = bytearray(SIZE)

    def read_tag(self, va: int) -> int:
        return self.tags[va % SIZE // LINE]

    def write_tag(self, va: int, value: int) -> None:
        self.tags[va % SIZE // LINE] = value & TAG_BITS
        self.state.cached = int(any(tag & VALID for tag in self.tags))

    def read_data(self, va: int, size: int) -> int:
        at = va % SIZE
        return int.from_bytes(self.data[at : at + size], "big")

    def write_data(self, va: int, size: int, value: int) -> None:
        at = va % SIZE
        self.data[at : at + size] = value.to_bytes(size, "big")

    def flush(self, asi: int, va: int) -> None:
        """A store to a flush ASI: the line at `va`, or by hardware all lines of its page."""
        if asi == HW_ALL:
            self.tags = [tag & ~VALID for tag in self.tags]
            self.state.cached = 0
            return
        by_hardware = asi < SEGMENT
        start, count = (va & -PAGE, PAGE // LINE) if by_hardware else (va, 1)
        for at in range(start, start + count * LINE, LINE):
            tag = self.tags[at % SIZE // LINE]
            if tag & VALID and self._matches(asi, tag, at):
                self.tags[at % SIZE // LINE] = tag & ~VALID
        self.state.cached = int(any(tag & VALID for tag in self.tags))

    def _matches(self, asi: int, tag: int, va: int) -> bool:
        same_context = tag >> CONTEXT_SHIFT & 15 == int(self.state.context)
        if asi in (CONTEXT, HW_CONTEXT):
            return same_context and not tag & SUPERVISOR
        mine = (tag & ADDRESS) >> 2 << 16
        shift = SEGMENT_SHIFT if asi in (SEGMENT, HW_SEGMENT) else 16
        return (same_context or bool(tag & SUPERVISOR)) and mine >> shift == (va & 0x3FFF_FFFF) >> shift
