"""The Sun-3 memory management unit: contexts, segment map, page map, and what a bus cycle makes of them.

    virtual address   27        17 16     13 12           0       8 contexts of 2048 segments of 128 KB
                      [ segment  ][  page  ][   offset    ]       256 PMEGs (page map groups) of 16 8-KB pages

    segment map [context, segment] ─► PMEG
    page map    [PMEG, page]       ─► V W S X TT A M … frame      physical address = TT, frame, offset

`translate` is a semantics function of the translator: native code and the concrete engine are made from it.
It works on the struct `Sun3Mmu.state`; the rest of this file is control space's view of that struct.

Sources: NetBSD sys/arch/sun3 (pte3.h, control.h, sun3mmu.h); Linux arch/m68k/sun3; docs/machines/sun3.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from translator.memory import Mmu
from translator.softmmu import ASK, FLUSH, NEW_CONTEXT, PEEK, REFUSED, UNCACHED, WRITE
from translator.spec.semantics import Reg, Semantics
from translator.spec.value import Val
from translator.state import Layout

CONTEXTS, SEGMENTS, PMEGS, PAGES = 8, 2048, 256, 16
SEGMENT_BITS, PAGE_BITS = 17, 13
VA_MASK = 0x0FFF_FFFF

VALID, WRITABLE, SYSTEM, NO_CACHE = 1 << 31, 1 << 30, 1 << 29, 1 << 28
ACCESSED, MODIFIED = 1 << 25, 1 << 24
PTE_BITS = 0xFF07_FFFF
"""The bits of a page map entry that exist."""

SPACE_SHIFT = 40
OBMEM, OBIO, VME16, VME32, CONTROL, PARITY = range(6)
"""Spaces of physical addresses, in bits 40 and up: the four page types, control space, and main memory while
its parity matters (devices.sun.parity)."""
FC_CONTROL, FC_SUPER_DATA, FC_SUPER_PROGRAM = 3, 5, 6

INVALID, PROTECTION, TIMEOUT = 0x80, 0x40, 0x20
"""Causes in the bus error register."""
NOT_BOOT = 0x80
"""Of the enable register."""
PROM_SIZE = 0x1_0000
PROM_FRAMES = 0x10_0000 >> 16
"""Page frames of type OBIO, without their low 3 bits, at which the PROM answers."""
EEPROM_FRAMES = 0x04_0000 >> 16

PROM = Reg("prom", 64)  # where the PROM answers, as a physical address
MEMORY = Reg("memory", 64)  # what page type 0 is: OBMEM or PARITY, shifted
CONTEXT = Reg("context", 32)
ENABLE = Reg("enable", 32)
BUS_ERROR = Reg("bus_error", 32)
PAGE_MAP = Reg("page_map", 32, PMEGS * PAGES)
SEGMENT_MAP = Reg("segment_map", 8, CONTEXTS * SEGMENTS)
LAYOUT = Layout("sun3mmu", (PROM, MEMORY, CONTEXT, ENABLE, BUS_ERROR, PAGE_MAP, SEGMENT_MAP), core=False)


def translate(s: Semantics, va: Val, fc: Val, how: Val) -> Val:
    """Physical address of a bus cycle, or REFUSED; records causes, sets accessed and modified bits."""

    # What both sides of a condition use is computed in front of it.
    pmeg = s.read(SEGMENT_MAP, s.read(CONTEXT) << 11 | va.bits(27, 17).zext(32))
    index = pmeg.zext(32) << 4 | va.bits(16, 13).zext(32)
    pte = s.read(PAGE_MAP, index)
    writing = how == WRITE
    control = fc == FC_CONTROL
    booting = (fc == FC_SUPER_PROGRAM) & ((s.read(ENABLE) & NOT_BOOT) == 0)
    decoded = fc.bit(0) ^ fc.bit(1)  # data and program of user and supervisor: nothing answers elsewhere
    allowed = (fc.bit(2) | ~pte.bit(29)) & (~writing | pte.bit(30))
    good = decoded & pte.bit(31) & allowed

    def used() -> None:
        s.write(PAGE_MAP, pte | ACCESSED | writing.zext(32) << 24, index)

    def refused() -> None:
        cause = pte.bit(31).select(s.const(PROTECTION, 32), INVALID)
        s.write(BUS_ERROR, decoded.select(cause, TIMEOUT))

    s.if_(~(control | booting | (how == PEEK)), lambda: s.if_(good, used, refused))
    frame, kind, low = pte & 0x7FFFF, pte.bits(27, 26), va.zext(64)
    prom = s.read(PROM) | low & 0xFFFF  # the PROM's address lines are the processor's, not the MMU's
    is_prom = booting | (kind == OBIO) & (frame.lsr(3) == PROM_FRAMES)
    space = (kind == OBMEM).select(s.read(MEMORY), kind.zext(64) << SPACE_SHIFT)
    address = space | frame.zext(64) << PAGE_BITS | low & 0x1FFF
    mapped = (good | booting).select(is_prom.select(prom, address), REFUSED)
    return control.select(low | CONTROL << SPACE_SHIFT | UNCACHED, mapped)


PAGE_MAP_SPACE, SEGMENT_MAP_SPACE, CONTEXT_SPACE, BUS_ERROR_SPACE = 1, 2, 3, 6
"""Of control space, in the top four bits of an address (see space.py)."""


def registers(s: Semantics, va: Val, desc: Val, value: Val) -> Val:
    """The usual cycles to control space, as space.py does them, for native code (translator.memory.Mmu).

    Left to Python: what could take a page from under translated code, other registers, odd sizes.
    """
    number, size, writing = va.bits(31, 28), desc & 0xFF, desc.bit(16)
    context = s.read(CONTEXT)
    segment = context << 11 | va.bits(27, 17).zext(32)
    pmeg = s.read(SEGMENT_MAP, segment)
    index = pmeg.zext(32) << 4 | va.bits(16, 13).zext(32)
    pte, bus_error = s.read(PAGE_MAP, index), s.read(BUS_ERROR)
    byte = size == 1
    is_page = (number == PAGE_MAP_SPACE) & (size == 4) & ((va & 3) == 0)
    is_segment = (number == SEGMENT_MAP_SPACE) & byte
    is_context = (number == CONTEXT_SPACE) & byte
    is_cause = (number == BUS_ERROR_SPACE) & byte

    entry = value & PTE_BITS
    block = (pte & 0x7FFFF).lsr(3)
    device = (pte.bits(27, 26) == OBIO) & (block != PROM_FRAMES) & (block != EEPROM_FRAMES)  # holds no code
    same = entry == pte
    page = is_page & writing & (same | ~pte.bit(31) | device)
    first = pmeg.zext(32) << 4
    used = s.read(PAGE_MAP, first)
    for k in range(1, PAGES):
        used = used | s.read(PAGE_MAP, first | k)
    pmeg_too = is_segment & writing & ((value.trunc(8) == pmeg) | ~used.bit(31))
    new_context = value & CONTEXTS - 1

    s.if_(page, lambda: s.write(PAGE_MAP, entry, index))
    s.if_(pmeg_too, lambda: s.write(SEGMENT_MAP, value.trunc(8), segment))
    s.if_(is_context & writing, lambda: s.write(CONTEXT, new_context))
    s.if_(is_cause, lambda: s.write(BUS_ERROR, s.const(0, 32)))

    done = page | pmeg_too | is_context | is_cause | (is_page | is_segment) & ~writing
    found = is_page.select(pte, is_segment.select(pmeg.zext(32), is_context.select(context, bus_error)))
    moved = page & ~same & pte.bit(31)
    switched = is_context & writing & (new_context != context)
    answer = writing.select(new_context, found).zext(64)
    flags = moved.select(s.const(FLUSH, 64), 0) | switched.select(s.const(FLUSH | NEW_CONTEXT, 64), 0)
    return done.select(answer | flags, ASK)


def physical(entry: int) -> int | None:
    """Physical address of the page of a page map entry; None for the PROM: there the address decides."""
    kind, frame = entry >> 26 & 3, entry & 0x7FFFF
    if kind == OBIO and frame >> 3 == PROM_FRAMES:
        return None
    return kind << SPACE_SHIFT | frame << PAGE_BITS


class Sun3Mmu:
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
        self.mmu = Mmu(LAYOUT, translate, PAGE_BITS, self.state, address, registers, VA_MASK)
        self.moved, self.segment_moved = moved, segment_moved
        self.page_map = PageMap(self)
        self.segment_map = SegmentMap(self)

    def segment_index(self, va: int) -> int:
        """Index in the segment map, in the present context."""
        return int(self.state.context) << 11 | va >> SEGMENT_BITS & SEGMENTS - 1

    def page_index(self, va: int) -> int:
        """Index in the page map, by the present context's segment map."""
        return int(self.state.segment_map[self.segment_index(va)]) << 4 | va >> PAGE_BITS & PAGES - 1


    def pages(self, first: int) -> list[int]:
        """Physical addresses of the pages that valid entries of the PMEG that begins there can lead to."""
        entries = [e for e in self.state.page_map[first : first + PAGES] if e & VALID]
        places = {physical(entry) for entry in entries}
        prom = range(self.state.prom, self.state.prom + PROM_SIZE, 1 << PAGE_BITS) if None in places else ()
        return [place for place in places if place is not None] + [*prom]


class PageMap:
    """Page map (control space 1): the entry of the addressed page in the present context."""

    width = 4

    def __init__(self, mmu: Sun3Mmu) -> None:
        self.mmu = mmu

    def read(self, offset: int, size: int) -> int:
        value = int(self.mmu.state.page_map[self.mmu.page_index(offset)])
        return value >> 8 * (4 - size - (offset & 3)) & (1 << 8 * size) - 1

    peek = read

    def write(self, offset: int, size: int, value: int) -> None:
        index, table = self.mmu.page_index(offset), self.mmu.state.page_map
        old = int(table[index])
        shift = 8 * (4 - size - (offset & 3))
        mask = (1 << 8 * size) - 1
        new = (old & ~(mask << shift) | (value & mask) << shift) & PTE_BITS
        if new != old:
            table[index] = new
            if old & VALID:
                self.mmu.moved(old)


class SegmentMap:
    """Segment map (control space 2): the PMEG of the addressed segment in the present context."""

    width = 1

    def __init__(self, mmu: Sun3Mmu) -> None:
        self.mmu = mmu

    def read(self, offset: int, size: int) -> int:
        return int(self.mmu.state.segment_map[self.mmu.segment_index(offset)])

    peek = read

    def write(self, offset: int, size: int, value: int) -> None:
        state, index = self.mmu.state, self.mmu.segment_index(offset)
        old = int(state.segment_map[index])
        if value == old:
            return
        state.segment_map[index] = value
        first = old << 4
        if any(entry & VALID for entry in state.page_map[first : first + PAGES]):
            self.mmu.segment_moved(offset & -1 << SEGMENT_BITS, first)
