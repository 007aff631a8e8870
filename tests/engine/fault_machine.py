"""The fault injector's machine: an MMU and a device that refuse one access, and a handler that comes back."""

from __future__ import annotations

import ctypes
import mmap
import os
import random
import struct
from functools import cache
from typing import Any

from tests.engine.fault_cases import DATA, DATA_SIZE, ISP, MSP, STACKS, STACKS_END, Case
from tests.native import interpreter
from translator.cache import Cache
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
HANDLER, THE_END, COUNT, LOOPS = 0x500, 0x580, 0xC00, 0xC04
SIDE = 0xD000  # the handler's own device registers
LIMIT = 400  # instructions
LOOP_SLICES, TURNS = 300, 12
ALL = {**MODELS, **SYSTEMS}

SEEN, FAIL, SLOW = Reg("seen", 32), Reg("fail", 32), Reg("slow", 32)
DEVICES = Reg("devices", 32)  # bit n: page n of the data area is the device's
WRITTEN = Reg("written", 32)  # bit n: page n may be written, the MMU has just said
# addq.w #1,COUNT; movem.l d0/a0,-(sp); move.w SIDE,d0; move.w d0,SIDE+2; movem.l (sp)+,d0/a0; rte
HANDLER_CODE = f"5278{COUNT:04x} 48e78080 3039{SIDE:08x} 33c0{SIDE + 2:08x} 4cdf0101 4e73"
END_CODE = "4e722700 60fa"  # stop #$2700; bra.s back
LOOP_CODE = f"5378{LOOPS:04x} 6600"  # subq.w #1,LOOPS; bne.w


def _translate(s: Semantics, va: Val, fc: Val, how: Val) -> Val:
    """Virtual is physical but for the device's pages; access number `fail` is refused.

    But not the store to a page for which the instruction has had leave already, by `probe` or a store: no MMU
    changes its mind.
    """
    looked = how == PEEK
    seen = s.read(SEEN) + looked.select(s.const(0, 32), 1)
    s.write(SEEN, seen)
    page = va.lsr(PAGE_BITS) - (DATA >> PAGE_BITS)
    data, bit = page.ult(DATA_SIZE >> PAGE_BITS), s.const(1, 32) << (page & 31)
    mapped = data & (s.read(DEVICES) & bit != 0)
    side = va.lsr(PAGE_BITS) == SIDE >> PAGE_BITS
    phys = (mapped | side).select(va + DEVICE, va).zext(64)
    stores, written = data & (how == WRITE), s.read(WRITTEN)
    refuse = ~looked & (seen == s.read(FAIL)) & ~(stores & (written & bit != 0))
    s.write(WRITTEN, looked.select(written, (stores & ~refuse).select(written | bit, 0)))
    bad = ~va.ult(SPACE) | refuse
    found = (s.read(SLOW) != 0).select(phys | UNCACHED, phys)
    return bad.select(s.const(REFUSED, 64), found)


class Device:
    """Memory whose cycles are logged; number `fail` is refused, once."""

    def __init__(self, ram: mmap.mmap) -> None:
        self.ram, self.bytes = ram, bytearray(SPACE)
        self.log: list[tuple[str, int, int, int]] = []
        self.count = self.fail = 0
        self.before = b""  # the data area
        self.torn = False  # a store has been refused when another one had changed the data area in RAM

    def _cycle(self, at: int, store: bool = False) -> int:
        if not DEVICE <= at < DEVICE + SPACE:
            raise Refused
        if at - DEVICE >= SIDE:
            return at - DEVICE
        self.count += 1
        if self.count == self.fail:
            self.torn = store and self.ram[DATA : DATA + DATA_SIZE] != self.before
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


Outcome = dict[str, Any]


@cache
def _native(name: str) -> Native:
    """The interpreter of a model, from the cache or made now."""
    model = ALL[name]
    return interpreter(model, _mmu(), workers=len(os.sched_getaffinity(0)))


def _mmu() -> Mmu:
    layout = Layout("faultmmu", (SEEN, FAIL, SLOW, DEVICES, WRITTEN), core=False)
    state, owner, address = layout.new()
    mmu = Mmu(layout, _translate, PAGE_BITS, state, address)
    mmu.owner = owner  # type: ignore[attr-defined]
    return mmu


class Machine:
    """One processor with 64 KB of RAM, the device and the MMU that refuses."""

    def __init__(self, engine: str, model: Model) -> None:
        self.ram = mmap.mmap(-1, SPACE)
        self.engine, self.model, self.device, self.mmu = engine, model, Device(self.ram), _mmu()
        native = None if engine == "concrete" else _native(model.name)
        self.jit = Jit(model, native, Cache(None), Pool(0), 1) if engine == "jit" else None
        self.cpu = Cpu(model, self.mmu, self.device, native, self.jit)
        self.cpu.memory._translate = self._look  # type: ignore[assignment]
        view = (ctypes.c_char * SPACE).from_buffer(self.ram)
        self.cpu.map(0, SPACE, ctypes.addressof(view), True, (self.ram, view))

    def _look(self, va: int, fc: int, how: int) -> int:
        """What `_translate` does, many times quicker than the specification on ints."""
        m, page = self.mmu.state, (va - DATA) >> PAGE_BITS
        data = 0 <= page < DATA_SIZE >> PAGE_BITS
        bit = 1 << page if data else 0
        if how != PEEK:
            m.seen += 1
            store = bit if how == WRITE else 0
            refuse = m.seen == m.fail and not store & m.written
            m.written = m.written | store if store and not refuse else 0
            if refuse:
                return REFUSED
        if va >= SPACE:
            return REFUSED
        if va >> PAGE_BITS == SIDE >> PAGE_BITS or m.devices & bit:
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
            memory[DATA : DATA + len(p.data)] = bytes(p.data)
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
        m.seen = m.fail = m.written = 0
        m.slow = not loops
        m.devices = {"ram": 0, "device": 0xF, "even": 0x5, "odd": 0xA}[case.layout]
        self.device.log.clear()
        self.device.count = self.device.fail = 0
        self.device.torn, self.device.before = False, self.ram[DATA : DATA + DATA_SIZE]
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
            out |= {"fp": [int(x) for x in s.fp[0:16]]}
            out |= {n: int(getattr(s, n)) for n in ("fpcr", "fpsr", "fpiar", "fp_used", "fp_pending")}
        out[pointer(s.sr_sys)] = sp  # the entry of the one in use is stale
        out |= {"sr": pack_sr(s), "stack": bytes(stack), "ram": bytes(ram)}
        return out | {"device": bytes(self.device.bytes[:SIDE]), "log": tuple(self.device.log)}
