"""The JIT: what is hot, its translation in worker processes, and when each is done.

    heat in the jump cache ─► state.hot ─► fresh wishes ─► known, or in the disk cache? ─► link ─► jump cache
                                            │ no
                                            └─► cold wishes ─► worker ─► same bytes? ─► link ─► jump cache

The guest is not held up: looking up, linking and asking get a share of the processor seconds, workers have a
short list, and the more waits the hotter a place must be to come on the list.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from . import fastmem
from .cache import Cache
from .codes import MASK32, Code, Codes, Place
from .fastmem import Fastmem
from .isa import Model
from .places import Home, Places, by_page, contents
from .region import code_reader
from .shelf import Shelf, Slot
from .state import HOT_ENTRIES
from .steps import OutOfSight, Steps
from .translation import Translation, translate, within
from .wishes import Wishes
from .worker import Pool

HOT = 50  # taken branches to a place before it is translated, when nothing waits; with less, slices are short
CROWD = 8  # so many waiting double that, twice as many treble it …
HOTTEST = 0x7FFF  # … up to this
SHARE, HEAD_START = 0.05, 0.05  # of the machine's processor seconds; seconds
GAIN = 0.0002  # seconds that may be spent again for each region found on disk: it takes less, and pays
WORTHWHILE = 0.002  # seconds: with less, the list is not even sorted
TURN = 16  # one job in so many makes better what is there, though others wait
PAUSE = 0.001  # seconds between two looks at what is wanted and done, if slices are not short
PATIENCE = 8  # times that a region may be hot while one of its pages is not in use


class Jit:
    """Owns the translations of one CPU; fastmem: memory through windows, where host and guest allow it."""

    def __init__(
        self, model: Model, native: Any, cache: Cache, pool: Pool, hot: int = HOT, fastmem: bool = True
    ) -> None:
        self._wanted = fastmem
        self.fast: Fastmem | None = None
        self.slow: set[tuple[int, int]] = set()  # (mode, address) of instructions that windows do not suit
        self.model, self.native, self.cache, self.pool, self.hot = model, native, cache, pool, hot
        self.fresh, self.cold = Wishes(), Wishes()  # to be looked up; known to have no translation
        self.hurried: deque[int] = deque()  # linked, to be made better when nothing else is wanted
        self.waiting: set[Place] = set()  # at the workers
        self._jobs = 0
        self._patience: dict[Place, int] = {}
        self.hopeless: dict[Place, Slot] = {}  # what cannot be translated, with its disk-cache key
        what = "translated improved linked from_cache invalidated failed relinked outdated"
        self.counts = dict.fromkeys(what.split(), 0)
        self.inline_seconds = 0.0
        self.seconds = 0.0  # of this process, for all of it
        self._born = time.process_time()
        self._pause, self._due = PAUSE if pool.size and hot >= HOT else 0.0, 0.0
        # somebody wants to see regions come and go
        self.on_linked: Callable[[Code, bytes], None] = lambda code, obj: None
        self.on_dropped: Callable[[Code], None] = lambda code: None

    def attach(self, cpu: Any) -> None:
        self.cpu = cpu
        self._limit = cpu.state.hot_limit = self.hot
        cpu.short_slices = self.hot < HOT
        self.places = Places(cpu)
        self.linked = Codes(cpu, self.native.linker, self.places, self.counts)
        self.linked.on_dropped = lambda code: self.on_dropped(code)
        self.codes = self.linked.by_place
        self.shelf = Shelf(self.cache, self.model, cpu.mmu.page_bits, self.places)
        cpu.on_code_write = self.linked.written
        if self._wanted and not fastmem.supported(cpu.mmu.page_bits):
            try:
                self.fast = cpu.fastmem = Fastmem(cpu, self.cache)
            except fastmem.Unavailable:
                pass

    # -- between quanta --------------------------------------------------------------------------------------

    def poll(self) -> None:
        """Take notice of hot places and finished translations."""
        if self.fast is not None:
            self.fast.install()
        moment = time.monotonic()
        if moment < self._due:
            return
        self._due = moment + self._pause
        self.linked.sweep()
        if self.fast is not None:
            self._watch_windows(self.fast)
        s = self.cpu.state
        count = int(s.hot_count)
        if count:
            s.hot_count = 0
            heat = max(self._limit // self.hot, 1)
            now, cold = self.counts["linked"], self.cold
            for key in s.hot[0 : min(count, HOT_ENTRIES)]:
                (cold if key in cold.heat else self.fresh).add(key, heat, now)
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
                    self.linked.drop(code)
                    for key in keys:
                        self.fresh.add(key, self.hot)
        if not fast.poll(time.process_time()):
            self.fast = None
            for code in list(self.codes.values()):
                if code.fast:
                    self.linked.drop(code)

    def _serve(self, start: float) -> None:
        """Do what is wanted most; `start`: when this began."""
        s, workers = self.cpu.state, self.pool.size
        context = s.context >> 32
        earned = HEAD_START + GAIN * self.counts["from_cache"]
        allowed = earned + SHARE * (start - self._born) - self.seconds
        if self.fresh and (not workers or allowed > WORTHWHILE):
            for key in self.fresh.hottest(context, len(self.fresh)):
                if workers and time.process_time() - start > allowed:
                    break
                heat, since = self.fresh.take(key)
                if self._look_up(key):
                    self.cold.add(key, heat, since)
        room = 2 * workers - len(self.waiting) if workers else len(self.cold)
        turn = self._jobs % TURN == TURN - 1
        if self.hurried and (room > 0 if turn else room > workers and not self.cold):
            self._jobs += 1
            self._improve(self.hurried.popleft())
        elif room > 0 and self.cold:
            while room > 0 and (wish := self.cold.next(context)) is not None:
                _, since = self.cold.take(wish)
                place = self._place(wish)
                if place in self.codes:  # meanwhile, or from another context
                    self._look_up(wish)
                    continue
                if workers and place is not None and self.linked.covered(place, since):
                    self.cold.add(wish, 0, self.counts["linked"])  # if it is still hot, it will be heard of
                    continue
                self._translate(wish, hurried=workers > 0)
                self._jobs += 1
                room -= 1
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
                self.linked.drop(known)
            elif self.places.all_executed(known.spans, mode):
                self.linked.install(key, known)
                self.counts["relinked"] += 1
                return False
            elif self._wait_for_pages(place):
                return False
            else:
                self.linked.drop(known)
        slot = self.shelf.slot(entry, mode, self.fast is not None)
        if self.hopeless.get(place) == slot:
            return False
        if not self.places.executed(entry, mode):
            return False  # the maps have just changed
        kept = self.shelf.get(slot, mode, self._slow(mode))
        if kept is not None:
            made, homes = kept
            if self.places.all_executed(made.spans, mode):
                self.counts["from_cache"] += 1
                self._link(key, place, made, homes)
                if made.hurried and self.pool.size:
                    self.hurried.append(key)
                return False
            if self._wait_for_pages(place):
                return False
        return True

    def _link(self, key: int, place: Place, made: Translation, homes: list[Home]) -> None:
        """Put a translation in place, for a jump-cache key that led to it."""
        code = self.linked.link(place, made, homes, self.fast)
        if key >> 32 == self.cpu.state.context >> 32 and self.linked.in_place(code):
            self.linked.install(key, code)
        self.on_linked(code, made.obj)

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
        slot = self.shelf.slot(entry, mode, self.fast is not None)
        where = self.places.surroundings(entry, mode)
        bits = self.cpu.mmu.page_bits
        size = 1 << bits
        pages = {va: bytes(memoryview(r.bytes)[o : o + size]) for va, (r, o) in where.items()}
        if self._interpreters(entry, mode, pages):
            self.counts["failed"] += 1
            self.hopeless[place] = slot
            return
        slow = None if self.fast is None else within(self._slow(mode), [(va, size) for va in pages])
        crowded = hurried and len(self.cold) > CROWD
        args = (self.model.isa.name, self.model.name, mode, entry, bits, pages, slow, hurried, crowded)
        before = self.codes.get(place)
        self.waiting.add(place)

        def done(made: Translation | None, error: str | None) -> None:
            self.waiting.discard(place)
            if before is not None and self.codes.get(place) is not before:
                return  # it was to be made better, and has gone
            if made is None:
                self.counts["failed"] += 1
                self.hopeless[place] = slot  # it stays with the interpreter until its bytes change
                return
            self.counts["translated" if before is None else "improved"] += 1
            homes = self.places.cut(made.spans, where)
            assert homes is not None
            if contents(homes) != b"".join(
                pages[va & -size][va & size - 1 :][:n] for va, n in by_page(made.spans, size)
            ):
                self.counts["outdated"] += 1
                return
            if hurried:
                self.hurried.append(key)
            self.shelf.put(slot, made, homes)
            if (made.slow is not None) == (self.fast is not None):  # they may have gone meanwhile
                self._link(key, place, made, homes)

        if self.pool.size:
            self.pool.submit("region", args, done)
            return
        start = time.process_time()
        try:
            made, error = translate(*args), ""
        except OutOfSight as e:
            made, error = None, str(e)
        self.inline_seconds += time.process_time() - start
        done(made, error)

    def _interpreters(self, entry: int, mode: int, pages: dict[int, bytes]) -> bool:
        """Whether the instruction at `entry` is one that regions do not have: workers need not be asked."""
        model = self.model
        code = code_reader(pages, self.cpu.mmu.page_bits, model.isa.big_endian)
        hit = model.decoder.decode(code(entry, model.isa.word))
        if hit is None or "interp" not in hit[0].traits:
            return hit is None
        return Steps(model, mode, code).at(entry) is None

    def _slow(self, mode: int) -> list[int]:
        """Addresses of the instructions that windows do not suit."""
        return [address for m, address in self.slow if m == mode] if self.fast is not None else []

    def _wait_for_pages(self, place: Place) -> bool:
        """Whether a region should wait for its pages to be used; in the end a smaller one is better."""
        self._patience[place] = self._patience.get(place, PATIENCE) - 1
        if self._patience[place] > 0:
            return True
        del self._patience[place]
        return False

    @property
    def link_seconds(self) -> float:
        """That linking has taken."""
        return self.linked.seconds

    def forget_addresses(self) -> None:
        """The jump cache has been emptied."""
        self.linked.forget_addresses()

    def stats(self) -> dict[str, int]:
        """What `--stats` shows."""
        return {
            **self.counts,
            "regions": len(self.codes),
            "host_bytes": self.linked.host_bytes,
            "guest_insns": self.linked.guest_insns,
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
