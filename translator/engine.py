"""The native engine of one CPU model: the interpreter, compiled once and kept on disk."""

from __future__ import annotations

import ctypes
import hashlib
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from . import interp
from .cache import Cache, digest, outdated
from .isa import Model
from .linker import Linked, Linker
from .llvm import build
from .memory import Mmu
from .native import function
from .spec.value import Val

HANDLERS_PER_PART = 150
FULL, QUICK = (0, 2), (-1, 0)  # LLVM's levels of optimisation and of code generation


# What compiled code depends on, besides the instruction set's own package.
COMMON = ("spec", "llvm", "softfloat", "isa.py", "state.py", "trace.py", "softmmu.py")
_MEMORY = ("mapping.py", "access.py", "answers.py")
INTERPRETER = (*COMMON, *_MEMORY, "interp.py", "handlers.py", "usual.py", "dispatch.py")
_EMITTERS = ("nodes.py", "lazy.py", "recall.py", "parts.py", "simplify.py", "doubts.py", "render.py")
REGIONS = (
    *COMMON,
    "region_trace.py",
    "steps.py",
    "region.py",
    "trees.py",
    *_EMITTERS,
    "translation.py",
    "shelf.py",
    "sheets.py",
)


@cache
def sources(isa: str, names: tuple[str, ...]) -> str:
    """A digest of those parts of the translator: what was made before they changed is stale."""
    h = hashlib.sha256()
    root = Path(__file__).parent
    package = f"{__package__}.{isa}."
    own = {
        m.split(".")[2] for m in sys.modules if m.startswith(package)
    }  # an option that is not in use counts not
    for name in (isa, *names):
        path = root / name
        for f in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            if name != isa or f.parent == path or f.parent.name in own:
                h.update(f.read_bytes())
    if outdated():
        h.update(os.urandom(16))  # nobody finds what this process makes
    return h.hexdigest()


Levels = tuple[int, int]


def compile_part(
    model: Model, page_bits: int, first: int, last: int, levels: Levels = FULL
) -> tuple[bytes, bytes]:
    """Object and instruction lengths of handlers first..last-1 (a worker's job)."""
    text, lengths = interp.part(model, page_bits, first, last)
    return build.compile_text(text, *levels), lengths


Progress = Callable[[str, int, int], None]


class Native:
    """Interpreter code in place: `run(state address, pc, budget)`, `step`, and the routines by name.

    `run_warm` counts its pc as a place that was jumped to.

    `quick`: what is not in the cache is compiled in a hurry; `improve` replaces it while the guest runs.
    """

    def __init__(
        self,
        model: Model,
        mmu: Mmu,
        cache: Cache,
        pool: Any = None,
        progress: Progress = lambda what, i, n: None,
        quick: bool = False,
    ) -> None:
        self.model, self.page_bits = model, mmu.page_bits
        self.linker = Linker()
        self._hurried: list[bytes] | None = None  # what `improve` is to make better
        blobs = self._interpreter(cache, pool, progress, quick)
        support, index, lengths, *parts = blobs
        words = len(index) // 2
        self.handlers = (ctypes.c_uint64 * words)()
        self._linked: list[Linked] = []
        self._put(support, index, parts)
        self.addresses = self._linked[0].addresses
        self.lengths = (ctypes.c_uint8 * words).from_buffer_copy(lengths)
        self._mmu = self._function("translate", mmu, mmu.translate, cache)
        self._registers = mmu.registers and self._function("registers", mmu, mmu.registers, cache)
        entry = ctypes.CFUNCTYPE(None, ctypes.c_uint64, ctypes.c_uint32, ctypes.c_uint64)
        self.run = entry(self.addresses["run"])
        self.run_warm = entry(self.addresses["run_warm"])
        self.step = entry(self.addresses["step"])
        self.routines = {n: entry(self.addresses[f"call_{n}"]) for n in model.isa.routines}

    def _put(self, support: bytes, index: bytes, parts: list[bytes]) -> None:
        """Put an interpreter in place and let the instruction words lead to its handlers."""
        names = interp.externals(self.model)
        names += "run", "run_warm", "step", "chain", "exit", *(f"call_{n}" for n in self.model.isa.routines)
        tables = [f"part_{k * HANDLERS_PER_PART}" for k in range(len(parts))]
        linked = self.linker.link([support, *parts], names + tables)
        self._linked.append(linked)
        table: list[int] = []
        total = self._count(index)
        for name in tables:
            count = min(HANDLERS_PER_PART, total - len(table))
            table += (ctypes.c_uint64 * count).from_address(linked.addresses[name])
        table.append(linked.addresses["rt_illegal"])
        self.handlers[:] = [table[n] for n in memoryview(index).cast("H")]

    @staticmethod
    def _count(index: bytes) -> int:
        """Number of handlers; the number itself stands for illegal words."""
        return max(memoryview(index).cast("H"))

    def _key(self, levels: Levels, *part: str) -> str:
        """Where the cache has the interpreter, or a part of it."""
        isa = self.model.isa.name
        made_by = f"{sources(isa, INTERPRETER)} {HANDLERS_PER_PART} {levels}"
        return digest("interp", made_by, build.identity(), isa, self.model.name, str(self.page_bits), *part)

    def _interpreter(self, cache: Cache, pool: Any, progress: Progress, quick: bool) -> list[bytes]:
        blobs = cache.get(self._key(FULL))
        if blobs is None:
            levels = QUICK if quick else FULL
            blobs = cache.get(self._key(QUICK)) if quick else None
            if blobs is None:
                blobs = self._compile(levels, pool, progress)
                cache.put(self._key(levels), blobs)
            if quick:
                self._hurried = blobs
        return blobs

    def improve(self, cache: Cache, pool: Any) -> None:
        """Let the pool compile better what was compiled in a hurry, when it has nothing else to do.

        The handlers change in the pool's `poll`, between two quanta, when the last part has come.
        """
        if self._hurried is None:
            return
        frame, self._hurried = self._hurried[:3], None
        n = self._count(frame[1])
        starts = range(0, n, HANDLERS_PER_PART)
        better: dict[int, bytes] = {}

        def take(first: int, obj: bytes) -> None:
            better[first] = obj
            if len(better) == len(starts):
                parts = [better[f] for f in starts]
                self._put(frame[0], frame[1], parts)
                cache.put(self._key(FULL), [*frame, *parts])

        def done(first: int) -> Callable[[Any, str | None], None]:
            def come(result: Any, error: str | None) -> None:
                if error is None:  # if not, all stays as it is
                    cache.put(self._key(FULL, str(first)), [result[0]])
                    take(first, result[0])

            return come

        for first in starts:
            known = cache.get(self._key(FULL, str(first)))  # an earlier run came as far as this
            if known is not None and len(known) == 1:
                take(first, known[0])
            else:
                last = min(first + HANDLERS_PER_PART, n)
                job = (self.model.name, self.model.isa.name, self.page_bits, first, last)
                pool.submit("part", job, done(first), spare=True)

    def _compile(self, levels: Levels, pool: Any, progress: Progress) -> list[bytes]:
        model, page_bits = self.model, self.page_bits
        todo = interp.shapes(model)
        n = len(todo)
        starts = range(0, n, HANDLERS_PER_PART)
        made: dict[int, tuple[bytes, bytes]] = {}
        what = f"compiling the {model.name} interpreter (once)"

        def done(first: int) -> Callable[[Any, str | None], None]:
            def take(result: Any, error: str | None) -> None:
                made[first] = (
                    result
                    if error is None
                    else compile_part(model, page_bits, first, min(first + HANDLERS_PER_PART, n), levels)
                )
                progress(what, len(made), len(starts))

            return take

        progress(what, 0, len(starts))
        for first in starts:
            last = min(first + HANDLERS_PER_PART, n)
            if pool is None or pool.size == 0:
                done(first)(compile_part(model, page_bits, first, last, levels), None)
            else:
                job = (model.name, model.isa.name, page_bits, first, last, levels)
                pool.submit("part", job, done(first))
        support = build.compile_text(interp.support(model, page_bits), 2, 2)
        while len(made) < len(starts):
            pool.poll(1.0)
        index = memoryview(bytearray(b"\0" * (2 * model.isa.insns.places))).cast("H")
        lengths = bytearray([model.isa.word]) * model.isa.insns.places
        for w in range(len(index)):
            index[w] = n
        for k, shape in enumerate(todo):
            first = k // HANDLERS_PER_PART * HANDLERS_PER_PART
            length = made[first][1][k - first]
            for w in shape.places:
                index[w], lengths[w] = k, length
        return [support, index.tobytes(), bytes(lengths), *(made[f][0] for f in starts)]

    def _function(self, name: str, mmu: Mmu, fn: Callable[..., Val], cache: Cache) -> Linked:
        text = function(name, self.model, mmu.layout, fn, (32, 32, 32))
        key = digest("mmu", build.identity(), text)
        blobs = cache.get(key)
        if blobs is None:
            blobs = [build.compile_text(text, 2, 2)]
            cache.put(key, blobs)
        return self.linker.link(blobs, [name])

    def attach(self, cpu: Any) -> None:
        """Give a CPU's state the addresses that native code needs."""
        s = cpu.state
        s.handlers, s.lengths = ctypes.addressof(self.handlers), ctypes.addressof(self.lengths)
        s.translate = self._mmu.addresses["translate"]
        if self._registers:
            cpu.own_registers = s.registers = self._registers.addresses["registers"]
        prototype = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_uint64, *[ctypes.c_uint32] * 3)
        cpu.memory.look = prototype(s.translate)
        s.chain, s.exit = self.addresses["chain"], self.addresses["exit"]
