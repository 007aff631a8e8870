"""Random floating-point programs that loop, so that they become regions; they run under QEMU as they are.

Each is a page as in `tests.insn.sparc`: registers and FSR come from its data, a body is done a few times,
registers and FSR go to its results.  Pieces: operations of all kinds, moves, loads and stores of singles and
doubles, comparisons with branches, FSR stored and loaded with another rounding.
"""

from __future__ import annotations

import ctypes
import mmap
import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.insn.sparc import (
    BASE,
    DATA,
    DATA_SIZE,
    JMPL,
    LOOP,
    NOP,
    ORIGIN,
    PAGE,
    RESULT,
    Program,
    load_constant,
    op3,
    page,
)
from tests.translator.sparc.fpu.cases import (
    FPOP1,
    FPOP2,
    LDDF,
    LDF,
    LDFSR,
    OPERATIONS,
    STDF,
    STF,
    STFSR,
    VER,
    operand,
)
from translator.cpu import Cpu
from translator.isa import Model

COUNTER = 1  # %g1
# In the data: FSR, %f0-%f31 and four words for FSR, where FSR is stored, what programs read and write.
FSR_AT, REGISTERS_AT, STATUS_AT, SCRATCH = 0, 8, 0xA0, 0x100
ROUNDS, BODY = 6, 40
STEPS = 4000
ARITHMETIC = [name for name, (code, *_) in OPERATIONS.items() if code == FPOP1]
COMPARISONS = [name for name, (code, *_) in OPERATIONS.items() if code == FPOP2]
FREQUENT = ("faddd", "fsubd", "fmuld", "fadds", "fsubs", "fmuls", "fdivd", "fstod", "fdtos", "fmovs")


def fbfcc(cond: int, annul: int, words: int) -> int:
    return annul << 29 | cond << 25 | 6 << 22 | words & 0x3FFFFF


@dataclass
class Maker:
    """Generates the body of one program.

    `tidy`: doubles are in %f16-%f31, an integer in %f15, singles in the others, so that no half of a double
    is taken for a NaN; FSR is not loaded.
    """

    rng: random.Random
    tidy: bool
    out: list[int] = field(default_factory=list)

    def register(self, fmt: str) -> int:
        rng = self.rng
        if self.tidy:
            return {"s": rng.randrange(15), "i": 15, "d": 16 + 2 * rng.randrange(8)}[fmt]
        return rng.randrange(32) & (30 if fmt == "d" else 31)

    def operation(self, name: str) -> int:
        code, opf, formats, to = OPERATIONS[name]
        rs2, rd = self.register(formats[-1]), self.register(to) if to else 0
        rs1 = self.register(formats[0]) if len(formats) == 2 else 0
        return op3(2, code, rd, rs1, rs2) | opf << 5

    def access(self) -> int:
        """Doubles are in the first half."""
        rng = self.rng
        code = rng.choice((LDF, LDDF, STF, STDF))
        n, at = self.register("d" if code in (LDDF, STDF) else "s"), SCRATCH + rng.randrange(0, 0x80, 8)
        if code in (LDF, STF):
            at += rng.choice((0x80, 0x84) if self.tidy else (0, 4, 0x80, 0x84))
        return op3(3, code, n, BASE, imm=at)

    def simple(self) -> int:
        kind = self.rng.random()
        if kind < 0.5:
            return self.operation(self.rng.choice(FREQUENT))
        return self.operation(self.rng.choice(ARITHMETIC)) if kind < 0.75 else self.access()

    def piece(self) -> None:
        rng = self.rng
        kind = rng.random()
        if kind < 0.78:
            self.out.append(self.simple())
        elif kind < 0.95:
            skipped = [self.simple() for _ in range(rng.randrange(3))]
            self.out += [self.operation(rng.choice(COMPARISONS)), self.simple()]
            self.out += [
                fbfcc(rng.randrange(16), rng.randrange(2), 2 + len(skipped)),
                self.simple(),
                *skipped,
            ]
        elif kind < 0.98:
            self.out.append(op3(3, STFSR, 0, BASE, imm=STATUS_AT + 4 * rng.randrange(16)))
        elif not self.tidy:
            self.out.append(op3(3, LDFSR, 0, BASE, imm=REGISTERS_AT + 128 + 4 * rng.randrange(4)))


def number(rng: random.Random, wild: float, single: bool | None = None) -> int:
    """A double, or two singles; mostly moderate."""
    single = rng.random() < 0.4 if single is None else single
    if rng.random() < wild:
        return operand(rng, "s") << 32 | operand(rng, "s") if single else operand(rng, "d")
    value = rng.choice(
        (1.0, 2.0, 0.5, 0.0, rng.uniform(-9, 9), rng.uniform(-1e6, 1e6), float(rng.randrange(99)))
    )
    raw = struct.pack(">2f", value, rng.choice((1.0, 3.0, -0.0, 1e6))) if single else struct.pack(">d", value)
    return int.from_bytes(raw, "big")


def make(
    seed: int, base: int, following: int, nearest: bool = False, tidy: bool = False, far: int = 0
) -> Program:
    """A program at `base` that goes on at `following`; its data and results are `far` behind it.

    nearest: so are its operations rounded.
    """
    rng = random.Random(seed)
    wild = 0.0 if tidy else 0.1

    def fsr() -> int:
        return (0 if nearest else rng.randrange(4)) << 30 | rng.randrange(4) << 10 | rng.getrandbits(4) << 5

    m = Maker(rng, tidy)
    while len(m.out) < BODY:
        m.piece()
    first = [*load_constant(BASE, base + far + DATA), op3(3, LDFSR, 0, BASE, imm=FSR_AT)]
    first += [op3(3, LDDF, 2 * k, BASE, imm=REGISTERS_AT + 8 * k) for k in range(16)]
    first += [op3(2, 2, COUNTER, 0, imm=ROUNDS)]
    back = -1 - len(m.out)
    body = [*m.out, op3(2, 0x14, COUNTER, COUNTER, imm=1), 9 << 25 | 2 << 22 | back & 0x3FFFFF, NOP]
    last = [op3(3, STDF, 2 * k, BASE, imm=RESULT - DATA + 8 * k) for k in range(16)]
    last += [op3(3, STFSR, 0, BASE, imm=RESULT - DATA + 128)]
    last += [*load_constant(1, following), op3(2, JMPL, 0, 1, imm=0), NOP]
    data = struct.pack(">II", fsr(), 0)
    data += b"".join(number(rng, wild, k < 8 if tidy else None).to_bytes(8, "big") for k in range(16))
    data += struct.pack(">4I", *(fsr() for _ in range(4)))
    data = data.ljust(SCRATCH, b"\0")
    data += b"".join(number(rng, wild, k >= 16 if tidy else None).to_bytes(8, "big") for k in range(32))
    return Program(seed, first + body + last, data.ljust(DATA_SIZE, b"\0"), bytes(136), len(m.out))


class Engine:
    """One of our engines on memory at 0."""

    def __init__(self, model: Model, native: Any = None, jit: Any = None, far: int = 0) -> None:
        self.far = far
        self.cpu = Cpu(model, native=native, jit=jit)
        self.ram = mmap.mmap(-1, 0x1000000)
        view = ctypes.addressof(ctypes.c_char.from_buffer(self.ram))
        self.cpu.map(0, len(self.ram), view, True, self.ram)
        self.jit = jit

    def load(self, programs: Sequence[Program]) -> int:
        """Get ready to run programs; returns where they end."""
        ram, cpu = self.ram, self.cpu
        s: Any = cpu.state
        end = ORIGIN + PAGE * len(programs)
        for k, p in enumerate(programs):
            at = ORIGIN + PAGE * k
            ram[at : at + PAGE] = ram[at + self.far : at + self.far + PAGE] = page(p)
        ram[end : end + len(LOOP)] = LOOP
        cpu.reset()
        s.mode, s.et, s.pc, s.cwp, s.fp_mode = 0, 1, ORIGIN, 0, 0
        cpu.mode_changed()
        return end

    def __call__(self, programs: Sequence[Program]) -> list[bytes]:
        """The programs' pages afterwards, FSR without its version."""
        ram, cpu, end = self.ram, self.cpu, self.load(programs)
        s: Any = cpu.state
        for _ in range(STEPS * len(programs)):
            cpu.run(37 if self.jit is not None else 1000)
            if self.jit is not None:
                self.jit.poll()
            if s.pc - end in (0, 4) or cpu.halted:
                break
        assert not cpu.halted, f"{s.tbr:#x}"
        first = ORIGIN + self.far
        return [without_version(ram[first + PAGE * k : first + PAGE * (k + 1)]) for k in range(len(programs))]


def without_version(after: bytes) -> bytes:
    """A page with FSR.ver cleared wherever FSR is stored: QEMU forgets it."""
    out = bytearray(after)
    for at in (RESULT + 128, *range(DATA + STATUS_AT, DATA + STATUS_AT + 64, 4)):
        word = int.from_bytes(out[at : at + 4], "big") & ~VER
        out[at : at + 4] = word.to_bytes(4, "big")
    return bytes(out)


def programs(seeds: Sequence[int], **how: Any) -> list[Program]:
    """One page behind the other."""
    return [make(seed, ORIGIN + PAGE * k, ORIGIN + PAGE * (k + 1), **how) for k, seed in enumerate(seeds)]


def is_valid(after: bytes) -> bool:
    """Whether no operation of a program that loads no FSR has been invalid: so there were no NaNs either."""
    return not after[RESULT + 130] & 2


def difference(p: Program, mine: bytes, its: bytes, model: Model) -> str:
    """What two pages disagree on, in words."""
    out = []
    for n in range(33):
        a, b = (x[RESULT + 4 * n : RESULT + 4 * n + 4].hex() for x in (mine, its))
        if a != b:
            out.append(f"{f'f{n}' if n < 32 else 'fsr'} {a} {b}")
    for at in range(DATA, DATA + DATA_SIZE, 4):
        a, b = (x[at : at + 4].hex() for x in (mine, its))
        if a != b:
            out.append(f"data {at - DATA:#x} {a} {b}")
    code = [model.isa.disassemble(lambda a, n, w=w: w, 0, model.name)[0] for w in p.words[20 : 20 + p.body]]
    return f"seed {p.seed}: {', '.join(out) or 'code'}; {'; '.join(code)}"
