"""A small machine for engine tests: 128 KB of virtual space behind a page table, RAM, ROM, devices.

    virtual                                physical
    00000 vectors, handlers, counters      00000 RAM, 64 KB
    01000 supervisor and user stacks       10000 ROM, 4 KB
    04000 code                             20000 a device whose reads have side effects
    08000 data: what the layouts vary      30000 nothing: cycles are refused
    0c000 ROM   0d000 device   0e000 nothing
    10000 the same again (another virtual address for everything)

There are two MMU contexts; in the second one, data and some code lie elsewhere.
"""

from __future__ import annotations

import ctypes
import mmap
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from translator.cpu import Cpu
from translator.isa import Model
from translator.jit import Jit
from translator.m68k.model import pack_sr, unpack_sr
from translator.memory import Mmu, Refused
from translator.softmmu import PEEK, REFUSED, UNCACHED, WRITE
from translator.spec.semantics import Reg, Semantics
from translator.spec.value import Val
from translator.state import CORE, HOT_ENTRIES, JUMP_ENTRIES, Layout
from translator.worker import Pool

RAM, ROM, DEVICE, NOTHING = 0x00000, 0x10000, 0x20000, 0x30000  # physical
RAM_SIZE, ROM_SIZE = 0x10000, 0x1000
SPACE = 0x20000  # bytes of virtual space
CODE, DATA, DATA_END = 0x4000, 0x8000, 0xC000
ROM_VA, DEVICE_VA, NOTHING_VA = 0xC000, 0xD000, 0xE000
# Device registers: a write withdraws the interrupt, forgets page use, swaps pages, changes context.
ACKNOWLEDGE, FORGET, SWAP_DATA, SWAP_CODE, CONTEXT = 0xD0F0, 0xD0E0, 0xD0D0, 0xD0C0, 0xD0B0
MOVE_DATA, MOVE_CODE = 0xD0A0, 0xD090  # as SWAP_, for an MMU that moves segments
STEADY = 4
ACTIONS = (FORGET, SWAP_DATA, SWAP_CODE, MOVE_DATA, MOVE_CODE, CONTEXT, CONTEXT)
SUPERVISOR_STACK, MASTER_STACK, USER_STACK = 0x2000, 0x2800, 0x3000

VALID, WRITABLE, SYSTEM, NO_CACHE, ACCESSED, MODIFIED = (1 << i for i in range(6))
FRAME = 8  # lowest bit of the page number in an entry
PAGES = Reg("pages", 32, 1024)
IN_USE = Reg("in_use", 32)  # the context
PER_CONTEXT = 512


def make_mmu(page_bits: int) -> Mmu:
    """Per context a one-level page table of SPACE bytes; accesses leave their mark in it."""

    def translate(s: Semantics, va: Val, fc: Val, how: Val) -> Val:
        index = s.read(IN_USE) << 9 | va.lsr(page_bits) & (PER_CONTEXT - 1)
        pte = s.read(PAGES, index)
        writing = how == WRITE
        good = va.ult(SPACE) & pte.bit(0) & (~writing | pte.bit(1)) & (~pte.bit(2) | fc.bit(2))
        mark = pte | ACCESSED | writing.zext(32) << 5
        s.if_(good & (how != PEEK), lambda: s.write(PAGES, mark, index))
        phys = pte.lsr(FRAME).zext(64) << page_bits | (va & ((1 << page_bits) - 1)).zext(64)
        return good.select(pte.bit(3).select(phys | UNCACHED, phys), REFUSED)

    layout = Layout("testmmu", (PAGES, IN_USE), core=False)
    state, owner, address = layout.new()
    mmu = Mmu(layout, translate, page_bits, state, address)
    mmu.owner = owner  # type: ignore[attr-defined]
    return mmu


@dataclass
class Program:
    """What a machine is loaded with, and what happens to it from outside."""

    image: dict[int, bytes]  # virtual (lower half) address -> bytes of RAM
    regs: list[int]  # D0..A6, and A7 of the mode in `sr`
    sr: int
    pc: int = CODE
    pages: dict[int, int] = field(default_factory=dict)  # page's virtual address -> entry, where not plain
    limit: int = 120  # instructions
    interrupts: list[tuple[int, int, int]] = field(default_factory=list)  # (instruction count, level, vector)


class Device:
    """Reads count, and tell the time in instructions; some writes have consequences.

    At every other four bytes reads are steady: what they find follows from the other cycles so far. As they
    may be answered without the device (translator.answers), they are not logged.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.cpu: Any = None
        self.start = self.reads = 0
        self.log: list[tuple[Any, ...]] = []

    def read(self, phys: int, va: int, size: int, fc: int) -> int:
        if phys >= NOTHING:
            raise Refused
        if phys & STEADY:
            return self._steady(phys, size)
        self.reads += 1
        now: int = self.cpu.now - self.start
        self.log.append(("read", phys, va, size, fc, now))
        return (self.reads * 0x9E3779B1 ^ now << 3 ^ phys) & (1 << 8 * size) - 1

    def steady(self, phys: int, va: int, size: int, fc: int) -> int | None:
        return self._steady(phys, size) if phys & STEADY and phys < NOTHING else None

    def _steady(self, phys: int, size: int) -> int:
        return (len(self.log) * 0x9E3779B1 ^ phys << 7) >> 3 & (1 << 8 * size) - 1

    def write(self, phys: int, va: int, size: int, value: int, fc: int) -> None:
        if phys >= NOTHING or (phys >= DEVICE and phys & 0x800):
            raise Refused
        self.log.append(("write", phys, va, size, value, fc, self.cpu.now - self.start))
        register = phys & 0xFFF | DEVICE_VA
        if register == ACKNOWLEDGE:
            self.cpu.state.ipl = self.cpu.state.ipl_seen = 0
        elif register == FORGET:
            self.machine.forget_accesses()
        elif register in (SWAP_DATA, MOVE_DATA):
            self.machine.swap(DATA, DATA + (1 << self.machine.page_bits), register == MOVE_DATA)
        elif register in (SWAP_CODE, MOVE_CODE):
            page = 1 << self.machine.page_bits
            self.machine.swap(CODE + page, CODE + 2 * page, register == MOVE_CODE)
        elif register == CONTEXT:
            self.machine.change_context()


Outcome = dict[str, Any]


class Machine:
    """One processor in one engine: "concrete", "interp", "jit", or "mixed" (a random one for every slice)."""

    def __init__(
        self, model: Model, engine: str, native: Any, page_bits: int = 8, hot: int = 1,
        regions: int = 1 << 30,
    ) -> None:
        self.model, self.engine, self.page_bits = model, engine, page_bits
        self.regions = regions  # translations of one program: they are what takes time
        self.native = None if engine == "concrete" else native
        jit = None
        if engine in ("jit", "mixed"):
            from translator.cache import Cache

            jit = Jit(model, native, Cache(None), Pool(0), hot)
        self.jit, self.hot = jit, hot
        self.device = Device(self)
        self.mmu = make_mmu(page_bits)
        self.cpu = Cpu(model, self.mmu, self.device, native=self.native, jit=jit)
        self.device.cpu = self.cpu
        self.ram, self.rom = mmap.mmap(-1, RAM_SIZE), mmap.mmap(-1, ROM_SIZE)
        for memory, base, writable in ((self.ram, RAM, True), (self.rom, ROM, False)):
            view = (ctypes.c_char * len(memory)).from_buffer(memory)
            self.cpu.map(base, len(memory), ctypes.addressof(view), writable, (memory, view))
        rng = random.Random(1)
        self.rom[:] = bytes(rng.choice((0x4E, 0x71, 0x70, 0x60, rng.getrandbits(8))) for _ in range(ROM_SIZE))
        self._table = memoryview((ctypes.c_uint32 * PAGES.count).from_address(self.mmu.address)).cast("B")
        self._plain = self._plain_table()
        if engine == "concrete":  # the oracle has its own MMU: quicker, and one shared source less
            self._words = self._table.cast("I")
            self.cpu.memory._translate = self.translate  # type: ignore[assignment]

    def _plain_table(self) -> bytes:
        table = (ctypes.c_uint32 * PAGES.count)()
        size = 1 << self.page_bits
        for i in range(SPACE >> self.page_bits):
            va = i << self.page_bits
            table[i] = self.entry(va)
            moved = DATA <= va & 0xFFFF < DATA_END - size or va == CODE + size
            table[PER_CONTEXT + i] = self.entry(va + size if moved else va)
        return bytes(table)

    def translate(self, va: int, fc: int, how: int) -> int:
        """What `make_mmu`'s does, in plain Python."""
        index = self.mmu.state.in_use * PER_CONTEXT + (va >> self.page_bits)
        pte = self._words[index] if va < SPACE else 0
        if not pte & VALID or (how == WRITE and not pte & WRITABLE) or (pte & SYSTEM and not fc & 4):
            return REFUSED
        if how != PEEK:
            self._words[index] = pte | ACCESSED | (MODIFIED if how == WRITE else 0)
        phys = pte >> FRAME << self.page_bits | va & (1 << self.page_bits) - 1
        return phys | UNCACHED if pte & NO_CACHE else phys

    def entry(self, va: int) -> int:
        """The plain page-table entry of a virtual address."""
        low = va & 0xFFFF
        phys = low
        for start, to in ((NOTHING_VA, NOTHING), (DEVICE_VA, DEVICE), (ROM_VA, ROM)):
            if low >= start:
                phys = to + low - start
                break
        return phys >> self.page_bits << FRAME | VALID | WRITABLE

    def forget_accesses(self) -> None:
        """As operating systems do: see which pages are used from now on."""
        pages = self.mmu.state.pages
        for i in range(PAGES.count):
            pages[i] &= ~ACCESSED
        self.cpu.flush()

    def change_context(self) -> None:
        """From the first to the second and back."""
        self.mmu.state.in_use ^= 1
        self.cpu.set_context(self.mmu.state.in_use)

    def swap(self, one: int, two: int, segments: bool = False) -> None:
        """Exchange where two virtual pages lead; tell the processor the pages, or the addresses."""
        pages, context = self.mmu.state.pages, self.mmu.state.in_use * PER_CONTEXT
        i, j = context + (one >> self.page_bits), context + (two >> self.page_bits)
        pages[i], pages[j] = pages[j], pages[i]
        gone = [pages[k] >> FRAME << self.page_bits for k in (i, j)]
        if segments:
            for va in (one, two):
                self.cpu.segment_moved(va, 1 << self.page_bits, lambda: gone)
        else:
            self.cpu.page_moved(*gone)

    def load(self, p: Program) -> None:
        """Everything as after power-up, then the program."""
        cpu, s = self.cpu, self.cpu.state
        cpu.memory.wrote(RAM, RAM_SIZE)  # regions made from what is there now are stale
        self.ram[:] = bytes(RAM_SIZE)
        for at, data in p.image.items():
            self.ram[at:at + len(data)] = data
        self._table[:] = memoryview(self._plain)
        self.mmu.state.in_use = 0
        for va, entry in p.pages.items():
            self.mmu.state.pages[va >> self.page_bits] = entry
        for name, reg in self.model.isa.layout.regs.items():
            setattr(s, name, 0 if reg.count == 1 else [0] * reg.count)
        for _, name, count in CORE:
            if name.startswith("fault_") and count == 1:
                setattr(s, name, 0)
        cpu.replay.reset()
        s.sr_sys, s.mode, s.mmu_context = 0x27, 1, 0
        s.int_vector = 0xFFFFFFFF
        s.isp, s.usp, s.msp = SUPERVISOR_STACK, USER_STACK, MASTER_STACK
        s.r[15] = s.isp
        unpack_sr(s, p.sr)
        s.r[0:16] = [*p.regs[:15], p.regs[15] or s.r[15]]
        s.pc = p.pc
        s.hot_count = 0
        self._asked, self._entry = 0, p.pc
        offset = self.model.isa.layout.offset("heat")
        ctypes.memset(cpu.address + offset, 0, 2 * JUMP_ENTRIES)
        cpu.flush()
        cpu.mode_changed()
        cpu.stopped = cpu.halted = False
        self.device.start, self.device.reads = cpu.executed, 0
        self.device.log.clear()

    def run(self, p: Program, cuts: Iterator[int]) -> None:
        """Run a loaded program to its limit, in slices of these lengths."""
        cpu, s = self.cpu, self.cpu.state
        start = cpu.executed
        for count, level, vector in [*p.interrupts, (p.limit, 0, 0)]:
            while cpu.executed - start < count and not (cpu.halted or cpu.stopped):
                self._slice(min(next(cuts), count - (cpu.executed - start)))
            if cpu.halted:
                return
            if count < p.limit:
                s.ipl, s.int_vector, s.ipl_seen = level, vector, min(s.ipl_seen, level)
                if cpu.stopped:
                    self._slice(1)

    def _slice(self, budget: int) -> None:
        cpu = self.cpu
        if self.engine == "mixed":
            how = self.rng.choice(("concrete", "interp", "jit", "jit"))
            cpu.native = None if how == "concrete" else self.native
            cpu.state.hot_limit = self.hot if how == "jit" else 0x10000
            if how == "interp":
                cpu.flush_jumps()
        cpu.run(budget)
        if self.jit is not None:
            self._poll()

    def _poll(self) -> None:
        """Let the JIT translate the program's entry if it is hot, else what comes next; not too often."""
        assert self.jit is not None
        s = self.cpu.state
        if self.regions < HOT_ENTRIES:
            entry, here = int(s.context) | self._entry, int(s.context) | int(s.pc)
            hot = {int(k) for k in s.hot[0:min(s.hot_count, HOT_ENTRIES)]}
            s.hot[0] = entry if entry in hot else here
            known = entry in hot or self.jit.places.executed(int(s.pc), int(s.mode))
            s.hot_count = int(self._asked < self.regions and known)
            self._asked += 1
        self.jit.poll()

    rng = random.Random(0)  # of the mixed engine

    def outcome(self) -> Outcome:
        """Everything that engines must agree on."""
        cpu, s = self.cpu, self.cpu.state
        out: Outcome = {"executed": cpu.executed - self.device.start}
        out["stopped"], out["halted"] = cpu.stopped, cpu.halted
        for i, name in enumerate([*(f"d{i}" for i in range(8)), *(f"a{i}" for i in range(8))]):
            out[name] = int(s.r[i])
        out["pc"], out["sr"] = int(s.pc), pack_sr(s)
        for name, reg in self.model.isa.layout.regs.items():
            if reg.count == 1:
                out[name] = int(getattr(s, name))
        for name in ("mode", *(name for _, name, count in CORE if name.startswith("fault_"))):
            out[name] = int(getattr(s, name))
        out["ram"], out["pages"] = bytes(self.ram), bytes(self._table)
        out["io"] = list(self.device.log)
        return out

    def execute(self, p: Program, cuts: Iterator[int]) -> Outcome:
        self.load(p)
        self.run(p, cuts)
        return self.outcome()


def cuts(seed: int, longest: int = 60) -> Iterator[int]:
    """Endless random slice lengths."""
    rng = random.Random(seed)
    while True:
        yield rng.randint(1, longest)


def differences(a: Outcome, b: Outcome) -> list[str]:
    """What differs between two outcomes, one line each, memory and page table by element."""
    out = []
    for key in a:
        x, y = a[key], b[key]
        if x == y:
            continue
        if key in ("ram", "pages"):
            size = 1 if key == "ram" else 4
            for i in range(0, len(x), size):
                if x[i:i + size] != y[i:i + size]:
                    word = [v[i:i + size][::-1].hex() for v in (x, y)]
                    out.append(f"{key}[{i // size:#x}]: {word[0]} | {word[1]}")
        elif key == "io":
            k = next((k for k, (v, w) in enumerate(zip(x, y, strict=False)) if v != w), min(len(x), len(y)))
            out.append(f"io[{k}] of {len(x)} | {len(y)}: {x[k:k + 1]} | {y[k:k + 1]}")
        else:
            out.append(f"{key}: {x:#x} | {y:#x}")
    return out
