"""The native engine of one CPU model: the interpreter, compiled once and kept on disk."""

from __future__ import annotations

import ctypes
import hashlib
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from . import interp
from .cache import Cache, digest
from .isa import Model
from .llvm import build
from .llvm.build import Linked
from .memory import Mmu
from .native import function
from .spec.value import Val

HANDLERS_PER_PART = 150
LEVEL, CODEGEN = 0, 2


# What compiled code depends on, besides the instruction set's own package.
COMMON = ("spec", "llvm", "isa.py", "state.py", "trace.py", "softmmu.py")
INTERPRETER = (*COMMON, "interp.py", "dispatch.py")
REGIONS = (*COMMON, "region.py", "lazy.py", "render.py")


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
    return h.hexdigest()


def compile_part(model: Model, page_bits: int, first: int, last: int) -> tuple[bytes, bytes]:
    """Object and instruction lengths of handlers first..last-1 (a worker's job)."""
    text, lengths = interp.part(model, page_bits, first, last)
    return build.compile_text(text, LEVEL, CODEGEN), lengths


Progress = Callable[[str, int, int], None]


class Native:
    """Interpreter code in place: `run(state address, pc, budget)`, `step`, and the routines by name."""

    def __init__(
        self,
        model: Model,
        mmu: Mmu,
        cache: Cache,
        pool: Any = None,
        progress: Progress = lambda what, i, n: None,
    ) -> None:
        self.model, self.page_bits = model, mmu.page_bits
        self.linker = build.Linker()
        blobs = self._interpreter(cache, pool, progress)
        support, index, lengths, *parts = blobs
        names = interp.externals(model)
        entries = ["run", "step", "chain", "exit", *(f"call_{n}" for n in model.isa.routines)]
        self._linked = [self.linker.link(support, names + entries, {})]
        self.addresses = self._linked[0].addresses
        imports = {n: self.addresses[n] for n in names}
        table: list[int] = []
        for k, obj in enumerate(parts):
            first = k * HANDLERS_PER_PART
            linked = self.linker.link(obj, [f"part_{first}"], imports)
            self._linked.append(linked)
            count = min(HANDLERS_PER_PART, self._count(index) - first)
            table += build.pointers(linked.addresses[f"part_{first}"], count)
        table.append(self.addresses["rt_illegal"])
        words = len(index) // 2
        numbers = memoryview(index).cast("H")
        self.handlers = (ctypes.c_uint64 * words)(*[table[n] for n in numbers])
        self.lengths = (ctypes.c_uint8 * words).from_buffer_copy(lengths)
        self._mmu = self._function("translate", mmu, mmu.translate, cache)
        self._registers = mmu.registers and self._function("registers", mmu, mmu.registers, cache)
        entry = ctypes.CFUNCTYPE(None, ctypes.c_uint64, ctypes.c_uint32, ctypes.c_uint64)
        self.run = entry(self.addresses["run"])
        self.step = entry(self.addresses["step"])
        self.routines = {n: entry(self.addresses[f"call_{n}"]) for n in model.isa.routines}

    @staticmethod
    def _count(index: bytes) -> int:
        """Number of handlers; the number itself stands for illegal words."""
        return max(memoryview(index).cast("H"))

    def _interpreter(self, cache: Cache, pool: Any, progress: Progress) -> list[bytes]:
        isa = self.model.isa.name
        made_by = f"{sources(isa, INTERPRETER)} {HANDLERS_PER_PART} {LEVEL} {CODEGEN}"
        key = digest("interp", made_by, build.identity(), isa, self.model.name, str(self.page_bits))
        blobs = cache.get(key)
        if blobs is None:
            blobs = self._compile(pool, progress)
            cache.put(key, blobs)
        return blobs

    def _compile(self, pool: Any, progress: Progress) -> list[bytes]:
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
                    else compile_part(model, page_bits, first, min(first + HANDLERS_PER_PART, n))
                )
                progress(what, len(made), len(starts))

            return take

        progress(what, 0, len(starts))
        for first in starts:
            last = min(first + HANDLERS_PER_PART, n)
            if pool is None or pool.size == 0:
                done(first)(compile_part(model, page_bits, first, last), None)
            else:
                pool.submit("part", (model.name, model.isa.name, page_bits, first, last), done(first))
        support = build.compile_text(interp.support(model, page_bits), 2, 2)
        while len(made) < len(starts):
            pool.poll(1.0)
        index = memoryview(bytearray(b"\0" * (2 << model.isa.insns.bits))).cast("H")
        lengths = bytearray([model.isa.word]) * (1 << model.isa.insns.bits)
        for w in range(len(index)):
            index[w] = n
        for k, (_, _, words) in enumerate(todo):
            first = k // HANDLERS_PER_PART * HANDLERS_PER_PART
            length = made[first][1][k - first]
            for w in words:
                index[w], lengths[w] = k, length
        return [support, index.tobytes(), bytes(lengths), *(made[f][0] for f in starts)]

    def _function(self, name: str, mmu: Mmu, fn: Callable[..., Val], cache: Cache) -> Linked:
        text = function(name, self.model, mmu.layout, fn, (32, 32, 32))
        key = digest("mmu", build.identity(), text)
        blobs = cache.get(key)
        if blobs is None:
            blobs = [build.compile_text(text, 2, 2)]
            cache.put(key, blobs)
        return self.linker.link(blobs[0], [name], {})

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
