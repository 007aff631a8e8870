"""Where guest code lies: the pages behind virtual addresses, and whether the guest has been there.

A region may rest only on pages in which the guest has executed, so that its use of them leaves no mark in the
MMU that an interpreter would not have left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .memory import Range

if TYPE_CHECKING:
    from .cpu import Cpu

Home = tuple[Range, int, int]  # memory, offset, length
Pages = dict[int, tuple[Range, int]]  # virtual page -> memory, offset

REACH = 2  # pages on either side of the entry's that a region may extend into
MASK32 = 0xFFFFFFFF


class Places:
    """Guest code of one CPU; looking leaves no trace."""

    def __init__(self, cpu: Cpu) -> None:
        self.cpu = cpu
        self._fc = [cpu.model.isa.fcs(m, "program") for m in (0, 1)]

    def page(self, va: int, mode: int) -> tuple[Range, int] | None:
        """Where the page of `va` lies, if it can be executed and is plain memory."""
        size = 1 << self.cpu.mmu.page_bits
        hit = self.cpu.memory.host_of(va & ~(size - 1), self._fc[mode])
        return hit if hit is not None and hit[1] + size <= hit[0].size else None

    def surroundings(self, entry: int, mode: int) -> Pages:
        """Where the entry's page lies, and those around it in which the guest has executed lately."""
        size = 1 << self.cpu.mmu.page_bits
        out = {}
        for k in (0, *(d for i in range(1, REACH + 1) for d in (i, -i))):
            va = ((entry & -size) + k * size) & MASK32
            hit = self.page(va, mode) if k == 0 or self.executed(va, mode) else None
            if hit is not None:
                out[va] = hit
        return out

    def executed(self, va: int, mode: int) -> bool:
        """Whether the guest has executed in the page lately, so that its tables say so."""
        page = self.cpu.mmu.page_bits
        entry = self.cpu.state.tlb[(va >> page & 255) + mode * 256]
        return bool(entry.xtag == va & -(1 << page) & MASK32)

    def cut(self, spans: list[tuple[int, int]], where: Pages) -> list[Home] | None:
        """Where spans of guest code lie, cut at pages; None if a page is not known."""
        size = 1 << self.cpu.mmu.page_bits
        out = []
        for at, n in by_page(spans, size):
            if at & -size not in where:
                return None
            r, offset = where[at & -size]
            out.append((r, offset + (at & size - 1), n))
        return out

    def homes(self, spans: list[tuple[int, int]], mode: int) -> list[Home] | None:
        """Where spans of guest code lie now; None if one of their pages is no plain memory."""
        size = 1 << self.cpu.mmu.page_bits
        where = {}
        for va in {at & -size for at, _ in by_page(spans, size)}:
            hit = self.page(va, mode)
            if hit is None:
                return None
            where[va] = hit
        return self.cut(spans, where)

    def all_executed(self, spans: list[tuple[int, int]], mode: int) -> bool:
        """Whether the guest has executed in all pages of the spans lately."""
        size = 1 << self.cpu.mmu.page_bits
        return all(self.executed(va, mode) for va in {at & -size for at, _ in by_page(spans, size)})


def by_page(spans: list[tuple[int, int]], size: int) -> list[tuple[int, int]]:
    """The same (address, length) pieces, cut at the ends of pages."""
    out = []
    for at, n in spans:
        while n:
            take = min(n, (at & ~(size - 1)) + size - at)
            out.append((at, take))
            at, n = at + take, n - take
    return out


def contents(homes: list[Home]) -> bytes:
    """The bytes that are there now, one after the other."""
    return b"".join(bytes(memoryview(r.bytes)[o : o + n]) for r, o, n in homes)
