"""A processor on plain memory, in any engine, that is loaded by pokes and runs an instruction or a few.

Nothing is recompiled between cases: the interpreter is made once, and regions are made many at a time, as one
LLVM module, and put into the jump cache by hand.  Pages are small, so that cases lie across their ends.
"""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.native import interpreter
from translator import m68k, sparc, translation
from translator.cpu import Cpu
from translator.isa import Model
from translator.llvm import build
from translator.llvm.emit import INTRINSICS, METADATA
from translator.memory import Mmu, Refused
from translator.region import discover
from translator.render import RegionEmitter
from translator.softmmu import WRITE
from translator.spec.semantics import Reg, Semantics
from translator.spec.value import Val
from translator.state import JUMP_ENTRIES, Layout, Reason
from translator.steps import OutOfSight

MODELS = {**m68k.MODELS, **sparc.MODELS}
PAGE_BITS = 8
ADDRESS_24 = 0xFFFFFF
BATCH = 128  # regions of one LLVM module
QUICK, EARNEST = (0, 0), (translation.LEVEL, translation.CODEGEN)
ENDS = (Reason.STOPPED, Reason.HALTED, Reason.ROUTINE)
PRELUDE = INTRINSICS + METADATA
WRITTEN, COUNT = Reg("written", 32, 64), Reg("count", 32)


def make_mmu(mask: int = 0xFFFFFFFF) -> Mmu:
    """physical = virtual & mask; the first write to each page is noted."""

    def translate(s: Semantics, va: Val, fc: Val, how: Val) -> Val:
        n = s.read(COUNT)
        slot = n & (WRITTEN.count - 1)

        def note() -> None:
            s.write(WRITTEN, va, slot)
            s.write(COUNT, n + 1)

        s.if_(how == WRITE, note)
        return (va & mask).zext(64)

    layout = Layout("noted", (WRITTEN, COUNT), core=False)
    state, owner, address = layout.new()
    mmu = Mmu(layout, translate, PAGE_BITS, state, address)
    mmu.owner = owner  # type: ignore[attr-defined]
    return mmu


@cache
def native(model: str, mask: int = 0xFFFFFFFF, workers: int = 0) -> Any:
    """The compiled interpreter of a model (from the cache on disk, if it is there).

    workers: how many to compile it with what other processes will want: in earnest.
    """
    return interpreter(MODELS[model], make_mmu(mask), quick=False if workers else None, workers=workers)


class Nothing:
    """Where there is no memory: refuses, and remembers that somebody was here."""

    met = False

    def read(self, phys: int, va: int, size: int, fc: int) -> int:
        self.met = True
        raise Refused

    def write(self, phys: int, va: int, size: int, value: int, fc: int) -> None:
        self.met = True
        raise Refused


@dataclass
class Place:
    """Code to be made a region: up to `limit` instructions at `entry`, read by `code(address, size)`."""

    entry: int
    mode: int
    code: Callable[[int, int], int]
    limit: int = 1


def reader(base: int, data: bytes) -> Callable[[int, int], int]:
    """A `Place.code` for bytes at an address."""

    def code(address: int, size: int) -> int:
        at = address - base & 0xFFFFFFFF
        if at + size > len(data):
            raise OutOfSight(f"{address:#x}")
        return int.from_bytes(data[at : at + size], "big")

    return code


class Flat:
    """One processor in one engine ("concrete", "interp", "jit") on memories at `map`ped addresses."""

    def __init__(self, model: Model, engine: str, mask: int = 0xFFFFFFFF) -> None:
        self.model, self.engine = model, engine
        self.native = None if engine == "concrete" else native(model.name, mask)
        self.mmu = make_mmu(mask)
        self.nothing = Nothing()
        self.cpu = Cpu(model, self.mmu, self.nothing, native=self.native)
        if engine == "concrete":  # no need to run the little MMU's specification for every access
            self.cpu.memory._translate = lambda va, fc, how: va & mask  # type: ignore[assignment]
        self.state: Any = self.cpu.state
        layout = model.isa.layout
        self._registers = self.cpu.address + min(layout.offset(r) for r in layout.regs)
        self._size = self.cpu.address + layout.size - self._registers
        self._fresh = bytes(self._size)
        self._jumped: list[int] = []

    def map(self, base: int, size: int, writable: bool = True) -> mmap.mmap:
        """New memory of zeros."""
        memory = mmap.mmap(-1, size)
        view = (ctypes.c_char * size).from_buffer(memory)
        self.cpu.map(base, size, ctypes.addressof(view), writable, (memory, view))
        return memory

    def clear(self) -> None:
        """All registers zero, user mode."""
        ctypes.memmove(self._registers, self._fresh, self._size)
        self.state.mode = 0

    def saved(self) -> tuple[bytes, int, int]:
        """All registers, the mode and the pc, for `restore`."""
        return ctypes.string_at(self._registers, self._size), int(self.state.mode), int(self.state.pc)

    def restore(self, saved: tuple[bytes, int, int]) -> None:
        registers, self.state.mode, self.state.pc = saved
        ctypes.memmove(self._registers, registers, self._size)

    def run(self, count: int = 1) -> int:
        """So many instructions, no interrupts or traces between them; how many of them in regions."""
        cpu = self.cpu
        cpu.mode_changed()
        before = int(self.state.insns_jit)
        self.nothing.met = False
        left = count
        while left:
            at = cpu.executed
            cpu._run_slice(left, False)
            left -= cpu.executed - at
            if cpu.error is not None:
                error, cpu.error = cpu.error, None
                raise error
            if cpu.reason in ENDS:
                break
        return int(self.state.insns_jit) - before

    # -- regions ---------------------------------------------------------------------------------------------

    def translate(self, places: Sequence[Place], level: tuple[int, int] = QUICK) -> list[int]:
        """Host addresses of regions, 0 where the interpreter has to do it; `release` frees them."""
        texts, names = [], []
        for k, p in enumerate(places):
            try:
                region = discover(self.model, p.mode, p.entry, p.code, p.limit)
            except OutOfSight:
                continue
            if region.insns:
                names.append(f"r{k}")
                texts.append(RegionEmitter(region, PAGE_BITS).module(names[-1]).removeprefix(PRELUDE))
        if not names:
            return [0] * len(places)
        obj = build.compile_text(PRELUDE + "".join(texts), *level)
        assert self.native is not None
        self._linked = self.native.linker.link([obj], names)
        return [self._linked.addresses.get(f"r{k}", 0) for k in range(len(places))]

    def enter(self, entry: int, mode: int, host: int) -> None:
        """Let `entry` lead to this region alone."""
        for h in self._jumped:
            self.state.jumps[h].key = self.state.jumps[h].code = (1 << 64) - 1
        self._jumped.clear()
        if host:
            h = (entry >> 1 ^ entry >> 13) & JUMP_ENTRIES - 1
            self.state.jumps[h].key, self.state.jumps[h].code = mode << 32 | entry, host
            self._jumped.append(h)

    # -- what has been written -------------------------------------------------------------------------------

    def forget_writes(self) -> None:
        """From now on `written` notes pages anew."""
        self.cpu.flush_tlb()
        self.mmu.state.count = 0

    def written(self) -> set[int]:
        """Virtual addresses of pages written since `forget_writes` (native engines)."""
        count = int(self.mmu.state.count)
        assert count <= WRITTEN.count
        return {int(va) & -(1 << PAGE_BITS) for va in self.mmu.state.written[0:count]}
