"""The machine of SPARC's fault injector: an MMU and a device that refuse one access, and the handler."""

from __future__ import annotations

import ctypes
import mmap
import os
import random
import struct
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.engine.fault_machine import Device
from tests.insn.sparc import NOP, bicc, load_constant, op3
from tests.native import interpreter
from translator.cache import Cache
from translator.cpu import Cpu
from translator.engine import Native
from translator.isa import Model
from translator.jit import Jit
from translator.memory import Mmu
from translator.softmmu import PEEK, REFUSED, UNCACHED, WRITE
from translator.sparc import MODELS
from translator.sparc.model import pack_psr
from translator.spec.semantics import Reg, Semantics
from translator.spec.value import Val
from translator.state import JUMP_ENTRIES, Layout
from translator.worker import Pool

PAGE_BITS = 8
SPACE, DEVICE = 0x10000, 0x20000
HANDLER, END, STRAY, COUNT = 0x1100, 0x1200, 0x1240, 0xFF0
CODE, CODE_SIZE, DATA, DATA_SIZE, SIDE = 0x4000, 0x400, 0x6000, 0x400, 0xD000
LIMIT, LOOP_SLICES, TURNS = 300, 300, 12
TRAP_END = op3(2, 0x3A, 8, 0, imm=5)  # ta 5
CWP = 3

SEEN, FAIL, SLOW = Reg("seen", 32), Reg("fail", 32), Reg("slow", 32)
DEVICES, WRITTEN = Reg("devices", 32), Reg("written", 32)
Outcome = dict[str, Any]


@dataclass
class Case:
    """A program, its mode and registers, and where its data lie."""

    family: str
    seed: int
    base: int
    words: list[int]
    layout: str
    supervisor: bool
    values: list[int]  # of the register file
    index: int  # of %g5
    data: bytes

    @property
    def code(self) -> int:
        """op3 of the instruction in question."""
        return int(self.family.split()[0], 16)


def _translate(s: Semantics, va: Val, fc: Val, how: Val) -> Val:
    """Virtual is physical but for the device's pages; access number `fail` to code or data is refused.

    But not the store to a page for which the instruction has had leave already: no MMU changes its mind.
    """
    page = va.lsr(PAGE_BITS) - (DATA >> PAGE_BITS)
    data, bit = page.ult(DATA_SIZE >> PAGE_BITS), s.const(1, 32) << (page & 31)
    counts = (how != PEEK) & (data | (va - CODE).ult(CODE_SIZE))
    seen = s.read(SEEN) + counts.select(s.const(1, 32), 0)
    s.write(SEEN, seen)
    stores, written = data & (how == WRITE), s.read(WRITTEN)
    refuse = counts & (seen == s.read(FAIL)) & ~(stores & (written & bit != 0))
    kept = (stores & ~refuse).select(written | bit, 0)
    s.write(WRITTEN, counts.select(kept, written))
    mapped = data & (s.read(DEVICES) & bit != 0)
    side = va.lsr(PAGE_BITS) == SIDE >> PAGE_BITS
    phys = (mapped | side).select(va + DEVICE, va).zext(64)
    found = (s.read(SLOW) != 0).select(phys | UNCACHED, phys)
    return (~va.ult(SPACE) | refuse).select(s.const(REFUSED, 64), found)


def _mmu() -> Mmu:
    layout = Layout("sparcfaultmmu", (SEEN, FAIL, SLOW, DEVICES, WRITTEN), core=False)
    state, owner, address = layout.new()
    mmu = Mmu(layout, _translate, PAGE_BITS, state, address)
    mmu.owner = owner  # type: ignore[attr-defined]
    return mmu


@cache
def _native(name: str) -> Native:
    return interpreter(MODELS[name], _mmu(), workers=len(os.sched_getaffinity(0)))


def system() -> dict[int, list[int]]:
    """Trap vectors and handlers: address -> words. The handler's window has only its locals."""
    out = {16 * tt: [bicc(8, 0, STRAY - 16 * tt >> 2), NOP] for tt in range(0xFF)}
    for tt, to in ((1, HANDLER), (9, HANDLER), (0x85, END)):
        out[16 * tt] = [bicc(8, 0, to - 16 * tt >> 2), NOP]
    out[HANDLER] = [
        op3(3, 0x00, 19, 0, imm=COUNT), op3(2, 0x00, 19, 19, imm=1), op3(3, 0x04, 19, 0, imm=COUNT),
        *load_constant(20, SIDE), op3(3, 0x00, 21, 20, imm=0), op3(3, 0x04, 21, 20, imm=8),
        op3(2, 0x38, 0, 17, imm=0), op3(2, 0x39, 0, 18, imm=0),
    ]  # fmt: skip
    out[END] = out[STRAY] = [op3(2, 0x3A, 8, 0, imm=0), NOP]  # error mode
    return out


class Machine:
    """One processor with 64 KB of RAM, the device and the MMU that refuses."""

    def __init__(self, engine: str, model: Model) -> None:
        self.ram = mmap.mmap(-1, SPACE)
        self.engine, self.model, self.device, self.mmu = engine, model, Device(self.ram), _mmu()
        native = None if engine == "concrete" else _native(model.name)
        self.jit = Jit(model, native, Cache(None), Pool(0), 1) if engine == "jit" else None
        self.cpu = Cpu(model, self.mmu, self.device, native, self.jit)
        view = (ctypes.c_char * SPACE).from_buffer(self.ram)
        self.cpu.map(0, SPACE, ctypes.addressof(view), True, (self.ram, view))
        for at, words in system().items():
            self._put(at, words)
        self._image = self.ram[:]

    def close(self) -> None:
        if self.jit is not None:
            self.jit.close()

    def _put(self, at: int, words: list[int]) -> None:
        self.ram[at : at + 4 * len(words)] = struct.pack(f">{len(words)}I", *words)

    def load(self, case: Case, words: list[int]) -> None:
        """Everything as after power-up, then the case."""
        cpu, s = self.cpu, self.cpu.state
        cpu.memory.wrote(0, SPACE)
        self.ram[:] = self._image
        self._put(case.base, words)
        self.device.bytes[:] = bytes(SPACE)
        for memory in (self.ram, self.device.bytes):
            memory[DATA : DATA + DATA_SIZE] = case.data
        for name, reg in self.model.isa.layout.regs.items():
            setattr(s, name, 0 if reg.count == 1 else [0] * reg.count)
        self.model.isa.reset(s, lambda at, size: 0)
        s.file[1:136] = case.values[1:]
        s.file[4], s.file[5], s.file[6] = TURNS, case.index, DATA
        s.mode, s.et, s.cwp, s.pc = int(case.supervisor), 1, CWP, case.base
        s.hot_count = s.redo = s.fix_kind = 0
        ctypes.memset(cpu.address + self.model.isa.layout.offset("heat"), 0, 2 * JUMP_ENTRIES)
        cpu.stopped = cpu.halted = False
        m = self.mmu.state
        m.seen = m.fail = m.written = 0
        m.slow = self.jit is None
        m.devices = {"ram": 0, "device": 0xF, "even": 0x5, "odd": 0xA}[case.layout]
        self.device.log.clear()
        self.device.count = self.device.fail = 0
        self.device.before = self.ram[DATA : DATA + DATA_SIZE]
        cpu.flush()
        cpu.mode_changed()

    def straight(self, case: Case, mmu: int = 0, device: int = 0) -> Outcome | None:
        """Run a case once, access number `mmu` or device cycle number `device` being refused."""
        self.load(case, [*case.words, TRAP_END])
        self.mmu.state.fail, self.device.fail = mmu, device
        self.cpu.run(LIMIT)
        return self._outcome()

    def loop(self, case: Case, words: list[int], rng: random.Random | None) -> Outcome | None:
        """Run it as a loop, in slices; with `rng`, accesses are refused in some of them."""
        assert self.jit is not None
        self.load(case, words)
        cpu, m, cuts = self.cpu, self.mmu.state, random.Random(case.seed)
        for _ in range(LOOP_SLICES):
            if cpu.halted:
                break
            cpu.run(cuts.randint(3, 20))
            self.jit.poll()
            if rng is not None and cpu.state.file[4] < TURNS - 3 and rng.random() < 0.6:
                cpu.flush_tlb()
                m.fail = m.seen + rng.randint(1, 6)
        return self._outcome()

    @property
    def faults(self) -> int:
        """Refused accesses that the handler has seen."""
        return int.from_bytes(self.ram[COUNT : COUNT + 4], "big")

    def _outcome(self) -> Outcome | None:
        """What must be the same; None if the program has not come to its end."""
        s = self.cpu.state
        if not self.cpu.halted or s.pc != END:
            return None
        ram, file = bytearray(self.ram), list(s.file)
        ram[COUNT : COUNT + 4] = bytes(4)
        locals_ = 8 + 16 * (CWP - 1) + 8
        file[locals_ + 3 : locals_ + 8] = [0] * 5  # the handler's
        return {
            "file": file, "ram": bytes(ram), "psr": pack_psr(s), "y": int(s.y), "wim": int(s.wim),
            "device": bytes(self.device.bytes[:SIDE]), "log": tuple(self.device.log),
        }  # fmt: skip
