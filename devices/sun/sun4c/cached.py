"""The processor's accesses while the cache is visible: in the boot state, when the cache is enabled.

    hit    read: the line      write: the line and memory       the tag's bits protect
    miss   read: fills a line  write: takes the line's valid bit  the page's bits protect
    pages that are not to be cached and devices go past it

Sources: TME; NetBSD sparc cache.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from devices.sun.sun4c import cache
from devices.sun.sun4c.mmu import (
    BUS,
    NO_CACHE,
    OBIO_BASE,
    PARITY,
    PROTECTION,
    SPACE_SHIFT,
    SYSTEM,
    WRITABLE,
)
from translator.memory import Refused
from translator.softmmu import EXECUTE, READ, WRITE

if TYPE_CHECKING:
    from devices.sun.sun4c.mainbus import Mainbus

USER_CODE, USER_DATA = 0x8, 0xA
CODE = (0x8, 0x9)
WIDE = 8


class Cached:
    """The cache between a board's processor and its MMU."""

    def __init__(self, board: Mainbus) -> None:
        self.board = board

    def read(self, va: int, size: int, asi: int) -> int:
        """A load or fetch. Raises Refused."""
        lines = self.board.cache
        tag = lines.hit(va)
        if tag is not None:
            self._check(va, asi, tag, False)
            return lines.read_data(va, size)
        phys = self._locate(va, asi, EXECUTE if asi in CODE else READ)
        if not self._is_cacheable(va, phys):
            return self.board.read(phys, va, size, asi)
        start = phys & -cache.LINE
        words = [self.board.read(start + at, va, WIDE, asi) for at in range(0, cache.LINE, WIDE)]
        entry = self.board.maps.page_entry(va)
        bits = (cache.WRITABLE if entry & WRITABLE else 0) | (cache.SUPERVISOR if entry & SYSTEM else 0)
        lines.fill(va, b"".join(word.to_bytes(WIDE, "big") for word in words), bits)
        return lines.read_data(va, size)

    def write(self, va: int, size: int, value: int, asi: int) -> None:
        """A store. Raises Refused."""
        lines = self.board.cache
        tag = lines.hit(va)
        if tag is not None:
            self._check(va, asi, tag, True)
        phys = self._locate(va, asi, WRITE)
        if tag is not None:
            lines.write_data(va, size, value)
        elif self._is_cacheable(va, phys):
            lines.invalidate(va)
        if self.board.cpu is not None and phys >> SPACE_SHIFT == BUS:
            self.board.cpu.memory.wrote(phys, size)
        self.board.write(phys, va, size, value, asi)

    def _check(self, va: int, asi: int, tag: int, writing: bool) -> None:
        """What the tag of a line allows."""
        user = asi in (USER_CODE, USER_DATA)
        if (user and tag & cache.SUPERVISOR) or (writing and not tag & cache.WRITABLE):
            self.board.errors.latch_sync(PROTECTION, va, writing)
            raise Refused

    def _locate(self, va: int, asi: int, how: int) -> int:
        phys = self.board.locate(va, asi, how)
        if phys is None:
            raise Refused
        return phys

    def _is_cacheable(self, va: int, phys: int) -> bool:
        space, address = phys >> SPACE_SHIFT, phys & (1 << SPACE_SHIFT) - 1
        return (
            space in (BUS, PARITY) and address < OBIO_BASE and not self.board.maps.page_entry(va) & NO_CACHE
        )
