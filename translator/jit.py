"""The JIT: what is hot, its translation in worker processes, what becomes of it when guest memory changes.

    heat in the jump cache ─► state.hot ─► fresh wishes ─► known, or in the disk cache? ─► link ─► jump cache
                                            │ no
                                            └─► cold wishes ─► worker ─► same bytes? ─► link ─► jump cache
    store into translated code ─► the regions on those granules are forgotten before the store is done

A region is valid for guest code bytes at a virtual address in a privilege mode; the jump cache says for which
MMU contexts.  Its pages' mapping is looked at again whenever the machine's maps have changed.

The guest is not held up: looking up, linking and asking get a share of the processor seconds, workers have a
short list, and the more waits the hotter a place must be to come on the list.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import fastmem
from .cache import Cache, digest
from .fastmem import Fastmem
from .isa import Model
from .llvm import build
from .llvm.fast import SITES
from .memory import Range
from .places import Home, Places, by_page, contents
from .region import code_reader, find_region
from .render import RegionEmitter
from .softmmu import GRANULE_BITS
from .state import HOT_ENTRIES, JUMP_ENTRIES
from .steps import OutOfSight, Steps
from .wishes import Wishes
from .worker import Pool, find_model

HOT = 150  # taken branches to a place before it is translated, when nothing waits
CROWD = 32  # so many waiting double that, twice as many treble it …
HOTTEST = 0x7FFF  # … up to this
SHARE, HEAD_START = 0.05, 0.2  # of the machine's processor seconds; seconds
WORTHWHILE = 0.002  # seconds: with less, the list is not even sorted
LEVEL, CODEGEN = 2, 2
HURRIED = ("sroa", "instruction_combine", "simplify_cfg")  # passes of a first translation
PATIENCE = 8  # times that a region may be hot while one of its pages is not in use
MASK32 = 0xFFFFFFFF


def translate(
    isa: str,
    model_name: str,
    mode: int,
    entry: int,
    page_bits: int,
    pages: dict[int, bytes],
    slow: frozenset[int] | None = None,
    hurried: bool = False,
) -> tuple[bytes, list[tuple[int, int]], int]:
    """A worker's job: (object, guest code spans, instructions) of the region at `entry`.

    slow: as LazyEmitter has it.  hurried: it is wanted now, and will be made better later.
    """
    model = find_model(isa, model_name)
    region = find_region(model, mode, entry, page_bits, pages)
    text = RegionEmitter(region, page_bits, slow).module()
    return build.compile_text(text, HURRIED if hurried else LEVEL, CODEGEN), region.spans, region.insns


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
    """Owns the translations of one CPU; fastmem: memory through windows, where host and guest allow it."""

    def __init__(
        self, model: Model, native: Any, cache: Cache, pool: Pool, hot: int = HOT, fastmem: bool = True
    ) -> None:
        self._wanted = fastmem
        self.fast: Fastmem | None = None
        self.slow: set[tuple[int, int]] = set()  # (mode, address) of instructions that windows do not suit
        self.model, self.native, self.cache, self.pool, self.hot = model, native, cache, pool, hot
        self.codes: dict[Place, Code] = {}
        self.fresh, self.cold = Wishes(), Wishes()  # to be looked up; known to have no translation
        self.hurried: deque[int] = deque()  # linked, to be made better when nothing else is wanted
        self.waiting: set[Place] = set()  # at the workers
        self._patience: dict[Place, int] = {}
        self.hopeless: dict[Place, str] = {}  # what cannot be translated, with its disk-cache key
        self._granules: dict[tuple[int, int], set[Code]] = {}  # (range base, granule) -> code on it
        self._stale: list[Code] = []
        what = "translated improved linked from_cache invalidated failed relinked outdated"
        self.counts = dict.fromkeys(what.split(), 0)
        self.host_bytes = self.guest_insns = 0
        self.link_seconds = self.inline_seconds = 0.0
        self.seconds = 0.0  # of this process, for all of it
        self._born = time.process_time()
        self.on_linked: Callable[[Code, bytes], None] = lambda code, obj: (
            None
        )  # somebody wants to see regions come …
        self.on_dropped: Callable[[Code], None] = lambda code: None  # … and go

    def attach(self, cpu: Any) -> None:
        self.cpu = cpu
        self._limit = cpu.state.hot_limit = self.hot
        cpu.on_code_write = self.code_written
        self.places = Places(cpu)
        if self._wanted and not fastmem.supported(cpu.mmu.page_bits):
            try:
                self.fast = cpu.fastmem = Fastmem(cpu, self.cache)
            except fastmem.Unavailable:
                pass

    # -- between quanta --------------------------------------------------------------------------------------

    def poll(self) -> None:
        """Take notice of hot places and finished translations."""
        if self._stale:  # nothing runs: code that was invalidated can go
            if self.cpu.fastmem is not None:
                self.cpu.fastmem.forget([code.address for code in self._stale])
            self._stale.clear()
        if self.fast is not None:
            self._watch_windows(self.fast)
        s = self.cpu.state
        count = int(s.hot_count)
        if count:
            s.hot_count = 0
            heat = max(self._limit // self.hot, 1)
            for key in s.hot[0 : min(count, HOT_ENTRIES)]:
                (self.cold if key in self.cold else self.fresh).add(int(key), heat)
        if not (self.fresh or self.cold or self.hurried or self.pool.busy):
            return
        start = time.process_time()
        if self.pool.busy:
            self.pool.poll()
        self._serve(start)
        self.seconds += time.process_time() - start

    def _watch_windows(self, fast: Fastmem) -> None:
        """Translate anew what faults too often; do without windows if faults cost too much."""
        if fast.record.slow_count:
            known = {code.address: code for code in self.codes.values()}
            for start, address in fast.slow():
                code = known.get(start)
                if code is not None:
                    self.slow.add((code.mode, address))
                    keys = list(code.keys)
                    self._drop(code)
                    for key in keys:
                        self.fresh.add(key, self.hot)
        if not fast.poll(time.process_time()):
            self.fast = None
            for code in list(self.codes.values()):
                if code.fast:
                    self._drop(code)

    def _serve(self, start: float) -> None:
        """Do what is wanted most; `start`: when this began."""
        s, workers = self.cpu.state, self.pool.size
        context = s.context >> 32
        allowed = HEAD_START + SHARE * (start - self._born) - self.seconds
        for key in self.fresh.hottest(context) if not workers or allowed > WORTHWHILE else ():
            if workers and time.process_time() - start > allowed:
                break
            heat = self.fresh.take(key)
            if self._look_up(key):
                self.cold.add(key, heat)
        room = 2 * workers - len(self.waiting) if workers else len(self.cold)
        if room > 0 and self.cold:
            for key in self.cold.hottest(context)[:room]:
                self.cold.take(key)
                self._translate(key, hurried=workers > 0)
        elif room > workers and self.hurried:
            self._improve(self.hurried.popleft())
        limit = min(self.hot * (1 + (len(self.fresh) + len(self.cold)) // CROWD), HOTTEST)
        if limit != self._limit:
            self._limit = s.hot_limit = limit

    def _place(self, key: int) -> Place | None:
        """What a jump-cache key (context << 33 | mode << 32 | pc) leads to in the present context."""
        entry, mode = key & MASK32, key >> 32 & 1
        page = self.places.page(entry, mode)
        return None if page is None else (entry, mode, page[0].base + page[1])

    def _look_up(self, key: int) -> bool:
        """Link what there is for a key; whether a translation has to be made."""
        place = self._place(key)
        if place is None or place in self.waiting:
            return False
        entry, mode, _ = place
        known = self.codes.get(place)
        if known is not None:
            if self.places.homes(known.spans, mode) != known.homes:
                self._drop(known)
            elif self.places.all_executed(known.spans, mode):
                self._install(key, known)
                self.counts["relinked"] += 1
                return False
            elif self._wait_for_pages(place):
                return False
            else:
                self._drop(known)
        slot = self._slot(entry, mode)
        if self.hopeless.get(place) == slot:
            return False
        if not self.places.executed(entry, mode):
            return False  # the maps have just changed
        cached = self._from_cache(slot, mode)
        if cached is not None:
            obj, spans, insns, homes, hurried = cached
            if self.places.all_executed(spans, mode):
                self.counts["from_cache"] += 1
                self._link(key, place, obj, spans, insns, homes)
                if hurried and self.pool.size:
                    self.hurried.append(key)
                return False
            if self._wait_for_pages(place):
                return False
        return True

    def _improve(self, key: int) -> None:
        """Translate with all of LLVM's passes what was translated in a hurry, if it is still in use."""
        place = self._place(key)
        if place in self.codes:
            self._translate(key, hurried=False)

    def _translate(self, key: int, hurried: bool) -> None:
        """Let a worker make a region, or make it here if there are none."""
        place = self._place(key)
        if place is None or place in self.waiting or not self.places.executed(place[0], place[1]):
            return  # the maps have changed since it was wanted
        entry, mode, _ = place
        slot = self._slot(entry, mode)
        where = self.places.surroundings(entry, mode)
        size = 1 << self.cpu.mmu.page_bits
        pages = {va: bytes(memoryview(r.bytes)[o : o + size]) for va, (r, o) in where.items()}
        if self._interpreters(entry, mode, pages):
            self.counts["failed"] += 1
            self.hopeless[place] = slot
            return
        slow = self._slow(mode, [(va, size) for va in pages])
        name, bits = self.model.name, self.cpu.mmu.page_bits
        args = (self.model.isa.name, name, mode, entry, bits, pages, slow, hurried)
        before = self.codes.get(place)
        self.waiting.add(place)

        def done(result: Any, error: str | None) -> None:
            self.waiting.discard(place)
            if before is not None and self.codes.get(place) is not before:
                return  # it was to be made better, and has gone
            if error is not None:
                self.counts["failed"] += 1
                self.hopeless[place] = slot  # it stays with the interpreter until its bytes change
                return
            obj, spans, insns = result
            self.counts["translated" if before is None else "improved"] += 1
            homes = self.places.cut(spans, where)
            assert homes is not None
            if contents(homes) != b"".join(
                pages[va & -size][va & size - 1 :][:n] for va, n in by_page(spans, size)
            ):
                self.counts["outdated"] += 1
                return
            about = {"spans": spans, "code": hashlib.sha256(contents(homes)).hexdigest(), "insns": insns}
            if slow is not None:
                about["slow"] = sorted(a for a in slow if any(0 <= a - at < n for at, n in spans))
            if hurried:
                about["hurried"] = True
                self.hurried.append(key)
            self.cache.put(slot, [json.dumps(about).encode(), obj])
            if (slow is not None) == (self.fast is not None):  # they may have gone meanwhile
                self._link(key, place, obj, spans, insns, homes)

        if self.pool.size:
            self.pool.submit("region", args, done)
            return
        start = time.perf_counter()
        try:
            result, error = translate(*args), None
        except OutOfSight as e:
            result, error = None, str(e)
        self.inline_seconds += time.perf_counter() - start
        done(result, error)

    def _interpreters(self, entry: int, mode: int, pages: dict[int, bytes]) -> bool:
        """Whether the instruction at `entry` is one that regions do not have: workers need not be asked."""
        model = self.model
        code = code_reader(pages, self.cpu.mmu.page_bits, model.isa.big_endian)
        hit = model.decoder.decode(code(entry, model.isa.word))
        if hit is None or "interp" not in hit[0].traits:
            return hit is None
        return Steps(model, mode, code).at(entry) is None

    def _slow(self, mode: int, spans: list[tuple[int, int]]) -> frozenset[int] | None:
        """Instructions there that windows do not suit; None if there are no windows."""
        if self.fast is None:
            return None
        return frozenset(a for m, a in self.slow if m == mode and any(0 <= a - at < n for at, n in spans))

    def _in_place(self, code: Code) -> bool:
        """Whether a region is what the guest would execute at its address now."""
        return (
            self.places.all_executed(code.spans, code.mode)
            and self.places.homes(code.spans, code.mode) == code.homes
        )

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
        fast = self.fast
        linked = self.native.linker.link(obj, ["region"] if fast is None else ["region", SITES], {})
        self.link_seconds += time.perf_counter() - start
        code = Code(
            place, linked, linked.addresses["region"], spans, insns, len(obj), homes, fast is not None
        )
        if fast is not None:
            fast.link(linked)
        old = self.codes.get(place)
        if old is not None:
            self._drop(old)
        self.codes[place] = code
        self.counts["linked"] += 1
        self.host_bytes += len(obj)
        self.guest_insns += insns
        fresh = set()
        for r, offset, n in homes:
            page = self.cpu.mmu.page_bits
            for g in range(offset >> GRANULE_BITS, (offset + n - 1 >> GRANULE_BITS) + 1):
                self._granules.setdefault((r.base, g), set()).add(code)
                r.fine[g] = 1
                p = g << GRANULE_BITS >> page
                if not r.code[p]:
                    r.code[p] = 1
                    fresh.add(r.host + (p << page))
        if fresh:  # the pages' write tags must go
            self.cpu.flush_writes(*fresh)
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
        hit = self.places.page(entry, mode)
        assert hit is not None
        r, offset = hit
        at = offset + (entry & size - 1)
        head = bytes(memoryview(r.bytes)[at : min(at + 32, offset + size)])
        bits = str(self.cpu.mmu.page_bits)
        isa = self.model.isa.name
        made_by = f"{sources(isa, REGIONS)} {LEVEL} {CODEGEN} {'soft' if self.fast is None else 'fast'}"
        return digest(
            "region", made_by, build.identity(), isa, self.model.name, bits, str(mode), str(entry), head
        )

    def _from_cache(
        self, slot: str, mode: int
    ) -> tuple[bytes, list[tuple[int, int]], int, list[Home], bool] | None:
        blobs = self.cache.get(slot)
        if blobs is None or len(blobs) != 2:
            return None
        about = json.loads(blobs[0])
        spans = [(a, n) for a, n in about["spans"]]
        homes = self.places.homes(spans, mode)
        if homes is None or hashlib.sha256(contents(homes)).hexdigest() != about["code"]:
            return None
        slow = self._slow(mode, spans)
        if slow is not None and not slow <= set(about.get("slow", ())):
            return None
        return blobs[1], spans, about["insns"], homes, "hurried" in about

    def stats(self) -> dict[str, int]:
        return {
            **self.counts,
            "regions": len(self.codes),
            "host_bytes": self.host_bytes,
            "guest_insns": self.guest_insns,
            "waiting": len(self.waiting) + len(self.fresh) + len(self.cold),
            "main_ms": int(1000 * self.seconds),
            **({} if self.cpu.fastmem is None else self.cpu.fastmem.stats()),
            "inline_ms": int(1000 * self.inline_seconds),
        }

    def close(self) -> None:
        """No region may run any more."""
        self.pool.close()
        if self.cpu.fastmem is not None:
            self.codes.clear()
            self.cpu.flush_jumps()
            self.cpu.fastmem.close()
            self.fast = self.cpu.fastmem = None


__all__ = ["Code", "Jit", "find_region", "translate"]
