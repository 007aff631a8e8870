"""Linked regions: where their host code is, which addresses lead to them, and which guest bytes they rest on.

    link ─► granules marked, write tags gone ─► jump cache: context, mode, pc ─► host code
    store into one of those granules, from any master ─► the regions on the bytes are dropped first

A region is valid for guest code bytes at a virtual address in a privilege mode; the jump cache says for which
MMU contexts.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .llvm.fast import SITES
from .memory import Range
from .places import Home, Places
from .softmmu import GRANULE_BITS
from .state import JUMP_ENTRIES
from .translation import Translation

if TYPE_CHECKING:
    from .cpu import Cpu
    from .fastmem import Fastmem

MASK32 = 0xFFFFFFFF
Place = tuple[int, int, int]  # entry, mode, and where the entry's page lies: processes share addresses


@dataclass(eq=False)
class Code:
    """A linked region: its address, the guest code it was made from, and where that lies in memory."""

    place: Place
    linked: Any
    address: int
    spans: list[tuple[int, int]]
    insns: int
    size: int
    homes: list[Home] = field(default_factory=list)
    fast: bool = False  # it reaches memory through windows
    number: int = 0  # in the order of linking
    keys: set[int] = field(default_factory=set)  # jump-cache keys that lead here

    @property
    def entry(self) -> int:
        """Guest address at which it begins."""
        return self.place[0]

    @property
    def mode(self) -> int:
        """Privilege mode that it was made for."""
        return self.place[1]


class Codes:
    """The linked regions of one CPU."""

    def __init__(self, cpu: Cpu, linker: Any, places: Places, counts: dict[str, int]) -> None:
        self.cpu, self.linker, self.places, self.counts = cpu, linker, places, counts
        self.by_place: dict[Place, Code] = {}
        self._granules: dict[tuple[int, int], set[Code]] = {}  # (range base, granule) -> code on it
        self._pages: Counter[int] = Counter()  # virtual pages of their guest code, in any context
        self._stale: list[Code] = []
        self.host_bytes = self.guest_insns = 0
        self.seconds = 0.0  # spent linking
        self.on_dropped: Callable[[Code], None] = lambda code: None

    def link(self, place: Place, made: Translation, homes: list[Home], fast: Fastmem | None) -> Code:
        """Put a region in place of whatever is there; `fast`: the windows that it uses."""
        start = time.perf_counter()
        linked = self.linker.link([made.obj], ["region"] if fast is None else ["region", SITES])
        self.seconds += time.perf_counter() - start
        address = linked.addresses["region"]
        size = len(made.obj)
        code = Code(place, linked, address, made.spans, made.insns, size, homes, fast is not None)
        if fast is not None:
            fast.link(linked)
        old = self.by_place.get(place)
        if old is not None:
            self.drop(old)
        self.by_place[place] = code
        self.counts["linked"] += 1
        code.number = self.counts["linked"]
        self.host_bytes += size
        self.guest_insns += made.insns
        self._pages.update(self._pages_of(code))
        self._watch(code)
        return code

    def _pages_of(self, code: Code) -> Iterator[int]:
        """Numbers of the virtual pages of its spans."""
        bits, mask = self.cpu.mmu.page_bits, self.cpu.mmu.va_mask
        for va, size in code.spans:
            va &= mask
            yield from range(va >> bits, (va + size - 1 >> bits) + 1)

    def lie_in(self, va: int, size: int) -> bool:
        """Whether there may be a region of guest code at addresses va … va+size-1."""
        bits = self.cpu.mmu.page_bits
        return not self._pages.keys().isdisjoint(range(va >> bits, va + size >> bits))

    def _watch(self, code: Code) -> None:
        """Stores to its bytes must not go unnoticed."""
        fresh = set()
        page = self.cpu.mmu.page_bits
        for r, offset, n in code.homes:
            for g in range(offset >> GRANULE_BITS, (offset + n - 1 >> GRANULE_BITS) + 1):
                self._granules.setdefault((r.base, g), set()).add(code)
                r.fine[g] = 1
                p = g << GRANULE_BITS >> page
                if not r.code[p]:
                    r.code[p] = 1
                    fresh.add(r.host + (p << page))
        if fresh:  # the pages' write tags must go
            self.cpu.flush_writes(*fresh)

    def in_place(self, code: Code) -> bool:
        """Whether a region is what the guest would execute at its address now."""
        return (
            self.places.all_executed(code.spans, code.mode)
            and self.places.homes(code.spans, code.mode) == code.homes
        )

    def covered(self, place: Place, since: int) -> bool:
        """Whether a region younger than number `since` has the instruction at a place: is it still hot?"""
        entry, mode, page = place
        at = page + (entry & (1 << self.cpu.mmu.page_bits) - 1)
        hit = self.cpu.memory.find(at)
        if hit is None:
            return False
        r, offset = hit
        return any(
            code.number > since
            and code.mode == mode
            and any(h is r and o <= offset < o + n for h, o, n in code.homes)
            for code in self._granules.get((r.base, offset >> GRANULE_BITS), ())
        )

    def install(self, key: int, code: Code) -> None:
        """Let a jump-cache key (context << 33 | mode << 32 | pc) lead to a region."""
        code.keys.add(key)
        slot = self._jump(key)
        slot.key, slot.code = key, code.address
        self.cpu.jumps_used = True

    def _jump(self, key: int) -> Any:
        """The jump cache's entry for a key."""
        pc = key & MASK32
        return self.cpu.state.jumps[((pc >> 1) ^ (pc >> 13)) & (JUMP_ENTRIES - 1)]

    def forget_addresses(self) -> None:
        """The jump cache has been emptied."""
        for code in self.by_place.values():
            code.keys.clear()

    def written(self, r: Range, offset: int, size: int) -> None:
        """A store is about to change bytes offset..offset+size-1, where translated code is."""
        for g in range(offset >> GRANULE_BITS, (offset + size - 1 >> GRANULE_BITS) + 1):
            for code in list(self._granules.get((r.base, g), ())):
                if any(h is r and o < offset + size and offset < o + n for h, o, n in code.homes):
                    self.counts["invalidated"] += 1
                    self.drop(code)

    def drop(self, code: Code) -> None:
        """Forget a region; its host code is freed by `sweep`."""
        self.on_dropped(code)
        if self.by_place.pop(code.place, None) is not None:
            for number in self._pages_of(code):
                self._pages[number] -= 1
                if not self._pages[number]:
                    del self._pages[number]
        self._stale.append(code)
        for key in code.keys:
            slot = self._jump(key)
            if slot.key == key:
                slot.key = slot.code = (1 << 64) - 1
        page = self.cpu.mmu.page_bits
        for r, offset, n in code.homes:
            for g in range(offset >> GRANULE_BITS, (offset + n - 1 >> GRANULE_BITS) + 1):
                on = self._granules.get((r.base, g))
                if on is None:
                    continue
                on.discard(code)
                if not on:
                    del self._granules[r.base, g]
                    r.fine[g] = 0
            for p in range(offset >> page, (offset + n - 1 >> page) + 1):
                first, last = p << page >> GRANULE_BITS, (p + 1 << page) >> GRANULE_BITS
                if not any(r.fine[first:last]):
                    r.code[p] = 0

    def sweep(self) -> None:
        """Nothing runs: the host code of dropped regions can go."""
        if self._stale:
            if self.cpu.fastmem is not None:
                self.cpu.fastmem.forget([code.address for code in self._stale])
            self._stale.clear()
