"""The JIT: what is hot, its translation in worker processes, what becomes of it when guest memory changes.

    heat in the jump cache ─► state.hot ─► poll: known? ─► link it to the address again
                                            │ no ─► disk cache ─► worker ─► same bytes? ─► link ─► jump cache
    store into translated code ─► the regions on those granules are forgotten before the store is done

A region is valid for guest code bytes at a virtual address in a privilege mode; the jump cache says for which
MMU contexts.  Its pages' mapping is looked at again whenever the machine's maps have changed.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .cache import Cache, digest
from .isa import Model
from .llvm import build
from .memory import Range
from .region import OutOfSight, Region, discover
from .render import RegionEmitter
from .softmmu import GRANULE_BITS
from .state import HOT_ENTRIES, JUMP_ENTRIES
from .worker import Job, Pool, find_model

HOT = 40  # taken branches to a place before it is translated
LEVEL, CODEGEN = 2, 2
REACH = 2  # pages on either side of the entry's that a region may extend into
PATIENCE = 8  # times that a region may be hot while one of its pages is not in use
MASK32 = 0xFFFFFFFF


def code_reader(pages: dict[int, bytes], page_bits: int, big: bool = True) -> Any:
    """code(address, size) on a snapshot of pages by virtual page address."""
    size_mask = (1 << page_bits) - 1

    def code(address: int, size: int) -> int:
        out = b""
        while len(out) < size:
            at = (address + len(out)) & MASK32
            page = pages.get(at & ~size_mask)
            if page is None:
                raise OutOfSight(f"{at:#x}")
            out += page[at & size_mask :][: size - len(out)]
        return int.from_bytes(out, "big" if big else "little")

    return code


def find_region(model: Model, mode: int, entry: int, page_bits: int, pages: dict[int, bytes]) -> Region:
    """The region at `entry`; raises OutOfSight if not even its first instruction can be had."""
    region = discover(model, mode, entry, code_reader(pages, page_bits, model.isa.big_endian))
    if not region.insns:
        raise OutOfSight(f"nothing to translate at {entry:#x}")
    return region


def translate(
    isa: str,
    model_name: str,
    mode: int,
    entry: int,
    page_bits: int,
    pages: dict[int, bytes],
) -> tuple[bytes, list[tuple[int, int]], int]:
    """A worker's job: (object, guest code spans, instructions) of the region at `entry`."""
    model = find_model(isa, model_name)
    region = find_region(model, mode, entry, page_bits, pages)
    return (
        build.compile_text(RegionEmitter(region, page_bits).module(), LEVEL, CODEGEN),
        region.spans,
        region.insns,
    )


Place = tuple[int, int, int]  # entry, mode, and where the entry's page lies: processes share addresses
Home = tuple[Range, int, int]  # memory, offset, length
Pages = dict[int, tuple[Range, int]]  # virtual page -> memory, offset


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
    keys: set[int] = field(default_factory=set)  # jump-cache keys that lead here

    @property
    def entry(self) -> int:
        """Guest address at which it begins."""
        return self.place[0]

    @property
    def mode(self) -> int:
        """Privilege mode that it was made for."""
        return self.place[1]


class Jit:
    """Owns the translations of one CPU."""

    def __init__(self, model: Model, native: Any, cache: Cache, pool: Pool, hot: int = HOT) -> None:
        self.model, self.native, self.cache, self.pool, self.hot = model, native, cache, pool, hot
        self.codes: dict[Place, Code] = {}
        self.waiting: dict[Place, Job | None] = {}
        self._patience: dict[Place, int] = {}
        self.hopeless: dict[Place, str] = {}  # what cannot be translated, with its disk-cache key
        self._granules: dict[tuple[int, int], set[Code]] = {}  # (range base, granule) -> code on it
        self._stale: list[Code] = []
        self.counts = dict.fromkeys(
            ("translated", "linked", "from_cache", "invalidated", "failed", "relinked", "outdated"), 0
        )
        self.host_bytes = self.guest_insns = 0
        self.link_seconds = self.inline_seconds = 0.0
        self.on_linked: Callable[[Code, bytes], None] = lambda code, obj: (
            None
        )  # somebody wants to see regions come …
        self.on_dropped: Callable[[Code], None] = lambda code: None  # … and go

    def attach(self, cpu: Any) -> None:
        self.cpu = cpu
        cpu.state.hot_limit = self.hot
        cpu.on_code_write = self.code_written
        isa = self.model.isa
        self._jumps, self._heat = isa.layout.offset("jumps"), isa.layout.offset("heat")
        self._program_fc = [isa.fcs(m, "program") for m in (0, 1)]

    # -- between quanta --------------------------------------------------------------------------------------

    def poll(self) -> None:
        """Take notice of hot places and finished translations."""
        self._stale.clear()  # nothing runs: code that was invalidated can go
        s = self.cpu.state
        count = int(s.hot_count)
        if count:
            s.hot_count = 0
            for key in {int(k) for k in s.hot[0 : min(count, HOT_ENTRIES)]}:
                self._wanted(key)
        if self.pool.busy:
            self.pool.poll()

    def _wanted(self, key: int) -> None:
        """A jump-cache key (context << 33 | mode << 32 | pc) is hot."""
        s = self.cpu.state
        if key >> 32 != s.context >> 32:
            return  # the guest is elsewhere by now; it will be hot again when it is back
        entry, mode = key & MASK32, key >> 32 & 1
        page = self._page(entry, mode)
        if page is None:
            return
        place = (entry, mode, page[0].base + page[1])
        known = self.codes.get(place)
        if known is not None:
            if self._homes(known.spans, mode) != known.homes:
                self._drop(known)
            elif self._all_executed(known.spans, mode):
                self._install(key, known)
                self.counts["relinked"] += 1
                return
            elif self._wait_for_pages(place):
                return
            else:
                self._drop(known)
        if place in self.waiting:
            job = self.waiting[place]
            if job is not None:  # hot again while it waits: hotter than the others
                self.pool.promote(job)
            return
        self._request(key, place)

    def _request(self, key: int, place: Place) -> None:
        entry, mode, _ = place
        slot = self._slot(entry, mode)
        if self.hopeless.get(place) == slot:
            return
        if not self.executed(entry & -(1 << self.cpu.mmu.page_bits), mode):
            return  # the maps have just changed
        cached = self._from_cache(slot, mode)
        if cached is not None:
            obj, spans, insns, homes = cached
            if self._all_executed(spans, mode):
                self.counts["from_cache"] += 1
                self._link(key, place, obj, spans, insns, homes)
                return
            if self._wait_for_pages(place):
                return
        where = self._surroundings(entry, mode)
        size = 1 << self.cpu.mmu.page_bits
        pages = {va: bytes(memoryview(r.bytes)[o : o + size]) for va, (r, o) in where.items()}
        args = (self.model.isa.name, self.model.name, mode, entry, self.cpu.mmu.page_bits, pages)
        self.waiting[place] = None

        def done(result: Any, error: str | None) -> None:
            self.waiting.pop(place, None)
            if error is not None:
                self.counts["failed"] += 1
                self.hopeless[place] = slot  # it stays with the interpreter until its bytes change
                return
            obj, spans, insns = result
            self.counts["translated"] += 1
            homes = self._cut(spans, where)
            assert homes is not None
            if _bytes(homes) != b"".join(
                pages[va & -size][va & size - 1 :][:n] for va, n in _by_page(spans, size)
            ):
                self.counts["outdated"] += 1
                return
            about = {"spans": spans, "code": hashlib.sha256(_bytes(homes)).hexdigest(), "insns": insns}
            self.cache.put(slot, [json.dumps(about).encode(), obj])
            self._link(key, place, obj, spans, insns, homes)

        if self.pool.size == 0:
            start = time.perf_counter()
            try:
                result, error = translate(*args), None
            except OutOfSight as e:
                result, error = None, str(e)
            self.inline_seconds += time.perf_counter() - start
            done(result, error)
        else:
            job = self.pool.submit("region", args, done)
            if place in self.waiting:
                self.waiting[place] = job

    # -- guest code ------------------------------------------------------------------------------------------

    def _page(self, va: int, mode: int) -> tuple[Range, int] | None:
        """Where the page of `va` lies, if it can be executed and is plain memory."""
        size = 1 << self.cpu.mmu.page_bits
        hit = self.cpu.memory.host_of(va & ~(size - 1), self._program_fc[mode])
        return hit if hit is not None and hit[1] + size <= hit[0].size else None

    def _surroundings(self, entry: int, mode: int) -> Pages:
        """Where the entry's page lies, and those around it in which the guest has executed lately."""
        size = 1 << self.cpu.mmu.page_bits
        out = {}
        for k in (0, *(d for i in range(1, REACH + 1) for d in (i, -i))):
            va = ((entry & -size) + k * size) & MASK32
            hit = self._page(va, mode) if k == 0 or self.executed(va, mode) else None
            if hit is not None:
                out[va] = hit
        return out

    def executed(self, va: int, mode: int) -> bool:
        """Whether the guest has executed in the page lately, so that its tables say so."""
        page = self.cpu.mmu.page_bits
        entry = self.cpu.state.tlb[(va >> page & 255) + mode * 256]
        return bool(entry.xtag == va & -(1 << page) & MASK32)

    def _cut(self, spans: list[tuple[int, int]], where: Pages) -> list[Home] | None:
        """Where spans of guest code lie, cut at pages; None if a page is not known."""
        size = 1 << self.cpu.mmu.page_bits
        out = []
        for at, n in _by_page(spans, size):
            if at & -size not in where:
                return None
            r, offset = where[at & -size]
            out.append((r, offset + (at & size - 1), n))
        return out

    def _homes(self, spans: list[tuple[int, int]], mode: int) -> list[Home] | None:
        """Where spans of guest code lie now; None if one of their pages is no plain memory."""
        size = 1 << self.cpu.mmu.page_bits
        where = {}
        for va in {at & -size for at, _ in _by_page(spans, size)}:
            hit = self._page(va, mode)
            if hit is None:
                return None
            where[va] = hit
        return self._cut(spans, where)

    def _in_place(self, code: Code) -> bool:
        """Whether a region is what the guest would execute at its address now."""
        return self._all_executed(code.spans, code.mode) and self._homes(code.spans, code.mode) == code.homes

    def _all_executed(self, spans: list[tuple[int, int]], mode: int) -> bool:
        """Whether the guest has executed in all pages of the spans lately."""
        size = 1 << self.cpu.mmu.page_bits
        return all(self.executed(va, mode) for va in {at & -size for at, _ in _by_page(spans, size)})

    def _wait_for_pages(self, place: Place) -> bool:
        """Whether a region should wait for its pages to be used; in the end a smaller one is better."""
        self._patience[place] = self._patience.get(place, PATIENCE) - 1
        if self._patience[place] > 0:
            return True
        del self._patience[place]
        return False

    # -- linking ---------------------------------------------------------------------------------------------

    def _link(
        self,
        key: int,
        place: Place,
        obj: bytes,
        spans: list[tuple[int, int]],
        insns: int,
        homes: list[Home],
    ) -> None:
        start = time.perf_counter()
        linked = self.native.linker.link(obj, ["region"], {})
        self.link_seconds += time.perf_counter() - start
        code = Code(place, linked, linked.addresses["region"], spans, insns, len(obj), homes)
        old = self.codes.get(place)
        if old is not None:
            self._drop(old)
        self.codes[place] = code
        self.counts["linked"] += 1
        self.host_bytes += len(obj)
        self.guest_insns += insns
        fresh = False
        for r, offset, n in homes:
            page = self.cpu.mmu.page_bits
            for g in range(offset >> GRANULE_BITS, (offset + n - 1 >> GRANULE_BITS) + 1):
                self._granules.setdefault((r.base, g), set()).add(code)
                r.fine[g] = 1
                p = g << GRANULE_BITS >> page
                fresh |= not r.code[p]
                r.code[p] = 1
        if fresh:  # the page's write tags must go
            self.cpu.flush_writes()
        if key >> 32 == self.cpu.state.context >> 32 and self._in_place(code):
            self._install(key, code)
        self.on_linked(code, obj)

    def _install(self, key: int, code: Code) -> None:
        code.keys.add(key)
        pc = key & MASK32
        h = ((pc >> 1) ^ (pc >> 13)) & (JUMP_ENTRIES - 1)
        slot = self.cpu.state.jumps[h]
        slot.key, slot.code = key, code.address
        self.cpu.jumps_used = True

    def forget_addresses(self) -> None:
        """The jump cache has been emptied."""
        for code in self.codes.values():
            code.keys.clear()

    def code_written(self, r: Range, offset: int, size: int) -> None:
        """A store is about to change bytes offset..offset+size-1, where translated code is."""
        for g in range(offset >> GRANULE_BITS, (offset + size - 1 >> GRANULE_BITS) + 1):
            for code in list(self._granules.get((r.base, g), ())):
                if any(h is r and o < offset + size and offset < o + n for h, o, n in code.homes):
                    self.counts["invalidated"] += 1
                    self._drop(code)

    def _drop(self, code: Code) -> None:
        """Forget a region; its host code is freed when nothing runs."""
        self.on_dropped(code)
        self.codes.pop(code.place, None)
        self._stale.append(code)
        for key in code.keys:
            pc = key & MASK32
            slot = self.cpu.state.jumps[((pc >> 1) ^ (pc >> 13)) & (JUMP_ENTRIES - 1)]
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

    # -- the cache on disk -----------------------------------------------------------------------------------

    def _slot(self, entry: int, mode: int) -> str:
        """Key of the translations that begin at an address with the bytes that are there now."""
        from .engine import REGIONS, sources

        size = 1 << self.cpu.mmu.page_bits
        hit = self._page(entry, mode)
        assert hit is not None
        r, offset = hit
        at = offset + (entry & size - 1)
        head = bytes(memoryview(r.bytes)[at : min(at + 32, offset + size)])
        bits = str(self.cpu.mmu.page_bits)
        isa = self.model.isa.name
        made_by = f"{sources(isa, REGIONS)} {LEVEL} {CODEGEN}"
        return digest(
            "region", made_by, build.identity(), isa, self.model.name, bits, str(mode), str(entry), head
        )

    def _from_cache(
        self, slot: str, mode: int
    ) -> tuple[bytes, list[tuple[int, int]], int, list[Home]] | None:
        blobs = self.cache.get(slot)
        if blobs is None or len(blobs) != 2:
            return None
        about = json.loads(blobs[0])
        spans = [(a, n) for a, n in about["spans"]]
        homes = self._homes(spans, mode)
        if homes is None or hashlib.sha256(_bytes(homes)).hexdigest() != about["code"]:
            return None
        return blobs[1], spans, about["insns"], homes

    def stats(self) -> dict[str, int]:
        return {
            **self.counts,
            "regions": len(self.codes),
            "host_bytes": self.host_bytes,
            "guest_insns": self.guest_insns,
            "waiting": len(self.waiting),
            "inline_ms": int(1000 * self.inline_seconds),
        }

    def close(self) -> None:
        self.pool.close()


def _by_page(spans: list[tuple[int, int]], size: int) -> list[tuple[int, int]]:
    out = []
    for at, n in spans:
        while n:
            take = min(n, (at & ~(size - 1)) + size - at)
            out.append((at, take))
            at, n = at + take, n - take
    return out


def _bytes(homes: list[tuple[Range, int, int]]) -> bytes:
    return b"".join(bytes(memoryview(r.bytes)[o : o + n]) for r, o, n in homes)


__all__ = ["Code", "Jit", "find_region", "translate"]
