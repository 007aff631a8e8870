"""Random programs on machine68k (Musashi) beside the concrete engine, exceptions included.

64 KB of memory: vectors at 0 lead to RTE-less handlers at 0x2000 + 16 * vector; code at 0x4000, data at
0x4800, the supervisor stack at 0x3800.  Musashi has no bus errors and is known for some flags: see
`known_musashi.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import machine68k

from tests.insn.generate import Program
from tests.insn.known import DECIMAL, Difference, why, words_at
from tests.insn.known_musashi import FLAWS, HANDLERS
from tests.insn.tiny import Bytes, Tiny
from translator.isa import Model
from translator.m68k.model import pack_sr, unpack_sr

BASE, DATA, STACK, SIZE = 0x4000, 0x4800, 0x3800, 0x10000
TYPES = {
    "m68000": machine68k.CPUType.M68000,
    "m68010": machine68k.CPUType.M68010,
    "m68020": machine68k.CPUType.M68020,
}


@dataclass
class Step:
    """A disagreement: before which instruction, and (what, ours, theirs)."""

    name: str
    words: str
    pc: int
    differences: list[tuple[str, int, int]]
    reason: str  # why they differ; "" if nobody knows


class Stray(Exception):
    """An access outside the memory: the comparison ends."""


class Flat(Bytes):
    """64 KB in one piece."""

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self.block = bytearray(SIZE)

    def peek(self, va: int, size: int) -> int:
        if va + size > SIZE:
            raise Stray
        return int.from_bytes(self.block[va : va + size], "big")

    def poke(self, va: int, size: int, value: int) -> None:
        if va + size > SIZE:
            raise Stray
        self.block[va : va + size] = value.to_bytes(size, "big")


class Pair:
    """Both processors in the same state."""

    def __init__(self, model: Model, mine: Any = None) -> None:
        """`mine`: our processor, by default the concrete engine; its memory has a `block` of SIZE bytes."""
        self.model = model
        self.machine = machine68k.Machine(TYPES[model.name], SIZE // 1024)
        if mine is None:
            mine = Tiny(model)
            mine.memory = mine.engine.memory = Flat(model)
        self.mine, self.memory = mine, mine.memory
        self.agreed: tuple[dict[str, int], bytes] = {}, b""  # registers and memory as both had them last

    def load(self, p: Program, sr: int) -> None:
        image = self.load_ours(p, sr)
        self.agreed = self.ours(), image
        cpu = self.machine.cpu
        cpu.pulse_reset()  # ends STOP and halt, and takes its time
        cpu.execute(1000)
        self.machine.mem.w_block(0, image)
        cpu.w_sr(sr)
        cpu.w_usp(p.regs[15])
        cpu.w_isp(STACK)
        cpu.w_msp(STACK - 0x200)
        for i in range(15):
            cpu.w_reg(machine68k.Register(i), p.regs[i])
        cpu.w_reg(machine68k.Register(15), p.regs[15])
        cpu.w_pc(p.base)
        for name in ("SFC", "DFC", "VBR", "CACR", "CAAR"):
            cpu.w_reg(getattr(machine68k.Register, name), 0)

    def load_ours(self, p: Program, sr: int) -> bytes:
        """Our half; what memory holds."""
        image = bytearray(SIZE)
        for v in range(256):
            image[4 * v : 4 * v + 4] = (HANDLERS + 16 * v).to_bytes(4, "big")
        image[p.base : p.end] = p.code
        image[p.data_base : p.data_base + len(p.data)] = p.data
        s = self.mine.state
        self.memory.block[:] = bytes(image)
        s.sr_sys, s.usp, s.isp, s.msp = 0x27, p.regs[15], STACK, STACK - 0x200
        s.r[15] = s.isp
        unpack_sr(s, sr)
        s.r[0:16] = p.regs
        s.pc = p.base
        s.vbr = s.sfc = s.dfc = s.cacr = s.caar = 0
        self.mine.reason = None
        return bytes(image)

    def step(self) -> list[tuple[str, int, int]]:
        """One instruction on both: (what, ours, theirs) that differ."""
        self.mine.step()
        self.machine.cpu.execute(1)
        self.now = self.theirs(), bytes(self.machine.mem.r_block(0, SIZE))
        return self.differences(*self.now)

    def differences(self, theirs: dict[str, int], memory: bytes) -> list[tuple[str, int, int]]:
        """(what, ours, theirs) that differ from a state of Musashi's."""
        ours, mine = self.ours(), bytes(self.memory.block)
        out = [(k, ours[k], theirs[k]) for k in ours if ours[k] != theirs[k]]
        if memory != mine:
            out += [(f"{i:04x}", a, b) for i, (a, b) in enumerate(zip(mine, memory, strict=True)) if a != b]
        return out

    def reason(self, p: Program, pc: int, name: str, differences: list[tuple[str, int, int]]) -> str:
        """Why they differ behind the instruction at `pc`, or ""."""
        words, (before, memory) = words_at(p, pc), self.agreed
        left = {k: (a, b) for k, a, b in differences}
        operands = decimal_operands(words, before, memory, left) if name in DECIMAL else []
        digits = all(x & 0xF < 10 and x >> 4 < 10 for x in operands)
        return why(FLAWS.get(name, ()), Difference(words, left, self.ours(), before, memory, digits))

    def ours(self) -> dict[str, int]:
        s = self.mine.state
        out = {f"{'da'[i >> 3]}{i & 7}": s.r[i] for i in range(16)}
        return {**out, "pc": s.pc, "sr": pack_sr(s)}

    def theirs(self) -> dict[str, int]:
        cpu: Any = self.machine.cpu
        out = {f"{'da'[i >> 3]}{i & 7}": cpu.r_reg(machine68k.Register(i)) for i in range(16)}
        return {**out, "pc": cpu.r_pc(), "sr": cpu.r_sr()}

    def run(self, p: Program, sr: int, limit: int = 60) -> tuple[int, Step | None]:
        """Run a program on both until it traps, strays, meets an odd address (which Musashi checks on a 68000
        only) or they differ: (instructions compared, difference).
        """
        self.load(p, sr)
        starts = {at: (length, name) for at, length, name in p.insns}
        for n in range(limit):
            pc = self.mine.state.pc
            if pc not in starts:
                return n, None
            length, name = starts[pc]
            self.mine.state.fault_misaligned = 0
            try:
                differences = self.step()
            except Stray:
                return n, None
            if self.mine.state.fault_misaligned:
                return n, None
            if differences:
                words = bytes(p.code[pc - p.base : pc - p.base + length]).hex()
                return n, Step(name, words, pc, differences, self.reason(p, pc, name, differences))
            self.agreed = self.now
            if self.mine.reason is not None:
                return n + 1, None
        return limit, None


def decimal_operands(
    words: tuple[int, ...], before: dict[str, int], memory: bytes, left: dict[str, tuple[int, int]]
) -> list[int]:
    """The bytes that ABCD, SBCD or NBCD has worked on, as far as they can be known."""
    word = words[0]
    x, y = word >> 9 & 7, word & 7
    if word >> 12 == 4:  # NBCD: a register, or what has been changed
        place = [int(k, 16) for k in left if len(k) > 2]
        return [before[f"d{y}"] & 0xFF] if word & 0x38 == 0 else [memory[at] for at in place]
    if word & 8 == 0:
        return [before[f"d{y}"] & 0xFF, before[f"d{x}"] & 0xFF]
    at = {y: before[f"a{y}"], x: before[f"a{x}"]}
    out = []
    for n in (y, x):
        at[n] -= 2 if n == 7 else 1
        out.append(memory[at[n]] if at[n] < SIZE else 0)
    return out
