"""Arithmetic and conversions against the host's x87: all modes and precisions, results and exceptions."""

from __future__ import annotations

import platform
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.translator.m68k.fpu.numbers import is_nan, number, plain, run
from translator.m68k.fpu.arith import FADD, FDIV, FINT, FMUL, FSQRT, FSUB, operate
from translator.m68k.fpu.formats import encode
from translator.m68k.fpu.regs import DOUBLE_REAL, DZ, INEX2, LONG, NAN, OPERR, OVFL, SINGLE_REAL, UNFL

HERE = Path(__file__).parent
ROUNDED = (FADD, FSUB, FMUL, FDIV, FSQRT)
STORES = {0x100: SINGLE_REAL, 0x101: DOUBLE_REAL, 0x102: LONG}  # the x87 program's codes
X87_INVALID, X87_ZERO_DIVIDE, X87_OVERFLOW, X87_UNDERFLOW, X87_INEXACT = 1, 4, 8, 16, 32
Case = tuple[int, int, int, int, int, int, int]  # operation, precision, mode, a, b
Answer = tuple[int, int, int, int, int, int]  # se, m, invalid, division by zero, overflow, inexact

pytestmark = pytest.mark.skipif(
    shutil.which("gcc") is None or platform.machine() != "x86_64", reason="needs gcc on x86-64"
)


@pytest.fixture(scope="module")
def x87(tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[Case]], list[tuple[int, int, int]]]:
    program = tmp_path_factory.mktemp("x87") / "x87"
    subprocess.run(["gcc", "-O1", "-o", str(program), str(HERE / "x87.c")], check=True)

    def ask(cases: list[Case]) -> list[tuple[int, int, int]]:
        text = "\n".join(" ".join(f"{x:x}" for x in c) for c in cases)
        out = subprocess.run([str(program)], input=text, capture_output=True, text=True, check=True).stdout
        return [(int(a, 16), int(b, 16), int(c, 16)) for a, b, c in map(str.split, out.splitlines())]

    return ask


def make(r: random.Random) -> Case:
    op = r.choice((*ROUNDED, FINT, *STORES))
    a, b = number(r), number(r)
    if op not in STORES and r.randrange(8) == 0:
        b = a[0] ^ r.choice((0, 0x8000)), a[1]
    return op, r.randrange(3) if op in ROUNDED else 0, r.randrange(4), *a, *b


def bit(x: int, mask: int) -> int:
    return int(x & mask != 0)


def compare(case: Case, its: tuple[int, int, int]) -> bool | None:
    """Whether they agree; None where they are not meant to."""
    op, precision, mode, ase, am, bse, bm = case
    se, m, flags = its
    control = (8, precision << 6 | mode << 4)
    if op in STORES:
        fmt = STORES[op]
        _, low, exc = run(encode, (3, fmt), (16, ase), (64, am), control, (8, 0))
        mine = 0, low & 0xFFFFFFFF if fmt == LONG else low
        if fmt == LONG and flags & X87_INVALID:  # ours is the nearest integer, its always the least
            return exc == OPERR and mine[1] == (0x80000000 if ase >> 15 else 0x7FFFFFFF)
        least = 0x7FFFFFFF if fmt == SINGLE_REAL else (1 << 63) - 1
        smallest = (1 << 23 if fmt == SINGLE_REAL else 1 << 52) == mine[1] & least
        # What only rounding makes normal is an underflow here (before rounding), not on the x87 (after it).
        if (
            fmt != LONG
            and not smallest
            and bit(flags, X87_UNDERFLOW) != int(exc & (UNFL | INEX2) == UNFL | INEX2)
        ):
            return False
    else:
        *mine, exc, _ = run(operate, (8, op), (16, ase), (64, am), (16, bse), (64, bm), control)
        if exc & (OVFL | UNFL) and precision:
            return None  # the 68881 limits the exponent as well, the x87 only the mantissa
        if flags & X87_UNDERFLOW or exc & UNFL or (se & 0x7FFF == 0 and m):
            return None  # denormals: the exponent differs by one (PRM table 1-3)
        se, m = NAN if is_nan((se, m)) else plain((se, m))
    want = se, m, *(bit(flags, f) for f in (X87_INVALID, X87_ZERO_DIVIDE, X87_OVERFLOW, X87_INEXACT))
    # An overflow is inexact to the x87, to the 68881 only if bits of the mantissa are lost (PRM 6.1.7).
    got = *plain((mine[0], mine[1])), bit(exc, OPERR), bit(exc, DZ), bit(exc, OVFL), bit(exc, INEX2 | OVFL)
    return want == got


def check(x87: Callable[[list[Case]], list[tuple[int, int, int]]], seed: int, count: int) -> int:
    r = random.Random(seed)
    cases = [make(r) for _ in range(count)]
    verdicts = [(c, compare(c, its)) for c, its in zip(cases, x87(cases), strict=True)]
    assert [tuple(map(hex, c)) for c, v in verdicts if v is False] == []
    return sum(v is True for _, v in verdicts)


def test_sample(x87: Callable[[list[Case]], list[tuple[int, int, int]]]) -> None:
    assert check(x87, 1, 1500) > 1200


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
def test_many(x87: Callable[[list[Case]], list[tuple[int, int, int]]], block: int) -> None:
    """120,000 cases."""
    assert check(x87, 1000 + block, 6000) > 5000
