"""Single floating-point operations: operands, an image in which QEMU and our engines do many, the results.

Each case is an operation with its own FSR.  In memory, three areas: instructions, `CASE` bytes of input
and `ANSWER` bytes of output for each.  The program takes them one by one:

    ld %fsr   ldd %f0   ldd %f2   ldd %f4   OP %f0, %f2, %f4   std %f4   st %fsr
"""

from __future__ import annotations

import ctypes
import mmap
import random
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.insn.sparc import LOOP, NOP, QEMU, load_constant, op3
from translator.cpu import Cpu
from translator.isa import Model

FPOP1, FPOP2 = 0x34, 0x35
LDF, LDFSR, LDDF, STF, STFSR, STDFQ, STDF = 0x20, 0x21, 0x23, 0x24, 0x25, 0x26, 0x27
ORIGIN, CASE, ANSWER = 0x100000, 32, 16
CODE = 40  # bytes of instructions of a case
NEAREST, ZERO, UP, DOWN = range(4)  # FSR.RD
VER = 7 << 17

# name -> (op3, opf, formats of the operands, format of the result); i, s, d
OPERATIONS = {
    "fadds": (FPOP1, 0x41, "ss", "s"), "faddd": (FPOP1, 0x42, "dd", "d"),
    "fsubs": (FPOP1, 0x45, "ss", "s"), "fsubd": (FPOP1, 0x46, "dd", "d"),
    "fmuls": (FPOP1, 0x49, "ss", "s"), "fmuld": (FPOP1, 0x4A, "dd", "d"),
    "fdivs": (FPOP1, 0x4D, "ss", "s"), "fdivd": (FPOP1, 0x4E, "dd", "d"),
    "fsqrts": (FPOP1, 0x29, "s", "s"), "fsqrtd": (FPOP1, 0x2A, "d", "d"),
    "fsmuld": (FPOP1, 0x69, "ss", "d"),
    "fitos": (FPOP1, 0xC4, "i", "s"), "fitod": (FPOP1, 0xC8, "i", "d"),
    "fstoi": (FPOP1, 0xD1, "s", "i"), "fdtoi": (FPOP1, 0xD2, "d", "i"),
    "fstod": (FPOP1, 0xC9, "s", "d"), "fdtos": (FPOP1, 0xC6, "d", "s"),
    "fmovs": (FPOP1, 0x01, "s", "s"), "fnegs": (FPOP1, 0x05, "s", "s"), "fabss": (FPOP1, 0x09, "s", "s"),
    "fcmps": (FPOP2, 0x51, "ss", ""), "fcmpd": (FPOP2, 0x52, "dd", ""),
    "fcmpes": (FPOP2, 0x55, "ss", ""), "fcmped": (FPOP2, 0x56, "dd", ""),
}  # fmt: skip

# Exponent and fraction bits.
FORMATS = {"s": (8, 23), "d": (11, 52)}
EDGES = {
    "i": (0, 1, 2, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x01000001, 0x7FFFFFC0, 0x7FFFFFBF, 0xFF000001),
    "s": (
        0, 1, 0x7FFFFF, 0x800000, 0x800001, 0x3F800000, 0x3F7FFFFF, 0x3F800001, 0x7F7FFFFF, 0x7F800000,
        0x7F800001, 0x7FC00000, 0x7FFFFFFF, 0x4F000000, 0x4EFFFFFF, 0x3F000000, 0x40000000, 0x00FFFFFF,
        0x7FA00000, 0x34000000,
    ),
    "d": (
        0, 1, 0xFFFFFFFFFFFFF, 0x10000000000000, 0x10000000000001, 0x3FF0000000000000, 0x3FEFFFFFFFFFFFFF,
        0x3FF0000000000001, 0x7FEFFFFFFFFFFFFF, 0x7FF0000000000000, 0x7FF0000000000001, 0x7FF8000000000000,
        0x7FFFFFFFFFFFFFFF, 0x41E0000000000000, 0x41DFFFFFFFC00000, 0x41DFFFFFFFDFFFFF, 0x3FE0000000000000,
        0x36A0000000000000, 0x369FFFFFFFFFFFFF, 0x380FFFFFE0000000, 0x380FFFFFFFFFFFFF, 0x47EFFFFFE0000000,
        0x47EFFFFFEFFFFFFF, 0x47EFFFFFF0000000, 0x3CA0000000000000, 0x7FF4000000000000,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """An operation; a and b as bits in their formats."""

    name: str
    fsr: int
    a: int
    b: int

    @property
    def word(self) -> int:
        code, opf, _, _ = OPERATIONS[self.name]
        rd = 0 if code == FPOP2 else 4
        return op3(2, code, rd, 0, 2) | opf << 5

    @property
    def data(self) -> bytes:
        """Input, %f4 included."""
        operands = [
            struct.pack(">Q", v if "d" in OPERATIONS[self.name][2] else v << 32) for v in (self.a, self.b)
        ]
        return struct.pack(">II", self.fsr, 0) + b"".join(operands) + struct.pack(">Q", 0x0123456789ABCDEF)

    def __str__(self) -> str:
        return f"{self.name} {self.a:x}, {self.b:x} (fsr {self.fsr:08x})"


Answer = tuple[int, int]  # %f4:%f5, FSR


def operand(rng: random.Random, fmt: str, other: int | None = None) -> int:
    """Bits of an operand: edges, anything, or near another one so that sums cancel and products are tiny."""
    kind = rng.random()
    bits = 64 if fmt == "d" else 32
    if kind < 0.25:
        v = rng.choice(EDGES[fmt])
        return v ^ rng.getrandbits(1) << bits - 1 if fmt != "i" else v
    if fmt == "i":
        return rng.getrandbits(32) >> rng.randrange(32)
    e, f = FORMATS[fmt]
    top, middle = (1 << e) - 1, (1 << e - 1) - 1
    fraction = (
        rng.getrandbits(f)
        if kind < 0.7
        else rng.getrandbits(f) >> rng.randrange(f) << rng.randrange(f) & (1 << f) - 1
    )
    near = (other >> f & top) if other is not None else middle
    how = rng.random()
    if how < 0.3:
        exponent = middle + rng.randrange(-40, 40)
    elif how < 0.5:
        exponent = near + rng.randrange(-3, 4)
    elif how < 0.65:  # products and quotients at the ends of the range
        end = rng.choice((1, top - 1, 1 - f))
        exponent = end - near + middle + rng.randrange(-2, 3) if rng.random() < 0.5 else near - end + middle
    else:
        exponent = rng.getrandbits(e)
    return rng.getrandbits(1) << bits - 1 | min(max(exponent, 0), top) << f | fraction


def random_case(rng: random.Random, name: str, rd: int | None = None, quiet: bool = True) -> Case:
    """`quiet`: FSR enables no traps."""
    formats = OPERATIONS[name][2]
    a = operand(rng, formats[0]) if len(formats) == 2 else 0
    b = operand(rng, formats[-1], a if len(formats) == 2 else None)
    rd = rng.randrange(4) if rd is None else rd
    aexc = rng.getrandbits(5) if rng.random() < 0.5 else rng.choice((0, 1))
    tem = 0 if quiet else rng.getrandbits(5)
    fsr = rd << 30 | tem << 23 | rng.randrange(4) << 10 | aexc << 5 | rng.getrandbits(5)
    return Case(name, fsr, a, b)


def random_cases(
    seed: int, count: int, names: Sequence[str] = tuple(OPERATIONS), rd: int | None = None
) -> list[Case]:
    rng = random.Random(seed)
    return [random_case(rng, names[k % len(names)], rd) for k in range(count)]


# -- engines -------------------------------------------------------------------------------------------------


def image(cases: Sequence[Case], last: list[int]) -> tuple[bytes, int, int]:
    """(memory from ORIGIN, address of the answers, address behind the program, which `last` follows)."""
    inputs = ORIGIN + (CODE * len(cases) + 4 * (8 + len(last)) + 63 & ~63)
    answers = inputs + CASE * len(cases)
    words = [*load_constant(1, inputs), *load_constant(2, answers)]
    for c in cases:
        words += [op3(3, LDFSR, 0, 1, imm=0), *(op3(3, LDDF, 2 * k, 1, imm=8 + 8 * k) for k in range(3))]
        words += [c.word, op3(3, STDF, 4, 2, imm=0), op3(3, STFSR, 0, 2, imm=8)]
        words += [op3(2, 0, 1, 1, imm=CASE), op3(2, 0, 2, 2, imm=ANSWER), NOP]
    end = ORIGIN + 4 * len(words)
    code = struct.pack(f">{len(words) + len(last)}I", *words, *last)
    return code.ljust(inputs - ORIGIN, b"\0") + b"".join(c.data for c in cases), answers, end


def _answers(raw: bytes) -> list[Answer]:
    return [(q, w & ~VER) for q, w in struct.iter_unpack(">QI4x", raw)]


def qemu(cases: Sequence[Case]) -> list[Answer]:
    """QEMU's answers, without FSR.ver."""
    size = ANSWER * len(cases)
    write = lambda at: [  # noqa: E731  write(1, at, size), exit(0): SPARC Linux
        *load_constant(9, at), *load_constant(10, size), op3(2, 2, 8, 0, imm=1), op3(2, 2, 1, 0, imm=4),
        0x91D02010, op3(2, 2, 8, 0, imm=0), op3(2, 2, 1, 0, imm=1), 0x91D02010,
    ]  # fmt: skip
    _, at, _ = image(cases, write(0))
    memory, _, _ = image(cases, write(at))
    header = b"\x7fELF\x01\x02\x01" + bytes(9)
    header += struct.pack(">HHIIIIIHHHHHH", 2, 2, 1, ORIGIN, 52, 0, 0, 52, 32, 1, 40, 0, 0)
    header += struct.pack(">IIIIIIII", 1, 0x1000, ORIGIN, ORIGIN, len(memory), len(memory) + size, 7, 0x1000)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cases"
        path.write_bytes(header.ljust(0x1000, b"\0") + memory)
        path.chmod(0o700)
        run = subprocess.run([QEMU, str(path)], capture_output=True, timeout=120, check=False)
    if run.returncode or len(run.stdout) != size:
        raise RuntimeError(f"QEMU: {run.returncode}, {len(run.stdout)} bytes: {run.stderr[:200]!r}")
    return _answers(run.stdout)


def engine(model: Model, native: Any = None) -> Callable[[Sequence[Case]], list[Answer]]:
    """Ours: the native interpreter, or the concrete engine."""
    cpu = Cpu(model, native=native)
    ram = mmap.mmap(-1, 0x8000000)
    cpu.map(0, len(ram), ctypes.addressof(ctypes.c_char.from_buffer(ram)), True, ram)

    def run(cases: Sequence[Case]) -> list[Answer]:
        memory, at, end = image(cases, list(struct.unpack(">2I", LOOP)))
        ram[ORIGIN : ORIGIN + len(memory)] = memory
        cpu.reset()
        s: Any = cpu.state
        s.mode, s.et, s.pc, s.cwp, s.fp_mode = 0, 1, ORIGIN, 0, 0
        cpu.mode_changed()
        cpu.run(4 + 10 * len(cases) + 2)
        assert s.pc - end in (0, 4), f"pc {s.pc:#x}, halted {cpu.halted}"
        return _answers(ram[at : at + ANSWER * len(cases)])

    return run


def differences(
    cases: Sequence[Case],
    mine: Iterable[Answer],
    its: Iterable[Answer],
    known: Callable[[Case, Answer, Answer], str | None],
) -> tuple[list[str], dict[str, int]]:
    """What two engines disagree on in words, and how often for a known reason."""
    out, reasons = [], {}
    for c, x, y in zip(cases, mine, its, strict=True):
        if x != y:
            reason = known(c, x, y)
            if reason is None:
                out.append(f"{c}: {x[0]:016x} {x[1]:08x}, not {y[0]:016x} {y[1]:08x}")
            else:
                reasons[reason] = reasons.get(reason, 0) + 1
    return out, reasons


# -- where QEMU 7.2 does otherwise ---------------------------------------------------------------------------


def is_nan(v: int, fmt: str) -> bool:
    e, f = FORMATS[fmt]
    return v >> f & (1 << e) - 1 == (1 << e) - 1 and v & (1 << f) - 1 != 0


def is_signalling(v: int, fmt: str) -> bool:
    return is_nan(v, fmt) and not v >> FORMATS[fmt][1] - 1 & 1


def fair_to_qemu(c: Case) -> bool:
    """QEMU does not look at the exceptions of FsTOd; they come up with the next operation."""
    return c.name != "fstod" or not is_signalling(c.b, "s")


def not_qemu(c: Case, mine: Answer, its: Answer) -> str | None:
    """Why QEMU's answer is another, or None if it should not be."""
    formats = OPERATIONS[c.name][2]
    if c.name in ("fstoi", "fdtoi") and is_nan(c.b, formats) and mine[1] == its[1]:
        return "a negative NaN becomes the largest negative integer (V8 N.6), not the positive one"
    if len(formats) == 2 and is_nan(c.a, formats[0]) and is_nan(c.b, formats[1]) and mine[1] == its[1]:
        return "of two NaNs a signalling one comes first, then that in rs2 (V8 N.2), not the larger one"
    width, smallest = (32, 0x800000) if OPERATIONS[c.name][3] == "s" else (0, 0x10000000000000)
    top = 1 << 63 - width
    if mine[0] == its[0] and mine[0] >> width & top - 1 == smallest and mine[1] ^ its[1] in (4, 0x80, 0x84):
        return "underflow is noticed before rounding (V8 N.5): this result was rounded up to a normal number"
    return None
