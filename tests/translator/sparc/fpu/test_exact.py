"""`exact` against the host's SSE, and against fractions that are rounded by the book."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from math import isqrt
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.translator.sparc.fpu.cases import (
    DOWN,
    FORMATS,
    NEAREST,
    OPERATIONS,
    UP,
    ZERO,
    Case,
    is_nan,
    random_case,
)
from translator.sparc.fpu import exact as fp
from translator.sparc.fpu.operate import untrapped
from translator.sparc.fpu.regs import to_fsr
from translator.spec.concrete import Concrete

MANY = int(os.environ.get("TME_SEQUENCES", "100000"))
NV, OF, UF, DZ, NX = 16, 8, 4, 2, 1  # as in aexc
ARITHMETIC = [n for n in OPERATIONS if not n.startswith(("fmov", "fneg", "fabs", "fcmp"))]
SPEC = Concrete(SimpleNamespace(mode=0), None, lambda mode, space: 0)  # type: ignore[arg-type]


def run(name: str, rd: int, a: int, b: int) -> tuple[int, int]:
    """(result, aexc) by the specification."""
    s = SPEC
    op, control = s.const(OPERATIONS[name][1], 8), fp.rounding(s, s.const(rd, 2))
    result, exc = fp.exact(s, op, s.const(a, 64), s.const(b, 64), control)
    exceptions: Any = to_fsr(s, untrapped(s, exc)).x
    assert isinstance(result.x, int)
    return result.x, exceptions


def cases(seed: int, count: int, names: Sequence[str] = ARITHMETIC) -> list[Case]:
    rng = random.Random(seed)
    return [random_case(rng, names[k % len(names)]) for k in range(count)]


# -- the host's SSE ------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def sse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    out = tmp_path_factory.mktemp("sse") / "sse"
    source = Path(__file__).parent / "sse.c"
    subprocess.run(["gcc", "-O1", "-frounding-math", "-o", str(out), str(source), "-lm"], check=True)
    return out


def against_sse(program: Path, todo: list[Case]) -> None:
    """Where the host rounds a tiny number up to a normal one it sees no underflow; its NaNs are its own."""
    lines = "".join(f"{c.name} {c.fsr >> 30:x} {c.a:x} {c.b:x}\n" for c in todo)
    its = subprocess.run([str(program)], input=lines, capture_output=True, text=True, check=True, timeout=60)
    for c, line in zip(todo, its.stdout.splitlines(), strict=True):
        result, exceptions = (int(word, 16) for word in line.split())
        mine, flags = run(c.name, c.fsr >> 30, c.a, c.b)
        to = OPERATIONS[c.name][3]
        if to == "i" and flags & NV:
            sign = c.b >> (31 if OPERATIONS[c.name][2] == "s" else 63)
            assert (flags, mine) == (exceptions, 0x7FFFFFFF + sign), f"{c}: {mine:x}"
            continue
        if to != "i":
            if is_nan(result, to):
                assert is_nan(mine, to), f"{c}: {mine:x}"
                assert flags == exceptions, f"{c}: {flags:x}, not {exceptions:x}"
                continue
            e, f = FORMATS[to]
            if result & (1 << e + f) - 1 == 1 << f and flags & NX:
                exceptions |= UF & flags
        assert (mine, flags) == (result, exceptions), (
            f"{c}: {mine:x} {flags:x}, not {result:x} {exceptions:x}"
        )


def test_sse(sse: Path) -> None:
    against_sse(sse, cases(1, 680))


@pytest.mark.slow
def test_sse_many(sse: Path) -> None:
    against_sse(sse, cases(2, MANY // 15))


# -- the book ------------------------------------------------------------------------------------------------


def value(bits: int, fmt: str) -> Fraction:
    e, f = FORMATS[fmt]
    exponent, fraction = bits >> f & (1 << e) - 1, bits & (1 << f) - 1
    m = fraction | (exponent != 0) << f
    scale = max(exponent, 1) - (1 << e - 1) + 1 - f
    return (-1) ** (bits >> e + f) * m * Fraction(2) ** scale


def finite(bits: int, fmt: str) -> bool:
    e, f = FORMATS[fmt]
    return bits >> f & (1 << e) - 1 != (1 << e) - 1


def rounded(x: Fraction, sign: int, fmt: str, rd: int) -> tuple[int, int]:
    """(bits, aexc) of the number x in a format: IEEE 754, 4 and 7; underflow is noticed before rounding."""
    e, f = FORMATS[fmt]
    bias = (1 << e - 1) - 1
    top = sign << e + f
    if x == 0:
        return top, 0
    m = abs(x)
    exponent = m.numerator.bit_length() - m.denominator.bit_length()
    exponent -= m < Fraction(2) ** exponent
    tiny = exponent < 1 - bias
    unit = Fraction(2) ** (max(exponent, 1 - bias) - f)
    n, rest = divmod(m, unit)
    n, half = int(n), unit / 2
    up = {
        NEAREST: rest > half or (rest == half and n & 1 == 1),
        ZERO: False,
        UP: rest != 0 and not sign,
        DOWN: rest != 0 and sign == 1,
    }[rd]
    n += up
    inexact = rest != 0
    limit = Fraction(2) ** (bias + 1)
    if n * unit >= limit:
        away = rd == NEAREST or rd == (DOWN if sign else UP)
        infinity = ((1 << e) - 1) << f
        return top | (infinity if away else infinity - 1), OF | NX
    scale = max(exponent, 1 - bias) + bias
    bits = n if n < 1 << f else n + (scale - 1 << f)
    return top | bits, (UF if tiny and inexact else 0) | (NX if inexact else 0)


def by_the_book(c: Case) -> tuple[int, int] | None:
    """The answer for finite operands, of what has a finite result before rounding."""
    formats, to = OPERATIONS[c.name][2:]
    rd = c.fsr >> 30
    if formats != "i" and not all(
        finite(v, f) for v, f in zip((c.a, c.b)[-len(formats) :], formats, strict=True)
    ):
        return None
    kind = c.name[1:4]
    if kind in ("add", "sub", "mul", "div", "smu"):
        x, y = value(c.a, formats[0]), value(c.b, formats[1])
        signs = [v >> (63 if f == "d" else 31) for v, f in zip((c.a, c.b), formats, strict=True)]
        if kind in ("mul", "smu"):
            return rounded(x * y, signs[0] ^ signs[1], to, rd)
        if kind == "div":
            return rounded(x / y, signs[0] ^ signs[1], to, rd) if y else None
        if kind == "sub":
            y, signs[1] = -y, signs[1] ^ 1
        total = x + y
        same = signs[0] if signs[0] == signs[1] else int(rd == DOWN)
        return rounded(total, int(total < 0) if total else same, to, rd)
    if kind == "sqr":
        x, sign = value(c.b, formats), c.b >> (63 if formats == "d" else 31)
        if x < 0:
            return None
        scale = 1200  # bits of the root, and one that says whether there are more
        n = x * 4**scale
        root = isqrt(n.numerator)
        return rounded(Fraction(2 * root + (root * root != n), 2 << scale), sign, to, rd)
    if formats == "i":
        n = c.b - (c.b >> 31 << 32)
        return rounded(Fraction(n), int(n < 0), to, rd)
    x, sign = value(c.b, formats), c.b >> (63 if formats == "d" else 31)
    if to == "i":
        n = int(x)
        fits = -(1 << 31) <= n < 1 << 31
        return (n & 0xFFFFFFFF, NX if x != n else 0) if fits else (0x7FFFFFFF + (n < 0), NV)
    return rounded(x, sign, to, rd)


def against_the_book(todo: list[Case]) -> int:
    """How many there were an answer for."""
    count = 0
    for c in todo:
        answer = by_the_book(c)
        if answer is not None:
            count += 1
            assert run(c.name, c.fsr >> 30, c.a, c.b) == answer, f"{c}: not {answer[0]:x} {answer[1]:x}"
    return count


def test_book() -> None:
    assert against_the_book(cases(3, 680)) > 400


@pytest.mark.slow
def test_book_many() -> None:
    assert against_the_book(cases(4, MANY // 20)) > MANY // 40
