"""Random SPARC programs, many in one image, which runs under qemu-sparc; our engines run them one by one.

The image is an ELF file of pages of 4 KB: a program with what sets its registers and stores them at the end.
Programs come to their end whatever their operands are; those that would trap are found out by our own engine
and left out.  %g6 points to the program's data, %g5 holds a small offset.
"""

from __future__ import annotations

import ctypes
import mmap
import random
import struct
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.insn.tiny import Tiny
from translator.cache import Cache
from translator.cpu import Cpu
from translator.isa import Model
from translator.jit import Jit
from translator.memory import Mmu
from translator.sparc import MB86904
from translator.sparc.regs import FILE
from translator.worker import Pool

QEMU = "qemu-sparc"
PAGE, ORIGIN = 0x1000, 0x100000
DATA, RESULT, INITIAL = 0x900, 0xC00, 0xD00  # in a program's page; its code begins at 0
DATA_SIZE = 0x200
INDEX, BASE = 5, 6  # %g5, %g6: never written by programs
STEPS = 2000  # no program is as long
INTERESTING = (0, 1, 2, 3, 4, 0x7FFFFFFF, 0x80000000, 0x80000001, 0xFFFFFFFF, 0xFFFFFFFC, 0x7FFFFFFC)
NOP = 0x01000000
SETUP, SETUP_LOADS = 38, 34  # instructions, and loads among them, before a program's random ones

ARITHMETIC = (
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x0A, 0x0B, 0x0C,
    0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x1A, 0x1B,
    0x20, 0x21, 0x24, 0x25, 0x26, 0x27,
)  # fmt: skip
# QEMU 7.2 loses carry and overflow of ADDXcc and SUBXcc (V8 B.13, B.15) behind what clears C: it does a plain
# addition, but goes on computing flags for the instruction before.  So they follow one that computes C.
SETS_CARRY, EXTENDED = (0x10, 0x14, 0x20, 0x21), (0x18, 0x1C)
DIVIDE, TAGGED_TRAP = (0x0E, 0x0F, 0x1E, 0x1F), (0x22, 0x23)
MEMORY = {
    0x00: 4,
    0x01: 1,
    0x02: 2,
    0x03: 8,
    0x09: 1,
    0x0A: 2,
    0x04: 4,
    0x05: 1,
    0x06: 2,
    0x07: 8,
    0x0D: 1,
    0x0F: 4,
}
SAVE, RESTORE, JMPL, RDY, WRY = 0x3C, 0x3D, 0x38, 0x28, 0x30


def op3(op: int, code: int, rd: int, rs1: int, rs2: int = 0, imm: int | None = None) -> int:
    """A format 3 instruction."""
    low = rs2 if imm is None else 1 << 13 | imm & 0x1FFF
    return op << 30 | rd << 25 | code << 19 | rs1 << 14 | low


def bicc(cond: int, annul: int, words: int) -> int:
    """A branch over `words` words."""
    return annul << 29 | cond << 25 | 2 << 22 | words & 0x3FFFFF


def load_constant(rd: int, value: int) -> list[int]:
    """SETHI and OR."""
    return [rd << 25 | 4 << 22 | value >> 10, op3(2, 0x02, rd, rd, imm=value & 0x3FF)]


@dataclass
class Program:
    """Its words, from `set-up` to `results`; `body` counts what was generated at random."""

    seed: int
    words: list[int]
    data: bytes
    initial: bytes
    body: int = 0


@dataclass
class Maker:
    """Generates one program at `base`."""

    rng: random.Random
    out: list[int] = field(default_factory=list)
    depth: int = 0  # SAVEs without their RESTORE
    count: int = 0

    def target(self) -> int:
        """A register that may be written."""
        n = self.rng.randrange(32)
        return n if n not in (INDEX, BASE) else self.target()

    def simple(self) -> int:
        """An instruction that neither transfers control nor turns the window."""
        rng = self.rng
        kind = rng.random()
        rd, rs1, rs2 = self.target(), rng.randrange(32), rng.randrange(32)
        imm = None
        if rng.random() < 0.4:
            imm = rng.choice((rng.randrange(-4096, 4096), rng.randrange(-4, 5), rng.randrange(32)))
        if kind < 0.55:
            return op3(2, rng.choice(ARITHMETIC), rd, rs1, rs2, imm)
        if kind < 0.60:
            return op3(2, rng.choice(DIVIDE), rd, rs1, rs2, imm)
        if kind < 0.62:
            return op3(2, rng.choice(TAGGED_TRAP), rd, rs1, rs2, imm)
        if kind < 0.66:
            return rd << 25 | 4 << 22 | rng.getrandbits(22)
        if kind < 0.69:
            return op3(2, RDY, rd, 0)
        if kind < 0.72:
            return op3(2, WRY, 0, rs1, rs2, imm)
        code = rng.choice(list(MEMORY))
        size = MEMORY[code]
        if code in (0x03, 0x07):
            rd &= ~1
            rd = 8 if rd in (INDEX - 1, BASE) else rd
        if rng.random() < 0.3 and size < 8:
            return op3(3, code, rd, BASE, INDEX)
        return op3(3, code, rd, BASE, imm=rng.randrange(0, DATA_SIZE - 8, size))

    def put(self, *words: int) -> None:
        self.out += words
        self.count += len(words)

    def segment(self) -> None:
        """One piece of a program: straight code, a branch, a call, a window."""
        rng = self.rng
        kind = rng.random()
        cond, annul = rng.randrange(16), rng.randrange(2)
        if kind < 0.40:
            self.put(self.simple())
        elif kind < 0.45:
            for codes in (SETS_CARRY, EXTENDED):
                imm = rng.randrange(-4096, 4096) if rng.random() < 0.4 else None
                self.put(op3(2, rng.choice(codes), self.target(), rng.randrange(32), rng.randrange(32), imm))
        elif kind < 0.75:  # forward over a few, the delay slot may be annulled
            skipped = [self.simple() for _ in range(rng.randrange(4))]
            self.put(bicc(cond, annul, 2 + len(skipped)), self.simple(), *skipped)
        elif kind < 0.80:  # a transfer in the delay slot of another: B.21, 5.1.2
            self.put(bicc(8, 0, 4), bicc(8, 0, 5), self.simple(), NOP, self.simple(), NOP, self.simple())
        elif kind < 0.85:  # a loop: counted in a register that its body leaves alone
            self.put(op3(2, 0x02, 15, 0, imm=rng.randrange(1, 5)))
            body = [w for w in (self.simple() for _ in range(2)) if w >> 25 & 31 != 15 and w >> 25 & 31 != 14]
            self.put(*body, op3(2, 0x14, 15, 15, imm=1), bicc(9, annul, -1 - len(body)))
            self.put(NOP)
        elif kind < 0.90:  # CALL over one, or JMPL from where CALL says we are
            if rng.random() < 0.5:
                self.put(1 << 30 | 3, self.simple(), self.simple())
            else:
                self.put(
                    1 << 30 | 2, NOP, op3(2, JMPL, self.target(), 15, imm=20), self.simple(), self.simple()
                )
        elif kind < 0.95 and self.depth < 3:
            self.window(SAVE, self.target())
            self.depth += 1
        elif self.depth:
            self.window(RESTORE, self.target())
            self.depth -= 1
        else:
            self.put(self.simple())

    def window(self, code: int, rd: int) -> None:
        """SAVE or RESTORE, sometimes in a delay slot."""
        rng = self.rng
        turn = op3(2, code, rd, rng.randrange(32), rng.randrange(32))
        if rng.random() < 0.5:
            self.put(turn)
        else:
            self.put(bicc(8, 0, 3), turn, self.simple())


def make(seed: int, base: int, length: int, following: int) -> Program:
    """A program at `base` of about `length` instructions that goes on at `following`."""
    rng = random.Random(seed)
    m = Maker(rng)
    while m.count < length:
        m.segment()
    while m.depth:
        m.window(RESTORE, m.target())
        m.depth -= 1
    value = lambda: rng.choice(INTERESTING) if rng.random() < 0.4 else rng.getrandbits(32)  # noqa: E731
    values = [value() for _ in range(34)]
    values[INDEX] = rng.randrange(0, DATA_SIZE // 2, 4)
    values[BASE] = base + DATA
    first = load_constant(1, base + INITIAL)
    first += [op3(3, 0x00, n, 1, imm=4 * (31 + k)) for k, n in enumerate((2, 3, 4))]
    first += [op3(2, WRY, 0, 2), op3(2, 0x10 if rng.random() < 0.5 else 0x14, 0, 3, 4)]  # the flags
    first += [op3(3, 0x00, n, 1, imm=4 * (n - 1)) for n in (*range(2, 32), 1)]
    last: list[int] = []
    where = BASE
    last += [op3(3, 0x04, n, where, imm=RESULT - DATA + 4 * n) for n in range(32)]
    last += [op3(2, RDY, 1, 0), op3(3, 0x04, 1, where, imm=RESULT - DATA + 128), op3(2, 0x02, 1, 0, imm=0)]
    for bit, cond in enumerate((5, 7, 1, 6)):  # C, V, Z, N: the delay slot is done if the branch is taken
        last += [bicc(cond, 1, 2), op3(2, 0x02, 1, 1, imm=1 << bit)]
    last += [op3(3, 0x04, 1, where, imm=RESULT - DATA + 132)]
    last += [*load_constant(1, following), op3(2, JMPL, 0, 1, imm=0), NOP]
    words = first + m.out + last
    initial = struct.pack(">34I", *values[1:], 0)
    data = bytes(rng.getrandbits(8) for _ in range(DATA_SIZE))
    if 4 * len(words) > DATA:
        raise ValueError(f"seed {seed}: {len(words)} words do not fit")
    return Program(seed, words, data, initial, m.count)


def page(p: Program) -> bytes:
    """A program's page as it is before it runs."""
    out = bytearray(PAGE)
    for at, part in ((0, struct.pack(f">{len(p.words)}I", *p.words)), (DATA, p.data), (INITIAL, p.initial)):
        out[at : at + len(part)] = part
    return bytes(out)


Engine = Callable[[int, bytes, int], bytes | None]
"""(base, page, address where to stop) -> the page afterwards, or None if the program trapped or strayed."""


def concrete(model: Model) -> Engine:
    """The concrete engine, in user mode; what programs leave in deeper windows is there for the next one."""
    left = [0] * FILE.count

    def run(base: int, before: bytes, end: int) -> bytes | None:
        cpu = Tiny(model, holes=True)
        s, memory = cpu.state, cpu.memory.bytes
        model.isa.reset(s, lambda a, n: 0)
        s.mode, s.et, s.pc = 0, 1, base
        s.file[:] = left
        memory.update(enumerate(before, base))
        for _ in range(STEPS):
            if s.pc == end:
                left[:] = s.file
                return bytes(memory[base + i] for i in range(PAGE))
            cpu.step()
            if s.mode or cpu.reason is not None:
                return None
        return None

    return run


LOOP = struct.pack(">2I", bicc(8, 0, 0), NOP)


class NativeEngine:
    """The same on a `Cpu`: programs run into a loop at `end`, or trap into zeros and halt the processor."""

    def __init__(self, model: Model, native: Any, size: int = 0x1000000, mmu: Mmu | None = None) -> None:
        self.cpu = Cpu(model, mmu, native=native)
        self.ram = mmap.mmap(-1, size)
        self.cpu.map(0, size, ctypes.addressof(ctypes.c_char.from_buffer(self.ram)), True, self.ram)

    def __call__(self, base: int, before: bytes, end: int) -> bytes | None:
        cpu, ram = self.cpu, self.ram
        s = cpu.state
        left = list(s.file)
        ram[base : base + PAGE] = before
        ram[end : end + len(LOOP)] = LOOP
        cpu.reset()
        s.mode, s.et, s.pc, s.cwp = 0, 1, base, 0
        cpu.mode_changed()
        self.go()
        if cpu.halted or s.pc - end not in (0, 4):
            s.file[0 : len(left)] = left
            return None
        return ram[base : base + PAGE]

    def go(self) -> None:
        """Run a program."""
        self.cpu.run(STEPS)


class RegionEngine(NativeEngine):
    """The same; what follows the set-up is a region, made in line.

    `native` should have pages of 256 bytes, so that the data are not on pages with code.
    """

    def __init__(self, model: Model, native: Any, cache: Cache, mmu: Mmu) -> None:
        super().__init__(model, native, 0x400000, mmu)
        self.cpu.jit = self.jit = Jit(model, native, cache, Pool(0))
        self.jit.attach(self.cpu)

    def go(self) -> None:
        cpu, s = self.cpu, self.cpu.state
        cpu.run(SETUP)
        s.hot[0], s.hot_count = s.context | s.pc, 1
        self.jit.poll()
        ram, pc = self.ram[:], s.pc
        layout = cpu.model.isa.layout
        first = layout.offset(FILE.name)
        registers = ctypes.string_at(cpu.address + first, layout.size - first)
        cpu.run(STEPS)  # an access to a new page leaves the region …
        self.ram[:] = ram
        ctypes.memmove(cpu.address + first, registers, len(registers))
        s.pc, s.mode = pc, 0
        cpu.mode_changed()
        cpu.halted = False
        cpu.run(STEPS)  # … and to one that is known does not
        memory = cpu.memory.ranges[0]
        self.jit.linked.written(memory, 0, memory.size)  # the next program may lie there


def acceptable(seeds: range, length: int, engine: Engine) -> list[tuple[Program, bytes]]:
    """Programs, one page behind the other, that come to their end; with their pages afterwards."""
    out: list[tuple[Program, bytes]] = []
    for seed in seeds:
        base = ORIGIN + PAGE * len(out)
        p = make(seed, base, length, base + PAGE)
        after = engine(base, page(p), base + PAGE)
        if after is not None:
            out.append((p, after))
    return out


def theirs(programs: list[Program]) -> list[bytes]:
    """The pages afterwards under QEMU; a RuntimeError if QEMU did not get to the end."""
    image = b"".join(map(page, programs))
    end = [*load_constant(9, ORIGIN), *load_constant(10, len(image)), op3(2, 0x02, 8, 0, imm=1)]
    end += [
        op3(2, 0x02, 1, 0, imm=4),
        0x91D02010,
        op3(2, 0x02, 8, 0, imm=0),
        op3(2, 0x02, 1, 0, imm=1),
        0x91D02010,
    ]
    entry = ORIGIN + len(image) + 4 * len(end)  # QEMU would take the window it starts in from the stack
    end += [op3(2, SAVE, 14, 14, imm=-96), *load_constant(1, ORIGIN), op3(2, JMPL, 0, 1, imm=0), NOP]
    whole = image + struct.pack(f">{len(end)}I", *end).ljust(PAGE, b"\0")  # write(1, …), exit(0): SPARC Linux
    header = b"\x7fELF\x01\x02\x01" + bytes(9)
    header += struct.pack(">HHIIIIIHHHHHH", 2, 2, 1, entry, 52, 0, 0, 52, 32, 1, 40, 0, 0)
    header += struct.pack(">IIIIIIII", 1, PAGE, ORIGIN, ORIGIN, len(whole), len(whole), 7, PAGE)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "programs"
        path.write_bytes(header.ljust(PAGE, b"\0") + whole)
        path.chmod(0o700)
        run = subprocess.run([QEMU, str(path)], capture_output=True, timeout=120, check=False)
    if run.returncode or len(run.stdout) != len(image):
        raise RuntimeError(
            f"QEMU ended with {run.returncode} and {len(run.stdout)} bytes: {run.stderr[:200]!r}"
        )
    return [run.stdout[k * PAGE : (k + 1) * PAGE] for k in range(len(programs))]


def difference(p: Program, mine: bytes, its: bytes) -> str:
    """What two pages disagree on, in words."""
    out = []
    for n in range(34):
        a, b = (struct.unpack(">I", x[RESULT + 4 * n : RESULT + 4 * n + 4])[0] for x in (mine, its))
        if a != b:
            out.append(f"{f'r{n}' if n < 32 else ('y', 'icc')[n - 32]} {a:08x} {b:08x}")
    if mine[DATA : DATA + DATA_SIZE] != its[DATA : DATA + DATA_SIZE]:
        out.append("data")
    code = [
        MB86904.isa.disassemble(lambda a, n, w=w: w, 0, "mb86904")[0] for w in p.words[SETUP : SETUP + p.body]
    ]
    return f"seed {p.seed}: {', '.join(out) or 'code'}; {'; '.join(code)}"
