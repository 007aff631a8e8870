"""What native code remembers of the machine's maps, and what is forgotten when they change.

soft-TLB       where a page of one context and mode lies           any change of the maps
windows        the same for compiled code (translator.fastmem)     pages and segments that moved
jump cache     which region belongs to an address                  only if a page of code moved
fetch window   the page that the interpreter is in                 with the soft-TLB
"""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from .isa import Model
from .memory import GuestMemory, Mmu, Range
from .state import RANGES, TLB_ENTRIES, TLB_MODES

if TYPE_CHECKING:
    from .fastmem import Fastmem

NO_TAGS = array("I", b"\xff" * (4 * TLB_ENTRIES * TLB_MODES))


class Maps:
    """The part of a processor that knows memory by address."""

    model: Model
    state: Any
    address: int  # of the state
    mmu: Mmu
    memory: GuestMemory
    jit: Any
    fastmem: Fastmem | None  # windows on memory, if the JIT has them
    jumps_used: bool  # the jump cache may hold something

    def _see_tags(self) -> None:
        """Find the soft-TLB's tags for writes."""
        tlb = self.address + self.model.isa.layout.offset("tlb")
        words = (ctypes.c_uint32 * (8 * len(NO_TAGS))).from_address(tlb)
        self._write_tags = memoryview(words).cast("B").cast("I")[1::8]

    def map(self, base: int, size: int, host: int, writable: bool, owner: Any = None) -> Range:
        """Put host memory at a physical address; native code then reaches it without Python."""
        if len(self.memory.ranges) == RANGES:
            raise ValueError(f"more than {RANGES} memories on one machine")
        r = Range(base, size, host, writable, self.mmu.page_bits, owner)
        slot = self.state.ranges[len(self.memory.ranges)]
        slot.base, slot.size, slot.host = base, size, host
        slot.writable = int(writable and self.memory.on_write is None)
        slot.code, slot.fine = ctypes.addressof(r.code), ctypes.addressof(r.fine)
        self.memory.ranges.append(r)
        self.state.range_count = len(self.memory.ranges)
        self.flush()
        return r

    def flush(self) -> None:
        """Forget all translations of addresses (the machine's maps have changed)."""
        self.flush_tlb()
        self.flush_jumps()

    def flush_tlb(self) -> None:
        """Forget where addresses lead, but not where regions are: enough when no code page has moved."""
        self._flush_tags()
        if self.fastmem is not None:
            self.fastmem.flush()

    def _flush_tags(self) -> None:
        """Empty the soft-TLB."""
        s = self.state
        tlb = self.model.isa.layout.offset("tlb")
        ctypes.memset(self.address + tlb, 0xFF, TLB_ENTRIES * TLB_MODES * 32)
        s.fetch_span, s.fetch_end = 0, 0

    def page_moved(self, *pages: int) -> None:
        """Addresses that led to pages (their physical addresses) no longer do, or not in the same way."""
        self._flush_tags()
        if not self.jumps_used and self.fastmem is None:
            return
        bits, code = self.mmu.page_bits, False
        for phys in pages:
            hit = self.memory.find(phys)
            if hit is not None:
                page = hit[1] >> bits
                code |= self.jumps_used and bool(hit[0].code[page])
                if self.fastmem is not None:
                    self.fastmem.revoke(hit[0].host + (page << bits))
        if code:
            self.flush_jumps()

    def segment_moved(self, va: int, size: int, pages: Callable[[], Iterable[int]]) -> None:
        """In the present context addresses va … va+size-1 lead elsewhere; pages: physical addresses of those
        that were there, for whoever has to know."""
        self._flush_tags()
        if self.fastmem is not None:
            self.fastmem.hide(int(self.state.mmu_context), va, size)
        if self.jumps_used and self.jit is not None and self.jit.linked.lie_in(va, size):
            bits = self.mmu.page_bits
            hits = filter(None, map(self.memory.find, pages()))
            if any(r.code[offset >> bits] for r, offset in hits):
                self.flush_jumps()

    def flush_writes(self, *hosts: int) -> None:
        """Forget which pages may be written without a look. hosts: pages that hold translated code now."""
        self._write_tags[:] = NO_TAGS
        if self.fastmem is not None:
            for host in hosts:
                self.fastmem.protect(host)

    def flush_jumps(self) -> None:
        """Forget which regions belong to which addresses."""
        if not self.jumps_used:
            return
        self.jumps_used = False
        layout = self.model.isa.layout
        start, end = layout.offset("jumps"), layout.offset("heat")
        ctypes.memset(self.address + start, 0xFF, end - start)
        if self.jit is not None:
            self.jit.forget_addresses()

    def set_context(self, context: int) -> None:
        """The MMU context has changed: the soft-TLB is for one, the jump cache for all."""
        s = self.state
        s.mmu_context = context
        s.context = (context << 1 | s.mode) << 32
        self._flush_tags()
        if self.fastmem is not None:
            self.fastmem.use_context(context)

    def mode_changed(self) -> None:
        s = self.state
        s.context = (s.mmu_context << 1 | s.mode) << 32
        s.fetch_span, s.fetch_end = 0, 0
