"""Random SPARC programs in both modes: traps, windows, interrupts; `sparc_leon` asks QEMU about them.

As in `sparc.py`, programs come to their end whatever they meet: a handler (`sparc_kernel`) writes down each
trap and goes on. Those that fall into error mode, or do not end, are found out by our own engine.
"""

from __future__ import annotations

import ctypes
import mmap
import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.insn import sparc_kernel as kernel
from tests.insn.sparc import INTERESTING, MEMORY, NOP, RESTORE, SAVE, Maker, load_constant, op3
from tests.insn.sparc_kernel import (
    BODY,
    DATA_SIZE,
    ENTRY,
    FILE_SIZE,
    FORCE,
    G3,
    G4,
    INITIAL,
    INTERRUPTS,
    L1,
    L2,
    LAST,
    LOG,
    LOG_END,
    NOWHERE,
    ORIGIN,
    PAGE,
    RAM,
    RAM_SIZE,
    RD_PSR,
    RD_TBR,
    RD_WIM,
    RD_Y,
    RESULT,
    SECOND_TABLE,
    TABLE,
    VARIABLES,
    WR_PSR,
    WR_TBR,
    WR_WIM,
)
from translator.cpu import Cpu
from translator.isa import Model
from translator.memory import Refused
from translator.sparc.decl import V8

STEPS = 6000  # no program is as long
SLICE = 2000  # instructions between two looks at what is hot
RESERVED = (3, 4, 5, 6, 7)  # global registers with a purpose
TA_1 = op3(2, 0x3A, 8, 0, imm=1)
FLUSH, RETT, JMPL, TICC = 0x3B, 0x39, 0x38, 0x3A
UNASSIGNED = (
    *(2 << 30 | n << 19 for n in (0x09, 0x0D, 0x19, 0x1D, 0x2C, 0x2D, 0x2E, 0x3E, 0x3F)),
    *(3 << 30 | n << 19 for n in (0x08, 0x0B, 0x0C, 0x0E, 0x18, 0x1B, 0x1C, 0x1E, 0x28, 0x29, 0x2A, 0x2B)),
    0,
)
ABSENT = (
    *(3 << 30 | n << 19 for n in (0x20, 0x21, 0x23, 0x24, 0x25, 0x27, 0x30, 0x31, 0x33, 0x34, 0x35, 0x37)),
    *(2 << 30 | n << 19 for n in (0x34, 0x35, 0x36, 0x37)),
    6 << 22, 7 << 22,
)  # fmt: skip
SUPER_DATA = 0x0B << 5


@dataclass
class Program:
    """Its code, data, and registers to begin with; `body` counts its instructions."""

    seed: int
    words: list[int]
    data: bytes
    initial: bytes
    body: int
    length: int  # as `make` was asked for


class SystemMaker(Maker):
    """Generates the code of one program at `base`; `v8`: LDD and STD want an even register."""

    def __init__(self, rng: random.Random, base: int, model: Model) -> None:
        super().__init__(rng)
        self.base, self.windows, self.v8 = base, int(model.options["windows"]), model.name in V8

    @property
    def here(self) -> int:
        return self.base + 4 * len(self.out)

    def target(self) -> int:
        n = self.rng.randrange(32)
        return n if n not in RESERVED else self.target()

    def simple(self) -> int:
        while True:
            word = self.ordinary() if self.rng.random() < 0.6 else self.trapping()
            if word >> 30 == 3 and word >> 19 & 0x3F in (0x03, 0x13) and (word >> 25 & 30) in (2, 4, 6):
                continue  # LDD to a pair with a purpose
            return word

    def ordinary(self) -> int:
        return super().simple()

    def trapping(self) -> int:
        """What may trap, or needs a supervisor."""
        rng = self.rng
        to, rs1, rs2 = self.target(), rng.randrange(32), rng.randrange(32)
        kind = rng.randrange(12)
        if kind == 0:
            return op3(2, rng.choice((RD_Y, RD_PSR, RD_WIM, RD_TBR)), to, 0)
        if kind <= 2:  # any condition; the number is an operand, a sum, or given
            if rng.random() < 0.2:
                return op3(2, TICC, rng.randrange(16), 0, rs2)
            if rng.random() < 0.2:
                return op3(2, TICC, rng.randrange(16), rs1, imm=rng.randrange(-4096, 4096))
            return op3(2, TICC, rng.randrange(16), 0, imm=rng.randrange(LAST))
        if kind <= 4:
            return op3(2, rng.choice((SAVE, RESTORE)), to, rs1, rs2)
        if kind == 5:  # not aligned, perhaps
            code = rng.choice(list(MEMORY))
            return op3(3, code, to & ~1, 6, imm=rng.randrange(DATA_SIZE - 8))
        if kind == 6:
            return rng.choice(UNASSIGNED) | to << 25 | rs1 << 14 | rs2
        if kind == 7:
            return rng.choice(ABSENT) | to << 25 | rs1 << 14 | rs2
        if kind == 8:  # alternate spaces: the data, as a user or a supervisor has them
            code = rng.choice(list(MEMORY))
            rd = to & ~1 if MEMORY[code] == 8 else to
            return op3(3, code | 0x10, rd, 6, 5) | SUPER_DATA
        if kind == 9:  # LDD, STD: illegal with an odd register
            return op3(
                3, rng.choice((0x03, 0x07)), to & ~1 | self.v8 & to, 6, imm=rng.randrange(0, DATA_SIZE - 8, 4)
            )
        if kind == 10:
            return op3(2, rng.choice((0x22, 0x23)), to, rs1, rs2)
        return op3(2, rng.choice((FLUSH, 0x0E, 0x0F, 0x1E, 0x1F)), to, 6, imm=0)

    def segment(self) -> None:
        rng = self.rng
        kind = rng.random()
        for chance, make in (
            (0.10, self.psr), (0.05, self.wim), (0.03, self.tbr), (0.08, self.interrupt),
            (0.05, self.nowhere), (0.03, self.astray), (0.06, self.rett), (0.03, self.misled),
        ):  # fmt: skip
            if kind < chance:
                make()
                return
            kind -= chance
        depth, self.depth = self.depth, 0
        super().segment()
        self.depth = depth  # nothing is brought back here

    def psr(self) -> None:
        """Any PSR, traps mostly enabled, in a window that mostly exists."""
        rng = self.rng
        value = rng.getrandbits(32) & ~0x30FF | rng.choice((0xA0, 0xA0, 0xA0, 0xE0, 0x20, 0x60, 0x80))
        value |= rng.randrange(self.windows) if rng.random() < 0.95 else rng.randrange(32)
        self.write(WR_PSR, value)

    def write(self, code: int, value: int) -> None:
        """A state register: rs1 XOR operand."""
        rng = self.rng
        a, mask = self.target() or 1, rng.randrange(-4096, 4096)
        if rng.random() < 0.5:
            self.put(*load_constant(a, (value ^ mask) & 0xFFFFFFFF), op3(2, code, 0, a, imm=mask))
        else:
            self.put(*load_constant(a, value), op3(2, code, 0, a, 0))

    def wim(self) -> None:
        rng = self.rng
        some = (1 << rng.randrange(self.windows), 0, rng.getrandbits(8), rng.getrandbits(32))
        self.write(WR_WIM, rng.choices(some, (8, 2, 1, 1))[0])

    def tbr(self) -> None:
        """The other table; a trap at once, since QEMU's WRTBR writes tt too (4.4: only traps do)."""
        self.write(WR_TBR, self.rng.choice((TABLE, SECOND_TABLE)) | self.rng.randrange(0x1000))
        self.put(TA_1)

    def interrupt(self) -> None:
        rng = self.rng
        a = self.target() or 1
        levels = 1 << rng.randrange(1, 16) | (1 << rng.randrange(1, 16) if rng.random() < 0.2 else 0)
        self.put(*load_constant(a, levels), op3(3, 0x04, a, G4, imm=FORCE))

    def nowhere(self) -> None:
        """Where no memory is, perhaps misaligned too, perhaps with an odd pair."""
        rng, a = self.rng, self.target() or 1
        code = rng.choice(list(MEMORY))
        offset = 0 if rng.random() < 0.7 else rng.randrange(8)
        to = self.target()
        to = to if self.v8 or MEMORY[code] < 8 else to & ~1
        self.put(a << 25 | 4 << 22 | NOWHERE >> 10, op3(3, code, to, a, imm=offset))

    def astray(self) -> None:
        """To where there is nothing to be fetched; %g3 says where to go on."""
        a = self.target() or 1
        after = self.here + 4 * 6
        self.put(*load_constant(G3, after), a << 25 | 4 << 22 | NOWHERE >> 10)
        self.put(op3(2, JMPL, self.target(), a, imm=0), self.simple(), NOP)

    def misled(self) -> None:
        """A target that is not aligned; QEMU writes the link nevertheless (B.25), so there is none."""
        self.put(op3(2, JMPL, 0, G4, imm=self.rng.randrange(1, 4)))

    def rett(self) -> None:
        """A return from a trap that was none, to a couple of places; or with traps enabled."""
        rng = self.rng
        enabled = rng.random() < 0.2
        value = (
            0x80 | rng.randrange(2) << 6 | enabled << 5 | rng.randrange(16) << 8 | rng.randrange(self.windows)
        )
        self.write(WR_PSR, value | rng.getrandbits(4) << 20)
        first = self.here + 4 * 6
        self.put(*load_constant(L1, first), *load_constant(L2, first + rng.choice((4, 8, 12))))
        self.put(op3(2, JMPL, 0, L1, imm=0), op3(2, RETT, 0, L2, imm=0))
        self.put(*(self.simple() for _ in range(4)))


def make(seed: int, base: int, length: int, model: Model) -> Program:
    """A program of about `length` instructions for the page at `base`."""
    rng = random.Random(seed)
    m, windows = SystemMaker(rng, base, model), int(model.options["windows"])
    m.put(TA_1)  # tt is that of a trap from here on
    while m.count < length:
        m.segment()
    words = [*m.out, *[op3(2, TICC, 8, 0, imm=LAST)] * 4]
    value = lambda: rng.choice(INTERESTING) if rng.random() < 0.4 else rng.getrandbits(32)  # noqa: E731
    values = [value() for _ in range(FILE_SIZE + 3)]
    data = base + BODY
    for n, v in ((0, 0), (3, base), (4, INTERRUPTS), (5, rng.randrange(0, DATA_SIZE // 2, 8)), (6, data),
                 (7, data + LOG)):  # fmt: skip
        values[n] = v
    cwp = rng.randrange(windows)
    values[-2] = rng.choice((0, 1 << (cwp + rng.randrange(1, windows)) % windows))
    values[-1] = rng.choice((0xA0, 0x20)) | rng.getrandbits(4) << 20 | rng.randrange(16) << 8 | cwp
    if 4 * len(words) > BODY:
        raise ValueError(f"seed {seed}: {len(words)} words do not fit")
    initial = struct.pack(f">{len(values)}I", *values)
    return Program(seed, words, rng.randbytes(DATA_SIZE), initial, m.count, length)


def page(p: Program) -> bytes:
    """A program's page as it is before it runs."""
    out = bytearray(PAGE)
    parts = (0, struct.pack(f">{len(p.words)}I", *p.words)), (BODY, p.data), (BODY + INITIAL, p.initial)
    for at, part in parts:
        out[at : at + len(part)] = part
    return bytes(out)


# -- our engines ---------------------------------------------------------------------------------------------


class Controller:
    """The interrupt controller: what FORCE holds waits, the highest first, and goes when it is taken."""

    def __init__(self) -> None:
        self.cpu: Any = None
        self.forced = 0

    def read(self, phys: int, va: int, size: int, fc: int) -> int:
        if (phys, size) != (INTERRUPTS + FORCE, 4):
            raise Refused
        self._show()
        return self.forced

    def write(self, phys: int, va: int, size: int, value: int, fc: int) -> None:
        if (phys, size) != (INTERRUPTS + FORCE, 4):
            raise Refused
        self.forced = value & 0xFFFE
        self._show()

    def _show(self) -> None:
        self.cpu.state.irl = max(self.forced.bit_length() - 1, 0)
        self.cpu.attention()

    def taken(self, routine: str) -> None:
        """The line falls when the handler looks at FORCE, which it does before traps are enabled."""
        self.forced &= ~(1 << self.cpu.state.irl)


class Machine:
    """One of our engines (None: concrete) on the same memory and controller."""

    def __init__(self, model: Model, native: Any = None, jit: Any = None) -> None:
        self.io = Controller()
        self.cpu = self.io.cpu = Cpu(model, io=self.io, native=native, jit=jit)
        self.cpu.before_routine = self.io.taken
        self.ram = mmap.mmap(-1, RAM_SIZE)
        view = ctypes.addressof(ctypes.c_char.from_buffer(self.ram))
        self.cpu.map(RAM, RAM_SIZE, view, True, self.ram)
        memory, self.names = kernel.image(int(model.options["windows"]))
        self.ram[: len(memory)] = memory
        self.cpu.reset()

    def run(self, base: int, pages: Sequence[bytes]) -> bool:
        """Programs at `base` and behind; whether all came to their end."""
        cpu, ram, s = self.cpu, self.ram, self.cpu.state
        for k, before in enumerate(pages):
            at = base + k * PAGE - RAM
            ram[at : at + PAGE] = before
        ram[VARIABLES - RAM : VARIABLES - RAM + 4] = struct.pack(">I", base + len(pages) * PAGE)
        cpu.reset()
        s.file[0 : len(s.file)] = [0] * len(s.file)
        s.file[6] = base + BODY - PAGE
        s.pc, s.tbr, s.irl, self.io.forced = self.names["next"], TABLE, 0, 0
        left = STEPS * len(pages)
        while left > 0 and not cpu.halted:
            left -= cpu.run(left if cpu.jit is None else SLICE)
            if cpu.jit is not None:
                cpu.jit.poll()
        return bool(cpu.halted) and int(s.pc) == self.names["finish"]

    def page(self, base: int) -> bytes:
        return self.ram[base - RAM : base - RAM + PAGE]


def acceptable(
    seeds: range, length: int, machine: Machine
) -> tuple[list[tuple[Program, bytes]], list[Program]]:
    """Programs that end, one behind the other, with their pages afterwards; and those in error mode."""
    good: list[tuple[Program, bytes]] = []
    bad = []
    for seed in seeds:
        base = ORIGIN + PAGE * len(good)
        p = make(seed, base, length, machine.cpu.model)
        if machine.run(base, [page(p)]):
            after = machine.page(base)
            if logged(after, base) is not None:
                good.append((p, after))
        elif machine.cpu.halted:
            bad.append(p)
    return good, bad


def logged(after: bytes, base: int) -> int | None:
    """How many traps a program has taken; None if there was no room for all of them."""
    end = int.from_bytes(after[BODY + RESULT + 28 : BODY + RESULT + 32], "big") - base - BODY
    return (end - LOG) // ENTRY if LOG <= end <= LOG_END - ENTRY else None
