"""The fault injector: one access fails, the handler returns, and the program must not have noticed.

    run("interp", "m68020", seed=1, cases=500) -> {"cases", "agreed", "explained", "unexplained": [text, …]}

A program is one random instruction of a family of the specification, with what sets up its operands, across
a page's end now and then.  Its data lie in RAM, in a device that logs its cycles, or page by page in both.
It runs once undisturbed; then again for each access: the MMU refuses the first, the second, … the last one,
or the device does.  The handler has device cycles of its own before it returns.  Registers, memory and the
device's log must end up as in the undisturbed run: nothing was lost, nothing was done twice.

In the jit engine the program is a loop that runs in a region; the soft-TLB is emptied and the next accesses
that miss are refused, at random places.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.engine import fpu_families
from tests.insn.generate import PRIVILEGED, Program, generate
from translator import jit as jit_module
from translator.cache import Cache, default_directory
from translator.cpu import Cpu
from translator.engine import Native
from translator.isa import Model
from translator.jit import Jit
from translator.m68k import MODELS, SYSTEMS
from translator.m68k.model import _pointer as pointer
from translator.m68k.model import pack_sr, unpack_sr
from translator.memory import Mmu, Refused
from translator.softmmu import PEEK, REFUSED, UNCACHED, WRITE
from translator.spec.semantics import Reg, Semantics
from translator.spec.value import Val
from translator.state import JUMP_ENTRIES, Layout
from translator.worker import Pool

PAGE_BITS = 8
SPACE = 0x10000
DEVICE = 0x20000  # physical
CODE, DATA, DATA_SIZE = 0x4000, 0x6000, 0x400
STACKS, ISP, MSP, STACKS_END = 0x1000, 0x1F00, 0x2700, 0x2800
HANDLER, THE_END, COUNT, LOOPS = 0x500, 0x580, 0xC00, 0xC04
SIDE = 0xD000  # the handler's own device registers
LAYOUTS = ("ram", "device", "even", "odd")  # which pages of the data area are the device's
ENGINES = ("concrete", "interp", "jit")
LIMIT = 400  # instructions
LOOP_SLICES, TURNS = 300, 12
TRIES = 12  # programs of a family until one ends by itself
MOST = 24  # accesses of one program that are made to fail

ALL = {**MODELS, **SYSTEMS}

SEEN, FAIL, SLOW = Reg("seen", 32), Reg("fail", 32), Reg("slow", 32)
STORES = Reg("stores", 32)  # how many of the refused accesses were stores
DEVICES = Reg("devices", 32)  # bit n: page n of the data area is the device's
# addq.w #1,COUNT; movem.l d0/a0,-(sp); move.w SIDE,d0; move.w d0,SIDE+2; movem.l (sp)+,d0/a0; rte
HANDLER_CODE = f"5278{COUNT:04x} 48e78080 3039{SIDE:08x} 33c0{SIDE + 2:08x} 4cdf0101 4e73"
END_CODE = "4e722700 60fa"  # stop #$2700; bra.s back
LOOP_CODE = f"5378{LOOPS:04x} 6600"  # subq.w #1,LOOPS; bne.w


def _translate(s: Semantics, va: Val, fc: Val, how: Val) -> Val:
    """Virtual is physical but for the device's pages; access number `fail` is refused."""
    looked = how == PEEK
    seen = s.read(SEEN) + looked.select(s.const(0, 32), 1)
    s.write(SEEN, seen)
    page = va.lsr(PAGE_BITS) - (DATA >> PAGE_BITS)
    mapped = page.ult(32) & s.read(DEVICES).lsr(page & 31).bit(0)
    side = va.lsr(PAGE_BITS) == SIDE >> PAGE_BITS
    phys = (mapped | side).select(va + DEVICE, va).zext(64)
    refuse = ~looked & (seen == s.read(FAIL))
    s.write(STORES, s.read(STORES) + (refuse & (how == WRITE)).zext(32))
    bad = ~va.ult(SPACE) | refuse
    found = (s.read(SLOW) != 0).select(phys | UNCACHED, phys)
    return bad.select(s.const(REFUSED, 64), found)


class Device:
    """Memory whose cycles are logged; number `fail` is refused, once."""

    def __init__(self) -> None:
        self.bytes = bytearray(SPACE)
        self.log: list[tuple[str, int, int, int]] = []
        self.count = self.fail = self.stores = 0

    def _cycle(self, at: int, store: bool = False) -> int:
        if not DEVICE <= at < DEVICE + SPACE:
            raise Refused
        if at - DEVICE >= SIDE:
            return at - DEVICE
        self.count += 1
        if self.count == self.fail:
            self.stores += store
            raise Refused
        return at - DEVICE

    def read(self, phys: int, va: int, size: int, fc: int) -> int:
        at = self._cycle(phys)
        value = int.from_bytes(self.bytes[at : at + size], "big")
        if at < SIDE:
            self.log.append(("read", at, size, value))
        return value

    def write(self, phys: int, va: int, size: int, value: int, fc: int) -> None:
        at = self._cycle(phys, True)
        self.bytes[at : at + size] = value.to_bytes(size, "big")
        if at < SIDE:
            self.log.append(("write", at, size, value))


@dataclass
class Case:
    """A program, its mode, and where its data lie."""

    family: str
    seed: int
    program: Program
    layout: str
    sr: int
    image: dict[int, bytes] = field(default_factory=dict)
    goes_astray: bool = False  # it ends in an address error

    def __str__(self) -> str:
        p = self.program
        where = f"{self.family} seed {self.seed} {self.layout} sr {self.sr:04x} at {p.base:x}"
        return f"{where}: {p.code.hex(' ', 2)}"


Outcome = dict[str, Any]


@cache
def _native(name: str) -> Native:
    """The interpreter of a model, from the cache or made now."""
    model = ALL[name]
    named = os.environ.get("TME_CACHE")
    pool = Pool(len(os.sched_getaffinity(0)))
    try:
        return Native(model, _mmu(), Cache(Path(named) if named else default_directory()), pool)
    finally:
        pool.close()


def _mmu() -> Mmu:
    layout = Layout("faultmmu", (SEEN, FAIL, SLOW, STORES, DEVICES), core=False)
    state, owner, address = layout.new()
    mmu = Mmu(layout, _translate, PAGE_BITS, state, address)
    mmu.owner = owner  # type: ignore[attr-defined]
    return mmu


class Machine:
    """One processor with 64 KB of RAM, the device and the MMU that refuses."""

    def __init__(self, engine: str, model: Model) -> None:
        self.engine, self.model, self.device, self.mmu = engine, model, Device(), _mmu()
        native = None if engine == "concrete" else _native(model.name)
        self.jit = Jit(model, native, Cache(None), Pool(0), 1) if engine == "jit" else None
        self.cpu = Cpu(model, self.mmu, self.device, native, self.jit)
        self.cpu.memory._translate = self._look  # type: ignore[assignment]
        self.ram = mmap.mmap(-1, SPACE)
        view = (ctypes.c_char * SPACE).from_buffer(self.ram)
        self.cpu.map(0, SPACE, ctypes.addressof(view), True, (self.ram, view))

    def _look(self, va: int, fc: int, how: int) -> int:
        """What `_translate` does, many times quicker than the specification on ints."""
        m = self.mmu.state
        if how != PEEK:
            m.seen += 1
        if how != PEEK and m.seen == m.fail:
            m.stores += how == WRITE
            return REFUSED
        if va >= SPACE:
            return REFUSED
        page = (va - DATA) >> PAGE_BITS
        if va >> PAGE_BITS == SIDE >> PAGE_BITS or (page >= 0 and m.devices >> page & 1):
            va += DEVICE
        return va | UNCACHED if m.slow else va

    def close(self) -> None:
        if self.jit is not None:
            self.jit.close()

    def load(self, case: Case) -> None:
        """Everything as after power-up, then the case."""
        cpu, s, p, loops = self.cpu, self.cpu.state, case.program, self.engine == "jit"
        cpu.memory.wrote(0, SPACE)
        self.ram[:] = bytes(SPACE)
        for vector in range(256):
            struct.pack_into(">I", self.ram, 4 * vector, HANDLER if vector == 2 else THE_END)
        code = bytes(p.code)
        if loops:
            code += bytes.fromhex(LOOP_CODE) + struct.pack(">h", -len(code) - 6)
        struct.pack_into(">H", self.ram, LOOPS, TURNS)
        for at, data in {
            HANDLER: bytes.fromhex(HANDLER_CODE), THE_END: bytes.fromhex(END_CODE),
            p.base: code + b"\x4a\xfc", **case.image,
        }.items():  # fmt: skip
            self.ram[at : at + len(data)] = data
        self.device.bytes[:] = bytes(SPACE)
        for memory in (self.ram, self.device.bytes):
            memory[DATA : DATA + len(p.data)] = bytes(p.data)  # type: ignore[index]
        for name, reg in self.model.isa.layout.regs.items():
            setattr(s, name, 0 if reg.count == 1 else [0] * reg.count)
        s.sr_sys, s.mode, s.mmu_context = 0x27, 1, 0
        s.int_vector = 0xFFFFFFFF
        s.isp, s.usp, s.msp, s.sfc, s.dfc = ISP, p.regs[15], MSP, 5, 5
        s.r[15] = s.isp
        unpack_sr(s, case.sr)
        s.r[0:15] = p.regs[:15]
        s.pc = p.base
        s.hot_count = s.redo = s.fix_kind = 0
        ctypes.memset(cpu.address + self.model.isa.layout.offset("heat"), 0, 2 * JUMP_ENTRIES)
        cpu.stopped = cpu.halted = False
        m = self.mmu.state
        m.seen = m.fail = m.stores = 0
        m.slow = not loops
        m.devices = {"ram": 0, "device": 0xF, "even": 0x5, "odd": 0xA}[case.layout]
        self.device.log.clear()
        self.device.count = self.device.fail = self.device.stores = 0
        cpu.flush()
        cpu.mode_changed()

    def straight(self, case: Case, mmu: int = 0, device: int = 0) -> Outcome | None:
        """Run a case once, access number `mmu` or device cycle number `device` being refused."""
        self.load(case)
        self.mmu.state.fail, self.device.fail = mmu, device
        self.cpu.run(LIMIT)
        return self._outcome()

    def looped(self, case: Case, rng: random.Random | None) -> Outcome | None:
        """Run it in a loop, in slices; with `rng`, accesses are refused in some of them."""
        assert self.jit is not None
        self.load(case)
        cpu, m, cuts = self.cpu, self.mmu.state, random.Random(case.seed)
        for _ in range(LOOP_SLICES):
            if cpu.stopped or cpu.halted:
                break
            cpu.run(cuts.randint(3, 20))
            self.jit.poll()
            warm = int.from_bytes(self.ram[LOOPS : LOOPS + 2], "big") < TURNS - 3
            if rng is not None and warm and rng.random() < 0.6:
                cpu.flush_tlb()
                m.fail = m.seen + rng.randint(1, 6)
        return self._outcome()

    @property
    def faults(self) -> int:
        """Bus errors that the handler has seen."""
        return int.from_bytes(self.ram[COUNT : COUNT + 2], "big")

    def _outcome(self) -> Outcome | None:
        """What must be the same; None if the program has not come to an end."""
        cpu, s = self.cpu, self.cpu.state
        sp, ram = int(s.r[15]), bytearray(self.ram)
        if not cpu.stopped or s.vbr or not STACKS <= sp < STACKS_END:
            return None
        stack = ram[sp : min(sp + 96, STACKS_END)]
        ram[STACKS:STACKS_END] = bytes(STACKS_END - STACKS)
        ram[COUNT : COUNT + 2] = b"\0\0"
        out: Outcome = {f"r{i}": int(s.r[i]) for i in range(16)}
        names = ("pc", "usp", "isp", "msp", "vbr", "sfc", "dfc", "cacr", "caar")
        out |= {n: int(getattr(s, n)) for n in names}
        if "+" in self.model.name:
            out |= {n: [int(x) for x in getattr(s, n)[0:8]] for n in ("fp_se", "fp_m")}
            out |= {n: int(getattr(s, n)) for n in ("fpcr", "fpsr", "fpiar", "fp_used", "fp_pending")}
        out[pointer(s.sr_sys)] = sp  # the entry of the one in use is stale
        out |= {"sr": pack_sr(s), "stack": bytes(stack), "ram": bytes(ram)}
        return out | {"device": bytes(self.device.bytes[:SIDE]), "log": tuple(self.device.log)}


# -- cases ---------------------------------------------------------------------------------------------------


def families(model: Model) -> list[str]:
    """The names of the specification's instructions; of a coprocessor's, what they do in memory."""
    core = sorted({i.name for i in model.decoder.insns if i.pattern.value >> 12 != 0xF})
    return core if "+" not in model.name else list(fpu_families.NAMES)


def make(model: Model, family: str, layout: str, seed: int) -> Case:
    """A random program of a family, near a page's end or not; supervisor's ones on its own stack."""
    rng = random.Random(f"{family} {layout} {seed}")
    base = CODE + 0x100 - rng.choice((2, 4, 6, 8, 10, 12, 14, 16, 20, 26, 0x80))
    if "+" in model.name:
        p = fpu_families.program(family, rng, base, DATA, DATA_SIZE)
        return Case(family, seed, p, layout, p.ccr | (0x2700 if family in fpu_families.PRIVILEGED else 0))
    only = frozenset((family,))
    p = generate(rng.getrandbits(32), model, 1, base, DATA, DATA_SIZE, traps=True, system=True, only=only)
    supervisor = family in PRIVILEGED
    sr = p.ccr | (0x2700 if supervisor else 0)
    case = Case(family, seed, p, layout, sr)
    if family in ("rte", "rte_68000"):
        case.image[ISP] = _frames(model, p.end, rng)
    return case


def _frames(model: Model, to: int, rng: random.Random) -> bytes:
    """What RTE may find at the stack pointer."""
    plain = struct.pack(">HIH", rng.choice((0x0000, 0x2700, 0x271F)), to, 0)
    throwaway = struct.pack(">HIH", 0x2700, 0xBAD, 0x1000)
    longer = struct.pack(">HIHI", 0x2700, to, 0x2000, 0xBAD)
    return rng.choice((plain, throwaway + plain, longer) if model.name == "m68020" else (plain,))


def _uses_own_stack(case: Case, model: Model) -> bool:
    """A supervisor's operand at A7: below it lies whatever exceptions have left."""
    at, _, _ = case.program.insns[-1]
    word = int.from_bytes(case.program.code[at - case.program.base :][:2], "big")
    hit = model.decoder.decode(word)
    f = hit and hit[0].fields_of(word)
    return bool(case.sr & 0x2000) and bool(f) and 7 in (f.get("n"), f.get("k"))


def _chosen(count: int, rng: random.Random) -> list[int]:
    """The first, second and last accesses, and as many between them as are wanted."""
    if count <= MOST:
        return list(range(1, count + 1))
    ends = [1, 2, 3, count - 2, count - 1, count]
    return sorted({*ends, *rng.sample(range(1, count + 1), MOST - len(ends))})


# Families with several stores that read what they write: a store that is refused although reading and `probe`
# were not.  No MMU does that, and no memory: only a device that can be read and not written, which the second
# part of the operand meets after the first has been written to RAM.
SEVERAL_STORES = frozenset("bfchg bfclr bfset bfins cas2".split())


@dataclass
class Tally:
    """What `run` counts."""

    cases: int = 0
    agreed: int = 0
    explained: int = 0
    unexplained: list[str] = field(default_factory=list)
    families: set[str] = field(default_factory=set)

    def add(
        self, machine: Machine, case: Case, what: str, want: Outcome, got: Outcome | None,
    ) -> None:
        faults = machine.faults or 1
        self.cases += faults
        self.families.add(case.family)
        if got == want:
            self.agreed += faults
            return
        stores = machine.mmu.state.stores + machine.device.stores
        refused_store = case.family in SEVERAL_STORES and stores
        double_fault = machine.cpu.halted and case.goes_astray  # 68020 UM 6.1.2: while that is being stacked
        # The frame has no room for more; what is behind it is read again.
        read = sum(size for what, _, size, _ in want["log"] if what == "read")
        if refused_store or double_fault or read > machine.model.log_bytes:
            self.explained += faults
            return
        differ = "does not end" if got is None else ", ".join(k for k in want if want[k] != got[k])
        self.unexplained.append(f"{case}: {what}: {differ}")


def _one(machine: Machine, case: Case, rng: random.Random, tally: Tally) -> bool:
    """All faults of one case; False if it is of no use: it does not end, or has bus errors of its own."""
    if machine.engine == "jit":
        machine.cpu.state.fault_misaligned = 0
        want = machine.looped(case, None)
        if want is None or machine.faults:
            return False
        case.goes_astray = bool(machine.cpu.state.fault_misaligned)
        for _ in range(3):
            got = machine.looped(case, rng)
            if machine.faults or got != want:
                tally.add(machine, case, "in a loop", want, got)
        return True
    machine.cpu.state.fault_misaligned = 0
    want = machine.straight(case)
    if want is None or machine.faults:
        return False
    case.goes_astray = bool(machine.cpu.state.fault_misaligned)
    accesses, cycles = int(machine.mmu.state.seen), machine.device.count
    for k in _chosen(accesses, rng):
        got = machine.straight(case, mmu=k)
        if machine.faults or got != want:
            tally.add(machine, case, f"access {k} of {accesses}", want, got)
    for k in _chosen(cycles, rng):
        got = machine.straight(case, device=k)
        if machine.faults or got != want:
            tally.add(machine, case, f"device cycle {k} of {cycles}", want, got)
    return True


def programs(model: Model, seed: int) -> Iterator[tuple[str, str, int]]:
    """(family, layout, seed) without end; each round has every family in every layout, in random order."""
    pairs = [(family, layout) for family in families(model) for layout in LAYOUTS]
    while True:
        for family, layout in random.Random(seed).sample(pairs, len(pairs)):
            yield family, layout, seed
        seed += 1


def run(engine: str, model: str, seed: int, cases: int | None = None) -> dict[str, Any]:
    """Make `cases` accesses fail, by default those of one round of all families: the counts.

    A 68000 cannot go on after a bus error: nothing to do.
    """
    m, rng, tally = ALL[model], random.Random(seed), Tally()
    if m.log_bytes == 0:
        return {"cases": 0, "agreed": 0, "explained": 0, "unexplained": [], "families": 0, "in regions": 0}
    machine = Machine(engine, m)
    before = jit_module.LEVEL, jit_module.CODEGEN
    jit_module.LEVEL = jit_module.CODEGEN = 0
    try:
        for family, layout, s in programs(m, seed):
            if (s > seed) if cases is None else tally.cases >= cases:
                break
            for attempt in range(TRIES):
                case = make(m, family, layout, s * TRIES + attempt)
                if not _uses_own_stack(case, m) and _one(machine, case, rng, tally):
                    break
    finally:
        jit_module.LEVEL, jit_module.CODEGEN = before
        machine.close()
    return {
        "cases": tally.cases, "agreed": tally.agreed, "explained": tally.explained,
        "unexplained": tally.unexplained, "families": len(tally.families),
        "in regions": int(machine.cpu.state.insns_jit),
    }  # fmt: skip
