"""The sun4c memory management unit: contexts, segment map, page map, and what a bus cycle makes of them.

    virtual address   29        18 17     12 11           0       16 contexts of 4096 segments of 256 KB
                      [ segment  ][  page  ][   offset    ]       256 PMEGs (page map groups) of 64 4-KB pages
    bits 31-29 are equal; addresses where they are not (20000000-DFFFFFFF) do not exist: "the hole"

    segment map [context, segment] ─► PMEG
    page map    [PMEG, page]       ─► V W S X TT A M … frame      physical address = TT, frame, offset

Function codes are address space identifiers (ASI): 8-B are mapped, the others are control space (space.py).
`translate` is a semantics function of the translator: native code and the concrete engine are made from it.
It works on the struct `Sun4cMmu.state`; the rest of this file is control space's view of that struct.

Sources: NetBSD sys/arch/sparc (ctlreg.h, pte.h, pmap.c); Linux pgtsun4c.h; TME; docs/machines/sun4c.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from translator.memory import Mmu
from translator.softmmu import ASK, FLUSH, NEW_CONTEXT, PEEK, REFUSED, UNCACHED, WRITE
from translator.spec.semantics import Reg, Semantics
from translator.spec.value import Val
from translator.state import Layout

CONTEXTS, SEGMENTS, PMEGS, PAGES = 16, 4096, 256, 64
SEGMENT_BITS, PAGE_BITS = 18, 12
LAST_PMEG = PMEGS - 1

VALID, WRITABLE, SYSTEM, NO_CACHE = 1 << 31, 1 << 30, 1 << 29, 1 << 28
ACCESSED, MODIFIED = 1 << 25, 1 << 24
PTE_BITS = 0xFF00_FFFF
"""The bits of a page map entry that exist."""
OBMEM, OBIO = 0, 1
"""Page types; 2 and 3 lead nowhere."""

SPACE_SHIFT = 40
BUS, NOWHERE, CONTROL, PARITY, CACHED = range(5)
"""Spaces of physical addresses, in bits 40 and up: the bus (memory from 0, OBIO from F0000000), page types 2
and 3, control space, main memory while its parity matters (devices.sun.parity), and virtual addresses while
the cache is visible (cached.py)."""
OBIO_BASE = 0xF000_0000
PROM_BASE, PROM_SIZE = 0xF600_0000, 0x4_0000
"""The boot state's fetches go here, by the low bits of their address."""

NVRAM_FRAME = 0x2000

ASI_CONTROL, ASI_SEGMENT_MAP, ASI_PAGE_MAP = 2, 3, 4
ASI_SUPER_CODE, ASI_SUPER_DATA = 0x9, 0xB
FLUSHES = (0x5, 0x6, 0x7, 0xC, 0xD, 0xE, 0xF)
"""Cache flushes: by hardware a segment, page, context; a line of a segment, page, context; all."""
CONTEXT_NUMBER, ERROR_NUMBER = 3, 6
"""Registers of ASI 2 by the top four bits of their address."""

INVALID, PROTECTION = 0x80, 0x40
ON_WRITE = 0x8000
"""Bits of the synchronous error register."""
NOT_BOOT, CACHE = 0x80, 0x10
"""Of the enable register. The cache is visible in the boot state alone."""

MEMORY = Reg("memory", 64)  # what page type 0 is: BUS or PARITY, shifted
CONTEXT = Reg("context", 32)
ENABLE = Reg("enable", 32)
SYNC_ERROR = Reg("sync_error", 32)
SYNC_VA = Reg("sync_va", 32)
LINES = Reg("lines", 32)  # some cache tag is valid: flushes have something to do
PAGE_MAP = Reg("page_map", 32, PMEGS * PAGES)
SEGMENT_MAP = Reg("segment_map", 8, CONTEXTS * SEGMENTS)
LAYOUT = Layout(
    "sun4cmmu", (MEMORY, CONTEXT, ENABLE, SYNC_ERROR, SYNC_VA, LINES, PAGE_MAP, SEGMENT_MAP), core=False
)


def _in_hole(va: Val) -> Val:
    """1 for addresses that do not exist."""
    top = va.bits(31, 29)
    return (top != 0) & (top != 7)


def translate(s: Semantics, va: Val, asi: Val, how: Val) -> Val:
    """Physical address of a bus cycle, or REFUSED; records causes, sets accessed and modified bits."""

    # What both sides of a condition use is computed in front of it.
    pmeg = s.read(SEGMENT_MAP, s.read(CONTEXT) << 12 | va.bits(29, 18).zext(32))
    index = pmeg.zext(32) << 6 | va.bits(17, 12).zext(32)
    pte, error = s.read(PAGE_MAP, index), s.read(SYNC_ERROR)
    writing = how == WRITE
    mapped = asi.lsr(2) == 2
    enable = s.read(ENABLE)
    booting = (asi == ASI_SUPER_CODE) & ((enable & NOT_BOOT) == 0)
    cached = mapped & ((enable & (NOT_BOOT | CACHE)) == CACHE) & ~booting & (how != PEEK)
    valid = pte.bit(31) & ~_in_hole(va)
    allowed = (asi.bit(0) | ~pte.bit(29)) & (~writing | pte.bit(30))
    good = valid & allowed

    def used() -> None:
        s.write(PAGE_MAP, pte | ACCESSED | writing.zext(32) << 24, index)

    def refused() -> None:
        cause = valid.select(s.const(PROTECTION, 32), INVALID)
        s.write(SYNC_ERROR, error & ~ON_WRITE | cause | writing.zext(32) << 15)
        s.write(SYNC_VA, va)

    s.if_(mapped & ~booting & ~cached & (how != PEEK), lambda: s.if_(good, used, refused))
    kind, low = pte.bits(27, 26), va.zext(64)
    offset = (pte & 0xFFFF).zext(64) << PAGE_BITS | low & 0xFFF
    nowhere = s.const(NOWHERE << SPACE_SHIFT, 64)
    base = (kind == OBMEM).select(s.read(MEMORY), (kind == OBIO).select(s.const(OBIO_BASE, 64), nowhere))
    where = booting.select(low & PROM_SIZE - 1 | PROM_BASE, base | offset)
    found = (good | booting).select(where, REFUSED)
    visible = cached.select(low | CACHED << SPACE_SHIFT, found)
    return mapped.select(visible, low | CONTROL << SPACE_SHIFT | UNCACHED)


def registers(s: Semantics, va: Val, desc: Val, value: Val) -> Val:
    """The usual cycles to control space, as space.py does them, for native code (translator.memory.Mmu).

    Left to Python: what could take a page from under translated code, other registers, odd sizes.
    """
    number, size, asi, writing = va.bits(31, 28), desc & 0xFF, desc.bits(15, 8), desc.bit(16)
    context, error, error_va = s.read(CONTEXT), s.read(SYNC_ERROR), s.read(SYNC_VA)
    segment = context << 12 | va.bits(29, 18).zext(32)
    pmeg = s.read(SEGMENT_MAP, segment)
    index = pmeg.zext(32) << 6 | va.bits(17, 12).zext(32)
    pte, hole = s.read(PAGE_MAP, index), _in_hole(va)
    byte, word = size == 1, size == 4
    control = asi == ASI_CONTROL
    is_page = (asi == ASI_PAGE_MAP) & word & ~hole
    is_segment = (asi == ASI_SEGMENT_MAP) & (byte | word) & ~hole
    is_context = control & (number == CONTEXT_NUMBER) & byte
    is_error = control & (va == ERROR_NUMBER << 28) & word & ~writing
    is_error_va = control & (va == (ERROR_NUMBER << 28) + 4) & word & ~writing
    flush = s.const(0, 1)
    for number_ in FLUSHES:
        flush = flush | (asi == number_)
    is_flush = flush & writing & (s.read(LINES) == 0)

    entry = value & PTE_BITS
    prom = (pte & 0xFFC0) == PROM_BASE - OBIO_BASE >> PAGE_BITS
    sbus, nvram = pte.bit(15), (pte & 0xFFFF) == NVRAM_FRAME
    device = (pte.bits(27, 26) == OBIO) & ~prom & ~sbus & ~nvram  # these hold no code
    same = entry == pte
    page = is_page & writing & (same | ~pte.bit(31) | device)
    first = pmeg.zext(32) << 6
    used = s.read(PAGE_MAP, first)
    for k in range(1, PAGES):
        used = used | s.read(PAGE_MAP, first | k)
    pmeg_too = is_segment & writing & ((value.trunc(8) == pmeg) | ~used.bit(31))
    new_context = value & CONTEXTS - 1

    s.if_(page, lambda: s.write(PAGE_MAP, entry, index))
    s.if_(pmeg_too, lambda: s.write(SEGMENT_MAP, value.trunc(8), segment))
    s.if_(is_context & writing, lambda: s.write(CONTEXT, new_context))
    s.if_(is_error, lambda: s.write(SYNC_ERROR, s.const(0, 32)))

    reading = (is_page | is_segment) & ~writing
    done = page | pmeg_too | is_context | is_error | is_error_va | is_flush | reading
    wrong = is_error.select(error, error_va)
    found = is_page.select(pte, is_segment.select(pmeg.zext(32), is_context.select(context, wrong)))
    moved = page & ~same & pte.bit(31)
    switched = is_context & writing & (new_context != context)
    answer = writing.select(new_context, found).zext(64)
    flags = moved.select(s.const(FLUSH, 64), 0) | switched.select(s.const(FLUSH | NEW_CONTEXT, 64), 0)
    return done.select(answer | flags, ASK)


def physical(entry: int) -> int:
    """Physical address of the page of a page map entry."""
    kind, offset = entry >> 26 & 3, (entry & 0xFFFF) << PAGE_BITS
    return (0, OBIO_BASE, NOWHERE << SPACE_SHIFT, NOWHERE << SPACE_SHIFT)[kind] | offset


class Sun4cMmu:
    """The maps and registers of one board.

    moved(*entries) is called when addresses no longer reach the pages of valid entries, or not as before;
    segment_moved(va, first) when those of a segment no longer reach the pages of the PMEG that begins there.
    """

    def __init__(
        self,
        moved: Callable[..., None] = lambda *entries: None,
        segment_moved: Callable[[int, int], None] = lambda va, first: None,
    ) -> None:
        self.state: Any
        self.state, self._owner, address = LAYOUT.new()
        self.mmu = Mmu(LAYOUT, translate, PAGE_BITS, self.state, address, registers)
        self.moved, self.segment_moved = moved, segment_moved

    def segment_index(self, va: int) -> int | None:
        """Index in the segment map, in the present context; None in the hole."""
        if va >> 29 not in (0, 7):
            return None
        return int(self.state.context) << 12 | va >> SEGMENT_BITS & SEGMENTS - 1

    def page_index(self, va: int) -> int | None:
        """Index in the page map, by the present context's segment map; None in the hole."""
        segment = self.segment_index(va)
        if segment is None:
            return None
        return int(self.state.segment_map[segment]) << 6 | va >> PAGE_BITS & PAGES - 1

    def page_entry(self, va: int) -> int:
        """Page map entry of an address in the present context; in the hole there is none, which is zero."""
        index = self.page_index(va)
        return 0 if index is None else int(self.state.page_map[index])

    def set_page_entry(self, va: int, entry: int) -> None:
        """Change it, in every context that uses the PMEG."""
        index = self.page_index(va)
        if index is None:
            return
        old, new = int(self.state.page_map[index]), entry & PTE_BITS
        if new != old:
            self.state.page_map[index] = new
            if old & VALID:
                self.moved(old)

    def pmeg(self, va: int) -> int:
        """PMEG of the segment of an address in the present context; in the hole the last one."""
        segment = self.segment_index(va)
        return LAST_PMEG if segment is None else int(self.state.segment_map[segment])

    def set_pmeg(self, va: int, number: int) -> None:
        """Change it."""
        segment = self.segment_index(va)
        old = self.pmeg(va)
        number &= LAST_PMEG
        if segment is None or number == old:
            return
        self.state.segment_map[segment] = number
        first = old * PAGES
        if any(entry & VALID for entry in self.state.page_map[first : first + PAGES]):
            self.segment_moved(va & -1 << SEGMENT_BITS, first)

    def pages(self, first: int) -> list[int]:
        """Physical addresses of the pages of valid entries of the PMEG that begins there."""
        entries = self.state.page_map[first : first + PAGES]
        return [physical(entry) for entry in entries if entry & VALID]
